/**
 * Counts what history tells, a little behind it and beside it: no decision ever waits for analytics. Lines are taken in
 * order of time, up to an instant before which nothing more will be recorded, so that sums over several licences are as
 * exact as those of one.
 */
import { setImmediate } from "node:timers/promises";
import type { HistoryRecord, Millis } from "../core/types.ts";
import type { NumberedLine, Store, TallyKey } from "../stores/store.ts";
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

export class Rollup {
  readonly #store: Store;
  #ledger: Ledger;
  /** Up to where this server counted last; another one may have gone on from there. */
  #countedUntil: Millis | null = null;
  /** How many users had been forgotten by then. */
  #forgettings = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#ledger = this.#newLedger();
  }

  /** Counts one round. Answers whether there is more to count at once. */
  async round(): Promise<boolean> {
    const store = this.#store;
    const from = await store.countedUntil();
    const until = await store.settledUntil();
    if (until <= from) return false;
    // Of several servers one counts: the one that did so last, unless it has fallen behind.
    if (from !== this.#countedUntil && until - from < leftToOthersMs) return false;
    const forgettings = await store.forgettings();
    const { lines, to } = await this.#lines(from, until);
    if (lines.length === 0 && to === until && until - from < leftToOthersMs) return false;
    // Somebody else counted meanwhile, or forgot a user: what is remembered here is not what is kept.
    const isOld = from !== this.#countedUntil || forgettings !== this.#forgettings;
    if (isOld || this.#ledger.size > rememberedMax) this.#ledger = this.#newLedger();
    this.#forgettings = forgettings;
    try {
      if (lines === "instant") await this.#countInstant(from);
      else await this.#count(lines);
      const tallies = this.#ledger.takeChanged(store.now() - keptDays.minutes * day);
      const isKept = await store.saveTallies(tallies, from, to, forgettings);
      this.#countedUntil = isKept ? to : null;
    } catch (error) {
      this.#countedUntil = null;
      throw error;
    }
    return to < until;
  }

  async #count(lines: readonly HistoryRecord[]): Promise<void> {
    await this.#recall(lines);
    for (const line of lines) count(line, this.#ledger);
  }

  /** However many lines an instant has, they are saved together; in between, others have their turn. */
  async #countInstant(at: Millis): Promise<void> {
    for (let no = -1; ; ) {
      const lines = await this.#store.linesAfter({ at, no }, at + 1, linesPerRound);
      await this.#count(lines.map(({ line }) => line));
      if (lines.length < linesPerRound) return;
      no = (lines.at(-1) as NumberedLine).no;
      await setImmediate();
    }
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

  /** The next lines, and up to where they go: never to the middle of an instant. One that has more is counted by itself. */
  async #lines(from: Millis, until: Millis): Promise<{ lines: readonly HistoryRecord[] | "instant"; to: Millis }> {
    const lines = await this.#store.linesBetween(from, until, linesPerRound);
    if (lines.length < linesPerRound) return { lines, to: until };
    const last = (lines.at(-1) as HistoryRecord).at;
    if (last > from) return { lines: lines.filter(({ at }) => at < last), to: last };
    return { lines: "instant", to: from + 1 };
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
