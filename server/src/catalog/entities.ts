/**
 * What a vendor describes: products, editions, customers, licences and keys. The same documents in the tenant file, in
 * the store and behind the admin API: snake_case, as the outside writes them. Instants are RFC 3339 texts here.
 */
import { type Static, Type } from "typebox";
import { checkoutPeriodDefaultMax } from "../core/limits.ts";

/** Features, limitations and so on that one product, edition or licence may have. */
export const partsMax = 1_000;

const Id = Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" });
const Name = Type.String({ minLength: 1, maxLength: 256 });
const Count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
/** Minutes; the bound is a hundred years. */
const Minutes = Type.Integer({ minimum: 1, maximum: 52_560_000 });
const Instant = Type.String({ format: "date-time" });
const orNull = <T extends import("typebox").TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const named = { id: Id, name: Name, description: Type.Optional(Type.String({ maxLength: 4096 })) };
const Named = Type.Object(named);

/** Text of a variable, and one of the values that a constrained one may have. */
const VariableText = Type.String({ maxLength: 4096 });
const ConstrainedText = Type.String({ minLength: 1, maxLength: 256 });

const limitationFields = {
  id: Id,
  /** Null: unlimited. */
  value: orNull(Type.Integer()),
  /** When what is consumed counts anew; left out: a plain number, of which nothing is consumed. */
  consumption_reset_mode: Type.Optional(
    Type.Union([
      Type.Literal("lifecycle"),
      Type.Literal("days"),
      Type.Literal("month"),
      Type.Literal("quarter"),
      Type.Literal("year"),
    ]),
  ),
  /** Days of a period, where periods are counted in days. */
  consumption_reset_period_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
};
const Variables = Type.Optional(Type.Array(Type.Object({ id: Id, value: VariableText }), { maxItems: partsMax }));
const ConstrainedVariables = Type.Optional(
  Type.Array(Type.Object({ id: Id, values: Type.Array(ConstrainedText, { maxItems: partsMax }) }), {
    maxItems: partsMax,
  }),
);
const UserLimit = Type.Optional(orNull(Count));

/** Numbers of signing keys start at 1. */
const KeyNumber = Type.Integer({ minimum: 1, maximum: 1_000_000 });

/** Keys that are published beside the one that signs and the next. Vendors rotate once a year or after a theft. */
export const retiredKeysMax = 16;

export const Isv = Type.Object({
  id: Id,
  name: Name,
  /** Whose pages may open and close sessions with client tokens: `https://app.example.com`. Left out: nobody's. */
  browser_origins: Type.Optional(
    Type.Array(
      Type.String({
        maxLength: 256,
        pattern: "^https?://[^/\\s*A-Z]+$",
        want: "an origin such as https://app.example.com: scheme and host in lower case, no path, no *",
      }),
      { maxItems: 100 },
    ),
  ),
  /** Which of the vendor's Ed25519 keys signs, and from which one on they are published. Left out: the first. */
  statement_keys: Type.Optional(Type.Object({ current: KeyNumber, oldest: KeyNumber })),
  /** Whether names of users are shown to owners alone, and as pseudonyms to everybody else. */
  shows_pseudonyms: Type.Optional(Type.Boolean()),
});
export type Isv = Static<typeof Isv>;

/** The numbers of a vendor's signing keys, brought into order: a file's author may have got them wrong. */
export function statementKeysOf({ statement_keys: numbers }: Isv): {
  readonly current: number;
  readonly oldest: number;
} {
  const current = numbers?.current ?? 1;
  return { current, oldest: Math.min(current, Math.max(numbers?.oldest ?? 1, current - retiredKeysMax)) };
}

/** An API key. Its secret is not kept: only the SHA-256 of it. */
export const Key = Type.Object({
  id: Id,
  name: Name,
  role: Type.Union([Type.Literal("provisioning"), Type.Literal("admin")]),
  /** `app`: ships inside software. `backend`: stays on a server, may look up and batch too. */
  scope: Type.Union([Type.Literal("backend"), Type.Literal("app")]),
  /** Of admin keys. `owner`: everything. `operator`: reads, ends sessions, suspends and unassigns. `viewer`: reads. Left out: owner. */
  admin_role: Type.Optional(Type.Union([Type.Literal("owner"), Type.Literal("operator"), Type.Literal("viewer")])),
  secret_sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  response_signature: Type.Union([Type.Literal("rsa"), Type.Literal("none")]),
  is_active: Type.Boolean(),
  /** Bounds: the key reaches only licences of this product, customer or licence; null: no bound. */
  product_id: orNull(Id),
  customer_id: orNull(Id),
  license_id: orNull(Id),
});
export type Key = Static<typeof Key>;

/** What an admin key may do; null: it is none. */
export function adminRoleOf({ role, admin_role }: Key): AdminRole | null {
  return role === "admin" ? (admin_role ?? "owner") : null;
}
export type AdminRole = NonNullable<Key["admin_role"]>;

export const Product = Type.Object({
  id: Id,
  name: Name,
  /** Which key a client's `license_key` is looked up by first: licence ids or legacy keys. */
  prioritized_key: Type.Union([Type.Literal("standard"), Type.Literal("legacy")]),
  features: Type.Array(Named, { maxItems: partsMax }),
  limitations: Type.Array(Named, { maxItems: partsMax }),
  variables: Type.Array(Named, { maxItems: partsMax }),
  heartbeat_types: Type.Array(Named, { maxItems: partsMax }),
  /** Each with the values that editions and licences may choose from; none: any. */
  constrained_variables: Type.Optional(
    Type.Array(Type.Object({ ...named, values: Type.Array(ConstrainedText, { maxItems: partsMax }) }), {
      maxItems: partsMax,
    }),
  ),
  analytical_fields: Type.Optional(
    Type.Array(
      Type.Object({ ...named, type: Type.Union([Type.Literal("text"), Type.Literal("number"), Type.Literal("list")]) }),
      { maxItems: partsMax },
    ),
  ),
  usage_features: Type.Optional(Type.Array(Named, { maxItems: partsMax })),
  usage_modules: Type.Optional(Type.Array(Named, { maxItems: partsMax })),
  /** Releases that editions and licences may name as the newest one that they cover: "25.2" is the name. */
  software_release_limitations: Type.Optional(Type.Array(Named, { maxItems: partsMax })),
});
export type Product = Static<typeof Product>;

export const Edition = Type.Object({
  id: Id,
  product_id: Id,
  name: Name,
  provisioning_mode: Type.Union([Type.Literal("named"), Type.Literal("floating")]),
  client_type: Type.Union([Type.Literal("devices"), Type.Literal("users"), Type.Literal("projects")]),
  enforce_floating_limit: Type.Boolean(),
  max_floating_sessions_with_same_client_id: Count,
  /** Minutes without an event after which a session lapses; null on named devices, which have no sessions. */
  session_period: orNull(Minutes),
  max_checkout_period: Type.Integer({ minimum: 0, maximum: 52_560_000, default: checkoutPeriodDefaultMax }),
  /** The most tokens that may be checked out at once; null or left out: any number. */
  max_checked_out_tokens: Type.Optional(orNull(Count)),
  /** Tokens that no checkout may take, so that they are there for whoever is connected. */
  checkout_reserve: Type.Optional(Count),
  /** Vouchers that may be given up before their end, for each licence and calendar month; null or left out: any number. */
  max_early_check_ins_per_month: Type.Optional(orNull(Count)),
  heartbeat_period: Minutes,
  heartbeats_extend_sessions: Type.Boolean(),
  /** Days that a client may go on working offline after its last good answer. */
  freeride: Count,
  is_temporary: Type.Boolean(),
  /** null: users yes, devices no. Named licences are never activated by opening. */
  activate_on_open: orNull(Type.Boolean()),
  activation_upon_license_creation: orNull(Type.Integer({ minimum: 0, maximum: 5 })),
  require_session_id: Type.Boolean(),
  require_user_id: Type.Boolean(),
  one_session_per_user: Type.Boolean(),
  /** The kind of a project that is opened without one; null: it must be named. */
  default_project_kind: orNull(Type.Union([Type.Literal("mono"), Type.Literal("team")])),
  /** Whether the kind of an open project may be changed. */
  allow_kind_switch: Type.Boolean(),
  /** Whether the user of a Mono project may join it again from the same client. */
  mono_same_user: Type.Union([Type.Literal("refuse"), Type.Literal("allow")]),
  /** What a new licence takes where its own is not said; left out: none. */
  token_limit: Type.Optional(Count),
  goodwill_token_limit: Type.Optional(Count),
  floating_token_limit: Type.Optional(Count),
  /** Features that the edition switches on; every other feature of the product is answered inactive. */
  features: Type.Array(Id, { maxItems: partsMax }),
  /** Values of the product's limitations. */
  limitations: Type.Array(
    Type.Object({
      ...limitationFields,
      /** Percent of the value that may be consumed beyond it. */
      goodwill: Type.Optional(Type.Number({ minimum: 0, maximum: 1_000 })),
      /** False: consumption goes on beyond the value, and is counted. */
      enforce_limit: Type.Optional(Type.Boolean()),
    }),
    { maxItems: partsMax },
  ),
  variables: Variables,
  constrained_variables: ConstrainedVariables,
  /** The newest release that is covered; null or left out: every one. */
  software_release_limitation_id: Type.Optional(orNull(Id)),
  /** Whether clients of a release that is not covered may be activated all the same. */
  allows_invalid_software_release: Type.Optional(Type.Boolean()),
  /** Registered users of a licence that may be active; null or left out: any number. */
  user_limit: UserLimit,
});
export type Edition = Static<typeof Edition>;

export const Customer = Type.Object({
  id: Id,
  number: Name,
  name: Name,
  /** Where the customer is written to; editions may activate it as a client. */
  email: Type.Optional(orNull(Name)),
});
export type Customer = Static<typeof Customer>;

export const License = Type.Object({
  id: Id,
  name: orNull(Name),
  product_id: Id,
  customer_id: Id,
  edition_id: Id,
  floating_token_limit: Count,
  token_limit: Count,
  goodwill_token_limit: Count,
  /** Tokens of a project licence's pools; null on every other licence. */
  project_tokens: orNull(Type.Object({ mono: Count, team: Count })),
  legacy_license_key: orNull(Name),
  allowed_user_domains: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { maxItems: partsMax }),
  is_active: Type.Boolean(),
  start_date_utc: orNull(Instant),
  /** The licence is over at this instant; null: never. */
  expiration_date_utc: orNull(Instant),
  /** What differs from the edition, part by part. A feature that expires is off from that instant on. */
  features: Type.Optional(
    Type.Array(
      Type.Object({
        id: Id,
        /** Left out: it is on. */
        is_active: Type.Optional(Type.Boolean()),
        /** Null or left out: never. */
        expiration_date_utc: Type.Optional(orNull(Instant)),
      }),
      { maxItems: partsMax },
    ),
  ),
  limitations: Type.Optional(Type.Array(Type.Object(limitationFields), { maxItems: partsMax })),
  variables: Variables,
  constrained_variables: ConstrainedVariables,
  /** Null or left out: the edition's. */
  software_release_limitation_id: Type.Optional(orNull(Id)),
  user_limit: UserLimit,
});
export type License = Static<typeof License>;

/** Every kind of entity with its schema. `isv` first: the others belong to it. */
export const kinds = {
  isv: Isv,
  key: Key,
  product: Product,
  edition: Edition,
  customer: Customer,
  license: License,
} as const;

export type Kind = keyof typeof kinds;

export interface EntityOf {
  readonly isv: Isv;
  readonly key: Key;
  readonly product: Product;
  readonly edition: Edition;
  readonly customer: Customer;
  readonly license: License;
}

/** One entity as the store keeps it. */
export interface StoredEntity<K extends Kind = Kind> {
  readonly isvId: string;
  readonly kind: K;
  readonly id: string;
  readonly body: EntityOf[K];
  /** What the tenant file last said of it and what that meant (`tenant-apply.ts`); null: it never came from a file. */
  readonly applied: Readonly<Record<string, unknown>> | null;
}

/** One entity as it shall be. A stored one is the plainest change: it shall be just so, whatever is there. */
export interface EntityChange<K extends Kind = Kind> extends Omit<StoredEntity<K>, "body"> {
  /** Null: it is to go. A vendor does not. */
  readonly body: EntityOf[K] | null;
  /** What the change was made from, which must still be there; null: nothing. Left out: whatever is there. */
  readonly from?: EntityOf[K] | null;
}
