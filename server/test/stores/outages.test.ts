/** What an SQLite file's server makes good before it serves, of more sessions than one round takes. */
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { Rollup } from "../../src/analytics/rollup.ts";
import { HeldClock } from "../../src/clock.ts";
import { madeGoodPerRoundMax } from "../../src/core/limits.ts";
import { makeGood } from "../../src/core/step.ts";
import type { Command, LicenseView } from "../../src/core/types.ts";
import { recover } from "../../src/desk/upkeep.ts";
import { openSqliteStore, openSqliteStoreInThread } from "../../src/stores/sqlite/sqlite.ts";
import { Tables } from "../../src/stores/sqlite/tables.ts";
import { type Store, StoreFault } from "../../src/stores/store.ts";
import { entitiesOf, freshId, licenseIdOf, licenseSetting, limitationIdOf } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { stepAll } from "./steps.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
afterEach(() => vi.restoreAllMocks());
let files = 0;

const many = 2 * madeGoodPerRoundMax + 1;
const setting = licenseSetting({ tokens: many });
const { isvId, licenseId } = setting;
const period = 5 * 60_000;
const away = period - 1_000;
const hour = 3_600_000;
const log = { info() {}, warn() {}, error() {} };

/** A file whose server ended with many sessions live, each of which ends at `end`. */
async function leftBehind() {
  const path = `${folder.path}/${++files}.db`;
  const clock = new HeldClock();
  const store = openSqliteStore(path, clock);
  await store.saveCatalog(entitiesOf(setting));
  await stepAll(store, Array.from({ length: many }, openCommand));
  await store.close();
  return { path, last: clock.now(), end: clock.now() + period };
}

function openCommand(_: unknown, n: number): Command {
  const ids = { session: freshId(6, n + 1), assignment: freshId(7, n + 1), token: freshId(8, n + 1) };
  const nobody = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", isvId, licenseId, clientId: `client ${n}`, ...nobody, ids };
}

const licenseOf = async (store: Store) => (await store.read(isvId, licenseId)) as LicenseView;
/** The ends of all sessions, each once, and how many sessions there are. */
const ends = async (store: Store) => {
  const sessions = [...(await licenseOf(store)).sessions()];
  return { ends: [...new Set(sessions.map(({ validUntil }) => validUntil))], sessions: sessions.length };
};
const credits = async (store: Store) =>
  (await store.history(isvId, licenseId, 10 * many)).filter(({ kind }) => kind === "outage.credited").length;

test.each([
  ["here", async (path: string, clock: HeldClock) => openSqliteStore(path, clock)],
  ["in a thread", openSqliteStoreInThread],
])("an outage is credited to all of them, once, with the file %s", async (_, open) => {
  const { path, last, end } = await leftBehind();
  const store = await open(path, new HeldClock(last + away));
  await recover(store, log);
  expect(await ends(store)).toEqual({ ends: [end + away], sessions: many });
  await store.close();
  const next = await open(path, new HeldClock(last + away));
  await recover(next, log);
  expect([await ends(next), await credits(next)]).toEqual([{ ends: [end + away], sessions: many }, 1]);
  await next.close();
});

test("a clock that led is settled for all of them", async () => {
  const { path, last } = await leftBehind();
  const store = openSqliteStore(path, new HeldClock(last - hour));
  await recover(store, log);
  expect(await ends(store)).toEqual({ ends: [last - hour + period], sessions: many });
  await store.close();
});

test("a quota that a clock used up, which led by a year, is whole again once the clock is put right", async () => {
  const path = `${folder.path}/${++files}.db`;
  const rightly = new HeldClock();
  const limits = [{ name: "Docs", value: 10, reset: "month", days: 0, goodwill: 0, isHard: true } as const];
  const metered = licenseSetting({ type: "devices", limits });
  const n = { count: 100 };
  const consume = (): Command => {
    const about = { userId: null, externalId: null, happenedAt: null, transactionId: freshId(14, ++n.count) };
    const wanted = [{ limitationId: limitationIdOf("Docs"), amount: 10_000_000, ...about }];
    return { type: "consume", isvId, licenseId, clientId: "client 0", tokenKey: null, userId: null, wanted };
  };
  const transactions = async (store: Store) =>
    (await stepAll(store, [consume()])).map(({ granted }) => granted?.quotas?.[0]?.transactionId ?? null);
  const led = openSqliteStore(path, new HeldClock(rightly.now() + 365 * 24 * hour));
  await led.saveCatalog(entitiesOf(metered));
  const ids = { session: freshId(6, 1), assignment: freshId(7, 1), token: freshId(8, 1) };
  const nothing = { clientName: null, clientDescription: null, softwareVersion: null };
  await stepAll(led, [{ type: "activate", isvId, licenseId, clientId: "client 0", ...nothing, tokenKey: null, ids }]);
  expect(await transactions(led)).not.toEqual([null]);
  expect(await transactions(led)).toEqual([null]);
  await led.live();
  await led.close();
  const store = openSqliteStore(path, rightly);
  await recover(store, log);
  expect(await transactions(store)).not.toEqual([null]);
  expect(await transactions(store)).toEqual([null]);
  await store.close();
});

test("a server that is killed right after it put a clock right leaves a sign of life by the right one", async () => {
  const { path, last } = await leftBehind();
  const led = openSqliteStore(path, new HeldClock(last + 24 * hour));
  await recover(led, log);
  await led.live();
  await led.close();
  const killed = openSqliteStore(path, new HeldClock(last));
  await recover(killed, log);
  await killed.close();
  const store = openSqliteStore(path, new HeldClock(last + away));
  expect(store.lastInstant).toBe(last);
  await store.close();
});

test("a start tells that analytics counted ahead of a clock that was put right, and count nothing until then", async () => {
  const { path, last } = await leftBehind();
  const led = openSqliteStore(path, new HeldClock(last + 24 * hour));
  const rollup = new Rollup(led);
  for (let isMore = true; isMore; ) {
    await stepAll(led, [{ type: "sweep", isvId, licenseId }]);
    isMore = await rollup.round();
  }
  const { until: countedUntil } = await led.counted();
  expect(countedUntil).toBe(last + 24 * hour);
  await led.live();
  await led.close();
  const told: object[] = [];
  const right = new HeldClock(last);
  const store = openSqliteStore(path, right);
  await recover(store, { ...log, warn: (about) => told.push(about) });
  expect(told).toContainEqual({ countedUntil: new Date(countedUntil).toISOString() });
  await stepAll(store, [openCommand(null, 0)]);
  right.advance(hour);
  expect(await new Rollup(store).round()).toBe(false);
  expect((await store.counted()).until).toBe(countedUntil);
  await store.close();
});

test("a start that fails midway leaves all of it to the next one", async () => {
  const { path, last, end } = await leftBehind();
  const failing = openSqliteStore(path, new HeldClock(last + away));
  const { savePart } = Tables.prototype;
  let parts = 0;
  vi.spyOn(Tables.prototype, "savePart").mockImplementation(function (this: Tables, batch) {
    if (++parts === 3) throw new StoreFault("the disk is full");
    savePart.call(this, batch);
  });
  await expect(recover(failing, log)).rejects.toThrow("the disk is full");
  await failing.close();
  vi.restoreAllMocks();
  const store = openSqliteStore(path, new HeldClock(last + away));
  expect([await ends(store), await credits(store)]).toEqual([{ ends: [end], sessions: many }, 0]);
  await recover(store, log);
  expect([await ends(store), await credits(store)]).toEqual([{ ends: [end + away], sessions: many }, 1]);
  await store.close();
});

test("licences with a session each share the parts in which they are written", async () => {
  const path = `${folder.path}/${++files}.db`;
  const clock = new HeldClock();
  const small = Array.from({ length: 50 }, (_, n) => licenseSetting({ licenseId: licenseIdOf(n + 1) }));
  const before = openSqliteStore(path, clock);
  await before.saveCatalog(small.flatMap(entitiesOf));
  await stepAll(
    before,
    small.map((each, n) => ({ ...openCommand(null, n), isvId: each.isvId, licenseId: each.licenseId })),
  );
  await before.close();
  const store = openSqliteStore(path, new HeldClock(clock.now() + away));
  const parts = vi.spyOn(Tables.prototype, "savePart");
  await recover(store, log);
  expect(parts).toHaveBeenCalledTimes(1);
  for (const each of small) {
    const [session] = (await store.read(each.isvId, each.licenseId))?.sessions() ?? [];
    expect(session?.validUntil).toBe(clock.now() + period + away);
  }
  await store.close();
});

test("memory holds what becomes of one round at a time", async () => {
  const { path, last } = await leftBehind();
  const store = openSqliteStore(path, new HeldClock(last + away));
  const rounds: number[] = [];
  await store.transact([], (licenses, now) => {
    let changes = 0;
    const counting = {
      license: licenses.license.bind(licenses),
      siblings: licenses.siblings.bind(licenses),
      record: licenses.record.bind(licenses),
      gather: licenses.gather.bind(licenses),
      apply: (...told: Parameters<typeof licenses.apply>) => {
        changes++;
        licenses.apply(...told);
      },
    };
    const credit = { type: "credit", isvId, licenseId, from: last, lengthMs: away } as const;
    for (const _ of makeGood(counting, credit, now)) {
      rounds.push(changes);
      changes = 0;
    }
  });
  expect(rounds).toEqual([madeGoodPerRoundMax, madeGoodPerRoundMax, 1, 0]);
  await store.close();
});
