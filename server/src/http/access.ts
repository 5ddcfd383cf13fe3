/** API keys: who is asking, and what the key reaches. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Catalog, Vendor } from "../catalog/catalog.ts";
import { type AdminRole, adminRoleOf, type Key, type License } from "../catalog/entities.ts";
import type { TokenHolder } from "./client-tokens.ts";
import type { Head } from "./head.ts";
import { keyLengthMax } from "./limits.ts";
import { Problem } from "./problem.ts";

/**
 * The least provisioning key that a route takes. `app`: any, also keys that ship inside software. `backend`: keys that
 * stay on a server. `admin`: AdminKeys alone. `public`: no key at all. `operator`: the key of whoever runs the server,
 * for what is of all vendors at once.
 */
export type Reach = "public" | "app" | "backend" | "admin" | "operator";

/** What a key of some vendor may reach. */
export type VendorReach = Exclude<Reach, "public" | "operator">;

/** Admin keys from the least to the most: each may do what those before it may. */
export const adminRoles = ["viewer", "operator", "owner"] as const satisfies readonly AdminRole[];

/** Who asks: a key of the vendor that the path names. */
export interface Caller {
  readonly key: Key;
  readonly vendor: Vendor;
  /** Whom alone the caller may act for: it came with a client token. */
  readonly onlyFor?: TokenHolder;
}

const challenge = ["WWW-Authenticate", 'ApiKey realm="seatkeeper"'] as const;

/**
 * The caller, if its key is valid (else 401), of the vendor in the path and of sufficient reach (else 403). A key of
 * one vendor learns nothing of another, not even whether it exists.
 *
 * Keys are looked up by the SHA-256 of what was sent, so how long a comparison takes tells of a digest that nobody can
 * aim at, and never how much of a secret was right.
 */
export function callerOf(
  catalog: Catalog,
  head: Head,
  isvId: string,
  reach: VendorReach,
  least: AdminRole = "owner",
): Caller {
  const { provisioningKey, adminKey } = head;
  if (provisioningKey !== null && adminKey !== null) {
    throw new Problem("keys_ambiguous", "Send either ProvisioningKey or AdminKey.");
  }
  const secret = provisioningKey ?? adminKey;
  if (secret === null) {
    throw new Problem("key_missing", "Send the header ProvisioningKey or AdminKey.", challenge);
  }
  const found = secret === "" || secret.length > keyLengthMax ? undefined : catalog.keyOfSecret(secret);
  const role = adminKey === null ? "provisioning" : "admin";
  if (found === undefined || !found.key.is_active || found.key.role !== role) {
    throw new Problem("key_unknown", "The key is unknown or no longer active.", challenge);
  }
  return callerWith(catalog, found, isvId, reach, least);
}

/**
 * The caller as it is by now, for what has gone on for a while since the request came.
 * @throws Problem: what the request would be refused for now.
 */
export function callerStill(catalog: Catalog, isvId: string, key: Key, reach: VendorReach, least: AdminRole): Caller {
  const now = catalog.vendor(isvId)?.keys.get(key.id);
  if (!isStill(now, key)) throw new Problem("key_unknown", "The key is unknown or no longer active.", challenge);
  return callerWith(catalog, { isvId, key: now }, isvId, reach, least);
}

/** Whether a key is by now what it was: active, with its secret and its role. */
export function isStill(now: Key | undefined, key: Key): now is Key {
  return now?.is_active === true && now.secret_sha256 === key.secret_sha256 && now.role === key.role;
}

/** The caller with a key that is known to be its own. @throws Problem (403) beyond its vendor or its reach. */
export function callerWith(
  catalog: Catalog,
  found: { readonly isvId: string; readonly key: Key },
  isvId: string,
  reach: VendorReach,
  least: AdminRole,
): Caller {
  const vendor = catalog.vendor(found.isvId);
  if (vendor === undefined || (found.isvId !== isvId && found.isvId !== isvId.toLowerCase())) {
    throw new Problem("key_insufficient", "The key belongs to another vendor than the one in the address.");
  }
  if (!suffices(found.key, reach, least)) throw new Problem("key_insufficient", insufficiency(found.key, reach, least));
  return { key: found.key, vendor };
}

/** Whether a key's role or scope is enough for a route. */
export function suffices(key: Key, reach: VendorReach, least: AdminRole): boolean {
  const role = adminRoleOf(key);
  if (role !== null) return adminRoles.indexOf(role) >= adminRoles.indexOf(least);
  return reach === "app" || (reach === "backend" && key.scope === "backend");
}

function insufficiency(key: Key, reach: Reach, least: AdminRole): string {
  if (key.role === "admin") return `This takes an AdminKey of role ${least}; this one is of role ${adminRoleOf(key)}.`;
  return reach === "admin" ? "This takes an AdminKey." : "Keys of scope app do not reach this.";
}

/**
 * @throws Problem unless the operator's key was sent. It is one of the server's settings and of no vendor: what it reaches
 * holds the data of all of them.
 */
export function requireOperator(operatorKey: string | null, head: Head): void {
  if (operatorKey === null) {
    throw new Problem("operator_off", "Set SEATKEEPER_OPERATOR_KEY where the server runs, and start it again.");
  }
  if (head.operatorKey === null) throw new Problem("key_missing", "Send the header OperatorKey.", challenge);
  // Digests are of one length, and tell nothing of a secret that was nearly right.
  if (!timingSafeEqual(digest(head.operatorKey), digest(operatorKey))) {
    throw new Problem("key_unknown", "The operator's key is another.", challenge);
  }
}

const digest = (secret: string) => createHash("sha256").update(secret).digest();

/** Whether the key's bounds, if it has any, include the licence. */
export function reachesLicense(key: Key, license: License): boolean {
  return (
    (key.license_id === null || key.license_id === license.id) &&
    (key.product_id === null || key.product_id === license.product_id) &&
    (key.customer_id === null || key.customer_id === license.customer_id)
  );
}

/** Whether the key's bounds, if it has any, include something of the customer's. */
export function reachesCustomer(caller: Caller, customerId: string): boolean {
  return (boundsOf(caller).customer_id ?? customerId) === customerId;
}

/** Whether the key's bounds, if it has any, include something of the product's. */
export function reachesProduct(caller: Caller, productId: string): boolean {
  return (boundsOf(caller).product_id ?? productId) === productId;
}

/** A licence is one product's and one customer's. One that is gone is of none: then nothing is reached. */
function boundsOf({ key, vendor }: Caller): {
  readonly product_id: string | null;
  readonly customer_id: string | null;
} {
  if (key.license_id === null) return key;
  return vendor.licenses.get(key.license_id) ?? { product_id: "", customer_id: "" };
}

/** @throws Problem (403) unless the key's bounds include the licence of this id. An unknown one is for the rules to deny. */
export function requireLicense({ key, vendor }: Caller, licenseId: string): void {
  if (!isBound(key)) return;
  const license = vendor.licenses.get(licenseId);
  const isReached = license === undefined ? key.license_id === null : reachesLicense(key, license);
  if (!isReached) throw new Problem("key_insufficient", "The key is bound to other licences.");
}

/** The licence in an address. @throws Problem: 403 beyond the key's bounds, 404 where the vendor has none of this id. */
export function knownLicense(caller: Caller, licenseId: string): License {
  const id = licenseId.toLowerCase();
  requireLicense(caller, id);
  const license = caller.vendor.licenses.get(id);
  if (license === undefined) throw new Problem("license_unknown", "The vendor has no licence of this id.");
  return license;
}

/** @throws Problem (403) unless the key's bounds, if it has any, allow all of this product. */
export function requireProduct({ key }: Caller, productId: string): void {
  if (key.product_id !== null && key.product_id !== productId) {
    throw new Problem("key_insufficient", "The key is bound to another product.");
  }
}

/** Whether a key reaches only part of its vendor's licences. */
export function isBound(key: Key): boolean {
  return key.license_id !== null || key.product_id !== null || key.customer_id !== null;
}
