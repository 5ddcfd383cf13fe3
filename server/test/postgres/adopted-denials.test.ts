/** Denials of a licence that there was not yet: whoever creates it takes them over, however many there are of others. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { adoptDenials } from "../../src/stores/postgres/catalogue.ts";
import { Connections } from "../../src/stores/postgres/connections.ts";
import { nobody } from "../../src/stores/postgres/deciding.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import { entitiesOf, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { denialsOf } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

const isvId = isvIdOf(1);
const denied = `
  INSERT INTO seatkeeper.history (isv_id, license_id, at, kind, denial, in_use, max_tokens, is_overuse, tokens, asked_for)
  SELECT $1, $2, n, 'denied', 'license_unknown', 0, 0, false, 0, coalesce($3, 'guess ' || n) FROM generate_series(1, $4::int) AS n`;

test("a licence that is created takes over its own denials, and reads no others", async () => {
  const url = await postgres.database();
  const store = await openPostgresStore(url, { clock: new HeldClock() });
  await store.saveCatalog(entitiesOf(licenseSetting({ licenseId: licenseIdOf(1) })));
  const wanted = licenseIdOf(2);
  await postgres.query(url, denied, [isvId, nobody, null, 50_000]);
  await postgres.query(url, denied, [isvId, nobody, wanted, 3]);

  const connections = new Connections(url, 1);
  const transaction = await connections.begin();
  const [explained] = await transaction.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${adoptDenials}`, [
    [isvId],
    [wanted],
  ]);
  await transaction.rollback();
  await connections.close();
  const plans = explained?.["QUERY PLAN"] as readonly { readonly Plan: Readonly<Record<string, unknown>> }[];
  expect(plans[0]?.Plan["Shared Hit Blocks"]).toBeLessThan(100);

  await store.saveCatalog(entitiesOf(licenseSetting({ licenseId: wanted })));
  expect(await store.history(isvId, wanted, 10)).toHaveLength(3);
  expect((await store.denials(denialsOf(isvId, { licenseId: wanted, limit: 1 }))).total).toBe(3);
  expect((await store.denials(denialsOf(isvId, { limit: 1 }))).total).toBe(50_003);
  await store.close();
}, 60_000);
