/**
 * `npm run bench:profile`: what each hot case spends its time on, by the server's own profile of it. docs/performance.md names
 * what costs more than a twentieth, and why it stays.
 */
import { parseArgs } from "node:util";
import { batchOf, denied, extend, extendBatch, openAndClose } from "./cases.ts";
import { type Asked, measure, targetOf } from "./load.ts";
import { type Profile, profiled } from "./profiles.ts";
import { printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    /** The least share that is told of. */
    share: { type: "string", default: "0.05" },
    /** Tells of functions instead of files. */
    functions: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const least = Number(options.share);

const cases: readonly Asked[] = [
  { name: "extend", connections: 64, lua: extend("spread") },
  { name: "open + close", connections: 64, lua: openAndClose("spread") },
  { name: "denial 1007", connections: 64, lua: denied },
  { name: `batch call of ${batchOf}`, connections: 8, lua: extendBatch },
  { name: "lone caller: extend", connections: 1, lua: extend("spread") },
];

console.log(
  `Node ${process.version}; ${seconds} s each; shares of the time in which the thread did not wait for requests`,
);
for (const one of cases) {
  process.stderr.write(`\r${one.name}   `);
  const { requests, cpuUs, profiles } = await profiled(async (server, folder) => {
    return (await measure(targetOf([server]), one, seconds, folder, "1")).requests;
  });
  const parts = partsOf(profiles);
  const all = [...parts.values()].reduce((sum, us) => sum + us, 0);
  const cells = [...parts]
    .map(([part, us]) => ({ part, us, share: us / all }))
    .toSorted((a, b) => b.us - a.us)
    .filter(({ share }) => share >= least)
    .map(({ part, us, share }) => [part, `${(share * 100).toFixed(1)} %`, (us / requests).toFixed(1)]);
  process.stderr.write(`\r${" ".repeat(70)}\r`);
  console.log(
    `\n${one.name}: ${Math.round(requests / seconds)} a second, ${(cpuUs / requests).toFixed(1)} µs of CPU each`,
  );
  printCells(["where", "share", "µs each"], cells);
}

/** Microseconds by where they were spent. */
function partsOf(profiles: readonly Profile[]): Map<string, number> {
  const parts = new Map<string, number>();
  for (const { nodes, samples, timeDeltas } of profiles) {
    const names = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
    for (const [n, id] of samples.entries()) {
      const name = names.get(id) ?? "";
      if (name !== "(idle)") parts.set(name, (parts.get(name) ?? 0) + (timeDeltas[n] ?? 0));
    }
  }
  return parts;
}

/** A file of the server's, a package, a module of Node's, or what V8 calls its own work; what is native belongs to its caller. */
function placeOf({ url, functionName }: Profile["nodes"][number]["callFrame"]): string {
  if (url === "") return functionName.startsWith("(") ? functionName : `native: ${functionName || "nameless"}`;
  const file = url
    .replace(/^.*\/node_modules\/((?:@[^/]+\/)?[^/]+).*$/, "$1")
    .replace(/^.*\/server\/dist\//, "")
    .replace(/\.js$/, "");
  return options.functions ? `${file}: ${functionName || "nameless"}` : file;
}
