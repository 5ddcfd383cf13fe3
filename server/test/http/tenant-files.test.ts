/** Tenant files for a running server: applied as at a start, by owners, to their own vendor. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Key } from "../../src/catalog/entities.ts";
import { call, type Demo, isv, keys, licenses, open, otherIsv, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const file = (more = "", limit = 3) => ({
  name: "tenant.yaml",
  text: `
isv: { id: ${isv}, name: Demo Vendor }
products: [{ name: Planner }]
editions: [{ product: Planner, name: Users, provisioning_mode: floating, client_type: users }]
customers: [{ number: "77", name: Factor }]
licenses: [{ name: Planner for Factor, customer: "77", edition: Users, floating_token_limit: ${limit} }]
${more}`,
});
const apply = (body: object, adminKey: string = keys.admin) => call(demo, "/tenant-files", { adminKey, body });
const licensesNamed = async (name: string) =>
  (await call(demo, `/licenses?search=${encodeURIComponent(name)}`, { adminKey: keys.admin })).body.items;

test("a file is applied, again without a change, and then what changed in it", async () => {
  const first = await apply({ files: [file()] });
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ dry_run: false, created: 4, changed: 0 });
  const [license] = await licensesNamed("Planner for Factor");
  expect((await open(demo, { license_id: license.id, client_id: "anna" }, { key: keys.plain })).status).toBe(200);

  expect((await apply({ files: [file()] })).body).toMatchObject({ created: 0, changed: 0, changes: [] });
  expect((await apply({ files: [file("", 5)] })).body).toMatchObject({
    created: 0,
    changed: 1,
    changes: [{ act: "changed", kind: "license", id: license.id, fields: ["floating_token_limit"] }],
  });
  expect((await licensesNamed("Planner for Factor"))[0].floating_token_limit).toBe(5);
});

test("a dry run answers with the same and does nothing", async () => {
  const dry = (await apply({ files: [file()], dry_run: true })).body;
  expect(await licensesNamed("Planner for Factor")).toEqual([]);
  expect((await apply({ files: [file()] })).body).toEqual({ ...dry, dry_run: false });
});

test("the audit log names the key, and the file", async () => {
  await apply({ files: [file()] });
  const { body } = await call(demo, "/audit?kind=license&page_size=1", { adminKey: keys.admin });
  expect(body.items[0]).toMatchObject({ act: "created", key_name: keys.admin, last_modified_by: "tenant.yaml" });
});

test("faults are told with their lines, all of them, and nothing is applied", async () => {
  const { status, body } = await apply({ files: [file("colour: red\nkeys: [{ name: x, role: admin }]")] });
  expect([status, body.code]).toEqual([400, "input_invalid"]);
  expect(body.errors.map(({ file: name, line, field }: Record<string, unknown>) => [name, line, field])).toEqual([
    ["tenant.yaml", 7, "colour"],
    ["tenant.yaml", 8, "keys[0]"],
  ]);
  expect(await licensesNamed("Planner for Factor")).toEqual([]);
});

test("a key of a file of its own comes along as its SHA-256, and no path of the server's is read", async () => {
  const more = "keys: [{ name: fresh, role: provisioning, secret_file: /etc/hostname }]";
  const { status, body } = await apply({ files: [file(more)] });
  expect([status, body.errors[0].detail]).toEqual([400, "its SHA-256 did not come along with the file"]);
  const sha256 = createHash("sha256").update("a-fresh-key-of-16").digest("hex");
  expect((await apply({ files: [{ ...file(more), secrets: { "/etc/hostname": sha256 } }] })).status).toBe(200);
  expect((await call(demo, "/keys/self", { key: "a-fresh-key-of-16" })).body.name).toBe("fresh");
});

test("another vendor's file is refused before anything of that vendor is looked at", async () => {
  const foreign = {
    name: "other.yaml",
    text: `isv: { id: ${otherIsv}, name: Other }\nproducts: [{ name: P }, { name: P }]`,
  };
  const { status, body } = await apply({ files: [foreign] });
  expect([status, body.errors]).toEqual([
    400,
    [{ field: "isv.id", detail: "is not your vendor's id", file: "other.yaml", line: 1 }],
  ]);
});

test("files that leave no owner are refused", async () => {
  const { id: own } = (await call(demo, "/keys/self", { adminKey: keys.admin })).body;
  const bound = demo.store.catalog.keyOfSecret(keys.boundAdmin)?.key.id;
  const off = [own, bound].map(
    (id, n) =>
      `{ id: ${id}, name: off ${n}, role: admin, secret: "switched-off-${n}-0000", is_active: false, license: null }`,
  );
  const { status, body } = await apply({ files: [file(`keys: [${off}]`)] });
  expect([status, body.code]).toEqual([409, "last_owner"]);
});

test("a key learns what it is", async () => {
  expect((await call(demo, "/keys/self", { key: keys.app })).body).toMatchObject({
    name: keys.app,
    role: "provisioning",
    scope: "app",
    admin_role: null,
    server_version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
  expect((await call(demo, "/keys/self", { adminKey: keys.admin })).body).toMatchObject({ admin_role: "owner" });
});

test("of a file with thousands of faults the first ones are told, and the rest is not looked at", async () => {
  const text = Array.from({ length: 5_000 }, (_, n) => `field${n}: 1`).join("\n");
  const refused = await apply({ files: [{ name: "wrong.yaml", text }], dry_run: true });
  expect(refused.status).toBe(400);
  expect(refused.text).toContain("wrong.yaml:1");
  expect(refused.text).not.toContain("field4999");
});

describe("what one call may bring", () => {
  const head = `isv: { id: ${isv}, name: Demo Vendor }\n`;
  const customers = (from: number, to: number) =>
    `${head}customers:\n${Array.from({ length: to - from }, (_, n) => `  - { number: "c${from + n}", name: C }\n`).join("")}`;

  test("entries of all its files together: whoever is served meanwhile must not wait for seconds", async () => {
    const files = [
      { name: "one.yaml", text: customers(0, 3_000) },
      { name: "two.yaml", text: customers(3_000, 4_999) },
    ];
    const { status, body } = await apply({ files });
    expect([status, body.errors]).toEqual([
      400,
      [
        {
          file: "two.yaml",
          line: 1,
          field: "",
          detail:
            "with this file there are more than 5000 entries: apply them in several calls, or at a start of the server",
        },
      ],
    ]);
    expect((await apply({ files: files.slice(0, 1), dry_run: true })).body.created).toBe(3_000);
  });

  test("words and signs: a file that takes long to read need not have many entries", async () => {
    const { status, body } = await apply({
      files: [{ name: "dense.yaml", text: `${head}x: [${"[],".repeat(90_000)}]` }],
    });
    expect([status, body.errors[0].detail]).toEqual([400, expect.stringContaining("more than 250000 words and signs")]);
  });

  test("one call at a time: another one is told to come again", async () => {
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const begun = vi.spyOn(demo.store, "refresh").mockReturnValueOnce(held);
    const first = apply({ files: [file()] });
    await expect.poll(() => begun).toHaveBeenCalled();
    const second = await apply({ files: [file()] });
    expect([second.status, second.body.code, second.headers.get("retry-after")]).toEqual([
      503,
      "tenant_files_busy",
      "5",
    ]);
    goOn();
    expect((await first).status).toBe(200);
    expect((await apply({ files: [file()] })).status).toBe(200);
  });
});

describe("a key that is switched off meanwhile", () => {
  const backdoor = 'keys: [{ name: backdoor, role: admin, secret: "backdoor-owner-key" }]';

  async function switchOff(): Promise<void> {
    const body = demo.store.catalog.keyOfSecret(keys.admin)?.key as Key;
    await demo.store.saveCatalog([
      { isvId: isv, kind: "key", id: body.id, body: { ...body, is_active: false }, applied: null },
    ]);
  }

  function expectNothing({ status, body }: Awaited<ReturnType<typeof apply>>): void {
    expect([status, body.code]).toEqual([401, "key_unknown"]);
    expect(demo.store.catalog.keyOfSecret("backdoor-owner-key")).toBeUndefined();
  }

  test("while its files are read, applies nothing", async () => {
    vi.spyOn(demo.store, "refresh").mockImplementationOnce(switchOff);
    expectNothing(await apply({ files: [file(backdoor)] }));
  });

  test("while they are saved, applies nothing", async () => {
    const save = demo.store.saveCatalog.bind(demo.store);
    vi.spyOn(demo.store, "saveCatalog").mockImplementationOnce(async (changes, author) => {
      await switchOff();
      await save(changes, author);
    });
    expectNothing(await apply({ files: [file(backdoor)] }));
  });

  test("while the user's traces are looked for, makes nobody forgotten", async () => {
    await open(demo, { license_id: licenses.users, client_id: "anna", user_id: "anna" }, { key: keys.plain });
    vi.spyOn(demo.store, "refresh").mockImplementationOnce(switchOff);
    const { status, body } = await call(demo, "/users/forget", {
      adminKey: keys.admin,
      body: { user_id: "anna", force: true },
    });
    expect([status, body.code]).toEqual([401, "key_unknown"]);
    expect((await demo.store.read(isv, licenses.users))?.openSessions).toBe(1);
  });

  test("while its body is on the way, is refused, whatever the call", async () => {
    const body = JSON.stringify({ name: "backdoor", role: "admin" });
    const socket = connect(demo.port, "127.0.0.1").setEncoding("utf8");
    socket.write(
      `POST /api/v2/isv/${isv}/keys HTTP/1.1\r\nHost: x\r\nAdminKey: ${keys.admin}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    );
    expect((await once(socket, "data"))[0]).toContain("100 Continue");
    await switchOff();
    socket.write(body);
    expect((await once(socket, "data"))[0]).toContain("HTTP/1.1 401");
    socket.destroy();
  });
});
