/** What a route is, and how a request that has been read is served: the part that both shells share. */
import type { FastifyBaseLogger } from "fastify";
import type { Static, TSchema, Type } from "typebox";
import type { AdminRole } from "../catalog/entities.ts";
import type { HeldClock } from "../clock.ts";
import type { Desk } from "../desk/desk.ts";
import { newId } from "../ids.ts";
import { type Store, StoreFault } from "../stores/store.ts";
import { tellOfFault } from "../stores/trouble.ts";
import type { Caller, VendorReach } from "./access.ts";
import { authorOf } from "./admin/author.ts";
import { type Answer, type AnswerWriter, type Download, jsonType, type Listening, ResponseWriter } from "./answer.ts";
import { type SignAnswer, signingOf } from "./answer-signing.ts";
import type { ClientTokens } from "./client-tokens.ts";
import type { SignedIn } from "./console/sessions.ts";
import type { Head } from "./head.ts";
import { bodyBytesMax } from "./limits.ts";
import type { Asked } from "./message-signature.ts";
import type { Names, Pseudonyms } from "./names.ts";
import { answerOfProblem, problemOfError } from "./problem.ts";
import { dataHeaders } from "./security.ts";
import { type Signer, signingBusy } from "./signing.ts";
import type { StatementKeys } from "./statement-keys.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** What the routes work with. */
export interface Services {
  readonly store: Store;
  readonly desk: Desk;
  readonly signer: Signer;
  readonly statementKeys: StatementKeys;
  readonly clientTokens: ClientTokens;
  readonly log: FastifyBaseLogger;
  /** The key of whoever operates the server; without one nobody reaches what is of all vendors. */
  readonly operatorKey?: string | null;
  /** The clock that the tester holds; only in the sandbox. */
  readonly sandboxClock?: HeldClock | undefined;
  /** What stands in the place of names that a caller may not see. */
  readonly pseudonyms: Pseudonyms;
  readonly whereabouts: Whereabouts;
}

/** A request that was read and found in order. */
export interface Call<B = unknown, P = unknown, Q = unknown> {
  readonly head: Head;
  readonly body: B;
  readonly params: P;
  readonly query: Q;
  /** The client accepts problem details for denials. */
  readonly wantsProblem: boolean;
}

/** A call with a valid key. */
export interface KeyedCall<B = unknown, P = unknown, Q = unknown> extends Call<B, P, Q>, Caller {
  readonly isvId: string;
  /** Where the caller is, as a number that stands for its address; null: nobody knows. */
  readonly address: number | null;
  /** Users' names as the caller may see them. */
  readonly names: Names;
  /** The console session that the caller's cookie is of; absent: the caller came with a key. */
  readonly signedIn?: SignedIn;
  /** The cookie that carries it on; absent: no need, or no such session. */
  readonly renewal?: string | null;
}

/** Takes what a request came to: its answer, or the error that it met. Called exactly once. */
export type Finish = (result: Answer | Download | Listening | Error) => void;

interface Description {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As Fastify writes it; where a key is needed, what follows `/api/v2/isv/:isv_id`. */
  readonly path: string;
  readonly tag: string;
  /** The least role of an admin key; null: by its method, see `roleOf`. */
  readonly role: AdminRole | null;
  readonly summary: string;
  readonly description?: string;
  /** Schemas of the answers in the API document, by status; errors that every route has are added there. */
  readonly answers: Readonly<Record<string, TSchema>>;
  /** The media type of a good answer. */
  readonly answerType: string;
  readonly bodyBytesMax: number;
  /** Whether it makes a thing of the catalogue, or changes one, which `If-Match` may then name; null: neither. */
  readonly catalogue: "makes" | "revises" | null;
  /** A GET that changes something: no HEAD asks for it, and it needs what every other change needs. */
  readonly hasEffect: boolean;
  /** The body may be left out. */
  readonly isBodyOptional: boolean;
  /** Served on `node:http` itself, and by Fastify only for the API document and as the reference. */
  readonly isHot: boolean;
  /** A client token does in the place of an API key, also in pages of the vendor's other origins. */
  readonly takesClientTokens: boolean;
  /** Further paths, from the root, that are not in the API document. */
  readonly aliases: readonly string[];
  readonly body: TSchema | null;
  /** The schema that is checked, where it is less than the one in the API document. */
  readonly bodyChecked: TSchema | null;
  readonly params: TSchema | null;
  readonly query: TSchema | null;
}

export type Route = Description &
  (
    | { readonly reach: "public" | "operator"; readonly handle: (call: Call, finish: Finish) => void | Promise<void> }
    | {
        readonly reach: VendorReach;
        readonly handle: (call: KeyedCall, finish: Finish) => void | Promise<void>;
      }
  );

/** The least admin role for a route that does not say: viewers read, and what changes anything is the owners'. */
export function roleOf({ role, method }: Pick<Description, "role" | "method">): AdminRole {
  return role ?? (method === "GET" ? "viewer" : "owner");
}

type Spec<B extends TSchema, P extends TSchema, Q extends TSchema> = Pick<
  Description,
  "method" | "path" | "tag" | "summary" | "answers"
> &
  Partial<Omit<Description, "body" | "params" | "query">> & {
    readonly body?: B;
    readonly params?: P;
    readonly query?: Q;
  };

const defaults = {
  answerType: jsonType,
  bodyBytesMax,
  catalogue: null,
  hasEffect: false,
  isBodyOptional: false,
  isHot: false,
  takesClientTokens: false,
  aliases: [],
  role: null,
  body: null,
  bodyChecked: null,
  params: null,
  query: null,
};

/** A route that needs a key. Bodies, parameters and queries reach `handle` as their schemas say. */
export function keyed<
  B extends TSchema = Type.TUnknown,
  P extends TSchema = Type.TUnknown,
  Q extends TSchema = Type.TUnknown,
>(
  spec: Spec<B, P, Q> & {
    readonly reach: VendorReach;
    readonly handle: (call: KeyedCall<Static<B>, Static<P>, Static<Q>>, finish: Finish) => void | Promise<void>;
  },
): Route {
  return { ...defaults, ...spec } as unknown as Route;
}

/** A route that anybody may call. */
export function open<
  B extends TSchema = Type.TUnknown,
  P extends TSchema = Type.TUnknown,
  Q extends TSchema = Type.TUnknown,
>(
  spec: Spec<B, P, Q> & {
    readonly handle: (call: Call<Static<B>, Static<P>, Static<Q>>, finish: Finish) => void | Promise<void>;
  },
): Route {
  return { ...defaults, ...spec, reach: "public" } as unknown as Route;
}

/** A route for whoever operates the server. */
export function forOperator<P extends TSchema = Type.TUnknown>(
  spec: Spec<Type.TUnknown, P, Type.TUnknown> & {
    readonly handle: (call: Call<unknown, Static<P>>, finish: Finish) => void | Promise<void>;
  },
): Route {
  return { ...defaults, ...spec, reach: "operator" } as unknown as Route;
}

/** Whether a route is of the server and of no vendor. */
export const isOfServer = ({ reach }: Route) => reach === "public" || reach === "operator";

/** Whether a route may change something: all but a GET, and a GET of which that is said. */
export const isChange = (route: Route) => route.method !== "GET" || route.hasEffect;

/** The methods by which a route is asked for. */
export function methodsOf(route: Route): string[] {
  return isChange(route) ? [route.method] : ["GET", "HEAD"];
}

/** The paths under which a route stands. */
export function pathsOf(route: Route): string[] {
  return [isOfServer(route) ? route.path : `/api/v2/isv/:isv_id${route.path}`, ...route.aliases];
}

/**
 * Runs a route's handler and writes what it comes to; signed, where the caller's key or request says so. `asked`: what of
 * the request a message signature would cover; on Fastify's way alone.
 */
export function serve(
  services: Services,
  route: Route,
  call: Call,
  head: Head,
  writer: AnswerWriter,
  asked: Asked | null = null,
): void {
  try {
    const finish = finisher(services, route, "key" in call ? (call as KeyedCall) : null, head, writer, asked);
    try {
      if (isAdministered(route, call)) authorOf(call);
      const promise = route.handle(call as KeyedCall, finish);
      if (promise !== undefined) promise.catch(finish);
    } catch (error) {
      finish(error as Error);
    }
  } catch (error) {
    fail(services, error, writer);
  }
}

/** Whether an administrator asks for a change: it goes on record, so it must be known for whom before anything happens. */
function isAdministered(route: Route, call: Call): call is KeyedCall {
  return isChange(route) && "key" in call && (call as KeyedCall).key.role === "admin";
}

/** How the call ends. @throws Problem: its answer is to be signed, and no place is left in the queue. */
function finisher(
  services: Services,
  route: Route,
  call: KeyedCall | null,
  head: Head,
  writer: AnswerWriter,
  asked: Asked | null,
): Finish {
  const sign = call === null ? null : signingOf(services, route, call, head, asked);
  if (call !== null && sign !== null && !services.signer.enter(call.isvId)) throw signingBusy();
  let isFinished = false;
  return (result) => {
    if (isFinished) return;
    isFinished = true;
    if (!(result instanceof Error) && !("status" in result)) {
      if (call !== null && sign !== null) services.signer.leave(call.isvId);
      if (!(writer instanceof ResponseWriter)) throw new Error("no hot route has a download");
      if ("stream" in result) return writer.download(result, newId());
      return writer.listening(result, newId());
    }
    const answer = renewed(answerOf(services, route, result, head), call);
    if (call === null || sign === null) writer.write(answer);
    else signAndWrite(services, call.isvId, sign, answer, writer);
  };
}

function signAndWrite(services: Services, isvId: string, sign: SignAnswer, answer: Answer, writer: AnswerWriter): void {
  sign(answer)
    .finally(() => services.signer.leave(isvId))
    .then(
      (signed) => writer.write(answer, signed),
      // What the request asked for has happened: a store's fault here must not be told as one of the request.
      (error) => fail(services, new Error("an answer could not be signed", { cause: error }), writer),
    );
}

function renewed(answer: Answer, call: KeyedCall | null): Answer {
  if (call?.renewal == null) return answer;
  return { ...answer, headers: [...answer.headers, "Set-Cookie", call.renewal] };
}

/**
 * Every answer can be named by its request id, and none to a key is kept by a cache. But for those of the hot routes,
 * which are kept lean: a POST's answer is not cached anyway.
 */
function answerOf(services: Services, route: Route, result: Answer | Error, { wantsProblem }: Head): Answer {
  if (result instanceof Error) return answerOfError(services, result, wantsProblem);
  if (route.isHot) return result;
  const privacy = route.reach === "public" ? [] : dataHeaders;
  return { ...result, headers: ["X-Request-Id", newId(), ...privacy, ...result.headers] };
}

/** Answers a request that met an error before it had a handler. */
export function fail(services: Services, error: unknown, writer: AnswerWriter): void {
  writer.write(answerOfError(services, error));
}

/** The answer to an error; a fault of ours is logged under the request id that the answer shows. */
export function answerOfError(services: Services, error: unknown, wantsProblem = true): Answer {
  const { problem, isFault } = problemOfError(error);
  const answer = answerOfProblem(problem, wantsProblem);
  if (isFault) logFault(services, error, answer.headers[1]);
  return answer;
}

function logFault({ log }: Services, error: unknown, requestId: string | undefined): void {
  if (error instanceof StoreFault) tellOfFault(log, error, { requestId });
  else log.error({ err: error, requestId }, "a request failed");
}
