/** Load on one server from wrk, and what it cost the server. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "./cases.ts";
import type { Program } from "./programs.ts";

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server process for one request, user and system. */
  readonly cpuUs: number;
  readonly requests: number;
  /** Answers with a status from 400 on. */
  readonly refused: number;
}

/** The kernel counts a process's time in ticks of 10 ms on every common machine. */
const usPerTick = 10_000;

/** Runs wrk against a program on the other core. Only ever at loopback. */
export function measure(program: Program, one: Case, seconds: number, folder: string): Load {
  if (!program.url.startsWith("http://127.0.0.1:")) throw new Error(`not a loopback address: ${program.url}`);
  const script = join(folder, "wrk.lua");
  writeFileSync(script, one.lua + report);
  const before = ticksOf(program.pid);
  const args = [
    "-c",
    "1",
    "wrk",
    "-t1",
    `-c${one.connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    script,
    program.url,
  ];
  const printed = execFileSync("taskset", args, { encoding: "utf8", maxBuffer: 1 << 24 });
  const result = JSON.parse(printed.slice(printed.indexOf('{"requests"'))) as Record<string, number>;
  const { requests = 0, us = 1, p50 = 0, p99 = 0, refused = 0, broken = 0 } = result;
  if (broken > 0) throw new Error(`${one.name}: ${broken} requests met a broken connection or a time-out`);
  return {
    perSecond: (requests / us) * 1e6,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    cpuUs: ((ticksOf(program.pid) - before) * usPerTick) / requests,
    requests,
    refused,
  };
}

const report = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
`;

function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
