/**
 * Licences in this server's memory, each as of a version. Another server may have changed one since: whoever uses it
 * asks the database for what it has missed, and only trusts what it then knows to be whole.
 */
import { evolve } from "../../core/evolve.ts";
import type { LicenseState } from "../../core/state.ts";
import type { Change } from "../../core/types.ts";
import type { Place } from "../store.ts";
import { plain } from "./arrays.ts";
import type { Row } from "./connections.ts";
import { type Logged, read } from "./log.ts";

/** A licence in memory. */
export interface Known {
  readonly state: LicenseState;
  /** What the state is as of; not yet committed while `isTaken`. */
  version: number;
  /** A transaction is changing it: nobody else may look. */
  isTaken: boolean;
  size: number;
  /** When it was last decided on here, by the process's monotonic clock. */
  usedAt: number;
}

export class KnownLicenses {
  /** Least recently used first. */
  readonly #known = new Map<string, Known>();
  readonly #sizeMax: number;
  /** How many need each. */
  readonly #needed = new Map<string, number>();
  readonly #waiting = new WeakMap<Known, (() => void)[]>();
  #size = 0;

  /** `sizeMax`: sessions, clients, projects and items of all of them together. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** A licence as it is known here; undefined: it is not, or a transaction is changing it. */
  get(place: Place): Known | undefined {
    const known = this.#known.get(keyOf(place));
    return known?.isTaken === true ? undefined : known;
  }

  /** A licence of which something is known here, though a transaction may be changing it. */
  seen(place: Place): Known | undefined {
    return this.#known.get(keyOf(place));
  }

  /** Those of at least `size` sessions, clients, projects and items that were last decided on between two instants. */
  large(size: number, from: number, to: number): Place[] {
    const all = [...this.#known.values()];
    return all
      .filter((each) => each.size >= size && each.usedAt >= from && each.usedAt <= to)
      .map(({ state }) => state.terms);
  }

  /** Resolves when no transaction is changing the licence; before another one begins to. */
  async free(place: Place): Promise<void> {
    const known = this.#known.get(keyOf(place));
    if (known?.isTaken !== true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(known);
    if (waiting === undefined) this.#waiting.set(known, [resolve]);
    else waiting.push(resolve);
    return promise;
  }

  /** Keeps licences, once they are known, until what is answered with is called: somebody is about to decide on them. */
  need(places: readonly Place[]): () => void {
    const keys = new Set(places.map(keyOf));
    for (const key of keys) this.#needed.set(key, (this.#needed.get(key) ?? 0) + 1);
    return () => {
      for (const key of keys) {
        const left = (this.#needed.get(key) ?? 0) - 1;
        if (left > 0) this.#needed.set(key, left);
        else this.#needed.delete(key);
      }
    };
  }

  /** Puts licences in the place of what was known of them, and forgets others that nobody needs nor used for long. */
  put(all: readonly Known[]): void {
    const keys = new Set(all.map(({ state }) => keyOf(state.terms)));
    for (const known of all) {
      const key = keyOf(known.state.terms);
      this.#drop(key);
      known.size = sizeOf(known.state);
      this.#known.set(key, known);
      this.#size += known.size;
      this.#tell(known);
    }
    for (const [oldest, { isTaken }] of this.#known) {
      if (this.#size <= this.#sizeMax) break;
      if (!isTaken && !keys.has(oldest) && !this.#needed.has(oldest)) this.#drop(oldest);
    }
  }

  /** Forgets a licence of which it is not known what it came to. */
  forget(known: Known): void {
    const key = keyOf(known.state.terms);
    if (this.#known.get(key) === known) this.#drop(key);
    this.#tell(known);
  }

  clear(): void {
    this.#known.clear();
    this.#size = 0;
  }

  /** It is in no transaction's hands any more. */
  #tell(known: Known): void {
    for (const resolve of this.#waiting.get(known) ?? []) resolve();
    this.#waiting.delete(known);
  }

  #drop(key: string): void {
    this.#size -= this.#known.get(key)?.size ?? 0;
    this.#known.delete(key);
  }
}

export function keyOf({ isvId, licenseId }: Place): string {
  return isvId + licenseId;
}

/** A row's licence. */
export function placeOf(row: Row): Place {
  return { isvId: row.isv_id as string, licenseId: row.license_id as string };
}

/** Vendors and licences, as two arrays. */
export function columnsOf(places: readonly Place[]): string[] {
  return [plain(places.map(({ isvId }) => isvId)), plain(places.map(({ licenseId }) => licenseId))];
}

/** What a licence takes by itself, as a multiple of what a session or a client takes at most. */
const ofItself = 6;

function sizeOf(state: LicenseState): number {
  return ofItself + state.openSessions + state.clients + state.projectCount + state.itemCount;
}

/** Brings a licence up to `version` by the log; false: the log does not reach back so far, and the licence is to be read anew. */
export function catchUp(known: Known, version: number, log: readonly Row[]): boolean {
  const missed = log.filter((row) => Number(row.version) > known.version && Number(row.version) <= version);
  if (known.version + missed.length !== version) return false;
  for (const { changes } of missed) {
    for (const logged of read(changes as string)) {
      const change = changeOf(known.state, logged);
      if (change === null) return false;
      evolve(known.state, change);
    }
  }
  known.version = version;
  return true;
}

/** What the log says, as a change of this licence; null: it extends a session that the licence has not. */
function changeOf(state: LicenseState, logged: Logged): Change | null {
  if (logged.type !== "session.extended") return logged;
  const session = state.session(logged.key);
  return session === undefined ? null : { type: "session", session: { ...session, ...logged.extension } };
}
