/**
 * The differential run: one random stream of commands on every store (those that last are closed and opened again at
 * random moments) and on the independent model. Every outcome must be equal at every step, every table at checkpoints,
 * and the run fails unless each (command, outcome) pair of the list below was reached often enough.
 *
 * A short run always takes the same seed, so that a change is judged and not the luck of the day; a long one takes a new
 * one each time. `SEED=…` repeats a run; `WORLDS=…` and `STEPS=…` set its size, `DIFFERENTIAL=long` the size of `npm run test:long`.
 */
import { expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import type { Command, DenialCode, HistoryRecord, LicenseView, Millis } from "../../src/core/types.ts";
import type { Store } from "../../src/stores/store.ts";
import { broken, type Sight, sightOfModel, sightOfView, withoutOver } from "../model/invariants.ts";
import { Model, type ModelOutcome } from "../model/model.ts";
import { movesOf } from "../model/moves.ts";
import {
  comparableHistory,
  comparableModelOutcome,
  comparableOutcome,
  comparableSnapshot,
  comparableView,
} from "../model/same.ts";
import { entitiesOf, type LicenseSetting, modelTermsOf } from "../model/vendor.ts";
import { elapse } from "../stores/steps.ts";
import { postgresUnderTest, type StoreUnderTest, storesUnderTest, threadUnderTest } from "../stores/under-test.ts";
import { floors } from "./floors.ts";
import { Random, Stream, startingSettings, type Timed } from "./stream.ts";

const isLong = process.env.DIFFERENTIAL === "long";
const seed = Number(process.env.SEED ?? (isLong ? Date.now() % 1_000_000_000 : 20_261_122));
const worlds = Number(process.env.WORLDS ?? (isLong ? 600 : 24));
const stepsPerWorld = Number(process.env.STEPS ?? 900);
/** The floors are those of a short run; a longer one must reach no less, a deliberately shorter one is not judged. */
const isJudged = worlds * stepsPerWorld >= 24 * 900;
const stepsPerCheckpoint = 50;
/** Half an hour before a month, a quarter and a year begin. */
const start = Date.parse("2025-12-31T23:30:00Z");

const kinds = storesUnderTest();
/** A round trip for each step: one world of twelve goes there too. */
const distant = [threadUnderTest(), postgresUnderTest()];
const kindsOf = (world: number) => (world % 12 === 0 ? [...kinds, ...distant] : kinds);
const reached = new Map<string, number>();

for (let world = 0; world < worlds; world++) {
  test(`world ${world} of seed ${seed} ends alike on every store and in the model`, {
    timeout: 120_000,
  }, async () => {
    try {
      await new World(seed + world * 7919, kindsOf(world)).run();
    } catch (error) {
      const again = `SEED=${seed} WORLDS=${worlds} STEPS=${stepsPerWorld} vitest run server/test/differential -t "world ${world} "`;
      (error as Error).message = `${(error as Error).message}\nrepeat with: ${again}`;
      throw error;
    }
  });
}

test.runIf(isJudged)("the run reached every pair of command and outcome often enough", () => {
  // biome-ignore lint/suspicious/noConsole: asked for, to set the floors anew.
  if (process.env.SHOW_REACHED === "1") console.log(Object.fromEntries([...reached].sort()));
  const short = Object.entries(floors)
    .filter(([pair, floor]) => (reached.get(pair) ?? 0) < floor)
    .map(([pair, floor]) => `${pair}: ${reached.get(pair) ?? 0} of ${floor}`);
  expect(short, `seed ${seed}`).toEqual([]);
  const unlisted = [...reached.keys()].filter((pair) => !(pair in floors));
  expect(unlisted, "a pair without a floor: give it one in floors.ts").toEqual([]);
});

class World {
  readonly #random: Random;
  readonly #clock = new HeldClock(start);
  readonly #model = new Model();
  readonly #kinds: readonly StoreUnderTest[];
  readonly #stores: { readonly kind: StoreUnderTest; store: Store }[] = [];
  readonly #settings: LicenseSetting[];
  /** The last steps, for whoever has to understand a failure. */
  readonly #trail: string[] = [];

  constructor(worldSeed: number, storeKinds: readonly StoreUnderTest[]) {
    this.#kinds = storeKinds;
    this.#random = new Random(worldSeed);
    this.#settings = startingSettings(this.#random, start);
  }

  async run(): Promise<void> {
    try {
      for (const kind of this.#kinds) this.#stores.push({ kind, store: await kind.open(this.#clock) });
      for (const setting of this.#settings) await this.#saveTerms(setting);
      const stream = new Stream(this.#random, this.#model, this.#settings);
      for (let n = 1; n <= stepsPerWorld; n++) {
        const event = stream.next(this.#clock.now());
        this.#trail.push(`${this.#clock.now() - start} ${JSON.stringify(event)}`);
        if (event.type === "advance") await elapse(this.#clock, event.ms, () => this.#live());
        else if (event.type === "terms") await this.#saveTerms(event.setting);
        else if (event.type === "reopen") await this.#reopen();
        else await this.#transact(event.commands);
        if (n % stepsPerCheckpoint === 0) await this.#compareTables();
      }
      await this.#reopen();
      await this.#compareTables();
    } catch (error) {
      (error as Error).message = `${(error as Error).message}\nlast steps:\n${this.#trail.slice(-8).join("\n")}`;
      throw error;
    } finally {
      for (const { store } of this.#stores) await store.close();
    }
  }

  async #saveTerms(setting: LicenseSetting): Promise<void> {
    const entities = entitiesOf(setting);
    for (const { store } of this.#stores) await store.saveCatalog(entities);
    this.#model.setTerms(setting.isvId, setting.licenseId, modelTermsOf(setting));
  }

  /** For the stores that would otherwise owe somebody an outage. */
  async #live(): Promise<void> {
    for (const { kind, store } of this.#stores) if (kind.saysWhatIsOwed === true) await store.live();
  }

  async #reopen(): Promise<void> {
    for (const one of this.#stores) one.store = (await one.kind.reopen?.(one.store, this.#clock)) ?? one.store;
    // Time does not go back over a restart, and what a leading clock wrote by up to a minute stands: wait for it.
    const latest = Math.max(...this.#stores.map(({ store }) => store.now()));
    this.#clock.advance(Math.max(0, latest - this.#clock.now()));
    await this.#live();
  }

  async #transact(commands: readonly Timed[]): Promise<void> {
    const now = this.#clock.now();
    const pairs: string[] = [];
    const outcomes = commands.map(({ command, leadMs }) => {
      const lines = this.#model.lineCount;
      const sight = () => {
        const license = this.#model.license(command.isvId, command.licenseId);
        return license?.terms.clientType === "projects" ? sightOfModel(license) : null;
      };
      const before = sight();
      const waiting = this.#model.license(command.isvId, command.licenseId)?.queue.map(({ holder }) => holder) ?? [];
      const outcome = this.#model.step(command, now + leadMs);
      checkInvariants("the model", before, sight(), command, outcome.denialCode, now + leadMs);
      pairs.push(...pairsOf(command, outcome, this.#model, lines, now), ...queuePairsOf(outcome, waiting));
      return outcome;
    });
    const expected = commands.map(({ leadMs }, n) => comparableModelOutcome(outcomes[n] as ModelOutcome, now + leadMs));
    const bare = commands.map(({ command }) => command);
    for (const { kind, store } of this.#stores) {
      const { name } = kind;
      const actual = await store.transact(bare, (licenses, told, owed) => {
        // No server was away, and every command is stepped at the one instant.
        expect({ told, owed }, name).toEqual({ told: now, owed: [] });
        return commands.map(({ command, leadMs }) => {
          const sight = () => {
            const license = licenses.license(command.isvId, command.licenseId);
            return license?.terms.clientType === "projects" ? sightOfView(license) : null;
          };
          const before = sight();
          const outcome = step(licenses, command, now + leadMs);
          checkInvariants(name, before, sight(), command, outcome.denial?.code ?? null, now + leadMs);
          return comparableOutcome(outcome, now + leadMs);
        });
      });
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        expect(actual, `outcomes on ${name}, wanted is the model`).toEqual(expected);
    }
    for (const pair of pairs) reached.set(pair, (reached.get(pair) ?? 0) + 1);
  }

  async #compareTables(): Promise<void> {
    const now: Millis = this.#clock.now();
    // What is over is in the history only once somebody looked: a sweep everywhere makes the tables comparable.
    await this.#transact(
      this.#settings.map(({ isvId, licenseId }) => ({ command: { type: "sweep", isvId, licenseId }, leadMs: 0 })),
    );
    for (const { isvId, licenseId } of this.#settings) {
      const expected = comparableSnapshot(this.#model.snapshot(isvId, licenseId, now), now);
      const lines = comparableHistory(this.#model.history(isvId, licenseId));
      for (const { kind, store } of this.#stores) {
        const { name } = kind;
        const view = await store.read(isvId, licenseId);
        if (view === undefined) throw new Error(`${name} has no licence ${licenseId}`);
        expect(comparableView(view, now), `licence ${licenseId} on ${name}`).toEqual(expected);
        const counters = {
          open: view.openSessions,
          holders: view.holders,
          clients: view.clients,
          out: view.checkedOut,
        };
        expect(counters, `counters on ${name}`).toEqual({
          open: expected.live.length,
          holders: expected.tokensInUse,
          clients: expected.assignments.length,
          out: expected.tokensOut,
        });
        const history = await store.history(isvId, licenseId, 1_000_000);
        expect(comparableHistory(history), `history on ${name}`).toEqual(lines);
        expect(tokensOf(history), `tokens by history on ${name}`).toEqual(tokensInUse(view));
      }
    }
  }
}

/** What the lines of a licence's history add up to, by pool: where its sums end, and that none was ever below nothing. */
function tokensOf(history: readonly HistoryRecord[]): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (pool: string, tokens: number) => {
    sums[pool] = (sums[pool] ?? 0) + tokens;
    expect(sums[pool], `tokens of ${pool}`).toBeGreaterThanOrEqual(0);
  };
  for (const { kind, pool, tokens } of history) {
    if (pool === null || tokens === 0) continue;
    add(pool, tokens);
    if (kind === "project.switched") add(pool === "mono" ? "team" : "mono", -tokens);
  }
  return Object.fromEntries(Object.entries(sums).filter(([, tokens]) => tokens !== 0));
}

function tokensInUse(view: LicenseView): Record<string, number> {
  const { terms } = view;
  const all: Record<string, number> =
    terms.provisioningMode === "named"
      ? { named: view.assigned }
      : terms.clientType === "projects"
        ? { mono: view.attended("mono"), team: view.attended("team") }
        : { floating: view.holders };
  return Object.fromEntries(Object.entries(all).filter(([, tokens]) => tokens !== 0));
}

/** INV1 to INV8 of project licences, on whoever made the step. */
function checkInvariants(
  name: string,
  before: Sight | null,
  after: Sight | null,
  command: Command,
  denial: DenialCode | null,
  at: Millis,
): void {
  if (before === null || after === null) return;
  // Neither an outage's credit nor a clock that is set releases what is over.
  const isReleased = command.type !== "credit" && command.type !== "settle";
  const found = broken(isReleased ? withoutOver(before, at) : before, after, command, denial);
  if (found.length > 0) expect(found, name).toEqual([]);
}

/** What the queue had to do with a step; `waiting`: the holders that stood in it before. */
function queuePairsOf({ denialCode, queuePosition, session, inUse, limit }: ModelOutcome, waiting: readonly string[]) {
  const pairs: string[] = [];
  if (queuePosition !== null) pairs.push(queuePosition > 1 ? "the queue: waits behind others" : "the queue: waits");
  if (denialCode === "tokens_exhausted" && inUse < limit) pairs.push("the queue: a free token is for others");
  if (session !== null && waiting.includes(session.holder)) pairs.push("the queue: served");
  return pairs;
}

/** The names under which a step counts towards the floors: what it was, and notable ways in which it was granted. */
function pairsOf(
  command: Timed["command"],
  outcome: ModelOutcome,
  model: Model,
  linesBefore: number,
  now: Millis,
): string[] {
  const wrote = new Set(model.linesSince(linesBefore).map(({ kind }) => kind));
  const pairs: string[] = [];
  // Whoever comes first finds a temporary licence over, and may be denied for it.
  const { isTemporary, expiresAt } = model.license(command.isvId, command.licenseId)?.terms ?? {};
  const isOver = isTemporary === true && expiresAt != null && expiresAt <= now;
  if (isOver && wrote.has("client.unassigned")) pairs.push("any command: ended a temporary licence");
  if (outcome.denialCode !== null) return [...pairs, `${command.type}: ${outcome.denialCode}`];
  const note = (name: string, isSo: boolean) => {
    if (isSo) pairs.push(`${command.type}: ${name}`);
  };
  note("released what was over", wrote.has("session.expired"));
  if (command.type === "open" && outcome.session !== null) {
    const { session, assignment } = outcome;
    const isNew = session.id === command.ids.session;
    const isCheckout = command.checkoutPeriod !== null && command.checkoutPeriod > 0;
    note("opened", isNew);
    note("extended", !isNew);
    note("checked out", isNew && isCheckout);
    note("extended into a checkout", !isNew && isCheckout);
    note("extended inside a checkout", !isNew && !isCheckout && session.checkoutUntil !== null);
    note("overuse", isNew && session.isOveruse);
    note("a voucher", command.voucher != null);
    note("moved", !isNew && movesOf(session.sightings).at(-1)?.at === now);
    note("from several addresses by turns", wrote.has("session.moved"));
    note("renewed", !isNew && command.renewal != null && command.renewal.last !== "");
    const { live, terms, projects } = model.snapshot(command.isvId, command.licenseId, now);
    if (terms.clientType === "projects") {
      const inside = live.filter(({ holder }) => holder === session.holder).length;
      const kind = projects.find(({ id }) => id === session.holder)?.kind;
      note(`first of a ${kind} project`, isNew && inside === 1);
      note(`joined a ${kind} project`, isNew && inside > 1);
      note(`extended on a ${kind} project`, !isNew);
    }
    note("activated", isNew && assignment?.id === command.ids.assignment);
    note("activated again", isNew && wrote.has("client.activated") && assignment?.id !== command.ids.assignment);
    return pairs;
  }
  note("granted", true);
  if (command.type === "consume") {
    const quotas = outcome.quotas.map(({ transactionId }) => transactionId !== null);
    note("allowed", quotas.includes(true));
    note("not allowed", quotas.includes(false));
    note("some allowed and some not", new Set(quotas).size === 2);
  }
  if (command.type === "consumption.rollback") {
    const { consumptions } = model.license(command.isvId, command.licenseId)?.items ?? { consumptions: [] };
    const one = consumptions.find(({ transactionId }) => transactionId === command.transactionId);
    note("of what was given back in part", one?.isBack === false);
  }
  note("changed", wrote.has("project.opened") || wrote.has("project.closed") || wrote.has("project.switched"));
  note("stopped an execution", command.type.startsWith("project.") && wrote.has("execution.ended"));
  note("ended by report", command.type === "execution.report" && wrote.has("execution.ended"));
  note("threw users out", command.type.startsWith("project.") && wrote.has("session.ended"));
  if (command.type === "project.kind" && wrote.has("project.switched")) {
    const { live } = model.snapshot(command.isvId, command.licenseId, now);
    note(
      `attended to ${command.kind}`,
      live.some(({ holder }) => holder === command.projectId),
    );
  }
  note("checked in early", command.type === "close" && outcome.session?.voucher != null && command.givenUp != null);
  note("overridden", command.type === "end" && model.linesSince(linesBefore).some(({ isOveruse }) => isOveruse));
  note("moved", command.type === "activate" && wrote.has("client.unassigned"));
  note("moved with sessions", command.type === "activate" && wrote.has("session.ended"));
  note("goodwill", command.type === "activate" && outcome.assignment?.isGoodwill === true);
  note("ended sessions", command.type === "unassign" && wrote.has("session.ended"));
  note("ended", command.type === "end" && wrote.has("session.ended"));
  note("credited", wrote.has("outage.credited"));
  note("settled", wrote.has("clock.settled"));
  if (command.type === "heartbeat") {
    const { live, terms } = model.snapshot(command.isvId, command.licenseId, now);
    const isKept = live.some(
      (one) => one.clientId === command.clientId && one.extendedAt === now && one.openedAt < now,
    );
    note("kept a session alive", terms.heartbeatsExtendSessions && isKept);
  }
  return pairs;
}
