import { fileURLToPath } from "node:url";
import { readConfig } from "../config.ts";
import { startServer } from "../main.ts";
import { demoTenant, welcome } from "./demo.ts";
import { stopOnSignals } from "./signals.ts";

/** `seatkeeper serve`: the server, until SIGTERM or SIGINT. */
export async function serve(options: { readonly demo?: boolean }): Promise<void> {
  const config = readConfig(process.env);
  const tenantFiles = options.demo === true ? [fileURLToPath(demoTenant), ...config.tenantFiles] : config.tenantFiles;
  const server = await startServer({ ...config, tenantFiles });
  stopOnSignals(server);
  if (options.demo === true) console.log(welcome(server.url));
}
