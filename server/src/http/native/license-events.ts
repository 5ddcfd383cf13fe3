/** What happened on a licence: sessions, clients, projects, denials, one line each, newest first. */
import { Type } from "typebox";
import { denials } from "../../core/denials.ts";
import type { HistoryRecord } from "../../core/types.ts";
import { json } from "../answer.ts";
import { Uuid, uuid } from "../input.ts";
import { pageSizeDefault, pageSizeMax } from "../limits.ts";
import { shownLine } from "../names.ts";
import { requireLicenseEver } from "../past-licenses.ts";
import { keyed, type Route, type Services } from "../route.ts";

const Query = Type.Object(
  {
    before: Type.Optional(
      Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "`next` of the page before." }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: pageSizeMax,
        description: `Lines of a page; ${pageSizeDefault} if left out.`,
      }),
    ),
  },
  { additionalProperties: false },
);

const maybeText = Type.Union([Type.String(), Type.Null()]);
const Event = Type.Object({
  at: Type.String({ format: "date-time" }),
  kind: Type.String({ examples: ["session.opened"] }),
  client_id: maybeText,
  user_id: maybeText,
  session_id: maybeText,
  project_id: maybeText,
  error_id: Type.Union([Type.Integer(), Type.Null()], {
    description: "Of a denial: the number that the client was answered.",
  }),
  code: maybeText,
  in_use: Type.Integer({ description: "Tokens in use at that instant." }),
  limit: Type.Integer(),
  is_overuse: Type.Boolean(),
});
const Page = Type.Object({
  items: Type.Array(Event),
  next: Type.Union([Type.Integer(), Type.Null()], {
    description: "Where the next page begins; null: there is none. A page may be short, or empty, and yet have a next.",
  }),
});

export function licenseEventRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/licenses/:license_id/events",
      reach: "admin",
      tag: "Licences",
      summary: "Read what happened on a licence",
      description: "Newest first; also of a licence that was deleted.",
      params: Type.Object({ license_id: Uuid("The licence.") }),
      query: Query,
      answers: { 200: Page, 404: Type.Object({}) },
      async handle(call, finish) {
        const licenseId = uuid(call.params.license_id);
        const { before = null, limit = pageSizeDefault } = call.query;
        await requireLicenseEver(store, call, licenseId);
        const { items, next } = await store.events({ isvId: call.isvId, licenseId, before, limit });
        finish(json({ items: items.map((line) => eventDto(shownLine(line, call.names, call.vendor))), next }));
      },
    }),
  ];
}

function eventDto(line: HistoryRecord) {
  return {
    at: new Date(line.at).toISOString(),
    kind: line.kind,
    client_id: line.clientId,
    user_id: line.userId,
    session_id: line.sessionId,
    project_id: line.projectId,
    error_id: line.denial === null ? null : denials[line.denial].id,
    code: line.denial,
    in_use: line.inUse,
    limit: line.limit,
    is_overuse: line.isOveruse,
  };
}
