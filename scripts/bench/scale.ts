/**
 * `npm run bench:scale`: what a session, a client and a decision weigh, in a node's memory and in PostgreSQL: the figures
 * that docs/scale.md reckons with. It counts bytes, so it may run on a busy machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyTenantPaths } from "../../server/src/catalog/tenant-file.ts";
import { step } from "../../server/src/core/step.ts";
import type { Command } from "../../server/src/core/types.ts";
import { newIds } from "../../server/src/ids.ts";
import { openPostgresStore } from "../../server/src/stores/postgres/postgres.ts";
import { startPostgres } from "../../server/test/postgres/server.ts";
import { isv, licenseId, licenses, tenantFile } from "./cases.ts";

const sessions = 100_000;
const perTransaction = 50;

const collect = globalThis.gc;
if (collect === undefined) throw new Error("run it with node --expose-gc");
const folder = mkdtempSync(join(tmpdir(), "seatkeeper-scale-"));
writeFileSync(join(folder, "tenant.yaml"), tenantFile());
// No checkpoint comes in between: what one adds depends on how often it comes.
const settings = { max_wal_size: "16GB", checkpoint_timeout: "1h" };
const postgres = await startPostgres({ isDurable: true, settings });
const url = await postgres.database();
const store = await openPostgresStore(url);
try {
  await applyTenantPaths(store, [join(folder, "tenant.yaml")]);
  const before = heap();
  const rows = [
    { what: "open of a new client", ...(await cost(open)) },
    { what: "memory of it (session and client), bytes", bytes: Math.round((heap() - before) / sessions) },
    { what: "extend", ...(await cost(open)) },
    { what: "extend, 50 a licence in one transaction", ...(await cost(openTogether)) },
  ];
  // Everything is folded, so that tables hold what they hold at rest.
  const from = await written();
  await store.close();
  rows.push({ what: "folding a session", bytes: Math.round(((await written()) - from) / sessions) });
  rows.push(...(await sizes()));
  console.table(rows);
} finally {
  await store.close();
  await postgres.remove();
  rmSync(folder, { recursive: true });
}

function heap(): number {
  collect?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  // Sessions and clients are packed into arrays, which stand beside the heap.
  return heapUsed + arrayBuffers;
}

/** Bytes of the write-ahead log a command, over all sessions in transactions of some fifty. */
async function cost(commandOf: (n: number) => Command): Promise<{ readonly bytes: number }> {
  const from = await written();
  for (let n = 0; n < sessions; n += perTransaction) {
    const commands = Array.from({ length: perTransaction }, (_, m) => commandOf(n + m));
    await store.transact(commands, (view, now, owed) => {
      for (const command of [...owed, ...commands]) {
        const { denial } = step(view, command, now);
        if (denial !== null) throw new Error(denial.message);
      }
    });
  }
  return { bytes: Math.round(((await written()) - from) / sessions) };
}

async function written(): Promise<number> {
  const [row] = await postgres.query(url, "SELECT pg_current_wal_insert_lsn() - '0/0' AS bytes");
  return Number(row?.bytes);
}

function open(n: number): Command {
  return openOn(n % licenses, n);
}

/** The same sessions, those of one licence one after the other. */
function openTogether(n: number): Command {
  const each = sessions / licenses;
  const license = Math.floor(n / each);
  return openOn(license, license + (n % each) * licenses);
}

function openOn(license: number, n: number): Command {
  const sessionId = `3fa85f64-5717-4562-b3fc-${n.toString(16).padStart(12, "0")}`;
  const client = { clientId: `anna.${n}@factor.com`, sessionId, userId: null, projectId: null };
  return { type: "open", isvId: isv, licenseId: licenseId(license), ...client, checkoutPeriod: null, ids: newIds() };
}

/** Bytes a row, indexes and what lies empty included. */
async function sizes() {
  await postgres.query(url, "VACUUM ANALYZE");
  const rows = await postgres.query(
    url,
    `SELECT relname, n_live_tup AS rows, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables
     WHERE schemaname = 'seatkeeper' AND n_live_tup >= 1000 ORDER BY relname`,
  );
  return rows.map(({ relname, rows, bytes }) => ({
    what: `a row of ${relname}, of ${rows}`,
    bytes: Math.round(Number(bytes) / Number(rows)),
  }));
}
