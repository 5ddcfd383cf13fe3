import { ConfigRefused, readConfig } from "../config.ts";
import { readExport } from "../stores/export-format.ts";
import { requireNoServer } from "../stores/postgres/alone.ts";
import { loadDatabase, requireEmpty } from "../stores/postgres/loading.ts";
import { openSqliteStore } from "../stores/sqlite/sqlite.ts";
import type { Dump, DumpLine } from "../stores/store.ts";
import { readFrom } from "./files.ts";
import { Progress } from "./progress.ts";
import { tellWait } from "./waiting.ts";

/** `seatkeeper import FILE`: fills an empty database, whole or not at all. No server may run on it meanwhile. */
export async function importFrom(file: string): Promise<void> {
  const config = readConfig(process.env);
  const { database } = config;
  if (database.kind === "memory") throw new ConfigRefused(["SEATKEEPER_DATABASE_URL=memory: would forget it at once"]);
  // What the file is comes first: a wrong one makes no database.
  const dump = await readExport(readFrom(file));
  const counts = new Map<DumpLine["type"], number>();
  const counted = counting(dump, counts);
  if (database.kind === "postgres") {
    await requireEmpty(database.url);
    await requireNoServer(database.url, tellWait);
    await loadDatabase(database.url, counted);
  } else await loadSqlite(database.path, counted);
  const list = [...counts].map(([type, count]) => `  ${type.padEnd(10)} ${count.toLocaleString("en").padStart(12)}`);
  console.log(`Imported, whole:
${list.join("\n")}
To go on: start the server with the same settings (seatkeeper serve). Do not start one on the old database again: both would
give the same tokens.`);
}

async function loadSqlite(path: string, dump: Dump): Promise<void> {
  const store = openSqliteStore(path);
  try {
    await store.load(dump);
  } finally {
    await store.close();
  }
}

function counting({ aliveAt, lines }: Dump, counts: Map<DumpLine["type"], number>): Dump {
  const progress = new Progress("import", "lines");
  async function* each() {
    for await (const line of lines) {
      counts.set(line.type, (counts.get(line.type) ?? 0) + 1);
      progress.add(1);
      yield line;
    }
  }
  return { aliveAt, lines: each() };
}
