/** The desk on a store that takes several transactions at a time: who goes together, who waits, and for whom. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import type { Outcome } from "../../src/core/step.ts";
import type { Command } from "../../src/core/types.ts";
import { Desk, type Reply } from "../../src/desk/desk.ts";
import { commandsPerTransactionMax } from "../../src/desk/limits.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { type AuditedLicenses, LicensesBusy, type Patience, type Store, StoreFault } from "../../src/stores/store.ts";
import { Random } from "../differential/stream.ts";
import { entitiesOf, freshId, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { openersIn, opening } from "./openers.ts";

const names = ["A", "B", "C", "D", "E"] as const;
type Name = (typeof names)[number];
const settings = names.map((_, n) => licenseSetting({ licenseId: licenseIdOf(n + 1), tokens: 10_000 }));
const { isvId } = licenseSetting();
const placeOf = (name: Name) => ({ isvId, licenseId: licenseIdOf(names.indexOf(name) + 1) });
const nameOf = ({ licenseId }: { readonly licenseId: string }) =>
  names.find((name) => placeOf(name).licenseId === licenseId);

/** A transaction that the desk began, under way until the test ends it. */
interface Transaction {
  /** Its commands, each as licence and client. */
  readonly commands: readonly string[];
  readonly licenses: readonly string[];
  readonly patience: Patience | undefined;
  /** Runs the work and keeps what it did; `busy` are licences that it must do without. */
  keep(...busy: Name[]): void;
  fail(error: Error): void;
  /** Runs the work and fails then: nothing of it is kept. */
  lose(error: Error): void;
}

let memory: Store;
let lanes: number;
let begun: Transaction[];
let underWay: Transaction[];
/** What was kept, in its order. */
let kept: string[];
/** What the desk did to the store against the contract. */
let breaches: string[];
let store: Store;
let desk: Desk;

beforeEach(async () => {
  memory = openMemoryStore(new HeldClock());
  await memory.saveCatalog(settings.flatMap(entitiesOf));
  lanes = 2;
  begun = [];
  underWay = [];
  kept = [];
  breaches = [];
  store = Object.create(memory, { lanes: { get: () => lanes }, transact: { value: transact } });
  desk = new Desk(store);
});

afterEach(() => expect(breaches).toEqual([]));

function transact<T>(...[commands, work, patience]: Parameters<typeof memory.transact<T>>): Promise<T> {
  const licenses = [...new Set(commands.map((command) => nameOf(command) ?? command.licenseId))];
  const shared = licenses.filter((name) => underWay.some((other) => other.licenses.includes(name)));
  if (shared.length > 0) breaches.push(`a second transaction on ${shared}`);
  if (underWay.length >= lanes) breaches.push(`more than ${lanes} transactions`);
  return new Promise((resolve, reject) => {
    const end = () => underWay.splice(underWay.indexOf(transaction), 1);
    const transaction: Transaction = {
      commands: commands.map(shown),
      licenses,
      patience,
      keep(...busy) {
        end();
        const locked = commands.filter((command) => !busy.includes(nameOf(command) as Name));
        const places = busy.map(placeOf);
        resolve(memory.transact(commands, (shows, now, owed) => work(only(locked, shows), now, owed, places)));
      },
      lose(error) {
        end();
        const before = kept.length;
        const losing = memory.transact(commands, (shows, now, owed) => {
          work(only(commands, shows), now, owed, []);
          throw error;
        });
        kept.length = before;
        resolve(losing);
      },
      fail(error) {
        end();
        reject(error);
      },
    };
    begun.push(transaction);
    underWay.push(transaction);
  });
}

/** No licence but those of the commands, as of a store with many of them. */
function only(commands: readonly Command[], licenses: AuditedLicenses): AuditedLicenses {
  return {
    license(isvId, licenseId) {
      if (!commands.some((one) => one.isvId === isvId && one.licenseId === licenseId)) {
        breaches.push(`a look at ${licenseId}, which no command named`);
      }
      return licenses.license(isvId, licenseId);
    },
    siblings: (license, clientId) => licenses.siblings(license, clientId),
    apply(license, change) {
      if (change.type === "session") kept.push(`${nameOf(license.terms)} ${change.session.clientId}`);
      licenses.apply(license, change);
    },
    record: (line) => licenses.record(line),
    gather: (value) => licenses.gather(value),
    audit: (line) => licenses.audit(line),
  };
}

const opened = opening(isvId);
const audited = () => openersIn(memory, isvId);

let ids = 0;

/** Commands by licence and client: "A anna" opens a session for anna on A. */
function commandOf(text: string): Command {
  const [name, clientId] = text.split(" ") as [Name, string];
  const n = ++ids;
  const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", ...placeOf(name), clientId, ...nothing, ids: fresh };
}

function shown(command: Command): string {
  return `${nameOf(command)} ${"clientId" in command ? command.clientId : command.type}`;
}

const codeOf = (outcome: Outcome | Error) =>
  outcome instanceof Error ? outcome.name : (outcome.denial?.code ?? "granted");

/** One job of these commands. Its answer stands in `told` once it was given. */
function submit(...commands: string[]): {
  told: readonly string[] | null;
  readonly answered: Promise<readonly string[]>;
} {
  const { promise: answered, resolve } = Promise.withResolvers<readonly string[]>();
  const job: ReturnType<typeof submit> = { told: null, answered };
  const reply: Reply = (outcomes) => {
    if (job.told !== null) breaches.push(`two answers to ${commands}`);
    job.told = outcomes.map(codeOf);
    resolve(job.told);
  };
  desk.submit(commands.map(commandOf), reply, opened);
  return job;
}

/** Turns of the loop after which nothing more is waited for: more than any test here takes. */
const turnsMax = 10_000;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The transaction of this number among all that were begun, once it is. */
async function transaction(number: number): Promise<Transaction> {
  for (let n = 0; n < turnsMax && begun.length < number; n++) await turn();
  const found = begun[number - 1];
  if (found === undefined) throw new Error(`the desk did not begin transaction ${number}`);
  return found;
}

/** As long as the desk could take for anything that it does without being told to. */
async function quiet(): Promise<void> {
  for (let n = 0; n < 10; n++) await turn();
}

const busy = (...licenses: Name[]) => new LicensesBusy(licenses.map(placeOf));

describe("transactions", () => {
  test("on different licences are under way together, and each answers as soon as it is kept", async () => {
    const anna = submit("A anna");
    const onA = await transaction(1);
    const ben = submit("B ben");
    const onB = await transaction(2);
    expect(underWay).toEqual([onA, onB]);
    onB.keep();
    expect(await ben.answered).toEqual(["granted"]);
    expect(anna.told).toBeNull();
    onA.keep();
    expect(await anna.answered).toEqual(["granted"]);
  });

  test("take together what arrived in one turn, whatever its licences", async () => {
    const jobs = [submit("A anna"), submit("B ben"), submit("A carl", "B carl")];
    const all = await transaction(1);
    expect(all.commands).toEqual(["A anna", "B ben", "A carl", "B carl"]);
    all.keep();
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([
      ["granted"],
      ["granted"],
      ["granted", "granted"],
    ]);
    expect(begun).toHaveLength(1);
  });

  test("on one licence follow one another, and what gathered meanwhile goes together, in its order", async () => {
    submit("A anna");
    const first = await transaction(1);
    first.keep();
    const late = [submit("A ben"), submit("A carl")];
    const second = await transaction(2);
    expect(second.commands).toEqual(["A ben", "A carl"]);
    second.keep();
    await Promise.all(late.map(({ answered }) => answered));
  });

  test("take along what comes for their licences until they have them, in its order and with nobody overtaken", async () => {
    submit("A anna");
    const onA = await transaction(1);
    const joining = [submit("A ben"), submit("A carl", "A carlo")];
    await quiet();
    const both = submit("A dora", "B dora");
    const behind = submit("A emil");
    await quiet();
    expect(begun).toHaveLength(1);
    onA.keep();
    expect(await Promise.all(joining.map(({ answered }) => answered))).toEqual([["granted"], ["granted", "granted"]]);
    expect(kept).toEqual(["A anna", "A ben", "A carl", "A carlo"]);
    const next = await transaction(2);
    expect(next.commands).toEqual(["A dora", "B dora", "A emil"]);
    next.keep();
    await Promise.all([both.answered, behind.answered]);
  });

  test("take nobody along beyond what one transaction may have, nor onto a licence that they do without", async () => {
    submit(...Array.from({ length: commandsPerTransactionMax - 1 }, (_, n) => `A ${n}`), "B anna");
    const onBoth = await transaction(1);
    const tooMany = submit("A ben");
    await quiet();
    onBoth.keep();
    const second = await transaction(2);
    expect(second.commands).toEqual(["A ben"]);
    second.keep();
    await tooMany.answered;
    const [free, left] = [submit("A carl"), submit("B carl")];
    const third = await transaction(3);
    const late = [submit("A dora"), submit("B dora")] as const;
    third.keep("B");
    expect(await Promise.all([free.answered, late[0].answered])).toEqual([["granted"], ["granted"]]);
    const fourth = await transaction(4);
    expect(fourth.commands).toEqual(["B carl", "B dora"]);
    fourth.keep();
    await Promise.all([left.answered, late[1].answered]);
  });

  test("that fail in the end are tried again job by job, with those that they took along", async () => {
    const anna = submit("A anna");
    const first = await transaction(1);
    const late = submit("A ben");
    first.lose(new StoreFault("a row does not go in"));
    (await transaction(2)).lose(new StoreFault("a row does not go in"));
    const last = await transaction(3);
    expect(last.commands).toEqual(["A ben"]);
    last.keep();
    expect(await Promise.all([anna.answered, late.answered])).toEqual([["StoreFault"], ["granted"]]);
    expect(kept).toEqual(["A ben"]);
  });

  test("of which nobody knows whether they were kept are unknown to those that they took along, too", async () => {
    const anna = submit("A anna");
    const first = await transaction(1);
    const late = submit("A ben");
    first.lose(new StoreFault("the connection broke in the commit", { isUnknown: true }));
    expect(await Promise.all([anna.answered, late.answered])).toEqual([["StoreFault"], ["StoreFault"]]);
    await quiet();
    expect(begun).toHaveLength(1);
  });

  test("are never more than the store has lanes", async () => {
    submit("A anna");
    const onA = await transaction(1);
    submit("B anna");
    const onB = await transaction(2);
    const waiting = submit("C anna");
    await quiet();
    expect(begun).toHaveLength(2);
    onA.keep();
    const onC = await transaction(3);
    expect(onC.commands).toEqual(["C anna"]);
    onB.keep();
    onC.keep();
    expect(await waiting.answered).toEqual(["granted"]);
  });

  test("of several licences wait for all of them, and are not overtaken meanwhile", async () => {
    submit("A anna");
    const onA = await transaction(1);
    const both = submit("A ben", "B ben");
    await quiet();
    const late = submit("B carl");
    await quiet();
    expect(begun).toHaveLength(1);
    onA.keep();
    const next = await transaction(2);
    expect(next.commands).toEqual(["A ben", "B ben", "B carl"]);
    next.keep();
    await Promise.all([both.answered, late.answered]);
  });

  test("that fail leave those beside them alone", async () => {
    const anna = submit("A anna");
    const onA = await transaction(1);
    const ben = submit("B ben");
    const onB = await transaction(2);
    onA.fail(new StoreFault("the row does not go in"));
    expect(await anna.answered).toEqual(["StoreFault"]);
    expect(ben.told).toBeNull();
    onB.keep();
    expect(await ben.answered).toEqual(["granted"]);
  });

  test("step what the licences are owed before anything else", async () => {
    const owing: Store = Object.create(memory, {
      transact: {
        value: (...[commands, work, patience]: Parameters<Store["transact"]>) =>
          memory.transact(
            commands,
            (licenses, now) => work(licenses, now, [{ type: "credit", ...placeOf("A"), from: 0, lengthMs: 120_000 }]),
            patience,
          ),
      },
    });
    await memory.transact([], () => null);
    desk = new Desk(memory);
    await submit("A anna").answered;
    desk = new Desk(owing);
    await submit("A ben").answered;
    const kinds = (await memory.history(isvId, placeOf("A").licenseId, 10)).map(({ kind }) => kind);
    expect(kinds).toEqual([
      "client.activated",
      "session.opened",
      "outage.credited",
      "client.activated",
      "session.opened",
    ]);
  });
});

describe("a licence in another server's hands", () => {
  test("keeps its own jobs waiting apart, and everybody else is answered", async () => {
    const jobs = [submit("A anna"), submit("B ben"), submit("C carl")] as const;
    const first = await transaction(1);
    expect(first.patience).toBe("refuses");
    first.fail(busy("B"));
    const free = await transaction(2);
    expect([free.commands, free.patience]).toEqual([["A anna", "C carl"], "refuses"]);
    free.keep();
    expect(await Promise.all([jobs[0].answered, jobs[2].answered])).toEqual([["granted"], ["granted"]]);
    const apart = await transaction(3);
    expect([apart.commands, apart.patience]).toEqual([["B ben"], "waits"]);
    expect(jobs[1].told).toBeNull();
    // While it is waited for, the other lane goes on.
    const dora = submit("A dora");
    const onA = await transaction(4);
    expect([onA.commands, onA.patience]).toEqual([["A dora"], "refuses"]);
    onA.keep();
    expect(await dora.answered).toEqual(["granted"]);
    expect(jobs[1].told).toBeNull();
    apart.keep();
    expect(await jobs[1].answered).toEqual(["granted"]);
  });

  test("is left out of a batch that goes on without it: its jobs join the next one, and only then are waited for", async () => {
    const jobs = [submit("A anna"), submit("B ben"), submit("B bill")] as const;
    (await transaction(1)).keep("B");
    expect(await jobs[0].answered).toEqual(["granted"]);
    submit("C carl");
    const again = await transaction(2);
    expect([again.commands, again.patience]).toEqual([["B ben", "B bill", "C carl"], "refuses"]);
    again.keep("B");
    const apart = await transaction(3);
    expect([apart.commands, apart.patience]).toEqual([["B ben", "B bill"], "waits"]);
    apart.keep();
    expect(await Promise.all([jobs[1].answered, jobs[2].answered])).toEqual([["granted"], ["granted"]]);
  });

  test("leaves a job of several licences out whole, and nobody overtakes it on the others", async () => {
    const both = submit("A anna", "B anna");
    const behind = submit("A ben");
    const free = submit("C carl");
    (await transaction(1)).keep("B");
    expect(await free.answered).toEqual(["granted"]);
    const again = await transaction(2);
    expect(again.commands).toEqual(["A anna", "B anna", "A ben"]);
    again.keep();
    expect(await Promise.all([both.answered, behind.answered])).toEqual([["granted", "granted"], ["granted"]]);
  });

  test("is waited for by all that want it together, in their order, and whoever comes later joins them", async () => {
    for (const client of ["anna", "ben", "carl"]) submit(`A ${client}`);
    const first = await transaction(1);
    const late = submit("A dora");
    first.fail(busy("A"));
    const apart = await transaction(2);
    expect([apart.commands, apart.patience]).toEqual([["A anna", "A ben", "A carl"], "waits"]);
    await quiet();
    expect(begun).toHaveLength(2);
    apart.keep();
    await late.answered;
    expect(kept).toEqual(["A anna", "A ben", "A carl", "A dora"]);
  });

  test("does not make those wait who wait for another one", async () => {
    lanes = 3;
    const [onA, onB] = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(busy("A", "B"));
    const [first, second] = [await transaction(2), await transaction(3)];
    expect([first.commands, second.commands]).toEqual([["A anna"], ["B ben"]]);
    second.keep();
    expect(await onB.answered).toEqual(["granted"]);
    expect(onA.told).toBeNull();
    first.keep();
    expect(await onA.answered).toEqual(["granted"]);
  });

  test("leaves one lane to whoever need not wait, however many licences are waited for", async () => {
    const waiting = ["A anna", "B ben"].map((command) => submit(command));
    (await transaction(1)).fail(busy("A", "B"));
    const first = await transaction(2);
    expect([first.commands, first.patience]).toEqual([["A anna"], "waits"]);
    const free = submit("C carl");
    const second = await transaction(3);
    expect([second.commands, second.patience]).toEqual([["C carl"], "refuses"]);
    second.keep();
    expect(await free.answered).toEqual(["granted"]);
    first.keep();
    (await transaction(4)).keep();
    expect(await Promise.all(waiting.map(({ answered }) => answered))).toEqual([["granted"], ["granted"]]);
  });

  test("keeps back whoever comes behind a job that waits, on all of that job's licences", async () => {
    const both = submit("A anna", "B anna");
    const behind = submit("A ben");
    const free = submit("C carl");
    (await transaction(1)).fail(busy("B"));
    const others = await transaction(2);
    expect(others.commands).toEqual(["C carl"]);
    others.keep();
    expect(await free.answered).toEqual(["granted"]);
    const apart = await transaction(3);
    expect(apart.commands.slice(0, 2)).toEqual(["A anna", "B anna"]);
    apart.keep();
    expect(await both.answered).toEqual(["granted", "granted"]);
    if (apart.commands.length < 3) (await transaction(4)).keep();
    expect(await behind.answered).toEqual(["granted"]);
  });

  test("keeps back whoever comes later still, behind a job that waits for it", async () => {
    const early = submit("A ben");
    const both = submit("A anna", "B anna");
    (await transaction(1)).fail(busy("B"));
    const free = await transaction(2);
    expect(free.commands).toEqual(["A ben"]);
    const late = submit("A carl");
    await quiet();
    free.keep();
    expect(await early.answered).toEqual(["granted"]);
    expect(late.told).toBeNull();
    (await transaction(3)).keep();
    expect(await Promise.all([both.answered, late.answered])).toEqual([["granted", "granted"], ["granted"]]);
    expect(kept).toEqual(["A ben", "A anna", "B anna", "A carl"]);
  });

  test("may be found one after the other: whoever is left goes on each time", async () => {
    lanes = 3;
    const jobs = [submit("A anna"), submit("B ben"), submit("C carl")];
    (await transaction(1)).fail(busy("B"));
    (await transaction(2)).fail(busy("C"));
    const free = await transaction(3);
    expect(free.commands).toEqual(["A anna"]);
    free.keep();
    const [onB, onC] = [await transaction(4), await transaction(5)];
    expect([onB.commands, onC.commands]).toEqual([["B ben"], ["C carl"]]);
    onB.keep();
    onC.keep();
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([["granted"], ["granted"], ["granted"]]);
  });

  test("keeps a job of several licences waiting whole", async () => {
    const both = submit("A anna", "B anna");
    (await transaction(1)).fail(busy("B"));
    const apart = await transaction(2);
    expect([apart.commands, apart.patience]).toEqual([["A anna", "B anna"], "waits"]);
    apart.keep();
    expect(await both.answered).toEqual(["granted", "granted"]);
  });

  test("that no command names, because a client is to be moved from it, is waited for and not asked for again and again", async () => {
    lanes = 3;
    const jobs = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(busy("E"));
    const [onA, onB] = [await transaction(2), await transaction(3)];
    expect([onA, onB].map(({ commands, patience }) => [commands, patience])).toEqual([
      [["A anna"], "waits"],
      [["B ben"], "waits"],
    ]);
    onA.keep();
    onB.keep();
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([["granted"], ["granted"]]);
  });

  test("that does not come free in time is a fault to those alone who waited for it", async () => {
    const [onA, onB] = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(busy("A"));
    (await transaction(2)).keep();
    (await transaction(3)).fail(new StoreFault("the lock was not had in time"));
    expect(await Promise.all([onA.answered, onB.answered])).toEqual([["StoreFault"], ["granted"]]);
    expect(kept).toEqual(["B ben"]);
  });
});

describe("a licence that was waited for in vain", () => {
  test("is refused to all that waited, at once and without trying each, and to all that have come behind them", async () => {
    const waited = [submit("A anna"), submit("A ben")];
    (await transaction(1)).fail(busy("A"));
    const apart = await transaction(2);
    expect(apart.patience).toBe("waits");
    const behind = [submit("A carl"), submit("B carl", "A carl")];
    const other = submit("B dora");
    apart.fail(busy("A"));
    expect(await Promise.all([...waited, ...behind].map(({ answered }) => answered))).toEqual([
      ["LicensesBusy"],
      ["LicensesBusy"],
      ["LicensesBusy"],
      ["LicensesBusy", "LicensesBusy"],
    ]);
    const next = await transaction(3);
    expect(next.commands).toEqual(["B dora"]);
    next.keep();
    expect(await other.answered).toEqual(["granted"]);
    const again = submit("A anna");
    (await transaction(4)).keep();
    expect(await again.answered).toEqual(["granted"]);
  });
});

describe("a transaction of which nobody knows whether it was kept", () => {
  const unknown = () => new StoreFault("the connection broke in the commit", { isUnknown: true });

  test("is not tried again, neither together nor each job for itself", async () => {
    const jobs = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(unknown());
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([["StoreFault"], ["StoreFault"]]);
    await quiet();
    expect(begun).toHaveLength(1);
  });

  test("fails its jobs and not those that follow", async () => {
    const anna = submit("A anna");
    const first = await transaction(1);
    const ben = submit("A ben");
    first.fail(unknown());
    expect(await anna.answered).toEqual(["StoreFault"]);
    (await transaction(2)).keep();
    expect(await ben.answered).toEqual(["granted"]);
    expect(kept).toEqual(["A ben"]);
  });

  test("is not tried again where it stood alone after its batch had failed", async () => {
    const jobs = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(new TypeError("a bug"));
    (await transaction(2)).fail(unknown());
    const last = await transaction(3);
    expect(last.commands).toEqual(["B ben"]);
    last.keep();
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([["StoreFault"], ["granted"]]);
    await quiet();
    expect(begun).toHaveLength(3);
  });

  test("is told from one of which nothing was kept: there each job is tried for itself", async () => {
    const jobs = [submit("A anna"), submit("B ben")];
    (await transaction(1)).fail(new StoreFault("the row does not go in"));
    (await transaction(2)).fail(new StoreFault("the row does not go in"));
    (await transaction(3)).keep();
    expect(await Promise.all(jobs.map(({ answered }) => answered))).toEqual([["StoreFault"], ["granted"]]);
  });
});

describe("an idle desk", () => {
  const watched = () => {
    const idle = { isIdle: false, promise: desk.idle() };
    void idle.promise.then(() => {
      idle.isIdle = true;
    });
    return idle;
  };

  test("is what a desk is to which nothing was given", async () => {
    await expect(desk.idle()).resolves.toBeUndefined();
  });

  test("is one on whose every lane the last transaction has ended, whichever ends last", async () => {
    submit("A anna");
    const onA = await transaction(1);
    submit("B ben");
    const onB = await transaction(2);
    const idle = watched();
    onB.keep();
    await quiet();
    expect(idle.isIdle).toBe(false);
    onA.keep();
    await idle.promise;
    await expect(desk.idle()).resolves.toBeUndefined();
  });

  test("is one of whom nobody waits for a licence any more", async () => {
    const idle = [];
    submit("A anna");
    idle.push(watched());
    const first = await transaction(1);
    submit("A ben");
    first.fail(busy("A"));
    const apart = await transaction(2);
    idle.push(watched());
    apart.keep();
    submit("A carl");
    const last = await transaction(3);
    await quiet();
    expect(idle.map(({ isIdle }) => isIdle)).toEqual([false, false]);
    last.fail(new StoreFault("the row does not go in"));
    await Promise.all(idle.map(({ promise }) => promise));
  });
});

test("a sign of life passes by licences that are waited for", async () => {
  submit("A anna");
  const onA = await transaction(1);
  submit("A ben");
  let hasBeaten = false;
  const beat = desk.beat().then(() => {
    hasBeaten = true;
  });
  const ofBeat = await transaction(2);
  expect(ofBeat.commands).toEqual([]);
  expect(hasBeaten).toBe(false);
  ofBeat.keep();
  await beat;
  onA.keep();
  await desk.idle();
});

const seeds = process.env.SEED === undefined ? Array.from({ length: 40 }, (_, n) => n + 1) : [Number(process.env.SEED)];

/** Where licences are found busy, jobs have one each: a job of several goes behind those that share its batch. */
describe.each([
  ["of several licences each, whose transactions fail now and then", { licensesMax: 3, isBusy: false }],
  ["of one licence each, which other servers have now and then", { licensesMax: 1, isBusy: true }],
])("at random, jobs %s", (_, { licensesMax, isBusy }) => {
  test.each(seeds)("are answered once, in the order of each licence (seed %i)", async (seed) => {
    const random = new Random(seed);
    lanes = 1 + random.below(4);
    const jobs: ReturnType<typeof submit>[] = [];
    const endOne = () => {
      if (underWay.length === 0) return;
      const one = random.pick(underWay);
      if (random.chance(0.75)) one.keep();
      else if (isBusy && one.patience === "refuses" && one.licenses.length > 0) {
        one.fail(busy(...(one.licenses as Name[]).filter((_, n) => n === 0 || random.chance(0.3))));
      } else {
        const fault = new StoreFault("it does not go in", { isUnknown: random.chance(0.5) });
        if (random.chance(0.5)) one.fail(fault);
        else one.lose(fault);
      }
    };
    for (let n = 0; n < 150; n++) {
      const licenses = Array.from({ length: 1 + random.below(licensesMax) }, () => random.pick(names));
      jobs.push(submit(...licenses.map((name) => `${name} ${String(n).padStart(3, "0")}`)));
      if (random.chance(0.6)) await turn();
      if (random.chance(0.6)) endOne();
    }
    let isIdle = false;
    void desk.idle().then(() => {
      isIdle = true;
    });
    for (let n = 0; n < turnsMax && !isIdle; n++) {
      endOne();
      await turn();
    }
    expect(isIdle).toBe(true);
    expect(jobs.filter(({ told }) => told === null)).toEqual([]);
    const granted = jobs.flatMap(({ told }) => told ?? []).filter((code) => code === "granted");
    expect(granted).toHaveLength(kept.length);
    expect(await audited(), "a line of each that was kept, and of no other").toEqual(
      kept.map((command) => command.slice(2)),
    );
    for (const name of names) {
      const onLicense = kept.filter((command) => command.startsWith(name));
      expect(onLicense, `the order on ${name}`).toEqual(onLicense.toSorted());
    }
  });
});
