/**
 * How the store reaches its file: through a thread of its own, so that the event loop goes on while the disk works, or
 * here, where nobody is kept waiting. Either way the file is one connection's, and what is asked is done in its order.
 */
import { Worker } from "node:worker_threads";
import { DatabaseInUse, DatabaseRefused, DumpRefused, StoreFault } from "../store.ts";
import type { Tables } from "./tables.ts";

/** What can be asked of the tables. */
export type Question = {
  [N in keyof Tables]: Tables[N] extends (...args: never[]) => unknown ? N : never;
}[keyof Tables];

type Asked<N extends Question> = Tables[N] extends (...args: infer A) => infer R
  ? { readonly args: A; readonly answer: Awaited<R> }
  : never;

export interface Access {
  /** Rejects with the error that the tables throw. */
  ask<N extends Question>(question: N, ...args: Asked<N>["args"]): Promise<Asked<N>["answer"]>;
  close(): Promise<void>;
}

/** On this thread: each question is answered before the next line runs, but for copies and long pages. */
export function accessHere(tables: Tables): Access {
  /** As many as requests have under way. */
  const running = new Set<Promise<unknown>>();
  return {
    async ask<N extends Question>(question: N, ...args: Asked<N>["args"]) {
      const method = tables[question] as (...given: unknown[]) => Asked<N>["answer"] | Promise<Asked<N>["answer"]>;
      const answer = method.apply(tables, args);
      if (!(answer instanceof Promise)) return answer;
      running.add(answer);
      try {
        return await answer;
      } finally {
        running.delete(answer);
      }
    },
    async close() {
      await Promise.allSettled(running);
      tables.close();
    },
  };
}

/** The first thing that the thread says: it has read its program, and waits to be told the mark of the file that it shall open. */
export const ready = "ready";

/** What goes to the thread then, and what comes back; the first thing that comes, with number 0, says that the file is open. */
export interface Letter {
  readonly no: number;
  readonly question: Question;
  readonly args: readonly unknown[];
}
export type Returned = { readonly no: number } & ({ readonly answer: unknown } | { readonly error: ErrorTold });

/** An error that crosses threads: its class goes by name. */
export interface ErrorTold {
  readonly name: string;
  readonly message: string;
  /** Of a StoreFault: whether the transaction may have been kept. */
  readonly isUnknown?: boolean;
}

/** In a thread of its own, which opens the file. What is asked before it is `opened` waits, in its order. */
export interface ThreadAccess extends Access {
  /** Rejects with what `openFile` throws. */
  readonly opened: Promise<unknown>;
  /** Resolves when the thread has ended though nobody closed it. */
  readonly died: Promise<Error>;
}

/**
 * `free` gives the file up, at the last moment, and answers with its mark: until the thread has it, any other process could
 * take it.
 */
export function accessInThread(path: string, free: () => Promise<string>): ThreadAccess {
  return new FileThread(path, free);
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

class FileThread implements ThreadAccess {
  readonly opened: Promise<unknown>;
  readonly died: Promise<Error>;
  #tellDeath: (error: Error) => void = () => {};
  #isOpen = false;
  readonly #worker: Worker;
  /** Null: the thread has been told to begin. */
  #unsent: Letter[] | null = [];
  /** As many as callers have under way: the desk one, a request one. */
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #ended: Error | null = null;

  constructor(path: string, free: () => Promise<string>) {
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    this.died = new Promise((resolve) => {
      this.#tellDeath = resolve;
    });
    // Beside this file, built or not.
    const program = new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url);
    const worker = new Worker(program, { workerData: path });
    this.#worker = worker;
    worker.on("message", (told: typeof ready | Returned) => {
      if (told !== ready) this.#take(told);
      else
        free().then(
          (left) => this.#begin(left),
          (error) => this.#end(error),
        );
    });
    worker.on("error", (error) => this.#end(error));
    worker.on("exit", () => this.#end(new Error("it has ended")));
  }

  #begin(left: string): void {
    this.#worker.postMessage(left);
    for (const letter of this.#unsent ?? []) this.#worker.postMessage(letter);
    this.#unsent = null;
  }

  ask<N extends Question>(question: N, ...args: Asked<N>["args"]): Promise<Asked<N>["answer"]> {
    if (this.#ended !== null) return Promise.reject(gone(this.#ended, false));
    const no = ++this.#asked;
    return new Promise((resolve, reject) => {
      const letter: Letter = { no, question, args };
      if (this.#unsent === null) this.#worker.postMessage(letter);
      else this.#unsent.push(letter);
      this.#waiting.set(no, { resolve: resolve as (answer: unknown) => void, reject });
    });
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return;
    await this.ask("close");
    this.#ended = new Error("it was closed");
    await this.#worker.terminate();
  }

  #take(returned: Returned): void {
    const waiting = this.#waiting.get(returned.no);
    this.#waiting.delete(returned.no);
    if (returned.no === 0) this.#isOpen = "answer" in returned;
    if ("answer" in returned) waiting?.resolve(returned.answer);
    else waiting?.reject(errorOf(returned.error));
    if (returned.no === 0 && "error" in returned) this.#end(errorOf(returned.error));
  }

  /** Nobody can tell whether what was under way has been kept; a file that was never open has kept nothing. */
  #end(error: Error): void {
    if (this.#ended === null) this.#tellDeath(error);
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(gone(error, this.#isOpen));
    this.#waiting.clear();
    // One that has never been told to begin would wait for that, and keep the process alive.
    void this.#worker.terminate();
  }
}

function gone(cause: Error, isUnknown: boolean): StoreFault {
  const text = `The thread that has the SQLite file is gone: ${cause.message}.`;
  return new StoreFault(text, { isUnknown, cause });
}

/** An error as it goes to the other thread. */
export function told(error: unknown): ErrorTold {
  if (error instanceof DatabaseInUse) return { name: "DatabaseInUse", message: error.message };
  if (error instanceof StoreFault) return { name: "StoreFault", message: error.message, isUnknown: error.isUnknown };
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "", message: String(error) };
}

const classes: Readonly<Record<string, new (message: string) => Error>> = {
  DatabaseInUse,
  DatabaseRefused,
  DumpRefused,
};

function errorOf({ name, message, isUnknown = false }: ErrorTold): Error {
  if (name === "StoreFault") return new StoreFault(message, { isUnknown });
  return classes[name] === undefined ? Object.assign(new Error(message), { name }) : new classes[name](message);
}
