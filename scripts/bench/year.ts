/**
 * `node scripts/bench/year.ts`: a year of one busy licence through the real rules, counted, and how long each chart of it
 * takes over HTTP. Beside it what counting costs a decision, in CPU time of the process. docs/performance.md explains it.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Rollup } from "../../server/src/analytics/rollup.ts";
import { applyTenantPaths } from "../../server/src/catalog/tenant-file.ts";
import { HeldClock } from "../../server/src/clock.ts";
import { step } from "../../server/src/core/step.ts";
import type { Command } from "../../server/src/core/types.ts";
import { startServer } from "../../server/src/main.ts";
import { openSqliteStore } from "../../server/src/stores/sqlite/sqlite.ts";

const { values: options } = parseArgs({
  options: { events: { type: "string", default: "5000000" }, days: { type: "string", default: "365" } },
});
const days = Number(options.days);
const sessionsPerDay = Math.round(Number(options.events) / days / 2.05);
const isvId = "2af5fe02-6207-4214-946e-b00ac5309f53";
const licenseId = "00000000-0000-4000-8000-000000000001";
const users = 3_000;
const tokens = 900;
const day = 24 * 60 * 60_000;
const targetMs = 200;

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-year-"));
const tenant = join(folder, "tenant.yaml");
const file = join(folder, "year.db");
writeFileSync(
  tenant,
  `isv: { id: ${isvId}, name: Bench }
keys:
  - { name: admin, role: admin, secret: "bench-admin-key-of-the-year", response_signature: none }
products:
  - { name: Bench }
editions:
  - { product: Bench, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 600, max_floating_sessions_with_same_client_id: 9 }
customers:
  - { number: "1", name: Bench }
licenses:
  - { id: ${licenseId}, customer: "1", edition: Floating users, floating_token_limit: ${tokens} }
`,
);

try {
  await run();
} finally {
  rmSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  const now = Date.now();
  const store = openSqliteStore(file, new HeldClock(now));
  await applyTenantPaths(store, [tenant]);
  const sweep: Command = { type: "sweep", isvId, licenseId };
  let commands = 0;
  const deciding = await cpuOf(async () => {
    for (let n = 0; n < days; n++) {
      const acts = actsOf(n, now - (days - n) * day - day / 24);
      commands += acts.length;
      await store.transact([sweep], (licenses) => {
        for (const { at, command } of acts) step(licenses, command, at);
      });
      process.stderr.write(`\rday ${n + 1} of ${days}`);
    }
  });
  await store.transact([sweep], (licenses) => step(licenses, sweep, now));
  await store.live();
  const sizeBefore = statSync(file).size;
  const rollup = new Rollup(store);
  const counting = await cpuOf(async () => {
    while (await rollup.round());
  });
  await store.close();
  const sizeAfter = statSync(file).size;
  process.stderr.write(`\r${" ".repeat(40)}\r`);
  console.log(`Node ${process.version}, ${cpus()[0]?.model.trim()}; ${commands} requests in ${days} days`);
  console.log(`decided and kept: ${us(deciding, commands)} µs of CPU a request; counted: ${us(counting, commands)} µs`);
  console.log(`database: ${mb(sizeBefore)} MB of history, ${mb(sizeAfter - sizeBefore)} MB of sums`);
  await charts();
}

/** Everybody comes and goes in working hours; some are refused. Sorted by time. */
function actsOf(n: number, midnight: number): { at: number; command: Command }[] {
  const isWeekend = n % 7 > 4;
  const count = Math.round(sessionsPerDay * (isWeekend ? 0.2 : 1.32));
  const acts: { at: number; command: Command }[] = [];
  for (let m = 0; m < count; m++) {
    const serial = n * 100_000 + m;
    const clientId = `user.${(m * 7919 + n) % users}@factor.com`;
    const sessionId = idOf(3, serial);
    const from = midnight + (7 / 24 + (Math.random() + Math.random()) * (4 / 24)) * day;
    const to = from + Math.random() * (2 / 24) * day;
    const who = { isvId, licenseId, clientId, sessionId, userId: null };
    const ids = { session: idOf(6, serial), assignment: idOf(7, serial), token: idOf(8, serial) };
    acts.push({ at: Math.round(from), command: { type: "open", ...who, projectId: null, checkoutPeriod: null, ids } });
    acts.push({ at: Math.round(to), command: { type: "close", ...who } });
  }
  return acts.sort((a, b) => a.at - b.at);
}

function idOf(kind: number, n: number): string {
  return `${String(kind).padStart(8, "0")}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

async function charts(): Promise<void> {
  const database = { kind: "sqlite", path: file } as const;
  const config = {
    host: "127.0.0.1",
    port: 0,
    database,
    tenantFiles: [],
    logLevel: "silent",
    operatorKey: null,
    tls: null,
    drainSeconds: 0,
    trustedProxies: [],
  } as const;
  const server = await startServer(config as Parameters<typeof startServer>[0]);
  const since = (span: number) => `from=${new Date(Date.now() - span * day).toISOString()}`;
  const year = since(days);
  const license = `license_id=${licenseId}`;
  const zone = "time_zone=Europe/Berlin";
  const all = [
    `usage?${license}&${year}&bucket=day&${zone}`,
    `usage?${license}&${year}&bucket=hour&${zone}`,
    `usage?${license}&${year}&bucket=month&${zone}`,
    `usage?${license}&${since(3)}&bucket=minute&${zone}`,
    `usage?${year}&bucket=day&${zone}`,
    `denials?${license}&${year}&bucket=day&${zone}`,
    `heatmap?${license}&${year}&${zone}`,
    `holders?${license}&${since(30)}`,
    `holders?${license}&${since(92)}`,
    `denials/holders?${license}&${since(30)}`,
    `denials/licenses?${since(92)}`,
    `episodes?${license}&${since(30)}`,
    `signs?${license}&${since(30)}`,
    `advice?${license}`,
  ];
  try {
    for (const path of all) {
      const ms: number[] = [];
      for (let n = 0; n < 7; n++) ms.push(await timed(`${server.url}/api/v2/isv/${isvId}/analytics/${path}`));
      const median = ms.toSorted((a, b) => a - b)[3] as number;
      const shown = path.replace(license, "license").replace(/from=([\d-]{10})[^&]*/, "from=$1");
      console.log(`${shown.padEnd(70)} ${median.toFixed(0).padStart(5)} ms  ${median < targetMs ? "" : "missed"}`);
    }
  } finally {
    await server.stop();
  }
}

async function timed(url: string): Promise<number> {
  const before = performance.now();
  const response = await fetch(url, { headers: { AdminKey: "bench-admin-key-of-the-year" } });
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return performance.now() - before;
}

/** CPU time of the process, user and system, in microseconds: what others do on the machine does not count. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function us(all: number, count: number): string {
  return (all / count).toFixed(1);
}

function mb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
