/** What is counted outlives a new release: what it counts beside is added, and no sum is lost, changed or counted twice. */
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { day, type Tally } from "../../src/analytics/tally.ts";
import type { HeldClock } from "../../src/clock.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { Random } from "../differential/stream.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { temporaryFolder } from "../process.ts";
import { World } from "./world.ts";

const folder = temporaryFolder();
let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.remove();
  folder.remove();
});

interface Kept {
  open(clock: HeldClock): Promise<Store>;
  /** Runs statements while no server does. */
  run(sql: string): Promise<void>;
  readonly table: (name: string) => string;
  /** As the release before kinds left it. */
  readonly before: string;
}

const byKind = "series LIKE '%/denials/%/mono' OR series LIKE '%/denials/%/team'";
let files = 0;

const stores: Readonly<Record<string, () => Promise<Kept>>> = {
  async SQLite() {
    const path = `${folder.path}/${++files}.db`;
    return {
      open: async (clock) => openSqliteStore(path, clock),
      async run(sql) {
        const db = new Database(path);
        db.exec(sql);
        db.close();
      },
      table: (name) => name,
      before: `DELETE FROM tallies WHERE ${byKind};
        UPDATE tallies SET body = json_remove(body, '$.pool') WHERE series LIKE 'people/episodes/%'; PRAGMA user_version = 12`,
    };
  },
  async PostgreSQL() {
    const url = await postgres.database();
    return {
      open: (clock) => openPostgresStore(url, { clock }),
      run: async (sql) => void (await postgres.query(url, sql)),
      table: (name) => `seatkeeper.${name}`,
      before: `DELETE FROM seatkeeper.tallies WHERE ${byKind};
        UPDATE seatkeeper.tallies SET body = body - 'pool' WHERE series LIKE 'people/episodes/%';
        UPDATE seatkeeper.counted SET until = up_to; ALTER TABLE seatkeeper.counted DROP COLUMN up_to, DROP COLUMN within, DROP COLUMN lines, DROP COLUMN forgettings;
        DROP INDEX seatkeeper.denials_asked_for;
        DELETE FROM seatkeeper.schema WHERE version > 7`,
    };
  },
};

async function talliesOf(store: Store): Promise<Map<string, Tally>> {
  const dump = await store.dump();
  const tallies = new Map<string, Tally>();
  for await (const line of dump.lines) {
    if (line.type === "tally")
      tallies.set(`${line.tally.isvId} ${line.tally.series} ${line.tally.start} ${line.tally.part}`, line.tally);
  }
  dump.close();
  return tallies;
}

const isByKind = ({ series }: Tally) => /\/denials\/.*\/(mono|team)$/.test(series);
const without = (tallies: Map<string, Tally>, isLeftOut: (tally: Tally) => boolean) =>
  new Map([...tallies].filter(([, tally]) => !isLeftOut(tally)));

describe.each(Object.keys(stores))("%s", (name) => {
  test("denials by kind of what the release before has counted are those that are counted from the beginning", async () => {
    // Nobody is denied twice at one instant in this history, once without a kind: the migration takes the one with a kind for the first.
    const { kept, world, counted } = await made(name, 4);
    await kept.run(kept.before);
    world.store = await kept.open(world.clock);
    expect(await talliesOf(world.store)).toEqual(counted);
    await world.store.close();
  });

  test("sums of what history has forgotten stay as they are", async () => {
    const { kept, world, counted, lines } = await made(name, 2);
    const forgotten = lines[Math.floor(lines.length / 2)]?.at as number;
    await kept.run(kept.before);
    await kept.run(`DELETE FROM ${kept.table("history")} WHERE at < ${forgotten};
      DELETE FROM ${kept.table("tallies")} WHERE series >= 'people/' AND start < ${forgotten}`);
    world.store = await kept.open(world.clock);
    const isGone = (tally: Tally) => isByKind(tally) || (tally.series.startsWith("people/") && tally.start < forgotten);
    expect(without(await talliesOf(world.store), isByKind)).toEqual(without(counted, isGone));
    await world.store.close();
  });
});

test("a server of the release before goes on beside the next one, and finds nothing to count", async () => {
  const url = await postgres.database();
  const store = await openPostgresStore(url);
  const [row] = await postgres.query(
    url,
    "SELECT until, runs_beside FROM seatkeeper.counted, seatkeeper.schema WHERE version = 9",
  );
  expect(row?.runs_beside).toBe(7);
  expect(Number(row?.until)).toBeGreaterThan(store.now() + 1_000 * 365 * day);
  await store.close();
});

/** A random history that is counted; nobody has it open. */
async function made(name: string, seed: number) {
  const kept = await (stores[name] as () => Promise<Kept>)();
  const kind = {
    name,
    open: kept.open,
    async reopen(store: Store, clock: HeldClock) {
      await store.close();
      return kept.open(clock);
    },
  };
  const world = await World.make({
    random: new Random(seed),
    start: Date.parse("2026-03-02T08:00:00Z"),
    steps: 700,
    kind,
  });
  const counted = await talliesOf(world.store);
  expect([...counted.values()].filter(isByKind).length).toBeGreaterThan(100);
  const lines = await world.lines();
  await world.store.close();
  return { kept, world, counted, lines };
}
