/** Two servers of one database: neither overwrites the other's changes, and what one deletes is gone for both. */
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { EntityChange, EntityOf } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { Connections } from "../../src/stores/postgres/connections.ts";
import { forget } from "../../src/stores/postgres/forgetting.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { apply, licenseId as filedLicenseId, isvId as filedVendorId, small } from "../catalog/tenants.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { codesOf, stepAll } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

let server: PostgresServer;
let one: Store;
let other: Store;
let url: string;
let ids = 0;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

beforeEach(async () => {
  const clock = new HeldClock();
  url = await server.database();
  one = await openPostgresStore(url, { clock });
  other = await openPostgresStore(url, { clock });
  return async () => {
    await one.close();
    await other.close();
  };
});

const setting = licenseSetting({ tokens: 9 });
const { isvId, licenseId } = setting;
const licenseOn = (store: Store) => store.catalog.vendor(isvId)?.licenses.get(licenseId);
const change = (body: EntityOf["license"] | null, more: Partial<EntityChange<"license">> = {}): EntityChange =>
  ({ isvId, kind: "license", id: licenseId, body, applied: null, ...more }) as EntityChange;
const open = async (store: Store, clientId: string) => {
  const n = ++ids;
  const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return codesOf(await stepAll(store, [{ type: "open", isvId, licenseId, clientId, ...nothing, ids: fresh }]));
};
const endAll: Command = { type: "end", isvId, licenseId, id: null };

test("a licence that one server has made is there for the other, which is about to notice it", async () => {
  await one.saveCatalog(entitiesOf(setting));
  await other.refresh();
  const named = { mode: "named", assignable: 9 } as const;
  for (let n = 0; n < 24; n++) {
    const [old, next] = [2, 3].map((kind) => licenseSetting({ licenseId: freshId(kind, 100 + n), ...named })) as [
      typeof setting,
      typeof setting,
    ];
    const activate = async (store: Store, on: string) => {
      const k = ++ids;
      const fresh = { session: freshId(6, k), assignment: freshId(7, k), token: freshId(8, k) };
      const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
      const command = { type: "activate", isvId, licenseId: on, clientId: `c${n}`, ...nothing, ids: fresh } as const;
      return codesOf(await stepAll(store, [command]));
    };
    await one.saveCatalog(entitiesOf(next));
    await other.refresh();
    await one.saveCatalog(entitiesOf(old));
    expect(await activate(one, old.licenseId)).toEqual([null]);
    const moving = activate(other, next.licenseId);
    for (let turns = n % 6; turns > 0; turns--) await setImmediate();
    await other.refresh();
    expect(await moving).toEqual([null]);
    const clients = await one.assignmentsOfClient(isvId, setting.productId, `c${n}`);
    const active = clients.filter(({ assignment }) => assignment.unassignedAt === null);
    expect(active.map((each) => each.licenseId)).toEqual([next.licenseId]);
  }
});

test("of two changes made from the same licence on two servers the second is refused", async () => {
  await one.saveCatalog(entitiesOf(setting));
  await other.tidy();
  const seen = licenseOn(one) as EntityOf["license"];
  const results = await Promise.allSettled(
    [one, other].map((store, n) =>
      store.saveCatalog([change({ ...seen, name: `by ${n}` }, { from: licenseOn(store) as EntityOf["license"] })]),
    ),
  );
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(results.find(({ status }) => status === "rejected")).toMatchObject({ reason: { name: "CatalogConflict" } });
  await Promise.all([one.tidy(), other.tidy()]);
  expect(licenseOn(one)?.name).toBe(`by ${results.findIndex(({ status }) => status === "fulfilled")}`);
  expect(licenseOn(other)).toEqual(licenseOn(one));
});

test("a licence that one server deletes is unknown to the other at its next decision", async () => {
  await one.saveCatalog(entitiesOf(setting));
  expect(await open(other, "anna")).toEqual([null]);
  await stepAll(other, [endAll]);
  await one.saveCatalog([change(null)]);
  expect(await open(other, "ben")).toEqual(["license_unknown"]);
  expect(await other.read(isvId, licenseId)).toBeUndefined();
});

test("a licence with a session that the other server has just opened is not deleted", async () => {
  await one.saveCatalog(entitiesOf(setting));
  await open(other, "anna");
  await expect(one.saveCatalog([change(null)])).rejects.toThrow("has live sessions");
  expect(await open(one, "ben")).toEqual([null]);
});

test("a licence that went and came back unseen is not what the other server remembers", async () => {
  await one.saveCatalog(entitiesOf(setting));
  for (const client of ["anna", "ben", "carl"]) await open(other, client);
  await stepAll(other, [endAll]);
  const body = licenseOn(one) as EntityOf["license"];
  await one.saveCatalog([change(null)]);
  await one.saveCatalog([change(body)]);
  // As many versions as the first one had, so that a count from the beginning would meet the old state.
  for (const client of ["dora", "eve", "finn", "gina"]) await open(one, client);
  expect((await other.read(isvId, licenseId))?.clients).toBe(4);
  expect(await open(other, "hans")).toEqual([null]);
  expect([...((await other.read(isvId, licenseId))?.assignments() ?? [])].map(({ clientId }) => clientId)).toEqual([
    "dora",
    "eve",
    "finn",
    "gina",
    "hans",
  ]);
});

test("two servers that start together apply the same tenant file once", async () => {
  const applied = await Promise.all([apply(one, small), apply(other, small)]);
  expect(applied.map(({ created }) => created > 0).toSorted()).toEqual([false, true]);
  expect(other.catalog.vendor(filedVendorId)?.licenses.has(filedLicenseId)).toBe(true);
  const log = { isvId: filedVendorId, kind: "license", id: null, from: null, to: null, offset: 0, limit: 10 } as const;
  expect((await one.audit(log)).items).toMatchObject([
    { act: "created", author: { keyId: null, name: "tenant files", onBehalfOf: "tenant.yaml" } },
  ]);
});

test("a licence that leaves the catalogue while a user is forgotten takes its clients along; who comes back is somebody new", async () => {
  await one.saveCatalog(entitiesOf(setting));
  await open(one, "anna");
  await stepAll(one, [endAll]);
  const terms = (await one.read(isvId, licenseId))?.terms;
  await one.saveCatalog([change(null)]);
  // Made anew before it is looked at again, by a server that is ahead of the one that forgets.
  await other.saveCatalog(entitiesOf(setting));
  await open(other, "anna");
  await stepAll(other, [endAll]);
  const looks = [terms];
  const vendor = { isvId, deviceLicenses: [], termsOf: () => looks.shift() };
  const author = { keyId: null, name: "olga", onBehalfOf: null };
  const about = { act: "user.forgotten", kind: "user", id: "user-1", before: null, after: null } as const;
  const connections = new Connections(url, 1);
  await forget(connections, vendor, new Map([["anna", "user-1"]]), { at: one.now(), isvId, author, ...about });
  await connections.close();
  expect([...((await other.read(isvId, licenseId))?.assignments() ?? [])].map(({ clientId }) => clientId)).toEqual([
    "anna",
  ]);
  const clients = (await other.history(isvId, licenseId, 10)).map(({ clientId }) => clientId);
  expect(new Set(clients)).toEqual(new Set(["user-1"]));
});
