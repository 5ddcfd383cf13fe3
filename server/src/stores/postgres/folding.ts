/**
 * Folds the log of changes into the rows of sessions. Nothing of it stands in a decision's way: it locks rows that only
 * folding looks at, and whoever loads a licence meanwhile sees rows and log of one instant.
 */
import type { Session } from "../../core/types.ts";
import type { Place } from "../store.ts";
import { plain, texts } from "./arrays.ts";
import { sessionBody } from "./bodies.ts";
import type { Connections, Row, Transaction } from "./connections.ts";
import { columnsOf, keyOf, placeOf } from "./licenses.ts";
import * as limits from "./limits.ts";
import { type Extension, read } from "./log.ts";

const lockFolds = `
  SELECT isv_id, license_id, folded_to, kept_to, kept_at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
  FROM seatkeeper.folds
  WHERE (isv_id, license_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
  ORDER BY isv_id, license_id FOR UPDATE SKIP LOCKED`;

const changesAfter = `
  SELECT c.isv_id, c.license_id, c.version, c.changes
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, folded_to)
  CROSS JOIN LATERAL (SELECT * FROM seatkeeper.changes AS c
    WHERE c.isv_id = k.isv_id AND c.license_id = k.license_id AND c.version > k.folded_to
    ORDER BY c.version LIMIT ${limits.versionsPerFold}) AS c
  ORDER BY c.version`;

export const putSessions = `
  INSERT INTO seatkeeper.sessions (isv_id, license_id, key, body)
  SELECT isv_id, license_id, key, body::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k (isv_id, license_id, key, body)
  ON CONFLICT (isv_id, license_id, key) DO UPDATE SET body = excluded.body`;

const extendSessions = `
  UPDATE seatkeeper.sessions AS s SET body = s.body || k.body::jsonb
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS k (isv_id, license_id, key, body)
  WHERE s.isv_id = k.isv_id AND s.license_id = k.license_id AND s.key = k.key`;

const deleteSessions = `
  DELETE FROM seatkeeper.sessions AS s USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (isv_id, license_id, key)
  WHERE s.isv_id = k.isv_id AND s.license_id = k.license_id AND s.key = k.key`;

const saveFolds = `
  UPDATE seatkeeper.folds AS f SET folded_to = k.folded_to, kept_to = k.kept_to, kept_at = k.kept_at
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS k (isv_id, license_id, folded_to, kept_to, kept_at)
  WHERE f.isv_id = k.isv_id AND f.license_id = k.license_id`;

const deleteChanges = `
  DELETE FROM seatkeeper.changes AS c USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, kept_to)
  WHERE c.isv_id = k.isv_id AND c.license_id = k.license_id AND c.version <= k.kept_to`;

interface Bounds {
  readonly foldedFrom: number;
  readonly keptMs: number;
}

interface Behind extends Place {
  versions: number;
  /** When it was first written since its last fold, by the process's monotonic clock. */
  readonly since: number;
}

export class Folding {
  readonly #connections: Connections;
  readonly #bounds: Bounds;
  /** Licences whose log this server wrote to. After a crash their log stays, whole, until somebody writes to it again. */
  readonly #behind = new Map<string, Behind>();

  constructor(connections: Connections, bounds: Bounds) {
    this.#connections = connections;
    this.#bounds = bounds;
  }

  /** Notes that one more version of a licence is in the log. */
  note(place: Place): void {
    const behind = this.#behind.get(keyOf(place));
    if (behind === undefined) {
      const { isvId, licenseId } = place;
      this.#behind.set(keyOf(place), { isvId, licenseId, versions: 1, since: performance.now() });
    } else behind.versions++;
  }

  /** The database is another one: what stands in its log is whole until somebody writes to it again. */
  clear(): void {
    this.#behind.clear();
  }

  /** Folds what has grown long or old. Answers with how many licences it took, bounded. */
  async round(isUrgent = (behind: Behind) => this.#isDue(behind)): Promise<number> {
    const places: Behind[] = [];
    for (const behind of this.#behind.values()) {
      if (places.length >= limits.licensesPerFold) break;
      if (isUrgent(behind)) places.push(behind);
    }
    if (places.length === 0) return 0;
    for (const place of places) this.#behind.delete(keyOf(place));
    let folded = new Map<string, number>();
    try {
      folded = await this.#fold(places);
    } finally {
      for (const place of places) {
        const versions = folded.get(keyOf(place));
        // Somebody else folds it, or takes it up, or the database failed: it waits for its turn.
        if (versions === undefined) this.#putBack(place, place.versions);
        else if (versions === limits.versionsPerFold) this.#putBack(place, this.#bounds.foldedFrom);
      }
    }
    return folded.size;
  }

  /** It is behind by so many versions, or more, and by those that it was noted for meanwhile. */
  #putBack(place: Place, versions: number): void {
    const newer = this.#behind.get(keyOf(place));
    const { isvId, licenseId } = place;
    const since = performance.now();
    this.#behind.set(keyOf(place), { isvId, licenseId, versions: versions + (newer?.versions ?? 0), since });
  }

  /** Folds what has grown long or old, as much of it as half a second allows. */
  async rounds(): Promise<void> {
    const from = performance.now();
    while ((await this.round()) > 0 && performance.now() - from < limits.foldingMs);
  }

  /** Folds everything that this server wrote. */
  async all(): Promise<void> {
    while ((await this.round(() => true)) > 0);
  }

  #isDue({ versions, since }: Behind): boolean {
    return versions >= this.#bounds.foldedFrom || performance.now() - since >= limits.foldedAfterMs;
  }

  /** Answers with those that nobody else had locked, and how many versions of each are folded now. */
  async #fold(places: readonly Place[]): Promise<Map<string, number>> {
    const transaction = await this.#connections.begin();
    try {
      const locked = await transaction.query(lockFolds, columnsOf(places));
      const before = [...columnsOf(locked.map(placeOf)), plain(locked.map(({ folded_to }) => folded_to as string))];
      const log = await transaction.query(changesAfter, before);
      if (log.length > 0) this.#send(transaction, log, locked);
      await transaction.commit();
      const folded = new Map(locked.map((row) => [keyOf(placeOf(row)), 0]));
      for (const row of log) folded.set(keyOf(placeOf(row)), (folded.get(keyOf(placeOf(row))) ?? 0) + 1);
      return folded;
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }

  #send(transaction: Transaction, log: readonly Row[], locked: readonly Row[]): void {
    const folded = new Map<string, Row>();
    for (const row of log) folded.set(keyOf(placeOf(row)), row);
    const words = [...new LastWords(log)];
    const whole = words.filter(({ session }) => session !== null);
    const extended = words.filter(({ session, extension }) => session === null && extension !== null);
    const gone = words.filter(isGone);
    if (whole.length > 0) transaction.query(putSessions, [...keysOf(whole), texts(whole.map(bodyOf))]);
    if (extended.length > 0) transaction.query(extendSessions, [...keysOf(extended), texts(extended.map(bodyOf))]);
    if (gone.length > 0) transaction.query(deleteSessions, keysOf(gone));
    const rows = locked.flatMap((row) => {
      const last = folded.get(keyOf(placeOf(row)));
      return last === undefined ? [] : { row, foldedTo: last.version as string, isTurned: this.#isTurned(row) };
    });
    transaction.query(saveFolds, [
      ...columnsOf(rows.map(({ row }) => placeOf(row))),
      plain(rows.map(({ foldedTo }) => foldedTo)),
      plain(rows.map(({ row, foldedTo, isTurned }) => (isTurned ? foldedTo : (row.kept_to as string)))),
      plain(rows.map(({ row, isTurned }) => (isTurned ? row.now : row.kept_at) as string)),
    ]);
    const old = rows.filter(({ isTurned }) => isTurned).map(({ row }) => row);
    if (old.length > 0) {
      transaction.query(deleteChanges, [
        ...columnsOf(old.map(placeOf)),
        plain(old.map(({ kept_to }) => kept_to as string)),
      ]);
    }
  }

  /**
   * Whether what was folded at the last turn goes, and what is folded now is what goes next: by then it has stood for
   * `keptMs`, and a server that is behind by less finds what it has missed. Also after the clock was set back.
   */
  #isTurned({ now, kept_at }: Row): boolean {
    return Math.abs(Number(now) - Number(kept_at)) >= this.#bounds.keptMs;
  }
}

/** What a stretch of the log comes to for a session: a whole one, an extension of the one there is, or (neither) its end. */
export interface LastWord {
  readonly place: Place;
  readonly key: string;
  readonly session: Session | null;
  readonly extension: Extension | null;
}

/** The last words on the sessions of a stretch of the log, which may come in pieces. */
export class LastWords implements Iterable<LastWord> {
  readonly #words = new Map<string, LastWord>();

  constructor(log: readonly Row[] = []) {
    this.add(log);
  }

  /** What comes after all that was there before; of each licence in the order of its versions. */
  add(log: readonly Row[]): void {
    for (const row of log) {
      const place = placeOf(row);
      for (const logged of read(row.changes as string)) {
        if (logged.type === "session") {
          const { key } = logged.session;
          this.#put({ place, key, session: logged.session, extension: null });
        } else if (logged.type === "session.gone") {
          this.#put({ place, key: logged.key, session: null, extension: null });
        } else if (logged.type === "session.extended") {
          const { key, extension } = logged;
          const session = this.#words.get(keyOf(place) + key)?.session ?? null;
          this.#put({ place, key, session, extension });
        }
      }
    }
  }

  /** The word on a session, which is no longer among the others then. */
  take(place: Place, key: string): LastWord | undefined {
    const name = keyOf(place) + key;
    const word = this.#words.get(name);
    this.#words.delete(name);
    return word;
  }

  [Symbol.iterator](): Iterator<LastWord> {
    return this.#words.values();
  }

  #put(word: LastWord): void {
    this.#words.set(keyOf(word.place) + word.key, word);
  }
}

export function isGone({ session, extension }: LastWord): boolean {
  return session === null && extension === null;
}

function keysOf(words: readonly LastWord[]): unknown[] {
  return [...columnsOf(words.map(({ place }) => place)), texts(words.map(({ key }) => JSON.stringify(key)))];
}

/** Of an extension every member, since it is put over what the row says. */
function bodyOf({ session, extension }: LastWord): string {
  return session === null ? JSON.stringify(extension) : sessionBody({ ...session, ...extension });
}
