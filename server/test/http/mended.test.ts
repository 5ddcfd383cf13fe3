/** What hostile clients once found, each held here so that it does not come back. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { admits, fold } from "../../src/core/names.ts";
import { type Patience, patience } from "../../src/http/limits.ts";
import { nonceToSign, Signer } from "../../src/http/signing.ts";
import { call, type Demo, id, isv, keys, licenses, product, startDemo } from "./demo.ts";
import { host, jsonLine, key, lengthLine, raw, rawOpen, statusOf } from "./raw.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

test("a key bound to one licence does not move a client off another one", async () => {
  const activate = (license: string, by: string) =>
    call(demo, "/provisioning/activations", {
      key: by,
      body: { product_id: product, license_key: license, client_id: "pc-1" },
    });
  expect((await activate(licenses.named, keys.plain)).status).toBe(200);
  expect((await activate(licenses.devices, keys.boundToLicense)).status).toBe(403);
  expect((await activate(licenses.devices, keys.plain)).status).toBe(200);
});

describe("a heartbeat that is refused", () => {
  const heartbeat = (more: object, by: string = keys.plain) =>
    call(demo, "/data_gathering/usage_heartbeats_by_name", {
      key: by,
      body: {
        product_id: product,
        client_id: "nobody",
        create_usage_feature_if_not_exists: true,
        usage_heartbeat: [{ usage_feature_name: "Injected", value: 1 }],
        ...more,
      },
    });
  const features = async () => (await call(demo, `/products/${product}/usage_features`, { adminKey: keys.admin })).body;

  test("gives the product no feature", async () => {
    expect((await heartbeat({})).body.id).toBe(2006);
    expect((await heartbeat({ token_key: id(0xdead) })).status).toBe(409);
    expect(await features()).toEqual([]);
  });

  test("and one that is taken tells which key added a feature", async () => {
    await call(demo, "/provisioning/activations", {
      body: { product_id: product, license_key: licenses.devices, client_id: "pc-1" },
    });
    expect((await heartbeat({ client_id: "pc-1" })).status).toBe(200);
    expect(await features()).toHaveLength(1);
    const [line] = (await call(demo, "/audit?page_size=1", { adminKey: keys.admin })).body.items;
    expect(line).toMatchObject({ key_id: expect.any(String) });
  });
});

test.each([
  ["PUT", "/administration/deleteinactivesessions"],
  ["POST", `/licenses/${licenses.users}/opensessions/close`],
])("%s %s without a body is taken, whatever the client announces with every request", async (method, path) => {
  for (const announced of ["application/json", "application/x-www-form-urlencoded"]) {
    const headers = { AdminKey: keys.admin, "Content-Type": announced };
    const address = `http://127.0.0.1:${demo.port}/api/v2/isv/${isv}${path}`;
    expect((await fetch(address, { method, headers })).ok).toBe(true);
  }
});

test("what a PUT of an assignment does not name stays: a suspension is lifted by null alone", async () => {
  await call(demo, "/provisioning/activations", {
    body: { product_id: product, license_key: licenses.devices, client_id: "pc-1" },
  });
  const path = `/licenses/${licenses.devices}/assignments`;
  const [{ id: assignment }] = (await call(demo, path, { adminKey: keys.admin })).body;
  const put = async (more: object) =>
    (await call(demo, path, { method: "PUT", adminKey: keys.admin, body: { id: assignment, ...more } })).body;
  const until = "2027-01-01T00:00:00.000Z";
  expect(await put({ suspended_until_utc: until })).toMatchObject({ suspended_until_utc: until });
  expect(await put({})).toMatchObject({ id: assignment, suspended_until_utc: until });
  expect(await put({ suspended_until_utc: null })).toMatchObject({ suspended_until_utc: null });
  expect(await put({ id: id(0xdead) })).toMatchObject({ id: 2006 });
});

test("a key bound to one licence learns of no other customer's number, and of no other product's name", async () => {
  const find = (path: string, body: object, by: string) => call(demo, path, { key: by, body });
  const number = "87013";
  expect((await find("/lookup/customer", { customer_number: number }, keys.plain)).status).toBe(200);
  expect((await find("/lookup/customer", { customer_number: number }, keys.boundToLicense)).status).toBe(204);
  const asked = { product_id: product, customer_number: number };
  const beyond = await find("/provisioning/licenses/by_customer", asked, keys.boundToLicense);
  const unknown = await find(
    "/provisioning/licenses/by_customer",
    { ...asked, customer_number: "none" },
    keys.boundToLicense,
  );
  expect([beyond.status, beyond.body]).toEqual([unknown.status, unknown.body]);
});

test("a page number that is no whole one is refused, and not cut", async () => {
  const list = (query: string) => call(demo, `/denials?${query}`, { adminKey: keys.admin });
  expect((await list("page=1.5")).body).toMatchObject({
    code: "input_invalid",
    detail: expect.stringContaining("page"),
  });
  expect((await list("page=1&page_size=2")).status).toBe(200);
});

test("a denial of a licence that nobody has tells of it in lower case, by which it is found", async () => {
  const unknown = id(0xabcdef).toUpperCase();
  const body = { product_id: product, license_key: unknown, client_id: "pc-1" };
  expect((await call(demo, "/provisioning/activations", { body })).body.id).toBe(1000);
  const { items } = (await call(demo, "/denials?reason=license_unknown", { adminKey: keys.admin })).body;
  expect(items[0].license_id).toBe(unknown.toLowerCase());
});

test("garbage behind an open in the pipeline does not take the place of its answer", async () => {
  const body = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
  const lines = [host, key, "Content-Type: application/json", `Content-Length: ${body.length}`];
  const answer = await raw(demo.port, Buffer.concat([rawOpen(lines, body), Buffer.from("GARBAGE\r\n\r\n")]));
  const { body: open } = await call(demo, `/licenses/${licenses.users}/opensessions`, {
    key: null,
    adminKey: keys.admin,
  });
  // The open was decided: it is answered as what it came to, or not at all, and never with the garbage's 400.
  expect(open).toHaveLength(1);
  expect([200, Number.NaN]).toContain(statusOf(answer));
});

describe("while a request is decided", () => {
  const body = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
  const open = (...lines: string[]) => rawOpen([host, key, jsonLine, lengthLine(body), ...lines], body);
  let decide: () => void;
  let submitted: Promise<void>;

  async function startSlow(settings: Partial<Patience> = {}): Promise<Demo> {
    const gate = Promise.withResolvers<void>();
    const arrival = Promise.withResolvers<void>();
    decide = gate.resolve;
    submitted = arrival.promise;
    return startDemo({
      patience: { ...patience, ...settings },
      wrap({ store, desk }) {
        const submit = desk.submit.bind(desk);
        desk.submit = (...job) => {
          arrival.resolve();
          void gate.promise.then(() => submit(...job));
        };
        return { store, desk };
      },
    });
  }

  test("the next one's being late is not told in the place of its answer", async () => {
    const patient = { headersTimeoutMs: 200, requestTimeoutMs: 200, connectionsCheckingIntervalMs: 20 };
    const slow = await startSlow(patient);
    const late = new Promise<void>((resolve) => slow.app.server.once("clientError", () => resolve()));
    const answer = raw(slow.port, Buffer.concat([open(), open().subarray(0, 60)]));
    await submitted;
    await late;
    decide();
    expect(statusOf(await answer)).toBe(200);
    await slow.stop();
  });

  test("garbage in any number of pieces is noticed once", async () => {
    const slow = await startSlow();
    let answering: ServerResponse | undefined;
    slow.app.server.prependListener("request", (_request, response) => {
      answering = response;
    });
    const socket = connect({ port: slow.port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    socket.resume().write(open("Connection: close, keep-alive"));
    await submitted;
    for (let n = 0; n < 50; n++) {
      const heard = new Promise<void>((resolve) => slow.app.server.once("clientError", () => resolve()));
      socket.write("\0garbage\r\n");
      await heard;
    }
    expect(answering?.listenerCount("finish")).toBeLessThan(5);
    decide();
    await once(socket, "close");
    await slow.stop();
  });
});

test("a Host that is none is refused", async () => {
  const body = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
  const lines = ["Host: a b/@", key, "Content-Type: application/json", `Content-Length: ${body.length}`];
  expect(statusOf(await raw(demo.port, rawOpen(lines, body)))).toBe(400);
});

test("a batch of a hundred thousand zeros is refused without telling what is wrong with each", async () => {
  const items = Array.from({ length: 100_000 }, () => 0);
  const { status, body } = await call(demo, "/provisioning/session/batch", { body: { items } });
  expect(status).toBe(400);
  expect(body.detail).toContain("more than 1000");
});

test.each(["2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "9999-12-31T23:59:59-23:59"])(
  "%s is no instant to ask for",
  async (from) => {
    const { status } = await call(demo, `/denials?from=${encodeURIComponent(from)}`, {
      key: null,
      adminKey: keys.admin,
    });
    expect(status).toBe(400);
  },
);

test("a chart up to the end of all years is refused: what follows it has no year of four digits", async () => {
  const asked = "/analytics/usage?from=9999-12-01T00:00:00Z&to=9999-12-31T23:59:59Z&bucket=month";
  const { status, body } = await call(demo, asked, { key: null, adminKey: keys.admin });
  expect([status, body.detail]).toEqual([400, "to: want an instant before the year 9999"]);
});

test("names are folded as Unicode has it: ß, ẞ and ss are one, ı and i are two", () => {
  expect(fold("STRAẞE")).toBe(fold("straße"));
  expect(fold("straße")).toBe(fold("Strasse"));
  expect(fold("sıla")).not.toBe(fold("sila"));
  expect(fold(fold("STRAẞE"))).toBe(fold("STRAẞE"));
  expect(admits({ allowedUserDomains: ["mail.de", "strasse.de"] }, "eve@maıl.de")).toBe(false);
  expect(admits({ allowedUserDomains: ["mail.de", "strasse.de"] }, "eve@straße.de")).toBe(false);
});

test("no nonce is signed that reads as JSON in UTF-16", () => {
  const text = Buffer.from('\ufeff{"i":1}', "utf16le");
  expect(text).toHaveLength(16);
  expect(nonceToSign(text.toString("base64"))).toBeNull();
});

test("one vendor's flood of signed requests leaves half of the places to the others", async () => {
  const pem = (await import("node:crypto")).generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const signer = new Signer(10);
  for (const isv of [id(1), id(2)]) signer.add(isv, pem.export({ type: "pkcs8", format: "pem" }) as string);
  expect(Array.from({ length: 8 }, () => signer.enter(id(1))).filter((taken) => taken)).toHaveLength(5);
  expect(signer.enter(id(2))).toBe(true);
  signer.leave(id(1));
  expect(signer.enter(id(1))).toBe(true);
});

test("the API's script is sent compressed, from one copy for all", async () => {
  const response = await fetch(`${demo.url}/docs/scalar.js`);
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(Number(response.headers.get("content-length"))).toBeLessThan(2_000_000);
  await response.arrayBuffer();
});
