/**
 * What may stand in a tenant file. Field by field the entities of `entities.ts`, with two differences: things are
 * referred to by name, and what has a default may be left out. `description`, `default` and `defaultText` are the
 * reference page (docs/reference/tenant-files.md) too; `want` is how a fault names the right kind of value.
 */
import { type TProperties, type TSchema, Type } from "typebox";
import { checkoutPeriodDefaultMax, sessionsPerHolderAbsoluteMax } from "../core/limits.ts";
import { Customer, Edition, Isv, Key, type Kind, License, Product } from "./entities.ts";

/** A secret is sent in a header, so it is printable ASCII without blanks; a shorter one could be guessed. */
export const secretLengthMin = 12;
const secretLengthMax = 512;

const idPattern = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";
const Id = Type.String({ pattern: idPattern, want: "an id: hexadecimal digits, 8-4-4-4-12" });
// No blanks at the ends: nobody sees them in a name, and references would miss.
const Name = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: "^\\S(.*\\S)?$",
  want: "text of 1 to 256 characters without blanks at its ends",
});
const Text = Type.String({ maxLength: 4096 });
export const Instant = Type.String({ format: "date-time", want: "an instant such as 2030-12-31T00:00:00Z" });
export const Secret = Type.String({
  minLength: secretLengthMin,
  maxLength: secretLengthMax,
  pattern: "^[!-~]*$",
  want: `a secret: ${secretLengthMin} to ${secretLengthMax} printable ASCII characters, no blanks`,
});
/** Of a limitation: what 32-bit clients can read. */
const Value = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const Count = License.properties.floating_token_limit;
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

/** A field that must be there. */
const must = (schema: TSchema, description: string) => Type.With(schema, { description });
/** A field that may be left out; `whenAbsent` is its default, or a text in brackets that says how it comes about. */
const may = (schema: TSchema, whenAbsent: unknown, description: string) =>
  typeof whenAbsent === "string" && whenAbsent.startsWith("(")
    ? Type.Optional(Type.With(schema, { description, defaultText: whenAbsent.slice(1, -1) }))
    : Type.Optional(Type.With(schema, { description, default: whenAbsent }));
const closed = (properties: TProperties) => Type.Object(properties, { additionalProperties: false });
const listOf = (schema: TSchema, maxItems?: number) => Type.Array(schema, maxItems === undefined ? {} : { maxItems });

export const IsvEntry = closed({
  id: must(Id, "The id in every address: `/api/v2/isv/{id}/…`."),
  name: must(Name, "The vendor's name. Several files of one vendor give the same."),
  browser_origins: may(
    Isv.properties.browser_origins,
    "(none)",
    "Origins whose pages may open, extend and close sessions with [client tokens](../guide/browsers.md): `[https://app.example.com]`.",
  ),
  shows_pseudonyms: may(
    Isv.properties.shows_pseudonyms,
    "(false)",
    "Whether users' names are shown to owners alone, and as pseudonyms to every other key.",
  ),
});

export const KeyEntry = closed({
  id: may(Id, "(derived from the name)", "The key's id, which the history names."),
  name: must(Name, "Unique among the vendor's keys."),
  role: must(Key.properties.role, "`provisioning` goes with software and backends, `admin` may do everything."),
  secret: may(Secret, "(one of the three is required)", "The key itself. Kept only as its SHA-256."),
  secret_sha256: may(
    Type.String({ pattern: "^[0-9A-Fa-f]{64}$", want: "a SHA-256: 64 hexadecimal digits" }),
    "(one of the three is required)",
    "The SHA-256 of the key, for files that others read: `printf %s KEY | sha256sum`.",
  ),
  secret_file: may(Name, "(one of the three is required)", "A file that holds the key, relative to the tenant file."),
  scope: may(
    Key.properties.scope,
    "backend",
    "Of provisioning keys. `app`, for a key that ships inside software: activation, heartbeat, open, close, validate and unassign of its own token. `backend`: look-ups and the batch call too.",
  ),
  admin_role: may(
    Key.properties.admin_role,
    "(owner)",
    "Of admin keys. `owner`: everything. `operator`: reads, ends sessions, suspends and unassigns clients. `viewer`: reads.",
  ),
  response_signature: may(
    Key.properties.response_signature,
    "(`rsa` for provisioning, `none` for admin)",
    "Whether answers to this key are signed. A signature costs about a millisecond of CPU.",
  ),
  is_active: may(Key.properties.is_active, true, "An inactive key is refused with 401."),
  product: may(orNull(Name), null, "Name or id: a provisioning key reaches only licences of this product."),
  customer: may(orNull(Name), null, "Number or id: a provisioning key reaches only licences of this customer."),
  license: may(
    orNull(Name),
    null,
    "Id, or a name that no other licence has: a provisioning key reaches only this licence.",
  ),
});

export const PartEntry = closed({
  id: may(Id, "(derived from product and name)", "The id that applications name."),
  name: must(Name, "Unique in its list."),
  description: may(Text, "(none)", "Shown to applications."),
});

/** A value that a constrained variable may have. */
const Choice = Type.String({ minLength: 1, maxLength: 256 });

export const ConstrainedVariableEntry = closed({
  ...PartEntry.properties,
  values: may(listOf(Choice, 1000), [], "What editions and licences may choose from; empty: anything."),
});

export const AnalyticalFieldEntry = closed({
  ...PartEntry.properties,
  type: may(
    Product.properties.analytical_fields.items.properties.type,
    "text",
    "What applications send: `text`, the text of a `number`, or a `list` of texts.",
  ),
});

export const ProductEntry = closed({
  id: may(Id, "(derived from the name)", "The `product_id` of the API."),
  name: must(Name, "Unique among the vendor's products; editions refer to it."),
  prioritized_key: may(
    Product.properties.prioritized_key,
    "standard",
    "By which a client's `license_key` is looked up first: `standard`, the licence's id, or `legacy`, its `legacy_license_key`.",
  ),
  features: may(listOf(PartEntry, 1000), [], "What editions switch on."),
  limitations: may(listOf(PartEntry, 1000), [], "Quantities that editions give values to."),
  variables: may(listOf(PartEntry, 1000), [], "Named texts of the product."),
  heartbeat_types: may(listOf(PartEntry, 1000), [], "Kinds of heartbeat that applications tell apart."),
  constrained_variables: may(listOf(ConstrainedVariableEntry, 1000), "(none)", "Named choices of the product."),
  software_release_limitations: may(
    listOf(PartEntry, 1000),
    "(none)",
    "Releases that may be the newest one of an edition or licence: the name is the release, `25.2`.",
  ),
  analytical_fields: may(
    listOf(AnalyticalFieldEntry, 1000),
    "(none)",
    "What applications may tell in analytical heartbeats.",
  ),
  usage_features: may(listOf(PartEntry, 1000), "(none)", "What applications count in usage heartbeats."),
  usage_modules: may(listOf(PartEntry, 1000), "(none)", "Parts of the software that usage is told by."),
});

const ofEdition = Edition.properties.limitations.items.properties;
const limitationFields = {
  limitation: must(Name, "Name or id of a limitation of the product."),
  value: must(orNull(Value), "Its value; null: unlimited."),
  consumption_reset_mode: may(
    ofEdition.consumption_reset_mode,
    "(a plain number)",
    "When what is consumed counts anew: never in the licence's life (`lifecycle`), every so many `days`, or on the first of a `month`, `quarter` or `year`. Left out, nothing is consumed of it.",
  ),
  consumption_reset_period_days: may(ofEdition.consumption_reset_period_days, "(none)", "The days, of `days`."),
};

export const EditionLimitationEntry = closed({
  ...limitationFields,
  goodwill: may(ofEdition.goodwill, 0, "Percent of the value that may be consumed beyond it."),
  enforce_limit: may(ofEdition.enforce_limit, true, "false: consumption goes on beyond the value, and is counted."),
});

export const LicenseLimitationEntry = closed(limitationFields);

export const LicenseFeatureEntry = closed({
  feature: must(Name, "Name or id of a feature of the product."),
  is_active: may(Type.Boolean(), true, "Whether it is on, whatever the edition says."),
  expiration_date_utc: may(orNull(Instant), null, "It is off from this instant on; null: never."),
});

export const VariableEntry = closed({
  variable: must(Name, "Name or id of a variable of the product."),
  value: must(Text, "Its text."),
});

export const ChoiceEntry = closed({
  variable: must(Name, "Name or id of a constrained variable of the product."),
  values: must(listOf(Choice, 1000), "What is chosen, of the values that it may have."),
});

/** What editions and licences alike may say of the product's parts. */
const valueFields = {
  variables: may(listOf(VariableEntry, 1000), "(none)", "Texts of the product's variables."),
  constrained_variables: may(listOf(ChoiceEntry, 1000), "(none)", "Chosen values of its constrained variables."),
};

export const EditionEntry = closed({
  id: may(Id, "(derived from product and name)", "The `template_id` of the API."),
  product: must(Name, "Name or id of its product. Cannot change."),
  name: must(Name, "Unique among the editions of the product; licences refer to it."),
  provisioning_mode: must(
    Edition.properties.provisioning_mode,
    "`floating`: a token is held while a session lives. `named`: a token is assigned until it is unassigned. Cannot change.",
  ),
  client_type: must(Edition.properties.client_type, "What the licence counts. Cannot change."),
  enforce_floating_limit: may(
    Edition.properties.enforce_floating_limit,
    true,
    "true: the holder beyond the limit is denied. false: it is granted, and marked as overuse on record.",
  ),
  max_floating_sessions_with_same_client_id: may(
    Type.Integer({ minimum: 0, maximum: sessionsPerHolderAbsoluteMax }),
    1,
    "Sessions that one holder may have at a time, on one token. 0 is the same as 1.",
  ),
  session_period: may(
    Edition.properties.session_period,
    "(60; 2 for projects; null for named devices)",
    "Minutes without an extension after which a session lapses. Named devices have no sessions: null.",
  ),
  max_checkout_period: may(
    Edition.properties.max_checkout_period,
    `(${checkoutPeriodDefaultMax}; 0 for projects)`,
    "The longest checkout in minutes; 0: none.",
  ),
  max_checked_out_tokens: may(
    Edition.properties.max_checked_out_tokens,
    "(null)",
    "The most tokens that may be checked out at once; of projects those of both kinds. null: any number.",
  ),
  checkout_reserve: may(
    Edition.properties.checkout_reserve,
    "(0)",
    "Tokens that no checkout may take, so that they stay for whoever is connected.",
  ),
  max_early_check_ins_per_month: may(
    Edition.properties.max_early_check_ins_per_month,
    "(null)",
    "Vouchers that may be given up before their end, for each licence and calendar month; null: any number.",
  ),
  heartbeat_period: may(
    Edition.properties.heartbeat_period,
    1440,
    "Minutes between two heartbeats that applications keep to.",
  ),
  heartbeats_extend_sessions: may(
    Edition.properties.heartbeats_extend_sessions,
    false,
    "Whether a heartbeat extends the client's sessions, as another open does.",
  ),
  freeride: may(Edition.properties.freeride, 0, "Days that a client may go on offline after its last good answer."),
  is_temporary: may(
    Edition.properties.is_temporary,
    false,
    "Licences for guests: a client may be active on one beside its ordinary licence, and loses its token on it at its end. Cannot change.",
  ),
  activate_on_open: may(
    Edition.properties.activate_on_open,
    null,
    "Whether opening a session activates an unknown client; null: users yes, devices no. Named licences are never activated so, project licences always.",
  ),
  activation_upon_license_creation: may(
    Edition.properties.activation_upon_license_creation,
    null,
    "Which client is activated when the API creates a licence: 1 the customer's number, 2 its e-mail address, 3 the `client_id` of the call. 0, 4 and 5 are answered as they are given; null: none.",
  ),
  require_session_id: may(
    Edition.properties.require_session_id,
    false,
    "Whether an open without `session_id` is denied.",
  ),
  require_user_id: may(Edition.properties.require_user_id, false, "Whether an open without `user_id` is denied."),
  one_session_per_user: may(
    Edition.properties.one_session_per_user,
    false,
    "Users licences: whether a user may have only one session, whatever its client; on named licences, a client.",
  ),
  default_project_kind: may(
    Edition.properties.default_project_kind,
    null,
    "Projects: the kind of one that is opened without a kind; null: it must be named.",
  ),
  allow_kind_switch: may(
    Edition.properties.allow_kind_switch,
    false,
    "Projects: whether the kind of an open project may be changed.",
  ),
  mono_same_user: may(
    Edition.properties.mono_same_user,
    "refuse",
    "Projects: `allow` lets the user of a Mono project join it again from the same client, up to four times.",
  ),
  token_limit: may(
    Edition.properties.token_limit,
    "(0)",
    "What a licence created by the API takes where its own is not said.",
  ),
  goodwill_token_limit: may(Edition.properties.goodwill_token_limit, "(0)", "The same of `goodwill_token_limit`."),
  floating_token_limit: may(Edition.properties.floating_token_limit, "(0)", "The same of `floating_token_limit`."),
  features: may(listOf(Name, 1000), [], "Names or ids of the product's features that are on; every other is off."),
  limitations: may(listOf(EditionLimitationEntry, 1000), [], "Values of the product's limitations."),
  ...valueFields,
  software_release_limitation: may(
    orNull(Name),
    "(none)",
    "Name or id of the newest release that is covered: a client that tells a newer one is not activated (1003).",
  ),
  allows_invalid_software_release: may(
    Type.Boolean(),
    "(false)",
    "Whether it is activated all the same; applications are told that the release is not covered.",
  ),
  user_limit: may(orNull(Count), "(none)", "Registered users of a licence that may be active."),
});

export const CustomerEntry = closed({
  id: may(Id, "(derived from the number)", "The `customer_id` of the API."),
  number: must(Name, "Unique among the vendor's customers; licences refer to it. Text: in quotes if it is all digits."),
  name: must(Name, "The company's name."),
  email: may(Customer.properties.email, "(none)", "Its e-mail address."),
});

export const LicenseEntry = closed({
  id: may(
    Id,
    "(derived from customer and name; required without a name)",
    "The licence's id, which is its licence key too.",
  ),
  name: may(orNull(Name), null, "Shown to applications; required without an id."),
  customer: must(Name, "Number or id of its customer."),
  product: may(
    Name,
    "(the edition's)",
    "Name or id, where several products have an edition of that name. Cannot change.",
  ),
  edition: must(
    Name,
    "Name or id. May change to another edition of the same product with the same provisioning mode and client type.",
  ),
  floating_token_limit: may(License.properties.floating_token_limit, 0, "Floating: holders at a time."),
  token_limit: may(License.properties.token_limit, 0, "Named: clients that may be assigned."),
  goodwill_token_limit: may(
    License.properties.goodwill_token_limit,
    0,
    "Named: assignments granted beyond `token_limit`.",
  ),
  project_tokens: may(
    orNull(closed({ mono: must(Count, "Mono tokens."), team: must(Count, "Team tokens.") })),
    null,
    "Project licences, which need it: the tokens of the two pools, `{ mono: 2, team: 1 }`.",
  ),
  legacy_license_key: may(
    orNull(Name),
    null,
    "A key of the vendor's own by which applications may name the licence: a customer's domain, an old key. No two licences of a product have the same, whatever its case.",
  ),
  allowed_user_domains: may(
    License.properties.allowed_user_domains,
    [],
    "Users licences: only users whose address ends in one of these domains (or below it); empty: everybody.",
  ),
  is_active: may(License.properties.is_active, true, "An inactive licence denies."),
  start_date_utc: may(orNull(Instant), null, "From when on it is valid, as applications are told."),
  expiration_date_utc: may(orNull(Instant), null, "The instant at which the licence is over; null: never."),
  features: may(listOf(LicenseFeatureEntry, 1000), "(none)", "Features that are otherwise than in the edition."),
  limitations: may(
    listOf(LicenseLimitationEntry, 1000),
    "(none)",
    "Limitations that are otherwise than in the edition.",
  ),
  ...valueFields,
  software_release_limitation: may(orNull(Name), "(the edition's)", "The newest release that is covered."),
  user_limit: may(orNull(Count), "(the edition's)", "Registered users that may be active."),
});

export const TenantDocument = closed({
  isv: must(IsvEntry, "The vendor."),
  keys: may(listOf(KeyEntry), [], "API keys."),
  products: may(listOf(ProductEntry), [], "Products."),
  editions: may(listOf(EditionEntry), [], "Editions: how licences of a product behave."),
  customers: may(listOf(CustomerEntry), [], "Customers."),
  licenses: may(listOf(LicenseEntry), [], "Licences."),
});

/** The list of the document where entries of a kind stand, in the order in which references can be resolved. */
export const lists = {
  product: "products",
  edition: "editions",
  customer: "customers",
  license: "licenses",
  key: "keys",
} as const satisfies Record<Exclude<Kind, "isv">, keyof typeof TenantDocument.properties>;

export const entrySchemas: Record<Kind, TSchema & { properties: Record<string, TSchema> }> = {
  isv: IsvEntry,
  key: KeyEntry,
  product: ProductEntry,
  edition: EditionEntry,
  customer: CustomerEntry,
  license: LicenseEntry,
};

/** The entity's field that a file's field fills: references are names in the file and ids in the entity. */
export function entityField(fileField: string): string {
  return references.includes(fileField) ? `${fileField}_id` : fileField;
}

/** The file's field that fills an entity's. */
export function fileField(field: string): string {
  return references.some((reference) => `${reference}_id` === field) ? field.slice(0, -"_id".length) : field;
}

/** Fields that name another entity, or a part of one. */
const references = ["product", "customer", "edition", "license", "software_release_limitation"];

export function isId(text: string): boolean {
  return new RegExp(idPattern).test(text);
}
