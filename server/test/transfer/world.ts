/** A store filled by random commands through the real rules, and what two stores must have in common. */
import type { StoredEntity } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import type { DumpLine, Store } from "../../src/stores/store.ts";
import { type Event, Random, Stream, startingSettings } from "../differential/stream.ts";
import { Model } from "../model/model.ts";
import { comparableOutcome } from "../model/same.ts";
import { entitiesOf, freshId, modelTermsOf } from "../model/vendor.ts";
import { elapse } from "../stores/steps.ts";

const start = Date.parse("2026-01-01T00:00:00Z");

/** Random commands for any number of stores at once, drawn from a model's present state. */
export class TransferWorld {
  readonly clock = new HeldClock(start);
  readonly #model = new Model();
  readonly #settings;
  readonly #stream: Stream;

  constructor(seed: number) {
    const random = new Random(seed);
    this.#settings = startingSettings(random, start);
    this.#stream = new Stream(random, this.#model, this.#settings);
  }

  /** Describes the vendors and their licences; one entity of each came from a tenant file, and one is deleted. */
  async describe(stores: readonly Store[]): Promise<void> {
    for (const setting of this.#settings) {
      const entities = entitiesOf(setting).map((entity) =>
        entity.kind === "customer" ? { ...entity, applied: { name: "as the file said", n: 1 } } : entity,
      );
      const { isvId } = setting;
      const customer = entities.find(({ kind }) => kind === "customer") as StoredEntity<"customer">;
      const body = { ...customer.body, id: freshId(12, 1), number: "gone" };
      const shortLived = { ...customer, id: body.id, body };
      for (const store of stores) {
        await store.saveCatalog([...entities, shortLived]);
        await store.saveCatalog([{ isvId, kind: "customer", id: body.id, body: null, applied: shortLived.applied }]);
      }
      this.#model.setTerms(setting.isvId, setting.licenseId, modelTermsOf(setting));
    }
  }

  /** Plays steps on every store. Answers with what they came to, one list a store. */
  async play(steps: number, stores: readonly Store[]): Promise<string[][]> {
    const outcomes = stores.map((): string[] => []);
    // Time does not go back over a restart: what a leading clock wrote by up to a minute is waited for.
    this.clock.advance(Math.max(0, ...stores.map((store) => store.now() - this.clock.now())));
    for (let n = 0; n < steps; n++) {
      const event = this.#stream.next(this.clock.now());
      for (const [index, told] of (await this.#play(event, stores)).entries()) outcomes[index]?.push(told);
    }
    await elapse(this.clock, 1, () => liveAll(stores));
    return outcomes;
  }

  async #play(event: Event, stores: readonly Store[]): Promise<string[]> {
    if (event.type === "advance") await elapse(this.clock, event.ms, () => liveAll(stores));
    if (event.type === "terms") {
      for (const store of stores) await store.saveCatalog(entitiesOf(event.setting));
      this.#model.setTerms(event.setting.isvId, event.setting.licenseId, modelTermsOf(event.setting));
    }
    if (event.type !== "transact") return [];
    const { commands } = event;
    for (const { command, leadMs } of commands) this.#model.step(command, this.clock.now() + leadMs);
    const bare = commands.map(({ command }) => command);
    const told: string[] = [];
    for (const store of stores) {
      const outcomes = await store.transact(bare, (licenses, now) =>
        commands.map(({ command, leadMs }) => comparableOutcome(step(licenses, command, now + leadMs), now + leadMs)),
      );
      told.push(canonical(outcomes));
    }
    return told;
  }
}

async function liveAll(stores: readonly Store[]): Promise<void> {
  for (const store of stores) {
    await store.live();
    await store.tidy();
  }
}

/** Everything that a store keeps. */
export async function linesOf(store: Store): Promise<DumpLine[]> {
  const dump = await store.dump();
  const all: DumpLine[] = [];
  for await (const line of dump.lines) all.push(line);
  dump.close();
  return all;
}

/** A dump's lines as texts by their kind: history in its order, everything else in any. */
export function tablesOf(lines: readonly DumpLine[]): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  for (const line of lines) {
    const table = tables[line.type] ?? [];
    table.push(canonical(line));
    tables[line.type] = table;
  }
  for (const [type, texts] of Object.entries(tables)) if (type !== "history") texts.sort();
  return tables;
}

/** The same text for the same value, in whichever order a store keeps its members. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
