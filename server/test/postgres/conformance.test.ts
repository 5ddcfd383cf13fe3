/** The PostgreSQL store, held to the contract that all stores are held to. */
import { afterAll, beforeAll } from "vitest";
import type { HeldClock } from "../../src/clock.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Store } from "../../src/stores/store.ts";
import { catalogueConformance } from "../stores/catalogue-conformance.ts";
import { storeConformance } from "../stores/conformance.ts";
import type { StoreUnderTest } from "../stores/under-test.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

let server: PostgresServer;
const urls = new WeakMap<Store, string>();

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

async function openAt(url: string, clock: HeldClock): Promise<Store> {
  const store = await openPostgresStore(url, { clock });
  urls.set(store, url);
  return store;
}

const underTest: StoreUnderTest = {
  name: "the PostgreSQL store",
  saysWhatIsOwed: true,
  open: async (clock) => openAt(await server.database(), clock),
  reopen: async (store, clock) => {
    const url = urls.get(store) as string;
    await store.close();
    return openAt(url, clock);
  },
};

storeConformance(underTest);
catalogueConformance(underTest);
