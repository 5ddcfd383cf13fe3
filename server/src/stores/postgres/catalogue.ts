/** The catalogue's rows. Each change has a revision; servers that know an older one read what came after it. */
import type { Author } from "../../catalog/audit.ts";
import type { EntityChange, License } from "../../catalog/entities.ts";
import type { Millis } from "../../core/types.ts";
import { Directory } from "../directory.ts";
import type { Place } from "../store.ts";
import { auditValues, insertAudit } from "./audit.ts";
import { type Connections, noRows, type Row, type Transaction } from "./connections.ts";
import { emptyLicenses } from "./deletion.ts";
import { lineage, lockLicenses } from "./statements.ts";

const entitiesSince = `
  SELECT isv_id, kind, id, body, applied, revision FROM seatkeeper.entities WHERE revision > $1
  ORDER BY revision, kind <> 'isv'`;

const lockHead = `SELECT revision, ${lineage} AS lineage FROM seatkeeper.catalog_head FOR UPDATE`;

export const putEntities = `
  INSERT INTO seatkeeper.entities (isv_id, kind, id, body, applied, revision)
  SELECT k.*, $6 FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::jsonb[], $5::jsonb[]) AS k
  ON CONFLICT (isv_id, kind, id) DO UPDATE
    SET body = excluded.body, applied = excluded.applied, revision = excluded.revision`;

/** A new licence has missed no outage. */
export const insertLicenses = `
  INSERT INTO seatkeeper.licenses (isv_id, license_id, outage)
  SELECT k.isv_id, k.license_id, alive.outage
  FROM unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id), seatkeeper.alive
  ON CONFLICT DO NOTHING`;

export const insertFolds = `
  INSERT INTO seatkeeper.folds (isv_id, license_id) SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING`;

/** A licence that the sweeper is to look at by an instant, though nothing is decided on it. */
export interface End extends Place {
  readonly lookAt: Millis;
}

/** $1 vendors, $2 licences, $3 instants. */
const lookBy = `
  UPDATE seatkeeper.licenses AS l SET look_at = least(l.look_at, k.look_at)
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS k (isv_id, license_id, look_at)
  WHERE l.isv_id = k.isv_id AND l.license_id = k.license_id`;

/** What was recorded while there was no licence of this id becomes the licence's: found by an index of its own. */
export const adoptDenials = `
  UPDATE seatkeeper.history AS h SET license_id = k.license_id, asked_for = NULL
  FROM unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id)
  WHERE h.isv_id = k.isv_id AND h.asked_for = k.license_id::text`;

export class Catalogue {
  #directory = new Directory();
  readonly #connections: Connections;
  readonly #clock: (head: Row) => Millis;
  #revision = 0;

  /** `clock`: the instant of a row of `readHead`. */
  constructor(connections: Connections, clock: (head: Row) => Millis) {
    this.#connections = connections;
    this.#clock = clock;
  }

  get directory(): Directory {
    return this.#directory;
  }

  /** The revision that is known here. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads what other servers have changed. */
  async refresh(): Promise<void> {
    this.#take(await this.#connections.query(entitiesSince, [this.#revision]));
  }

  /** Reads all of it, from another database than before, whose tokens are held from `heldFrom` on. */
  async reload(heldFrom: Millis | null): Promise<void> {
    const rows = await this.#connections.query(entitiesSince, [0]);
    this.#directory = new Directory();
    this.#directory.heldFrom = heldFrom;
    this.#revision = 0;
    this.#take(rows);
  }

  /**
   * Saves changes, after those that other servers saved before. Answers with the database's lineage: if it is not the one that
   * is known, nothing is saved, because what is known here may be of another database's catalogue.
   */
  async save(changes: readonly EntityChange[], author: Author, at: Millis, known: unknown): Promise<unknown> {
    const transaction = await this.#connections.begin();
    try {
      const [head] = await transaction.query(lockHead);
      if (head?.lineage !== known) {
        await transaction.rollback();
        return head?.lineage;
      }
      const isBehind = Number(head?.revision) > this.#revision;
      this.#take(isBehind ? await transaction.query(entitiesSince, [this.#revision]) : await noRows);
      this.directory.check(changes);
      const gone = changes.filter(({ kind, body }) => kind === "license" && body === null);
      const places = gone.map(({ isvId, id }) => ({ isvId, licenseId: id }));
      const termsOf = ({ isvId, licenseId }: Place) => this.directory.knownTerms(isvId, licenseId);
      await emptyLicenses(transaction, places, termsOf, this.#clock);
      const lines = this.directory.auditLines(changes, author, at);
      if (lines.length > 0) transaction.query(insertAudit, auditValues(lines));
      await lookAtEnds(transaction, this.#endsMoved(changes, at));
      const revision = Number(head?.revision) + 1;
      this.#send(transaction, changes, revision);
      await transaction.commit();
      if (revision <= this.#revision) return known;
      this.directory.put(changes);
      this.#revision = revision;
      return known;
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }

  /** Licences that are there and get another end, at the earliest at `at`: with it a temporary licence's tokens are over. */
  #endsMoved(changes: readonly EntityChange[], at: Millis): End[] {
    return changes.flatMap(({ isvId, kind, id, body }) => {
      const before = kind === "license" ? this.directory.catalog.vendor(isvId)?.licenses.get(id) : undefined;
      if (before === undefined || body === null) return [];
      const { expiration_date_utc: end, edition_id: edition } = body as License;
      if (end === null || (end === before.expiration_date_utc && edition === before.edition_id)) return [];
      return [{ isvId, licenseId: id, lookAt: Math.max(Date.parse(end), at) }];
    });
  }

  #send(transaction: Transaction, saved: readonly EntityChange[], revision: number): void {
    // One that is there twice stands as it was written last; PostgreSQL takes no row twice in one statement.
    const byName = new Map(saved.map((entity) => [`${entity.isvId}${entity.kind}${entity.id}`, entity]));
    const changes = [...byName.values()];
    transaction.query(putEntities, [
      changes.map(({ isvId }) => isvId),
      changes.map(({ kind }) => kind),
      changes.map(({ id }) => id),
      changes.map(({ body }) => JSON.stringify(body)),
      changes.map(({ applied }) => (applied === null ? null : JSON.stringify(applied))),
      revision,
    ]);
    const fresh = changes.filter(
      ({ isvId, kind, id, body }) =>
        kind === "license" && body !== null && !this.directory.catalog.vendor(isvId)?.licenses.has(id),
    );
    if (fresh.length > 0) {
      const places = [fresh.map(({ isvId }) => isvId), fresh.map(({ id }) => id)];
      transaction.query(insertLicenses, places);
      transaction.query(insertFolds, places);
      transaction.query(adoptDenials, places);
    }
    transaction.query("UPDATE seatkeeper.catalog_head SET revision = $1", [revision]);
  }

  /** Two reads may come back in either order: the older one tells nothing that is not known. */
  #take(rows: readonly Row[]): void {
    const news = rows.filter(({ revision }) => Number(revision) > this.#revision);
    this.directory.put(news.map(entityOf));
    for (const { revision } of news) this.#revision = Math.max(this.#revision, Number(revision));
  }
}

/** Locked in their order first, like by whoever decides on them. */
export async function lookAtEnds(transaction: Transaction, ends: readonly End[]): Promise<void> {
  if (ends.length === 0) return;
  const places = [ends.map(({ isvId }) => isvId), ends.map(({ licenseId }) => licenseId)];
  await transaction.query(lockLicenses(false), places);
  await transaction.query(lookBy, [...places, ends.map(({ lookAt }) => lookAt)]);
}

/** An entity from its row; without a body: one that was deleted. */
export function entityOf(row: Row): EntityChange {
  const { isv_id: isvId, kind, id, body, applied } = row;
  return { isvId, kind, id, body, applied } as EntityChange;
}
