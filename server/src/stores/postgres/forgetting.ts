/**
 * A user's names leave the rows of one vendor, in one transaction. A licence that knew them is written anew without a
 * log, for the log has the names too; every server that has it in memory finds that it must read it anew.
 */
import type { AuditLine } from "../../catalog/audit.ts";
import { fold } from "../../core/names.ts";
import type { Terms } from "../../core/types.ts";
import { type Renames, type Renaming, rename, renamedTallies, renamingOf } from "../forgetting.ts";
import { type Place, StoreFault } from "../store.ts";
import { auditValues, insertAudit } from "./audit.ts";
import { assignmentColumns, sessionBody } from "./bodies.ts";
import type { Connections, Transaction } from "./connections.ts";
import { namesOf } from "./deciding.ts";
import { emptied, foldUp, lockFolds } from "./deletion.ts";
import { putSessions } from "./folding.ts";
import { columnsOf, type Known, placeOf } from "./licenses.ts";
import { lockLicenses, putAssignments, putItems } from "./statements.ts";
import { takeUpLocked } from "./take-up.ts";
import { columnsWithBodies, putTallies, columnsOf as tallyColumns, tallyOf } from "./tallies.ts";

const spellings = `
  SELECT DISTINCT user_id AS name FROM seatkeeper.history WHERE isv_id = $1 AND user_id IS NOT NULL
  UNION SELECT DISTINCT client_id FROM seatkeeper.history WHERE isv_id = $1 AND client_id IS NOT NULL
  UNION SELECT DISTINCT user_id FROM seatkeeper.gathered WHERE isv_id = $1 AND user_id IS NOT NULL
  UNION SELECT DISTINCT client_id FROM seatkeeper.gathered WHERE isv_id = $1
  UNION SELECT DISTINCT body ->> 'userId' FROM seatkeeper.items WHERE isv_id = $1 AND body ->> 'userId' IS NOT NULL
  UNION SELECT DISTINCT body ->> 'clientId' FROM seatkeeper.items WHERE isv_id = $1 AND body ->> 'clientId' IS NOT NULL`;

/** $1 the vendor, $2 spellings, $3 names in the form that is compared. */
const licensesOfNames = `
  SELECT isv_id, license_id FROM seatkeeper.history WHERE isv_id = $1 AND (user_id = ANY ($2::text[]) OR client_id = ANY ($2::text[]))
  UNION SELECT isv_id, license_id FROM seatkeeper.assignments
    WHERE isv_id = $1 AND (client_key = ANY ($3::text[]) OR user_key = ANY ($3::text[]))
  UNION SELECT isv_id, license_id FROM seatkeeper.items
    WHERE isv_id = $1 AND (body ->> 'userId' = ANY ($2::text[]) OR body ->> 'clientId' = ANY ($2::text[]))`;

const names = "unnest($2::text[], $3::text[]) AS n (old, new)";
const renameUsers = `
  UPDATE seatkeeper.history AS h SET user_id = n.new FROM ${names} WHERE h.isv_id = $1 AND h.user_id = n.old`;
/** $4 licences that count devices, whose clients are machines. */
const renameClients = `
  UPDATE seatkeeper.history AS h SET client_id = n.new FROM ${names}
  WHERE h.isv_id = $1 AND h.client_id = n.old AND h.license_id <> ALL ($4::uuid[])`;

/** $2 spellings, $3 licences that count devices. */
const forgetTold = `
  DELETE FROM seatkeeper.gathered WHERE isv_id = $1
    AND (user_id = ANY ($2::text[]) OR (client_id = ANY ($2::text[]) AND license_id <> ALL ($3::uuid[])))`;

const talliesOfPeople = `
  SELECT isv_id, series, start, part, body FROM seatkeeper.tallies
  WHERE isv_id = $1 AND series >= 'people/' AND coalesce(body ->> 'holder', part) = ANY ($2::text[])`;
const deleteTallies = `
  DELETE FROM seatkeeper.tallies AS t
  USING unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) AS k (isv_id, series, start, part)
  WHERE t.isv_id = k.isv_id AND t.series = k.series AND t.start = k.start AND t.part = k.part`;

/** The row's next version, which is not in the log. */
const countUp = `
  UPDATE seatkeeper.licenses AS l SET version = version + 1
  FROM unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id) WHERE l.isv_id = k.isv_id AND l.license_id = k.license_id`;

export interface Vendor {
  readonly isvId: string;
  readonly deviceLicenses: readonly string[];
  /** Undefined: there is no such licence any more. */
  termsOf(place: Place): Terms | undefined;
}

/** @throws CatalogConflict where a licence has a live session of the user. */
export async function forget(
  connections: Connections,
  vendor: Vendor,
  renames: Renames,
  line: AuditLine,
): Promise<void> {
  const transaction = await connections.begin();
  try {
    // All of a vendor's history is read: that takes as long as it takes.
    transaction.query("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0");
    const found = await transaction.query(spellings, [vendor.isvId]);
    const old = found.map(({ name }) => name as string).filter((name) => renames.has(fold(name)));
    const places = (await transaction.query(licensesOfNames, [vendor.isvId, old, [...renames.keys()]]))
      .map(placeOf)
      .filter((place) => vendor.termsOf(place) !== undefined);
    await renameLicenses(transaction, vendor, renames, places);
    const fresh = old.map((name) => renames.get(fold(name)));
    transaction.query(renameUsers, [vendor.isvId, old, fresh]);
    transaction.query(renameClients, [vendor.isvId, old, fresh, vendor.deviceLicenses]);
    transaction.query(forgetTold, [vendor.isvId, old, vendor.deviceLicenses]);
    await renameTallies(transaction, vendor.isvId, renames);
    transaction.query(insertAudit, auditValues([line]));
    await transaction.commit();
  } catch (error) {
    transaction.abandon();
    throw error;
  }
}

/** Whoever counts meanwhile takes the row of `counted` first, and so does this: they find there that a user was forgotten. */
async function renameTallies(transaction: Transaction, isvId: string, renames: Renames): Promise<void> {
  transaction.query("UPDATE seatkeeper.counted SET forgettings = forgettings + 1");
  const rows = await transaction.query(talliesOfPeople, [isvId, [...renames].flat()]);
  const { gone, fresh } = renamedTallies(rows.map(tallyOf), renames);
  transaction.query(deleteTallies, tallyColumns(gone));
  transaction.query(putTallies, columnsWithBodies(fresh));
}

async function renameLicenses(
  transaction: Transaction,
  vendor: Vendor,
  renames: Renames,
  places: readonly Place[],
): Promise<void> {
  const sorted = places.toSorted((a, b) => (a.licenseId < b.licenseId ? -1 : 1));
  await transaction.query(lockLicenses(false), columnsOf(sorted));
  lockFolds(transaction, columnsOf(sorted));
  for (const place of sorted) {
    // Deleted by another server before it was locked here: its clients went with it, and those of one made anew have come since.
    const terms = vendor.termsOf(place);
    if (terms === undefined) continue;
    const [known] = await takeUpLocked(transaction, [place], () => terms);
    if (known === undefined) throw new StoreFault("a licence of the catalogue has no row");
    const renaming = renamingOf(known.state, renames);
    if (renaming !== null) writeAnew(transaction, place, known, renaming);
  }
}

function writeAnew(transaction: Transaction, place: Place, { state }: Known, renaming: Renaming): void {
  rename(state, renaming);
  const columns = columnsOf([place]);
  transaction.query(countUp, columns);
  transaction.query(foldUp, columns);
  for (const table of ["sessions", "changes", "assignments", "items"] as const)
    transaction.query(emptied[table], columns);
  const placesOf = (rows: readonly unknown[]) => [rows.map(() => place.isvId), rows.map(() => place.licenseId)];
  const sessions = [...state.sessions()];
  const keys = sessions.map(({ key }) => JSON.stringify(key));
  transaction.query(putSessions, [...placesOf(sessions), keys, sessions.map(sessionBody)]);
  const assignments = Array.from(state.assignments(), (assignment) => ({ place, assignment }));
  transaction.query(putAssignments, assignmentColumns(assignments));
  const items = [...state.items()];
  const bodies = items.map((item) => JSON.stringify(item));
  transaction.query(putItems, [...placesOf(items), ...namesOf(items), bodies]);
}
