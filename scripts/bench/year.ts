/**
 * `npm run bench:year`: a year of one busy licence in an SQLite file: how long each chart and each page of the denial log
 * takes over HTTP, what counting and forgetting cost, and how long they keep an open waiting. docs/performance.md explains it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import Database from "better-sqlite3";
import { keptDays, Rollup } from "../../server/src/analytics/rollup.ts";
import { HeldClock } from "../../server/src/clock.ts";
import { openSqliteStore } from "../../server/src/stores/sqlite/sqlite.ts";
import type { Store } from "../../server/src/stores/store.ts";
import { openLoop, type Pauses, type Shot } from "./open-loop.ts";
import { startFloor, startServer } from "./programs.ts";
import { appKey, dayMs, isv, livePast, quietLicense, writeTenant } from "./year/history.ts";
import { ask, countedUntil } from "./year/questions.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "5000000" },
    days: { type: "string", default: "365" },
    /** A file to be kept, and to be used again where it is there. */
    keep: { type: "string" },
    /** How long the opens go on with nothing beside them. */
    seconds: { type: "string", default: "15" },
  },
});
const days = Number(options.days);
const events = Number(options.events);
const seconds = Number(options.seconds);
/** Days that the server under load has still to count. */
const daysBehind = Math.min(5, days - 1);
const targetPauseMs = 20;
/** V8 compiles what a server that has just started does first: that is no pause of counting. */
const warmUpMs = 5_000;
/** Of forgetting: more of them look alike. */
const slicesTimed = 400;
const began = Date.now();

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-year-"));
const file = options.keep ?? join(folder, "year.db");
try {
  console.log(`Node ${process.version}, ${cpus()[0]?.model.trim()}`);
  if (!existsSync(file)) await make();
  await serveIt();
  await forget();
} finally {
  rmSync(folder, { recursive: true });
}

/** Lives the year, and counts all of it but the last days. */
async function make(): Promise<void> {
  const now = Date.now();
  const store = openSqliteStore(file, new HeldClock(now));
  let requests = 0;
  const deciding = await cpuOf(async () => {
    requests = await livePast(store, folder, { now, days, events });
  });
  await store.live();
  await store.close();
  const bytes = statSync(file).size;
  const lines = linesOf("history");
  say(`${requests} requests in ${days} days, ${lines} lines of history, ${linesOf("denials")} of them denials`);
  say(`decided and kept: ${(deciding / requests).toFixed(1)} µs of CPU a request`);
  say(`history: ${mb(bytes)} MB, ${mb((bytes / lines) * 1e6)} MB a million lines`);
  await countUntil(now - daysBehind * dayMs, lines);
  const sums = statSync(file).size - bytes;
  say(`sums: ${mb(sums)} MB beside them`);
}

async function countUntil(until: number, lines: number): Promise<void> {
  const store = openSqliteStore(file, new HeldClock(Date.now()));
  const rollup = new Rollup(store);
  const slices: number[] = [];
  const cpu = await cpuOf(async () => {
    while ((await store.counted()).until < until && (await timedSlice(slices, () => rollup.round()))) {
      if (slices.length % 100 === 0) process.stderr.write(`\rcounted up to ${await countedDay(store)}   `);
    }
  });
  await store.close();
  say(`counted: ${((cpu / lines) * (days / (days - daysBehind))).toFixed(1)} µs of CPU a line`);
  sayOfSlices("counting", slices);
}

async function countedDay(store: Store): Promise<string> {
  return new Date((await store.counted()).until).toISOString().slice(0, 10);
}

/** A server on the file, which has the last days to count while opens arrive; then the questions. */
async function serveIt(): Promise<void> {
  writeTenant(folder);
  // The server has the first core; whoever asks it, from here on, the second.
  execFileSync("taskset", ["-acp", "1", String(process.pid)]);
  const server = await startServer(folder, `sqlite:${file}`, "0");
  try {
    let opened = 0;
    const openedFor = (isOver: () => boolean, url = server.url) =>
      openLoop(url, { ProvisioningKey: appKey }, () => openOf(opened++), isOver);
    await openedFor(overAfter(warmUpMs));
    let isCounted = false;
    const beside = await Promise.all([
      openedFor(() => isCounted),
      counted(server.url).finally(() => {
        isCounted = true;
      }),
    ]);
    sayOfPauses("opens while the last days are counted", beside[0]);
    sayOfPauses("opens with nothing beside them", await openedFor(overAfter(seconds * 1_000)));
    sayOfPauses("a bare server that appends a line and calls fdatasync", await besideTheDisk(openedFor), false);
    await ask(server);
  } finally {
    await server.stop();
  }
}

function overAfter(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() > end;
}

/** What the disk alone makes callers wait for. */
async function besideTheDisk(openedFor: (isOver: () => boolean, url: string) => Promise<Pauses>): Promise<Pauses> {
  const floor = await startFloor("append", folder, "{}");
  try {
    await openedFor(overAfter(warmUpMs), floor.url);
    return await openedFor(overAfter(seconds * 1_000), floor.url);
  } finally {
    await floor.stop();
  }
}

/** Ends when everything before now is counted. */
async function counted(url: string): Promise<void> {
  const now = Date.now();
  for (;;) {
    const until = await countedUntil(url);
    if (until >= now) return;
    process.stderr.write(`\rthe server has counted up to ${new Date(until).toISOString().slice(0, 16)}   `);
    await delay(1_000);
  }
}

/** An open of somebody who was never there before, on a licence that is not charted. */
function openOf(n: number): Shot {
  const serial = (began * 1_000_000 + n).toString(16).padStart(12, "0").slice(-12);
  const clientId = `new.${serial}@factor.com`;
  const session = { license_id: quietLicense, client_id: clientId, session_id: `3fa85f64-5717-4562-b3fc-${serial}` };
  return {
    path: `/api/v2/isv/${isv}/provisioning/session/open`,
    body: JSON.stringify({ ...session, checkout_period: 0 }),
  };
}

/** As if the server came to it half a year later: slices of forgetting, one after the other, on the file itself. */
async function forget(): Promise<void> {
  const store = openSqliteStore(file, new HeldClock(Date.now() + (keptDays.history - days / 2) * dayMs));
  const rollup = new Rollup(store);
  const slices: number[] = [];
  while (slices.length < slicesTimed && (await timedSlice(slices, () => rollup.prune())));
  await store.close();
  sayOfSlices("forgetting", slices);
}

async function timedSlice(slices: number[], slice: () => Promise<boolean>): Promise<boolean> {
  const before = performance.now();
  const hasMore = await slice();
  slices.push(performance.now() - before);
  return hasMore;
}

/** CPU time of the process, user and system, in microseconds: what others do on the machine does not count. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function linesOf(what: "history" | "denials"): number {
  const db = new Database(file, { readonly: true });
  const where = what === "denials" ? "WHERE denial IS NOT NULL" : "";
  const { n } = db.prepare(`SELECT count(*) AS n FROM history ${where}`).get() as { n: number };
  db.close();
  return n;
}

function sayOfSlices(what: string, slices: number[]): void {
  const sorted = slices.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  say(
    `${what}: ${slices.length} slices; half take ${at(0.5)} ms, 99 % at most ${at(0.99)} ms, the longest ${at(1)} ms`,
  );
}

function sayOfPauses(what: string, { requests, p50Ms, p99Ms, worstMs }: Pauses, isJudged = true): void {
  const verdict = ` (target: ${targetPauseMs} ms, ${worstMs < targetPauseMs ? "met" : "missed"})`;
  const figures = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, worst ${worstMs.toFixed(1)} ms`;
  say(`${what}: ${requests}, ${figures}${isJudged ? verdict : ""}`);
}

/** A line in the place of the one that tells of progress. */
function say(text: string): void {
  process.stderr.write(`\r${" ".repeat(60)}\r`);
  console.log(text);
}

function mb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
