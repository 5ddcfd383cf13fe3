/** `seatkeeper run -- COMMAND…`: holds a session while a command runs. How a CI job or a shell script takes a token. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import {
  connect,
  launcher,
  NoTokenLeft,
  ProjectInUse,
  SeatkeeperError,
  ServerUnreachable,
  type Session,
  type SessionLost,
} from "@seatkeeper/client";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { profileEnvironment } from "./account.ts";
import { connected, connectOptions, type RemoteOptions } from "./connection.ts";
import { secondsOf } from "./durations.ts";
import { licenseIdOf } from "./licenses.ts";
import { Interrupted, Signals, statusOfSignal } from "./run-signals.ts";
import { userOf } from "./user.ts";

interface Options extends RemoteOptions {
  readonly license?: string;
  readonly user?: string;
  readonly client?: string;
  readonly project?: string;
  readonly product?: string;
  readonly wait?: string;
  readonly onLost: string;
}

/** How long a command that is told to end may take for it. */
const endingMs = 10_000;

/** How long the first try of a wait goes on: whoever does not wait has no place in the queue to be told of. */
const firstTrySeconds = 0.1;

/** Between tries to reach a server that does not answer, for a token that was lost. */
const retakePauseMs = 15_000;

/** What shells answer for a command that cannot be started. */
const notFound = 127;
const notStarted = 126;

/** Runs the command and takes over its exit status. The session is closed whatever happens. */
export async function run([program = "", ...args]: readonly string[], options: Options): Promise<void> {
  if (program === "") throw new CommandRefused(exitCodes.usage, "The command has no name.");
  if (options.onLost !== "warn" && options.onLost !== "kill") {
    throw new CommandRefused(exitCodes.usage, `--on-lost ${options.onLost}: want warn or kill.`);
  }
  const waitSeconds = options.wait === undefined ? 0 : secondsOf(options.wait, "--wait");
  const signals = new Signals();
  const tell = teller(options);
  try {
    const taking = await takingOf(options);
    const session = await firstToken(taking, waitSeconds, signals, tell);
    tell("held", null, { session_id: session.sessionId, license: session.license, user: session.user });
    const job = new Job(taking, session, options.onLost, tell);
    process.exitCode = await statusUnder(job, [program, ...args], signals, tell);
    tell("ended", null, { status: process.exitCode });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.exitCode = statusOfSignal(error.signal);
  } finally {
    signals.release();
  }
}

/** What the command comes to. The token is given back before anybody hears of it. */
async function statusUnder(
  job: Job,
  [program, ...args]: readonly [string, ...string[]],
  signals: Signals,
  tell: Tell,
): Promise<number> {
  try {
    signals.stopped.throwIfAborted();
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...job.environment } });
    signals.forwardTo(child);
    job.watch(child);
    return await statusOf(child, program, tell, job);
  } finally {
    await job.end();
  }
}

// What is taken

/** How a token is taken, whichever kind of licence it is of. */
interface Taking {
  /** What the command is told beside the session: for commands of ours that it runs itself. Undefined: taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  open(how: { readonly sessionId?: string; readonly wait?: number; readonly signal?: AbortSignal }): Promise<Session>;
}

async function takingOf(options: Options): Promise<Taking> {
  const { client, account } = await connected(options);
  const license = await licenseIdOf(client, account.role === "admin", options.license);
  const user = userOf(options);
  const settings = {
    ...connectOptions(account, account.role),
    ...(options.client !== undefined && { client: options.client }),
    ...(options.product !== undefined && { product: options.product }),
  };
  const environment = profileEnvironment(account);
  const { project } = options;
  if (project !== undefined) {
    const projects = launcher({ ...settings, license, user });
    return {
      environment: { ...environment, SEATKEEPER_PROJECT: project },
      open: (how) => projects.connect(project, how),
    };
  }
  const seats = connect(settings);
  return { environment, open: (how) => seats.open({ license, user, ...how }) };
}

/** A short try, so that whoever waits is told so, and at which place; then for as long as was asked for. */
async function firstToken(
  taking: Taking,
  waitSeconds: number,
  { stopped: signal }: Signals,
  tell: Tell,
): Promise<Session> {
  try {
    return await taking.open({ signal, wait: Math.min(firstTrySeconds, waitSeconds) });
  } catch (error) {
    const isBusy = error instanceof NoTokenLeft || error instanceof ProjectInUse;
    if (!isBusy || waitSeconds === 0) throw error;
    tell("waiting", `${error.message} Waiting up to ${waitSeconds} s.`, { seconds: waitSeconds });
    return taking.open({ signal, wait: waitSeconds });
  }
}

// While the command runs

/** A command and the session that it runs under. */
class Job {
  readonly #taking: Taking;
  readonly #onLost: "warn" | "kill";
  readonly #tell: Tell;
  readonly #ended = new AbortController();
  #session: Session;
  #retaking: Promise<void> | undefined;
  #isKilled = false;

  constructor(taking: Taking, session: Session, onLost: "warn" | "kill", tell: Tell) {
    this.#taking = taking;
    this.#session = session;
    this.#onLost = onLost;
    this.#tell = tell;
  }

  /** What the command may know of the session. A key of a profile is not among it. */
  get environment(): Readonly<Record<string, string | undefined>> {
    const { sessionId, license, client, user } = this.#session;
    return {
      ...this.#taking.environment,
      SEATKEEPER_SESSION_ID: sessionId,
      SEATKEEPER_LICENSE: license,
      SEATKEEPER_DEVICE: client,
      ...(user !== undefined && { SEATKEEPER_USER: user }),
    };
  }

  /** Whether the command was ended because its session was lost. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  watch(child: ChildProcess): void {
    const { lost } = this.#session;
    const onLost = () => this.#lose(child, lost.reason as SessionLost);
    if (lost.aborted) onLost();
    else lost.addEventListener("abort", onLost, { once: true });
  }

  #lose(child: ChildProcess, { reason, message }: SessionLost): void {
    if (this.#ended.signal.aborted) return;
    if (this.#onLost === "kill") {
      this.#tell("lost", `${message} Ending the command.`, { reason, message });
      this.#isKilled = true;
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), endingMs);
      child.once("exit", () => clearTimeout(kill));
      return;
    }
    // A copy's session is left to the copy: under the same id, each would take it from the other for ever.
    const isFinal = reason === "ended_by_admin" || reason === "project_closed" || reason === "copied";
    const next = isFinal ? "without a token." : "and takes a token again as soon as there is one.";
    this.#tell("lost", `${message} The command goes on ${next}`, { reason, message });
    if (!isFinal) this.#retaking = this.#retake(child);
  }

  /** Under the same session id: what the command was told of it stays true. */
  async #retake(child: ChildProcess): Promise<void> {
    const { signal } = this.#ended;
    const { sessionId } = this.#session;
    while (!signal.aborted) {
      try {
        this.#session = await this.#taking.open({ sessionId, wait: Number.POSITIVE_INFINITY, signal });
        this.#tell("held", "A token is held again.", { session_id: sessionId });
        return this.watch(child);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SeatkeeperError)) throw error;
        if (!(error instanceof ServerUnreachable))
          return this.#tell("refused", error.message, { message: error.message });
        await delay(retakePauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Gives the token back. Nothing is thrown: the command's status is what the caller waits for. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#retaking;
    if (await this.#session.close()) return;
    this.#tell("unclosed", "The server was not told that the session is over: it lapses by itself.", {});
  }
}

async function statusOf(child: ChildProcess, program: string, tell: Tell, job: Job): Promise<number> {
  try {
    const [status, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    if (job.isKilled) return exitCodes.unavailable;
    return status ?? statusOfSignal(signal);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    tell("unstarted", `${program} cannot be started: ${code ?? message}`, { message });
    return code === "ENOENT" ? notFound : notStarted;
  }
}

// What is told

type Tell = (event: string, text: string | null, fields: object) => void;

/** On standard error: standard output is the command's. With `--json` every event, for people only what is unusual. */
function teller({ json = false }: RemoteOptions): Tell {
  return (event, text, fields) => {
    if (json) console.error(JSON.stringify({ event, at: new Date().toISOString(), ...fields }));
    else if (text !== null) console.error(`seatkeeper: ${text}`);
  };
}
