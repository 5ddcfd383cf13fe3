/**
 * PostgreSQL crashes and recovers under its servers: whoever has read what the crash took back must not decide by it, though
 * neither the machine nor the postmaster was started anew.
 */
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenCommand } from "../../src/core/types.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { entitiesOf, freshId, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { stepAll } from "../stores/steps.ts";
import { startProxy } from "./proxy.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const place = { isvId: isvIdOf(1), licenseId: licenseIdOf(1) };
let postgres: PostgresServer;
let url: string;

/** Nobody writes the log of transactions to the disk but whoever waits for it. */
beforeAll(async () => {
  postgres = await startPostgres({ settings: { wal_writer_delay: "10000ms", autovacuum: "off" } });
  url = await postgres.database();
});
afterAll(() => postgres.remove());

let ids = 0;

function open(clientId: string): OpenCommand {
  const id = ++ids;
  const fresh = { session: freshId(6, id), assignment: freshId(7, id), token: freshId(8, id) };
  return {
    type: "open",
    ...place,
    clientId,
    sessionId: null,
    userId: null,
    projectId: null,
    checkoutPeriod: null,
    ids: fresh,
  };
}

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
  const proxy = await startProxy(url);
  const reader = await openPostgresStore(url);
  await reader.saveCatalog(entitiesOf(licenseSetting({ licenseId: place.licenseId, tokens: 10_000 })));
  const writer = await openPostgresStore(proxy.url);
  await stepAll(writer, [open("anna")]);
  await stepAll(reader, [open("ben")]);
  // It has committed, and cannot ask for that to be kept.
  proxy.silenceAt("pg_logical_emit_message");
  const outcome = stepAll(writer, [open("carl")]).catch((error: unknown) => error);
  await expect.poll(() => clientsOn(reader)).toContain("carl");
  await crash();
  proxy.cut();
  expect(await outcome).toMatchObject({ name: "StoreFault", isUnknown: true });
  const fresh = await openPostgresStore(url);
  expect(await clientsOn(fresh)).toEqual(["anna", "ben"]);
  await stepAll(fresh, [open("dora")]);
  await stepAll(reader, [open("erik")]);
  expect(await clientsOn(fresh)).toEqual(["anna", "ben", "dora", "erik"]);
  expect(await clientsOn(reader)).toEqual(["anna", "ben", "dora", "erik"]);
  for (const store of [reader, writer, fresh]) await store.close();
  await proxy.close();
}, 60_000);

test("what a crash has taken back is not told as kept by a pooler's next connection", async () => {
  const proxy = await startProxy(url);
  const reader = await openPostgresStore(url);
  await reader.saveCatalog(entitiesOf(licenseSetting({ licenseId: place.licenseId, tokens: 10_000 })));
  const writer = await openPostgresStore(proxy.url);
  await stepAll(writer, [open("fred")]);
  await stepAll(reader, [open("gina")]);
  proxy.silenceAt("pg_logical_emit_message");
  const outcome = stepAll(writer, [open("hugo")]).catch((error: unknown) => error);
  await expect.poll(() => clientsOn(reader)).toContain("hugo");
  await crash();
  proxy.handOver();
  expect(await outcome).toMatchObject({ name: "StoreFault", isUnknown: true });
  expect(await clientsOn(reader)).not.toContain("hugo");
  for (const store of [reader, writer]) await store.close();
  await proxy.close();
}, 60_000);
