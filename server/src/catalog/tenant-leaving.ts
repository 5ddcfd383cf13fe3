/**
 * What files take from a product while editions and licences have it: refused, as by the API. Otherwise a feature with
 * another name would be gone from every licence at once, and from an edition that nobody could change any more.
 */
import { isDeepStrictEqual } from "node:util";
import type { Vendor } from "./catalog.ts";
import type { Edition, License, Product } from "./entities.ts";
import { type Part, partIdsUsed, partsOf, type UsedList, usedLists } from "./parts.ts";
import type { Merged } from "./tenant-apply.ts";
import { type Fault, quote } from "./tenant-faults.ts";

/** A part of a product, or a value of one of its constrained variables, that somebody has. */
interface Need {
  readonly list: UsedList;
  readonly id: string;
  readonly value?: string;
}

/** A need that a product met, and meets no more. */
interface Loss {
  readonly need: Need;
  /** Who has it, in words. */
  readonly owners: string[];
}

/** Owners that a fault names. */
const namedMax = 3;

/** Faults at the lists of products, for what goes from them while it is used: by whomever the files do not speak of, too. */
export function checkLeaving(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const products = (merged as readonly Merged<"product">[]).filter(
    ({ kind, current, body }) => kind === "product" && current !== undefined && isOther(current, body),
  );
  if (vendor === undefined || products.length === 0) return [];
  const all = ownersAfter(vendor, merged);
  return products.flatMap((product) =>
    lossesOf(product, all).map(({ need, owners }) =>
      product.resolved.entry.fault([need.list], lossText(product.current as Product, need, owners)),
    ),
  );
}

/** A product as it will be, and what goes from it: whoever has that is told by `checkLeaving`, and nowhere else. */
export function withWhatLeaves(before: Product | undefined, after: Product): Product {
  if (before === undefined) return after;
  const lists = usedLists.map((list) => [list, withLost(partsOf(before, list), partsOf(after, list))]);
  return { ...after, ...Object.fromEntries(lists) };
}

function withLost(before: readonly Part[], after: readonly Part[]): readonly Part[] {
  const [known, left] = [partsById(before), partsById(after)];
  const kept = after.map((part) => {
    const [old, fresh] = [valuesOf(known.get(part.id)), valuesOf(part)];
    if (old === undefined || fresh === undefined) return part;
    const takesAny = old.length === 0 || fresh.length === 0;
    return { ...part, values: takesAny ? [] : [...fresh, ...old] };
  });
  return [...kept, ...before.filter(({ id }) => !left.has(id))];
}

function partsById(parts: readonly Part[]): ReadonlyMap<string, Part> {
  return new Map(parts.map((part) => [part.id, part]));
}

/** Of constrained variables alone. */
function valuesOf(part: Part | undefined): readonly string[] | undefined {
  return part !== undefined && "values" in part ? part.values : undefined;
}

function isOther(before: Product, after: Product): boolean {
  return usedLists.some((list) => !isDeepStrictEqual(partsOf(before, list), partsOf(after, list)));
}

interface Owner {
  readonly kind: "edition" | "licence";
  readonly body: Edition | License;
}

function ownersAfter(vendor: Vendor, merged: readonly Merged[]): readonly Owner[] {
  const editions = new Map<string, Edition>(vendor.editions);
  const licenses = new Map<string, License>(vendor.licenses);
  for (const { kind, body } of merged) {
    if (kind === "edition") editions.set(body.id, body as Edition);
    if (kind === "license") licenses.set(body.id, body as License);
  }
  return [
    ...[...editions.values()].map((body) => ({ kind: "edition" as const, body })),
    ...[...licenses.values()].map((body) => ({ kind: "licence" as const, body })),
  ];
}

function lossesOf({ current, body: after }: Merged<"product">, owners: readonly Owner[]): readonly Loss[] {
  const before = current as Product;
  const losses = new Map<string, Loss>();
  for (const { kind, body } of owners) {
    if (body.product_id !== after.id) continue;
    for (const need of needsOf(body)) {
      if (!meets(before, need) || meets(after, need)) continue;
      const key = JSON.stringify(need);
      if (!losses.has(key)) losses.set(key, { need, owners: [] });
      losses.get(key)?.owners.push(`${kind} ${body.name === null ? body.id : quote(body.name)}`);
    }
  }
  return [...losses.values()];
}

function needsOf(owner: Edition | License): readonly Need[] {
  const parts = usedLists.flatMap((list) => partIdsUsed(owner, list).map((id): Need => ({ list, id })));
  const choices = (owner.constrained_variables ?? []).flatMap(({ id, values }) =>
    values.map((value): Need => ({ list: "constrained_variables", id, value })),
  );
  return [...parts, ...choices];
}

/** A value of a variable that is not there is no need of its own; a variable without values takes any. */
function meets(product: Product, { list, id, value }: Need): boolean {
  if (value === undefined) return partsOf(product, list).some((part) => part.id === id);
  const variable = partsOf(product, "constrained_variables").find((part) => part.id === id);
  const values = variable?.values ?? [];
  return values.length === 0 || values.includes(value);
}

function lossText(before: Product, { list, id, value }: Need, owners: readonly string[]): string {
  const { name } = partsOf(before, list).find((part) => part.id === id) as { readonly name: string };
  const more = owners.length > namedMax ? ` and ${owners.length - namedMax} more` : "";
  const who = `used by ${owners.slice(0, namedMax).join(", ")}${more}`;
  if (value !== undefined)
    return `${quote(value)} of ${quote(name)} goes, and is ${who}: keep it, or take it from them`;
  const what = `the ${list.slice(0, -1).replaceAll("_", " ")} ${quote(name)}`;
  return `${what} goes, and is ${who}: keep it (under another name: with its id, ${id}), or take it from them`;
}
