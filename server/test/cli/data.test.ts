/** backup, restore, export, import and migrate, as processes that users run. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { requireIntegrity, syncFolder } from "../../src/stores/sqlite/at-rest.ts";
import { admin, call, licenseIds, type OpenSession, tenant, tokens } from "../faults/vendor.ts";
import { freePort, type PostgresServer, startPostgres } from "../postgres/server.ts";
import { bin, ground, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

const operatorKey = "a-key-for-the-tests-of-commands";
const license = licenseIds[0] as string;

// Every step is a process of its own, and some wait for a server's last sign of life to grow old.
vi.setConfig({ testTimeout: 120_000 });

let folder: ReturnType<typeof temporaryFolder>;
let env: Record<string, string>;
let postgres: PostgresServer;
const running: ServerProcess[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());
beforeEach(async () => {
  folder = temporaryFolder();
  env = {
    ...ground,
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/seatkeeper.db`,
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
    SEATKEEPER_OPERATOR_KEY: operatorKey,
    SEATKEEPER_PORT: String(await freePort()),
  };
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop("SIGKILL");
  folder.remove();
});

async function serve(more: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = await startProcess(["serve"], { ...env, ...more });
  running.push(server);
  return server;
}

/** Runs a command to its end. */
async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder.path, env: { ...env, ...more } });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, output };
}

/** The command's output, which must have gone well. */
async function done(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { status, output } = await run(args, more);
  expect(status, output).toBe(0);
  return output;
}

const session = (n: number) => ({
  license_id: license,
  client_id: `user${n}@factor.com`,
  session_id: `3fa85f64-5717-4562-b3fc-00000000000${n}`,
});
const open = (server: ServerProcess, n: number) => call(server.url, "open", session(n));
const clientsOf = async (server: ServerProcess) =>
  (await admin<OpenSession[]>(server.url, `licenses/${license}/opensessions`))
    .map((one) => Number(one.session_id.at(-1)))
    .toSorted();

describe("a backup of a running server", () => {
  test("is one file that its owner alone may read; restored, it knows what was, and says what it forgets", async () => {
    const server = await serve();
    await open(server, 1);
    await call(server.url, "open", { ...session(2), checkout_period: 600 } as never);
    expect(await done(["backup", "one.db"])).toContain("seatkeeper restore --verify");
    expect(statSync(`${folder.path}/one.db`).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("one.db"))).toEqual(["one.db"]);
    await open(server, 3);
    await call(server.url, "close", session(1));
    await server.stop("SIGKILL");

    const output = await done(["restore", "one.db"]);
    expect(output).toContain("2 clients and 2 sessions, 1 of them checkouts");
    expect(output).toMatch(/Forgotten is everything after 20\d\d-\d\d-\d\dT.*had [34] lines of history since/);
    expect(output).toMatch(/To go on: seatkeeper serve/);
    const again = await serve();
    expect(await clientsOf(again)).toEqual([1, 2]);
    const kept = readdirSync(`${folder.path}/data`).filter((name) => name.includes("before-restore"));
    expect(kept).toHaveLength(1);
    await again.stop("SIGTERM");

    // What was kept is the database as it was, log included.
    copyFileSync(`${folder.path}/data/${kept[0]}`, `${folder.path}/data/old.db`);
    const old = await serve({ SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/old.db` });
    expect(await clientsOf(old)).toEqual([2, 3]);
  });

  test("is restored to where a link leads, and the link stays", async () => {
    mkdirSync(`${folder.path}/disk`);
    mkdirSync(`${folder.path}/data`);
    symlinkSync("../disk/real.db", `${folder.path}/data/linked.db`);
    const linked = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/linked.db` };
    const server = await serve(linked);
    await done(["backup", "linked-backup.db"], linked);
    await server.stop("SIGTERM");
    await done(["restore", "linked-backup.db"], linked);
    expect(lstatSync(`${folder.path}/data/linked.db`).isSymbolicLink()).toBe(true);
    expect(readdirSync(`${folder.path}/disk`).toSorted()).toEqual([
      "real.db",
      expect.stringMatching(/^real.db.before/),
    ]);
  });

  test("is restored to where a link leads, also where nothing is there yet", async () => {
    mkdirSync(`${folder.path}/disk`);
    mkdirSync(`${folder.path}/data`);
    symlinkSync("second.db", `${folder.path}/data/linked.db`);
    symlinkSync("../disk/real.db", `${folder.path}/data/second.db`);
    const linked = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/linked.db` };
    await (await serve()).stop("SIGTERM");
    await done(["backup", "one.db"]);
    expect(await done(["restore", "--verify", "one.db"], linked)).toContain("Nothing was changed");
    expect(readdirSync(`${folder.path}/disk`)).toEqual([]);
    expect(await done(["restore", "one.db"], linked)).toContain(`restored as ${folder.path}/disk/real.db`);
    for (const link of ["linked.db", "second.db"])
      expect(lstatSync(`${folder.path}/data/${link}`).isSymbolicLink()).toBe(true);
    expect(readdirSync(`${folder.path}/disk`)).toEqual(["real.db"]);
  });

  test("is restored to the file that a server opens, also where a link leads up from behind another one", async () => {
    const at = (name: string) => `${folder.path}/${name}`;
    for (const name of ["releases/5", "releases/data", "data"]) mkdirSync(at(name), { recursive: true });
    symlinkSync("releases/5", at("current"));
    symlinkSync("current/../data/real.db", at("linked.db"));
    const linked = { SEATKEEPER_DATABASE_URL: `sqlite:${at("linked.db")}` };
    const first = await serve();
    await open(first, 1);
    await done(["backup", "one.db"]);
    await first.stop("SIGTERM");
    // The first time there is nothing behind the link, and then the file to be replaced.
    for (const files of [1, 2]) {
      expect(await done(["restore", "one.db"], linked)).toContain(`restored as ${at("releases/data/real.db")}`);
      expect(readdirSync(at("releases/data"))).toHaveLength(files);
    }
    expect(readdirSync(at("data")).filter((name) => name.startsWith("real"))).toEqual([]);
    expect(await clientsOf(await serve(linked))).toEqual([1]);
  });

  test("is not restored where a link leads to no folder, as of a disk that is not mounted", async () => {
    mkdirSync(`${folder.path}/data`);
    symlinkSync("../disk/real.db", `${folder.path}/data/linked.db`);
    const linked = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/linked.db` };
    await (await serve()).stop("SIGTERM");
    await done(["backup", "one.db"]);
    for (const args of [
      ["restore", "one.db"],
      ["restore", "--verify", "one.db"],
    ]) {
      expect(await run(args, linked)).toEqual({
        status: 66,
        output: expect.stringMatching(/linked\.db is a link to .*\/disk\/real\.db, and there is no such folder/),
      });
    }
    expect(readdirSync(`${folder.path}/data`).filter((name) => !name.startsWith("seatkeeper"))).toEqual(["linked.db"]);
    expect(readdirSync(folder.path)).not.toContain("disk");
  });

  test("restored with --hold grants no token for one session period, and extends what it knows", async () => {
    const server = await serve();
    await open(server, 1);
    await done(["backup", "one.db"]);
    await server.stop("SIGTERM");
    expect(await done(["restore", "--hold", "one.db"])).toContain("Tokens are held");
    const again = await serve();
    expect(await open(again, 1)).toMatchObject({ status: 200 });
    expect(await open(again, 2)).toMatchObject({ status: 409, body: { id: 14007 } });
    const response = await fetch(
      `${again.url}/api/v2/isv/2af5fe02-6207-4214-946e-b00ac5309f53/provisioning/session/open`,
      {
        method: "POST",
        headers: {
          ProvisioningKey: "faults-provisioning-key",
          "Content-Type": "application/json",
          Accept: "application/problem+json",
        },
        body: JSON.stringify(session(2)),
      },
    );
    const problem = (await response.json()) as { code: string; next_free_at: string };
    expect(problem.code).toBe("tokens_held");
    const inMinutes = (Date.parse(problem.next_free_at) - Date.now()) / 60_000;
    expect(inMinutes).toBeGreaterThan(58);
    expect(inMinutes).toBeLessThanOrEqual(60);
  });

  test("is made without a server too, of a file that keeps its schema", async () => {
    await (await serve()).stop("SIGTERM");
    const path = `${folder.path}/data/seatkeeper.db`;
    const before = readFileSync(path);
    await done(["backup", "one.db"]);
    expect(readFileSync(path).equals(before)).toBe(true);
    await done(["restore", "--verify", "one.db"]);
  });

  test("never takes another file's place", async () => {
    await (await serve()).stop("SIGTERM");
    folder.write("one.db", "precious");
    expect(await run(["backup", "one.db"])).toMatchObject({ status: 73, output: /is there already/ });
    expect(readFileSync(`${folder.path}/one.db`, "utf8")).toBe("precious");
  });

  test("needs the operator's key", async () => {
    await serve();
    expect(await run(["backup", "one.db"], { SEATKEEPER_OPERATOR_KEY: "" })).toMatchObject({ status: 78 });
    const other = { SEATKEEPER_OPERATOR_KEY: "the-key-of-another-operator" };
    expect(await run(["backup", "one.db"], other)).toMatchObject({ status: 77 });
    expect(readdirSync(folder.path).filter((name) => name.startsWith("one.db"))).toEqual([]);
  });

  test("is asked for at the address that is named, and says so where nobody answers", async () => {
    const server = await serve({ SEATKEEPER_PORT: "0" });
    expect(await run(["backup", "one.db"])).toMatchObject({ status: 75, output: /nobody answers .* --url/s });
    await done(["backup", "--url", server.url, "one.db"]);
    await done(["restore", "--verify", "one.db"]);
  });
});

describe("a copy is not called complete", () => {
  /** Asks somebody who is no server of ours for copies, into a file and to standard output. */
  async function refused(answer: RequestListener, text: RegExp): Promise<void> {
    const other = createServer(answer);
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const args of [
      ["backup", "-"],
      ["backup", "one.db"],
      ["export", "-"],
      ["export", "all.jsonl"],
    ]) {
      const { status, output } = await run([...args, "--url", url]);
      expect({ status, output }).toEqual({ status: 75, output: expect.stringMatching(text) });
      expect(output).not.toContain("complete");
    }
    expect(readdirSync(folder.path)).toEqual(["tenant.yaml"]);
    other.close();
  }

  test("where a page to sign in answers in the server's place", () =>
    refused((_asked, answer) => {
      answer.setHeader("Content-Type", "text/html; charset=utf-8").end("<title>Sign in</title>");
    }, /is no Seatkeeper/));

  test("where the server goes in the middle", () =>
    refused(({ url }, answer) => {
      const type = url?.endsWith("backup") ? "application/vnd.sqlite3" : "application/jsonl";
      answer.setHeader("Content-Type", type).write("the beginning", () => answer.destroy());
    }, /has stopped in the middle/));
});

describe("what cannot be written is told with status 73, and no copy of the database stays:", () => {
  const left = () => readdirSync(`${folder.path}/data`);
  beforeEach(async () => {
    await done(["migrate"]);
  });

  test.each([
    ["in a folder that is not there", "nowhere/copy"],
    ["below a file", "tenant.yaml/copy"],
    ["a name that is too long", "x".repeat(300)],
  ])("%s", async (_name, file) => {
    for (const what of ["backup", "export"]) {
      const refusal = { status: 73, output: expect.stringMatching(/^\S+ cannot be written: \w+: /) };
      expect(await run([what, file])).toEqual(refusal);
      expect(left()).toEqual(["seatkeeper.db"]);
    }
  });

  test("and what another run is writing stays its own", async () => {
    writeFileSync(`${folder.path}/copy.part`, "theirs");
    expect((await run(["backup", "copy"], { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/none.db` })).status).toBe(
      66,
    );
    await done(["backup", "copy"]);
    expect(readFileSync(`${folder.path}/copy.part`, "utf8")).toBe("theirs");
    rmSync(`${folder.path}/copy`);
    rmSync(`${folder.path}/copy.part`);
  });

  test.each([
    ["on a full disk", "> /dev/full"],
    ["where nobody reads on", "| true"],
  ])("standard output, %s", (_name, where) => {
    for (const what of ["backup", "export"]) {
      const script = `"$0" "$1" ${what} - ${where}; exit "\${PIPESTATUS[0]}"`;
      const { status, stderr } = spawnSync("bash", ["-c", script, process.execPath, bin], { env, encoding: "utf8" });
      expect({ status, stderr }).toEqual({
        status: 73,
        stderr: expect.stringContaining("Standard output cannot be written"),
      });
      expect(left()).toEqual(["seatkeeper.db"]);
    }
  });
});

describe("what cannot be read is told with status 66, and what cannot be locked with 75:", () => {
  test("a folder in a file's place", async () => {
    mkdirSync(`${folder.path}/two`);
    for (const args of [
      ["restore", "two"],
      ["restore", "--verify", "two"],
      ["import", "two"],
    ]) {
      expect(await run(args)).toEqual({ status: 66, output: expect.stringMatching(/^two is .*folder/) });
    }
  });

  test("a database of which nobody can tell whether it is there", async () => {
    symlinkSync("loop.db", `${folder.path}/loop.db`);
    const there = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/loop.db` };
    for (const args of [
      ["backup", "one.db"],
      ["export", "all.jsonl"],
      ["migrate", "--dry-run"],
      ["restore", "--hold"],
      ["restore", folder.write("older.db", "")],
    ]) {
      const refusal = { status: 66, output: expect.stringMatching(/loop\.db cannot be read: ELOOP/) };
      expect(await run(args, there)).toEqual(refusal);
    }
  });

  const stranger = { uid: 65_534, gid: 65_534 };
  const isRoot = process.getuid?.() === 0;
  const canBeStranger =
    isRoot && spawnSync(process.execPath, [bin, "--version"], { ...stranger, env: ground }).status === 0;
  test.runIf(canBeStranger)("a backup of somebody else's", () => {
    const file = folder.write("one.db", "somebody else's");
    chmodSync(file, 0o600);
    chmodSync(folder.path, 0o755);
    const asked = spawnSync(process.execPath, [bin, "restore", file], { ...stranger, env, encoding: "utf8" });
    expect([asked.status, asked.stderr]).toEqual([66, expect.stringMatching(/one\.db: EACCES: permission denied/)]);
  });

  test.runIf(canBeStranger)("a database that may be read and not written", async () => {
    const there = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/bare.db` };
    await done(["migrate"], there);
    chmodSync(`${folder.path}/bare.db`, 0o444);
    chmodSync(folder.path, 0o755);
    const options = { ...stranger, env: { ...env, ...there }, encoding: "utf8" } as const;
    const asked = spawnSync(process.execPath, [bin, "migrate"], options);
    expect([asked.status, asked.stderr]).toEqual([75, expect.stringMatching(/bare\.db cannot be locked: .*read-only/)]);
  });
});

describe("restore refuses, and changes nothing", () => {
  let before: Buffer;
  const path = () => `${folder.path}/data/seatkeeper.db`;
  const refused = async (file: string, status: number, text: RegExp) => {
    for (const args of [
      ["restore", file],
      ["restore", "--verify", file],
    ]) {
      expect(await run(args)).toMatchObject({ status, output: expect.stringMatching(text) });
    }
    expect(readFileSync(path()).equals(before)).toBe(true);
    expect(readdirSync(`${folder.path}/data`)).toEqual(["seatkeeper.db"]);
  };
  /** A backup, made once. */
  let backup: Buffer | null = null;
  beforeEach(async () => {
    if (backup === null) {
      const server = await serve();
      for (let n = 0; n < 10; n++) await open(server, n);
      await done(["backup", "one.db"]);
      await server.stop("SIGTERM");
      before = readFileSync(path());
      backup = readFileSync(`${folder.path}/one.db`);
      return;
    }
    mkdirSync(`${folder.path}/data`);
    writeFileSync(path(), before);
    writeFileSync(`${folder.path}/one.db`, backup);
  });

  test("a truncated backup", async () => {
    truncateSync(`${folder.path}/one.db`, statSync(`${folder.path}/one.db`).size - 4_096);
    await refused("one.db", 65, /truncated/);
  });
  test("a damaged backup", async () => {
    const bytes = readFileSync(`${folder.path}/one.db`);
    bytes.fill(7, 4_096, bytes.length - 4_096);
    writeFileSync(`${folder.path}/one.db`, bytes);
    await refused("one.db", 65, /damaged/);
  });
  test("a backup of a newer program", async () => {
    const db = new Database(`${folder.path}/one.db`);
    db.pragma("user_version = 9999");
    db.close();
    await refused("one.db", 65, /^one\.db was written by a newer Seatkeeper/);
  });
  test("an export, and another program's database", async () => {
    folder.write("two.db", '{"type":"export"}\n'.repeat(100));
    await refused("two.db", 65, /no backup of Seatkeeper.*seatkeeper import/);
    const other = new Database(`${folder.path}/other.db`);
    other.exec("CREATE TABLE theirs (x)");
    other.close();
    await refused("other.db", 65, /no backup of Seatkeeper/);
  });
  test("a file that is not there, and the database itself", async () => {
    await refused("nowhere.db", 66, /is not there/);
    await refused("data/seatkeeper.db", 64, /is the database itself/);
  });
  test("a copy of a file whose log stands beside it", async () => {
    folder.write("one.db-wal", "something");
    await refused("one.db", 65, /a part only/);
  });
});

test("a damaged database can be replaced by its backup", async () => {
  const server = await serve();
  await open(server, 1);
  await done(["backup", "one.db"]);
  await server.stop("SIGKILL");
  writeFileSync(`${folder.path}/data/seatkeeper.db`, "no database any more".repeat(1_000));
  await done(["restore", "one.db"]);
  expect(await clientsOf(await serve())).toEqual([1]);
});

test.runIf(process.platform === "linux")(
  "a file system that syncs no folders keeps nobody from writing into them",
  () => {
    expect(() => syncFolder("/proc")).not.toThrow();
    expect(() => syncFolder(`${folder.path}/none`)).toThrow("ENOENT");
  },
);

test("a copy that a starting server has removed is not found in order, and none is made in its place", () => {
  const copy = `${folder.path}/seatkeeper.db.snapshot-restore-1`;
  expect(() => requireIntegrity(copy)).toThrow(/is gone before it was looked through.*Try again/);
  expect(existsSync(copy)).toBe(false);
});

test.each(["settings", "history", "tallies"])(
  "a database whose table %s is damaged is refused with a clear text, whoever reads it first",
  async (table) => {
    const path = `${folder.path}/data/seatkeeper.db`;
    const server = await serve();
    for (let n = 0; n < 4; n++) await open(server, n);
    await server.stop("SIGTERM");
    const db = new Database(path);
    const { page } = db.prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = ?").get(table) as {
      page: number;
    };
    const pageBytes = db.pragma("page_size", { simple: true }) as number;
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(7, (page - 1) * pageBytes, page * pageBytes);
    writeFileSync(path, bytes);
    // A server counts when it has begun to serve; an export reads everything.
    for (const args of table === "tallies" ? [["export", "all.jsonl"]] : [["serve"], ["export", "all.jsonl"]]) {
      const { status, output } = await run(args);
      expect(output).toContain(`${path} is damaged. Restore a backup.`);
      expect(status, output).toBe(75);
    }
    expect(readdirSync(`${folder.path}/data`)).toEqual(["seatkeeper.db"]);
  },
);

test.each([
  [
    "newer",
    (db: Database.Database) => db.pragma("user_version = 9999"),
    /seatkeeper\.db was written by a newer Seatkeeper/,
  ],
  ["damaged", (db: Database.Database) => db.exec("DROP TABLE tallies"), /tallies/],
])("an export of a %s database is refused, and leaves no copy of it beside it", async (_name, harm, text) => {
  await (await serve()).stop("SIGTERM");
  const db = new Database(`${folder.path}/data/seatkeeper.db`);
  harm(db);
  db.close();
  const { status, output } = await run(["export", "all.jsonl"]);
  expect(output).toMatch(text);
  expect(status).not.toBe(0);
  expect(readdirSync(`${folder.path}/data`)).toEqual(["seatkeeper.db"]);
});

test.runIf(process.getuid?.() === 0)("what root restores or imports belongs to the service", async () => {
  await (await serve()).stop("SIGTERM");
  await done(["backup", "one.db"]);
  await done(["export", "all.jsonl"]);
  const [service, other] = [4_711, 4_712];
  const path = `${folder.path}/data/seatkeeper.db`;
  const ownerOf = (file: string) => [statSync(file).uid, statSync(file).gid];
  chownSync(`${folder.path}/data`, service, service);
  chownSync(path, other, other);
  await done(["restore", "one.db"]);
  expect(ownerOf(path)).toEqual([other, other]);
  rmSync(path);
  await done(["restore", "one.db"]);
  expect(ownerOf(path)).toEqual([service, service]);
  await done(["import", "all.jsonl"], { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/two.db` });
  expect(ownerOf(`${folder.path}/data/two.db`)).toEqual([service, service]);
});

test("while a server runs, migrate, import and restore refuse on SQLite, and it goes on", async () => {
  const server = await serve();
  await open(server, 1);
  await done(["backup", "one.db"]);
  await done(["export", "all.jsonl"]);
  for (const args of [
    ["migrate"],
    ["migrate", "--dry-run"],
    ["import", "all.jsonl"],
    ["restore", "one.db"],
    ["restore", "--hold"],
  ]) {
    expect(await run(args), args.join(" ")).toMatchObject({
      status: 75,
      output: expect.stringMatching(/is in use by another process/),
    });
  }
  expect(await clientsOf(server)).toEqual([1]);
});

test("data moves from SQLite to PostgreSQL and back, live sessions included, and the servers agree", async () => {
  const server = await serve();
  for (const n of [1, 2, 3]) await open(server, n);
  await call(server.url, "close", session(3));
  const key = await (
    await fetch(`${server.url}/api/v2/isv/2af5fe02-6207-4214-946e-b00ac5309f53/signing-key.pem`)
  ).text();
  const denials = await admin<{ total: number }>(server.url, "denials");
  await done(["export", "all.jsonl"]);
  await server.stop("SIGTERM");
  expect(statSync(`${folder.path}/all.jsonl`).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${folder.path}/all.jsonl`, "utf8")).toContain("BEGIN PRIVATE KEY");

  const there = { SEATKEEPER_DATABASE_URL: await postgres.database() };
  expect(await done(["import", "all.jsonl"], there)).toMatch(/session +2\n[\s\S]*seatkeeper serve/);
  // The exporting server's last sign of life came along, and could be a living server's: for this refusal nobody waits.
  const again = await run(["import", "all.jsonl"], there);
  expect(again).toMatchObject({ status: 73, output: expect.stringContaining("wants an empty one") });
  expect(again.output).not.toContain("watching");
  const second = await serve(there);
  expect(await clientsOf(second)).toEqual([1, 2]);
  expect(
    await (await fetch(`${second.url}/api/v2/isv/2af5fe02-6207-4214-946e-b00ac5309f53/signing-key.pem`)).text(),
  ).toBe(key);
  expect(await admin<{ total: number }>(second.url, "denials")).toEqual(denials);
  await open(second, 4);
  // A node beside the running one, and the running one itself: the same file.
  await done(["export", "back.jsonl"], there);
  await done(["export", "--url", second.url, "asked.jsonl"], there);
  // But for what the server has counted in between.
  const isCounted = (line: string) => /^\{"type":"tally"|"counted_until"/.test(line);
  const linesOf = (name: string) => {
    const lines = readFileSync(`${folder.path}/${name}`, "utf8").split("\n").slice(1, -2);
    return lines.filter((line) => !isCounted(line));
  };
  expect(linesOf("asked.jsonl")).toEqual(linesOf("back.jsonl"));
  expect(await run(["backup", "--url", second.url, "no.db"], there)).toMatchObject({
    status: 75,
    output: expect.stringContaining("pg_dump"),
  });
  await second.stop("SIGTERM");

  const back = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/back.db` };
  await done(["import", "back.jsonl"], back);
  expect(await clientsOf(await serve({ ...back, SEATKEEPER_PORT: "0" }))).toEqual([1, 2, 4]);
});

test("an import comes from a pipe as well", async () => {
  const server = await serve();
  await open(server, 1);
  const target = `sqlite:${folder.path}/data/two.db`;
  const { status } = spawnSync(
    "bash",
    ["-o", "pipefail", "-c", '"$NODE" "$BIN" export - | SEATKEEPER_DATABASE_URL="$TARGET" "$NODE" "$BIN" import -'],
    { env: { ...env, NODE: process.execPath, BIN: bin, TARGET: target }, cwd: folder.path },
  );
  expect(status).toBe(0);
  await server.stop("SIGTERM");
  expect(await clientsOf(await serve({ SEATKEEPER_DATABASE_URL: target }))).toEqual([1]);
});

test("an import of a truncated file is refused with status 65, and leaves the target empty", async () => {
  await (await serve()).stop("SIGTERM");
  await done(["export", "all.jsonl"]);
  folder.write("bad.jsonl", readFileSync(`${folder.path}/all.jsonl`, "utf8").slice(0, -200));
  const there = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/data/two.db` };
  expect(await run(["import", "bad.jsonl"], there)).toMatchObject({
    status: 65,
    output: expect.stringMatching(/truncated/),
  });
  await done(["import", "all.jsonl"], there);
});

test("while a server runs on PostgreSQL, import and restore --hold refuse", async () => {
  const server = await serve();
  await open(server, 1);
  await done(["export", "all.jsonl"]);
  const SEATKEEPER_DATABASE_URL = await postgres.database();
  const other = await serve({ SEATKEEPER_DATABASE_URL, SEATKEEPER_TENANT_FILES: "", SEATKEEPER_PORT: "0" });
  for (const args of [
    ["import", "all.jsonl"],
    ["restore", "--hold"],
  ]) {
    const refused = await run(args, { SEATKEEPER_DATABASE_URL });
    expect(refused).toMatchObject({
      status: 75,
      output: expect.stringMatching(/A server is running on this database/),
    });
  }
  // A schema that needs no migration is no reason to stop anybody.
  expect(await done(["migrate"], { SEATKEEPER_DATABASE_URL })).toContain("nothing to do");
  await other.stop("SIGKILL");
  // Its last sign of life is made a little older: the import watches until that is no sign any more.
  await postgres.query(SEATKEEPER_DATABASE_URL, "UPDATE seatkeeper.alive SET alive_at = alive_at - 9000");
  await done(["import", "all.jsonl"], { SEATKEEPER_DATABASE_URL });
});

test("an import into a newer program's PostgreSQL database is refused at once, whenever a server was last alive on it", async () => {
  await done(["migrate"]);
  await done(["export", "all.jsonl"]);
  const there = { SEATKEEPER_DATABASE_URL: await postgres.database() };
  await done(["migrate"], there);
  await postgres.query(there.SEATKEEPER_DATABASE_URL, "INSERT INTO seatkeeper.schema VALUES (9999, 9999)");
  const alive = "UPDATE seatkeeper.alive SET alive_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
  await postgres.query(there.SEATKEEPER_DATABASE_URL, alive);
  const { status, output } = await run(["import", "all.jsonl"], there);
  expect({ status, output }).toEqual({ status: 75, output: expect.stringContaining("newer Seatkeeper (schema 9999") });
  expect(output).not.toContain("watching");
});

test("a restored PostgreSQL database is held by restore --hold", async () => {
  const there = { SEATKEEPER_DATABASE_URL: await postgres.database() };
  const server = await serve(there);
  await open(server, 1);
  await server.stop("SIGKILL");
  // As an old copy has it.
  await postgres.query(there.SEATKEEPER_DATABASE_URL, "UPDATE seatkeeper.alive SET alive_at = alive_at - 30000");
  await done(["restore", "--hold"], there);
  const again = await serve(there);
  expect(await open(again, 1)).toMatchObject({ status: 200 });
  expect(await open(again, 2)).toMatchObject({ status: 409, body: { id: 14007 } });
});

describe("migrate", () => {
  test("makes the schema, says what it ran, and has nothing to do the second time", async () => {
    for (const SEATKEEPER_DATABASE_URL of [env.SEATKEEPER_DATABASE_URL as string, await postgres.database()]) {
      const there = { SEATKEEPER_DATABASE_URL };
      await done(["migrate", "--dry-run"], there);
      expect(await done(["migrate"], there)).toMatch(/0001-start\.sql[\s\S]*seatkeeper serve/);
      expect(await done(["migrate"], there)).toContain("nothing to do");
    }
  });

  test("--dry-run names what is missing and changes nothing", async () => {
    const missing = await done(["migrate", "--dry-run"]);
    expect(missing).toContain("would be made");
    expect(missing).not.toContain("nothing to do");
    expect(existsSync(`${folder.path}/data`)).toBe(false);
    const there = { SEATKEEPER_DATABASE_URL: await postgres.database() };
    for (let n = 0; n < 2; n++) {
      const all = await done(["migrate", "--dry-run"], there);
      expect(all).toContain("0001-start.sql");
      expect(all).not.toContain("stop all of them");
    }
  });

  test("--dry-run says whether servers of the older release must be stopped first", async () => {
    const there = { SEATKEEPER_DATABASE_URL: await postgres.database() };
    await done(["migrate"], there);
    const back = (version: number) =>
      postgres.query(there.SEATKEEPER_DATABASE_URL, `DELETE FROM seatkeeper.schema WHERE version > ${version}`);
    await back(13);
    const beside = await done(["migrate", "--dry-run"], there);
    expect(beside).toContain("0014-denials-asked-for.sql");
    expect(beside).not.toContain("stop all of them");
    await back(12);
    const apart = await done(["migrate", "--dry-run"], there);
    expect(apart).toContain("No server of an older release may go on beside it: stop all of them first.");
  });
});

test("an export under load is of one instant: its sessions and its history tell the same", {
  timeout: 60_000,
}, async () => {
  const server = await serve();
  let isOver = false;
  const clients = Array.from({ length: 16 }, async (_, client) => {
    for (let n = 0; !isOver; n++) {
      const license_id = licenseIds[(client + n) % licenseIds.length] as string;
      const one = {
        license_id,
        client_id: `u${client}@factor.com`,
        session_id: `3fa85f64-5717-4562-b3fc-${String(n).padStart(12, "0")}`,
      };
      const opened = await call(server.url, "open", one);
      if (opened.status === 200 && n % 3 !== 0) await call(server.url, "close", one);
    }
  });
  try {
    for (let round = 0; round < 2; round++) {
      await done(["export", `${round}.jsonl`]);
      expectOneInstant(readFileSync(`${folder.path}/${round}.jsonl`, "utf8"));
      await done(["backup", `${round}.db`]);
      expect(await done(["restore", "--verify", `${round}.db`])).toContain("is in order");
    }
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
});

/** Nothing expires in these minutes: what was opened and not closed is live, and every live session was opened. */
function expectOneInstant(text: string): void {
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const live = new Map<string, number>();
  const told = new Map<string, number>();
  const holders = new Map<string, Set<string>>();
  const count = (counts: Map<string, number>, key: string, by: number) => {
    const sum = (counts.get(key) ?? 0) + by;
    if (sum === 0) counts.delete(key);
    else counts.set(key, sum);
  };
  for (const line of lines) {
    if (line.type === "session") {
      count(live, `${line.licenseId} ${line.session.clientId} ${line.session.sessionId}`, 1);
      holders.set(line.licenseId, (holders.get(line.licenseId) ?? new Set()).add(line.session.holder));
    }
    if (line.type !== "history") continue;
    const { kind, licenseId, clientId, sessionId } = line.record;
    const by = { "session.opened": 1, "session.closed": -1 }[kind as string] ?? 0;
    count(told, `${licenseId} ${clientId} ${sessionId}`, by);
  }
  expect(live.size).toBeGreaterThan(0);
  expect(new Map([...told].toSorted())).toEqual(new Map([...live].toSorted()));
  for (const users of holders.values()) expect(users.size).toBeLessThanOrEqual(tokens);
}
