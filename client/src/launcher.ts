/** The system level of project licences: counts, projects, progress. Nothing here takes a token but `connect`. */

import type { TokensAnswer } from "./api.ts";
import { Channel } from "./channel.ts";
import { msOf, pause } from "./clock.ts";
import { ExecutionTimeout, LicenseDenied } from "./errors.ts";
import { newId } from "./ids.ts";
import { type ExecutionProgress, LicenseInfo, type LicenseKind, type ProjectInfo } from "./models.ts";
import { openSession, type Waiting } from "./opening.ts";
import { Execution, Project } from "./project.ts";
import { ProjectCalls, type ProjectRef } from "./project-calls.ts";
import { type ConnectOptions, NotConfigured, setting, thisDevice, thisUser } from "./settings.ts";

/** Waiting for an execution looks often at first, and then every `pollSeconds`; never more often than at first. */
const pollFirstMs = 500;
const pollGrowth = 1.5;
const pollSecondsUsual = 5;
const lastLookMs = 1_000;

export interface LauncherOptions extends ConnectOptions {
  /** The project licence's id; else SEATKEEPER_LICENSE. */
  readonly license?: string;
  /** On whose behalf projects are connected to; else SEATKEEPER_USER, or the account's name. */
  readonly user?: string;
}

export interface ConnectingOptions extends Waiting {
  /** One that an earlier program left; else a new one. */
  readonly sessionId?: string;
}

/** One project licence on a server, and the user on whose behalf projects are connected to. Made by `launcher`. */
export class Launcher {
  readonly license: string;
  readonly user: string;
  readonly #channel: Channel;
  readonly #calls: ProjectCalls;
  readonly #client: string;

  constructor(options: LauncherOptions) {
    this.#channel = new Channel(options);
    this.license = setting(options.license, "SEATKEEPER_LICENSE", "license");
    this.#calls = new ProjectCalls(this.#channel, this.license);
    const user = options.user ?? thisUser();
    if (!user) throw new NotConfigured("user is missing: pass it, or set SEATKEEPER_USER");
    this.user = user;
    this.#client = options.client ?? thisDevice() ?? user;
  }

  /** What is left of each kind. To guard an action with it is a race; to connect is not. */
  async licenses(): Promise<LicenseInfo> {
    const path = `/licenses/${encodeURIComponent(this.license)}/tokens`;
    return new LicenseInfo(await this.#channel.value<TokensAnswer>({ method: "GET", path }));
  }

  projects(): Promise<ProjectInfo[]> {
    return this.#calls.list();
  }

  project(project: ProjectRef): Promise<ProjectInfo> {
    return this.#calls.find(project);
  }

  createProject(name: string): Promise<ProjectInfo> {
    return this.#calls.create(name);
  }

  deleteProject(project: ProjectRef, { force = false } = {}): Promise<void> {
    return this.#calls.delete(project, force);
  }

  /** Opens a project as `mono` or `team`. Takes no token, and needs none that is free. */
  openProject(project: ProjectRef, kind?: LicenseKind): Promise<ProjectInfo> {
    return this.#calls.open(project, kind);
  }

  /** Tells the server that the project is saved; it cannot know. */
  saveProject(project: ProjectRef): Promise<ProjectInfo> {
    return this.#calls.save(project);
  }

  /** `force` throws its users out and stops its executions; for keys of scope backend and AdminKeys. */
  closeProject(project: ProjectRef, { save = false, force = false } = {}): Promise<ProjectInfo> {
    return this.#calls.close(project, save, force);
  }

  /** Saves, closes and opens it with the other kind. Its token is not carried over. */
  reopenProject(project: ProjectRef, kind?: LicenseKind, { force = false } = {}): Promise<ProjectInfo> {
    return this.#calls.reopen(project, kind, force);
  }

  /** Of an open project, where the edition allows it; else `KindLocked`. */
  changeKind(project: ProjectRef, kind: LicenseKind): Promise<ProjectInfo> {
    return this.#calls.changeKind(project, kind);
  }

  /** How far the project's latest execution is, whether or not a token is left. */
  executionProgress(project: ProjectRef): Promise<ExecutionProgress> {
    return this.#calls.progress(project);
  }

  /** Looks until the latest execution does not run any more. Holds nothing. `ExecutionTimeout` if it takes longer. */
  async waitExecution(
    project: ProjectRef,
    options: { readonly timeoutSeconds?: number; readonly pollSeconds?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ExecutionProgress> {
    const { timeoutSeconds = Number.POSITIVE_INFINITY, pollSeconds = pollSecondsUsual, signal } = options;
    const { clock } = this.#channel;
    const end = clock.now() + msOf(timeoutSeconds, "timeoutSeconds");
    const pollMaxMs = Math.max(pollFirstMs, msOf(pollSeconds, "pollSeconds"));
    // The last look comes at the end itself, and may be answered.
    const sending = () => ({ until: Math.max(end, clock.now() + lastLookMs), signal });
    const id = await this.#calls.identify(project, sending());
    for (let pollMs = pollFirstMs; ; pollMs = Math.min(pollMaxMs, pollMs * pollGrowth)) {
      const progress = await this.#calls.progress(id, sending());
      if (!progress.isRunning) return progress;
      const left = end - clock.now();
      if (!(left > 0)) throw new ExecutionTimeout(`the execution still runs: ${progress}`);
      await pause(clock, Math.min(pollMs, left), signal);
    }
  }

  /** For a worker of its own: reports on an execution that another process started. */
  execution(projectId: string, id: string, secret: string): Execution {
    return new Execution(this.#channel, projectId, id, secret);
  }

  /** Connects, which takes part in the project's token, or throws why not: `NoTokenLeft`, `ProjectInUse`, … */
  async connect(project: ProjectRef, options: ConnectingOptions = {}): Promise<Project> {
    const info = await this.#calls.find(project, { signal: options.signal });
    const { license, user } = this;
    const seat = { license, user, client: this.#client, sessionId: options.sessionId ?? newId(), project: info.id };
    return new Project(this.#calls, info, seat, await openSession(this.#channel, seat, options));
  }

  /** Connects; null where the licence says no. Anything else is thrown: a closed project, a dead network. */
  async tryConnect(project: ProjectRef, options: ConnectingOptions = {}): Promise<Project | null> {
    try {
      return await this.connect(project, options);
    } catch (error) {
      if (error instanceof LicenseDenied) return null;
      throw error;
    }
  }
}

/** A launcher of one project licence; what is not passed comes from the environment. Sends nothing yet. */
export function launcher(options: LauncherOptions = {}): Launcher {
  return new Launcher(options);
}
