/** Opening the database file: alone, durably, and at the schema that this program knows. */
import {
  chmodSync,
  closeSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import Database from "better-sqlite3";
import { DatabaseInUse, DatabaseRefused } from "../store.ts";

const migrations = new URL("../../../migrations/sqlite/", import.meta.url);

/** In the file's header: says that it is ours ("Seat"). */
export const applicationId = 0x53656174;

/**
 * Pages of the log that are brought into the file at a time, a quarter of SQLite's own. The commit that does so waits until all of
 * them are on the disk, and counting history changes pages that each lie in another place.
 */
const pagesAtATime = 256;

/** The same for a thread, where only commits wait for it: SQLite's own, because what costs most there is to wait for the disk twice more. */
export const pagesAtATimeInThread = 1_000;

/** Bytes that the write-ahead log keeps once it is folded into the file: a large commit does not occupy its size for good. */
const logBytesKept = 16_777_216;

/**
 * Of several that start at once each may read the file and so keep the others from its lock: all would be refused. Each tries
 * again after a pause of its own, in which another one has the file alone. Where a server runs, the refusal comes a fifth of
 * a second later.
 */
const lockTries = 5;
const lockPauseMaxMs = 100;

/**
 * Opens the file and takes its lock for as long as it is open: whoever comes second is refused, and after a
 * crash the lock is gone with the process. What is committed is on disk (`synchronous=FULL`).
 *
 * The lock is the process's, as POSIX has it: whoever opens and closes the same file once more in this process drops
 * it. Nothing here does.
 *
 * `left`: the mark of the file when this process closed it. One that bears another is refused.
 */
export function openFile(path: string, left: string | null = null): Database.Database {
  const db = lockFile(path);
  try {
    // Before anything is written: what is in the log by now is somebody else's.
    if (left !== null && markOf(db.name) !== left) {
      throw new DatabaseInUse(`${db.name} was changed by another process while this one opened it anew.`);
    }
    const isOlder = db.pragma("user_version", { simple: true }) !== 0;
    // A connection that has migrated rows may have such a file already (below), which goes with it alone.
    if (migrate(db).length > 0 && isOlder) {
      db.close();
      return openFile(path, markOf(db.name));
    }
    assertDurable(db);
    // A statement of many rows keeps the pages as they were until it is over. Beyond 64 KB that goes into a file, and once it has, a
    // connection that has the file to itself never goes back: then every statement would write each page once more. Only from here on,
    // because a migration may sort whole tables.
    db.pragma("temp_store = MEMORY");
    return db;
  } catch (error) {
    db.close();
    throw refusal(error, db.name);
  }
}

/** Tells whether anybody has replaced or written a file while it was not open: what is in memory is not of it then. */
export function markOf(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  // What a process leaves there that is killed is part of the file, and changes nothing else.
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return `${ino} ${size} ${mtimeNs} ${log?.size ?? 0}`;
}

/** Opens the file and takes its lock, at whatever schema it is. A file that is not there is made. */
export function lockFile(path: string): Database.Database {
  for (let n = 1; ; n++) {
    try {
      return lockAtOnce(path);
    } catch (error) {
      if (!(error instanceof DatabaseInUse) || n === lockTries) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * lockPauseMaxMs);
    }
  }
}

function lockAtOnce(path: string): Database.Database {
  // A whole path, because the driver reads `:memory:` as no file at all.
  const file = resolve(path);
  createPrivately(file);
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { timeout: 0 });
    db.pragma("locking_mode = EXCLUSIVE");
    // Nothing of a file is changed before it is known for ours, its mode included.
    requireOurs(db, file);
    keepPrivate(file);
    const mode = db.pragma("journal_mode = WAL", { simple: true });
    if (mode !== "wal")
      throw new DatabaseRefused(`${file}: SQLite keeps no write-ahead log here (${mode}); want a local disk`);
    db.pragma("synchronous = FULL");
    db.pragma(`journal_size_limit = ${logBytesKept}`);
    db.pragma(`wal_autocheckpoint = ${pagesAtATime}`);
    return db;
  } catch (error) {
    db?.close();
    throw refusal(error, file);
  }
}

const inUse =
  "is in use by another process. One server owns its file alone: stop the other one, or give this one a file of its own (SEATKEEPER_DATABASE_URL)";

/** What SQLite says when it cannot, in words that help; everything else as it is. */
export function refusal(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (error.code.startsWith("SQLITE_BUSY")) return new DatabaseInUse(`${file} ${inUse}.`, { cause: error });
  const texts: readonly (readonly [string, string])[] = [
    ["SQLITE_NOTADB", "is not a SQLite database. Name another file in SEATKEEPER_DATABASE_URL"],
    ["SQLITE_FULL", "cannot be written: the disk is full"],
    ["SQLITE_READONLY", "cannot be written: it, its folder or its disk is read-only"],
    ["SQLITE_CANTOPEN", "cannot be opened: look at the folder and its rights"],
    ["SQLITE_IOERR_LOCK", "cannot be locked: it or its disk is read-only, or the disk knows no locks"],
    ["SQLITE_IOERR", "cannot be read or written: the disk answers with errors"],
    ["SQLITE_CORRUPT", "is damaged. Restore a backup"],
  ];
  const text = texts.find(([code]) => error.code.startsWith(code))?.[1];
  return text === undefined ? error : new DatabaseRefused(`${file} ${text}.`, { cause: error });
}

/** The file holds private keys: made readable to its owner alone. One that is there already is left as it is. */
function createPrivately(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "wx", 0o600));
    giveToOwner(file, dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new DatabaseRefused(`${file} cannot be opened for writing: ${(error as Error).message}`);
    }
    requireRegular(file);
  }
}

/** What root makes, above all in a restore or an import, is for the service, which may not open root's: given to whom `like` belongs. */
export function giveToOwner(file: string, like: string): void {
  const { uid, gid } = statSync(like);
  if (process.getuid?.() !== 0 || uid === lstatSync(file).uid) return;
  try {
    // Never through a link: the folder is somebody else's.
    lchownSync(file, uid, gid);
  } catch {
    // A root without this right, as in some containers, or a file system without owners.
  }
}

/** Of a folder SQLite would say that it cannot be opened, and on a pipe it would wait for ever. */
function requireRegular(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) {
    throw new DatabaseRefused(
      `${file} cannot be opened: it is no regular file. Name another one in SEATKEEPER_DATABASE_URL.`,
    );
  }
}

/** The same for a file of ours that somebody made readable to others, and for those that SQLite has put beside it. */
function keepPrivate(file: string): void {
  for (const part of ["", "-wal", "-shm", "-journal"]) {
    try {
      chmodSync(file + part, 0o600);
    } catch {
      // Not there, somebody else's, or a file system without modes: SQLite will say whether it can be used.
    }
  }
}

/** A database of another program is not ours to put tables into. */
function requireOurs(db: Database.Database, file: string): void {
  const id = db.pragma("application_id", { simple: true });
  const tables = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
  if (id === applicationId || (id === 0 && tables.n === 0)) return;
  throw new DatabaseRefused(`${file} is another program's database. Name another file in SEATKEEPER_DATABASE_URL.`);
}

/** The migrations that a file lacks, by name. @throws DatabaseRefused where a newer program has written it. */
export function missingMigrations(db: Database.Database): string[] {
  const version = db.pragma("user_version", { simple: true }) as number;
  const newer = newerSchema(version);
  if (newer !== null) throw new DatabaseRefused(`${db.name} ${newer}`);
  return knownMigrations().slice(version);
}

/** What is to be said of a schema that this program does not know yet; null: it does. */
export function newerSchema(version: number): string | null {
  const known = knownMigrations().length;
  return version > known
    ? `was written by a newer Seatkeeper (schema ${version}; this one knows ${known}). Run that version or a later one.`
    : null;
}

function knownMigrations(): string[] {
  return readdirSync(migrations)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .toSorted();
}

/** Brings the schema to the newest version, one numbered file after the other, in one transaction. Answers with their names. */
export function migrate(db: Database.Database): string[] {
  db.exec("BEGIN IMMEDIATE");
  try {
    const missing = missingMigrations(db);
    if (missing.length === 0) {
      db.exec("ROLLBACK");
      return missing;
    }
    const version = db.pragma("user_version", { simple: true }) as number;
    for (const name of missing) db.exec(readFileSync(new URL(name, migrations), "utf8"));
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${version + missing.length}`);
    db.exec("COMMIT");
    return missing;
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The driver's build sets another default after the first write in WAL mode: ask after one, and believe nothing else. */
function assertDurable(db: Database.Database): void {
  db.exec("INSERT OR REPLACE INTO settings (name, value) VALUES ('opened', '1')");
  if (db.pragma("synchronous", { simple: true }) !== 2) db.pragma("synchronous = FULL");
  db.exec("INSERT OR REPLACE INTO settings (name, value) VALUES ('opened', '2')");
  const mode = db.pragma("synchronous", { simple: true });
  if (mode !== 2) {
    throw new DatabaseRefused(`SQLite commits with synchronous=${mode}; want 2 (FULL), or commits are not on disk`);
  }
}
