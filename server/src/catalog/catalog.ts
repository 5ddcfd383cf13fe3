/** The vendors' catalogue in memory: what requests look up. Changed only by the store, after its commit. */
import { hash } from "node:crypto";
import type { Customer, Edition, EntityOf, Isv, Key, Kind, License, Product, StoredEntity } from "./entities.ts";

/** Everything of one vendor. Entities are values: a change puts a new one in the old one's place. */
export class Vendor {
  readonly isv: Isv;
  readonly products = new Map<string, Product>();
  readonly editions = new Map<string, Edition>();
  readonly customers = new Map<string, Customer>();
  readonly licenses = new Map<string, License>();
  readonly keys = new Map<string, Key>();
  /** Licence ids by folded legacy key. */
  readonly #legacyKeys = new Map<string, Set<string>>();

  constructor(isv: Isv) {
    this.isv = isv;
  }

  /** The entity of this kind and id. */
  entity<K extends Kind>(kind: K, id: string): EntityOf[K] | undefined {
    if (kind === "isv") return (id === this.isv.id ? this.isv : undefined) as EntityOf[K] | undefined;
    return (collectionOf(this, kind) as Map<string, EntityOf[K]>).get(id);
  }

  /** Everything but the vendor itself, products first. */
  *entities(): Iterable<readonly [Exclude<Kind, "isv">, EntityOf[Exclude<Kind, "isv">]]> {
    for (const kind of ["product", "edition", "customer", "license", "key"] as const) {
      for (const body of collectionOf(this, kind).values()) yield [kind, body];
    }
  }

  /** Whether a licence counts devices; null: it is not known any more. */
  countsDevices(licenseId: string): boolean | null {
    const edition = this.editions.get(this.licenses.get(licenseId)?.edition_id ?? "");
    return edition === undefined ? null : edition.client_type === "devices";
  }

  customerByNumber(number: string): Customer | undefined {
    for (const customer of this.customers.values()) if (customer.number === number) return customer;
    return undefined;
  }

  /** Licences of a legacy key: one of each product, but for those that were there before that was a rule. */
  licensesByLegacyKey(legacyKey: string): License[] {
    const ids = this.#legacyKeys.get(foldedLegacyKey(legacyKey)) ?? [];
    return [...ids].flatMap((id) => this.licenses.get(id) ?? []);
  }

  /** Keeps the legacy keys in step with a licence that changes. */
  indexLegacyKey(old: License | undefined, license: License | null): void {
    if (old?.legacy_license_key != null) this.#legacyKeys.get(foldedLegacyKey(old.legacy_license_key))?.delete(old.id);
    if (license === null || license.legacy_license_key === null) return;
    const key = foldedLegacyKey(license.legacy_license_key);
    const ids = this.#legacyKeys.get(key);
    if (ids === undefined) this.#legacyKeys.set(key, new Set([license.id]));
    else ids.add(license.id);
  }
}

/** Domains are legacy keys, and have no case. */
export function foldedLegacyKey(key: string): string {
  return key.trim().toLowerCase();
}

export class Catalog {
  readonly #vendors = new Map<string, Vendor>();
  /** Keys of all vendors by the SHA-256 of their secret. */
  readonly #keys = new Map<string, { readonly isvId: string; readonly key: Key }>();
  #revision = 0;

  /** Changes with every change of the catalogue: what was looked up before is to be looked up again. */
  get revision(): number {
    return this.#revision;
  }

  vendor(isvId: string): Vendor | undefined {
    return this.#vendors.get(isvId);
  }

  vendors(): Iterable<Vendor> {
    return this.#vendors.values();
  }

  keyOfSecret(secret: string): { readonly isvId: string; readonly key: Key } | undefined {
    return this.#keys.get(secretHash(secret));
  }

  put<K extends Kind>(entity: StoredEntity<K>): void {
    this.#revision++;
    if (entity.kind === "isv") {
      const isv = entity.body as Isv;
      const known = this.#vendors.get(isv.id);
      if (known === undefined) this.#vendors.set(isv.id, new Vendor(isv));
      else Object.assign(known, { isv });
      return;
    }
    const vendor = this.#vendors.get(entity.isvId);
    if (vendor === undefined)
      throw new Error(`catalogue: ${entity.kind} ${entity.id} of unknown vendor ${entity.isvId}`);
    const collection = collectionOf(vendor, entity.kind) as Map<string, EntityOf[Kind]>;
    const old = collection.get(entity.id);
    if (entity.kind === "key") this.#indexKey(entity.isvId, old as Key | undefined, entity.body as Key);
    if (entity.kind === "license") {
      vendor.indexLegacyKey(old as License | undefined, entity.body as License);
    }
    collection.set(entity.id, entity.body);
  }

  /** Forgets an entity; one that is not known is forgotten already. */
  remove(isvId: string, kind: Exclude<Kind, "isv">, id: string): void {
    const vendor = this.#vendors.get(isvId);
    const old = vendor?.entity(kind, id);
    if (vendor === undefined || old === undefined) return;
    this.#revision++;
    if (kind === "key") this.#indexKey(isvId, old as Key, null);
    if (kind === "license") vendor.indexLegacyKey(old as License, null);
    collectionOf(vendor, kind).delete(id);
  }

  #indexKey(isvId: string, old: Key | undefined, key: Key | null): void {
    // Two keys may have swapped their secrets: only this key's own entry goes.
    if (old !== undefined && this.#keys.get(old.secret_sha256)?.key.id === old.id) this.#keys.delete(old.secret_sha256);
    if (key !== null) this.#keys.set(key.secret_sha256, { isvId, key });
  }
}

function collectionOf(vendor: Vendor, kind: Exclude<Kind, "isv">): Map<string, EntityOf[Exclude<Kind, "isv">]> {
  return {
    key: vendor.keys,
    product: vendor.products,
    edition: vendor.editions,
    customer: vendor.customers,
    license: vendor.licenses,
  }[kind] as Map<string, EntityOf[Exclude<Kind, "isv">]>;
}

/** How an API key's secret is kept: it is random, so a plain SHA-256 is enough. */
export function secretHash(secret: string): string {
  return hash("sha256", secret, "hex");
}
