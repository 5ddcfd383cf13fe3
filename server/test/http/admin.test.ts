import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Asked,
  activate,
  call,
  close,
  type Demo,
  id,
  keys,
  licenses,
  open,
  otherIsv,
  product,
  startDemo,
} from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const admin = (path: string, asked: Asked = {}) => call(demo, path, { adminKey: keys.admin, ...asked });
const sessions = (licenseId: string) => admin(`/licenses/${licenseId}/opensessions`);

describe("look-ups", () => {
  const lookUp = (kind: string, body: object, asked: Asked = {}) =>
    call(demo, `/provisioning/licenses/by_${kind}`, { ...asked, body });

  test("by_license finds licences by id or legacy key; nothing found is 2007", async () => {
    const found = await lookUp("license", { product_id: product, license_key: "Factor.com" });
    expect(found.body.map((license: { id: string }) => license.id)).toEqual([licenses.users]);
    expect((await lookUp("license", { license_key: licenses.users })).body).toHaveLength(1);
    expect((await lookUp("license", { license_key: "nobody.com" })).body.id).toBe(2007);
    expect((await lookUp("license", { product_id: id(1), license_key: "factor.com" })).body.id).toBe(3000);
  });

  test("by_customer finds the customer's licences, the usable ones alone if asked", async () => {
    const all = await lookUp("customer", { product_id: product, customer_number: "87013" });
    expect(all.body).toHaveLength(3);
    const active = await lookUp("customer", {
      product_id: product,
      customer_number: "87013",
      active_licenses_only: true,
    });
    expect(active.body.map((license: { id: string }) => license.id)).toEqual([licenses.overuse]);
    expect((await lookUp("customer", { product_id: product, customer_number: "0" })).body.id).toBe(4000);
  });

  test("by_user finds the licences of a user, and no other user of them", async () => {
    await open(demo, anna);
    await open(demo, { ...anna, client_id: "ben@factor.com" });
    const { body } = await lookUp("user", { product_id: product, user_id: "ANNA@factor.com" });
    expect(body).toHaveLength(1);
    expect(body[0].license_users).toEqual([
      {
        user_id: "anna@factor.com",
        name: "anna@factor.com",
        license_id: licenses.users,
        is_active: true,
        created_date_utc: "2026-01-01T00:00:00.000Z",
        modified_date_utc: "2026-01-01T00:00:00.000Z",
      },
    ]);
    expect((await lookUp("user", { product_id: product, user_id: "carl" })).body).toEqual([]);
  });

  test("by_user tells the same of a user of two clients, in whichever order a store names them", async () => {
    const other = await startDemo({
      wrap: ({ store }) => ({
        store: {
          ...store,
          assignmentsOfUser: async (...told) => (await store.assignmentsOfUser(...told)).toReversed(),
        },
      }),
    });
    const assignments = `/licenses/${licenses.users}/assignments`;
    const told: unknown[] = [];
    for (const each of [demo, other]) {
      for (const [client_id, user_id] of [
        ["pc-1", "Anna"],
        ["pc-2", "anna"],
      ]) {
        await open(each, { license_id: licenses.users, client_id, user_id });
        each.clock.advance(1_000);
      }
      const body = { product_id: product, user_id: "ANNA" };
      const ask = async () => {
        const [found] = (await call(each, "/provisioning/licenses/by_user", { body })).body;
        const whole = (await call(each, `/licenses/${licenses.users}`)).body;
        told.push([found.license_users[0].user_id, whole.license_users[0].user_id]);
      };
      await ask();
      for (const { id: assignment } of (await call(each, assignments, { adminKey: keys.admin })).body) {
        await call(each, `${assignments}/${assignment}`, { adminKey: keys.admin, method: "DELETE" });
      }
      await ask();
    }
    await other.stop();
    expect(told).toEqual(Array(4).fill(["anna", "anna"]));
  });

  test("leave out what is beyond the key's bounds", async () => {
    const body = { product_id: product, customer_number: "87012" };
    expect((await lookUp("customer", body, { key: keys.boundToLicense })).body).toHaveLength(1);
    expect((await lookUp("license", { license_key: "order-1" }, { key: keys.boundToCustomer })).body).toHaveLength(1);
    expect((await lookUp("customer", { ...body, product_id: id(0x101) }, { key: keys.boundToProduct })).status).toBe(
      403,
    );
  });

  test("GET licenses/{id} answers with one; unknown is 404, no UUID is 400", async () => {
    expect((await call(demo, `/licenses/${licenses.users}`)).body).toMatchObject({
      id: licenses.users,
      is_valid: true,
    });
    expect((await call(demo, `/licenses/${licenses.other}`)).status).toBe(404);
    expect((await call(demo, "/licenses/x")).status).toBe(400);
    expect((await call(demo, `/licenses/${licenses.users}`, { key: keys.app })).status).toBe(403);
  });
});

describe("open sessions", () => {
  test("are listed with their own id, without those that are over", async () => {
    await open(demo, { ...anna, session_id: id(0x77) });
    demo.clock.advance(120_000);
    await open(demo, { ...anna, client_id: "ben@factor.com" });
    const { body } = await sessions(licenses.users);
    expect(body).toHaveLength(2);
    expect(body[0]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      session_id: id(0x77),
      license_id: licenses.users,
      assignment_id: expect.any(String),
      duration: 2,
      session_valid_until: "2026-01-01T00:05:00.000Z",
    });
    // SLASCONE's strict clients refuse a member that they do not know.
    expect(Object.keys(body[0]).toSorted()).toEqual([
      "assignment",
      "assignment_id",
      "created_date_utc",
      "duration",
      "id",
      "license_id",
      "max_active_client_count",
      "max_open_session_count",
      "modified_date_utc",
      "session_id",
      "session_valid_until",
      "user_id",
    ]);
    demo.clock.advance(180_000);
    expect((await sessions(licenses.users)).body).toHaveLength(1);
  });

  test("show a client and its user as first written, whatever they write later; devices as they write themselves", async () => {
    const desk = { license_id: licenses.users, client_id: "Desk", user_id: "a@factor.com", session_id: id(0x71) };
    await open(demo, desk);
    expect((await close(demo, desk)).status).toBe(200);
    await open(demo, { ...desk, client_id: " DESK", user_id: "  A@Factor.com ", session_id: id(0x72) });
    const [shown] = (await admin(`/licenses/${licenses.users}/sessions`)).body.items;
    expect([shown.client_id, shown.user_id, shown.session_id]).toEqual(["Desk", "a@factor.com", id(0x72)]);
    expect((await sessions(licenses.users)).body).toMatchObject([{ user_id: "a@factor.com" }]);
    const { items } = (await admin(`/licenses/${licenses.users}/events`)).body;
    expect(items[0]).toMatchObject({ kind: "session.opened", client_id: "Desk", user_id: "a@factor.com" });

    await open(demo, { ...desk, user_id: "ben@factor.com" });
    expect((await sessions(licenses.users)).body.map((one: { user_id: string }) => one.user_id)).toContain(
      "ben@factor.com",
    );
    const device = { license_id: licenses.devices, client_id: "d1", user_id: "Anna" };
    await activate(demo, licenses.devices, "d1");
    await open(demo, device);
    await close(demo, device);
    await open(demo, { ...device, user_id: "ANNA" });
    expect((await sessions(licenses.devices)).body).toMatchObject([{ user_id: "ANNA" }]);
  });

  test("one is ended by its id: its token is free, and it is denied 14004 until its old end", async () => {
    await open(demo, anna);
    const [session] = (await sessions(licenses.users)).body;
    const path = `/licenses/${licenses.users}/opensessions/${session.id}`;
    const ended = await admin(path, { method: "DELETE" });
    expect([ended.status, ended.text]).toEqual([204, ""]);
    expect((await sessions(licenses.users)).body).toEqual([]);
    expect((await open(demo, anna)).body.id).toBe(14004);
    expect((await admin(path, { method: "DELETE" })).body.id).toBe(12001);
  });

  test("all are ended at once, with and without the body of SLASCONE's clients", async () => {
    await open(demo, anna);
    const path = `/licenses/${licenses.users}/opensessions/close`;
    expect((await admin(path, { body: { license_id: licenses.users } })).status).toBe(204);
    expect((await admin(path, { method: "POST" })).status).toBe(204);
    expect((await admin(path, { body: { license_id: licenses.devices } })).status).toBe(400);
    expect((await sessions(licenses.users)).body).toEqual([]);
  });

  test("of another vendor's licence cannot be seen or ended", async () => {
    const path = `/licenses/${licenses.other}/opensessions`;
    expect((await admin(path)).status).toBe(404);
    expect((await admin(`${path}/close`, { method: "POST" })).body.id).toBe(1000);
    expect((await admin(path, { isvId: otherIsv })).status).toBe(403);
  });

  test("the job that writes off what is over answers with a JSON string", async () => {
    await open(demo, anna);
    demo.clock.advance(300_000);
    const { status, body } = await admin("/administration/deleteinactivesessions", { method: "PUT" });
    expect([status, body]).toEqual([200, "Licences brought up to date: 1."]);
    expect(await demo.store.dueLicenses(demo.clock.now(), 10, null)).toEqual([]);
  });
});

describe("assignments and switches", () => {
  test("a client is suspended and let in again", async () => {
    await activate(demo, licenses.devices, "pc");
    const path = `/licenses/${licenses.devices}/assignments`;
    const [assignment] = (await admin(path)).body;
    const suspend = (until: string | null) =>
      admin(path, { method: "PUT", body: { id: assignment.id, suspended_until_utc: until } });
    expect((await suspend("2026-01-02T00:00:00+01:00")).body.suspended_until_utc).toBe("2026-01-01T23:00:00.000Z");
    const device = { license_id: licenses.devices, client_id: "pc" };
    expect((await open(demo, device)).body.id).toBe(14001);
    expect((await suspend(null)).body.suspended_until_utc).toBeNull();
    expect((await open(demo, device)).status).toBe(200);
    expect((await suspend("2026-02-31T00:00:00")).status).toBe(400);
  });

  test("a licence is switched off and on (P13)", async () => {
    const toggle = (is_active: boolean) =>
      admin("/provisioning/licenses/state/toggle", {
        body: { product_id: product, license_key: licenses.users, is_active },
      });
    expect((await toggle(false)).body).toEqual({
      product_id: product,
      license_id: licenses.users,
      legacy_license_key: "factor.com",
      is_active: false,
    });
    expect((await open(demo, anna)).body.id).toBe(1002);
    await toggle(true);
    expect((await open(demo, anna)).status).toBe(200);
  });
});

describe("GET denials", () => {
  test("is the log, newest first, by page and by filter", async () => {
    await admin("/licenses", { method: "PATCH", body: { id: licenses.devices, name: "Devices" } });
    for (const client_id of ["a", "b", "c"]) {
      await open(demo, { license_id: licenses.devices, client_id });
      demo.clock.advance(1_000);
    }
    const { body } = await admin("/denials?page=2&page_size=2");
    expect(body).toEqual({
      items: [
        {
          at: "2026-01-01T00:00:00.000Z",
          license_id: licenses.devices,
          license_name: "Devices",
          client_id: "a",
          user_id: null,
          error_id: 2006,
          code: "client_unknown",
          in_use: 0,
          limit: 2,
        },
      ],
      page: 2,
      page_size: 2,
      total: 3,
    });
    expect((await admin("/denials?client_id=b")).body.total).toBe(1);
    expect((await admin("/denials?user_id=b")).body.total).toBe(1);
    expect((await admin("/denials?user_id=nobody")).body.total).toBe(0);
    expect((await admin("/denials?from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:02Z")).body.total).toBe(1);
    expect((await admin(`/denials?license_id=${licenses.users}`)).body.total).toBe(0);
    expect((await admin("/denials?reason=client_unknown")).body.total).toBe(3);
    expect((await admin("/denials?reason=tokens_exhausted")).body.total).toBe(0);
    const { text, headers } = await admin("/denials?client_id=b&format=csv");
    expect(headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(text.split("\r\n")).toEqual([
      "at,license_id,license_name,client_id,user_id,error_id,code,in_use,limit",
      `2026-01-01T00:00:01.000Z,${licenses.devices},Devices,b,,2006,client_unknown,0,2`,
      "",
    ]);
  });

  test.each([
    "page=0",
    "page=x",
    "page=1&page=2",
    "page_size=10001",
    "reason=bad_luck",
    "format=xml",
    "license_id=x",
    "from=yesterday",
    "more=1",
    "page=1e999",
    "client_id=%00",
  ])("?%s is 400", async (query) => {
    expect((await admin(`/denials?${query}`)).status).toBe(400);
  });
});

test.each([
  ["GET", "/denials"],
  ["GET", `/licenses/${licenses.users}/opensessions`],
  ["POST", `/licenses/${licenses.users}/opensessions/close`],
  ["DELETE", `/licenses/${licenses.users}/opensessions/${id(1)}`],
  ["GET", `/licenses/${licenses.users}/assignments`],
  ["PUT", "/administration/deleteinactivesessions"],
])("%s %s takes an AdminKey and no ProvisioningKey", async (method, path) => {
  expect((await call(demo, path, { method })).status).toBe(403);
  expect((await call(demo, path, { method, key: null })).status).toBe(401);
  expect((await admin(path, { method })).status).not.toBe(403);
  expect((await call(demo, path, { method, adminKey: keys.otherAdmin })).status).toBe(403);
});
