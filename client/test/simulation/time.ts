/** One true time for a whole world, and the clocks of its machines, which tell it as well as such clocks do. */

import type { Clock } from "../../../server/src/clock.ts";
import { processClock } from "../../../server/src/clock.ts";
import { SystemClock } from "../../src/clock.ts";

interface Due {
  readonly at: number;
  readonly call: () => unknown;
}

/** What is going to happen, in order of true time. Milliseconds. */
export class Timeline {
  #now = 0;
  #due: Due[] = [];

  get now(): number {
    return this.#now;
  }

  /** The function that is returned calls it off. */
  after(ms: number, call: () => unknown): () => void {
    const due = { at: this.#now + Math.max(0, ms), call };
    this.#due.push(due);
    return () => {
      this.#due = this.#due.filter((other) => other !== due);
    };
  }

  /** Goes on to what is due next, and waits until everything that follows from it at once has happened. */
  async next(): Promise<void> {
    const [first] = this.#due.toSorted((a, b) => a.at - b.at);
    if (first === undefined) throw new Error("nothing is going to happen any more");
    this.#due = this.#due.filter((due) => due !== first);
    this.#now = first.at;
    await first.call();
    for (let n = 0; n < turnsPerEvent; n++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A client's longest chain of promises between an answer and its next timer is done in fewer. */
const turnsPerEvent = 4;

/** A user's machine: its clock runs a little fast or slow, is set by somebody, and stands still while the machine sleeps. */
export class Machine extends SystemClock {
  readonly #timeline: Timeline;
  readonly #hardware: Hardware;
  readonly #random: () => number;
  #isDead = false;

  constructor(timeline: Timeline, rate: number, random: () => number) {
    const hardware = new Hardware(timeline, rate);
    super(
      () => hardware.awakeMs,
      () => hardware.wallMs,
    );
    this.#timeline = timeline;
    this.#hardware = hardware;
    this.#random = random;
  }

  get isAsleep(): boolean {
    return this.#hardware.isAsleep;
  }

  /** The power is cut: nothing on it happens ever again. */
  die(): void {
    this.#isDead = true;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  sleep(): void {
    this.#hardware.isAsleep = true;
  }

  wake(): void {
    this.#hardware.isAsleep = false;
  }

  /** Somebody sets the wall clock. */
  setClock(byMs: number): void {
    this.#hardware.setByMs += byMs;
    // A program that runs looks at its session now and then; before the machine falls asleep it has seen the new time.
    this.now();
  }

  /** Timers count the time in which the machine is awake. */
  override after(ms: number, call: () => void): () => void {
    const due = this.#hardware.awakeMs + ms;
    let callOff = () => {};
    const look = () => {
      if (this.#isDead) return;
      const left = due - this.#hardware.awakeMs;
      if (left <= 0 && !this.isAsleep) return call();
      callOff = this.#timeline.after(this.isAsleep ? lookWhileAsleepMs : Math.max(1, left / this.#hardware.rate), look);
    };
    callOff = this.#timeline.after(Math.max(0, ms) / this.#hardware.rate, look);
    return () => callOff();
  }

  override chance(): number {
    return this.#random();
  }
}

/** A timer that meets a sleeping machine looks again so much later. */
const lookWhileAsleepMs = 1_000;

class Hardware {
  readonly #timeline: Timeline;
  readonly rate: number;
  setByMs = 0;
  #isAsleep = false;
  #since = 0;
  #awakeMs = 0;

  constructor(timeline: Timeline, rate: number) {
    this.#timeline = timeline;
    this.rate = rate;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  set isAsleep(isAsleep: boolean) {
    this.#awakeMs = this.awakeMs;
    this.#since = this.#timeline.now;
    this.#isAsleep = isAsleep;
  }

  get awakeMs(): number {
    return this.#awakeMs + (this.#isAsleep ? 0 : (this.#timeline.now - this.#since) * this.rate);
  }

  get wallMs(): number {
    return epoch + this.#timeline.now * this.rate + this.setByMs;
  }
}

const epoch = Date.parse("2026-11-22T08:00:00Z");

/** The clock of the server's machine, which somebody sets; a process takes it as it is when it starts. */
export class ServerClock {
  readonly #timeline: Timeline;
  setByMs = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  ofProcess(): Clock {
    return processClock(
      () => epoch + this.#timeline.now + this.setByMs,
      () => this.#timeline.now,
    );
  }
}
