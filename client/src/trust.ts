/**
 * How long a granted session may be trusted, and when to extend it. The client trusts less than the server grants: time
 * counts from the start of the request, and ends a little before the server's end does.
 */

import { backoff } from "./channel.ts";
import type { Grant } from "./models.ts";

/** For two clocks that do not run alike, and for what the application still does after asking. */
const marginShare = 0.02;
const marginMaxMs = 5_000;

/** With less than that left, no answer would come in time. */
const lastTryMs = 1_000;

export class TrustWindow {
  readonly #started: number;
  readonly until: number;

  constructor({ started, ms }: Grant) {
    this.#started = started;
    this.until = started + Math.max(0, ms - Math.min(marginMaxMs, ms * marginShare));
  }

  left(now: number): number {
    return Math.max(0, this.until - now);
  }

  /** Between 40 and 50 percent of the window: more than half of it is left for repetitions. */
  firstExtendAt(chance: number): number {
    return this.#started + (this.until - this.#started) * (0.4 + 0.1 * chance);
  }

  /** After a failed extend: soon, or as the server asked; where that would be too late, half-way to the end of the window. */
  nextTryAt(now: number, failures: number, waitMs: number | undefined, chance: number): number {
    const spread = backoff(failures, chance);
    const at = now + (waitMs === undefined ? spread : waitMs + spread / 2);
    if (at < this.until) return at;
    return this.left(now) < lastTryMs ? this.until : now + this.left(now) / 2;
  }

  /** After a refusal that may be lifted: half of the time that is left, and at least a second. */
  laterTryAt(now: number, chance: number): number {
    return Math.min(this.until, now + Math.max(1_000, this.left(now) * (0.4 + 0.1 * chance)));
  }
}
