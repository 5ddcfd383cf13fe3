/** The programs under load: the server as users start it, and the floors beside it. Each on the first core. */
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

/** Seatkeeper on a fresh SQLite file (which it refuses unless commits are on disk: `synchronous=FULL`). */
export function startServer(folder: string): Promise<Program> {
  return start([bin, "serve"], {
    SEATKEEPER_PORT: "0",
    SEATKEEPER_DATABASE_URL: `sqlite:${join(folder, "bench.db")}`,
    SEATKEEPER_TENANT_FILES: join(folder, "tenant.yaml"),
    SEATKEEPER_LOG_LEVEL: "info",
  });
}

/** A bare `node:http` server that answers `answer` to everything; `append`: after a line in a file and an fdatasync. */
export function startFloor(kind: "inline" | "append", folder: string, answer: string): Promise<Program> {
  const file = join(folder, `${kind}.answer`);
  writeFileSync(file, answer);
  return start([floorProgram, kind, file, join(folder, "floor.log")], {});
}

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Program> {
  const child = spawn("taskset", ["-c", "0", process.execPath, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
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
