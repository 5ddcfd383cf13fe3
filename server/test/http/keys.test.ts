/** API keys: created, switched off, and what each of them may do. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Key } from "../../src/catalog/entities.ts";
import { type Asked, call, type Demo, isv, keys, licenses, open, otherIsv, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const admin = (path: string, asked: Asked = {}) => call(demo, path, { adminKey: keys.admin, ...asked });
const create = (body: object, adminKey: string = keys.admin) => admin("/keys", { body, adminKey });
const patch = (keyId: string, body: object, headers = {}) =>
  admin(`/keys/${keyId}`, { method: "PATCH", body, headers });
const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const idOf = (secret: string) => demo.store.catalog.keyOfSecret(secret)?.key.id as string;

test("a key is created with a secret of 256 bits, which is shown once and kept by nobody", async () => {
  const { status, body, headers } = await create({ name: "CAD", role: "provisioning", scope: "app" });
  expect(status).toBe(201);
  expect(Buffer.from(body.secret, "base64url")).toHaveLength(32);
  expect(headers.get("cache-control")).toBe("no-store");
  expect((await open(demo, anna, { key: body.secret })).status).toBe(200);
  const { secret, ...shown } = body;
  expect((await admin(`/keys/${body.id}`)).body).toEqual(shown);
  expect(shown).toMatchObject({
    name: "CAD",
    scope: "app",
    admin_role: null,
    is_active: true,
    response_signature: "rsa",
  });
  for (const path of ["/keys", "/audit"]) {
    const { text } = await admin(path);
    expect(text).not.toContain(secret);
    expect(text).not.toMatch(/[0-9a-f]{64}/);
  }
});

test("keys are listed by name, by what they are, and by page", async () => {
  const { body } = await admin("/keys?search=bound&sort=name&page_size=2");
  expect(body).toMatchObject({ total: 4, page_size: 2 });
  expect(body.items.map(({ name }: { name: string }) => name)).toEqual(["bound-admin-key", "bound-customer-key"]);
  expect((await admin("/keys?is_active=false")).body.total).toBe(1);
});

test("a key that is switched off is refused at once, on hot routes too, and comes back", async () => {
  const { body } = await create({ name: "CAD", role: "provisioning" });
  const asked = { key: body.secret };
  expect((await open(demo, anna, asked)).status).toBe(200);
  expect((await patch(body.id, { is_active: false })).body.is_active).toBe(false);
  expect((await open(demo, anna, asked)).status).toBe(401);
  expect((await call(demo, `/licenses/${licenses.users}`, asked)).status).toBe(401);
  await patch(body.id, { is_active: true });
  expect((await open(demo, anna, asked)).status).toBe(200);
});

test("a key may be bound to a product, a customer or a licence of the vendor's", async () => {
  const { body } = await create({ name: "CAD", role: "provisioning", license_id: licenses.devices });
  expect((await open(demo, anna, { key: body.secret })).status).toBe(403);
  const unknown = await create({ name: "none", role: "provisioning", product_id: licenses.users });
  expect(unknown.body.detail).toBe("product_id: there is no product of this id");
  const bound = await create({ name: "bound", role: "admin", product_id: product });
  expect(bound.body.errors).toMatchObject([{ field: "product_id" }]);
  expect((await create({ name: "roles", role: "provisioning", admin_role: "viewer" })).body.errors).toMatchObject([
    { field: "admin_role" },
  ]);
  expect((await create({ name: keys.plain, role: "provisioning" })).body.code).toBe("name_taken");
});

describe("roles of admin keys", () => {
  const keyOf = async (role: string) => (await create({ name: role, role: "admin", admin_role: role })).body.secret;

  test("a key of before there were roles is an owner's", async () => {
    expect((await admin(`/keys/${idOf(keys.admin)}`)).body.admin_role).toBe("owner");
  });

  test("a viewer reads, and changes nothing", async () => {
    const adminKey = await keyOf("viewer");
    await open(demo, anna);
    const [session] = (await admin(`/licenses/${licenses.users}/opensessions`, { adminKey })).body;
    const path = `/licenses/${licenses.users}/opensessions/${session.id}`;
    const refused = await admin(path, { method: "DELETE", adminKey });
    expect([refused.status, refused.body.detail]).toEqual([
      403,
      "This takes an AdminKey of role operator; this one is of role viewer.",
    ]);
    expect((await open(demo, anna, { adminKey })).status).toBe(403);
    expect((await admin("/keys", { adminKey })).status).toBe(403);
  });

  test("an operator ends sessions too, and changes no licence", async () => {
    const adminKey = await keyOf("operator");
    await open(demo, anna);
    expect((await admin(`/licenses/${licenses.users}/opensessions/close`, { method: "POST", adminKey })).status).toBe(
      204,
    );
    const change = { method: "PATCH", body: { id: licenses.users, floating_token_limit: 9 }, adminKey };
    expect((await admin("/licenses", change)).status).toBe(403);
    expect((await create({ name: "more", role: "admin" }, adminKey)).status).toBe(403);
  });

  test("a role that is taken away is gone at once", async () => {
    const adminKey = await keyOf("owner");
    await patch(idOf(adminKey), { admin_role: "viewer" });
    expect((await create({ name: "late", role: "admin" }, adminKey)).status).toBe(403);
  });
});

describe("the last active owner", () => {
  beforeEach(async () => {
    const bound = demo.store.catalog.keyOfSecret(keys.boundAdmin)?.key as Key;
    const body = { ...bound, is_active: false };
    await demo.store.saveCatalog([{ isvId: isv, kind: "key", id: bound.id, body, applied: null }]);
  });

  test.each([{ is_active: false }, { admin_role: "operator" }])("stays: %o is refused", async (change) => {
    const { status, body } = await patch(idOf(keys.admin), change);
    expect([status, body.code]).toEqual([409, "last_owner"]);
    expect((await admin("/keys")).status).toBe(200);
  });

  test("may be renamed, and may go once there is another one", async () => {
    expect((await patch(idOf(keys.admin), { name: "renamed" })).status).toBe(200);
    const { body } = await create({ name: "next", role: "admin" });
    expect((await patch(idOf(keys.admin), { is_active: false })).status).toBe(200);
    expect((await admin("/keys", { adminKey: body.secret })).status).toBe(200);
    expect((await admin("/keys")).status).toBe(401);
  });

  test("is one of the two that are switched off at the same time", async () => {
    const { body } = await create({ name: "next", role: "admin" });
    const results = await Promise.all([
      patch(idOf(keys.admin), { is_active: false }),
      admin(`/keys/${body.id}`, { method: "PATCH", body: { is_active: false }, adminKey: body.secret }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });

  test("of another vendor does not count", async () => {
    expect((await call(demo, "/keys", { adminKey: keys.otherAdmin, isvId: otherIsv })).body.total).toBe(2);
    expect((await patch(idOf(keys.otherAdmin), { is_active: false })).status).toBe(404);
    expect((await patch(idOf(keys.admin), { is_active: false })).body.code).toBe("last_owner");
  });
});

test("the vendor's settings are read by all admin keys and changed by owners", async () => {
  expect((await admin("/vendor")).body).toEqual({ id: isv, name: "Demo Vendor", shows_pseudonyms: false });
  const changed = await admin("/vendor", { method: "PATCH", body: { shows_pseudonyms: true } });
  expect(changed.body).toEqual({ id: isv, name: "Demo Vendor", shows_pseudonyms: true });
});
