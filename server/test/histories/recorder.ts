/** Calls servers as clients do, and writes down what was asked, when, and what came back. */
import type { Command, DenialCode, Millis } from "../../src/core/types.ts";
import type { Answer, Operation } from "./checker.ts";

export interface Request {
  readonly method: "POST" | "GET";
  readonly path: string;
  readonly key: readonly [header: string, secret: string];
  readonly body: object | null;
}

/** A server that does not answer by then is left for another one; the client never learns what came of it. */
const patienceMs = 700;

let order = 0;

export class Recorder {
  readonly operations: Operation[] = [];

  /**
   * `commandOf` says what the request means; by the answer, where that names what was made. Answers with the body of a
   * granted call, the code of a denial, or null where nothing is known.
   */
  async call(
    url: string,
    request: Request,
    commandOf: (body: object) => Command,
    patience = patienceMs,
  ): Promise<object | DenialCode | null> {
    const { method, path, key, body } = request;
    const called = ++order;
    const from = Date.now();
    const came = await answerOf(url + path, {
      method,
      headers: {
        [key[0]]: key[1],
        "Content-Type": "application/json",
        Accept: "application/json, application/problem+json",
      },
      ...(body !== null && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patience),
    });
    if (came === "not there") return null;
    const command = commandOf(typeof came === "string" ? {} : came);
    const times = { called, from, answered: ++order, to: Date.now() };
    const forever = { answered: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    if (came === "unknown") this.operations.push({ command, answer: null, instants: null, ...times, ...forever });
    else this.operations.push({ command, answer: toldBy(command, came), instants: instantsTold(came), ...times });
    return came === "unknown" ? null : isDenial(came) ? came.code : came;
  }
}

interface Denial {
  readonly code: DenialCode;
  readonly in_use: number;
  readonly next_free_at?: string | null;
  readonly queue_position?: number;
}

function isDenial(body: object): body is Denial {
  return "code" in body;
}

/** `not there`: nothing of the request happened, the server says so or nobody took it. */
async function answerOf(url: string, init: RequestInit): Promise<object | "unknown" | "not there"> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause;
    return cause?.code === "ECONNREFUSED" ? "not there" : "unknown";
  }
  const body = JSON.parse(text) as object | string;
  if (response.ok) return typeof body === "string" ? {} : body;
  if (response.status === 409) return body as object;
  const { code } = body as Denial;
  // A connection on which nothing came for long was given up while the request was written.
  if (response.status === 408) return "not there";
  if (response.status === 503) return (code as string) === "outcome_unknown" ? "unknown" : "not there";
  throw new Error(`${url}: ${response.status} ${text}`);
}

interface SessionTold {
  readonly client_id?: string;
  readonly session_id?: string;
  readonly session_valid_until: string;
  readonly session_created_date: string;
  readonly session_modified_date: string;
  readonly created_date_utc: string;
  readonly modified_date_utc: string;
  readonly max_open_session_count: number;
  readonly max_active_client_count: number;
  readonly assignment?: { readonly client_id: string };
}

function toldBy(command: Command, body: object): Answer {
  if (isDenial(body)) {
    const { code, in_use: inUse, next_free_at: next, queue_position: queuePosition = null } = body;
    return { type: "denied", code, inUse, nextFreeAt: next == null ? null : Date.parse(next), queuePosition };
  }
  if (Array.isArray(body)) {
    const sessions = (body as SessionTold[]).map((session) => ({
      clientId: session.assignment?.client_id as string,
      sessionId: session.session_id ?? null,
      openedAt: Date.parse(session.created_date_utc),
      extendedAt: Date.parse(session.modified_date_utc),
      validUntil: Date.parse(session.session_valid_until),
    }));
    return { type: "sessions", sessions };
  }
  if (command.type !== "open") return { type: "granted" };
  const session = body as SessionTold;
  return {
    type: "session",
    session: {
      openedAt: Date.parse(session.session_created_date),
      extendedAt: Date.parse(session.session_modified_date),
      validUntil: Date.parse(session.session_valid_until),
      peakSessions: session.max_open_session_count,
      peakHolders: session.max_active_client_count,
    },
  };
}

/** The answer to an open tells when it was decided. */
function instantsTold(body: object): Millis[] | null {
  return "session_modified_date" in body ? [Date.parse((body as SessionTold).session_modified_date)] : null;
}
