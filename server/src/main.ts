/** Puts a server together from its settings, and takes it apart again in the right order. */
import type { Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { applyTenantPaths } from "./catalog/tenant-file.ts";
import { type HeldClock, processClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { Desk } from "./desk/desk.ts";
import { recover, startUpkeep } from "./desk/upkeep.ts";
import { createApp } from "./http/app.ts";
import { listenBacklog } from "./http/limits.ts";
import { loadSigningKeys } from "./http/signing.ts";
import { readTls, reloadTls } from "./http/tls.ts";
import { openMemoryStore } from "./stores/memory.ts";
import { openPostgresStore, type PostgresOptions } from "./stores/postgres/postgres.ts";
import { openSqliteStoreByPace } from "./stores/sqlite/sqlite.ts";
import type { Store } from "./stores/store.ts";

export interface RunningServer {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Reads what may be renewed while it runs: the certificate. */
  reload(): void;
  /** Resolves when it cannot serve any more, and never will: it wants to be ended, and started again. */
  readonly lost: Promise<void>;
  /** Stays for as long as balancers may need to notice, finishes what is in flight, then closes the store. */
  stop(): Promise<void>;
}

/**
 * Starts a server. With a held clock it is a sandbox: time stands still until somebody moves it. Where it has to wait before it may
 * begin, `stop` ends that: it rejects with an AbortError then, and nothing was changed.
 * @throws TenantFileFault, TlsRefused, DatabaseRefused, or the listening socket's error; nothing is left open then.
 */
export async function startServer(
  config: Config,
  { sandboxClock, stop }: { readonly sandboxClock?: HeldClock; readonly stop?: AbortSignal } = {},
): Promise<RunningServer> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, logOutput());
  // What can be wrong is found before a database is made and tenant files are applied.
  const { tls } = config;
  const secured = tls === null ? null : readTls(tls);
  // A million sessions take some seconds.
  log.info({ database: config.database.kind }, "opening the database");
  const onWait = (ms: number) =>
    log.warn(
      { seconds: Math.ceil(ms / 1_000) },
      "watching whether a server of before still runs: it must not go on beside this one",
    );
  const store = await openStore(config, { onWait, stop, ...(sandboxClock && { clock: sandboxClock }) });
  try {
    const applied = await applyTenantPaths(store, config.tenantFiles);
    if (config.tenantFiles.length > 0) log.info({ ...applied, files: config.tenantFiles }, "tenant files applied");
    await recover(store, log);
    const desk = new Desk(store, { noticesOutages: sandboxClock === undefined });
    const signer = await loadSigningKeys(store);
    const { operatorKey, trustedProxies } = config;
    const app = await createApp({
      ...{ store, desk, signer, log, operatorKey, trustedProxies },
      tls: secured,
      ...(sandboxClock && { sandboxClock }),
    });
    const stopUpkeep = startUpkeep(store, desk, log);
    try {
      await listen(app.server, config);
    } catch (error) {
      await stopUpkeep();
      throw error;
    }
    const url = urlOf(app.server.address() as AddressInfo, tls === null ? "http" : "https");
    log.info({ url, database: config.database.kind }, "serving");
    const lost = store.lost ?? new Promise<never>(() => {});
    return {
      url,
      lost: lost.then((error) => log.fatal({ err: error }, "the database is lost to this process, which has to end")),
      reload() {
        if (tls !== null) reloadTls(app.server as SecureServer, tls, log);
      },
      async stop() {
        log.info({ drainSeconds: config.drainSeconds }, "stopping: finishing what is in flight");
        app.drain();
        if (config.drainSeconds > 0) await delay(config.drainSeconds * 1_000);
        await app.stop();
        await stopUpkeep();
        await desk.idle();
        await store.close();
        log.info({}, "stopped");
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Standard output. A server goes on when nobody reads its log any more, and it stops when it is told to: pino's own writer
 * would try for ever to get rid of its last line.
 */
function logOutput(): NodeJS.WritableStream {
  if (!process.stdout.listeners("error").includes(ignoreBrokenPipe)) process.stdout.on("error", ignoreBrokenPipe);
  return process.stdout;
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Opens the database of the settings, with a held clock or the usual one. */
export async function openStore(
  { database }: Pick<Config, "database">,
  options: Omit<PostgresOptions, "bounds"> = {},
): Promise<Store> {
  switch (database.kind) {
    case "memory":
      return openMemoryStore(options.clock ?? processClock());
    case "sqlite":
      return openSqliteStoreByPace(database.path, options.clock ?? processClock());
    case "postgres":
      return openPostgresStore(database.url, options);
  }
}

function listen(server: import("node:http").Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: listenBacklog }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function urlOf({ address, port, family }: AddressInfo, scheme: string): string {
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  return `${scheme}://${family === "IPv6" && host.includes(":") ? `[${host}]` : host}:${port}`;
}
