/** The programs under load: the server as users start it, and the floors beside it. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Program {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const bin = fileURLToPath(new URL("../../server/bin/seatkeeper.js", import.meta.url));
const floorProgram = fileURLToPath(new URL("./floor.ts", import.meta.url));
const databaseFloorProgram = fileURLToPath(new URL("./database-floor.ts", import.meta.url));

/** Seatkeeper on a database (an SQLite file it refuses unless commits are on disk: `synchronous=FULL`). */
export function startServer(
  folder: string,
  databaseUrl: string,
  cores: string,
  nodeOptions: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  return start(cores, [...nodeOptions, bin, "serve"], {
    ...env,
    SEATKEEPER_PORT: "0",
    SEATKEEPER_DATABASE_URL: databaseUrl,
    SEATKEEPER_TENANT_FILES: join(folder, "tenant.yaml"),
    SEATKEEPER_LOG_LEVEL: "info",
  });
}

/**
 * A bare `node:http` server that answers `answer` to everything; `append`: after a line in a file and an fdatasync;
 * `deferred`: together with all that came in the same turn of the event loop.
 */
export function startFloor(kind: "inline" | "append" | "deferred", folder: string, answer: string): Promise<Program> {
  return start("0", [floorProgram, kind, written(folder, answer), join(folder, "floor.log")], {});
}

/** The same, after each request has become a row of a PostgreSQL: in batches, or under the lock of its licence. */
export function startDatabaseFloor(
  kind: "upsert" | "locking",
  folder: string,
  answer: string,
  databaseUrl: string,
  cores: string,
): Promise<Program> {
  return start(cores, [databaseFloorProgram, kind, written(folder, answer), databaseUrl], {});
}

function written(folder: string, answer: string): string {
  const file = join(folder, "answer.json");
  writeFileSync(file, answer);
  return file;
}

async function start(cores: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Program> {
  const child = spawn("taskset", ["-c", cores, process.execPath, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Also when this program ends in an error, of a pipe that nobody reads any more for instance.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void exited.then(() => process.off("exit", kill));
  const url = await new Promise<string>((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
      const match = /"url":"(http:[^"]+)"/.exec(printed);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    child.once("exit", (code) => reject(new Error(`${args[0]} ended with status ${code}: ${printed}`)));
  });
  return {
    url,
    // taskset becomes the program: it is the same process.
    pid: child.pid as number,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
