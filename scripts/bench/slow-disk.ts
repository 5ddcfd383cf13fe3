/**
 * `npm run bench:slow-disk`: what is left of a server's speed when its disk needs milliseconds more for every fsync, at
 * numbers of connections that made servers which commit on their event loop collapse. docs/performance.md explains it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { extend, openAndClose, prepare, tenantFile } from "./cases.ts";
import { type Asked, type Load, measure, targetOf } from "./load.ts";
import { type Program, startServer } from "./programs.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "4" } },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");

/** Milliseconds that are added to every fsync; the first disk is the machine's own. */
const delaysMs = [0, 1, 5];
const kinds = [
  { name: "extend", lua: extend("spread") },
  { name: "open + close", lua: openAndClose("spread") },
];
const cases: readonly Asked[] = kinds.flatMap(({ name, lua }) =>
  [64, 256, 512].map((connections) => ({ name: `${name}, ${connections} connections`, connections, lua })),
);

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-slow-disk-"));
const library = compiled();
const servers: Program[] = [];
try {
  for (const ms of delaysMs) servers.push(await startOn(ms));
  const loads = cases.map(() => delaysMs.map((): Load[] => []));
  for (let round = 0; round <= rounds; round++) {
    for (const [n, one] of cases.entries()) {
      for (const [m, server] of servers.entries()) {
        process.stderr.write(`\rround ${round} of ${rounds}: ${one.name}, +${delaysMs[m]} ms`.padEnd(79));
        // The first one is not counted: in it Node compiles what the others run.
        const load = await measure(targetOf([server]), one, round === 0 ? 1 : seconds, folder, "1");
        if (round > 0) loads[n]?.[m]?.push(load);
      }
    }
  }
  process.stderr.write(`\r${" ".repeat(80)}\r`);
  report(loads);
} finally {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true });
}

/** The library that slows fsync down. */
function compiled(): string {
  const source = fileURLToPath(new URL("./slow-disk.c", import.meta.url));
  const made = join(folder, "slow-disk.so");
  const { error, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], {
    encoding: "utf8",
  });
  if (error === undefined && stderr === "") return made;
  console.error(`bench:slow-disk needs a C compiler (apt-get install gcc libc6-dev). ${stderr ?? error?.message}`);
  process.exit(69);
}

async function startOn(ms: number): Promise<Program> {
  const own = join(folder, `plus-${ms}`);
  mkdirSync(own);
  writeFileSync(join(own, "tenant.yaml"), tenantFile());
  const preload = { LD_PRELOAD: library, SLOW_DISK_MS: String(ms) };
  const server = await startServer(own, `sqlite:${join(own, "bench.db")}`, "0", [], preload);
  await prepare(server.url);
  return server;
}

function report(loads: readonly (readonly (readonly Load[])[])[]): void {
  const rows = cases.flatMap(({ name }, n) =>
    delaysMs.map((ms, m) => {
      const [fast = [], mine = []] = [loads[n]?.[0], loads[n]?.[m]];
      const ratio = median(mine.map((load, round) => load.perSecond / (fast[round]?.perSecond ?? 0)));
      return [
        `${name}, +${ms} ms`,
        Math.round(median(mine.map((load) => load.perSecond))).toLocaleString("en"),
        median(mine.map((load) => load.p50Ms)).toFixed(1),
        median(mine.map((load) => load.p99Ms)).toFixed(1),
        m === 0 ? "" : ratio.toFixed(2),
        ms === 5 && name.includes("256") ? `≥ 0.5 ${ratio >= 0.5 ? "met" : "missed"}` : "",
      ];
    }),
  );
  printCells(["case, and what its fsync takes more", "per second", "p50 ms", "p99 ms", "ratio", "target"], rows);
  console.log("No request met a time-out or a broken connection: the run would have ended there.");
}
