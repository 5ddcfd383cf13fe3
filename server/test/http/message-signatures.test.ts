/** Answers that are signed for one request alone (RFC 9421): on every status, and worth nothing anywhere else. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Signer } from "../../src/http/signing.ts";
import { type Demo, isv, keys, licenses, otherIsv, root, startDemo } from "./demo.ts";
import { headersOf, isAnswerTo, type KeySet, type Question, question, type Signed } from "./signed-answer.ts";

let demo: Demo;
let keySet: KeySet;
beforeAll(async () => {
  demo = await startDemo();
  keySet = (await root(demo, `/api/v2/isv/${isv}/jwks.json`)).body;
});
afterAll(() => demo.stop());

const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
const key = { ProvisioningKey: keys.plain };
const admin = { AdminKey: keys.admin };

interface Exchange {
  readonly asked: Question;
  readonly answer: Signed;
}

async function ask(
  method: string,
  path: string,
  { body, headers = key, at = demo }: { body?: unknown; headers?: Record<string, string>; at?: Demo } = {},
): Promise<Exchange> {
  const address = `${at.url}/api/v2/isv/${isv}${path}`;
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const asked = question(method, address, text);
  const sent = { ...headersOf(asked), ...(text && { "Content-Type": "application/json" }), ...headers };
  const response = await fetch(address, { method, headers: sent, ...(text && { body: text }) });
  return { asked, answer: { status: response.status, headers: response.headers, text: await response.text() } };
}

const open = (body: object = anna) => ask("POST", "/provisioning/session/open", { body });
const isGood = ({ asked, answer }: Exchange) => isAnswerTo(asked, answer, keySet);

describe("every status is signed for whoever asks", () => {
  const newProject = { license_id: licenses.projects, name: "signed" };

  test.each<[number, () => Promise<Exchange>]>([
    [200, () => open()],
    [200, () => ask("GET", `/licenses/${licenses.users}`)],
    [201, () => ask("POST", "/projects", { body: newProject })],
    [204, () => ask("POST", `/licenses/${licenses.devices}/opensessions/close`, { headers: admin })],
    [404, () => ask("GET", `/licenses/${isv}`)],
    [409, () => open({ ...anna, license_id: licenses.expired })],
  ])("%i", async (status, exchange) => {
    const made = await exchange();
    expect(made.answer.status).toBe(status);
    expect(isGood(made)).toBe(true);
    expect(made.answer.headers.get("x-slascone-signature")).toBeNull();
  });

  test("also for a key whose answers carry SLASCONE's signature: this one takes its place", async () => {
    const signed = await ask("POST", "/provisioning/session/open", {
      body: anna,
      headers: { ProvisioningKey: keys.rsa },
    });
    expect(isGood(signed)).toBe(true);
    expect(signed.answer.headers.get("x-slascone-signature")).toBeNull();
  });

  test("an address with a query is covered with it", async () => {
    const listed = await ask("GET", "/denials?page=1&page_size=5", { headers: admin });
    expect(isGood(listed)).toBe(true);
    expect(isAnswerTo({ ...listed.asked, query: "?page=2&page_size=5" }, listed.answer, keySet)).toBe(false);
  });

  test("the time of signing is the server's", async () => {
    const { answer } = await open();
    const created = /;created=(\d+);/.exec(answer.headers.get("signature-input") ?? "")?.[1];
    expect(Number(created) * 1_000).toBe(demo.store.now());
  });
});

describe("an answer is good for one request alone", () => {
  test("replayed to the same question asked again, it is refused", async () => {
    const first = await open();
    const second = await open();
    expect([isGood(first), isGood(second)]).toEqual([true, true]);
    expect(isAnswerTo(second.asked, first.answer, keySet)).toBe(false);
  });

  test("an old answer with a fresh nonce's signature beside it is refused: the splice of body and nonce", async () => {
    const old = await open();
    const fresh = await open({ ...anna, license_id: licenses.expired });
    const spliced = { ...old.answer, headers: fresh.answer.headers };
    expect(isAnswerTo(fresh.asked, spliced, keySet)).toBe(false);
    expect(isAnswerTo(fresh.asked, { ...fresh.answer, status: 200 }, keySet)).toBe(false);
  });

  test("the answer to another question, asked with this one's nonce, is refused", async () => {
    const { asked, answer } = await open({ ...anna, client_id: "mallory@factor.com" });
    const mine: Question = { ...asked, body: JSON.stringify(anna) };
    expect(isAnswerTo(mine, answer, keySet)).toBe(false);
    expect(isAnswerTo({ ...asked, path: asked.path.replace("open", "close") }, answer, keySet)).toBe(false);
    expect(isAnswerTo({ ...asked, method: "PUT" }, answer, keySet)).toBe(false);
  });

  test("a changed byte of the answer, and stripped headers, are refused", async () => {
    const { asked, answer } = await open();
    const changed = answer.text.replace('"is_session_valid":true', '"is_session_valid":tru3');
    expect(isAnswerTo(asked, { ...answer, text: changed }, keySet)).toBe(false);
    for (const name of ["signature", "signature-input", "content-digest"]) {
      const headers = new Headers(answer.headers);
      headers.delete(name);
      expect(isAnswerTo(asked, { ...answer, headers }, keySet), name).toBe(false);
    }
  });

  test("a request whose body is not its digest's is refused before anything happens", async () => {
    const body = JSON.stringify({ ...anna, client_id: "nobody@factor.com" });
    const other = question("POST", `${demo.url}/`, JSON.stringify(anna));
    const headers = { ...key, ...headersOf(other) };
    const { answer } = await ask("POST", "/provisioning/session/open", { body, headers });
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([400, "digest_wrong"]);
    const stripped = await fetch(`${demo.url}/api/v2/isv/${isv}/licenses/${licenses.users}/opensessions/close`, {
      method: "POST",
      headers: { ...admin, ...headersOf(other) },
    });
    expect(stripped.status).toBe(400);
    const history = await demo.store.history(isv, licenses.users, 1_000);
    expect(history.some(({ clientId }) => clientId === "nobody@factor.com")).toBe(false);
  });

  test("another vendor's keys verify nothing of it", async () => {
    const others = (await root(demo, `/api/v2/isv/${otherIsv}/jwks.json`)).body as KeySet;
    const { asked, answer } = await open();
    expect(isAnswerTo(asked, answer, others)).toBe(false);
    expect(others.keys.map(({ kid }) => kid)).not.toEqual(keySet.keys.map(({ kid }) => kid));
  });
});

describe("what is not signed", () => {
  const accept = (value: string) =>
    ask("POST", "/provisioning/session/open", { body: anna, headers: { ...key, "Accept-Signature": value } });
  const whole = '"@status" "content-digest" "content-digest";req';

  test.each([
    ["less than the status and both contents", 'sig=("@status" "content-digest");nonce="n"'],
    ["a component that is unknown", `sig=(${whole} "@authority");nonce="n"`],
    ["a component twice", `sig=(${whole} "@status");nonce="n"`],
    ["no nonce", `sig=(${whole});created`],
    ["an empty nonce", `sig=(${whole});nonce=""`],
    ["a nonce with an escape", `sig=(${whole});nonce="a\\"b"`],
    ["a nonce that is not ASCII", `sig=(${whole});nonce="\u00e9"`],
    ["a tag with a tab", `sig=(${whole});nonce="n";tag="a\tb"`],
    ["another algorithm", `sig=(${whole});nonce="n";alg="hmac-sha256"`],
    ["a named key", `sig=(${whole});nonce="n";keyid="other"`],
    ["two signatures", `sig=(${whole});nonce="n", other=(${whole});nonce="n"`],
    ["what is none", "yes"],
    ["what is too long", `sig=(${whole});nonce="${"n".repeat(600)}"`],
  ])("%s: the answer goes without", async (_name, value) => {
    const { answer } = await accept(value);
    expect([answer.status, answer.headers.get("signature")]).toEqual([200, null]);
  });

  test("a plain client's order and label are kept, and a tag is told back", async () => {
    const { answer } = await accept(`mine=("content-digest";req "content-digest" "@status");nonce="n";tag="app"`);
    expect(answer.headers.get("signature-input")).toMatch(
      /^mine=\("content-digest";req "content-digest" "@status"\);created=\d+;keyid="[\w-]{43}";alg="ed25519";nonce="n";tag="app"$/,
    );
    expect(answer.headers.get("signature")).toMatch(/^mine=:[A-Za-z0-9+/]{86}==:$/);
  });

  test("who does not ask gets none", async () => {
    const response = await fetch(`${demo.url}/api/v2/isv/${isv}/licenses/${licenses.users}`, { headers: key });
    expect(response.headers.get("signature")).toBeNull();
  });
});

test("beyond the bounded queue nothing happens: 503, and whoever asks for no signature goes on", async () => {
  const busy = await startDemo({ signer: new Signer(0) });
  const { answer } = await ask("POST", "/provisioning/session/open", { body: anna, at: busy });
  expect([answer.status, JSON.parse(answer.text).code, answer.headers.get("retry-after")]).toEqual([
    503,
    "signing_busy",
    "1",
  ]);
  expect(await busy.store.history(isv, licenses.users, 10)).toEqual([]);
  await busy.stop();
});

describe("the keys", () => {
  let own: Demo;
  beforeEach(async () => {
    own = await startDemo();
  });
  afterEach(() => own.stop());

  const published = async () => (await root(own, `/api/v2/isv/${isv}/jwks.json`)).body as KeySet;
  const kids = async () => (await published()).keys.map(({ kid }) => kid);
  const rotate = async (body?: object) => {
    const { answer } = await ask("POST", "/administration/statement-keys/rotate", {
      headers: admin,
      at: own,
      ...(body && { body }),
    });
    return JSON.parse(answer.text) as KeySet;
  };
  const signedBy = async () => {
    const exchange = await ask("POST", "/provisioning/session/open", { body: anna, at: own });
    expect(isAnswerTo(exchange.asked, exchange.answer, await published())).toBe(true);
    return /keyid="([^"]+)"/.exec(exchange.answer.headers.get("signature-input") ?? "")?.[1];
  };

  test("are public, Ed25519, and never show their private half", async () => {
    for (const key of (await published()).keys) {
      expect(key).toEqual({
        kty: "OKP",
        crv: "Ed25519",
        x: expect.stringMatching(/^[\w-]{43}$/),
        kid: expect.stringMatching(/^[\w-]{43}$/),
        alg: "EdDSA",
        use: "sig",
      });
    }
    expect((await root(own, "/api/v2/isv/nobody/jwks.json")).status).toBe(404);
    expect((await root(own, "/.well-known/jwks.json")).body.code).toBe("isv_unknown");
  });

  test("rotate with overlap: the next key is known before it signs, the old one afterwards", async () => {
    const [first, second, ...none] = await kids();
    expect([none, await signedBy()]).toEqual([[], first]);
    const after = await rotate();
    expect(after.keys.map(({ kid }) => kid)).toEqual([first, second, expect.any(String)]);
    expect(await signedBy()).toBe(second);
  });

  test("stolen ones are withdrawn with the next, which lay beside them", async () => {
    const before = await kids();
    await rotate({ withdraw: true });
    const after = await kids();
    expect(after).toHaveLength(2);
    expect(after.filter((kid) => before.includes(kid))).toEqual([]);
    expect(await signedBy()).toBe(after[0]);
  });

  test("published are at most sixteen that have retired", async () => {
    for (let n = 0; n < 20; n++) await rotate();
    expect(await kids()).toHaveLength(18);
  });

  test("rotation is an administrator's", async () => {
    const { answer } = await ask("POST", "/administration/statement-keys/rotate", { at: own });
    expect(answer.status).toBe(403);
  });
});
