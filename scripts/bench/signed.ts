/**
 * `npm run bench:signed`: what signed answers cost, RSA-2048 and Ed25519, with the second core idle and busy, and what those
 * suffer beside them who want none. docs/performance.md explains it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { extend, extendMessageSigned, extendSigned, none, prepare, tenantFile } from "./cases.ts";
import { type Asked, type Load, measure, targetOf } from "./load.ts";
import { startServer } from "./programs.ts";
import { median, printCells } from "./table.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "4" } },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
if (!(rounds >= 1 && seconds >= 1)) throw new Error("--rounds and --seconds want whole numbers from 1 on");

/** Signatures are made on other threads: the server has both cores, wrk the second one with them. */
const serverCores = "0,1";
const loadCore = "1";

const unsigned: Asked = { name: "unsigned", connections: 32, lua: extend("spread") };
const kinds: readonly Asked[] = [
  { name: "RSA-2048", connections: 32, lua: extendSigned },
  { name: "Ed25519", connections: 32, lua: extendMessageSigned() },
];

/** One line of the table: signed requests, unsigned ones, or both at once; and whether a third program wants the second core. */
interface Trial {
  readonly signed: Asked | null;
  readonly hasUnsigned: boolean;
  readonly isBusy: boolean;
}

interface Result {
  readonly signed: Load | null;
  readonly unsigned: Load | null;
}

const trials: readonly Trial[] = [false, true].flatMap((isBusy) => [
  { signed: null, hasUnsigned: true, isBusy },
  ...kinds.flatMap((signed) => [false, true].map((hasUnsigned) => ({ signed, hasUnsigned, isBusy }))),
]);

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-signed-"));
writeFileSync(join(folder, "tenant.yaml"), tenantFile());
const server = await startServer(folder, `sqlite:${join(folder, "bench.db")}`, serverCores);
try {
  await prepare(server.url);
  const results = trials.map((): Result[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [n, trial] of trials.entries()) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${nameOf(trial).padEnd(60)}`);
      // The first one is not counted: in it Node compiles what the others run.
      const result = await run(trial, round === 0 ? 1 : seconds);
      if (round > 0) results[n]?.push(result);
    }
  }
  process.stderr.write(`\r${" ".repeat(80)}\r`);
  report(results);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

async function run({ signed, hasUnsigned, isBusy }: Trial, forSeconds: number): Promise<Result> {
  const load = (asked: Asked) => measure(targetOf([server]), asked, forSeconds, folder, loadCore);
  const spinner = isBusy ? spawn("taskset", ["-c", loadCore, process.execPath, "-e", "for (;;);"]) : null;
  try {
    const [signedLoad, unsignedLoad] = await Promise.all([
      signed === null ? null : load(signed),
      hasUnsigned ? load(unsigned) : null,
    ]);
    for (const each of [signedLoad, unsignedLoad]) {
      if (each !== null && none(each) > 0) throw new Error(`${nameOf({ signed, hasUnsigned, isBusy })}: a refusal`);
    }
    return { signed: signedLoad, unsigned: unsignedLoad };
  } finally {
    spinner?.kill("SIGKILL");
  }
}

function nameOf({ signed, hasUnsigned, isBusy }: Trial): string {
  const what = [signed?.name, hasUnsigned ? "unsigned" : undefined].filter((name) => name !== undefined).join(" + ");
  return `${what}, the other core ${isBusy ? "busy" : "idle"}`;
}

function report(results: readonly (readonly Result[])[]): void {
  console.log(`Node ${process.version}; ${rounds} rounds of ${seconds} s, medians; 32 connections each`);
  const head = ["extends", "signed/s", "p50 ms", "p99 ms", "unsigned/s", "p50 ms", "p99 ms", "of unsigned alone"];
  const cells = trials.map((trial, n) => {
    const mine = results[n] ?? [];
    const alone = results[trials.findIndex((other) => other.signed === null && other.isBusy === trial.isBusy)] ?? [];
    const isBeside = trial.signed !== null && trial.hasUnsigned;
    const shares = mine.map((each, round) => rateOf(each.unsigned) / rateOf(alone[round]?.unsigned));
    return [
      nameOf(trial),
      ...figuresOf(mine.map((each) => each.signed)),
      ...figuresOf(mine.map((each) => each.unsigned)),
      isBeside ? median(shares).toFixed(2) : "",
    ];
  });
  printCells(head, cells);
}

function rateOf(load: Load | null | undefined): number {
  return load?.perSecond ?? Number.NaN;
}

function figuresOf(loads: readonly (Load | null)[]): string[] {
  const own = loads.filter((load) => load !== null);
  if (own.length === 0) return ["", "", ""];
  const of = (key: "perSecond" | "p50Ms" | "p99Ms") => median(own.map((load) => load[key]));
  return [Math.round(of("perSecond")).toLocaleString("en-US"), of("p50Ms").toFixed(2), of("p99Ms").toFixed(2)];
}
