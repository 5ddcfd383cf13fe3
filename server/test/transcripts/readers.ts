/**
 * Two readers of SLASCONE's answers. The strict one is the generation of clients that knows every member and its type and
 * refuses what it does not know (V25.2.0 of the Java client); the lenient one reads what it needs and ignores the rest, and
 * needs some members not to be null (the C++ sample).
 */

/** Says what is wrong with a value, with the path to it; nothing: it can be read. */
type Shape = (value: unknown, path: string) => string[];

const isOf = (what: string, is: (value: unknown) => boolean): Shape => {
  return (value, path) => (is(value) ? [] : [`${path}: ${JSON.stringify(value)} is no ${what}`]);
};
const text = isOf("text", (value) => typeof value === "string");
const bool = isOf("boolean", (value) => typeof value === "boolean");
const number = isOf("number", (value) => typeof value === "number" && Number.isFinite(value));
const int = isOf("whole number", (value) => Number.isSafeInteger(value));
const uuid = isOf(
  "UUID",
  (value) => typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
);
/** As the Java client reads them: the ISO form with an offset or Z, never without. */
const time = isOf("instant", (value) => {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  return typeof value === "string" && form.test(value) && !Number.isNaN(Date.parse(value));
});
const said = isOf("sentence", (value) => typeof value === "string" && value.length > 0);
const nothing = isOf("null", (value) => value === null);
const maybe =
  (shape: Shape): Shape =>
  (value, path) =>
    value === null ? [] : shape(value, path);
const listOf =
  (shape: Shape): Shape =>
  (value, path) =>
    Array.isArray(value) ? value.flatMap((item, n) => shape(item, `${path}.${n}`)) : [`${path}: is no list`];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every member must be there, and no other. */
const exactly =
  (members: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    if (!isRecord(value)) return [`${path}: is no object`];
    const unknown = Object.keys(value).filter((name) => !(name in members));
    return [
      ...unknown.map((name) => `${path}.${name}: is not known to this client`),
      ...Object.entries(members).flatMap(([name, shape]) =>
        name in value ? shape(value[name], `${path}.${name}`) : [`${path}.${name}: is missing`],
      ),
    ];
  };

/** These members must be there; others are not looked at. */
const atLeast =
  (members: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    if (!isRecord(value)) return [`${path}: is no object`];
    return Object.entries(members).flatMap(([name, shape]) => shape(value[name], `${path}.${name}`));
  };

const release = exactly({ id: uuid, product_id: uuid, software_release: text, description: maybe(text) });
const consumption = {
  transaction_id: maybe(uuid),
  limitation_id: uuid,
  remaining: maybe(number),
  limit: maybe(number),
  goodwill: maybe(number),
  last_reset_date_utc: time,
  next_reset_date_utc: maybe(time),
};
const user = exactly({
  user_id: text,
  name: text,
  license_id: uuid,
  is_active: bool,
  created_date_utc: time,
  modified_date_utc: time,
});

const sessionStatus = {
  is_session_valid: bool,
  session_valid_until: time,
  session_created_date: time,
  session_modified_date: time,
  max_open_session_count: int,
  max_active_client_count: int,
};

const strict = {
  Refusal: exactly({ id: int, message: text }),
  Sentence: said,
  SessionStatus: exactly(sessionStatus),
  /** To a checkout, which no client of the strict generation asks for: with our own member. */
  Checkout: exactly({ ...sessionStatus, voucher: said }),
  Consumptions: listOf(exactly(consumption)),
  LicenseInfo: exactly({
    customer: exactly({ customer_id: uuid, company_name: text, customer_number: text }),
    license_name: maybe(text),
    license_key: text,
    token_key: uuid,
    legacy_license_key: maybe(text),
    client_id: maybe(text),
    client_description: maybe(text),
    product_name: text,
    product_id: uuid,
    template_name: text,
    template_id: uuid,
    provisioning_mode: int,
    client_type: int,
    is_license_active: bool,
    is_license_expired: bool,
    is_license_valid: bool,
    start_date_utc: maybe(time),
    expiration_date_utc: time,
    date_validity: int,
    token_limit: int,
    floating_token_limit: int,
    is_temporary: bool,
    is_software_version_valid: bool,
    software_release_limitation: maybe(release),
    is_newer_software_shipment_available: bool,
    latest_software_shipment: nothing,
    session_period: int,
    heartbeat_period: int,
    freeride: int,
    enforce_software_version_upgrade: bool,
    features: listOf(
      exactly({ id: uuid, name: text, description: maybe(text), is_active: bool, expiration_date_utc: maybe(time) }),
    ),
    limitations: listOf(
      exactly({
        id: uuid,
        name: text,
        description: maybe(text),
        value: maybe(int),
        remaining: number,
        consumption_reset_mode: int,
        consumption_reset_period_days: maybe(int),
      }),
    ),
    variables: listOf(exactly({ id: uuid, name: text, description: maybe(text), value: text })),
    constrained_variables: listOf(
      exactly({ id: uuid, name: text, description: maybe(text), customListId: uuid, value: listOf(text) }),
    ),
    license_users: listOf(user),
    created_date_utc: time,
    license_type: nothing,
  }),
  Licenses: listOf(
    exactly({
      id: uuid,
      customer_id: uuid,
      product_id: uuid,
      template_id: uuid,
      token_limit: int,
      goodwill_token_limit: int,
      floating_token_limit: int,
      user_limit: maybe(int),
      legacy_license_key: maybe(text),
      name: maybe(text),
      description: maybe(text),
      license_type_id: nothing,
      is_active: bool,
      is_expired: bool,
      is_valid: bool,
      is_software_release_valid: bool,
      is_group_valid: bool,
      group_count: int,
      date_of_issue_utc: maybe(time),
      start_date_utc: maybe(time),
      expiration_date_utc: maybe(time),
      expiration_mode: int,
      valid_days_count: maybe(int),
      trial_days_count: maybe(int),
      date_validity: int,
      is_temporary: bool,
      client_id: maybe(text),
      license_features: listOf(
        exactly({
          product_id: uuid,
          feature_id: uuid,
          feature_name: text,
          feature_description: maybe(text),
          is_active: bool,
          feature_exceptions: maybe(
            exactly({
              original_is_active: bool,
              exceptions: listOf(
                exactly({ start_date_utc: maybe(time), end_date_utc: maybe(time), temporary_is_active: bool }),
              ),
            }),
          ),
        }),
      ),
      license_limitations: listOf(
        exactly({
          product_id: uuid,
          limitation_id: uuid,
          limitation_name: maybe(text),
          limit: maybe(int),
          consumption_reset_mode: int,
          consumption_reset_period_days: maybe(int),
        }),
      ),
      license_variables: listOf(
        exactly({
          product_id: uuid,
          variable_id: uuid,
          variable_name: text,
          variable_description: maybe(text),
          value: text,
        }),
      ),
      license_constrained_variables: listOf(
        exactly({ product_id: uuid, variable_id: uuid, variable_name: text, values: listOf(text) }),
      ),
      license_users: listOf(user),
      license_users_groups: listOf(nothing),
      customer: exactly({ id: uuid, company_name: text, customer_number: text }),
      product: exactly({ id: uuid, name: text, prioritized_key: int }),
      template: exactly({
        id: uuid,
        product_id: uuid,
        name: text,
        token_limit: int,
        floating_token_limit: int,
        enforce_floating_limit: bool,
        provisioning_mode: int,
        client_type: int,
        session_period: maybe(int),
        max_floating_sessions_with_same_client_id: int,
        heartbeat_period: int,
        free_ride: int,
        is_temporary: bool,
      }),
      license_type: nothing,
      software_release_limitation: maybe(release),
    }),
  ),
} as const satisfies Record<string, Shape>;

export type Kind = keyof typeof strict;

/** What the C++ sample reads without a look. */
const lenient: Readonly<Record<Kind, Shape>> = {
  Refusal: atLeast({ id: int, message: text }),
  Sentence: said,
  SessionStatus: atLeast({ session_valid_until: time }),
  Checkout: atLeast({ session_valid_until: time }),
  Consumptions: listOf(atLeast({ limitation_id: uuid })),
  LicenseInfo: atLeast({
    token_key: text,
    license_key: text,
    product_name: text,
    template_name: text,
    expiration_date_utc: time,
    customer: atLeast({ company_name: text, customer_number: text }),
    session_period: int,
    heartbeat_period: int,
    freeride: int,
    features: listOf(atLeast({ name: text })),
    limitations: listOf(atLeast({ name: text, consumption_reset_mode: int })),
    variables: listOf(atLeast({ name: text })),
    constrained_variables: listOf(atLeast({ name: text })),
  }),
  Licenses: listOf(atLeast({ id: uuid, customer: atLeast({ company_name: text }) })),
};

/** What each reader finds wrong with an answer's body. */
export const readers = {
  strict: (kind: Kind, value: unknown): string[] => strict[kind](value, kind),
  lenient: (kind: Kind, value: unknown): string[] => lenient[kind](value, kind),
};

export function isKind(word: string): word is Kind {
  return word in strict;
}
