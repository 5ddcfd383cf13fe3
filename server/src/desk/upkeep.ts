/** What the desk does by itself: history of what is over, the sign of life, and what an outage left behind. */

import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { Rollup } from "../analytics/rollup.ts";
import { outageNoticedMs } from "../core/limits.ts";
import { makeGood } from "../core/step.ts";
import type { CreditCommand, SettleCommand } from "../core/types.ts";
import { type Place, type Store, StoreFault } from "../stores/store.ts";
import { tellOfFault } from "../stores/trouble.ts";
import type { Desk } from "./desk.ts";
import {
  aliveIntervalMs,
  busyFrom,
  busyRestShare,
  lateMs,
  licensesPerSweepMax,
  pruneIntervalMs,
  restShare,
  slicesMax,
  sweepIntervalMs,
} from "./limits.ts";

export interface Log {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
  error(about: object, text: string): void;
}

/**
 * Makes good for the time in which no server ran, before anybody is served: an outage of more than a minute is added to
 * the sessions that were live when it began; sessions that a leading clock granted are brought back to this one.
 * One transaction, whose record is what a next start measures from: after a crash nothing is credited twice.
 */
export async function recover(store: Store, log: Log): Promise<void> {
  await makeGoodForAway(store, log);
  const { until: countedUntil } = await store.counted();
  if (countedUntil - store.now() <= outageNoticedMs) return;
  log.warn(
    { countedUntil: new Date(countedUntil).toISOString() },
    "analytics counted ahead of this clock, which somebody has set: nothing more is counted until then; docs/guide/operating.md says what can be done",
  );
}

async function makeGoodForAway(store: Store, log: Log): Promise<void> {
  const last = store.lastInstant;
  if (last === null) return;
  const awayMs = store.now() - last;
  if (Math.abs(awayMs) <= outageNoticedMs) return;
  const live = store.liveLicenses();
  // Where nothing is live, one licence is settled all the same: a next start measures from the line that this writes.
  const licenses = awayMs < 0 && live.length === 0 ? someLicense(store) : live;
  const commandFor = ({ isvId, licenseId }: Place): CreditCommand | SettleCommand =>
    awayMs > 0
      ? { type: "credit", isvId, licenseId, from: last, lengthMs: awayMs }
      : { type: "settle", isvId, licenseId };
  log.info(
    { awayMs, licenses: licenses.length },
    "making good for the time without a server, before anybody is served",
  );
  await store.makeGood(function* (view, now) {
    for (const place of licenses) yield* makeGood(view, commandFor(place), now);
  });
  // Not only five seconds from now: a sign of life by a clock that led would outlast a server that is killed meanwhile.
  await store.live();
  if (awayMs > 0) {
    log.info({ awayMs, licenses: licenses.length }, "the server was away: live sessions were given the time back");
  } else {
    log.warn(
      { leadMs: -awayMs, licenses: licenses.length },
      "what is on record leads this machine's clock: somebody set a clock; sessions were brought back to it",
    );
  }
}

function someLicense(store: Store): Place[] {
  for (const { isv, licenses } of store.catalog.vendors()) {
    for (const licenseId of licenses.keys()) return [{ isvId: isv.id, licenseId }];
  }
  return [];
}

/** Writes what is over into history, as far as the bound of one round goes. */
export async function sweep(store: Store, desk: Desk): Promise<void> {
  await desk.beat();
  const due = await store.dueLicenses(store.now(), licensesPerSweepMax, null);
  await Promise.all(due.map(({ isvId, licenseId }) => desk.decide({ type: "sweep", isvId, licenseId })));
}

/** Brings every licence up to now: what it is owed is credited, and what is over stands in history. */
export async function sweepAll(store: Store, desk: Desk): Promise<void> {
  const places = [...store.catalog.vendors()].flatMap(({ isv, licenses }) =>
    [...licenses.keys()].map((licenseId) => ({ isvId: isv.id, licenseId })),
  );
  for (let n = 0; n < places.length; n += licensesPerSweepMax) {
    const some = places.slice(n, n + licensesPerSweepMax);
    await Promise.all(some.map((place) => desk.decide({ type: "sweep", ...place })));
  }
}

/** Starts the rounds. The answer stops them, after a last sign of life. */
export function startUpkeep(store: Store, desk: Desk, log: Log): () => Promise<void> {
  const live = () => store.live();
  const stopSweep = every(sweepIntervalMs, "the sweep", () => sweep(store, desk), log);
  // Apart from the sweep: it must not wait behind a full queue.
  const stopTidy = every(sweepIntervalMs, "the store's housekeeping", () => store.tidy(), log);
  const rollup = new Rollup(store);
  const counting = new Slices(() => rollup.round());
  const pruning = new Slices(() => rollup.prune());
  const stopCounting = every(sweepIntervalMs, "counting", (stop) => counting.run(stop), log);
  const stopPruning = every(pruneIntervalMs, "forgetting what is old", (stop) => pruning.run(stop), log);
  const stopLive = every(aliveIntervalMs, "the sign of life", live, log);
  return async () => {
    await Promise.all([stopSweep(), stopTidy(), stopCounting(), stopPruning(), stopLive()]);
    await live().catch((error: Error) => log.error({ err: error }, "the last sign of life failed"));
  };
}

/**
 * Work in slices, with rests between them that leave the time to the others: most of it, and nearly all of it while the server has
 * its hands full, as long as the work is not late.
 */
export class Slices {
  readonly #slice: () => Promise<boolean>;
  readonly #isBusy: () => boolean;
  readonly #rest: typeof pause;
  /** When nothing was left to do. */
  #doneAt = performance.now();

  /** `slice` answers whether there is more to do at once. */
  constructor(slice: () => Promise<boolean>, isBusy = busySince(), rest = pause) {
    this.#slice = slice;
    this.#isBusy = isBusy;
    this.#rest = rest;
  }

  /** Slice after slice until nothing is left or the server stops. */
  async run(stop: AbortSignal): Promise<void> {
    for (let n = 0; n < slicesMax && !stop.aborted; n++) {
      const began = performance.now();
      const hasMore = await this.#slice();
      const now = performance.now();
      if (!hasMore) {
        this.#doneAt = now;
        return;
      }
      const length = now - began;
      // A slice that waited long for others, or for its disk, does not make the work late by its rest.
      const left = this.#isBusy() ? this.#doneAt + lateMs - now : 0;
      await this.#rest(Math.max(length * restShare, Math.min(length * busyRestShare, left)), stop);
    }
  }
}

/** Tells whether the event loop had hardly a pause since it was asked last. */
function busySince(): () => boolean {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization > busyFrom;
  };
}

/** Ends early when the server stops. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: stop }).catch(() => {});
}

/** Runs `work` again and again, one at a time; a failure is logged and the next round tries again. */
function every(ms: number, what: string, work: (stop: AbortSignal) => Promise<void>, log: Log): () => Promise<void> {
  const stop = new AbortController();
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    if (running !== null) return;
    running = work(stop.signal)
      .catch((error: Error) => {
        if (error instanceof StoreFault) tellOfFault(log, error, { during: what });
        else log.error({ err: error }, `${what} failed; it is tried again`);
      })
      .finally(() => {
        running = null;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    stop.abort();
    await running;
  };
}
