/** Client tokens, as a page holds them: minted by a backend, asked for again when the server says that they are over. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connect, releaseAll, type SessionLost } from "../src/index.ts";
import { keys, licenses, Vendor } from "./vendor.ts";
import { granted, HeldClock, isv } from "./world.ts";

let vendor: Vendor;

beforeAll(async () => {
  vendor = await Vendor.start();
});
afterAll(() => vendor?.stop());
afterEach(async () => {
  await releaseAll();
});

const { users } = licenses;
const dueSeconds = 239;

/** The application's backend. */
const mint = async (user: string, lifetimeSeconds = 60) =>
  (await connect(vendor.options).clientToken({ license: users, user, lifetimeSeconds })).token;

/** A page of hers, and the tokens that it asked for. */
function page(user: string, clock = new HeldClock()) {
  const asked: string[] = [];
  const clientToken = async () => {
    const token = await mint(user);
    asked.push(token);
    return token;
  };
  return { asked, clock, seats: connect({ url: vendor.url, isv, clientToken, clock, client: user }) };
}

test("a page opens, extends and closes without an API key, and asks again when its token is over", async () => {
  const { asked, clock, seats } = page("anna");
  const session = await seats.open({ license: users, user: "anna" });
  expect(asked).toHaveLength(1);
  for (let round = 1; round <= 3; round++) {
    const before = session.validUntil;
    await vendor.advance(dueSeconds);
    await clock.pass(dueSeconds);
    await expect.poll(() => session.validUntil > before).toBe(true);
    expect(asked).toHaveLength(1 + round);
  }
  expect(await session.close()).toBe(true);
  expect(asked).toHaveLength(4);
  expect(await vendor.sessions(users)).toEqual([]);
});

test("what a token does not reach is refused, and the page does not ask on and on", async () => {
  const { asked, seats } = page("anna");
  const nameOf = (error: Error) => error.name;
  await expect(seats.open({ license: users, user: "ben" }).catch(nameOf)).resolves.toBe("NotAuthorized");
  await expect(seats.tokens(users).catch(nameOf)).resolves.toBe("NotAuthorized");
  // The second call takes no tokens at all: one more was tried, and no third.
  expect(asked).toHaveLength(2);
});

test("a backend that gives none is a server that cannot be reached, and is asked again", async () => {
  const clock = new HeldClock();
  let isUp = true;
  const clientToken = async () => {
    if (!isUp) throw new Error("signed out");
    return mint("anna");
  };
  const seats = connect({ url: vendor.url, isv, clientToken, clock, client: "anna" });
  const session = await seats.open({ license: users, user: "anna" });
  isUp = false;
  await vendor.advance(dueSeconds);
  await clock.pass(dueSeconds);
  session.require();
  isUp = true;
  await clock.pass(1); // the next try; more would be its timeout
  await expect.poll(() => session.trustedSeconds > 500).toBe(true);
  isUp = false;
  await vendor.advance(600);
  await clock.pass(600);
  await expect.poll(() => (session.lost.reason as SessionLost | undefined)?.reason).toBe("no_answer");
  // A page that holds no token yet: the other one may still try its old one, against a clock that does not wait for servers.
  const signedOut = connect({ url: vendor.url, isv, clientToken, clock, client: "anna" });
  const refused = signedOut.open({ license: users, user: "anna" });
  await expect(clock.until(refused).catch((error) => error)).resolves.toMatchObject({
    name: "ServerUnreachable",
    message: expect.stringContaining("signed out"),
  });
});

test("a token that never comes does not keep a session alive", async () => {
  const clock = new HeldClock();
  const tokens = [await mint("anna")];
  const clientToken = () => {
    const token = tokens.pop();
    return token === undefined ? new Promise<string>(() => {}) : Promise.resolve(token);
  };
  const session = await connect({ url: vendor.url, isv, clientToken, clock, client: "anna" }).open({
    license: users,
    user: "anna",
  });
  await vendor.advance(700);
  await clock.pass(700);
  expect(session.isHeld).toBe(false);
});

test("a token that never comes is asked for again, and is nobody's when it comes at last", async () => {
  const clock = new HeldClock();
  const asked: ((token: string) => void)[] = [];
  const clientToken = () => new Promise<string>((resolve) => asked.push(resolve));
  const sent: (string | null)[] = [];
  const fetch = async (_url: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers).get("authorization"));
    return new Response("[]", { status: sent.length === 2 ? 401 : 200 });
  };
  const seats = connect({ url: "http://seatkeeper.test", isv, clientToken, fetch, clock, client: "a" });
  const first = seats.tokens(users);
  await clock.pass(11);
  expect(asked).toHaveLength(2);
  asked[1]?.("second");
  await clock.until(first);
  asked[0]?.("first");
  const next = seats.tokens(users); // 401: the second one is over, and a third is asked for
  await clock.pass(0);
  asked[2]?.("third");
  await clock.until(next);
  expect(sent).toEqual(["Bearer second", "Bearer second", "Bearer third"]);
});

test("asking for another token does not outlast the trust", async () => {
  const clock = new HeldClock();
  let isOver = false;
  const slow = <T>(seconds: number, value: T) =>
    new Promise<T>((resolve) => void clock.after(seconds * 1_000, () => resolve(value)));
  const fetch = async () => (isOver ? slow(4, new Response("{}", { status: 401 })) : granted(10)({} as AbortSignal));
  const clientToken = async () => (isOver ? slow(60, "late") : "token");
  const seats = connect({ url: "http://seatkeeper.test", isv, clientToken, fetch, clock, client: "a" });
  const session = await seats.open({ license: users, user: "anna" });
  isOver = true;
  await clock.pass(9.9);
  expect(session.lost.reason).toMatchObject({ reason: "no_answer" });
});

test("only a backend's key mints", async () => {
  const app = connect({ ...vendor.options, apiKey: keys.app });
  await expect(app.clientToken({ license: users, user: "anna" })).rejects.toMatchObject({ name: "NotAuthorized" });
  const { expiresAt } = await connect(vendor.options).clientToken({ license: users, user: "anna" });
  expect(expiresAt).toBeInstanceOf(Date);
});

test("of many calls under way with a token that is over, one asks for another", async () => {
  const asked: string[] = [];
  const clientToken = async () => `token-${asked.push("")}`;
  const fetch = async (_url: unknown, init?: RequestInit) => {
    const isOver = new Headers(init?.headers).get("authorization") === "Bearer token-1";
    return isOver ? new Response("{}", { status: 401 }) : Response.json({ tokens: [] });
  };
  const seats = connect({
    url: "http://seatkeeper.test",
    isv,
    clientToken,
    fetch,
    clock: new HeldClock(),
    client: "a",
  });
  await Promise.allSettled(Array.from({ length: 20 }, () => seats.tokens(users)));
  expect(asked).toHaveLength(2);
});
