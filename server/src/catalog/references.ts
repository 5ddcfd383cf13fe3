/** Which entities refer to which: what must be there before one is saved, and what stands in the way of its end. */
import type { Vendor } from "./catalog.ts";
import type { Edition, EntityOf, Key, Kind, License } from "./entities.ts";

export interface Reference {
  readonly kind: Exclude<Kind, "isv">;
  readonly id: string;
  /** The entity's field that names it. */
  readonly field: string;
}

/** What an entity refers to. */
export function referencesOf(kind: Kind, body: EntityOf[Kind]): Reference[] {
  if (kind === "edition") return [{ kind: "product", id: (body as Edition).product_id, field: "product_id" }];
  if (kind === "license") {
    const { product_id, customer_id, edition_id } = body as License;
    return [
      { kind: "product", id: product_id, field: "product_id" },
      { kind: "customer", id: customer_id, field: "customer_id" },
      { kind: "edition", id: edition_id, field: "edition_id" },
    ];
  }
  if (kind !== "key") return [];
  const key = body as Key;
  return (["product", "customer", "license"] as const).flatMap((bound) => {
    const field = `${bound}_id` as const;
    const id = key[field];
    return id === null ? [] : [{ kind: bound, id, field }];
  });
}

/** An entity that refers to another one. */
export interface Dependent {
  readonly kind: Kind;
  readonly id: string;
  readonly name: string | null;
}

/** Everything of a vendor that refers to an entity. */
export function dependentsOf(vendor: Vendor, kind: Kind, id: string): Dependent[] {
  const found: Dependent[] = [];
  for (const [of, body] of vendor.entities()) {
    if (!referencesOf(of, body).some((reference) => reference.kind === kind && reference.id === id)) continue;
    found.push({ kind: of, id: body.id, name: body.name });
  }
  return found;
}
