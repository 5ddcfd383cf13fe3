/** What waits at the desk, in the order in which it came; and, where transactions overlap, which licences are taken. */
import type { Command } from "../core/types.ts";
import type { Place } from "../stores/store.ts";
import type { Audit, Reply } from "./desk.ts";

/** Commands that are decided in one transaction, or not at all. */
export interface Job {
  readonly commands: readonly Command[];
  readonly reply: Reply;
  readonly audit?: Audit | undefined;
  /** Its licence was in somebody else's hands: it waits for it in a transaction that nobody shares who need not. */
  readonly isApart: boolean;
  /** A batch had to go on without it. Once, it just joins the next one: by then its licence is mostly free again. */
  readonly wasLeftOut?: boolean;
  /** How often it has come back because a licence had too much to release; left out: never. */
  readonly rounds?: number;
}

export class Queue {
  readonly #overlaps: boolean;
  #jobs: Job[] = [];
  #commands = 0;
  /** Licences of the transactions under way. */
  readonly #taken = new Set<string>();

  /** `overlaps`: several transactions may be under way, and no two of them on one licence. */
  constructor(overlaps: boolean) {
    this.#overlaps = overlaps;
  }

  get length(): number {
    return this.#jobs.length;
  }

  get commands(): number {
    return this.#commands;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    this.#commands += job.commands.length;
  }

  /** Before everything else: it has waited already. */
  putBack(job: Job): void {
    this.#jobs.unshift(job);
    this.#commands += job.commands.length;
  }

  /**
   * The jobs of the next transaction, of `commandsMax` commands at most unless one job has more; a job is never split.
   * `withApart`: those that wait apart may be it.
   */
  take(commandsMax: number, withApart = true): Job[] {
    const jobs = this.#overlaps ? this.#takeFree(commandsMax, withApart) : this.#takeFirst(commandsMax);
    for (const { commands } of jobs) this.#commands -= commands.length;
    return jobs;
  }

  /** Takes out what waits for a licence of these jobs. */
  takeBehind(jobs: readonly Job[]): Job[] {
    const places = new Set(jobs.flatMap(({ commands }) => commands.map(placeOf)));
    const isBehind = ({ commands }: Job) => commands.some((command) => places.has(placeOf(command)));
    const behind = this.#jobs.filter(isBehind);
    this.#jobs = this.#jobs.filter((job) => !isBehind(job));
    for (const { commands } of behind) this.#commands -= commands.length;
    return behind;
  }

  /**
   * Takes out what has come meanwhile for the licences of a transaction that is under way, without those that are `busy`:
   * it shares the commit. As much as fits beside the transaction's jobs, and nothing that overtakes whoever waits.
   */
  join(jobs: readonly Job[], busy: readonly Place[], commandsMax: number): Job[] {
    if (!this.#overlaps || this.#jobs.length === 0) return [];
    const places = new Set(jobs.flatMap(({ commands }) => commands.map(placeOf)));
    for (const place of busy) places.delete(placeOf(place));
    let room = commandsMax - jobs.reduce((sum, { commands }) => sum + commands.length, 0);
    const joining: Job[] = [];
    const left: Job[] = [];
    for (const job of this.#jobs) {
      const own = job.commands.map(placeOf);
      const fits = own.length > 0 && own.length <= room && own.every((place) => places.has(place));
      if (fits && !job.commands.some(needsMore)) {
        joining.push(job);
        room -= own.length;
      } else {
        left.push(job);
        for (const place of own) places.delete(place);
      }
    }
    this.#jobs = left;
    for (const { commands } of joining) this.#commands -= commands.length;
    return joining;
  }

  /** The transaction of these jobs is over. */
  done(jobs: readonly Job[]): void {
    if (!this.#overlaps) return;
    for (const { commands } of jobs) for (const command of commands) this.#taken.delete(placeOf(command));
  }

  #takeFirst(commandsMax: number): Job[] {
    let commands = 0;
    let count = 0;
    for (const job of this.#jobs) {
      if (count > 0 && commands + job.commands.length > commandsMax) break;
      commands += job.commands.length;
      count++;
    }
    const jobs = this.#jobs.slice(0, count);
    this.#jobs = this.#jobs.slice(count);
    return jobs;
  }

  /** What is on licences that nobody has; whoever has to wait is not overtaken on any of its licences. */
  #takeFree(commandsMax: number, withApart: boolean): Job[] {
    const jobs: Job[] = [];
    const left: Job[] = [];
    const places = new Set<string>();
    const awaited = new Set<string>();
    let commands = 0;
    for (const job of this.#jobs) {
      const own = job.commands.map(placeOf);
      const first = jobs[0];
      const fits = first === undefined || (commands + own.length <= commandsMax && job.isApart === first.isApart);
      // Apart, jobs share a transaction only with others of the same licence.
      const joins = first === undefined || !first.isApart || own.every((place) => places.has(place));
      const isFree = !own.some((place) => this.#taken.has(place) || awaited.has(place)) && (withApart || !job.isApart);
      if (fits && joins && isFree) {
        jobs.push(job);
        commands += own.length;
        for (const place of own) places.add(place);
      } else {
        left.push(job);
        for (const place of own) awaited.add(place);
      }
    }
    this.#jobs = left;
    for (const place of places) this.#taken.add(place);
    return jobs;
  }
}

/** Whether the store must know of a command before it locks: it locks other licences for it, or takes note of the sweep. */
function needsMore({ type }: Command): boolean {
  return type === "activate" || type === "sweep";
}

/** A licence's name in sets. */
export function placeOf({ isvId, licenseId }: Place): string {
  return isvId + licenseId;
}
