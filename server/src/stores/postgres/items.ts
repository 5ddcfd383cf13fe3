/** What a licence keeps beside sessions, clients and projects, and what clients told. */
import type { Gathered, Item } from "../../core/types.ts";
import type { GatheredQuery } from "../store.ts";
import type { Connections, Row } from "./connections.ts";

const licenses =
  "SELECT license_id FROM seatkeeper.items WHERE isv_id = $1 AND kind = $2 AND key = $3 ORDER BY license_id";

export async function licensesOfItem(connections: Connections, isvId: string, kind: Item["kind"], key: string) {
  const rows = await connections.query(licenses, [isvId, kind, key]);
  return rows.map(({ license_id }) => license_id as string);
}

/** What is asked for, newest first, and how much there is of it. */
export async function gatheredOf(connections: Connections, query: GatheredQuery) {
  const conditions = [
    ["isv_id =", query.isvId],
    ["license_id =", query.licenseId],
    ["kind =", query.kind],
    ["client_id =", query.clientId],
    ["subject_id =", query.subjectId],
    ["at >=", query.from],
    ["at <", query.to],
  ] as const;
  const asked = conditions.filter(([, value]) => value !== null);
  const where = asked.map(([condition], n) => `${condition} $${n + 1}`).join(" AND ");
  const values = asked.map(([, value]) => value);
  const page = `ORDER BY at DESC, no DESC LIMIT ${query.limit} OFFSET ${query.offset}`;
  const [rows, counted] = await Promise.all([
    connections.query(`SELECT * FROM seatkeeper.gathered WHERE ${where} ${page}`, values),
    connections.query(`SELECT count(*) AS n FROM seatkeeper.gathered WHERE ${where}`, values),
  ]);
  return { items: rows.map(gatheredFrom), total: Number(counted[0]?.n) };
}

/** A value from its row. */
export function gatheredFrom({ at, kind, isv_id, license_id, client_id, user_id, subject_id, body }: Row): Gathered {
  const place = { isvId: isv_id, licenseId: license_id, clientId: client_id, userId: user_id, subjectId: subject_id };
  return { at: Number(at), kind, ...place, ...(body as object) } as Gathered;
}
