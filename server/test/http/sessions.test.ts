import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { activate, call, close, type Demo, isv, keys, licenses, open, root, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const count = (licenseId: string, asked = {}) =>
  call(demo, `/provisioning/licenses/${licenseId}/tokens/floating/active/count`, asked);

describe("POST provisioning/session/open", () => {
  test("answers with exactly the members of SLASCONE's session status", async () => {
    const { status, body, headers } = await open(demo, anna);
    expect(status).toBe(200);
    expect(body).toEqual({
      is_session_valid: true,
      session_valid_until: "2026-01-01T00:05:00.000Z",
      session_created_date: "2026-01-01T00:00:00.000Z",
      session_modified_date: "2026-01-01T00:00:00.000Z",
      max_open_session_count: 1,
      max_active_client_count: 1,
    });
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.has("content-encoding")).toBe(false);
  });

  test("the same call again extends the session", async () => {
    await open(demo, anna);
    demo.clock.advance(60_000);
    const { body } = await open(demo, anna);
    expect(body).toMatchObject({
      session_created_date: "2026-01-01T00:00:00.000Z",
      session_modified_date: "2026-01-01T00:01:00.000Z",
      session_valid_until: "2026-01-01T00:06:00.000Z",
    });
  });

  test("null and absent are the same, and unknown members are ignored", async () => {
    const body = { ...anna, session_id: null, user_id: null, checkout_period: null, more: { a: 1 } };
    expect((await open(demo, body)).status).toBe(200);
    expect((await close(demo, anna)).status).toBe(200);
  });

  test("ids are folded to lower case", async () => {
    const session = "ABCDEF00-0000-0000-0000-00000000000A";
    await open(demo, { ...anna, session_id: session });
    expect((await close(demo, { ...anna, session_id: session.toLowerCase() })).status).toBe(200);
  });

  test("a checkout lasts its minutes, and fractions of them", async () => {
    const { body } = await open(demo, { ...anna, checkout_period: 0.5 });
    expect(body.session_valid_until).toBe("2026-01-01T00:00:30.000Z");
  });

  test.each([
    [{ ...anna, checkout_period: -1 }, 12003],
    [{ ...anna, checkout_period: 43_201 }, 14002],
    [{ ...anna, checkout_period: 1e308 }, 14002],
    [{ ...anna, license_id: licenses.named }, 12000],
    [{ ...anna, license_id: licenses.devices }, 2006],
    [{ ...anna, license_id: licenses.expired }, 1001],
    [{ ...anna, license_id: licenses.inactive }, 1002],
    [{ ...anna, license_id: licenses.other }, 1000],
  ])("%j is denied with %i and no other member than id and message", async (body, id) => {
    const answer = await open(demo, body);
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual({ id, message: expect.any(String) });
    expect(answer.headers.get("vary")).toBe("Accept");
    expect(answer.headers.get("content-type")).toBe("application/json");
  });

  test("the holder after the last token is denied with 1007, and problem details say when one is free", async () => {
    await open(demo, anna);
    demo.clock.advance(1_000);
    await open(demo, { ...anna, client_id: "ben@factor.com" });
    const carl = { ...anna, client_id: "carl@factor.com" };
    expect((await open(demo, carl)).body.id).toBe(1007);
    const told = await open(demo, carl, { headers: { Accept: "application/problem+json, application/json;q=0.5" } });
    expect(told.headers.get("content-type")).toBe("application/problem+json");
    expect(told.headers.get("vary")).toBe("Accept");
    expect(told.body).toEqual({
      type: "urn:seatkeeper:problem:tokens_exhausted",
      title: "Every floating token is in use.",
      status: 409,
      detail: expect.any(String),
      code: "tokens_exhausted",
      id: 1007,
      limit: 2,
      in_use: 2,
      next_free_at: "2026-01-01T00:05:00.000Z",
    });
  });

  test("200 clients at once for 2 tokens: 2 are granted, 198 denied with 1007 and on record", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => open(demo, { ...anna, client_id: `u${n}@factor.com` })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ body }) => body.id === 1007)).toHaveLength(198);
    const log = await call(demo, `/denials?license_id=${licenses.users}&page_size=1`, { adminKey: keys.admin });
    expect(log.body.total).toBe(198);
  });

  test("is served under the short address too", async () => {
    const path = `/isv/${isv}/provisioning/session/`;
    const headers = { ProvisioningKey: keys.plain };
    expect((await root(demo, `${path}open`, { headers, body: anna })).status).toBe(200);
    expect((await root(demo, `${path}close`, { headers, body: anna })).status).toBe(200);
  });
});

describe("POST provisioning/session/close", () => {
  test("answers with a JSON string", async () => {
    await open(demo, anna);
    const { status, body } = await close(demo, anna);
    expect([status, body]).toEqual([200, "Session closed."]);
  });

  test("of a session that is not live is denied with 12001", async () => {
    expect((await close(demo, anna)).body.id).toBe(12001);
    await open(demo, anna);
    demo.clock.advance(300_000);
    expect((await close(demo, anna)).body.id).toBe(12001);
  });
});

describe("GET provisioning/licenses/{id}/tokens/floating/active/count", () => {
  test("is a plain integer, exact at the instant of expiry", async () => {
    await open(demo, anna);
    await open(demo, { ...anna, client_id: "ben@factor.com" });
    expect((await count(licenses.users)).text).toBe("2");
    demo.clock.advance(299_999);
    expect((await count(licenses.users)).text).toBe("2");
    demo.clock.advance(1);
    expect((await count(licenses.users)).text).toBe("0");
  });

  test("of an unknown licence, of another vendor's too, is 404", async () => {
    expect((await count(isv)).body.code).toBe("license_unknown");
    expect((await count(licenses.other)).status).toBe(404);
    expect((await count("x")).status).toBe(400);
  });

  test("is not for keys of applications", async () => {
    expect((await count(licenses.users, { key: keys.app })).status).toBe(403);
  });
});

describe("POST provisioning/session/batch", () => {
  const batch = (items: unknown[], asked = {}) =>
    call(demo, "/provisioning/session/batch", { ...asked, body: { items } });

  test("answers each item as the single call would, in order", async () => {
    const { status, body } = await batch([
      { op: "open", ...anna },
      { op: "close", ...anna, client_id: "ben@factor.com" },
      { op: "open", ...anna, license_id: "x" },
      { op: "sit", ...anna },
      null,
      { op: "close", ...anna },
    ]);
    expect(status).toBe(200);
    const { results } = body;
    expect(results.map((item: { status: number }) => item.status)).toEqual([200, 409, 400, 400, 400, 200]);
    expect(results[0].body.is_session_valid).toBe(true);
    expect(results[1].body).toEqual({ id: 12001, message: expect.any(String) });
    expect(results[2].body).toMatchObject({
      code: "input_invalid",
      detail: expect.stringContaining("license_id: must be a UUID"),
    });
    expect(results[3].body.detail).toBe("op: must be one of open, close");
    expect(results[5].body).toBe("Session closed.");
  });

  test("items beyond a key's bounds are 403, the others go on", async () => {
    await activate(demo, licenses.devices, "pc");
    const items = [
      { op: "open", ...anna },
      { op: "open", license_id: licenses.devices, client_id: "pc" },
    ];
    const { body } = await batch(items, { key: keys.boundToLicense });
    expect(body.results.map((item: { status: number }) => item.status)).toEqual([403, 200]);
  });

  test("takes 1,000 items and no more", async () => {
    const items = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ op: "open", ...anna, client_id: `u${i}@factor.com` }));
    const { body } = await batch(items(1_000));
    const granted = body.results.filter((item: { status: number }) => item.status === 200);
    expect(granted).toHaveLength(2);
    expect((await batch(items(1_001))).status).toBe(400);
  });
});
