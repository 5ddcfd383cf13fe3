/**
 * The desk takes commands, decides them in batches and answers after the commit. While one transaction is under way the
 * next ones gather; so the cost of making a decision durable is shared by everybody who waits.
 */
import type { AuditLine } from "../catalog/audit.ts";
import { outageNoticedMs } from "../core/limits.ts";
import { type Licenses, type Outcome, step } from "../core/step.ts";
import type { Command, Millis } from "../core/types.ts";
import {
  type AuditedLicenses,
  LicensesBusy,
  type Patience,
  type Place,
  type Store,
  StoreFault,
} from "../stores/store.ts";
import { commandsPerTransactionMax, commandsWaitingMax, faultsInARowMax, turnsGatheredMax } from "./limits.ts";
import { type Job, placeOf, Queue } from "./queue.ts";
import { type HeldUp, heldUp } from "./releases.ts";

/** Too much waits already: the command was not taken, nothing of it happened. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
  readonly retryAfterSeconds = 1;

  constructor() {
    super("the server has more to decide than it may queue");
  }
}

/**
 * The line that a command leaves in the audit log, by what it came to; null: none. Asked for in the transaction, which may be
 * run more than once: it looks at its arguments alone.
 */
export type Audit = (outcome: Outcome, now: Millis) => AuditLine | null;

/** Told for each command in its own place: what it came to, or the error that it met. */
export type Reply = (outcomes: readonly (Outcome | Error)[]) => void;

/**
 * What came of a job: its outcomes, or that it goes back into the queue: its licence is in another server's hands, or has
 * more to release than others should wait for.
 */
type OfJob = readonly (Outcome | Error)[] | "later" | "left out" | HeldUp;

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
  readonly #queue: Queue;
  /** Transactions under way. */
  #running = 0;
  /** Those of them that wait for a licence in another server's hands. */
  #waiting = 0;
  #isWoken = false;
  #idle: (() => void)[] = [];

  constructor(store: Store, { noticesOutages = false }: DeskOptions = {}) {
    this.#store = store;
    this.#queue = new Queue(store.lanes > 1);
    this.#noticesOutages = noticesOutages;
    this.#aliveAt = store.now();
  }

  /**
   * Queues commands to be decided in one transaction, in their order. `reply` is called once, after the commit. What `audit` says
   * of each is on record with what the command changed, or neither is.
   * @throws Overloaded at once, when the queue is full.
   */
  submit(commands: readonly Command[], reply: Reply, audit?: Audit): void {
    if (this.#queue.commands + commands.length > commandsWaitingMax) throw new Overloaded();
    this.#queue.add({ commands, reply, audit, isApart: false });
    this.#wake();
  }

  /** One command as a promise; rejects with `Overloaded`, `StoreFault` or the error of a bug. */
  decide(command: Command, audit?: Audit): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const reply: Reply = ([outcome]) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Outcome);
      };
      this.submit([command], reply, audit);
    });
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    const isIdle = this.#running === 0 && this.#queue.length === 0;
    return isIdle ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** At the end of this turn of the loop, or a little later: whatever else arrives shares the commit. */
  #wake(): void {
    if (this.#isWoken || this.#running >= this.#store.lanes) return;
    this.#isWoken = true;
    this.#gather(1, this.#queue.length);
  }

  /**
   * Lets the loop read on as long as each turn brings more, because all of it shares one commit: callers that were
   * answered together come back together, and not all within one turn. A lone caller waits for the end of its turn.
   */
  #gather(turn: number, before: number): void {
    setImmediate(() => {
      const now = this.#queue.length;
      if (now > before && turn < turnsGatheredMax) this.#gather(turn + 1, now);
      else this.#start();
    });
  }

  #start(): void {
    this.#isWoken = false;
    while (this.#running < this.#store.lanes) {
      // One lane is left to those who need not wait.
      const jobs = this.#queue.take(commandsPerTransactionMax, this.#waiting < Math.max(1, this.#store.lanes - 1));
      if (jobs.length === 0) return;
      void this.#run(jobs);
    }
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    const waiting = isApart(jobs) ? 1 : 0;
    this.#running++;
    this.#waiting += waiting;
    const outcomes = [...(await this.#decideAll(jobs))];
    this.#running--;
    this.#waiting -= waiting;
    this.#queue.done(jobs);
    // The last one first: each goes before everything else, and they keep their order.
    for (const [job, outcome] of outcomes.toReversed()) {
      if (outcome === "later") this.#queue.putBack({ ...job, isApart: true });
      if (outcome === "left out") this.#queue.putBack({ ...job, isApart: job.wasLeftOut === true, wasLeftOut: true });
    }
    // Behind everybody else, so that those get their turn, however many wait for this licence; and those whose licence has
    // just released a round behind the others.
    for (const kind of ["behind", "released"]) {
      for (const [job, outcome] of outcomes) {
        if (outcome === kind) this.#queue.add({ ...job, rounds: (job.rounds ?? 0) + 1 });
      }
    }
    for (const [job, outcome] of outcomes) if (typeof outcome === "object") answer(job, outcome);
    if (this.#queue.length > 0) this.#wake();
    else if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** What came of these jobs, in their order, and of those that joined them. */
  async #decideAll(asked: readonly Job[], joining = { isJoined: true }): Promise<Map<Job, OfJob>> {
    const jobs = [...asked];
    try {
      return await this.#transact(jobs, isApart(jobs) ? "waits" : "refuses", joining);
    } catch (error) {
      if (error instanceof LicensesBusy)
        return isApart(jobs) ? this.#giveUp(jobs, error) : this.#decideFree(jobs, error);
      if (jobs.length === 1 || (error instanceof StoreFault && error.isUnknown)) {
        return each(jobs, (job) => failed(job, error));
      }
      return this.#decideApart(jobs, error);
    }
  }

  /** They waited in vain, and so would everybody who has come to wait behind them. */
  #giveUp(jobs: readonly Job[], error: LicensesBusy): Map<Job, OfJob> {
    for (const behind of this.#queue.takeBehind(jobs)) answer(behind, failed(behind, error));
    return each(jobs, (job) => failed(job, error));
  }

  /** Some licences are in another server's hands: their jobs wait for them apart, the others go on without. */
  async #decideFree(jobs: readonly Job[], { places }: LicensesBusy): Promise<Map<Job, OfJob>> {
    const free = freeOf(jobs, places);
    const outcomes = each(jobs, (): OfJob => "later");
    // None of these that a command names: an activation's client is on it, nobody can tell whose.
    if (free.length === 0 || free.length === jobs.length) return outcomes;
    // Nobody joins these: they have licences in common with jobs that wait, which must not be overtaken.
    for (const [job, outcome] of await this.#decideAll(free, { isJoined: false })) outcomes.set(job, outcome);
    return outcomes;
  }

  /** A batch failed: each job for itself, so that one that meets a bug, or that the store cannot take, fails alone and whole. */
  async #decideApart(jobs: readonly Job[], first: unknown): Promise<Map<Job, OfJob>> {
    const outcomes = new Map<Job, OfJob>();
    let faults = 0;
    for (const job of jobs) {
      try {
        // After a few faults in a row it is the store, and trying on would only keep everybody waiting.
        if (faults >= faultsInARowMax) throw first;
        const alone = await this.#transact([job], "waits", { isJoined: false });
        outcomes.set(job, alone.get(job) as OfJob);
        faults = 0;
      } catch (error) {
        if (error instanceof StoreFault) faults++;
        outcomes.set(job, failed(job, error));
      }
    }
    return outcomes;
  }

  /** `isJoined`: what has come for the same licences until they are locked is decided too; it is put behind the jobs. */
  async #transact(jobs: Job[], patience: Patience, { isJoined = true } = {}): Promise<Map<Job, OfJob>> {
    const aliveAt = this.#aliveAt;
    const commands = jobs.length === 1 ? (jobs[0] as Job).commands : jobs.flatMap((job) => job.commands);
    try {
      const work = (licenses: AuditedLicenses, now: Millis, owed: readonly Command[], busy: readonly Place[] = []) => {
        this.#creditOutage(licenses, now);
        for (const command of owed) step(licenses, command, now);
        if (isJoined) jobs.push(...this.#queue.join(jobs, busy, commandsPerTransactionMax));
        const free = busy.length === 0 ? null : new Set(freeOf(jobs, busy));
        const held = heldUp(licenses, free ?? jobs, now);
        return each(jobs, (job): OfJob => {
          if (free?.has(job) === false) return "left out";
          return held.get(job) ?? job.commands.map((command) => decideOne(licenses, job, command, now));
        });
      };
      return await this.#store.transact(commands, work, patience);
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

function decideOne(licenses: AuditedLicenses, { audit }: Job, command: Command, now: Millis): Outcome {
  const outcome = step(licenses, command, now);
  const line = audit?.(outcome, now) ?? null;
  if (line !== null) licenses.audit(line);
  return outcome;
}

/** The jobs that can do without these licences. */
function freeOf(jobs: readonly Job[], places: readonly Place[]): Job[] {
  const busy = new Set(places.map(placeOf));
  return jobs.filter(({ commands }) => {
    const own = commands.map(placeOf);
    const isFree = !own.some((place) => busy.has(place));
    // Whoever waits is not overtaken on its other licences.
    if (!isFree) for (const place of own) busy.add(place);
    return isFree;
  });
}

function each(jobs: readonly Job[], outcomeOf: (job: Job) => OfJob): Map<Job, OfJob> {
  const outcomes = new Map<Job, OfJob>();
  for (const job of jobs) outcomes.set(job, outcomeOf(job));
  return outcomes;
}

function isApart(jobs: readonly Job[]): boolean {
  return jobs[0]?.isApart === true;
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
