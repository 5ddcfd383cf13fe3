/** Signals while `run` waits for a token, and while its command runs. */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";

/** What shells answer for a command that a signal ended. */
export function statusOfSignal(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** A signal came before there was a command to hand it to. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(signal);
    this.signal = signal;
  }
}

const handed = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Signals end the wait for a token; once the command runs they are the command's. */
export class Signals {
  readonly #stop = new AbortController();
  #child: ChildProcess | null = null;

  constructor() {
    for (const signal of handed) process.on(signal, this.#take);
  }

  /** Aborted by a signal before the command runs. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  forwardTo(child: ChildProcess): void {
    this.#child = child;
  }

  release(): void {
    for (const signal of handed) process.off(signal, this.#take);
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    const child = this.#child;
    const isOver = child !== null && (child.exitCode !== null || child.signalCode !== null);
    // The second one while the token is given back: whoever insists is not held up.
    if (isOver || (child === null && this.stopped.aborted)) process.exit(statusOfSignal(signal));
    if (child === null) this.#stop.abort(new Interrupted(signal));
    // A terminal has sent its Ctrl+C to the command as well: a second one would cut its cleaning-up short.
    else if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
}
