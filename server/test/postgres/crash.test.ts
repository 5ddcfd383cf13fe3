/**
 * PostgreSQL crashes and recovers under its servers: whoever has read what the crash took back must not decide by it, though
 * neither the machine nor the postmaster was started anew.
 */
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { entitiesOf, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { openOf, stepAll } from "../stores/steps.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const place = { isvId: isvIdOf(1), licenseId: licenseIdOf(1) };
let postgres: PostgresServer;
let url: string;

/** Nobody waits for the log of transactions to be written, and it is hardly ever. */
beforeAll(async () => {
  postgres = await startPostgres({
    settings: { synchronous_commit: "off", wal_writer_delay: "10000ms", autovacuum: "off" },
  });
  url = await postgres.database();
});
afterAll(() => postgres.remove());

let ids = 0;

const open = (clientId: string) => openOf(place, clientId, ++ids);

async function clientsOn(store: Store): Promise<string[]> {
  const view = await store.read(place.isvId, place.licenseId);
  return Array.from(view?.sessions() ?? [], ({ clientId }) => clientId).toSorted();
}

/** Kills the process of a connection, as a system without memory does: PostgreSQL cuts all others and recovers. */
async function crash(): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  const cut = new Promise<void>((resolve) => client.once("end", resolve));
  process.kill(rows[0].pid, "SIGKILL");
  await cut;
  await expect
    .poll(() =>
      postgres.query(url, "SELECT 1").then(
        () => "up",
        () => "down",
      ),
    )
    .toBe("up");
}

test("what a server has read and a crash of PostgreSQL has taken back is not what it decides by", async () => {
  const writer = await openPostgresStore(url);
  await writer.saveCatalog(entitiesOf(licenseSetting({ licenseId: place.licenseId, tokens: 10_000 })));
  const reader = await openPostgresStore(url);
  await stepAll(writer, [open("anna")]);
  await stepAll(reader, [open("ben")]);
  // Up to here it is kept.
  await postgres.query(url, "CHECKPOINT");
  await stepAll(writer, [open("carl")]);
  expect(await clientsOn(reader)).toEqual(["anna", "ben", "carl"]);
  await crash();
  const fresh = await openPostgresStore(url);
  expect(await clientsOn(fresh)).toEqual(["anna", "ben"]);
  await stepAll(fresh, [open("dora")]);
  await stepAll(reader, [open("erik")]);
  for (const store of [fresh, reader, writer]) expect(await clientsOn(store)).toEqual(["anna", "ben", "dora", "erik"]);
  for (const store of [reader, writer, fresh]) await store.close();
}, 60_000);
