/**
 * The hot routes beside Fastify: what they take of it is the price of a fifth of all requests. Here on `node:http`
 * itself; the fast lane (`lane/`) shares the addresses and the way from a body to its answer. The same handlers, checks
 * and answers as in Fastify, which has these routes too; one test sends every case through all three.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Caller, callerOf, type VendorReach } from "./access.ts";
import { type AnswerWriter, ResponseWriter } from "./answer.ts";
import { goesTheLongWay, type Head, hasBody, readHead } from "./head.ts";
import { type Check, checkOf, parseJson, readBody, requireJson } from "./input.ts";
import { Problem } from "./problem.ts";
import { fail, type KeyedCall, type Route, roleOf, type Services, serve } from "./route.ts";

export interface HotRoute {
  readonly route: Route;
  readonly reach: VendorReach;
  readonly checkBody: Check<unknown>;
}

/** What the address of a hot route says. */
export interface HotAddress {
  readonly hot: HotRoute;
  /** As it was sent. */
  readonly isvId: string;
}

const prefix = "/api/v2/isv/";
const shortPrefix = "/isv/";
const idLength = 36;

/** Finds the hot route of an address to which something is posted; null: it is for Fastify. */
export type HotAddresses = (url: string) => HotAddress | null;

export function hotAddresses(routes: readonly Route[]): HotAddresses {
  const byPath = new Map<string, HotRoute>();
  const byShortPath = new Map<string, HotRoute>();
  for (const route of routes) {
    if (!route.isHot || route.reach === "public" || route.reach === "operator" || route.body === null) continue;
    const hot = { route, reach: route.reach, checkBody: checkOf(route.bodyChecked ?? route.body, "body") };
    byPath.set(route.path, hot);
    for (const alias of route.aliases) byShortPath.set(alias.slice("/isv/:isv_id".length), hot);
  }
  return (url) => {
    const isShort = url.startsWith(shortPrefix);
    if (!isShort && !url.startsWith(prefix)) return null;
    const start = isShort ? shortPrefix.length : prefix.length;
    const hot = (isShort ? byShortPath : byPath).get(url.slice(start + idLength));
    const isvId = url.slice(start, start + idLength);
    // An id with a slash or an escape in it is not one path segment of this length: Fastify will tell.
    if (hot === undefined || isvId.includes("/") || isvId.includes("%") || isvId.includes("?")) return null;
    return { hot, isvId };
  };
}

/** Serves a request if it is for a hot route; false: it is for Fastify. */
export type HotListener = (req: IncomingMessage, res: ServerResponse) => boolean;

export function hotListener(services: Services, addresses: HotAddresses): HotListener {
  return (req, res) => {
    const address = req.method === "POST" ? addresses(req.url as string) : null;
    if (address === null) return false;
    return receive(services, address, req, new ResponseWriter(res));
  };
}

/** False: the request asks for what only Fastify's way has, and nothing of it happened yet. */
function receive(services: Services, { hot, isvId }: HotAddress, req: IncomingMessage, writer: AnswerWriter): boolean {
  try {
    const head = readHead(req);
    if (goesTheLongWay(head)) return false;
    const caller = callerOf(services.store.catalog, head, isvId, hot.reach, roleOf(hot.route));
    const address = services.whereabouts.of(caller.vendor.isv.id, req.socket.remoteAddress, head.forwardedFor);
    if (!hasBody(head)) {
      runHot(services, hot, caller, head, null, address, writer);
      return true;
    }
    requireJson(head.contentType);
    readBody(req, head.contentLength, hot.route.bodyBytesMax, (result) => {
      if (result instanceof Problem) fail(services, result, writer);
      else runHot(services, hot, caller, head, result, address, writer);
    });
  } catch (error) {
    fail(services, error, writer);
  }
  return true;
}

/** The rest of a hot request, once its caller is known and its body is there: check, handle, answer. */
export function runHot(
  services: Services,
  { route, checkBody }: HotRoute,
  caller: Caller,
  head: Head,
  bytes: Buffer | null,
  address: number | null,
  writer: AnswerWriter,
): void {
  try {
    const { key, vendor } = caller;
    const call: KeyedCall = {
      head,
      body: checkBody(bytes === null ? undefined : parseJson(bytes)),
      params: undefined,
      query: undefined,
      wantsProblem: head.wantsProblem,
      key,
      vendor,
      isvId: vendor.isv.id,
      address,
      names: services.pseudonyms.namesFor(caller),
    };
    serve(services, route, call, head, writer);
  } catch (error) {
    fail(services, error, writer);
  }
}
