/** The catalogue as administrators change it: over HTTP, on the memory store. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Asked,
  activate,
  call,
  customer,
  type Demo,
  feature,
  id,
  isv,
  keys,
  legacyProduct,
  licenses,
  limitation,
  open,
  otherIsv,
  product,
  projectCustomer,
  startDemo,
} from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const users = id(0x301);
/** As our own clients ask: with problem details for every refusal. */
const admin = (path: string, asked: Asked = {}) =>
  call(demo, path, {
    adminKey: keys.admin,
    ...asked,
    headers: { accept: "application/problem+json", ...asked.headers },
  });
const get = (path: string) => admin(path);
const post = (path: string, body: unknown, headers = {}) => admin(path, { method: "POST", body, headers });
const put = (path: string, body: unknown, headers = {}) => admin(path, { method: "PUT", body, headers });
const patch = (path: string, body: unknown, headers = {}) => admin(path, { method: "PATCH", body, headers });
const remove = (path: string, headers = {}) => admin(path, { method: "DELETE", headers });
const etag = (answer: { headers: Headers }) => answer.headers.get("etag") as string;

describe("products", () => {
  test("are created, changed, read, listed and deleted", async () => {
    const created = await post("/products", { name: "CAE" });
    expect([created.status, created.body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: "CAE",
        prioritized_key: 0,
        features: [],
        limitations: [],
        variables: [],
        heartbeat_types: [],
        constrained_variables: [],
        software_release_limitations: [],
        analytical_fields: [],
        usage_features: [],
        usage_modules: [],
      },
    ]);
    const path = `/products/${created.body.id}`;
    const changed = await put("/products", { id: created.body.id, prioritized_key: 1 });
    expect(changed.body).toEqual({ ...created.body, prioritized_key: 1 });
    expect((await get(path)).body).toEqual(changed.body);
    const listed = await get("/products?sort=name");
    expect(listed.body.map(({ name }: { name: string }) => name)).toEqual(["CAD", "CAE", "CAM"]);
    expect(listed.headers.get("x-total-count")).toBe("3");
    expect((await remove(path)).status).toBe(204);
    expect((await get(path)).body.code).toBe("entity_unknown");
  });

  test("take the id that their creator chooses, unless it is taken; all zeros is none", async () => {
    const chosen = id(0x777);
    expect((await post("/products", { id: chosen.toUpperCase(), name: "Chosen" })).body.id).toBe(chosen);
    expect((await post("/products", { id: chosen, name: "Twice" })).body.code).toBe("name_taken");
    const zeros = await post("/products", { id: "00000000-0000-0000-0000-000000000000", name: "Zeros" });
    expect(zeros.body.id).not.toMatch(/^0{8}/);
  });

  test("with a name that another has are refused, in the field's words", async () => {
    const { status, body } = await post("/products", { name: "CAD" });
    expect([status, body.code, body.detail]).toEqual([
      409,
      "name_taken",
      `name: is that of product ${product} already`,
    ]);
    expect(body.errors).toEqual([{ field: "name", detail: `is that of product ${product} already` }]);
  });

  test("that others depend on are not deleted, and the refusal says who", async () => {
    const { status, body } = await remove(`/products/${product}`);
    expect([status, body.code]).toEqual([409, "entity_in_use"]);
    expect(body.detail).toBe("In use by 8 templates and 10 licences and 1 key.");
    expect(body.dependents.count).toBe(19);
    expect(body.dependents.items).toHaveLength(5);
    expect(body.dependents.items[0]).toEqual({ kind: "template", id: id(0x300), name: "Floating devices" });
  });

  test("have features and the like, each with calls of its own", async () => {
    const path = `/products/${product}/features`;
    const added = await post(path, { name: "AI", description: "guesses" });
    expect([added.status, added.body]).toEqual([
      201,
      { id: expect.any(String), product_id: product, name: "AI", description: "guesses" },
    ]);
    const changed = await put(path, { id: added.body.id, name: "AI 2", description: null });
    expect(changed.body).toMatchObject({ name: "AI 2", description: null });
    expect((await get(`${path}/${added.body.id}`)).body).toEqual(changed.body);
    expect((await get(path)).body).toHaveLength(2);
    expect((await post(path, { name: "AI 2" })).body.code).toBe("input_invalid");
    expect((await remove(`${path}/${added.body.id}`)).status).toBe(204);
    expect((await remove(`${path}/${added.body.id}`)).status).toBe(404);
    for (const list of ["limitations", "variables", "heartbeat_types"]) {
      expect((await post(`/products/${product}/${list}`, { name: "one" })).status).toBe(201);
    }
  });

  test("keep a feature that an edition switches on", async () => {
    const refused = await remove(`/products/${product}/features/${feature}`);
    expect([refused.status, refused.body.code]).toEqual([409, "entity_in_use"]);
    expect(refused.body.dependents.items[0].kind).toBe("template");
  });
});

describe("editions", () => {
  const floating = { product_id: product, name: "Team", provisioning_mode: 1, client_type: 1 };

  test("are created with the defaults of tenant files", async () => {
    const { status, body } = await post("/templates", floating);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...floating,
      session_period: 60,
      enforce_floating_limit: true,
      free_ride: 0,
      max_checkout_period: 43_200,
      license_count: 0,
    });
    const devices = await post("/templates", { ...floating, name: "Named", provisioning_mode: 0, client_type: 0 });
    expect(devices.body.session_period).toBeNull();
  });

  test("are listed by product and name", async () => {
    const names = async (query: string) =>
      (await get(`/templates${query}`)).body.map((each: { name: string }) => each.name);
    expect(await names(`?product_id=${legacyProduct}`)).toEqual(["Legacy"]);
    expect(await names("?name=Guest")).toEqual(["Guest"]);
    expect(await names("?search=floating&descending=true")).toEqual(["Floating users", "Floating devices"]);
    expect(await names("?search=cam")).toEqual(["Legacy"]);
    expect(await names("?page=2&page_size=8")).toEqual(["Switching projects"].slice(0, 1));
  });

  test("take effect on their licences at once", async () => {
    const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
    await open(demo, anna);
    expect((await patch("/templates", { id: users, session_period: 9, features: [] })).status).toBe(200);
    const extended = await open(demo, anna);
    const minutes = (Date.parse(extended.body.session_valid_until) - demo.clock.now()) / 60_000;
    expect(minutes).toBe(9);
    expect((await get(`/licenses/${licenses.users}`)).body.license_features).toMatchObject([{ is_active: false }]);
  });

  test.each([
    ["provisioning_mode", 0, 400, 'cannot change (it is "floating")'],
    ["client_type", 0, 400, 'cannot change (it is "users")'],
    ["is_temporary", true, 400, "cannot change (it is false)"],
    ["product_id", legacyProduct, 400, "cannot change"],
    ["session_period", null, 400, "sessions need a period: want minutes"],
    ["allow_kind_switch", true, 400, "is for projects alone; the edition counts users"],
    ["features", [{ feature_id: limitation }], 409, `product "CAD" has no feature ${limitation}`],
    ["limitations", [{ limitation_id: feature, limit: 1 }], 409, `product "CAD" has no limitation ${feature}`],
  ])("refuse another %s, in the field's words", async (field, value, refusal, words) => {
    const before = await get(`/templates/${users}`);
    const { status, body } = await patch("/templates", { id: users, [field]: value });
    expect([status, body.code]).toEqual([refusal, "input_invalid"]);
    expect(body.errors[0].field).toBe(field);
    expect(body.detail).toContain(`${field}: ${words}`);
    expect((await get(`/templates/${users}`)).body).toEqual(before.body);
  });

  test("keep a setting that is not named, and lose one that is null", async () => {
    await patch("/templates", { id: users, activation_upon_license_creation: 1, activate_on_open: false });
    const { body } = await patch("/templates", { id: users, activation_upon_license_creation: null });
    expect([body.activation_upon_license_creation, body.activate_on_open]).toEqual([null, false]);
  });

  test("are cloned with everything but name and licences", async () => {
    const like = (await get(`/templates/${users}`)).body;
    const { status, body } = await post(`/templates/${users}/clone`, { name: "Copy" });
    expect(status).toBe(201);
    expect(body).toEqual({ ...like, id: body.id, name: "Copy", license_count: 0 });
    expect((await post(`/templates/${users}/clone`, { name: "Copy" })).body.code).toBe("name_taken");
  });

  test("with licences go only if those change to another edition that counts alike", async () => {
    expect((await remove(`/templates/${users}`)).body.code).toBe("entity_in_use");
    const other = await remove(`/templates/${users}?new_template_id=${id(0x300)}`);
    expect([other.status, other.body.detail]).toEqual([
      400,
      'template_id: cannot change from "Floating users" to "Floating devices": client_type of both must be the same',
    ]);
    const heir = (await post(`/templates/${users}/clone`, { name: "Heir" })).body.id;
    expect((await remove(`/templates/${users}?new_template_id=${heir}`)).status).toBe(204);
    expect((await get(`/licenses/${licenses.users}`)).body.template_id).toBe(heir);
    expect((await get(`/templates/${users}`)).status).toBe(404);
  });
});

describe("customers", () => {
  test("are created, changed, found by number, listed and deleted", async () => {
    const created = await post("/customers", {
      company_name: "Ring",
      customer_number: "9",
      email: "ring@ring.example",
    });
    expect(created.status).toBe(201);
    const { id: customerId } = created.body;
    const changed = await patch("/customers", { id: customerId, customer_number: "10", email: null });
    expect(changed.body).toEqual({ id: customerId, company_name: "Ring", customer_number: "10", email: null });
    expect((await get("/customers/by_number?customer_number=10")).body).toEqual(changed.body);
    expect((await get("/customers/by_number?customer_number=9")).status).toBe(404);
    const page = await post("/customers/filtered", { search: "r", sort: "customer_number", page: 2, page_size: 2 });
    expect(page.body).toMatchObject({ page: 2, page_size: 2, total: 4 });
    expect(page.body.items.map((each: { customer_number: string }) => each.customer_number)).toEqual([
      "87013",
      "87014",
    ]);
    expect((await remove(`/customers/${customerId}`)).status).toBe(204);
  });

  test("with licences or the number of another are refused", async () => {
    expect((await remove(`/customers/${projectCustomer}`)).body.dependents.count).toBe(2);
    const taken = await patch("/customers", { id: customer, customer_number: "87013" });
    expect(taken.body.errors[0].field).toBe("customer_number");
  });
});

describe("licences", () => {
  const plain = { customer_id: customer, template_id: users };

  test("are created with their edition's limits, unless they say their own", async () => {
    await patch("/templates", { id: users, floating_token_limit: 7, token_limit: 3 });
    const { status, body } = await post("/licenses", { ...plain, token_limit: 1, name: "Main" });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...plain,
      product_id: product,
      name: "Main",
      floating_token_limit: 7,
      token_limit: 1,
      is_active: true,
      is_valid: true,
      expiration_date_utc: null,
    });
    expect((await open(demo, { license_id: body.id, client_id: "anna" })).status).toBe(200);
  });

  test("change what is named, and nothing else", async () => {
    const before = (await get(`/licenses/${licenses.users}`)).body;
    const changed = await patch("/licenses", {
      id: licenses.users,
      floating_token_limit: 5,
      expiration_date_utc: "2030-01-01T00:00:00+01:00",
      legacy_license_key: null,
    });
    expect(changed.body).toMatchObject({
      floating_token_limit: 5,
      expiration_date_utc: "2029-12-31T23:00:00.000Z",
      legacy_license_key: null,
      token_limit: before.token_limit,
      name: before.name,
    });
  });

  test.each([
    ["template_id", id(0x300), 400, "cannot change"],
    ["template_id", id(0x999), 400, "there is no template of this id"],
    ["customer_id", id(0x999), 409, "there is no customer of this id"],
    ["product_id", legacyProduct, 400, "is not that of the template"],
    ["project_tokens", { mono: 1, team: 1 }, 400, "is for project licences alone"],
    ["expiration_date_utc", "2001-02-30T00:00:00Z", 400, "there is no such day"],
  ])("refuse another %s, in the field's words", async (field, value, refusal, words) => {
    const { status, body } = await patch("/licenses", { id: licenses.users, [field]: value });
    expect([status, body.code]).toEqual([refusal, "input_invalid"]);
    expect(body.detail).toContain(`${field}: ${words}`);
  });

  test("of a devices edition take no domains of users", async () => {
    const { body } = await patch("/licenses", { id: licenses.devices, allowed_user_domains: ["factor.com"] });
    expect(body.errors[0].field).toBe("allowed_user_domains");
  });

  test("take no domain that a store cannot keep: control characters, half of a surrogate pair", async () => {
    for (const domain of ["factor\ud800.com", "factor\u0085.com", "factor\u0000.com"]) {
      const { status } = await patch("/licenses", { id: licenses.users, allowed_user_domains: [domain] });
      expect([domain, status]).toEqual([domain, 400]);
    }
  });

  test("are listed by filter, sort and page, by query or body alike", async () => {
    const idsOf = ({ body }: { body: { items: { id: string }[] } }) => body.items.map((each) => each.id);
    expect(idsOf(await get(`/licenses?template_id=${users}`))).toEqual([licenses.users]);
    expect(idsOf(await get("/licenses?is_active=false"))).toEqual([licenses.inactive]);
    expect(idsOf(await get("/licenses?is_expired=true"))).toEqual([licenses.expired]);
    expect(idsOf(await get("/licenses?search=FACTOR.com"))).toEqual([licenses.users]);
    const counting = idsOf(await get("/licenses?client_type=2"));
    expect(counting).toEqual(expect.arrayContaining([licenses.projects, licenses.otherProjects]));
    expect(counting).not.toContain(licenses.users);
    const asked = { search: "vector", sort: "customer", descending: true, page: 1, page_size: 1 };
    const first = await post("/licenses/filtered", asked);
    expect([first.body.total, first.body.items.length]).toEqual([2, 1]);
    const second = await get("/licenses?search=vector&sort=customer&descending=true&page=2&page_size=1");
    expect([...idsOf(first), ...idsOf(second)].toSorted()).toEqual([licenses.projects, licenses.otherProjects]);
  });

  test.each(["sort=colour", "page=0", "page_size=1001", "customer=1", "is_active=maybe"])(
    "?%s is no list",
    async (query) => {
      expect((await get(`/licenses?${query}`)).status).toBe(400);
    },
  );

  test("are switched by their own call", async () => {
    const path = `/licenses/${licenses.users}/toggle`;
    expect((await patch(path, undefined)).body.is_active).toBe(false);
    expect((await patch(path, undefined)).body.is_active).toBe(true);
    expect((await patch(path, { is_active: true })).body.is_active).toBe(true);
  });

  describe("that are deleted", () => {
    test("are unknown from then on, and their history stays", async () => {
      const path = `/licenses/${licenses.users}`;
      expect((await remove(path)).status).toBe(204);
      expect((await get(path)).status).toBe(404);
      expect((await open(demo, { license_id: licenses.users, client_id: "anna" })).body.id).toBe(1000);
      expect((await get(`${path}/history`)).body.items.map(({ act }: { act: string }) => act)).toEqual([
        "deleted",
        "created",
      ]);
    });

    test("must have no live session, or be forced, which ends them first", async () => {
      const path = `/licenses/${licenses.users}`;
      await open(demo, { license_id: licenses.users, client_id: "anna" });
      const refused = await remove(path);
      expect([refused.status, refused.body.code]).toEqual([409, "entity_in_use"]);
      expect(refused.body.detail).toBe("In use by 1 session.");
      expect(refused.body.dependents.items).toEqual([{ kind: "session", id: expect.any(String), name: "anna" }]);
      expect((await remove(`${path}?force=true`)).status).toBe(204);
      const history = await demo.store.history(isv, licenses.users, 10);
      expect(history.map(({ kind }) => kind)).toEqual(["client.activated", "session.opened", "session.ended"]);
    });

    test("take the tokens of their clients along, in history and charts too", async () => {
      await activate(demo, licenses.named, "pc-1");
      const suspended = (await activate(demo, licenses.named, "pc-2")).body;
      const client = (await get(`/licenses/${licenses.named}/assignments`)).body.find(
        ({ token_key }: { token_key: string }) => token_key === suspended.token_key,
      );
      const until = { id: client.id, suspended_until_utc: "2027-01-01T00:00:00Z" };
      await call(demo, `/licenses/${licenses.named}/assignments`, { adminKey: keys.admin, method: "PUT", body: until });
      demo.clock.advance(60_000);
      expect((await remove(`/licenses/${licenses.named}`)).status).toBe(204);
      const history = await demo.store.history(isv, licenses.named, 10);
      expect(history.map(({ tokens }) => tokens)).toEqual([1, 1, 0, -1, -1]);
    });

    test("are not kept by sessions that have lapsed", async () => {
      await open(demo, { license_id: licenses.users, client_id: "anna" });
      demo.clock.advance(300_000);
      expect((await remove(`/licenses/${licenses.users}`)).status).toBe(204);
    });

    test("keep their sessions where If-Match names another version", async () => {
      await open(demo, { license_id: licenses.users, client_id: "anna" });
      const late = await remove(`/licenses/${licenses.users}?force=true`, { "If-Match": '"something-else"' });
      expect(late.status).toBe(412);
      expect((await get(`/licenses/${licenses.users}/opensessions`)).body).toHaveLength(1);
    });

    test("must have no key that is bound to them", async () => {
      const { body } = await remove(`/licenses/${licenses.devices}`);
      expect(body.dependents).toMatchObject({ count: 2, items: [{ kind: "key" }, { kind: "key" }] });
    });
  });
});

describe("the client that an edition activates with a new licence", () => {
  const create = (more: object) => post("/licenses", { customer_id: customer, template_id: users, ...more });
  const clientsOf = async (licenseId: string) =>
    (await get(`/licenses/${licenseId}/assignments`)).body.map((each: { client_id: string }) => each.client_id);
  const mode = (n: number | null) => patch("/templates", { id: users, activation_upon_license_creation: n });

  test("is the customer's number, its e-mail address, or the one that is given", async () => {
    await mode(1);
    expect(await clientsOf((await create({})).body.id)).toEqual(["87012"]);
    await mode(2);
    await patch("/customers", { id: customer, email: "it@factor.com" });
    expect(await clientsOf((await create({})).body.id)).toEqual(["it@factor.com"]);
    await mode(3);
    expect(await clientsOf((await create({ client_id: "PC-1" })).body.id)).toEqual(["PC-1"]);
  });

  test.each([null, 0, 4, 5])("is none by %s", async (n) => {
    await mode(n);
    expect(await clientsOf((await create({ client_id: "PC-1" })).body.id)).toEqual([]);
  });

  test("must be there, or there is no licence", async () => {
    await mode(2);
    expect((await create({})).body.detail).toContain("customer_id: ");
    await mode(3);
    expect((await create({})).body.detail).toContain("client_id: ");
    expect((await get(`/licenses?template_id=${users}`)).body.total).toBe(1);
  });

  test("needs a token on a named licence, and a licence that can be used", async () => {
    const named = { customer_id: customer, template_id: id(0x303), token_limit: 0 };
    await patch("/templates", { id: id(0x303), activation_upon_license_creation: 1 });
    expect((await post("/licenses", named)).body.detail).toContain("token_limit: ");
    await mode(1);
    expect(await clientsOf((await create({ is_active: false })).body.id)).toEqual([]);
  });
});

describe("lost updates", () => {
  test("are prevented by the ETag of what was read", async () => {
    const read = await get(`/templates/${users}`);
    const first = await patch("/templates", { id: users, free_ride: 1 }, { "If-Match": etag(read) });
    expect(first.status).toBe(200);
    expect(etag(first)).not.toBe(etag(read));
    const late = await patch("/templates", { id: users, free_ride: 2 }, { "If-Match": etag(read) });
    expect([late.status, late.body.code]).toEqual([412, "entity_changed"]);
    expect((await get(`/templates/${users}`)).body.free_ride).toBe(1);
    const again = await patch("/templates", { id: users, free_ride: 2 }, { "If-Match": `"x", ${etag(first)}` });
    expect(again.body.free_ride).toBe(2);
  });

  test("are told the same ETag by every call that answers with the entity", async () => {
    const license = await get(`/licenses/${licenses.users}`);
    const backend = await call(demo, `/licenses/${licenses.users}`);
    expect(etag(backend)).toBe(etag(license));
    const same = await patch("/licenses", { id: licenses.users }, { "If-Match": "*" });
    expect(etag(same)).toBe(etag(license));
    const listed = (await get(`/licenses?search=${licenses.users}`)).body.items[0];
    expect(listed.etag).toBe(etag(license));
  });

  test("are what If-Match asks for, of things that are there", async () => {
    const gone = await patch("/templates", { id: id(0x999), free_ride: 2 }, { "If-Match": "*" });
    expect(gone.status).toBe(412);
    expect((await patch("/templates", { id: id(0x999), free_ride: 2 })).status).toBe(404);
    expect((await remove(`/products/${product}`, { "If-Match": '"x"' })).status).toBe(412);
  });

  test("do not happen without If-Match either: fields of two changes at once both stand", async () => {
    await Promise.all([
      patch("/templates", { id: users, free_ride: 3 }),
      patch("/templates", { id: users, heartbeat_period: 11 }),
    ]);
    expect((await get(`/templates/${users}`)).body).toMatchObject({ free_ride: 3, heartbeat_period: 11 });
  });
});

describe("the audit log", () => {
  test("tells who did it, for whom, when, and what it was and became", async () => {
    demo.clock.advance(60_000);
    await patch("/licenses", { id: licenses.users, floating_token_limit: 5 }, { LastModifiedBy: "Anna" });
    const { body } = await get(`/audit?kind=license&id=${licenses.users}`);
    expect(body).toMatchObject({ page: 1, page_size: 100, total: 2 });
    expect(body.items[0]).toMatchObject({
      at: "2026-01-01T00:01:00.000Z",
      key_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      key_name: keys.admin,
      last_modified_by: "Anna",
      act: "changed",
      kind: "license",
      id: licenses.users,
      before: { floating_token_limit: 2 },
      after: { floating_token_limit: 5 },
    });
  });

  test.each([
    ["UTF-8", "Jörg Ł", "utf8"],
    ["Latin-1, as browsers and old clients send what fits into it", "Jörg", "latin1"],
    ["UTF-8 of four bytes a sign, as many as are kept", "😀".repeat(128), "utf8"],
  ] as const)("reads a name in %s", async (_name, written, encoding) => {
    const LastModifiedBy = Buffer.from(written, encoding).toString("latin1");
    await patch("/licenses", { id: licenses.users, floating_token_limit: 5 }, { LastModifiedBy });
    const { body, text } = await get(`/audit?kind=license&id=${licenses.users}`);
    expect(body.items[0].last_modified_by).toBe(written);
    expect(text).toContain(`"${written}"`);
  });

  test("has the toggle of SLASCONE's provisioning calls, and what is done to sessions and clients", async () => {
    await post("/provisioning/licenses/state/toggle", {
      product_id: product,
      license_key: licenses.users,
      is_active: true,
    });
    const anna = { license_id: licenses.users, client_id: "anna" };
    await open(demo, anna);
    const base = `/licenses/${licenses.users}`;
    const [assignment] = (await get(`${base}/assignments`)).body;
    await put(`${base}/assignments`, { id: assignment.id, suspended_until_utc: null });
    await post(`${base}/opensessions/close`, undefined);
    expect((await remove(`${base}/assignments/${assignment.id}`)).status).toBe(204);
    expect((await get(`${base}/assignments/${assignment.id}`)).body.activated).toBe(false);
    const { items } = (await get("/audit?page_size=3")).body;
    expect(items.map((line: { act: string }) => line.act)).toEqual([
      "client.unassigned",
      "session.ended",
      "client.suspended",
    ]);
    expect(items[1].after).toEqual({ license_id: licenses.users, ended: 1 });
  });

  test("tells of a product's lists the parts that changed, and no others", async () => {
    const path = `/products/${product}/features`;
    const fresh = { id: id(0x9a1), name: "exports" };
    await post(path, fresh);
    await put(path, { ...fresh, name: "Exports" });
    await remove(`${path}/${fresh.id}`);
    const { items } = (await get(`/products/${product}/history?page_size=3`)).body;
    const lists = items.map(({ before, after }: { before: object; after: object }) => [before, after]);
    const alone = { id: product, name: "CAD", prioritized_key: "standard" };
    expect(lists).toEqual([
      [{ ...alone, features: [{ ...fresh, name: "Exports" }] }, alone],
      [
        { ...alone, features: [fresh] },
        { ...alone, features: [{ ...fresh, name: "Exports" }] },
      ],
      [alone, { ...alone, features: [fresh] }],
    ]);
  });

  test("is a vendor's own", async () => {
    await patch("/templates", { id: users, free_ride: 5 });
    const theirs = await call(demo, "/audit", { adminKey: keys.otherAdmin, isvId: otherIsv });
    expect(JSON.stringify(theirs.body)).not.toContain('"freeride":5');
  });

  test("of one thing stands at the thing's own address; of what never was there is none", async () => {
    await patch("/templates", { id: users, free_ride: 5 });
    expect((await get(`/templates/${users}/history?page_size=1`)).body).toMatchObject({ total: 2, page_size: 1 });
    expect((await get(`/products/${id(0x999)}/history`)).status).toBe(404);
    expect((await get("/audit?kind=colour")).status).toBe(400);
  });
});

test("what happened on a licence is read newest first, page by page", async () => {
  const anna = { license_id: licenses.users, client_id: "anna" };
  await open(demo, anna);
  await open(demo, { ...anna, client_id: "ben", checkout_period: -1 });
  const path = `/licenses/${licenses.users}/events`;
  const { items, next } = (await get(`${path}?limit=1`)).body;
  expect(items).toMatchObject([{ kind: "denied", client_id: "ben", error_id: 12003, code: "checkout_negative" }]);
  const rest = (await get(`${path}?before=${next}`)).body;
  expect(rest.items.map(({ kind }: { kind: string }) => kind)).toEqual(["session.opened", "client.activated"]);
  expect(rest.next).toBeNull();
  expect((await get(`/licenses/${id(0x999)}/events`)).status).toBe(404);
});

test("another vendor's things cannot be read, changed or deleted", async () => {
  const theirs = { adminKey: keys.otherAdmin, isvId: otherIsv };
  for (const path of [`/templates/${users}`, `/licenses/${licenses.users}`, `/customers/${projectCustomer}`]) {
    expect((await call(demo, path, theirs)).status).toBe(404);
    expect((await call(demo, path, { ...theirs, method: "DELETE" })).status).toBe(404);
    expect((await call(demo, path, { ...theirs, isvId: id(0xa) })).status).toBe(403);
  }
});

test("no answer to a key may be kept by a cache", async () => {
  for (const path of ["/products", `/licenses/${licenses.users}`, "/denials", "/products/x"]) {
    expect((await get(path)).headers.get("cache-control"), path).toBe("no-store");
  }
});
