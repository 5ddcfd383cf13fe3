/** What administrators do is on record, or did not happen; and where the record fails nobody hears that nothing happened. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Command } from "../../src/core/types.ts";
import { Desk, Overloaded } from "../../src/desk/desk.ts";
import { type Store, StoreFault } from "../../src/stores/store.ts";
import {
  type Asked,
  activate,
  customer,
  type Demo,
  id,
  isv,
  keys,
  licenses,
  open,
  product,
  startDemo,
} from "./demo.ts";
import { addMetered, admin, metered } from "./metered.ts";

/** What fails from now on, in the store and of the desk's commands. */
let failing: {
  readonly store?: keyof Store;
  readonly command?: (command: Command) => Error | null;
  /** Transactions fail when all that they keep has been decided. */
  readonly isLost?: boolean;
} = {};

let demo: Demo;
let session: string;
let assignment: string;
let token: string;

beforeEach(async () => {
  failing = {};
  demo = await startDemo({
    wrap(parts) {
      const store = breakable(parts.store);
      return { store, desk: interceptable(new Desk(store)) };
    },
  });
  await addMetered(demo);
  await admin(demo, `/licenses/${metered.users}/users`, { body: { user_id: "ben" } });
  await admin(demo, `/licenses/${metered.users}/users`, { body: { user_id: "carl" } });
  for (const client_id of ["anna", "pc/anna"]) {
    await open(demo, { license_id: licenses.users, client_id, user_id: "anna", session_id: id(client_id.length) });
  }
  token = (await activate(demo, licenses.devices, "pc-1")).body.token_key;
  [{ id: session }] = (await admin(demo, `/licenses/${licenses.users}/opensessions`)).body;
  [{ id: assignment }] = (await admin(demo, `/licenses/${licenses.devices}/assignments`)).body;
});
afterEach(() => demo.stop());

function breakable(store: Store): Store {
  const fails = (name: string) => async () => {
    throw new StoreFault(`${name}: the disk is gone`);
  };
  const transact: Store["transact"] = (commands, work, patience) => {
    const losing: typeof work = (...shown) => {
      const result = work(...shown);
      if (failing.isLost === true) throw new StoreFault("the disk is full");
      return result;
    };
    return store.transact(commands, losing, patience);
  };
  return new Proxy(store, {
    get: (target, name: keyof Store) =>
      name === failing.store ? fails(name) : name === "transact" ? transact : target[name],
  });
}

function interceptable(desk: Desk): Desk {
  const submit: Desk["submit"] = (commands, reply, audit) => {
    const error = failing.command?.(commands[0] as Command) ?? null;
    if (error instanceof Overloaded) throw error;
    if (error === null) desk.submit(commands, reply, audit);
    else reply([error]);
  };
  return Object.assign(Object.create(desk), { submit });
}

/** Every command of this type from the nth on meets the error. */
function failFrom(nth: number, type: Command["type"], error: Error) {
  let count = 0;
  failing = { command: (command) => (command.type === type && ++count >= nth ? error : null) };
}

const fault = () => new StoreFault("the disk is gone");

/** All that the store keeps, the audit log included; in no order, which is not kept where something is undone. */
async function everything(): Promise<string[]> {
  const lines = [];
  for await (const line of (await demo.store.dump()).lines) lines.push(JSON.stringify(line));
  return lines.toSorted();
}

interface Act extends Asked {
  readonly path: () => string;
  readonly content?: () => object;
}

const act = ({ path, content, ...asked }: Act, headers: Record<string, string> = {}) =>
  admin(demo, path(), { ...asked, ...(content && { body: content() }), headers });

const ofUsers = (rest: string) => () => `/licenses/${licenses.users}${rest}`;
const ofDevices = (rest: string) => () => `/licenses/${licenses.devices}${rest}`;
const registered = (rest = "") => `/licenses/${metered.users}/users${rest}`;
const reset = `/licenses/${metered.license}/consumption/limitations/${metered.docs}/reset`;

/** Acts of the desk, and what goes before or behind one. */
const acts: readonly (readonly [string, Act])[] = [
  ["ending a session", { method: "DELETE", path: () => ofUsers(`/opensessions/${session}`)() }],
  ["ending all sessions", { method: "POST", path: ofUsers("/opensessions/close") }],
  ["taking a client's token", { method: "DELETE", path: () => ofDevices(`/assignments/${assignment}`)() }],
  [
    "taking a client's token by its key",
    { path: () => "/provisioning/unassign", content: () => ({ token_key: token }) },
  ],
  [
    "suspending a client",
    {
      method: "PUT",
      path: ofDevices("/assignments"),
      content: () => ({ id: assignment, suspended_until_utc: "2027-01-01T00:00:00Z" }),
    },
  ],
  ["resetting a quota", { method: "PUT", path: () => reset }],
  ["registering a user", { path: () => registered(), content: () => ({ user_id: "dora", is_active: false }) }],
  [
    "changing a user",
    { method: "PATCH", path: () => registered(), content: () => ({ user_id: "ben", is_active: false }) },
  ],
  ["taking a user from the list", { method: "DELETE", path: () => registered("/ben") }],
  [
    "taking many users from the list",
    { path: () => registered("/bulk-delete"), content: () => ({ user_ids: ["ben", "carl"] }) },
  ],
  ["deleting a licence with its sessions", { method: "DELETE", path: ofUsers("?force=true") }],
  ["forgetting a user", { path: () => "/users/forget", content: () => ({ user_id: "anna", force: true }) }],
];

/** Changes of the catalogue. */
const changes: readonly (readonly [string, Act])[] = [
  ["making a product", { path: () => "/products", content: () => ({ name: "New" }) }],
  [
    "changing a licence",
    { method: "PATCH", path: () => "/licenses", content: () => ({ id: licenses.users, floating_token_limit: 7 }) },
  ],
  ["switching a licence off", { method: "PATCH", path: ofUsers("/toggle") }],
  ["making a key", { path: () => "/keys", content: () => ({ name: "New", role: "admin" }) }],
  [
    "applying tenant files",
    {
      path: () => "/tenant-files",
      content: () => ({
        files: [{ name: "a.yaml", text: `isv: { id: ${isv}, name: Demo Vendor }\nproducts: [{ name: New }]` }],
      }),
    },
  ],
];

describe.each([...acts, ...changes])("%s", (_name, asked) => {
  test("for somebody whose name cannot be kept is refused before anything happens", async () => {
    const before = await everything();
    const { status, body } = await act(asked, { LastModifiedBy: "x".repeat(257) });
    expect([status, body.code, body.detail]).toEqual([400, "input_invalid", expect.stringContaining("LastModifiedBy")]);
    expect(await everything()).toEqual(before);
  });

  test("for somebody with the longest name is on record", async () => {
    const name = "x".repeat(256);
    expect((await act(asked, { LastModifiedBy: name })).status).toBeLessThan(300);
    expect((await admin(demo, "/audit")).body.items[0].last_modified_by).toBe(name);
  });
});

const wish = { license_id: licenses.users, client_id: "anna", user_id: "anna", session_id: id(4) };
const longName = { LastModifiedBy: "x".repeat(257) };

test("what clients do leaves no line: a name there is no matter, but to whoever comes with an admin key", async () => {
  expect((await open(demo, wish, { headers: longName })).status).toBe(200);
  expect((await open(demo, wish, { adminKey: keys.admin, headers: longName })).body.code).toBe("input_invalid");
  expect((await admin(demo, "/licenses", { headers: longName })).status).toBe(200);
});

test("a GET that activates a client is no reading: it is refused for a name that cannot be kept", async () => {
  const before = await everything();
  const query = new URLSearchParams({ product_id: product, license_key: licenses.devices, client_id: "pc-9" });
  const offline = (headers: Record<string, string>) =>
    admin(demo, `/provisioning/activations/offline?${query}`, { headers });
  expect((await offline(longName)).body.code).toBe("input_invalid");
  expect(await everything()).toEqual(before);
  expect((await offline({})).status).toBe(200);
});

/** The answer of a request that may have happened; something of it has. */
async function expectUnknown(asked: Act) {
  const before = await everything();
  const { status, body, text } = await act(asked);
  expect([status, body.code]).toEqual([503, "outcome_unknown"]);
  expect(text).not.toContain("Nothing of the request happened");
  expect(await everything()).not.toEqual(before);
}

async function expectNothing(asked: Act, code: string) {
  const before = await everything();
  const { status, body } = await act(asked);
  expect([status, body.code]).toEqual([503, code]);
  expect(await everything()).toEqual(before);
}

const actOf = (name: string) => new Map([...acts, ...changes]).get(name) as Act;
const forcedDelete = actOf("deleting a licence with its sessions");
const forgetting = actOf("forgetting a user");
const bulkDelete = actOf("taking many users from the list");

test.each(acts)("%s does not happen where the transaction of it and its line is lost", async (_name, asked) => {
  failing = { isLost: true };
  await expectNothing(asked, "store_unavailable");
});

test("an act that is denied, or finds nothing to do, leaves no line", async () => {
  const lines = async () => (await admin(demo, "/audit")).body.total;
  const before = await lines();
  await admin(demo, `/licenses/${licenses.users}/opensessions/${id(99)}`, { method: "DELETE" });
  await admin(demo, `/licenses/${licenses.named}/opensessions/close`, { method: "POST" });
  await admin(demo, registered(), { body: { user_id: "ben" } });
  await admin(demo, registered("/nobody"), { method: "DELETE" });
  await admin(demo, `/licenses/${metered.license}/consumption/limitations/${id(99)}/reset`, { method: "PUT" });
  expect(await lines()).toBe(before);
});

test("forgetting a user tells of the sessions that it has ended, and not of one that was over before its turn came", async () => {
  let isFirst = true;
  failing = {
    command(command) {
      if (command.type === "end" && isFirst) {
        isFirst = false;
        demo.desk.submit([command], () => {});
      }
      return null;
    },
  };
  expect((await act(forgetting)).body).toMatchObject({ sessions_ended: 1 });
});

describe("what a store fails at behind a decision is told as unknown:", () => {
  test("a suspension that cannot be read back", async () => {
    failing = { store: "read" };
    await expectUnknown(actOf("suspending a client"));
  });

  test("an administrator's activation that cannot be read back, and a file of one", async () => {
    failing = { store: "read" };
    const asked = { product_id: product, license_key: licenses.devices };
    await expectUnknown({ path: () => "/provisioning/activations", content: () => ({ ...asked, client_id: "pc-2" }) });
    const query = new URLSearchParams({ ...asked, client_id: "pc-3" });
    await expectUnknown({ path: () => `/provisioning/activations/offline?${query}` });
  });

  test("a new project that cannot be read back", async () => {
    failing = { store: "read" };
    await expectUnknown({ path: () => "/projects", content: () => ({ license_id: licenses.projects, name: "One" }) });
  });

  test("the client of a licence that is saved", async () => {
    const template = { id: metered.template, activation_upon_license_creation: 1 };
    expect((await admin(demo, "/templates", { method: "PATCH", body: template })).status).toBe(200);
    failFrom(1, "activate", fault());
    const license = { customer_id: customer, template_id: metered.template };
    await expectUnknown({ path: () => "/licenses", content: () => license });
  });

  test("use of a feature that the product has been given for it", async () => {
    const names = {
      usage_heartbeat: [{ usage_feature_name: "New", value: 1 }],
      create_usage_feature_if_not_exists: true,
    };
    const heartbeat = { product_id: product, client_id: "pc-1", ...names };
    failFrom(1, "gather", fault());
    const asked = { path: () => "/data_gathering/usage_heartbeats_by_name", content: () => heartbeat };
    await expectUnknown(asked);
    await expectNothing(asked, "store_unavailable");
  });

  test("the second of two users, or of two sessions", async () => {
    failFrom(2, "user.delete", fault());
    await expectUnknown(bulkDelete);
    failFrom(2, "end", fault());
    await expectUnknown(forgetting);
  });

  test("the names of somebody whose sessions have ended", async () => {
    failing = { store: "forget" };
    await expectUnknown(forgetting);
  });

  test("a licence whose sessions have ended", async () => {
    failing = { store: "saveCatalog" };
    await expectUnknown(forcedDelete);
  });

  test("the next part, where the desk is full by then", async () => {
    failFrom(2, "user.delete", new Overloaded());
    await expectUnknown(bulkDelete);
  });
});

describe("where nothing was decided yet the answer says so:", () => {
  test.each([
    ["user.delete", bulkDelete],
    ["end", forgetting],
    ["end", forcedDelete],
  ] as const)("%s", async (type, asked) => {
    failFrom(1, type, fault());
    await expectNothing(asked, "store_unavailable");
    failFrom(1, type, new Overloaded());
    await expectNothing(asked, "overloaded");
  });

  test("a licence without sessions", async () => {
    failing = { store: "saveCatalog" };
    await expectNothing(
      { method: "DELETE", path: () => `/licenses/${licenses.named}?force=true` },
      "store_unavailable",
    );
  });
});
