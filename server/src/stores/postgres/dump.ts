/** Everything in the database as of one instant, read while servers go on: one transaction that sees no later change. */
import type { Item, Project, Session } from "../../core/types.ts";
import { Directory } from "../directory.ts";
import { countedSetting, countedText, type DumpLine, type OpenDump, type Place, settingsOfStore } from "../store.ts";
import { lineOf } from "./audit.ts";
import { assignmentOf, sessionOf } from "./bodies.ts";
import { entityOf } from "./catalogue.ts";
import type { Connections, Row, Transaction } from "./connections.ts";
import { isGone, LastWords } from "./folding.ts";
import { recordOf } from "./history.ts";
import { gatheredFrom } from "./items.ts";
import { placeOf } from "./licenses.ts";
import { countedFrom, readCounted, tallyOf } from "./tallies.ts";

/** Rows that are read at a time. */
const rowsAtATime = 1_000;

/**
 * Longer than any statement of a server, because a page of rows may wait for whoever reads it; and bounded, because an open
 * transaction keeps the database from cleaning up.
 */
const patience = `
  SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 60000`;

const latestInstant = `
  SELECT greatest(alive_at, (SELECT max(decided_at) FROM seatkeeper.licenses)) AS at FROM seatkeeper.alive`;

/** Licences with a session in the rows, or with changes in the log that are not folded into them. */
const licensesWithSessions = `
  SELECT isv_id, license_id, folded_to FROM seatkeeper.folds AS f
  WHERE EXISTS (SELECT FROM seatkeeper.sessions AS s WHERE s.isv_id = f.isv_id AND s.license_id = f.license_id)
    OR EXISTS (SELECT FROM seatkeeper.changes AS c
      WHERE c.isv_id = f.isv_id AND c.license_id = f.license_id AND c.version > f.folded_to)
  ORDER BY isv_id, license_id`;

const changesAfter = `
  SELECT isv_id, license_id, changes FROM seatkeeper.changes WHERE isv_id = $1 AND license_id = $2 AND version > $3 ORDER BY version`;

const sessionsAfter = `
  SELECT key, body FROM seatkeeper.sessions WHERE isv_id = $1 AND license_id = $2 AND key > $3
  ORDER BY key LIMIT ${rowsAtATime}`;

const assignments =
  "SELECT isv_id, license_id, client_key, token_key, body FROM seatkeeper.assignments ORDER BY isv_id, license_id, client_key";
const projects = "SELECT isv_id, license_id, body FROM seatkeeper.projects ORDER BY isv_id, license_id, id";
const items = "SELECT isv_id, license_id, body FROM seatkeeper.items ORDER BY isv_id, license_id, kind, key";
const gathered = "SELECT * FROM seatkeeper.gathered ORDER BY no";
/** In the order of writing, which is that of commits within a licence. */
const history = "SELECT * FROM seatkeeper.history ORDER BY no";

export async function dumpOf(connections: Connections): Promise<OpenDump> {
  const transaction = await connections.begin({ mode: "ISOLATION LEVEL REPEATABLE READ READ ONLY" });
  try {
    transaction.query(patience);
    const [latest] = await transaction.query(latestInstant);
    const at = latest?.at ?? null;
    const aliveAt = at === null ? null : Number(at);
    return { aliveAt, lines: linesOf(transaction), close: () => transaction.abandon() };
  } catch (error) {
    transaction.abandon();
    throw error;
  }
}

async function* linesOf(transaction: Transaction): AsyncIterable<DumpLine> {
  for (const row of await transaction.query("SELECT name, value FROM seatkeeper.settings ORDER BY name")) {
    const { name, value } = row as { name: string; value: string };
    if (!settingsOfStore.has(name)) yield { type: "setting", name, value };
  }
  const counted = countedFrom(await transaction.query(readCounted));
  if (counted.until > 0) yield { type: "setting", name: countedSetting, value: countedText(counted) };
  const directory = new Directory();
  directory.put((await transaction.query("SELECT * FROM seatkeeper.entities ORDER BY revision")).map(entityOf));
  for (const entity of directory.entities()) yield { type: "entity", ...entity };
  for await (const row of all(transaction, assignments)) {
    yield { type: "assignment", ...placeOf(row), assignment: assignmentOf(row) };
  }
  for await (const row of all(transaction, projects)) {
    yield { type: "project", ...placeOf(row), project: row.body as Project };
  }
  for (const row of await transaction.query("SELECT * FROM seatkeeper.check_ins ORDER BY isv_id, license_id")) {
    const checkIns = { month: row.month as string, count: Number(row.count) };
    yield { type: "check-ins", ...placeOf(row), checkIns };
  }
  for (const row of await transaction.query(licensesWithSessions)) {
    for await (const session of sessionsOf(transaction, placeOf(row), row.folded_to)) {
      yield { type: "session", ...placeOf(row), session };
    }
  }
  for await (const row of all(transaction, items)) yield { type: "item", ...placeOf(row), item: row.body as Item };
  for await (const row of all(transaction, history)) yield { type: "history", record: recordOf(row) };
  for await (const row of all(transaction, gathered)) yield { type: "gathered", value: gatheredFrom(row) };
  for await (const row of all(transaction, "SELECT * FROM seatkeeper.tallies")) {
    yield { type: "tally", tally: tallyOf(row) };
  }
  for await (const row of all(transaction, "SELECT * FROM seatkeeper.audit ORDER BY no")) {
    yield { type: "audit", line: lineOf(row) };
  }
}

/** The rows of a query, some at a time. */
async function* all(transaction: Transaction, query: string): AsyncIterable<Row> {
  transaction.query(`DECLARE dump NO SCROLL CURSOR FOR ${query}`);
  while (true) {
    const rows = await transaction.query(`FETCH ${rowsAtATime} FROM dump`);
    yield* rows;
    if (rows.length < rowsAtATime) break;
  }
  transaction.query("CLOSE dump");
}

/** A licence's sessions: its rows, and over them what the log says of them since. */
async function* sessionsOf(transaction: Transaction, place: Place, foldedTo: unknown): AsyncIterable<Session> {
  const values = [place.isvId, place.licenseId];
  const log = await transaction.query(changesAfter, [...values, foldedTo]);
  const newer = new LastWords(log);
  let last = "";
  while (true) {
    const rows = await transaction.query(sessionsAfter, [...values, last]);
    for (const row of rows) {
      last = row.key as string;
      const session = sessionOf(row);
      const word = newer.take(place, session.key);
      if (word === undefined) yield session;
      else if (!isGone(word)) yield { ...(word.session ?? session), ...word.extension };
    }
    if (rows.length < rowsAtATime) break;
  }
  for (const { session, extension } of newer) if (session !== null) yield { ...session, ...extension };
}
