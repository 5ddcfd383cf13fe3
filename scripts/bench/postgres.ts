/**
 * One, two and three nodes on one durable PostgreSQL, beside what could be written by hand on the same database. Nothing
 * is pinned to a core: nodes, floors, PostgreSQL and wrk share them all.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "../../server/test/postgres/server.ts";
import {
  type Case,
  extend,
  lastingAnswer,
  lateCloses,
  none,
  openAndClose,
  openNew,
  prepare,
  tenantFile,
} from "./cases.ts";
import { targetOf } from "./load.ts";
import { type Program, startDatabaseFloor, startServer } from "./programs.ts";
import type { Suite } from "./suite.ts";

const nodesMax = 3;
const cores = "0,1";

const streams = [
  { name: "extend", lua: extend, unexpected: none },
  { name: "open", lua: openNew, unexpected: none },
  { name: "open + close", lua: openAndClose, unexpected: lateCloses },
];

const cases: readonly Case[] = streams.flatMap(({ name, lua, unexpected }) => {
  const make = (what: string, on: string, licenses: "spread" | "hot", more: Partial<Case>): Case => ({
    name: `${name}, ${licenses === "hot" ? "1 hot licence" : "1,000 licences"}: ${what}`,
    on,
    connections: 64,
    lua: lua(licenses),
    unexpected: (load) => (more.isFloor === true ? none(load) : unexpected(load)),
    ...more,
  });
  const upsert = make("batched upsert", "upsert", "spread", { isFloor: true });
  const locking = make("FOR UPDATE", "locking", "spread", { isFloor: true });
  const lockingHot = make("FOR UPDATE", "locking", "hot", { isFloor: true });
  const one = make("1 node", "1", "spread", { floor: upsert.name, target: { ratio: 0.7 } });
  const oneHot = make("1 node", "1", "hot", { floor: lockingHot.name, target: { ratio: 5 } });
  const more = (beside: Case, licenses: "spread" | "hot") => [
    make("2 nodes", "2", licenses, { floor: beside.name, target: { ratio: 1 } }),
    make("3 nodes", "3", licenses, { floor: beside.name }),
  ];
  return [upsert, locking, one, ...more(one, "spread"), lockingHot, oneHot, ...more(oneHot, "hot")];
});

/** One database and the same programs for all rounds, as in production. */
export async function postgresSuite(folder: string): Promise<Suite> {
  writeFileSync(join(folder, "tenant.yaml"), tenantFile());
  const postgres = await startPostgres({ isDurable: true });
  const url = await postgres.database();
  const nodes: Program[] = [];
  for (let n = 0; n < nodesMax; n++) nodes.push(await startServer(folder, url, cores));
  const upsert = await startDatabaseFloor("upsert", folder, lastingAnswer, url, cores);
  const locking = await startDatabaseFloor("locking", folder, lastingAnswer, url, cores);
  await prepare((nodes[0] as Program).url);
  const several = nodes.map((_, n) => [String(n + 1), targetOf(nodes.slice(0, n + 1), postgres.pid)] as const);
  return {
    cases,
    loadCores: cores,
    targets: {
      ...Object.fromEntries(several),
      upsert: targetOf([upsert], postgres.pid),
      locking: targetOf([locking], postgres.pid),
    },
    async stop() {
      for (const program of [...nodes, upsert, locking]) await program.stop();
      await postgres.remove();
    },
  };
}
