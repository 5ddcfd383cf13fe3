/** Drills: an import or a restore that is killed half-way leaves the target as it was, and goes well the next time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Session } from "../../src/core/types.ts";
import { writeExport } from "../../src/stores/export-format.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import type { Dump, DumpLine } from "../../src/stores/store.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { bin, ground, temporaryFolder } from "../process.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const sessions = 20_000;
const rounds = Number(process.env.KILL_ROUNDS ?? 8);
const setting = licenseSetting({ tokens: sessions });
const folder = temporaryFolder();
let postgres: PostgresServer;
let whole: Buffer;

beforeAll(async () => {
  postgres = await startPostgres();
  const chunks: Buffer[] = [];
  for await (const text of writeExport(manySessions(), 0)) chunks.push(Buffer.from(text));
  whole = Buffer.concat(chunks);
});
afterAll(async () => {
  await postgres.remove();
  folder.remove();
});

function manySessions(): Dump {
  const at = Date.now();
  async function* lines(): AsyncIterable<DumpLine> {
    for (const entity of entitiesOf(setting)) yield { type: "entity", ...entity };
    for (let n = 0; n < sessions; n++) {
      const clientId = `user${n}@factor.com`;
      const session: Session = {
        id: freshId(6, n),
        key: `${clientId}\0\0${clientId}`,
        clientId,
        clientKey: clientId,
        sessionId: null,
        userId: null,
        holder: clientId,
        openedAt: at,
        extendedAt: at,
        validUntil: at + 3_600_000,
        checkoutUntil: null,
        endedAt: null,
        peakSessions: 1,
        peakHolders: 1,
        isOveruse: false,
      };
      yield { type: "session", isvId: setting.isvId, licenseId: setting.licenseId, session };
    }
  }
  return { aliveAt: null, lines: lines() };
}

function start(args: readonly string[], database: string) {
  const env = { ...ground, SEATKEEPER_DATABASE_URL: database };
  const child = spawn(process.execPath, [bin, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  // Whoever is killed takes nothing more in.
  child.stdin.on("error", () => {});
  return { child, ended: once(child, "close").then(([status]) => ({ status, output })) };
}

/** Feeds an import a part of the file and, once it has taken that in, kills it. */
async function killAfter(bytes: number, database: string): Promise<void> {
  const { child, ended } = start(["import", "-"], database);
  await new Promise<void>((resolve) => child.stdin.write(whole.subarray(0, bytes), () => resolve()));
  child.kill("SIGKILL");
  expect(await ended).toMatchObject({ status: null });
}

test.each(["SQLite", "PostgreSQL"])(
  "an import into %s that is killed half-way leaves it empty, and goes well the next time",
  async (kind) => {
    const path = `${folder.path}/killed.db`;
    const database = kind === "SQLite" ? `sqlite:${path}` : await postgres.database();
    for (const share of [0.02, 0.5, 0.98]) {
      await killAfter(Math.floor(whole.length * share), database);
      if (kind === "SQLite") expect(countIn(path)).toEqual({ entities: 0, sessions: 0 });
      else {
        const [row] = await postgres.query(database, "SELECT count(*)::int AS n FROM seatkeeper.entities");
        expect(row?.n).toBe(0);
      }
    }
    const { child, ended } = start(["import", "-"], database);
    child.stdin.end(whole);
    expect(await ended).toMatchObject({ status: 0, output: expect.stringContaining("20,000") });
    if (kind === "SQLite") expect(countIn(path)).toEqual({ entities: 5, sessions });
  },
);

function countIn(path: string) {
  const db = new Database(path);
  const count = (table: string) => (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
  const counts = { entities: count("entities"), sessions: count("sessions") };
  db.close();
  return counts;
}

test(`a restore that is killed leaves the old database or the new one, whole (${rounds} rounds)`, async () => {
  const [path, backup] = [`${folder.path}/restored.db`, `${folder.path}/backup.db`];
  await fill(path, "old");
  await fill(backup, "new");
  const found: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const { child, ended } = start(["restore", backup], `sqlite:${path}`);
    // The moment of the kill is the fault under test, not a wait for something to happen.
    await new Promise((resolve) => setTimeout(resolve, 150 + (round * 1_000) / rounds));
    child.kill("SIGKILL");
    await ended;
    const store = openSqliteStore(path);
    found.push(store.setting("which") as string);
    expect([...store.catalog.vendors()].length, "the catalogue is whole").toBe(1);
    await store.close();
    expect(readdirSync(folder.path).filter((name) => name.includes("snapshot"))).toEqual([]);
  }
  expect(found.filter((which) => which !== "old" && which !== "new")).toEqual([]);
  const { ended } = start(["restore", backup], `sqlite:${path}`);
  expect(await ended).toMatchObject({ status: 0 });
  expect(existsSync(path)).toBe(true);
});

async function fill(path: string, which: string): Promise<void> {
  const store = openSqliteStore(path);
  await store.saveCatalog(entitiesOf(setting));
  await store.saveSetting("which", which);
  await store.close();
}
