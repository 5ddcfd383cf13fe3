/** Editions, which SLASCONE calls templates. A change takes effect on their licences at once. */
import { type Static, Type } from "typebox";
import type { Vendor } from "../../catalog/catalog.ts";
import { newBody } from "../../catalog/defaults.ts";
import type { Edition, License, Product } from "../../catalog/entities.ts";
import { sessionsPerHolderAbsoluteMax } from "../../core/limits.ts";
import { changeEntity, entityAnswer, entityChange, given, knownEntity, requireEntity } from "../admin/change.ts";
import { requireFit, requireFree } from "../admin/fit.ts";
import { arrayAnswer, finds, ListQuery } from "../admin/lists.ts";
import { noContent } from "../answer.ts";
import { Label, Maybe, Uuid, uuid, uuidOrNull } from "../input.ts";
import { Problem } from "../problem.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { clientTypes, provisioningModes } from "./dto.ts";
import { freshId, GivenId } from "./given-id.ts";
import { releaseGiven, templateLists, templateParts, templatePartsGiven, templatePartsShown } from "./parts.ts";
import * as schemas from "./schemas.ts";

const TemplateParams = Type.Object({ template_id: Uuid("The edition.") });

const Count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const Minutes = Type.Integer({ minimum: 1, maximum: 52_560_000 });
const templateName = Label("Unique among the editions of its product.", "Floating users");
const Mode = Type.Integer({ minimum: 0, maximum: 1, description: "0 named, 1 floating. Cannot change." });
const Counted = Type.Integer({ minimum: 0, maximum: 2, description: "0 devices, 1 users, 2 projects. Cannot change." });

/** What may be given of an edition beside what must: by the wire's names. */
const settings = {
  enforce_floating_limit: Maybe(Type.Boolean({ description: "False: beyond the limit is granted, and on record." })),
  max_floating_sessions_with_same_client_id: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: sessionsPerHolderAbsoluteMax,
      description: "Sessions that one holder may have at a time, on one token. 0 is the same as 1.",
    }),
  ),
  session_period: Maybe(Type.Union([Minutes, Type.Null()])),
  max_checkout_period: Maybe(Type.Integer({ minimum: 0, maximum: 52_560_000, description: "Minutes; 0: none." })),
  max_checked_out_tokens: Maybe(
    Type.Union([Count, Type.Null()], {
      description: "The most tokens that may be checked out at once; null: any number.",
    }),
  ),
  checkout_reserve: Maybe(
    Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: "Tokens that no checkout may take." }),
  ),
  max_early_check_ins_per_month: Maybe(
    Type.Union([Count, Type.Null()], {
      description: "Vouchers that may be given up before their end, for each licence and month; null: any number.",
    }),
  ),
  heartbeat_period: Maybe(Minutes),
  heartbeats_extend_sessions: Maybe(Type.Boolean()),
  free_ride: Maybe(Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: "Days." })),
  is_temporary: Maybe(Type.Boolean({ description: "Cannot change." })),
  activate_on_open: Maybe(Type.Boolean({ description: "Null: users yes, devices no." })),
  activation_upon_license_creation: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description:
        "Which client is activated when a licence is created: 1 the customer's number, 2 its e-mail address, 3 the call's `client_id`. 0, 4 and 5 are kept as they are; null: none.",
    }),
  ),
  require_session_id: Maybe(Type.Boolean()),
  require_user_id: Maybe(Type.Boolean()),
  one_session_per_user: Maybe(Type.Boolean()),
  default_project_kind: Maybe(Type.Enum(["mono", "team"])),
  allow_kind_switch: Maybe(Type.Boolean()),
  mono_same_user: Maybe(Type.Enum(["refuse", "allow"])),
  token_limit: Maybe(Count),
  goodwill_token_limit: Maybe(Count),
  floating_token_limit: Maybe(Count),
  software_release_limitation_id: Maybe(Uuid("The newest release that is covered, of the product's; null: every one.")),
  allows_invalid_software_release: Maybe(
    Type.Boolean({ description: "Whether clients of a release that is not covered are activated all the same." }),
  ),
  user_limit: Maybe(Count),
  ...templateParts,
};
const Settings = Type.Object(settings);

const NewTemplate = Type.Object({
  id: GivenId,
  product_id: Uuid("Its product. Cannot change."),
  name: templateName,
  provisioning_mode: Mode,
  client_type: Counted,
  ...settings,
});
const ChangedTemplate = Type.Object({
  id: Uuid("The edition."),
  product_id: Maybe(Uuid("Its product, if at all: it cannot change.")),
  name: Maybe(templateName),
  provisioning_mode: Maybe(Mode),
  client_type: Maybe(Counted),
  ...settings,
});
const Clone = Type.Object({ name: templateName });
const DeleteQuery = Type.Object(
  { new_template_id: Type.Optional(Uuid("The edition that its licences change to.")) },
  { additionalProperties: false },
);
const TemplateShown = Type.Object({
  id: Type.String(),
  product_id: Type.String(),
  name: Type.String(),
  provisioning_mode: Mode,
  client_type: Counted,
  session_period: Type.Union([Minutes, Type.Null()]),
  enforce_floating_limit: Type.Boolean(),
  max_floating_sessions_with_same_client_id: Type.Integer(),
  max_checkout_period: Type.Integer(),
  max_checked_out_tokens: Type.Union([Count, Type.Null()]),
  checkout_reserve: Count,
  max_early_check_ins_per_month: Type.Union([Count, Type.Null()]),
  heartbeat_period: Minutes,
  free_ride: Type.Integer(),
  token_limit: Count,
  goodwill_token_limit: Count,
  floating_token_limit: Count,
  default_project_kind: Type.Union([Type.Enum(["mono", "team"]), Type.Null()]),
  allow_kind_switch: Type.Boolean(),
  features: Type.Array(
    Type.Object({ feature_id: Type.String(), feature_name: Type.String(), is_active: Type.Boolean() }),
    { description: "All of the product's, on or off." },
  ),
  ...templatePartsShown,
  product_name: Type.String(),
  license_count: Type.Integer({ description: "Licences of this edition." }),
});
const NotThere = Type.Object({});

export function templateRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/templates",
      reach: "admin",
      tag: "Editions",
      summary: "List editions",
      query: ListQuery(
        {
          product_id: Type.Optional(Uuid("Editions of this product.")),
          name: Type.Optional(Label("The edition of this name.")),
          search: Type.Optional(Label("A part of the edition's or its product's name.")),
        },
        ["name", "product_name"],
      ),
      answers: { 200: Type.Array(TemplateShown), 404: NotThere },
      handle(call, finish) {
        const { product_id, name, search } = call.query;
        const productId = product_id === undefined ? null : knownEntity(call, "product", product_id).id;
        const productOf = (edition: Edition) => call.vendor.products.get(edition.product_id)?.name ?? "";
        const found = [...call.vendor.editions.values()].filter(
          (edition) =>
            (productId === null || edition.product_id === productId) &&
            (name === undefined || edition.name === name) &&
            finds(search, edition.name, productOf(edition)),
        );
        const sorts = { name: (edition: Edition) => edition.name, product_name: productOf };
        finish(arrayAnswer(found, call.query, sorts, (edition) => templateDto(call.vendor, edition)));
      },
    }),
    keyed({
      method: "POST",
      path: "/templates",
      catalogue: "makes",
      reach: "admin",
      tag: "Editions",
      summary: "Create an edition",
      body: NewTemplate,
      answers: { 201: TemplateShown, 409: schemas.Refusal },
      async handle(call, finish) {
        const id = freshId(call.vendor.editions, call.body.id);
        const edition = await changeEntity(store, call, "edition", id, () => laidOver(null, id, call.body));
        finish(entityAnswer(edition as Edition, templateDto(call.vendor, edition as Edition), 201));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/templates",
      catalogue: "revises",
      reach: "admin",
      tag: "Editions",
      summary: "Change an edition",
      description:
        "What is left out stays as it is. The edition's licences and their sessions go by the change from then on; sessions keep the end that they have.",
      body: ChangedTemplate,
      answers: { 200: TemplateShown, 404: NotThere, 409: schemas.Refusal },
      async handle(call, finish) {
        const id = uuid(call.body.id);
        const edition = await changeEntity(store, call, "edition", id, (current) =>
          laidOver(requireEntity(current, "edition"), id, call.body),
        );
        finish(entityAnswer(edition as Edition, templateDto(call.vendor, edition as Edition)));
      },
    }),
    keyed({
      method: "GET",
      path: "/templates/:template_id",
      reach: "admin",
      tag: "Editions",
      summary: "Read an edition",
      params: TemplateParams,
      answers: { 200: TemplateShown, 404: NotThere },
      handle(call, finish) {
        const edition = knownEntity(call, "edition", call.params.template_id);
        finish(entityAnswer(edition, templateDto(call.vendor, edition)));
      },
    }),
    keyed({
      method: "POST",
      path: "/templates/:template_id/clone",
      catalogue: "makes",
      reach: "admin",
      tag: "Editions",
      summary: "Create an edition that is like this one",
      params: TemplateParams,
      body: Clone,
      answers: { 201: TemplateShown, 404: NotThere },
      async handle(call, finish) {
        const like = knownEntity(call, "edition", call.params.template_id);
        const id = freshId(call.vendor.editions, null);
        const { name } = call.body;
        // `If-Match` would name the one that is cloned, not the one to be.
        const apart = { ...call, head: { ...call.head, ifMatch: null } };
        const edition = await changeEntity(store, apart, "edition", id, () => ({ ...like, id, name }));
        finish(entityAnswer(edition as Edition, templateDto(call.vendor, edition as Edition), 201));
      },
    }),
    keyed({
      method: "DELETE",
      path: "/templates/:template_id",
      catalogue: "revises",
      reach: "admin",
      tag: "Editions",
      summary: "Delete an edition",
      description:
        "Refused (409 `entity_in_use`) while it has licences, unless `new_template_id` says what they change to: an edition of the same product that counts alike. Both are one change.",
      params: TemplateParams,
      query: DeleteQuery,
      answers: { 204: Type.Null(), 404: NotThere },
      async handle(call, finish) {
        const id = uuid(call.params.template_id);
        const heirId = uuidOrNull(call.query.new_template_id);
        if (heirId !== null && !call.vendor.editions.has(heirId)) {
          throw new Problem("input_invalid", "new_template_id: there is no template of this id");
        }
        if (heirId === id) throw new Problem("input_invalid", "new_template_id: is the edition itself");
        const moved = () =>
          licensesOf(call.vendor, id).map((license) => {
            const next: License = { ...license, edition_id: heirId as string };
            requireFit(call.vendor, "license", license, next);
            return entityChange(store, call.isvId, "license", license.id, next, license);
          });
        await changeEntity(
          store,
          call,
          "edition",
          id,
          (current) => {
            requireEntity(current, "edition");
            if (heirId === null) requireFree(call.vendor, "edition", id);
            return null;
          },
          () => (heirId === null ? [] : moved()),
        );
        finish(noContent);
      },
    }),
  ];
}

function licensesOf(vendor: Vendor, editionId: string): License[] {
  return [...vendor.licenses.values()].filter(({ edition_id }) => edition_id === editionId);
}

type TemplateInput = Static<typeof Settings> & Omit<Static<typeof ChangedTemplate>, "id" | keyof typeof settings>;

/** Null is a value where the edition may have none, and otherwise as good as nothing. */
function laidOver(current: Edition | null, id: string, body: TemplateInput): Edition {
  const said = given({
    product_id: uuidOrNull(body.product_id) ?? undefined,
    name: body.name ?? undefined,
    provisioning_mode: nameOf(provisioningModes, body.provisioning_mode),
    client_type: nameOf(clientTypes, body.client_type),
    enforce_floating_limit: body.enforce_floating_limit ?? undefined,
    max_floating_sessions_with_same_client_id: body.max_floating_sessions_with_same_client_id ?? undefined,
    session_period: body.session_period,
    max_checkout_period: body.max_checkout_period ?? undefined,
    max_checked_out_tokens: body.max_checked_out_tokens,
    checkout_reserve: body.checkout_reserve ?? undefined,
    max_early_check_ins_per_month: body.max_early_check_ins_per_month,
    heartbeat_period: body.heartbeat_period ?? undefined,
    heartbeats_extend_sessions: body.heartbeats_extend_sessions ?? undefined,
    freeride: body.free_ride ?? undefined,
    is_temporary: body.is_temporary ?? undefined,
    activate_on_open: body.activate_on_open,
    activation_upon_license_creation: body.activation_upon_license_creation,
    require_session_id: body.require_session_id ?? undefined,
    require_user_id: body.require_user_id ?? undefined,
    one_session_per_user: body.one_session_per_user ?? undefined,
    default_project_kind: body.default_project_kind,
    allow_kind_switch: body.allow_kind_switch ?? undefined,
    mono_same_user: body.mono_same_user ?? undefined,
    token_limit: body.token_limit ?? undefined,
    goodwill_token_limit: body.goodwill_token_limit ?? undefined,
    floating_token_limit: body.floating_token_limit ?? undefined,
    software_release_limitation_id: releaseGiven(body.software_release_limitation_id),
    allows_invalid_software_release: body.allows_invalid_software_release ?? undefined,
    user_limit: body.user_limit,
    ...templatePartsGiven(body),
  });
  return { ...(current ?? newBody("edition", id, said)), ...said } as unknown as Edition;
}

function nameOf<T extends string>(
  numbers: Readonly<Record<T, number>>,
  number: number | null | undefined,
): T | undefined {
  return (Object.keys(numbers) as T[]).find((each) => numbers[each] === number);
}

/** Members of SLASCONE's template that nothing here is behind: heartbeats are periodical, and a licence says when it ends. */
const alwaysTheSame = {
  heartbeat_mode: 2,
  has_strict_heartbeats: false,
  heartbeat_sampling_rate: null,
  token_ui_mode: 0,
  expiration_mode: 1,
  expiration_date_utc: null,
  valid_days_count: null,
  trial_days_count: null,
} as const;

/** The edition alone: limits are what its new licences take. */
function templateDto(vendor: Vendor, edition: Edition) {
  const product = vendor.products.get(edition.product_id) as Product;
  const { freeride, provisioning_mode, client_type, ...rest } = edition;
  return {
    ...rest,
    product_name: product.name,
    provisioning_mode: provisioningModes[provisioning_mode],
    client_type: clientTypes[client_type],
    free_ride: freeride,
    max_checked_out_tokens: edition.max_checked_out_tokens ?? null,
    checkout_reserve: edition.checkout_reserve ?? 0,
    max_early_check_ins_per_month: edition.max_early_check_ins_per_month ?? null,
    token_limit: edition.token_limit ?? 0,
    goodwill_token_limit: edition.goodwill_token_limit ?? 0,
    floating_token_limit: edition.floating_token_limit ?? 0,
    software_release_limitation_id: edition.software_release_limitation_id ?? null,
    allows_invalid_software_release: edition.allows_invalid_software_release ?? false,
    user_limit: edition.user_limit ?? null,
    ...alwaysTheSame,
    ...templateLists(edition, product),
    license_count: licensesOf(vendor, edition.id).length,
  };
}
