/** What a call of analytics asks for: of which licences, from when to when, by which clock. */
import { type Static, Type } from "typebox";
import { type Bucket, boundaries, buckets, bucketsMax, isTimeZone } from "../../../analytics/calendar.ts";
import { keptDays } from "../../../analytics/rollup.ts";
import { day, minute, quarter, type Scope } from "../../../analytics/tally.ts";
import type { License } from "../../../catalog/entities.ts";
import { type DenialCode, denials } from "../../../core/denials.ts";
import type { Pool } from "../../../core/types.ts";
import { isBound, knownLicense } from "../../access.ts";
import { knownEntity } from "../../admin/change.ts";
import { Instant, millis, Uuid, uuidOrNull } from "../../input.ts";
import { Problem } from "../../problem.ts";
import type { KeyedCall } from "../../route.ts";

/** Days of people that are summed at once: their rows fit an answer of a fifth of a second. */
export const peopleDaysMax = 93;

const pools = ["floating", "named", "mono", "team"] as const;

export const scopeFields = {
  license_id: Type.Optional(Uuid("Of one licence.")),
  product_id: Type.Optional(Uuid("Of all licences of a product.")),
  customer_id: Type.Optional(Uuid("Of all licences of a customer. Without any of the three: of all the vendor's.")),
};
export const poolField = {
  pool: Type.Optional(
    Type.Enum([...pools], {
      description: "The pool; the licences' own one if left out, `mono` of those that have two.",
    }),
  ),
};
export const kindField = {
  pool: Type.Optional(
    Type.Enum(["mono", "team"], {
      description: "Of those who wanted such a token, on licences of projects; of everybody if left out.",
    }),
  ),
};
export const rangeFields = {
  from: Type.Optional(Instant("From this instant on; 30 days ago if left out.")),
  to: Type.Optional(Instant("Before this instant; now if left out.")),
};
export const zoneField = {
  time_zone: Type.Optional(
    Type.String({ maxLength: 64, description: "Whose days and hours: an IANA name. UTC if left out." }),
  ),
};
export const bucketField = { bucket: Type.Optional(Type.Enum([...buckets], { description: "`day` if left out." })) };
export const reasonField = {
  reason: Type.Optional(
    Type.Enum(Object.keys(denials) as DenialCode[], { description: "Denials for this reason; for any if left out." }),
  ),
};

const Scoped = Type.Object({ ...scopeFields, ...poolField });
const Ranged = Type.Object(rangeFields);

export interface ScopedCall extends KeyedCall {
  readonly query: Static<typeof Scoped>;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What ends a bucket later has no name of four digits for its year. */
const latest = Date.UTC(9999, 0);

/** @throws Problem (400) where the end is not after the beginning. */
export function rangeOf(query: Static<typeof Ranged>, now: number): Range {
  const to = query.to === undefined ? now : millis(query.to, "to");
  const from = query.from === undefined ? to - 30 * day : millis(query.from, "from");
  if (from >= to) throw new Problem("input_invalid", "from, to: want an end after the beginning");
  if (to > latest) throw new Problem("input_invalid", "to: want an instant before the year 9999");
  return { from, to };
}

/** A range of whole days (UTC), rounded outward, of which not too many rows are to be read. */
export function dayRangeOf(query: Static<typeof Ranged>, now: number): Range {
  const { from, to } = rangeOf(query, now);
  if (to - from > peopleDaysMax * day)
    throw new Problem("input_invalid", `from, to: want ${peopleDaysMax} days at most`);
  return { from: Math.floor(from / day) * day, to: Math.ceil(to / day) * day };
}

/** A range of whole quarters of an hour, rounded outward, no longer than sums are kept for. */
export function quarterRangeOf(query: Static<typeof Ranged>, now: number): Range {
  const { from, to } = rangeOf(query, now);
  if (to - from > keptDays.sums * day) {
    throw new Problem("input_invalid", `from, to: want ${keptDays.sums} days at most`);
  }
  return { from: Math.floor(from / quarter) * quarter, to: Math.ceil(to / quarter) * quarter };
}

/** @throws Problem (400) unless the zone is one whose buckets can be put together. */
export function cutsOf(bucket: Bucket, range: Range, timeZone: string): number[] {
  const cuts = boundaries(bucket, range.from, range.to, timeZone);
  if (cuts === null) {
    throw new Problem("input_invalid", `bucket: ${bucketsMax} at most; take longer ones or a shorter time`);
  }
  const resolution = resolutionOf(bucket);
  if (cuts.some((cut) => cut % resolution !== 0)) {
    throw new Problem("input_invalid", "time_zone: want one whose hours begin at a quarter of an hour of UTC");
  }
  return cuts;
}

export const resolutionOf = (bucket: Bucket) => (bucket === "minute" ? minute : quarter);

/** @throws Problem (400) where there is no such zone. */
export function zoneOf({ time_zone: zone = "UTC" }: { readonly time_zone?: string }): string {
  if (!isTimeZone(zone)) throw new Problem("input_invalid", "time_zone: want an IANA name, such as Europe/Berlin");
  return zone;
}

/** @throws Problem where several scopes are named, or the key does not reach the one that is. */
export function scopeOf(call: ScopedCall): { scope: Scope; id: string } {
  const { license_id, product_id, customer_id } = call.query;
  const named = [license_id, product_id, customer_id].filter((id) => id !== undefined);
  if (named.length > 1) throw new Problem("input_invalid", "license_id, product_id, customer_id: want one of them");
  const licenseId = uuidOrNull(license_id);
  if (licenseId !== null) return { scope: "license", id: knownLicense(call, licenseId).id };
  requireUnbound(call);
  if (product_id !== undefined) return { scope: "product", id: knownEntity(call, "product", product_id).id };
  if (customer_id !== undefined) return { scope: "customer", id: knownEntity(call, "customer", customer_id).id };
  return { scope: "vendor", id: call.isvId };
}

/** @throws Problem (403) where the key reaches some licences alone. */
export function requireUnbound({ key }: KeyedCall): void {
  if (!isBound(key)) return;
  throw new Problem("key_insufficient", "The key is bound to some licences: name one in license_id.");
}

/** The licences of a scope. */
export function licensesOf({ vendor }: KeyedCall, scope: Scope, id: string): License[] {
  if (scope === "vendor") return [...vendor.licenses.values()];
  return [...vendor.licenses.values()].filter(
    (license) => id === { license: license.id, product: license.product_id, customer: license.customer_id }[scope],
  );
}

/** The pool that is charted, and the limit that it has now: of several licences the sum. */
export function poolOf(call: ScopedCall, scope: Scope, id: string): { pool: Pool; limit: number | null } {
  const limits = licensesOf(call, scope, id).map((license) => limitsOf(call, license));
  const own = new Set(limits.map((each) => Object.keys(each)[0] as Pool));
  const pool = call.query.pool ?? (own.size === 1 ? ([...own][0] as Pool) : "floating");
  const ofPool = limits.map((each) => each[pool]).filter((limit) => limit !== undefined);
  return { pool, limit: ofPool.length === 0 ? null : ofPool.reduce((all, limit) => all + limit, 0) };
}

/** The pools of a licence, its own one first. */
export function limitsOf({ vendor }: KeyedCall, license: License): Partial<Record<Pool, number>> {
  const edition = vendor.editions.get(license.edition_id);
  if (edition?.provisioning_mode === "named") return { named: license.token_limit + license.goodwill_token_limit };
  if (edition?.client_type === "projects") return { ...(license.project_tokens ?? { mono: 0, team: 0 }) };
  return { floating: license.floating_token_limit };
}
