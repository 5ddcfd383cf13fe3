import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { applyTenantPaths } from "../catalog/tenant-file.ts";
import { HeldClock } from "../clock.ts";
import { type Config, readConfig } from "../config.ts";
import { requireRoomForDemo, writeDemoHistory } from "../demo/history.ts";
import { openStore } from "../main.ts";
import { demoSettings, demoTenant, setIn } from "./demo.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";
import { tellWait } from "./waiting.ts";

/** Days that `npm start` shows: what charts ask for unless told otherwise, in two seconds of work. */
const firstDays = 30;

/** As long as history is kept. */
const daysMax = 396;

/** `seatkeeper demo-history`: puts months of working days into a database that has no history yet. */
export async function demoHistory(options: { readonly days: string }): Promise<void> {
  const days = /^\d{1,3}$/.test(options.days) ? Number(options.days) : 0;
  if (days < 1 || days > daysMax)
    throw new CommandRefused(exitCodes.usage, `--days ${options.days}: want a whole number from 1 to ${daysMax}.`);
  const config = readConfig({ ...demoSettings, ...setIn(process.env) });
  const { acts } = await writeIn(config, days);
  console.log(`${days} days of the demo vendor's history are written: ${acts} requests, decided and counted.`);
}

/** For `npm start`: once, into a file that is not there yet. */
export async function demoHistoryOnce(config: Config): Promise<void> {
  if (config.database.kind !== "sqlite" || existsSync(config.database.path)) return;
  // Who has just typed `npm start` would see nothing for some seconds, and callers no server.
  console.error(`The first start writes ${firstDays} days of the demo vendor's history, which takes some seconds.`);
  await writeIn(config, firstDays);
}

async function writeIn(config: Config, days: number) {
  const store = await openStore(config, { clock: new HeldClock(Date.now()), onWait: tellWait });
  try {
    await requireRoomForDemo(store);
    await applyTenantPaths(store, [fileURLToPath(demoTenant)]);
    return await writeDemoHistory(store, days);
  } finally {
    await store.close();
  }
}
