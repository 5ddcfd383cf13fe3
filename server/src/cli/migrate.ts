import { ConfigRefused, readConfig } from "../config.ts";
import { migrateDatabase } from "../stores/postgres/schema.ts";
import { migrateFile } from "../stores/sqlite/at-rest.ts";
import { isThere } from "./files.ts";
import { tellWait } from "./waiting.ts";

/** `seatkeeper migrate`: brings the database to the schema that this program knows, as a start of the server would. */
export async function migrate({ dryRun = false }: { readonly dryRun?: boolean }): Promise<void> {
  const { database } = readConfig(process.env);
  if (database.kind === "memory") throw new ConfigRefused(["SEATKEEPER_DATABASE_URL=memory: has no schema"]);
  if (dryRun && database.kind === "sqlite" && !isThere(database.path)) {
    console.log(`${database.path} is not there: it would be made, with all migrations.`);
    return;
  }
  const { names, isApart } =
    database.kind === "postgres"
      ? await migrateDatabase(database.url, dryRun, tellWait)
      : { names: migrateFile(database.path, dryRun), isApart: false };
  if (names.length === 0) {
    console.log("The database has the newest schema that this program knows: nothing to do.");
    return;
  }
  console.log(`${dryRun ? "To be run" : "Done"}:\n${names.map((name) => `  ${name}`).join("\n")}`);
  if (dryRun && isApart) console.log("No server of an older release may go on beside it: stop all of them first.");
  console.log(
    dryRun ? "Nothing was changed. To go on: back up, then seatkeeper migrate." : "To go on: seatkeeper serve",
  );
}
