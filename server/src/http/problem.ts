/**
 * The one place where a denial or a fault becomes an answer. Denials, and what else SLASCONE numbers, are 409 and, unless the
 * client asks for problem details, SLASCONE's bare `{"id", "message"}`. Everything else that went wrong is problem details
 * (RFC 9457), always.
 */

import { type DenialCode, denials } from "../core/denials.ts";
import type { Denial, ProjectDenial } from "../core/types.ts";
import { Overloaded } from "../desk/desk.ts";
import { newId } from "../ids.ts";
import { StoreFault } from "../stores/store.ts";
import { type Answer, jsonType, problemType } from "./answer.ts";
import { askAgainSecondsMax } from "./limits.ts";
import type { Names } from "./names.ts";
import { progressOf } from "./native/progress.ts";

/** Everything but denials that an answer can tell of: its stable code, status and title. */
export const problems = {
  request_malformed: { status: 400, title: "The request is not well-formed HTTP." },
  header_repeated: { status: 400, title: "A header that may stand once stands twice." },
  keys_ambiguous: { status: 400, title: "The request carries two API keys." },
  json_malformed: { status: 400, title: "The body is not JSON." },
  digest_wrong: { status: 400, title: "The body is not the one that its digest is of." },
  input_invalid: { status: 400, title: "The input does not have the form that is asked for." },
  key_missing: { status: 401, title: "The request needs an API key." },
  key_unknown: { status: 401, title: "The API key is not valid." },
  token_invalid: { status: 401, title: "The client token is not valid." },
  tokens_busy: { status: 503, title: "Too many client tokens wait to be verified." },
  signed_out: { status: 401, title: "Nobody is signed in to the console." },
  page_foreign: { status: 403, title: "The request does not come from a page of this server." },
  key_insufficient: { status: 403, title: "The API key does not reach this." },
  operator_off: { status: 403, title: "The server has no operator's key, so nobody may ask for this." },
  backup_elsewhere: { status: 409, title: "This store is not backed up by the server." },
  route_unknown: { status: 404, title: "There is nothing at this address." },
  entity_unknown: { status: 404, title: "There is no such thing." },
  license_unknown: { status: 404, title: "There is no licence of this id." },
  project_unknown: { status: 404, title: "There is no project of this id." },
  execution_unknown: { status: 404, title: "There is no execution of this id." },
  secret_wrong: { status: 403, title: "The secret of the execution is wrong." },
  isv_unknown: { status: 404, title: "There is no vendor of this id." },
  method_refused: { status: 405, title: "The address does not take this method." },
  request_timeout: { status: 408, title: "The request took too long to arrive." },
  name_taken: { status: 409, title: "Another one has this name, number or id already." },
  entity_in_use: { status: 409, title: "Others depend on it." },
  last_owner: { status: 409, title: "The vendor would be left without an owner." },
  entity_changed: { status: 412, title: "It was changed by somebody else meanwhile." },
  body_too_large: { status: 413, title: "The body is too large." },
  media_type_refused: { status: 415, title: "The body must be application/json." },
  expectation_refused: { status: 417, title: "The expectation cannot be met." },
  header_too_large: { status: 431, title: "The headers are too large." },
  fault: { status: 500, title: "The server failed at this request." },
  signing_busy: { status: 503, title: "Too many answers wait to be signed." },
  overloaded: { status: 503, title: "The server has more to do than it may queue." },
  download_busy: { status: 503, title: "Another backup or export is being made." },
  tenant_files_busy: { status: 503, title: "Other tenant files are being applied." },
  stopping: { status: 503, title: "The server is about to stop." },
  store_unavailable: { status: 503, title: "The store does not answer." },
  outcome_unknown: { status: 503, title: "Whether the request happened cannot be told." },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type ProblemCode = keyof typeof problems;

/** Something that the request, not the licence, is refused for. Thrown; becomes an answer in `answerOfError`. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  /** Further headers of the answer, name and value in turn. */
  readonly headers: readonly string[];
  /** Further members of the answer. */
  readonly more: object | undefined;

  /** SLASCONE's number of the refusal, which makes it a 409 whatever else its code stands for; null: it has none. */
  readonly number: number | null;

  constructor(
    code: ProblemCode,
    detail: string,
    headers: readonly string[] = [],
    more?: object,
    number: number | null = null,
  ) {
    super(detail);
    this.code = code;
    this.headers = headers;
    this.more = more;
    this.number = number;
  }
}

/** `wantsProblem` counts for what SLASCONE numbers alone: its clients read such an answer as they read a denial. */
export function answerOfProblem(problem: Problem, wantsProblem: boolean): Answer {
  const { code, number, message, more } = problem;
  const headers = ["X-Request-Id", newId(), "Cache-Control", "no-store", ...problem.headers];
  const { status, title } = problems[code];
  if (number === null) {
    return { status, contentType: problemType, body: problemBody(code, title, status, message, more), headers };
  }
  const body = wantsProblem
    ? problemBody(code, title, 409, message, { id: number, ...more })
    : bareBody(number, message);
  return {
    status: 409,
    contentType: wantsProblem ? problemType : jsonType,
    body,
    headers: [...headers, ...varyAccept],
  };
}

/** All that SLASCONE's strict clients know of a 409. */
function bareBody(id: number, message: string): string {
  return `{"id":${id},"message":${JSON.stringify(message)}}`;
}

function problemBody(code: string, title: string, status: number, detail: string, more?: object): string {
  return JSON.stringify({ type: `urn:seatkeeper:problem:${code}`, title, status, detail, code, ...more });
}

/** How a denial is told: as problem details or not, and with names as the caller may see them. */
export interface Telling {
  readonly wantsProblem: boolean;
  readonly names: Names;
}

/** The answer to a refused command. */
export function answerOfDenial(denial: Denial, { wantsProblem, names }: Telling): Answer {
  const { id, status, title, remedy } = denials[denial.code];
  const headers = denial.queuePosition === null ? varyAccept : [...varyAccept, ...askAgainAfter(denial.queuePosition)];
  if (!wantsProblem) {
    return { status, contentType: jsonType, body: bareBody(id, denial.message), headers };
  }
  const detail = `${denial.message} ${remedy}`;
  const isWait = denial.code === "tokens_exhausted" || denial.code === "tokens_held";
  const next = isWait ? { next_free_at: instantOrNull(denial.nextFreeAt) } : undefined;
  return {
    status,
    contentType: problemType,
    body: problemBody(denial.code, title, status, detail, {
      id,
      limit: denial.limit,
      in_use: denial.inUse,
      ...next,
      ...(denial.queuePosition !== null && { queue_position: denial.queuePosition }),
      ...(denial.voucherId !== null && { voucher_id: denial.voucherId }),
      ...(denial.project === null ? undefined : projectMembers(denial.project, names)),
    }),
    headers,
  };
}

/** Whoever is first in the queue asks again soon; those behind have time, and all of them well within what keeps a place. */
function askAgainAfter(position: number): readonly string[] {
  return ["Retry-After", String(Math.min(position, askAgainSecondsMax))];
}

/** What a refused connect tells beside the rest: the pool, who is in, and how far the project's work is. */
function projectMembers({ kind, total, left, holders, execution, at }: ProjectDenial, names: Names) {
  return {
    kind,
    total,
    left,
    holders: holders.map(({ userId, since }) => ({ user_id: names.of(userId), since: instantOrNull(since) })),
    execution_progress: progressOf(execution, at),
  };
}

const varyAccept = ["Vary", "Accept"] as const;

function instantOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** A denial that needs no licence to be decided: the request names something that is not there. */
export function denialWithoutLicense(code: DenialCode): Denial {
  const nothing = { inUse: 0, limit: 0, nextFreeAt: null, project: null, voucherId: null, queuePosition: null };
  return { code, message: denials[code].title, ...nothing };
}

/** What an error comes to, and whether it is a fault of ours that must be logged. */
export function problemOfError(error: unknown): { readonly problem: Problem; readonly isFault: boolean } {
  if (error instanceof Problem) return { problem: error, isFault: false };
  if (error instanceof Overloaded) {
    const after = ["Retry-After", String(error.retryAfterSeconds)];
    return {
      problem: new Problem("overloaded", "Nothing of the request happened. Try again in a moment.", after),
      isFault: false,
    };
  }
  if (error instanceof StoreFault && error.isUnknown) {
    const detail = "The store broke off in the middle. Look at what is there, or send the same request again.";
    return { problem: new Problem("outcome_unknown", detail, ["Retry-After", "5"]), isFault: true };
  }
  if (error instanceof StoreFault) {
    const detail = "Nothing of the request happened. Try again in a moment.";
    return { problem: new Problem("store_unavailable", detail, ["Retry-After", "5"]), isFault: true };
  }
  const refused = refusedByFastify(error);
  if (refused !== null) return { problem: refused, isFault: false };
  return { problem: new Problem("fault", "It is logged under the request id of this answer."), isFault: true };
}

/**
 * Does what is left of a request of which something has been decided: what is read to answer with, its next part. Where that
 * fails, what was decided stands: nobody may hear that nothing happened.
 */
export async function onceDecided<T>(rest: () => T | Promise<T>, isDecided = true): Promise<T> {
  try {
    return await rest();
  } catch (error) {
    const isFault = error instanceof StoreFault || error instanceof Overloaded;
    if (!isDecided || !isFault) throw error;
    throw new StoreFault(error.message, { cause: error, isUnknown: true });
  }
}

/** Fastify's own refusals, which it throws as errors with a status. Their texts are not shown: they quote the request. */
function refusedByFastify(error: unknown): Problem | null {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 404) return new Problem("route_unknown", "Look at /docs for what there is.");
  if (status === 413) return new Problem("body_too_large", "Send less at a time.");
  if (status === 415) return new Problem("media_type_refused", "Send Content-Type: application/json.");
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new Problem("request_malformed", "The address or the headers cannot be read.");
  }
  return null;
}
