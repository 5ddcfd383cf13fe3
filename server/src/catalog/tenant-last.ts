/** What a file said of an entity when it was applied last: whoever says it again has not changed their mind. */
import { isDeepStrictEqual } from "node:util";
import type { StoredEntity } from "./entities.ts";
import { isRecord } from "./tenant-check.ts";

/** What the file said of an entity, and what that meant then: a reference changes only if both do. */
export interface LastApplied {
  readonly said: Readonly<Record<string, unknown>>;
  readonly meant: Readonly<Record<string, unknown>>;
}

/** What the last apply left; anything else counts as never applied. */
export function lastApplied(applied: StoredEntity["applied"]): LastApplied | null {
  if (applied === null || !isRecord(applied.said) || !isRecord(applied.meant)) return null;
  return { said: applied.said, meant: applied.meant };
}

/** Whether the file says of a field what it said before, so that what is there stays. */
export function isAsBefore(field: string, said: unknown, meant: unknown, last: LastApplied): boolean {
  return isDeepStrictEqual(said, last.said[field]) || isDeepStrictEqual(meant, last.meant[field]);
}
