/** Whether an entity fits the rules and what is there; what is wrong is told by the wire's names of the fields. */
import type { Vendor } from "../../catalog/catalog.ts";
import {
  type Edition,
  type EntityOf,
  type Key,
  type Kind,
  type License,
  type Product,
  partsMax,
} from "../../catalog/entities.ts";
import { partLists, partsOf } from "../../catalog/parts.ts";
import { type Dependent, dependentsOf, referencesOf } from "../../catalog/references.ts";
import {
  checkEdition,
  checkKey,
  checkLicense,
  checkParts,
  nameField,
  nameKey,
  namesake,
  type Tell,
} from "../../catalog/rules.ts";
import { Problem } from "../problem.ts";

/** Dependents that a refusal names. */
const namedMax = 5;

interface Fault {
  readonly field: string;
  readonly detail: string;
  readonly number?: number | undefined;
}

/**
 * @throws Problem: 400 with every field that is wrong, 409 where SLASCONE numbers the first of them, where a name is taken
 * or where others depend on what goes.
 */
export function requireFit<K extends Kind>(
  vendor: Vendor,
  kind: K,
  current: EntityOf[K] | null,
  body: EntityOf[K],
): void {
  const faults: Fault[] = [];
  const tell: Tell = (field, detail, number) => void faults.push({ field: wireField(kind, field), detail, number });
  for (const { kind: of, id, field } of referencesOf(kind, body)) {
    // A licence has its product from its edition: without one there is none either.
    if (vendor.entity(of, id) !== undefined || (kind === "license" && of === "product")) continue;
    tell(field, `there is no ${wordOf(of)} of this id`, kind === "key" ? undefined : unknownNumbers[of]);
  }
  if (faults.length > 0) throw unfit(faults);
  if (kind === "edition") {
    const edition = body as Edition;
    checkEdition((current ?? undefined) as Edition | undefined, edition, tell);
    checkParts(vendor.products.get(edition.product_id) as Product, edition, tell);
  }
  if (kind === "license") {
    const license = body as License;
    const old = current === null ? undefined : vendor.editions.get((current as License).edition_id);
    checkLicense(license, vendor.editions.get(license.edition_id) as Edition, old, tell);
    checkParts(vendor.products.get(license.product_id) as Product, license, tell);
  }
  if (kind === "key") checkKey(body as Key, tell);
  if (kind === "product") checkProduct(vendor, body as Product, tell);
  if (faults.length > 0) throw unfit(faults);
  requireOwnName(vendor, kind, current, body);
}

/** SLASCONE's numbers for what a change refers to and is not there. Keys are ours, and have none. */
const unknownNumbers: Readonly<Partial<Record<Kind, number>>> = { product: 3000, customer: 4000 };

/** SLASCONE's numbers for names that are taken. */
const takenNumbers: Readonly<Partial<Record<Kind, number>>> = { license: 1005, customer: 4002 };

function unfit(faults: readonly Fault[]): Problem {
  const [first] = faults as readonly [Fault];
  const errors = faults.map(({ field, detail }) => ({ field, detail }));
  return new Problem("input_invalid", `${first.field}: ${first.detail}`, [], { errors }, first.number);
}

function checkProduct(vendor: Vendor, product: Product, tell: (field: string, detail: string) => void): void {
  for (const list of partLists) {
    const seen = new Set<string>();
    if (partsOf(product, list).length > partsMax) tell(list, `has ${partsMax} already, which is the most`);
    for (const { id, name } of partsOf(product, list)) {
      if (seen.has(id) || seen.has(`=${name}`)) tell(list, `the name or id of ${JSON.stringify(name)} stands twice`);
      seen.add(id).add(`=${name}`);
    }
  }
  const users: Dependent[] = [];
  for (const edition of vendor.editions.values()) {
    if (edition.product_id !== product.id) continue;
    checkParts(product, edition, () => users.push({ kind: "edition", id: edition.id, name: edition.name }));
  }
  for (const license of vendor.licenses.values()) {
    if (license.product_id !== product.id) continue;
    checkParts(product, license, () => users.push({ kind: "license", id: license.id, name: license.name }));
  }
  if (users.length > 0) throw inUse(users);
}

/** A name that it has already may be another's too, from before that was refused: everything else of it still changes. */
function requireOwnName<K extends Kind>(vendor: Vendor, kind: K, current: EntityOf[K] | null, body: EntityOf[K]): void {
  if (current !== null && nameKey(kind, current) === nameKey(kind, body)) return;
  const other = namesake(vendor, kind, body);
  if (other === undefined) return;
  const field = wireField(kind, nameField(kind));
  const detail = `is that of ${wordOf(kind)} ${other.id} already`;
  throw new Problem("name_taken", `${field}: ${detail}`, [], { errors: [{ field, detail }] }, takenNumbers[kind]);
}

/** @throws Problem (409) with who they are, where something refers to the entity. */
export function requireFree(vendor: Vendor, kind: Kind, id: string): void {
  const dependents = dependentsOf(vendor, kind, id);
  if (dependents.length > 0) throw inUse(dependents);
}

/** The refusal that names who depends on something: how many, and the first few. */
export function inUse(
  dependents: readonly { readonly kind: Kind | "session"; readonly id: string; readonly name: string | null }[],
): Problem {
  const counts = new Map<string, number>();
  for (const { kind } of dependents) counts.set(wordOf(kind), (counts.get(wordOf(kind)) ?? 0) + 1);
  const words = [...counts].map(([word, count]) => `${count} ${word}${count === 1 ? "" : "s"}`).join(" and ");
  const items = dependents.slice(0, namedMax).map(({ kind, id, name }) => ({ kind: wordOf(kind), id, name }));
  return new Problem("entity_in_use", `In use by ${words}.`, [], { dependents: { count: dependents.length, items } });
}

const wireFields: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  edition: { freeride: "free_ride" },
  license: {
    edition_id: "template_id",
    features: "license_features",
    limitations: "license_limitations",
    variables: "license_variables",
    constrained_variables: "license_constrained_variables",
  },
  customer: { name: "company_name", number: "customer_number" },
};

function wireField(kind: Kind, field: string): string {
  return wireFields[kind]?.[field] ?? field;
}

/** A kind as the wire calls it. */
export function wordOf(kind: Kind | "session"): string {
  return kind === "edition" ? "template" : kind === "license" ? "licence" : kind === "isv" ? "vendor" : kind;
}
