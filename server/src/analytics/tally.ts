/** What analytics keeps: small sums by series and time, so that no chart ever reads the events themselves. */
import type { DenialCode, Millis } from "../core/types.ts";

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
export const day = 24 * 60 * minute;
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
  readonly denied: Readonly<Partial<Record<DenialCode, number>>>;
}

/**
 * Denials of one holder for one reason that follow each other closely: somebody tried again and again. Kept from the
 * first one on.
 */
export interface Episode {
  readonly holder: string;
  readonly code: DenialCode;
  readonly lastAt: Millis;
  readonly attempts: number;
  /** When the holder was served on that licence; null: never within the time that an episode is followed. */
  readonly servedAt: Millis | null;
}

/** Episodes that began in a quarter of an hour. */
export interface EpisodeCount {
  readonly episodes: number;
  /** Those whose holder was served within the tolerance: false alarms. */
  readonly servedSoon: number;
  readonly served: number;
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

/** What one holder had of a licence on a day (UTC). */
export interface HolderDay {
  /** Time in sessions that have ended; sessions beside each other count each. */
  readonly sessionMs: number;
  readonly sessions: number;
  readonly denials: number;
}

export const usageSeries = (resolution: Resolution, scope: Scope, id: string, pool: string) =>
  `usage/${resolution / minute}/${scope}/${id}/${pool}`;
export const episodeSeries = (licenseId: string) => `episodes/${licenseId}`;
export const episodeCountSeries = (scope: Scope, id: string) => `episodes/15/${scope}/${id}`;
export const holderSeries = (licenseId: string) => `holders/${licenseId}`;

/** A denial after which nobody tried again for so long ends its episode. */
export const episodeGapMs = quarter;

/** However often somebody tries, an episode is over after a day: counting need not look further back. */
export const episodeMaxMs = day;

/** A holder who was served so soon after the first denial did not miss anything: the denial was a false alarm. */
export const toleranceMs = 5 * minute;

export const startOf = (at: Millis, resolution: number) => Math.floor(at / resolution) * resolution;
