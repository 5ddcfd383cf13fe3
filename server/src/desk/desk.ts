/**
 * The desk takes commands, decides them in batches and answers after the commit. While one transaction is under way the
 * next ones gather; so the cost of making a decision durable is shared by everybody who waits.
 */
import { outageNoticedMs } from "../core/limits.ts";
import { type Licenses, type Outcome, step } from "../core/step.ts";
import type { Command, Millis } from "../core/types.ts";
import { type Store, StoreFault } from "../stores/store.ts";
import { commandsPerTransactionMax, commandsWaitingMax, faultsInARowMax, turnsGatheredMax } from "./limits.ts";

/** Too much waits already: the command was not taken, nothing of it happened. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
  readonly retryAfterSeconds = 1;

  constructor() {
    super("the server has more to decide than it may queue");
  }
}

/** Told for each command in its own place: what it came to, or the error that it met. */
export type Reply = (outcomes: readonly (Outcome | Error)[]) => void;

interface Job {
  readonly commands: readonly Command[];
  readonly reply: Reply;
}

export interface DeskOptions {
  /**
   * Whether a minute in which nothing was decided, not even a sweep, means that the server was away: the process was
   * stopped, or the machine suspended. Not where somebody moves the clock by hand.
   */
  readonly noticesOutages?: boolean;
}

export class Desk {
  readonly #store: Store;
  readonly #noticesOutages: boolean;
  #aliveAt: Millis;
  #jobs: Job[] = [];
  #waiting = 0;
  #isBusy = false;
  #idle: (() => void)[] = [];

  constructor(store: Store, { noticesOutages = false }: DeskOptions = {}) {
    this.#store = store;
    this.#noticesOutages = noticesOutages;
    this.#aliveAt = store.now();
  }

  /**
   * Queues commands to be decided in one transaction, in their order. `reply` is called once, after the commit.
   * @throws Overloaded at once, when the queue is full.
   */
  submit(commands: readonly Command[], reply: Reply): void {
    if (this.#waiting + commands.length > commandsWaitingMax) throw new Overloaded();
    this.#waiting += commands.length;
    this.#jobs.push({ commands, reply });
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#work();
  }

  /** One command as a promise; rejects with `Overloaded`, `StoreFault` or the error of a bug. */
  decide(command: Command): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.submit([command], ([outcome]) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Outcome);
      });
    });
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    return this.#isBusy ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  async #work(): Promise<void> {
    while (this.#jobs.length > 0) {
      await this.#gather();
      const jobs = this.#take();
      const outcomes = await this.#decideAll(jobs);
      for (const [n, job] of jobs.entries()) answer(job, outcomes[n] as (Outcome | Error)[]);
    }
    this.#isBusy = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Lets the loop read on as long as each turn brings more, because all of it shares one commit: callers that were
   * answered together come back together, and not all within one turn. A lone caller waits for the end of its turn.
   */
  async #gather(): Promise<void> {
    for (let turn = 0; turn < turnsGatheredMax; turn++) {
      const before = this.#jobs.length;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#jobs.length === before) return;
    }
  }

  /** What goes into the next transaction; a job is never split. */
  #take(): Job[] {
    let commands = 0;
    let count = 0;
    for (const job of this.#jobs) {
      if (count > 0 && commands + job.commands.length > commandsPerTransactionMax) break;
      commands += job.commands.length;
      count++;
    }
    const jobs = this.#jobs.slice(0, count);
    this.#jobs = this.#jobs.slice(count);
    this.#waiting -= commands;
    return jobs;
  }

  async #decideAll(jobs: readonly Job[]): Promise<(Outcome | Error)[][]> {
    try {
      return await this.#transact(jobs);
    } catch (error) {
      return jobs.length === 1 ? [failed(jobs[0] as Job, error)] : this.#decideApart(jobs, error);
    }
  }

  /** A batch failed: each job for itself, so that one that meets a bug, or that the store cannot take, fails alone and whole. */
  async #decideApart(jobs: readonly Job[], first: unknown): Promise<(Outcome | Error)[][]> {
    const outcomes: (Outcome | Error)[][] = [];
    let faults = 0;
    for (const job of jobs) {
      try {
        // After a few faults in a row it is the store, and trying on would only keep everybody waiting.
        if (faults >= faultsInARowMax) throw first;
        outcomes.push(...(await this.#transact([job])));
        faults = 0;
      } catch (error) {
        if (error instanceof StoreFault) faults++;
        outcomes.push(failed(job, error));
      }
    }
    return outcomes;
  }

  async #transact(jobs: readonly Job[]): Promise<Outcome[][]> {
    const aliveAt = this.#aliveAt;
    try {
      return await this.#store.transact((licenses, now) => {
        this.#creditOutage(licenses, now);
        return jobs.map(({ commands }) => commands.map((command) => step(licenses, command, now)));
      });
    } catch (error) {
      // Nothing of it happened, a credit included: the outage goes on.
      this.#aliveAt = aliveAt;
      throw error;
    }
  }

  /** Before anything is decided: what lapsed while nobody could be served is given its time back. */
  #creditOutage(licenses: Licenses, now: Millis): void {
    const from = this.#aliveAt;
    const lengthMs = now - from;
    this.#aliveAt = now;
    if (!this.#noticesOutages || lengthMs <= outageNoticedMs) return;
    for (const { isvId, licenseId } of this.#store.liveLicenses()) {
      step(licenses, { type: "credit", isvId, licenseId, from, lengthMs }, now);
    }
  }

  /** A sign of life while there is nothing to decide. */
  beat(): Promise<void> {
    return new Promise((resolve) => this.submit([], () => resolve()));
  }
}

function failed({ commands }: Job, error: unknown): Error[] {
  return commands.map(() => (error instanceof Error ? error : new StoreFault(String(error))));
}

function answer(job: Job, outcomes: readonly (Outcome | Error)[]): void {
  try {
    job.reply(outcomes);
  } catch (error) {
    // A reply writes to a socket; its failure must not keep the others from theirs.
    process.emitWarning(error instanceof Error ? error : String(error), "ReplyFailed");
  }
}
