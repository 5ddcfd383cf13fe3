/**
 * Users' names as a caller is shown them: the one place that decides who sees names. Owners always do. Keys that ship
 * inside software never do: anybody may read such a key. Everybody else does, unless the vendor shows pseudonyms.
 *
 * A pseudonym is a keyed digest, so it is the same for one name everywhere and for ever, and whoever has no more than the
 * pseudonym cannot try names against it. Its last digits are a digest of the others: a client cannot make up a name that
 * passes for a pseudonym.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Vendor } from "../catalog/catalog.ts";
import { adminRoleOf } from "../catalog/entities.ts";
import { fold } from "../core/names.ts";
import type { HistoryRecord } from "../core/types.ts";
import type { Store } from "../stores/store.ts";
import type { Caller } from "./access.ts";
import { Problem } from "./problem.ts";

export interface Names {
  readonly areHidden: boolean;
  /** A name as it is shown. */
  of(name: string): string;
}

/** For those who may see names, and about those whom the caller has named. */
export const plainNames: Names = { areHidden: false, of: (name) => name };

export async function loadPseudonyms(store: Store): Promise<Pseudonyms> {
  const secret = await store.keepSetting("pseudonym_key", randomBytes(32).toString("base64url"));
  return new Pseudonyms(Buffer.from(secret, "base64url"));
}

export class Pseudonyms {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** One that is a pseudonym already stays as it is, so that a forgotten user is one and the same to everybody. */
  of(isvId: string, name: string): string {
    const [, body, seal] = /^user-([0-9a-f]{16})([0-9a-f]{8})(-\d+)?$/.exec(name) ?? [];
    if (body !== undefined && seal === this.#seal(isvId, body)) return name;
    const digest = this.#digest(["name", isvId, fold(name)]).slice(0, 16);
    return `user-${digest}${this.#seal(isvId, digest)}`;
  }

  #seal(isvId: string, body: string): string {
    return this.#digest(["pseudonym", isvId, body]).slice(0, 8);
  }

  #digest(parts: readonly string[]): string {
    return createHmac("sha256", this.#secret).update(JSON.stringify(parts)).digest("hex");
  }

  namesFor({ key, vendor }: Caller): Names {
    const role = adminRoleOf(key);
    const isApp = role === null && key.scope === "app";
    if (role === "owner" || (!isApp && vendor.isv.shows_pseudonyms !== true)) return plainNames;
    return { areHidden: true, of: (name) => this.of(vendor.isv.id, name) };
  }
}

export function nameOrNull(names: Names, name: string | null): string | null {
  return name === null ? null : names.of(name);
}

/**
 * A client's id as it is shown: on a devices licence it is a machine's, on every other one it may be the user's name.
 * `isDevices` null: nobody knows what the licence counts.
 */
export function clientOrNull(names: Names, isDevices: boolean | null, clientId: string | null): string | null {
  return isDevices === true ? clientId : nameOrNull(names, clientId);
}

/** A line of history with the names that a caller may see. */
export function shownLine(line: HistoryRecord, names: Names, vendor: Vendor): HistoryRecord {
  if (!names.areHidden) return line;
  const clientId = clientOrNull(names, vendor.countsDevices(line.licenseId), line.clientId);
  return { ...line, clientId, userId: nameOrNull(names, line.userId) };
}

/** @throws Problem (403): whoever is shown pseudonyms must not find out names by asking for them. */
export function requireNames(names: Names): void {
  if (names.areHidden)
    throw new Problem("key_insufficient", "Names are hidden from this key, so it cannot ask by one.");
}
