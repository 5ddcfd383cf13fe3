/** What a browser holds in the place of an API key: good for one holder, for some minutes, in the vendor's own pages. */
import { generateKeyPairSync, sign } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Key } from "../../src/catalog/entities.ts";
import { bearerOf } from "../../src/http/client-tokens.ts";
import type { Head } from "../../src/http/head.ts";
import { Signer } from "../../src/http/signing.ts";
import {
  type Answered,
  activate,
  call,
  type Demo,
  id,
  isv,
  keys,
  licenses,
  otherCustomer,
  otherIsv,
  pageOrigin,
  startDemo,
} from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const anna = "anna@factor.com";
const path = { open: "/provisioning/session/open", close: "/provisioning/session/close" } as const;

const mint = (body: object = {}, asked: Parameters<typeof call>[2] = {}) =>
  call(demo, "/provisioning/client-tokens", { body: { license_id: licenses.users, user_id: anna, ...body }, ...asked });
const minted = async (body: object = {}): Promise<string> => (await mint(body)).body.token;

function send(token: string | null, what: keyof typeof path, body: object = {}, headers: Record<string, string> = {}) {
  return call(demo, path[what], {
    key: null,
    headers: { ...(token !== null && { Authorization: `Bearer ${token}` }), ...headers },
    body: { license_id: licenses.users, client_id: anna, ...body },
  });
}

const codeOf = ({ status, body }: Answered) => `${status} ${body.code ?? body.id ?? ""}`.trim();

describe("minting", () => {
  test("answers with a token and its end, ten minutes unless said otherwise", async () => {
    const { status, body } = await mint();
    expect(status).toBe(200);
    expect(body).toEqual({ token: expect.any(String), token_type: "Bearer", expires_at: "2026-01-01T00:10:00.000Z" });
    const [head, payload] = body.token.split(".").map((part: string) => Buffer.from(part, "base64url").toString());
    expect(JSON.parse(head)).toEqual({ alg: "EdDSA", typ: "seatkeeper-client+jwt", kid: expect.any(String) });
    expect(JSON.parse(payload)).toMatchObject({ iss: isv, sub: anna, license_id: licenses.users, client_id: anna });
    expect((await mint({ lifetime_seconds: 60 })).body.expires_at).toBe("2026-01-01T00:01:00.000Z");
  });

  test.each([
    ["an application's key", {}, { key: keys.app }, "403 key_insufficient"],
    ["a key bound to another licence", {}, { key: keys.boundToLicense }, "403 key_insufficient"],
    ["another vendor's licence", { license_id: licenses.other }, {}, "409 1000"],
    ["a life that is too long", { lifetime_seconds: 3_601 }, {}, "400 input_invalid"],
    ["a member that nobody knows", { scope: "all" }, {}, "400 input_invalid"],
  ])("is refused with %s", async (_name, body, asked, expected) => {
    expect(codeOf(await mint(body, asked))).toBe(expected);
  });

  test("waits in the bounded queue of signatures, and is refused beyond it", async () => {
    const busy = await startDemo({ signer: new Signer(0) });
    const body = { license_id: licenses.users, user_id: anna };
    expect(codeOf(await call(busy, "/provisioning/client-tokens", { body }))).toBe("503 signing_busy");
    await busy.stop();
  });
});

describe("a token", () => {
  test("opens, extends and closes for its holder", async () => {
    const token = await minted();
    const opened = await send(token, "open");
    expect([opened.status, opened.body.max_active_client_count]).toEqual([200, 1]);
    expect((await send(token, "open", { user_id: anna })).body.session_created_date).toBe(
      opened.body.session_created_date,
    );
    expect((await send(token, "close")).status).toBe(200);
    expect(codeOf(await send(token, "close"))).toBe("409 12001");
  });

  test("counts its user, also where the page names a client alone", async () => {
    const tokens = [await minted({ client_id: "tab-1" }), await minted({ client_id: "tab-2" })];
    for (const [n, token] of tokens.entries()) {
      expect((await send(token, "open", { client_id: `tab-${n + 1}` })).body.max_active_client_count).toBe(1);
    }
    const listed = await call(demo, `/licenses/${licenses.users}/opensessions`, { adminKey: keys.admin });
    expect(listed.body.map((line: { user_id: string }) => line.user_id)).toEqual([anna, anna]);
  });

  test.each<[string, object, RegExp]>([
    ["another user", { user_id: "ben@factor.com" }, /another user_id/],
    ["another client", { client_id: "ben@factor.com" }, /another client_id/],
    ["another licence", { license_id: licenses.overuse }, /licence/],
    ["a checkout", { checkout_period: 1_440 }, /checks nothing out/],
    ["a voucher for no device", { voucher: true }, /no voucher/],
    ["a voucher that nobody but its device can give up", { voucher: { device_key: "d".repeat(43) } }, /no voucher/],
    ["a project", { project_id: id(0x999) }, /another project_id/],
  ])("does nothing for %s, and says why", async (_name, body, why) => {
    const token = await minted();
    const answer = await send(token, "open", body);
    expect(codeOf(answer)).toBe("403 key_insufficient");
    expect(answer.body.detail).toMatch(why);
    expect(await demo.store.history(isv, licenses.users, 10)).toEqual([]);
  });

  test("closes nobody else's session", async () => {
    const ben = { license_id: licenses.users, client_id: "ben@factor.com" };
    await call(demo, path.open, { body: ben });
    expect(codeOf(await send(await minted(), "close", ben))).toBe("403 key_insufficient");
  });

  test("closes no session of another user at the same client, and no place in the queue, whose id it knows", async () => {
    const [kiosk, bens] = ["kiosk-1", id(0x77)];
    const ben = { client_id: kiosk, session_id: bens, user_id: "ben@factor.com" };
    await call(demo, path.open, { body: { license_id: licenses.users, ...ben } });
    const token = await minted({ client_id: kiosk });
    const close = () => send(token, "close", { client_id: kiosk, session_id: bens });
    expect(codeOf(await close())).toBe("409 14003");
    expect(codeOf(await call(demo, path.close, { body: { license_id: licenses.users, ...ben } }))).toBe("200");
    // Nor his place, where he waits for a token under this id.
    for (const client_id of ["dora", "emil"])
      await call(demo, path.open, { body: { license_id: licenses.users, client_id } });
    const waiting = { license_id: licenses.users, ...ben, wait_seconds: 30 };
    expect(codeOf(await call(demo, path.open, { body: waiting }))).toBe("409 1007");
    const queue = async () => (await call(demo, `/licenses/${licenses.users}/queue`, { adminKey: keys.admin })).body;
    expect(codeOf(await close())).toBe("409 12001");
    expect(await queue()).toHaveLength(1);
    const bensToken = await minted({ client_id: kiosk, user_id: "ben@factor.com" });
    await send(bensToken, "close", { client_id: kiosk, session_id: bens });
    expect(await queue()).toEqual([]);
  });

  test("closes no session of its client on another project", async () => {
    const license_id = licenses.projects;
    const create = (name: string) =>
      call(demo, "/projects", { body: { license_id, name } }).then(({ body }) => body.id);
    const [mine, other] = [await create("mine"), await create("other")];
    for (const project of [mine, other]) await call(demo, `/projects/${project}/open`, { body: { kind: "mono" } });
    const session = { license_id, client_id: anna, session_id: id(0x78) };
    await call(demo, path.open, { body: { ...session, project_id: other } });
    for (const project_id of [mine, null]) {
      const token = await minted({ license_id, ...(project_id !== null && { project_id }) });
      expect(codeOf(await send(token, "close", session))).toBe("409 13007");
    }
    const token = await minted({ license_id, project_id: other });
    expect((await send(token, "close", session)).status).toBe(200);
  });

  test("closes a device's session, whichever of its users has opened it", async () => {
    const session = { license_id: licenses.devices, client_id: "kiosk-1" };
    await activate(demo, licenses.devices, "kiosk-1");
    await call(demo, path.open, { body: { ...session, user_id: "ben@factor.com" } });
    const token = await minted(session);
    expect((await send(token, "close", session)).status).toBe(200);
  });

  test("reaches its project, and no other", async () => {
    const create = (name: string) =>
      call(demo, "/projects", { body: { license_id: licenses.projects, name } }).then(({ body }) => body.id);
    const [mine, other] = [await create("mine"), await create("other")];
    await call(demo, `/projects/${mine}/open`, { body: { kind: "mono" } });
    const token = await minted({ license_id: licenses.projects, project_id: mine });
    const license_id = licenses.projects;
    expect(codeOf(await send(token, "open", { license_id, project_id: other }))).toBe("403 key_insufficient");
    expect((await send(token, "open", { license_id })).status).toBe(200);
    expect((await send(token, "close", { license_id })).status).toBe(200);
  });

  test("is worth nothing on any other call", async () => {
    const headers = { Authorization: `Bearer ${await minted()}` };
    const session = { license_id: licenses.users, client_id: anna };
    for (const [other, body] of [
      ["/provisioning/session/batch", { items: [] }],
      ["/provisioning/validate", { license_key: licenses.users }],
      ["/provisioning/client-tokens", { license_id: licenses.users, user_id: anna }],
      [`/licenses/${licenses.users}`, undefined],
    ] as const) {
      expect(codeOf(await call(demo, other, { key: null, headers, body })), other).toBe("401 key_missing");
    }
    // Beside a key it counts for nothing: proxies may add one.
    const keyed = await call(demo, path.open, { headers: { Authorization: "Bearer x" }, body: session });
    expect(keyed.status).toBe(200);
  });

  test("ends by itself", async () => {
    const token = await minted({ lifetime_seconds: 60 });
    demo.clock.advance(59_999);
    expect((await send(token, "open")).status).toBe(200);
    demo.clock.advance(1);
    const over = await send(token, "open");
    expect(codeOf(over)).toBe("401 token_invalid");
    expect(over.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
  });

  test("ends with the key that it was minted with, and with the signing key", async () => {
    const token = await minted();
    expect((await send(token, "open")).status).toBe(200);
    const rotated = await call(demo, "/administration/statement-keys/rotate", {
      method: "POST",
      adminKey: keys.admin,
    });
    expect(rotated.status).toBe(200);
    expect((await send(token, "open")).status).toBe(200);
    const vendor = demo.store.catalog.vendor(isv);
    const key = [...(vendor?.keys.values() ?? [])].find(({ name }) => name === keys.plain);
    if (key === undefined) throw new Error("the demo has no such key");
    const save = (isActive: boolean) =>
      demo.store.saveCatalog([
        { isvId: isv, kind: "key", id: key.id, body: { ...key, is_active: isActive }, applied: null },
      ]);
    await save(false);
    expect(codeOf(await send(token, "open"))).toBe("401 token_invalid");
    await save(true);
    expect((await send(token, "open")).status).toBe(200);
    await call(demo, "/administration/statement-keys/rotate", { adminKey: keys.admin, body: { withdraw: true } });
    expect(codeOf(await send(token, "open"))).toBe("401 token_invalid");
  });

  test.each<[string, string, Partial<Key>]>([
    ["is for applications now", keys.plain, { scope: "app" }],
    ["is bound to another licence now", keys.plain, { license_id: licenses.devices }],
    ["is bound to another customer now", keys.plain, { customer_id: otherCustomer }],
    ["is an operator's now", keys.admin, { admin_role: "operator" }],
  ])("ends where the key that it was minted with %s, and could not mint it", async (_name, secret, narrowed) => {
    const { body } = await mint({}, secret === keys.admin ? { adminKey: secret } : {});
    expect((await send(body.token, "open")).status).toBe(200);
    const key = [...(demo.store.catalog.vendor(isv)?.keys.values() ?? [])].find(({ name }) => name === secret) as Key;
    const save = (changed: Key) =>
      demo.store.saveCatalog([{ isvId: isv, kind: "key", id: key.id, body: changed, applied: null }]);
    await save({ ...key, ...narrowed });
    expect(codeOf(await send(body.token, "open"))).toBe("401 token_invalid");
    await save({ ...key, license_id: secret === keys.admin ? null : licenses.users });
    expect((await send(body.token, "open")).status).toBe(200);
  });

  test.each<[string, (token: string) => string]>([
    [
      "a changed payload",
      (token) => token.replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"ben"}').toString("base64url")}.`),
    ],
    ["a changed signature", (token) => `${token.slice(0, -3)}${token.endsWith("AAA") ? "BBB" : "AAA"}`],
    ["no signature", (token) => token.replace(/[^.]+$/, "")],
    ["the algorithm none", () => `${encoded({ alg: "none" })}.${encoded({ sub: anna })}.`],
    ["a key of its maker's own", forged],
    ["nonsense", () => "x"],
    ["too many characters", (token) => token + "x".repeat(6_144)],
  ])("with %s is none", async (_name, make) => {
    const answer = await send(make(await minted()), "open");
    expect(codeOf(answer)).toBe("401 token_invalid");
  });

  test("of one vendor is none at another's address", async () => {
    const token = await minted();
    expect((await send(token, "open")).status).toBe(200);
    const answer = await call(demo, path.open, {
      isvId: otherIsv,
      key: null,
      headers: { Authorization: `Bearer ${token}` },
      body: { license_id: licenses.users, client_id: anna },
    });
    expect(codeOf(answer)).toBe("401 token_invalid");
  });

  test("any number of pages may come at once", async () => {
    const token = await minted();
    const answers = await Promise.all(Array.from({ length: 200 }, () => send(token, "open")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

/** Everything right but the key. */
function forged(token: string): string {
  const [head = "", payload = ""] = token.split(".");
  const { privateKey } = generateKeyPairSync("ed25519");
  return `${head}.${payload}.${sign(null, Buffer.from(`${head}.${payload}`), privateKey).toString("base64url")}`;
}

test("what stands in Authorization and is no token is passed over", () => {
  const read = (authorization: string | null) => bearerOf({ authorization } as Head);
  expect([null, "", "Basic YTpi", "Bearer", "Bearer a b", "Bearer <x>"].map(read)).toEqual(Array(6).fill(null));
  expect(read("bearer a.b-c_d.e")).toBe("a.b-c_d.e");
});

describe("across origins", () => {
  let shared: Demo;
  beforeAll(async () => {
    shared = await startDemo();
  });
  afterAll(() => shared.stop());

  const preflight = (address: string, origin = pageOrigin, isvId: string = isv) =>
    call(shared, address, {
      method: "OPTIONS",
      key: null,
      isvId,
      headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
    });

  test("a listed origin's page may call the two routes, and nothing else", async () => {
    for (const address of Object.values(path)) {
      const { status, headers } = await preflight(address);
      expect(status).toBe(204);
      expect(headers.get("access-control-allow-origin")).toBe(pageOrigin);
      expect(headers.get("access-control-allow-methods")).toBe("POST");
      expect(headers.get("access-control-allow-headers")).not.toContain("key");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("vary")).toBe("Origin");
    }
    for (const address of ["/provisioning/client-tokens", "/provisioning/session/batch", "/denials"]) {
      const { status, headers } = await preflight(address);
      expect([status, headers.get("access-control-allow-origin")], address).toEqual([405, null]);
    }
  });

  test("no other origin's, and none of a vendor that lists none", async () => {
    for (const [origin, isvId] of [
      ["https://app.example.com.evil.test", isv],
      ["http://app.example.com", isv],
      ["null", isv],
      [pageOrigin, otherIsv],
      [pageOrigin, "nobody"],
    ] as const) {
      const { status, headers } = await preflight(path.open, origin, isvId);
      expect([status, headers.get("access-control-allow-origin")]).toEqual([405, null]);
    }
  });

  test("the page may read grants, denials and refusals; not what came with an API key", async () => {
    const token = (
      await call(shared, "/provisioning/client-tokens", { body: { license_id: licenses.users, user_id: anna } })
    ).body.token;
    const ask = (headers: Record<string, string>, key: string | null, body: object = {}) =>
      call(shared, path.open, {
        key,
        headers: { Origin: pageOrigin, ...headers },
        body: { license_id: licenses.users, client_id: anna, ...body },
      });
    const bearer = { Authorization: `Bearer ${token}` };
    for (const [answer, status] of [
      [await ask(bearer, null), 200],
      [await ask({ ...bearer, Accept: "application/problem+json" }, null, { session_id: id(1) }), 200],
      [await ask(bearer, null, { client_id: "ben" }), 403],
      [await ask(bearer, null, { client_id: 5 }), 400],
      [await ask({ Authorization: "Bearer x" }, null), 401],
    ] as const) {
      expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([status, pageOrigin]);
      expect(answer.headers.get("access-control-expose-headers")).toContain("retry-after");
    }
    for (const origin of ["https://elsewhere.test", pageOrigin]) {
      const withKey = await ask({ Origin: origin }, keys.plain);
      expect([withKey.status, withKey.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    }
  });
});
