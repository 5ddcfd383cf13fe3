/** The cases: a catalogue of 1,000 licences, the sessions that are open from the start, and the requests of each case. */
import type { Load } from "./load.ts";

export interface Case {
  readonly name: string;
  readonly on: "server" | "floor" | "append";
  readonly connections: number;
  /** The wrk script: formats its requests beforehand, so that the load generator stays far from its own limit. */
  readonly lua: string;
  /** The case whose rate this one is held against. */
  readonly floor?: string;
  readonly target?: { readonly ratio?: number; readonly perSecond?: number };
  /** Sessions in one request. */
  readonly perRequest?: number;
  /** The share of answers that were not what the case is about. */
  readonly unexpected: (load: Load) => number;
}

export const licenses = 1_000;
export const batchOf = 500;
const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const key = "bench-provisioning-key";
/** Sessions that are open from the start, over all licences; and holders that come and go. */
const sessions = 5_000;
const visitors = 20_000;

const licenseId = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
const fullLicense = licenses;

/** What the answer to an extend looks like, for the floors. */
export const lastingAnswer = JSON.stringify({
  is_session_valid: true,
  session_valid_until: "2026-01-01T01:00:00.000Z",
  session_created_date: "2026-01-01T00:00:00.000Z",
  session_modified_date: "2026-01-01T00:00:00.000Z",
  max_open_session_count: 5,
  max_active_client_count: 5,
});

export function tenantFile(): string {
  const all = Array.from(
    { length: licenses },
    (_, n) => `  - { id: ${licenseId(n)}, customer: "1", edition: Floating users, floating_token_limit: 1000 }`,
  );
  return `isv: { id: ${isv}, name: Bench }
keys:
  - { name: bench, role: provisioning, secret: "${key}", response_signature: none }
products:
  - { name: Bench }
editions:
  - { product: Bench, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 60 }
customers:
  - { number: "1", name: Bench }
licenses:
${all.join("\n")}
  - { id: ${licenseId(fullLicense)}, customer: "1", edition: Floating users, floating_token_limit: 1 }
`;
}

interface Item {
  readonly license_id: string;
  readonly client_id: string;
  readonly session_id: string;
  readonly checkout_period: number;
}

const lasting = (n: number): Item => ({
  license_id: licenseId(n % licenses),
  client_id: `anna.${n}@factor.com`,
  session_id: `3fa85f64-5717-4562-b3fc-${n.toString(16).padStart(12, "0")}`,
  checkout_period: 0,
});

/** Opens the sessions that the cases extend, and fills the licence that the denials are about. */
export async function prepare(url: string): Promise<void> {
  const post = async (items: readonly Item[]) => {
    const response = await fetch(`${url}/api/v2/isv/${isv}/provisioning/session/batch`, {
      method: "POST",
      headers: { ProvisioningKey: key, "Content-Type": "application/json" },
      body: JSON.stringify({ items: items.map((item) => ({ op: "open", ...item })) }),
    });
    const { results } = (await response.json()) as { results: { status: number; body: unknown }[] };
    const failed = results?.find(({ status }) => status !== 200);
    if (!response.ok || failed !== undefined) throw new Error(`prepare: ${response.status} ${JSON.stringify(failed)}`);
  };
  for (let n = 0; n < sessions; n += 500) await post(Array.from({ length: 500 }, (_, m) => lasting(n + m)));
  await post([{ ...lasting(0), license_id: licenseId(fullLicense), checkout_period: 1440 }]);
}

/** Lua that sends the formatted requests in a cycle. `each` is a Lua expression for the n-th one. */
function cycle(count: number, each: string): string {
  return `
local function post(path, body)
  return wrk.format("POST", "/api/v2/isv/${isv}" .. path,
    { ["ProvisioningKey"] = "${key}", ["Content-Type"] = "application/json", ["Accept"] = "application/json" }, body)
end
local function session(license, client, id)
  return string.format('{"license_id":"00000000-0000-4000-8000-%012x","client_id":"%s@factor.com","session_id":"3fa85f64-5717-4562-b3fc-%012x","checkout_period":0}',
    license, client, id)
end
local requests, n = {}, 0
function init()
  for i = 0, ${count} - 1 do requests[i] = ${each} end
end
function request()
  local r = requests[n % ${count}]
  n = n + 1
  return r
end
`;
}

const extendOf = (n: string) => `session(${n} % ${licenses}, "anna." .. (${n}), ${n})`;
const extend = cycle(sessions, `post("/provisioning/session/open", ${extendOf("i")})`);
const visitor = (n: string) => `session(${n} % ${licenses}, "guest." .. (${n}), 0x100000 + ${n})`;
// The close of a visitor follows its open 100 opens later: by then no open is still on its way over 64 connections.
const openAndClose = cycle(
  2 * visitors,
  `i % 2 == 0 and post("/provisioning/session/open", ${visitor("(i / 2)")})
      or post("/provisioning/session/close", ${visitor(`(((i - 1) / 2 - 100) % ${visitors})`)})`,
);
const denied = cycle(1000, `post("/provisioning/session/open", session(${fullLicense}, "late." .. i, 0x200000 + i))`);
const batch = `
local function items(from)
  local t = {}
  for m = 0, ${batchOf} - 1 do
    local k = (from + m) % ${sessions}
    t[#t + 1] = '{"op":"open",' .. string.sub(${extendOf("k")}, 2)
  end
  return '{"items":[' .. table.concat(t, ",") .. "]}"
end
`;

const none = (load: Load) => load.refused / load.requests;

export const cases: readonly Case[] = [
  { name: "F1: bare node:http, inline", on: "floor", connections: 64, lua: extend, unexpected: none },
  {
    name: "extend",
    on: "server",
    connections: 64,
    lua: extend,
    floor: "F1: bare node:http, inline",
    target: { ratio: 1.0 },
    unexpected: none,
  },
  {
    name: "open + close, holders that held nothing",
    on: "server",
    connections: 64,
    lua: openAndClose,
    floor: "F1: bare node:http, inline",
    target: { ratio: 0.8 },
    // The first hundred closes of a round find nothing to close, and sessions of a broken-off round are still open.
    unexpected: (load) => Math.max(0, load.refused - 300) / load.requests,
  },
  {
    name: "denial 1007",
    on: "server",
    connections: 64,
    lua: denied,
    floor: "F1: bare node:http, inline",
    target: { ratio: 0.8 },
    unexpected: (load) => (load.requests - load.refused) / load.requests,
  },
  {
    name: "batch call, sessions",
    on: "server",
    connections: 8,
    lua: cycle(10, `post("/provisioning/session/batch", items(i * ${batchOf}))`).replace(
      "local requests",
      `${batch}local requests`,
    ),
    target: { perSecond: 30_000 },
    perRequest: batchOf,
    unexpected: none,
  },
  { name: "floor of one: append + fdatasync, inline", on: "append", connections: 1, lua: extend, unexpected: none },
  {
    name: "lone caller: extend",
    on: "server",
    connections: 1,
    lua: extend,
    floor: "floor of one: append + fdatasync, inline",
    target: { ratio: 0.8 },
    unexpected: none,
  },
];
