/** Two servers on one database sign with one key, and turn to the next one together. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Vendor } from "../../src/catalog/catalog.ts";
import { HeldClock } from "../../src/clock.ts";
import { StatementKeys } from "../../src/http/statement-keys.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const isv = { id: "00000000-0000-4000-8000-00000000000a", name: "Shared" };
let server: PostgresServer;
let stores: Store[];

beforeAll(async () => {
  server = await startPostgres();
  const url = await server.database();
  stores = [
    await openPostgresStore(url, { clock: new HeldClock() }),
    await openPostgresStore(url, { clock: new HeldClock() }),
  ];
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await server.remove();
});

const vendorOf = (store: Store) => store.catalog.vendor(isv.id) as Vendor;

test("keys that two servers make at once are one, and a rotation by either is both's", async () => {
  const [one, other] = stores as [Store, Store];
  await one.saveCatalog([{ isvId: isv.id, kind: "isv", id: isv.id, body: isv, applied: null }]);
  await other.tidy();
  const keys = stores.map((store) => new StatementKeys(store));
  const kidsOf = async (what: "published" | "signing") =>
    Promise.all(stores.map(async (store, n) => [await keys[n]?.[what](vendorOf(store))].flat().map((key) => key?.kid)));
  const [first, same] = await kidsOf("published");
  expect(first).toHaveLength(2);
  expect(same).toEqual(first);

  const body = { ...isv, statement_keys: { current: 2, oldest: 1 } };
  await one.saveCatalog([{ isvId: isv.id, kind: "isv", id: isv.id, body, applied: null }]);
  await other.tidy();
  expect(await kidsOf("signing")).toEqual([[first?.[1]], [first?.[1]]]);
  const [third, sameThird] = await kidsOf("published");
  expect(third).toHaveLength(3);
  expect(sameThird).toEqual(third);
});
