import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  activate,
  call,
  type Demo,
  type DemoOptions,
  heartbeatType,
  id,
  isv,
  keys,
  legacyProduct,
  licenses,
  open,
  product,
  startDemo,
} from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const heartbeat = (clientId: string, more: object = {}, asked = {}) =>
  call(demo, "/provisioning/heartbeats", {
    ...asked,
    body: { product_id: product, client_id: clientId, software_version: "1.0", operating_system: "Linux", ...more },
  });
const unassign = (tokenKey: string) => call(demo, "/provisioning/unassign", { body: { token_key: tokenKey } });
const validate = (key: string, asked = {}) =>
  call(demo, "/provisioning/validate", { ...asked, body: { license_key: key } });

describe("POST provisioning/activations", () => {
  const told = (more: object) =>
    call(demo, "/provisioning/activations", {
      body: { product_id: product, license_key: licenses.devices, client_id: "pc-1", ...more },
    });

  test.each([
    ["timestamp_utc", 5],
    ["timestamp_utc", "garbage"],
    ["timestamp_utc", "2026-01-01T00:00:00"],
    ["tags", "a"],
    ["tags", [5]],
  ])("refuses %s: %j", async (member, value) => {
    const { status, body } = await told({ [member]: value });
    expect([status, body.code]).toEqual([400, "input_invalid"]);
    expect(body.detail).toMatch(new RegExp(`^${member}`));
  });

  test("takes the time and tags that SLASCONE's clients send", async () => {
    expect((await told({ timestamp_utc: "2026-01-01T00:00:00+01:00", tags: ["a"] })).status).toBe(200);
    expect((await told({ client_id: "pc-2", timestamp_utc: null, tags: null })).status).toBe(200);
  });

  test("answers with the licence, and what the C++ sample reads without a look is there", async () => {
    const { status, body } = await activate(demo, licenses.devices, "pc-1");
    expect(status).toBe(200);
    for (const member of [
      "token_key",
      "license_key",
      "product_name",
      "template_name",
      "expiration_date_utc",
      "session_period",
      "heartbeat_period",
      "freeride",
    ]) {
      expect(body[member], member).not.toBeNull();
      expect(body[member], member).toBeDefined();
    }
    expect(body).toMatchObject({
      customer: { company_name: "Factor GmbH", customer_number: "87012" },
      client_id: "pc-1",
      provisioning_mode: 1,
      client_type: 0,
      is_license_valid: true,
      expiration_date_utc: "9999-12-31T23:59:59Z",
      features: [{ name: "cloud backup", is_active: true }],
      limitations: [{ name: "cores", value: 3, consumption_reset_mode: 0 }],
      constrained_variables: [],
      variables: [],
      license_users: [],
      created_date_utc: "2026-01-01T00:00:00.000Z",
    });
  });

  test("leaves out what the strict client of V25.2.0 rejects", async () => {
    const { body } = await activate(demo, licenses.devices, "pc-1");
    expect(body).not.toHaveProperty("client_name");
    expect(body.limitations[0]).not.toHaveProperty("balance");
  });

  test.each([
    ["an unknown product", { product_id: id(0xfff) }, 3000],
    ["an unknown key", { license_key: "nothing" }, 1000],
    ["a licence of another product", { license_key: licenses.legacy }, 1000],
    ["a licence of another vendor", { license_key: licenses.other }, 1000],
    ["a legacy key where the product does not put those first", { license_key: "factor.com" }, 1000],
    ["an expired licence", { license_key: licenses.expired }, 1001],
    ["an inactive licence", { license_key: licenses.inactive }, 1002],
  ])("%s is denied", async (_name, more, error) => {
    const body = { product_id: product, license_key: licenses.devices, client_id: "pc", ...more };
    const answer = await call(demo, "/provisioning/activations", { body });
    expect([answer.status, answer.body]).toEqual([409, { id: error, message: expect.any(String) }]);
  });

  test("a legacy key is a key where the product puts those first", async () => {
    const body = { product_id: legacyProduct, license_key: " Legacy.Example ", client_id: "pc" };
    expect((await call(demo, "/provisioning/activations", { body })).body.license_key).toBe(licenses.legacy);
  });

  test("the same client again is denied with 2001, the client after the last named token with 2000", async () => {
    await activate(demo, licenses.named, "a");
    expect((await activate(demo, licenses.named, "a")).body.id).toBe(2001);
    await activate(demo, licenses.named, "b");
    expect((await activate(demo, licenses.named, "c")).body.id).toBe(2000);
  });
});

describe("POST provisioning/heartbeats", () => {
  test("of a client that was never activated is denied with 2006", async () => {
    expect((await heartbeat("pc-1")).body.id).toBe(2006);
  });

  test("answers with the client's own licence", async () => {
    const { token_key } = (await activate(demo, licenses.devices, "pc-1")).body;
    const { body } = await heartbeat("pc-1", { token_key, heartbeat_type_id: heartbeatType });
    expect(body).toMatchObject({ license_key: licenses.devices, token_key, client_id: "pc-1" });
  });

  test("prefers a temporary licence while it runs, and only then the one beside it", async () => {
    await activate(demo, licenses.guest, "pc-1");
    await activate(demo, licenses.devices, "pc-1");
    expect((await heartbeat("pc-1")).body.license_key).toBe(licenses.guest);
    demo.clock.advance(3_600_000);
    expect((await heartbeat("pc-1")).body.license_key).toBe(licenses.devices);
  });

  test("finds the same of two licences that a client was activated on at one instant, in whichever order a store names them", async () => {
    const wrap: DemoOptions["wrap"] = ({ store }) => ({
      store: {
        ...store,
        assignmentsOfClient: async (...told) => (await store.assignmentsOfClient(...told)).toReversed(),
      },
    });
    const other = await startDemo({ wrap });
    const found: string[] = [];
    for (const each of [demo, other]) {
      for (const licenseId of [licenses.devices, licenses.overuse]) await activate(each, licenseId, "pc-1");
      const body = { product_id: product, client_id: "pc-1", software_version: "1.0", operating_system: "Linux" };
      found.push((await call(each, "/provisioning/heartbeats", { body })).body.license_key);
    }
    await other.stop();
    expect(found).toEqual([licenses.devices, licenses.devices]);
  });

  test("an expired licence does not fail it", async () => {
    await activate(demo, licenses.devices, "pc-1");
    const change = { id: licenses.devices, expiration_date_utc: "2026-01-01T01:00:00Z" };
    await call(demo, "/licenses", { method: "PATCH", body: change, adminKey: keys.admin });
    demo.clock.advance(3_600_000);
    expect((await heartbeat("pc-1")).body).toMatchObject({ is_license_expired: true, is_license_valid: false });
  });

  test("of another client's token, an unknown token, product or type is denied", async () => {
    const { token_key } = (await activate(demo, licenses.devices, "pc-1")).body;
    await activate(demo, licenses.devices, "pc-2");
    expect((await heartbeat("pc-2", { token_key })).body.id).toBe(5000);
    expect((await heartbeat("pc-1", { token_key: id(1) })).body.id).toBe(2003);
    expect((await heartbeat("pc-1", { product_id: id(1) })).body.id).toBe(3000);
    expect((await heartbeat("pc-1", { heartbeat_type_id: id(1) })).body.id).toBe(5001);
  });
});

describe("the end of a temporary licence", () => {
  const assignments = () => call(demo, `/licenses/${licenses.guest}/assignments`, { adminKey: keys.admin });
  let tokenKey: string;
  beforeEach(async () => {
    tokenKey = (await activate(demo, licenses.guest, "pc-1")).body.token_key;
    demo.clock.advance(3_600_000 - 1);
    expect((await assignments()).body).toMatchObject([{ client_id: "pc-1", activated: true }]);
    demo.clock.advance(1);
  });

  test("leaves its client without a token: it is to be activated, which is denied there and granted elsewhere", async () => {
    expect((await heartbeat("pc-1")).body.id).toBe(2006);
    expect((await heartbeat("pc-1", { token_key: tokenKey })).body.id).toBe(2002);
    expect((await activate(demo, licenses.guest, "pc-1")).body.id).toBe(1001);
    expect((await activate(demo, licenses.devices, "pc-1")).status).toBe(200);
  });

  test("is seen by whoever looks, before anything was decided or swept", async () => {
    const asked = { product_id: product, customer_number: "87012", client_id: "pc-1" };
    expect((await assignments()).body).toMatchObject([{ client_id: "pc-1", activated: false }]);
    const file = await call(demo, `/licenses/${licenses.guest}/xml?token_key=${tokenKey}`);
    expect(file.body).toMatchObject({ status: 404 });
    const found = await call(demo, "/lookup/licenses", { body: asked });
    expect(found.body).not.toContain(licenses.guest);
    expect(await demo.store.history(isv, licenses.guest, 10)).toHaveLength(1);
  });
});

describe("POST provisioning/unassign", () => {
  test("answers with a JSON string; again it is denied with 2004, an unknown token with 2003", async () => {
    const { token_key } = (await activate(demo, licenses.named, "pc-1")).body;
    expect((await unassign(token_key.toUpperCase())).body).toBe("Token unassigned.");
    expect((await unassign(token_key)).body.id).toBe(2004);
    expect((await unassign(id(1))).body.id).toBe(2003);
    expect((await heartbeat("pc-1")).body.id).toBe(2006);
    expect((await heartbeat("pc-1", { token_key })).body.id).toBe(2002);
  });
});

describe("POST provisioning/validate", () => {
  test("answers by licence id, token key and legacy key, and shows nobody's token", async () => {
    const { token_key } = (await activate(demo, licenses.devices, "pc-1")).body;
    for (const key of [licenses.devices, licenses.devices.toUpperCase(), token_key]) {
      expect((await validate(key)).body).toMatchObject({
        license_key: licenses.devices,
        token_key: null,
        client_id: null,
      });
    }
    expect((await validate("legacy.example")).body.license_key).toBe(licenses.legacy);
    expect((await validate("factor.com")).body.id).toBe(1000);
  });

  test("shows a key that ships inside software no other person's name", async () => {
    await open(demo, { license_id: licenses.users, client_id: "anna@factor.com" });
    const { text, status } = await validate(licenses.users, { key: keys.app });
    expect(status).toBe(200);
    expect(text).not.toContain("anna");
  });
});
