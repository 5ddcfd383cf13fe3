/** The rows of what a licence keeps beside sessions, clients and projects, and of what clients told. */
import type Database from "better-sqlite3";
import type { Gathered, Item, ItemKind } from "../../core/types.ts";
import { gatheredBody } from "../gathered.ts";
import type { Retained } from "../store.ts";

interface GatheredRow {
  at: number;
  isv_id: string;
  license_id: string;
  kind: Gathered["kind"];
  client_id: string;
  user_id: string | null;
  subject_id: string;
  body: string;
}

export class ItemRows {
  readonly #db: Database.Database;
  readonly #put;
  readonly #delete;
  readonly #insert;
  readonly #prune;
  readonly #lastPlace;
  readonly #vendors;
  readonly #cut;
  /** The place of the newest value of each vendor. */
  readonly #places = new Map<number, number>();

  constructor(db: Database.Database) {
    this.#db = db;
    this.#put = db.prepare("INSERT OR REPLACE INTO items (license_no, kind, key, body) VALUES (?, ?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM items WHERE license_no = ? AND kind = ? AND key = ?");
    this.#insert = db.prepare(
      "INSERT INTO gathered (at, isv_no, license_no, kind, client_id, user_id, subject_id, body, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#prune = db.prepare("DELETE FROM gathered WHERE no IN (SELECT no FROM gathered WHERE at < ? LIMIT ?)");
    this.#lastPlace = db.prepare("SELECT coalesce(max(place), 0) AS place FROM gathered WHERE isv_no = ?");
    this.#vendors = db.prepare("SELECT no FROM entities WHERE kind = 'isv'");
    this.#cut = db.prepare(
      "DELETE FROM gathered WHERE no IN (SELECT no FROM gathered WHERE isv_no = ? AND place <= ? LIMIT ?)",
    );
  }

  put(licenseNo: number, item: Item): void {
    this.#put.run(licenseNo, item.kind, item.key, JSON.stringify(item));
  }

  delete(licenseNo: number, kind: ItemKind, key: string): void {
    this.#delete.run(licenseNo, kind, key);
  }

  /** Every item and the number of its licence. */
  *all(): Iterable<{ readonly licenseNo: number; readonly item: Item }> {
    const rows = this.#db.prepare("SELECT license_no, body FROM items").iterate();
    for (const { license_no, body } of rows as Iterable<{ license_no: number; body: string }>) {
      yield { licenseNo: license_no, item: JSON.parse(body) };
    }
  }

  gather(value: Gathered, isvNo: number, licenseNo: number): void {
    const { at, kind, clientId, userId, subjectId } = value;
    const body = JSON.stringify(gatheredBody(value));
    const place = this.#placeOf(isvNo) + 1;
    this.#places.set(isvNo, place);
    this.#insert.run(at, isvNo, licenseNo, kind, clientId, userId, subjectId, body, place);
  }

  #placeOf(isvNo: number): number {
    return this.#places.get(isvNo) ?? (this.#lastPlace.get(isvNo) as { place: number }).place;
  }

  /** What is asked for, newest first, and how much there is of it. */
  gathered(where: string, values: readonly (string | number)[], limit: number, offset: number) {
    const rows = this.#db
      .prepare(`${selectGathered} WHERE ${where} ORDER BY g.no DESC LIMIT ? OFFSET ?`)
      .all(...values, limit, offset) as GatheredRow[];
    const counted = this.#db.prepare(`SELECT count(*) AS n FROM gathered AS g WHERE ${where}`).get(...values);
    return { items: rows.map(gatheredOf), total: (counted as { n: number }).n };
  }

  /** All that was told, in the order in which it was. */
  *allGathered(): Iterable<Gathered> {
    const rows = this.#db.prepare(`${selectGathered} ORDER BY g.no`).iterate();
    for (const row of rows as Iterable<GatheredRow>) yield gatheredOf(row);
  }

  /** Forgets what is too old, and what is too much of a vendor's. Answers whether there may be more of it. */
  prune({ gathered: until, gatheredOfVendor: kept }: Retained, limit: number): boolean {
    let hasMore = this.#prune.run(until, limit).changes === limit;
    for (const { no } of this.#vendors.all() as { no: number }[]) {
      if (this.#cut.run(no, this.#placeOf(no) - kept, limit).changes === limit) hasMore = true;
    }
    return hasMore;
  }
}

const selectGathered = `
  SELECT g.*, isv.id AS isv_id, license.id AS license_id FROM gathered AS g
  JOIN entities AS isv ON isv.no = g.isv_no JOIN entities AS license ON license.no = g.license_no`;

function gatheredOf({ at, isv_id, license_id, kind, client_id, user_id, subject_id, body }: GatheredRow): Gathered {
  const place = {
    at,
    kind,
    isvId: isv_id,
    licenseId: license_id,
    clientId: client_id,
    userId: user_id,
    subjectId: subject_id,
  };
  return { ...place, ...JSON.parse(body) };
}
