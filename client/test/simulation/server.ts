/** The server on a file, which crashes and comes back. */
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { secretHash } from "../../../server/src/catalog/catalog.ts";
import type { StoredEntity } from "../../../server/src/catalog/entities.ts";
import { Desk } from "../../../server/src/desk/desk.ts";
import { recover, sweep } from "../../../server/src/desk/upkeep.ts";
import { type App, createApp } from "../../../server/src/http/app.ts";
import { Signer } from "../../../server/src/http/signing.ts";
import { openSqliteStore } from "../../../server/src/stores/sqlite/sqlite.ts";
import type { Store } from "../../../server/src/stores/store.ts";
import { entitiesOf, freshId, type LicenseSetting } from "../../../server/test/model/vendor.ts";
import type { ServerClock } from "./time.ts";

export const apiKey = "simulation-key";

interface Running {
  readonly app: App;
  readonly store: Store;
  readonly desk: Desk;
  readonly url: string;
}

export class SimulatedServer {
  readonly #path: string;
  readonly #clock: ServerClock;
  #running: Running | null = null;

  constructor(path: string, clock: ServerClock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Where it listens; null: it does not run. */
  get url(): string | null {
    return this.#running?.url ?? null;
  }

  /** As `main.ts` starts it, but that its rounds are the simulator's to call. */
  async start(setting?: LicenseSetting): Promise<void> {
    const log = pino({ level: "silent" });
    const store = openSqliteStore(this.#path, this.#clock.ofProcess());
    if (setting !== undefined) await store.saveCatalog([...entitiesOf(setting), keyOf(setting)]);
    await recover(store, log);
    const desk = new Desk(store, { noticesOutages: true });
    const app = await createApp({ store, desk, signer: new Signer(), log });
    await new Promise<void>((resolve) => app.server.listen({ port: 0, host: "127.0.0.1" }, resolve));
    const { port } = app.server.address() as AddressInfo;
    this.#running = { app, store, desk, url: `http://127.0.0.1:${port}` };
  }

  /** Nothing is said for the last time. What a killed process leaves on the disk is the kill test's matter. */
  async crash(): Promise<void> {
    const { app, store } = this.#running as Running;
    this.#running = null;
    await app.stop();
    await store.close();
  }

  /** What the server does every few seconds by itself. */
  async upkeep(): Promise<void> {
    if (this.#running === null) return;
    const { store, desk } = this.#running;
    await sweep(store, desk);
    await store.live();
    await store.tidy();
  }
}

function keyOf({ isvId }: LicenseSetting): StoredEntity<"key"> {
  const id = freshId(12, 1);
  const bounds = { product_id: null, customer_id: null, license_id: null };
  const secret_sha256 = secretHash(apiKey);
  const key = { id, name: "app", role: "provisioning", scope: "app", secret_sha256, is_active: true } as const;
  return { isvId, kind: "key", id, applied: null, body: { ...key, ...bounds, response_signature: "none" } };
}
