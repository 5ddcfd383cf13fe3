/** The signed statement of a session: with every checkout, on request with every open, verified with the published keys. */
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Signer } from "../../src/http/signing.ts";
import {
  call,
  close,
  type Demo,
  feature,
  isv,
  keys,
  licenses,
  limitation,
  open,
  product,
  root,
  startDemo,
} from "./demo.ts";
import { activateMetered, addMetered, admin, metered } from "./metered.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "tab-1", user_id: "anna@factor.com" };
const start = Date.parse("2026-01-01T00:00:00Z") / 1_000;
const deviceKey = "x".repeat(43);

async function claimsOf(voucher: string) {
  const set = createLocalJWKSet((await root(demo, `/api/v2/isv/${isv}/jwks.json`)).body as JSONWebKeySet);
  const checks = { issuer: isv, typ: "seatkeeper-voucher+jwt", algorithms: ["EdDSA"] };
  return (await jwtVerify(voucher, set, { ...checks, currentDate: new Date(demo.clock.now()) })).payload;
}

describe("a voucher", () => {
  test.each([
    [5, "voucher: must be boolean or object"],
    [{ device_key: { kty: "OKP" } }, "voucher/device_key: must be string"],
    [{ nonce: 5 }, "voucher/nonce: must be string"],
  ])("that is asked for as %j is refused, and told what is wanted", async (voucher, detail) => {
    const { status, body } = await open(demo, { ...anna, voucher });
    expect([status, body.detail]).toEqual([400, detail]);
  });

  test("comes with every checkout, and says what was granted, for how long, to whom", async () => {
    const { body } = await open(demo, { ...anna, checkout_period: 1_440 });
    expect(decodeProtectedHeader(body.voucher)).toMatchObject({ alg: "EdDSA", typ: "seatkeeper-voucher+jwt" });
    expect(await claimsOf(body.voucher)).toEqual({
      iss: isv,
      sub: "anna@factor.com",
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: start,
      nbf: start,
      exp: start + 86_400,
      license_id: licenses.users,
      product_id: product,
      features: [{ id: feature, name: "cloud backup" }],
      limitations: [{ id: limitation, name: "cores", value: 3 }],
      client_id: "tab-1",
      user_id: "anna@factor.com",
      session_id: null,
      holder: "anna@factor.com",
    });
    expect(body.session_valid_until).toBe("2026-01-02T00:00:00.000Z");
  });

  test("says what the licence has otherwise than its edition: features that are on now, and its own values", async () => {
    await addMetered(demo);
    const license_features = [
      { feature_id: metered.feature, is_active: false },
      { feature_id: metered.trial, expiration_date_utc: "2026-01-01T01:00:00Z" },
    ];
    const body = {
      id: metered.license,
      license_features,
      license_limitations: [{ limitation_id: metered.cores, limit: 16 }],
    };
    expect((await admin(demo, "/licenses", { method: "PATCH", body })).status).toBe(200);
    await activateMetered(demo, "pc-1");
    const checkout = { license_id: metered.license, client_id: "pc-1", checkout_period: 10 };
    expect(await claimsOf((await open(demo, checkout)).body.voucher)).toMatchObject({
      features: [{ id: metered.trial, name: "Trial of AI" }],
      limitations: [
        { id: metered.docs, name: "Documents", value: 10 },
        { id: metered.cores, name: "Cores", value: 16 },
      ],
    });
    demo.clock.advance(3_600_000);
    expect((await claimsOf((await open(demo, checkout)).body.voucher)).features).toEqual([]);
  });

  test("comes with an ordinary open where it is asked for, with the nonce and for the device that are named", async () => {
    const asked = await open(demo, { ...anna, voucher: { nonce: "a-nonce_1", device_key: deviceKey } });
    const claims = await claimsOf(asked.body.voucher);
    expect(claims).toMatchObject({ nonce: "a-nonce_1", cnf: { jkt: deviceKey }, exp: start + 300 });
    demo.clock.advance(60_500);
    const extended = await claimsOf((await open(demo, { ...anna, voucher: { device_key: deviceKey } })).body.voucher);
    expect(extended).toMatchObject({ jti: claims.jti, nbf: start + 60, exp: start + 360, cnf: { jkt: deviceKey } });
    expect(extended).not.toHaveProperty("nonce");
  });

  test.each<[string, object]>([
    ["an ordinary open", {}],
    ["a checkout of no length", { checkout_period: 0 }],
    ["a checkout without", { checkout_period: 10, voucher: false }],
    ["an open that says no", { voucher: false }],
    ["null", { voucher: null }],
  ])("does not come with %s", async (_name, more) => {
    const { status, body } = await open(demo, { ...anna, ...more });
    expect([status, "voucher" in body]).toEqual([200, false]);
  });

  test("does not come with a denial, nor in a batch", async () => {
    const denied = await open(demo, { ...anna, license_id: licenses.expired, checkout_period: 10 });
    expect([denied.status, "voucher" in denied.body]).toEqual([409, false]);
    const items = [{ op: "open", ...anna, checkout_period: 10 }];
    const batch = await call(demo, "/provisioning/session/batch", { body: { items } });
    expect(batch.body.results[0].body).not.toHaveProperty("voucher");
  });

  test.each<[string, object]>([
    ["a nonce with white space", { nonce: "a b" }],
    ["a nonce too long", { nonce: "x".repeat(129) }],
    ["a device key that is no thumbprint", { device_key: "x" }],
  ])("with %s is refused before anything happens", async (_name, voucher) => {
    expect((await open(demo, { ...anna, voucher })).status).toBe(400);
    expect(await demo.store.history(isv, licenses.users, 10)).toEqual([]);
  });

  test("stands within the answer's other signatures", async () => {
    const { headers, text } = await open(demo, { ...anna, checkout_period: 10 }, { key: keys.rsa });
    expect(headers.get("x-slascone-signature")).toMatch(/^[A-Za-z0-9+/]{342}==$/);
    expect(JSON.parse(text).voucher).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test("beyond the bounded queue is refused with its open: 503, and nothing happened", async () => {
    const busy = await startDemo({ signer: new Signer(0) });
    const { status, body } = await open(busy, { ...anna, checkout_period: 10 });
    expect([status, body.code]).toEqual([503, "signing_busy"]);
    expect(await busy.store.history(isv, licenses.users, 10)).toEqual([]);
    await busy.stop();
  });

  test("gives its place back, also where the open was denied", async () => {
    const narrow = await startDemo({ signer: new Signer(1) });
    for (const license_id of [licenses.users, licenses.expired, licenses.users]) {
      expect((await open(narrow, { ...anna, license_id, voucher: true })).status).not.toBe(503);
    }
    await narrow.stop();
  });

  test("made before a rotation is verified after it, and not once its key is withdrawn", async () => {
    const { voucher } = (await open(demo, { ...anna, checkout_period: 10 })).body;
    await call(demo, "/administration/statement-keys/rotate", { method: "POST", adminKey: keys.admin });
    expect((await claimsOf(voucher)).sub).toBe(anna.user_id);
    await call(demo, "/administration/statement-keys/rotate", { adminKey: keys.admin, body: { withdraw: true } });
    await expect(claimsOf(voucher)).rejects.toThrow("no applicable key");
  });

  test("for no device outlives a check-in, which only the server knows of: the threat model says so", async () => {
    const { voucher } = (await open(demo, { ...anna, checkout_period: 10 })).body;
    expect((await close(demo, anna)).status).toBe(200);
    expect((await claimsOf(voucher)).exp).toBe(start + 600);
  });
});
