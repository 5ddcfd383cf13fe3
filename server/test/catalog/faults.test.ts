/** What tenant files are refused for: each fault with its line and its place, and never with a secret. */
import { describe, expect, test } from "vitest";
import type { License } from "../../src/catalog/entities.ts";
import { CatalogConflict } from "../../src/stores/store.ts";
import { administer, apply, deleteEntity, faultsOf, isvId, licenseId, openStore, small, smallWith } from "./tenants.ts";

/** Old text, new text, the one fault that follows. */
type Case = readonly [old: string, fresh: string, fault: string];

const form: readonly Case[] = [
  [
    "name: Demo Vendor",
    "name: 5",
    "tenant.yaml:1 isv.name: want text of 1 to 256 characters without blanks at its ends; put it in quotes",
  ],
  [", name: Demo Vendor", "", "tenant.yaml:1 isv.name: is required"],
  ["name: Demo Vendor }", "name: Demo Vendor, url: x }", "tenant.yaml:1 isv.url: unknown field"],
  [isvId, "12", "tenant.yaml:1 isv.id: want an id: hexadecimal digits, 8-4-4-4-12; put it in quotes"],
  [isvId, "demo", 'tenant.yaml:1 isv.id: want an id: hexadecimal digits, 8-4-4-4-12; got "demo"'],
  ["licenses:", "licences:", 'tenant.yaml:19 licences: unknown field; did you mean "licenses"?'],
  ["    edition: Floating devices\n", "", "tenant.yaml:20 licenses[0].edition: is required"],
  [
    "floating_token_limit: 2",
    "floating_tokenlimit: 2",
    'tenant.yaml:23 licenses[0].floating_tokenlimit: unknown field; did you mean "floating_token_limit"?',
  ],
  [
    "floating_token_limit: 2",
    "floating_token_limit: -1",
    "tenant.yaml:23 licenses[0].floating_token_limit: want a whole number from 0 to 1000000000; got -1",
  ],
  [
    "floating_token_limit: 2",
    "floating_token_limit: 1e309",
    "tenant.yaml:23 licenses[0].floating_token_limit: want a whole number from 0 to 1000000000; got Infinity",
  ],
  [
    "floating_token_limit: 2",
    "floating_token_limit: two",
    'tenant.yaml:23 licenses[0].floating_token_limit: want a whole number from 0 to 1000000000; got "two"',
  ],
  ["floating_token_limit: 2", "is_active: yes", 'tenant.yaml:23 licenses[0].is_active: want true or false; got "yes"'],
  [
    "floating_token_limit: 2",
    "expiration_date_utc: 2030-12-31",
    'tenant.yaml:23 licenses[0].expiration_date_utc: want an instant such as 2030-12-31T00:00:00Z or null; got "2030-12-31"',
  ],
  [
    "floating_token_limit: 2",
    "allowed_user_domains: factor.com",
    "tenant.yaml:23 licenses[0].allowed_user_domains: want a list",
  ],
  ["floating_token_limit: 2", "__proto__: { is_active: false }", "tenant.yaml:23 licenses[0].__proto__: unknown field"],
  ["floating_token_limit: 2", "<<: { is_active: false }", "tenant.yaml:23 licenses[0].<<: unknown field"],
  [
    '"87012", name',
    "87012, name",
    "tenant.yaml:18 customers[0].number: want text of 1 to 256 characters without blanks at its ends; put it in quotes",
  ],
  [
    "name: Ring Retail Ltd",
    'name: "a\\0b"',
    "tenant.yaml:18 customers[0].name: has control characters or half of a surrogate pair in it",
  ],
  [
    "name: Ring Retail Ltd",
    'name: "a\\ud800b"',
    "tenant.yaml:18 customers[0].name: has control characters or half of a surrogate pair in it",
  ],
  [
    "name: Ring Retail Ltd",
    'name: " Ring"',
    'tenant.yaml:18 customers[0].name: want text of 1 to 256 characters without blanks at its ends; got " Ring"',
  ],
  [
    "client_type: devices\n",
    "client_type: machines\n",
    'tenant.yaml:12 editions[0].client_type: want one of devices, users, projects; got "machines"',
  ],
  [
    "value: 3",
    "value: 3.5",
    "tenant.yaml:14 editions[0].limitations[0].value: want a whole number from 0 to 2147483647 or null; got 3.5",
  ],
  ["features: [{ name: Cloud backup }]", "features: {}", "tenant.yaml:6 products[0].features: want a list"],
  [
    "features: [{ name: Cloud backup }]",
    "features:\n      - Cloud backup",
    "tenant.yaml:7 products[0].features[0]: want fields (id, name, description)",
  ],
  ["role: provisioning, ", "", "tenant.yaml:3 keys[0].role: is required"],
  [
    '"demo-provisioning-key"',
    '"short"',
    "tenant.yaml:3 keys[0].secret: want a secret: 12 to 512 printable ASCII characters, no blanks",
  ],
  [
    '"demo-provisioning-key"',
    "123456789012345",
    "tenant.yaml:3 keys[0].secret: want a secret: 12 to 512 printable ASCII characters, no blanks; put it in quotes",
  ],
  [
    ', secret: "demo-provisioning-key"',
    "",
    "tenant.yaml:3 keys[0]: want one of secret, secret_sha256 and secret_file; got none",
  ],
  [
    '"demo-provisioning-key"',
    '"demo-provisioning-key", secret_file: key',
    "tenant.yaml:3 keys[0]: want one of secret, secret_sha256 and secret_file; got secret and secret_file",
  ],
  [
    'secret: "demo-provisioning-key"',
    "secret_file: nowhere/key",
    "tenant.yaml:3 keys[0].secret_file: cannot be read: ENOENT",
  ],
  ['secret: "demo-provisioning-key"', "secret_file: /dev", "tenant.yaml:3 keys[0].secret_file: cannot be read: EISDIR"],
  [
    "floating_token_limit: 2",
    "expiration_date_utc: 9999-12-31T23:59:59-01:00",
    "tenant.yaml:23 licenses[0].expiration_date_utc: want an instant that exists, up to 9999-12-31T23:59:59Z",
  ],
  [
    "floating_token_limit: 2",
    "expiration_date_utc: 2030-02-30T00:00:00Z",
    'tenant.yaml:23 licenses[0].expiration_date_utc: want an instant such as 2030-12-31T00:00:00Z or null; got "2030-02-30T00:00:00Z"',
  ],
];

const yaml: readonly Case[] = [
  [
    "name: Demo Vendor }",
    "name: Demo Vendor",
    "tenant.yaml:2 not well-formed YAML: this line is not indented like its neighbours (BAD_INDENT)",
  ],
  [
    "licenses:",
    "licenses: []\nlicenses:",
    "tenant.yaml:20 not well-formed YAML: this field stands twice (DUPLICATE_KEY)",
  ],
  [
    "licenses:",
    "---\nlicenses:",
    "tenant.yaml:19 not well-formed YAML: one file holds one document: take away the --- here (MULTIPLE_DOCS)",
  ],
  [
    "name: Ring Retail Ltd",
    "name: *ring",
    "tenant.yaml:18 not well-formed YAML: this alias has no anchor before it (BAD_ALIAS)",
  ],
  [
    "name: Ring Retail Ltd",
    "name: !!js/function x",
    "tenant.yaml:18 not well-formed YAML: tags (!…) have no meaning here (TAG_RESOLVE_FAILED)",
  ],
];

const references: readonly Case[] = [
  [
    "edition: Floating devices",
    "edition: Floting devices",
    'tenant.yaml:22 licenses[0].edition: there is no edition "Floting devices" of product "CAD"; did you mean "Floating devices"?',
  ],
  [
    "edition: Floating devices",
    "product: CAM\n    edition: Floating devices",
    'tenant.yaml:22 licenses[0].product: there is no product "CAM"; did you mean "CAD"?',
  ],
  ['customer: "87012"', 'customer: "1"', 'tenant.yaml:21 licenses[0].customer: there is no customer "1"'],
  ["- product: CAD", "- product: XYZ", 'tenant.yaml:9 editions[0].product: there is no product "XYZ"'],
  [
    "features: [Cloud backup]",
    "features: [Cloud bakup]",
    'tenant.yaml:13 editions[0].features[0]: there is no feature "Cloud bakup" of product "CAD"; did you mean "Cloud backup"?',
  ],
  [
    "limitation: Cores",
    "limitation: Core",
    'tenant.yaml:14 editions[0].limitations[0].limitation: there is no limitation "Core" of product "CAD"; did you mean "Cores"?',
  ],
  [
    "role: provisioning,",
    "role: provisioning, product: CAM,",
    'tenant.yaml:3 keys[0].product: there is no product "CAM"; did you mean "CAD"?',
  ],
  [
    "role: provisioning,",
    "role: provisioning, license: none,",
    'tenant.yaml:3 keys[0].license: there is no license "none"',
  ],
];

const meaning: readonly Case[] = [
  [
    "floating_token_limit: 2",
    "allowed_user_domains: [factor.com]",
    'tenant.yaml:23 licenses[0].allowed_user_domains: is for users licences alone; edition "Floating devices" counts devices',
  ],
  [
    "floating_token_limit: 2",
    "start_date_utc: 2030-01-01T00:00:00Z\n    expiration_date_utc: 2029-01-01T00:00:00Z",
    "tenant.yaml:24 licenses[0].expiration_date_utc: want an instant after start_date_utc, 2030-01-01T00:00:00Z",
  ],
  [
    "    client_type: devices",
    "    client_type: devices\n    session_period: null",
    "tenant.yaml:13 editions[0].session_period: sessions need a period: want minutes",
  ],
  [
    "    client_type: devices",
    "    client_type: devices\n    one_session_per_user: true",
    "tenant.yaml:13 editions[0].one_session_per_user: is for users licences alone",
  ],
  [
    "named, client_type: devices",
    "named, client_type: devices, session_period: 5",
    "tenant.yaml:16 editions[2].session_period: named devices have no sessions: leave it out",
  ],
  [
    "named, client_type: devices",
    "named, client_type: devices, heartbeats_extend_sessions: true",
    "tenant.yaml:16 editions[2].heartbeats_extend_sessions: named devices have no sessions: leave it out",
  ],
  [
    "named, client_type: devices",
    "named, client_type: devices, activate_on_open: true",
    "tenant.yaml:16 editions[2].activate_on_open: opening never takes a named token: somebody assigns it",
  ],
  [
    "role: provisioning,",
    "role: admin, scope: app,",
    "tenant.yaml:3 keys[0].scope: is for provisioning keys alone: an admin key may do everything",
  ],
  [
    "role: provisioning,",
    "role: admin, customer: '87012',",
    "tenant.yaml:3 keys[0].customer: is for provisioning keys alone: an admin key may do everything",
  ],
  [
    "  - id: 27180460-29df-4a5a-a0a1-78c85ab6cee0\n    customer",
    "  - customer",
    "tenant.yaml:20 licenses[0]: needs an id or a name",
  ],
];

const doubles: readonly Case[] = [
  [
    "products:",
    "products:\n  - { name: CAD }",
    'tenant.yaml:6 products[1]: product "CAD" is described already, at tenant.yaml:5',
  ],
  [
    "name: Floating users",
    "name: Floating devices",
    'tenant.yaml:15 editions[1]: edition "Floating devices" is described already, at tenant.yaml:9',
  ],
  [
    "customers:",
    'customers:\n  - { number: "87012", name: Other }',
    'tenant.yaml:19 customers[1]: customer "87012" is described already, at tenant.yaml:18',
  ],
  [
    "licenses:",
    'licenses:\n  - { id: 27180460-29DF-4a5a-a0a1-78c85ab6cee0, customer: "87012", edition: Floating users }',
    "tenant.yaml:21 licenses[1]: license 27180460-29df-4a5a-a0a1-78c85ab6cee0 is described already, at tenant.yaml:20",
  ],
  [
    "keys:",
    'keys:\n  - { name: app, role: admin, secret: "another-secret-1" }',
    'tenant.yaml:4 keys[1]: key "app" is described already, at tenant.yaml:3',
  ],
  [
    "[{ name: Cloud backup }]",
    "[{ name: Cloud backup }, { name: Cloud backup }]",
    'tenant.yaml:6 products[0].features[1]: the name "Cloud backup" stands twice in this list',
  ],
];

for (const [title, cases] of Object.entries({ form, yaml, references, meaning, doubles })) {
  describe(title, () => {
    test.each(cases.map((one) => [one[2], ...one] as const))("%s", async (_, old, fresh, fault) => {
      const store = openStore();
      expect(await faultsOf(store, smallWith(old, fresh))).toEqual([fault]);
      expect(store.saved).toEqual([]);
    });
  });
}

describe("legacy keys", () => {
  const other = "27180460-29df-4a5a-a0a1-78c85ab6cee1";
  const one = smallWith("floating_token_limit: 2", "legacy_license_key: factor.com");
  const both = `${one}  - { id: ${other}, customer: "87012", edition: Floating users, legacy_license_key: Factor.COM }\n`;

  test("that two licences of a product have are told for both, whatever their case", async () => {
    const store = openStore();
    expect(await faultsOf(store, both)).toEqual([
      `tenant.yaml:23 licenses[0].legacy_license_key: is that of licence ${other} already; to mean that one, write its id`,
      `tenant.yaml:24 licenses[1].legacy_license_key: is that of licence ${licenseId} already; to mean that one, write its id`,
    ]);
    expect(store.saved).toEqual([]);
  });

  test("that were there before do not keep the server from starting", async () => {
    const store = openStore();
    await apply(store, one);
    const first = store.catalog.vendor(isvId)?.licenses.get(licenseId) as License;
    await administer(store, "license", { ...first, id: other });
    expect(await apply(store, one)).toMatchObject({ changed: 0 });
    const renamed = one.replace("legacy_license_key", "name: Renamed\n    legacy_license_key");
    expect(await apply(store, renamed)).toMatchObject({ changed: 1 });
  });
});

const secret = "s3cret,with:odd#parts-inside";

describe("secrets are not in faults", () => {
  test.each([
    ["unquoted with a comma", smallWith('secret: "demo-provisioning-key"', "secret: abcdefghijkl,s3cret-second-half")],
    ["under a wrong name", smallWith('secret: "demo-provisioning-key"', `secert: "${secret}"`)],
    ["as a number", smallWith('"demo-provisioning-key"', "53200000000000012345")],
    ["with blanks", smallWith("demo-provisioning-key", `${secret} ${secret}`)],
    ["too short", smallWith("demo-provisioning-key", "s3cret")],
    ["as a role", smallWith("role: provisioning", `role: "${secret}"`)],
    ["as a list", smallWith('"demo-provisioning-key"', `["${secret}"]`)],
    ["with an open quote", smallWith('"demo-provisioning-key"', `"${secret}`)],
    ["after a closed quote", smallWith('"demo-provisioning-key"', `"demo" ${secret}`)],
    ["with a wrong escape", smallWith('"demo-provisioning-key"', `"\\q${secret}"`)],
    ["as an alias", smallWith('"demo-provisioning-key"', "*s3cret")],
    ["as a tag", smallWith('"demo-provisioning-key"', "!s3cret x")],
    ["twice", smallWith("keys:", `keys:\n  - { name: other, role: admin, secret: "demo-provisioning-key" }`)],
  ])("%s", async (_, text) => {
    const faults = await faultsOf(openStore(), text);
    expect(faults.join()).not.toMatch(/s3cret|second-half|532000|demo-prov/);
    expect(faults[0]).toMatch(/^tenant\.yaml:\d+ /);
  });
});

describe("what cannot change", () => {
  const first = smallWith(
    "  - product: CAD\n",
    "  - id: eeeeeeee-0000-0000-0000-000000000001\n    product: CAD\n",
  ).replace("products:", "products:\n  - name: CAM");

  test.each([
    ["product: CAD\n", "product: CAM\n    features: []\n    limitations: []\n", "product"],
    ["provisioning_mode: floating\n", "provisioning_mode: named\n", "provisioning_mode"],
    ["client_type: devices\n", "client_type: users\n", "client_type"],
    ["client_type: devices\n", "client_type: devices\n    is_temporary: true\n", "is_temporary"],
  ])("of an edition: %s", async (old, fresh, field) => {
    const store = openStore();
    await apply(store, first);
    const changed = first.replace(
      "    features: [Cloud backup]\n    limitations: [{ limitation: Cores, value: 3 }]\n",
      "",
    );
    const faults = await faultsOf(store, smallWith(old, fresh, changed));
    expect(faults[0]).toMatch(new RegExp(`^tenant\\.yaml:\\d+ editions\\[0\\]\\.${field}: cannot change \\(it is `));
    expect(store.saved.length).toBe(1);
  });

  test("of a licence: the kind of its edition", async () => {
    const store = openStore();
    await apply(store, small);
    expect(await faultsOf(store, smallWith("edition: Floating devices", "edition: Floating users"))).toEqual([
      'tenant.yaml:22 licenses[0].edition: cannot change from "Floating devices" to "Floating users": client_type of both must be the same',
    ]);
    expect(await faultsOf(store, smallWith("edition: Floating devices", "edition: Named devices"))).toEqual([
      'tenant.yaml:22 licenses[0].edition: cannot change from "Floating devices" to "Named devices": provisioning_mode of both must be the same',
    ]);
  });

  test("of an edition made by the API", async () => {
    const store = openStore();
    await apply(store, small);
    const edition = store.catalog.vendor(isvId)?.editions.values().next().value;
    if (edition === undefined) throw new Error("no edition");
    await store.saveCatalog([
      { isvId, kind: "edition", id: edition.id, body: { ...edition, client_type: "users" }, applied: null },
    ]);
    expect(await faultsOf(store, small)).toEqual([
      'tenant.yaml:12 editions[0].client_type: cannot change (it is "users"); describe another edition',
    ]);
  });
});

describe("beside what is in the store", () => {
  test("a new id for a known name is refused, with the id that has it", async () => {
    const store = openStore();
    await apply(store, small);
    const id = store.catalog.vendor(isvId)?.customers.keys().next().value;
    const other = smallWith('number: "87012"', 'id: aaaaaaaa-0000-0000-0000-000000000001, number: "87012"');
    expect(await faultsOf(store, other)).toEqual([
      `tenant.yaml:18 customers[0].number: is that of customer ${id} already; to mean that one, write its id`,
    ]);
  });

  test("what an administrator made of things that the file does not change keeps nobody from starting", async () => {
    const store = openStore();
    await apply(store, small);
    const vendor = store.catalog.vendor(isvId);
    const [license] = vendor?.licenses.values() ?? [];
    if (license === undefined) throw new Error("no licence");
    await administer(store, "license", { ...license, allowed_user_domains: ["factor.com"] });
    expect(await apply(store, small)).toMatchObject({ changed: 0 });
  });

  test("the secret of another vendor's key is refused", async () => {
    const store = openStore();
    await apply(store, small);
    const other = small.replace(isvId, "aaaaaaaa-6207-4214-946e-b00ac5309f53");
    expect(await faultsOf(store, other)).toEqual([
      "tenant.yaml:3 keys[0]: has the secret of another key: every key needs its own",
    ]);
  });

  test("files that call their vendor differently are refused", async () => {
    const faults = await faultsOf(openStore(), small, `isv: { id: ${isvId}, name: Demo }`);
    expect(faults).toEqual(['tenant2.yaml:1 isv.name: this vendor is "Demo Vendor" at tenant.yaml:1']);
  });

  test("an edition's name that two products use needs the product", async () => {
    const two = small
      .replace("products:", "products:\n  - name: CAM")
      .replace(
        "customers:",
        "  - { product: CAM, name: Floating devices, provisioning_mode: floating, client_type: devices }\ncustomers:",
      );
    expect(await faultsOf(openStore(), two)).toEqual([
      'tenant.yaml:24 licenses[0].edition: there are 2 editions "Floating devices"; say its product, or write its id',
    ]);
    const store = openStore();
    await apply(store, two.replace("    edition:", "    product: CAM\n    edition:"));
    const vendor = store.catalog.vendor(isvId);
    const [license] = vendor?.licenses.values() ?? [];
    expect(vendor?.products.get(license?.product_id ?? "")?.name).toBe("CAM");
  });
});

describe("what refers to something that an administrator deleted", () => {
  const license = (fields: string) => `${small}  - { name: Second, ${fields} }\n`;
  const deleted = (what: string, line: number) =>
    `${what} was deleted by an administrator; to bring it back, change what its entry says, at tenant.yaml:${line}`;

  /** The small file, applied, and then without the licence and what it hangs on. */
  async function without(...kinds: ("product" | "edition" | "customer")[]) {
    const store = openStore();
    await apply(store, small);
    await deleteEntity(store, "license", licenseId);
    const vendor = store.catalog.vendor(isvId);
    for (const edition of vendor?.editions.values() ?? []) {
      const isMeant = kinds.includes("product") || (kinds.includes("edition") && edition.name === "Floating devices");
      if (isMeant) await deleteEntity(store, "edition", edition.id);
    }
    for (const id of kinds.includes("product") ? [...(vendor?.products.keys() ?? [])] : [])
      await deleteEntity(store, "product", id);
    for (const id of kinds.includes("customer") ? [...(vendor?.customers.keys() ?? [])] : [])
      await deleteEntity(store, "customer", id);
    return store;
  }

  test("a new licence", async () => {
    const store = await without("edition", "customer");
    expect(await faultsOf(store, license('customer: "87012", edition: Floating devices'))).toEqual([
      `tenant.yaml:24 licenses[1].customer: ${deleted('customer "87012"', 18)}`,
      `tenant.yaml:24 licenses[1].edition: ${deleted('edition "Floating devices"', 9)}`,
    ]);
    expect(await apply(store, small)).toMatchObject({ created: 0, changed: 0 });
  });

  test("a licence that comes back, since the file says something else of it", async () => {
    const store = await without("edition");
    const changed = smallWith("floating_token_limit: 2", "floating_token_limit: 3");
    expect(await faultsOf(store, changed)).toEqual([
      `tenant.yaml:22 licenses[0].edition: ${deleted('edition "Floating devices"', 9)}`,
    ]);
    const both = smallWith("    features: [Cloud backup]", "    freeride: 1\n    features: [Cloud backup]", changed);
    expect(await apply(store, both)).toMatchObject({ created: 2 });
  });

  test("an edition, whose licences are not told as well, and a key", async () => {
    const store = await without("product");
    const text = smallWith("    features: [Cloud backup]", "    freeride: 1\n    features: [Cloud backup]")
      .replace("floating_token_limit: 2", "floating_token_limit: 3")
      .replace("keys:", 'keys:\n  - { name: bound, role: provisioning, secret: "another-secret-1", product: CAD }');
    expect(await faultsOf(store, text)).toEqual([
      `tenant.yaml:3 keys[0].product: ${deleted('product "CAD"', 6)}`,
      `tenant.yaml:10 editions[0].product: ${deleted('product "CAD"', 6)}`,
    ]);
  });

  test("is not at fault where an administrator had moved it elsewhere before", async () => {
    const store = openStore();
    const two = smallWith(
      "customers:",
      "  - { product: CAD, name: Other devices, provisioning_mode: floating, client_type: devices }\ncustomers:",
    );
    await apply(store, two);
    const [first, other] = ["Floating devices", "Other devices"].map(
      (name) => [...(store.catalog.vendor(isvId)?.editions.values() ?? [])].find((one) => one.name === name)?.id,
    ) as [string, string];
    const moved = store.catalog.vendor(isvId)?.licenses.get(licenseId) as License;
    await administer(store, "license", { ...moved, edition_id: other });
    await deleteEntity(store, "edition", first);
    expect(await apply(store, two.replace("floating_token_limit: 2", "floating_token_limit: 3"))).toMatchObject({
      changed: 1,
    });
  });
});

describe("a conflict in the store", () => {
  test("that nobody's change explains is a fault of the entry: another look would come to the same", async () => {
    const store = openStore();
    store.saveCatalog = async () => {
      throw new CatalogConflict("license", licenseId, "is in the way");
    };
    expect(await faultsOf(store, small)).toEqual([
      `tenant.yaml:20 licenses[0]: cannot be saved: license ${licenseId} is in the way`,
    ]);
  });

  test("with somebody who was faster is looked at again", async () => {
    const store = openStore();
    await apply(store, small);
    const save = store.saveCatalog;
    store.saveCatalog = async (changes, author) => {
      store.saveCatalog = save;
      const moved = store.catalog.vendor(isvId)?.licenses.get(licenseId) as License;
      await administer(store, "license", { ...moved, token_limit: 7 });
      await save(changes, author);
    };
    await apply(store, smallWith("floating_token_limit: 2", "floating_token_limit: 3"));
    expect(store.catalog.vendor(isvId)?.licenses.get(licenseId)).toMatchObject({
      floating_token_limit: 3,
      token_limit: 7,
    });
  });
});

describe("bounds", () => {
  test("faults that follow from others are not told", async () => {
    const text = smallWith("  - name: CAD\n", "  - name: CAD\n    colour: red\n");
    expect(await faultsOf(openStore(), text)).toEqual(["tenant.yaml:6 products[0].colour: unknown field"]);
  });

  test("many faults are printed up to a hundred", async () => {
    const fields = Array.from({ length: 150 }, (_, n) => `    zzzzzzzz${n}: 1\n`).join("");
    const faults = await faultsOf(openStore(), small + fields);
    expect(faults.length).toBe(101);
    expect(faults.at(-1)).toBe("… and 50 more");
  });

  test.each([
    ["an empty file", "", "tenant.yaml:1 want fields (isv, keys, products, editions, customers, licenses)"],
    ["no vendor", "products: []\n", "tenant.yaml:1 isv: is required"],
    [
      "a huge file",
      " ".repeat(8 * 1024 * 1024 + 1),
      "tenant.yaml:1 the file has more than 8388608 characters: split it",
    ],
    [
      "deep nesting",
      `isv: ${"[".repeat(20_000)}`,
      /^tenant\.yaml:1 (the file is nested too deeply|not well-formed YAML)/,
    ],
    ["deep nesting, closed", `isv: ${"[".repeat(20_000)}${"]".repeat(20_000)}`, /^tenant\.yaml:1 .*nested too deeply/],
    ["a billion laughs", bomb(), excessive(4)],
    // Both in time that grows with the file and no faster: otherwise these take minutes.
    ["many aliases", `a: &a 1\nx:\n${"  - *a\n".repeat(100_000)}`, excessive(103)],
    ["many fields", Array.from({ length: 50_000 }, (_, n) => `a${n}: 1`).join("\n"), "tenant.yaml:1 a0: unknown field"],
    ["aliases for much text", `a: &a "${"x".repeat(300_000)}"\nx:\n${"  - *a\n".repeat(9)}`, excessive(6)],
    [
      "an alias within its own anchor",
      `isv: { name: &a x, id: ${isvId} }\nproducts: &a [{ name: *a }]`,
      "tenant.yaml:2 not well-formed YAML: this alias stands within what it stands for (ALIAS_IN_ITSELF)",
    ],
    [
      "escapes for a terminal",
      `isv: { "a\\e[31m": 1, id: ${isvId}, name: x }`,
      "tenant.yaml:1 isv.a\\u001b[31m: unknown field",
    ],
  ] as const)("%s", async (_, text, fault) => {
    const faults = await faultsOf(openStore(), text);
    if (typeof fault === "string") expect(faults[0]).toBe(fault);
    else expect(faults[0]).toMatch(fault);
  });

  test("many references to nothing, to long names among thousands, are told up to a bound, and in time", async () => {
    const long = (text: string) => text.padEnd(99, "abcdefghijklm");
    const customers = Array.from({ length: 2_000 }, (_, n) => `  - { number: "${long(`c${n}`)}", name: C }\n`);
    const licenses = Array.from(
      { length: 300 },
      (_, n) => `  - { customer: "${long(`${n}x`)}", edition: Floating users }\n`,
    );
    const text = smallWith("licenses:\n", `${customers.join("")}licenses:\n`) + licenses.join("");
    expect((await faultsOf(openStore(), text)).at(-1)).toBe("… and 100 more");
  });

  function excessive(line: number): string {
    return `tenant.yaml:${line} not well-formed YAML: up to here the file uses its anchors more than 100 times, or for more than a million characters (ALIASES_EXCESSIVE)`;
  }

  function bomb(): string {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(", ")}]`,
    );
    return ["l0: &l0 [ha]", ...levels].join("\n");
  }
});
