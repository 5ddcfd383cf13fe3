/** How limitations stand of which something is consumed. */
import { microsPerUnit } from "../limits.ts";
import { type Period, periodAt } from "../periods.ts";
import type { LicenseView, Limitation, Millis, Quota, QuotaStatus } from "../types.ts";

/** A limitation as it stands at an instant: what is over counts no more. */
export interface Standing {
  readonly limitation: Limitation;
  readonly quota: Quota;
  readonly period: Period;
}

/** How a limitation stands, for whoever looks. Undefined: the licence has no such limitation, or nothing of it is consumed. */
export function quotaStatus(license: LicenseView, limitationId: string, now: Millis): QuotaStatus | undefined {
  const limitation = license.terms.limitations.find(({ id }) => id === limitationId);
  if (limitation === undefined || limitation.reset === null) return undefined;
  return statusOf(standing(license, limitation, license.quota(limitationId), now), null);
}

/** What is left of a limit, in units; below nothing where goodwill or a soft limit let more be consumed. Null: it has no limit. */
export function remaining({ limitation: { limit }, used }: QuotaStatus): number | null {
  return limit === null ? null : (limit * microsPerUnit - used) / microsPerUnit;
}

/** How all limitations of a licence stand of which something is consumed. */
export function quotaStatuses(license: LicenseView, now: Millis): QuotaStatus[] {
  return license.terms.limitations.flatMap(({ id }) => quotaStatus(license, id, now) ?? []);
}

/** The period that counts at `now`. */
export function periodOf(license: LicenseView, limitation: Limitation, known: Quota | undefined, now: Millis): Period {
  return periodAt(limitation, license.terms.startsAt ?? known?.from ?? now, now);
}

export function standing(
  license: LicenseView,
  limitation: Limitation,
  known: Quota | undefined,
  now: Millis,
): Standing {
  const period = periodOf(license, limitation, known, now);
  const fresh: Quota = { kind: "quota", key: limitation.id, from: period.from, used: 0, count: known?.count ?? 0 };
  return { limitation, period, quota: known === undefined || !isWithin(known.from, period) ? fresh : known };
}

/**
 * Whether an instant lies in a period; all of them lie in one that never ends, wherever it is counted from. What lies behind it
 * was consumed by a clock that led, and counts as little as what lies before it: otherwise a quota that it used up would be used
 * up in every period until then.
 */
export function isWithin(at: Millis, { from, until }: Period): boolean {
  return until === null || (at >= from && at < until);
}

/** A status as it is answered. */
export function statusOf({ limitation, quota, period }: Standing, transactionId: string | null): QuotaStatus {
  return { transactionId, limitation, used: quota.used, from: quota.from, until: period.until };
}
