/** Licences: created, changed, listed and deleted by administrators. */
import { type Static, Type } from "typebox";
import type { Vendor } from "../../catalog/catalog.ts";
import { newBody } from "../../catalog/defaults.ts";
import type { Edition, License } from "../../catalog/entities.ts";
import type { Millis } from "../../core/types.ts";
import { newIds } from "../../ids.ts";
import { knownLicense } from "../access.ts";
import { clientChanged, endAllSessions } from "../admin/acts.ts";
import {
  changeEntity,
  entityAnswer,
  etagOf,
  given,
  knownEntity,
  requireEntity,
  requireMatch,
} from "../admin/change.ts";
import { inUse, requireFree } from "../admin/fit.ts";
import { finds, ListQuery, PageOf, pageAnswer } from "../admin/lists.ts";
import { noContent } from "../answer.ts";
import { Instant, instantText, Label, Maybe, Name, Uuid, uuid, uuidOrNull } from "../input.ts";
import { onceDecided, Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { clientTypes, described, isExpired, licenseDto } from "./dto.ts";
import { freshId, GivenId } from "./given-id.ts";
import { licenseParts, licensePartsGiven, licensePartsShown, OwnParts, ownParts, releaseGiven } from "./parts.ts";
import * as schemas from "./schemas.ts";

const Count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });

/** Nothing that a name may not hold either: PostgreSQL cannot keep half a surrogate pair. */
const domainPattern = "^[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]+$";

/** What may be given of a licence beside what must: by the wire's names. */
const settings = {
  name: Maybe(Label("Shown to applications.")),
  token_limit: Maybe(Count),
  goodwill_token_limit: Maybe(Count),
  floating_token_limit: Maybe(Count),
  project_tokens: Maybe(Type.Object({ mono: Count, team: Count })),
  legacy_license_key: Maybe(Label("A key of the vendor's own by which applications may name the licence.")),
  allowed_user_domains: Maybe(
    Type.Array(Type.String({ minLength: 1, maxLength: 253, pattern: domainPattern }), { maxItems: 1000 }),
  ),
  is_active: Maybe(Type.Boolean({ description: "An inactive licence denies." })),
  start_date_utc: Maybe(Instant("From when on it is valid, as applications are told.")),
  expiration_date_utc: Maybe(Instant("When the licence is over; null: never.")),
  software_release_limitation_id: Maybe(Uuid("The newest release that is covered; null: the edition's.")),
  user_limit: Maybe(Count),
  ...licenseParts,
};
const NewLicense = Type.Object({
  id: GivenId,
  customer_id: Uuid("Its customer."),
  product_id: Maybe(Uuid("The edition's product, if at all.")),
  template_id: Uuid("Its edition."),
  client_id: Maybe(Name("The client that is activated at once, where the edition says 3.")),
  ...settings,
});
const ChangedLicense = Type.Object({
  id: Uuid("The licence."),
  customer_id: Maybe(Uuid("Its customer.")),
  product_id: Maybe(Uuid("The edition's product, if at all.")),
  template_id: Maybe(Uuid("An edition of the same product that counts alike.")),
  ...settings,
});
type LicenseInput = Omit<Static<typeof ChangedLicense>, "id">;

const sorts = ["name", "customer", "expiration_date_utc", "legacy_license_key"];
const Filter = ListQuery(
  {
    product_id: Type.Optional(Uuid("Licences of this product.")),
    customer_id: Type.Optional(Uuid("Licences of this customer.")),
    template_id: Type.Optional(Uuid("Licences of this edition.")),
    client_type: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2,
        description: "Licences that count devices (0), users (1), projects (2).",
      }),
    ),
    is_active: Type.Optional(Type.Boolean()),
    is_expired: Type.Optional(Type.Boolean()),
    search: Type.Optional(Label("A part of the licence's name or keys, or of its customer's name or number.")),
  },
  sorts,
);
const DeleteQuery = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: "End its live sessions first." })) },
  { additionalProperties: false },
);
const Toggle = Type.Object({
  is_active: Maybe(Type.Boolean({ description: "Left out: the opposite of what it is." })),
});
const NotThere = Type.Object({});
/** Some members more than SLASCONE's clients know: these answers are for administrators. */
const LicenseShown = Type.Object({
  ...schemas.License.properties,
  ...licensePartsShown,
  provisioning_mode: schemas.License.properties.template.properties.provisioning_mode,
  client_type: schemas.License.properties.template.properties.client_type,
  etag: Type.String({ description: "The version that `If-Match` may name, also where the licence is one of a list." }),
  project_tokens: Type.Union([Type.Object({ mono: Count, team: Count }), Type.Null()]),
  allowed_user_domains: Type.Array(Type.String()),
  own_parts: OwnParts,
});

function shown({ vendor, names }: KeyedCall, license: License, now: Millis) {
  const { project_tokens, allowed_user_domains } = license;
  const dto = licenseDto(described(vendor, license), [], now, names);
  const { provisioning_mode, client_type } = dto.template;
  return {
    ...dto,
    provisioning_mode,
    client_type,
    etag: etagOf(license),
    project_tokens,
    allowed_user_domains,
    own_parts: ownParts(license),
  };
}

export function licenseRoutes(services: Services): Route[] {
  return [...listRoutes(services), ...changeRoutes(services), deleteLicense(services)];
}

function listRoutes({ store }: Services): Route[] {
  const list = (call: KeyedCall, asked: Static<typeof Filter>) => {
    const now = store.now();
    const found = [...call.vendor.licenses.values()].filter((license) => isAsked(call.vendor, license, asked, now));
    const customerOf = ({ customer_id }: License) => call.vendor.customers.get(customer_id);
    const keys = {
      name: ({ name, id }: License) => name ?? id,
      customer: (license: License) => customerOf(license)?.name ?? "",
      // What never ends comes after what does.
      expiration_date_utc: ({ expiration_date_utc }: License) => expiration_date_utc ?? "~",
      legacy_license_key: ({ legacy_license_key }: License) => legacy_license_key ?? "",
    };
    return pageAnswer(found, asked, keys, (license) => shown(call, license, now));
  };
  return [
    keyed({
      method: "GET",
      path: "/licenses",
      reach: "admin",
      tag: "Licences",
      summary: "List licences",
      query: Filter,
      answers: { 200: PageOf(LicenseShown), 404: NotThere },
      handle(call, finish) {
        const { product_id, customer_id, template_id } = call.query;
        if (product_id !== undefined) knownEntity(call, "product", product_id);
        if (customer_id !== undefined) knownEntity(call, "customer", customer_id);
        if (template_id !== undefined) knownEntity(call, "edition", template_id);
        finish(list(call, call.query));
      },
    }),
    ...["/licenses/filtered", "/licenses/filtered/detailed"].map((path) =>
      keyed({
        method: "POST",
        path,
        reach: "admin",
        role: "viewer",
        tag: "Licences",
        summary: "List licences; the filter is the body",
        description: "Every list has all details, so `filtered` and `filtered/detailed` answer alike.",
        body: Filter,
        answers: { 200: PageOf(LicenseShown) },
        handle: (call, finish) => finish(list(call, call.body)),
      }),
    ),
  ];
}

function isAsked(vendor: Vendor, license: License, asked: Static<typeof Filter>, now: Millis): boolean {
  const customer = vendor.customers.get(license.customer_id);
  const is = (id: string, wanted: string | undefined) => wanted === undefined || id === wanted.toLowerCase();
  return (
    is(license.product_id, asked.product_id) &&
    is(license.customer_id, asked.customer_id) &&
    is(license.edition_id, asked.template_id) &&
    (asked.client_type === undefined || countedBy(vendor, license) === asked.client_type) &&
    (asked.is_active === undefined || license.is_active === asked.is_active) &&
    (asked.is_expired === undefined || isExpired(license, now) === asked.is_expired) &&
    finds(asked.search, license.name, license.id, license.legacy_license_key, customer?.name, customer?.number)
  );
}

function countedBy(vendor: Vendor, { edition_id }: License): number | undefined {
  const edition = vendor.editions.get(edition_id);
  return edition === undefined ? undefined : clientTypes[edition.client_type];
}

function changeRoutes(services: Services): Route[] {
  const { store } = services;
  const answer = (call: KeyedCall, license: License, status = 200) =>
    entityAnswer(license, shown(call, license, store.now()), status);
  return [
    keyed({
      method: "POST",
      path: "/licenses",
      catalogue: "makes",
      reach: "admin",
      tag: "Licences",
      summary: "Create a licence",
      description:
        "Limits that are left out are the edition's. Where the edition says so, a client is activated at once: the customer's number, its e-mail address, or `client_id`. On an inactive or expired licence none is; another denial of it stands in the denial log.",
      body: NewLicense,
      answers: { 201: LicenseShown, 409: schemas.Refusal },
      async handle(call, finish) {
        const { body } = call;
        const id = freshId(call.vendor.licenses, body.id);
        const license = (await changeEntity(store, call, "license", id, () => {
          const fresh = created(call.vendor, id, body);
          clientToActivate(call.vendor, fresh, body.client_id);
          return fresh;
        })) as License;
        const client = clientToActivate(call.vendor, license, body.client_id);
        if (client !== null) await onceDecided(() => activate(services, call, license, client));
        finish(answer(call, license, 201));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/licenses",
      catalogue: "revises",
      reach: "admin",
      tag: "Licences",
      summary: "Change a licence",
      description:
        "What is left out stays as it is. Sessions keep the end that they have; their next extend goes by the change.",
      body: ChangedLicense,
      answers: { 200: LicenseShown, 404: NotThere, 409: schemas.Refusal },
      async handle(call, finish) {
        const id = uuid(call.body.id);
        const license = await changeEntity(store, call, "license", id, (current) =>
          laidOver(call.vendor, requireEntity(current, "license"), call.body),
        );
        finish(answer(call, license as License));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/licenses/:license_id/toggle",
      catalogue: "revises",
      reach: "admin",
      tag: "Licences",
      summary: "Switch a licence on or off",
      params: schemas.LicenseParams,
      body: Toggle,
      isBodyOptional: true,
      answers: { 200: LicenseShown, 404: NotThere },
      async handle(call, finish) {
        const isActive = (call.body as typeof call.body | undefined)?.is_active ?? null;
        const license = await changeEntity(store, call, "license", uuid(call.params.license_id), (current) => {
          const old = requireEntity(current, "license");
          return { ...old, is_active: isActive ?? !old.is_active };
        });
        finish(answer(call, license as License));
      },
    }),
  ];
}

/** A new licence: its limits are the edition's where none are said. */
function created(vendor: Vendor, id: string, body: Static<typeof NewLicense>): License {
  const edition = vendor.editions.get(uuid(body.template_id));
  const limits = given({
    token_limit: edition?.token_limit,
    goodwill_token_limit: edition?.goodwill_token_limit,
    floating_token_limit: edition?.floating_token_limit,
  });
  const blank = { ...newBody("license", id, body), ...limits, product_id: edition?.product_id ?? id };
  return laidOver(vendor, blank as unknown as License, body);
}

/** Null is a value where the licence may have none, and otherwise as good as nothing. The product is the edition's. */
function laidOver(vendor: Vendor, current: License, body: LicenseInput): License {
  const editionId = uuidOrNull(body.template_id) ?? current.edition_id;
  const productId = vendor.editions.get(editionId)?.product_id ?? current.product_id;
  requireProductOf(vendor, editionId, uuidOrNull(body.product_id));
  const date = (field: "start_date_utc" | "expiration_date_utc") => {
    const text = body[field];
    return typeof text === "string" ? instantText(text, field) : text;
  };
  const said = given({
    customer_id: uuidOrNull(body.customer_id) ?? undefined,
    edition_id: editionId,
    product_id: productId,
    name: body.name,
    token_limit: body.token_limit ?? undefined,
    goodwill_token_limit: body.goodwill_token_limit ?? undefined,
    floating_token_limit: body.floating_token_limit ?? undefined,
    project_tokens: body.project_tokens,
    legacy_license_key: body.legacy_license_key,
    allowed_user_domains: body.allowed_user_domains ?? undefined,
    is_active: body.is_active ?? undefined,
    start_date_utc: date("start_date_utc"),
    expiration_date_utc: date("expiration_date_utc"),
    software_release_limitation_id: releaseGiven(body.software_release_limitation_id),
    user_limit: body.user_limit,
    ...licensePartsGiven(body),
  });
  return { ...current, ...said } as License;
}

/** @throws Problem where a licence is given another product than its edition's. An unknown edition is told by the rules. */
function requireProductOf(vendor: Vendor, editionId: string, asked: string | null): void {
  if (asked === null) return;
  if (!vendor.products.has(asked)) {
    throw new Problem("input_invalid", "product_id: there is no product of this id", [], undefined, 3000);
  }
  const edition = vendor.editions.get(editionId);
  if (edition === undefined || edition.product_id === asked) return;
  throw new Problem("input_invalid", "product_id: is not that of the template; a licence takes its product from there");
}

/**
 * The client that the edition activates with a new licence; null: none.
 * @throws Problem (400) where there is none to activate, or no token for it.
 */
function clientToActivate(vendor: Vendor, license: License, given: string | null | undefined): string | null {
  const edition = vendor.editions.get(license.edition_id);
  const customer = vendor.customers.get(license.customer_id);
  if (edition === undefined || customer === undefined) return null;
  const client = clientOf(edition, { number: customer.number, email: customer.email ?? null, given: given ?? null });
  if (client === null) return null;
  const hasToken = edition.provisioning_mode === "floating" || license.token_limit + license.goodwill_token_limit > 0;
  if (!hasToken) {
    throw new Problem("input_invalid", "token_limit: the template activates a client at once, which needs a token");
  }
  return client;
}

interface Candidates {
  readonly number: string;
  readonly email: string | null;
  readonly given: string | null;
}

function clientOf(edition: Edition, { number, email, given }: Candidates): string | null {
  switch (edition.activation_upon_license_creation) {
    case 1:
      return number;
    case 2:
      if (email !== null) return email;
      throw new Problem(
        "input_invalid",
        "customer_id: the template activates the customer's e-mail address, and it has none",
      );
    case 3:
      if (given !== null) return given;
      throw new Problem("input_invalid", "client_id: the template activates it at once");
    default:
      return null;
  }
}

/** A denial is on record, and leaves the licence as good as without. */
async function activate({ desk, store }: Services, call: KeyedCall, license: License, clientId: string): Promise<void> {
  if (!license.is_active || isExpired(license, store.now())) return;
  const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
  const place = { isvId: call.isvId, licenseId: license.id };
  const command = { type: "activate", ...place, clientId, ...nothing, ids: newIds() } as const;
  await desk.decide(command, clientChanged(call, license.id, "client.activated"));
}

function deleteLicense({ desk, store }: Services): Route {
  return keyed({
    method: "DELETE",
    path: "/licenses/:license_id",
    catalogue: "revises",
    reach: "admin",
    tag: "Licences",
    summary: "Delete a licence",
    description:
      "Its clients and projects go with it; its history stays. Refused (409 `entity_in_use`) while keys are bound to it, and while it has live sessions, unless `force` ends them first.",
    params: schemas.LicenseParams,
    query: DeleteQuery,
    answers: { 204: Type.Null(), 404: NotThere },
    async handle(call, finish) {
      const license = knownLicense(call, call.params.license_id);
      requireMatch(call, license);
      requireFree(call.vendor, "license", license.id);
      // What has lapsed is released first: only who is really in stands in the way.
      const isForced = call.query.force === true;
      if (!isForced) await desk.decide({ type: "sweep", isvId: call.isvId, licenseId: license.id });
      const hasEnded = isForced && (await endAllSessions({ desk, store }, call, license.id)).ended > 0;
      await onceDecided(() => deleteFree(store, call, license.id), hasEnded);
      finish(noContent);
    },
  });
}

/** @throws Problem (409) while the licence has live sessions or keys. */
async function deleteFree(store: Services["store"], call: KeyedCall, licenseId: string): Promise<void> {
  const sessions = (await store.read(call.isvId, licenseId))?.sessions() ?? [];
  const live = [...sessions].filter(({ endedAt }) => endedAt === null);
  if (live.length > 0) {
    throw inUse(live.map(({ id, clientId, userId }) => ({ kind: "session", id, name: userId ?? clientId })));
  }
  await changeEntity(store, call, "license", licenseId, (current) => {
    requireEntity(current, "license");
    requireFree(call.vendor, "license", licenseId);
    return null;
  });
}
