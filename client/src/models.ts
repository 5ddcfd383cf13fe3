/** What the server tells, as values: counts of tokens, projects, who is in, how far an execution is. */

import type { ProgressAnswer, ProjectAnswer, SessionAnswer, TokensAnswer } from "./api.ts";
import { ServerUnreachable } from "./errors.ts";

/** What a project's token admits: one user at a time, or any number for the same single token. */
export type LicenseKind = "mono" | "team";

/** The count of one pool. */
export type Tokens = TokensAnswer[number];

/** A member's text as an instant; null where it is none. */
export function instant(text: unknown): Date | null {
  const at = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : new Date(at);
}

/** The members without which a value is not what it should be, each with a value of its type. */
type Form = Readonly<Record<string, string | number>>;

export function hasForm(value: unknown, form: Form): boolean {
  const members = Object(value) as Readonly<Record<string, unknown>>;
  return Object.entries(form).every(([name, sample]) => typeof members[name] === typeof sample);
}

/** Throws unless an answer is what was asked for: what a proxy or another server says must not pass for it. */
export function requireSense(
  makesSense: boolean,
  fault = "it is not of the form that was asked for",
): asserts makesSense {
  if (!makesSense) throw new ServerUnreachable(`The answer is not Seatkeeper's: ${fault}.`);
}

/** An answer that has these members. */
export function formed<T>(answer: unknown, form: Form): T {
  requireSense(hasForm(answer, form));
  return answer as T;
}

/** A text that older servers may not know: null where there is none. */
function optional(value: unknown): string | null {
  requireSense(typeof (value ?? "") === "string");
  return (value as string | undefined) ?? null;
}

/** An answer that is a list of such. */
export function formedList<T>(answer: unknown, form: Form): readonly T[] {
  requireSense(Array.isArray(answer));
  return answer.map((line) => formed(line, form));
}

/** The pools of a licence. A count is news, not a promise: only an open or a connect takes a token. */
export class LicenseInfo {
  readonly pools: readonly Tokens[];

  constructor(pools: readonly Tokens[]) {
    this.pools = formedList(pools, { kind: "", total: 0, used: 0, left: 0 });
  }

  /** `mono` or `team`; `floating` or `named` on licences that count no projects. One that is not there is empty. */
  pool(kind: string): Tokens {
    return this.pools.find((pool) => pool.kind === kind) ?? { kind, total: 0, used: 0, left: 0 };
  }

  get monoLeft(): number {
    return this.pool("mono").left;
  }

  get teamLeft(): number {
    return this.pool("team").left;
  }

  toString(): string {
    return this.pools.map(({ kind, left, total }) => `${kind}: ${left} of ${total} left`).join(", ");
  }
}

/** Somebody who is in a project, as a refusal names them. */
export interface Holder {
  readonly user: string;
  readonly since: Date | null;
}

/** A live session of a project. */
export interface ProjectUser {
  readonly user: string | null;
  readonly client: string;
  readonly sessionId: string | null;
  readonly since: Date | null;
  readonly validUntil: Date | null;
}

/** How far a project's latest execution is. Reading it takes no token. */
export class ExecutionProgress {
  /** `idle`: there was none. */
  readonly state: ProgressAnswer["state"];
  /** It is running by its own account, but has not reported for ten minutes. */
  readonly stale: boolean;
  readonly fraction: number | null;
  readonly unitsDone: number;
  readonly unitsTotal: number | null;
  readonly message: string | null;
  readonly startedAt: Date | null;
  readonly updatedAt: Date | null;

  constructor(answer: Partial<ProgressAnswer>) {
    this.state = answer.state ?? "idle";
    this.stale = answer.stale ?? false;
    this.fraction = answer.fraction ?? null;
    this.unitsDone = answer.units_done ?? 0;
    this.unitsTotal = answer.units_total ?? null;
    this.message = answer.message ?? null;
    this.startedAt = instant(answer.started_at);
    this.updatedAt = instant(answer.updated_at);
  }

  get isRunning(): boolean {
    return this.state === "running";
  }

  toString(): string {
    const done = this.fraction === null ? "" : ` ${Math.round(this.fraction * 100)}%`;
    const units = this.unitsTotal === null ? "" : ` (${this.unitsDone} of ${this.unitsTotal})`;
    return `${this.state}${done}${units}${this.stale ? ", stale" : ""}${this.message ? `: ${this.message}` : ""}`;
  }
}

/** The progress in an answer. Without a state it would read as if nothing ran. */
export const progressOf = (answer: unknown): ExecutionProgress =>
  new ExecutionProgress(formed<ProgressAnswer>(answer, { state: "" }));

/** One execution in a project's list. */
export interface ExecutionInfo {
  readonly id: string;
  readonly name: string;
  readonly progress: ExecutionProgress;
}

/** A project as it was when the server answered. Holds nothing and keeps nothing alive. */
export class ProjectInfo {
  readonly id: string;
  readonly license: string;
  readonly name: string;
  readonly state: ProjectAnswer["state"];
  readonly kind: LicenseKind | null;
  readonly saved: boolean;
  readonly savedAt: Date | null;
  readonly executing: boolean;
  readonly users: readonly ProjectUser[];
  readonly executions: readonly ExecutionInfo[];

  constructor(answer: ProjectAnswer) {
    formed(answer, { id: "", license_id: "", name: "", state: "" });
    this.id = answer.id;
    this.license = answer.license_id;
    this.name = answer.name;
    this.state = answer.state;
    this.kind = optional(answer.kind) as LicenseKind | null;
    this.saved = Boolean(answer.saved);
    this.savedAt = instant(answer.saved_at);
    this.executing = Boolean(answer.executing);
    this.users = formedList<ProjectAnswer["users"][number]>(answer.users ?? [], { client_id: "" }).map((user) => ({
      user: optional(user.user_id),
      client: user.client_id,
      sessionId: optional(user.session_id),
      since: instant(user.since),
      validUntil: instant(user.valid_until),
    }));
    this.executions = formedList<ProjectAnswer["executions"][number]>(answer.executions ?? [], { id: "" }).map(
      (execution) => ({ id: execution.id, name: optional(execution.name) ?? "", progress: progressOf(execution) }),
    );
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  get isAttended(): boolean {
    return this.users.length > 0;
  }

  toString(): string {
    const users = this.users.map(({ user, client }) => user ?? client).join(", ");
    const kind = this.kind === null ? "" : ` as ${this.kind}`;
    return `${this.name}: ${this.state}${kind}${users && `, with ${users}`}${this.executing ? ", executing" : ""}`;
  }
}

/** A session that the server granted. */
export interface Grant {
  readonly validUntil: Date;
  /** From the server's own stamps: how long after its decision the session lasts. */
  readonly ms: number;
  /** When the request was begun, on this machine's monotonic clock. */
  readonly started: number;
  /** What the next open carries, so that a copy of this program is told from it. */
  readonly renewal: string;
}

/** The grant in an answer. Throws where there is none: a proxy's page must not pass for one. */
export function grantOf(answer: SessionAnswer | null, started: number): Grant {
  const validUntil = instant(answer?.session_valid_until);
  const decidedAt = instant(answer?.session_modified_date);
  requireSense(validUntil !== null && decidedAt !== null, "it names no end of the session");
  return { validUntil, ms: validUntil.getTime() - decidedAt.getTime(), started, renewal: answer?.renewal ?? "" };
}
