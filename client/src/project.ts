/** A connection to a project: the session that takes part in the project's token. And executions, which need none. */

import type { Channel } from "./channel.ts";
import type { ExecutionProgress, Grant, LicenseKind, ProjectInfo } from "./models.ts";
import type { Seat } from "./opening.ts";
import { type ProjectCalls, report } from "./project-calls.ts";
import { Session } from "./session.ts";

/**
 * Background work of a project, as whoever does the work sees it. Reports need no token and no connection, only the
 * secret: `Launcher.execution(projectId, id, secret)` makes the same object in another process.
 */
export class Execution {
  readonly #channel: Channel;
  readonly projectId: string;
  readonly id: string;
  readonly secret: string;

  constructor(channel: Channel, projectId: string, id: string, secret: string) {
    this.#channel = channel;
    this.projectId = projectId;
    this.id = id;
    this.secret = secret;
  }

  report(done: { readonly unitsDone?: number; readonly message?: string }): Promise<ExecutionProgress> {
    return report(this.#channel, this.projectId, this.id, this.secret, done);
  }

  finish(message?: string): Promise<ExecutionProgress> {
    return report(this.#channel, this.projectId, this.id, this.secret, { message, state: "finished" });
  }

  fail(message?: string): Promise<ExecutionProgress> {
    return report(this.#channel, this.projectId, this.id, this.secret, { message, state: "failed" });
  }
}

/** A connection, held until `disconnect()` or the end of an `await using` block. Made by `Launcher.connect`. */
export class Project extends Session {
  readonly #calls: ProjectCalls;
  readonly #info: ProjectInfo;

  constructor(calls: ProjectCalls, info: ProjectInfo, seat: Seat, grant: Grant) {
    super(calls.channel, seat, grant);
    this.#calls = calls;
    this.#info = info;
  }

  get id(): string {
    return this.#info.id;
  }

  get name(): string {
    return this.#info.name;
  }

  /** As which it was open when we connected. */
  get kind(): LicenseKind | null {
    return this.#info.kind;
  }

  get connected(): boolean {
    return this.isHeld;
  }

  /** Leaves the project, once; the last user to leave gives the token back. What executes goes on. */
  disconnect(): Promise<boolean> {
    return this.close();
  }

  /** Says that work began which goes on without us. The object that is returned reports on it. */
  async startExecution(name = "execution", unitsTotal?: number): Promise<Execution> {
    this.require();
    const more = unitsTotal === undefined ? {} : { units_total: unitsTotal };
    const body = { session_id: this.sessionId, name, ...more };
    const { id, secret } = await this.#calls.startExecution(this.id, body);
    return new Execution(this.#calls.channel, this.id, id, secret);
  }

  /** How far the latest execution is. */
  async executionStatus(): Promise<ExecutionProgress> {
    this.require();
    return this.#calls.progress(this.id);
  }

  /** Tells the server that the project is saved; it cannot know. */
  async save(): Promise<ProjectInfo> {
    this.require();
    return this.#calls.save(this.id);
  }
}
