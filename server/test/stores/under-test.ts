/** The stores that the conformance suite and the differential run hold to the same. A new one joins both by its line here. */
import { join } from "node:path";
import { afterAll } from "vitest";
import type { HeldClock } from "../../src/clock.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import { openSqliteStore, openSqliteStoreInThread } from "../../src/stores/sqlite/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { temporaryFolder } from "../process.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** An empty store. */
  readonly open: (clock: HeldClock) => Promise<Store>;
  /** Closes a store and opens what it left behind; absent where nothing is left behind. */
  readonly reopen?: (store: Store, clock: HeldClock) => Promise<Store>;
  /** It says itself what its licences are owed after an outage, and names none with live sessions for others to credit. */
  readonly saysWhatIsOwed?: boolean;
}

/** To be called at the top of a test file: what the stores left behind goes with its tests. */
export function storesUnderTest(): readonly StoreUnderTest[] {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  const sqlite = sqliteIn(folder.path, "the SQLite store", async (path, clock) => openSqliteStore(path, clock));
  return [{ name: "the memory store", open: async (clock) => openMemoryStore(clock) }, sqlite];
}

/** SQLite as servers have it: a thread takes a fifth of a second to start, so it is for those who choose how often. */
export function threadUnderTest(): StoreUnderTest {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  return sqliteIn(folder.path, "the SQLite store with its file in a thread", openSqliteStoreInThread);
}

/** PostgreSQL, which takes longer: for those who choose how much of it they need. Its server starts with the first store. */
export function postgresUnderTest(): StoreUnderTest {
  let starting: Promise<PostgresServer> | undefined;
  // Its folder has a database for every test: on a busy disk that takes its time.
  afterAll(async () => (await starting)?.remove(), 120_000);
  const urls = new WeakMap<Store, string>();
  const openAt = async (url: string, clock: HeldClock) => {
    const store = await openPostgresStore(url, { clock });
    urls.set(store, url);
    return store;
  };
  return {
    name: "the PostgreSQL store",
    saysWhatIsOwed: true,
    async open(clock) {
      starting ??= startPostgres();
      return openAt(await (await starting).database(), clock);
    },
    async reopen(store, clock) {
      await store.close();
      return openAt(urls.get(store) as string, clock);
    },
  };
}

let files = 0;

function sqliteIn(
  folder: string,
  name: string,
  openStore: (path: string, clock: HeldClock) => Promise<Store>,
): StoreUnderTest {
  const paths = new WeakMap<Store, string>();
  const openAt = async (path: string, clock: HeldClock) => {
    const store = await openStore(path, clock);
    paths.set(store, path);
    return store;
  };
  return {
    name,
    open: (clock) => openAt(join(folder, `${++files}.db`), clock),
    async reopen(store, clock) {
      await store.close();
      return openAt(paths.get(store) as string, clock);
    },
  };
}
