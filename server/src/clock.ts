import type { Millis } from "./core/types.ts";

/** Tells the time. The only source of it in a server. */
export interface Clock {
  now(): Millis;
}

/**
 * The process's clock: the wall clock at start, carried on by the monotonic one, so that setting the machine's clock
 * moves no session. `notBefore` keeps time from going back over a restart.
 */
export function processClock(notBefore: Millis = 0): Clock {
  const anchor = Math.max(Date.now(), notBefore) - performance.now();
  return { now: () => Math.floor(anchor + performance.now()) };
}

/** A clock that somebody holds: the sandbox's and the tests'. */
export class HeldClock implements Clock {
  #now: Millis;

  constructor(start: Millis = Date.parse("2026-01-01T00:00:00Z")) {
    this.#now = start;
  }

  now(): Millis {
    return this.#now;
  }

  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`a clock goes forward: ${ms}`);
    this.#now += ms;
  }
}
