/** Check-ins before a voucher's end, on the wire: the device's proof, the caps, what administrators see. And renewals. */
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { call, close, type Demo, isv, keys, licenses, open, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "tab-1", user_id: "anna@factor.com" };
const problem = { headers: { Accept: "application/problem+json" } };
const users = "00000000-0000-4000-8000-000000000301";
const checkInType = "seatkeeper-check-in+jwt";

/** A machine with its key. */
async function device() {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const { kty, crv, x } = await exportJWK(publicKey);
  const jwk = { kty, crv, x } as JWK;
  const header = { alg: "EdDSA", typ: checkInType, jwk };
  const sign = (content: unknown, more: object = {}) =>
    new CompactSign(Buffer.from(JSON.stringify(content))).setProtectedHeader({ ...header, ...more }).sign(privateKey);
  return { thumbprint: await calculateJwkThumbprint(jwk), sign };
}

type Device = Awaited<ReturnType<typeof device>>;

/** Checks a token out for a device; the voucher's id. */
async function checkOut({ thumbprint }: Device, who: object = anna): Promise<string> {
  const { status, body } = await open(demo, { ...who, checkout_period: 60, voucher: { device_key: thumbprint } });
  expect(status).toBe(200);
  return JSON.parse(Buffer.from(body.voucher.split(".")[1], "base64url").toString()).jti;
}

const checkouts = async () => (await call(demo, `/licenses/${licenses.users}/checkouts`)).body;
const edit = (changes: object) =>
  call(demo, "/templates", { method: "PATCH", adminKey: keys.admin, body: { id: users, ...changes } });

describe("a check-in", () => {
  test("with the device's proof frees the token, and counts", async () => {
    const laptop = await device();
    const id = await checkOut(laptop);
    const check_in = await laptop.sign({ voucher_id: id });
    expect(await close(demo, { ...anna, check_in })).toMatchObject({ status: 200, body: "Session closed." });
    expect(await checkouts()).toEqual({
      checked_out: 0,
      checked_out_max: null,
      early_check_ins: 1,
      early_check_ins_max: null,
    });
  });

  test("without it is denied, and says which voucher is out and until when", async () => {
    const id = await checkOut(await device());
    expect((await close(demo, anna)).body).toEqual({
      id: 14009,
      message: "A voucher of the session is out. It ends at 2026-01-01T01:00:00.000Z.",
    });
    const { status, body } = await close(demo, anna, problem);
    expect([status, body.code, body.voucher_id]).toEqual([409, "voucher_out", id]);
    expect(await checkouts()).toMatchObject({ checked_out: 1, early_check_ins: 0 });
  });

  test("with another device's proof is denied, and so it is with proof about another voucher", async () => {
    const [laptop, tower] = [await device(), await device()];
    const id = await checkOut(laptop);
    for (const check_in of [await tower.sign({ voucher_id: id }), await laptop.sign({ voucher_id: isv })]) {
      expect((await close(demo, { ...anna, check_in })).body.id).toBe(14009);
    }
  });

  test.each<[string, (laptop: Device, id: string) => Promise<string>]>([
    ["no JWS", async () => "a.b.c"],
    ["empty", async () => ""],
    ["of another type", (laptop, id) => laptop.sign({ voucher_id: id }, { typ: "JWT" })],
    ["without a key", (laptop, id) => laptop.sign({ voucher_id: id }, { jwk: undefined })],
    ["about nothing", (laptop) => laptop.sign({})],
    ["about no object", (laptop) => laptop.sign(null)],
    ["about a number", (laptop) => laptop.sign({ voucher_id: 5 })],
    [
      "changed after it was signed",
      async (laptop, id) => {
        const [head, , signature] = (await laptop.sign({ voucher_id: isv })).split(".");
        return [head, Buffer.from(JSON.stringify({ voucher_id: id })).toString("base64url"), signature].join(".");
      },
    ],
    [
      "with another one's key in its header",
      async (laptop, id) => {
        const [, content, signature] = (await laptop.sign({ voucher_id: id })).split(".");
        const [head] = (await (await device()).sign({ voucher_id: id })).split(".");
        return [head, content, signature].join(".");
      },
    ],
    ["longer than any", async () => "x".repeat(1_025)],
  ])("with a proof that is %s is refused before anything happens", async (_name, proofOf) => {
    const laptop = await device();
    const check_in = await proofOf(laptop, await checkOut(laptop));
    const { status, body } = await close(demo, { ...anna, check_in });
    expect([status, body.code]).toEqual([400, "input_invalid"]);
    expect(await checkouts()).toMatchObject({ checked_out: 1, early_check_ins: 0 });
  });

  test("in a batch has no proof, and is denied", async () => {
    await checkOut(await device());
    const items = [{ op: "close", ...anna }];
    const { body } = await call(demo, "/provisioning/session/batch", { body: { items } });
    expect(body.results).toMatchObject([{ status: 409, body: { id: 14009 } }]);
  });

  test("of a session whose voucher nobody asked for is as it ever was: SLASCONE's clients know of none", async () => {
    await open(demo, { ...anna, checkout_period: 60 });
    expect((await close(demo, anna)).status).toBe(200);
    expect(await checkouts()).toMatchObject({ checked_out: 0, early_check_ins: 0 });
  });
});

describe("an edition's caps", () => {
  test("are set by API, hold at once, and are shown", async () => {
    const { body } = await edit({ max_checked_out_tokens: 1, checkout_reserve: 1, max_early_check_ins_per_month: 1 });
    expect(body).toMatchObject({ max_checked_out_tokens: 1, checkout_reserve: 1, max_early_check_ins_per_month: 1 });
    const laptop = await device();
    const id = await checkOut(laptop);
    const ben = { ...anna, client_id: "tab-2", user_id: "ben@factor.com" };
    expect((await open(demo, { ...ben, checkout_period: 60 })).body).toEqual({
      id: 14008,
      message: "As many tokens are checked out as the edition allows. 1 of 1 are out.",
    });
    expect((await open(demo, ben)).status).toBe(200);
    expect((await close(demo, { ...anna, check_in: await laptop.sign({ voucher_id: id }) })).status).toBe(200);
    const again = await checkOut(laptop);
    const second = await close(demo, { ...anna, check_in: await laptop.sign({ voucher_id: again }) }, problem);
    expect([second.status, second.body.code]).toEqual([409, "check_ins_exhausted"]);
    expect(await checkouts()).toEqual({
      checked_out: 1,
      checked_out_max: 1,
      early_check_ins: 1,
      early_check_ins_max: 1,
    });
  });

  test("of tokens that are out are no matter of a named edition", async () => {
    const id = "00000000-0000-4000-8000-000000000303";
    const body = { id, max_checked_out_tokens: 1 };
    expect(await call(demo, "/templates", { method: "PATCH", adminKey: keys.admin, body })).toMatchObject({
      status: 400,
    });
  });
});

test("an administrator sees whose voucher is out, and ends the session of a lost laptop: overuse on record", async () => {
  const id = await checkOut(await device());
  const sessions = `/licenses/${licenses.users}/opensessions`;
  const live = await call(demo, `/licenses/${licenses.users}/sessions`, { adminKey: keys.admin });
  const [session] = live.body.items;
  const until = "2026-01-01T01:00:00.000Z";
  expect(session).toMatchObject({ id, checked_out_until: until, voucher_until: until });
  await call(demo, `${sessions}/${id}`, { method: "DELETE", adminKey: keys.admin });
  const lines = await demo.store.history(isv, licenses.users, 10);
  expect(lines.at(-1)).toMatchObject({ kind: "session.ended", isOveruse: true, tokens: -1 });
});

describe.each(["lane", "hot", "fastify"] as const)("renewals, by %s", (shell) => {
  let served: Demo;
  beforeEach(async () => {
    served = await startDemo({ shell });
  });
  afterEach(() => served.stop());
  const extend = async (renewal?: string) => (await open(served, { ...anna, renewal }, problem)).body;

  test("every answer has the next value, and of two that go on with the same one the first to be late is denied", async () => {
    const { renewal: first } = await extend("");
    const { renewal: second } = await extend(first);
    expect(first).toMatch(/^1-[\w-]{36}$/);
    expect(second).not.toBe(first);
    const { renewal: copy } = await extend(first);
    expect(await extend(second)).toMatchObject({ code: "session_forked", id: 14005 });
    expect(await extend(copy)).toMatchObject({ is_session_valid: true });
    const { body } = await call(served, `/denials?license_id=${licenses.users}`, { adminKey: keys.admin });
    expect(body.items ?? body).toMatchObject([{ code: "session_forked" }]);
  });

  test("are for whoever begins with them: an open without a value is answered without one", async () => {
    expect(await extend()).not.toHaveProperty("renewal");
    expect(await extend("of-nobody")).toHaveProperty("renewal");
    expect(await extend()).not.toHaveProperty("renewal");
    expect((await open(served, { ...anna, renewal: "a b" })).status).toBe(400);
  });
});
