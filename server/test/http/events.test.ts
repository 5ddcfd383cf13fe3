/** Events over real sockets: in order, resumed without a gap or a repeat, and cut off from whoever does not read. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StoredEntity } from "../../src/catalog/entities.ts";
import type { HistoryRecord } from "../../src/core/types.ts";
import type { Log } from "../../src/desk/upkeep.ts";
import { feedPageSize, listenersOfKeyMax } from "../../src/http/limits.ts";
import { Feed } from "../../src/http/native/feed.ts";
import type { Store } from "../../src/stores/store.ts";
import { call, close, type Demo, isv, keys, licenses, open, otherIsv, root, startDemo } from "./demo.ts";
import { host } from "./raw.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.stop());

interface Event {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect
  readonly data: any;
}

const heard: Listening[] = [];
afterEach(async () => {
  for (const one of heard.splice(0)) await one.leave();
});

/** Somebody who listens, and takes one thing after the other. */
class Listening {
  readonly #gone = new AbortController();
  #reader!: ReadableStreamDefaultReader<string>;
  #text = "";
  response!: Response;

  /** `adminKey` null: who listens is signed in to the console. */
  static async to(
    query = "",
    headers: Record<string, string> = {},
    at: Demo = demo,
    vendor = isv,
    adminKey: string | null = keys.admin,
  ): Promise<Listening> {
    const listening = new Listening();
    listening.response = await fetch(`${at.url}/api/v2/isv/${vendor}/events${query}`, {
      headers: { ...(adminKey !== null && { AdminKey: adminKey }), ...headers },
      signal: listening.#gone.signal,
    });
    listening.#reader = (listening.response.body as ReadableStream).pipeThrough(new TextDecoderStream()).getReader();
    heard.push(listening);
    expect(await listening.block()).toBe(": listening");
    return listening;
  }

  /** What comes next, comments included; null: the server has ended it. */
  async block(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return block;
      }
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#text += value;
    }
  }

  async next(): Promise<Event> {
    const fields = Object.fromEntries(((await this.block()) ?? "").split("\n").map((line) => line.split(/: (.*)/s)));
    return { ...fields, data: JSON.parse(fields.data) } as unknown as Event;
  }

  async take(count: number): Promise<Event[]> {
    const events: Event[] = [];
    while (events.length < count) events.push(await this.next());
    return events;
  }

  async leave(): Promise<void> {
    this.#gone.abort();
    await this.#reader.cancel().catch(() => {});
  }
}

/** An instant is told of once it is over. */
const pass = () => demo.clock.advance(1_000);
const take = (client_id: string, license_id: string = licenses.users) => open(demo, { license_id, client_id });
const leave = (client_id: string) => close(demo, { license_id: licenses.users, client_id });
const inShort = ({ event, data }: Event) => `${event} ${data.client_id}`;

test("what happens is told in order, with what history knows of it", async () => {
  const listening = await Listening.to();
  expect(listening.response.headers.get("content-type")).toBe("text/event-stream");
  expect(listening.response.headers.get("cache-control")).toBe("no-store");
  await take("anna@factor.com");
  await take("anna@factor.com"); // an extend is no event
  await take("ben@factor.com");
  await take("carl@factor.com");
  const deniedAt = demo.clock.now();
  pass();
  await leave("anna@factor.com");
  await leave("ben@factor.com");
  pass();
  const events = await listening.take(7);
  expect(events.map(inShort)).toEqual([
    "client.activated anna@factor.com",
    "session.opened anna@factor.com",
    "client.activated ben@factor.com",
    "session.opened ben@factor.com",
    "denied carl@factor.com",
    "session.closed anna@factor.com",
    "session.closed ben@factor.com",
  ]);
  expect(events[4]?.data).toEqual({
    at: new Date(deniedAt).toISOString(),
    kind: "denied",
    license_id: licenses.users,
    client_id: "carl@factor.com",
    user_id: null,
    session_id: null,
    project_id: null,
    code: "tokens_exhausted",
    pool: "floating",
    in_use: 2,
    limit: 2,
    is_overuse: false,
    length_seconds: null,
  });
  expect(events[6]?.data.length_seconds).toBe(1);
});

test("whoever was away goes on from any event, without a gap or a repeat", async () => {
  const first = await Listening.to();
  await take("anna@factor.com");
  await take("ben@factor.com");
  pass();
  const events = await first.take(2);
  await leave("anna@factor.com");
  pass();
  events.push(await first.next());
  for (const [n, { id }] of events.entries()) {
    const again = await Listening.to("", { "Last-Event-ID": id });
    expect(await again.take(events.length - 1 - n)).toEqual(events.slice(n + 1));
  }
  // The one that is at the end, and those that came back, all hear what comes next.
  await leave("ben@factor.com");
  pass();
  expect(new Set(await Promise.all(heard.map(async (one) => inShort(await one.next()))))).toEqual(
    new Set(["session.closed ben@factor.com"]),
  );
});

test("more than a page of what was missed is told whole", async () => {
  const place = { isvId: isv, licenseId: licenses.users };
  const first = await Listening.to();
  await take("anna@factor.com");
  pass();
  const [{ id }] = (await first.take(1)) as [Event];
  const unknown = { type: "unassign", ...place, tokenKey: "00000000-0000-4000-8000-000000000001" } as const;
  for (let n = 0; n < 1_300; n += 100) {
    await Promise.all(Array.from({ length: 100 }, () => demo.desk.decide(unknown)));
  }
  pass();
  const again = await Listening.to("?kind=denied,session.closed", { "Last-Event-ID": id });
  const missed = await again.take(1_300);
  expect(new Set(missed.map((event) => event.id)).size).toBe(1_300);
  await leave("anna@factor.com");
  pass();
  expect(inShort(await again.next())).toBe("session.closed anna@factor.com");
});

test("between two pages of what was missed others have their turn, however many missed it", async () => {
  // A store that answers at once, as memory and a file do; `turns` counts those that others have had before each page.
  const [pages, behind] = [20, 3];
  let turn = 0;
  const turns: number[] = [];
  const store = {
    now: () => pages,
    settledUntil: async () => pages,
    linesAfter: async ({ at }: { readonly at: number }) => {
      turns.push(turn);
      return at < pages ? Array.from({ length: feedPageSize }, (_, no) => ({ at: at + 1, no, line: {} })) : [];
    },
  };
  const feed = new Feed(store as unknown as Store, { error() {}, warn() {} } as unknown as Log, false);
  const listening = Array.from({ length: behind }, () => {
    const res = Object.assign(new EventEmitter(), {
      write: () => true,
      end() {},
      destroy() {},
      writableNeedDrain: false,
    });
    const wanted = { isvId: isv, keyId: "", signedInAt: null, licenseId: null, kinds: new Set([]) };
    const rest = { shown: (line: HistoryRecord) => line, isAllowed: () => true };
    feed.join({ ...wanted, ...rest }, res as unknown as ServerResponse, { at: 0, no: 0 }, { at: pages, no: 0 });
    return res;
  });
  for (; turns.length < pages * behind && turn < 1_000; turn++) await setImmediate();
  for (const res of listening) res.emit("close");
  expect(turns.length).toBe(pages * behind);
  expect(new Set(turns).size).toBe(turns.length);
});

test("licence, kind and vendor are told apart", async () => {
  const [devices, kinds, others] = await Promise.all([
    Listening.to(`?license_id=${licenses.devices}`),
    Listening.to("?kind=session.opened,session.ended"),
    Listening.to("", { AdminKey: keys.otherAdmin }, demo, otherIsv),
  ]);
  await take("anna@factor.com");
  await call(demo, "/provisioning/activations", {
    body: { product_id: "00000000-0000-4000-8000-000000000100", license_key: licenses.devices, client_id: "d1" },
  });
  await take("d1", licenses.devices);
  await call(demo, `/licenses/${licenses.users}/opensessions/close`, { method: "POST", adminKey: keys.admin });
  await call(demo, "/provisioning/unassign", {
    isvId: otherIsv,
    key: keys.otherVendor,
    body: { token_key: "00000000-0000-4000-8000-000000000001", license_id: licenses.other },
  });
  await open(demo, { license_id: licenses.other, client_id: "x" }, { isvId: otherIsv, key: keys.otherVendor });
  pass();
  expect((await devices.take(2)).map(inShort)).toEqual(["client.activated d1", "session.opened d1"]);
  expect((await kinds.take(3)).map(inShort)).toEqual([
    "session.opened anna@factor.com",
    "session.opened d1",
    "session.ended anna@factor.com",
  ]);
  expect((await others.next()).data.license_id).toBe(licenses.other);
});

test("silence is broken by a comment every quarter of a minute", async () => {
  const listening = await Listening.to(`?license_id=${licenses.expired}`);
  demo.clock.advance(15_000);
  expect(await listening.block()).toBe(": alive");
});

test.each([
  ["is switched off", { is_active: false }],
  ["is an administrator's no more", { role: "provisioning" }],
])("a key that %s hears no more", async (_name, change) => {
  const listening = await Listening.to();
  const vendor = demo.store.catalog.vendor(isv);
  const key = [...(vendor?.keys.values() ?? [])].find(({ name }) => name === keys.admin);
  const saved = (more: object) =>
    demo.store.saveCatalog([
      { isvId: isv, kind: "key", id: key?.id, body: { ...key, ...more }, applied: null } as StoredEntity,
    ]);
  await saved(change);
  expect(await listening.block()).toBeNull();
  await saved({});
});

describe("a console session's stream", () => {
  let apart: Demo;
  beforeEach(async () => {
    apart = await startDemo();
  });
  afterEach(() => apart.stop());

  const own = { "X-Requested-With": "console" };
  const signIn = async (admin_key: string = keys.admin) => {
    const { headers } = await root(apart, "/console/session", { body: { admin_key }, headers: own });
    return { cookie: headers.get("set-cookie")?.split(";")[0] as string, ...own };
  };
  const listening = (headers: Record<string, string>) =>
    Listening.to("?kind=session.opened,session.closed", headers, apart, isv, null);
  const anna = { license_id: licenses.users, client_id: "anna@factor.com" };

  test("ends when its hour is over, and goes on behind the last event for whoever was carried on meanwhile", async () => {
    const headers = await signIn();
    const first = await listening(headers);
    await open(apart, anna);
    apart.clock.advance(1_000);
    const [{ id }] = (await first.take(1)) as [Event];
    await close(apart, anna);
    apart.clock.advance(40 * 60_000);
    const renewed = (await call(apart, "/products", { key: null, headers })).headers.get("set-cookie")?.split(";")[0];
    apart.clock.advance(20 * 60_000);
    while ((await first.block()) !== null);
    expect((await call(apart, "/events", { key: null, headers })).status).toBe(401);
    const again = await listening({ cookie: renewed as string, "Last-Event-ID": id });
    expect(inShort(await again.next())).toBe("session.closed anna@factor.com");
  });

  test("ends with signing out, and no other session's does", async () => {
    const headers = await signIn();
    apart.clock.advance(1);
    const [mine, others] = [await listening(headers), await listening(await signIn())];
    await root(apart, "/console/session", { method: "DELETE", headers });
    expect(await mine.block()).toBeNull();
    await open(apart, anna);
    apart.clock.advance(1_000);
    expect(inShort(await others.next())).toBe("session.opened anna@factor.com");
  });

  test("ends when its key has another secret", async () => {
    const { body } = await call(apart, "/keys", { adminKey: keys.admin, body: { name: "next", role: "admin" } });
    const mine = await listening(await signIn(body.secret));
    const key = apart.store.catalog.vendor(isv)?.keys.get(body.id);
    const other = { ...key, secret_sha256: "a".repeat(64) };
    const change = { isvId: isv, kind: "key", id: body.id, body: other, applied: null } as StoredEntity;
    await apart.store.saveCatalog([change]);
    expect(await mine.block()).toBeNull();
  });
});

test("whoever does not read is cut off, and the others hear on", async () => {
  const deaf = connect(demo.port, "127.0.0.1");
  const closed = new Promise((resolve) => deaf.once("close", resolve));
  deaf.on("error", () => {});
  deaf.write(`GET /api/v2/isv/${isv}/events HTTP/1.1\r\n${host}\r\nAdminKey: ${keys.admin}\r\n\r\n`);
  await new Promise((resolve) => deaf.once("data", resolve));
  deaf.pause();
  const listening = await Listening.to("?kind=client.suspended");
  const place = { isvId: isv, licenseId: licenses.users };
  const long = {
    type: "close",
    ...place,
    clientId: "x".repeat(256),
    sessionId: "y".repeat(256),
    userId: null,
  } as const;
  // What the kernel takes for a socket that nobody reads from is a few megabytes, and then what we keep.
  const enough = 12_000;
  for (let n = 0; n < enough; n += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, () => demo.desk.decide(long)));
  }
  pass();
  // Once it is told, it has ten seconds to read; it is the next look that finds that it did not.
  for (let n = 0; n < 3; n++) {
    demo.clock.advance(15_000);
    expect(await listening.block()).toBe(": alive");
  }
  deaf.resume();
  await closed;
}, 60_000);

test("no more than so many may listen with one key, and the next one is told to come back", async () => {
  const all = await Promise.all(
    Array.from({ length: listenersOfKeyMax }, () => Listening.to("?kind=client.suspended")),
  );
  const refused = await call(demo, "/events", { adminKey: keys.admin });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
  await all[0]?.leave();
  await expect
    .poll(
      async () =>
        (await root(demo, `/api/v2/isv/${isv}/events`, { method: "HEAD", headers: { AdminKey: keys.admin } })).status,
    )
    .toBe(200);
});

test("what cannot be listened to is refused", async () => {
  const statusOf = async (path: string, headers: Record<string, string> = {}, adminKey: string = keys.admin) =>
    (await call(demo, path, { adminKey, headers })).status;
  expect(await statusOf("/events?kind=rain")).toBe(400);
  expect(await statusOf("/events?license=1")).toBe(400);
  expect(await statusOf("/events", { "Last-Event-ID": "yesterday" })).toBe(400);
  expect(await statusOf("/events", {}, keys.boundAdmin)).toBe(403);
  expect(await statusOf(`/events?license_id=${licenses.users}`, {}, keys.boundAdmin)).toBe(403);
  expect((await call(demo, "/events")).status).toBe(403);
});

test("a server that stops ends its listeners at once", async () => {
  const own = await startDemo();
  const listening = await Listening.to("", {}, own);
  const before = performance.now();
  await own.stop();
  expect(performance.now() - before).toBeLessThan(4_000);
  expect(await listening.block()).toBeNull();
});

describe("where the clock stands still until somebody moves it", () => {
  let sandbox: Demo;
  beforeAll(async () => {
    sandbox = await startDemo({ isSandbox: true });
  });
  afterAll(() => sandbox.stop());

  test("what happens is told all the same, in order and once; what happened before is not", async () => {
    await open(sandbox, { license_id: licenses.users, client_id: "before" });
    const listening = await Listening.to("", {}, sandbox);
    await open(sandbox, { license_id: licenses.users, client_id: "anna" });
    expect((await listening.take(2)).map(inShort)).toEqual(["client.activated anna", "session.opened anna"]);
    await open(sandbox, { license_id: licenses.users, client_id: "ben" });
    expect((await listening.take(1)).map(inShort)).toEqual(["denied ben"]);
  });
});
