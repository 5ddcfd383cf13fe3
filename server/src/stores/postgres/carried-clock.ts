/** PostgreSQL's clock between two looks at it, carried on by the process's monotonic one. */
import { outageNoticedMs } from "../../core/limits.ts";
import type { Millis } from "../../core/types.ts";

/** For how long a look counts, and at most twice that: long enough for one that was answered at once, too short for clocks to drift apart. */
const windowMs = 10_000;

/**
 * A look is answered somewhat later than PostgreSQL took it, so it shows the clock too early and never too late: the one that
 * shows it latest is the truest. Nobody who asks meanwhile is then told of an instant before the question.
 */
export class CarriedClock {
  readonly #elapsed: () => Millis;
  /** How far PostgreSQL's clock leads the monotonic one, by the looks of this window and by those of the one before. */
  #lead: Millis;
  #leadBefore = Number.NEGATIVE_INFINITY;
  #windowEnds = Number.NEGATIVE_INFINITY;

  /** `lead`: to begin with, before anybody has looked. */
  constructor(lead: Millis = Date.now() - performance.now(), elapsed = () => performance.now()) {
    this.#lead = lead;
    this.#elapsed = elapsed;
  }

  /** PostgreSQL's clock has shown this, a moment ago. */
  note(now: Millis): void {
    const elapsed = this.#elapsed();
    const isFirst = this.#windowEnds === Number.NEGATIVE_INFINITY;
    const isSetBack = this.now() - now > outageNoticedMs;
    if (elapsed >= this.#windowEnds || isSetBack) {
      const isLast = !isFirst && !isSetBack && elapsed < this.#windowEnds + windowMs;
      this.#leadBefore = isLast ? this.#lead : Number.NEGATIVE_INFINITY;
      this.#lead = Number.NEGATIVE_INFINITY;
      this.#windowEnds = elapsed + windowMs;
    }
    this.#lead = Math.max(this.#lead, now - elapsed);
  }

  now(): Millis {
    return Math.floor(this.#elapsed() + Math.max(this.#lead, this.#leadBefore));
  }
}
