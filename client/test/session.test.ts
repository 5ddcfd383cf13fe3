/** Sessions on a network that a test wrote down, beyond what the shared file of behaviour holds. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Client,
  held,
  LicenseDenied,
  launcher,
  NoTokenLeft,
  releaseAll,
  ServerUnreachable,
  SessionLost,
} from "../src/index.ts";
import { tryClose } from "../src/opening.ts";
import { asyncDispose } from "../src/session.ts";
import { type Answer, closed, denied, fault, granted, HeldClock, isv, json, late, license, Script } from "./world.ts";

let clock: HeldClock;

beforeEach(() => {
  clock = new HeldClock();
});

afterEach(() => {
  const left = held();
  for (const session of left) session.detach();
  expect(left).toEqual([]);
});

function scripted(...answers: readonly Answer[]): Script {
  return new Script(clock, ...answers);
}

test("a request carries the key, the holder and the session, and asks for problem details", async () => {
  const script = scripted(granted(), closed);
  const session = await script.client().open({ license, user: "anna", client: "pc-7" });
  await session.close();
  const body = { license_id: license, client_id: "pc-7", user_id: "anna", session_id: session.sessionId };
  expect(script.sent.map((sent) => sent.body)).toEqual([{ ...body, renewal: "" }, body]);
  const headers = script.sent[0]?.headers;
  expect(headers?.get("ProvisioningKey")).toBe("key");
  expect(headers?.get("Accept")).toContain("application/problem+json");
  expect(headers?.has("X-Nonce")).toBe(false);
});

test("an AdminKey goes in its own header", async () => {
  const script = scripted(granted(), closed);
  await (await script.client({ admin: true }).open({ license, user: "anna" })).close();
  expect(script.sent[0]?.headers.get("AdminKey")).toBe("key");
  expect(script.sent[0]?.headers.has("ProvisioningKey")).toBe(false);
});

test("no redirect is followed with the key, and nothing is taken from a cache", async () => {
  const script = scripted(() => new Response(null, { status: 302, headers: { Location: "http://elsewhere.test/" } }));
  let sent: RequestInit | undefined;
  const client = script.client({
    fetch: (url, init) => {
      sent = init;
      return script.fetch(url as string, init);
    },
  });
  await expect(client.tokens(license)).rejects.toMatchObject({ name: "Redirected" });
  expect(sent).toMatchObject({ redirect: "manual", cache: "no-store", credentials: "omit" });
});

test.each([Number.NaN, -1, "30" as never])("a wait of %s is refused, and nothing is sent", async (wait) => {
  const script = scripted();
  const opening = script.client().open({ license, user: "anna", wait });
  await expect(opening).rejects.toThrow("wait is no number of seconds");
  expect(() => script.client({ timeoutSeconds: wait })).toThrow("timeoutSeconds is no number of seconds");
  expect(script.sent).toEqual([]);
});

test("a session needs a holder", async () => {
  await expect(scripted().client().open({ license })).rejects.toThrow("user or client");
});

test("an id that an earlier program left is used, and no other is put in its place", async () => {
  const script = scripted(granted(), closed, denied(14004));
  const session = await script.client().open({ license, user: "anna", sessionId: isv });
  expect(session.sessionId).toBe(isv);
  await session.close();
  const again = script.client().open({ license, user: "anna", sessionId: isv });
  await expect(again).rejects.toMatchObject({ name: "LicenseDenied", id: 14004 });
});

test("lost is a signal: its reason is a SessionLost, and it is aborted once", async () => {
  const script = scripted(granted(), denied(14004));
  const session = await script.client().open({ license, user: "anna" });
  let losses = 0;
  session.lost.addEventListener("abort", () => losses++);
  await clock.pass(60);
  expect(session.lost.reason).toBeInstanceOf(SessionLost);
  expect((session.lost.reason as SessionLost).cause).toBeInstanceOf(LicenseDenied);
  expect(() => session.require()).toThrow("administrator");
  await clock.pass(600);
  expect(losses).toBe(1);
  expect(held()).toEqual([]);
});

test.each([500, 401, 403, 404, 400])(
  "extends that are answered by %i say nothing about the licence",
  async (status) => {
    const script = scripted(granted(10), ...Array<Answer>(9).fill(() => new Response(null, { status })));
    const session = await script.client().open({ license, user: "anna" });
    await clock.pass(10);
    expect(session.lost.reason).toMatchObject({ reason: "no_answer", cause: { status } });
  },
);

test("our own close is no loss", async () => {
  const script = scripted(granted(), closed);
  const session = await script.client().open({ license, user: "anna" });
  await session.close();
  await clock.pass(600);
  expect(session.lost.aborted).toBe(false);
  expect(session.isHeld).toBe(false);
});

test("a listener of lost that closes the session sends one close", async () => {
  const script = scripted(granted(), denied(1007), closed);
  const session = await script.client().open({ license, user: "anna" });
  session.lost.addEventListener("abort", () => void session.close());
  await clock.pass(60);
  expect(script.calls).toEqual(["open", "open", "close"]);
});

test("a close waits for the extend that is under way, so that none arrives after it", async () => {
  const script = scripted(granted(), late(clock, 3, granted()), closed);
  const session = await script.client().open({ license, user: "anna" });
  await clock.pass(48);
  const closing = session.close();
  expect(script.calls).toEqual(["open", "open"]);
  expect(await clock.until(closing)).toBe(true);
  expect(script.sent.map(({ call, at }) => [call.split("/").at(-1), at])).toEqual([
    ["open", 0],
    ["open", 47.04],
    ["close", 50.04],
  ]);
});

test("a fetch that never settles neither keeps a session trusted nor its close waiting", async () => {
  const never = () => new Promise<Response>(() => {});
  const script = scripted(granted(10), never, never, never);
  const session = await script.client().open({ license, user: "anna" });
  await clock.pass(10);
  expect(session.lost.reason).toMatchObject({ reason: "no_answer" });
  expect(await clock.until(session.close())).toBe(false);
  expect(clock.timers).toBe(0);
});

test("a refusal that arrives while the session is closed is no loss", async () => {
  const script = scripted(granted(), late(clock, 3, denied(1007)), closed);
  const session = await script.client().open({ license, user: "anna" });
  await clock.pass(48);
  await clock.until(session.close());
  expect(session.lost.aborted).toBe(false);
});

test("a session is extended soon after a machine has slept, though timers did not count that", async () => {
  const script = scripted(granted(3_600), granted(3_600), closed);
  const session = await script.client().open({ license, user: "anna" });
  clock.stall(1_500); // beyond 40 percent of the hour
  await clock.pass(15);
  expect(script.calls).toEqual(["open", "open"]);
  await session.close();
});

test("an answer without end is not read to its end", async () => {
  let sent = 0;
  const endless: Answer = () => {
    const pull = (body: ReadableStreamDefaultController) => {
      sent += 1;
      body.enqueue(new Uint8Array(2 ** 20));
    };
    return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
  };
  const script = scripted(endless, endless, endless, endless);
  await expect(clock.until(script.client().tokens(license))).rejects.toMatchObject({
    name: "ServerUnreachable",
    message: expect.stringContaining("larger than any of Seatkeeper's"),
  });
  expect(sent).toBe(4 * 33);
});

test("an answer is whole, however it comes in pieces", async () => {
  const text = JSON.stringify([{ kind: "floating", total: 3, used: 1, left: 2, name: "é".repeat(5_000) }]);
  const start = (body: ReadableStreamDefaultController) => {
    for (const byte of new TextEncoder().encode(text)) body.enqueue(Uint8Array.of(byte));
    body.close();
  };
  const script = scripted(() => new Response(new ReadableStream({ start })));
  expect((await clock.until(script.client().tokens(license))).pools).toEqual(JSON.parse(text));
});

test("who opens twice holds two sessions, and a client closes its own alone", async () => {
  const script = scripted(granted(), granted(), granted(), closed, closed, closed);
  const [one, two] = [script.client(), script.client()];
  const sessions = [
    await one.open({ license, user: "anna" }),
    await one.open({ license, user: "anna" }),
    await two.open({ license, user: "ben" }),
  ];
  expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(3);
  expect(held()).toEqual(sessions);
  await one.close();
  expect(held()).toEqual([sessions[2]]);
  expect(await releaseAll()).toBe(1);
  expect(held()).toEqual([]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("a number that JSON has none of is refused: %s", async (number) => {
  // As null it would pass for none: a checkout for an ordinary session, a report of work for one without.
  const script = scripted(closed);
  const client = script.client();
  const item = { op: "open", license, user: "anna", checkoutMinutes: number } as const;
  const work = launcher({ ...script.options(), license, user: "anna" }).execution(license, license, "secret");
  const refused = { name: "RangeError", message: expect.stringMatching(/^(checkout_period|units_done) is no number/) };
  for (const call of [client.open(item), client.batch([item]), work.report({ unitsDone: number })])
    await expect(call).rejects.toMatchObject(refused);
  expect(script.calls).toEqual(["close"]);
});

test.each([
  ["releaseAll", () => releaseAll(), 250],
  ["close of their client", (client: Client) => client.close(), undefined],
])("many sessions are closed a hundred at a time: %s", async (_, closeAll, said) => {
  let [underWay, most] = [0, 0];
  const slowly: Answer = async (signal) => {
    most = Math.max(most, ++underWay);
    const answer = await late(clock, 1, closed)(signal);
    underWay--;
    return answer;
  };
  const script = scripted(...Array(250).fill(granted()), ...Array(250).fill(slowly));
  const client = script.client();
  await Promise.all([...Array(250).keys()].map((n) => client.open({ license, user: `user ${n}` })));
  expect(await clock.until<unknown>(closeAll(client))).toBe(said);
  expect([held(), script.left, most, clock.now()]).toEqual([[], 0, 100, 3_000]);
});

test("the end of an await using block closes session and client", async () => {
  const script = scripted(granted(), closed, granted(), closed);
  {
    await using session = await script.client().open({ license, user: "anna" });
    session.require();
  }
  expect(script.calls).toEqual(["open", "close"]);
  {
    await using client = script.client();
    await client.open({ license, user: "anna" });
  }
  expect(script.calls).toEqual(["open", "close", "open", "close"]);
  expect(asyncDispose).toBe(Symbol.asyncDispose);
});

test("a wait that is called off ends with the signal's reason and gives back what may have been taken", async () => {
  const script = scripted(denied(1007), denied(1007), closed);
  const stop = new AbortController();
  const opening = script.client().open({ license, user: "anna", wait: 3600, signal: stop.signal });
  const outcome = opening.then(String, (error) => error);
  await clock.pass(0.5);
  stop.abort(new Error("the user went home"));
  expect(await clock.until(outcome)).toMatchObject({ message: "the user went home" });
  expect(script.calls).toEqual(["open", "open", "close"]);
  expect(clock.timers).toBe(0);
});

test("an open that is called off under way is undone", async () => {
  const script = scripted(late(clock, 5, granted()), closed);
  const stop = new AbortController();
  const opening = script.client().open({ license, user: "anna", signal: stop.signal });
  const outcome = opening.then(String, (error) => error.name);
  await clock.pass(1);
  stop.abort();
  expect(await clock.until(outcome)).toBe("AbortError");
  expect(script.calls).toEqual(["open", "close"]);
});

test("an open that was called off before sends nothing", async () => {
  const script = scripted();
  const opening = script.client().open({ license, user: "anna", signal: AbortSignal.abort() });
  await expect(opening).rejects.toMatchObject({ name: "AbortError" });
  expect(script.sent).toEqual([]);
});

test("an answer that names no end of the session is not trusted", async () => {
  const script = scripted(() => json(200, { is_session_valid: true }), closed);
  await expect(script.client().open({ license, user: "anna" })).rejects.toThrow("names no end");
  expect(script.calls).toEqual(["open", "close"]);
});

test("an answer that cannot be read does not end a session that is trusted", async () => {
  const script = scripted(granted(), () => json(200, null), granted(), closed);
  const session = await script.client().open({ license, user: "anna" });
  await clock.pass(60);
  session.require();
  expect(script.calls).toEqual(["open", "open", "open"]);
  await session.close();
});

test("Retry-After as a date is read by the server's own clock", async () => {
  const at = (seconds: number) => new Date(Date.parse("2001-01-01T00:00:00Z") + seconds * 1_000).toUTCString();
  const script = scripted(() => json(503, {}, { "Retry-After": at(5), Date: at(0) }), granted(), closed);
  const session = await clock.until(script.client().open({ license, user: "anna" }));
  expect(script.sent[1]?.at).toBe(5.125);
  await session.close();
});

test("where the platform does not tell, a request that failed may have arrived", async () => {
  const script = scripted(() => {
    throw new TypeError("Failed to fetch");
  });
  const creating = launcher({ ...script.options(), license, user: "anna" }).createProject("P");
  await expect(creating).rejects.toThrow("Failed to fetch. Nobody knows whether the request arrived.");
});

test("a dead network is never a denial", async () => {
  for (const answer of [fault("refused"), fault("lost"), () => json(503, {}), () => json(504, {})]) {
    const script = scripted(answer, answer, answer, answer, closed);
    const error = await clock.until(script.client().open({ license, user: "anna" })).catch((caught) => caught);
    expect(error).toBeInstanceOf(ServerUnreachable);
    expect(error).not.toBeInstanceOf(LicenseDenied);
  }
});

test("a full licence tells how full, and when to come again", async () => {
  const full = denied(1007, { code: "tokens_exhausted", limit: 5, in_use: 5, next_free_at: "2026-11-22T12:03:00Z" });
  const error = await scripted(full)
    .client()
    .open({ license, user: "anna" })
    .catch((caught) => caught);
  expect(error).toBeInstanceOf(NoTokenLeft);
  expect(error).toMatchObject({ code: "tokens_exhausted", id: 1007, limit: 5, inUse: 5, total: 5, left: 0 });
  expect(error.nextFreeAt).toEqual(new Date("2026-11-22T12:03:00Z"));
  expect(String(error)).toBe("NoTokenLeft: Denied: 1007.");
});

const nonsense = [[], [1], 1, "Session closed.", null, { id: 1 }, { results: [] }, { results: [null] }, { token: "t" }];

test.each(nonsense.map((body) => [body]))(
  "an answer that is not of the form that was asked for is none: %j",
  async (body) => {
    const answer: Answer = () => json(200, body);
    const script = scripted(...Array<Answer>(8).fill(answer));
    const client = script.client({ product: "p" });
    const calls = [
      client.open({ license, user: "anna" }),
      client.activate({ license }),
      client.heartbeat({ softwareVersion: "1", operatingSystem: "Linux" }),
      client.clientToken({ license, user: "anna" }),
      client.batch([{ op: "open", license, user: "anna" }]),
    ];
    if (!Array.isArray(body) || body.length > 0)
      calls.push(client.tokens(license) as never, client.licensesByKey("key") as never);
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "ServerUnreachable" } });
  },
);

test("an open in a batch that names no end is not trusted", async () => {
  const script = scripted(() => json(200, { results: [{ status: 200, body: "Session closed." }] }));
  const opening = script.client().batch([{ op: "open", license, user: "anna" }]);
  await expect(opening).rejects.toMatchObject({ name: "ServerUnreachable" });
});

const odd = [
  { holders: 5 },
  { holders: [null, "anna", { user_id: 5 }, { user_id: "ben", since: "x" }, { user_id: "cem", since: {} }] },
  { next_free_at: "soon", execution_progress: "x", limit: "5", kind: 5, voucher_id: {} },
  { detail: {}, message: 5, title: [], code: 5 },
];

test.each(odd)("a refusal with members of other types is still that refusal: %j", async (more) => {
  const opening = scripted(denied(1007, more)).client().open({ license, user: "anna" });
  const error: LicenseDenied = await opening.then(String, (caught) => caught);
  expect(error).toBeInstanceOf(NoTokenLeft);
  expect(error).toMatchObject({ nextFreeAt: null, executionProgress: null, limit: null, voucherId: null });
  expect(error.message).toMatch(/^(Denied: 1007\.( Connected: ben, cem\.)?|The server answers 409\.)$/);
});

test.each(odd)("a refused close throws nothing, whatever the refusal holds: %j", async (more) => {
  const script = scripted(granted(), denied(14009, more));
  const session = await script.client().open({ license, user: "anna" });
  expect(await session.close()).toBe(false);
});

test("a close throws nothing, though the keeper of vouchers is broken", async () => {
  const vouchers = { giveUp: () => Promise.reject(new Error("the disk is full")) };
  expect(await tryClose({ vouchers } as never, {} as never)).toBe(false);
});

test("a batch answers item by item, and throws for none", async () => {
  const until = "2026-11-22T12:05:00.000Z";
  const results = [
    { status: 200, body: { session_valid_until: until } },
    { status: 409, body: { id: 1007, message: "full" } },
    { status: 200, body: "Session closed." },
    { status: 400, body: { code: "input_invalid", detail: "no" } },
  ];
  const script = scripted(() => json(200, { results }));
  const open = { op: "open", license, user: "anna", client: "c", checkoutMinutes: 5 } as const;
  const answered = await script.client().batch([open, open, { op: "close", license, client: "c" }, open]);
  expect(answered).toMatchObject([
    { granted: true, validUntil: new Date(until) },
    { granted: false, error: { name: "NoTokenLeft" } },
    { granted: true, validUntil: null },
    { granted: false, error: { name: "RequestRefused", code: "input_invalid" } },
  ]);
  expect(script.sent[0]?.body).toMatchObject({
    items: [
      { op: "open", license_id: license, client_id: "c", user_id: "anna", checkout_period: 5 },
      {},
      { op: "close", license_id: license, client_id: "c" },
      {},
    ],
  });
  await expect(script.client().batch(Array(1_001).fill(open))).rejects.toThrow(RangeError);
});

test("activation and heartbeat say what they are told, and need a product", async () => {
  const status: Answer = () => json(200, { license_key: license });
  const script = scripted(status, status);
  const client = script.client({ product: "p" });
  await client.activate({ license, name: "PC", softwareVersion: "1.2" });
  await client.heartbeat({ softwareVersion: "1.2", operatingSystem: "Linux", tokenKey: "t" });
  expect(script.sent.map(({ body }) => body)).toEqual([
    { product_id: "p", license_key: license, client_id: "pc-1", client_name: "PC", software_version: "1.2" },
    { product_id: "p", client_id: "pc-1", token_key: "t", software_version: "1.2", operating_system: "Linux" },
  ]);
  await expect(async () => script.client().activate({ license })).rejects.toThrow("product is missing");
});
