/** The console's cookie: what it is good for, how long, and from where. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Key } from "../../src/catalog/entities.ts";
import { type Asked, call, type Demo, isv, keys, licenses, open, otherIsv, product, root, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const own = { "X-Requested-With": "console" };
const signIn = (admin_key: string = keys.admin, headers: Record<string, string> = {}) =>
  root(demo, "/console/session", { body: { admin_key }, headers: { ...own, ...headers } });
const cookieOf = (answer: { headers: Headers }) => answer.headers.get("set-cookie")?.split(";")[0] as string;
const withCookie = (cookie: string, path: string, { headers, ...asked }: Asked = {}) =>
  call(demo, path, { key: null, ...asked, headers: { cookie, ...own, ...headers } });
const minutes = (n: number) => demo.clock.advance(n * 60_000);

describe("signing in", () => {
  test("with an admin key answers with a cookie that scripts and other sites cannot have", async () => {
    const answer = await signIn();
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        isv_id: isv,
        isv_name: "Demo Vendor",
        key_id: expect.any(String),
        key_name: keys.admin,
        role: "owner",
        valid_until: "2026-01-01T01:00:00.000Z",
      },
    ]);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^seatkeeper-console=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600$/,
    );
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("set-cookie")).not.toContain(keys.admin);
  });

  test("behind a proxy that does TLS answers with a cookie for TLS alone", async () => {
    const tls = { "X-Forwarded-Proto": "https" };
    const answer = await signIn(keys.admin, tls);
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-seatkeeper-console=.*; Secure; Max-Age=3600$/);
    expect((await withCookie(cookieOf(answer), "/products", { headers: tls })).status).toBe(200);
    expect((await withCookie(cookieOf(answer), "/products")).status).toBe(401);
  });

  test.each([keys.plain, keys.app, keys.inactive, "nobody"])("with %s is refused", async (secret) => {
    const { status, headers } = await signIn(secret);
    expect([status, headers.get("set-cookie")]).toEqual([401, null]);
  });

  test("is told by GET, and undone by DELETE", async () => {
    const cookie = cookieOf(await signIn());
    const who = await root(demo, "/console/session", { headers: { cookie } });
    expect(who.body.key_name).toBe(keys.admin);
    expect((await root(demo, "/console/session")).body.code).toBe("signed_out");
    const out = await root(demo, "/console/session", { method: "DELETE", headers: { cookie, ...own } });
    expect([out.status, out.headers.get("set-cookie")]).toEqual([
      204,
      "seatkeeper-console=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
    ]);
  });
});

describe("a cookie", () => {
  test("does what its key may do, and its changes are the key's", async () => {
    const cookie = cookieOf(await signIn());
    const change = { method: "PATCH", body: { id: licenses.users, floating_token_limit: 9 } };
    expect((await withCookie(cookie, "/licenses", change)).status).toBe(200);
    expect((await withCookie(cookie, "/audit")).body.items[0].key_name).toBe(keys.admin);
    expect((await withCookie(cookie, "/products", { isvId: otherIsv })).status).toBe(403);
    const body = { name: "viewer", role: "admin", admin_role: "viewer" };
    const viewer = cookieOf(await signIn((await withCookie(cookie, "/keys", { body })).body.secret));
    expect((await withCookie(viewer, "/products")).status).toBe(200);
    expect((await withCookie(viewer, "/licenses", change)).status).toBe(403);
  });

  test("is none for the calls of applications", async () => {
    const cookie = cookieOf(await signIn());
    const anna = { license_id: licenses.users, client_id: "anna" };
    expect((await open(demo, anna, { key: null, headers: { cookie, ...own } })).status).toBe(401);
  });

  test("that somebody changed is worth nothing", async () => {
    const cookie = cookieOf(await signIn());
    const parts = cookie.split(".");
    for (const n of parts.keys()) {
      const forged = parts.map((part, place) =>
        place === n ? `${part.slice(0, -1)}${part.endsWith("0") ? 1 : 0}` : part,
      );
      expect((await withCookie(forged.join("."), "/products")).status, `part ${n}`).toBe(401);
    }
    expect((await withCookie("seatkeeper-console=", "/products")).status).toBe(401);
  });

  test("ends after an hour without use, is carried on by use, and ends for good after twelve", async () => {
    let cookie = cookieOf(await signIn());
    minutes(10);
    expect((await withCookie(cookie, "/products")).headers.get("set-cookie")).toBeNull();
    for (let n = 0; n < 17; n++) {
      minutes(40);
      const answer = await withCookie(cookie, "/products");
      expect(answer.status).toBe(200);
      cookie = answer.headers.get("set-cookie") === null ? cookie : cookieOf(answer);
    }
    minutes(29);
    expect((await withCookie(cookie, "/products")).status).toBe(200);
    minutes(1);
    expect((await withCookie(cookie, "/products")).status).toBe(401);
    const idle = cookieOf(await signIn());
    minutes(60);
    expect((await withCookie(idle, "/products")).status).toBe(401);
  });

  test("dies with its key, and with the key's secret, at once", async () => {
    const owner = cookieOf(await signIn());
    const made = (await withCookie(owner, "/keys", { body: { name: "next", role: "admin" } })).body;
    const cookie = cookieOf(await signIn(made.secret));
    const patch = (is_active: boolean) =>
      withCookie(owner, `/keys/${made.id}`, { method: "PATCH", body: { is_active } });
    await patch(false);
    expect((await withCookie(cookie, "/products")).status).toBe(401);
    await patch(true);
    expect((await withCookie(cookie, "/products")).status).toBe(200);
    const key = demo.store.catalog.vendor(isv)?.keys.get(made.id) as Key;
    const body = { ...key, secret_sha256: "a".repeat(64) };
    await demo.store.saveCatalog([{ isvId: isv, kind: "key", id: key.id, body, applied: null }]);
    expect((await withCookie(cookie, "/products")).status).toBe(401);
  });
});

describe("a page of another site", () => {
  const change = { method: "PATCH", body: { id: licenses.users, floating_token_limit: 9 } };

  test.each([
    ["without the header that only our pages can set", { "X-Requested-With": "" }],
    ["as its Origin says", { Origin: "https://evil.example" }],
    ["as an opaque Origin", { Origin: "null" }],
    ["as the browser says", { "Sec-Fetch-Site": "cross-site" }],
    ["of the same site but another host", { "Sec-Fetch-Site": "same-site" }],
  ])("changes nothing with a cookie: %s", async (_name, headers) => {
    const cookie = cookieOf(await signIn());
    const { status, body } = await withCookie(cookie, "/licenses", { ...change, headers });
    expect([status, body.code]).toEqual([403, "page_foreign"]);
  });

  test("activates no client with a cookie, nor does a link that an administrator opens: that GET is a change", async () => {
    const cookie = cookieOf(await signIn());
    const query = new URLSearchParams({ product_id: product, license_key: licenses.named, client_id: "pc-link" });
    const opened = (headers: Record<string, string>) =>
      call(demo, `/provisioning/activations/offline?${query}`, { key: null, headers: { cookie, ...headers } });
    for (const headers of [{}, { "Sec-Fetch-Site": "none" }, { ...own, "Sec-Fetch-Site": "cross-site" }]) {
      const { status, body } = await opened(headers);
      expect([status, body?.code]).toEqual([403, "page_foreign"]);
    }
    expect((await withCookie(cookie, `/licenses/${licenses.named}/assignments`)).body).toEqual([]);
    expect((await opened(own)).status).toBe(200);
  });

  test("cannot sign anybody in, nor read", async () => {
    const foreign = { "Sec-Fetch-Site": "cross-site" };
    expect((await signIn(keys.admin, foreign)).status).toBe(403);
    const cookie = cookieOf(await signIn());
    expect((await withCookie(cookie, "/products", { headers: foreign })).status).toBe(403);
  });

  test("is not what our own page is", async () => {
    const cookie = cookieOf(await signIn());
    const headers = { Origin: demo.url, "Sec-Fetch-Site": "same-origin" };
    expect((await withCookie(cookie, "/licenses", { ...change, headers })).status).toBe(200);
  });

  test("does not matter to keys, which no browser sends by itself", async () => {
    const headers = { Origin: "https://shop.example", "Sec-Fetch-Site": "cross-site" };
    expect((await call(demo, "/products", { adminKey: keys.admin, headers })).status).toBe(200);
  });
});

test.each(["/products", "/analytics/denials?format=csv", "/events"])(
  "%s tells browsers to load, frame and keep nothing",
  async (path) => {
    const gone = new AbortController();
    const { headers } = await fetch(`${demo.url}/api/v2/isv/${isv}${path}`, {
      headers: { AdminKey: keys.admin },
      signal: gone.signal,
    });
    gone.abort();
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  },
);
