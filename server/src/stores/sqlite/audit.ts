/** The audit log's rows. */
import type Database from "better-sqlite3";
import type { AuditLine } from "../../catalog/audit.ts";
import type { AuditQuery } from "../store.ts";

interface AuditRow {
  at: number;
  isv_id: string;
  key_id: string | null;
  author: string;
  on_behalf_of: string | null;
  act: AuditLine["act"];
  kind: AuditLine["kind"];
  id: string;
  before: string | null;
  after: string | null;
}

export class AuditRows {
  readonly #db: Database.Database;
  readonly #insert;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT INTO audit (at, isv_id, key_id, author, on_behalf_of, act, kind, id, before, after)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  save({ at, isvId, author, act, kind, id, before, after }: AuditLine): void {
    const { keyId, name, onBehalfOf } = author;
    this.#insert.run(at, isvId, keyId, name, onBehalfOf, act, kind, id, textOf(before), textOf(after));
  }

  *all(): Iterable<AuditLine> {
    for (const row of this.#db.prepare("SELECT * FROM audit ORDER BY no").iterate() as Iterable<AuditRow>)
      yield lineOf(row);
  }

  page({ isvId, kind, id, from, to, offset, limit }: AuditQuery) {
    const asked = [
      ["isv_id = ?", isvId],
      ["kind = ?", kind],
      ["id = ?", id],
      ["at >= ?", from],
      ["at < ?", to],
    ] as const;
    const conditions = asked.filter(([, value]) => value !== null);
    const where = conditions.map(([condition]) => condition).join(" AND ");
    const values = conditions.map(([, value]) => value);
    const rows = this.#db
      .prepare(`SELECT * FROM audit WHERE ${where} ORDER BY no DESC LIMIT ? OFFSET ?`)
      .all(...values, limit, offset) as AuditRow[];
    const count = this.#db.prepare(`SELECT count(*) AS total FROM audit WHERE ${where}`).get(...values);
    return { items: rows.map(lineOf), total: (count as { total: number }).total };
  }
}

function textOf(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function lineOf(row: AuditRow): AuditLine {
  return {
    at: row.at,
    isvId: row.isv_id,
    author: { keyId: row.key_id, name: row.author, onBehalfOf: row.on_behalf_of },
    act: row.act,
    kind: row.kind,
    id: row.id,
    before: row.before === null ? null : JSON.parse(row.before),
    after: row.after === null ? null : JSON.parse(row.after),
  };
}
