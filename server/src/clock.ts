import type { Millis } from "./core/types.ts";

/** Tells the time. The only source of it in a server. */
export interface Clock {
  now(): Millis;
}

/** How far the wall clock must lead before it is believed: less is drift, which the next start mends. */
const leadBelievedMs = 60_000;

/**
 * The process's clock: the wall clock at start, carried on by the monotonic one, so that setting the machine's clock
 * back moves no session. The monotonic clock stands still while a virtual machine is suspended; so where the wall clock
 * has come to lead by more than a minute, time jumps forward to it, and the desk treats the gap as an outage.
 */
export function processClock(wall = () => Date.now(), monotonic = () => performance.now()): Clock {
  let anchor = wall() - monotonic();
  return {
    now() {
      const lead = wall() - monotonic() - anchor;
      if (lead > leadBelievedMs) anchor += lead;
      return Math.floor(anchor + monotonic());
    },
  };
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
