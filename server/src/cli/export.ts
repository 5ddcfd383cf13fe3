import { createReadStream } from "node:fs";
import { type Config, ConfigRefused, readConfig } from "../config.ts";
import { Desk } from "../desk/desk.ts";
import { sweepAll } from "../desk/upkeep.ts";
import { readExport, writeExport } from "../stores/export-format.ts";
import { openPostgresStore } from "../stores/postgres/postgres.ts";
import { dumpOfFile } from "../stores/sqlite/at-rest.ts";
import { DatabaseInUse, type OpenDump } from "../stores/store.ts";
import { exitCodes } from "./exit-codes.ts";
import { isThere, requireNew, writeNew } from "./files.ts";
import { Progress } from "./progress.ts";
import { CommandRefused } from "./refused.ts";
import { askServer } from "./running-server.ts";
import { tellWait } from "./waiting.ts";

/** `seatkeeper export FILE`: everything in the database, as lines of JSON, for an import into another one. */
export async function exportTo(file: string, { url }: { readonly url?: string }): Promise<void> {
  const config = readConfig(process.env);
  requireNew(file);
  const progress = new Progress("export", "bytes");
  let lines = 0;
  await writeNew(
    file,
    () => bytesOf(config, url),
    progress.add,
    async (path) => {
      lines = await linesIn(path);
    },
  );
  const tell = file === "-" ? console.error : console.log;
  const what = file === "-" ? "The export is" : `${file}: ${lines.toLocaleString("en")} lines,`;
  tell(`${what} complete. It holds private signing keys and personal data: keep it like a password.
To go on: SEATKEEPER_DATABASE_URL=… seatkeeper import FILE, into an empty database.
What this one decides from now on is not in it: stop its servers first, if it is to move.`);
}

/** Reads the file once more: what is on disk is what was sent. */
async function linesIn(path: string): Promise<number> {
  const { lines } = await readExport(createReadStream(path));
  let count = 0;
  for await (const _ of lines) count++;
  return count;
}

async function bytesOf(config: Config, url: string | undefined): Promise<AsyncIterable<Uint8Array>> {
  const { database } = config;
  if (url !== undefined) return askServer(config, url, "export");
  if (database.kind === "postgres") return exportOfPostgres(database.url);
  if (database.kind === "memory") {
    throw new ConfigRefused([
      "SEATKEEPER_DATABASE_URL=memory: is in a server's memory alone; ask that server with --url",
    ]);
  }
  if (!isThere(database.path)) {
    throw new CommandRefused(exitCodes.noInput, `${database.path} is not there. Look at SEATKEEPER_DATABASE_URL.`);
  }
  try {
    return bytesOfDump(await dumpOfFile(database.path), () => Promise.resolve());
  } catch (error) {
    if (error instanceof DatabaseInUse) return askServer(config, undefined, "export");
    throw error;
  }
}

/** One more server beside those that may run. It brings the licences up to now first: another store would not know what they are owed. */
async function exportOfPostgres(url: string): Promise<AsyncIterable<Uint8Array>> {
  const store = await openPostgresStore(url, { onWait: tellWait });
  try {
    await sweepAll(store, new Desk(store));
    return bytesOfDump(await store.dump(), () => store.close());
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function* bytesOfDump(dump: OpenDump, close: () => Promise<void>): AsyncIterable<Uint8Array> {
  try {
    for await (const text of writeExport(dump, Date.now())) yield Buffer.from(text);
  } finally {
    dump.close();
    await close();
  }
}
