/** Section 5 of SLASCONE's wire: what clients tell of their use and consume of limitations. */
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { License, Product } from "../../src/catalog/entities.ts";
import { licensesLookedAtMax } from "../../src/http/limits.ts";
import type { Store } from "../../src/stores/store.ts";
import { Turns } from "../../src/turns.ts";
import { call, type Demo, id, isv, keys, startDemo } from "./demo.ts";
import { activateMetered, addMetered, admin, metered } from "./metered.ts";

let demo: Demo;
let token: string;
beforeEach(async () => {
  demo = await startDemo();
  await addMetered(demo);
  token = (await activateMetered(demo, "pc-1")).body.token_key;
});
afterEach(() => demo.stop());

const told = async (query = "") => (await admin(demo, `/data_gathering/heartbeats${query}`)).body.items;

describe("POST data_gathering/consumption_heartbeats", () => {
  const consume = (values: object[], more: object = {}, asked = {}) =>
    call(demo, "/data_gathering/consumption_heartbeats", {
      ...asked,
      body: { client_id: "pc-1", consumption_heartbeat: values, ...more },
    });
  const docs = (value: number, more: object = {}) => ({ limitation_id: metered.docs, value, ...more });
  const validate = (limitation: string, license: string = metered.license) =>
    call(demo, "/provisioning/validate/consumption", { body: { license_id: license, limitation_id: limitation } });
  const rollBack = (transaction: string, limitation: string = metered.docs, asked = {}) =>
    call(demo, "/data_gathering/consumption_heartbeats/rollback", {
      ...asked,
      body: { limitation_id: limitation, transaction_id: transaction },
    });

  test("grants as much as the quota and its goodwill allow, with a transaction for each", async () => {
    const { status, body } = await consume([docs(8.5), docs(4), docs(3.5)]);
    expect(status).toBe(200);
    expect(body.map(({ remaining }: { remaining: number }) => remaining)).toEqual([1.5, 1.5, -2]);
    expect(body[1].transaction_id).toBeNull();
    expect(body[0]).toEqual({
      transaction_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      limitation_id: metered.docs,
      remaining: 1.5,
      limit: 10,
      goodwill: 20,
      last_reset_date_utc: "2026-01-01T00:00:00.000Z",
      next_reset_date_utc: "2026-02-01T00:00:00.000Z",
    });
    expect(body[2].transaction_id).not.toBe(body[0].transaction_id);
  });

  test("is of the product that the client is one of, where another has a limitation of the same id", async () => {
    for (const [n, name] of [
      [0x8ff, "Before"],
      [0x9ff, "Behind"],
    ] as const) {
      await admin(demo, "/products", { body: { id: id(n), name } });
      await admin(demo, `/products/${id(n)}/limitations`, { body: { id: metered.docs, name: "Documents" } });
    }
    // As another server has them, that has read the catalogue in another order.
    const products = demo.store.catalog.vendor(isv)?.products as Map<string, Product>;
    for (const [productId, product] of [...products].toReversed()) {
      products.delete(productId);
      products.set(productId, product);
    }
    expect((await consume([docs(1)], { token_key: token })).body[0].remaining).toBe(9);
    expect((await consume([docs(1)])).body[0].remaining).toBe(8);
    expect((await consume([docs(1)], { client_id: "nobody" })).body.id).toBe(2006);
  });

  test("tells by validate, by the licence and by the balance how much is left, and validating consumes nothing", async () => {
    await consume([docs(4)], { token_key: token });
    for (let n = 0; n < 2; n++) {
      expect((await validate(metered.docs)).body).toMatchObject({ transaction_id: null, remaining: 6, limit: 10 });
    }
    const heartbeat = { product_id: metered.product, client_id: "pc-1", software_version: "1", operating_system: "x" };
    const seen = await call(demo, "/provisioning/heartbeats", { body: heartbeat });
    const again = await call(demo, "/provisioning/validate", { body: { license_key: metered.license } });
    for (const { body } of [seen, again]) {
      expect(body.limitations).toEqual([
        {
          id: metered.docs,
          name: "Documents",
          description: "created",
          value: 10,
          remaining: 6,
          consumption_reset_mode: 3,
          consumption_reset_period_days: null,
        },
        expect.objectContaining({ id: metered.cores, value: 4, remaining: 4, consumption_reset_mode: 0 }),
      ]);
    }
    const balance = await call(demo, `/licenses/${metered.license}/consumption/balance`);
    expect(balance.body).toMatchObject([{ limitation_id: metered.docs, remaining: 6 }]);
    expect((await call(demo, `/licenses/${metered.license}/consumption/balance`, { key: keys.app })).status).toBe(403);
  });

  test("is taken back by its transaction, once", async () => {
    const { body } = await consume([docs(4)]);
    const [{ transaction_id: transaction }] = body;
    expect((await rollBack(transaction, metered.cores)).body.id).toBe(14013);
    const back = await rollBack(transaction.toUpperCase());
    expect([back.status, back.body]).toEqual([
      200,
      expect.objectContaining({ transaction_id: transaction, remaining: 10 }),
    ]);
    const twice = await rollBack(transaction);
    expect([twice.status, twice.body.id]).toEqual([409, 14013]);
    expect((await rollBack(id(0xdead))).body.id).toBe(14013);
    expect((await rollBack(transaction, metered.docs, { key: keys.boundToLicense })).status).toBe(409);
  });

  test("of a licence beyond the key's bounds is refused, to consume as to take back", async () => {
    const [{ transaction_id: transaction }] = (await consume([docs(1)])).body;
    const asked = { key: keys.boundToLicense };
    expect((await consume([docs(1)], { token_key: token }, asked)).status).toBe(403);
    expect((await rollBack(transaction, metered.docs, asked)).status).toBe(403);
  });

  test("is denied with SLASCONE's numbers", async () => {
    const idOf = async (answer: ReturnType<typeof call>) => (await answer).body.id;
    expect(await idOf(consume([docs(1), { limitation_id: id(0xdead), value: 1 }]))).toBe(3003);
    expect(await idOf(consume([{ limitation_id: id(0xdead), value: 1 }]))).toBe(3003);
    expect(await idOf(consume([{ limitation_id: metered.cores, value: 1 }]))).toBe(14011);
    expect(await idOf(consume([docs(1)], { client_id: "pc-2" }))).toBe(2006);
    expect(await idOf(consume([docs(1)], { token_key: id(0xdead) }))).toBe(2003);
    const other = (await activateMetered(demo, "pc-3")).body.token_key;
    expect(await idOf(consume([docs(1)], { token_key: other }))).toBe(5000);
    expect(await idOf(validate(metered.cores))).toBe(14011);
    expect(await idOf(validate(id(0xdead)))).toBe(3003);
    expect(await idOf(validate(metered.docs, id(0xdead)))).toBe(1000);
    await call(demo, "/provisioning/unassign", { body: { token_key: token } });
    expect(await idOf(consume([docs(1)], { token_key: token }))).toBe(2002);
  });

  test("takes no nonsense", async () => {
    for (const values of [[docs(-1e10)], [docs(1e10)], [{ value: 1 }], Array.from({ length: 101 }, () => docs(0))]) {
      expect((await consume(values)).status).toBe(400);
    }
    expect((await consume([])).body).toEqual([]);
  });

  test("stands among what clients told, the refused ones too", async () => {
    const at = "2025-12-31T23:00:00Z";
    const mark = { user_id: "anna", external_id: "order 7", timestamp_utc: at };
    const { body } = await consume([docs(4, mark), docs(40)]);
    await rollBack(body[0].transaction_id);
    const lines = await told(`?kind=consumption&license_id=${metered.license}`);
    expect(lines.map(({ amount }: { amount: number }) => amount)).toEqual([-4, 40, 4]);
    expect(lines[1].transaction_id).toBeNull();
    expect(lines[2]).toEqual({
      time: "2026-01-01T00:00:00.000Z",
      kind: "consumption",
      license_id: metered.license,
      client_id: "pc-1",
      user_id: "anna",
      subject_id: metered.docs,
      usage_module_id: null,
      values: [],
      amount: 4,
      transaction_id: body[0].transaction_id,
      external_id: "order 7",
      timestamp_utc: "2025-12-31T23:00:00.000Z",
    });
  });

  test("begins anew where an administrator says so, which is on record", async () => {
    const { body } = await consume([docs(10)]);
    const path = `/licenses/${metered.license}/consumption/limitations`;
    const reset = await admin(demo, `${path}/${metered.docs}/reset`, { method: "PUT" });
    expect([reset.status, reset.body]).toEqual([200, expect.objectContaining({ remaining: 10, transaction_id: null })]);
    expect((await rollBack(body[0].transaction_id)).body.id).toBe(14013);
    const statuses = [];
    for (const limitation of [metered.cores, id(0xdead)]) {
      statuses.push((await admin(demo, `${path}/${limitation}/reset`, { method: "PUT" })).body.id);
    }
    expect(statuses).toEqual([14011, 3003]);
    const { items } = (await admin(demo, "/audit")).body;
    expect(items[0]).toMatchObject({ act: "quota.reset", kind: "limitation", id: metered.docs });
  });

  test("is recalculated to what it is, and listed by licence, refused and taken back as well", async () => {
    const [granted] = (await consume([docs(4, { external_id: "order 7" }), docs(90)])).body;
    const path = `/licenses/${metered.license}/consumption`;
    const again = await admin(demo, `${path}/limitations/${metered.docs}/recalculate`, { method: "PUT" });
    expect(again.body).toEqual((await validate(metered.docs)).body);
    expect(again.body.remaining).toBe(6);
    expect((await admin(demo, `${path}/limitations/${id(1)}/recalculate`, { method: "PUT" })).body.id).toBe(3003);
    await rollBack(granted.transaction_id);
    const { body, headers } = await admin(demo, `${path}/heartbeats?page_size=2`);
    expect(headers.get("x-total-count")).toBe("3");
    expect(body).toEqual([
      expect.objectContaining({ value: -4, transaction_id: granted.transaction_id }),
      {
        limitation_id: metered.docs,
        client_id: "pc-1",
        user_id: null,
        value: 90,
        transaction_id: null,
        external_id: null,
        timestamp_utc: null,
        created_date_utc: "2026-01-01T00:00:00.000Z",
      },
    ]);
    const [first] = (await admin(demo, `${path}/heartbeats?page=2&page_size=2`)).body;
    expect(first).toMatchObject({ value: 4, external_id: "order 7", transaction_id: granted.transaction_id });
  });

  test("of one quota by two at once: one of them gets the last unit", async () => {
    await consume([docs(11)]);
    const answers = await Promise.all([consume([docs(1)]), consume([docs(1)])]);
    const granted = answers.filter(({ body }) => body[0].transaction_id !== null);
    expect(granted).toHaveLength(1);
  });
});

describe("POST data_gathering/analytical_heartbeats", () => {
  const tell = (values: object[], more: object = {}) =>
    call(demo, "/data_gathering/analytical_heartbeats", {
      body: { client_id: "pc-1", analytical_heartbeat: values, ...more },
    });
  const screen = (value: string, more: object = {}) => ({ analytical_field_id: metered.screen, value, ...more });

  test("is taken with a sentence, and can be read", async () => {
    const size = { analytical_field_id: metered.size, value: "12.5" };
    const many = screen("", { value_array: ["left", "right"] });
    const { status, body } = await tell([screen("wide"), size, many], { user_id: "anna", token_key: token });
    expect([status, body]).toEqual([200, "Heartbeat taken."]);
    const lines = await told();
    expect(lines.map(({ values }: { values: string[] }) => values)).toEqual([["left", "right"], ["12.5"], ["wide"]]);
    expect(lines[2]).toMatchObject({ kind: "analytical", user_id: "anna", subject_id: metered.screen, amount: null });
  });

  test("is denied where the field is unknown, or a number is none", async () => {
    expect((await tell([screen("x"), { analytical_field_id: id(0xdead), value: "x" }])).body.id).toBe(6000);
    for (const value of ["wide", "", "Infinity"]) {
      expect((await tell([{ analytical_field_id: metered.size, value }])).body.id, value).toBe(6001);
    }
    expect((await tell([screen("x")], { client_id: "pc-2" })).body.id).toBe(2006);
    expect(await told()).toEqual([]);
  });

  test("does not fail for a licence that is switched off, and of nothing is taken as it is", async () => {
    await admin(demo, `/licenses/${metered.license}/toggle`, { method: "PATCH", body: { is_active: false } });
    expect((await tell([screen("wide")])).status).toBe(200);
    expect((await tell([])).status).toBe(200);
    expect(await told()).toHaveLength(1);
  });
});

describe("POST data_gathering/usage_heartbeats", () => {
  test("is taken with or without a module, and denied where one of them is unknown", async () => {
    const tell = (...values: object[]) =>
      call(demo, "/data_gathering/usage_heartbeats", { body: { client_id: "pc-1", usage_heartbeat: values } });
    const opens = { usage_feature_id: metered.opens, value: 3 };
    expect(
      (await tell({ ...opens, usage_module_id: null }, { ...opens, usage_module_id: metered.editor })).status,
    ).toBe(200);
    expect((await tell({ ...opens, usage_feature_id: id(0xdead) })).body.id).toBe(3001);
    expect((await tell({ ...opens, usage_module_id: id(0xdead) })).body.id).toBe(14012);
    expect((await told()).map((line: { usage_module_id: string }) => line.usage_module_id)).toEqual([
      metered.editor,
      null,
    ]);
  });

  const byName = (more: object, asked = {}) =>
    call(demo, "/data_gathering/usage_heartbeats_by_name", {
      ...asked,
      body: {
        product_id: metered.product,
        client_id: "pc-1",
        create_usage_feature_if_not_exists: false,
        create_usage_module_if_not_exists: false,
        usage_heartbeat: [{ usage_feature_name: "Opens", usage_module_name: "Editor", value: 1 }],
        ...more,
      },
    });
  const featureNames = async () =>
    (await admin(demo, `/products/${metered.product}`)).body.usage_features.map(({ name }: { name: string }) => name);

  test("by name finds what there is, and creates what is missing where that is asked for", async () => {
    expect((await byName({})).status).toBe(200);
    const value = { usage_feature_name: "Prints", usage_module_name: "Viewer", value: 2 };
    expect((await byName({ usage_heartbeat: [value] })).body.id).toBe(3001);
    const create = { create_usage_feature_if_not_exists: true, usage_heartbeat: [value, value] };
    expect((await byName(create)).body.id).toBe(14012);
    expect(await featureNames()).toEqual(["Opens"]);
    const both = { ...create, create_usage_module_if_not_exists: true };
    expect((await byName(both, { key: keys.app })).status).toBe(403);
    expect((await byName(both)).status).toBe(200);
    expect(await featureNames()).toEqual(["Opens", "Prints"]);
    expect((await byName(both)).status).toBe(200);
    expect(await featureNames()).toEqual(["Opens", "Prints"]);
    expect((await byName({ product_id: id(0xdead) })).body.id).toBe(3000);
    expect(await told("?kind=usage")).toHaveLength(5);
  });

  test("by name from many at once creates a feature once", async () => {
    const value = { usage_feature_name: "Prints", value: 2 };
    const create = { create_usage_feature_if_not_exists: true, usage_heartbeat: [value] };
    const statuses = await Promise.all([1, 2, 3].map(async () => (await byName(create)).status));
    expect(statuses).toEqual([200, 200, 200]);
    expect(await featureNames()).toEqual(["Opens", "Prints"]);
  });

  /** As a store whose changes of the catalogue take a while: on a slow disk, or in another process. */
  async function startWithSlowCatalog(save: (saveCatalog: Store["saveCatalog"]) => Store["saveCatalog"]) {
    await demo.stop();
    demo = await startDemo({
      wrap: ({ store }) => ({
        store: Object.assign(Object.create(store), { saveCatalog: save(store.saveCatalog.bind(store)) }),
      }),
    });
    await addMetered(demo);
    await activateMetered(demo, "pc-1");
  }
  const create = (name: string) =>
    byName({ create_usage_feature_if_not_exists: true, usage_heartbeat: [{ usage_feature_name: name, value: 1 }] });

  test("by name from many at once, each with another feature, creates all of them", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `Feature ${n}`);
    let allHere: Promise<unknown> = Promise.resolve();
    const turns = new Turns();
    await startWithSlowCatalog((saveCatalog) => async (...change) => {
      await allHere;
      return turns.take(() => setImmediate().then(() => saveCatalog(...change)));
    });
    let missing = names.length;
    allHere = new Promise<void>((resolve) => demo.app.server.on("request", () => --missing === 0 && resolve()));
    const statuses = await Promise.all(names.map(async (name) => (await create(name)).status));
    expect(statuses).toEqual(names.map(() => 200));
    expect((await featureNames()).toSorted()).toEqual(["Opens", ...names].toSorted());
  });

  test("by name is told to come again where other servers are always faster", async () => {
    let others = 0;
    await startWithSlowCatalog((saveCatalog) => async (changes, author) => {
      const product = demo.store.catalog.vendor(isv)?.products.get(metered.product);
      const isAddition = changes.some(({ body }) => body !== null && "usage_features" in body) && others > 0;
      if (isAddition && product !== undefined) {
        const theirs = { ...product, usage_modules: [{ id: id(0xa00 + others), name: `Module ${others++}` }] };
        const { id: productId } = product;
        await saveCatalog([{ isvId: isv, kind: "product", id: productId, body: theirs, applied: null, from: product }]);
      }
      return saveCatalog(changes, author);
    });
    others = 1;
    const { status, body, headers } = await create("Prints");
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "overloaded", "1"]);
    expect(await told()).toEqual([]);
  });
});

describe("look-ups by names and numbers", () => {
  const find = (path: string, body: object, asked = {}) => call(demo, `/lookup/${path}`, { ...asked, body });

  test("find customers and products, or nothing", async () => {
    expect((await find("customer", { customer_number: "87012" })).body).toBe(id(0x200));
    expect((await find("product", { product_name: "Metered" })).body).toBe(metered.product);
    const nothing = await find("customer", { customer_number: "none" });
    expect([nothing.status, nothing.text]).toEqual([204, ""]);
    expect((await find("product", { product_name: "Metered" }, { key: keys.boundToProduct })).status).toBe(204);
  });

  test("find the licences on which a client is active, or else those that have a token for it", async () => {
    const ask = { product_id: metered.product, customer_number: "87012" };
    expect((await find("licenses", { ...ask, client_id: "pc-1" })).body).toEqual([metered.license]);
    expect((await find("licenses", { ...ask, client_id: "new" })).body).toEqual([metered.license, metered.users]);
    expect((await find("licenses", { ...ask, client_id: "new", legacy_key: "none" })).body.id).toBe(4001);
    const key = { id: metered.users, legacy_license_key: "Factor.com" };
    expect((await admin(demo, "/licenses", { method: "PATCH", body: key })).status).toBe(200);
    const ofKey = await find("licenses", { ...ask, client_id: "new", legacy_key: " factor.COM" });
    expect(ofKey.body).toEqual([metered.users]);
    expect((await find("licenses", { ...ask, client_id: "new", customer_number: "none" })).body.id).toBe(4000);
    expect((await find("licenses", { ...ask, client_id: "new", product_id: id(0xdead) })).body.id).toBe(3000);
  });

  test("find the licence on which a client is active, however many others the customer has", async () => {
    const first = demo.store.catalog.vendor(isv)?.licenses.get(metered.license) as License;
    const more = Array.from({ length: licensesLookedAtMax }, (_, n) => ({ ...first, id: id(0xa00 + n) }));
    await demo.store.saveCatalog(
      more.map((body) => ({ isvId: isv, kind: "license", id: body.id, body, applied: null }) as const),
    );
    const last = more.at(-1)?.id as string;
    await activateMetered(demo, "pc-9", { license_key: last });
    const ask = { product_id: metered.product, customer_number: "87012", client_id: "pc-9" };
    expect((await find("licenses", ask)).body).toEqual([last]);
  });
});

describe("what a licence entitles to", () => {
  const info = async (clientId = "pc-1", version = "25.1") => {
    const body = { product_id: metered.product, client_id: clientId, software_version: version, operating_system: "x" };
    return (await call(demo, "/provisioning/heartbeats", { body })).body;
  };
  const change = (more: object) =>
    admin(demo, "/licenses", { method: "PATCH", body: { id: metered.license, ...more } });

  test("is the edition's, until the licence has it otherwise", async () => {
    const told = await info();
    expect(told.features.map((feature: { is_active: boolean }) => feature.is_active)).toEqual([true, false]);
    expect(told.variables).toEqual([{ id: metered.variable, name: "Greeting", description: null, value: "Hello" }]);
    expect(told.constrained_variables).toEqual([
      { id: metered.region, name: "Region", description: null, customListId: metered.region, value: ["eu"] },
    ]);
    const { status } = await change({
      license_features: [{ feature_id: metered.trial, expiration_date_utc: "2026-01-02T00:00:00Z" }],
      license_limitations: [{ limitation_id: metered.docs, limit: 3, consumption_reset_mode: 1 }],
      license_variables: [{ variable_id: metered.variable, value: "Welcome" }],
      license_constrained_variables: [{ variable_id: metered.region, values: ["us", "asia"] }],
    });
    expect(status).toBe(200);
    const own = await info();
    expect(own.features).toEqual([
      expect.objectContaining({ name: "Export", is_active: true, expiration_date_utc: null }),
      expect.objectContaining({
        name: "Trial of AI",
        is_active: true,
        expiration_date_utc: "2026-01-02T00:00:00.000Z",
      }),
    ]);
    expect(own.limitations[0]).toMatchObject({ value: 3, remaining: 3, consumption_reset_mode: 1 });
    expect(own.variables[0].value).toBe("Welcome");
    expect(own.constrained_variables[0].value).toEqual(["us", "asia"]);
    const shown = (await admin(demo, `/licenses/${metered.license}`)).body;
    expect(shown.license_limitations[0]).toMatchObject({ limitation_id: metered.docs, limit: 3 });
    expect(shown.license_features[1]).toMatchObject({ is_active: true });
    expect(shown.license_variables[0].value).toBe("Welcome");
    demo.clock.advance(24 * 3_600_000);
    expect((await info()).features[1].is_active).toBe(false);
  });

  test("without a limit has a null for its value and a number left all the same, be it a quota or a plain number", async () => {
    const license_limitations = [
      { limitation_id: metered.docs, limit: null, consumption_reset_mode: 3 },
      { limitation_id: metered.cores, limit: null },
    ];
    expect((await change({ license_limitations })).status).toBe(200);
    expect((await info()).limitations).toMatchObject([
      { id: metered.docs, value: null, remaining: 0, consumption_reset_mode: 3 },
      { id: metered.cores, value: null, remaining: 0, consumption_reset_mode: 0 },
    ]);
  });

  test("of its own is told as a change takes it, and goes back to the edition's with a list that leaves it out", async () => {
    const own = {
      license_features: [
        { feature_id: metered.trial, is_active: true, expiration_date_utc: "2026-01-02T00:00:00.000Z" },
      ],
      license_limitations: [
        { limitation_id: metered.docs, limit: 3, consumption_reset_mode: null, consumption_reset_period_days: null },
      ],
      license_variables: [{ variable_id: metered.variable, value: "" }],
      license_constrained_variables: [{ variable_id: metered.region, values: ["us"] }],
      software_release_limitation_id: metered.release,
    };
    const read = async () => (await admin(demo, `/licenses?search=${metered.license}`)).body.items[0];
    const before = await read();
    expect((await change(own)).status).toBe(200);
    const changed = await read();
    expect(changed.own_parts).toEqual(own);
    await change(changed.own_parts);
    expect((await read()).etag).toBe(changed.etag);
    await change({ license_limitations: null });
    expect((await read()).own_parts.license_limitations).toEqual(own.license_limitations);
    const empty = {
      license_features: [],
      license_limitations: [],
      license_variables: [],
      license_constrained_variables: [],
      software_release_limitation_id: null,
    };
    await change(empty);
    const after = await read();
    expect(after.own_parts).toEqual(empty);
    for (const list of [
      "license_features",
      "license_limitations",
      "license_variables",
      "license_constrained_variables",
    ]) {
      expect(after[list], list).toEqual(before[list]);
    }
  });

  test("covers releases up to the one that is named, and tells so", async () => {
    expect((await info("pc-1", "25.2.7")).is_software_version_valid).toBe(true);
    const newer = await info("pc-1", "25.3");
    expect(newer.is_software_version_valid).toBe(false);
    expect(newer.software_release_limitation).toEqual({
      id: metered.release,
      product_id: metered.product,
      software_release: "25.2",
      description: null,
    });
    const refused = await activateMetered(demo, "pc-2", { software_version: "25.3" });
    expect([refused.status, refused.body.id]).toEqual([409, 1003]);
    expect((await activateMetered(demo, "pc-2", { software_version: "25.2" })).status).toBe(200);
    const template = { id: metered.template, allows_invalid_software_release: true };
    await admin(demo, "/templates", { method: "PATCH", body: template });
    expect((await activateMetered(demo, "pc-3", { software_version: "26" })).body.is_software_version_valid).toBe(
      false,
    );
  });

  test("is refused where it speaks of what the product has not, or chooses what may not be chosen", async () => {
    // With SLASCONE's number, where it has one.
    for (const [number, more] of [
      [3001, { license_features: [{ feature_id: id(0xdead) }] }],
      [3003, { license_limitations: [{ limitation_id: id(0xdead), limit: 1 }] }],
      [undefined, { license_limitations: [{ limitation_id: metered.docs, limit: 1, consumption_reset_mode: 2 }] }],
      [3002, { license_variables: [{ variable_id: id(0xdead), value: "x" }] }],
      [undefined, { license_constrained_variables: [{ variable_id: metered.region, values: ["moon"] }] }],
      [1004, { software_release_limitation_id: id(0xdead) }],
    ] as const) {
      const { status, body } = await change(more);
      expect([status, body.id], JSON.stringify(more)).toEqual([number === undefined ? 400 : 409, number]);
    }
    const gone = await admin(demo, `/products/${metered.product}/constrained_variables/${metered.region}`, {
      method: "DELETE",
    });
    expect([gone.status, gone.body.code]).toEqual([409, "entity_in_use"]);
  });

  test("an edition reads back as it was written, and the product with all its lists", async () => {
    const template = (await admin(demo, `/templates/${metered.template}`)).body;
    expect(template).toMatchObject({
      user_limit: null,
      software_release_limitation_id: metered.release,
      limitations: [
        { limitation_id: metered.docs, limit: 10, consumption_reset_mode: 3, goodwill: 20, enforce_limit: true },
        { limitation_id: metered.cores, limit: 4, consumption_reset_mode: 0, goodwill: 0, enforce_limit: true },
      ],
      variables: [{ variable_id: metered.variable, value: "Hello" }],
      constrained_variables: [{ variable_id: metered.region, values: ["eu"] }],
    });
    const product = (await admin(demo, `/products/${metered.product}`)).body;
    expect(product.analytical_fields[1]).toMatchObject({ name: "Size", type: "number" });
    expect(product.constrained_variables[0]).toMatchObject({ name: "Region", values: ["eu", "us", "asia"] });
  });
});

describe("users who are registered on a licence", () => {
  const path = `/licenses/${metered.users}/users`;
  const add = (userId: string, more: object = {}) => admin(demo, path, { body: { user_id: userId, ...more } });
  const put = (userId: string, more: object) =>
    admin(demo, path, { method: "PATCH", body: { user_id: userId, ...more } });

  test("are added, changed, listed and taken away; as many as the licence says are active", async () => {
    const anna = await add("Anna@factor.com", { name: "Anna" });
    expect([anna.status, anna.body]).toEqual([
      201,
      {
        user_id: "Anna@factor.com",
        name: "Anna",
        license_id: metered.users,
        is_active: true,
        created_date_utc: "2026-01-01T00:00:00.000Z",
        modified_date_utc: "2026-01-01T00:00:00.000Z",
      },
    ]);
    expect((await add("anna@factor.com")).body.id).toBe(1008);
    expect((await add("ben@factor.com")).status).toBe(201);
    expect((await add("carl@factor.com")).body.id).toBe(1009);
    expect((await add("carl@factor.com", { is_active: false })).status).toBe(201);
    expect((await put("ben@factor.com", { is_active: false })).body.is_active).toBe(false);
    expect((await put("carl@factor.com", { is_active: true })).status).toBe(200);
    expect((await put("dora@factor.com", {})).body.id).toBe(1010);
    const listed = (await admin(demo, path)).body;
    expect(listed.map(({ user_id }: { user_id: string }) => user_id)).toEqual([
      "Anna@factor.com",
      "ben@factor.com",
      "carl@factor.com",
    ]);
    expect((await admin(demo, `${path}/ANNA@factor.com`, { method: "DELETE" })).status).toBe(204);
    expect((await admin(demo, `${path}/anna@factor.com`, { method: "DELETE" })).status).toBe(404);
    const many = { user_ids: ["ben@factor.com", "BEN@factor.com", "nobody"] };
    expect((await admin(demo, `${path}/bulk-delete`, { body: many })).body).toEqual({
      deleted: 1,
      not_found: ["nobody"],
    });
    expect((await admin(demo, path)).body).toHaveLength(1);
    const acts = (await admin(demo, "/audit")).body.items.map(({ act }: { act: string }) => act).slice(0, 3);
    expect(acts).toEqual(["user.deleted", "user.deleted", "user.changed"]);
  });

  test("are found by P12 with themselves alone, and before clients that name them", async () => {
    await add("Anna", { name: "Anna B.", is_active: false });
    await add("ben");
    const heartbeat = { product_id: metered.product, license_key: metered.users, client_id: "anna" };
    await call(demo, "/provisioning/activations", { body: heartbeat });
    const find = (userId: string) =>
      call(demo, "/provisioning/licenses/by_user", { body: { product_id: metered.product, user_id: userId } });
    const { body } = await find("ANNA");
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({ id: metered.users, user_limit: 2 });
    expect(body[0].license_users).toEqual([
      expect.objectContaining({ user_id: "Anna", name: "Anna B.", is_active: false }),
    ]);
    expect((await find("dora")).body).toEqual([]);
    const whole = (await call(demo, `/licenses/${metered.users}`)).body;
    expect(whole.license_users.map(({ user_id }: { user_id: string }) => user_id)).toEqual(["Anna", "ben"]);
  });

  test("who are known by several clients are active as long as one of these holds its token", async () => {
    const tokens: string[] = [];
    for (const client_id of ["laptop/anna", "desk/anna"]) {
      const known = { product_id: metered.product, license_key: metered.users, client_id };
      tokens.push((await call(demo, "/provisioning/activations", { body: known })).body.token_key);
      const heartbeat = { ...known, user_id: "anna", software_version: "1", operating_system: "x" };
      expect((await call(demo, "/provisioning/heartbeats", { body: heartbeat })).status).toBe(200);
    }
    const known = async () => (await call(demo, `/licenses/${metered.users}`)).body.license_users;
    for (const [n, is_active] of [true, false].entries()) {
      await call(demo, "/provisioning/unassign", { body: { token_key: tokens[n] } });
      expect(await known()).toEqual([expect.objectContaining({ user_id: "anna", is_active })]);
    }
  });

  test("stand in what validation, activation and heartbeat tell administrators, and nobody else", async () => {
    await add("Anna", { name: "Anna B." });
    const validate = { license_key: metered.users };
    const activation = { product_id: metered.product, license_key: metered.users, client_id: "ben" };
    const heartbeat = {
      product_id: metered.product,
      client_id: "ben",
      software_version: "1",
      operating_system: "Linux",
    };
    for (const [path, body] of [
      ["/provisioning/validate", validate],
      ["/provisioning/activations", activation],
      ["/provisioning/heartbeats", heartbeat],
    ] as const) {
      const told = await admin(demo, path, { body });
      expect([path, told.body.license_users]).toEqual([
        path,
        [expect.objectContaining({ user_id: "Anna", name: "Anna B.", license_id: metered.users, is_active: true })],
      ]);
      const again = path === "/provisioning/activations" ? { ...body, client_id: "carl" } : body;
      expect((await call(demo, path, { body: again })).body.license_users).toEqual([]);
    }
  });

  test("are managed and named by nobody from whom names are hidden", async () => {
    await add("Anna", { name: "Anna B." });
    const key = { name: "operator", role: "admin", admin_role: "operator" };
    const { secret } = (await admin(demo, "/keys", { body: key })).body;
    const asOperator = { adminKey: secret as string };
    await admin(demo, "/vendor", { method: "PATCH", body: { shows_pseudonyms: true } });
    const listed = (await call(demo, path, asOperator)).body[0];
    expect([listed.user_id, listed.name].join()).toMatch(/^user-[0-9a-f]{24},user-[0-9a-f]{24}$/);
    for (const asked of [
      { body: { user_id: "ben" } },
      { method: "PATCH", body: { user_id: "anna", is_active: false } },
    ]) {
      expect((await call(demo, path, { ...asOperator, ...asked })).status).toBe(403);
    }
    expect((await call(demo, `${path}/anna`, { ...asOperator, method: "DELETE" })).status).toBe(403);
    const many = { ...asOperator, body: { user_ids: ["anna"] } };
    expect((await call(demo, `${path}/bulk-delete`, many)).status).toBe(403);
    const asked = { product_id: metered.product, user_id: "ANNA" };
    const { body } = await call(demo, "/provisioning/licenses/by_user", { body: asked });
    expect(body[0].license_users[0]).toMatchObject({ user_id: "ANNA", name: "ANNA" });
  });
});
