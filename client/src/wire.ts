/** Calls and answers of the API, without any input or output. */

import type { ProgressAnswer } from "./api.ts";
import {
  type Denial,
  denialError,
  NotAuthorized,
  ProjectUnknown,
  Redirected,
  RequestRefused,
  type SeatkeeperError,
  ServerUnreachable,
} from "./errors.ts";
import { ExecutionProgress, type Holder, hasForm, instant, type LicenseKind, requireSense } from "./models.ts";

/** One request, relative to `/api/v2/isv/{isv_id}`. */
export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: object;
  readonly query?: Readonly<Record<string, string>>;
  /** The one status that means granted, else 200: only 200 and 409 are signed, so no other may pass for it. */
  readonly expects?: number;
  /** It must not be sent again when nobody knows whether it arrived. */
  readonly isOnceOnly?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** When its request was begun, on the monotonic clock. */
  readonly started: number;
  /** What was asked. */
  readonly url: string;
}

/**
 * Answers after which nothing of the request has happened. 408 is among them: a server that gives up on a connection
 * on which nothing came says so, and a request that is written at that moment crosses it.
 */
const untakenStatuses: ReadonlySet<number> = new Set([408, 429, 503]);

/** Those, and answers after which it may be repeated where that does no harm. */
export const retriedStatuses: ReadonlySet<number> = new Set([...untakenStatuses, 502, 504]);

/** Whether a call is sent again after this answer. Of one 503 the server says that the request may have happened. */
export function mayRepeat({ isOnceOnly }: Call, { status, body }: Reply): boolean {
  if (!retriedStatuses.has(status)) return false;
  return !isOnceOnly || (untakenStatuses.has(status) && (Object(json(body)) as Problem).code !== "outcome_unknown");
}

/** A redirect: the page to sign in to a network at, perhaps. Browsers show no more of it than a 0. */
export const isElsewhere = (status: number): boolean => status === 0 || (status >= 300 && status < 400);

/** A body as a call is given it: what the API leaves to choice may also be undefined. */
type Loose<T> = { readonly [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };

/** The body without the members that are undefined. */
export function present<T extends object>(body: Loose<T>): T {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as T;
}

/** The answer's value; throws what the answer says instead. */
export function parsed<T>(reply: Reply, expects = 200): T {
  if (reply.status !== expects) throw errorOf(reply);
  if (reply.body.length === 0) return undefined as T;
  const value = json(reply.body);
  requireSense(value !== undefined, "it is no JSON");
  return value as T;
}

/** What problem details and bare denials may carry; of any type, for whatever stands before a server refuses too. */
type Problem = Readonly<Record<string, unknown>>;

interface HolderLine {
  readonly user_id: string;
  readonly since?: unknown;
}

/** The one place where an answer becomes an error. */
export function errorOf(reply: Reply): SeatkeeperError {
  const { status, headers, body } = reply;
  return redirectStatuses.has(status) ? redirected(reply) : problemError(status, json(body), headers);
}

/** Those that lead to another address, and what browsers show of them. */
const redirectStatuses: ReadonlySet<number> = new Set([0, 301, 302, 303, 307, 308]);

function redirected({ headers, url }: Reply): Redirected {
  const asked = placeOf(url, url) ?? url;
  const call = asked.slice(asked.indexOf("/api/v2/isv/"));
  const server = asked.slice(0, -call.length);
  const to = headers.get("location");
  const location = to === null ? null : placeOf(to, url);
  const told = `The server at ${server}, or a proxy before it, redirects to ${location ?? "a place that is not shown"}.`;
  // The same call leads to another server. Else it is a page to sign in at, perhaps.
  const address = location?.endsWith(call) ? location.slice(0, -call.length) : server;
  // From https: to http: is a proxy's fault, and would show the key to everybody on the way.
  const isOne = address !== server && (address.startsWith("https:") || server.startsWith("http:"));
  return new Redirected(
    isOne ? `${told} The key is not sent there. If the server is, set its address to ${address}` : told,
    location,
  );
}

/** A place in the network, without user and query; null: it is none. */
function placeOf(text: string, base: string): string | null {
  if (!URL.canParse(text, base)) return null;
  const { protocol, origin, pathname } = new URL(text, base);
  return /^https?:$/.test(protocol) ? origin + pathname : null;
}

/** The error of a problem; `body` is what a batch's item may carry as well. */
export function problemError(status: number, body: unknown, headers?: Headers): SeatkeeperError {
  const problem = Object(body) as Problem;
  const text = textOf(problem.detail ?? problem.message ?? problem.title) ?? `The server answers ${status}.`;
  const code = textOf(problem.code) ?? "";
  if (status === 409 && typeof problem.id === "number") return denied(text, problem.id, problem);
  if (status === 401 || status === 403) return new NotAuthorized(text, status, code);
  if (isElsewhere(status)) return new ServerUnreachable(`The answer is not Seatkeeper's: ${text}`);
  if (retriedStatuses.has(status)) return new ServerUnreachable(text, seconds(headers && retryAfterMs(headers)));
  if (status === 404 && code === "project_unknown") return new ProjectUnknown(text, code, 13005);
  return new RequestRefused(text, status, code);
}

function denied(text: string, id: number, problem: Problem): SeatkeeperError {
  const holders = holdersOf(problem.holders);
  const denial: Denial = {
    id,
    code: textOf(problem.code) ?? String(id),
    limit: countOf(problem.limit),
    inUse: countOf(problem.in_use),
    nextFreeAt: instant(problem.next_free_at),
    queuePosition: countOf(problem.queue_position),
    kind: textOf(problem.kind) as LicenseKind | null,
    total: countOf(problem.total),
    left: countOf(problem.left),
    holders,
    executionProgress: progressIn(problem.execution_progress),
    voucherId: textOf(problem.voucher_id),
  };
  const named = holders.length === 0 ? "" : ` Connected: ${holders.map(nameOf).join(", ")}.`;
  return denialError(text + named, denial);
}

export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

const countOf = (value: unknown): number | null => (typeof value === "number" ? value : null);

function holdersOf(value: unknown): Holder[] {
  const lines: readonly HolderLine[] = Array.isArray(value) ? value : [];
  const named = lines.filter((line) => hasForm(line, { user_id: "" }));
  return named.map(({ user_id, since }) => ({ user: user_id, since: instant(since) }));
}

/** A refusal stays one, whatever it says of an execution. */
function progressIn(value: unknown): ExecutionProgress | null {
  return hasForm(value, { state: "" }) ? new ExecutionProgress(value as ProgressAnswer) : null;
}

function nameOf({ user, since }: Holder): string {
  return since === null ? user : `${user} (since ${since.toISOString().slice(0, 16).replace("T", " ")} UTC)`;
}

export const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1_000);

function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** `Retry-After`, in either form that HTTP has. */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - (serverTime(headers) ?? Date.now()));
}

/** The server's own time, by which its instants are to be read. */
export function serverTime(headers: Headers): number | undefined {
  const at = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(at) ? undefined : at;
}
