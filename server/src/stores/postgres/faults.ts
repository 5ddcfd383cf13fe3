/** What PostgreSQL says of a failure: whether it may be begun again, waited for, or told of. */
import { StoreFault } from "../store.ts";

/**
 * Another server made PostgreSQL choose this transaction to give way, or has changed the catalogue under it (which divides by
 * zero: `saveLicenses`): nothing of it happened, and it may begin again.
 */
export function isConflict(error: unknown): boolean {
  return hasCode(error, ["40001", "40P01", "22012"]);
}

/** The connection is gone: PostgreSQL said so, or the network. The driver's own words for it have no code. */
export function isLost(error: unknown): boolean {
  const isToldSo = hasCode(error, ["57P01", "57P02", "EPIPE", "ECONNRESET"]);
  return isToldSo || /Connection terminated|not queryable/.test((error as Error).message);
}

/** A full disk, too many connections, no memory; a disk that fails. */
export function isLack(error: unknown): boolean {
  return hasCode(error, ["53", "58"]);
}

/** A lock was not had in time. */
export function isLockedOut(error: unknown): boolean {
  return hasCode(error, ["55P03"]);
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  const { code } = ((error as Error).cause ?? {}) as { readonly code?: string };
  return (
    error instanceof StoreFault &&
    !error.isUnknown &&
    code !== undefined &&
    codes.some((begin) => code.startsWith(begin))
  );
}
