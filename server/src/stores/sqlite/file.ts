/** Opening the database file: alone, durably, and at the schema that this program knows. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";

const migrations = new URL("../../../migrations/sqlite/", import.meta.url);

/** The file cannot be used; the text says why and what to do. */
export class DatabaseRefused extends Error {
  override readonly name = "DatabaseRefused";
}

/**
 * Opens the file and takes its lock for as long as it is open: whoever comes second is refused at once, and after a
 * crash the lock is gone with the process. What is committed is on disk (`synchronous=FULL`).
 */
export function openFile(path: string): Database.Database {
  createPrivately(path);
  const db = new Database(path, { timeout: 0 });
  try {
    db.pragma("locking_mode = EXCLUSIVE");
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    migrate(db, path);
    assertDurable(db);
    return db;
  } catch (error) {
    db.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
      throw new DatabaseRefused(
        `${path} is in use by another process. One server owns its file alone: stop the other one, or give this one a file of its own (SEATKEEPER_DATABASE_URL).`,
      );
    }
    if (error instanceof Database.SqliteError && error.code === "SQLITE_NOTADB") {
      throw new DatabaseRefused(`${path} is not a SQLite database. Name another file in SEATKEEPER_DATABASE_URL.`);
    }
    throw error;
  }
}

/** The file holds private keys: readable to its owner alone, as are the files that SQLite puts beside it. */
function createPrivately(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw new DatabaseRefused(`${path} cannot be opened for writing: ${(error as Error).message}`);
  }
}

/** Brings the schema to the newest version, one numbered file after the other, in one transaction. */
function migrate(db: Database.Database, path: string): void {
  const files = readdirSync(migrations)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .toSorted();
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = db.pragma("user_version", { simple: true }) as number;
    if (version > files.length) {
      throw new DatabaseRefused(
        `${path} was written by a newer Seatkeeper (schema ${version}; this one knows ${files.length}). Run that version or a later one.`,
      );
    }
    for (const name of files.slice(version)) db.exec(readFileSync(new URL(name, migrations), "utf8"));
    db.pragma(`user_version = ${files.length}`);
    db.exec("COMMIT");
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
  if (mode !== 2)
    throw new DatabaseRefused(`SQLite commits with synchronous=${mode}; want 2 (FULL): commits would not be on disk`);
}
