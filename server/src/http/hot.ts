/**
 * The hot routes on `node:http` itself: what they take of Fastify is the price of a fifth of all requests. The same
 * handlers, checks and answers as in Fastify, which has these routes too; one test sends every case to both.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { callerOf, type Reach } from "./access.ts";
import { readHead } from "./head.ts";
import { type Check, checkOf, parseJson, readBody, requireJson } from "./input.ts";
import { Problem } from "./problem.ts";
import { fail, hasBody, type KeyedCall, type Route, type Services, serve } from "./route.ts";

interface HotRoute {
  readonly route: Route;
  readonly reach: Exclude<Reach, "public">;
  readonly checkBody: Check<unknown>;
}

const prefix = "/api/v2/isv/";
const shortPrefix = "/isv/";
const idLength = 36;

/** Serves a request if it is for a hot route; false: it is for Fastify. */
export type HotListener = (req: IncomingMessage, res: ServerResponse) => boolean;

export function hotListener(services: Services, routes: readonly Route[]): HotListener {
  const byPath = new Map<string, HotRoute>();
  const byShortPath = new Map<string, HotRoute>();
  for (const route of routes) {
    if (!route.isHot || route.reach === "public" || route.body === null) continue;
    const hot = { route, reach: route.reach, checkBody: checkOf(route.bodyChecked ?? route.body, "body") };
    byPath.set(route.path, hot);
    for (const alias of route.aliases) byShortPath.set(alias.slice("/isv/:isv_id".length), hot);
  }
  return (req, res) => {
    if (req.method !== "POST") return false;
    const url = req.url as string;
    const isShort = url.startsWith(shortPrefix);
    if (!isShort && !url.startsWith(prefix)) return false;
    const start = isShort ? shortPrefix.length : prefix.length;
    const hot = (isShort ? byShortPath : byPath).get(url.slice(start + idLength));
    const isvId = url.slice(start, start + idLength);
    // An id with a slash or an escape in it is not one path segment of this length: Fastify will tell.
    if (hot === undefined || isvId.includes("/") || isvId.includes("%") || isvId.includes("?")) return false;
    run(services, hot, isvId, req, res);
    return true;
  };
}

function run(
  services: Services,
  { route, reach, checkBody }: HotRoute,
  isvId: string,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  try {
    const head = readHead(req);
    const caller = callerOf(services.store.catalog, head, isvId, reach);
    const proceed = (input: unknown) => {
      const body = checkBody(input);
      const { key, vendor } = caller;
      const call: KeyedCall = {
        body,
        params: undefined,
        query: undefined,
        wantsProblem: head.wantsProblem,
        key,
        vendor,
        isvId: vendor.isv.id,
      };
      serve(services, route, call, head, res);
    };
    if (!hasBody(head)) {
      proceed(undefined);
      return;
    }
    requireJson(head.contentType);
    readBody(req, head.contentLength, route.bodyBytesMax, (result) => {
      try {
        if (result instanceof Problem) throw result;
        proceed(parseJson(result));
      } catch (error) {
        fail(services, error, res);
      }
    });
  } catch (error) {
    fail(services, error, res);
  }
}
