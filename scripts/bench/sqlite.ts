/** The server on SQLite beside bare servers. Programs under load run on the first core, wrk on the second. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  batchOf,
  type Case,
  denied,
  extend,
  extendBatch,
  lastingAnswer,
  lateCloses,
  none,
  openAndClose,
  prepare,
  tenantFile,
} from "./cases.ts";
import { targetOf } from "./load.ts";
import { startFloor, startServer } from "./programs.ts";
import type { Suite } from "./suite.ts";

const bare = "F1: bare node:http, inline";
const together = "F2: bare node:http, replies together once a tick";
const lone = "floor of one: append + fdatasync, inline";
const floors = { isFloor: true, unexpected: none };

const cases: readonly Case[] = [
  { name: bare, on: "floor", connections: 64, lua: extend("spread"), ...floors },
  {
    name: "extend",
    on: "server",
    connections: 64,
    lua: extend("spread"),
    floor: bare,
    target: { ratio: 1.0 },
    unexpected: none,
  },
  { name: together, on: "deferred", connections: 64, lua: extend("spread"), ...floors },
  {
    name: "extend, beside F2",
    on: "server",
    connections: 64,
    lua: extend("spread"),
    floor: together,
    target: { ratio: 0.75 },
    unexpected: none,
  },
  ...[512, 2_048].flatMap((connections): Case[] => {
    const floor = `F1, ${connections} connections`;
    const asked = { connections, lua: extend("spread"), unexpected: none };
    return [
      { name: floor, on: "floor", ...asked, isFloor: true },
      { name: `extend, ${connections} connections`, on: "server", ...asked, floor },
    ];
  }),
  {
    name: "open + close, holders that held nothing",
    on: "server",
    connections: 64,
    lua: openAndClose("spread"),
    floor: bare,
    target: { ratio: 0.8 },
    unexpected: lateCloses,
  },
  {
    name: "denial 1007",
    on: "server",
    connections: 64,
    lua: denied,
    floor: bare,
    target: { ratio: 0.8 },
    unexpected: (load) => (load.requests - load.refused) / load.requests,
  },
  {
    name: "batch call, sessions",
    on: "server",
    connections: 8,
    lua: extendBatch,
    target: { perSecond: 30_000 },
    perRequest: batchOf,
    unexpected: none,
  },
  { name: lone, on: "append", connections: 1, lua: extend("spread"), ...floors },
  {
    name: "lone caller: extend",
    on: "server",
    connections: 1,
    lua: extend("spread"),
    floor: lone,
    target: { ratio: 0.8 },
    unexpected: none,
  },
];

/** One server on one fresh file for all rounds. */
export async function sqliteSuite(folder: string): Promise<Suite> {
  writeFileSync(join(folder, "tenant.yaml"), tenantFile());
  const server = await startServer(folder, `sqlite:${join(folder, "bench.db")}`, "0");
  const floor = await startFloor("inline", folder, lastingAnswer);
  const deferred = await startFloor("deferred", folder, lastingAnswer);
  const append = await startFloor("append", folder, lastingAnswer);
  await prepare(server.url);
  return {
    cases,
    loadCores: "1",
    targets: {
      server: targetOf([server]),
      floor: targetOf([floor]),
      deferred: targetOf([deferred]),
      append: targetOf([append]),
    },
    async stop() {
      for (const program of [server, floor, deferred, append]) await program.stop();
    },
  };
}
