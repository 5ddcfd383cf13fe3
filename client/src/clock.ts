/** Time and chance as one value, so that tests hold both. */

/** What a client takes as given. Passed in by tests alone. */
export interface Clock {
  /** Milliseconds that only go forward, a machine's sleep included. */
  now(): number;
  /** Calls back once; the function that is returned calls it off. Nothing in the background keeps a program alive. */
  after(ms: number, call: () => void, isBackground?: boolean): () => void;
  /** From 0 up to 1. */
  chance(): number;
}

/** What a timer takes, some 25 days: one that is set for longer goes off at once. */
const longestMs = 2 ** 31 - 1;

/** So much may the wall clock gain at once by being set right; beyond it, the machine slept. */
const jumpMs = 2_000;

/**
 * The clock of this machine. `performance.now` stands still while many machines sleep, and a laptop that was shut for an
 * hour has lost its session: where the wall clock has come to lead, time jumps forward with it. It never goes back.
 */
export class SystemClock implements Clock {
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  #lead: number;
  #slept = 0;

  constructor(monotonic = () => performance.now(), wall = () => Date.now()) {
    this.#monotonic = monotonic;
    this.#wall = wall;
    this.#lead = wall() - monotonic();
  }

  now(): number {
    const monotonic = this.#monotonic();
    const lead = this.#wall() - monotonic;
    if (lead - this.#lead > jumpMs) this.#slept += lead - this.#lead;
    this.#lead = lead;
    return monotonic + this.#slept;
  }

  after(ms: number, call: () => void, isBackground = false): () => void {
    const timer = setTimeout(call, Math.min(ms, longestMs));
    // A number in browsers. In Node an object, and a forgotten session must not keep a program from ending.
    if (isBackground) (timer as { unref?(): void }).unref?.();
    return () => clearTimeout(timer);
  }

  chance(): number {
    return Math.random();
  }
}

/** An option in seconds. Throws `RangeError`: by a NaN no time is ever over, and every pause is none. */
export function msOf(seconds: number, option: string): number {
  if (typeof seconds !== "number" || !(seconds >= 0)) throw new RangeError(`${option} is no number of seconds`);
  return seconds * 1_000;
}

/** Waits; rejects with the signal's reason as soon as that is aborted. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      callOff();
      reject(signal?.reason);
    };
    const callOff = clock.after(ms, () => {
      signal?.removeEventListener("abort", over);
      resolve();
    });
    if (signal?.aborted) over();
    else signal?.addEventListener("abort", over, { once: true });
  });
}
