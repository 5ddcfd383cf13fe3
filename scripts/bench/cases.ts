/** The catalogue of 1,000 licences, the sessions that are open from the start, and the requests of the cases. */
import { createHash } from "node:crypto";
import type { Load } from "./load.ts";

export interface Case {
  readonly name: string;
  /** The name of the target among those of its suite. */
  readonly on: string;
  readonly isFloor?: boolean;
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
export const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const key = "bench-provisioning-key";
/** Its answers carry an RSA signature, as SLASCONE's do. */
const signedKey = "bench-key-whose-answers-are-signed";
/** Sessions that are open from the start, over all licences; and holders that come and go. */
const sessions = 5_000;
const visitors = 20_000;

export const licenseId = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
const fullLicense = licenses;
export const hotLicense = licenses + 1;

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
  return `${catalogue(licenses, 1000)}
  - { id: ${licenseId(fullLicense)}, customer: "1", edition: Floating users, floating_token_limit: 1 }
  - { id: ${licenseId(hotLicense)}, customer: "1", edition: Floating users, floating_token_limit: 1000000 }
`;
}

/** A tenant file with so many licences of so many tokens, numbered from `first`. */
export function catalogue(licenses: number, tokens: number, first = 0): string {
  const all = Array.from(
    { length: licenses },
    (_, n) =>
      `  - { id: ${licenseId(first + n)}, customer: "1", edition: Floating users, floating_token_limit: ${tokens} }`,
  );
  return `isv: { id: ${isv}, name: Bench }
keys:
  - { name: bench, role: provisioning, secret: "${key}", response_signature: none }
  - { name: signed, role: provisioning, secret: "${signedKey}", response_signature: rsa }
products:
  - { name: Bench }
editions:
  - { product: Bench, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 60 }
customers:
  - { number: "1", name: Bench }
licenses:
${all.join("\n")}`;
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

/** Opens the sessions that the cases extend, spread and on the hot licence, and fills the licence that the denials are about. */
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
  for (let n = 0; n < sessions; n += 500) {
    const items = Array.from({ length: 500 }, (_, m) => lasting(n + m));
    await post(items);
    await post(items.map((item) => ({ ...item, license_id: licenseId(hotLicense) })));
  }
  await post([{ ...lasting(0), license_id: licenseId(fullLicense), checkout_period: 1440 }]);
}

/** Lua that makes requests. */
const format = `
local function post(path, body)
  return wrk.format("POST", "/api/v2/isv/${isv}" .. path,
    { ["ProvisioningKey"] = "${key}", ["Content-Type"] = "application/json", ["Accept"] = "application/json" }, body)
end
local function session(license, client, id)
  return string.format('{"license_id":"00000000-0000-4000-8000-%012x","client_id":"%s@factor.com","session_id":"3fa85f64-5717-4562-b3fc-%012x","checkout_period":0}',
    license, client, id)
end
`;

/** Lua that sends the formatted requests in a cycle, each thread from a place of its own. `each` is a Lua expression for the n-th one. */
function cycle(count: number, each: string): string {
  return `${format}
local requests, n = {}, 0
function init()
  n = math.floor(${count} / threads * thread)
  for i = 0, ${count} - 1 do requests[i] = ${each} end
end
function request()
  local r = requests[n % ${count}]
  n = n + 1
  return r
end
`;
}

/** A Lua expression for the licence of the n-th request: in turn over all of them, or always the same. */
type Licenses = "spread" | "hot";
const licenseOf = (on: Licenses, n: string) => (on === "hot" ? String(hotLicense) : `${n} % ${licenses}`);

const extendOf = (n: string, on: Licenses) => `session(${licenseOf(on, n)}, "anna." .. (${n}), ${n})`;

/** Opens of sessions that are open. */
export const extend = (on: Licenses) => cycle(sessions, `post("/provisioning/session/open", ${extendOf("i", on)})`);

/** wrk holds no more formatted requests than that. */
const formattedMax = 50_000;

/** Opens of sessions that are open, of as many as can be held, spread over all that there are. */
export function extendAmong(sessions: number, licenses: number): string {
  const count = Math.min(sessions, formattedMax);
  const each = `(i * ${Math.floor(sessions / count)})`;
  return cycle(
    count,
    `post("/provisioning/session/open", session(${each} % ${licenses}, string.format("anna.%d", ${each}), ${each}))`,
  );
}

/** The same, whose answers are signed with RSA-2048. */
export const extendSigned = extend("spread").replace(key, signedKey);

/** The same, whose answers are signed with Ed25519, because the request asks for it by the digest of its body. */
export function extendMessageSigned(): string {
  const all = Array.from({ length: batchOf }, (_, n) => {
    const body = JSON.stringify(lasting(n));
    return `{ '${body}', "sha-256=:${createHash("sha256").update(body).digest("base64")}:" }`;
  });
  const wish =
    '("@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req);created;alg="ed25519"';
  return `
local bodies, requests, n = { ${all.join(",\n")} }, {}, 0
function init()
  for i, each in ipairs(bodies) do
    requests[i] = wrk.format("POST", "/api/v2/isv/${isv}/provisioning/session/open", {
      ["ProvisioningKey"] = "${key}", ["Content-Type"] = "application/json", ["Accept"] = "application/json",
      ["Content-Digest"] = each[2], ["Accept-Signature"] = 'sig=${wish}' }, each[1])
  end
end
function request()
  n = n + 1
  return requests[n % #requests + 1]
end
`;
}

const visitor = (n: string, on: Licenses) => `session(${licenseOf(on, n)}, "guest." .. (${n}), 0x100000 + ${n})`;

/** The close of a visitor follows its open 100 opens later: by then no open is still on its way over 64 connections. */
export const openAndClose = (on: Licenses) =>
  cycle(
    2 * visitors,
    `i % 2 == 0 and post("/provisioning/session/open", ${visitor("(i / 2)", on)})
      or post("/provisioning/session/close", ${visitor(`(((i - 1) / 2 - 100) % ${visitors})`, on)})`,
  );

/** Opens and closes one by one, for a load that is not wrk's. A visitor closes 250 opens later, when they certainly are in. */
export const visits = {
  headers: { ProvisioningKey: key, Accept: "application/json" },
  shotOf(n: number) {
    const leaving = Math.floor(n / 2) - 250;
    const isClose = n % 2 === 1 && leaving >= 0;
    const who = isClose ? leaving : n % 2 === 1 ? n + visitors : n / 2;
    const item = { ...lasting(who), client_id: `guest.${who}@factor.com` };
    const path = `/api/v2/isv/${isv}/provisioning/session/${isClose ? "close" : "open"}`;
    return { path, body: JSON.stringify(item) };
  },
};

/** The first hundred closes of each thread find nothing to close, and sessions of a broken-off round are still open. */
export const lateCloses = (load: Load) => Math.max(0, load.refused - 400) / load.requests;

/** Opens of holders that nobody has seen before, in no run of wrk that began in another second. */
export const openNew = (on: Licenses) => `${format}
local n
function init()
  n = (os.time() % 0x100000) * 0x10000000 + thread * 0x1000000
end
function request()
  n = n + 1
  return post("/provisioning/session/open", session(${licenseOf(on, "n")}, "new." .. n, n))
end
`;

export const denied = cycle(
  1000,
  `post("/provisioning/session/open", session(${fullLicense}, "late." .. i, 0x200000 + i))`,
);

const items = `
local function items(from)
  local t = {}
  for m = 0, ${batchOf} - 1 do
    local k = (from + m) % ${sessions}
    t[#t + 1] = '{"op":"open",' .. string.sub(${extendOf("k", "spread")}, 2)
  end
  return '{"items":[' .. table.concat(t, ",") .. "]}"
end
`;
export const extendBatch = cycle(10, `post("/provisioning/session/batch", items(i * ${batchOf}))`).replace(
  "local requests",
  `${items}local requests`,
);

export const none = (load: Load) => load.refused / load.requests;
