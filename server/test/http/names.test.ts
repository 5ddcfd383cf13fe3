/** Personal data: who is shown names of users, and a user that is forgotten. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Asked, activate, call, type Demo, id, keys, licenses, open, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const owner = (path: string, asked: Asked = {}) => call(demo, path, { adminKey: keys.admin, ...asked });
const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const problem = { Accept: "application/problem+json" };

const keyOf = async (admin_role: string): Promise<string> =>
  (await owner("/keys", { body: { name: admin_role, role: "admin", admin_role } })).body.secret;
const hideNames = () => owner("/vendor", { method: "PATCH", body: { shows_pseudonyms: true } });

/** A project that anna is in, and that ben cannot join. */
async function project(): Promise<string> {
  const body = { license_id: licenses.projects, name: "P" };
  const projectId = (await call(demo, "/projects", { body })).body.id;
  await call(demo, `/projects/${projectId}/open`, { body: { kind: "mono" } });
  await open(demo, { license_id: licenses.projects, client_id: "anna@factor.com", project_id: projectId });
  return projectId;
}

/** Every answer that names users, as text. */
async function namings(asked: Asked): Promise<string[]> {
  const base = `/licenses/${licenses.users}`;
  const paths = [`${base}/events`, `${base}/opensessions`, `${base}/assignments`, base, "/denials", "/projects"];
  const answers = await Promise.all(paths.map((path) => call(demo, path, asked)));
  for (const { status } of answers) expect(status).toBe(200);
  return answers.map(({ text }) => text);
}

beforeEach(async () => {
  const body = {
    product_id: product,
    license_key: licenses.users,
    client_id: "anna@factor.com",
    client_name: "Anna Smith",
  };
  await call(demo, "/provisioning/activations", { body });
  await open(demo, { ...anna, user_id: "anna@factor.com" });
  await open(demo, { ...anna, client_id: "ben", user_id: "ben" });
  await open(demo, { ...anna, client_id: "carl", user_id: "anna@factor.com", checkout_period: -1 });
  await project();
});

describe("names of users", () => {
  test("are shown to every admin key unless the vendor shows pseudonyms", async () => {
    for (const text of await namings({ adminKey: await keyOf("viewer") })) expect(text).toContain("anna@factor.com");
  });

  test("are not to be had by way of a client's licence file, or of look-ups that try a name out", async () => {
    const viewer = await keyOf("viewer");
    const assignments = `/licenses/${licenses.users}/assignments`;
    const [{ token_key }] = (await owner(assignments)).body;
    const asked = (key: Asked) => [
      call(demo, `/licenses/${licenses.users}/xml?token_key=${token_key}`, key),
      call(demo, "/provisioning/licenses/by_user", { ...key, body: { product_id: product, user_id: "ben" } }),
    ];
    const statuses = async (key: Asked) => (await Promise.all(asked(key))).map(({ status }) => status);
    expect(await statuses({ adminKey: viewer })).toEqual([200, 200]);
    await hideNames();
    expect(await statuses({ adminKey: viewer })).toEqual([403, 403]);
    expect(await statuses({})).toEqual([200, 200]);
    const shown = (await call(demo, assignments, { adminKey: viewer })).body;
    expect(new Set(shown.map((each: { token_key: string | null }) => each.token_key))).toEqual(new Set([null]));
  });

  test("are pseudonyms to viewers and operators where the vendor wants it, and names to owners", async () => {
    const others = [await keyOf("viewer"), await keyOf("operator")];
    await hideNames();
    for (const adminKey of others) {
      for (const text of await namings({ adminKey })) {
        expect(text.toLowerCase()).not.toContain("anna");
        expect(text).toMatch(/"user-[0-9a-f]{24}"/);
      }
    }
    for (const text of await namings({ adminKey: keys.admin })) expect(text).toContain("anna@factor.com");
  });

  test("are one pseudonym each, the same in every answer, and others of other names", async () => {
    const adminKey = await keyOf("viewer");
    await hideNames();
    const sessions = (await call(demo, `/licenses/${licenses.users}/opensessions`, { adminKey })).body;
    const names = sessions.map((session: { user_id: string }) => session.user_id);
    expect(new Set(names).size).toBe(2);
    const { items } = (await call(demo, "/denials", { adminKey })).body;
    expect(names).toContain(items[0].user_id);
  });

  test("stay hidden from whoever asks by one", async () => {
    const adminKey = await keyOf("viewer");
    await hideNames();
    expect((await call(demo, "/denials?client_id=carl", { adminKey })).status).toBe(403);
    expect((await call(demo, "/denials?user_id=carl", { adminKey })).status).toBe(403);
    expect((await owner("/denials?client_id=carl")).body.total).toBe(1);
  });

  test("are never other people's to a key that ships inside software", async () => {
    const { body: projects, text } = await call(demo, "/projects", { key: keys.app });
    expect(text).not.toContain("anna");
    expect(projects[0].users[0].user_id).toMatch(/^user-/);
    const join = { license_id: licenses.projects, client_id: "ben", project_id: projects[0].id };
    const refused = await open(demo, join, { key: keys.app, headers: problem });
    expect(refused.body.holders).toEqual([{ user_id: expect.stringMatching(/^user-/), since: expect.any(String) }]);
    const told = await open(demo, join, { headers: problem });
    expect(told.body.holders[0].user_id).toBe("anna@factor.com");
  });

  test("of machines are no names: a device's id stays, but not what people call it", async () => {
    const adminKey = await keyOf("viewer");
    const called = { client_name: "Anna's laptop", client_description: "Anna, second floor" };
    const body = { product_id: product, license_key: licenses.devices, client_id: "PC-1", ...called };
    expect((await call(demo, "/provisioning/activations", { body })).status).toBe(200);
    const told = async (key: string) => {
      const { body } = await call(demo, `/licenses/${licenses.devices}/assignments`, { adminKey: key });
      return [body[0].client_id, body[0].device_name, body[0].device_description];
    };
    await hideNames();
    expect(await told(adminKey)).toEqual(["PC-1", null, null]);
    expect(await told(keys.admin)).toEqual(["PC-1", called.client_name, called.client_description]);
  });

  test("cannot be made up so that they pass for a pseudonym", async () => {
    const adminKey = await keyOf("viewer");
    await hideNames();
    const list = `/licenses/${licenses.users}/assignments`;
    const shown = async () =>
      new Set((await call(demo, list, { adminKey })).body.map((each: { client_id: string }) => each.client_id));
    const before = await shown();
    const made = ["user-0123456789abcdef01234567", "user-0123456789abcdef"];
    for (const client_id of made) await activate(demo, licenses.users, client_id);
    const after = [...(await shown())].filter((name) => !before.has(name));
    expect(after).toHaveLength(2);
    for (const name of after) {
      expect(name).toMatch(/^user-[0-9a-f]{24}$/);
      expect(made).not.toContain(name);
    }
  });

  test("that a backend asks by are not hidden from it", async () => {
    await hideNames();
    const body = { product_id: product, user_id: "anna@factor.com" };
    const { text } = await call(demo, "/provisioning/licenses/by_user", { body });
    expect(text).toContain("anna@factor.com");
    expect((await call(demo, `/licenses/${licenses.users}`)).text).not.toContain("anna@factor.com");
  });
});

describe("a user that is forgotten", () => {
  const forget = (more: object = {}) => owner("/users/forget", { body: { user_id: "Anna@factor.com", ...more } });

  test("must have no live session, unless force ends them", async () => {
    const refused = await forget();
    expect([refused.status, refused.body.code, refused.body.dependents.count]).toEqual([409, "entity_in_use", 2]);
    expect(refused.text.toLowerCase()).not.toContain("anna");
    const { status, body } = await forget({ force: true });
    expect([status, body]).toEqual([
      200,
      { pseudonym: expect.stringMatching(/^user-[0-9a-f]{24}$/), sessions_ended: 2 },
    ]);
  });

  test("is in no answer any more, not even to owners, and every count is as it was", async () => {
    const counts = async () => ({
      denials: (await owner("/denials")).body.total,
      clients: (await owner(`/licenses/${licenses.users}/assignments`)).body.length,
      history: (await demo.store.history(id(0xa), licenses.users, 100)).length,
    });
    await owner(`/licenses/${licenses.users}/opensessions/close`, { method: "POST" });
    const before = await counts();
    const { body } = await forget({ force: true });
    for (const text of await namings({ adminKey: keys.admin })) expect(text.toLowerCase()).not.toContain("anna");
    expect(await counts()).toEqual(before);
    const { items } = (await owner("/denials")).body;
    expect(items[0].user_id).toBe(body.pseudonym);
  });

  test("is the same pseudonym that others were shown before", async () => {
    const adminKey = await keyOf("viewer");
    await hideNames();
    const shown = (await call(demo, "/denials", { adminKey })).body.items[0].user_id;
    expect((await forget({ force: true })).body.pseudonym).toBe(shown);
    expect((await call(demo, "/denials", { adminKey })).body.items[0].user_id).toBe(shown);
  });

  test("takes along the ids of clients that have the name in them", async () => {
    await open(demo, { ...anna, client_id: "pc-7/anna@factor.com", user_id: "anna@factor.com", session_id: id(0x70) });
    await forget({ force: true });
    expect((await owner(`/licenses/${licenses.users}/assignments`)).text).not.toContain("anna");
  });

  test("is in the audit log without the name, and may be forgotten again", async () => {
    const { pseudonym } = (await forget({ force: true })).body;
    const { body, text } = await owner("/audit?kind=user");
    expect(body.items[0]).toMatchObject({ act: "user.forgotten", id: pseudonym, key_name: keys.admin, before: null });
    expect(text.toLowerCase()).not.toContain("anna");
    expect((await forget()).body).toEqual({ pseudonym, sessions_ended: 0 });
  });

  test("is forgotten by owners alone", async () => {
    const body = { user_id: "anna@factor.com", force: true };
    for (const adminKey of [await keyOf("viewer"), await keyOf("operator")]) {
      expect((await call(demo, "/users/forget", { adminKey, body })).status).toBe(403);
    }
    expect((await call(demo, "/users/forget", { body })).status).toBe(403);
  });
});
