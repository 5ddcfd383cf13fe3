/**
 * `npm run bench:take-up`: how long a server of PostgreSQL needs for a licence that it does not know yet, and how long
 * everybody else waits meanwhile. `--sessions` says how many live sessions the licence has, each of a client of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { applyTenantPaths } from "../../server/src/catalog/tenant-file.ts";
import { step } from "../../server/src/core/step.ts";
import type { Command } from "../../server/src/core/types.ts";
import { newIds } from "../../server/src/ids.ts";
import { openPostgresStore } from "../../server/src/stores/postgres/postgres.ts";
import { LicensesBusy, type Store } from "../../server/src/stores/store.ts";
import { startPostgres } from "../../server/test/postgres/server.ts";
import { hotLicense, isv, licenseId, tenantFile } from "./cases.ts";

const { values: options } = parseArgs({
  options: { sessions: { type: "string", default: "100000" }, rounds: { type: "string", default: "3" } },
});
const sessions = Number(options.sessions);
const perTransaction = 500;

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-take-up-"));
writeFileSync(join(folder, "tenant.yaml"), tenantFile());
const postgres = await startPostgres({ isDurable: true });
const url = await postgres.database();
const first = await openPostgresStore(url);
try {
  await applyTenantPaths(first, [join(folder, "tenant.yaml")]);
  for (let n = 0; n < sessions; n += perTransaction) {
    await decide(
      first,
      Array.from({ length: Math.min(perTransaction, sessions - n) }, (_, m) => open(n + m)),
    );
    if (n % (100 * perTransaction) > 0) continue;
    await first.tidy();
    process.stderr.write(`\r${n} of ${sessions} sessions are open   `);
  }
  process.stderr.write(`\r${" ".repeat(60)}\r`);
  const rows = [];
  for (let round = 0; round < Number(options.rounds); round++) rows.push(await takeUp(round));
  console.log(`a licence of ${sessions} live sessions and as many clients, on one PostgreSQL of this machine:`);
  console.table(rows);
} finally {
  await first.close();
  await postgres.remove();
  rmSync(folder, { recursive: true });
}

/** A server that has just started, and the first extend that it is asked for. */
async function takeUp(n: number) {
  const store = await openPostgresStore(url);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const began = performance.now();
  // Whoever asks for a large one is told to come again.
  while (!(await isDecided(store, open(n))));
  const tookMs = performance.now() - began;
  loop.disable();
  const again = performance.now();
  await decide(store, [open(n)]);
  const thenMs = performance.now() - again;
  await store.close();
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return {
    "first extend, ms": round(tookMs),
    "longest turn, ms": round(loop.max / 1e6),
    "next extend, ms": round(thenMs),
  };
}

async function isDecided(store: Store, command: Command): Promise<boolean> {
  try {
    await decide(store, [command]);
    return true;
  } catch (error) {
    if (error instanceof LicensesBusy) return false;
    throw error;
  }
}

function open(n: number): Command {
  const sessionId = `3fa85f64-5717-4562-b3fc-${n.toString(16).padStart(12, "0")}`;
  const client = { clientId: `anna.${n}@factor.com`, sessionId, userId: null, projectId: null };
  const license = { isvId: isv, licenseId: licenseId(hotLicense) };
  return { type: "open", ...license, ...client, checkoutPeriod: null, ids: newIds() };
}

async function decide(store: Store, commands: readonly Command[]): Promise<void> {
  await store.transact(commands, (view, now, owed) => {
    for (const command of [...owed, ...commands]) {
      const { denial } = step(view, command, now);
      if (denial !== null) throw new Error(denial.message);
    }
  });
}
