/** Fakes for what a test must hold: time, chance, the network. */
import type { Clock } from "../src/clock.ts";
import { type Client, type ConnectOptions, connect } from "../src/index.ts";

export const isv = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c6d";
export const license = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c11";
const start = Date.parse("2026-11-22T12:00:00Z");

/** Time that a test moves. Timers run in their order, and what they set off is done before the next. */
export class HeldClock implements Clock {
  readonly #chance: number;
  #now = 0;
  #timers: { at: number; readonly call: () => void }[] = [];

  constructor(chance = 0) {
    this.#chance = chance;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  chance(): number {
    return this.#chance;
  }

  /** How many timers are set: none may be left behind. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Time passes in which no timer runs: those do not count it. */
  stall(seconds: number): void {
    this.#now += seconds * 1_000;
    for (const timer of this.#timers) timer.at += seconds * 1_000;
  }

  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds * 1_000;
    while (await this.#next(end));
    this.#now = end;
  }

  /** Runs time until the promise is settled; its outcome is the caller's to look at. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await calm();
    while (!isSettled) if (!(await this.#next(Number.POSITIVE_INFINITY))) await calm();
    return promise;
  }

  async #next(end: number): Promise<boolean> {
    await calm();
    const [first] = this.#timers.toSorted((a, b) => a.at - b.at);
    if (first === undefined || first.at > end) return false;
    this.#timers = this.#timers.filter((timer) => timer !== first);
    this.#now = Math.max(this.#now, first.at);
    first.call();
    await calm();
    return true;
  }
}

/** Until everything that follows from promises alone has happened. */
const calm = () => new Promise((resolve) => setImmediate(resolve));

/** What a scripted server does with one request. */
export type Answer = (signal: AbortSignal) => Response | Promise<Response>;

export interface Sent {
  readonly call: string;
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

/** A network that answers as a test wrote it down, and remembers what was sent. */
export class Script {
  readonly sent: Sent[] = [];
  readonly clock: HeldClock;
  readonly #answers: Answer[];

  constructor(clock: HeldClock, ...answers: readonly Answer[]) {
    this.clock = clock;
    this.#answers = [...answers];
  }

  readonly fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const path = new URL(String(url)).pathname.replace(`/api/v2/isv/${isv}`, "");
    const body = init.body === undefined ? {} : JSON.parse(String(init.body));
    const call = `${init.method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "{id}")}`;
    this.sent.push({ call, at: this.clock.now() / 1_000, body, headers: new Headers(init.headers) });
    const answer = this.#answers.shift();
    if (answer === undefined) throw new Error(`nothing was expected after ${this.sent.length - 1} requests: ${call}`);
    return answer(init.signal as AbortSignal);
  };

  get calls(): string[] {
    return this.sent.map(({ call }) => call.split("/").at(-1) as string);
  }

  /** Answers that were written down and not asked for. */
  get left(): number {
    return this.#answers.length;
  }

  client(options: ConnectOptions = {}): Client {
    return connect(this.options(options));
  }

  options(more: ConnectOptions = {}): ConnectOptions {
    const { fetch, clock } = this;
    return { url: "http://seatkeeper.test", isv, apiKey: "key", client: "pc-1", fetch, clock, ...more };
  }
}

export const json = (status: number, body: unknown, headers?: HeadersInit): Response =>
  new Response(status === 204 ? null : JSON.stringify(body), headers === undefined ? { status } : { status, headers });

export const instant = (seconds: number): string => new Date(start + seconds * 1_000).toISOString();

export const granted =
  (seconds = 120, renewal?: string): Answer =>
  () => {
    const dates = { session_valid_until: instant(seconds), session_modified_date: instant(0) };
    return json(200, { is_session_valid: true, ...dates, renewal });
  };

export const denied =
  (id: number, more: object = {}, headers: Readonly<Record<string, string>> = {}): Answer =>
  () => {
    const body = { id, code: "", title: "", status: 409, detail: `Denied: ${id}.`, ...more };
    const usual = { "Content-Type": "application/problem+json", Date: new Date(start).toUTCString() };
    return json(409, body, { ...usual, ...headers });
  };

export const closed: Answer = () => json(200, "Session closed.");

/** The request surely did not arrive, or nobody knows; as Node's fetch says it. */
export const fault =
  (kind: "refused" | "lost"): Answer =>
  () => {
    const cause = Object.assign(new Error(kind), { code: kind === "refused" ? "ECONNREFUSED" : "ECONNRESET" });
    throw new TypeError("fetch failed", { cause });
  };

/** The same answer, late; or none, if the client gives up before. */
export const late =
  (clock: HeldClock, seconds: number, answer: Answer): Answer =>
  (signal) =>
    new Promise((resolve, reject) => {
      const callOff = clock.after(seconds * 1_000, () => resolve(answer(signal)));
      signal.addEventListener("abort", () => {
        callOff();
        reject(signal.reason);
      });
    });
