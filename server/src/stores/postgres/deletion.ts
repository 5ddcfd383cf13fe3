/**
 * Licences that go. Their row stays and counts one version more that is not in the log, so that every server that has
 * one in memory, now or when there is a licence of this id again, finds that it must read it anew.
 */
import { tokensGone } from "../../core/decide/assignments.ts";
import type { Millis, Terms } from "../../core/types.ts";
import { CatalogConflict, type Place } from "../store.ts";
import type { Row, Transaction } from "./connections.ts";
import { historyColumns, instantOf } from "./deciding.ts";
import * as limits from "./limits.ts";
import { insertHistory, lockLicenses, readHead } from "./statements.ts";
import { takeUpLocked } from "./take-up.ts";

const these = "unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id)";

const folds = `
  SELECT 1 FROM seatkeeper.folds WHERE (isv_id, license_id) IN (SELECT * FROM ${these}) ORDER BY isv_id, license_id FOR UPDATE`;

/**
 * Folding takes this row first, and then sessions: so does whoever deletes them. A server that reads a large licence has it
 * for long.
 */
export function lockFolds(transaction: Transaction, columns: readonly unknown[]): void {
  transaction.query(`SET LOCAL lock_timeout = ${limits.lockFoldsMs}`);
  transaction.query(folds, columns);
  transaction.query(`SET LOCAL lock_timeout = ${limits.lockMs}`);
}

const countUp = `
  UPDATE seatkeeper.licenses AS l SET version = version + 1, look_at = NULL FROM ${these}
  WHERE l.isv_id = k.isv_id AND l.license_id = k.license_id`;

/** What is folded is all there is. */
export const foldUp = `
  UPDATE seatkeeper.folds AS f SET folded_to = l.version FROM ${these}, seatkeeper.licenses AS l
  WHERE f.isv_id = k.isv_id AND f.license_id = k.license_id AND l.isv_id = k.isv_id AND l.license_id = k.license_id`;

const deleteAll = (table: string) =>
  `DELETE FROM seatkeeper.${table} AS t USING ${these} WHERE t.isv_id = k.isv_id AND t.license_id = k.license_id`;
export const emptied = {
  sessions: deleteAll("sessions"),
  changes: deleteAll("changes"),
  assignments: deleteAll("assignments"),
  projects: deleteAll("projects"),
  items: deleteAll("items"),
  checkIns: deleteAll("check_ins"),
};

/**
 * Empties licences in a transaction that deletes their entities; `termsOf` as they are before. `clock`: the instant of a row of
 * `readHead`, which is read when nobody decides on them any more.
 * @throws CatalogConflict where one has live sessions.
 */
export async function emptyLicenses(
  transaction: Transaction,
  places: readonly Place[],
  termsOf: (place: Place) => Terms,
  clock: (head: Row) => Millis,
): Promise<void> {
  if (places.length === 0) return;
  const columns = [places.map(({ isvId }) => isvId), places.map(({ licenseId }) => licenseId)];
  const rows = await transaction.query(lockLicenses(false), columns);
  lockFolds(transaction, columns);
  const [head] = await transaction.query(readHead);
  const now = instantOf(rows, clock(head as Row));
  const states = (await takeUpLocked(transaction, places, termsOf)).map(({ state }) => state);
  for (const { openSessions, terms } of states) {
    if (openSessions > 0) throw new CatalogConflict("license", terms.licenseId, "has live sessions");
  }
  const lines = states.flatMap((state) => tokensGone(state, now));
  const isKnown = () => true;
  if (lines.length > 0) transaction.query(insertHistory, historyColumns(lines, isKnown));
  transaction.query(countUp, columns);
  transaction.query(foldUp, columns);
  for (const statement of Object.values(emptied)) transaction.query(statement, columns);
}
