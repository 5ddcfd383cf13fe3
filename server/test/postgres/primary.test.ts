/**
 * A store that is told several servers finds the primary among them, leaves one that stands still for the one that was
 * promoted in its place, and forgets what the old one said and the new one never heard.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenCommand } from "../../src/core/types.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { entitiesOf, freshId, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { codesOf, stepAll } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const isvId = isvIdOf(1);
const cad = licenseSetting({ licenseId: licenseIdOf(1), tokens: 2 });
const later = licenseSetting({ licenseId: licenseIdOf(2), tokens: 2 });

let old: PostgresServer;
let next: PostgresServer;
let database: string;

/** The standby has the licence, and nothing that happens after this. */
beforeAll(async () => {
  old = await startPostgres();
  database = await old.database();
  const store = await openPostgresStore(database);
  await store.saveCatalog(entitiesOf(cad));
  await store.close();
  await old.stop();
  next = await startPostgres({ copyOf: old });
  await old.start();
});

afterAll(async () => {
  await next?.remove();
  await old.remove();
});

const both = () => database.replace(`:${old.port}`, `:${next.port},127.0.0.1:${old.port}`);

test("the primary is found behind a standby that is named first", async () => {
  const store = await openPostgresStore(both());
  await expect(store.ping()).resolves.toBeUndefined();
  await store.close();
});

test("a standby alone is refused by its name", async () => {
  const standby = database.replace(`:${old.port}`, `:${next.port}`);
  await expect(openPostgresStore(standby)).rejects.toThrow("the server is a standby");
});

test("when the primary stands still, the promoted one is used, as it is, and the old one not again", async () => {
  const store = await openPostgresStore(both());
  expect(codesOf(await stepAll(store, [openCommand("anna", 1), openCommand("ben", 2)]))).toEqual([null, null]);
  await store.saveCatalog(entitiesOf(later));
  expect((await store.read(isvId, cad.licenseId))?.openSessions).toBe(2);

  old.freeze();
  // Nothing was decided when its connection was cut: it is tried again where the primary is now.
  const hanging = stepAll(store, [openCommand("cleo", 3)]);
  await next.query(database.replace(`:${old.port}`, `:${next.port}`), "SELECT pg_promote()");
  expect(codesOf(await hanging)).toEqual([null]);

  // What two commits came to was lost on the way: nobody may decide or be shown from memory of it.
  expect((await store.read(isvId, cad.licenseId))?.openSessions).toBe(1);
  expect(codesOf(await stepAll(store, [openCommand("dora", 4)]))).toEqual([null]);
  expect(codesOf(await stepAll(store, [openCommand("anna", 5)]))).toEqual(["tokens_exhausted"]);
  expect(store.catalog.vendor(isvId)?.licenses.has(later.licenseId)).toBe(false);

  old.thaw();
  await stillOn(next, store);
  await store.close();
});

/** The address names the old one too, which runs again and takes itself for the primary. */
async function stillOn(server: PostgresServer, store: Store): Promise<void> {
  await server.kill();

  const refusal = () => store.ping().catch((error: Error) => error.message);
  await expect.poll(refusal).toMatch(/of timeline 00000001, and 00000002 has begun/);
  await server.start();
  expect(codesOf(await stepAll(store, [openCommand("anna", 7)]))).toEqual(["tokens_exhausted"]);
}

function openCommand(clientId: string, n: number): OpenCommand {
  return {
    type: "open",
    isvId,
    licenseId: cad.licenseId,
    clientId,
    sessionId: null,
    userId: null,
    projectId: null,
    checkoutPeriod: null,
    ids: { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) },
  };
}
