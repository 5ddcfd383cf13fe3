/** Migrations of large databases take longer than a server waits for any statement of its own. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Connections } from "../../src/stores/postgres/connections.ts";
import { migrate, readMigrations } from "../../src/stores/postgres/schema.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

vi.mock("../../src/stores/postgres/limits.ts", async (original) => ({
  ...(await original<typeof import("../../src/stores/postgres/limits.ts")>()),
  statementMs: 400,
  answerMs: 500,
}));

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());

test("a migration takes as long as it takes, and may read whole tables", async () => {
  const connections = new Connections(await postgres.database(), 2);
  const known = readMigrations();
  const version = known.length + 1;
  const sql = `SELECT pg_sleep(0.7);
    CREATE TABLE seatkeeper.plans AS SELECT current_setting('enable_hashjoin') AS hash, current_setting('enable_seqscan') AS seq`;
  const slow = { version, name: "slow", sql, runsBeside: version };
  expect(await migrate(connections, { migrations: [...known, slow] })).toContain("slow");
  expect(await connections.query("SELECT hash, seq FROM seatkeeper.plans")).toEqual([{ hash: "on", seq: "on" }]);
  await connections.close();
});

test("no migration lets servers go on that one before it has ended: the last one's word is what a start asks", () => {
  const beside = readMigrations().map(({ runsBeside }) => runsBeside);
  expect(beside).toEqual(beside.toSorted((a, b) => a - b));
});
