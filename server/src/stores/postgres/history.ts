/** The rows of history, for reading. */
import type { HistoryRecord } from "../../core/types.ts";
import type { DenialQuery, EventPage, EventQuery, NumberedLine, Place, Position } from "../store.ts";
import type { Connections, Row } from "./connections.ts";
import { nobody } from "./deciding.ts";

const columns = `isv_id, license_id, at, kind, denial, client_id, user_id, session_id, project_id, in_use, max_tokens,
  is_overuse, length_ms, tokens, pool, asked_for`;

/** Whether the licence asked for is there, was there once, or never was: then there is only what clients wrote in its place. */
export type Standing = "there" | "gone" | "unknown";

export async function denialsOf(connections: Connections, query: DenialQuery, standing: Standing) {
  const values: unknown[] = [query.isvId];
  const where = ["isv_id = $1", "denial IS NOT NULL"];
  const add = (condition: (place: string) => string, value: unknown) => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  if (query.licenseId !== null) addLicense(add, query.licenseId, standing);
  if (query.clientId !== null) add((place) => `client_id = ${place}`, query.clientId);
  if (query.userId !== null) add((place) => `coalesce(user_id, client_id) = ${place}`, query.userId);
  if (query.code !== null) add((place) => `denial = ${place}`, query.code);
  if (query.from !== null) add((place) => `at >= ${place}`, query.from);
  if (query.to !== null) add((place) => `at < ${place}`, query.to);
  const condition = where.join(" AND ");
  const [page, count] = await Promise.all([
    connections.query(
      `SELECT ${columns} FROM seatkeeper.history WHERE ${condition} ORDER BY at DESC, no DESC
       LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
      [...values, query.limit, query.offset],
    ),
    connections.query(`SELECT count(*) AS total FROM seatkeeper.history WHERE ${condition}`, values),
  ]);
  return { items: page.map(recordOf), total: Number(count[0]?.total) };
}

export async function historyOf(connections: Connections, place: Place, limit: number, standing: Standing) {
  const values: unknown[] = [place.isvId];
  const where = ["isv_id = $1"];
  const add = (condition: (place: string) => string, value: unknown) => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  addLicense(add, place.licenseId, standing);
  const rows = await connections.query(
    `SELECT ${columns} FROM seatkeeper.history WHERE ${where.join(" AND ")} ORDER BY no LIMIT $${values.length + 1}`,
    [...values, limit],
  );
  return rows.map(recordOf);
}

/** Lines of all vendors, in order of time, and within a licence in that of their commits. */
export async function linesAfter(
  connections: Connections,
  { at, no }: Position,
  before: number,
  limit: number,
): Promise<NumberedLine[]> {
  const text = `SELECT no, ${columns} FROM seatkeeper.history WHERE (at, no) > ($1, $2) AND at < $3
    ORDER BY at, no LIMIT $4`;
  const rows = await connections.query(text, [at, no, before, limit]);
  return rows.map((row) => ({ at: Number(row.at), no: Number(row.no), line: recordOf(row) }));
}

export async function eventsOf(connections: Connections, query: EventQuery, standing: Standing): Promise<EventPage> {
  const values: unknown[] = [query.isvId];
  const where = ["isv_id = $1"];
  const add = (condition: (place: string) => string, value: unknown) => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  addLicense(add, query.licenseId, standing);
  if (query.before !== null) add((place) => `no < ${place}`, query.before);
  // One more than asked for tells whether there is another page.
  const rows = await connections.query(
    `SELECT no, ${columns} FROM seatkeeper.history WHERE ${where.join(" AND ")} ORDER BY no DESC LIMIT $${values.length + 1}`,
    [...values, query.limit + 1],
  );
  const page = rows.slice(0, query.limit);
  return { items: page.map(recordOf), next: rows.length > query.limit ? Number(page.at(-1)?.no) : null };
}

type Add = (condition: (place: string) => string, value: unknown) => void;

function addLicense(add: Add, licenseId: string, standing: Standing): void {
  if (standing === "gone") {
    const asked = (place: string) => `license_id = '${nobody}' AND asked_for = ${place}::text`;
    add((place) => `(license_id = ${place}::text::uuid OR ${asked(place)})`, licenseId);
    return;
  }
  add((place) => `license_id = ${place}`, standing === "there" ? licenseId : nobody);
  if (standing === "unknown") add((place) => `asked_for = ${place}`, licenseId);
}

/** A line of history from its row. */
export function recordOf(row: Row): HistoryRecord {
  return {
    at: Number(row.at),
    kind: row.kind as HistoryRecord["kind"],
    isvId: row.isv_id as string,
    licenseId: (row.asked_for ?? row.license_id) as string,
    clientId: row.client_id as string | null,
    userId: row.user_id as string | null,
    sessionId: row.session_id as string | null,
    projectId: row.project_id as string | null,
    denial: row.denial as HistoryRecord["denial"],
    inUse: Number(row.in_use),
    limit: Number(row.max_tokens),
    isOveruse: row.is_overuse as boolean,
    pool: row.pool as HistoryRecord["pool"],
    tokens: row.tokens as number,
    lengthMs: row.length_ms === null ? null : Number(row.length_ms),
  };
}
