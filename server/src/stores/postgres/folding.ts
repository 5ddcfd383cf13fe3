/**
 * Folds the log of changes into the rows of sessions. Nothing of it stands in a decision's way: it locks rows that only
 * folding looks at, and whoever loads a licence meanwhile sees rows and log of one instant.
 */
import type { Change, Session } from "../../core/types.ts";
import type { Place } from "../store.ts";
import type { Connections, Row, Transaction } from "./connections.ts";
import { keyOf, placeOf } from "./licenses.ts";
import * as limits from "./limits.ts";

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
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
  ON CONFLICT (isv_id, license_id, key) DO UPDATE SET body = excluded.body`;

const deleteSessions = `
  DELETE FROM seatkeeper.sessions AS s USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (isv_id, license_id, key)
  WHERE s.isv_id = k.isv_id AND s.license_id = k.license_id AND s.key = k.key`;

const saveFolds = `
  UPDATE seatkeeper.folds AS f SET folded_to = k.folded_to
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, folded_to)
  WHERE f.isv_id = k.isv_id AND f.license_id = k.license_id`;

/** A server that is a little behind still finds what it has missed. */
const deleteChanges = `
  DELETE FROM seatkeeper.changes AS c USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, folded_to)
  WHERE c.isv_id = k.isv_id AND c.license_id = k.license_id AND c.version <= k.folded_to - ${limits.versionsKept}`;

interface Behind extends Place {
  versions: number;
  /** When it was first written since its last fold, by the process's monotonic clock. */
  readonly since: number;
}

export class Folding {
  readonly #connections: Connections;
  /** Licences whose log this server wrote to. After a crash their log stays, whole, until somebody writes to it again. */
  readonly #behind = new Map<string, Behind>();

  constructor(connections: Connections) {
    this.#connections = connections;
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
  async round(isUrgent: (behind: Behind) => boolean = isDue): Promise<number> {
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

  /** Folds everything that this server wrote. */
  async all(): Promise<void> {
    while ((await this.round(() => true)) > 0);
  }

  async #fold(places: readonly Place[]): Promise<void> {
    const transaction = await this.#connections.begin();
    try {
      const locked = await transaction.query(lockFolds, columnsOf(places));
      const log = await transaction.query(changesAfter, [
        ...columnsOf(locked.map(placeOf)),
        locked.map(({ folded_to }) => folded_to),
      ]);
      if (log.length > 0) this.#send(transaction, log);
      await transaction.commit();
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }

  #send(transaction: Transaction, log: readonly Row[]): void {
    const folded = new Map<string, Row>();
    const sessions = new Map<
      string,
      { readonly place: Place; readonly key: string; readonly session: Session | null }
    >();
    for (const row of log) {
      const place = placeOf(row);
      folded.set(keyOf(place), row);
      for (const change of JSON.parse(row.changes as string) as Change[]) {
        if (change.type !== "session" && change.type !== "session.gone") continue;
        const session = change.type === "session" ? change.session : null;
        const key = session?.key ?? (change as { readonly key: string }).key;
        sessions.set(`${keyOf(place)}${key}`, { place, key: JSON.stringify(key), session });
      }
    }
    const live = [...sessions.values()].filter(({ session }) => session !== null);
    const gone = [...sessions.values()].filter(({ session }) => session === null);
    const keyColumns = (rows: typeof live) => [
      ...columnsOf(rows.map(({ place }) => place)),
      rows.map(({ key }) => key),
    ];
    if (live.length > 0)
      transaction.query(putSessions, [...keyColumns(live), live.map(({ session }) => sessionBody(session as Session))]);
    if (gone.length > 0) transaction.query(deleteSessions, keyColumns(gone));
    const rows = [...folded.values()];
    const versions = [...columnsOf(rows.map(placeOf)), rows.map(({ version }) => version)];
    transaction.query(saveFolds, versions);
    transaction.query(deleteChanges, versions);
  }
}

/** Without the key, which stands beside it and may hold what `jsonb` refuses. */
export function sessionBody(session: Session): string {
  return JSON.stringify({ ...session, key: undefined });
}

function isDue({ versions, since }: Behind): boolean {
  return versions >= limits.foldedFrom || performance.now() - since >= limits.foldedAfterMs;
}

function columnsOf(places: readonly Place[]): unknown[] {
  return [places.map(({ isvId }) => isvId), places.map(({ licenseId }) => licenseId)];
}
