import { fileURLToPath } from "node:url";
import { HeldClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { startServer } from "../main.ts";
import { demoTenant, sandboxWelcome } from "./demo.ts";
import { stopOnSignals } from "./signals.ts";

/** `seatkeeper sandbox`: a server in memory, with the demo vendor unless tenant files are named, whose clock the tester holds. */
export async function sandbox(): Promise<void> {
  const config = readConfig(process.env);
  const isDemo = config.tenantFiles.length === 0;
  const tenantFiles = isDemo ? [fileURLToPath(demoTenant)] : config.tenantFiles;
  const sandboxClock = new HeldClock(Date.now());
  const starting = startServer({ ...config, tenantFiles, database: { kind: "memory" } }, { sandboxClock });
  stopOnSignals(starting);
  const server = await starting;
  console.log(sandboxWelcome(server.url, isDemo));
}
