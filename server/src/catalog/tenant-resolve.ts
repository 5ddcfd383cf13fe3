/** Gives every entry its id, and finds what its references mean: over all files of a vendor and what the store has. */
import { isDeepStrictEqual } from "node:util";
import type { Vendor } from "./catalog.ts";
import type { Kind } from "./entities.ts";
import { type PartList, partLists } from "./parts.ts";
import { didYouMean, type Fault, faultsToldMax, quote, TenantFileFault } from "./tenant-faults.ts";
import { isAsBefore, type LastApplied } from "./tenant-last.ts";
import { derivedId, Index, type Referable, type Thing } from "./tenant-names.ts";
import { type Entry, placeOf } from "./tenant-read.ts";
import { isId, lists } from "./tenant-schema.ts";

/** An entry whose id is known and whose references are ids. */
export interface Resolved {
  readonly entry: Entry;
  readonly id: string;
  /** What the file's fields mean, by field of the file: references as ids, parts with their ids. */
  readonly meant: Readonly<Record<string, unknown>>;
}

/** `lastOfProduct`: what the files said of a product the last time. */
export function resolveEntries(
  isvId: string,
  vendor: Vendor | undefined,
  entries: readonly Entry[],
  lastOfProduct: (id: string) => LastApplied | null,
) {
  const resolver = new Resolver(isvId, vendor, lastOfProduct);
  const resolved: Resolved[] = [];
  for (const kind of ["isv", ...Object.keys(lists)] as Kind[]) {
    for (const entry of entries) {
      if (entry.kind !== kind) continue;
      const result = kind === "isv" ? resolver.isv(entry) : resolver.entry(kind, entry);
      if (result !== null) resolved.push(result);
    }
  }
  return { resolved, faults: resolver.faults };
}

class Resolver {
  readonly faults: Fault[] = [];
  readonly #isvId: string;
  readonly #vendor: Vendor | undefined;
  readonly #lastOfProduct: (id: string) => LastApplied | null;
  readonly #filed = new Index();
  readonly #stored = new Index();
  /** Names of entries that are at fault themselves: what refers to them has no fault of its own. */
  readonly #unsound = new Set<string>();
  /** Parts of products that the files describe, as they will be, by product and list. */
  readonly #parts = new Map<string, readonly KnownPart[]>();
  /** What each of them is referred to by; made when all products are known. */
  readonly #partIds = new Map<string, ReadonlyMap<string, string>>();
  /** Where ids and names were first seen. */
  readonly #seen = new Map<string, Entry>();

  constructor(isvId: string, vendor: Vendor | undefined, lastOfProduct: (id: string) => LastApplied | null) {
    this.#isvId = isvId;
    this.#vendor = vendor;
    this.#lastOfProduct = lastOfProduct;
    if (vendor === undefined) return;
    for (const { id, name } of vendor.products.values()) this.#stored.add("product", { id, name, parentId: null });
    for (const { id, name, product_id } of vendor.editions.values()) {
      this.#stored.add("edition", { id, name, parentId: product_id });
    }
    for (const { id, number } of vendor.customers.values())
      this.#stored.add("customer", { id, name: number, parentId: null });
    for (const { id, name, customer_id } of vendor.licenses.values()) {
      this.#stored.add("license", { id, name, parentId: customer_id });
    }
    for (const { id, name } of vendor.keys.values()) this.#stored.add("key", { id, name, parentId: null });
  }

  /** Each file of a vendor says who it is; they have to agree. */
  isv(entry: Entry): Resolved | null {
    if (!entry.isSound) return null;
    const first = this.#seen.get("isv");
    if (first === undefined) {
      this.#seen.set("isv", entry);
      const { id: _id, ...meant } = entry.fields;
      return { entry, id: this.#isvId, meant };
    }
    for (const [field, value] of Object.entries(entry.fields)) {
      if (field === "id" || isDeepStrictEqual(value, first.fields[field])) continue;
      const there = first.fields[field] === undefined ? "leaves this out" : `is ${quote(first.fields[field])}`;
      this.#tell(entry, [field], `this vendor ${there} at ${placeOf(first)}`);
    }
    return null;
  }

  entry(kind: Referable, entry: Entry): Resolved | null {
    const name = nameOf(kind, entry);
    const faultsBefore = this.faults.length;
    const meant = entry.isSound ? this.#meaning(kind, entry) : null;
    if (meant === null || this.faults.length > faultsBefore) {
      this.#markUnsound(kind, entry, name);
      return null;
    }
    const parentId = (kind === "edition" ? meant.product : kind === "license" ? meant.customer : null) as string | null;
    const id = this.#idOf(kind, entry, name, parentId);
    if (id === null) return null;
    const isNamed = name !== null && kind !== "license";
    if (
      (isNamed && !this.#isNew(entry, `${kind}/${parentId}/${name}`, `${kind} ${quote(name)}`)) ||
      !this.#isNew(entry, `${kind}/${id}`, `${kind} ${id}`)
    ) {
      this.#markUnsound(kind, entry, name);
      return null;
    }
    this.#filed.add(kind, { id, name, parentId });
    const parts = kind === "product" ? this.#partsOf(entry, id) : {};
    return { entry, id, meant: { ...meant, ...parts } };
  }

  #markUnsound(kind: Referable, entry: Entry, name: string | null): void {
    if (name !== null) this.#unsound.add(`${kind}/${name}`);
    if (typeof entry.fields.id === "string") this.#unsound.add(`${kind}/${entry.fields.id}`);
  }

  #isNew(entry: Entry, what: string, text: string): boolean {
    const first = this.#seen.get(what);
    if (first === undefined) {
      this.#seen.set(what, entry);
      return true;
    }
    this.#tell(entry, [], `${text} is described already, at ${placeOf(first)}`);
    return false;
  }

  /** The entry's fields with ids in place of references; null: one of them leads to an entry that is at fault. */
  #meaning(kind: Referable, entry: Entry): Record<string, unknown> | null {
    const { id: _id, ...meant } = entry.fields as Record<string, unknown>;
    if (kind === "key") return this.#references(entry, meant, ["product", "customer", "license"]);
    if (kind === "edition") {
      const resolved = this.#references(entry, meant, ["product"]);
      return resolved && this.#withParts(entry, resolved.product as string, resolved);
    }
    if (kind !== "license") return meant;
    const resolved = this.#references(entry, meant, ["customer", "product"]);
    if (resolved === null) return null;
    const { product, ...rest } = resolved;
    const edition = this.#find(entry, "edition", meant.edition as string, product as string | undefined);
    if (edition === null) return null;
    const { parentId } = (this.#filed.byId("edition", edition) ?? this.#stored.byId("edition", edition)) as Thing;
    return this.#withParts(entry, parentId as string, { ...rest, edition });
  }

  #references(
    entry: Entry,
    meant: Record<string, unknown>,
    kinds: readonly Referable[],
  ): Record<string, unknown> | null {
    const resolved = { ...meant };
    let isWhole = true;
    for (const kind of kinds) {
      const reference = meant[kind];
      if (typeof reference !== "string") continue;
      resolved[kind] = this.#find(entry, kind, reference);
      if (resolved[kind] === null) isWhole = false;
    }
    return isWhole ? resolved : null;
  }

  /** The id of what is referred to: by id, then by name; among the files' things, then among the store's. */
  #find(entry: Entry, kind: Referable, reference: string, withinId?: string): string | null {
    const isInside = (thing: Thing) => withinId === undefined || thing.parentId === withinId;
    for (const index of [this.#filed, this.#stored]) {
      const found = isId(reference) ? index.byId(kind, reference) : undefined;
      if (found !== undefined && isInside(found)) return found.id;
    }
    for (const index of [this.#filed, this.#stored]) {
      const found = index.byName(kind, reference).filter(isInside);
      if (found.length === 1) return (found[0] as Thing).id;
      if (found.length > 1) return this.#tellAmbiguous(entry, kind, reference, found);
    }
    if (!this.#unsound.has(`${kind}/${reference}`)) this.#tellMissing(entry, kind, reference, isInside, withinId);
    return null;
  }

  #tellAmbiguous(entry: Entry, kind: Referable, reference: string, found: readonly Thing[]): null {
    const remedy = kind === "edition" ? "say its product, or write its id" : "write its id";
    this.#tell(entry, [kind], `there are ${found.length} ${lists[kind]} ${quote(reference)}; ${remedy}`);
    return null;
  }

  #tellMissing(
    entry: Entry,
    kind: Referable,
    reference: string,
    isInside: (thing: Thing) => boolean,
    withinId: string | undefined,
  ): void {
    const known = [...this.#filed.all(kind), ...this.#stored.all(kind)].filter(isInside);
    const names = new Set(known.map(({ name }) => name).filter((name) => name !== null));
    const parents = new Set(known.map(({ parentId }) => parentId));
    const productId = withinId ?? (parents.size === 1 ? [...parents][0] : undefined);
    const product =
      kind === "edition" && productId != null
        ? (this.#filed.byId("product", productId) ?? this.#stored.byId("product", productId))
        : undefined;
    const of = product === undefined ? "" : ` of product ${quote(product.name)}`;
    this.#tell(entry, [kind], `there is no ${kind} ${quote(reference)}${of}${didYouMean(reference, names)}`);
  }

  /**
   * The id that the entry gives, else the one that its name had before, else the one of a thing of this name that
   * somebody made by the API, else one made from the name: the same wherever and whenever the file is applied.
   */
  #idOf(kind: Referable, entry: Entry, name: string | null, parentId: string | null): string | null {
    if (typeof entry.fields.id === "string") return entry.fields.id;
    if (name === null) {
      this.#tell(entry, [], "needs an id or a name");
      return null;
    }
    const derived = derivedId(this.#isvId, kind, ...(parentId === null ? [] : [parentId]), name);
    if (this.#stored.byId(kind, derived) !== undefined) return derived;
    const stored = this.#stored.byName(kind, name).filter((thing) => thing.parentId === parentId);
    return stored.length === 1 ? (stored[0] as Thing).id : derived;
  }

  /** Features, limitations, … of a product with their ids. */
  #partsOf(entry: Entry, productId: string): Record<string, unknown> {
    const parts: Record<string, unknown> = {};
    for (const list of partLists) {
      const items = entry.fields[list] as readonly Part[] | undefined;
      if (items === undefined) continue;
      const known = this.#storedParts(productId, list);
      const filed = items.map((part) => {
        const id =
          part.id ??
          known.find(({ name }) => name === part.name)?.id ??
          derivedId(this.#isvId, list, productId, part.name);
        return {
          ...(list === "analytical_fields" && { type: "text" }),
          ...(list === "constrained_variables" && { values: [] }),
          ...part,
          id,
        };
      });
      this.#tellDoubles(entry, list, filed);
      parts[list] = filed;
      const last = this.#lastOfProduct(productId);
      const stays = last !== null && isAsBefore(list, items, filed, last);
      // A list that is written replaces the one that is there: nothing may be found that is gone at the next start.
      this.#parts.set(`${productId}/${list}`, stays ? [...filed, ...known] : filed);
    }
    return parts;
  }

  #tellDoubles(entry: Entry, list: string, parts: readonly Part[]): void {
    const seen = new Set<string>();
    parts.forEach(({ id, name }, n) => {
      const twin = [`name ${quote(name)}`, `id ${id}`].find((text) => seen.has(text));
      if (twin !== undefined) this.#tell(entry, [list, n], `the ${twin} stands twice in this list`);
      seen.add(`name ${quote(name)}`).add(`id ${id}`);
    });
  }

  /** What an edition or licence says of the parts of its product: names as ids. */
  #withParts(entry: Entry, productId: string, meant: Record<string, unknown>): Record<string, unknown> {
    const resolved = { ...meant };
    for (const [field, { list, name }] of Object.entries(partFields)) {
      const items = entry.fields[field] as readonly (string | Record<string, unknown>)[] | undefined;
      if (items === undefined) continue;
      resolved[field] = items.map((item, n) => {
        if (typeof item === "string") return this.#findPart(entry, productId, list, item, [field, n]);
        const { [name]: reference, ...rest } = item;
        return { id: this.#findPart(entry, productId, list, reference as string, [field, n, name]), ...rest };
      });
    }
    const release = entry.fields.software_release_limitation;
    if (typeof release === "string") {
      const path = ["software_release_limitation"];
      resolved.software_release_limitation = this.#findPart(
        entry,
        productId,
        "software_release_limitations",
        release,
        path,
      );
    }
    return resolved;
  }

  #findPart(
    entry: Entry,
    productId: string,
    list: PartList,
    reference: string,
    path: (string | number)[],
  ): string | null {
    const found = this.#partIdsOf(productId, list).get(reference);
    if (found !== undefined) return found;
    const product = this.#filed.byId("product", productId) ?? this.#stored.byId("product", productId);
    if (this.#unsound.has(`product/${productId}`) || this.#unsound.has(`product/${product?.name}`)) return null;
    const what = `${list.slice(0, -1).replaceAll("_", " ")} ${quote(reference)} of product ${quote(product?.name)}`;
    this.#tell(entry, path, `there is no ${what}${this.#remedy(productId, list, reference)}`);
    return null;
  }

  /** For a part that is not there, or that goes with the files' list. */
  #remedy(productId: string, list: PartList, reference: string): string {
    const parts = this.#knownParts(productId, list);
    const before = this.#storedParts(productId, list).find(({ name, id }) => name === reference || id === reference);
    if (before === undefined) return didYouMean(reference, new Set(parts.map(({ name }) => name)));
    const renamed = parts.find(({ id }) => id === before.id);
    if (renamed !== undefined) return ` any more: it is ${quote(renamed.name)} now`;
    const place = placeOf(this.#seen.get(`product/${productId}`) as Entry);
    return ` any more: the list at ${place} is without it; to give it another name there, write its id too, ${before.id}`;
  }

  /** A product's parts: those that the files write, else those that are there, by the files' names and by their own. */
  #knownParts(productId: string, list: PartList): readonly KnownPart[] {
    return this.#parts.get(`${productId}/${list}`) ?? this.#storedParts(productId, list);
  }

  #storedParts(productId: string, list: PartList): readonly KnownPart[] {
    return this.#vendor?.products.get(productId)?.[list] ?? [];
  }

  /** Their ids by id and name: an id goes before a name, and what comes first before what comes later. */
  #partIdsOf(productId: string, list: PartList): ReadonlyMap<string, string> {
    const place = `${productId}/${list}`;
    const known = this.#partIds.get(place);
    if (known !== undefined) return known;
    const parts = this.#knownParts(productId, list).toReversed();
    const ids = new Map(parts.map(({ name, id }) => [name, id]));
    for (const { id } of parts) ids.set(id, id);
    this.#partIds.set(place, ids);
    return ids;
  }

  #tell(entry: Entry, path: readonly (string | number)[], text: string): void {
    this.faults.push(entry.fault(path, text));
    // Each looks for the nearest of thousands of names.
    if (this.faults.length >= faultsToldMax) throw new TenantFileFault(this.faults);
  }
}

/** Lists of an edition or licence, with the product's list that they speak of, and the field that names one of it. */
const partFields: Readonly<Record<string, { readonly list: PartList; readonly name: string }>> = {
  features: { list: "features", name: "feature" },
  limitations: { list: "limitations", name: "limitation" },
  variables: { list: "variables", name: "variable" },
  constrained_variables: { list: "constrained_variables", name: "variable" },
};

interface Part {
  readonly id?: string;
  readonly name: string;
  readonly description?: string;
}

type KnownPart = Part & { readonly id: string };

function nameOf(kind: Referable, entry: Entry): string | null {
  const name = entry.fields[kind === "customer" ? "number" : "name"];
  return typeof name === "string" ? name : null;
}
