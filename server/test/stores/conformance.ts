/**
 * What every store must do, from the contract in `stores/store.ts`. A new store is held to all of it by its line in
 * `under-test.ts`. Stores know no rule, so the few rules used here are of the simplest.
 */
import { beforeEach, describe, expect, test } from "vitest";
import type { Tally } from "../../src/analytics/tally.ts";
import type { StoredEntity } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import type { Outcome } from "../../src/core/step.ts";
import {
  type Assignment,
  type Command,
  type HistoryRecord,
  type LicenseView,
  type Millis,
  type RecordKind,
  recordKinds,
  type Session,
} from "../../src/core/types.ts";
import { recover } from "../../src/desk/upkeep.ts";
import type { DenialQuery, Retained, Store } from "../../src/stores/store.ts";
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
import { codesOf, denialsOf, elapse, linesBetween, openOf, stepAll, workOf } from "./steps.ts";
import type { StoreUnderTest } from "./under-test.ts";

const projectId = (n: number) => freshId(10, n);

const isvId = isvIdOf(1);
const productId = productIdOf(1);
const cad = licenseSetting({ licenseId: licenseIdOf(1), tokens: 2 });
const cam = licenseSetting({ licenseId: licenseIdOf(2), tokens: 2 });
const devices = licenseSetting({ licenseId: licenseIdOf(3), type: "devices", activatesOnOpen: true });
const reven = licenseSetting({ licenseId: licenseIdOf(6), type: "projects", mono: 1, team: 1, allowsSwitch: true });
const all = [cad, cam, devices, reven];
const period = 5 * 60_000;

const attendedIn = (license: LicenseView) => [...license.attendedProjects("mono"), ...license.attendedProjects("team")];

export function storeConformance({ name, open, reopen, saysWhatIsOwed = false }: StoreUnderTest): void {
  // A store that is gone with its process promises nothing over a restart: these are then no tests of it.
  const ifLasting: (title: string, run: () => Promise<void>) => void = reopen === undefined ? () => {} : test;
  const describeIfLasting: (title: string, run: () => void) => void = reopen === undefined ? () => {} : describe;

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
    ): Command => ({ ...openOf(setting, clientId, ++ids), ...more });
    const closeCommand = (setting: LicenseSetting, clientId: string, userId: string | null = null): Command => {
      const { isvId, licenseId } = setting;
      return { type: "close", isvId, licenseId, clientId, sessionId: null, userId };
    };
    const activateCommand = ({ isvId, licenseId }: LicenseSetting, clientId: string): Command => {
      const n = ++ids;
      const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
      const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
      return { type: "activate", isvId, licenseId, clientId, ...nothing, ids: fresh };
    };
    const sweepCommand = ({ isvId, licenseId }: LicenseSetting): Command => ({ type: "sweep", isvId, licenseId });
    const act = async (command: Command): Promise<Outcome> => (await stepAll(store, [command]))[0] as Outcome;
    /** A transaction of these commands whose work throws once it has stepped them all. */
    const actAndThrow = (commands: readonly Command[], look: (outcomes: readonly Outcome[]) => void = () => {}) =>
      store.transact(commands, (...told): never => {
        look(workOf(commands)(...told));
        throw new Error("the work failed");
      });
    const restart = async (): Promise<void> => {
      if (reopen !== undefined) store = await reopen(store, clock);
    };
    const live = (ms: number) =>
      elapse(clock, ms, async () => {
        await store.live();
        await store.tidy();
      });

    /** To be looked at before anything else is done. */
    const read = async (setting: LicenseSetting): Promise<LicenseView> => {
      const license = await store.read(setting.isvId, setting.licenseId);
      if (license === undefined) throw new Error(`the store has no licence ${setting.licenseId}`);
      return license;
    };
    const sessionsOf = async (setting: LicenseSetting) =>
      [...(await read(setting)).sessions()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const assignmentsOf = async (setting: LicenseSetting) =>
      [...(await read(setting)).assignments()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const clientsOn = async (setting: LicenseSetting) => (await sessionsOf(setting)).map(({ clientId }) => clientId);
    const knownOn = async (setting: LicenseSetting) => (await assignmentsOf(setting)).map(({ clientId }) => clientId);
    const tokenOf = async (setting: LicenseSetting) => (await assignmentsOf(setting))[0]?.tokenKey as string;
    const licensesOfClient = async (clientId: string, product = productId, vendor = isvId) => {
      const known = await store.assignmentsOfClient(vendor, product, clientId);
      return known.map(({ licenseId }) => licenseId).sort();
    };
    const licensesOfUser = async (userId: string, product = productId) => {
      const known = await store.assignmentsOfUser(isvId, product, userId);
      return known.map(({ licenseId }) => licenseId).sort();
    };

    const seen = async (setting: LicenseSetting) => {
      const license = await read(setting);
      const known: Session[] = [...license.sessions()].sort((a, b) => (a.id < b.id ? -1 : 1));
      const idsOf = (sessions: readonly Session[]) => sessions.map(({ id }) => id).sort();
      return {
        terms: license.terms,
        sessions: known,
        assignments: [...license.assignments()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        counts: [license.openSessions, license.holders, license.assigned, license.clients],
        projects: [...license.projects()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        pools: [license.attended("mono"), license.attended("team"), license.projectCount],
        attendance: attendedIn(license)
          .sort()
          .map((id) => [id, idsOf(license.sessionsOfProject(id))]),
        byProject: [1, 2, 3].map((n) => license.project(projectId(n))),
        byName: ["one", "two", "three"].map((name) => license.projectNamed(name)),
        nextFreeAt: license.nextFreeAt(),
        due: idsOf(license.due(Number.MAX_SAFE_INTEGER, 1_000)),
        byHolder: known.map(({ holder }) => license.sessionsOfHolder(holder)),
        byClient: known.map((session) => idsOf(license.sessionsOfClient(session.clientKey))),
        byKey: known.map(({ key }) => license.session(key)),
      };
    };
    const found = async (client: string) => {
      const rows = (known: readonly { readonly licenseId: string; readonly assignment: Assignment }[]) =>
        known
          .map(({ licenseId, assignment }) => ({ licenseId, assignment }))
          .sort((a, b) => (a.assignment.id < b.assignment.id ? -1 : 1));
      return {
        byClient: rows(await store.assignmentsOfClient(isvId, productId, client)),
        byUser: rows(await store.assignmentsOfUser(isvId, productId, client)),
      };
    };
    /** Everything that can be seen of the store from outside. */
    const everything = async () => {
      const licenses = [];
      for (const setting of all) licenses.push(structuredClone(await seen(setting)));
      const tokens = licenses.flatMap(({ assignments }) => assignments.map(({ tokenKey }) => tokenKey));
      return structuredClone({
        licenses,
        found: await Promise.all(["anna", "ben", "carl", "dora", "eve", "d1"].map(found)),
        byToken: await Promise.all(tokens.map((token) => store.licenseOfToken(isvId, token))),
        byProject: await Promise.all([1, 2, 3].map((n) => store.licenseOfProject(isvId, projectId(n)))),
        live: store
          .liveLicenses()
          .map(({ licenseId }) => licenseId)
          .sort(),
        history: await Promise.all(all.map((setting) => store.history(isvId, setting.licenseId, 1_000))),
        denials: await store.denials(query()),
      });
    };

    const query = (more: Partial<DenialQuery> = {}) => denialsOf(isvId, more);

    describe("a transaction", () => {
      test("answers with what the work returned, and keeps what it changed", async () => {
        const outcome = await act(openCommand(cad, "anna"));
        expect(outcome.granted?.session?.validUntil).toBe(clock.now() + period);
        expect((await read(cad)).openSessions).toBe(1);
      });

      test("runs the work exactly once, and of nothing too", async () => {
        let runs = 0;
        const commands = [openCommand(cad, "anna")];
        const count = () => ++runs;
        expect(await store.transact(commands, (...told) => [codesOf(workOf(commands)(...told)), count()])).toEqual([
          [null],
          1,
        ]);
        expect(await store.transact([], count)).toBe(2);
        expect(runs).toBe(2);
      });

      test("lets a later command of the same work see what an earlier one changed", async () => {
        const outcomes = await stepAll(
          store,
          ["anna", "ben", "carl"].map((client) => openCommand(cad, client)),
        );
        expect(codesOf(outcomes)).toEqual([null, null, "tokens_exhausted"]);
      });

      test("takes commands of several licences in any order, one of them as often as they like", async () => {
        const commands = [
          openCommand(cam, "anna"),
          openCommand(cad, "anna"),
          { ...openCommand(cad, "anna"), licenseId: licenseIdOf(99) },
          openCommand(cam, "ben"),
          openCommand(cad, "ben"),
          closeCommand(cam, "anna"),
        ];
        expect(codesOf(await stepAll(store, commands))).toEqual([null, null, "license_unknown", null, null, null]);
        await restart();
        expect((await clientsOn(cad)).sort()).toEqual(["anna", "ben"]);
        expect(await clientsOn(cam)).toEqual(["ben"]);
      });

      test("keeps nothing when the work throws, whatever it had done before", async () => {
        await act(openCommand(cad, "anna", { sessionId: freshId(9, 1) }));
        await act(openCommand(devices, "d1"));
        await act(openCommand(cad, "ben"));
        await act({ type: "end", isvId, licenseId: cad.licenseId, id: null });
        clock.advance(1_000);
        await act(openCommand(cad, "anna"));
        const before = await everything();
        const tokenKey = await tokenOf(devices);

        clock.advance(1_000);
        const commands: Command[] = [
          openCommand(cad, "anna"), // extends
          openCommand(cad, "anna"), // and once more
          closeCommand(cad, "anna"), // closes what was there before
          openCommand(cad, "anna"), // opens it anew
          openCommand(cad, "dora", { userId: "ben" }), // a new client of a known user
          closeCommand(cad, "dora", "ben"),
          openCommand(cam, "anna"), // another licence
          openCommand(cam, "carl"),
          openCommand(cam, "eve"), // … and a denial, with its line of history
          { type: "unassign", isvId, licenseId: devices.licenseId, tokenKey },
        ];
        const denied = [null, null, null, null, null, null, null, null, "tokens_exhausted", null];
        const work = actAndThrow(commands, (outcomes) => expect(codesOf(outcomes)).toEqual(denied));
        await expect(work).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
        await restart();
        expect(await everything()).toEqual(before);
      });

      test("keeps nothing when the work throws after it released what was over", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cad, "ben", { checkoutPeriod: 60 }));
        const before = await everything();
        await live(period);
        const work = actAndThrow([sweepCommand(cad)], ([swept]) => expect(swept?.granted?.ended).toBe(1));
        await expect(work).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
      });

      test("is followed by others as if the failed one had never been", async () => {
        await expect(actAndThrow([openCommand(cad, "anna")])).rejects.toThrow("the work failed");
        const outcome = await act(openCommand(cad, "ben"));
        expect(outcome.granted?.session?.peakHolders).toBe(1);
        await restart();
        expect(await clientsOn(cad)).toEqual(["ben"]);
        expect(await knownOn(cad)).toEqual(["ben"]);
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

    describe("where a session is extended from", () => {
      const cameFrom = async (address: number, sessionId = freshId(9, 1)) => {
        await act(openCommand(cad, "anna", { sessionId, address }));
      };
      const anna = async () => [...(await read(cad)).sessions()][0];

      test("is remembered over a restart, by the log and by what it was folded into", async () => {
        const opened = clock.now();
        await cameFrom(7);
        await restart();
        expect(await anna()).toMatchObject({ address: 7 });
        expect(await anna()).not.toHaveProperty("moves");
        await cameFrom(8);
        await restart();
        expect(await anna()).toMatchObject({ address: 7, moves: { to: 8, at: opened, toldAt: null } });
        await live(1_000);
        await cameFrom(7);
        const moved = { address: 7, moves: { to: 7, at: opened + 1_000, toldAt: opened + 1_000 } };
        await live(1_000);
        await cameFrom(7);
        expect(await anna()).toMatchObject(moved);
        await restart();
        await live(1_000);
        await restart();
        expect(await anna()).toMatchObject(moved);
        const kinds = (await store.history(isvId, cad.licenseId, 10)).map(({ kind }) => kind);
        expect(kinds).toEqual(["client.activated", "session.opened", "session.moved"]);
      });

      test("is as it was when the work throws", async () => {
        await cameFrom(7);
        await cameFrom(8);
        const before = await everything();
        const again = openCommand(cad, "anna", { sessionId: freshId(9, 1), address: 7 });
        await expect(actAndThrow([again])).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
        await restart();
        expect(await everything()).toEqual(before);
      });
    });

    describe("transactions on different licences", () => {
      test("may be under way together, as many as the store has lanes, and each sees its own licence", async () => {
        const commands = all.filter((setting) => setting !== reven).map((setting) => [openCommand(setting, "anna")]);
        expect(await inLanes(commands, (one) => stepAll(store, one).then(codesOf))).toEqual([[null], [null], [null]]);
        await restart();
        for (const setting of [cad, cam, devices]) expect(await clientsOn(setting)).toEqual(["anna"]);
        expect(await licensesOfClient("anna")).toEqual([cad.licenseId, cam.licenseId, devices.licenseId]);
      });

      test("fail alone", async () => {
        const denied = { ...openCommand(cam, "carl"), licenseId: licenseIdOf(99) };
        const works: (() => Promise<unknown>)[] = [
          () => stepAll(store, [openCommand(cad, "anna")]).then(codesOf),
          () => actAndThrow([openCommand(cam, "anna"), denied]).catch((error: Error) => error.message),
          () => stepAll(store, [openCommand(devices, "d1")]).then(codesOf),
        ];
        expect(await inLanes(works, (work) => work())).toEqual([[null], "the work failed", [null]]);
        await restart();
        expect(await clientsOn(cad)).toEqual(["anna"]);
        expect(await clientsOn(cam)).toEqual([]);
        expect(await clientsOn(devices)).toEqual(["d1"]);
        expect((await store.denials(query())).total).toBe(0);
      });

      /** As many at a time as the store takes. */
      async function inLanes<A, B>(values: readonly A[], work: (value: A) => Promise<B>): Promise<B[]> {
        const done: B[] = [];
        for (let n = 0; n < values.length; n += store.lanes) {
          done.push(...(await Promise.all(values.slice(n, n + store.lanes).map(work))));
        }
        return done;
      }
    });

    describe("an activation", () => {
      test("sees the licences that it takes its client from, though no command names them", async () => {
        await act(openCommand(cad, "Anna"));
        await restart();
        expect((await act(activateCommand(cam, "anna"))).granted?.assignment?.clientId).toBe("anna");
        const moved = async () => {
          expect(await clientsOn(cad)).toEqual([]);
          expect((await assignmentsOf(cad)).map(({ unassignedAt }) => unassignedAt)).toEqual([clock.now()]);
          expect((await assignmentsOf(cam)).map(({ unassignedAt }) => unassignedAt)).toEqual([null]);
          expect((await store.history(isvId, cad.licenseId, 10)).map(({ kind }) => kind)).toEqual([
            "client.activated",
            "session.opened",
            "client.unassigned",
            "session.ended",
          ]);
        };
        await moved();
        await restart();
        await moved();
      });

      test("sees what the same work did on the licence that it takes its client from", async () => {
        const commands = [openCommand(cad, "anna"), activateCommand(cam, "anna"), activateCommand(devices, "anna")];
        expect(codesOf(await stepAll(store, commands))).toEqual([null, null, null]);
        await restart();
        expect(await clientsOn(cad)).toEqual([]);
        const held = async (setting: LicenseSetting) =>
          (await assignmentsOf(setting)).map(({ unassignedAt }) => unassignedAt === null);
        expect([await held(cad), await held(cam), await held(devices)]).toEqual([[false], [false], [true]]);
      });

      test("whose work throws leaves the client where it was", async () => {
        await act(openCommand(cad, "anna"));
        const before = await everything();
        clock.advance(1_000);
        await expect(actAndThrow([activateCommand(cam, "anna")])).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
        await restart();
        expect(await everything()).toEqual(before);
      });

      test("does not see another customer's or another vendor's licence", async () => {
        const customers = licenseSetting({ licenseId: licenseIdOf(4), customerId: customerIdOf(2) });
        const vendors = { ...cad, isvId: isvIdOf(2) };
        for (const other of [customers, vendors]) {
          await store.saveCatalog(entitiesOf(other));
          await act(openCommand(other, "anna"));
        }
        await restart();
        expect((await act(activateCommand(cam, "anna"))).denial).toBeNull();
        expect(await clientsOn(customers)).toEqual(["anna"]);
        expect(await clientsOn(vendors)).toEqual(["anna"]);
      });
    });

    describe("counting", () => {
      const series = "15/usage/license/x/floating";
      const tally = (start: number, body: unknown, more: Partial<Tally> = {}): Tally => ({
        isvId,
        series,
        start,
        part: "",
        body,
        ...more,
      });
      const saveAll = async (tallies: readonly Tally[]) => {
        const from = await store.counted();
        expect(await store.saveTallies(tallies, from, { until: from.until + 1, lines: 0 })).toBe(true);
      };

      test("finds lines of all vendors in order of time, from an instant on and before another", async () => {
        const other = { ...cad, isvId: isvIdOf(2) };
        await store.saveCatalog(entitiesOf(other));
        const start = clock.now();
        await act(openCommand(cad, "anna"));
        clock.advance(period);
        // Ben's line is written before that of Anna's end, which is earlier.
        await act(openCommand(other, "ben"));
        clock.advance(1_000);
        await act(sweepCommand(cad));
        const seen = async (from: number, to: number, limit = 100) =>
          (await linesBetween(store, from, to, limit)).map(({ at, kind, isvId: vendor }) => [at - start, kind, vendor]);
        const all = [
          [0, "client.activated", isvId],
          [0, "session.opened", isvId],
          [period, "client.activated", isvIdOf(2)],
          [period, "session.opened", isvIdOf(2)],
          [period, "session.expired", isvId],
        ];
        expect(await seen(0, clock.now())).toEqual(all);
        expect(await seen(start + 1, start + period)).toEqual([]);
        expect(await seen(start, start + period)).toEqual(all.slice(0, 2));
        expect(await seen(start, clock.now(), 3)).toEqual(all.slice(0, 3));
        await restart();
        expect(await seen(0, clock.now())).toEqual(all);
      });

      test("goes through history from any place in it, line by line, also within one instant", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cam, "ben"));
        clock.advance(1_000);
        await act(closeCommand(cad, "anna"));
        const all = await store.linesAfter({ at: 0, no: 0 }, clock.now() + 1, 100);
        expect(all.map(({ at, line }) => at - line.at)).toEqual([0, 0, 0, 0, 0]);
        await restart();
        for (const [n, { at, no }] of all.entries()) {
          expect(await store.linesAfter({ at, no }, clock.now() + 1, 100)).toEqual(all.slice(n + 1));
        }
        expect(await store.linesAfter({ at: 0, no: 0 }, clock.now(), 3)).toEqual(all.slice(0, 3));
        expect(await store.linesAfter({ at: 0, no: 0 }, clock.now(), 100)).toEqual(all.slice(0, 4));
      });

      test("is told up to when nothing more will be recorded: before what is over and not on record", async () => {
        expect(await store.settledUntil()).toBe(clock.now());
        await act(openCommand(cad, "anna"));
        await live(period - 1_000);
        expect(await store.settledUntil()).toBe(clock.now());
        await live(3_000);
        expect(await store.settledUntil()).toBeLessThanOrEqual(clock.now() - 2_000);
        await act(sweepCommand(cad));
        expect(await store.settledUntil()).toBe(clock.now());
      });

      test("goes on from where it was, over a restart, and for one of those who count alone", async () => {
        const to = (until: number, lines = 0) => ({ until, lines, forgettings: 0 });
        expect(await store.counted()).toEqual(to(0));
        expect(await store.saveTallies([tally(900_000, { n: 1 })], to(0), to(10))).toBe(true);
        expect(await store.saveTallies([tally(900_000, { n: 2 })], to(0), to(20))).toBe(false);
        expect(await store.saveTallies([tally(900_000, { n: 3 })], to(10), to(30, 2))).toBe(true);
        await restart();
        expect(await store.counted()).toEqual(to(30, 2));
        expect(await store.saveTallies([tally(900_000, { n: 4 })], to(30), to(30, 5))).toBe(false);
        expect(await store.saveTallies([tally(900_000, { n: 4 })], to(30, 3), to(30, 5))).toBe(false);
        expect(await store.tallies(isvId, series, 0, 1e9, 10)).toEqual([tally(900_000, { n: 3 })]);
      });

      test("finds tallies by their keys, each in its place, and the last one of a series", async () => {
        const parts = [
          tally(5, 1, { series: "people/days/x", part: "b" }),
          tally(5, 2, { series: "people/days/x", part: "a" }),
        ];
        await saveAll([tally(2, "two"), tally(1, "one"), tally(3, "three", { isvId: isvIdOf(2) }), ...parts]);
        await restart();
        const key = (start: number | null, more: Partial<Tally> = {}) => ({ isvId, series, start, part: "", ...more });
        const found = await store.talliesAt([
          key(1),
          key(9),
          key(null),
          key(null, { series: "none" }),
          key(5, { series: "people/days/x", part: "a" }),
          key(null, { isvId: isvIdOf(2) }),
        ]);
        expect(found.map((one) => one?.body)).toEqual(["one", undefined, "two", undefined, 2, "three"]);
        expect(await store.talliesAt([])).toEqual([]);
        expect((await store.tallyBefore(isvId, series, 2))?.body).toBe("one");
        expect(await store.tallyBefore(isvId, series, 1)).toBeUndefined();
        const bodies = async (from: number, to: number, limit: number) =>
          (await store.tallies(isvId, series, from, to, limit)).map(({ body }) => body);
        expect([await bodies(1, 3, 9), await bodies(2, 3, 9), await bodies(1, 2, 9), await bodies(1, 3, 1)]).toEqual([
          ["one", "two"],
          ["two"],
          ["one"],
          ["one"],
        ]);
        expect((await store.tallies(isvId, "people/days/x", 0, 9, 9)).map(({ part }) => part)).toEqual(["a", "b"]);
      });

      test("forgets each kind by its own age, slice by slice, and keeps the level that goes on", async () => {
        await act(openCommand(cad, "anna"));
        const opened = clock.now();
        const of = (name: string) => [1, 2, 3, 20].map((start) => tally(start, start, { series: name }));
        const names = ["1/usage/a", "15/usage/a", "15/denials/a", "denied-licenses", "people/days/a"];
        await saveAll(names.flatMap(of));
        const left = async (name: string) => (await store.tallies(isvId, name, 0, 100, 100)).map(({ start }) => start);
        const forget = async (until: Retained) => {
          let rounds = 1;
          while (await store.prune(until, 2)) rounds++;
          return rounds;
        };
        await forget({ history: opened, people: 3, minutes: 10, sums: 0, gathered: 0, gatheredOfVendor: 9 });
        expect(await Promise.all(names.map(left))).toEqual([
          [3, 20],
          [1, 2, 3, 20],
          [1, 2, 3, 20],
          [1, 2, 3, 20],
          [3, 20],
        ]);
        expect(await linesBetween(store, 0, 1e15, 10)).toHaveLength(2);
        await forget({ history: opened + 1, people: 100, minutes: 100, sums: 3, gathered: 0, gatheredOfVendor: 9 });
        await restart();
        expect(await Promise.all(names.map(left))).toEqual([[20], [2, 3, 20], [3, 20], [3, 20], []]);
        expect(await linesBetween(store, 0, 1e15, 10)).toEqual([]);
      });
    });

    describe("time", () => {
      test("is told by the clock, once a transaction", async () => {
        const told = await store.transact([sweepCommand(cad)], (_licenses, now) => {
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
        clock = new HeldClock(last - 30_000);
        await restart();
        expect(store.lastInstant).toBe(onRecord(last));
        if (store.lastInstant !== null) expect(store.now()).toBe(last);
        expect(await timeOn(cad)).toBe(last);
        clock.advance(40_000);
        expect(await timeOn(cad)).toBe(last + 10_000);
      });

      ifLasting("follows a clock that was set back by more than a minute, so that nothing freezes", async () => {
        await live(3_600_000);
        await act(openCommand(cad, "anna"));
        const last = clock.now();
        clock = new HeldClock(last - 3_600_000);
        await restart();
        expect(store.lastInstant).toBe(onRecord(last));
        expect(store.now()).toBe(last - 3_600_000);
        expect(await timeOn(cad)).toBe(last - 3_600_000);
      });

      /** A store that says itself what is owed has nothing for others to measure from. */
      const onRecord = (instant: Millis) => (saysWhatIsOwed ? null : instant);
      const timeOn = (setting: LicenseSetting) => store.transact([sweepCommand(setting)], (_licenses, now) => now);

      ifLasting("of the last sign of life is what a later server measures an outage from", async () => {
        await act(openCommand(cad, "anna"));
        clock.advance(20_000);
        await store.live();
        const last = clock.now();
        clock = new HeldClock(last + 10_000);
        await restart();
        expect(store.lastInstant).toBe(onRecord(last));
      });

      test("of a store in which nothing happened has no last instant", async () => {
        const empty = await open(clock);
        expect(empty.lastInstant).toBeNull();
        await empty.close();
      });
    });

    describeIfLasting("a start", () => {
      const away = period - 1_000;
      const log = { info() {}, warn() {}, error() {} };
      /** By a clock that shows this instant. Whether the store says what is owed or the upkeep finds it, it comes to the same. */
      const startAt = async (at: Millis) => {
        clock = new HeldClock(at);
        await restart();
        await recover(store, log);
      };
      const ends = async () => (await sessionsOf(cad)).map(({ validUntil }) => validUntil);
      const kinds = async () => (await store.history(isvId, cad.licenseId, 100)).map(({ kind }) => kind);
      const credits = async () => (await kinds()).filter((kind) => kind === "outage.credited").length;

      test("gives back the time in which no server ran, once and before anything else", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cam, "anna"));
        const end = clock.now() + period;
        await live(period - 60_000);
        await startAt(clock.now() + away);
        expect(codesOf(await stepAll(store, [openCommand(cad, "ben"), openCommand(cad, "carl")]))).toEqual([
          null,
          "tokens_exhausted",
        ]);
        const anna = async () => (await sessionsOf(cad)).find(({ clientId }) => clientId === "anna")?.validUntil;
        expect([await anna(), await credits()]).toEqual([end + away, 1]);
        await startAt(clock.now());
        await act(sweepCommand(cad));
        expect([await anna(), await credits()]).toEqual([end + away, 1]);
      });

      test("gives nothing back to whose session was over when the last server ended", async () => {
        await act(openCommand(cad, "anna"));
        await live(period);
        await startAt(clock.now() + away);
        await act(sweepCommand(cad));
        expect(await ends()).toEqual([]);
      });

      test("gives nothing back after a minute or less", async () => {
        await act(openCommand(cad, "anna"));
        const end = clock.now() + period;
        await startAt(clock.now() + 60_000);
        await act(sweepCommand(cad));
        expect([await ends(), await credits()]).toEqual([[end], 0]);
      });

      test("by a clock that was set back brings sessions back to it, once", async () => {
        await live(3_600_000);
        await act(openCommand(cad, "anna"));
        await startAt(clock.now() - 3_600_000);
        expect((await act(openCommand(cad, "ben"))).denial).toBeNull();
        expect(await ends()).toEqual([clock.now() + period, clock.now() + period]);
        await live(10_000);
        await startAt(clock.now());
        await act(sweepCommand(cad));
        expect((await kinds()).filter((kind) => kind === "clock.settled")).toHaveLength(1);
      });
    });

    describeIfLasting("a start after a clock that led", () => {
      const log = { info() {}, warn() {}, error() {} };
      const startAt = async (at: Millis) => {
        clock = new HeldClock(at);
        await restart();
        await recover(store, log);
      };

      test.each([
        ["nothing is live", { type: "close", clientId: "anna", sessionId: null, userId: null }],
        ["only what an administrator ended is known", { type: "end", id: null }],
      ] as const)("measures the next outage by the right one, even where %s", async (_, last) => {
        const rightly = clock.now();
        await startAt(rightly + 24 * 3_600_000);
        await act(openCommand(cad, "anna"));
        await act({ ...last, isvId, licenseId: cad.licenseId });
        await store.live();
        await startAt(rightly);
        await act(openCommand(cam, "ben"));
        await store.live();
        await startAt(clock.now() + period + 1_000);
        await act(sweepCommand(cam));
        expect((await sessionsOf(cam)).map(({ clientId }) => clientId)).toEqual(["ben"]);
      });
    });

    describe("the catalogue", () => {
      test("shows what was saved", async () => {
        const vendor = store.catalog.vendor(isvId);
        expect([...(vendor?.licenses.keys() ?? [])].sort()).toEqual(all.map(({ licenseId }) => licenseId));
        expect(vendor?.editions.size).toBe(4);
        expect(await store.read(isvId, licenseIdOf(99))).toBeUndefined();
        expect(await store.read(isvIdOf(99), cad.licenseId)).toBeUndefined();
      });

      test("gives licences their new terms at once, and leaves their sessions alone", async () => {
        await act(openCommand(cad, "anna"));
        await store.saveCatalog(entitiesOf({ ...cad, tokens: 7 }));
        expect((await read(cad)).terms.floatingTokenLimit).toBe(7);
        expect((await read(cad)).openSessions).toBe(1);
        expect((await read(cam)).terms.floatingTokenLimit).toBe(2);
      });

      test("gives licences the terms of an edition that is saved alone", async () => {
        const edition = entitiesOf({ ...cad, periodMinutes: 9 }).filter(({ kind }) => kind === "edition");
        await store.saveCatalog(edition);
        expect((await read(cad)).terms.sessionPeriodMs).toBe(9 * 60_000);
      });

      test("is saved whole or not at all", async () => {
        const good = entitiesOf({ ...cad, tokens: 7 });
        const orphan = entitiesOf(licenseSetting({ licenseId: licenseIdOf(4) })).filter(
          ({ kind }) => kind === "license",
        );
        await expect(store.saveCatalog([...good, ...orphan])).rejects.toThrow();
        expect((await read(cad)).terms.floatingTokenLimit).toBe(2);
        expect(await store.read(isvId, licenseIdOf(4))).toBeUndefined();
        await restart();
        expect((await read(cad)).terms.floatingTokenLimit).toBe(2);
        expect(await store.read(isvId, licenseIdOf(4))).toBeUndefined();
      });

      test("remembers what the tenant file last said", async () => {
        const entities = entitiesOf(cad).map((entity): StoredEntity => ({ ...entity, applied: { from: entity.kind } }));
        expect(store.applied(isvId, "license", cad.licenseId)).toBeNull();
        await store.saveCatalog(entities);
        await restart();
        expect(store.applied(isvId, "license", cad.licenseId)).toEqual({ from: "license" });
        expect(store.applied(isvId, "license", cam.licenseId)).toBeNull();
      });

      test("keeps vendors with the same ids everywhere apart", async () => {
        const other = { ...cad, isvId: isvIdOf(2), tokens: 1 };
        await store.saveCatalog(entitiesOf(other));
        await act(openCommand(cad, "anna"));
        await act(openCommand(other, "ben"));
        await act(openCommand(other, "carl"));
        await restart();
        expect(await clientsOn(cad)).toEqual(["anna"]);
        expect(await clientsOn(other)).toEqual(["ben"]);
        expect((await read(cad)).terms.floatingTokenLimit).toBe(2);
        expect(await licensesOfClient("anna", productId, isvIdOf(2))).toEqual([]);
        expect(await licensesOfClient("ben", productId, isvIdOf(2))).toEqual([cad.licenseId]);
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
      test("find where a client is known, with what it holds there, however it is written", async () => {
        await act(openCommand(cad, "Anna"));
        await act(openCommand(cam, "anna"));
        await act(openCommand(cam, "ben"));
        await act({ type: "unassign", isvId, licenseId: cad.licenseId, tokenKey: await tokenOf(cad) });
        await restart();
        const known = await store.assignmentsOfClient(isvId, productId, "ANNA");
        const told = known.map(({ licenseId, assignment }) => [
          licenseId,
          assignment.clientId,
          assignment.unassignedAt,
        ]);
        expect(told.sort()).toEqual([
          [cad.licenseId, "Anna", clock.now()],
          [cam.licenseId, "anna", null],
        ]);
        expect(await licensesOfClient("anna", productIdOf(2))).toEqual([]);
        expect(await licensesOfClient("anna", productId, isvIdOf(2))).toEqual([]);
        expect(await licensesOfClient("nobody")).toEqual([]);
      });

      test("tell devices apart exactly, beside users who are not", async () => {
        await act(openCommand(devices, "d1"));
        await act(openCommand(cad, "d1"));
        await restart();
        expect(await licensesOfClient("d1")).toEqual([cad.licenseId, devices.licenseId]);
        expect(await licensesOfClient("D1")).toEqual([cad.licenseId]);
        await act(openCommand(devices, "D1"));
        expect(await licensesOfClient("D1")).toEqual([cad.licenseId, devices.licenseId]);
        const onDevices = (await store.assignmentsOfClient(isvId, productId, "D1")).find(
          ({ licenseId }) => licenseId === devices.licenseId,
        );
        expect(onDevices?.assignment.clientId).toBe("D1");
      });

      test("find the licence of a token", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cam, "anna"));
        const token = await tokenOf(cad);
        await restart();
        expect(await store.licenseOfToken(isvId, token)).toBe(cad.licenseId);
        expect(await store.licenseOfToken(isvIdOf(2), token)).toBeUndefined();
        expect(await store.licenseOfToken(isvId, freshId(8, 0))).toBeUndefined();
      });

      test("find all clients of a user, the one that goes by the user's own name among them", async () => {
        for (const [setting, client, userId] of [
          [cad, "anna", null],
          [cad, "laptop", "Anna"],
          [cad, "desktop", "anna"],
          [cam, "ANNA", null],
        ] as const) {
          await act(openCommand(setting, client, { userId }));
          await act(closeCommand(setting, client, userId));
        }
        expect(await licensesOfUser("anna")).toEqual([cad.licenseId, cad.licenseId, cad.licenseId, cam.licenseId]);
        await restart();
        expect(await licensesOfUser("anna")).toEqual([cad.licenseId, cad.licenseId, cad.licenseId, cam.licenseId]);
        await act(openCommand(cad, "laptop", { userId: "ben" }));
        await act(openCommand(cam, "anna", { userId: "ben" }));
        expect(await licensesOfUser("anna")).toEqual([cad.licenseId, cad.licenseId]);
        expect(await licensesOfUser("ben")).toEqual([cad.licenseId, cam.licenseId]);
      });

      test("find the assignments of a user, however it is written, and follow it to another user", async () => {
        await act(openCommand(cad, "laptop", { userId: "Anna@Factor.com" }));
        await act(openCommand(cam, "desktop", { userId: " anna@factor.com" }));
        expect(await licensesOfUser("ANNA@factor.com")).toEqual([cad.licenseId, cam.licenseId]);
        await act(closeCommand(cad, "laptop"));
        await act(openCommand(cad, "laptop", { userId: "ben", sessionId: freshId(9, 1) }));
        await restart();
        expect(await licensesOfUser("anna@factor.com")).toEqual([cam.licenseId]);
        expect(await licensesOfUser("ben")).toEqual([cad.licenseId]);
        const [known] = await store.assignmentsOfUser(isvId, productId, "ben");
        expect(known?.assignment).toEqual((await assignmentsOf(cad))[0]);
        expect(await licensesOfUser("ben", productIdOf(2))).toEqual([]);
      });

      test("name the licences with something over, at most as many as asked for", async () => {
        await act(openCommand(cad, "anna"));
        await act(openCommand(cam, "anna"));
        await act(openCommand(devices, "d1", { checkoutPeriod: 60 }));
        // A store may give a licence to one sweeper alone, for a while.
        const later = () => live(60_000);
        const due = async (limit: number, vendor: string | null = null) =>
          (await store.dueLicenses(clock.now(), limit, vendor)).map(({ licenseId }) => licenseId).sort();
        await live(period - 1);
        expect(await due(10)).toEqual([]);
        clock.advance(1);
        await restart();
        expect(await due(10)).toEqual([cad.licenseId, cam.licenseId]);
        await later();
        expect(await due(1)).toHaveLength(1);
        await later();
        expect(await due(10, isvIdOf(2))).toEqual([]);
        expect(await due(10, isvId)).toEqual([cad.licenseId, cam.licenseId]);
        await act(sweepCommand(cad));
        await later();
        expect(await due(10)).toEqual([cam.licenseId]);
      });

      test("name a temporary licence at its end, and at another one that it is given", async () => {
        const guest = licenseSetting({ ...devices, licenseId: licenseIdOf(7), isTemporary: true });
        const endsIn = (ms: number) => store.saveCatalog(entitiesOf({ ...guest, expiresAt: clock.now() + ms }));
        const due = async () => (await store.dueLicenses(clock.now(), 10, null)).map(({ licenseId }) => licenseId);
        await endsIn(period);
        await act(activateCommand(guest, "d1"));
        await endsIn(3 * period);
        await live(period);
        // A look may come too early; then it finds nothing.
        if ((await due()).length > 0) await act(sweepCommand(guest));
        expect(await assignmentsOf(guest)).toMatchObject([{ unassignedAt: null }]);
        await endsIn(60_000);
        await restart();
        await live(59_999);
        expect(await due()).toEqual([]);
        clock.advance(1);
        expect(await due()).toEqual([guest.licenseId]);
        expect(await store.settledUntil()).toBe(clock.now());
        await act(sweepCommand(guest));
        expect(await assignmentsOf(guest)).toMatchObject([{ unassignedAt: clock.now() }]);
        await restart();
        expect(await assignmentsOf(guest)).toMatchObject([{ unassignedAt: clock.now() }]);
        await live(60_000);
        expect(await due()).toEqual([]);
      });

      test("of tokens whose end is set into the past leave settled what happened since", async () => {
        const guest = licenseSetting({ ...devices, licenseId: licenseIdOf(7), isTemporary: true });
        const endsAt = (expiresAt: number) => store.saveCatalog(entitiesOf({ ...guest, expiresAt }));
        await endsAt(clock.now() + 2 * period);
        await act(activateCommand(guest, "d1"));
        await live(period);
        await endsAt(clock.now() - period / 2);
        expect(await store.settledUntil()).toBe(clock.now());
        await act(sweepCommand(guest));
        const lines = await store.history(guest.isvId, guest.licenseId, 10);
        expect(lines.at(-1)).toMatchObject({ kind: "client.unassigned", at: clock.now() });
      });

      test("come to every licence with something over, though fewer are asked for at a time", async () => {
        for (const setting of [cad, cam, devices]) await act(openCommand(setting, "anna"));
        await live(period);
        const seen = new Set<string>();
        for (let look = 0; look < 6; look++) {
          for (const { licenseId } of await store.dueLicenses(clock.now(), 1, isvId)) seen.add(licenseId);
        }
        expect([...seen].sort()).toEqual([cad.licenseId, cam.licenseId, devices.licenseId]);
      });

      test(
        saysWhatIsOwed
          ? "name no licence with a live session: nobody else is to credit it"
          : "name the licences with a live session",
        async () => {
          const live = () => store.liveLicenses().map(({ licenseId }) => licenseId);
          const ifNamed = (...settings: LicenseSetting[]) =>
            saysWhatIsOwed ? [] : settings.map(({ licenseId }) => licenseId);
          expect(live()).toEqual([]);
          await act(openCommand(cad, "anna"));
          await act(openCommand(devices, "d1"));
          expect(live().sort()).toEqual(ifNamed(cad, devices));
          await act(closeCommand(cad, "anna"));
          await restart();
          expect(live()).toEqual(ifNamed(devices));
        },
      );
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
        await restart();
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
            pool: "floating",
            tokens: 0,
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

      test("filters by licence, client, user and time, from an instant on and before another", async () => {
        const start = await fill();
        expect(await told({ licenseId: cad.licenseId }, start)).toEqual({
          items: ["3 carl", "2 dora", "1 carl"],
          total: 3,
        });
        expect(await told({ clientId: "dora" }, start)).toEqual({ items: ["5 dora", "2 dora"], total: 2 });
        expect(await told({ userId: "carl@factor.com" }, start)).toEqual({ items: ["3 carl", "1 carl"], total: 2 });
        // Of whoever told no user the client is the user.
        expect(await told({ userId: "carl" }, start)).toEqual({ items: ["4 carl"], total: 1 });
        expect(await told({ userId: "carl@factor.com", clientId: "dora" }, start)).toEqual({ items: [], total: 0 });
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
        await stepAll(
          store,
          ["anna", "ben", "carl", "dora"].map((client) => openCommand(cad, client)),
        );
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
        await restart();
        const kinds = async (limit: number) =>
          (await store.history(isvId, cad.licenseId, limit)).map(({ kind }) => kind);
        expect(await kinds(10)).toEqual(["client.activated", "session.opened", "session.closed"]);
        expect(await kinds(2)).toEqual(["client.activated", "session.opened"]);
        expect(await store.history(isvId, cam.licenseId, 10)).toEqual([]);
      });

      test("comes back as it was recorded, whatever is in names, whatever is empty, and however much is recorded at once", async () => {
        const signs =
          'NULL null " \' , {} {a,b} {"a"} \\ \\N \\" $1 ? % -- \u{1f511}\u{1f468}\u200d\u{1f469} e\u0301 \u00e9 \uffff \u{10ffff}';
        const names = [...signs.split(" "), "", " ", "a b", "\ufeff", "x".repeat(3_000)];
        let drawn = 0;
        // Each column by a step of its own: all meet what is empty in others, in runs as well as by turns.
        const one = <T>(of: readonly T[], by: number): T | null =>
          Math.floor(drawn / by) % 3 === 0 ? null : (of[(drawn * by) % of.length] as T);
        const nobody = licenseIdOf(99);
        const line = (): HistoryRecord => {
          drawn++;
          return {
            at: clock.now(),
            kind: recordKinds[drawn % recordKinds.length] as RecordKind,
            isvId,
            licenseId: [cad.licenseId, nobody, reven.licenseId][drawn % 3] as string,
            clientId: one(names, 1),
            userId: one(names, 2),
            sessionId: one(names, 4),
            projectId: one([projectId(1), projectId(2)], 3),
            denial: one(["tokens_exhausted", "license_unknown"] as const, 5),
            inUse: drawn % 7,
            limit: drawn % 11,
            isOveruse: drawn % 5 === 0,
            pool: one(["floating", "named", "mono", "team"] as const, 7),
            tokens: (drawn % 3) - 1,
            lengthMs: one([0, 1, Number.MAX_SAFE_INTEGER], 8),
          };
        };
        const commands = [sweepCommand(cad), sweepCommand(reven), openCommand({ ...cad, licenseId: nobody }, "anna")];
        const recorded: HistoryRecord[] = [];
        for (const count of [1, 2, 3, 4, 5, 16, 17, 23, 100, 200]) {
          const lines = Array.from({ length: count }, line);
          await store.transact(commands, (licenses) => {
            for (const each of lines) licenses.record(each);
          });
          recorded.push(...lines);
        }
        await restart();
        for (const licenseId of [cad.licenseId, nobody, reven.licenseId]) {
          const told = await store.history(isvId, licenseId, 1_000);
          expect(told).toEqual(recorded.filter((each) => each.licenseId === licenseId));
        }
      });

      test("a setting is what was last saved", async () => {
        expect(store.setting("signing key")).toBeUndefined();
        await store.saveSetting("signing key", "one");
        await store.saveSetting("signing key", "two\n\u{1f511}");
        await restart();
        expect(store.setting("signing key")).toBe("two\n\u{1f511}");
      });

      test("a setting that is kept is the first one, whoever comes later and however close", async () => {
        const told = await Promise.all(["one", "two"].map((value) => store.keepSetting("signing key", value)));
        expect(new Set(told).size).toBe(1);
        await restart();
        expect(await store.keepSetting("signing key", "three")).toBe(told[0]);
        expect(store.setting("signing key")).toBe(told[0]);
        await store.saveSetting("signing key", "four");
        expect(await store.keepSetting("signing key", "five")).toBe("four");
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
      const assignmentId = (await assignmentsOf(cad))[0]?.id as string;
      await act({ type: "suspend", isvId, licenseId: cad.licenseId, assignmentId, until: clock.now() + 1_000 });
      const before = await everything();
      await restart();
      expect(await everything()).toEqual(before);
      // And once more, from rows that were loaded and not written in this process.
      await act(openCommand(cad, "ben"));
      await act(closeCommand(devices, "d1"));
      const then = await everything();
      await restart();
      expect(await everything()).toEqual(then);
    });

    ifLasting("a session that one transaction extends and ends is there whole after a restart", async () => {
      await act(openCommand(cad, "anna"));
      clock.advance(60_000);
      await stepAll(store, [openCommand(cad, "anna"), { type: "end", isvId, licenseId: cad.licenseId, id: null }]);
      const before = await everything();
      expect(before.licenses[0]?.sessions[0]?.validUntil).toBe(clock.now() + period);
      await restart();
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
        await fill();
        const before = await everything();
        expect(before.licenses[3]?.pools).toEqual([0, 1, 3]);
        await restart();
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
        await restart();
        expect(await everything()).toEqual(then);
        const barred = await act(connect(1, "anna"));
        expect(barred.denial?.code).toBe("project_not_open");
        await granted(openProject(1, "team"));
        expect((await act(connect(1, "anna"))).denial?.code).toBe("session_ended_by_admin");
      });

      ifLasting("that lost their users while the store was closed hold no token once somebody looks", async () => {
        await fill();
        await live(period);
        await restart();
        await granted(sweepCommand(reven));
        expect((await read(reven)).attended("team")).toBe(0);
        expect(attendedIn(await read(reven))).toEqual([]);
        expect((await read(reven)).project(projectId(1))?.kind).toBe("team");
      });

      test("are as they were when the work throws, whatever it had done before", async () => {
        await fill();
        const before = await everything();
        clock.advance(1_000);
        const commands: Command[] = [
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
        const denied = commands.map((_, n) => (n === 1 ? "tokens_exhausted" : null));
        const work = actAndThrow(commands, (outcomes) => expect(codesOf(outcomes)).toEqual(denied));
        await expect(work).rejects.toThrow("the work failed");
        expect(await everything()).toEqual(before);
        expect(await store.licenseOfProject(isvId, projectId(4))).toBeUndefined();
        await restart();
        expect(await everything()).toEqual(before);
        // The undone state is a whole one: what follows counts rightly.
        await granted(close(1, true), create(4, "Four"));
        expect((await read(reven)).attended("team")).toBe(0);
        expect((await read(reven)).projectCount).toBe(4);
      });

      test("that one transaction makes, fills, empties and deletes leave nothing but history", async () => {
        const outcomes = await stepAll(store, [
          create(1, "One"),
          openProject(1, "mono"),
          connect(1, "anna"),
          close(1, true),
          { type: "project.delete", ...place, projectId: projectId(1), force: false },
        ]);
        expect(codesOf(outcomes)).toEqual([null, null, null, null, null]);
        await restart();
        expect((await read(reven)).projectCount).toBe(0);
        expect([...(await read(reven)).projects()]).toEqual([]);
        expect(await store.licenseOfProject(isvId, projectId(1))).toBeUndefined();
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
        await restart();
        expect(await store.licenseOfProject(isvId, projectId(2))).toBe(reven.licenseId);
        expect(await store.licenseOfProject(isvIdOf(2), projectId(2))).toBeUndefined();
        expect(await store.licenseOfProject(isvIdOf(2), projectId(1))).toBe(reven.licenseId);
        await granted(openProject(2, "team"));
        expect((await act(connect(2, "carl"))).denial?.code).toBe("tokens_exhausted");
        const { items } = await store.denials(query({ licenseId: reven.licenseId }));
        expect(items.map((line) => [line.projectId, line.inUse, line.limit])).toEqual([[projectId(2), 1, 1]]);
      });

      test("keep their users when their pool is shrunk below its use", async () => {
        await fill();
        await store.saveCatalog(entitiesOf({ ...reven, team: 0 }));
        await restart();
        expect((await read(reven)).attended("team")).toBe(1);
        expect((await read(reven)).sessionsOfProject(projectId(1))).toHaveLength(2);
      });
    });

    test("customers of one vendor with the same client ids are kept apart by licence", async () => {
      const other = licenseSetting({ licenseId: licenseIdOf(5), customerId: customerIdOf(2) });
      await store.saveCatalog(entitiesOf(other));
      await act(openCommand(cad, "anna"));
      await act(openCommand(other, "anna"));
      await act(closeCommand(other, "anna"));
      expect((await read(cad)).openSessions).toBe(1);
      expect((await read(other)).openSessions).toBe(0);
    });
  });
}
