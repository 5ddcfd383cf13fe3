/** Licences that are there, or once were: their history outlives them. */
import { requireLicense } from "./access.ts";
import { Problem } from "./problem.ts";
import type { KeyedCall, Services } from "./route.ts";

/** @throws Problem: 403 beyond the key's bounds, 404 where the vendor has no licence of this id and never had. */
export async function requireLicenseEver(store: Services["store"], call: KeyedCall, licenseId: string): Promise<void> {
  requireLicense(call, licenseId);
  const { isvId, vendor } = call;
  if (vendor.licenses.has(licenseId)) return;
  const { items, next } = await store.events({ isvId, licenseId, before: null, limit: 1 });
  if (items.length > 0 || next !== null) return;
  // Nothing ever happened on it; that it was made and deleted is in the audit log.
  const audited = { isvId, kind: "license", id: licenseId, from: null, to: null, offset: 0, limit: 1 } as const;
  if ((await store.audit(audited)).total > 0) return;
  throw new Problem("license_unknown", "The vendor never had a licence of this id.");
}
