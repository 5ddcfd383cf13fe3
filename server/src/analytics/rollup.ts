/**
 * Counts what history tells, a little behind it and beside it: no decision ever waits for analytics. Lines are taken in
 * order of time, up to an instant before which nothing more will be recorded, so that sums over several licences are as
 * exact as those of one.
 */
import type { HistoryRecord, Millis } from "../core/types.ts";
import type { Store, TallyKey } from "../stores/store.ts";
import { type Belongs, type Counted, count, holderOf, poolsOf, scopesOf } from "./counting.ts";
import {
  day,
  type Episode,
  episodeCountSeries,
  episodeMaxMs,
  episodeSeries,
  holderSeries,
  quarter,
  resolutions,
  startOf,
  type Tally,
  usageSeries,
} from "./tally.ts";

/** Lines that one round takes: some 20 ms of work, between which others have their turn. */
const linesPerRound = 2_000;

/** How long each kind is kept: events for a year and a month, sums of minutes for two weeks, the others for three years. */
export const historyDays = 396;
export const minutesDays = 14;
export const talliesDays = 1_100;

/** Rows of each kind that are forgotten at a time: a few milliseconds. */
const rowsPerPrune = 500;

/** How far counting may be behind before another server takes it up, and how often it is noted that nothing happened. */
const leftToOthersMs = 5_000;

/** Lines of one instant: more sessions than that end together nowhere. */
const linesOfInstantMax = 2_000_000;

/** Tallies that are remembered between rounds: a few hundred bytes each. */
const rememberedMax = 100_000;

export class Rollup {
  readonly #store: Store;
  #tallies = new Tallies();
  /** Up to where this server counted last; another one may have gone on from there. */
  #countedUntil: Millis | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Counts one round. Answers whether there is more to count at once. */
  async round(): Promise<boolean> {
    const store = this.#store;
    const from = await store.countedUntil();
    const until = await store.settledUntil();
    if (until <= from) return false;
    // Of several servers one counts: the one that did so last, unless it has fallen behind.
    if (from !== this.#countedUntil && until - from < leftToOthersMs) return false;
    const { lines, to } = await this.#lines(from, until);
    if (lines.length === 0 && to - from < leftToOthersMs) return false;
    // Somebody else counted meanwhile: what is remembered here is not what is kept.
    if (from !== this.#countedUntil || this.#tallies.size > rememberedMax) this.#tallies = new Tallies();
    const belongs: Belongs = (isvId, licenseId) => {
      const license = store.catalog.vendor(isvId)?.licenses.get(licenseId);
      return license && { productId: license.product_id, customerId: license.customer_id };
    };
    await this.#recall(lines, belongs);
    try {
      for (const line of lines) count(line, this.#tallies, belongs);
      const isKept = await store.saveTallies(this.#tallies.takeChanged(), from, to);
      this.#countedUntil = isKept ? to : null;
    } catch (error) {
      this.#countedUntil = null;
      throw error;
    }
    return to < until;
  }

  /** Forgets one slice of what is older than it is kept for. Answers whether there is more. */
  prune(): Promise<boolean> {
    const now = this.#store.now();
    const until = {
      history: now - historyDays * day,
      minutes: now - minutesDays * day,
      tallies: now - talliesDays * day,
    };
    return this.#store.prune(until, rowsPerPrune);
  }

  /** The next lines, and up to where they go: never to the middle of an instant. */
  async #lines(from: Millis, until: Millis): Promise<{ lines: readonly HistoryRecord[]; to: Millis }> {
    const lines = await this.#store.linesBetween(from, until, linesPerRound);
    if (lines.length < linesPerRound) return { lines, to: until };
    const last = (lines.at(-1) as HistoryRecord).at;
    if (last > from) return { lines: lines.filter(({ at }) => at < last), to: last };
    return { lines: await this.#store.linesBetween(from, from + 1, linesOfInstantMax), to: from + 1 };
  }

  /** Reads what the lines will be added to, as far as it is not remembered. */
  async #recall(lines: readonly HistoryRecord[], belongs: Belongs): Promise<void> {
    const wanted = new Map<string, TallyKey>();
    const want = (key: TallyKey) => {
      if (!this.#tallies.knows(key)) wanted.set(nameOf(key), key);
    };
    for (const line of lines) for (const key of keysOf(line, belongs)) want(key);
    for (const key of await this.#recallEpisodes(lines, belongs)) want(key);
    const keys = [...wanted.values()];
    const found = await this.#store.talliesAt(keys);
    for (const [n, key] of keys.entries()) this.#tallies.learn(key, found[n]);
  }

  /** The episodes that may go on; and what is counted of them, where they began. */
  async #recallEpisodes(lines: readonly HistoryRecord[], belongs: Belongs): Promise<TallyKey[]> {
    const keys: TallyKey[] = [];
    for (const line of lines) {
      if (line.kind !== "denied" && line.kind !== "session.opened") continue;
      const { isvId, licenseId, at } = line;
      if (!this.#tallies.knowsEpisodes(isvId, licenseId)) {
        const series = episodeSeries(licenseId);
        const episodes = await this.#store.tallies(isvId, series, at - episodeMaxMs, at + 1, episodesRecalledMax);
        this.#tallies.learnEpisodes(isvId, licenseId, episodes as Tally<Episode>[]);
      }
      const starts = this.#tallies.openEpisodes(isvId, licenseId).map(({ start }) => startOf(start, quarter));
      for (const start of new Set([...starts, startOf(at, quarter)])) {
        for (const [scope, id] of scopesOf(line, belongs)) {
          keys.push({ isvId, series: episodeCountSeries(scope, id), start, part: "" });
        }
      }
    }
    return keys;
  }
}

/** Episodes of one licence and day that are looked at: beyond them, repeated denials begin a new one. */
const episodesRecalledMax = 10_000;

function* keysOf(line: HistoryRecord, belongs: Belongs): Iterable<TallyKey> {
  const { isvId, licenseId, at, lengthMs } = line;
  for (const [scope, id] of scopesOf(line, belongs)) {
    for (const resolution of resolutions) {
      for (const [pool] of poolsOf(line)) {
        yield { isvId, series: usageSeries(resolution, scope, id, pool), start: null, part: "" };
      }
    }
  }
  const holder = holderOf(line);
  if (holder === null) return;
  const first = line.kind.startsWith("session.") ? at - (lengthMs ?? 0) : at;
  for (let start = startOf(first, day); start <= at; start += day) {
    yield { isvId, series: holderSeries(licenseId), start, part: holder };
  }
}

function nameOf({ isvId, series, start, part }: TallyKey): string {
  return `${isvId} ${series} ${start ?? "last"} ${part}`;
}

/** Tallies as far as this server remembers them, and those among them that are not saved yet. */
class Tallies implements Counted {
  /** By series, instant and part; undefined: it is known that there is none. */
  readonly #known = new Map<string, Tally | undefined>();
  readonly #episodes = new Map<string, Map<string, Tally<Episode>>>();
  #changed = new Map<string, Tally>();

  get size(): number {
    return this.#known.size + this.#episodes.size;
  }

  knows(key: TallyKey): boolean {
    return this.#known.has(nameOf(key));
  }

  learn(key: TallyKey, tally: Tally | undefined): void {
    this.#known.set(nameOf(key), tally);
  }

  knowsEpisodes(isvId: string, licenseId: string): boolean {
    return this.#episodes.has(isvId + licenseId);
  }

  learnEpisodes(isvId: string, licenseId: string, episodes: readonly Tally<Episode>[]): void {
    this.#episodes.set(isvId + licenseId, new Map(episodes.map((episode) => [nameOf(episode), episode])));
  }

  last(isvId: string, series: string): Tally | undefined {
    return this.#known.get(nameOf({ isvId, series, start: null, part: "" }));
  }

  at(isvId: string, series: string, start: Millis, part: string): Tally | undefined {
    return this.#known.get(nameOf({ isvId, series, start, part }));
  }

  put(tally: Tally): void {
    const { isvId, series } = tally;
    this.#changed.set(nameOf(tally), tally);
    if (series.startsWith("usage/")) this.#known.set(nameOf({ isvId, series, start: null, part: "" }), tally);
    else if (isEpisode(tally)) this.#episodesOf(isvId, tally.series).set(nameOf(tally), tally);
    else this.#known.set(nameOf(tally), tally);
  }

  openEpisodes(isvId: string, licenseId: string): Tally<Episode>[] {
    return [...(this.#episodes.get(isvId + licenseId)?.values() ?? [])].filter(({ body }) => body.servedAt === null);
  }

  takeChanged(): Tally[] {
    const changed = [...this.#changed.values()];
    this.#changed = new Map();
    this.#forgetOldEpisodes(changed);
    return changed;
  }

  #episodesOf(isvId: string, series: string): Map<string, Tally<Episode>> {
    const key = isvId + series.slice("episodes/".length);
    const episodes = this.#episodes.get(key) ?? new Map<string, Tally<Episode>>();
    this.#episodes.set(key, episodes);
    return episodes;
  }

  /** What is over cannot go on: it is looked through no more. */
  #forgetOldEpisodes(changed: readonly Tally[]): void {
    const latest = changed.reduce((at, { start }) => Math.max(at, start), 0);
    for (const episodes of this.#episodes.values()) {
      for (const [name, { start, body }] of episodes) {
        if (body.servedAt !== null || latest - start >= episodeMaxMs) episodes.delete(name);
      }
    }
  }
}

function isEpisode(tally: Tally): tally is Tally<Episode> {
  return tally.series.startsWith("episodes/") && tally.part !== "";
}
