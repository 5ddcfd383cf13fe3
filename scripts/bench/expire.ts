/**
 * `npm run bench:expire`: many sessions of one licence end in the same second: how long others wait for their answers
 * meanwhile, on that licence and on another one. docs/performance.md explains it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { applyTenantPaths } from "../../server/src/catalog/tenant-file.ts";
import { HeldClock } from "../../server/src/clock.ts";
import { step } from "../../server/src/core/step.ts";
import { newIds } from "../../server/src/ids.ts";
import { openSqliteStore } from "../../server/src/stores/sqlite/sqlite.ts";
import { openLoop } from "./open-loop.ts";
import { startServer } from "./programs.ts";
import { printCells } from "./table.ts";

const { values: options } = parseArgs({ options: { sessions: { type: "string", default: "1000000" } } });
const sessions = Number(options.sessions);
if (!(sessions >= 1)) throw new Error("--sessions wants a whole number from 1 on");

const targetMs = 50;
const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const key = "bench-provisioning-key";
const ending = "00000000-0000-4000-8000-000000000001";
const other = "00000000-0000-4000-8000-000000000002";
/** Long enough to make the file and to start the server on it: some 10,000 sessions a second, and half a minute. */
const periodMinutes = Math.ceil((sessions / 10_000 + 30) / 60);
const perTransaction = 10_000;
/** Users of the licence whose sessions end: few assignments, for they stay. */
const users = 1_000;

const tenant = `isv: { id: ${isv}, name: Bench }
keys:
  - { name: bench, role: provisioning, secret: "${key}", response_signature: none }
products:
  - { name: Bench }
editions:
  - { product: Bench, name: Ending, provisioning_mode: floating, client_type: users, session_period: ${periodMinutes}, max_floating_sessions_with_same_client_id: 10000 }
  - { product: Bench, name: Lasting, provisioning_mode: floating, client_type: users, session_period: 60 }
customers:
  - { number: "1", name: Bench }
licenses:
  - { id: ${ending}, customer: "1", edition: Ending, floating_token_limit: ${2 * users} }
  - { id: ${other}, customer: "1", edition: Lasting, floating_token_limit: 1000000 }
`;

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-expire-"));
const file = join(folder, "bench.db");
const began = Date.now();
const endsAt = began + periodMinutes * 60_000;
try {
  await makeFile();
  const server = await startServer(folder, `sqlite:${file}`, "0");
  try {
    await measure(server.url);
  } finally {
    await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** All sessions open within a second, a thousandth of them in each of its milliseconds. */
async function makeFile(): Promise<void> {
  writeFileSync(join(folder, "tenant.yaml"), tenant);
  const clock = new HeldClock(began);
  const store = openSqliteStore(file, clock);
  await applyTenantPaths(store, [join(folder, "tenant.yaml")]);
  for (let n = 0; n < sessions; n += perTransaction) {
    const count = Math.min(perTransaction, sessions - n);
    const commands = Array.from({ length: count }, (_, m) => openOf(n + m));
    await store.transact(commands, (licenses, now) => {
      for (const [m, command] of commands.entries()) {
        if (step(licenses, command, now + instantOf(n + m)).denial !== null)
          throw new Error("an open of the file was denied");
      }
    });
    process.stderr.write(`\r${n + count} of ${sessions} sessions are open   `);
  }
  // The server must not take the time that this has taken for an outage.
  clock.advance(Date.now() - began);
  await store.live();
  await store.close();
}

function instantOf(n: number): number {
  return Math.floor((n * 1_000) / sessions);
}

function openOf(n: number) {
  const who = { clientId: `user.${n % users}@factor.com`, sessionId: sessionIdOf(n), userId: null };
  const where = { isvId: isv, licenseId: ending, projectId: null, checkoutPeriod: null };
  return { type: "open", ...where, ...who, ids: newIds() } as const;
}

function sessionIdOf(n: number): string {
  return `3fa85f64-5717-4562-b3fc-${n.toString(16).padStart(12, "0")}`;
}

/** Opens on both licences, from some seconds before the end until everything is over. */
async function measure(url: string): Promise<void> {
  const untilMs = endsAt - Date.now();
  if (untilMs < 5_000) throw new Error("making the file took too long: the sessions are over already");
  const beforeMs = 4_000;
  const afterMs = 4_000 + sessions / 25;
  process.stderr.write(`\rthe sessions end in ${Math.round(untilMs / 1_000)} s   `);
  await delay(untilMs - beforeMs);
  const stopAt = performance.now() + beforeMs + afterMs;
  const isOver = () => performance.now() > stopAt;
  const run = (license: string) => openLoop(url, { ProvisioningKey: key }, (n) => shotOf(license, n), isOver);
  const [same, another] = await Promise.all([run(ending), run(other)]);
  process.stderr.write(`\r${" ".repeat(60)}\r`);
  console.log(`Node ${process.version}; ${sessions} sessions of one licence end within a second`);
  printCells(
    ["opens and extends", "requests", "p50 ms", "p99 ms", "worst ms", "target"],
    (
      [
        ["on that licence", same],
        ["on another licence", another],
      ] as const
    ).map(([name, each]) => [
      ...[name, String(each.requests)],
      ...[each.p50Ms, each.p99Ms, each.worstMs].map((ms) => ms.toFixed(1)),
      `< ${targetMs} ${each.worstMs < targetMs ? "met" : "missed"}`,
    ]),
  );
}

/** A hundred callers who open and then extend. */
function shotOf(license: string, n: number) {
  const client = {
    license_id: license,
    client_id: `guest.${n % 100}@factor.com`,
    session_id: sessionIdOf(2 ** 40 + (n % 100)),
  };
  return {
    path: `/api/v2/isv/${isv}/provisioning/session/open`,
    body: JSON.stringify({ ...client, checkout_period: 0 }),
  };
}
