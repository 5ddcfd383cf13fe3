/** The audit log's rows. */
import type { AuditLine } from "../../catalog/audit.ts";
import type { AuditQuery } from "../store.ts";
import type { Connections, Row } from "./connections.ts";

/** $1 lines as JSON. */
export const insertAudit = `
  INSERT INTO seatkeeper.audit (at, isv_id, key_id, author, on_behalf_of, act, kind, id, before, after)
  SELECT at, isv_id, key_id, author, on_behalf_of, act, kind, id, before, after
  FROM ROWS FROM (json_to_recordset($1::json) AS (at bigint, isv_id uuid, key_id uuid, author text, on_behalf_of text,
    act text, kind text, id text, before jsonb, after jsonb)) WITH ORDINALITY
  ORDER BY ordinality`;

export function auditValues(lines: readonly AuditLine[]): unknown[] {
  const rows = lines.map(({ isvId, author, ...line }) => ({
    ...line,
    isv_id: isvId,
    key_id: author.keyId,
    author: author.name,
    on_behalf_of: author.onBehalfOf,
  }));
  return [JSON.stringify(rows)];
}

export async function auditOf(connections: Connections, query: AuditQuery) {
  const asked = [
    ["isv_id =", query.isvId],
    ["kind =", query.kind],
    ["id =", query.id],
    ["at >=", query.from],
    ["at <", query.to],
  ] as const;
  const conditions = asked.filter(([, value]) => value !== null);
  const where = conditions.map(([condition], n) => `${condition} $${n + 1}`).join(" AND ");
  const values = conditions.map(([, value]) => value);
  const page = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
  const [rows, count] = await Promise.all([
    connections.query(`SELECT * FROM seatkeeper.audit WHERE ${where} ORDER BY no DESC ${page}`, [
      ...values,
      query.limit,
      query.offset,
    ]),
    connections.query(`SELECT count(*) AS total FROM seatkeeper.audit WHERE ${where}`, values),
  ]);
  return { items: rows.map(lineOf), total: Number(count[0]?.total) };
}

export function lineOf(row: Row): AuditLine {
  return {
    at: Number(row.at),
    isvId: row.isv_id as string,
    author: {
      keyId: row.key_id as string | null,
      name: row.author as string,
      onBehalfOf: row.on_behalf_of as string | null,
    },
    act: row.act as AuditLine["act"],
    kind: row.kind as AuditLine["kind"],
    id: row.id as string,
    before: row.before as object | null,
    after: row.after as object | null,
  };
}
