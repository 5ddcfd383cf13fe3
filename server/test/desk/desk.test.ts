import { beforeEach, describe, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { releasesPerStepMax } from "../../src/core/limits.ts";
import { type Outcome, step } from "../../src/core/step.ts";
import type { Command } from "../../src/core/types.ts";
import { type Audit, Desk, Overloaded } from "../../src/desk/desk.ts";
import { commandsWaitingMax } from "../../src/desk/limits.ts";
import { sweep } from "../../src/desk/upkeep.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { type Store, StoreFault } from "../../src/stores/store.ts";
import { entitiesOf, type LicenseSetting, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { openersIn, opening } from "./openers.ts";

const setting = licenseSetting({ licenseId: licenseIdOf(1), tokens: 2, periodMinutes: 60 });
const place = { isvId: setting.isvId, licenseId: setting.licenseId };
let clock: HeldClock;
let store: Store;
let ids = 0;

beforeEach(async () => {
  clock = new HeldClock();
  store = openMemoryStore(clock);
  await store.saveCatalog(entitiesOf(setting));
});

function open(clientId: string): Command {
  const n = ++ids;
  const fresh = { session: `s${n}`, assignment: `a${n}`, token: `t${n}` };
  return {
    ...place,
    type: "open",
    clientId,
    sessionId: null,
    userId: null,
    projectId: null,
    checkoutPeriod: null,
    ids: fresh,
  };
}

const codeOf = (outcome: Outcome | Error) =>
  outcome instanceof Error ? outcome.name : (outcome.denial?.code ?? "granted");

/** What each command came to, all submitted in one turn. */
function decideTogether(desk: Desk, commands: readonly Command[]): Promise<string[]> {
  return Promise.all(commands.map((command) => desk.decide(command).then(codeOf, codeOf)));
}

const opened = opening(place.isvId);
const audited = () => openersIn(store, place.isvId);

/** A store whose transactions fail when they change something that `isBad` dislikes. */
function failing(
  isBad: (clientId: string | null) => boolean,
  fault: Error = new StoreFault("the row does not go in"),
): { store: Store; transactions: () => number } {
  let count = 0;
  const transact: Store["transact"] = (commands, work, patience) => {
    count++;
    const watching: typeof work = (licenses, now, owed) => {
      const watched = Object.create(licenses, {
        record: {
          value: (line: Parameters<typeof licenses.record>[0]) => {
            if (isBad(line.clientId)) throw fault;
            licenses.record(line);
          },
        },
        apply: { value: licenses.apply.bind(licenses) },
        license: { value: licenses.license.bind(licenses) },
        siblings: { value: licenses.siblings.bind(licenses) },
        audit: { value: licenses.audit.bind(licenses) },
      });
      return work(watched, now, owed);
    };
    return store.transact(commands, watching, patience);
  };
  return { store: Object.create(store, { transact: { value: transact } }), transactions: () => count };
}

describe("many sessions that end at once", () => {
  const tokens = 3.5 * releasesPerStepMax;
  const crowded = licenseSetting({ licenseId: licenseIdOf(2), tokens, periodMinutes: 60 });
  const on = (licenseId: string, command: Command): Command => ({ ...command, licenseId }) as Command;

  /** All tokens of a licence are taken. */
  async function fill(full: LicenseSetting): Promise<void> {
    await store.saveCatalog(entitiesOf(full).filter(({ kind }) => kind === "license" || kind === "edition"));
    const opens = Array.from({ length: full.tokens }, (_, n) => on(full.licenseId, open(`user${n}`)));
    await store.transact(opens, (licenses, now) => {
      for (const command of opens) step(licenses, command, now);
    });
  }

  /** All tokens of the crowded licence are taken, and then their sessions are over. */
  async function crowd(): Promise<void> {
    await fill(crowded);
    clock.advance(3_600_000);
  }

  const linesOf = async (kind: string, licenses: readonly { readonly licenseId: string }[]) => {
    const all = await Promise.all(licenses.map(({ licenseId }) => store.history(place.isvId, licenseId, 4 * tokens)));
    return all.flat().filter((line) => line.kind === kind).length;
  };

  test("keep nobody else waiting, and are all over for whoever asks for their licence", async () => {
    await crowd();
    const watched = failing(() => false);
    const desk = new Desk(watched.store);
    const order: string[] = [];
    const noted = async (name: string, command: Command, audit?: Audit) => {
      const outcome = await desk.decide(command, audit);
      order.push(`${name} in transaction ${watched.transactions()}`);
      return outcome;
    };
    const crowdedOpen = noted("the crowded licence", on(crowded.licenseId, open("late")), opened);
    const alsoCrowded = noted("the crowded licence", on(crowded.licenseId, open("later")));
    const other = noted("another licence", open("anna"));
    expect(codeOf(await other)).toBe("granted");
    expect(codeOf(await crowdedOpen)).toBe("granted");
    expect(codeOf(await alsoCrowded)).toBe("granted");
    expect(order).toEqual([
      "another licence in transaction 1",
      "the crowded licence in transaction 4",
      "the crowded licence in transaction 4",
    ]);
    expect(await audited(), "once, however often it was put off").toEqual(["late"]);
    const license = await store.read(crowded.isvId, crowded.licenseId);
    expect([license?.holders, license?.openSessions]).toEqual([2, 2]);
    const lines = await store.history(crowded.isvId, crowded.licenseId, 4 * tokens);
    expect(lines.filter(({ kind }) => kind === "session.expired")).toHaveLength(tokens);
    expect(lines.findLastIndex(({ kind }) => kind === "session.expired")).toBeLessThan(
      lines.findIndex(({ clientId }) => clientId === "late"),
    );
  });

  test("on several licences are released by turns, whatever more arrives for the first of them", async () => {
    const ends = [8, 2, 2].map((rounds, n) => {
      return { ...crowded, licenseId: licenseIdOf(4 + n), tokens: rounds * releasesPerStepMax };
    });
    for (const each of ends) await fill(each);
    clock.advance(3_600_000);
    const watched = failing(() => false);
    const desk = new Desk(watched.store);
    let isSlowDone = false;
    const slow = desk.decide(on(licenseIdOf(4), open("late"))).then(() => {
      isSlowDone = true;
    });
    const quick = [5, 6].map((n) => desk.decide(on(licenseIdOf(n), open("late"))));
    const more = [...quick.keys()].map((n) => desk.decide(on(licenseIdOf(4), open(`more ${n}`))));
    expect((await Promise.all(quick)).map(codeOf)).toEqual(["granted", "granted"]);
    expect(isSlowDone).toBe(false);
    expect(watched.transactions()).toBeLessThanOrEqual(6);
    await Promise.all([slow, ...more]);
  });

  test("on many licences, few on each, are no more than two rounds a transaction together", async () => {
    const ends = Array.from({ length: 8 }, (_, n) => {
      return { ...crowded, licenseId: licenseIdOf(4 + n), tokens: releasesPerStepMax / 2 };
    });
    for (const each of ends) await fill(each);
    clock.advance(3_600_000);
    const desk = new Desk(store);
    const opens = ends.map(({ licenseId }) => desk.decide(on(licenseId, open("late"))));
    expect(codeOf(await desk.decide(open("anna")))).toBe("granted");
    expect(await linesOf("session.expired", ends)).toBeLessThanOrEqual(2 * releasesPerStepMax);
    expect((await Promise.all(opens)).map(codeOf)).toEqual(ends.map(() => "granted"));
    expect(await linesOf("session.expired", ends)).toBe(4 * releasesPerStepMax);
  });

  test.each([
    ["nothing", 0],
    ["a little", 1],
  ])(
    "on the licence that an activation takes its client from are released in rounds as well, though its own has %s to release",
    async (_, over) => {
      const other = licenseSetting({ licenseId: licenseIdOf(4), tokens: over });
      await fill(other);
      await crowd();
      const desk = new Desk(store);
      const activated = desk.decide({
        ...{ type: "activate", isvId: place.isvId, licenseId: other.licenseId, clientId: "user1", tokenKey: null },
        ...{ clientName: null, clientDescription: null, softwareVersion: null },
        ids: { session: "moved", assignment: "moved", token: "moved" },
      });
      expect(codeOf(await desk.decide(open("anna")))).toBe("granted");
      expect(await linesOf("session.expired", [crowded])).toBeLessThanOrEqual(2 * releasesPerStepMax);
      expect(codeOf(await activated)).toBe("granted");
      expect(await linesOf("session.expired", [crowded])).toBe(tokens);
    },
  );

  test("a temporary licence that is over takes its clients' tokens a round a transaction, and nobody sees that", async () => {
    const clients = 2.5 * releasesPerStepMax;
    const expiresAt = clock.now() + 3_600_000;
    const guests = licenseSetting({ licenseId: licenseIdOf(3), tokens: clients, isTemporary: true, expiresAt });
    await store.saveCatalog(entitiesOf(guests).filter(({ kind }) => kind === "license" || kind === "edition"));
    const opens = Array.from({ length: clients }, (_, n) => on(guests.licenseId, open(`guest${n}`)));
    await store.transact(opens, (licenses, now) => {
      for (const command of opens) step(licenses, command, now);
    });
    clock.advance(3_600_000);
    const watched = failing(() => false);
    const desk = new Desk(watched.store);
    const late = desk.decide(on(guests.licenseId, open("late"))).then(codeOf);
    expect(codeOf(await desk.decide(open("anna")))).toBe("granted");
    expect(watched.transactions()).toBe(1);
    expect(await late).toBe("license_expired");
    const license = await store.read(guests.isvId, guests.licenseId);
    expect([license?.assigned, license?.openSessions]).toEqual([0, 0]);
    const lines = await store.history(guests.isvId, guests.licenseId, 4 * clients);
    expect(lines.filter(({ kind }) => kind === "client.unassigned")).toHaveLength(clients);
    expect(watched.transactions()).toBeGreaterThan(4);
  });

  test("are released by a sweep as well, a round a transaction", async () => {
    await crowd();
    const watched = failing(() => false);
    await sweep(watched.store, new Desk(watched.store));
    expect((await store.read(crowded.isvId, crowded.licenseId))?.openSessions).toBe(0);
    // The first one is the sign of life.
    expect(watched.transactions()).toBe(1 + 4);
  });
});

describe("the desk", () => {
  test("decides what arrives in one turn in one transaction, in its order", async () => {
    const watched = failing(() => false);
    const desk = new Desk(watched.store);
    expect(await decideTogether(desk, [open("anna"), open("ben"), open("cleo")])).toEqual([
      "granted",
      "granted",
      "tokens_exhausted",
    ]);
    expect(watched.transactions()).toBe(1);
  });

  test("answers in order within one submission", async () => {
    const desk = new Desk(store);
    const outcomes = await new Promise<readonly (Outcome | Error)[]>((resolve) => {
      desk.submit([open("anna"), open("ben"), open("cleo"), open("anna")], resolve);
    });
    expect(outcomes.map(codeOf)).toEqual(["granted", "granted", "tokens_exhausted", "granted"]);
  });

  test("fails one that the store cannot take, and not those beside it", async () => {
    const desk = new Desk(failing((clientId) => clientId === "poison").store);
    expect(await decideTogether(desk, [open("anna"), open("poison"), open("ben")])).toEqual([
      "granted",
      "StoreFault",
      "granted",
    ]);
    expect((await store.read(place.isvId, place.licenseId))?.holders).toBe(2);
  });

  test("puts each act on record once, though its batch failed beside another, and none that was denied or failed", async () => {
    const desk = new Desk(failing((clientId) => clientId === "poison").store);
    const opens = ["anna", "poison", "ben", "cleo"].map((name) => desk.decide(open(name), opened));
    const codes = await Promise.all(opens.map((outcome) => outcome.then(codeOf, codeOf)));
    expect(codes).toEqual(["granted", "StoreFault", "granted", "tokens_exhausted"]);
    expect(await audited()).toEqual(["anna", "ben"]);
  });

  test("whose line of an act cannot be made has not done the act", async () => {
    const desk = new Desk(store);
    const bug = () => {
      throw new TypeError("a bug");
    };
    const codes = [desk.decide(open("anna"), bug), desk.decide(open("ben"), opened)];
    expect(await Promise.all(codes.map((outcome) => outcome.then(codeOf, codeOf)))).toEqual(["TypeError", "granted"]);
    expect(await store.read(place.isvId, place.licenseId)).toMatchObject({ holders: 1, clients: 1 });
    expect(await audited()).toEqual(["ben"]);
  });

  test("a bug in one decision fails that one alone, and nothing of it stays half done", async () => {
    const desk = new Desk(failing((clientId) => clientId === "poison", new TypeError("a bug")).store);
    const clients = ["poison", "poison", "poison", "poison", "anna"];
    expect(await decideTogether(desk, clients.map(open))).toEqual([...Array(4).fill("TypeError"), "granted"]);
    expect(await store.read(place.isvId, place.licenseId)).toMatchObject({ holders: 1, clients: 1 });
  });

  test("does not try everybody on a store that is down", async () => {
    const watched = failing(() => true);
    const desk = new Desk(watched.store);
    const codes = await decideTogether(
      desk,
      Array.from({ length: 50 }, (_, n) => open(`client ${n}`)),
    );
    expect(new Set(codes)).toEqual(new Set(["StoreFault"]));
    expect(watched.transactions()).toBeLessThan(6);
  });

  test("refuses at once what is beyond its queue, and decides the rest", async () => {
    const desk = new Desk(store);
    const many = Array.from({ length: commandsWaitingMax }, () => open("anna"));
    const decided = new Promise<readonly (Outcome | Error)[]>((resolve) => desk.submit(many, resolve));
    expect(() => desk.submit([open("ben")], () => {})).toThrow(Overloaded);
    expect((await decided).every((outcome) => codeOf(outcome) === "granted")).toBe(true);
  });
});

describe("an outage in which the process lives on", () => {
  const period = 60 * 60_000;

  test("is added to the sessions that were live when it began, before anybody else is decided", async () => {
    const desk = new Desk(store, { noticesOutages: true });
    expect(await decideTogether(desk, [open("anna"), open("ben")])).toEqual(["granted", "granted"]);
    clock.advance(period + 1);
    expect(await decideTogether(desk, [open("cleo")])).toEqual(["tokens_exhausted"]);
    const kinds = (await store.history(place.isvId, place.licenseId, 100)).map(({ kind }) => kind);
    expect(kinds).toContain("outage.credited");
  });

  test("is none while the server beats", async () => {
    const desk = new Desk(store, { noticesOutages: true });
    await decideTogether(desk, [open("anna"), open("ben")]);
    for (let at = 0; at <= period; at += 30_000) {
      clock.advance(30_000);
      await sweep(store, desk);
    }
    expect(await decideTogether(desk, [open("cleo")])).toEqual(["granted"]);
  });

  test("is not what a clock is that somebody moves by hand", async () => {
    const desk = new Desk(store);
    await decideTogether(desk, [open("anna"), open("ben")]);
    clock.advance(period + 1);
    expect(await decideTogether(desk, [open("cleo")])).toEqual(["granted"]);
  });
});

test("the sweep comes to every licence with something over, however many are busy", async () => {
  const settings = Array.from({ length: 200 }, (_, n) => licenseSetting({ licenseId: licenseIdOf(10 + n), tokens: 1 }));
  await store.saveCatalog(settings.flatMap(entitiesOf));
  const desk = new Desk(store);
  const openAt = (n: number) => ({ ...open("anna"), licenseId: licenseIdOf(10 + n) }) as Command;
  await decideTogether(
    desk,
    settings.map((_, n) => openAt(n)),
  );
  clock.advance(60 * 60_000);
  for (let round = 0; round < 4; round++) await sweep(store, desk);
  expect(store.liveLicenses()).toEqual([]);
});
