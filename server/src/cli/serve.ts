import { fileURLToPath } from "node:url";
import { readConfig } from "../config.ts";
import { startServer } from "../main.ts";
import { demoTenant, welcome } from "./demo.ts";
import { stopOnSignals } from "./signals.ts";

/** `seatkeeper serve`: the server, until SIGTERM or SIGINT. */
export async function serve(options: { readonly demo?: boolean }): Promise<void> {
  const config = readConfig(options.demo === true ? { ...demoSettings, ...set(process.env) } : process.env);
  const tenantFiles = options.demo === true ? [fileURLToPath(demoTenant), ...config.tenantFiles] : config.tenantFiles;
  const starting = startServer({ ...config, tenantFiles });
  stopOnSignals(starting);
  const server = await starting;
  if (options.demo === true) console.log(welcome(server.url));
}

/** The demo's keys are known to all the world: they get a file of their own, and never into the vendor's. */
const demoSettings = { SEATKEEPER_DATABASE_URL: "sqlite:./data/demo.db" };

/** The variables that say something. */
function set(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}
