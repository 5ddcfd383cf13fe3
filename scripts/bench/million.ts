/**
 * `npm run bench:million`: servers on files with a million live sessions, on one licence and on 100,000, each beside one with a
 * thousand: how fast they start, what a session weighs in memory, and how fast sessions are extended. docs/performance.md
 * explains it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { applyTenantPaths } from "../../server/src/catalog/tenant-file.ts";
import { step } from "../../server/src/core/step.ts";
import { newIds } from "../../server/src/ids.ts";
import { openSqliteStore } from "../../server/src/stores/sqlite/sqlite.ts";
import { catalogue, extendAmong, isv, licenseId, none } from "./cases.ts";
import { cpuUsOf, type Load, measure, targetOf } from "./load.ts";
import { type Program, startServer } from "./programs.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    sessions: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
  },
});
const [sessions, rounds, seconds] = [options.sessions, options.rounds, options.seconds].map(Number) as [
  number,
  number,
  number,
];
const few = 1_000;
/** What a busy server decides at one instant: with more, counting would have instants before it that no server makes. */
const perTransaction = 500;
/** A tenant file has a bound. */
const licensesPerFile = 20_000;
const targets = { startS: 8, bytes: 400, ratio: 0.9 };

/**
 * V8's young generation grows with the garbage that a server has made, to this many megabytes a half within a minute of load. All
 * have it so from the start: grown in one and not yet in another it would count as memory of sessions.
 */
const grownUp = ["--min-semi-space-size=64"];

interface Stand {
  readonly name: string;
  readonly sessions: number;
  readonly licenses: number;
}
const stands: readonly Stand[] = [1, 100_000].flatMap((licenses) =>
  [few, sessions].map((count) => ({
    name: `${count.toLocaleString("en-US")} sessions, ${licenses === 1 ? "one licence" : "100,000 licences"}`,
    sessions: count,
    licenses,
  })),
);

interface Started extends Stand {
  readonly folder: string;
  readonly program: Program;
  readonly startMs: number;
  readonly startCpuMs: number;
}

const started: Started[] = [];
try {
  for (const stand of stands) started.push(await startOn(stand));
  const loads = await extendAll();
  print(loads);
} finally {
  for (const { program } of started) await program.stop();
  for (const { folder } of started) rmSync(folder, { recursive: true });
}

/** Makes the file and starts a server on it. */
async function startOn(stand: Stand): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-million-"));
  const file = join(folder, "bench.db");
  // What the server applies at its start is small: it is to be timed, and not the reading of a file of licences.
  writeFileSync(join(folder, "tenant.yaml"), catalogue(1, 2 * stand.sessions));
  await makeFile(folder, file, stand);
  const began = performance.now();
  const program = await startServer(folder, `sqlite:${file}`, "0", grownUp);
  return { ...stand, folder, program, startMs: performance.now() - began, startCpuMs: cpuUsOf(program.pid) / 1_000 };
}

async function makeFile(folder: string, file: string, stand: Stand): Promise<void> {
  const store = openSqliteStore(file);
  const path = join(folder, "licenses.yaml");
  for (let n = 0; n < stand.licenses; n += licensesPerFile) {
    writeFileSync(path, catalogue(Math.min(licensesPerFile, stand.licenses - n), 2 * stand.sessions, n));
    await applyTenantPaths(store, [path]);
  }
  for (let n = 0; n < stand.sessions; n += perTransaction) {
    const count = Math.min(perTransaction, stand.sessions - n);
    const commands = Array.from({ length: count }, (_, m) => openOf(n + m, stand));
    await store.transact(commands, (licenses, now) => {
      for (const command of commands) {
        if (step(licenses, command, now).denial !== null) throw new Error("an open of the file was denied");
      }
    });
    process.stderr.write(`\r${stand.name}: ${n + count} are open   `);
  }
  await store.close();
}

function openOf(n: number, stand: Stand) {
  const sessionId = `3fa85f64-5717-4562-b3fc-${n.toString(16).padStart(12, "0")}`;
  const who = { clientId: `anna.${n}@factor.com`, sessionId, userId: null };
  const where = { isvId: isv, licenseId: licenseId(n % stand.licenses), projectId: null, checkoutPeriod: null };
  return { type: "open", ...where, ...who, ids: newIds() } as const;
}

/** By turns, so that the machine's other work meets all of them. A first round is not counted. */
async function extendAll(): Promise<Map<Started, Load[]>> {
  const loads = new Map(started.map((each) => [each, [] as Load[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [each, all] of loads) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${each.name}   `);
      const one = { name: each.name, connections: 64, lua: extendAmong(each.sessions, each.licenses) };
      const load = await measure(targetOf([each.program]), one, round === 0 ? 1 : seconds, each.folder, "1");
      if (none(load) > 0.001) throw new Error(`${each.name}: ${load.refused} extends of ${load.requests} were refused`);
      if (round > 0) all.push(load);
    }
  }
  process.stderr.write(`\r${" ".repeat(70)}\r`);
  return loads;
}

function print(loads: ReadonlyMap<Started, readonly Load[]>): void {
  const [base] = started as [Started];
  console.log(`Node ${process.version}; ${rounds} rounds of ${seconds} seconds`);
  printCells(
    ["server on", "start s", "its CPU s", "target", "bytes each", "target", "extends/s", "p99 ms", "ratio", "target"],
    [...loads].map(([each, all]) => {
      const ratio = median(all.map((load, n) => load.perSecond / (loads.get(base)?.[n]?.perSecond ?? Number.NaN)));
      const bytes = bytesOfSession(each);
      const isJudged = each.sessions > few;
      const judged = (text: string, isMet: boolean) => (isJudged ? `${text} ${isMet ? "met" : "missed"}` : "");
      return [
        each.name,
        (each.startMs / 1_000).toFixed(1),
        (each.startCpuMs / 1_000).toFixed(1),
        judged(`≤ ${targets.startS}`, each.startMs <= targets.startS * 1_000),
        isJudged ? Math.round(bytes).toLocaleString("en-US") : "",
        judged(`≤ ${targets.bytes}`, bytes <= targets.bytes),
        Math.round(median(all.map(({ perSecond }) => perSecond))).toLocaleString("en-US"),
        median(all.map(({ p99Ms }) => p99Ms)).toFixed(1),
        each === base ? "" : ratio.toFixed(2),
        judged(`≥ ${targets.ratio}`, ratio >= targets.ratio),
      ];
    }),
  );
  const licensed = started.find((each) => each.licenses > 1 && each.sessions === few) as Started;
  const ofLicense = (residentBytes(licensed) - residentBytes(base)) / licensed.licenses;
  console.log(`a licence weighs ${Math.round(ofLicense).toLocaleString("en-US")} bytes`);
}

/** What the sessions of a server add to the memory of one with as many licences and a thousand of them, by the session. */
function bytesOfSession(each: Started): number {
  const beside = started.find(
    ({ licenses, sessions: count }) => licenses === each.licenses && count === few,
  ) as Started;
  return (residentBytes(each) - residentBytes(beside)) / (each.sessions - few);
}

/** What the kernel has given the process for itself, after it has worked: its program's own pages come and go with the machine. */
function residentBytes({ program }: Started): number {
  const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
