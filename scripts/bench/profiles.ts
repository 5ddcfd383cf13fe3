/** A server whose own profiler (`--cpu-prof`) watches it under a load. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare, tenantFile } from "./cases.ts";
import { cpuUsOf } from "./load.ts";
import { type Program, startServer } from "./programs.ts";

/** What V8 writes, as far as it is read here. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A load on a server, of so many requests. */
export type ProfiledLoad = (server: Program, folder: string) => Promise<number>;

export interface Profiled {
  readonly requests: number;
  readonly cpuUs: number;
  /** One of each thread that ran JavaScript: of one more where the disk is slow. */
  readonly profiles: readonly Profile[];
}

/** A fresh server under a load, and what it spent meanwhile; its start is no part of it. */
export async function profiled(load: ProfiledLoad): Promise<Profiled> {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-profile-"));
  try {
    writeFileSync(join(folder, "tenant.yaml"), tenantFile());
    const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`];
    const server = await startServer(folder, `sqlite:${join(folder, "bench.db")}`, "0", flags);
    let [requests, cpuUs, began] = [0, 0, 0];
    try {
      await prepare(server.url);
      began = performance.now();
      const before = cpuUsOf(server.pid);
      requests = await load(server, folder);
      cpuUs = cpuUsOf(server.pid) - before;
    } finally {
      await server.stop();
    }
    const files = readdirSync(folder).filter((each) => each.endsWith(".cpuprofile"));
    if (files.length === 0) throw new Error("the server left no profile");
    const lengthUs = (performance.now() - began) * 1_000;
    const profiles = files.map((each) => lastOf(JSON.parse(readFileSync(join(folder, each), "utf8")), lengthUs));
    return { requests, cpuUs, profiles };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The profile of so much time before its end, which is the server's. */
function lastOf({ nodes, samples, timeDeltas }: Profile, lengthUs: number): Profile {
  let from = samples.length;
  for (let us = 0; from > 0 && us < lengthUs; from--) us += timeDeltas[from - 1] ?? 0;
  return { nodes, samples: samples.slice(from), timeDeltas: timeDeltas.slice(from) };
}
