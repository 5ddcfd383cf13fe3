/**
 * `npm run bench`: how fast a session is opened, extended, denied and closed, durably, as ratios to a bare `node:http`
 * server that answers the same bytes in the same run; `--store postgres`: beside statements written by hand. docs/performance.md explains every line of it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { batchOf, type Case, licenses } from "./cases.ts";
import { type Load, measure, type Target } from "./load.ts";
import { postgresSuite } from "./postgres.ts";
import { sqliteSuite } from "./sqlite.ts";
import { median, printTable, type Row } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    only: { type: "string", multiple: true },
    store: { type: "string", default: "sqlite" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");
if (options.store !== "sqlite" && options.store !== "postgres") throw new Error("--store wants sqlite or postgres");
if (spawnSync("wrk", ["-v"]).error) {
  console.error("bench needs wrk, the load generator: apt-get install wrk");
  process.exit(69);
}
if (cpus().length < 2) console.log("Only one core: server and load generator share it, and the ratios say less.");

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-bench-"));
const suite = options.store === "postgres" ? await postgresSuite(folder) : await sqliteSuite(folder);
try {
  await measureAll();
} finally {
  await suite.stop();
  rmSync(folder, { recursive: true });
}

/** A case that is asked for, and what it is held against. */
function namesToRun({ name, floor }: Case): string[] {
  if (options.only?.every((text) => !name.includes(text))) return [];
  const beside = suite.cases.find((one) => one.name === floor);
  return [name, ...(floor === undefined ? [] : [floor]), ...(beside?.floor === undefined ? [] : [beside.floor])];
}

async function measureAll(): Promise<void> {
  const names = new Set(suite.cases.flatMap(namesToRun));
  const chosen = suite.cases.filter(({ name }) => names.has(name));
  const loads = new Map<string, Load[]>(chosen.map(({ name }) => [name, []]));
  const run = (one: Case, forSeconds: number) =>
    measure(suite.targets[one.on] as Target, one, forSeconds, folder, suite.loadCores);
  for (let round = 0; round <= rounds; round++) {
    for (const one of chosen) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${one.name.padEnd(50)}`);
      // The first one is not counted: in it Node compiles what the others run.
      if (round === 0) await run(one, 1);
      else loads.get(one.name)?.push(await run(one, seconds));
    }
  }
  process.stderr.write(`\r${" ".repeat(80)}\r`);
  report(chosen, loads);
}

function report(chosen: readonly Case[], loads: ReadonlyMap<string, readonly Load[]>): void {
  const of = (name: string) => loads.get(name) ?? [];
  const rows: Row[] = chosen.map(({ name, floor, target, perRequest = 1, unexpected }) => {
    const mine = of(name);
    const worst = Math.max(...mine.map((load) => unexpected(load)));
    if (worst > 0.001)
      throw new Error(`${name}: ${(worst * 100).toFixed(1)} % of the answers were not the expected ones`);
    return {
      name,
      perSecond: median(mine.map((load) => load.perSecond * perRequest)),
      p50Ms: median(mine.map((load) => load.p50Ms)),
      p99Ms: median(mine.map((load) => load.p99Ms)),
      cpuUs: median(mine.map((load) => load.cpuUs / perRequest)),
      databaseCpuUs:
        mine[0]?.databaseCpuUs == null ? null : median(mine.map((load) => (load.databaseCpuUs ?? 0) / perRequest)),
      // Round by round: the machine's speed drifts, and the two of one round drifted together.
      ratio:
        floor === undefined ? null : median(mine.map((load, n) => load.perSecond / (of(floor)[n]?.perSecond ?? 0))),
      target,
    };
  });
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  console.log(
    `${commit}, Node ${process.version}, ${cpus()[0]?.model.trim()}; ${rounds} rounds of ${seconds} s, medians; ${licenses} licences; batch of ${batchOf}`,
  );
  printTable(rows);
}
