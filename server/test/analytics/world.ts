/**
 * Random histories through the real rules: all kinds of licences, several vendors, products and customers; the clock held,
 * what lapses noticed late or early, restarts, and counting by two servers in turn at random moments.
 */
import { Rollup } from "../../src/analytics/rollup.ts";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import type { HistoryRecord, Millis } from "../../src/core/types.ts";
import type { Store } from "../../src/stores/store.ts";
import { type Random, Stream, startingSettings, type Timed } from "../differential/stream.ts";
import { Model } from "../model/model.ts";
import { entitiesOf, type LicenseSetting, modelTermsOf } from "../model/vendor.ts";
import { linesBetween } from "../stores/steps.ts";
import type { StoreUnderTest } from "../stores/under-test.ts";

const minute = 60_000;
const quarter = 15 * minute;

export interface HistoryOptions {
  readonly random: Random;
  readonly start: Millis;
  readonly steps: number;
  readonly kind: StoreUnderTest;
  /** Much happens at the very start of a quarter of an hour. */
  readonly hasBells?: boolean;
}

export class World {
  readonly clock: HeldClock;
  readonly settings: LicenseSetting[];
  store!: Store;
  readonly #random: Random;
  readonly #kind: StoreUnderTest;
  readonly #model = new Model();
  readonly #stream: Stream;
  readonly #hasBells: boolean;
  #rollups: Rollup[] = [];

  constructor({ random, start, kind, hasBells = false }: HistoryOptions) {
    this.#hasBells = hasBells;
    this.#random = random;
    this.#kind = kind;
    this.clock = new HeldClock(start);
    this.settings = startingSettings(random, start);
    this.#stream = new Stream(random, this.#model, this.settings);
  }

  /** A history of some steps, counted to its end. */
  static async make(options: HistoryOptions): Promise<World> {
    const world = new World(options);
    world.store = await options.kind.open(world.clock);
    world.#startCounting();
    for (const setting of world.settings) await world.#save(setting);
    for (let n = 0; n < options.steps; n++) await world.#step();
    await world.countToTheEnd();
    return world;
  }

  #startCounting(): void {
    this.#rollups = [new Rollup(this.store), new Rollup(this.store, 3)];
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const event = this.#stream.next(this.clock.now());
    if (event.type === "advance") this.clock.advance(event.ms);
    else if (event.type === "terms") await this.#save(event.setting);
    else if (event.type === "reopen") await this.#reopen();
    else await this.#transact(event.commands);
    // Lunch breaks, nights and weekends, over which everything lapses unnoticed.
    if (random.chance(0.03)) this.clock.advance(random.pick([20 * minute, 3 * 60 * minute, 26 * 60 * minute]));
    // What is opened at the start of a quarter ends at that of another.
    if (this.#hasBells && random.chance(0.1)) this.clock.advance(quarter - (this.clock.now() % quarter));
    if (random.chance(0.2)) await this.#sweep();
    if (random.chance(0.2)) await this.#count(1 + random.below(3));
  }

  async #save(setting: LicenseSetting): Promise<void> {
    await this.store.saveCatalog(entitiesOf(setting));
    this.#model.setTerms(setting.isvId, setting.licenseId, modelTermsOf(setting));
  }

  async #reopen(): Promise<void> {
    this.store = (await this.#kind.reopen?.(this.store, this.clock)) ?? this.store;
    this.clock.advance(Math.max(0, this.store.now() - this.clock.now()));
    this.#startCounting();
  }

  async #transact(commands: readonly Timed[]): Promise<void> {
    const now = this.clock.now();
    for (const { command, leadMs } of commands) this.#model.step(command, now + leadMs);
    await this.store.transact(
      commands.map(({ command }) => command),
      (licenses, told, owed) => {
        for (const command of owed) step(licenses, command, told);
        for (const { command, leadMs } of commands) step(licenses, command, told + leadMs);
      },
    );
  }

  async #sweep(): Promise<void> {
    for (const { isvId, licenseId } of await this.store.dueLicenses(this.store.now(), 100, null)) {
      await this.#transact([{ command: { type: "sweep", isvId, licenseId }, leadMs: 0 }]);
    }
  }

  async #count(rounds: number): Promise<void> {
    const rollup = this.#random.pick(this.#rollups);
    for (let n = 0; n < rounds && (await rollup.round()); n++);
  }

  /** Everything that is over is on record, and every line of it counted. */
  async countToTheEnd(): Promise<void> {
    // Beyond what a clock that ran ahead has written, and what a sweeper has claimed and left.
    this.clock.advance(7 * minute);
    await this.#sweep();
    this.clock.advance(7 * minute);
    await this.#sweep();
    const until = await this.store.settledUntil();
    for (let n = 0; (await this.store.counted()).until < until; n++) {
      if (n > 10_000) throw new Error(`counting stays at ${(await this.store.counted()).until} of ${until}`);
      await this.#count(1);
    }
  }

  /** The raw lines, as far as they are counted. */
  async lines(): Promise<readonly HistoryRecord[]> {
    return linesBetween(this.store, 0, (await this.store.counted()).until, 1_000_000);
  }
}
