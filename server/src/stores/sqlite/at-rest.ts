/** What is done to a file that no server has open: the lock says so. */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import Database from "better-sqlite3";
import { type Backup, DatabaseRefused, DumpRefused, type OpenDump } from "../store.ts";
import { applicationId, giveToOwner, lockFile, migrate, missingMigrations, newerSchema, refusal } from "./file.ts";
import { backupOf, dumpOf, takeSnapshot } from "./snapshot.ts";

/** A copy of the file as it is, whichever program wrote it. */
export async function backupOfFile(path: string): Promise<Backup> {
  const db = lockFile(path);
  try {
    return backupOf(await takeSnapshot(db));
  } finally {
    db.close();
  }
}

/**
 * Everything in the file. It is not changed, not even to a newer schema.
 * @throws DatabaseRefused where a newer program has written it.
 */
export async function dumpOfFile(path: string): Promise<OpenDump> {
  const db = lockFile(path);
  try {
    missingMigrations(db);
    return dumpOf(await takeSnapshot(db), db.name);
  } finally {
    db.close();
  }
}

/** Brings the file to the newest schema. Answers with the names of the migrations that were missing. */
export function migrateFile(path: string, dryRun: boolean): string[] {
  const db = lockFile(path);
  try {
    return dryRun ? missingMigrations(db) : migrate(db);
  } catch (error) {
    throw refusal(error, db.name);
  } finally {
    db.close();
  }
}

/** Bytes of a SQLite file's header, and where in it stands what we look at. */
const headerBytes = 100;
const magic = "SQLite format 3\0";

function headerOf(file: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  const fd = openSync(file, "r");
  try {
    readSync(fd, header, 0, headerBytes, 0);
    return header;
  } finally {
    closeSync(fd);
  }
}

/**
 * `name`: how it is to be called.
 * @throws DumpRefused unless the file looks like a whole backup: what SQLite itself would find only later, or not at all.
 */
export function requireBackup(file: string, name = file): void {
  const header = headerOf(file);
  if (header.toString("latin1", 0, magic.length) !== magic || header.readUInt32BE(68) !== applicationId) {
    throw new DumpRefused(`${name} is no backup of Seatkeeper. (An export is taken in by \`seatkeeper import\`.)`);
  }
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (statSync(file).size < pageBytes * header.readUInt32BE(28)) {
    throw new DumpRefused(`${name} is truncated: it is shorter than it says. Take another backup.`);
  }
  if (existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0) {
    throw new DumpRefused(
      `${name} is a part only: the rest stands in ${name}-wal. Make backups with \`seatkeeper backup\`, which is one file.`,
    );
  }
}

/** @throws DumpRefused where a newer program has written the backup. It can be made of any database, and restored by that program. */
export function requireKnownSchema(file: string): void {
  const newer = newerSchema(headerOf(file).readUInt32BE(60));
  if (newer !== null) throw new DumpRefused(`${file} ${newer}`);
}

/** @throws DumpRefused unless SQLite finds the file in order, page by page; DatabaseRefused where it is gone. */
export function requireIntegrity(file: string): void {
  let found: unknown;
  const db = openKnown(file);
  try {
    found = db.pragma("integrity_check(1)", { simple: true });
  } catch (error) {
    found = (error as Error).message;
  } finally {
    db.close();
  }
  if (found !== "ok") throw new DumpRefused(`The backup is damaged: ${found}. Take an older one.`);
}

/** SQLite would make one that is gone, and find it in order: a server that starts removes what looks like a left copy (`removeSnapshots`). */
function openKnown(copy: string): Database.Database {
  try {
    return new Database(copy, { fileMustExist: true });
  } catch (error) {
    const text = `${copy} is gone before it was looked through: a server that starts removes it. Try again.`;
    throw new DatabaseRefused(text, { cause: error });
  }
}

/** A file that is to be replaced, and that nobody can open until it is. */
export interface Replaceable {
  /** Lines of history after an instant; null: the file cannot be read. */
  linesAfter(at: number): number | null;
  /** Puts another file in its place, at once: whoever looks finds the one or the other. Answers with where the old one is kept. */
  replace(by: string, keptAs: string): string | null;
  close(): void;
}

/**
 * Takes the lock of the file that is to be replaced; one that is not there is made, so that no server can start on it.
 * @throws DatabaseInUse where a server has it. A damaged file can be replaced, that is what backups are for.
 */
export function lockToReplace(path: string): Replaceable {
  const file = resolve(path);
  const isNew = !existsSync(file);
  const db = lockUnlessDamaged(file);
  let isReplaced = false;
  return {
    linesAfter: (at) => (db === null ? null : linesAfter(db, at)),
    replace(by, keptAs) {
      giveToOwner(by, file);
      // What is in the log goes into the file: a log that stayed would be read into the new one.
      db?.pragma("journal_mode = DELETE");
      if (!isNew) keep(file, keptAs);
      for (const part of ["-wal", "-shm", "-journal"]) {
        if (db === null && existsSync(file + part)) renameSync(file + part, keptAs + part);
        rmSync(file + part, { force: true });
      }
      renameSync(by, file);
      isReplaced = true;
      syncFolder(dirname(file));
      return isNew ? null : keptAs;
    },
    close() {
      db?.close();
      if (isNew && !isReplaced) rmSync(file, { force: true });
    },
  };
}

/** Null: SQLite cannot read the file, so no server can either, and nobody needs to be kept from it. */
function lockUnlessDamaged(file: string): Database.Database | null {
  try {
    return lockFile(file);
  } catch (error) {
    const { cause } = error as Error;
    const isDamaged = cause instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(cause.code);
    if (isDamaged) return null;
    throw error;
  }
}

function linesAfter(db: Database.Database, at: number): number | null {
  try {
    return (db.prepare("SELECT count(*) AS n FROM history WHERE at > ?").get(at) as { n: number }).n;
  } catch {
    // Without that table, or with a damaged one: there is nothing to say of it.
    return null;
  }
}

/** A second name, not a copy: to open the file once more would drop its lock. */
function keep(file: string, as: string): void {
  try {
    linkSync(file, as);
  } catch (error) {
    throw new DatabaseRefused(
      `${file} cannot be kept as ${as}: ${(error as Error).message}. Move it away yourself, and restore again.`,
    );
  }
}

const unsynced: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EINVAL", "ENOTSUP"]);

/** A new name in it is on disk too, as far as the folder and its file system let anybody see to that: SQLite asks no more. */
export function syncFolder(folder: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(folder, "r");
    fsyncSync(fd);
  } catch (error) {
    // It may be written but not read, or the file system syncs no folders. A disk that fails is told of.
    if (!unsynced.has((error as NodeJS.ErrnoException).code)) throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
