/** How long the disk needs for a commit: whether the event loop can wait for it, or a thread should. */

/** The smallest commits that are timed when the file is opened. */
export const commitsProbed = 3;

/** The latest ones count: at a sign of life every five seconds, those of half a minute. */
const commitsKept = 5;

/**
 * Milliseconds from which a thread pays. Below it, commits on the event loop serve more: all callers share one, while
 * with a thread a part of them is always on the way, and smaller batches cost more each.
 */
const slowMs = 2;

export class Pace {
  readonly #commitsMs: number[] = [];

  note(commitMs: number): void {
    this.#commitsMs.push(commitMs);
    if (this.#commitsMs.length > commitsKept) this.#commitsMs.shift();
  }

  /** By the median: a single commit may have waited for anything. */
  get isSlow(): boolean {
    const sorted = this.#commitsMs.toSorted((a, b) => a - b);
    return sorted.length >= commitsProbed && (sorted[sorted.length >> 1] as number) > slowMs;
  }
}
