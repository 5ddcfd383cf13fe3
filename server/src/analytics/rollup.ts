/**
 * Counts what history tells, a little behind it and beside it: no decision ever waits for analytics. Lines are taken in
 * order of time, up to an instant before which nothing more will be recorded, so that sums over several licences are as
 * exact as those of one.
 */
import { setImmediate } from "node:timers/promises";
import type { HistoryRecord } from "../core/types.ts";
import {
  type Counted,
  type CountedNow,
  isSameCount,
  type NumberedLine,
  type Position,
  type Store,
  type TallyKey,
} from "../stores/store.ts";
import { count, poolsOf, sumsOf } from "./counting.ts";
import { Ledger } from "./ledger.ts";
import { day, type Episode, episodeMaxMs, episodeSeries, type Tally } from "./tally.ts";

/** Lines that one round takes: about 5 ms of work, its commit included, between which others have their turn. */
const linesPerRound = 50;

/** How long each kind is kept, in days: docs/reference/retention.md. */
export const keptDays = {
  /** A year, and a month to look back on it. */
  history: 396,
  /** What names people goes with the history that it came from. */
  people: 396,
  /** Two weeks. */
  minutes: 14,
  /** Three years. */
  sums: 1_100,
  /** A quarter of a year: what clients tell is looked at soon, and there is much of it. */
  gathered: 92,
} as const;

/**
 * Values that clients told, of each vendor: some gigabytes. A vendor's own keys can fill it and push its older values out, and
 * nobody else's; vendors are as many as whoever runs the server lets in.
 */
export const gatheredOfVendorMax = 10_000_000;

/** Rows of each kind that are forgotten at a time: a few milliseconds. */
const rowsPerPrune = 250;

/** How far counting may be behind before another server takes it up, and how often it is noted that nothing happened. */
const leftToOthersMs = 5_000;

/** Tallies that are remembered between rounds: a few hundred bytes each. */
const rememberedMax = 100_000;

/** Episodes of one licence and day that are recalled: beyond them, repeated denials begin a new one. */
const episodesRecalledMax = 10_000;

/** A place in history, as every store knows it and as this one does. */
interface Reached {
  readonly counted: CountedNow;
  readonly position: Position;
}

export class Rollup {
  readonly #store: Store;
  readonly #linesAtATime: number;
  #ledger: Ledger;
  /** How far this server counted last, and where in its store that is; another one may have gone on from there. */
  #last: Reached | null = null;

  constructor(store: Store, linesAtATime = linesPerRound) {
    this.#store = store;
    this.#linesAtATime = linesAtATime;
    this.#ledger = this.#newLedger();
  }

  /** Counts one round. Answers whether there is more to count at once. */
  async round(): Promise<boolean> {
    const store = this.#store;
    const from = await store.counted();
    const until = await store.settledUntil();
    if (until <= from.until) return false;
    const last = this.#last !== null && isSameCount(this.#last.counted, from) ? this.#last : null;
    // Of several servers one counts: the one that did so last, unless it has fallen behind.
    const isLeftToOthers = until - from.until < leftToOthersMs;
    if (last === null && isLeftToOthers) return false;
    const position = last?.position ?? (await this.#positionOf(from));
    const lines = await store.linesAfter(position, until, this.#linesAtATime);
    if (lines.length === 0 && isLeftToOthers) return false;
    // Somebody else counted meanwhile, or forgot a user: what is remembered here is not what is kept.
    if (last === null || this.#ledger.size > rememberedMax) this.#ledger = this.#newLedger();
    this.#last = null;
    await this.#count(lines.map(({ line }) => line));
    const tallies = this.#ledger.takeChanged(store.now() - keptDays.minutes * day);
    const hasMore = lines.length === this.#linesAtATime;
    const reached = hasMore
      ? reachedBy(lines, from)
      : { counted: { ...from, until, lines: 0 }, position: { at: until, no: -1 } };
    if (await store.saveTallies(tallies, from, reached.counted)) this.#last = reached;
    return hasMore;
  }

  /** Where to go on: behind the lines of an instant that are counted already, which a server that has just started looks for. */
  async #positionOf({ until, lines }: Counted): Promise<Position> {
    let position: Position = { at: until, no: -1 };
    for (let left = lines; left > 0; left -= linesPerRound) {
      const passed = await this.#store.linesAfter(position, until + 1, Math.min(left, linesPerRound));
      position = passed.at(-1) ?? position;
      await setImmediate();
    }
    return position;
  }

  async #count(lines: readonly HistoryRecord[]): Promise<void> {
    await this.#recall(lines);
    for (const line of lines) count(line, this.#ledger);
  }

  /** Forgets one slice of what is older than it is kept for. Answers whether there is more. */
  prune(): Promise<boolean> {
    const now = this.#store.now();
    const until = {
      history: now - keptDays.history * day,
      people: now - keptDays.people * day,
      minutes: now - keptDays.minutes * day,
      sums: now - keptDays.sums * day,
      gathered: now - keptDays.gathered * day,
      gatheredOfVendor: gatheredOfVendorMax,
    };
    return this.#store.prune(until, rowsPerPrune);
  }

  #newLedger(): Ledger {
    return new Ledger((isvId, licenseId) => {
      const vendor = this.#store.catalog.vendor(isvId);
      const license = vendor?.licenses.get(licenseId);
      if (license === undefined) return undefined;
      const isDevices = vendor?.editions.get(license.edition_id)?.client_type === "devices";
      return { productId: license.product_id, customerId: license.customer_id, isDevices };
    });
  }

  /** Reads what the lines will be added to, as far as it is not remembered. */
  async #recall(lines: readonly HistoryRecord[]): Promise<void> {
    await this.#recallLicenses(lines);
    await this.#recallEpisodes(lines);
    const ledger = this.#ledger;
    const wanted = new Map<string, TallyKey>();
    for (const line of lines) {
      for (const key of sumsOf(line, ledger)) {
        if (!ledger.knows(key)) wanted.set(`${key.isvId} ${key.series} ${key.start} ${key.part}`, key);
      }
    }
    const keys = [...wanted.values()];
    const sums = keys.length === 0 ? [] : await this.#store.talliesAt(keys);
    for (const [n, key] of keys.entries()) ledger.learn(key, sums[n]);
    // Whose use it is besides is known by now.
    for (const line of lines) {
      const account = ledger.accountOf(line);
      for (const [pool] of poolsOf(line)) account.usage(pool);
      if (line.pool !== null) ledger.movesOf(account);
    }
    const series = ledger.unknownUsage();
    const last = series.map(({ isvId, series: name }): TallyKey => ({ isvId, series: name, start: null, part: "" }));
    const usage = last.length === 0 ? [] : await this.#store.talliesAt(last);
    for (const [n, one] of series.entries()) one.learn(usage[n]);
  }

  /** A licence that another server has just made is not in this one's catalogue until somebody looks at it. */
  async #recallLicenses(lines: readonly HistoryRecord[]): Promise<void> {
    for (const { isvId, licenseId, denial } of lines) {
      if (denial === "license_unknown" || this.#store.catalog.vendor(isvId)?.licenses.has(licenseId)) continue;
      await this.#store.read(isvId, licenseId);
    }
  }

  /** The episodes that may go on. */
  async #recallEpisodes(lines: readonly HistoryRecord[]): Promise<void> {
    for (const line of lines) {
      const account = this.#ledger.accountOf(line);
      if (!account.isKnown || this.#ledger.knowsEpisodes(account)) continue;
      const from = line.at - episodeMaxMs;
      const series = episodeSeries(line.licenseId);
      const episodes = await this.#store.tallies(line.isvId, series, from, line.at + 1, episodesRecalledMax);
      this.#ledger.learnEpisodes(account, episodes as Tally<Episode>[]);
    }
  }
}

/** What lines that follow one another bring counting to; the first of them may be of the instant in which it stood. */
function reachedBy(lines: readonly NumberedLine[], from: CountedNow): Reached {
  const { at, no } = lines.at(-1) as NumberedLine;
  const own = lines.filter((line) => line.at === at).length;
  const before = at === from.until ? from.lines : 0;
  return { counted: { ...from, until: at, lines: before + own }, position: { at, no } };
}
