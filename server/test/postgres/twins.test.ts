/**
 * Two servers' stores on one database, and the model: random commands go to the one or the other by a held clock, and
 * after every step both show what the model shows. The bounds are so low that servers forget licences, fold the log
 * while the other is behind, fall behind further than the log reaches back, and catch up by small steps. Outages and changes of the catalogue
 * come to the one or the other as well.
 *
 * `WORLDS=…` and `STEPS=…` set the size, `SEED=…` repeats a run; `DIFFERENTIAL=long` is the size of `npm run test:long`.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { Random, Stream, startingSettings, type Timed } from "../differential/stream.ts";
import { Model } from "../model/model.ts";
import {
  comparableHistory,
  comparableModelOutcome,
  comparableOutcome,
  comparableSnapshot,
  comparableView,
} from "../model/same.ts";
import { entitiesOf, type LicenseSetting, modelTermsOf } from "../model/vendor.ts";
import { elapse } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const isLong = process.env.DIFFERENTIAL === "long";
const seed = Number(process.env.SEED ?? (isLong ? Date.now() % 1_000_000_000 : 20_261_122));
const worlds = Number(process.env.WORLDS ?? (isLong ? 100 : 2));
const stepsPerWorld = Number(process.env.STEPS ?? (isLong ? 600 : 150));
const start = Date.parse("2026-01-01T00:00:00Z");
const bounds = { cachedMax: 24, foldedFrom: 2, keptMs: 0, pageRows: 3, caughtUpAtOnceMax: 600, versionsPerTurn: 2 };

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

test.each(Array.from({ length: worlds }, (_, n) => n))(
  `world %i of seed ${seed}: both servers are as the model`,
  async (n) => {
    const world = new Twins(await postgres.database(), new Random(seed + n * 7919));
    try {
      await world.run();
    } catch (error) {
      (error as Error).message += `\nrepeat with: SEED=${seed} WORLDS=${worlds} STEPS=${stepsPerWorld}`;
      throw error;
    }
  },
  300_000,
);

class Twins {
  readonly #url: string;
  readonly #random: Random;
  readonly #clock = new HeldClock(start);
  readonly #model = new Model();
  readonly #settings: LicenseSetting[];
  readonly #stores: Store[] = [];

  constructor(url: string, random: Random) {
    this.#url = url;
    this.#random = random;
    this.#settings = startingSettings(random, start);
  }

  async run(): Promise<void> {
    try {
      for (let n = 0; n < 2; n++) this.#stores.push(await this.#open());
      for (const setting of this.#settings) await this.#saveTerms(setting);
      const stream = new Stream(this.#random, this.#model, this.#settings);
      for (let n = 0; n < stepsPerWorld; n++) {
        const event = stream.next(this.#clock.now());
        if (event.type === "advance") await elapse(this.#clock, event.ms, () => this.#live());
        else if (event.type === "terms") await this.#saveTerms(event.setting);
        else if (event.type === "reopen") await this.#reopen();
        else await this.#transact(event.commands);
        if (this.#random.chance(0.2)) await this.#any().tidy();
        if (this.#random.chance(0.02)) await this.#failForAWhile();
      }
      await this.#compare(this.#settings);
      await this.#compareHistory();
    } finally {
      for (const store of this.#stores) await store.close();
    }
  }

  #open(): Promise<Store> {
    return openPostgresStore(this.#url, { clock: this.#clock, bounds });
  }

  #any(): Store {
    return this.#random.pick(this.#stores);
  }

  async #live(): Promise<void> {
    for (const store of this.#stores) await store.live();
  }

  async #saveTerms(setting: LicenseSetting): Promise<void> {
    await this.#any().saveCatalog(entitiesOf(setting));
    this.#model.setTerms(setting.isvId, setting.licenseId, modelTermsOf(setting));
  }

  async #reopen(): Promise<void> {
    const n = this.#random.below(2);
    await this.#stores[n]?.close();
    this.#stores[n] = await this.#open();
  }

  async #transact(commands: readonly Timed[]): Promise<void> {
    const now = this.#clock.now();
    const expected = commands.map(({ command, leadMs }) =>
      comparableModelOutcome(this.#model.step(command, now + leadMs), now + leadMs),
    );
    const bare = commands.map(({ command }) => command);
    const actual = await this.#any().transact(bare, (licenses, told, owed) => {
      expect({ told, owed }).toEqual({ told: now, owed: [] });
      return commands.map(({ command, leadMs }) =>
        comparableOutcome(step(licenses, command, now + leadMs), now + leadMs),
      );
    });
    expect(actual).toEqual(expected);
    // An activation may have changed any licence of its product.
    const isActivating = bare.some(({ type }) => type === "activate");
    const places = new Set(bare.map(({ isvId, licenseId }) => isvId + licenseId));
    await this.#compare(this.#settings.filter((one) => isActivating || places.has(one.isvId + one.licenseId)));
  }

  async #compare(settings: readonly LicenseSetting[]): Promise<void> {
    const now = this.#clock.now();
    for (const { isvId, licenseId } of settings) {
      // The terms are as of a server's last decision: outcomes tell whether that one saw the right ones.
      const snapshot = this.#model.snapshot(isvId, licenseId, now);
      const expected = { ...comparableSnapshot(snapshot, now), terms: null };
      for (const [n, store] of this.#stores.entries()) {
        const view = await store.read(isvId, licenseId);
        if (view === undefined) throw new Error(`server ${n} has no licence ${licenseId}`);
        // What is over still counts until somebody decides; the model has released it.
        const seen = { ...comparableView(view, now, snapshot.terms), terms: null };
        if ((view.nextFreeAt() ?? now + 1) <= now) Object.assign(seen, { attended: expected.attended });
        expect(seen, `licence ${licenseId} on server ${n}`).toEqual(expected);
      }
    }
  }

  async #compareHistory(): Promise<void> {
    const commands = this.#settings.map(({ isvId, licenseId }) => ({ type: "sweep", isvId, licenseId }) as const);
    await this.#transact(commands.map((command) => ({ command, leadMs: 0 })));
    for (const { isvId, licenseId } of this.#settings) {
      const lines = await this.#any().history(isvId, licenseId, 1_000_000);
      expect(comparableHistory(lines)).toEqual(comparableHistory(this.#model.history(isvId, licenseId)));
    }
  }

  /** No server is alive for some minutes. Both come back at once, and whoever looks at a licence first credits it. */
  async #failForAWhile(): Promise<void> {
    const lengthMs = 60_001 + this.#random.below(600_000);
    const from = this.#clock.now();
    this.#clock.advance(lengthMs);
    await Promise.all(this.#stores.map((store) => store.live()));
    const now = this.#clock.now();
    for (const { isvId, licenseId } of this.#settings) {
      const credit = { type: "credit", isvId, licenseId, from, lengthMs } as const;
      const sweep = { type: "sweep", isvId, licenseId } as const;
      for (const command of [credit, sweep]) this.#model.step(command, now);
      const owed: (readonly unknown[])[] = [];
      for (const store of this.#random.chance(0.5) ? this.#stores : this.#stores.toReversed()) {
        await store.transact([sweep], (licenses, at, commands) => {
          owed.push(commands);
          for (const command of [...commands, sweep]) step(licenses, command, at);
        });
      }
      expect(owed).toEqual([[credit], []]);
    }
    await this.#compare(this.#settings);
  }
}
