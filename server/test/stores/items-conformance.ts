/**
 * What every store must do with what a licence keeps beside sessions, clients and projects, and with what clients told:
 * quotas, consumptions that can be rolled back, registered users, gathered values.
 */
import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { theServer } from "../../src/catalog/audit.ts";
import { HeldClock } from "../../src/clock.ts";
import { fold } from "../../src/core/names.ts";
import { step } from "../../src/core/step.ts";
import type { Command, Gathered, LicenseView } from "../../src/core/types.ts";
import type { GatheredQuery, Store } from "../../src/stores/store.ts";
import { entitiesOf, freshId, isvIdOf, licenseIdOf, licenseSetting, limitationIdOf } from "../model/vendor.ts";
import { codesOf, stepAll } from "./steps.ts";
import type { StoreUnderTest } from "./under-test.ts";

const isvId = isvIdOf(1);
const limits = ["Docs", "Pages"].map((name) => {
  return { name, value: 10, reset: "month", days: 1, goodwill: 0, isHard: true } as const;
});
const cad = licenseSetting({ licenseId: licenseIdOf(1), limits });
const cam = licenseSetting({ licenseId: licenseIdOf(2), limits });
const place = { isvId, licenseId: cad.licenseId };

export function itemsConformance({ name, open, reopen }: StoreUnderTest): void {
  describe(`${name} keeps what licences keep beside sessions`, () => {
    let clock: HeldClock;
    let store: Store;
    let ids = 0;

    beforeEach(async () => {
      clock = new HeldClock();
      store = await open(clock);
      for (const setting of [cad, cam]) await store.saveCatalog(entitiesOf(setting));
      expect(codesOf(await stepAll(store, [activate(cad.licenseId), activate(cam.licenseId)]))).toEqual([null, null]);
      return () => store.close();
    });

    const fresh = () => ({ session: freshId(6, ++ids), assignment: freshId(7, ids), token: freshId(8, ids) });
    const activate = (licenseId: string): Command => {
      const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
      return { type: "activate", isvId, licenseId, clientId: `anna of ${licenseId}`, ...nothing, ids: fresh() };
    };
    const consume = (licenseId: string, limitation: string, ...amounts: number[]): Command => ({
      type: "consume",
      isvId,
      licenseId,
      clientId: `anna of ${licenseId}`,
      tokenKey: null,
      userId: "Anna",
      wanted: amounts.map((units, n) => ({
        limitationId: limitationIdOf(limitation),
        amount: units * 1_000_000,
        userId: n === 1 ? "Ben" : null,
        externalId: "order \u{1f511} 7",
        happenedAt: 1_700_000_000_000,
        transactionId: freshId(14, ++ids),
      })),
    });
    const rollBack = (limitation: string, transactionId: string): Command => {
      return { type: "consumption.rollback", ...place, limitationId: limitationIdOf(limitation), transactionId };
    };
    const putUser = (userId: string, isActive: boolean | null = null, licenseId = cad.licenseId): Command => {
      return { type: "user.put", isvId, licenseId, userId, name: `${userId} B.`, isActive, isNew: true };
    };
    const tell = (...texts: string[]): Command => ({
      type: "gather",
      kind: "analytical",
      ...place,
      clientId: `anna of ${cad.licenseId}`,
      tokenKey: null,
      userId: null,
      values: [{ subjectId: freshId(15, 1), moduleId: freshId(15, 2), texts, amount: null, happenedAt: null }],
    });
    const restart = async () => {
      if (reopen !== undefined) store = await reopen(store, clock);
    };
    const view = async (licenseId = cad.licenseId) => (await store.read(isvId, licenseId)) as LicenseView;
    const used = async (limitation: string, licenseId = cad.licenseId) =>
      ((await view(licenseId)).quota(limitationIdOf(limitation))?.used ?? 0) / 1_000_000;
    const everything = async () => {
      const items = await Promise.all([cad, cam].map(async ({ licenseId }) => [...(await view(licenseId)).items()]));
      return items.map((all) => all.sort((a, b) => (a.kind + a.key < b.kind + b.key ? -1 : 1)));
    };
    const query = (more: Partial<GatheredQuery> = {}): GatheredQuery => {
      const all = { licenseId: null, kind: null, clientId: null, subjectId: null, from: null, to: null };
      return { isvId, ...all, offset: 0, limit: 100, ...more };
    };
    const gathered = async (more: Partial<GatheredQuery> = {}) => (await store.gathered(query(more))).items;

    test("quotas, consumptions and users are what was decided, also after a restart", async () => {
      const outcomes = await stepAll(store, [
        consume(cad.licenseId, "Docs", 3, 8, 7),
        consume(cam.licenseId, "Docs", 1),
        putUser("Anna"),
        putUser("Ben", false),
      ]);
      expect(codesOf(outcomes)).toEqual([null, null, null, null]);
      const transactions = outcomes[0]?.granted?.quotas.map(({ transactionId }) => transactionId) ?? [];
      expect(transactions.map((id) => id !== null)).toEqual([true, false, true]);
      const before = await everything();
      await restart();
      expect(await everything()).toEqual(before);
      expect([await used("Docs"), await used("Pages"), await used("Docs", cam.licenseId)]).toEqual([10, 0, 1]);
      expect([(await view()).activeUsers, (await view()).userCount]).toEqual([1, 2]);
      expect(codesOf(await stepAll(store, [rollBack("Docs", transactions[0] as string)]))).toEqual([null]);
      await restart();
      expect(await used("Docs")).toBe(7);
      expect((await view()).consumption(transactions[0] as string)).toBeUndefined();
      expect((await view()).consumption(transactions[2] as string)?.amount).toBe(7_000_000);
    });

    test("of a consumption that was given back in part the rest is rolled back", async () => {
      const [outcome] = await stepAll(store, [consume(cad.licenseId, "Docs", 4, -1, 2)]);
      const [transaction] = outcome?.granted?.quotas.map(({ transactionId }) => transactionId as string) ?? [];
      expect(codesOf(await stepAll(store, [rollBack("Docs", transaction as string)]))).toEqual([null]);
      const before = await everything();
      await restart();
      expect(await everything()).toEqual(before);
      expect(await used("Docs")).toBe(2);
      expect((await view()).consumption(transaction as string)?.amount).toBe(1_000_000);
      const commands = [rollBack("Docs", transaction as string), consume(cad.licenseId, "Docs", -3, -2)];
      const [again, back] = await stepAll(store, commands);
      expect(again?.denial?.code).toBe("transaction_unknown");
      expect(back?.granted?.quotas.map(({ transactionId }) => transactionId !== null)).toEqual([false, true]);
      expect(await used("Docs")).toBe(0);
    });

    test("of a limitation's consumptions the newest thousand can be rolled back", async () => {
      const many = { name: "Docs", value: null, days: 1, goodwill: 0, isHard: true } as const;
      await store.saveCatalog(entitiesOf({ ...cad, limits: [{ ...many, reset: "lifecycle" }] }));
      const first = await stepAll(store, [consume(cad.licenseId, "Docs", 1, 2)]);
      const [oldest, second] = first[0]?.granted?.quotas.map(({ transactionId }) => transactionId as string) ?? [];
      const ones = Array.from({ length: 999 }, () => 1);
      await stepAll(store, [consume(cad.licenseId, "Docs", ...ones)]);
      await restart();
      expect([...(await view()).consumptions(limitationIdOf("Docs"))]).toHaveLength(1_000);
      const commands = [rollBack("Docs", oldest as string), rollBack("Docs", second as string)];
      expect(codesOf(await stepAll(store, commands))).toEqual(["transaction_unknown", null]);
      expect(await used("Docs")).toBe(1_000);
    });

    test("places in the queue keep their order over a restart, and the sweep finds those that are lost", async () => {
      const open = (clientId: string, waitMs: number | null = null): Command => {
        const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
        return { type: "open", ...place, clientId, waitMs, ...nothing, ids: fresh() };
      };
      const waiting = async () =>
        [...(await view()).tickets()].toSorted((a, b) => a.no - b.no).map(({ clientId }) => clientId);
      await stepAll(store, [open("a"), open("b"), open("first", 10_000)]);
      await stepAll(store, [open("second", 30_000), open("third", 30_000), open("first", 30_000)]);
      expect(await waiting()).toEqual(["first", "second", "third"]);
      await restart();
      expect(await waiting()).toEqual(["first", "second", "third"]);
      const close = { type: "close", ...place, clientId: "a", sessionId: null, userId: null } as const;
      const failing = store.transact([close], (licenses, now) => {
        for (const command of [close, open("first")]) expect(step(licenses, command, now).denial).toBeNull();
        throw new Error("the work failed");
      });
      await expect(failing).rejects.toThrow("the work failed");
      expect(await waiting()).toEqual(["first", "second", "third"]);
      expect(codesOf(await stepAll(store, [close, open("second"), open("first"), open("third", 1_000)]))).toEqual([
        null,
        "tokens_exhausted",
        null,
        "tokens_exhausted",
      ]);
      await restart();
      expect(await waiting()).toEqual(["second", "third"]);
      clock.advance(45_000);
      await store.live();
      expect(await store.dueLicenses(clock.now(), 10, null)).toMatchObject([{ licenseId: cad.licenseId }]);
      expect(await store.settledUntil()).toBeLessThanOrEqual(clock.now());
      await stepAll(store, [{ type: "sweep", ...place }]);
      expect(await waiting()).toEqual([]);
      await restart();
      expect(await waiting()).toEqual([]);
      expect(await store.dueLicenses(clock.now(), 10, null)).toEqual([]);
    });

    test("a licence in which somebody waits is one of those that an outage or a clock concerns, on whoever names them", async () => {
      const open = (clientId: string, waitMs: number | null = null): Command => {
        const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
        return { type: "open", ...place, clientId, waitMs, ...nothing, ids: fresh() };
      };
      const close = (clientId: string) =>
        ({ type: "close", ...place, clientId, sessionId: null, userId: null }) as const;
      await stepAll(store, [open("a"), open("b"), open("c", 30_000), close("a"), close("b")]);
      expect([(await view()).openSessions, (await view()).ticketCount]).toEqual([0, 1]);
      if (store.liveLicenses().length > 0) expect(store.liveLicenses()).toMatchObject([{ licenseId: cad.licenseId }]);
      else expect(store.lanes).toBeGreaterThan(1);
    });

    test("nothing is kept where the work throws, and what follows counts rightly", async () => {
      const kept = await stepAll(store, [consume(cad.licenseId, "Docs", 2), putUser("Anna")]);
      const transactionId = kept[0]?.granted?.quotas[0]?.transactionId as string;
      const [before, told] = [await everything(), await gathered()];
      const commands: Command[] = [
        consume(cad.licenseId, "Docs", 1, 1),
        rollBack("Docs", transactionId),
        { type: "quota.reset", ...place, limitationId: limitationIdOf("Docs") },
        consume(cad.licenseId, "Docs", 5),
        putUser("Ben"),
        { type: "user.delete", ...place, userId: "anna" },
        tell("wide"),
      ];
      const work = store.transact(commands, (licenses, now) => {
        for (const command of commands) expect(step(licenses, command, now).denial).toBeNull();
        throw new Error("the work failed");
      });
      await expect(work).rejects.toThrow("the work failed");
      expect(await everything()).toEqual(before);
      expect(await gathered()).toEqual(told);
      expect(await store.licensesOfItem(isvId, "user", "ben")).toEqual([]);
      expect(await store.licensesOfItem(isvId, "user", "anna")).toEqual([cad.licenseId]);
      expect(codesOf(await stepAll(store, [rollBack("Docs", transactionId), putUser("Anna")]))).toEqual([
        null,
        "user_known",
      ]);
      expect(await used("Docs")).toBe(0);
    });

    test("a new period drops what the old one had", async () => {
      await stepAll(store, [consume(cad.licenseId, "Docs", 1, 2, 3)]);
      clock.advance(31 * 24 * 3_600_000);
      await store.live();
      await stepAll(store, [consume(cad.licenseId, "Docs", 4)]);
      await restart();
      expect(await used("Docs")).toBe(4);
      expect([...(await view()).items()].filter(({ kind }) => kind === "consumption")).toHaveLength(1);
    });

    test("licences are found by transaction and by user, of their own vendor alone", async () => {
      const other = { ...cad, isvId: isvIdOf(2) };
      await store.saveCatalog(entitiesOf(other));
      const [outcome] = await stepAll(store, [consume(cam.licenseId, "Docs", 1)]);
      const transactionId = outcome?.granted?.quotas[0]?.transactionId as string;
      await stepAll(store, [putUser("Anna"), putUser("ANNA", null, cam.licenseId)]);
      await stepAll(store, [{ ...putUser("Anna"), isvId: isvIdOf(2) }]);
      await restart();
      expect(await store.licensesOfItem(isvId, "consumption", transactionId)).toEqual([cam.licenseId]);
      expect(await store.licensesOfItem(isvIdOf(2), "consumption", transactionId)).toEqual([]);
      expect([...(await store.licensesOfItem(isvId, "user", "anna"))].sort()).toEqual([cad.licenseId, cam.licenseId]);
      await stepAll(store, [{ type: "user.delete", ...place, userId: "Anna" }]);
      expect(await store.licensesOfItem(isvId, "user", "anna")).toEqual([cam.licenseId]);
    });

    test("what clients told is found newest first, by each of its marks, page by page", async () => {
      await stepAll(store, [tell("wide", "\u{1f511}")]);
      clock.advance(1_000);
      const from = clock.now();
      const [outcome] = await stepAll(store, [consume(cad.licenseId, "Docs", 1, 50)]);
      await stepAll(store, [consume(cam.licenseId, "Pages", 2)]);
      await restart();
      const all = await gathered();
      expect(all.map(({ kind, amount }) => [kind, amount])).toEqual([
        ["consumption", 2_000_000],
        ["consumption", 50_000_000],
        ["consumption", 1_000_000],
        ["analytical", null],
      ]);
      const about = { kind: "consumption", isvId, licenseId: cad.licenseId, clientId: `anna of ${cad.licenseId}` };
      const consumption: Gathered = {
        at: from,
        ...about,
        kind: "consumption",
        userId: "Ben",
        subjectId: limitationIdOf("Docs"),
        moduleId: null,
        texts: [],
        amount: 50_000_000,
        transactionId: null,
        externalId: "order \u{1f511} 7",
        happenedAt: 1_700_000_000_000,
      };
      expect(all[1]).toEqual(consumption);
      expect(all[2]?.transactionId).toBe(outcome?.granted?.quotas[0]?.transactionId);
      expect(all[3]).toMatchObject({ texts: ["wide", "\u{1f511}"], moduleId: freshId(15, 2), userId: null });
      const amounts = async (more: Partial<GatheredQuery>) => (await gathered(more)).map(({ amount }) => amount);
      expect(await amounts({ licenseId: cam.licenseId })).toEqual([2_000_000]);
      expect(await amounts({ kind: "analytical" })).toEqual([null]);
      expect(await amounts({ subjectId: limitationIdOf("Docs") })).toEqual([50_000_000, 1_000_000]);
      expect(await amounts({ clientId: `anna of ${cam.licenseId}` })).toEqual([2_000_000]);
      expect(await amounts({ to: from })).toEqual([null]);
      expect(await amounts({ from, kind: "analytical" })).toEqual([]);
      expect(await amounts({ offset: 1, limit: 2 })).toEqual([50_000_000, 1_000_000]);
      expect((await store.gathered(query({ offset: 3, limit: 2 }))).total).toBe(4);
      expect((await store.gathered(query({ isvId: isvIdOf(2) }))).total).toBe(0);
    });

    test("what clients told is forgotten by its age, slice by slice", async () => {
      await stepAll(store, [tell("a"), tell("b"), tell("c")]);
      clock.advance(1_000);
      await stepAll(store, [tell("d")]);
      const until = { history: 0, people: 0, minutes: 0, sums: 0, gathered: clock.now(), gatheredOfVendor: 9 };
      for (let rounds = 0; await store.prune(until, 2); rounds++) expect(rounds).toBeLessThan(4);
      await restart();
      expect((await gathered()).map(({ texts }) => texts)).toEqual([["d"]]);
    });

    test("of what clients told so many values of each vendor are kept, whatever others' clients tell", async () => {
      await store.saveCatalog(entitiesOf({ ...cad, isvId: isvIdOf(2) }));
      const ofOther = (command: Command): Command => ({ ...command, isvId: isvIdOf(2) });
      await stepAll(store, [ofOther(activate(cad.licenseId)), ofOther(tell("x"))]);
      await stepAll(store, [tell("a"), tell("b")]);
      await restart();
      await stepAll(store, [tell("c"), tell("d"), tell("e")]);
      const until = { history: 0, people: 0, minutes: 0, sums: 0, gathered: 0, gatheredOfVendor: 2 };
      for (let rounds = 0; await store.prune(until, 2); rounds++) expect(rounds).toBeLessThan(4);
      expect((await gathered()).map(({ texts }) => texts)).toEqual([["e"], ["d"]]);
      expect((await gathered({ isvId: isvIdOf(2) })).map(({ texts }) => texts)).toEqual([["x"]]);
    });

    test("a deleted licence takes along what it kept, and what was told of it stays", async () => {
      await stepAll(store, [consume(cad.licenseId, "Docs", 1), putUser("Anna")]);
      const license = entitiesOf(cad).find(({ kind }) => kind === "license");
      if (license === undefined) throw new Error("the setting makes no licence");
      await store.saveCatalog([{ ...license, body: null }]);
      expect(await store.licensesOfItem(isvId, "user", "anna")).toEqual([]);
      await store.saveCatalog(entitiesOf(cad));
      await restart();
      expect([...(await view()).items()]).toEqual([]);
      expect(await gathered({ licenseId: cad.licenseId })).toHaveLength(1);
    });

    test("what a client tells while it is being forgotten is not kept under its name", async () => {
      const name = `anna of ${cad.licenseId}`;
      for (let turns = 0; turns < 5; turns++) {
        await stepAll(store, [activate(cad.licenseId)]);
        await stepAll(store, [tell("before")]);
        const about = {
          act: "user.forgotten",
          kind: "user",
          id: `forgotten-${turns}`,
          before: null,
          after: null,
        } as const;
        const line = { at: clock.now(), isvId, author: theServer, ...about };
        const forgetting = store.forget(isvId, new Map([[fold(name), `forgotten-${turns}`]]), line);
        for (let n = 0; n < turns; n++) await setImmediate();
        await Promise.all([forgetting, stepAll(store, [tell("meanwhile")])]);
        expect((await gathered({ clientId: name })).map(({ texts }) => texts)).toEqual([]);
      }
    });

    test("a user who is forgotten leaves no name in it", async () => {
      const [outcome] = await stepAll(store, [
        consume(cad.licenseId, "Docs", 1, 2),
        putUser("Anna"),
        putUser("Ben"),
        tell("wide"),
      ]);
      // The edition has none of its limitations any more; what was consumed of them is kept all the same.
      const bare = entitiesOf({ ...cad, limits: [] });
      await store.saveCatalog(bare);
      const names = new Map([["anna", "forgotten-1"]]);
      const about = { act: "user.forgotten", kind: "user", id: "forgotten-1", before: null, after: null } as const;
      await store.forget(isvId, names, { at: clock.now(), isvId, author: theServer, ...about });
      await store.saveCatalog(entitiesOf(cad));
      await restart();
      expect([...(await view()).users()].map(({ userId }) => userId)).toEqual(["Ben"]);
      expect(await store.licensesOfItem(isvId, "user", "anna")).toEqual([]);
      expect(await used("Docs")).toBe(3);
      const [first] = outcome?.granted?.quotas.map(({ transactionId }) => transactionId as string) ?? [];
      expect((await view()).consumption(first as string)?.userId).toBe("forgotten-1");
      expect((await gathered()).map(({ userId }) => userId)).toEqual([null, "Ben"]);
    });
  });
}
