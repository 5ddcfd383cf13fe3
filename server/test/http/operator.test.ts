/** The operator's calls: who may make them, and what becomes of what they leave on the disk. */
import { readdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { Desk } from "../../src/desk/desk.ts";
import { type App, createApp } from "../../src/http/app.ts";
import { loadSigningKeys } from "../../src/http/signing.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { entitiesOf, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";

const operatorKey = "a-key-for-the-tests-of-the-calls";
const calls = ["backup", "export"];
let folder: ReturnType<typeof temporaryFolder>;
let store: Store;
let app: App | undefined;
let url: string;

beforeEach(async () => {
  folder = temporaryFolder();
  store = openSqliteStore(`${folder.path}/one.db`, new HeldClock());
  await store.saveCatalog(entitiesOf(licenseSetting()));
});
afterEach(async () => {
  await app?.stop();
  await store.close();
  folder.remove();
});

async function serve(key: string | null): Promise<void> {
  const signer = await loadSigningKeys(store);
  app = await createApp({ store, desk: new Desk(store), signer, log: pino({ level: "silent" }), operatorKey: key });
  await new Promise<void>((resolve) => app?.server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/operator`;
}

const ask = (call: string, headers: Record<string, string> = { OperatorKey: operatorKey }) =>
  fetch(`${url}/${call}`, { headers });
const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
const copies = () => readdirSync(folder.path).filter((name) => name.includes("snapshot"));

test.each(calls)("%s answers 403 where the server has no operator's key, whatever is sent", async (call) => {
  await serve(null);
  expect(await codeOf(await ask(call))).toEqual([403, "operator_off"]);
  expect(await codeOf(await ask(call, {}))).toEqual([403, "operator_off"]);
  expect(await codeOf(await ask(call, { OperatorKey: "" }))).toEqual([403, "operator_off"]);
});

test.each(calls)("%s takes the operator's key and no other", async (call) => {
  await serve(operatorKey);
  expect(await codeOf(await ask(call, {}))).toEqual([401, "key_missing"]);
  expect(await codeOf(await ask(call, { AdminKey: operatorKey }))).toEqual([401, "key_missing"]);
  expect(await codeOf(await ask(call, { OperatorKey: `${operatorKey}x` }))).toEqual([401, "key_unknown"]);
  const response = await ask(call);
  expect(response.status).toBe(200);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
});

test.each(calls)("%s leaves no copy beside the database, read to its end or given up", async (call) => {
  await serve(operatorKey);
  await (await ask(call)).arrayBuffer();
  await (await ask(call)).body?.cancel();
  // The next one is taken only when the last one is over.
  let again = await ask(call);
  while (again.status === 503) again = await ask(call);
  await again.arrayBuffer();
  while (copies().length > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(copies()).toEqual([]);
});

test("one is made at a time; the second is told to come again", async () => {
  await serve(operatorKey);
  const both = await Promise.all([ask("export"), ask("backup")]);
  expect(both.map(({ status }) => status).toSorted()).toEqual([200, 503]);
  const refused = both.find(({ status }) => status === 503) as Response;
  expect(refused.headers.get("Retry-After")).toBe("30");
  expect(await codeOf(refused)).toEqual([503, "download_busy"]);
  await both.find(({ status }) => status === 200)?.arrayBuffer();
});

test("a store that is no file has no backup, and an export all the same", async () => {
  await store.close();
  store = openMemoryStore(new HeldClock());
  await store.saveCatalog(entitiesOf(licenseSetting()));
  await serve(operatorKey);
  expect(await codeOf(await ask("backup"))).toEqual([409, "backup_elsewhere"]);
  const lines = (await (await ask("export")).text()).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).type)).toEqual(
    expect.arrayContaining(["export", "setting", "entity", "end"]),
  );
});

test("copies that a killed server left behind are gone when the next one has started", async () => {
  folder.write("one.db.snapshot-7", "half a copy");
  folder.write("two.db.snapshot-7", "somebody else's");
  await store.close();
  store = openSqliteStore(`${folder.path}/one.db`, new HeldClock());
  expect(copies()).toEqual(["two.db.snapshot-7"]);
});
