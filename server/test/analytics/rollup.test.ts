/** Counting: where it stands still, who of several servers does it, and what it takes up again. */
import { describe, expect, test } from "vitest";
import { Rollup } from "../../src/analytics/rollup.ts";
import {
  day,
  type HolderUse,
  holderSeries,
  minute,
  quarter,
  type Scope,
  type Tally,
  type Usage,
  usageSeries,
} from "../../src/analytics/tally.ts";
import type { StoredEntity } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { customerIdOf, entitiesOf, freshId, type LicenseSetting, licenseSetting } from "../model/vendor.ts";
import { stepAll } from "../stores/steps.ts";

const setting = licenseSetting({ tokens: 10_000, periodMinutes: 60 });

async function started(): Promise<{ clock: HeldClock; store: Store }> {
  const clock = new HeldClock();
  const store = openMemoryStore(clock);
  await store.saveCatalog(entitiesOf(setting));
  return { clock, store };
}

let ids = 0;
function open({ isvId, licenseId }: LicenseSetting, clientId: string, address?: number): Command {
  const n = ++ids;
  const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  return {
    type: "open",
    isvId,
    licenseId,
    clientId,
    sessionId: null,
    userId: null,
    projectId: null,
    checkoutPeriod: null,
    ids: fresh,
    ...(address !== undefined && { address }),
  };
}

function activate({ isvId, licenseId }: LicenseSetting, clientId: string): Command {
  const n = ++ids;
  const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
  return { type: "activate", isvId, licenseId, clientId, ...nothing, ids: fresh };
}

const series = usageSeries(quarter, "license", setting.licenseId, "floating");
const usageIn = async (store: Store) => (await store.tallies(setting.isvId, series, 0, 1e15, 100)) as Tally<Usage>[];

async function countAll(rollup: Rollup): Promise<number> {
  for (let n = 1; n < 1_000; n++) if (!(await rollup.round())) return n;
  throw new Error("counting does not end");
}

test("more lines at one instant than a round takes do not hold it up", async () => {
  const { clock, store } = await started();
  const rollup = new Rollup(store);
  clock.advance(10_000);
  await countAll(rollup);
  clock.advance(1_000);
  // Each client is activated too: 5,000 lines.
  await stepAll(
    store,
    Array.from({ length: 2_500 }, (_, n) => open(setting, `u${n}`)),
  );
  clock.advance(1_000);
  await countAll(rollup);
  expect((await usageIn(store)).at(-1)?.body).toMatchObject({ level: 2_500, opened: 2_500 });
});

test("the sessions of a licence that ends are counted and saved in pieces, whichever server goes on in the middle", async () => {
  const { clock, store } = await started();
  const saved: number[] = [];
  const watched: Store = {
    ...store,
    async saveTallies(tallies, from, to) {
      saved.push(tallies.length);
      return store.saveTallies(tallies, from, to);
    },
  };
  await stepAll(
    store,
    Array.from({ length: 1_000 }, (_, n) => open(setting, `u${n}`)),
  );
  clock.advance(60 * minute);
  await stepAll(store, [{ type: "sweep", isvId: setting.isvId, licenseId: setting.licenseId }]);
  clock.advance(10_000);
  // Each server has just started, and counts a round of those 1,000 expiries, or of the 2,000 lines before them.
  for (let n = 0; n < 60; n++) await new Rollup(watched).round();
  expect(await store.counted()).toMatchObject({ until: clock.now() - 10_000, lines: 1_000 });
  expect(Math.max(...saved)).toBeLessThan(1_000);
  await countAll(new Rollup(watched));
  expect((await usageIn(store)).map(({ body }) => [body.level, body.opened, body.expired, body.max])).toEqual([
    [1_000, 1_000, 0, 1_000],
    [0, 0, 1_000, 0],
  ]);
});

test("a line is counted once only nothing can be recorded before it any more", async () => {
  const { clock, store } = await started();
  const rollup = new Rollup(store);
  await stepAll(store, [open(setting, "anna")]);
  clock.advance(60 * minute + 10_000);
  // Anna's session is over at the full hour, and nobody has noticed.
  await countAll(rollup);
  expect((await store.counted()).until).toBe(clock.now() - 10_000);
  await stepAll(store, [{ type: "sweep", isvId: setting.isvId, licenseId: setting.licenseId }]);
  await countAll(rollup);
  // What is given back at the very start of a bucket was not in use in it.
  expect((await usageIn(store)).map(({ body }) => [body.level, body.expired, body.max])).toEqual([
    [1, 0, 1],
    [0, 1, 0],
  ]);
});

test("of two servers the one that counted last goes on, and the other takes over when it has fallen behind", async () => {
  const { clock, store } = await started();
  const [one, other] = [new Rollup(store), new Rollup(store)];
  clock.advance(6_000);
  await countAll(one);
  const after = async (ms: number, rollup: Rollup) => {
    clock.advance(ms);
    await stepAll(store, [open(setting, `u${ids}`)]);
    clock.advance(1);
    await countAll(rollup);
    return (await store.counted()).until === clock.now();
  };
  expect(await after(1_000, other)).toBe(false);
  expect(await after(1_000, one)).toBe(true);
  expect(await after(6_000, other)).toBe(true);
  expect(await after(1_000, one)).toBe(false);
  expect(await after(6_000, one)).toBe(true);
  expect((await usageIn(store)).at(-1)?.body).toMatchObject({ level: 5, opened: 5 });
});

test("what could not be saved is counted again, and once", async () => {
  const { clock, store } = await started();
  let isBroken = true;
  const failing: Store = {
    ...store,
    saveTallies: (...told) => (isBroken ? Promise.reject(new Error("disk full")) : store.saveTallies(...told)),
  };
  const rollup = new Rollup(failing);
  await stepAll(store, [open(setting, "anna")]);
  clock.advance(10_000);
  await expect(rollup.round()).rejects.toThrow("disk full");
  isBroken = false;
  await countAll(rollup);
  expect((await usageIn(store))[0]?.body).toMatchObject({ level: 1, opened: 1 });
});

test("a licence that another server has made is looked up before its lines are counted", async () => {
  const { clock, store } = await started();
  const known = store.catalog;
  let isRefreshed = false;
  const behind = Object.create(store, {
    catalog: { get: () => (isRefreshed ? known : { vendor: () => undefined }) },
    read: {
      value: (isvId: string, licenseId: string) => {
        isRefreshed = true;
        return store.read(isvId, licenseId);
      },
    },
  }) as Store;
  await stepAll(store, [open(setting, "anna")]);
  clock.advance(10_000);
  await countAll(new Rollup(behind));
  expect((await usageIn(store))[0]?.body).toMatchObject({ level: 1 });
});

test("what is forgotten leaves the level that goes on", async () => {
  const { clock, store } = await started();
  const rollup = new Rollup(store);
  const lasting = (clientId: string): Command => ({ ...open(setting, clientId), checkoutPeriod: 43_200 }) as Command;
  await stepAll(store, [lasting("anna")]);
  clock.advance(10_000);
  await countAll(rollup);
  clock.advance(20 * day);
  while (await rollup.prune());
  const minutes = usageSeries(minute, "license", setting.licenseId, "floating");
  expect((await store.tallyBefore(setting.isvId, minutes, clock.now()))?.body).toMatchObject({ level: 1 });
  await stepAll(store, [lasting("ben")]);
  clock.advance(10_000);
  await countAll(new Rollup(store));
  expect((await store.tallyBefore(setting.isvId, minutes, clock.now()))?.body).toMatchObject({ level: 2 });
});

test("whoever catches up leaves out old minutes, and goes on with the level that they came to", async () => {
  const { clock, store } = await started();
  const held = { ...open(setting, "anna"), checkoutPeriod: 43_200 } as Command;
  await stepAll(store, [open(setting, "ben")]);
  clock.advance(minute);
  await stepAll(store, [held]);
  clock.advance(20 * day);
  await stepAll(store, [open(setting, "carl")]);
  clock.advance(10_000);
  await countAll(new Rollup(store));
  const minutes = usageSeries(minute, "license", setting.licenseId, "floating");
  const kept = (await store.tallies(setting.isvId, minutes, 0, 1e15, 100)) as Tally<Usage>[];
  const isOld = (start: number) => start < clock.now() - 14 * day;
  // Of three minutes in which something happened three weeks ago the last one; and the one of a moment ago.
  expect(kept.map(({ start, body }) => [isOld(start), body.level])).toEqual([
    [true, 1],
    [false, 2],
  ]);
});

test("an hour in which one session moved by turns counts once, however often it was closed and opened anew", async () => {
  const { clock, store } = await started();
  const rollup = new Rollup(store);
  const { isvId, licenseId } = setting;
  const close: Command = { type: "close", isvId, licenseId, clientId: "anna", sessionId: null, userId: null };
  const turns = [1, 2, 1].map((address) => open(setting, "anna", address));
  const byTurns = async () => {
    await countAll(rollup);
    const uses = (await store.tallies(isvId, holderSeries(day, licenseId), 0, 1e15, 100)) as Tally<HolderUse>[];
    return uses.map(({ body }) => body.byTurns);
  };
  await stepAll(store, [...turns, close, ...turns, close, ...turns, close]);
  clock.advance(1_000);
  expect(await byTurns()).toEqual([1]);
  clock.advance(60 * minute);
  await stepAll(store, [...turns, close]);
  clock.advance(1_000);
  expect(await byTurns()).toEqual([2]);
});

describe("tokens in use are counted for the customer and the product", () => {
  const [own, other] = [customerIdOf(1), customerIdOf(2)];
  const inUse = async (store: Store, scope: Scope, id: string, pool = "floating") => {
    const name = usageSeries(quarter, scope, id, pool);
    const last = (await store.tallyBefore(setting.isvId, name, 1e15)) as Tally<Usage> | undefined;
    return last?.body.level;
  };
  const counted = async (clock: HeldClock, store: Store) => {
    clock.advance(10_000);
    await countAll(new Rollup(store));
  };

  test("where it belonged at first, if it is moved while its lines are being counted; its next one moves them", async () => {
    const { clock, store } = await started();
    const neighbour = { ...setting, licenseId: freshId(5, 2), customerId: other };
    await store.saveCatalog(entitiesOf(neighbour));
    await stepAll(store, [open(setting, "anna"), open(neighbour, "ben")]);
    await counted(clock, store);
    await stepAll(store, [open(setting, "cem")]);
    clock.advance(10_000);
    const moving: Store = {
      ...store,
      async talliesAt(keys) {
        const found = await store.talliesAt(keys);
        const isLast = keys.some(({ start }) => start === null);
        if (isLast) await store.saveCatalog(entitiesOf({ ...setting, customerId: other }));
        return found;
      },
    };
    await countAll(new Rollup(moving));
    expect([await inUse(store, "customer", own), await inUse(store, "customer", other)]).toEqual([2, 1]);
    await stepAll(store, [open(setting, "dora")]);
    await counted(clock, store);
    expect([await inUse(store, "customer", own), await inUse(store, "customer", other)]).toEqual([0, 4]);
  });

  test("to whom the licence went, from its next line on, whoever counts by then", async () => {
    const { clock, store } = await started();
    await stepAll(store, [open(setting, "anna"), open(setting, "ben")]);
    await counted(clock, store);
    await store.saveCatalog(entitiesOf({ ...setting, customerId: other }));
    await stepAll(store, [open(setting, "cem")]);
    await counted(clock, store);
    expect(await inUse(store, "customer", own)).toBe(0);
    expect(await inUse(store, "customer", other)).toBe(3);
    expect(await inUse(store, "product", setting.productId)).toBe(3);
    clock.advance(61 * minute);
    await stepAll(store, [{ type: "sweep", isvId: setting.isvId, licenseId: setting.licenseId }]);
    await counted(clock, store);
    expect([await inUse(store, "customer", own), await inUse(store, "customer", other)]).toEqual([0, 0]);
  });

  test("up to the end of the licence, where its clients had them until then", async () => {
    const named = licenseSetting({ mode: "named", assignable: 5 });
    const clock = new HeldClock();
    const store = openMemoryStore(clock);
    await store.saveCatalog(entitiesOf(named));
    await stepAll(store, [activate(named, "anna"), activate(named, "ben")]);
    await counted(clock, store);
    expect(await inUse(store, "customer", own, "named")).toBe(2);
    const license = entitiesOf(named).find(({ kind }) => kind === "license") as StoredEntity;
    await store.saveCatalog([{ ...license, body: null }]);
    await counted(clock, store);
    const left = [
      await inUse(store, "customer", own, "named"),
      await inUse(store, "product", named.productId, "named"),
      await inUse(store, "vendor", named.isvId, "named"),
    ];
    expect(left).toEqual([0, 0, 0]);
  });

  test("up to their end, of a licence that was deleted before it was counted too", async () => {
    const { clock, store } = await started();
    await stepAll(store, [open(setting, "anna"), open(setting, "ben")]);
    await counted(clock, store);
    clock.advance(61 * minute);
    await stepAll(store, [{ type: "sweep", isvId: setting.isvId, licenseId: setting.licenseId }]);
    const license = entitiesOf(setting).find(({ kind }) => kind === "license") as StoredEntity;
    await store.saveCatalog([{ ...license, body: null }]);
    await counted(clock, store);
    expect(await inUse(store, "customer", own)).toBe(0);
    expect(await inUse(store, "product", setting.productId)).toBe(0);
  });
});

describe("a user who was forgotten", () => {
  const pseudonym = "user-0123456789abcdef";
  const forgotten = (store: Store) => ({
    at: store.now(),
    isvId: setting.isvId,
    author: { keyId: null, name: "olga", onBehalfOf: null },
    act: "user.forgotten" as const,
    kind: "user" as const,
    id: pseudonym,
    before: null,
    after: null,
  });
  const forget = (store: Store) => store.forget(setting.isvId, new Map([["anna", pseudonym]]), forgotten(store));

  async function seenOnce(clock: HeldClock, store: Store) {
    await stepAll(store, [open(setting, "anna")]);
    clock.advance(61 * minute);
    await stepAll(store, [{ type: "sweep", isvId: setting.isvId, licenseId: setting.licenseId }]);
    clock.advance(10_000);
  }

  const sessionsByHolder = async (store: Store) => {
    const rows = await store.tallies(setting.isvId, holderSeries(day, setting.licenseId), 0, 1e15, 10);
    return Object.fromEntries(rows.map(({ part, body }) => [part, (body as HolderUse).sessions]));
  };

  test("and comes back counts from the beginning, although the server has counted their name before", async () => {
    const { clock, store } = await started();
    const rollup = new Rollup(store);
    await seenOnce(clock, store);
    await countAll(rollup);
    await forget(store);
    await seenOnce(clock, store);
    await countAll(rollup);
    expect(await sessionsByHolder(store)).toEqual({ [pseudonym]: 1, anna: 1 });
  });

  test("while their lines were counted is not saved under their name", async () => {
    const { clock, store } = await started();
    let isDue = true;
    const forgetting: Store = {
      ...store,
      async saveTallies(...told) {
        if (isDue) await forget(store);
        isDue = false;
        return store.saveTallies(...told);
      },
    };
    await seenOnce(clock, store);
    const rollup = new Rollup(forgetting);
    await countAll(rollup);
    expect(await sessionsByHolder(store)).toEqual({});
    await countAll(rollup);
    expect(await sessionsByHolder(store)).toEqual({ [pseudonym]: 1 });
  });
});
