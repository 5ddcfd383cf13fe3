/**
 * What every store must do, from the contract in `stores/store.ts`. A new store is held to all of it by one call:
 * `storeConformance("name", { open, reopen })`. Stores know no rule, so the few rules used here are of the simplest.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { StoredEntity } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import { type Licenses, type Outcome, step } from "../../src/core/step.ts";
import type { Command, LicenseView, Millis, Session } from "../../src/core/types.ts";
import type { DenialQuery, Store } from "../../src/stores/store.ts";
import {
  customerIdOf,
  entitiesOf,
  freshId,
  isvIdOf,
  type LicenseSetting,
  licenseIdOf,
  licenseSetting,
  productIdOf,
} from "../model/vendor.ts";

const projectId = (n: number) => freshId(10, n);

export interface StoreUnderTest {
  /** An empty store. */
  readonly open: (clock: HeldClock) => Promise<Store>;
  /** Closes a store and opens what it left behind; absent where nothing is left behind. */
  readonly reopen?: (store: Store, clock: HeldClock) => Promise<Store>;
}

const isvId = isvIdOf(1);
const productId = productIdOf(1);
const cad = licenseSetting({ licenseId: licenseIdOf(1), tokens: 2 });
const cam = licenseSetting({ licenseId: licenseIdOf(2), tokens: 2 });
const devices = licenseSetting({ licenseId: licenseIdOf(3), type: "devices", activatesOnOpen: true });
const reven = licenseSetting({ licenseId: licenseIdOf(6), type: "projects", mono: 1, team: 1, allowsSwitch: true });
const all = [cad, cam, devices, reven];
const period = 5 * 60_000;

export function storeConformance(name: string, { open, reopen }: StoreUnderTest): void {
  // A store that is gone with its process promises nothing over a restart: these are then no tests of it.
  const ifLasting: (title: string, run: () => Promise<void>) => void = reopen === undefined ? () => {} : test;

  describe(`${name} keeps the contract of a store`, () => {
    let clock: HeldClock;
    let store: Store;
    let ids = 0;

    beforeEach(async () => {
      clock = new HeldClock();
      store = await open(clock);
      for (const setting of all) await store.saveCatalog(entitiesOf(setting));
      return () => store.close();
    });

    const openCommand = (
      setting: LicenseSetting,
      clientId: string,
      more: Partial<Extract<Command, { type: "open" }>> = {},
    ): Command => {
      const n = ++ids;
      const place = { isvId: setting.isvId, licenseId: setting.licenseId };
      const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
      return {
        type: "open",
        ...place,
        clientId,
        sessionId: null,
        userId: null,
        projectId: null,
        checkoutPeriod: null,
        ids: fresh,
        ...more,
      };
    };
    const closeCommand = (setting: LicenseSetting, clientId: string): Command => {
      const { licenseId } = setting;
      return { type: "close", isvId: setting.isvId, licenseId, clientId, sessionId: null, userId: null };
    };
    const act = (command: Command): Promise<Outcome> => store.transact((licenses, now) => step(licenses, command, now));
    const read = (setting: LicenseSetting): LicenseView => {
      const license = store.read(setting.isvId, setting.licenseId);
      if (license === undefined) throw new Error(`the store has no licence ${setting.licenseId}`);
      return license;
    };

    /** Everything that can be seen of the store from outside. */
    const everything = async () => {
      const licenses = all.map((setting) => {
        const license = read(setting);
        const known: Session[] = [...license.sessions()];
        return {
          terms: license.terms,
          sessions: known.sort((a, b) => (a.id < b.id ? -1 : 1)),
          assignments: [...license.assignments()].sort((a, b) => (a.id < b.id ? -1 : 1)),
          counts: [license.openSessions, license.holders, license.assigned, license.clients],
          projects: [...license.projects()].sort((a, b) => (a.id < b.id ? -1 : 1)),
          pools: [license.attended("mono"), license.attended("team"), license.projectCount],
          attendance: [...license.attendedProjects()].sort().map((id) => [
            id,
            license
              .sessionsOfProject(id)
              .map((session) => session.id)
              .sort(),
          ]),
          byProject: [1, 2, 3].map((n) => license.project(projectId(n))),
          byName: ["one", "two", "three"].map((name) => license.projectNamed(name)),
          nextFreeAt: license.nextFreeAt(),
          due: license
            .due(Number.MAX_SAFE_INTEGER, 1_000)
            .map(({ id }) => id)
            .sort(),
          byHolder: known.map(({ holder }) => license.sessionsOfHolder(holder)),
          byClient: known.map(({ clientKey }) =>
            license
              .sessionsOfClient(clientKey)
              .map(({ id }) => id)
              .sort(),
          ),
          byKey: known.map(({ key }) => license.session(key)),
        };
      });
      const found = ["anna", "ben", "d1"].map((client) => ({
        byClient: store.licensesOfClient(isvId, productId, client).map(({ terms }) => terms.licenseId),
        byUser: store
          .assignmentsOfUser(isvId, productId, client)
          .map(({ licenseId, assignment }) => [licenseId, assignment.id]),
      }));
      const history = await Promise.all(all.map((setting) => store.history(isvId, setting.licenseId, 1_000)));
      const live = store
        .liveLicenses()
        .map(({ licenseId }) => licenseId)
        .sort();
      const ofProjects = [1, 2, 3].map((n) => store.licenseOfProject(isvId, projectId(n))?.terms.licenseId);
      return structuredClone({ licenses, found, ofProjects, history, denials: await store.denials(query()), live });
    };

    const query = (more: Partial<DenialQuery> = {}): DenialQuery => {
      const all = { isvId, licenseId: null, clientId: null, from: null, to: null, offset: 0, limit: 100 };
      return { ...all, ...more };
    };

    describe("a transaction", () => {
      test("answers with what the work returned, and keeps what it changed", async () => {
        const outcome = await act(openCommand(cad, "anna"));
        expect(outcome.granted?.session?.validUntil).toBe(clock.now() + period);
        expect(read(cad).openSessions).toBe(1);
      });

      test("runs the work exactly once", async () => {
        let runs = 0;
        expect(await store.transact(() => ++runs)).toBe(1);
        expect(runs).toBe(1);
      });

      test("lets a later command of the same work see what an earlier one changed", async () => {
        const outcomes = await store.transact((licenses, now) =>
          ["anna", "ben", "carl"].map((client) => step(licenses, openCommand(cad, client), now).denial?.code ?? null),
        );
        expect(outcomes).toEqual([null, null, "tokens_exhausted"]);
      });

      test("keeps nothing when the work throws, whatever it had done before", async () => {
        await act(openCommand(cad, "anna", { sessionId: freshId(9, 1) }));
        await act(openCommand(devices, "d1"));
        await act(openCommand(cad, "ben"));
        await act({ type: "end", isvId, licenseId: cad.licenseId, id: null });
        clock.advance(1_000);
        await act(openCommand(cad, "anna"));
        const before = await everything();
        const token = [...read(devices).assignments()][0]?.tokenKey as string;

        clock.advance(1_000);
        const work = (licenses: Licenses, now: Millis): never => {
          step(licenses, openCommand(cad, "anna"), now); // extends
          step(licenses, openCommand(cad, "anna"), now); // and once more
          step(licenses, closeCommand(cad, "anna"), now); // closes what was there before
          step(licenses, openCommand(cad, "anna"), now); // opens it anew
          step(licenses, openCommand(cad, "dora", { userId: "ben" }), now); // a new client of a known user
          step(licenses, closeCommand(cad, "dora"), now);
          step(licenses, openCommand(cam, "anna"), now); // another licence
          step(licenses, openCommand(cam, "carl"), now); // … and a denial, with its line of history
          step(licenses, openCommand(cam, "eve"), now);
          step(licenses, { type: "unassign", isvId, licenseId: devices.licenseId, tokenKey: token }, now);
          throw new Error("the work failed");
        };
        await expect(store.transact(work)).rejects.toThrow("the work failed");
        clock.advance(0);
        expect(await everything()).toEqual(before);
      });

      test("keeps nothing when the work throws after it released what was over", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cad, "ben", { checkoutPeriod: 60 }));
        const before = await everything();
        clock.advance(period);
        const work = (licenses: Licenses, now: Millis): never => {
          step(licenses, { type: "sweep", isvId, licenseId: cad.licenseId }, now);
          throw new Error("the work failed");
        };
        await expect(store.transact(work)).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
      });

      test("is followed by others as if the failed one had never been", async () => {
        const failed = store.transact((licenses, now) => {
          step(licenses, openCommand(cad, "anna"), now);
          throw new Error("the work failed");
        });
        await expect(failed).rejects.toThrow("the work failed");
        const outcome = await act(openCommand(cad, "ben"));
        expect(outcome.granted?.session?.peakHolders).toBe(1);
        if (reopen !== undefined) store = await reopen(store, clock);
        expect([...read(cad).sessions()].map(({ clientId }) => clientId)).toEqual(["ben"]);
        expect([...read(cad).assignments()].map(({ clientId }) => clientId)).toEqual(["ben"]);
      });

      test("sees no licence of an unknown id, and records the denial all the same", async () => {
        const outcome = await act({ ...openCommand(cad, "anna"), licenseId: licenseIdOf(99) });
        expect(outcome.denial?.code).toBe("license_unknown");
        expect((await store.history(isvId, licenseIdOf(99), 10)).map(({ denial }) => denial)).toEqual([
          "license_unknown",
        ]);
        expect((await store.denials(query({ licenseId: licenseIdOf(99) }))).total).toBe(1);
      });
    });

    describe("time", () => {
      test("is told by the clock, once a transaction", async () => {
        const told = await store.transact((_licenses, now) => {
          clock.advance(1_000);
          return [now, now];
        });
        expect(told).toEqual([clock.now() - 1_000, clock.now() - 1_000]);
        expect(store.now()).toBe(clock.now());
      });

      ifLasting("does not go back over a restart by a clock that is a little behind", async () => {
        clock.advance(30_000);
        await act(openCommand(cad, "anna"));
        const last = clock.now();
        store = await (reopen as NonNullable<typeof reopen>)(store, new HeldClock(last - 30_000));
        expect(store.lastInstant).toBe(last);
        expect(store.now()).toBe(last);
        expect(await store.transact((_licenses, now) => now)).toBe(last);
      });

      ifLasting("follows a clock that was set back by more than a minute, so that nothing freezes", async () => {
        clock.advance(3_600_000);
        await act(openCommand(cad, "anna"));
        const last = clock.now();
        store = await (reopen as NonNullable<typeof reopen>)(store, new HeldClock(last - 3_600_000));
        expect(store.lastInstant).toBe(last);
        expect(store.now()).toBe(last - 3_600_000);
      });

      test("of a store in which nothing happened has no last instant", async () => {
        const empty = await open(clock);
        expect(empty.lastInstant).toBeNull();
        await empty.close();
      });
    });

    describe("the catalogue", () => {
      test("shows what was saved", () => {
        const vendor = store.catalog.vendor(isvId);
        expect([...(vendor?.licenses.keys() ?? [])].sort()).toEqual(all.map(({ licenseId }) => licenseId));
        expect(vendor?.editions.size).toBe(4);
        expect(store.read(isvId, licenseIdOf(99))).toBeUndefined();
        expect(store.read(isvIdOf(99), cad.licenseId)).toBeUndefined();
      });

      test("gives licences their new terms at once, and leaves their sessions alone", async () => {
        await act(openCommand(cad, "anna"));
        await store.saveCatalog(entitiesOf({ ...cad, tokens: 7 }));
        expect(read(cad).terms.floatingTokenLimit).toBe(7);
        expect(read(cad).openSessions).toBe(1);
        expect(read(cam).terms.floatingTokenLimit).toBe(2);
      });

      test("gives licences the terms of an edition that is saved alone", async () => {
        const edition = entitiesOf({ ...cad, periodMinutes: 9 }).filter(({ kind }) => kind === "edition");
        await store.saveCatalog(edition);
        expect(read(cad).terms.sessionPeriodMs).toBe(9 * 60_000);
      });

      test("is saved whole or not at all", async () => {
        const good = entitiesOf({ ...cad, tokens: 7 });
        const orphan = entitiesOf(licenseSetting({ licenseId: licenseIdOf(4) })).filter(
          ({ kind }) => kind === "license",
        );
        await expect(store.saveCatalog([...good, ...orphan])).rejects.toThrow();
        expect(read(cad).terms.floatingTokenLimit).toBe(2);
        expect(store.read(isvId, licenseIdOf(4))).toBeUndefined();
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(read(cad).terms.floatingTokenLimit).toBe(2);
        expect(store.read(isvId, licenseIdOf(4))).toBeUndefined();
      });

      test("remembers what the tenant file last said", async () => {
        const entities = entitiesOf(cad).map((entity): StoredEntity => ({ ...entity, applied: { from: entity.kind } }));
        expect(store.applied(isvId, "license", cad.licenseId)).toBeNull();
        await store.saveCatalog(entities);
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(store.applied(isvId, "license", cad.licenseId)).toEqual({ from: "license" });
        expect(store.applied(isvId, "license", cam.licenseId)).toBeNull();
      });

      test("keeps vendors with the same ids everywhere apart", async () => {
        const other = { ...cad, isvId: isvIdOf(2), tokens: 1 };
        await store.saveCatalog(entitiesOf(other));
        await act(openCommand(cad, "anna"));
        await act(openCommand(other, "ben"));
        await act(openCommand(other, "carl"));
        if (reopen !== undefined) store = await reopen(store, clock);
        expect([...read(cad).sessions()].map(({ clientId }) => clientId)).toEqual(["anna"]);
        expect([...read(other).sessions()].map(({ clientId }) => clientId)).toEqual(["ben"]);
        expect(read(cad).terms.floatingTokenLimit).toBe(2);
        expect(store.licensesOfClient(isvIdOf(2), productId, "anna")).toEqual([]);
        expect((await store.history(isvIdOf(2), cad.licenseId, 10)).map(({ clientId }) => clientId)).toEqual([
          "ben",
          "ben",
          "carl",
        ]);
        expect((await store.denials(query())).total).toBe(0);
        expect((await store.denials(query({ isvId: isvIdOf(2) }))).total).toBe(1);
      });
    });

    describe("look-ups", () => {
      test("find the licences of a client, those that hold a token for it first", async () => {
        await act(openCommand(cad, "Anna"));
        await act(openCommand(cam, "anna"));
        const token = [...read(cad).assignments()][0]?.tokenKey as string;
        await act({ type: "unassign", isvId, licenseId: cad.licenseId, tokenKey: token });
        const found = () => store.licensesOfClient(isvId, productId, "ANNA").map(({ terms }) => terms.licenseId);
        expect(found()).toEqual([cam.licenseId, cad.licenseId]);
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(found()).toEqual([cam.licenseId, cad.licenseId]);
        expect(store.licensesOfClient(isvId, productIdOf(2), "anna")).toEqual([]);
        expect(store.licensesOfClient(isvId, productId, "nobody")).toEqual([]);
      });

      test("tell devices apart exactly", async () => {
        await act(openCommand(devices, "d1"));
        expect(store.licensesOfClient(isvId, productId, "d1")).toHaveLength(1);
        expect(store.licensesOfClient(isvId, productId, "D1")).toHaveLength(0);
      });

      test("find the licence of a token", async () => {
        await act(openCommand(cad, "anna"));
        const token = [...read(cad).assignments()][0]?.tokenKey as string;
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(store.licenseOfToken(isvId, token)?.terms.licenseId).toBe(cad.licenseId);
        expect(store.licenseOfToken(isvIdOf(2), token)).toBeUndefined();
        expect(store.licenseOfToken(isvId, freshId(8, 0))).toBeUndefined();
      });

      test("find the assignments of a user, however it is written, and follow it to another user", async () => {
        await act(openCommand(cad, "laptop", { userId: "Anna@Factor.com" }));
        await act(openCommand(cam, "desktop", { userId: " anna@factor.com" }));
        const found = (user: string) =>
          store
            .assignmentsOfUser(isvId, productId, user)
            .map(({ licenseId }) => licenseId)
            .sort();
        expect(found("ANNA@factor.com")).toEqual([cad.licenseId, cam.licenseId]);
        await act(closeCommand(cad, "laptop"));
        await act(openCommand(cad, "laptop", { userId: "ben", sessionId: freshId(9, 1) }));
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(found("anna@factor.com")).toEqual([cam.licenseId]);
        expect(found("ben")).toEqual([cad.licenseId]);
        expect(store.assignmentsOfUser(isvId, productIdOf(2), "ben")).toEqual([]);
      });

      test("name the licences with something over, at most as many as asked for", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cam, "anna"));
        await act(openCommand(devices, "d1", { checkoutPeriod: 60 }));
        const due = (limit: number, vendor: string | null = null) =>
          store
            .dueLicenses(clock.now(), limit, vendor)
            .map(({ licenseId }) => licenseId)
            .sort();
        clock.advance(period - 1);
        expect(due(10)).toEqual([]);
        clock.advance(1);
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(due(10)).toEqual([cad.licenseId, cam.licenseId]);
        expect(due(1)).toHaveLength(1);
        expect(due(10, isvId)).toEqual([cad.licenseId, cam.licenseId]);
        expect(due(10, isvIdOf(2))).toEqual([]);
        await act({ type: "sweep", isvId, licenseId: cad.licenseId });
        expect(due(10)).toEqual([cam.licenseId]);
      });

      test("name the licences with a live session", async () => {
        const live = () =>
          store
            .liveLicenses()
            .map(({ licenseId }) => licenseId)
            .sort();
        expect(live()).toEqual([]);
        await act(openCommand(cad, "anna"));
        await act(openCommand(devices, "d1"));
        expect(live()).toEqual([cad.licenseId, devices.licenseId]);
        await act(closeCommand(cad, "anna"));
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(live()).toEqual([devices.licenseId]);
      });
    });

    describe("the denial log", () => {
      /** Five denials, a second apart: carl, dora, carl on CAD; carl, dora on CAM. Opens and closes in between. */
      const fill = async (): Promise<Millis> => {
        const start = clock.now();
        for (const setting of [cad, cam]) for (const client of ["anna", "ben"]) await act(openCommand(setting, client));
        for (const client of ["carl", "dora", "carl"]) {
          clock.advance(1_000);
          await act(openCommand(cad, client, { userId: `${client}@factor.com` }));
        }
        for (const client of ["carl", "dora"]) {
          clock.advance(1_000);
          await act(openCommand(cam, client));
        }
        await act(closeCommand(cad, "anna"));
        if (reopen !== undefined) store = await reopen(store, clock);
        return start;
      };
      const told = async (more: Partial<DenialQuery>, start: Millis) => {
        const { items, total } = await store.denials(query(more));
        return { items: items.map(({ at, clientId }) => `${(at - start) / 1_000} ${clientId}`), total };
      };

      test("tells newest first, and all of each denial", async () => {
        const start = await fill();
        expect(await told({}, start)).toEqual({ items: ["5 dora", "4 carl", "3 carl", "2 dora", "1 carl"], total: 5 });
        const { items } = await store.denials(query({ offset: 4, limit: 1 }));
        expect(items).toEqual([
          {
            at: start + 1_000,
            kind: "denied",
            isvId,
            licenseId: cad.licenseId,
            clientId: "carl",
            userId: "carl@factor.com",
            sessionId: null,
            projectId: null,
            denial: "tokens_exhausted",
            inUse: 2,
            limit: 2,
            isOveruse: false,
            lengthMs: null,
          },
        ]);
      });

      test("pages, and tells the total of all pages", async () => {
        const start = await fill();
        expect(await told({ offset: 1, limit: 2 }, start)).toEqual({ items: ["4 carl", "3 carl"], total: 5 });
        expect(await told({ offset: 4, limit: 2 }, start)).toEqual({ items: ["1 carl"], total: 5 });
        expect(await told({ offset: 9, limit: 2 }, start)).toEqual({ items: [], total: 5 });
      });

      test("filters by licence, client and time, from an instant on and before another", async () => {
        const start = await fill();
        expect(await told({ licenseId: cad.licenseId }, start)).toEqual({
          items: ["3 carl", "2 dora", "1 carl"],
          total: 3,
        });
        expect(await told({ clientId: "dora" }, start)).toEqual({ items: ["5 dora", "2 dora"], total: 2 });
        expect(await told({ from: start + 2_000, to: start + 4_000 }, start)).toEqual({
          items: ["3 carl", "2 dora"],
          total: 2,
        });
        const all = { licenseId: cam.licenseId, clientId: "carl", from: start + 4_000, to: start + 4_001 };
        expect(await told(all, start)).toEqual({ items: ["4 carl"], total: 1 });
        expect((await store.denials(query({ licenseId: licenseIdOf(99) }))).total).toBe(0);
        expect((await store.denials(query({ isvId: isvIdOf(99) }))).total).toBe(0);
      });

      test("of one instant tells the last one first", async () => {
        await store.transact((licenses, now) => {
          for (const client of ["anna", "ben", "carl", "dora"]) step(licenses, openCommand(cad, client), now);
        });
        expect((await store.denials(query())).items.map(({ clientId }) => clientId)).toEqual(["dora", "carl"]);
      });

      test("finds the denials of a licence that was created only after them", async () => {
        const late = licenseSetting({ licenseId: licenseIdOf(4) });
        await act(openCommand(late, "anna"));
        await store.saveCatalog(entitiesOf(late));
        expect((await store.denials(query({ licenseId: late.licenseId }))).total).toBe(1);
      });
    });

    describe("history and settings", () => {
      test("history is told oldest first, at most as much as asked for", async () => {
        await act(openCommand(cad, "anna"));
        clock.advance(1_000);
        await act(closeCommand(cad, "anna"));
        if (reopen !== undefined) store = await reopen(store, clock);
        const kinds = async (limit: number) =>
          (await store.history(isvId, cad.licenseId, limit)).map(({ kind }) => kind);
        expect(await kinds(10)).toEqual(["client.activated", "session.opened", "session.closed"]);
        expect(await kinds(2)).toEqual(["client.activated", "session.opened"]);
        expect(await store.history(isvId, cam.licenseId, 10)).toEqual([]);
      });

      test("a setting is what was last saved", async () => {
        expect(store.setting("signing key")).toBeUndefined();
        await store.saveSetting("signing key", "one");
        await store.saveSetting("signing key", "two\n\u{1f511}");
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(store.setting("signing key")).toBe("two\n\u{1f511}");
      });

      test("a store that can serve answers a ping", async () => {
        await expect(store.ping()).resolves.toBeUndefined();
      });
    });

    ifLasting("everything that was acknowledged is there after a restart", async () => {
      await act(openCommand(cad, "anna", { sessionId: freshId(9, 1), userId: "Anna@Factor.com", checkoutPeriod: 60 }));
      await act(openCommand(cad, "ben"));
      await act(openCommand(cad, "carl"));
      await act(openCommand(devices, "d1"));
      await act(openCommand(cam, "eve"));
      await act({ type: "end", isvId, licenseId: cam.licenseId, id: null });
      clock.advance(60_000);
      await act(openCommand(cad, "ben"));
      await act(openCommand(devices, "d1"));
      const assignmentId = [...read(cad).assignments()][0]?.id as string;
      await act({ type: "suspend", isvId, licenseId: cad.licenseId, assignmentId, until: clock.now() + 1_000 });
      const before = await everything();
      store = await (reopen as NonNullable<typeof reopen>)(store, clock);
      expect(await everything()).toEqual(before);
      // And once more, from rows that were loaded and not written in this process.
      await act(openCommand(cad, "ben"));
      await act(closeCommand(devices, "d1"));
      const then = await everything();
      store = await (reopen as NonNullable<typeof reopen>)(store, clock);
      expect(await everything()).toEqual(then);
    });

    ifLasting("a session that one transaction extends and ends is there whole after a restart", async () => {
      await act(openCommand(cad, "anna"));
      clock.advance(60_000);
      await store.transact((licenses, now) => {
        step(licenses, openCommand(cad, "anna"), now);
        step(licenses, { type: "end", isvId, licenseId: cad.licenseId, id: null }, now);
      });
      const before = await everything();
      expect(before.licenses[0]?.sessions[0]?.validUntil).toBe(clock.now() + period);
      store = await (reopen as NonNullable<typeof reopen>)(store, clock);
      expect(await everything()).toEqual(before);
    });

    describe("projects", () => {
      const place = { isvId, licenseId: reven.licenseId };
      const create = (n: number, name: string) =>
        ({ type: "project.create", ...place, name, id: projectId(n) }) as const;
      const openProject = (n: number, kind: "mono" | "team") =>
        ({ type: "project.open", ...place, projectId: projectId(n), kind }) as const;
      const close = (n: number, force: boolean) =>
        ({ type: "project.close", ...place, projectId: projectId(n), force }) as const;
      const connect = (n: number, client: string) =>
        openCommand(reven, client, { projectId: projectId(n), sessionId: freshId(9, n) });
      const start = (n: number, execution: number) =>
        ({
          type: "execution.start",
          ...place,
          projectId: projectId(n),
          sessionId: freshId(9, n),
          name: "Tracing \u{1f511}",
          unitsTotal: 2 ** 52,
          id: freshId(11, execution),
          secretHash: "5".repeat(64),
        }) as const;
      const report = (n: number, execution: number, state: "running" | "finished" | "failed") =>
        ({
          type: "execution.report",
          ...place,
          projectId: projectId(n),
          executionId: freshId(11, execution),
          unitsDone: 2 ** 51,
          message: "half way",
          state,
        }) as const;
      const granted = async (...commands: Command[]) => {
        for (const command of commands) expect((await act(command)).denial).toBeNull();
      };
      /** One is a Team project with two users and two executions, Two was saved and closed, Three is open and empty. */
      const fill = async () => {
        await granted(create(1, "One"), create(2, "Two"), create(3, "Three"), openProject(1, "team"));
        clock.advance(1_000);
        await granted(openProject(2, "mono"), connect(1, "anna"), connect(1, "ben"), start(1, 1), start(1, 2));
        await granted({ type: "project.save", ...place, projectId: projectId(2) }, close(2, false));
        clock.advance(1_000);
        await granted(openProject(3, "mono"), report(1, 1, "failed"), report(1, 2, "running"));
      };

      ifLasting("are there after a restart, with users, executions and the tokens that they hold", async () => {
        const reborn = async () => {
          store = await (reopen as NonNullable<typeof reopen>)(store, clock);
        };
        await fill();
        const before = await everything();
        expect(before.licenses[3]?.pools).toEqual([0, 1, 3]);
        await reborn();
        expect(await everything()).toEqual(before);
        // And once more, from rows that were loaded and not written in this process.
        await granted(report(1, 2, "finished"), {
          type: "project.delete",
          ...place,
          projectId: projectId(2),
          force: false,
        });
        await granted({ type: "project.kind", ...place, projectId: projectId(3), kind: "team" }, close(1, true));
        const then = await everything();
        expect(then.licenses[3]?.pools).toEqual([0, 0, 2]);
        await reborn();
        expect(await everything()).toEqual(then);
        const barred = await act(connect(1, "anna"));
        expect(barred.denial?.code).toBe("project_not_open");
        await granted(openProject(1, "team"));
        expect((await act(connect(1, "anna"))).denial?.code).toBe("session_ended_by_admin");
      });

      ifLasting("that lost their users while the store was closed hold no token once somebody looks", async () => {
        await fill();
        clock.advance(period);
        store = await (reopen as NonNullable<typeof reopen>)(store, clock);
        await granted({ type: "sweep", ...place });
        expect(read(reven).attended("team")).toBe(0);
        expect([...read(reven).attendedProjects()]).toEqual([]);
        expect(read(reven).project(projectId(1))?.kind).toBe("team");
      });

      test("are as they were when the work throws, whatever it had done before", async () => {
        await fill();
        const before = await everything();
        clock.advance(1_000);
        const work = (licenses: Licenses, now: Millis): never => {
          const all: Command[] = [
            { type: "project.kind", ...place, projectId: projectId(3), kind: "team" },
            connect(3, "carl"), // denied: the one Team token is One's
            { type: "project.kind", ...place, projectId: projectId(3), kind: "mono" },
            connect(3, "carl"),
            start(3, 3),
            report(1, 2, "finished"),
            close(1, true),
            { type: "project.kind", ...place, projectId: projectId(3), kind: "team" }, // takes the token along
            { type: "project.delete", ...place, projectId: projectId(1), force: false },
            { type: "project.delete", ...place, projectId: projectId(2), force: false },
            { type: "project.delete", ...place, projectId: projectId(3), force: true },
            create(4, "one"), // a name that has come free
            { type: "project.open", ...place, projectId: projectId(4), kind: "team" },
            openCommand(reven, "dora", { projectId: projectId(4) }),
          ];
          const denied = all.map((command) => step(licenses, command, now).denial?.code ?? null);
          expect(denied).toEqual(all.map((_, n) => (n === 1 ? "tokens_exhausted" : null)));
          throw new Error("the work failed");
        };
        await expect(store.transact(work)).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
        expect(store.licenseOfProject(isvId, projectId(4))).toBeUndefined();
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(await everything()).toEqual(before);
        // The undone state is a whole one: what follows counts rightly.
        await granted(close(1, true), create(4, "Four"));
        expect(read(reven).attended("team")).toBe(0);
        expect(read(reven).projectCount).toBe(4);
      });

      test("that one transaction makes, fills, empties and deletes leave nothing but history", async () => {
        const outcomes = await store.transact((licenses, now) =>
          [create(1, "One"), openProject(1, "mono"), connect(1, "anna"), close(1, true)]
            .concat([{ type: "project.delete", ...place, projectId: projectId(1), force: false } as never])
            .map((command) => step(licenses, command, now).denial?.code ?? null),
        );
        expect(outcomes).toEqual([null, null, null, null, null]);
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(read(reven).projectCount).toBe(0);
        expect([...read(reven).projects()]).toEqual([]);
        expect(store.licenseOfProject(isvId, projectId(1))).toBeUndefined();
        const history = await store.history(isvId, reven.licenseId, 100);
        expect(history.map(({ kind }) => kind)).toEqual([
          "project.created",
          "project.opened",
          "client.activated",
          "session.opened",
          "session.ended",
          "project.closed",
          "project.deleted",
        ]);
        expect(new Set(history.map((line) => line.projectId))).toEqual(new Set([projectId(1)]));
      });

      test("are found by id with their own vendor alone, and tell their denials by project", async () => {
        const other = { ...reven, isvId: isvIdOf(2) };
        await store.saveCatalog(entitiesOf(other));
        await fill();
        await act({ ...create(1, "One"), isvId: isvIdOf(2) });
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(store.licenseOfProject(isvId, projectId(2))?.terms.licenseId).toBe(reven.licenseId);
        expect(store.licenseOfProject(isvIdOf(2), projectId(2))).toBeUndefined();
        expect(store.licenseOfProject(isvIdOf(2), projectId(1))?.terms.isvId).toBe(isvIdOf(2));
        await granted(openProject(2, "team"));
        expect((await act(connect(2, "carl"))).denial?.code).toBe("tokens_exhausted");
        const { items } = await store.denials(query({ licenseId: reven.licenseId }));
        expect(items.map((line) => [line.projectId, line.inUse, line.limit])).toEqual([[projectId(2), 1, 1]]);
      });

      test("keep their users when their pool is shrunk below its use", async () => {
        await fill();
        await store.saveCatalog(entitiesOf({ ...reven, team: 0 }));
        if (reopen !== undefined) store = await reopen(store, clock);
        expect(read(reven).attended("team")).toBe(1);
        expect(read(reven).sessionsOfProject(projectId(1))).toHaveLength(2);
      });
    });

    test("customers of one vendor with the same client ids are kept apart by licence", async () => {
      const other = licenseSetting({ licenseId: licenseIdOf(5), customerId: customerIdOf(2) });
      await store.saveCatalog(entitiesOf(other));
      await act(openCommand(cad, "anna"));
      await act(openCommand(other, "anna"));
      await act(closeCommand(other, "anna"));
      expect(read(cad).openSessions).toBe(1);
      expect(read(other).openSessions).toBe(0);
    });
  });
}
