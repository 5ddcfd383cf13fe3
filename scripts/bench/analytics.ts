/**
 * `npm run bench:analytics`: what counting costs the open path. The server's own profile says how much of its time it
 * counts: with as many opens and closes as it takes, and with a steady few. docs/performance.md explains it.
 */
import { parseArgs } from "node:util";
import { openAndClose, visits } from "./cases.ts";
import { measure, targetOf } from "./load.ts";
import { openLoop } from "./open-loop.ts";
import { type Profile, type Profiled, type ProfiledLoad, profiled } from "./profiles.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, seconds: { type: "string", default: "10" } },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");

const targetShare = 0.1;

/** What the thread with the file does for analytics alone. */
const asked = new Set(["lines", "saveTallies", "tallies", "talliesAt", "tallyBefore", "prune"]);

const flood: ProfiledLoad = async (server, folder) => {
  const one = { name: "open + close", connections: 64, lua: openAndClose("spread") };
  return (await measure(targetOf([server]), one, seconds, folder, "1")).requests;
};

const steady: ProfiledLoad = async ({ url }) => {
  const end = performance.now() + seconds * 1_000;
  return (await openLoop(url, visits.headers, visits.shotOf, () => performance.now() > end)).requests;
};

const loads: readonly (readonly [name: string, load: ProfiledLoad])[] = [
  ["open + close, as many as it takes", flood],
  ["open + close, 250 a second", steady],
];

const cells: string[][] = [];
for (const [name, load] of loads) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`\r${name}: round ${round} of ${rounds}   `);
    results.push(countedIn(await profiled(load)));
  }
  const share = median(results.map((result) => result.share));
  cells.push([
    name,
    Math.round(median(results.map(({ requests }) => requests / seconds))).toLocaleString("en-US"),
    median(results.map(({ cpuUs, requests }) => cpuUs / requests)).toFixed(1),
    median(results.map(({ share: own, cpuUs, requests }) => (own * cpuUs) / requests)).toFixed(1),
    `${(share * 100).toFixed(1)} %`,
    `< ${targetShare * 100} % ${share < targetShare ? "met" : "missed"}`,
  ]);
}
process.stderr.write(`\r${" ".repeat(70)}\r`);
console.log(`Node ${process.version}; ${rounds} rounds of ${seconds} s, medians`);
printCells(["load", "per second", "CPU µs each", "counting µs each", "share of counting", "target"], cells);

function countedIn({ requests, cpuUs, profiles }: Profiled) {
  const times = profiles.map(timesOf);
  const sum = (of: "countingUs" | "workingUs") => times.reduce((all, each) => all + each[of], 0);
  return { requests, cpuUs, share: sum("countingUs") / sum("workingUs") };
}

/**
 * How long a thread worked, and how long of that beneath a function of analytics, or beneath one that the file is asked for by
 * it. What V8 cannot name (waiting, the kernel, its own work) counts for nothing: so the share is rather too high.
 */
function timesOf({ nodes, samples, timeDeltas }: Profile) {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const idsOf = (is: (frame: Profile["nodes"][number]["callFrame"]) => boolean) =>
    new Set(nodes.filter(({ callFrame }) => is(callFrame)).map(({ id }) => id));
  const own = idsOf(
    ({ url, functionName }) =>
      /\/analytics\/[a-z]+\.js$/.test(url) || (url.endsWith("/sqlite/tables.js") && asked.has(functionName)),
  );
  const nameless = idsOf(({ functionName }) => functionName === "(idle)" || functionName === "(program)");
  const isCounting = (id: number | undefined): boolean =>
    id !== undefined && (own.has(id) || isCounting(parents.get(id)));
  const counting = new Set(nodes.map(({ id }) => id).filter(isCounting));
  let [workingUs, countingUs] = [0, 0];
  for (const [n, id] of samples.entries()) {
    if (nameless.has(id)) continue;
    workingUs += timeDeltas[n] ?? 0;
    if (counting.has(id)) countingUs += timeDeltas[n] ?? 0;
  }
  return { workingUs, countingUs };
}
