import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bin, ProcessEnded, runScript, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

let folder: ReturnType<typeof temporaryFolder>;
let database: string;
const running: ServerProcess[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  database = `sqlite:${folder.path}/data/seatkeeper.db`;
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop("SIGKILL");
  folder.remove();
});

async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = await startProcess(args, { SEATKEEPER_DATABASE_URL: database, ...env });
  running.push(server);
  return server;
}

async function refused(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ProcessEnded> {
  const error = await serve(args, env).then(
    () => new Error("it serves"),
    (reason: Error) => reason,
  );
  if (!(error instanceof ProcessEnded)) throw error;
  return error;
}

test("the three commands that serve --demo prints take, extend and give back a token, as pasted", async () => {
  const server = await serve(["serve", "--demo"]);
  const { output } = await server.stop("SIGTERM");
  const again = await serve(["serve", "--demo"]);
  const commands = output
    .replaceAll(server.url, again.url)
    .split("\n\n")
    .flatMap((paragraph) => /curl -s[\s\S]*; echo/.exec(paragraph) ?? []);
  expect(commands).toHaveLength(3);
  const [taken, extended, given] = commands.map((command) => JSON.parse(runScript(command)));
  expect(taken).toMatchObject({ is_session_valid: true, max_active_client_count: 1 });
  expect(extended.session_created_date).toBe(taken.session_created_date);
  expect(Date.parse(extended.session_valid_until)).toBeGreaterThanOrEqual(Date.parse(taken.session_valid_until));
  expect(given).toEqual(expect.any(String));
});

test.each(["SIGTERM", "SIGINT"] as const)("%s ends the server with status 0", async (signal) => {
  const server = await serve(["serve"]);
  expect((await server.stop(signal)).status).toBe(0);
});

test("a server whose log nobody reads any more goes on, and ends with status 0 when it is told to", async () => {
  const server = await serve(["serve"]);
  server.leaveOutput();
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect((await server.stop("SIGTERM")).status).toBe(0);
});

test("a second process on the same file is refused with a clear text, and starts at once after a SIGKILL of the first", async () => {
  const first = await serve(["serve"]);
  const second = await refused(["serve"], {});
  expect(second.status).toBe(75);
  expect(second.output).toMatch(/seatkeeper\.db is in use by another process\. .*SEATKEEPER_DATABASE_URL/);
  await first.stop("SIGKILL");
  const third = await serve(["serve"]);
  expect((await fetch(`${third.url}/readyz`)).status).toBe(200);
});

test("the database file is readable to its owner alone", async () => {
  await serve(["serve"]);
  expect(statSync(`${folder.path}/data/seatkeeper.db`).mode & 0o777).toBe(0o600);
  expect(statSync(`${folder.path}/data/seatkeeper.db-wal`).mode & 0o777).toBe(0o600);
});

test("a file of that name is no database in memory: what is served is on disk", async () => {
  const server = await startProcess(["serve"], { SEATKEEPER_DATABASE_URL: "sqlite::memory:" }, folder.path);
  running.push(server);
  expect(statSync(`${folder.path}/:memory:-wal`).size).toBeGreaterThan(0);
});

describe.each(["serve", "migrate --dry-run"])(
  "%s refuses what is no database of ours with status 75, and leaves it as it was:",
  (command) => {
    const refusedAsItIs = async (file: string, text: string) => {
      chmodSync(file, 0o775);
      const look = () => [statSync(file).mode, statSync(file).isFile() && readFileSync(file, "base64")];
      const before = look();
      const { status, output } = await refused(command.split(" "), { SEATKEEPER_DATABASE_URL: `sqlite:${file}` });
      expect({ status, output }).toEqual({ status: 75, output: expect.stringContaining(text) });
      expect([look(), readdirSync(folder.path)]).toEqual([before, [basename(file)]]);
    };

    test.each(["delete", "wal"])("another program's database, with journal_mode=%s", async (mode) => {
      const file = `${folder.path}/other.db`;
      const other = new Database(file);
      other.pragma(`journal_mode = ${mode}`);
      other.exec("CREATE TABLE theirs (x)");
      other.close();
      await refusedAsItIs(file, "is another program's database");
    });

    test("a text, however short", async () => {
      await refusedAsItIs(folder.write("letter.txt", "dear mother"), "is not a SQLite database");
    });

    test("a folder", async () => {
      mkdirSync(`${folder.path}/var`);
      await refusedAsItIs(`${folder.path}/var`, "is no regular file");
    });
  },
);

test("a database that others may read becomes its owner's alone, with what stands beside it", async () => {
  const file = `${folder.path}/data/seatkeeper.db`;
  await (await serve(["serve"])).stop("SIGKILL");
  for (const part of ["", "-wal"]) chmodSync(file + part, 0o644);
  await serve(["serve"]);
  for (const part of ["", "-wal"]) expect(statSync(file + part).mode & 0o777, part).toBe(0o600);
});

test("wrong settings refuse the start with status 78, all told at once", async () => {
  const { status, output } = await refused(["serve"], { SEATKEEPER_PORT: "80a", SEATKEEPER_LOG_LEVEL: "loud" });
  expect(status).toBe(78);
  expect(output).toMatch(/SEATKEEPER_PORT="80a"[\s\S]*SEATKEEPER_LOG_LEVEL="loud"/);
});

test("a tenant file with a fault refuses the start with status 78, naming file, line and path", async () => {
  const file = folder.write("tenant.yaml", "isv: { id: 2af5fe02-6207-4214-946e-b00ac5309f53, name: Demo }\nkeyz: []\n");
  const { status, output } = await refused(["serve"], { SEATKEEPER_TENANT_FILES: file });
  expect(status).toBe(78);
  expect(output).toContain(`${file}:2`);
  expect(output).toContain("keyz");
});

test("a tenant file that is not there refuses the start with status 78", async () => {
  const { status, output } = await refused(["serve"], { SEATKEEPER_TENANT_FILES: `${folder.path}/nowhere.yaml` });
  expect(status).toBe(78);
  expect(output).toContain("nowhere.yaml");
});

test("a port that is taken refuses the start with status 75", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const { status, output } = await refused(["serve"], { SEATKEEPER_PORT: String(port) });
  other.close();
  expect(status).toBe(75);
  expect(output).toContain(`127.0.0.1:${port} is in use`);
});

test("an address of another machine refuses the start with status 75, also where the port is the system's choice", async () => {
  // An address that is kept for examples in documents.
  const { status, output } = await refused(["serve"], { SEATKEEPER_HOST: "203.0.113.9", SEATKEEPER_PORT: "0" });
  expect(status).toBe(75);
  expect(output).toContain("203.0.113.9 is not of this machine");
});

test.each(["localhost:7070", "fe80::1"])("%s is nothing to listen on: status 78", async (SEATKEEPER_HOST) => {
  const { status, output } = await refused(["serve"], { SEATKEEPER_HOST });
  expect([status, output]).toEqual([78, expect.stringContaining(`${SEATKEEPER_HOST} is nothing to listen on`)]);
  expect(output).not.toContain("    at ");
});

test("an unknown command is refused with status 64", async () => {
  expect((await refused(["sevre"], {})).status).toBe(64);
});

test("--version and --help end with status 0", () => {
  expect(execFileSync(process.execPath, [bin, "--version"], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(execFileSync(process.execPath, [bin, "--help"], { encoding: "utf8" })).toContain("sandbox");
});

test("the sandbox's time stands still until it is moved, and a session lapses by it", async () => {
  const server = await serve(["sandbox"]);
  const clock = async (seconds?: number) => {
    const init =
      seconds === undefined
        ? {}
        : {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ advance_seconds: seconds }),
          };
    return ((await (await fetch(`${server.url}/sandbox/clock`, init)).json()) as { now: string }).now;
  };
  const before = await clock();
  expect(await clock()).toBe(before);
  expect(Date.parse(await clock(300)) - Date.parse(before)).toBe(300_000);
});

test("a sandbox with a vendor of one's own prints no key of the demo's, and how the clock is moved", async () => {
  const file = folder.write("tenant.yaml", "isv: { id: 2af5fe02-6207-4214-946e-b00ac5309f53, name: Own }\n");
  const server = await serve(["sandbox"], { SEATKEEPER_TENANT_FILES: file });
  await fetch(`${server.url}/healthz`);
  const { output } = await server.stop("SIGTERM");
  expect(output).toContain(`${server.url}/sandbox/clock`);
  expect(output).toContain(`${server.url}/docs`);
  expect(output).not.toContain("demo");
});

test("the sandbox's clock exists in the sandbox alone", async () => {
  const server = await serve(["serve", "--demo"]);
  expect((await fetch(`${server.url}/sandbox/clock`)).status).toBe(404);
});
