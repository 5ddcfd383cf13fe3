/** Tallies in the making: as far as this server remembers them, and which of them are not saved yet. */
import type { HistoryRecord, Millis, Pool } from "../core/types.ts";
import type { TallyKey } from "../stores/store.ts";
import {
  type Episode,
  episodeMaxMs,
  type Home,
  homeSeries,
  isMinutes,
  minute,
  type Resolution,
  resolutions,
  type Scope,
  startOf,
  type Tally,
  type Usage,
  usageSeries,
} from "./tally.ts";

/** Where a licence belongs, and what it counts. */
interface Place extends Home {
  readonly isDevices: boolean;
}

/** Undefined: there is no such licence (any more). */
export type Belongs = (isvId: string, licenseId: string) => Place | undefined;

/** What is counted of one licence. Denials of a licence that there is not count for the vendor alone. */
export interface Account {
  readonly isvId: string;
  readonly licenseId: string;
  readonly place: Place | undefined;
  readonly isKnown: boolean;
  readonly isDevices: boolean;
  readonly scopes: readonly (readonly [scope: Scope, id: string])[];
  /** The series of all its scopes and resolutions to which the use of a pool is added. */
  usage(pool: string): readonly UsageSeries[];
}

export class Ledger {
  readonly #belongs: Belongs;
  /** Where licences belong in this round: one that is moved meanwhile is counted where it was recalled. */
  readonly #places = new Map<string, Place | undefined>();
  readonly #accounts = new Map<string, Account>();
  readonly #usage = new Map<string, UsageSeries>();
  /** By name; undefined: it is known that there is none yet. */
  readonly #sums = new Map<string, unknown>();
  readonly #episodes = new Map<string, Map<string, Tally<Episode>[]>>();
  #episodeCount = 0;
  #changed = new Map<string, Tally>();

  constructor(belongs: Belongs) {
    this.#belongs = belongs;
  }

  /** How much is remembered. */
  get size(): number {
    return this.#accounts.size + this.#usage.size + this.#sums.size + this.#episodeCount;
  }

  accountOf({ isvId, licenseId }: HistoryRecord): Account {
    const place = this.#placeOf(isvId, licenseId);
    const known = this.#accounts.get(isvId + licenseId);
    if (known !== undefined && isSame(known.place, place)) return known;
    const scopes = scopesOf(isvId, licenseId, place);
    const pools = new Map<string, UsageSeries[]>();
    const account: Account = {
      isvId,
      licenseId,
      place,
      isKnown: place !== undefined,
      isDevices: place?.isDevices ?? false,
      scopes,
      usage: (pool) => {
        const home = place ?? this.at<Home>(homeKey(isvId, licenseId));
        const found = pools.get(pool) ?? this.#seriesOf(isvId, scopesOf(isvId, licenseId, home), pool);
        pools.set(pool, found);
        return found;
      },
    };
    this.#accounts.set(isvId + licenseId, account);
    return account;
  }

  #placeOf(isvId: string, licenseId: string): Place | undefined {
    const name = isvId + licenseId;
    if (!this.#places.has(name)) this.#places.set(name, this.#belongs(isvId, licenseId));
    return this.#places.get(name);
  }

  #seriesOf(isvId: string, scopes: Account["scopes"], pool: string): UsageSeries[] {
    return scopes.flatMap(([scope, id]) =>
      resolutions.map((resolution) => {
        const name = usageSeries(resolution, scope, id, pool);
        const series = this.#usage.get(isvId + name) ?? new UsageSeries(isvId, name, resolution, scope === "license");
        this.#usage.set(isvId + name, series);
        return series;
      }),
    );
  }

  /**
   * The licence belongs elsewhere than when it was counted last: the series that its tokens leave, and those that they go to, each
   * with the licence's own that tells how many they are.
   */
  movesOf({ isvId, licenseId, place }: Account): readonly Move[] {
    const home = this.at<Home>(homeKey(isvId, licenseId));
    if (place === undefined || home === undefined || isSameHome(home, place)) return [];
    return pools.flatMap((pool) => {
      const own = this.#seriesOf(isvId, [["license", licenseId]], pool);
      const [from, to] = [home, place].map((at) => this.#seriesOf(isvId, belonging(at), pool)) as [
        UsageSeries[],
        UsageSeries[],
      ];
      return from.map((each, n) => ({ own: own[n % own.length], from: each, to: to[n] }) as Move);
    });
  }

  /** Where the licence's use is counted from now on. */
  settle({ isvId, licenseId, place }: Account): void {
    const key = homeKey(isvId, licenseId);
    const home = this.at<Home>(key);
    if (place === undefined || (home !== undefined && isSameHome(home, place))) return;
    this.change<Home>(key, () => ({ productId: place.productId, customerId: place.customerId }));
  }

  knows(key: TallyKey): boolean {
    return this.#sums.has(nameOf(key));
  }

  learn(key: TallyKey, tally: Tally | undefined): void {
    this.#sums.set(nameOf(key), tally?.body);
  }

  at<B>(key: TallyKey): B | undefined {
    return this.#sums.get(nameOf(key)) as B | undefined;
  }

  /** Changes one sum, from what it is or from undefined. */
  change<B>(key: TallyKey, next: (before: B | undefined) => B): void {
    const name = nameOf(key);
    // Without what is kept, the sum would begin anew.
    if (!this.#sums.has(name)) throw new Error(`${name} was not recalled`);
    const body = next(this.#sums.get(name) as B | undefined);
    this.#sums.set(name, body);
    this.#changed.set(name, { ...key, start: key.start as Millis, body });
  }

  knowsEpisodes({ isvId, licenseId }: Account): boolean {
    return this.#episodes.has(isvId + licenseId);
  }

  learnEpisodes({ isvId, licenseId }: Account, episodes: readonly Tally<Episode>[]): void {
    this.#episodes.set(
      isvId + licenseId,
      Map.groupBy(episodes, ({ body }) => body.holder),
    );
    this.#episodeCount += episodes.length;
  }

  /** A holder's episodes of the last day. */
  episodes({ isvId, licenseId }: Account, holder: string): readonly Tally<Episode>[] {
    return this.#episodes.get(isvId + licenseId)?.get(holder) ?? [];
  }

  /** A new episode, or one as it goes on. What is over by then is remembered no longer. */
  putEpisode({ isvId, licenseId }: Account, episode: Tally<Episode>): void {
    const byHolder = this.#episodes.get(isvId + licenseId) ?? new Map<string, Tally<Episode>[]>();
    const known = byHolder.get(episode.body.holder) ?? [];
    const { start, part, body } = episode;
    const others = known.filter(
      (other) => (other.start !== start || other.part !== part) && body.lastAt - other.start < episodeMaxMs,
    );
    byHolder.set(body.holder, [...others, episode]);
    this.#episodes.set(isvId + licenseId, byHolder);
    this.#episodeCount += others.length + 1 - known.length;
    this.#changed.set(nameOf(episode), episode);
  }

  /** Series of use whose last tally is not known yet. */
  unknownUsage(): UsageSeries[] {
    return [...this.#usage.values()].filter((series) => !series.isKnown);
  }

  /** What changed since the last time, without minutes that are too old to be kept: whoever catches up needs none. */
  takeChanged(minutesFrom: Millis): Tally[] {
    const changed = [...this.#changed.values()].filter(
      ({ series, start }) => start >= minutesFrom || !isMinutes(series),
    );
    for (const series of this.#usage.values()) series.takeChanged(changed, minutesFrom);
    this.#changed = new Map();
    this.#places.clear();
    return changed;
  }
}

const pools: readonly Pool[] = ["floating", "named", "mono", "team"];

interface Move {
  readonly own: UsageSeries;
  readonly from: UsageSeries;
  readonly to: UsageSeries;
}

export const homeKey = (isvId: string, licenseId: string): TallyKey => ({
  isvId,
  series: homeSeries(licenseId),
  start: 0,
  part: "",
});

const belonging = ({ productId, customerId }: Home) =>
  [
    ["product", productId],
    ["customer", customerId],
  ] as const;

function scopesOf(isvId: string, licenseId: string, home: Home | undefined): Account["scopes"] {
  const vendor = ["vendor", isvId] as const;
  return home === undefined ? [vendor] : [["license", licenseId], ...belonging(home), vendor];
}

const isSameHome = (a: Home, b: Home) => a.productId === b.productId && a.customerId === b.customerId;

function isSame(a: Place | undefined, b: Place | undefined): boolean {
  return a?.productId === b?.productId && a?.customerId === b?.customerId && a?.isDevices === b?.isDevices;
}

function nameOf({ isvId, series, start, part }: TallyKey): string {
  return `${isvId} ${series} ${start} ${part}`;
}

const noEvents = { opened: 0, closed: 0, expired: 0, ended: 0, overuse: 0 };

/** The use of one pool in one scope and resolution. Changed in place: every line is added to eight of these. */
export class UsageSeries {
  readonly isvId: string;
  readonly series: string;
  readonly #resolution: Resolution;
  readonly #hasLimit: boolean;
  #start = Number.NEGATIVE_INFINITY;
  #row: { -readonly [K in keyof Usage]: Usage[K] } | null = null;
  #finished: Tally<Usage>[] = [];
  #isChanged = false;
  isKnown = false;

  constructor(isvId: string, series: string, resolution: Resolution, hasLimit: boolean) {
    this.isvId = isvId;
    this.series = series;
    this.#resolution = resolution;
    this.#hasLimit = hasLimit;
  }

  learn(last: Tally | undefined): void {
    this.isKnown = true;
    if (last === undefined) return;
    this.#start = last.start;
    this.#row = { ...(last as Tally<Usage>).body };
  }

  /** How many tokens are in use, as far as it is counted. */
  get level(): number {
    return this.#row?.level ?? 0;
  }

  /** `isOwn`: the line is about this pool, and not about the one that a project's token came from. */
  add({ at, kind, limit, isOveruse }: HistoryRecord, tokens: number, isOwn: boolean): void {
    const row = this.shift(at, tokens);
    if (!isOwn) return;
    if (this.#hasLimit) row.limit = limit;
    if (kind === "session.opened") {
      row.opened++;
      if (isOveruse) row.overuse++;
    } else if (kind === "session.closed") row.closed++;
    else if (kind === "session.expired") row.expired++;
    else if (kind === "session.ended") row.ended++;
  }

  /** So many tokens more are in use from an instant on. */
  shift(at: Millis, tokens: number) {
    const row = this.#rowAt(at);
    if (at > row.until) {
      row.tokenMs += row.level * (at - row.until);
      row.max = Math.max(row.max, row.level);
      row.until = at;
    }
    row.level += tokens;
    if (tokens > 0) row.max = Math.max(row.max, row.level);
    this.#isChanged = true;
    return row;
  }

  #rowAt(at: Millis) {
    const start = startOf(at, this.#resolution);
    if (this.#row !== null && start <= this.#start) return this.#row;
    if (this.#isChanged) this.#finished.push(this.#tally());
    const level = this.#row?.level ?? 0;
    const limit = this.#row?.limit ?? null;
    this.#start = start;
    this.#row = { ...noEvents, until: start, level, max: 0, tokenMs: 0, limit };
    return this.#row;
  }

  #tally(): Tally<Usage> {
    const { isvId, series } = this;
    return { isvId, series, start: this.#start, part: "", body: { ...(this.#row as Usage) } };
  }

  /** The last one always, and the last one that is too old: their levels go on. */
  takeChanged(into: Tally[], minutesFrom: Millis): void {
    if (!this.#isChanged) return;
    for (const [n, row] of this.#finished.entries()) {
      const next = this.#finished[n + 1]?.start ?? this.#start;
      if (next >= minutesFrom || this.#resolution !== minute) into.push(row);
    }
    into.push(this.#tally());
    this.#finished = [];
    this.#isChanged = false;
  }
}
