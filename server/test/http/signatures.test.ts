import { verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSigningKeys, nonceToSign, Signer } from "../../src/http/signing.ts";
import { type Answered, call, type Demo, isv, keys, licenses, open, root, startDemo } from "./demo.ts";

let demo: Demo;
let pem: string;
beforeAll(async () => {
  demo = await startDemo();
  pem = (await root(demo, `/api/v2/isv/${isv.toUpperCase()}/signing-key.pem`)).text;
});
afterAll(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const signed = (headers: Record<string, string> = {}, body: object = anna) =>
  open(demo, body, { key: keys.rsa, headers });
const isSignatureOf = (signature: string | null, bytes: string | Buffer) =>
  verify("sha256", Buffer.from(bytes), pem, Buffer.from(signature ?? "", "base64"));
const bodySignature = ({ headers }: Answered) => headers.get("x-slascone-signature");
const nonceSignature = ({ headers }: Answered) => headers.get("x-nonce-signature");

describe("x-slascone-signature", () => {
  test("is 344 characters of Base64 that the public key verifies over the exact bytes", async () => {
    const answer = await signed();
    expect(bodySignature(answer)).toMatch(/^[A-Za-z0-9+/]{342}==$/);
    expect(isSignatureOf(bodySignature(answer), answer.text)).toBe(true);
    expect(isSignatureOf(bodySignature(answer), `${answer.text} `)).toBe(false);
  });

  test("stands on denials too, bare and as problem details", async () => {
    const unknown = { ...anna, license_id: isv };
    for (const headers of [{}, { Accept: "application/problem+json" }]) {
      const answer = await signed(headers as Record<string, string>, unknown);
      expect(answer.status).toBe(409);
      expect(isSignatureOf(bodySignature(answer), answer.text)).toBe(true);
    }
  });

  test("does not stand on other errors, nor on answers to a key without it", async () => {
    expect(bodySignature(await signed({}, {}))).toBeNull();
    expect(bodySignature(await open(demo, anna))).toBeNull();
  });

  test("stands on routes that are not hot", async () => {
    const answer = await call(demo, `/licenses/${licenses.users}`, { key: keys.rsa });
    expect(isSignatureOf(bodySignature(answer), answer.text)).toBe(true);
  });

  test("beyond the bounded queue is refused with 503 before anything happens, and unsigned requests go on", async () => {
    const busy = await startDemo({ signer: new Signer(0) });
    const answer = await open(busy, anna, { key: keys.rsa });
    expect([answer.status, answer.body.code, answer.headers.get("retry-after")]).toEqual([503, "signing_busy", "1"]);
    expect((await open(busy, anna)).body.max_open_session_count).toBe(1);
    await busy.stop();
  });

  test("places in the queue are given back by answers, denials and refusals", async () => {
    const narrow = await startDemo({ signer: new Signer(1) });
    for (const body of [anna, {}, { ...anna, license_id: isv }, { ...anna, client_id: 1 }, anna]) {
      expect((await open(narrow, body, { key: keys.rsa })).status).not.toBe(503);
    }
    await narrow.stop();
  });
});

describe("X-Nonce-Signature", () => {
  const sixteen = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  const guid = "27180460-29df-4a5a-a0a1-78c85ab6cee0";

  test.each([
    ["16 bytes in Base64", sixteen.toString("base64"), sixteen],
    ["16 bytes in Base64 without padding", sixteen.toString("base64").slice(0, 22), sixteen],
    ["a GUID in Base64", Buffer.from(guid).toString("base64"), Buffer.from(guid)],
    ["a GUID as it is", guid, Buffer.from(guid)],
  ])("is over the decoded bytes of %s", async (_name, nonce, bytes) => {
    const answer = await signed({ "X-Nonce": nonce });
    expect(isSignatureOf(nonceSignature(answer), bytes)).toBe(true);
  });

  test.each([
    ["a body", '{"is_session_valid":true}'],
    ["a body of 16 bytes", '{"id":1007,"m":1'],
    ["a list of 16 bytes", "[1,2,3,4,5,6,7,8"],
    ["a JSON string of 16 bytes", '"Session closed"'],
    ["XML of 16 bytes", "<license_file/> "],
    ["JSON of 16 bytes behind white space", '  {"id": 1007 } '],
    ["JSON of 16 bytes behind a byte order mark", '\ufeff{"id": 1007 }'],
    ["a JSON number of 16 bytes", "1234567890123456"],
    ["36 bytes that are no GUID", "x".repeat(36)],
    ["15 bytes", "x".repeat(15)],
    ["17 bytes", "x".repeat(17)],
    ["nothing", ""],
  ])("is not given for %s", async (_name, text) => {
    const answer = await signed({ "X-Nonce": Buffer.from(text).toString("base64") });
    expect(answer.status).toBe(200);
    expect(bodySignature(answer)).not.toBeNull();
    expect(nonceSignature(answer)).toBeNull();
  });

  test.each(["%%%", "ä", "====", "-_-_-_-_-_-_-_-_-_-_-_", "A".repeat(10_000), '{"a":1}', "<a/>"])(
    "malformed: %s",
    (nonce) => {
      expect(nonceToSign(nonce)).toBeNull();
    },
  );

  test("no body that the server can send is ever signed as a nonce", () => {
    const bodies = ['"Session closed."', '"Token unassigned."', "[]", "0", "12", "null", '{"id":1007,"message":""}'];
    for (const body of bodies) expect(nonceToSign(Buffer.from(body).toString("base64"))).toBeNull();
  });

  test("is not given to a key without signatures", async () => {
    expect(nonceSignature(await open(demo, anna, { headers: { "X-Nonce": sixteen.toString("base64") } }))).toBeNull();
  });
});

describe("signing keys", () => {
  test("are served as PEM to everybody; of an unknown vendor is 404", async () => {
    expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect((await root(demo, "/api/v2/isv/x/signing-key.pem")).status).toBe(404);
  });

  test("are made once and kept in the store", async () => {
    const first = await loadSigningKeys(demo.store);
    const second = await loadSigningKeys(demo.store);
    expect(first.publicKeyPem(isv)).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(second.publicKeyPem(isv)).toBe(first.publicKeyPem(isv));
  });
});
