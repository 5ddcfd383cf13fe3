/** What the text in `license_key` may stand for. */
import type { Vendor } from "../../catalog/catalog.ts";
import type { License, Product } from "../../catalog/entities.ts";
import type { Store } from "../../stores/store.ts";
import { type Caller, reachesLicense } from "../access.ts";
import { isUuid } from "../input.ts";

export interface Resolved {
  readonly license: License;
  /** The token key that was sent in the place of a licence; null otherwise. */
  readonly tokenKey: string | null;
}

/** The key is the legacy key of several licences, so that nobody can tell which one is meant. */
export type Ambiguous = "legacy_key_ambiguous";

/**
 * The licence that a key means: its id, one of its token keys, or, where the product puts those first, its legacy key.
 * Undefined: the product has no such licence. A legacy key can be guessed, it may be a customer's domain: one that the
 * caller's own key does not reach is as if it were not there.
 */
export async function resolveLicenseKey(
  store: Store,
  caller: Caller,
  product: Product,
  text: string,
): Promise<Resolved | Ambiguous | undefined> {
  const { vendor } = caller;
  const key = text.trim();
  const isOfProduct = (license: License) => license.product_id === product.id;
  if (product.prioritized_key === "legacy") {
    const license = theOnly(reachedBy(caller, vendor.licensesByLegacyKey(key)).filter(isOfProduct));
    if (license !== undefined) return byLegacyKey(license);
  }
  const found = await resolveUuid(store, vendor, key.toLowerCase());
  return found !== undefined && isOfProduct(found.license) ? found : undefined;
}

/** The same where no product is named (P8): each product by its own priority. */
export async function resolveAnyLicenseKey(
  store: Store,
  caller: Caller,
  text: string,
): Promise<Resolved | Ambiguous | undefined> {
  const { vendor } = caller;
  const key = text.trim();
  const found = await resolveUuid(store, vendor, key.toLowerCase());
  if (found !== undefined) return found;
  const legacy = reachedBy(caller, vendor.licensesByLegacyKey(key)).filter(
    ({ product_id }) => vendor.products.get(product_id)?.prioritized_key === "legacy",
  );
  return byLegacyKey(theOnly(legacy));
}

/** The one licence of a product whose id or legacy key this is, whatever the product puts first. */
export function licenseOfKey(vendor: Vendor, productId: string, text: string): License | Ambiguous | undefined {
  return theOnly(licensesOfKey(vendor, text).filter(({ product_id }) => product_id === productId));
}

/** Licences whose id or legacy key this is, whatever the product puts first. */
export function licensesOfKey(vendor: Vendor, text: string): License[] {
  const key = text.trim();
  const byId = vendor.licenses.get(key.toLowerCase());
  const byLegacyKey = vendor.licensesByLegacyKey(key);
  return byId === undefined ? byLegacyKey : [byId, ...byLegacyKey.filter((license) => license !== byId)];
}

async function resolveUuid(store: Store, vendor: Vendor, key: string): Promise<Resolved | undefined> {
  const license = vendor.licenses.get(key);
  if (license !== undefined) return { license, tokenKey: null };
  // Whatever somebody typed is asked for here, and PostgreSQL takes nothing but an id for one.
  if (!isUuid(key)) return undefined;
  const licenseId = await store.licenseOfToken(vendor.isv.id, key);
  const ofToken = licenseId === undefined ? undefined : vendor.licenses.get(licenseId);
  return ofToken && { license: ofToken, tokenKey: key };
}

function reachedBy({ key }: Caller, licenses: readonly License[]): License[] {
  return licenses.filter((license) => reachesLicense(key, license));
}

function theOnly(licenses: readonly License[]): License | Ambiguous | undefined {
  return licenses.length > 1 ? "legacy_key_ambiguous" : licenses[0];
}

function byLegacyKey(found: License | Ambiguous | undefined): Resolved | Ambiguous | undefined {
  return typeof found === "object" ? { license: found, tokenKey: null } : found;
}
