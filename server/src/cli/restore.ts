import { lstatSync, mkdirSync, readlinkSync, realpathSync, rmSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { ConfigRefused, readConfig } from "../config.ts";
import { openStore } from "../main.ts";
import { requireNoServer } from "../stores/postgres/alone.ts";
import { lockToReplace, requireBackup, requireIntegrity, requireKnownSchema } from "../stores/sqlite/at-rest.ts";
import { openSqliteStore } from "../stores/sqlite/sqlite.ts";
import type { Store } from "../stores/store.ts";
import { exitCodes } from "./exit-codes.ts";
import { isThere, readFrom, writeNew } from "./files.ts";
import { Progress } from "./progress.ts";
import { CommandRefused } from "./refused.ts";
import { tellWait } from "./waiting.ts";

interface Options {
  readonly hold?: boolean;
  readonly verify?: boolean;
}

/**
 * `seatkeeper restore FILE`: puts a backup in the place of the SQLite database. Without a file, `--hold` alone: of a database
 * that somebody has restored by other means.
 */
export async function restore(file: string | undefined, { hold = false, verify = false }: Options): Promise<void> {
  const { database } = readConfig(process.env);
  if (file === undefined) {
    if (!hold || verify) throw new CommandRefused(exitCodes.usage, "Name the backup's FILE, or --hold alone.");
    return holdOnly();
  }
  if (database.kind !== "sqlite") {
    throw new ConfigRefused([
      "SEATKEEPER_DATABASE_URL names no SQLite file. Restore PostgreSQL with its own tools, then: seatkeeper restore --hold",
    ]);
  }
  if (!isThere(file)) throw new CommandRefused(exitCodes.noInput, `${file} is not there.`);
  if (!statSync(file).isFile())
    throw new CommandRefused(exitCodes.noInput, `${file} is no file, but a folder or a pipe.`);
  const path = whereLinksLead(resolve(database.path));
  if (realpath(file) === path) {
    throw new CommandRefused(exitCodes.usage, `${file} is the database itself: name a backup of it.`);
  }
  requireBackup(file);
  requireKnownSchema(file);
  if (verify) await verifyOnly(file, path);
  else await putInPlace(file, path, hold);
}

/**
 * Where a link leads, the database stays, or will be: also where there is no file yet. As the system follows links: a `..`
 * behind a link to a folder leads out of that folder, and not out of the link's own.
 */
function whereLinksLead(path: string): string {
  if (isThere(path)) return realpath(path);
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path;
  const target = readlinkSync(path);
  const end = isAbsolute(target) ? target : `${realpath(dirname(path))}/${target}`;
  const folder = dirname(end);
  // Not made: behind it may be a disk that is not mounted, which would hide what is written now.
  if (!isThere(folder)) {
    const sentence = `${path} is a link to ${end}, and there is no such folder. Mount its disk or make it, and restore again.`;
    throw new CommandRefused(exitCodes.noInput, sentence);
  }
  return whereLinksLead(join(realpath(folder), basename(end)));
}

/** The other one, of Node's own, takes `..` away before it has looked at any link. */
const realpath = realpathSync.native;

async function verifyOnly(file: string, path: string): Promise<void> {
  const copy = copyBeside(path);
  try {
    const { store, known } = await examine(file, copy);
    await store.close();
    console.log(`${file} is in order, and this program can serve it.\n${known}\nNothing was changed.`);
  } finally {
    removeCopy(copy);
  }
}

async function putInPlace(file: string, path: string, hold: boolean): Promise<void> {
  const place = lockToReplace(path);
  const copy = copyBeside(path);
  try {
    const { store, known } = await examine(file, copy);
    const since = store.lastInstant;
    // Before the file is in its place: there is no moment in which a server could start without the hold.
    if (hold) await store.hold();
    await store.close();
    const lost = since === null ? null : place.linesAfter(since);
    const kept = place.replace(copy, `${path}.before-restore-${new Date().toISOString().replace(/[-:.]/g, "")}`);
    console.log([`${file} is restored as ${path}.`, known, ...forgotten(since, lost), ...next(kept, hold)].join("\n"));
  } finally {
    place.close();
    removeCopy(copy);
  }
}

/** A copy of the backup, opened as a server would open it. */
async function examine(file: string, copy: string): Promise<{ readonly store: Store; readonly known: string }> {
  const progress = new Progress("restore", "bytes");
  await writeNew(copy, () => readFrom(file), progress.add, requireIntegrity);
  const store = openSqliteStore(copy);
  return { store, known: await whatIsKnown(store) };
}

async function whatIsKnown(store: Store): Promise<string> {
  let [licenses, sessions, checkouts, clients] = [0, 0, 0, 0];
  for (const vendor of store.catalog.vendors()) {
    for (const licenseId of vendor.licenses.keys()) {
      const license = await store.read(vendor.isv.id, licenseId);
      licenses++;
      clients += license?.clients ?? 0;
      for (const session of license?.sessions() ?? []) {
        if (session.endedAt !== null) continue;
        sessions++;
        if (session.checkoutUntil !== null) checkouts++;
      }
    }
  }
  return `It knows ${licenses} licences, ${clients} clients and ${sessions} sessions, ${checkouts} of them checkouts, which keep their tokens.`;
}

function forgotten(since: number | null, lost: number | null): string[] {
  if (since === null) return ["It holds nothing that has happened yet."];
  const lines = lost === null ? "" : ` The database that it replaces had ${lost} lines of history since.`;
  return [
    `Forgotten is everything after ${new Date(since).toISOString()}: sessions, checkouts and clients since, what was closed, and changes of licences.${lines}`,
  ];
}

function next(kept: string | null, hold: boolean): string[] {
  return [
    hold
      ? "Tokens are held: for one session period from now nobody is given a token of an enforced pool. Sessions that it knows go on."
      : "Tokens that were given since may be given a second time. To prevent it: seatkeeper restore --hold, before the start.",
    ...(kept === null ? [] : [`The old database is kept as ${kept}; it holds private keys too.`]),
    "To go on: seatkeeper serve",
  ];
}

async function holdOnly(): Promise<void> {
  const config = readConfig(process.env);
  const { database } = config;
  if (database.kind === "memory") throw new ConfigRefused(["SEATKEEPER_DATABASE_URL=memory: has nothing to hold"]);
  if (database.kind === "sqlite" && !isThere(database.path)) {
    throw new CommandRefused(exitCodes.noInput, `${database.path} is not there. Look at SEATKEEPER_DATABASE_URL.`);
  }
  if (database.kind === "postgres") await requireNoServer(database.url, tellWait);
  const store = await openStore(config);
  try {
    await store.hold();
  } finally {
    await store.close();
  }
  console.log(`Tokens are held: for one session period from now nobody is given a token of an enforced pool. Sessions that the
database knows go on.
To go on: seatkeeper serve`);
}

/** Where a copy of the backup stands until it takes the database's place: on the same disk. A server that starts removes what is left. */
function copyBeside(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const copy = `${path}.snapshot-restore-${process.pid}`;
  rmSync(copy, { force: true });
  return copy;
}

function removeCopy(copy: string): void {
  for (const part of ["", "-wal", "-shm", "-journal"]) rmSync(copy + part, { force: true });
}
