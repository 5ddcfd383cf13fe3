/** Where callers are, on every way that a request can take: what is believed of it, what is kept, and what it shows. */
import { afterEach, describe, expect, test } from "vitest";
import { Rollup } from "../../src/analytics/rollup.ts";
import { addressesKnownMax } from "../../src/http/limits.ts";
import { Whereabouts } from "../../src/http/whereabouts.ts";
import {
  call,
  type Demo,
  type DemoOptions,
  isv,
  keys,
  licenses,
  open,
  otherIsv,
  pageOrigin,
  startDemo,
} from "./demo.ts";
import { host, jsonLine, key, lengthLine, openPath, raw, rawOpen, statusOf } from "./raw.ts";

const minute = 60_000;
const running: Demo[] = [];
afterEach(() => Promise.all(running.splice(0).map((demo) => demo.stop())));

async function start(options: DemoOptions): Promise<Demo> {
  const demo = await startDemo(options);
  running.push(demo);
  return demo;
}

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };

async function extend({ port }: Demo, lines: readonly string[], from = "127.0.0.1", body: object = anna) {
  const text = JSON.stringify(body);
  const answer = await raw(port, rawOpen([host, key, jsonLine, ...lines, lengthLine(text)], text), from);
  expect(statusOf(answer)).toBe(200);
}

async function sessions(demo: Demo) {
  return [...((await demo.store.read(isv, licenses.users))?.sessions() ?? [])];
}

async function kinds(demo: Demo): Promise<string[]> {
  const lines = await demo.store.history(isv, licenses.users, 100);
  return lines.map(({ kind }) => kind).filter((kind) => kind.startsWith("session."));
}

/** The number of an address, by the server's own secret. */
const numberOf = ({ store }: Demo, address: string) =>
  new Whereabouts(store.setting("address_key") as string, []).of(isv, address, null);

describe.each(["lane", "hot", "fastify"] as const)("by %s", (shell) => {
  test("a session that is extended from two machines by turns is on record, once an hour", async () => {
    const demo = await start({ shell });
    for (const from of ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]) {
      await extend(demo, [], from);
      demo.clock.advance(minute);
    }
    expect(await kinds(demo)).toEqual(["session.opened", "session.moved"]);
    const events = await call(demo, `/licenses/${licenses.users}/events`, { adminKey: keys.admin });
    expect(events.body.items[0]).toMatchObject({ kind: "session.moved", client_id: anna.client_id, in_use: 1 });
  });

  test("what a client writes of itself counts for nothing, unless it is a trusted proxy", async () => {
    for (const trustedProxies of [[], ["10.0.0.0/8"]]) {
      const demo = await start({ shell, trustedProxies });
      for (const n of [1, 2, 1]) await extend(demo, [`X-Forwarded-For: 192.0.2.${n}`]);
      expect(await kinds(demo)).toEqual(["session.opened"]);
      expect((await sessions(demo)).map(({ address }) => address)).toEqual([numberOf(demo, "127.0.0.1")]);
    }
  });

  test.each([
    [["X-Forwarded-For: 203.0.113.9"], "203.0.113.9"],
    // What stands before the proxy's own word, the client may have written.
    [["X-Forwarded-For: 192.0.2.1, 203.0.113.9"], "203.0.113.9"],
    [["X-Forwarded-For: 192.0.2.1", "x-forwarded-for: 203.0.113.9"], "203.0.113.9"],
    [["X-Forwarded-For: unknown,203.0.113.9"], "203.0.113.9"],
    [["X-Forwarded-For: 203.0.113.9, 127.0.0.7"], "203.0.113.9"],
    [["X-Forwarded-For: 192.0.2.1, 203.0.113.9, fd00::2, 127.0.0.7"], "203.0.113.9"],
    [["X-Forwarded-For: 127.0.0.8, 127.0.0.7"], "127.0.0.8"],
    [["X-Forwarded-For: 203.0.113.9:4711"], "203.0.113.9"],
    [["X-Forwarded-For: ::FFFF:203.0.113.9"], "203.0.113.9"],
    [["X-Forwarded-For: ::ffff:cb00:7109"], "203.0.113.9"],
    [["X-Forwarded-For: 203.0.113.9, 0:0:0:0:0:FFFF:7f00:7"], "203.0.113.9"],
    [["X-Forwarded-For: [2001:DB8:0::1]:4711"], "2001:db8::1"],
    [["X-Forwarded-For: unknown"], null],
    [["X-Forwarded-For:"], null],
    [[], "127.0.0.1"],
  ])("behind a trusted proxy that sends %j", async (lines, address) => {
    const demo = await start({ shell, trustedProxies: ["127.0.0.0/8", "fd00::/8"] });
    await extend(demo, lines);
    const [session] = await sessions(demo);
    expect(session?.address ?? null).toBe(address === null ? null : numberOf(demo, address));
  });

  test("many clients behind one proxy, on one connection, are where they are", async () => {
    const demo = await start({ shell, trustedProxies: ["127.0.0.1"] });
    const send = (client_id: string, from: string) =>
      open(demo, { ...anna, client_id }, { headers: { "X-Forwarded-For": from } });
    for (let n = 0; n < 3; n++) {
      await send("anna@factor.com", "203.0.113.1");
      await send("ben@factor.com", "203.0.113.2");
    }
    expect((await sessions(demo)).map(({ address, moves }) => [address, moves])).toEqual([
      [numberOf(demo, "203.0.113.1"), undefined],
      [numberOf(demo, "203.0.113.2"), undefined],
    ]);
  });

  test("a batch tells of no address: whoever sends it is where none of its users is", async () => {
    const demo = await start({ shell });
    const text = JSON.stringify({ items: [{ op: "open", ...anna }] });
    const path = openPath.replace("open", "batch");
    expect(statusOf(await raw(demo.port, rawOpen([host, key, jsonLine, lengthLine(text)], text, path)))).toBe(200);
    const [session] = await sessions(demo);
    expect(session).not.toHaveProperty("address");
  });
});

test("a page with a client token is where its browser is", async () => {
  const demo = await start({});
  const minted = await call(demo, "/provisioning/client-tokens", {
    body: { license_id: licenses.users, user_id: anna.client_id },
  });
  const headers = { Authorization: `Bearer ${minted.body.token}`, Origin: pageOrigin };
  expect((await open(demo, anna, { key: null, headers })).status).toBe(200);
  const [session] = await sessions(demo);
  expect(session?.address).toBe(numberOf(demo, "127.0.0.1"));
});

test("no address is kept: neither in what the store has, nor in what is logged", async () => {
  const demo = await start({ trustedProxies: ["127.0.0.1"] });
  for (const n of [7, 8, 7]) await extend(demo, [`X-Forwarded-For: 203.0.113.${n}`]);
  const dump = await demo.store.dump();
  const lines = [];
  for await (const line of dump.lines) lines.push(line);
  expect(lines.map(({ type }) => type)).toContain("session");
  expect(await kinds(demo)).toContain("session.moved");
  expect(JSON.stringify(lines) + demo.logged.join()).not.toMatch(/203\.0\.113|127\.0\.0\.1/);
});

test("who does so for hours is named among the signs", async () => {
  const demo = await start({ trustedProxies: ["127.0.0.1"] });
  for (let n = 0; n < 6 * 20; n++) {
    // Ben is carried home in the middle of it.
    await extend(demo, [`X-Forwarded-For: 203.0.113.${n % 2}`]);
    await extend(demo, [`X-Forwarded-For: 203.0.113.${n < 60 ? 1 : 2}`], undefined, { ...anna, client_id: "ben" });
    demo.clock.advance(3 * minute);
  }
  const rollup = new Rollup(demo.store);
  demo.clock.advance(10 * minute);
  await demo.desk.decide({ type: "sweep", isvId: isv, licenseId: licenses.users });
  demo.clock.advance(minute);
  while (await rollup.round());
  const range = `license_id=${licenses.users}&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z`;
  const { body } = await call(demo, `/analytics/signs?${range}`, { adminKey: keys.admin });
  expect(body.items).toEqual([
    {
      holder: "anna@factor.com",
      sign: "several_addresses",
      cases: 6,
      out_of: 24,
      message: expect.stringContaining("several addresses"),
    },
  ]);
  const holders = await call(demo, `/analytics/holders?${range}`, { adminKey: keys.admin });
  expect(holders.body.items.map((item: { several_addresses: number }) => item.several_addresses)).toEqual([6, 0]);
});

describe("the number of an address", () => {
  const whereabouts = new Whereabouts("secret", []);

  test("is the same for every spelling, and fits into 31 bits", () => {
    const spellings = ["2001:db8::1", "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:db8::1%eth0"];
    expect(new Set(spellings.map((address) => whereabouts.of(isv, address, null))).size).toBe(1);
    expect(whereabouts.of(isv, "::ffff:192.0.2.1", null)).toBe(whereabouts.of(isv, "192.0.2.1", null));
    const numbers = Array.from({ length: 200 }, (_, n) => whereabouts.of(isv, `192.0.2.${n}`, null) as number);
    expect(new Set(numbers).size).toBe(200);
    for (const number of numbers) expect(number).toBe(number & 0x7fffffff);
  });

  test("is found behind a proxy that is next door, and has a network card's name", () => {
    const behind = new Whereabouts("secret", ["fe80::/10"]).of(isv, "fe80::1%eth0", "192.0.2.1, fe80::2%eth0");
    expect(behind).toBe(whereabouts.of(isv, "192.0.2.1", null));
  });

  test("is another one for another vendor, and by another secret", () => {
    const other = new Whereabouts("another", []);
    const numbers = [whereabouts, other].flatMap((each) => [isv, otherIsv].map((id) => each.of(id, "192.0.2.1", null)));
    expect(new Set(numbers).size).toBe(4);
  });

  test("stays the same when more callers came than are remembered", () => {
    const before = whereabouts.of(isv, "192.0.2.1", null);
    for (let n = 0; n < 2 * addressesKnownMax; n++)
      whereabouts.of(isv, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, null);
    expect(whereabouts.of(isv, "192.0.2.1", null)).toBe(before);
  });
});
