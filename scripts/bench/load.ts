/** Load from wrk on one server or on several equal ones, and what it cost them. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Case } from "./cases.ts";
import type { Program } from "./programs.ts";

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server processes for one request, user and system. */
  readonly cpuUs: number;
  /** The same of their database's processes; null: it has none. */
  readonly databaseCpuUs: number | null;
  readonly requests: number;
  /** Answers with a status from 400 on. */
  readonly refused: number;
}

/** The kernel counts a process's time in ticks of 10 ms on every common machine. */
const usPerTick = 10_000;

/** Servers that share a load. */
export interface Target {
  readonly programs: readonly Program[];
  /** The first process of their database, where it has its own. */
  readonly databasePid: number | null;
}

export function targetOf(programs: readonly Program[], databasePid: number | null = null): Target {
  return { programs, databasePid };
}

const run = promisify(execFile);

/** What of a case a load is made from. */
export type Asked = Pick<Case, "name" | "connections" | "lua">;

/** Runs wrk on some cores, with a thread for each server. Only ever at loopback. */
export async function measure(
  target: Target,
  one: Asked,
  seconds: number,
  folder: string,
  cores: string,
): Promise<Load> {
  const urls = target.programs.map(({ url }) => url);
  const stranger = urls.find((url) => !url.startsWith("http://127.0.0.1:"));
  if (stranger !== undefined) throw new Error(`not a loopback address: ${stranger}`);
  // Several may be at work at a time.
  const script = join(folder, `wrk-${one.name.replaceAll(/\W/g, "-")}.lua`);
  writeFileSync(script, spread(urls) + one.lua + report);
  const ticks = () => target.programs.reduce((sum, { pid }) => sum + ticksOf(pid), 0);
  const databaseTicks = () => (target.databasePid === null ? 0 : ticksOf(target.databasePid));
  const [before, databaseBefore] = [ticks(), databaseTicks()];
  const wrk = `wrk -t${urls.length} -c${one.connections} -d${seconds}s --timeout 10s -s`.split(" ");
  const args = ["-c", cores, ...wrk, script, urls[0] as string];
  const { stdout: printed } = await run("taskset", args, { encoding: "utf8", maxBuffer: 1 << 24 });
  const result = JSON.parse(printed.slice(printed.indexOf('{"requests"'))) as Record<string, number>;
  const { requests = 0, us = 1, p50 = 0, p99 = 0, refused = 0, broken = 0 } = result;
  if (broken > 0) throw new Error(`${one.name}: ${broken} requests met a broken connection or a time-out`);
  const cpuUs = (spent: number) => (spent * usPerTick) / requests;
  return {
    perSecond: (requests / us) * 1e6,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    cpuUs: cpuUs(ticks() - before),
    databaseCpuUs: target.databasePid === null ? null : cpuUs(databaseTicks() - databaseBefore),
    requests,
    refused,
  };
}

/** Lua that gives every thread of wrk a server of its own, and its number. */
function spread(urls: readonly string[]): string {
  const ports = urls.map((url) => `"${new URL(url).port}"`).join(", ");
  return `
local ports, set = { ${ports} }, 0
function setup(each)
  each:set("thread", set)
  each:set("threads", #ports)
  set = set + 1
  each.addr = wrk.lookup("127.0.0.1", ports[set])[1]
end
`;
}

const report = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
`;

/** CPU time of a process so far, user and system, all threads. */
export function cpuUsOf(pid: number): number {
  return ticksOf(pid) * usPerTick;
}

/** Of a process and its children, those included that are over. */
function ticksOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.reduce((sum, child) => sum + (timesOf(child)?.own ?? 0), timesOf(pid)?.all ?? 0);
}

/** undefined: the process is over, and its time has become its parent's. */
function timesOf(pid: number) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ").map(Number) ?? [];
    const [user = 0, system = 0, ofChildren = 0, systemOfChildren = 0] = fields.slice(11);
    return { own: user + system, all: user + system + ofChildren + systemOfChildren };
  } catch {
    return undefined;
  }
}
