/**
 * A copy of the file as of one instant, made while the server goes on. The server alone may open its file, so backups and
 * exports are made from such a copy, which stands beside the file and goes when it has been read.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, readdirSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import Database from "better-sqlite3";
import type { Terms } from "../../core/types.ts";
import { Directory } from "../directory.ts";
import { type Backup, type DumpLine, type OpenDump, type Place, StoreFault, settingsOfStore } from "../store.ts";
import { AuditRows } from "./audit.ts";
import { migrate, refusal } from "./file.ts";
import { ItemRows } from "./items.ts";
import { aliveAt, Rows } from "./rows.ts";
import { loggedSpans, storedSessions } from "./sessions.ts";
import { TallyRows } from "./tallies.ts";

/** Pages that are copied between two turns of the server's loop: well below a millisecond, so that nobody notices. */
const pagesAtATime = 64;

/**
 * Copies the database a slice at a time. What the server commits meanwhile is in the copy too: SQLite sees to it, because it
 * is the same connection. Answers with the copy's path: a file by itself, without a log beside it.
 * @throws StoreFault where there is no room for it.
 */
export async function takeSnapshot(db: Database.Database): Promise<string> {
  // A second one may be asked for while the first is read, and by then on another thread.
  const path = `${db.name}.snapshot-${randomUUID()}`;
  try {
    await copyTo(path, db);
    const copy = openCopy(path);
    copy.pragma("journal_mode = DELETE");
    copy.close();
    return path;
  } catch (error) {
    rmSync(path, { force: true });
    throw new StoreFault(`SQLite cannot copy its file: ${(error as Error).message}`, { cause: error });
  }
}

async function copyTo(path: string, db: Database.Database): Promise<void> {
  // Before anything is written into it: it holds private keys.
  const file = await open(path, "w", 0o600);
  try {
    await file.chmod(0o600);
    let flushing: Promise<void> | null = null;
    const progress = () => {
      // On libuv's threads meanwhile: SQLite itself waits for the disk at the end, and everybody with it.
      flushing ??= file.datasync().finally(() => {
        flushing = null;
      });
      return pagesAtATime;
    };
    await db.backup(path, { progress });
    await flushing;
  } finally {
    await file.close();
  }
}

/** A copy is gone after a crash anyway: nobody waits until it is on the disk. */
function openCopy(path: string): Database.Database {
  const copy = new Database(path, { fileMustExist: true });
  copy.pragma("synchronous = OFF");
  return copy;
}

/** Removes the copies that a killed server left behind. */
export function removeSnapshots(file: string): void {
  const mine = `${basename(file)}.snapshot-`;
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(mine)) rmSync(join(dirname(file), name), { force: true });
  }
}

/** The copy itself, to be read once. */
export function backupOf(path: string): Backup {
  const stream = createReadStream(path);
  stream.once("close", () => rmSync(path, { force: true }));
  return { bytes: statSync(path).size, stream };
}

/**
 * Everything in the copy of a file, which is gone when that is closed, or cannot be read.
 * @throws DatabaseRefused where the file is damaged, also while the lines are read.
 */
export function dumpOf(path: string, file: string): OpenDump {
  const copy = openCopy(path);
  const close = () => {
    copy.close();
    rmSync(path, { force: true });
  };
  try {
    // No work for a server's file; that of an older program, which no server has open, stays as it is.
    migrate(copy);
    const rows = new Rows(copy);
    const alive = rows.settings().find(({ name }) => name === aliveAt);
    const latest = Math.max(Number(alive?.value ?? 0), rows.latestLine());
    const lines = linesOf(rows, new TallyRows(copy), new AuditRows(copy), new ItemRows(copy));
    return { aliveAt: latest === 0 ? null : latest, lines: orRefusal(lines, file), close };
  } catch (error) {
    close();
    throw refusal(error, file);
  }
}

async function* orRefusal(lines: AsyncIterable<DumpLine>, file: string): AsyncIterable<DumpLine> {
  try {
    yield* lines;
  } catch (error) {
    throw refusal(error, file);
  }
}

async function* linesOf(rows: Rows, tallies: TallyRows, audit: AuditRows, items: ItemRows): AsyncIterable<DumpLine> {
  for (const { name, value } of rows.settings()) {
    if (!settingsOfStore.has(name)) yield { type: "setting", name, value };
  }
  const stored = rows.entities();
  const directory = new Directory();
  directory.put(stored.map(({ entity }) => entity));
  for (const entity of directory.entities()) yield { type: "entity", ...entity };
  const places = new Map(stored.map(({ no, entity }) => [no, { isvId: entity.isvId, licenseId: entity.id }]));
  const placeOf = (no: number) => places.get(no) as Place;
  for (const { licenseNo, assignment } of rows.assignments()) {
    yield { type: "assignment", ...placeOf(licenseNo), assignment };
  }
  for (const { licenseNo, project } of rows.projects()) yield { type: "project", ...placeOf(licenseNo), project };
  for (const { licenseNo, checkIns } of rows.checkIns()) yield { type: "check-ins", ...placeOf(licenseNo), checkIns };
  const terms = new Map(
    stored
      .filter(({ entity }) => entity.kind === "license" && entity.body !== null)
      .map(({ no, entity }) => [no, directory.knownTerms(entity.isvId, entity.id)]),
  );
  const termsOf = (no: number) => terms.get(no) as Terms;
  for (const { row, session } of storedSessions(rows, loggedSpans(rows).spans, termsOf)) {
    yield { type: "session", ...placeOf(row.license_no), session };
  }
  for (const { licenseNo, item } of items.all()) yield { type: "item", ...placeOf(licenseNo), item };
  for (const record of rows.allHistory()) yield { type: "history", record };
  for (const value of items.allGathered()) yield { type: "gathered", value };
  for (const tally of tallies.all()) yield { type: "tally", tally };
  for (const line of audit.all()) yield { type: "audit", line };
}
