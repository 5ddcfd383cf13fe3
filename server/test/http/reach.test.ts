/** What each key can do: the threat model's table, tried call by call and key by key on a running server. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Asked, call, type Demo, id, keys, root, startDemo } from "./demo.ts";

const page = readFileSync(new URL("../../../THREAT_MODEL.md", import.meta.url), "utf8");
const [, table = ""] = /<!-- calls: begin -->([\s\S]*?)<!-- calls: end -->/.exec(page) ?? [];
const rows = [...table.matchAll(/^\| ([A-Z]+) (\S+) \| (.+) \|$/gm)].map(([, method = "", path = "", cells = ""]) => ({
  method,
  path,
  may: cells.split(" | ").map((cell) => cell === "yes"),
}));

let demo: Demo;
let viewer: string;
let operator: string;
let cookie: string;

beforeAll(async () => {
  demo = await startDemo();
  const create = async (role: string) => {
    const body = { name: role, role: "admin", admin_role: role };
    return (await call(demo, "/keys", { adminKey: keys.admin, body })).body.secret;
  };
  viewer = await create("viewer");
  operator = await create("operator");
  const body = { admin_key: keys.admin };
  const signedIn = await root(demo, "/console/session", { body, headers: ownPage });
  cookie = signedIn.headers.get("set-cookie")?.split(";")[0] as string;
});
afterAll(() => demo.stop());

/** In the order of the table's columns. */
const askers = [
  ["no key", () => ({ key: null })],
  ["an app key", () => ({ key: keys.app })],
  ["a backend key", () => ({ key: keys.plain })],
  ["a viewer", () => ({ adminKey: viewer })],
  ["an operator", () => ({ adminKey: operator })],
  ["an owner", () => ({ adminKey: keys.admin })],
  ["the operator's key", () => ({ key: null, headers: { OperatorKey: keys.operator } })],
] as const;

const ownPage = { "X-Requested-With": "console" };

/** About things that nobody has: a call that is let in comes to nothing. */
async function statusOf(method: string, path: string, { headers, ...asker }: Asked) {
  const address = path.replace(/\{\w+\}/g, id(0xdead));
  // Outside of vendors only the operator's key counts; the console's calls are about the cookie that they carry.
  if (isOfServer(path)) {
    return (await root(demo, address.slice(1), { method, headers: { cookie, ...ownPage, ...headers } })).status;
  }
  const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
  return (await call(demo, address, { method, ...asker, ...body, headers: { ...nowhere, ...headers } })).status;
}

const isOfServer = (path: string) => path.startsWith("//");
/** Whoever listens is told that there is no such place to begin at, for what they would hear has no end. */
const nowhere = { "Last-Event-ID": "nowhere" };

test("the table has all calls of the document, for every kind of key", async () => {
  const { paths } = (await root(demo, "/openapi.json")).body;
  const count = Object.values(paths).flatMap((methods) => Object.keys(methods as object)).length;
  expect(rows).toHaveLength(count);
  for (const { may } of rows) expect(may).toHaveLength(askers.length);
});

describe.each(rows)("$method $path", ({ method, path, may }) => {
  test.each(askers.map((asker, n) => [asker[0], n] as const))("by %s", async (_name, n) => {
    const [, asker] = askers[n] as (typeof askers)[number];
    const status = await statusOf(method, path, asker());
    if (may[n]) expect([401, 403]).not.toContain(status);
    else expect(status).toBe(n === 0 || n === 6 || isOfServer(path) ? 401 : 403);
  });
});
