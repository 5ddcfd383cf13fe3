import { fileURLToPath } from "node:url";
import { readConfig } from "../config.ts";
import { readTls } from "../http/tls.ts";
import { startServer } from "../main.ts";
import { demoSettings, demoTenant, setIn, welcome } from "./demo.ts";
import { demoHistoryOnce } from "./demo-history.ts";
import { exitCodes } from "./exit-codes.ts";
import { stopOnSignals } from "./signals.ts";

/** `seatkeeper serve`: the server, until SIGTERM or SIGINT. */
export async function serve(options: { readonly demo?: boolean }): Promise<void> {
  const config = readConfig(options.demo === true ? { ...demoSettings, ...setIn(process.env) } : process.env);
  const tenantFiles = options.demo === true ? [fileURLToPath(demoTenant), ...config.tenantFiles] : config.tenantFiles;
  // The demo's past is written before the server starts, and a certificate that cannot be used makes no database.
  if (options.demo === true && config.tls !== null) readTls(config.tls);
  const waiting = new AbortController();
  const starting = (options.demo === true ? demoHistoryOnce(config) : Promise.resolve()).then(() =>
    startServer({ ...config, tenantFiles }, { stop: waiting.signal }),
  );
  stopOnSignals(starting, waiting);
  const server = await starting.catch((error: Error) => {
    if (error.name !== "AbortError") throw error;
    console.error("Told to stop before it served: nothing was changed.");
    return null;
  });
  if (server === null) return;
  // While it lives, everybody who asks whether it does is told so; a supervisor starts another one.
  void server.lost.then(() => process.exit(exitCodes.lost));
  if (options.demo === true) console.log(welcome(server.url));
}
