/** What a transaction releases of what is over: so much that whoever shares it waits for a round or two, and no more. */
import { releasesPerStepMax } from "../core/limits.ts";
import type { LicenseState } from "../core/state.ts";
import { type Licenses, overdueFor, overIn, releaseRound } from "../core/step.ts";
import type { Millis } from "../core/types.ts";
import type { Job } from "./queue.ts";

/** A job that waits: for its turn to release a round, or for the rest after one. */
export type HeldUp = "behind" | "released";

/**
 * The jobs that wait until their licences have less to release. Of the licences that keep them waiting, one is released a
 * round further: the one whose job has waited longest.
 */
export function heldUp(licenses: Licenses, jobs: Iterable<Job>, now: Millis): ReadonlyMap<Job, HeldUp> {
  const budget = new Budget();
  const waiting = new Map<Job, LicenseState>();
  let longest: Job | null = null;
  for (const job of jobs) {
    const license = budget.exceededBy(licenses, job, now);
    if (license === undefined) continue;
    waiting.set(job, license);
    if (longest === null || roundsOf(job) > roundsOf(longest)) longest = job;
  }
  const released = longest === null ? undefined : waiting.get(longest);
  if (released !== undefined) releaseRound(licenses, released, now);
  return new Map([...waiting].map(([job, license]) => [job, license === released ? "released" : "behind"]));
}

/** What all of a transaction's commands together release before they are decided. */
class Budget {
  #left = releasesPerStepMax;
  /** Whether a licence's share fits in. */
  readonly #fits = new Map<LicenseState, boolean>();

  /** The first licence of the job's that has more to release than is left. */
  exceededBy(licenses: Licenses, { commands }: Job, now: Millis): LicenseState | undefined {
    for (const command of commands) {
      for (const license of overdueFor(licenses, command, now)) if (!this.#admits(license, now)) return license;
    }
    return undefined;
  }

  #admits(license: LicenseState, now: Millis): boolean {
    const known = this.#fits.get(license);
    if (known !== undefined) return known;
    const over = overIn(license, now, this.#left + 1);
    const fits = over <= this.#left;
    if (fits) this.#left -= over;
    this.#fits.set(license, fits);
    return fits;
  }
}

const roundsOf = ({ rounds = 0 }: Job): number => rounds;
