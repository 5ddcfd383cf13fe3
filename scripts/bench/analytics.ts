/**
 * `npm run bench:analytics`: what counting costs the open path. The same load on a server as it is and on one that does
 * not count, by turns: with as many opens and closes as it takes, and with a steady few. docs/performance.md explains it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { openAndClose, prepare, tenantFile, visits } from "./cases.ts";
import { cpuUsOf, measure, targetOf } from "./load.ts";
import { openLoop } from "./open-loop.ts";
import { type Program, startServer } from "./programs.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "10" } },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");

/** What a server without requests takes of a second, and how long it may need to come to that. */
const idleUsPerSecond = 30_000;
const settlingSecondsMax = 60;

/** How much dearer an open may be. */
const targetCost = 0.1;

interface Answers {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Load {
  readonly name: string;
  run(server: Program, folder: string): Promise<Answers>;
  /** What an open costs its caller: the time that it takes, or its share of what the server can do. */
  costOf(answers: Answers): number;
}

const loads: readonly Load[] = [
  {
    name: "open + close, as many as it takes",
    async run(server, folder) {
      const one = { name: "open + close", connections: 64, lua: openAndClose("spread") };
      return measure(targetOf([server]), one, seconds, folder, "1");
    },
    costOf: ({ requests }) => 1 / requests,
  },
  {
    name: "open + close, 250 a second",
    async run({ url }) {
      const end = performance.now() + seconds * 1_000;
      return openLoop(url, visits.headers, visits.shotOf, () => performance.now() > end);
    },
    costOf: ({ p50Ms }) => p50Ms,
  },
];

/** Loaded before the server: its rounds of counting find nothing to do. */
const rollup = pathToFileURL(join(import.meta.dirname, "../../server/dist/analytics/rollup.js"));
const withoutCounting = `import { Rollup } from "${rollup}"; Rollup.prototype.round = async () => false;`;
const kinds = {
  counting: [],
  "not counting": ["--import", `data:text/javascript,${encodeURIComponent(withoutCounting)}`],
} as const;
type Kind = keyof typeof kinds;

const cells: string[][] = [];
for (const load of loads) {
  const results: Record<Kind, (Answers & { readonly cpuUs: number })[]> = { counting: [], "not counting": [] };
  for (let round = 1; round <= rounds; round++) {
    // By turns, and each first as often as the other.
    const order = Object.keys(kinds) as Kind[];
    for (const kind of round % 2 === 1 ? order : order.toReversed()) {
      process.stderr.write(`\r${load.name}: round ${round} of ${rounds}, ${kind}   `);
      results[kind].push(await answersOf(load, kind));
    }
  }
  const costs = results.counting.map(
    (answers, n) => load.costOf(answers) / load.costOf(results["not counting"][n] as Answers) - 1,
  );
  for (const [kind, all] of Object.entries(results)) {
    const cost = median(costs);
    const isMet = cost < targetCost;
    cells.push([
      `${load.name}: ${kind}`,
      Math.round(median(all.map(({ requests }) => requests / seconds))).toLocaleString("en-US"),
      median(all.map(({ p50Ms }) => p50Ms)).toFixed(2),
      median(all.map(({ p99Ms }) => p99Ms)).toFixed(2),
      median(all.map(({ cpuUs, requests }) => cpuUs / requests)).toFixed(1),
      kind === "counting" ? `${(cost * 100).toFixed(1)} %` : "",
      kind === "counting" ? `< ${targetCost * 100} % ${isMet ? "met" : "missed"}` : "",
    ]);
  }
}
process.stderr.write(`\r${" ".repeat(70)}\r`);
console.log(`Node ${process.version}; ${rounds} rounds of ${seconds} s, medians`);
printCells(["load", "per second", "p50 ms", "p99 ms", "CPU µs each", "cost of counting", "target"], cells);

/** A fresh server of a kind under the load; its start is no part of it. */
async function answersOf(load: Load, kind: Kind): Promise<Answers & { readonly cpuUs: number }> {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-analytics-"));
  try {
    writeFileSync(join(folder, "tenant.yaml"), tenantFile());
    const server = await startServer(folder, `sqlite:${join(folder, "bench.db")}`, "0", kinds[kind]);
    try {
      await prepare(server.url);
      await settled(server);
      const before = cpuUsOf(server.pid);
      const answers = await load.run(server, folder);
      return { ...answers, cpuUs: cpuUsOf(server.pid) - before };
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Resolves when a server has counted what its preparation left behind: until then every load would pay for that. */
async function settled({ pid }: Program): Promise<void> {
  for (let [n, last] = [0, Number.NEGATIVE_INFINITY]; n < settlingSecondsMax; n++) {
    const used = cpuUsOf(pid);
    if (used - last < idleUsPerSecond) return;
    last = used;
    await setTimeout(1_000);
  }
  throw new Error(`the server was not idle after ${settlingSecondsMax} s`);
}
