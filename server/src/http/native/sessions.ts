/** The live sessions of a licence, page by page: who holds its tokens now. */
import { type Static, Type } from "typebox";
import type { LicenseView, Millis, Session } from "../../core/types.ts";
import { knownLicense } from "../access.ts";
import { finds, ListQuery, PageOf, pageOf } from "../admin/lists.ts";
import { byKey, FirstOnes, slicesOf } from "../admin/slices.ts";
import { Label } from "../input.ts";
import { pageSizeDefault } from "../limits.ts";
import { clientOrNull, type Names, nameOrNull } from "../names.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { instant } from "../slascone/dto.ts";
import { LicenseParams } from "../slascone/schemas.ts";

const time = Type.String({ format: "date-time" });
const maybeTime = Type.Union([time, Type.Null()]);
const maybeText = Type.Union([Type.String(), Type.Null()]);
const LiveSession = Type.Object({
  id: Type.String({ description: "What ending it takes; not the client's own `session_id`." }),
  client_id: maybeText,
  user_id: maybeText,
  session_id: maybeText,
  project_id: maybeText,
  project_name: maybeText,
  opened_at: time,
  extended_at: Type.String({ format: "date-time", description: "The last open or extend." }),
  valid_until: time,
  is_checkout: Type.Boolean({ description: "Checked out, for use without a connection." }),
  checked_out_until: maybeTime,
  voucher_until: Type.Union([time, Type.Null()], {
    description: "Until when a voucher of it is good; null: none is out.",
  }),
  is_overuse: Type.Boolean({ description: "Its token was granted beyond the limit." }),
  sessions_of_holder: Type.Integer({ description: "Live sessions on the same token." }),
});
type LiveSession = Static<typeof LiveSession>;

const Query = ListQuery({ search: Type.Optional(Label("A part of the user's, client's or project's name.")) }, [
  "opened_at",
  "user_id",
  "client_id",
  "valid_until",
]);

export function liveSessionRoutes({ desk, store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/licenses/:license_id/sessions",
      reach: "admin",
      tag: "Licences",
      summary: "List the live sessions of a licence by page",
      params: LicenseParams,
      query: Query,
      answers: { 200: PageOf(LiveSession) },
      async handle(call, finish) {
        const { id } = knownLicense(call, call.params.license_id);
        // What has lapsed is released first, so that only who is really in is shown.
        await desk.decide({ type: "sweep", isvId: call.isvId, licenseId: id });
        const license = await store.read(call.isvId, id);
        if (license === undefined) throw new Error(`licence ${id} is in the catalogue and not in the store`);
        const {
          search,
          sort = "opened_at",
          descending = false,
          page = 1,
          page_size: size = pageSizeDefault,
        } = call.query;
        const key = orders[sort as keyof typeof orders];
        const now = store.now();
        const first = new FirstOnes<Listed>(page * size, byKey(descending));
        for await (const slice of slicesOf(store, license, license.sessions())) {
          const live = slice.filter(({ endedAt }) => endedAt === null);
          const found =
            search === undefined
              ? live
              : live.filter((session) => isFound(shown(license, session, call.names, now), search));
          first.add(found.map((session) => ({ session, id: session.id, key: key(session, call.names) })));
        }
        // Shaped last: of thousands a page is shown.
        const items = first.from((page - 1) * size).map(({ session }) => shown(license, session, call.names, now));
        finish(pageOf(items, first.total, call.query));
      },
    }),
  ];
}

/** By number or by plain text: ten thousand are sorted in some milliseconds, by a language's rules in ten times that. */
const orders = {
  opened_at: ({ openedAt }: Session) => openedAt,
  valid_until: ({ validUntil }: Session) => validUntil,
  // Whoever may not see names must not learn their order either.
  user_id: ({ holder }: Session, names: Names) => names.of(holder),
  client_id: ({ clientKey }: Session, names: Names) => names.of(clientKey),
} as const;
interface Listed {
  readonly session: Session;
  readonly id: string;
  readonly key: number | string;
}

function isFound({ user_id, client_id, project_name }: LiveSession, search: string): boolean {
  return finds(search, user_id, client_id, project_name);
}

function shown(license: LicenseView, session: Session, names: Names, now: Millis): LiveSession {
  const isDevices = license.terms.clientType === "devices";
  const project = license.terms.clientType === "projects" ? license.project(session.holder) : undefined;
  return {
    id: session.id,
    client_id: clientOrNull(names, isDevices, session.clientId),
    user_id: nameOrNull(names, session.userId),
    session_id: session.sessionId,
    project_id: project?.id ?? null,
    project_name: project?.name ?? null,
    opened_at: instant(session.openedAt),
    extended_at: instant(session.extendedAt),
    valid_until: instant(session.validUntil),
    is_checkout: session.checkoutUntil !== null,
    checked_out_until: session.checkoutUntil === null ? null : instant(session.checkoutUntil),
    // The session may have been extended beyond it since.
    voucher_until: session.voucher !== undefined && now < session.voucher.until ? instant(session.voucher.until) : null,
    is_overuse: session.isOveruse,
    sessions_of_holder: license.sessionsOfHolder(session.holder),
  };
}
