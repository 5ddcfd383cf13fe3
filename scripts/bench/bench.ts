/**
 * `npm run bench`: how fast a session is opened, extended, denied and closed, durably, as ratios to a bare `node:http`
 * server that answers the same bytes in the same run. docs/performance.md explains every line of it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { batchOf, cases, lastingAnswer, licenses, prepare, tenantFile } from "./cases.ts";
import { type Load, measure } from "./load.ts";
import { type Program, startFloor, startServer } from "./programs.ts";
import { median, printTable, type Row } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    only: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");
if (spawnSync("wrk", ["-v"]).error) {
  console.error("bench needs wrk, the load generator: apt-get install wrk");
  process.exit(69);
}
if (cpus().length < 2) console.log("Only one core: server and load generator share it, and the ratios say less.");

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-bench-"));
const programs: Program[] = [];
try {
  await run();
} finally {
  for (const program of programs) await program.stop();
  rmSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  writeFileSync(join(folder, "tenant.yaml"), tenantFile());
  const server = await startServer(folder);
  programs.push(server);
  await prepare(server.url);
  const floor = await startFloor("inline", folder, lastingAnswer);
  const appending = await startFloor("append", folder, lastingAnswer);
  programs.push(floor, appending);
  const programOf = { server, floor, append: appending };

  const chosen = cases.filter(
    ({ name, on }) => options.only === undefined || on !== "server" || name.includes(options.only),
  );
  const loads = new Map<string, Load[]>(chosen.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const one of chosen) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${one.name.padEnd(40)}`);
      const load = measure(programOf[one.on], one, seconds, folder);
      loads.get(one.name)?.push(load);
    }
  }
  process.stderr.write(`\r${" ".repeat(70)}\r`);
  report(chosen, loads);
}

function report(chosen: typeof cases, loads: ReadonlyMap<string, readonly Load[]>): void {
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
