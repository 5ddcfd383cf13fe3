/**
 * Builds the application from a store, a desk and a signer; starts nothing. One `node:http` server: plain requests to
 * hot routes are served by the fast lane before it, others to hot routes on it directly, everything else by Fastify,
 * which knows all routes.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import swagger from "@fastify/swagger";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from "fastify";
import type { TSchema } from "typebox";
import { type Caller, callerOf, callerWith, requireOperator } from "./access.ts";
import { ResponseWriter } from "./answer.ts";
import { onClientError } from "./client-error.ts";
import { bearerOf, ClientTokens } from "./client-tokens.ts";
import { consolePageRoutes } from "./console/pages.ts";
import { consoleRoutes } from "./console/routes.ts";
import { type ConsoleSessions, loadConsoleSessions, requireOwnPage } from "./console/sessions.ts";
import { allowReading, listedOrigin, preflightAnswer } from "./cors.ts";
import { type Head, readHead } from "./head.ts";
import { type HotListener, hotAddresses, hotListener } from "./hot.ts";
import { checkOf, parseJson, readBody, requireJson } from "./input.ts";
import { Lane } from "./lane/lane.ts";
import * as limits from "./limits.ts";
import { askedOf, requireDigest } from "./message-signature.ts";
import { loadPseudonyms } from "./names.ts";
import { adviceRoutes } from "./native/analytics/advice.ts";
import { chartRoutes } from "./native/analytics/charts.ts";
import { overviewRoutes } from "./native/analytics/overview.ts";
import { peopleRoutes } from "./native/analytics/people.ts";
import { auditRoutes } from "./native/audit.ts";
import { batchRoutes } from "./native/batch.ts";
import { checkoutRoutes } from "./native/checkouts.ts";
import { clientTokenRoutes } from "./native/client-tokens.ts";
import { denialRoutes } from "./native/denials.ts";
import { docsRoutes } from "./native/docs.ts";
import { eventRoutes } from "./native/events.ts";
import { Feed } from "./native/feed.ts";
import { keyRoutes } from "./native/keys.ts";
import { licenseEventRoutes } from "./native/license-events.ts";
import { operatorRoutes } from "./native/operator.ts";
import { projectRoutes } from "./native/projects.ts";
import { queueRoutes } from "./native/queue.ts";
import { serviceRoutes } from "./native/service.ts";
import { liveSessionRoutes } from "./native/sessions.ts";
import { statementKeyRoutes } from "./native/statement-keys.ts";
import { tenantFileRoutes } from "./native/tenant-files.ts";
import { userRoutes } from "./native/users.ts";
import { vendorRoutes } from "./native/vendor.ts";
import { documentOptions, fastifySchemaOf, ProblemDetails } from "./openapi.ts";
import { Problem } from "./problem.ts";
import {
  type Call,
  fail,
  isChange,
  type KeyedCall,
  methodsOf,
  pathsOf,
  type Route,
  roleOf,
  type Services,
  serve,
} from "./route.ts";
import { adminRoutes } from "./slascone/admin.ts";
import { clientRoutes } from "./slascone/clients.ts";
import { consumptionRoutes } from "./slascone/consumption.ts";
import { customerRoutes } from "./slascone/customers.ts";
import { fileRoutes } from "./slascone/files.ts";
import { gatheringRoutes } from "./slascone/gathering.ts";
import { licenseUserRoutes } from "./slascone/license-users.ts";
import { licenseRoutes } from "./slascone/licenses.ts";
import { lookupRoutes } from "./slascone/lookups.ts";
import { productRoutes } from "./slascone/products.ts";
import { sessionRoutes } from "./slascone/sessions.ts";
import { templateRoutes } from "./slascone/templates.ts";
import { StatementKeys } from "./statement-keys.ts";
import type { TlsContext } from "./tls.ts";
import { loadWhereabouts } from "./whereabouts.ts";

export interface App {
  /** Listens when told to. */
  readonly server: Server;
  /** The OpenAPI document. */
  document(): object;
  /** Says that it is not ready any more. Everything is still served, and every connection ends with its next answer. */
  drain(): void;
  /** Takes no more connections, and resolves when the requests in flight are answered. */
  stop(): Promise<void>;
}

/** What is made from the other services. */
type Made = "statementKeys" | "clientTokens" | "pseudonyms" | "whereabouts";

export interface AppOptions extends Omit<Services, Made> {
  /** What serves the hot routes where it can, with all that stands behind it. For the tests that compare them. */
  readonly shell?: "lane" | "hot" | "fastify";
  readonly patience?: limits.Patience;
  /** Null: plain HTTP. */
  readonly tls?: TlsContext | null;
  readonly trustedProxies?: readonly string[];
}

export async function createApp({
  shell = "lane",
  patience = limits.patience,
  tls = null,
  trustedProxies = [],
  ...parts
}: AppOptions): Promise<App> {
  const statementKeys = new StatementKeys(parts.store);
  const clientTokens = new ClientTokens({ ...parts, statementKeys });
  const pseudonyms = await loadPseudonyms(parts.store);
  const whereabouts = await loadWhereabouts(parts.store, trustedProxies);
  const services: Services = { ...parts, statementKeys, clientTokens, pseudonyms, whereabouts };
  // At start, so that the first answer to be signed waits for no key.
  await Promise.all([...parts.store.catalog.vendors()].map((vendor) => statementKeys.published(vendor)));
  const sessions = await loadConsoleSessions(services.store, tls !== null);
  const feed = new Feed(services.store, services.log, services.sandboxClock !== undefined);
  let isDraining = false;
  const state = { document: () => app.swagger(), isDraining: () => isDraining };
  const routes = routesOf(services, sessions, feed, state);
  const addresses = shell === "fastify" ? () => null : hotAddresses(routes);
  const isHot = hotListener(services, addresses);
  const app = fastify({
    loggerInstance: services.log,
    logController: new LogController({ disableRequestLogging: true }),
    serverFactory: (handler) => createHttpServer(services, patience, isHot, handler, () => isDraining, tls),
    clientErrorHandler: onClientError,
    frameworkErrors: (error, _request, reply) => refuse(services, error, reply as FastifyReply),
    routerOptions: { maxParamLength: limits.nameLengthMax },
    return503OnClosing: false,
  });
  prepare(app, services, routes);
  await app.register(swagger, documentOptions);
  app.addSchema(ProblemDetails);
  for (const route of routes) addRoute(app, services, sessions, route);
  await app.ready();
  // What the lane saves is little beside TLS, and what it reads are the bytes that came.
  const lane = shell === "lane" && tls === null ? new Lane(app.server, services, addresses, patience) : null;
  const drain = () => {
    isDraining = true;
    lane?.drain();
  };
  return { server: app.server, document: () => app.swagger(), drain, stop: () => stop(app, feed, lane, patience) };
}

/** What some routes tell of the server itself. */
interface ServerState {
  document(): object;
  isDraining(): boolean;
}

function routesOf(services: Services, sessions: ConsoleSessions, feed: Feed, state: ServerState): Route[] {
  return [
    ...sessionRoutes(services),
    ...batchRoutes(services),
    ...clientTokenRoutes(services),
    ...checkoutRoutes(services),
    ...clientRoutes(services),
    ...fileRoutes(services),
    ...lookupRoutes(services),
    ...gatheringRoutes(services),
    ...consumptionRoutes(services),
    ...licenseUserRoutes(services),
    ...productRoutes(services),
    ...templateRoutes(services),
    ...customerRoutes(services),
    ...licenseRoutes(services),
    ...adminRoutes(services),
    ...keyRoutes(services),
    ...vendorRoutes(services),
    ...tenantFileRoutes(services),
    ...userRoutes(services),
    ...auditRoutes(services),
    ...consoleRoutes(services, sessions, feed),
    ...consolePageRoutes(),
    ...liveSessionRoutes(services),
    ...queueRoutes(services),
    ...licenseEventRoutes(services),
    ...denialRoutes(services),
    ...chartRoutes(services),
    ...overviewRoutes(services),
    ...peopleRoutes(services),
    ...adviceRoutes(services),
    ...eventRoutes(services, feed),
    ...projectRoutes(services),
    ...operatorRoutes(services),
    ...statementKeyRoutes(services),
    ...serviceRoutes(services, state.isDraining),
    ...docsRoutes(state.document),
  ];
}

function createHttpServer(
  services: Services,
  patience: limits.Patience,
  isHot: HotListener,
  fastifyHandler: RequestListener,
  isDraining: () => boolean,
  tls: TlsContext | null,
): Server {
  const bounds = {
    headersTimeout: patience.headersTimeoutMs,
    requestTimeout: patience.requestTimeoutMs,
    keepAliveTimeout: patience.keepAliveTimeoutMs,
    keepAliveTimeoutBuffer: patience.keepAliveBufferMs,
    connectionsCheckingInterval: patience.connectionsCheckingIntervalMs,
    maxHeaderSize: limits.headerBytesMax,
    // Checked with the other headers instead, so that the refusal is problem details.
    requireHostHeader: false,
  };
  const listener: RequestListener = (req, res) => {
    // Whoever asks next finds another server, and is not cut off when this one is gone.
    if (isDraining()) res.shouldKeepAlive = false;
    if (!isHot(req, res)) fastifyHandler(req, res);
  };
  const server =
    tls === null
      ? createServer(bounds, listener)
      : createSecureServer({ ...bounds, ...tls, handshakeTimeout: patience.headersTimeoutMs }, listener);
  server.maxHeadersCount = limits.headerLinesMax;
  server.on("checkExpectation", (_req: IncomingMessage, res: ServerResponse) => {
    const problem = new Problem("expectation_refused", "The only expectation met is 100-continue.");
    fail(services, problem, new ResponseWriter(res));
  });
  return server;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What was read of the request before its handler: set by the first hook. */
    head: Head;
  }
}

/** What all routes share in Fastify: headers first, bodies by our own reader, every error through our own door. */
function prepare(app: FastifyInstance, services: Services, routes: readonly Route[]): void {
  app.decorateRequest("head");
  app.decorateRequest("caller", null);
  app.decorateRequest("revision", 0);
  app.addHook("onRequest", (request, _reply, done) => {
    try {
      request.head = readHead(request.raw);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (request, _payload, done) => {
    // Whatever the body is, that nobody takes it at this address is what is told.
    if (request.is404) return done(null);
    const { bodyBytesMax, wantsBody } = request.routeOptions.config as RouteConfig;
    // Some clients announce JSON with every request, and send none where nothing is asked for.
    const isMissed = (length: number | null) => wantsBody || length !== 0;
    try {
      if (isMissed(request.head.contentLength)) requireJson(request.head.contentType);
    } catch (error) {
      return done(error as Error);
    }
    readBody(request.raw, request.head.contentLength, bodyBytesMax ?? limits.bodyBytesMax, (result) => {
      if (result instanceof Problem) return done(result);
      if (!isMissed(result.length)) return done(null);
      try {
        if (request.head.acceptSignature !== null) requireDigest(request.head.contentDigest, result);
        done(null, parseJson(result));
      } catch (error) {
        done(error as Error);
      }
    });
  });
  // Answers are written by our own writer; nothing is left for Fastify to serialise.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error, _request, reply) => refuse(services, error, reply));
  const matches = matcherOf(routes);
  app.setNotFoundHandler((request, reply) => refuse(services, noRoute(matches(pathOf(request))), reply));
}

interface RouteConfig {
  readonly bodyBytesMax?: number;
  /** Left out: it has no body, or may do without. */
  readonly wantsBody?: boolean;
}

function refuse(services: Services, error: unknown, reply: FastifyReply): void {
  reply.hijack();
  fail(services, error, new ResponseWriter(reply.raw));
}

function addRoute(app: FastifyInstance, services: Services, sessions: ConsoleSessions, route: Route): void {
  for (const [n, url] of pathsOf(route).entries()) {
    app.route({
      method: route.method,
      exposeHeadRoute: methodsOf(route).includes("HEAD"),
      url,
      schema: fastifySchemaOf(route, n === 0),
      config: {
        bodyBytesMax: route.bodyBytesMax,
        wantsBody: route.body !== null && !route.isBodyOptional,
      } satisfies RouteConfig,
      validatorCompiler: ({ schema, httpPart }) => validatorOf(route, schema as TSchema, httpPart),
      onRequest: async (request, reply) => {
        if (route.takesClientTokens) allowReading(request.head, originOf(services, request), reply.raw);
        request.caller = await callerIn(services, sessions, route, request);
        request.revision = services.store.catalog.revision;
      },
      // A body may take long to come: whoever was shut out meanwhile is refused as if it came now.
      preHandler: async (request) => {
        if (request.revision === services.store.catalog.revision) return;
        request.caller = await callerIn(services, sessions, route, request);
      },
      handler: (request, reply) => {
        reply.hijack();
        const asked = askedOf(request.raw, request.head.contentDigest);
        serve(services, route, callOf(services, request), request.head, new ResponseWriter(reply.raw), asked);
      },
    });
    if (route.takesClientTokens) addPreflight(app, services, url);
  }
}

function addPreflight(app: FastifyInstance, services: Services, url: string): void {
  app.options(url, { schema: { hide: true } }, (request, reply) => {
    const origin = originOf(services, request);
    // As on every other address: what nobody lists is told no more than what there is.
    if (origin === null) return refuse(services, noRoute(["POST"]), reply);
    reply.hijack();
    new ResponseWriter(reply.raw).write(preflightAnswer(origin));
  });
}

function originOf({ store }: Services, request: FastifyRequest): string | null {
  return listedOrigin(store.catalog, request.head, (request.params as { isv_id: string }).isv_id);
}

declare module "fastify" {
  interface FastifyRequest {
    caller: (Caller & Pick<KeyedCall, "signedIn" | "renewal">) | null;
    /** Of the catalogue, when the caller was looked up. */
    revision: number;
  }
}

/** By key; where there is none, by a client token or the console's cookie. The hot routes are not the console's. */
async function callerIn(
  { store, operatorKey, clientTokens }: Services,
  sessions: ConsoleSessions,
  route: Route,
  { head, params }: FastifyRequest,
): Promise<FastifyRequest["caller"]> {
  if (route.reach === "public") return null;
  if (route.reach === "operator") {
    requireOperator(operatorKey ?? null, head);
    return null;
  }
  const { isv_id: isvId } = params as { isv_id: string };
  const hasKey = head.provisioningKey !== null || head.adminKey !== null;
  const token = route.takesClientTokens && !hasKey ? bearerOf(head) : null;
  if (token !== null) return clientTokens.callerOf(token, isvId);
  const signedIn = hasKey || route.isHot || head.cookie === null ? null : sessions.of(head);
  if (signedIn === null) return callerOf(store.catalog, head, isvId, route.reach, roleOf(route));
  requireOwnPage(head, isChange(route));
  const caller = callerWith(store.catalog, signedIn, isvId, route.reach, roleOf(route));
  return { ...caller, signedIn, renewal: sessions.renewal(signedIn, head) };
}

function callOf({ pseudonyms, whereabouts }: Services, request: FastifyRequest): Call {
  const { body, params, query, head, caller, raw } = request;
  const call = { head, body, params, query, wantsProblem: head.wantsProblem };
  if (caller === null) return call;
  const isvId = caller.vendor.isv.id;
  const address = whereabouts.of(isvId, raw.socket.remoteAddress, head.forwardedFor);
  const keyed = { ...call, ...caller, isvId, address, names: pseudonyms.namesFor(caller) };
  return keyed as Call;
}

/** Our own check in the place of Fastify's Ajv: one validator, one way to tell what is wrong. */
function validatorOf(route: Route, schema: TSchema, httpPart: string | undefined) {
  const isBody = httpPart === "body";
  const check = checkOf(isBody ? (route.bodyChecked ?? schema) : schema, placeOf(httpPart), !isBody);
  return (input: unknown) => {
    if (isBody && route.isBodyOptional && input == null) return { value: undefined };
    try {
      return { value: check(input) };
    } catch (error) {
      return { error: error as Error };
    }
  };
}

function placeOf(httpPart: string | undefined): string {
  return httpPart === "querystring" ? "query" : httpPart === "params" ? "address" : "body";
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] as string;
}

/** The methods that an address takes, for those that it does not take. */
function matcherOf(routes: readonly Route[]): (path: string) => string[] {
  const patterns = routes.flatMap((route) =>
    pathsOf(route).map((path) => ({
      methods: methodsOf(route),
      pattern: new RegExp(
        `^${path
          .replaceAll(".", "\\.")
          .replace("*", ".*")
          .replace(/:[a-z_]+/g, "[^/]+")}$`,
      ),
    })),
  );
  return (path) => patterns.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
}

function noRoute(methods: readonly string[]): Problem {
  if (methods.length === 0) return new Problem("route_unknown", "Look at /docs for what there is.");
  const allowed = methods.join(", ");
  return new Problem("method_refused", `The address takes ${allowed}.`, ["Allow", allowed]);
}

async function stop(app: FastifyInstance, feed: Feed, lane: Lane | null, { stopMs }: limits.Patience): Promise<void> {
  const { server } = app;
  feed.stop();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  lane?.close();
  // A connection that becomes idle only now is not closed by `close` itself.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    lane?.closeAll();
    server.closeAllConnections();
  }, stopMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
  await app.close();
}
