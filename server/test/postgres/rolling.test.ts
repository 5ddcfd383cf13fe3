/**
 * Goal: a new version is rolled out without anybody noticing. Method: three servers on one database behind a balancer,
 * under load, stopped with SIGTERM and started again one after the other; clients try a request again where ordinary
 * ones do.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, isv, licenseIds, type SessionCall, tenant, tokens } from "../faults/vendor.ts";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { type Balancer, startBalancer } from "./balancer.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

const triesMax = 4;
const clients = licenseIds.length * 2;

let postgres: PostgresServer;
let servers: ServerProcess[];
let balancer: Balancer;
let start: () => Promise<ServerProcess>;
const folder = temporaryFolder();

beforeAll(async () => {
  postgres = await startPostgres();
  const env = {
    SEATKEEPER_DATABASE_URL: await postgres.database(),
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
    SEATKEEPER_DRAIN_SECONDS: "2",
  };
  start = () => startProcess(["serve"], env);
  servers = [await start(), await start(), await start()];
  balancer = await startBalancer(servers.map(({ url }) => url));
});

afterAll(async () => {
  // The servers first: with them go the connections that the balancer waits for.
  await Promise.all((servers ?? []).map((server) => server.stop("SIGKILL")));
  await balancer?.close();
  await postgres.remove();
  folder.remove();
});

test("three servers are replaced under load, and every request is answered", async () => {
  const load = { requests: 0, triedAgain: 0, isOver: false };
  const running = Array.from({ length: clients }, (_, n) => work(n, load));
  for (const [n, old] of servers.entries()) {
    const { status, output } = await old.stop("SIGTERM");
    expect(status, output).toBe(0);
    const served = load.requests;
    const isServing = () => load.requests > served + 30;
    await expect.poll(isServing, { timeout: 20_000, message: "the others serve meanwhile" }).toBe(true);
    servers[n] = await start();
    balancer.use(servers.map(({ url }) => url));
  }
  load.isOver = true;
  await Promise.all(running);
  // A connection that idles may be closed in the very moment in which a client uses it again.
  expect(load.triedAgain / load.requests, `${load.triedAgain} of ${load.requests} tried again`).toBeLessThan(0.05);
}, 120_000);

test("a server that is to stop says so, serves on, and ends each connection with its next answer", async () => {
  const server = servers[0] as ServerProcess;
  expect(await openOn(server)).toEqual([200, "keep-alive"]);
  const stopping = server.stop("SIGTERM");
  await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect(await openOn(server)).toEqual([200, "close"]);
  expect((await stopping).status).toBe(0);
});

/** The status of an open, and what becomes of its connection. */
async function openOn({ url }: ServerProcess): Promise<[number, string | null]> {
  const response = await fetch(`${url}/api/v2/isv/${isv}/provisioning/session/open`, {
    method: "POST",
    headers: { ProvisioningKey: "faults-provisioning-key", "Content-Type": "application/json" },
    body: JSON.stringify(sessionOf(clients)),
  });
  await response.text();
  return [response.status, response.headers.get("connection")];
}

interface Load {
  requests: number;
  triedAgain: number;
  isOver: boolean;
}

/** Opens, extends and closes a session of its own, for which there is always a token. */
async function work(client: number, load: Load): Promise<void> {
  const session = sessionOf(client);
  while (!load.isOver) {
    for (const verb of ["open", "open", "close"] as const) {
      const status = await answered(verb, session, load);
      expect(status).toBe(200);
      load.requests++;
    }
  }
}

async function answered(verb: "open" | "close", session: SessionCall, load: Load): Promise<number> {
  for (let n = 1; ; n++) {
    try {
      const { status, body } = await call(balancer.url, verb, session);
      // It was kept before, and its answer was lost on the way.
      const isKeptBefore = n > 1 && verb === "close" && body.id === 12001;
      if (isKeptBefore) return 200;
      if (status !== 503 || n === triesMax) return status;
    } catch (error) {
      if (!(error instanceof TypeError) || n === triesMax) throw error;
    }
    load.triedAgain++;
    await new Promise((resolve) => setTimeout(resolve, 100 * n));
  }
}

function sessionOf(client: number): SessionCall {
  return {
    license_id: licenseIds[client % licenseIds.length] as string,
    client_id: `user${client % tokens}@factor.com`,
    session_id: `3fa85f64-5717-4562-b3fc-00000000${String(client).padStart(4, "0")}`,
  };
}
