/** What analytics keeps: small sums by series and time, so that no chart ever reads the events themselves. */
import type { DenialCode, Millis, Pool, ProjectKind } from "../core/types.ts";

/** One sum. `series` and `part` name it, `start` is the instant from which on it counts. */
export interface Tally<B = unknown> {
  readonly isvId: string;
  readonly series: string;
  readonly start: Millis;
  /** What is told apart within a series and an instant; empty where nothing is. */
  readonly part: string;
  readonly body: B;
}

/** Time is counted in minutes for the last days, and in quarters of an hour for good: every time zone's hours begin at one. */
export const minute = 60_000;
export const quarter = 15 * minute;
export const hour = 60 * minute;
export const day = 24 * hour;
export const week = 7 * day;
export const resolutions = [minute, quarter] as const;
export type Resolution = (typeof resolutions)[number];

/** Whose use is summed. */
export type Scope = "license" | "product" | "customer" | "vendor";

/**
 * The use of one pool in a bucket. Buckets in which nothing happened are not kept: the level before them went on.
 * Times in milliseconds; `tokenMs` is the integral of tokens in use up to `until`.
 */
export interface Usage {
  readonly until: Millis;
  readonly level: number;
  /**
   * The most tokens that were in use for a while, or when one was taken: what was given back at the very start of the bucket was
   * not in use in it. Beside `level`, which goes on from `until`.
   */
  readonly max: number;
  readonly tokenMs: number;
  /** The limit that the last event was held against; null: of no one licence. */
  readonly limit: number | null;
  readonly opened: number;
  readonly closed: number;
  /** Ended by silence: sessions that nobody closed. */
  readonly expired: number;
  readonly ended: number;
  readonly overuse: number;
}

/** Denials for one reason. */
export interface DenialCount {
  readonly attempts: number;
  /** Repeated attempts of one holder are one episode, counted where it began. */
  readonly episodes: number;
  readonly served: number;
  /** Those whose holder was served within the tolerance: false alarms. */
  readonly servedSoon: number;
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

export type Denials = Readonly<Partial<Record<DenialCode, DenialCount>>>;

/**
 * Denials of one holder for one reason that follow each other closely: somebody tried again and again. Kept from the
 * first one on.
 */
export interface Episode {
  readonly holder: string;
  readonly code: DenialCode;
  readonly lastAt: Millis;
  readonly attempts: number;
  /** When the holder was served on that licence; null: not within the time that an episode is followed. */
  readonly servedAt: Millis | null;
  /** On a licence of projects: the kind of token that was wanted first, where the project was open. */
  readonly pool?: ProjectKind;
}

/**
 * What one holder had of a licence on a day or in a week (UTC). What is left out is none: these are most of all rows, and
 * most holders have little but sessions.
 */
export interface HolderUse {
  /** Time in sessions that have ended; sessions beside each other count each. */
  readonly sessionMs?: number;
  readonly sessions?: number;
  /** Sessions that nobody closed, and when the last of them ended. */
  readonly expired?: number;
  readonly expiredAt?: Millis;
  /** Sessions that were opened shortly after one had lapsed: the application extends too late. */
  readonly reopened?: number;
  readonly activations?: number;
  /** Hours of the clock in which a session was extended from several addresses by turns. */
  readonly byTurns?: number;
  /** When the last of them began: history may tell of an hour more than once, since each session has lines of its own. */
  readonly byTurnsAt?: Millis;
  readonly denials?: Denials;
}

/** The minutes' series sort before all others, by which they are forgotten sooner. */
export const usageSeries = (resolution: Resolution, scope: Scope, id: string, pool: string) =>
  `${resolution / minute}/usage/${scope}/${id}/${pool}`;
/** Where the use of a licence is counted beside its own: what it still holds goes on there when it is moved or deleted. */
export interface Home {
  readonly productId: string;
  readonly customerId: string;
}
/** One sum, from the beginning of time; kept like the last one of a pool. */
export const homeSeries = (licenseId: string) => `${quarter / minute}/usage/home/${licenseId}`;
/** `pool`: of those who wanted a token of that kind; without it, of everybody. */
export const denialSeries = (resolution: Resolution, scope: Scope, id: string, pool?: ProjectKind) =>
  `${resolution / minute}/denials/${scope}/${id}${pool === undefined ? "" : `/${pool}`}`;
/** A licence has two pools at most, the kinds of projects: denials are told apart by these, and by no other. */
export const kindOf = (pool: Pool | null): ProjectKind | undefined =>
  pool === "mono" || pool === "team" ? pool : undefined;
export const isMinutes = (series: string) => series.startsWith("1/");
/** By days (UTC) and licences. */
export const deniedLicenses = "denied-licenses";
/** Series that name people are kept as long as history. */
export const episodeSeries = (licenseId: string) => `people/episodes/${licenseId}`;
export const episodePart = ({ holder, code }: Pick<Episode, "holder" | "code">) => `${holder} ${code}`;
/** By days, and by weeks from the same beginning: what holders had in a quarter of a year is a fifth of the rows then. */
export const holderSpans = [day, week] as const;
export type HolderSpan = (typeof holderSpans)[number];
export const holderSeries = (span: HolderSpan, licenseId: string) =>
  `people/${span === day ? "days" : "weeks"}/${licenseId}`;

/** A denial after which nobody tried again for so long ends its episode; whoever comes back later begins a new one. */
export const episodeGapMs = quarter;

/** An episode is followed for a day, whether its holder is served: counting need not look further back. */
export const episodeMaxMs = day;

/** A holder who was served so soon after the first denial did not miss anything: the denial was a false alarm. */
export const toleranceMs = 5 * minute;

/** A session that is opened so soon after one of the same holder lapsed should have been extended. */
export const reopenedWithinMs = quarter;

export const startOf = (at: Millis, resolution: number) => Math.floor(at / resolution) * resolution;
