/** Seatkeeper's servers: processes of their own on one database. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./waiting.ts";

const bin = fileURLToPath(new URL("../../server/bin/seatkeeper.js", import.meta.url));

export interface Node {
  readonly url: string;
  readonly child: ChildProcess;
}

export async function startNode(folder: string, port: number, database: string, tenantFile: string): Promise<Node> {
  const log = openSync(join(folder, `node-${port}.log`), "a");
  const child = spawn(process.execPath, [bin, "serve"], {
    env: {
      PATH: process.env.PATH,
      SEATKEEPER_PORT: String(port),
      SEATKEEPER_DATABASE_URL: database,
      SEATKEEPER_TENANT_FILES: tenantFile,
    },
    stdio: ["ignore", log, log],
  });
  const url = `http://127.0.0.1:${port}`;
  await until(`the server at ${url} is ready`, 30_000, async () => {
    if (child.exitCode !== null)
      throw new Error(`seatkeeper ended with status ${child.exitCode}: see node-${port}.log`);
    return fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return { url, child };
}
