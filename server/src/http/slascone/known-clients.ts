/** Clients that look-ups of the store find, as of now. */
import type { Vendor } from "../../catalog/catalog.ts";
import { assignmentAt } from "../../core/decide/assignments.ts";
import type { Millis } from "../../core/types.ts";
import type { KnownClient } from "../../stores/store.ts";

/**
 * The end of a temporary licence takes its clients' tokens at that instant, and not when somebody has written so. In the order
 * of their licences and of their activation: stores find them in any, and each server is to tell the same.
 */
export function asOf(now: Millis, vendor: Vendor, clients: readonly KnownClient[]): KnownClient[] {
  const ordered = clients.toSorted(
    ({ licenseId, assignment: one }, { licenseId: otherId, assignment: other }) =>
      byText(licenseId, otherId) || one.activatedAt - other.activatedAt || byText(one.clientKey, other.clientKey),
  );
  return ordered.map((client) => {
    const license = vendor.licenses.get(client.licenseId);
    const end = license?.expiration_date_utc ?? null;
    const isTemporary = vendor.editions.get(license?.edition_id ?? "")?.is_temporary === true;
    const tenure = { isTemporary, expiresAt: end === null ? null : Date.parse(end) };
    return { ...client, assignment: assignmentAt(tenure, client.assignment, now) };
  });
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
