/** How requests reach the server: one try with its timeout, and tries until there is an answer. */

import { type Clock, msOf, pause, SystemClock } from "./clock.ts";
import { type CredentialHeaders, type Credentials, credentialsOf } from "./credentials.ts";
import { ServerUnreachable } from "./errors.ts";
import { type ConnectOptions, serverUrl, setting } from "./settings.ts";
import { MessageVerifier, type Proof, RsaVerifier, type Sent, type Verifier } from "./signatures.ts";
import type { VoucherKeeper, Vouchers } from "./vouchers.ts";
import { type Call, mayRepeat, parsed, type Reply, retryAfterMs, seconds } from "./wire.ts";

/** A call is sent so often before `ServerUnreachable`: with the pauses below, some four seconds of a dead network. */
const triesMax = 4;
const backoffFirstMs = 500;
const backoffMaxMs = 8_000;
/** A server that asks to come again later than this is told of, and not waited for. */
const patienceMsUsual = 60_000;
const timeoutSecondsUsual = 10;
/**
 * More than the largest answer has: a page of a thousand projects, each with as many executions as the server keeps. What
 * sends more is no server of ours, and must not take the program's memory.
 */
const answerMaxBytes = 32 * 2 ** 20;

/** Before try `failures + 1`: doubling, and of that a random half to whole, so that clients do not march in step. */
export function backoff(failures: number, chance: number): number {
  return Math.min(backoffMaxMs, backoffFirstMs * 2 ** (failures - 1)) * (0.5 + 0.5 * chance);
}

/** A request got no answer. */
export class Unanswered extends Error {
  readonly neverArrived: boolean;

  constructor(message: string, neverArrived: boolean) {
    super(message);
    this.neverArrived = neverArrived;
  }
}

/** What a request was sent with. */
interface Allowed {
  by: CredentialHeaders | undefined;
}

/** Bounds of one call that are tighter than the client's own. */
export interface Sending {
  /** Shorter where the answer would be of no use later. */
  readonly timeoutMs?: number;
  readonly tries?: number;
  readonly patienceMs?: number;
  /** On the clock: when nobody waits for an answer any more, nor for another try. */
  readonly until?: number;
  readonly signal?: AbortSignal | undefined;
}

export class Channel {
  readonly clock: Clock;
  readonly vouchers: Vouchers | undefined;
  readonly #url: string;
  readonly #base: string;
  readonly #credentials: Credentials;
  readonly #fetch: typeof globalThis.fetch;
  readonly #verifier: Verifier | undefined;
  readonly #timeoutMs: number;

  constructor(options: ConnectOptions) {
    this.clock = options.clock ?? new SystemClock();
    this.#url = serverUrl(options.url);
    const isv = setting(options.isv, "SEATKEEPER_ISV", "isv");
    this.#base = `${this.#url}/api/v2/isv/${encodeURIComponent(isv)}`;
    this.#credentials = credentialsOf(options);
    // Called on its own: the platform's fetch refuses to be anybody's method.
    this.#fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this.vouchers = vouchersOf(isv, options);
    this.#verifier = verifierOf(options);
    this.#timeoutMs = msOf(options.timeoutSeconds ?? timeoutSecondsUsual, "timeoutSeconds");
  }

  /** The value that the server answers with; throws what it says instead. */
  async value<T>(call: Call, sending?: Sending): Promise<T> {
    return parsed<T>(await this.ask(call, sending), call.expects);
  }

  /** Sends until there is an answer that is not "try again". Throws `ServerUnreachable` when there is none. */
  async ask(call: Call, sending: Sending = {}): Promise<Reply> {
    const { timeoutMs = this.#timeoutMs, tries = triesMax, patienceMs = patienceMsUsual, signal } = sending;
    const { until = Number.POSITIVE_INFINITY } = sending;
    let neverArrived = true;
    for (let failures = 1; ; failures++) {
      let waitMs: number | undefined;
      let fault: string;
      try {
        const reply = await this.send(call, Math.min(timeoutMs, until - this.clock.now()), signal);
        if (!mayRepeat(call, reply)) return reply;
        neverArrived = false;
        waitMs = retryAfterMs(reply.headers);
        fault = `The server is busy (status ${reply.status}).`;
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        fault = error.message;
        neverArrived &&= error.neverArrived;
        if (call.isOnceOnly && !error.neverArrived)
          throw new ServerUnreachable(`${fault} Nobody knows whether the request arrived.`);
      }
      // Spread beyond what the server asks for: everybody whom it turned away was told the same.
      const spread = backoff(failures, this.clock.chance());
      const pauseMs = waitMs === undefined ? spread : waitMs + spread / 2;
      if (failures >= tries || (waitMs ?? 0) > patienceMs || this.clock.now() + pauseMs >= until)
        throw new ServerUnreachable(`${fault} Sent ${failures} times.`, seconds(waitMs), neverArrived);
      await pause(this.clock, pauseMs, signal);
    }
  }

  /** One try, or two where credentials are over. Throws `Unanswered`, the signal's reason, or `BadSignature`. */
  async send(call: Call, timeoutMs: number, signal?: AbortSignal): Promise<Reply> {
    const allowed: Allowed = { by: undefined };
    const until = this.clock.now() + timeoutMs;
    const reply = await this.#try(call, allowed, timeoutMs, signal);
    const mayTryAgain = reply.status === 401 && this.#credentials.refused(allowed.by);
    return mayTryAgain ? this.#try(call, allowed, until - this.clock.now(), signal) : reply;
  }

  async #try(call: Call, allowed: Allowed, timeoutMs: number, signal?: AbortSignal): Promise<Reply> {
    signal?.throwIfAborted();
    const started = this.clock.now(); // before the request: a slow answer must not buy time
    const sent = { method: call.method, url: this.#base + call.path + query(call), body: textOf(call) };
    const proof = this.#verifier && (await this.#verifier.prove(sent));
    const abort = new AbortController();
    const stop = () => abort.abort();
    const callOff = this.clock.after(Math.max(1, Math.min(timeoutMs, this.#timeoutMs)), stop);
    signal?.addEventListener("abort", stop);
    let reply: Reply;
    try {
      // Against the signal: whatever fetch was passed in may not look at it, and a session must end in time.
      reply = await Promise.race([this.#exchange(sent, proof, started, allowed, abort.signal), rejected(abort.signal)]);
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#unanswered(error, abort.signal.aborted);
    } finally {
      callOff();
      signal?.removeEventListener("abort", stop);
    }
    await proof?.check(reply);
    return reply;
  }

  async #exchange(
    sent: Sent,
    proof: Proof | undefined,
    started: number,
    allowed: Allowed,
    signal: AbortSignal,
  ): Promise<Reply> {
    allowed.by = await this.#credentials.headers(signal);
    signal.throwIfAborted(); // nobody waits any more, and what was passed in as fetch may not look at it
    const response = await this.#fetch(sent.url, request(sent, { ...allowed.by, ...proof?.headers }, signal));
    const body = await bodyOf(response);
    return { status: response.status, headers: response.headers, body, started, url: sent.url };
  }

  #unanswered(error: unknown, isTimeout: boolean): Unanswered {
    const what = isTimeout ? "no answer in time" : reasonOf(error);
    return new Unanswered(`Cannot reach the server at ${this.#url}: ${what}.`, !isTimeout && neverArrived(error));
  }
}

function request({ method, body }: Sent, headers: Readonly<Record<string, string>>, signal: AbortSignal): RequestInit {
  return {
    method,
    headers: {
      Accept: "application/json, application/problem+json",
      ...headers,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body }),
    signal,
    redirect: "manual", // the key is for this server alone
    cache: "no-store",
    credentials: "omit",
  };
}

/** Counted as it comes: a little that is compressed can become as much as it likes. */
async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  let left = answerMaxBytes;
  const transform = (chunk: Uint8Array, counted: TransformStreamDefaultController) => {
    left -= chunk.length;
    if (left < 0) throw new Error("the answer is larger than any of Seatkeeper's");
    counted.enqueue(chunk);
  };
  // None, or a platform without streams: as it is.
  const counted = response.body?.pipeThrough(new TransformStream({ transform }));
  return new Uint8Array(await (counted ? new Response(counted) : response).arrayBuffer());
}

function vouchersOf(isv: string, { keySet, vouchers }: ConnectOptions): Vouchers | undefined {
  if (vouchers === undefined) return undefined;
  if (keySet === undefined) throw new TypeError("vouchers needs keySet: nobody can tell a good one otherwise");
  return vouchers.bind(isv, keySet);
}

/** A folder that cannot be written to keeps nobody from working online; a voucher is kept there or not at all. */
async function told(vouchers: VoucherKeeper | undefined, at: number): Promise<void> {
  await vouchers?.saw(at).catch(() => {});
}

function verifierOf({ keySet, vouchers, publicKey }: ConnectOptions): Verifier | undefined {
  if (keySet !== undefined) return new MessageVerifier(keySet, (at) => told(vouchers, at));
  return publicKey === undefined ? undefined : new RsaVerifier(publicKey);
}

const textOf = ({ body }: Call) => (body === undefined ? undefined : JSON.stringify(body, finite));

/** Of a NaN, JSON makes a null, which to the server is nothing: no checkout, for one. */
function finite(member: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${member} is no number`);
  return value;
}

/** Never resolves. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function query({ query: parameters }: Call): string {
  return parameters === undefined ? "" : `?${new URLSearchParams(parameters)}`;
}

/** Node gives the reason as `cause`, with a code; browsers tell nothing. */
interface Cause {
  readonly code?: string;
  readonly message?: string;
}

const causeOf = (error: unknown) => (error as { readonly cause?: Cause } | undefined)?.cause;

function reasonOf(error: unknown): string {
  return causeOf(error)?.message || causeOf(error)?.code || (error instanceof Error ? error.message : String(error));
}

/** Faults before a connection stood. Where the platform does not tell, the request may have arrived. */
const unconnected = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

function neverArrived(error: unknown): boolean {
  return unconnected.test(causeOf(error)?.code ?? "");
}
