/**
 * `npm run failover`: what becomes of Seatkeeper when the primary of its database is killed under load. No acknowledged
 * session may be lost and no limit exceeded; the longest time without a granted open is measured. docs/promises.md says
 * what it shows.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Load, tenantFile } from "./clients.ts";
import { Cluster, freePorts, type Member, missingPackages } from "./cluster.ts";
import { type Node, startNode } from "./nodes.ts";
import { until } from "./waiting.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    only: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
if (!(rounds >= 1 && rounds <= 1_000)) throw new Error("--rounds wants a whole number from 1 to 1000");

const missing = missingPackages();
if (missing.length > 0) {
  console.error(`failover needs etcd, Patroni and PostgreSQL: apt-get install ${missing.join(" ")}`);
  process.exit(69);
}

/** What befalls the cluster in a round. */
const strikes: Readonly<Record<string, (cluster: Cluster) => Promise<Member>>> = {
  "PostgreSQL killed": async (cluster) => struck(await cluster.inRole("leader"), (it) => cluster.killPostgres(it)),
  "machine killed": async (cluster) => struck(await cluster.inRole("leader"), (it) => cluster.killMachine(it)),
  "machine stands still": async (cluster) => struck(await cluster.inRole("leader"), (it) => cluster.freeze(it)),
  "standby killed": async (cluster) => struck(await cluster.inRole("sync_standby"), (it) => cluster.killMachine(it)),
  "standby stands still": async (cluster) => struck(await cluster.inRole("sync_standby"), (it) => cluster.freeze(it)),
};

function struck(member: Member, strike: (member: Member) => void): Member {
  strike(member);
  return member;
}

/** After this a round has failed: the default settings of Patroni would need half of it. */
const recoveryMs = 60_000;
/** Load before a strike and after the recovery, so that both are seen in full swing. */
const swingMs = 2_000;

const folder = mkdtempSync(join(tmpdir(), "seatkeeper-failover-"));
const [first = 0, second = 0, third = 0, ...ports] = await freePorts(11);
const cluster = new Cluster(folder, ports);
const nodes: Node[] = [];
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    clear();
    process.exit(130);
  });
}
try {
  process.exitCode = await run();
} finally {
  clear();
}

function clear(): void {
  for (const { child } of nodes) child.kill("SIGKILL");
  cluster.stop();
  if (!options.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

async function run(): Promise<number> {
  console.log(
    options.keep
      ? `Starting; the logs are kept in ${folder}`
      : "Starting etcd, three PostgreSQL servers and three nodes",
  );
  await cluster.start();
  const tenants = join(folder, "tenants.yaml");
  writeFileSync(tenants, tenantFile);
  for (const port of [first, second, third]) nodes.push(await startNode(folder, port, cluster.url, tenants));
  const load = new Load(nodes.map(({ url }) => url));
  const longest = new Map<string, number>();
  console.log("\nseconds after the strike until               elected  promoted  granted   longest without a grant");
  for (let round = 1; round <= rounds; round++) {
    for (const [name, strike] of Object.entries(strikes)) {
      if (options.only !== undefined && !name.includes(options.only)) continue;
      const { elected, promoted, granted, waited } = await oneRound(load, strike);
      longest.set(name, Math.max(longest.get(name) ?? 0, waited));
      const columns = [elected, promoted, granted].map((ms) => seconds(ms).padStart(9));
      console.log(`${`${round} ${name}`.padEnd(43)}${columns.join("")} ${seconds(waited).padStart(13)}`);
    }
  }
  return report(load, longest);
}

interface Round {
  /** Null: the strike did not change it. */
  readonly elected: number | null;
  readonly promoted: number | null;
  readonly granted: number;
  readonly waited: number;
}

async function oneRound(load: Load, strike: (cluster: Cluster) => Promise<Member>): Promise<Round> {
  load.start();
  await delay(swingMs);
  const before = await cluster.inRole("leader");
  const at = performance.now();
  const victim = await strike(cluster);
  const phases = { elected: null as number | null, promoted: null as number | null };
  const since = () => performance.now() - at;
  // Some of what was asked before the strike, or at that very instant, is still granted.
  const isServed = () => load.lastAskedAt > at + 250;
  const watching = victim === before ? watch(before, phases, since, isServed) : Promise.resolve();
  await until("an open is granted again", recoveryMs, isServed);
  const granted = since();
  await watching;
  await delay(swingMs);
  const waited = load.longestWait(at, performance.now());
  await load.stop();
  await load.check();
  cluster.thaw();
  for (const member of cluster.members) if (!cluster.isUp(member)) cluster.revive(member);
  await cluster.whole();
  await load.check();
  return { ...phases, granted, waited };
}

/** Notes when another member has the lock, and when it takes writes. */
async function watch(
  before: Member,
  phases: { elected: number | null; promoted: number | null },
  since: () => number,
  isServed: () => boolean,
): Promise<void> {
  await until("another primary takes writes", recoveryMs, async () => {
    const leader = await cluster.inRole("leader").catch(() => before);
    if (leader.name !== before.name) phases.elected ??= since();
    if (leader.name !== before.name && (await cluster.isWritable(leader))) phases.promoted ??= since();
    return phases.promoted !== null || isServed();
  });
}

function report(load: Load, longest: ReadonlyMap<string, number>): number {
  const { opened, closed, denied, unanswered } = load.counts;
  console.log(`\n${opened} opens and ${closed} closes acknowledged, ${denied} denied, ${unanswered} without an answer`);
  for (const [name, ms] of longest) console.log(`longest without a granted open, ${name}: ${seconds(ms)}`);
  console.log(
    load.violations.length === 0
      ? "every acknowledged open and close stands on every node, and no limit was exceeded"
      : ["NOT as acknowledged:", ...load.violations].join("\n  "),
  );
  return load.violations.length === 0 ? 0 : 1;
}

function seconds(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1_000).toFixed(1)} s`;
}
