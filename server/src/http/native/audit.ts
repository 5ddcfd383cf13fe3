/** The audit log: who changed what, when, what it was and what it is. */
import { type Static, Type } from "typebox";
import type { AuditLine } from "../../catalog/audit.ts";
import { PageOf, pageOf } from "../admin/lists.ts";
import { Instant, millis, Name, Uuid } from "../input.ts";
import { pageMax, pageSizeDefault, pageSizeMax } from "../limits.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";

const kinds = [
  "isv",
  "product",
  "edition",
  "customer",
  "license",
  "key",
  "session",
  "assignment",
  "user",
  "limitation",
] as const;

const page = {
  from: Type.Optional(Instant("Changes from this instant on.")),
  to: Type.Optional(Instant("Changes before this instant.")),
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: "Pages count from 1." })),
  page_size: Type.Optional(
    Type.Integer({ minimum: 1, maximum: pageSizeMax, description: `Lines of a page; ${pageSizeDefault} if left out.` }),
  ),
};
const PageQuery = Type.Object(page, { additionalProperties: false });
const Query = Type.Object(
  {
    kind: Type.Optional(Type.Enum([...kinds], { description: "Changes of this kind of thing." })),
    id: Type.Optional(Name("Changes of the thing of this id.")),
    ...page,
  },
  { additionalProperties: false },
);

const Line = Type.Object({
  at: Type.String({ format: "date-time" }),
  key_id: Type.Union([Type.String(), Type.Null()], {
    description: "The key that it was done with; null: without one.",
  }),
  key_name: Type.String({ description: "The key's name then, or what stood in its place, such as `tenant files`." }),
  last_modified_by: Type.Union([Type.String(), Type.Null()], { description: "What the header of that name said." }),
  act: Type.String(),
  kind: Type.Enum([...kinds]),
  id: Type.String(),
  before: Type.Unknown({
    description:
      "The entity as it was, by the names of tenant files; of a product's lists only the parts that differ. Null: it was not there.",
  }),
  after: Type.Unknown({ description: "The same of what it became; null: it is gone." }),
});

export function auditRoutes(services: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/audit",
      reach: "admin",
      tag: "Audit",
      summary: "Read the audit log",
      description: "Newest first.",
      query: Query,
      answers: { 200: PageOf(Line) },
      async handle(call, finish) {
        const { kind, id, ...asked } = call.query;
        const { items, total } = await linesOf(services, call, kind ?? null, id?.toLowerCase() ?? null, asked);
        finish(pageOf(items.map(lineDto), total, asked));
      },
    }),
    historyRoute(services, "product", "products", "product_id"),
    historyRoute(services, "edition", "templates", "template_id"),
    historyRoute(services, "customer", "customers", "customer_id"),
    historyRoute(services, "license", "licenses", "license_id"),
  ];
}

const words = { product: "a product", edition: "an edition", customer: "a customer", license: "a licence" };

/** One thing's lines, at the address that SLASCONE has for them; of what was deleted too. */
function historyRoute(services: Services, kind: keyof typeof words, collection: string, parameter: string): Route {
  return keyed({
    method: "GET",
    path: `/${collection}/:${parameter}/history`,
    reach: "admin",
    tag: "Audit",
    summary: `Read the changes of ${words[kind]}`,
    description: "Newest first; also of one that was deleted.",
    params: Type.Object({ [parameter]: Uuid("Whose changes.") }),
    query: PageQuery,
    answers: { 200: PageOf(Line), 404: Type.Object({}) },
    async handle(call, finish) {
      const id = String((call.params as Readonly<Record<string, string>>)[parameter]).toLowerCase();
      const { items, total } = await linesOf(services, call, kind, id, call.query);
      if (total === 0 && call.vendor.entity(kind, id) === undefined) {
        throw new Problem("entity_unknown", "The vendor never had one of this id.");
      }
      finish(pageOf(items.map(lineDto), total, call.query));
    },
  });
}

function linesOf(
  { store }: Services,
  { isvId }: KeyedCall,
  kind: AuditLine["kind"] | null,
  id: string | null,
  { from, to, page = 1, page_size: limit = pageSizeDefault }: Static<typeof PageQuery>,
) {
  const bounds = {
    from: from === undefined ? null : millis(from, "from"),
    to: to === undefined ? null : millis(to, "to"),
  };
  return store.audit({ isvId, kind, id, ...bounds, offset: (page - 1) * limit, limit });
}

function lineDto({ at, author, act, kind, id, before, after }: AuditLine) {
  return {
    at: new Date(at).toISOString(),
    key_id: author.keyId,
    key_name: author.name,
    last_modified_by: author.onBehalfOf,
    act,
    kind,
    id,
    before,
    after,
  };
}
