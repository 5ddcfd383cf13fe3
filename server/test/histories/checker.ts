/**
 * Decides whether what concurrent clients saw of one licence can be explained by one decision after the other: each at
 * an instant between its call and its answer, time never going back, and each with the answer that the model gives.
 * The search is Wing and Gong's, with Lowe's memory of the configurations that led nowhere.
 */
import type { Command, DenialCode, Millis, Terms } from "../../src/core/types.ts";
import { Model, type ModelAssignment, type ModelOutcome, type ModelSession } from "../model/model.ts";
import type { ModelProject } from "../model/projects.ts";
import type { ModelTicket } from "../model/queue.ts";

/** A live session as a client is told of it. */
export interface SeenSession {
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly openedAt: Millis;
  readonly extendedAt: Millis;
  readonly validUntil: Millis;
}

export type Answer =
  | { readonly type: "granted" }
  | { readonly type: "session"; readonly session: Omit<SeenSession, "clientId" | "sessionId"> & Peaks }
  | (Pick<ModelOutcome, "inUse" | "nextFreeAt" | "queuePosition"> & {
      readonly type: "denied";
      readonly code: DenialCode;
    })
  /** All live sessions, as an administrator sees them. */
  | { readonly type: "sessions"; readonly sessions: readonly SeenSession[] };

interface Peaks {
  readonly peakSessions: number;
  readonly peakHolders: number;
}

export interface Operation {
  readonly command: Command;
  /** The places of call and answer in the order of all of them; no answer: infinity. */
  readonly called: number;
  readonly answered: number;
  /** The same by the clock: the instant of the decision lies between the two. */
  readonly from: Millis;
  readonly to: Millis;
  /** Null: the client does not know what it came to. It happened at one of its instants, or never. */
  readonly answer: Answer | null;
  /** The only instants at which it can have been decided, as far as they are known; null: any. */
  readonly instants: readonly Millis[] | null;
}

/** Clocks are compared in whole milliseconds that were rounded on both sides. */
const roundedMs = 1;

/** Steps of the model that one search may take: a history that needs more is too wild to be judged, and fails as such. */
const stepsMax = 400_000;

interface State {
  readonly sessions: readonly ModelSession[];
  readonly projects: readonly ModelProject[];
  readonly assignments: readonly ModelAssignment[];
  readonly queue: readonly ModelTicket[];
}

/** Answers with null, or with what cannot be explained. */
export function unexplained(terms: Terms, operations: readonly Operation[]): string | null {
  return new Search(terms, operations).run();
}

class Search {
  readonly #terms: Terms;
  /** In the order of their calls. */
  readonly #operations: readonly Operation[];
  readonly #isDone: boolean[];
  readonly #failed = new Set<string>();
  readonly #path: string[] = [];
  #steps = 0;
  #furthest: { readonly path: string[]; readonly left: Operation[] } | null = null;

  constructor(terms: Terms, operations: readonly Operation[]) {
    this.#terms = terms;
    // What nobody heard of and nothing shows did not happen.
    this.#operations = operations
      .filter(({ answer, instants }) => answer !== null || instants?.length !== 0)
      .toSorted((a, b) => a.called - b.called);
    this.#isDone = this.#operations.map(() => false);
  }

  run(): string | null {
    const stray = this.#operations.find((operation) => operation.answer !== null && !isTimely(operation));
    if (stray !== undefined) return `decided outside its call: ${describe(stray)}`;
    if (this.#explains({ sessions: [], projects: [], assignments: [], queue: [] }, 0)) return null;
    const { path = [], left = [] } = this.#furthest ?? {};
    const pending = left.map(describe).join("\n  ");
    return `after ${path.length} decisions, of which the last are\n  ${path.slice(-12).join("\n  ")}\nnone of these fits:\n  ${pending}`;
  }

  /** Whether what is left can follow on this state, at `now` or later. */
  #explains(state: State, now: Millis): boolean {
    const left = this.#operations.filter((_, n) => !this.#isDone[n]);
    const due = left.filter(({ answer }) => answer !== null);
    if (due.length === 0) return true;
    const { queue, ...others } = state;
    const key = `${now} ${this.#isDone.map(Number).join("")} ${placesIn(queue)} ${JSON.stringify(others)}`;
    if (this.#failed.has(key)) return false;
    const answered = Math.min(...due.map((operation) => operation.answered));
    for (const [n, operation] of this.#operations.entries()) {
      if (this.#isDone[n] || operation.called > answered) continue;
      if (this.#follows(state, now, n, operation, due)) return true;
    }
    if (this.#furthest === null || this.#path.length > this.#furthest.path.length) {
      this.#furthest = { path: [...this.#path], left: left.slice(0, 12) };
    }
    this.#failed.add(key);
    return false;
  }

  /** Whether this operation can be the next one, and everything else follow on it. */
  #follows(state: State, now: Millis, n: number, operation: Operation, due: readonly Operation[]): boolean {
    // Time does not go back: nobody who is still due may be left behind.
    const latest = Math.min(...due.filter((other) => other !== operation).map(lastInstant));
    for (const at of instantsOf(operation, state, now)) {
      if (at > latest) continue;
      const next = this.#decide(state, operation, at);
      if (next === null) continue;
      this.#isDone[n] = true;
      this.#path.push(`${at} ${describe(operation)}`);
      if (this.#explains(next, at)) return true;
      this.#path.pop();
      this.#isDone[n] = false;
    }
    return false;
  }

  /** The state after it; null: the model answers otherwise. */
  #decide(state: State, { command, answer }: Operation, at: Millis): State | null {
    if (++this.#steps > stepsMax) throw new Error("the history is too wild to be judged");
    const { isvId, licenseId } = this.#terms;
    const model = new Model();
    model.setTerms(isvId, licenseId, this.#terms);
    const license = model.license(isvId, licenseId);
    if (license === undefined) throw new Error("the model forgot its licence");
    const { sessions, projects, assignments, queue } = structuredClone(state);
    license.sessions = [...sessions];
    license.projects = [...projects];
    license.assignments.push(...assignments);
    license.queue.push(...queue);
    const outcome = model.step(command, at);
    // A refusal may have taken a place in the queue, or given one up; any other one is as if it had not been.
    const isSo =
      answer === null
        ? outcome.denialCode === null || placesIn(license.queue) !== placesIn(queue)
        : isAnswer(answer, outcome, license.sessions);
    if (!isSo) return null;
    return {
      sessions: license.sessions,
      projects: license.projects,
      assignments: license.assignments,
      queue: license.queue,
    };
  }
}

function isAnswer(answer: Answer, outcome: ModelOutcome, sessions: readonly ModelSession[]): boolean {
  switch (answer.type) {
    case "granted":
      return outcome.denialCode === null;
    case "session":
      return outcome.session !== null && agrees(outcome.session, answer.session);
    case "denied":
      return (
        outcome.denialCode === answer.code &&
        outcome.inUse === answer.inUse &&
        outcome.nextFreeAt === answer.nextFreeAt &&
        outcome.queuePosition === answer.queuePosition
      );
    case "sessions": {
      const live = sessions.filter(({ endedAt }) => endedAt === null);
      const isThere = (seen: SeenSession) => live.some((session) => agrees(session, seen));
      return outcome.denialCode === null && live.length === answer.sessions.length && answer.sessions.every(isThere);
    }
  }
}

/** A queue, without instants: its places outlast a history, however often they are asked for. */
function placesIn(queue: readonly ModelTicket[]): string {
  return JSON.stringify(queue.map(({ holder, pool, clientId, sessionId }) => [holder, pool, clientId, sessionId]));
}

/** Whether a session is as it was told, in everything that was told. */
function agrees(session: ModelSession, seen: Partial<ModelSession>): boolean {
  return Object.entries(seen).every(([name, value]) => session[name as keyof ModelSession] === value);
}

/**
 * Between two ends of sessions nothing changes by itself: whoever is not bound to an instant was decided as early as
 * can be, or just after one of the ends.
 */
function instantsOf(operation: Operation, state: State, now: Millis): Millis[] {
  const first = Math.max(now, operation.from - roundedMs);
  const last = operation.to + roundedMs;
  const possible = operation.instants ?? [first, ...state.sessions.map(({ validUntil }) => validUntil)];
  return [...new Set(possible)].filter((at) => at >= first && at <= last).toSorted((a, b) => a - b);
}

function lastInstant({ instants, to }: Operation): Millis {
  return Math.min(to + roundedMs, Math.max(...(instants ?? [Number.POSITIVE_INFINITY])));
}

function isTimely({ instants, from, to }: Operation): boolean {
  return instants === null || instants.some((at) => at >= from - roundedMs && at <= to + roundedMs);
}

function describe({ command, answer, from, to, instants }: Operation): string {
  const { isvId: _vendor, licenseId: _license, ids: _ids, ...about } = command as Command & { ids?: unknown };
  return `${from}..${to} ${instants === null ? "" : `at ${instants} `}${JSON.stringify(about)} -> ${JSON.stringify(answer)}`;
}
