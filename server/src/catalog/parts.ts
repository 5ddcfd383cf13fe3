/** What a product is made of: lists of named things, which editions and licences refer to. */
import type { Edition, License, Product } from "./entities.ts";

export const partLists = [
  "features",
  "limitations",
  "variables",
  "heartbeat_types",
  "constrained_variables",
  "software_release_limitations",
  "analytical_fields",
  "usage_features",
  "usage_modules",
] as const;
export type PartList = (typeof partLists)[number];

/** A part of any list. */
export type Part = NonNullable<Product[PartList]>[number];

/** One of a product's lists; products that are older than the list have none of it. */
export function partsOf<L extends PartList>(product: Product | undefined, list: L): NonNullable<Product[L]> {
  return (product?.[list] ?? []) as NonNullable<Product[L]>;
}

/** The lists that editions and licences refer to. */
export const usedLists = [
  "features",
  "limitations",
  "variables",
  "constrained_variables",
  "software_release_limitations",
] as const;
export type UsedList = (typeof usedLists)[number];

/** Ids of the parts of a list that an edition or licence names. */
export function partIdsUsed(owner: Edition | License, list: UsedList): readonly string[] {
  if (list !== "software_release_limitations") {
    return (owner[list] ?? []).map((item) => (typeof item === "string" ? item : item.id));
  }
  const release = owner.software_release_limitation_id ?? null;
  return release === null ? [] : [release];
}
