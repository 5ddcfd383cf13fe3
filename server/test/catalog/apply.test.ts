/** Applying tenant files: defaults, three ways, all or nothing. */
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { secretHash } from "../../src/catalog/catalog.ts";
import type { License } from "../../src/catalog/entities.ts";
import { applyTenantFiles, applyTenantPaths } from "../../src/catalog/tenant-file.ts";
import type { Entry } from "../../src/catalog/tenant-read.ts";
import type { Store } from "../../src/stores/store.ts";
import { temporaryFolder } from "../process.ts";
import { administer, apply, deleteEntity, faultsOf, isvId, licenseId, openStore, small, smallWith } from "./tenants.ts";

function vendorOf(store: Store) {
  const vendor = store.catalog.vendor(isvId);
  if (vendor === undefined) throw new Error("no vendor");
  return vendor;
}

function licenseOf(store: Store): License {
  return vendorOf(store).licenses.get(licenseId) as License;
}

function named<T extends { name: string | null }>(things: ReadonlyMap<string, T>, name: string): T {
  const thing = [...things.values()].find((item) => item.name === name);
  if (thing === undefined) throw new Error(`nothing is named ${name}`);
  return thing;
}

describe("the first apply", () => {
  test("takes more entries at a start than a function takes arguments", async () => {
    const entry = (kind: "isv" | "customer", fields: Entry["fields"]): Entry => ({
      ...{ kind, fields, file: "tenant.yaml", path: [], isSound: true },
      fault: (_, text) => ({ file: "tenant.yaml", line: 1, path: "", text }),
    });
    const customers = Array.from({ length: 140_000 }, (_, n) => entry("customer", { number: `c${n}`, name: "C" }));
    const entries = [entry("isv", { id: isvId, name: "Demo Vendor" }), ...customers];
    const applied = await applyTenantFiles(openStore(), [{ path: "tenant.yaml", isvId, entries }]);
    expect(applied).toEqual({ created: 140_001, changed: 0, unchanged: 0 });
  });

  test("takes no session of a holder for one, as the API does", async () => {
    const store = openStore();
    const none = "    client_type: devices\n    max_floating_sessions_with_same_client_id: 0\n";
    await apply(store, smallWith("    client_type: devices\n", none));
    expect((await store.read(isvId, licenseId))?.terms.sessionsPerHolderMax).toBe(1);
  });

  test("writes everything in one go, with defaults", async () => {
    const store = openStore();
    expect(await apply(store, small)).toEqual({ created: 8, changed: 0, unchanged: 0 });
    expect(store.saved.length).toBe(1);
    const { products, editions, customers, keys } = vendorOf(store);
    const product = named(products, "CAD");
    expect(licenseOf(store)).toEqual({
      id: licenseId,
      name: null,
      product_id: product.id,
      customer_id: named(customers, "Ring Retail Ltd").id,
      edition_id: named(editions, "Floating devices").id,
      floating_token_limit: 2,
      token_limit: 0,
      goodwill_token_limit: 0,
      project_tokens: null,
      legacy_license_key: null,
      allowed_user_domains: [],
      is_active: true,
      start_date_utc: null,
      expiration_date_utc: null,
    });
    expect(named(editions, "Floating devices")).toMatchObject({
      product_id: product.id,
      enforce_floating_limit: true,
      max_floating_sessions_with_same_client_id: 1,
      session_period: 60,
      max_checkout_period: 43_200,
      heartbeat_period: 1440,
      heartbeats_extend_sessions: false,
      freeride: 0,
      is_temporary: false,
      activate_on_open: null,
      activation_upon_license_creation: null,
      features: [product.features[0]?.id],
      limitations: [{ id: product.limitations[0]?.id, value: 3 }],
    });
    expect(named(editions, "Named devices").session_period).toBeNull();
    expect(named(keys, "app")).toMatchObject({
      scope: "backend",
      response_signature: "rsa",
      is_active: true,
      product_id: null,
    });
  });

  test("an admin key signs nothing by default; named users have sessions of an hour", async () => {
    const store = openStore();
    await apply(
      store,
      small
        .replace("keys:", 'keys:\n  - { name: admin, role: admin, secret: "demo-admin-key" }')
        .replace(
          "editions:",
          "editions:\n  - { product: CAD, name: Named users, provisioning_mode: named, client_type: users }",
        ),
    );
    expect(named(vendorOf(store).keys, "admin").response_signature).toBe("none");
    expect(named(vendorOf(store).editions, "Named users").session_period).toBe(60);
  });

  test("secrets are kept as hashes, in what was applied too", async () => {
    const store = openStore();
    await apply(store, small);
    const kept = JSON.stringify(store.saved);
    expect(kept).not.toContain("demo-provisioning-key");
    expect(kept).toContain(secretHash("demo-provisioning-key"));
    expect(store.catalog.keyOfSecret("demo-provisioning-key")?.key.name).toBe("app");
  });
});

describe("applied again", () => {
  test("an unchanged file writes nothing", async () => {
    const store = openStore();
    await apply(store, small);
    expect(await apply(store, small)).toEqual({ created: 0, changed: 0, unchanged: 8 });
    expect(store.saved.length).toBe(1);
  });

  test("another spelling of the same is no change", async () => {
    const store = openStore();
    const dated = small.replace(
      "floating_token_limit: 2",
      "floating_token_limit: 2\n    expiration_date_utc: 2030-01-01T00:00:00Z",
    );
    await apply(store, dated);
    const respelt = dated
      .replace("2030-01-01T00:00:00Z", '"2030-01-01T02:00:00.000+02:00"')
      .replace(licenseId, licenseId.toUpperCase())
      .replace(isvId, isvId.toUpperCase())
      .replace(
        'secret: "demo-provisioning-key"',
        `secret_sha256: ${secretHash("demo-provisioning-key").toUpperCase()}`,
      );
    expect(await apply(store, respelt)).toEqual({ created: 0, changed: 0, unchanged: 8 });
    expect(store.saved.length).toBe(1);
  });

  test("an administrator's change in between stays, beside a change of the file to another field", async () => {
    const store = openStore();
    await apply(store, small);
    await administer(store, "license", { ...licenseOf(store), floating_token_limit: 50 });
    expect(await apply(store, small)).toMatchObject({ changed: 0 });
    const fresh = smallWith("floating_token_limit: 2", "floating_token_limit: 2\n    token_limit: 7");
    expect(await apply(store, fresh)).toMatchObject({ created: 0, changed: 1 });
    expect(licenseOf(store)).toMatchObject({ floating_token_limit: 50, token_limit: 7 });
  });

  test("a field that the file changes is written over an administrator's change", async () => {
    const store = openStore();
    await apply(store, small);
    await administer(store, "license", { ...licenseOf(store), floating_token_limit: 50 });
    await apply(store, smallWith("floating_token_limit: 2", "floating_token_limit: 3"));
    expect(licenseOf(store).floating_token_limit).toBe(3);
  });

  test("a field that left the file stays as it is, and is written when it comes back", async () => {
    const store = openStore();
    await apply(store, small);
    const without = smallWith("    floating_token_limit: 2\n", "");
    expect(await apply(store, without)).toEqual({ created: 0, changed: 0, unchanged: 8 });
    expect(licenseOf(store).floating_token_limit).toBe(2);
    await administer(store, "license", { ...licenseOf(store), floating_token_limit: 9 });
    await apply(store, small);
    expect(licenseOf(store).floating_token_limit).toBe(2);
  });

  test("an entry that left the file stays", async () => {
    const store = openStore();
    await apply(store, small);
    const without = smallWith(
      "  - { product: CAD, name: Floating users, provisioning_mode: floating, client_type: users }\n",
      "",
    );
    expect(await apply(store, without)).toEqual({ created: 0, changed: 0, unchanged: 7 });
    expect(vendorOf(store).editions.size).toBe(3);
  });

  test("a key that an administrator rotated stays rotated until the file has another secret", async () => {
    const store = openStore();
    await apply(store, small);
    const key = named(vendorOf(store).keys, "app");
    await administer(store, "key", { ...key, secret_sha256: secretHash("rotated-by-hand-1") });
    await apply(store, small);
    expect(store.catalog.keyOfSecret("demo-provisioning-key")).toBeUndefined();
    await apply(store, smallWith("demo-provisioning-key", "rotated-by-file-2"));
    expect(store.catalog.keyOfSecret("rotated-by-file-2")?.key.id).toBe(key.id);
  });

  test("of something made by the API the fields of the file are written, and no others", async () => {
    const store = openStore();
    await apply(store, small);
    const license = { ...licenseOf(store), floating_token_limit: 50, token_limit: 60 };
    await store.saveCatalog([{ isvId, kind: "license", id: licenseId, body: license, applied: null }]);
    expect(await apply(store, small)).toMatchObject({ created: 0, changed: 1 });
    expect(licenseOf(store)).toMatchObject({ floating_token_limit: 2, token_limit: 60 });
  });

  test("what the API made under the file's name is taken over instead of doubled", async () => {
    const store = openStore();
    await apply(store, smallWith("  - name: CAD", "  - id: aaaaaaaa-0000-0000-0000-000000000001\n    name: CAD"));
    expect(await apply(store, small)).toMatchObject({ created: 0 });
    expect([...vendorOf(store).products.keys()]).toEqual(["aaaaaaaa-0000-0000-0000-000000000001"]);
  });

  test("an administrator's other name stays, and references by the file's name still hold", async () => {
    const store = openStore();
    await apply(store, small);
    await administer(store, "product", { ...named(vendorOf(store).products, "CAD"), name: "CAD 2026" });
    expect(await apply(store, small)).toEqual({ created: 0, changed: 0, unchanged: 8 });
    expect([...vendorOf(store).products.values()].map(({ name }) => name)).toEqual(["CAD 2026"]);
  });

  test("another name in the file moves no licence that an administrator had moved", async () => {
    const store = openStore();
    const withIds = smallWith(
      "  - product: CAD\n",
      "  - id: eeeeeeee-0000-0000-0000-000000000001\n    product: CAD\n",
    ).replace(
      "customers:",
      "  - { product: CAD, name: Other devices, provisioning_mode: floating, client_type: devices }\ncustomers:",
    );
    await apply(store, withIds);
    const other = named(vendorOf(store).editions, "Other devices").id;
    await administer(store, "license", { ...licenseOf(store), edition_id: other });
    await apply(store, withIds.replaceAll(": Floating devices", ": Mobile devices"));
    expect(licenseOf(store).edition_id).toBe(other);
    expect(named(vendorOf(store).editions, "Mobile devices").id).toBe("eeeeeeee-0000-0000-0000-000000000001");
  });

  test("a licence goes over to another edition of the same kind", async () => {
    const store = openStore();
    const two = smallWith(
      "customers:",
      "  - { product: CAD, name: Other devices, provisioning_mode: floating, client_type: devices }\ncustomers:",
    );
    await apply(store, two);
    await apply(store, smallWith("edition: Floating devices", "edition: Other devices", two));
    expect(licenseOf(store).edition_id).toBe(named(vendorOf(store).editions, "Other devices").id);
  });
});

describe("ids", () => {
  test("follow from names, so they are the same on every machine", async () => {
    const [one, two] = [openStore(), openStore()];
    await apply(one, small);
    await apply(two, small);
    const ids = (store: Store) => [...vendorOf(store).editions.keys(), ...vendorOf(store).keys.keys()];
    expect(ids(one)).toEqual(ids(two));
    // Held for good: a change here would give every vendor's unnamed things new ids.
    expect(named(vendorOf(one).products, "CAD").id).toBe("c2702b53-28cf-838a-829c-e39c724370f7");
  });

  test("are kept in lower case", async () => {
    const store = openStore();
    await apply(store, small.replace(licenseId, licenseId.toUpperCase()));
    expect(licenseOf(store).id).toBe(licenseId);
  });

  test("stand for references", async () => {
    const store = openStore();
    const customer = "103ABA57-4C33-494C-BDD5-FD345BC683F5";
    await apply(
      store,
      smallWith('number: "87012"', `id: ${customer}, number: "87012"`).replace(
        'customer: "87012"',
        `customer: ${customer.toLowerCase()}`,
      ),
    );
    expect(licenseOf(store).customer_id).toBe(customer.toLowerCase());
  });
});

describe("several files", () => {
  const more = `isv: { id: ${isvId}, name: Demo Vendor }
licenses:
  - { name: Second, customer: "87012", edition: Floating devices }
`;

  test("refer to one another's entries, in any order", async () => {
    const store = openStore();
    expect(await apply(store, more, small)).toEqual({ created: 9, changed: 0, unchanged: 0 });
    expect(store.saved.length).toBe(1);
  });

  test("refer to what is in the store already", async () => {
    const store = openStore();
    await apply(store, small);
    expect(await apply(store, more)).toEqual({ created: 1, changed: 0, unchanged: 1 });
  });

  test("of several vendors keep apart", async () => {
    const store = openStore();
    const other = small
      .replace(isvId, "aaaaaaaa-6207-4214-946e-b00ac5309f53")
      .replace("demo-provisioning-key", "other-provisioning-key");
    expect(await apply(store, small, other)).toMatchObject({ created: 16 });
  });

  test("are told together, and a fault in one keeps all from being applied", async () => {
    const store = openStore();
    const faults = await faultsOf(store, small, more.replace("87012", "87013"));
    expect(faults).toEqual([
      'tenant2.yaml:3 licenses[0].customer: there is no customer "87013"; did you mean "87012"?',
    ]);
    expect(store.saved).toEqual([]);
  });
});

describe("from disk", () => {
  test("the demo's file is whole, and applies twice", async () => {
    const store = openStore();
    const demo = fileURLToPath(new URL("../../demo/tenant.yaml", import.meta.url));
    await applyTenantPaths(store, [demo]);
    expect(await applyTenantPaths(store, [demo])).toMatchObject({ created: 0, changed: 0 });
    const { licenses, editions } = vendorOf(store);
    const kinds = [...licenses.values()].map((license) => {
      const edition = editions.get(license.edition_id);
      return `${edition?.provisioning_mode} ${edition?.client_type} ${edition?.enforce_floating_limit ? "hard" : "overuse"}`;
    });
    expect(kinds).toEqual([
      "floating devices hard",
      "floating users hard",
      "named devices hard",
      "floating devices overuse",
      "floating projects hard",
      // The three that show what months of use look like.
      "floating users hard",
      "floating projects hard",
      "floating devices overuse",
    ]);
  });

  test("form and references of all files are told together", async () => {
    const store = openStore();
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    const one = folder.write("1.yaml", small.replace("name: CAD\n", "name: CAD\n    colour: red\n"));
    const two = folder.write(
      "2.yaml",
      `isv: { id: ${isvId}, name: Demo Vendor }\nlicenses:\n  - { name: A, customer: nobody, edition: Floating devices }\n`,
    );
    const applied = applyTenantPaths(store, [one, two]);
    await expect(applied).rejects.toMatchObject({
      faults: [
        { file: one, line: 6, path: "products[0].colour", text: "unknown field" },
        { file: two, line: 3, path: "licenses[0].customer", text: 'there is no customer "nobody"' },
      ],
    });
    expect(store.saved).toEqual([]);
  });

  test("a secret may stand in a file of its own, next to the tenant file", async () => {
    const store = openStore();
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    folder.write("key", "a-secret-from-a-file\n");
    const path = folder.write("tenant.yaml", small.replace('secret: "demo-provisioning-key"', "secret_file: key"));
    await applyTenantPaths(store, [path]);
    expect(store.catalog.keyOfSecret("a-secret-from-a-file")?.key.name).toBe("app");
    expect(JSON.stringify(store.saved)).not.toContain("a-secret-from-a-file");
  });

  test("what an administrator deleted stays so, until the file says something else of it", async () => {
    const store = openStore();
    await apply(store, small);
    await deleteEntity(store, "license", licenseId);
    await apply(store, small);
    expect(vendorOf(store).licenses.has(licenseId)).toBe(false);
    await apply(store, smallWith("floating_token_limit: 2", "floating_token_limit: 3"));
    expect(licenseOf(store).floating_token_limit).toBe(3);
  });

  test("a file that is not UTF-8 is a fault of its first such line: its names would lose letters", async () => {
    const store = openStore();
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    const text = smallWith("Ring Retail Ltd", "M\xfcller GmbH");
    for (const [encoding, line] of [
      ["latin1", 18],
      ["utf16le", 1],
    ] as const) {
      const bytes = Buffer.from(`${encoding === "latin1" ? "" : "\ufeff"}${text}`, encoding);
      const path = folder.write("tenant.yaml", bytes);
      await expect(applyTenantPaths(store, [path])).rejects.toMatchObject({
        faults: [{ file: path, line, path: "", text: "is not UTF-8: save it as that" }],
      });
    }
    expect(store.saved).toEqual([]);
    const path = folder.write("tenant.yaml", `\ufeff${text}`);
    expect(await applyTenantPaths(store, [path])).toMatchObject({ created: 8 });
    expect(named(vendorOf(store).customers, "M\xfcller GmbH").number).toBe("87012");
  });

  test("a file that is not there is a fault of it", async () => {
    await expect(applyTenantPaths(openStore(), ["/nowhere/tenant.yaml"])).rejects.toThrow(
      "/nowhere/tenant.yaml:1 cannot be read: ENOENT",
    );
  });
});
