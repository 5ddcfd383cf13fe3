/** A legacy key is one licence's within a product; where older data has it twice, nobody guesses. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Key, License } from "../../src/catalog/entities.ts";
import { StoreFault } from "../../src/stores/store.ts";
import { call, customer, type Demo, id, isv, keys, legacyProduct, licenses, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const asked = { adminKey: keys.admin, headers: { accept: "application/problem+json" } };
const create = (templateId: string, key: string) =>
  call(demo, "/licenses", {
    ...asked,
    body: { customer_id: customer, template_id: templateId, legacy_license_key: key },
  });
const change = (licenseId: string, body: object) =>
  call(demo, "/licenses", { ...asked, method: "PATCH", body: { id: licenseId, ...body } });

/** A second licence of the legacy product with the first one's key, as data from before may have it. */
async function twins() {
  const first = demo.store.catalog.vendor(isv)?.licenses.get(licenses.legacy) as License;
  const body = { ...first, id: id(0x888) };
  await demo.store.saveCatalog([{ isvId: isv, kind: "license", id: body.id, body, applied: null }]);
  return body.id;
}

describe("a legacy key that another licence of the product has", () => {
  test("is refused on create, whatever its case, and told with SLASCONE's number", async () => {
    const answer = await create(id(0x301), " Order-1 ".trim());
    expect([answer.status, answer.body]).toEqual([
      409,
      expect.objectContaining({
        id: 1005,
        code: "name_taken",
        errors: [{ field: "legacy_license_key", detail: `is that of licence ${licenses.devices} already` }],
      }),
    ]);
  });

  test("is refused on change; the same of another product is not", async () => {
    expect((await change(licenses.users, { legacy_license_key: "order-1" })).body.id).toBe(1005);
    expect((await change(licenses.users, { legacy_license_key: "legacy.example" })).status).toBe(200);
    expect((await change(licenses.devices, { legacy_license_key: "order-1", name: "Renamed" })).status).toBe(200);
  });
});

describe("licences that have one legacy key already", () => {
  test("can be changed, but for the key", async () => {
    const twin = await twins();
    expect((await change(twin, { name: "The other" })).status).toBe(200);
    expect((await change(twin, { legacy_license_key: "own.example" })).status).toBe(200);
    expect((await change(twin, { legacy_license_key: "legacy.example" })).body.id).toBe(1005);
  });

  test.each([
    ["/provisioning/licenses/state/toggle", { product_id: legacyProduct, is_active: false }],
    ["/provisioning/activations", { product_id: legacyProduct, client_id: "a" }],
    ["/provisioning/validate", {}],
  ])("are not guessed by %s", async (path, body) => {
    await twins();
    const answer = await call(demo, path, { ...asked, body: { ...body, license_key: "legacy.example" } });
    expect([answer.status, answer.body.id, answer.body.code]).toEqual([409, 1005, "legacy_key_ambiguous"]);
    const states = [...(demo.store.catalog.vendor(isv)?.licenses.values() ?? [])].filter(
      ({ legacy_license_key }) => legacy_license_key === "legacy.example",
    );
    expect(states.map(({ is_active }) => is_active)).toEqual([true, true]);
  });

  test("are both found by a look-up, and each by its id", async () => {
    const twin = await twins();
    const found = await call(demo, "/provisioning/licenses/by_license", { body: { license_key: "legacy.example" } });
    expect(found.body.map((license: { id: string }) => license.id)).toEqual([licenses.legacy, twin]);
    const byId = await call(demo, "/provisioning/licenses/state/toggle", {
      ...asked,
      body: { product_id: legacyProduct, license_key: twin, is_active: false },
    });
    expect(byId.body).toMatchObject({ license_id: twin, is_active: false });
  });
});

test.each([
  ["/provisioning/activations", { product_id: product, client_id: "a" }],
  ["/provisioning/validate", {}],
])("%s asks no store for a token whose key is no id, and denies", async (path, body) => {
  // As PostgreSQL does, whose column takes ids alone.
  const licenseOfToken = () => Promise.reject(new StoreFault("invalid input syntax for type uuid"));
  const strict = await startDemo({ wrap: ({ store }) => ({ store: { ...store, licenseOfToken } }) });
  const answer = await call(strict, path, { body: { ...body, license_key: "mistyped" } });
  await strict.stop();
  expect([answer.status, answer.body.id]).toEqual([409, 1000]);
});

test("a key of one product means nothing of another", async () => {
  const body = { product_id: product, license_key: "legacy.example", is_active: false };
  const answer = await call(demo, "/provisioning/licenses/state/toggle", { ...asked, body });
  expect(answer.body.id).toBe(1000);
});

describe("to a bound key, a legacy key that it does not reach", () => {
  test.each([
    ["/provisioning/validate", {}],
    ["/provisioning/activations", { product_id: legacyProduct, client_id: "a" }],
  ])("is one that nobody has: %s", async (path, body) => {
    const askFor = async (license_key: string) => {
      const answer = await call(demo, path, {
        key: keys.boundToLicense,
        headers: { accept: "application/problem+json" },
        body: { ...body, license_key },
      });
      return [answer.status, answer.body.id, answer.body.code];
    };
    expect(await askFor("legacy.example")).toEqual([409, 1000, "license_unknown"]);
    expect(await askFor("nobody.example")).toEqual([409, 1000, "license_unknown"]);
  });

  test("makes none ambiguous that it reaches", async () => {
    const twin = await twins();
    const all = [...(demo.store.catalog.vendor(isv)?.keys.values() ?? [])];
    const bound = all.find(({ name }) => name === keys.boundToLicense) as Key;
    const body = { ...bound, license_id: twin };
    await demo.store.saveCatalog([{ isvId: isv, kind: "key", id: bound.id, body, applied: null }]);
    const asking = { key: keys.boundToLicense, body: { license_key: "legacy.example" } };
    const answer = await call(demo, "/provisioning/validate", asking);
    expect([answer.status, answer.body.license_key]).toEqual([200, twin]);
  });
});
