/** How the wire writes what editions and licences say of their product's parts, and reads it from administrators. */
import { type Static, Type } from "typebox";
import type { Edition, License, Product } from "../../catalog/entities.ts";
import {
  constrainedVariablesOf,
  featuresOf,
  limitationsOf,
  releaseOf,
  variablesOf,
} from "../../catalog/entitlements.ts";
import { partsOf } from "../../catalog/parts.ts";
import { remaining } from "../../core/decide/quotas.ts";
import type { ConsumptionReset, Limitation, Millis, QuotaStatus } from "../../core/types.ts";
import { Instant, instantText, Maybe, Uuid, uuid, uuidOrNull } from "../input.ts";

/** A licence, its edition and its product. */
interface Entitlement {
  readonly license: License;
  readonly edition: Edition;
  readonly product: Product;
}

/** SLASCONE's numbers; 0: nothing is consumed. */
const resetModes = { lifecycle: 1, days: 2, month: 3, quarter: 4, year: 5 } as const satisfies Record<
  ConsumptionReset,
  number
>;

function resetModeOf({ reset }: Pick<Limitation, "reset">): number {
  return reset === null ? 0 : resetModes[reset];
}

function resetDaysOf({ reset, resetDays }: Limitation): number | null {
  return reset === "days" ? resetDays : null;
}

/** Features as applications are told them. */
export function featuresTold({ license, edition, product }: Entitlement, now: Millis) {
  return featuresOf(product, license, edition, now).map(({ id, name, description, isActive, expiresAt }) => {
    return { id, name, description, is_active: isActive, expiration_date_utc: utcOrNull(expiresAt) };
  });
}

/** Limitations as applications are told them; `quotas` say what is left. */
export function limitationsTold({ license, edition, product }: Entitlement, quotas: readonly QuotaStatus[]) {
  return limitationsOf(license, edition).map((limitation) => {
    const named = product.limitations.find(({ id }) => id === limitation.id);
    const quota = quotas.find((status) => status.limitation.id === limitation.id);
    return {
      id: limitation.id,
      name: named?.name ?? "",
      description: named?.description ?? null,
      value: limitation.limit,
      // A number always: existing readers know no null here, see `value`.
      remaining: (quota === undefined ? limitation.limit : remaining(quota)) ?? 0,
      consumption_reset_mode: resetModeOf(limitation),
      consumption_reset_period_days: resetDaysOf(limitation),
    };
  });
}

export function variablesTold({ license, edition, product }: Entitlement) {
  return variablesOf(product, license, edition);
}

/** Every constrained variable has a list of its own, which goes by its id. */
export function constrainedVariablesTold({ license, edition, product }: Entitlement) {
  return constrainedVariablesOf(product, license, edition).map(({ id, name, description, value }) => {
    return { id, name, description, customListId: id, value };
  });
}

export function releaseTold({ license, edition, product }: Entitlement) {
  const release = releaseOf(license, edition, product);
  return release === null ? null : releaseDto(product, release);
}

export function releaseDto(product: Product, { id, name, description }: Product["features"][number]) {
  return { id, product_id: product.id, software_release: name, description: description ?? null };
}

/** What a licence has, in the lists of SLASCONE's licence. */
export function licenseLists(about: Entitlement, now: Millis) {
  const { license, edition, product } = about;
  const product_id = product.id;
  return {
    license_features: featuresTold(about, now).map(
      ({ id, name, description, is_active, expiration_date_utc: end }) => ({
        product_id,
        feature_id: id,
        feature_name: name,
        feature_description: description,
        is_active,
        // A feature that ends is, in SLASCONE's words, an exception from being off.
        feature_exceptions:
          end === null
            ? null
            : {
                original_is_active: false,
                exceptions: [{ start_date_utc: null, end_date_utc: end, temporary_is_active: true }],
              },
      }),
    ),
    license_limitations: limitationsOf(license, edition).map((limitation) => ({
      product_id,
      limitation_id: limitation.id,
      limitation_name: product.limitations.find(({ id }) => id === limitation.id)?.name ?? null,
      limit: limitation.limit,
      consumption_reset_mode: resetModeOf(limitation),
      consumption_reset_period_days: resetDaysOf(limitation),
    })),
    license_variables: variablesTold(about).map(({ id, name, description, value }) => {
      return { product_id, variable_id: id, variable_name: name, variable_description: description, value };
    }),
    license_constrained_variables: constrainedVariablesTold(about).map(({ id, name, value }) => {
      return { product_id, variable_id: id, variable_name: name, values: value };
    }),
  };
}

/** What a licence itself says, without its edition: as a change of it takes it. */
export function ownParts(license: License) {
  return {
    license_features: (license.features ?? []).map(({ id, is_active, expiration_date_utc: end }) => ({
      feature_id: id,
      is_active: is_active ?? true,
      expiration_date_utc: utcOrNull(end ?? null),
    })),
    license_limitations: (license.limitations ?? []).map((limitation) => {
      const { id, value, consumption_reset_mode: mode, consumption_reset_period_days: days } = limitation;
      return {
        limitation_id: id,
        limit: value,
        consumption_reset_mode: mode === undefined ? null : resetModes[mode],
        consumption_reset_period_days: days ?? null,
      };
    }),
    license_variables: (license.variables ?? []).map(({ id, value }) => ({ variable_id: id, value })),
    license_constrained_variables: (license.constrained_variables ?? []).map(({ id, values }) => {
      return { variable_id: id, values };
    }),
    software_release_limitation_id: license.software_release_limitation_id ?? null,
  };
}

/** What an edition itself has, in the lists of SLASCONE's template. */
export function templateLists(edition: Edition, product: Product) {
  return {
    features: product.features.map(({ id, name, description }) => ({
      feature_id: id,
      feature_name: name,
      feature_description: description ?? null,
      is_active: edition.features.includes(id),
    })),
    limitations: edition.limitations.map((limitation) => {
      const { id, value, consumption_reset_mode: mode, consumption_reset_period_days: days } = limitation;
      return {
        limitation_id: id,
        limitation_name: nameIn(product, "limitations", id),
        limit: value,
        consumption_reset_mode: mode === undefined ? 0 : resetModes[mode],
        consumption_reset_period_days: days ?? null,
        goodwill: limitation.goodwill ?? 0,
        enforce_limit: limitation.enforce_limit ?? true,
      };
    }),
    variables: (edition.variables ?? []).map(({ id, value }) => {
      return { variable_id: id, variable_name: nameIn(product, "variables", id), value };
    }),
    constrained_variables: (edition.constrained_variables ?? []).map(({ id, values }) => ({
      variable_id: id,
      variable_name: nameIn(product, "constrained_variables", id),
      values,
    })),
  };
}

function nameIn(product: Product, list: "limitations" | "variables" | "constrained_variables", id: string) {
  return partsOf(product, list).find((part) => part.id === id)?.name ?? null;
}

function utcOrNull(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}

const LimitationInput = {
  limitation_id: Uuid("A limitation of the product."),
  limit: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 2_147_483_647 }), Type.Null()])),
  consumption_reset_mode: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description:
        "When what is consumed counts anew: 0 nothing is consumed, 1 never, 2 every so many days, 3 month, 4 quarter, 5 year.",
    }),
  ),
  consumption_reset_period_days: Maybe(Type.Integer({ minimum: 1, maximum: 36_500 })),
};
const VariableInput = Type.Object({
  variable_id: Uuid("A variable of the product."),
  value: Type.String({ maxLength: 4096 }),
});
const ChoiceInput = Type.Object({
  variable_id: Uuid("A constrained variable of the product."),
  values: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1000 }),
});

/** What administrators may give of an edition's parts, each list whole. */
export const templateParts = {
  features: Maybe(
    Type.Array(Type.Object({ feature_id: Uuid("A feature of the product."), is_active: Maybe(Type.Boolean()) }), {
      maxItems: 1000,
      description: "The features that are on, all of them; one with `is_active` false is as one left out.",
    }),
  ),
  limitations: Maybe(
    Type.Array(
      Type.Object({
        ...LimitationInput,
        goodwill: Maybe(Type.Number({ minimum: 0, maximum: 1_000, description: "Percent beyond the limit." })),
        enforce_limit: Maybe(Type.Boolean({ description: "False: beyond the limit is counted and not refused." })),
      }),
      { maxItems: 1000, description: "All of them; a `limit` of null is none." },
    ),
  ),
  variables: Maybe(Type.Array(VariableInput, { maxItems: 1000 })),
  constrained_variables: Maybe(Type.Array(ChoiceInput, { maxItems: 1000 })),
};
const TemplateParts = Type.Object(templateParts);

/** The same of a licence: what differs from its edition. */
export const licenseParts = {
  license_features: Maybe(
    Type.Array(
      Type.Object({
        feature_id: Uuid("A feature of the product."),
        is_active: Maybe(Type.Boolean()),
        expiration_date_utc: Maybe(Instant("The feature is off from then on.")),
      }),
      { maxItems: 1000, description: "Features that are otherwise than in the edition, all of them." },
    ),
  ),
  license_limitations: Maybe(
    Type.Array(Type.Object(LimitationInput), {
      maxItems: 1000,
      description: "Limitations that are otherwise than in the edition, all of them.",
    }),
  ),
  license_variables: Maybe(Type.Array(VariableInput, { maxItems: 1000 })),
  license_constrained_variables: Maybe(Type.Array(ChoiceInput, { maxItems: 1000 })),
};
const LicenseParts = Type.Object(licenseParts);

/** An edition's parts as they were given; undefined: nothing was. */
export function templatePartsGiven(body: Static<typeof TemplateParts>) {
  return {
    features: body.features?.filter(({ is_active }) => is_active !== false).map(({ feature_id }) => uuid(feature_id)),
    limitations: body.limitations?.map((limitation) => ({
      ...limitationGiven(limitation),
      ...(limitation.goodwill != null && { goodwill: limitation.goodwill }),
      ...(limitation.enforce_limit != null && { enforce_limit: limitation.enforce_limit }),
    })),
    variables: body.variables?.map(variableGiven),
    constrained_variables: body.constrained_variables?.map(choiceGiven),
  };
}

export function licensePartsGiven(body: Static<typeof LicenseParts>) {
  return {
    features: body.license_features?.map(({ feature_id, is_active, expiration_date_utc: at }) => ({
      id: uuid(feature_id),
      is_active: is_active ?? true,
      expiration_date_utc: at == null ? null : instantText(at, "license_features"),
    })),
    limitations: body.license_limitations?.map(limitationGiven),
    variables: body.license_variables?.map(variableGiven),
    constrained_variables: body.license_constrained_variables?.map(choiceGiven),
  };
}

function limitationGiven(limitation: NonNullable<Static<typeof LicenseParts>["license_limitations"]>[number]) {
  const { limitation_id, limit, consumption_reset_mode: mode, consumption_reset_period_days: days } = limitation;
  const reset = Object.entries(resetModes).find(([, number]) => number === mode)?.[0];
  return {
    id: uuid(limitation_id),
    value: limit ?? null,
    ...(reset !== undefined && { consumption_reset_mode: reset }),
    ...(days != null && { consumption_reset_period_days: days }),
  };
}

function variableGiven({ variable_id, value }: Static<typeof VariableInput>) {
  return { id: uuid(variable_id), value };
}

function choiceGiven({ variable_id, values }: Static<typeof ChoiceInput>) {
  return { id: uuid(variable_id), values };
}

const maybeText = Type.Union([Type.String(), Type.Null()]);
const OwnLimitation = {
  limitation_id: Type.String(),
  limit: Type.Union([Type.Integer(), Type.Null()], { description: "Null: none." }),
  consumption_reset_period_days: Type.Union([Type.Integer(), Type.Null()]),
};
const LimitationShown = {
  ...OwnLimitation,
  limitation_name: maybeText,
  consumption_reset_mode: Type.Integer({ description: "0: nothing is consumed of it." }),
};
const VariableShown = Type.Object({ variable_id: Type.String(), variable_name: maybeText, value: Type.String() });
const ChoiceShown = Type.Object({
  variable_id: Type.String(),
  variable_name: maybeText,
  values: Type.Array(Type.String()),
});

/** An edition's parts as the API document shows them. */
export const templatePartsShown = {
  limitations: Type.Array(Type.Object({ ...LimitationShown, goodwill: Type.Number(), enforce_limit: Type.Boolean() })),
  variables: Type.Array(VariableShown),
  constrained_variables: Type.Array(ChoiceShown),
  software_release_limitation_id: maybeText,
};

/** The same of a licence and its edition together. */
export const licensePartsShown = {
  license_features: Type.Array(
    Type.Object({ feature_id: Type.String(), feature_name: Type.String(), is_active: Type.Boolean() }),
    { description: "All of the product's, on or off." },
  ),
  license_limitations: Type.Array(Type.Object(LimitationShown)),
  license_variables: Type.Array(VariableShown),
  license_constrained_variables: Type.Array(ChoiceShown),
  software_release_limitation: Type.Union([
    Type.Object({ id: Type.String(), software_release: Type.String() }),
    Type.Null(),
  ]),
};

/** What of it is the licence's own. */
export const OwnParts = Type.Object(
  {
    license_features: Type.Array(
      Type.Object({ feature_id: Type.String(), is_active: Type.Boolean(), expiration_date_utc: maybeText }),
    ),
    license_limitations: Type.Array(
      Type.Object({
        ...OwnLimitation,
        consumption_reset_mode: Type.Union([Type.Integer(), Type.Null()], { description: "Null: the edition's." }),
      }),
    ),
    license_variables: Type.Array(Type.Object({ variable_id: Type.String(), value: Type.String() })),
    license_constrained_variables: Type.Array(
      Type.Object({ variable_id: Type.String(), values: Type.Array(Type.String()) }),
    ),
    software_release_limitation_id: maybeText,
  },
  {
    description:
      "What the licence says itself, as a change takes it. What stands in no list is the edition's; a change gives a list whole, so to leave something out gives it back to the edition.",
  },
);

/** A release that was named, or that none is (null); undefined: nothing was said. */
export function releaseGiven(id: string | null | undefined): string | null | undefined {
  return id === undefined ? undefined : uuidOrNull(id);
}
