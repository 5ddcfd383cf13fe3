/** Clients that look-ups of the store find, as of now. */
import type { Vendor } from "../../catalog/catalog.ts";
import { assignmentAt } from "../../core/decide/assignments.ts";
import type { Millis } from "../../core/types.ts";
import type { KnownClient } from "../../stores/store.ts";

/** The end of a temporary licence takes its clients' tokens at that instant, and not when somebody has written so. */
export function asOf(now: Millis, vendor: Vendor, clients: readonly KnownClient[]): KnownClient[] {
  return clients.map((client) => {
    const license = vendor.licenses.get(client.licenseId);
    const end = license?.expiration_date_utc ?? null;
    const isTemporary = vendor.editions.get(license?.edition_id ?? "")?.is_temporary === true;
    const tenure = { isTemporary, expiresAt: end === null ? null : Date.parse(end) };
    return { ...client, assignment: assignmentAt(tenure, client.assignment, now) };
  });
}
