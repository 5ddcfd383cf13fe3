/** The past of one busy licence: made by the real rules on a held clock, a day a transaction, and counted like any history. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyTenantPaths } from "../../../server/src/catalog/tenant-file.ts";
import { step } from "../../../server/src/core/step.ts";
import type { Command } from "../../../server/src/core/types.ts";
import type { Store } from "../../../server/src/stores/store.ts";

export const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
export const busyLicense = "00000000-0000-4000-8000-000000000001";
/** Nobody has used it: for opens beside others' work. */
export const quietLicense = "00000000-0000-4000-8000-000000000002";
export const adminKey = "bench-admin-key-of-the-year";
export const appKey = "bench-app-key-of-the-year";
export const dayMs = 24 * 60 * 60_000;

/** Few enough tokens that some of the users are refused at the busiest hours. */
const users = 3_000;
const tokens = 1_300;

const tenant = `isv: { id: ${isv}, name: Bench }
keys:
  - { name: admin, role: admin, secret: "${adminKey}", response_signature: none }
  - { name: app, role: provisioning, secret: "${appKey}", response_signature: none }
products:
  - { name: Bench }
editions:
  - { product: Bench, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 600, max_floating_sessions_with_same_client_id: 9 }
customers:
  - { number: "1", name: Bench }
licenses:
  - { id: ${busyLicense}, customer: "1", edition: Floating users, floating_token_limit: ${tokens} }
  - { id: ${quietLicense}, customer: "1", edition: Floating users, floating_token_limit: 1000000 }
`;

/** The catalogue as a file in a folder. */
export function writeTenant(folder: string): string {
  const file = join(folder, "tenant.yaml");
  writeFileSync(file, tenant);
  return file;
}

/** Lets `days` days pass before `now`, of some `events` lines of history. Answers with the number of requests. */
export async function livePast(
  store: Store,
  folder: string,
  { now, days, events }: { readonly now: number; readonly days: number; readonly events: number },
): Promise<number> {
  await applyTenantPaths(store, [writeTenant(folder)]);
  const sweep: Command = { type: "sweep", isvId: isv, licenseId: busyLicense };
  // A session leaves two lines, and some a denial instead.
  const sessionsPerDay = events / days / 2;
  let requests = 0;
  for (let n = 0; n < days; n++) {
    const acts = actsOf(n, sessionsPerDay, now - (days - n) * dayMs - dayMs / 24);
    requests += acts.length;
    await store.transact([sweep], (licenses) => {
      for (const { at, command } of acts) step(licenses, command, at);
    });
    process.stderr.write(`\rday ${n + 1} of ${days} is lived   `);
  }
  await store.transact([sweep], (licenses) => step(licenses, sweep, now));
  return requests;
}

/** Everybody comes and goes in working hours; some are refused. Sorted by time. */
function actsOf(n: number, sessionsPerDay: number, midnight: number): { at: number; command: Command }[] {
  const isWeekend = n % 7 > 4;
  const count = Math.round(sessionsPerDay * (isWeekend ? 0.2 : 1.32));
  const acts: { at: number; command: Command }[] = [];
  for (let m = 0; m < count; m++) {
    const serial = n * 100_000 + m;
    const clientId = `user.${(m * 7919 + n) % users}@factor.com`;
    const sessionId = idOf(3, serial);
    const from = midnight + (7 / 24 + (Math.random() + Math.random()) * (4 / 24)) * dayMs;
    const to = from + Math.random() * (2 / 24) * dayMs;
    const who = { isvId: isv, licenseId: busyLicense, clientId, sessionId, userId: null };
    const ids = { session: idOf(6, serial), assignment: idOf(7, serial), token: idOf(8, serial) };
    acts.push({ at: Math.round(from), command: { type: "open", ...who, projectId: null, checkoutPeriod: null, ids } });
    acts.push({ at: Math.round(to), command: { type: "close", ...who } });
  }
  return acts.sort((a, b) => a.at - b.at);
}

function idOf(kind: number, n: number): string {
  return `${String(kind).padStart(8, "0")}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}
