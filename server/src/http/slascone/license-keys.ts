/** What the text in `license_key` may stand for. */
import type { Catalog, Vendor } from "../../catalog/catalog.ts";
import type { License, Product } from "../../catalog/entities.ts";
import type { Millis } from "../../core/types.ts";
import type { Store } from "../../stores/store.ts";
import { isExpired } from "./dto.ts";

export interface Resolved {
  readonly license: License;
  /** The token key that was sent in the place of a licence; null otherwise. */
  readonly tokenKey: string | null;
}

/**
 * The licence that a key means: its id, one of its token keys, or, where the product puts those first, its legacy key.
 * Of several licences with one legacy key, one that can be used. Undefined: the product has no such licence.
 */
export async function resolveLicenseKey(
  store: Store,
  vendor: Vendor,
  product: Product,
  text: string,
): Promise<Resolved | undefined> {
  const key = text.trim();
  const isOfProduct = (license: License) => license.product_id === product.id;
  if (product.prioritized_key === "legacy") {
    const license = usable(withLegacyKey(store.catalog, vendor, key).filter(isOfProduct), store.now());
    if (license !== undefined) return { license, tokenKey: null };
  }
  const found = await resolveUuid(store, vendor, key.toLowerCase());
  return found !== undefined && isOfProduct(found.license) ? found : undefined;
}

/** The same where no product is named (P8): each product by its own priority. */
export async function resolveAnyLicenseKey(store: Store, vendor: Vendor, text: string): Promise<Resolved | undefined> {
  const key = text.trim();
  const found = await resolveUuid(store, vendor, key.toLowerCase());
  if (found !== undefined) return found;
  const legacy = withLegacyKey(store.catalog, vendor, key).filter(
    ({ product_id }) => vendor.products.get(product_id)?.prioritized_key === "legacy",
  );
  const license = usable(legacy, store.now());
  return license && { license, tokenKey: null };
}

/** Licences whose id or legacy key this is, whatever the product puts first. */
export function licensesOfKey(catalog: Catalog, vendor: Vendor, text: string): License[] {
  const key = text.trim();
  const byId = vendor.licenses.get(key.toLowerCase());
  const byLegacyKey = withLegacyKey(catalog, vendor, key);
  return byId === undefined ? [...byLegacyKey] : [byId, ...byLegacyKey.filter((license) => license !== byId)];
}

function withLegacyKey(catalog: Catalog, vendor: Vendor, key: string): readonly License[] {
  return catalog.licensesByLegacyKey(vendor.isv.id, key);
}

async function resolveUuid(store: Store, vendor: Vendor, key: string): Promise<Resolved | undefined> {
  const license = vendor.licenses.get(key);
  if (license !== undefined) return { license, tokenKey: null };
  const licenseId = await store.licenseOfToken(vendor.isv.id, key);
  const ofToken = licenseId === undefined ? undefined : vendor.licenses.get(licenseId);
  return ofToken && { license: ofToken, tokenKey: key };
}

function usable(licenses: readonly License[], now: Millis): License | undefined {
  return licenses.find((license) => license.is_active && !isExpired(license, now)) ?? licenses[0];
}
