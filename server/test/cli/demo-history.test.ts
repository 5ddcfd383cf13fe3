/** The demo's past: written once, counted, the same for the same days, and nowhere near the first commands' licence. */
import { execFileSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { applyTenantPaths } from "../../src/catalog/tenant-file.ts";
import { demoTenant } from "../../src/cli/demo.ts";
import { HeldClock } from "../../src/clock.ts";
import type { HistoryRecord } from "../../src/core/types.ts";
import { writeDemoHistory } from "../../src/demo/history.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import { bin, startProcess, temporaryFolder } from "../process.ts";
import { linesBetween } from "../stores/steps.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const licenseOf = (n: number) => `7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a${n}`;
const day = 24 * 60 * 60_000;

function run(file: string, ...args: readonly string[]): { readonly status: number; readonly output: string } {
  const env = { PATH: process.env.PATH, SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/${file}` };
  try {
    const output = execFileSync(process.execPath, [bin, "demo-history", ...args], {
      env,
      encoding: "utf8",
      stdio: "pipe",
    });
    return { status: 0, output };
  } catch (error) {
    const { status, stderr } = error as { status: number; stderr: string };
    return { status, output: stderr };
  }
}

test("a database without a history gets one, and once", () => {
  const first = run("once.db", "--days", "3");
  expect(first).toMatchObject({ status: 0, output: expect.stringContaining("3 days of the demo vendor's history") });
  expect(run("once.db", "--days", "3")).toMatchObject({
    status: 73,
    output: expect.stringContaining("has a history already"),
  });
});

test("a database with a history, or with another vendor, is refused before the demo's keys are in it", async () => {
  const tenant = folder.write("own.yaml", "isv: { id: 5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c6d, name: Own }\n");
  const url = `sqlite:${folder.path}/own.db`;
  const own = { SEATKEEPER_DATABASE_URL: url, SEATKEEPER_TENANT_FILES: tenant };
  await (await startProcess(["serve"], own)).stop("SIGTERM");
  const refused = (text: string) => {
    const refusal = { status: 73, output: expect.stringMatching(new RegExp(`${text}.*Nothing was changed`)) };
    expect(run("own.db", "--days", "2")).toMatchObject(refusal);
  };
  refused("has another vendor");
  const store = openSqliteStore(`${folder.path}/own.db`);
  await store.saveTallies([], await store.counted(), { until: 1, lines: 0 });
  await store.close();
  refused("has a history already");
  const server = await startProcess(["serve"], own);
  const asked = await fetch(`${server.url}/api/v2/isv/${isv}/licenses`, { headers: { AdminKey: "demo-admin-key" } });
  await server.stop("SIGTERM");
  expect(asked.status).toBe(401);
});

test.each(["0", "397", "many"])("--days %s is refused with a clear text", (days) => {
  expect(run("none.db", "--days", days)).toMatchObject({
    status: 64,
    output: expect.stringContaining("from 1 to 396"),
  });
});

test("serve --demo shows charts from the first minute, and leaves no token taken", async () => {
  const server = await startProcess(["serve", "--demo"], { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/fresh.db` });
  const ask = async (path: string) => {
    const response = await fetch(`${server.url}/api/v2/isv/${isv}/${path}`, {
      headers: { AdminKey: "demo-admin-key" },
    });
    expect(response.status).toBe(200);
    // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
    return (await response.json()) as any;
  };
  expect(server.output()).toMatch(/^The first start writes 30 days/);
  const usage = await ask(`analytics/usage?license_id=${licenseOf(15)}&bucket=week`);
  expect(
    usage.items.filter(({ sessions_opened }: { sessions_opened: number }) => sessions_opened > 100).length,
  ).toBeGreaterThan(2);
  const denials = await ask(`analytics/denials?license_id=${licenseOf(15)}&bucket=month`);
  expect(denials.items.at(-1)?.true_denials + denials.items.at(0)?.true_denials).toBeGreaterThan(10);
  expect((await ask(`analytics/advice?license_id=${licenseOf(15)}`)).verdict).toBe("more");
  for (const n of [11, 15, 17])
    expect(await ask(`provisioning/licenses/${licenseOf(n)}/tokens/floating/active/count`)).toBe(0);
  expect((await ask(`denials?license_id=${licenseOf(11)}`)).total).toBe(0);
  await server.stop("SIGTERM");
}, 120_000);

test("the same days have the same past, with all that charts are drawn of", async () => {
  const write = async () => {
    const clock = new HeldClock(Date.parse("2026-11-22T12:00:00Z"));
    const store = openMemoryStore(clock);
    const lines: HistoryRecord[] = [];
    await applyTenantPaths(store, [new URL(demoTenant).pathname]);
    const { acts } = await writeDemoHistory(store, 7);
    lines.push(...(await linesBetween(store, 0, clock.now() + day, 100_000)));
    expect((await store.counted()).until).toBe(clock.now());
    for (const n of [15, 16, 17]) expect((await store.read(isv, licenseOf(n)))?.openSessions).toBe(0);
    return { acts, lines };
  };
  const once = await write();
  expect(await write()).toEqual(once);
  const reached = new Set(once.lines.map(({ kind, denial, isOveruse }) => (isOveruse ? "overuse" : (denial ?? kind))));
  for (const wanted of [
    "session.opened",
    "session.closed",
    "session.expired",
    "session.moved",
    "tokens_exhausted",
    "project_in_use",
    "overuse",
  ]) {
    expect(reached).toContain(wanted);
  }
  expect(once.lines.every(({ at }) => at <= Date.parse("2026-11-22T12:00:00Z"))).toBe(true);
});
