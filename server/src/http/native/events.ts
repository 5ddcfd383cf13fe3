/** What happens on a vendor's licences, as server-sent events. */
import { Type } from "typebox";
import { type HistoryRecord, type RecordKind, recordKinds } from "../../core/types.ts";
import type { Position } from "../../stores/store.ts";
import { isBound, isStill } from "../access.ts";
import { Uuid, uuidOrNull } from "../input.ts";
import { shownLine } from "../names.ts";
import { requireLicenseEver } from "../past-licenses.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import type { Feed } from "./feed.ts";

const Query = Type.Object(
  {
    license_id: Type.Optional(Uuid("Events of this licence.")),
    kind: Type.Optional(
      Type.String({
        maxLength: 400,
        description: `Events of these kinds, with commas between them: ${recordKinds.join(", ")}.`,
      }),
    ),
  },
  { additionalProperties: false },
);

export function eventRoutes({ store, pseudonyms }: Services, feed: Feed): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/events",
      reach: "admin",
      tag: "Licences",
      summary: "Listen to what happens",
      description:
        "Server-sent events, in order of time, a second or two after they happened; from now on, or behind the event that `Last-Event-ID` names. Extends leave no event.",
      query: Query,
      answers: { 200: Type.String(), 404: Type.Object({}) },
      answerType: "text/event-stream",
      async handle(call, finish) {
        const licenseId = licenseIdOf(call);
        if (licenseId !== null) await requireLicenseEver(store, call, licenseId);
        const kinds = kindsOf(call.query.kind);
        const after = positionOf(call.head.lastEventId);
        const now = await feed.now();
        const { isvId, key, signedIn } = call;
        const keyId = key.id;
        if (!feed.hasRoom({ isvId, keyId })) {
          throw new Problem("overloaded", "Too many listen already.", ["Retry-After", "5"]);
        }
        const keyNow = () => store.catalog.vendor(isvId)?.keys.get(key.id);
        const isAllowed = () => {
          // A browser whose session goes on comes back by itself, with the cookie that it has by then.
          return isStill(keyNow(), key) && (signedIn === undefined || store.now() < signedIn.until);
        };
        // What the key may see can change while it listens.
        const shown = (line: HistoryRecord) =>
          shownLine(line, pseudonyms.namesFor({ key: keyNow() ?? key, vendor: call.vendor }), call.vendor);
        const wanted = { isvId, keyId, signedInAt: signedIn?.since ?? null, licenseId, kinds, shown, isAllowed };
        finish({
          contentType: "text/event-stream",
          listen: (res) => feed.join(wanted, res, after ?? now, now),
        });
      },
    }),
  ];
}

function licenseIdOf(call: KeyedCall<unknown, unknown, { readonly license_id?: string }>): string | null {
  const licenseId = uuidOrNull(call.query.license_id);
  if (licenseId === null && isBound(call.key)) {
    throw new Problem("key_insufficient", "The key is bound to some licences: name one in license_id.");
  }
  return licenseId;
}

function kindsOf(text: string | undefined): ReadonlySet<RecordKind> | null {
  if (text === undefined) return null;
  const kinds = text.split(",").map((kind) => kind.trim());
  const known = recordKinds.filter((kind) => kinds.includes(kind));
  if (known.length < new Set(kinds).size)
    throw new Problem("input_invalid", `kind: want some of ${recordKinds.join(", ")}`);
  return new Set(known);
}

function positionOf(id: string | null): Position | null {
  if (id === null || id === "") return null;
  const [, at, no] = /^(\d{1,15})-(\d{1,16})$/.exec(id) ?? [];
  if (at === undefined) throw new Problem("input_invalid", "Last-Event-ID: want the id of an event, as it was sent");
  return { at: Number(at), no: Number(no) };
}
