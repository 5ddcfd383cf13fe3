/** What a product is made of: lists of named things, which editions and licences refer to. */
import type { Product } from "./entities.ts";

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
