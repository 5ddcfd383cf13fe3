/**
 * Folds the log of changes into the rows of sessions. Nothing of it stands in a decision's way: it locks rows that only
 * folding looks at, and whoever loads a licence meanwhile sees rows and log of one instant.
 */
import type { Session } from "../../core/types.ts";
import type { Place } from "../store.ts";
import { plain, texts } from "./arrays.ts";
import type { Connections, Row, Transaction } from "./connections.ts";
import { columnsOf, keyOf, placeOf } from "./licenses.ts";
import * as limits from "./limits.ts";
import { type Extension, read } from "./log.ts";

const lockFolds = `
  SELECT isv_id, license_id, folded_to FROM seatkeeper.folds
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
  UPDATE seatkeeper.folds AS f SET folded_to = k.folded_to
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, folded_to)
  WHERE f.isv_id = k.isv_id AND f.license_id = k.license_id`;

/** What the fold before this one had taken goes: a server that is behind by less finds what it has missed. */
const deleteChanges = `
  DELETE FROM seatkeeper.changes AS c USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, folded_to)
  WHERE c.isv_id = k.isv_id AND c.license_id = k.license_id AND c.version <= k.folded_to`;

interface Behind extends Place {
  versions: number;
  /** When it was first written since its last fold, by the process's monotonic clock. */
  readonly since: number;
}

export class Folding {
  readonly #connections: Connections;
  readonly #bounds: { readonly foldedFrom: number };
  /** Licences whose log this server wrote to. After a crash their log stays, whole, until somebody writes to it again. */
  readonly #behind = new Map<string, Behind>();

  constructor(connections: Connections, bounds: { readonly foldedFrom: number }) {
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

  /** Folds what has grown long or old. Answers with how many licences it took, bounded. */
  async round(isUrgent = (behind: Behind) => this.#isDue(behind)): Promise<number> {
    const places: Behind[] = [];
    for (const behind of this.#behind.values()) {
      if (places.length >= limits.licensesPerFold) break;
      if (isUrgent(behind)) places.push(behind);
    }
    if (places.length === 0) return 0;
    for (const place of places) this.#behind.delete(keyOf(place));
    try {
      await this.#fold(places);
    } catch (error) {
      for (const place of places) if (!this.#behind.has(keyOf(place))) this.#behind.set(keyOf(place), place);
      throw error;
    }
    return places.length;
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

  async #fold(places: readonly Place[]): Promise<void> {
    const transaction = await this.#connections.begin();
    try {
      const locked = await transaction.query(lockFolds, columnsOf(places));
      const before = [...columnsOf(locked.map(placeOf)), plain(locked.map(({ folded_to }) => folded_to as string))];
      const log = await transaction.query(changesAfter, before);
      if (log.length > 0) this.#send(transaction, log, locked);
      await transaction.commit();
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }

  #send(transaction: Transaction, log: readonly Row[], locked: readonly Row[]): void {
    const folded = new Map<string, Row>();
    for (const row of log) folded.set(keyOf(placeOf(row)), row);
    const words = [...lastWords(log)];
    const whole = words.filter(({ session }) => session !== null);
    const extended = words.filter(({ session, extension }) => session === null && extension !== null);
    const gone = words.filter(isGone);
    if (whole.length > 0) transaction.query(putSessions, [...keysOf(whole), texts(whole.map(bodyOf))]);
    if (extended.length > 0) transaction.query(extendSessions, [...keysOf(extended), texts(extended.map(bodyOf))]);
    if (gone.length > 0) transaction.query(deleteSessions, keysOf(gone));
    const rows = [...folded.values()];
    transaction.query(saveFolds, [
      ...columnsOf(rows.map(placeOf)),
      plain(rows.map(({ version }) => version as string)),
    ]);
    // Only of licences that had anything to fold: when servers fold one right after the other, the log stays.
    const old = locked.filter((row) => folded.has(keyOf(placeOf(row))));
    transaction.query(deleteChanges, [
      ...columnsOf(old.map(placeOf)),
      plain(old.map(({ folded_to }) => folded_to as string)),
    ]);
  }
}

/** What a stretch of the log comes to for a session: a whole one, an extension of the one there is, or (neither) its end. */
export interface LastWord {
  readonly place: Place;
  readonly key: string;
  readonly session: Session | null;
  readonly extension: Extension | null;
}

export function lastWords(log: readonly Row[]): Iterable<LastWord> {
  const words = new Map<string, LastWord>();
  for (const row of log) {
    const place = placeOf(row);
    for (const logged of read(row.changes as string)) {
      if (logged.type === "session") {
        const { key } = logged.session;
        words.set(keyOf(place) + key, { place, key, session: logged.session, extension: null });
      } else if (logged.type === "session.gone") {
        const { key } = logged;
        words.set(keyOf(place) + key, { place, key, session: null, extension: null });
      } else if (logged.type === "session.extended") {
        const { key, extension } = logged;
        const session = words.get(keyOf(place) + key)?.session ?? null;
        words.set(keyOf(place) + key, { place, key, session, extension });
      }
    }
  }
  return words.values();
}

export function isGone({ session, extension }: LastWord): boolean {
  return session === null && extension === null;
}

function keysOf(words: readonly LastWord[]): unknown[] {
  return [...columnsOf(words.map(({ place }) => place)), texts(words.map(({ key }) => JSON.stringify(key)))];
}

/** Without the key, which stands beside it and may hold what `jsonb` refuses. */
export function sessionBody(session: Session): string {
  return JSON.stringify({ ...session, key: undefined });
}

function bodyOf({ session, extension }: LastWord): string {
  return JSON.stringify({ ...session, ...extension, key: undefined });
}
