/** The denial log: who was refused what, when, and how full the licence was. */
import { Type } from "typebox";
import { type DenialCode, denials } from "../../core/denials.ts";
import type { HistoryRecord } from "../../core/types.ts";
import { isBound } from "../access.ts";
import { Instant, millis, Name, Uuid, uuidOrNull } from "../input.ts";
import { listedMax, pageMax, pageSizeDefault } from "../limits.ts";
import { requireNames, shownLine } from "../names.ts";
import { requireLicenseEver } from "../past-licenses.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { reasonField } from "./analytics/query.ts";
import { formatField, tableOf } from "./analytics/table.ts";

const Query = Type.Object(
  {
    license_id: Type.Optional(Uuid("Denials on this licence.")),
    client_id: Type.Optional(Name("Denials of this client.")),
    user_id: Type.Optional(
      Name("Denials of this user: of whoever told it as `user_id`, or as `client_id` and no user. As it was written."),
    ),
    ...reasonField,
    from: Type.Optional(Instant("Denials from this instant on.")),
    to: Type.Optional(Instant("Denials before this instant.")),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: "Pages count from 1." })),
    page_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: listedMax,
        description: `Lines of a page; ${pageSizeDefault} if left out.`,
      }),
    ),
    ...formatField,
  },
  { additionalProperties: false },
);

const maybeText = Type.Union([Type.String(), Type.Null()]);
const Denied = Type.Object({
  at: Type.String({ format: "date-time" }),
  license_id: Type.String(),
  license_name: maybeText,
  client_id: maybeText,
  user_id: maybeText,
  error_id: Type.Integer({ description: "The number that the client was answered." }),
  code: Type.String({ description: "The same in words." }),
  in_use: Type.Integer({ description: "Tokens in use at that instant." }),
  limit: Type.Integer(),
});
const Page = Type.Object({
  items: Type.Array(Denied),
  page: Type.Integer(),
  page_size: Type.Integer(),
  total: Type.Integer(),
});

export function denialRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/denials",
      reach: "admin",
      tag: "Denials",
      summary: "Read the denial log",
      description: "Newest first; also of a licence that was deleted.",
      query: Query,
      answers: { 200: Page, 404: Type.Object({}) },
      async handle(call, finish) {
        const { query } = call;
        if (query.client_id !== undefined || query.user_id !== undefined) requireNames(call.names);
        const licenseId = licenseIdOf(call, query.license_id);
        if (licenseId !== null) await requireLicenseEver(store, call, licenseId);
        const page = query.page ?? 1;
        const pageSize = query.page_size ?? pageSizeDefault;
        const { items, total } = await store.denials({
          isvId: call.isvId,
          licenseId,
          clientId: query.client_id ?? null,
          userId: query.user_id ?? null,
          code: query.reason ?? null,
          from: query.from === undefined ? null : millis(query.from, "from"),
          to: query.to === undefined ? null : millis(query.to, "to"),
          offset: (page - 1) * pageSize,
          limit: pageSize,
        });
        const shown = items.map((line) => lineOf(line, call));
        finish(tableOf(Denied, shown, query.format, { page, page_size: pageSize, total }));
      },
    }),
  ];
}

/** A key that reaches only some licences must name the one that it wants to read of. */
function licenseIdOf(call: KeyedCall, text: string | undefined): string | null {
  const licenseId = uuidOrNull(text);
  if (licenseId === null && isBound(call.key)) {
    throw new Problem("key_insufficient", "The key is bound to some licences: name one in license_id.");
  }
  return licenseId;
}

function lineOf(record: HistoryRecord, { names, vendor }: KeyedCall) {
  const line = shownLine(record, names, vendor);
  const code = line.denial as DenialCode;
  return {
    at: new Date(line.at).toISOString(),
    license_id: line.licenseId,
    license_name: vendor.licenses.get(line.licenseId)?.name ?? null,
    client_id: line.clientId,
    user_id: line.userId,
    error_id: denials[code].id,
    code,
    in_use: line.inUse,
    limit: line.limit,
  };
}
