/** What clients tell of their use: analytical and usage heartbeats, and what administrators read of all that was told. */
import { type Static, Type } from "typebox";
import type { License, Product } from "../../catalog/entities.ts";
import { partsOf } from "../../catalog/parts.ts";
import { refusedClient } from "../../core/decide/assignments.ts";
import type { DenialCode } from "../../core/denials.ts";
import { microsPerUnit } from "../../core/limits.ts";
import { type GatherCommand, type Gathered, gatheredKinds } from "../../core/types.ts";
import { newId } from "../../ids.ts";
import { CatalogConflict } from "../../stores/store.ts";
import { authorOf } from "../admin/author.ts";
import { entityChange, inTurn } from "../admin/change.ts";
import { pageOf } from "../admin/lists.ts";
import { json } from "../answer.ts";
import { Instant, millis, Name, Uuid, uuid, uuidOrNull } from "../input.ts";
import * as limits from "../limits.ts";
import { clientOrNull, nameOrNull, requireNames } from "../names.ts";
import { requireLicenseEver } from "../past-licenses.ts";
import { onceDecided, Problem } from "../problem.ts";
import { type Finish, type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { answerOf, denied } from "./answers.ts";
import { licenseOfTeller, productOfTeller } from "./clients.ts";
import { instant } from "./dto.ts";
import * as schemas from "./schemas.ts";

const answers = { 200: schemas.Sentence, 409: schemas.Refusal };

/** Tries at adding what is missing while other servers add to the same product. */
const triesMax = 5;

export function gatheringRoutes(services: Services): Route[] {
  return [analyticalRoute(services), usageRoute(services), usageByNameRoute(services), toldRoute(services)];
}

type Values = GatherCommand["values"];

function analyticalRoute(services: Services): Route {
  return keyed({
    method: "POST",
    path: "/data_gathering/analytical_heartbeats",
    reach: "app",
    tag: "Data gathering",
    summary: "Tell values of analytical fields",
    description: "An expired or inactive licence does not fail it. Values of several fields are of one product.",
    body: schemas.AnalyticalHeartbeat,
    answers,
    async handle(call, finish) {
      const told = call.body.analytical_heartbeat;
      const product = await productOf(services, call, "analytical_fields", told[0]?.analytical_field_id);
      const values: Values[number][] = [];
      for (const { analytical_field_id, value, value_array, timestamp_utc } of told) {
        const field = partsOf(product, "analytical_fields").find(({ id }) => id === uuid(analytical_field_id));
        if (field === undefined) return finish(denied("analytical_field_unknown", call));
        if (field.type === "number" && !isNumber(value)) return finish(denied("analytical_value_no_number", call));
        const happenedAt = instantOf(timestamp_utc);
        values.push({ subjectId: field.id, moduleId: null, texts: value_array ?? [value], amount: null, happenedAt });
      }
      await tell(services, call, product, "analytical", values, finish);
    },
  });
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

function usageRoute(services: Services): Route {
  return keyed({
    method: "POST",
    path: "/data_gathering/usage_heartbeats",
    reach: "app",
    tag: "Data gathering",
    summary: "Tell how often features were used",
    description: "An expired or inactive licence does not fail it. Features of one heartbeat are of one product.",
    body: schemas.UsageHeartbeat,
    answers,
    async handle(call, finish) {
      const told = call.body.usage_heartbeat;
      const product = await productOf(services, call, "usage_features", told[0]?.usage_feature_id);
      const values: Values[number][] = [];
      for (const { usage_feature_id, usage_module_id, value, timestamp_utc } of told) {
        const subjectId = uuid(usage_feature_id);
        const moduleId = uuidOrNull(usage_module_id);
        const isKnown = partsOf(product, "usage_features").some(({ id }) => id === subjectId);
        if (!isKnown) return finish(denied("usage_feature_unknown", call));
        if (moduleId !== null && !partsOf(product, "usage_modules").some(({ id }) => id === moduleId)) {
          return finish(denied("usage_module_unknown", call));
        }
        values.push(usage(subjectId, moduleId, value, timestamp_utc));
      }
      await tell(services, call, product, "usage", values, finish);
    },
  });
}

function usageByNameRoute(services: Services): Route {
  return keyed({
    method: "POST",
    path: "/data_gathering/usage_heartbeats_by_name",
    reach: "app",
    tag: "Data gathering",
    summary: "Tell how often features were used, by their names",
    description:
      "Features and modules that the product does not have are created where that is asked for, by keys of scope `backend` alone: an `app` key is known to whoever has the software.",
    body: schemas.UsageHeartbeatByName,
    answers,
    async handle(call, finish) {
      const { body } = call;
      const productId = uuid(body.product_id);
      const known = call.vendor.products.get(productId);
      if (known === undefined) return finish(denied("product_unknown", call));
      if (body.usage_heartbeat.length === 0) return finish(taken);
      const license = await licenseOfTeller(services.store, call, productId, tellerOf(call));
      if (typeof license === "string") return finish(denied(license, call));
      // Whoever is refused adds nothing to the product either; the rules say why, unless that is over by then.
      if (await isRefused(services.store, call, license)) {
        const outcome = await services.desk.decide(gatherOf(call, license, "usage", []));
        if (outcome.denial !== null) return finish(answerOf(outcome, call, () => taken));
      }
      const isWhole = lacksNothing(call.vendor.products.get(productId), body);
      const missing = isWhole
        ? null
        : await inTurn(services.store, call.isvId, () => addMissing(services, call, productId));
      if (missing !== null) return finish(denied(missing, call));
      const product = call.vendor.products.get(productId) as Product;
      const values = body.usage_heartbeat.map(({ usage_feature_name, usage_module_name, value, timestamp_utc }) => {
        const subjectId = idOf(product, "usage_features", usage_feature_name) as string;
        const moduleId = usage_module_name == null ? null : idOf(product, "usage_modules", usage_module_name);
        return usage(subjectId, moduleId ?? null, value, timestamp_utc);
      });
      await onceDecided(() => submit(services, call, license, "usage", values, finish), product !== known);
    },
  });
}

type ByName = Static<typeof schemas.UsageHeartbeatByName>;
type UsageList = "usage_features" | "usage_modules";

function idOf(product: Product | undefined, list: UsageList, name: string): string | undefined {
  return partsOf(product, list).find((part) => part.name === name.trim())?.id;
}

/** Names that a heartbeat uses and the product does not have. */
function missingOf(product: Product | undefined, list: UsageList, body: ByName): string[] {
  const field = list === "usage_features" ? "usage_feature_name" : "usage_module_name";
  const names = body.usage_heartbeat.flatMap((value) => value[field]?.trim() ?? []);
  return [...new Set(names)].filter((name) => idOf(product, list, name) === undefined);
}

function lacksNothing(product: Product | undefined, body: ByName): boolean {
  return (
    missingOf(product, "usage_features", body).length === 0 && missingOf(product, "usage_modules", body).length === 0
  );
}

/**
 * Gives the product the features and modules that it lacks, where the caller wants it and may: a new release tells of its new
 * ones from many machines at once. Answers with what stays unknown.
 */
async function addMissing({ store }: Services, call: KeyedCall<ByName>, productId: string): Promise<DenialCode | null> {
  const { body, vendor } = call;
  for (let n = 1; ; n++) {
    const product = vendor.products.get(productId);
    if (product === undefined) return "product_unknown";
    const features = missingOf(product, "usage_features", body);
    const modules = missingOf(product, "usage_modules", body);
    if (features.length === 0 && modules.length === 0) return null;
    if (features.length > 0 && body.create_usage_feature_if_not_exists !== true) return "usage_feature_unknown";
    if (modules.length > 0 && body.create_usage_module_if_not_exists !== true) return "usage_module_unknown";
    if (call.key.role === "provisioning" && call.key.scope === "app") {
      throw new Problem("key_insufficient", "Keys of scope app add nothing to a product.");
    }
    const next: Product = {
      ...product,
      usage_features: [...partsOf(product, "usage_features"), ...features.map(fresh)],
      usage_modules: [...partsOf(product, "usage_modules"), ...modules.map(fresh)],
    };
    const longest = Math.max(next.usage_features?.length ?? 0, next.usage_modules?.length ?? 0);
    if (longest > partsMax) throw new Problem("input_invalid", `body: a product has at most ${partsMax} of each`);
    try {
      await store.saveCatalog([entityChange(store, call.isvId, "product", productId, next, product)], authorOf(call));
    } catch (error) {
      if (!(error instanceof CatalogConflict)) throw error;
      if (n >= triesMax) throw othersAdd();
      await store.refresh();
    }
  }
}

function othersAdd(): Problem {
  const detail = "Others are changing the same product. Nothing of the request happened. Try again in a moment.";
  return new Problem("overloaded", detail, ["Retry-After", "1"]);
}

/** As many as the schema of a product allows. */
const partsMax = 1_000;

function fresh(name: string) {
  return { id: newId(), name };
}

function usage(subjectId: string, moduleId: string | null, units: number, at: string | null | undefined) {
  const amount = Math.round(units * microsPerUnit);
  return { subjectId, moduleId, texts: [], amount, happenedAt: instantOf(at) };
}

function instantOf(text: string | null | undefined): number | null {
  return text == null ? null : millis(text, "timestamp_utc");
}

/** The product that has a part of this id. */
function productOf(
  { store }: Services,
  call: Telling,
  list: "analytical_fields" | "usage_features",
  id: string | undefined,
): Promise<Product | undefined> {
  const wanted = id?.toLowerCase();
  const having = [...call.vendor.products.values()].filter((product) =>
    partsOf(product, list).some((part) => part.id === wanted),
  );
  return productOfTeller(store, call, having, tellerOf(call));
}

type Telling = KeyedCall<{
  readonly client_id: string;
  readonly token_key?: string | null;
  readonly user_id?: string | null;
}>;

const taken = json("Heartbeat taken.");

/** Submits what was told to the licence that the client is on. Nothing was told: nothing is looked at. */
async function tell(
  services: Services,
  call: Telling,
  product: Product | undefined,
  kind: GatherCommand["kind"],
  values: Values,
  finish: Finish,
): Promise<void> {
  if (product === undefined || values.length === 0) return finish(taken);
  const license = await licenseOfTeller(services.store, call, product.id, tellerOf(call));
  if (typeof license === "string") return finish(denied(license, call));
  await submit(services, call, license, kind, values, finish);
}

function tellerOf({ body }: Telling) {
  return { clientId: body.client_id, tokenKey: uuidOrNull(body.token_key), userId: body.user_id ?? null };
}

async function isRefused(store: Services["store"], call: Telling, license: License): Promise<boolean> {
  const view = await store.read(call.isvId, license.id);
  return view === undefined || refusedClient(view, tellerOf(call), store.now()) !== null;
}

async function submit(
  { desk }: Services,
  call: Telling,
  license: License,
  kind: GatherCommand["kind"],
  values: Values,
  finish: Finish,
): Promise<void> {
  const outcome = await desk.decide(gatherOf(call, license, kind, values));
  finish(answerOf(outcome, call, () => taken));
}

function gatherOf(call: Telling, license: License, kind: GatherCommand["kind"], values: Values): GatherCommand {
  return { type: "gather", isvId: call.isvId, licenseId: license.id, ...tellerOf(call), kind, values };
}

const ToldQuery = Type.Object(
  {
    license_id: Type.Optional(schemas.LicenseParams.properties.license_id),
    kind: Type.Optional(Type.Enum([...gatheredKinds])),
    client_id: Type.Optional(Name("What this client told.")),
    subject_id: Type.Optional(Uuid("What was told of this analytical field, usage feature or limitation.")),
    from: Type.Optional(Instant("From this instant on.")),
    to: Type.Optional(Instant("Before this instant.")),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageMax })),
    page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
  },
  { additionalProperties: false },
);

function toldRoute({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/data_gathering/heartbeats",
    reach: "admin",
    tag: "Data gathering",
    summary: "Read what clients told",
    description: "Analytical values, usage and consumption, newest first, as long as they are kept.",
    query: ToldQuery,
    answers: { 200: schemas.ToldPage },
    async handle(call, finish) {
      const { query } = call;
      if (query.client_id !== undefined) requireNames(call.names);
      const licenseId = uuidOrNull(query.license_id);
      if (licenseId !== null) await requireLicenseEver(store, call, licenseId);
      const { items, total } = await store.gathered({
        isvId: call.isvId,
        licenseId,
        kind: query.kind ?? null,
        clientId: query.client_id ?? null,
        subjectId: uuidOrNull(query.subject_id),
        from: query.from === undefined ? null : millis(query.from, "from"),
        to: query.to === undefined ? null : millis(query.to, "to"),
        ...pageAsked(query),
      });
      finish(
        pageOf(
          items.map((value) => toldDto(value, call)),
          total,
          query,
        ),
      );
    },
  });
}

/** Where a page begins, and how long it is. */
export function pageAsked({ page, page_size }: { readonly page?: number; readonly page_size?: number }) {
  const limit = page_size ?? limits.pageSizeDefault;
  return { offset: ((page ?? 1) - 1) * limit, limit };
}

function toldDto(value: Gathered, { names, vendor }: Pick<KeyedCall, "names" | "vendor">) {
  return {
    time: instant(value.at),
    kind: value.kind,
    license_id: value.licenseId,
    client_id: clientOrNull(names, vendor.countsDevices(value.licenseId), value.clientId),
    user_id: nameOrNull(names, value.userId),
    subject_id: value.subjectId,
    usage_module_id: value.moduleId,
    values: value.texts,
    amount: value.amount === null ? null : value.amount / microsPerUnit,
    transaction_id: value.transactionId,
    external_id: value.externalId,
    timestamp_utc: value.happenedAt === null ? null : instant(value.happenedAt),
  };
}
