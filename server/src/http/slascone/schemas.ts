/** SLASCONE's bodies, in and out: what validates requests and what the API document shows. */
import { type Static, type TSchema, Type } from "typebox";
import { ticketKeptMs, ticketWaitMaxMs } from "../../core/limits.ts";
import { gatheredKinds } from "../../core/types.ts";
import { Description, Instant, Label, Maybe, Name, Note, Uuid } from "../input.ts";
import { checkInLengthMax, unitsToldMax, valuesToldMax } from "../limits.ts";

const exampleLicense = "27180460-29df-4a5a-a0a1-78c85ab6cee0";
const exampleProduct = "b18657cc-1f7c-43fa-e3a4-08da6fa41ad3";

const ProductId = Uuid("The product that the software is.", exampleProduct);
const ClientId = Name(
  "The device, or on a users licence the user's client. The vendor chooses what it is.",
  "anna@factor.com",
);
const SoftwareVersion = Note("The version of the software, as the vendor counts.");

export const LicenseParams = Type.Object({ license_id: Uuid("The licence.") });
export const SessionParams = Type.Object({
  license_id: Uuid("The licence."),
  session_id: Uuid("The `id` of the session in the list of open sessions (not the client's own `session_id`)."),
});

/** P4, P5. Unknown members are ignored; null is the same as absent. */
export const SessionRequest = Type.Object(
  {
    license_id: Uuid("The licence to take a token of.", exampleLicense),
    client_id: ClientId,
    session_id: Maybe(
      Uuid(
        "The session, where a client may have several; without one the client is the session, on a users licence each of its users.",
      ),
    ),
    user_id: Maybe(Name("Who uses the client; on a users licence the token is counted against this name.")),
    project_id: Maybe(
      Uuid("Ours: the project to connect to, on a licence that counts projects; ignored on every other."),
    ),
    checkout_period: Maybe(
      Type.Number({
        description:
          "Minutes, fractions allowed, for which the session is checked out instead of the edition's session period. 0 is the same as none.",
        examples: [1440],
      }),
    ),
    wait_seconds: Maybe(
      Type.Integer({
        minimum: 0,
        maximum: ticketWaitMaxMs / 1_000,
        description: `Ours: the caller waits for a token, and asks again within so many seconds. Where none is free for it (1007) it takes a place in the licence's queue, or keeps the one it has; as many free tokens as there are callers before it are not for others. The place is kept for ${ticketKeptMs / 1_000} seconds more. 0 is the same as none.`,
        examples: [10],
      }),
    ),
  },
  { examples: [{ license_id: exampleLicense, client_id: "anna@factor.com" }] },
);
export type SessionRequest = Static<typeof SessionRequest>;

/** An open by a client of its own, and not in a batch. */
export const OpenRequest = Type.Object(
  {
    ...SessionRequest.properties,
    voucher: Maybe(
      Type.Union(
        [
          Type.Boolean(),
          Type.Object({
            nonce: Maybe(
              Type.String({
                description: "Told back in the voucher, to know it for a new one.",
                pattern: "^[\\w-]{1,128}$",
              }),
            ),
            device_key: Maybe(
              Type.String({
                description: "The thumbprint (RFC 7638) of a key of the device's: the voucher is good there alone.",
                pattern: "^[\\w-]{43}$",
              }),
            ),
          }),
        ],
        {
          description:
            "Ours: whether to answer with a signed statement of the session, for use offline. With every checkout, unless false; with any other open if asked.",
        },
      ),
    ),
    renewal: Maybe(
      Type.String({
        description:
          "Ours: the `renewal` of the session's last answer, or an empty text where there was none. A copy of the client that carries an older one is denied (14005). A client that never sends it is not looked after.",
        pattern: "^[\\w-]{0,64}$",
      }),
    ),
  },
  { examples: [{ license_id: exampleLicense, client_id: "anna@factor.com" }] },
);
export type OpenRequest = Static<typeof OpenRequest>;

/** A close, with proof where a voucher is out. */
export const CloseRequest = Type.Object(
  {
    ...SessionRequest.properties,
    check_in: Maybe(
      Type.String({
        description:
          "Ours: the device's proof that it gave the session's voucher up, a JWS (EdDSA, type `seatkeeper-check-in+jwt`) with its key as `jwk` in the header and the voucher's `jti` as `voucher_id` in the content.",
        maxLength: checkInLengthMax,
      }),
    ),
  },
  { examples: [{ license_id: exampleLicense, client_id: "anna@factor.com" }] },
);
export type CloseRequest = Static<typeof CloseRequest>;

/** P1. */
export const ActivateClient = Type.Object({
  product_id: ProductId,
  license_key: Name(
    "The licence's id, a token key, or a legacy key where the product puts those first.",
    exampleLicense,
  ),
  client_id: ClientId,
  client_name: Maybe(Note("What people call the client.")),
  client_description: Maybe(Description("Anything worth knowing of the client.")),
  software_version: Maybe(SoftwareVersion),
  timestamp_utc: Maybe(Instant("Taken and not used: an activation is of the instant in which it arrives.")),
  tags: Maybe(Type.Array(Note("A tag."), { maxItems: valuesToldMax, description: "Taken and not used." })),
});

export type ActivateClient = Static<typeof ActivateClient>;

/** P2: the same as the query of a download. */
export const OfflineActivation = Type.Object({
  ...ActivateClient.properties,
  file_name: Maybe(Note("What the download is called; `activation.xml` unless said otherwise.")),
});

/** A licence as a file. */
export const LicenseFileQuery = Type.Object({
  token_key: Maybe(Uuid("A client's token key: its activation is built into the file, which is then for it alone.")),
});

/** P3. */
export const AddHeartbeat = Type.Object({
  product_id: ProductId,
  client_id: ClientId,
  software_version: SoftwareVersion,
  operating_system: Note("The client's operating system."),
  user_id: Maybe(Name("Who uses the client.")),
  token_key: Maybe(Uuid("The token key that the client's activation answered with.")),
  group_id: Maybe(Note("Taken and not used.")),
  heartbeat_type_id: Maybe(Uuid("One of the product's heartbeat types.")),
});

/** P7. */
export const Unassign = Type.Object({ token_key: Uuid("The token key that the client's activation answered with.") });

/** P8. */
export const Validate = Type.Object({
  license_key: Name("The licence's id, a token key or a legacy key.", exampleLicense),
});

/** P9. */
export const ValidateConsumption = Type.Object({
  license_id: Uuid("The licence.", exampleLicense),
  limitation_id: Uuid("One of its limitations."),
});

const Teller = {
  client_id: ClientId,
  user_id: Maybe(Name("Who uses the client.")),
  token_key: Maybe(Uuid("The token key that the client's activation answered with.")),
};
const HappenedAt = Maybe(Instant("When it happened; kept as it is told."));
const valuesOf = <T extends TSchema>(value: T) => Type.Array(value, { maxItems: valuesToldMax });
const Units = (minimum: number, description: string) =>
  Type.Number({ minimum, maximum: unitsToldMax, description: `${description} Counts to six decimals.` });

/** Section 5. */
export const AnalyticalHeartbeat = Type.Object({
  ...Teller,
  analytical_heartbeat: valuesOf(
    Type.Object({
      analytical_field_id: Uuid("A field of the product."),
      value: Description("The value; for a number its text."),
      value_array: Maybe(Type.Array(Description("One of several values."), { maxItems: valuesToldMax })),
      timestamp_utc: HappenedAt,
    }),
  ),
});

const used = { value: Units(-unitsToldMax, "How often, or how much."), timestamp_utc: HappenedAt };
export const UsageHeartbeat = Type.Object({
  ...Teller,
  usage_heartbeat: valuesOf(
    Type.Object({
      usage_feature_id: Uuid("A usage feature of the product."),
      usage_module_id: Maybe(Uuid("A usage module of the product.")),
      ...used,
    }),
  ),
});

export const UsageHeartbeatByName = Type.Object({
  product_id: ProductId,
  ...Teller,
  create_usage_feature_if_not_exists: Maybe(Type.Boolean()),
  create_usage_module_if_not_exists: Maybe(Type.Boolean()),
  usage_heartbeat: valuesOf(
    Type.Object({
      usage_feature_name: Label("A usage feature of the product."),
      usage_module_name: Maybe(Label("A usage module of the product.")),
      ...used,
    }),
  ),
});

export const ConsumptionHeartbeat = Type.Object({
  client_id: ClientId,
  token_key: Teller.token_key,
  consumption_heartbeat: valuesOf(
    Type.Object({
      limitation_id: Uuid("A limitation of the licence of which something is consumed."),
      value: Units(-unitsToldMax, "How much; less than nothing gives back."),
      user_id: Maybe(Name("Who consumed it.")),
      external_id: Maybe(Note("What the application knows it by.")),
      timestamp_utc: HappenedAt,
    }),
  ),
});

export const ConsumptionTransaction = Type.Object({
  limitation_id: Uuid("The limitation."),
  transaction_id: Uuid("What the consumption answered with."),
});

export const CustomerLookup = Type.Object({ customer_number: Name("The customer's number.", "87012") });
export const ProductLookup = Type.Object({ product_name: Name("The product's name.", "CAD") });
export const LicensesLookup = Type.Object({
  product_id: ProductId,
  customer_number: Name("The customer's number.", "87012"),
  client_id: ClientId,
  legacy_key: Maybe(Name("Only licences of this legacy key.")),
});

/** P10. */
export const ByLicense = Type.Object({
  product_id: Maybe(ProductId),
  license_key: Maybe(Name("A licence's id or legacy key: for users, the domain of their mail address.", "factor.com")),
});

const ActiveOnly = Maybe(Type.Boolean({ description: "Leave out licences that are inactive or expired." }));

/** P11. */
export const ByCustomer = Type.Object({
  product_id: ProductId,
  customer_number: Name("The customer's number.", "87012"),
  active_licenses_only: ActiveOnly,
});

/** P12. */
export const ByUser = Type.Object({
  product_id: ProductId,
  user_id: Name("The user, as in heartbeats and sessions.", "anna@factor.com"),
  active_licenses_only: ActiveOnly,
});

/** P13. */
export const ToggleState = Type.Object({
  product_id: ProductId,
  license_key: Name("The licence's id or legacy key."),
  is_active: Type.Boolean({ description: "False: the next extend of every session is denied." }),
});

export const CloseAll = Type.Object({ license_id: Maybe(Uuid("The licence in the address once more.")) });

export const ChangeAssignment = Type.Object({
  id: Uuid("The assignment."),
  suspended_until_utc: Maybe(
    Instant("The client is denied everything until then; null lifts the suspension, and without it nothing changes."),
  ),
});

const maybeTime = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const time = Type.String({ format: "date-time" });
const maybeText = Type.Union([Type.String(), Type.Null()]);
const id = Type.String({ format: "uuid" });
const Mode = Type.Integer({ enum: [0, 1], description: "0 named, 1 floating." });
const Counted = Type.Integer({ enum: [0, 1, 2], description: "0 devices, 1 users, 2 projects." });

export const IdAlone = Type.String({ format: "uuid", description: "An id, as a JSON string." });

export const Consumption = Type.Object({
  transaction_id: Type.Union([Type.String({ format: "uuid" }), Type.Null()], {
    description: "Null: nothing was consumed, because the quota did not allow it.",
  }),
  limitation_id: id,
  remaining: Type.Union([Type.Number(), Type.Null()], {
    description: "Below nothing where goodwill was used up; null: unlimited.",
  }),
  limit: Type.Union([Type.Number(), Type.Null()]),
  goodwill: Type.Number({ description: "Percent of the limit that may be consumed beyond it." }),
  last_reset_date_utc: time,
  next_reset_date_utc: maybeTime,
});

/** One line of what was consumed, with the members of the heartbeat. */
export const ConsumptionTold = Type.Object({
  limitation_id: id,
  client_id: maybeText,
  user_id: maybeText,
  value: Type.Number({ description: "Less than nothing was given or taken back." }),
  transaction_id: maybeText,
  external_id: maybeText,
  timestamp_utc: maybeTime,
  created_date_utc: time,
});

export const LicenseUser = Type.Object({
  user_id: Type.String(),
  name: Type.String(),
  license_id: id,
  is_active: Type.Boolean(),
  created_date_utc: time,
  modified_date_utc: time,
});

export const ToldPage = Type.Object({
  items: Type.Array(
    Type.Object({
      time,
      kind: Type.Enum([...gatheredKinds]),
      license_id: id,
      client_id: Type.String(),
      user_id: maybeText,
      subject_id: id,
      usage_module_id: maybeText,
      values: Type.Array(Type.String()),
      amount: Type.Union([Type.Number(), Type.Null()]),
      transaction_id: maybeText,
      external_id: maybeText,
      timestamp_utc: maybeTime,
    }),
  ),
  page: Type.Integer(),
  page_size: Type.Integer(),
  total: Type.Integer(),
});

export const SessionStatus = Type.Object(
  {
    is_session_valid: Type.Boolean({ description: "Always true: what is not granted is a 409." }),
    session_valid_until: Type.String({ format: "date-time", description: "Extend, or close, before then." }),
    session_created_date: time,
    session_modified_date: time,
    max_open_session_count: Type.Integer({
      description: "The most open sessions of the licence that this session's opens and extends saw.",
    }),
    max_active_client_count: Type.Integer({ description: "The same of tokens in use." }),
    voucher: Type.Optional(
      Type.String({
        description: "A signed statement of the session (JWT, EdDSA), with checkouts and where asked for.",
      }),
    ),
    renewal: Type.Optional(Type.String({ description: "What the next open carries, where this one carried any." })),
  },
  {
    examples: [
      {
        is_session_valid: true,
        session_valid_until: "2026-11-22T12:05:00.000Z",
        session_created_date: "2026-11-22T12:00:00.000Z",
        session_modified_date: "2026-11-22T12:00:00.000Z",
        max_open_session_count: 1,
        max_active_client_count: 1,
      },
    ],
  },
);

export const LicenseInfo = Type.Object({
  customer: Type.Object({ customer_id: id, company_name: Type.String(), customer_number: Type.String() }),
  license_name: maybeText,
  license_key: Type.String({ description: "The licence's id: the license_id of sessions." }),
  token_key: maybeText,
  legacy_license_key: maybeText,
  client_id: maybeText,
  client_description: maybeText,
  product_name: Type.String(),
  product_id: id,
  template_name: Type.String(),
  template_id: id,
  provisioning_mode: Mode,
  client_type: Counted,
  is_license_active: Type.Boolean(),
  is_license_expired: Type.Boolean(),
  is_license_valid: Type.Boolean({ description: "Active and not expired." }),
  start_date_utc: maybeTime,
  expiration_date_utc: Type.String({ format: "date-time", description: "In the year 9999: never." }),
  token_limit: Type.Integer(),
  floating_token_limit: Type.Integer(),
  session_period: Type.Integer({ description: "Minutes." }),
  heartbeat_period: Type.Integer({ description: "Minutes." }),
  freeride: Type.Integer({ description: "Days." }),
  features: Type.Array(
    Type.Object({ id, name: Type.String(), is_active: Type.Boolean(), expiration_date_utc: maybeTime }),
  ),
  limitations: Type.Array(
    Type.Object({
      id,
      name: Type.String(),
      value: Type.Union([Type.Integer(), Type.Null()], { description: "Null: unlimited." }),
      remaining: Type.Number({ description: "0 where `value` is null." }),
      consumption_reset_mode: Type.Integer({ description: "0: nothing is consumed of it." }),
      consumption_reset_period_days: Type.Union([Type.Integer(), Type.Null()]),
    }),
  ),
  variables: Type.Array(Type.Object({ id, name: Type.String(), value: Type.String() })),
  constrained_variables: Type.Array(Type.Object({ id, name: Type.String(), value: Type.Array(Type.String()) })),
  is_software_version_valid: Type.Boolean({ description: "Whether the licence covers the client's release." }),
  created_date_utc: Type.String({ format: "date-time", description: "When this answer was made." }),
});

export const License = Type.Object({
  id,
  customer_id: id,
  product_id: id,
  template_id: id,
  token_limit: Type.Integer(),
  goodwill_token_limit: Type.Integer(),
  floating_token_limit: Type.Integer(),
  legacy_license_key: maybeText,
  name: maybeText,
  is_active: Type.Boolean(),
  is_expired: Type.Boolean(),
  is_valid: Type.Boolean(),
  start_date_utc: maybeTime,
  expiration_date_utc: maybeTime,
  customer: Type.Object({ id, company_name: Type.String(), customer_number: Type.String() }),
  product: Type.Object({ id, name: Type.String() }),
  template: Type.Object({
    id,
    name: Type.String(),
    provisioning_mode: Mode,
    client_type: Counted,
    enforce_floating_limit: Type.Boolean(),
    session_period: Type.Union([Type.Integer(), Type.Null()]),
    max_floating_sessions_with_same_client_id: Type.Integer(),
    heartbeat_period: Type.Integer(),
    free_ride: Type.Integer(),
  }),
});

export const Assignment = Type.Object({
  id,
  license_id: id,
  product_id: id,
  device_name: maybeText,
  device_description: maybeText,
  token_key: maybeText,
  client_id: Type.String(),
  activated: Type.Boolean(),
  is_goodwill_license: Type.Boolean(),
  has_heartbeats: Type.Boolean(),
  activated_date_utc: time,
  software_version: maybeText,
  operating_system: maybeText,
  suspended_until_utc: maybeTime,
});

export const Session = Type.Object({
  id,
  session_id: maybeText,
  session_valid_until: time,
  created_date_utc: time,
  modified_date_utc: time,
  license_id: id,
  assignment_id: maybeText,
  assignment: Type.Union([Assignment, Type.Null()]),
  user_id: maybeText,
  max_open_session_count: Type.Integer(),
  max_active_client_count: Type.Integer(),
  duration: Type.Integer({ description: "Minutes since the session opened." }),
});

/** A 409 of SLASCONE's. */
export const Refusal = Type.Object(
  { id: Type.Integer(), message: Type.String() },
  {
    description: "A denial: shown to the user, never retried.",
    examples: [{ id: 1007, message: "Every floating token is in use." }],
  },
);

export const Sentence = Type.String({ description: "A sentence, as a JSON string." });
