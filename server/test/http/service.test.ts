import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { denials } from "../../src/core/denials.ts";
import { type Desk, Overloaded } from "../../src/desk/desk.ts";
import { StoreFault } from "../../src/stores/store.ts";
import { activate, type Demo, type DemoOptions, keys, licenses, open, root, startDemo } from "./demo.ts";

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };

const base = "/api/v2/isv/{isv_id}";

/** What the document says of a call. */
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

describe("the service", () => {
  let demo: Demo;
  beforeAll(async () => {
    demo = await startDemo();
  });
  afterAll(() => demo.stop());

  test("healthz and readyz answer without a key", async () => {
    expect((await root(demo, "/healthz")).body).toEqual({ status: "ok" });
    expect((await root(demo, "/readyz")).body).toEqual({ status: "ready" });
    expect((await root(demo, "/healthz", { method: "HEAD" })).status).toBe(200);
  });

  test("Node's limits are set on purpose, and Fastify leaves them alone", () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxHeadersCount } = demo.app.server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxHeadersCount }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      keepAliveTimeout: 65_000,
      // A timer a socket and request is dear, and every wait has one of its own: headers, bodies, idling, long answers.
      timeout: 0,
      maxHeadersCount: 100,
    });
  });

  test("the API document is OpenAPI 3.1 and holds every route, with summary, reach and example", async () => {
    const { body } = await root(demo, "/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    expect(new Set(Object.keys(body.components.securitySchemes))).toEqual(
      new Set(["ProvisioningKey", "AdminKey", "OperatorKey", "ClientToken"]),
    );
    const operations = Object.values(body.paths).flatMap((path) => Object.values(path as object));
    expect(operations.length).toBeGreaterThan(20);
    for (const operation of operations) expect(operation.summary, operation.operationId).toBeTruthy();
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    const session = body.paths["/api/v2/isv/{isv_id}/provisioning/session/open"].post;
    expect(session.requestBody.content["application/json"].schema.required).toEqual(["license_id", "client_id"]);
    expect(session.security).toEqual([{ ProvisioningKey: [] }, { AdminKey: [] }, { ClientToken: [] }]);
    expect(body.paths).not.toHaveProperty("/sandbox/clock");
  });

  test("the API document names every place in a path, every kind of answer, and no body where there is none", async () => {
    const { body } = await root(demo, "/openapi.json");
    // Patterns that are regular expressions of JavaScript alone end other languages' tools.
    expect(JSON.stringify(body)).not.toContain("[^]");
    expect(JSON.stringify(body)).toContain("#/components/schemas/ProblemDetails");
    for (const [path, methods] of Object.entries<Record<string, Operation>>(body.paths)) {
      const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const [method, { parameters = [], responses }] of Object.entries(methods)) {
        const named = parameters.filter((each) => each.in === "path").map(({ name }) => name);
        expect(named.sort(), `${method} ${path}`).toEqual(places.sort());
        expect(responses, `${method} ${path}`).toHaveProperty("default");
        for (const status of ["204", "302"]) expect(responses[status]?.content).toBeUndefined();
        for (const [status, { description, content = {} }] of Object.entries(responses)) {
          if (Number(status) < 400) continue;
          const types = [...(status === "409" ? ["application/json"] : []), "application/problem+json"];
          expect(types, `${method} ${path} ${status}`).toEqual(expect.arrayContaining(Object.keys(content)));
          expect(description, `${method} ${path} ${status}`).not.toBe("Done.");
        }
        const hasFormat = parameters.some(({ name }) => name === "format");
        expect("text/csv" in (responses["200"]?.content ?? {}), `${method} ${path}`).toBe(hasFormat);
      }
    }
    const { put, delete: remove } = {
      ...body.paths[`${base}/products`],
      ...body.paths[`${base}/products/{product_id}`],
    };
    for (const { parameters, responses } of [put, remove] as Operation[]) {
      expect(parameters?.map(({ name }) => name)).toContain("If-Match");
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(["404", "409", "412"]));
    }
  });

  test("the API document has every kind of licence that an activation may tell of", async () => {
    const { body } = await root(demo, "/openapi.json");
    const { responses } = body.paths[`${base}/provisioning/activations`].post;
    const { client_type } = responses["200"].content["application/json"].schema.properties;
    for (const licenseId of [licenses.devices, licenses.users, licenses.projects]) {
      expect(client_type.enum).toContain((await activate(demo, licenseId, "pc-1")).body.client_type);
    }
  });

  test("the page of the document asks no other host", async () => {
    const { status, text, headers } = await root(demo, "/docs");
    expect(status).toBe(200);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(text).toContain('"withDefaultFonts": false');
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    expect((await root(demo, "/docs/scalar.js")).text.length).toBeGreaterThan(1_000_000);
  });
});

describe("the sandbox", () => {
  test("has a clock that the tester holds", async () => {
    const demo = await startDemo({ isSandbox: true });
    expect((await root(demo, "/sandbox/clock")).body).toEqual({ now: "2026-01-01T00:00:00.000Z" });
    await open(demo, anna);
    const answer = await root(demo, "/sandbox/clock", { body: { advance_seconds: 300 } });
    expect(answer.body).toEqual({ now: "2026-01-01T00:05:00.000Z" });
    expect((await open(demo, anna)).body.session_created_date).toBe("2026-01-01T00:05:00.000Z");
    for (const advance_seconds of [-1, "5", 1e300, null]) {
      expect((await root(demo, "/sandbox/clock", { body: { advance_seconds } })).status).toBe(400);
    }
    await demo.stop();
  });
});

describe("faults", () => {
  let demo: Demo | undefined;
  afterEach(() => demo?.stop());
  const start = async (wrap: DemoOptions["wrap"]) => (demo = await startDemo(wrap && { wrap }));
  const failing =
    (error: Error): DemoOptions["wrap"] =>
    ({ desk }) => ({
      desk: Object.assign(Object.create(desk), {
        submit: (_commands: unknown, reply: (outcomes: Error[]) => void) => reply([error]),
      }),
    });

  test("a store that does not answer: readyz is 503 as problem details", async () => {
    const demo = await start(({ store }) => ({
      store: Object.assign(Object.create(store), { ping: () => Promise.reject(new StoreFault("disk gone")) }),
    }));
    const { status, body, headers } = await root(demo, "/readyz");
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "store_unavailable", "5"]);
    expect((await root(demo, "/healthz")).status).toBe(200);
  });

  test("a store fault is 503, so that clients try again, and is logged under the answer's request id", async () => {
    const demo = await start(failing(new StoreFault("disk full")));
    const { status, body, headers, text } = await open(demo, anna);
    expect([status, body.code]).toEqual([503, "store_unavailable"]);
    expect(text).not.toContain("disk full");
    expect(demo.logged.join("")).toContain(headers.get("x-request-id"));
    expect(demo.logged.join("")).toContain("disk full");
  });

  test("a store fault that leaves the outcome open is 503 too, and does not say that nothing happened", async () => {
    const demo = await start(failing(new StoreFault("cut off", { isUnknown: true })));
    const { status, body, headers, text } = await open(demo, anna);
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "outcome_unknown", "5"]);
    expect(text).not.toContain("Nothing of the request happened");
  });

  test("a bug is 500, told without its text", async () => {
    const demo = await start(failing(new TypeError("secret detail")));
    const { status, body, text } = await open(demo, anna, { key: keys.rsa });
    expect([status, body.code]).toEqual([500, "fault"]);
    expect(text).not.toContain("secret detail");
  });

  test("a full desk is 503 with Retry-After at once", async () => {
    const demo = await start(({ desk }) => ({
      desk: Object.assign(Object.create(desk), {
        submit: () => {
          throw new Overloaded();
        },
      }),
    }));
    const { status, body, headers } = await open(demo, anna);
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "overloaded", "1"]);
  });
});

test("a server that stops answers what is in flight, and then takes nothing", async () => {
  let submitted = () => {};
  const isSubmitted = new Promise<void>((resolve) => {
    submitted = resolve;
  });
  const demo = await startDemo({
    wrap: ({ desk }) => ({
      desk: Object.assign(Object.create(desk), {
        submit: (...job: Parameters<Desk["submit"]>) => {
          submitted();
          desk.submit(...job);
        },
      }),
    }),
  });
  const answer = open(demo, anna);
  await isSubmitted;
  await demo.stop();
  expect((await answer).status).toBe(200);
  await expect(open(demo, anna)).rejects.toThrow();
});

test("every denial has its own number and a slug of its own", () => {
  const ids = Object.values(denials).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
