/** How a server of PostgreSQL comes to know a licence, however large it is, and how long the log spares it that. */
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { KnownLicenses } from "../../src/stores/postgres/licenses.ts";
import { openPostgresStore, type PostgresOptions } from "../../src/stores/postgres/postgres.ts";
import { LicensesBusy, type Patience, type Store } from "../../src/stores/store.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { codesOf, workOf } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const clock = new HeldClock();
const pageRows = 5;
const small = licenseSetting({ tokens: 100 });
const large = licenseSetting({ licenseId: freshId(3, 1), tokens: 100 });

let server: PostgresServer;
let url: string;
const opened: Store[] = [];
let ids = 0;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

beforeEach(async () => {
  url = await server.database();
  const first = await start();
  await first.saveCatalog([...entitiesOf(small), ...entitiesOf(large)]);
  for (let n = 0; n < 3 * pageRows; n++) await decide(first, [open(large, n)]);
  await decide(first, [open(small, 0)]);
  return async () => {
    for (const store of opened.splice(0)) await store.close();
  };
});

type Bounds = NonNullable<PostgresOptions["bounds"]>;

async function start(bounds: Bounds = {}): Promise<Store> {
  const store = await openPostgresStore(url, { clock, bounds: { pageRows, foldedFrom: 1, ...bounds } });
  opened.push(store);
  return store;
}

function open({ isvId, licenseId }: typeof small, n: number): Command {
  const id = ++ids;
  const fresh = { session: freshId(6, id), assignment: freshId(7, id), token: freshId(8, id) };
  const who = { clientId: `client ${n}`, sessionId: null, userId: null, projectId: null };
  return { type: "open", isvId, licenseId, ...who, checkoutPeriod: null, ids: fresh };
}

async function decide(store: Store, commands: readonly Command[], patience?: Patience) {
  return codesOf(await store.transact(commands, workOf(commands), patience));
}

const placeOf = ({ isvId, licenseId }: typeof small) => ({ isvId, licenseId });
const sessionsOn = async (store: Store, { isvId, licenseId }: typeof small) =>
  (await store.read(isvId, licenseId))?.openSessions;
const oneOf = async (sql: string) => Number((await server.query(url, sql, [large.licenseId]))[0]?.n);
const versionsInLog = () => oneOf("SELECT count(*) AS n FROM seatkeeper.changes WHERE license_id = $1");
const versionsFolded = () => oneOf("SELECT folded_to AS n FROM seatkeeper.folds WHERE license_id = $1");

/** Somebody who has locked the large licence against those who fold it (any lock), or read it (FOR UPDATE). */
async function holding(lock: "FOR SHARE" | "FOR UPDATE", on = large): Promise<Client> {
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query("BEGIN");
  await holder.query(`SELECT 1 FROM seatkeeper.folds WHERE license_id = $1 ${lock}`, [on.licenseId]);
  return holder;
}

test("a licence of many pages is known whole, as it was folded and as the log goes on from there", async () => {
  const [first] = opened as [Store];
  await first.tidy();
  await decide(first, [open(large, 1), open(large, 100), { ...placeOf(large), type: "end", id: null }]);
  for (let n = 0; n < 2 * pageRows; n++) await decide(first, [open(large, 200 + n)]);
  const other = await start();
  expect(await decide(other, [open(large, 200)])).toEqual([null]);
  expect(await sessionsOn(other, large)).toBe(2 * pageRows);
  expect(await sessionsOn(first, large)).toBe(2 * pageRows);
});

test("whoever need not wait for a licence of many pages is told which it is, and is served without it", async () => {
  const other = await start();
  const both = [open(small, 1), open(large, 1)];
  const busy = await decide(other, both, "refuses").catch((error: unknown) => error);
  expect(busy).toBeInstanceOf(LicensesBusy);
  expect((busy as LicensesBusy).places).toEqual([placeOf(large)]);
  expect(await decide(other, [open(small, 1)], "refuses")).toEqual([null]);
  expect(await decide(other, both, "waits")).toEqual([null, null]);
  expect(await decide(other, both, "refuses")).toEqual([null, null]);
});

test("several who look at a licence that is not known yet all see it", async () => {
  const other = await start();
  const looks = Array.from({ length: 5 }, () => sessionsOn(other, large));
  expect(await decide(other, [open(large, 0)])).toEqual([null]);
  expect(await Promise.all(looks)).toEqual(looks.map(() => 3 * pageRows));
});

test("however many look at however many large licences, one is read at a time, and others are decided on meanwhile", async () => {
  const [first] = opened as [Store];
  const more = Array.from({ length: 9 }, (_, n) => licenseSetting({ licenseId: freshId(3, 10 + n), tokens: 100 }));
  await first.saveCatalog(more.flatMap(entitiesOf));
  for (const each of more)
    await decide(
      first,
      Array.from({ length: 3 * pageRows }, (_, n) => open(each, n)),
    );
  const other = await start();
  await decide(other, [open(small, 0)]);
  const holder = await holding("FOR UPDATE", more[0] as typeof small);
  const looks = [...more, ...more].map((each) => sessionsOn(other, each));
  for (let n = 0; n < 5; n++) expect(await decide(other, [open(small, 0)])).toEqual([null]);
  const busy = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'seatkeeper' AND state <> 'idle'";
  while ((await server.query(url, busy)).length > 1);
  await holder.end();
  expect(await Promise.all(looks)).toEqual(looks.map(() => 3 * pageRows));
});

test("whoever waits too long for a licence is told to come again, and finds it read then", async () => {
  const other = await start({ takeUpMs: 500 });
  const holder = await holding("FOR UPDATE");
  const told = await decide(other, [open(large, 1)]).catch((error: unknown) => error);
  expect(told).toBeInstanceOf(LicensesBusy);
  await holder.end();
  expect(await decide(other, [open(large, 1)])).toEqual([null]);
});

test("while a licence is being read it is not folded, so that the log goes on from what was read", async () => {
  const [first] = opened as [Store];
  const reader = await holding("FOR SHARE");
  await first.tidy();
  expect(await versionsFolded()).toBe(0);
  await reader.end();
  await first.tidy();
  expect(await versionsFolded()).toBe(3 * pageRows);
});

test("the log is kept for a time, however often it is folded, and then it goes", async () => {
  const [first] = opened as [Store];
  for (let n = 0; n < 4; n++) {
    await decide(first, [open(large, n)]);
    await first.tidy();
  }
  expect(await versionsFolded()).toBe(3 * pageRows + 4);
  expect(await versionsInLog()).toBe(3 * pageRows + 4);
  const brief = await start({ keptMs: 0 });
  for (let n = 0; n < 2; n++) {
    await decide(brief, [open(large, n)]);
    await brief.tidy();
  }
  expect(await versionsInLog()).toBe(1);
});

test("a server that others decide beside keeps up with a licence of many pages, and need not read it again", async () => {
  const [first] = opened as [Store];
  const brief = await start({ keptMs: 0 });
  const other = await start({ keepingUpAfterMs: 0 });
  await decide(other, [open(large, 0)]);
  for (let n = 0; n < 3; n++) {
    await decide(first, [open(large, 20 + n)]);
    await decide(brief, [open(large, 30 + n)]);
    await other.tidy();
    await brief.tidy();
  }
  expect(await versionsInLog()).toBeLessThan(6);
  const holder = await holding("FOR UPDATE");
  expect(await decide(other, [open(large, 0)])).toEqual([null]);
  expect(await sessionsOn(other, large)).toBe(3 * pageRows + 6);
  await holder.end();
});

test("a licence that grows on another server is counted as it is, and makes room by those that nobody uses", async () => {
  const [one, other] = [await start(), await start()];
  await other.read(large.isvId, large.licenseId);
  await decide(
    one,
    Array.from({ length: 50 }, (_, n) => open(large, 100 + n)),
  );
  const put = vi.spyOn(KnownLicenses.prototype, "put");
  expect(await sessionsOn(other, large)).toBe(50 + 3 * pageRows);
  const [counted] = put.mock.lastCall?.[0] ?? [];
  put.mockRestore();
  expect(counted?.size).toBeGreaterThanOrEqual(2 * (50 + 3 * pageRows));
});
