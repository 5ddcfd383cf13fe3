import { type Config, ConfigRefused, readConfig } from "../config.ts";
import { backupOfFile, requireBackup } from "../stores/sqlite/at-rest.ts";
import { DatabaseInUse } from "../stores/store.ts";
import { exitCodes } from "./exit-codes.ts";
import { isThere, requireNew, writeNew } from "./files.ts";
import { Progress } from "./progress.ts";
import { CommandRefused } from "./refused.ts";
import { askServer } from "./running-server.ts";

/** `seatkeeper backup FILE`: a copy of the SQLite file, made by the server that has it, or here where none has. */
export async function backup(file: string, { url }: { readonly url?: string }): Promise<void> {
  const config = readConfig(process.env);
  requireNew(file);
  const progress = new Progress("backup", "bytes");
  await writeNew(file, () => bytesOf(config, url), progress.add, requireBackup);
  const tell = file === "-" ? console.error : console.log;
  tell(`${file === "-" ? "The backup" : file} is complete. It holds private signing keys: keep it as safe as the database.
Check it now and then: seatkeeper restore --verify FILE`);
}

async function bytesOf(config: Config, url: string | undefined): Promise<AsyncIterable<Uint8Array>> {
  if (url !== undefined) return askServer(config, url, "backup");
  const path = sqlitePathOf(config);
  try {
    return (await backupOfFile(path)).stream;
  } catch (error) {
    if (error instanceof DatabaseInUse) return askServer(config, undefined, "backup");
    throw error;
  }
}

/** The SQLite file of the settings. @throws ConfigRefused where they name another store, CommandRefused where there is no file. */
function sqlitePathOf({ database }: Config): string {
  if (database.kind === "postgres") {
    throw new ConfigRefused([
      "SEATKEEPER_DATABASE_URL names PostgreSQL, which has its own backups: pg_dump, or pgBackRest",
    ]);
  }
  if (database.kind === "memory") throw new ConfigRefused(["SEATKEEPER_DATABASE_URL=memory: keeps nothing to back up"]);
  if (isThere(database.path)) return database.path;
  throw new CommandRefused(exitCodes.noInput, `${database.path} is not there. Look at SEATKEEPER_DATABASE_URL.`);
}
