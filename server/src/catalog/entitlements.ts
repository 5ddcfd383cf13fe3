/** What a licence entitles to: its edition, and what the licence has otherwise. A store knows an edition without its product only while it is filled. */
import type { Limitation, Millis } from "../core/types.ts";
import type { Edition, License, Product } from "./entities.ts";

/** A feature as it is at an instant. */
export interface Entitled {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly isActive: boolean;
  readonly expiresAt: string | null;
}

/** All features of the product: what the edition switches on, what the licence says otherwise, and what has expired. */
export function featuresOf(product: Product, license: License, edition: Edition, now: Millis): Entitled[] {
  const own = new Map(license.features?.map((feature) => [feature.id, feature]));
  const on = new Set(edition.features);
  return product.features.map(({ id, name, description }) => {
    const feature = own.get(id);
    const expiresAt = feature?.expiration_date_utc ?? null;
    const isOn = feature === undefined ? on.has(id) : (feature.is_active ?? true);
    const isOver = expiresAt !== null && now >= Date.parse(expiresAt);
    return { id, name, description: description ?? null, isActive: isOn && !isOver, expiresAt };
  });
}

/** The edition's limitations in its order, then those that the licence alone has. */
export function limitationsOf(license: License, edition: Edition): Limitation[] {
  const own = new Map(license.limitations?.map((limitation) => [limitation.id, limitation]));
  const all = [
    ...edition.limitations,
    ...[...own.values()].filter(({ id }) => !edition.limitations.some((one) => one.id === id)),
  ];
  return all.map((ofEdition: Edition["limitations"][number]) => {
    const { id, goodwill, enforce_limit } = ofEdition;
    const { value, ...reset } = { ...ofEdition, ...own.get(id) };
    return {
      id,
      limit: value,
      reset: reset.consumption_reset_mode ?? null,
      resetDays: reset.consumption_reset_period_days ?? 1,
      goodwillPercent: goodwill ?? 0,
      isEnforced: enforce_limit ?? true,
    };
  });
}

/** The newest release that is covered, as the product has it; null: every one is. */
export function releaseOf(license: License, edition: Edition, product: Product | undefined) {
  const id = license.software_release_limitation_id ?? edition.software_release_limitation_id ?? null;
  return product?.software_release_limitations?.find((release) => release.id === id) ?? null;
}

/** Texts of the product's variables: the licence's before the edition's; those without any are left out. */
export function variablesOf(product: Product, license: License, edition: Edition) {
  const values = new Map(
    [...(edition.variables ?? []), ...(license.variables ?? [])].map(({ id, value }) => [id, value]),
  );
  return product.variables.flatMap(({ id, name, description }) => {
    const value = values.get(id);
    return value === undefined ? [] : [{ id, name, description: description ?? null, value }];
  });
}

/** Chosen values of the product's constrained variables, likewise. */
export function constrainedVariablesOf(product: Product, license: License, edition: Edition) {
  const chosen = [...(edition.constrained_variables ?? []), ...(license.constrained_variables ?? [])];
  const values = new Map(chosen.map(({ id, values }) => [id, values]));
  return (product.constrained_variables ?? []).flatMap(({ id, name, description }) => {
    const value = values.get(id);
    return value === undefined ? [] : [{ id, name, description: description ?? null, value }];
  });
}
