/**
 * Floors on PostgreSQL: a bare node:http server that keeps each request as one row and decides nothing. `upsert`: whatever
 * waits is one statement, answered after its commit; `locking`: a transaction a request, which locks the licence's row.
 */
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "pg";

interface Item {
  readonly license_id: string;
  readonly client_id: string;
  readonly session_id: string;
}

const [, , kind, answerFile, url] = process.argv as [string, string, string, string, string];
const answer = JSON.parse(readFileSync(answerFile, "utf8")) as object;

/** As many as served best on two cores: of the batches more would be smaller. */
const pool = new Pool({ connectionString: url, max: kind === "upsert" ? 1 : 16 });
await pool.query(`
  CREATE SCHEMA IF NOT EXISTS floor;
  CREATE TABLE IF NOT EXISTS floor.licenses (license_id uuid PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS floor.sessions (
    license_id uuid, client_id text, session_id uuid, extended_at bigint, PRIMARY KEY (license_id, client_id, session_id)
  ) WITH (fillfactor = 70)`);

const conflict = "ON CONFLICT (license_id, client_id, session_id) DO UPDATE SET extended_at = excluded.extended_at";
const upsertMany = {
  name: "upsert-many",
  text: `INSERT INTO floor.sessions SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[]) ${conflict}`,
};
const upsertOne = { name: "upsert-one", text: `INSERT INTO floor.sessions VALUES ($1, $2, $3, $4) ${conflict}` };
const lock = { name: "lock", text: "SELECT license_id FROM floor.licenses WHERE license_id = $1 FOR UPDATE" };
const makeLicense = "INSERT INTO floor.licenses VALUES ($1) ON CONFLICT DO NOTHING";

interface Waiting {
  readonly item: Item;
  readonly response: ServerResponse;
}

const waiting: Waiting[] = [];
let isRunning = false;
let isWoken = false;

/** At the end of this turn of the loop, and as long as something waits. */
function wake(): void {
  if (isWoken || isRunning) return;
  isWoken = true;
  setImmediate(async () => {
    isWoken = false;
    isRunning = true;
    while (waiting.length > 0) await upsert(waiting.splice(0));
    isRunning = false;
  });
}

async function upsert(batch: readonly Waiting[]): Promise<void> {
  // A statement may touch a row once only.
  const items = new Map(batch.map(({ item }) => [item.license_id + item.client_id + item.session_id, item]));
  const rows = [...items.values()];
  const now = Date.now();
  await pool.query({
    ...upsertMany,
    values: [
      rows.map(({ license_id }) => license_id),
      rows.map(({ client_id }) => client_id),
      rows.map(({ session_id }) => session_id),
      rows.map(() => now),
    ],
  });
  for (const { response } of batch) respond(response);
}

const licenses = new Set<string>();

async function lockAndUpsert({ license_id, client_id, session_id }: Item, response: ServerResponse): Promise<void> {
  if (!licenses.has(license_id)) {
    await pool.query(makeLicense, [license_id]);
    licenses.add(license_id);
  }
  const client = await pool.connect();
  await client.query("BEGIN");
  await client.query({ ...lock, values: [license_id] });
  await client.query({ ...upsertOne, values: [license_id, client_id, session_id, Date.now()] });
  await client.query("COMMIT");
  client.release();
  respond(response);
}

function respond(response: ServerResponse): void {
  const bytes = JSON.stringify(answer);
  response.writeHead(200, ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(bytes))]);
  response.end(bytes);
}

const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => (text += chunk));
  request.on("end", () => {
    const item = JSON.parse(text) as Item;
    if (kind === "locking") return void lockAndUpsert(item, response);
    waiting.push({ item, response });
    wake();
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on("SIGTERM", () => process.exit(0));
