/** What clients must not be able to do to the server: a clear 4xx, nothing changed, nobody else disturbed. */
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { call, type Demo, isv, keys, licenses, open, otherIsv, root, startDemo } from "./demo.ts";
import { bodyOf, host, jsonLine, key, lengthLine, openPath, raw, rawOpen, statusOf } from "./raw.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.stop());

const anna = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
const withClient = (text: string) => `{"license_id":"${licenses.users}","client_id":${text}}`;
const lines = [host, key, jsonLine];

/** After every beast the server lives and holds no session. */
afterEach(async () => {
  expect((await root(demo, "/readyz")).status).toBe(200);
  expect((await demo.store.read(isv, licenses.users))?.openSessions).toBe(0);
  expect(demo.logged.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

describe("bodies", () => {
  test.each([
    ["a lone surrogate", withClient('"\\ud800"'), 400],
    ["a lone low surrogate in the middle", withClient('"a\\udc00b"'), 400],
    ["NUL", withClient('"a\\u0000"'), 400],
    ["an escape sequence", withClient('"\\u001b[31m"'), 400],
    ["a C1 control", withClient('"\\u009b31m"'), 400],
    ["DEL", withClient('"a\\u007f"'), 400],
    ["a line separator", withClient('"a\\u2028b"'), 400],
    ["a line break", withClient('"a\\nb"'), 400],
    ["white space alone", withClient('" \\u00a0 "'), 400],
    ["nothing", withClient('""'), 400],
    ["257 characters", withClient(`"${"x".repeat(257)}"`), 400],
    ["a number", withClient("1"), 400],
    ["an object", withClient('{"toString":1}'), 400],
    ["a list", withClient('["anna@factor.com"]'), 400],
    ["null", withClient("null"), 400],
    ["1e309", `${withClient('"a"').slice(0, -1)},"checkout_period":1e309}`, 400],
    ["-1e309", `${withClient('"a"').slice(0, -1)},"checkout_period":-1e309}`, 400],
    ["a number as text", `${withClient('"a"').slice(0, -1)},"checkout_period":"5"}`, 400],
    ["true for a number", `${withClient('"a"').slice(0, -1)},"checkout_period":true}`, 400],
    ["an absurd checkout", `${withClient('"a"').slice(0, -1)},"checkout_period":1e300}`, 409],
    ["a negative checkout", `${withClient('"a"').slice(0, -1)},"checkout_period":-1e-300}`, 409],
    ["a licence id with a blank", `{"license_id":" ${licenses.users}","client_id":"a"}`, 400],
    ["a licence id with a line break", `{"license_id":"${licenses.users}\\n","client_id":"a"}`, 400],
    ["a licence id that is SQL", `{"license_id":"' or 1=1 --","client_id":"a"}`, 400],
    ["another vendor's licence", `{"license_id":"${licenses.other}","client_id":"a"}`, 409],
    ["an unknown licence", `{"license_id":"${isv}","client_id":"a"}`, 409],
    ["lists 5,000 deep", "[".repeat(5_000) + "]".repeat(5_000), 400],
    ["objects 5,000 deep", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`, 400],
    ["lists 5,000 deep, not closed", "[".repeat(5_000), 400],
    ["a prototype alone", `{"__proto__":{"license_id":"${licenses.users}","client_id":"a"}}`, 400],
    ["a constructor", '{"constructor":{"prototype":{"a":1}}}', 400],
    ["two documents", `${anna}${anna}`, 400],
    ["a trailing comma", withClient('"a",'), 400],
    ["NaN", withClient("NaN"), 400],
    ["a byte order mark", `\ufeff${anna}`, 400],
    ["text", "license_id=1", 400],
    ["nothing but blanks", "   ", 400],
    ["64 KiB and a byte", `"${"x".repeat(65_535)}"`, 413],
  ])("%s", async (_name, body, status) => {
    const answer = await raw(demo.port, rawOpen([...lines, lengthLine(body)], body));
    expect(statusOf(answer)).toBe(status);
    if (status !== 409) {
      expect(answer).toMatch(/content-type: application\/problem\+json/i);
      expect(JSON.parse(bodyOf(answer))).toMatchObject({
        status,
        code: expect.any(String),
        detail: expect.any(String),
      });
    }
  });

  test("bytes that are no UTF-8 are 400", async () => {
    const body = Buffer.concat([
      Buffer.from(withClient('"a')).subarray(0, -1),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    expect(statusOf(await raw(demo.port, rawOpen([...lines, lengthLine(body)], body)))).toBe(400);
  });

  test("a prototype in a good body changes nothing", async () => {
    const body = `{"__proto__":{"polluted":true},"license_id":"${isv}","client_id":"a"}`;
    expect(statusOf(await raw(demo.port, rawOpen([...lines, lengthLine(body)], body)))).toBe(409);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("a prototype, like any unknown member, is refused in a native body", async () => {
    const answer = await call(demo, "/provisioning/session/batch", { body: '{"items":[],"__proto__":1}' });
    expect([answer.status, answer.body.detail]).toEqual([400, 'body: has no member "__proto__"']);
  });

  test("a chunked body is counted too", async () => {
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const answer = await raw(demo.port, rawOpen([...lines, "Transfer-Encoding: chunked"], `${chunk}${chunk}0\r\n\r\n`));
    expect(statusOf(answer)).toBe(413);
  });

  test("a connection whose body was too large serves the next request", async () => {
    const big = "x".repeat(70_000);
    const next = rawOpen([host, jsonLine, lengthLine("{}")], "{}").toString();
    const socket = connect(demo.port, "127.0.0.1");
    socket.write(rawOpen([...lines, lengthLine(big)], big));
    socket.write(next);
    let text = "";
    await new Promise<void>((resolve) =>
      socket.on("data", (chunk) => {
        text += chunk;
        if (text.includes("413") && text.includes("401 Unauthorized")) resolve();
      }),
    );
    socket.destroy();
  });
});

describe("headers", () => {
  test.each([
    ["two hosts", [host, host, key, jsonLine], 400],
    ["no host", [key, jsonLine], 400],
    ["two provisioning keys", [host, key, key, jsonLine], 400],
    ["two admin keys", [host, `AdminKey: ${keys.admin}`, `adminkey: ${keys.admin}`, jsonLine], 400],
    ["both keys", [host, key, `AdminKey: ${keys.admin}`, jsonLine], 400],
    ["two content types", [host, key, jsonLine, "content-type: text/plain"], 400],
    ["two nonces", [host, key, jsonLine, "X-Nonce: a", "X-Nonce: b"], 400],
    ["a length and chunks", [host, key, jsonLine, "Transfer-Encoding: chunked"], 400],
    ["two lengths", [host, key, jsonLine, "Content-Length: 1"], 400],
    ["a header of 20 KB", [host, key, jsonLine, `X-Long: ${"x".repeat(20_000)}`], 431],
    ["a key of 10 KB", [host, `ProvisioningKey: ${"x".repeat(10_000)}`, jsonLine], 401],
    ["a key of odd bytes", [host, "ProvisioningKey: \u00e4\u00ff", jsonLine], 401],
    ["two keys in one header", [host, `${key}, ${keys.plain}`, jsonLine], 401],
    ["a key in the wrong header", [host, `Authorization: Bearer ${keys.plain}`, jsonLine], 401],
    ["a header with NUL", [host, key, jsonLine, "X-Odd: a\0b"], 400],
    ["a header with a bare line feed", [host, key, jsonLine, "X-Odd: a\nProvisioningKey: b"], 400],
    ["a folded header", [host, key, jsonLine, "X-Odd: a\r\n b"], 400],
    ["a header name with a blank", [host, key, jsonLine, "X Odd: a"], 400],
    ["an expectation", [host, key, jsonLine, "Expect: miracles"], 417],
    ["text as the type", [host, key, "Content-Type: text/plain"], 415],
    ["JSON in another character set", [host, key, "Content-Type: application/json;charset=utf-16"], 415],
    ["something like JSON", [host, key, "Content-Type: application/jsonp"], 415],
  ])("%s", async (_name, head, status) => {
    const answer = await raw(demo.port, rawOpen([...head, lengthLine("{}")], "{}"));
    expect(statusOf(answer)).toBe(status);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ status, code: expect.any(String) });
  });

  test.each([
    ["no HTTP", "hello\r\n\r\n", 400],
    ["TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x0d, 0x0a]), 400],
    ["HTTP/3.0", `GET /healthz HTTP/3.0\r\n${host}\r\n\r\n`, 400],
    ["a length that is no number", `POST ${openPath} HTTP/1.1\r\n${host}\r\nContent-Length: x\r\n\r\n`, 400],
    ["a negative length", `POST ${openPath} HTTP/1.1\r\n${host}\r\nContent-Length: -1\r\n\r\n`, 400],
    ["an upgrade of the protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ])("%s", async (_name, bytes, status) => {
    const answer = await raw(demo.port, bytes);
    expect(statusOf(answer)).toBe(status);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ code: expect.any(String) });
  });

  test("no key is ever logged, whatever is wrong with the request", () => {
    for (const secret of Object.values(keys)) expect(demo.logged.join("")).not.toContain(secret);
  });
});

describe("addresses", () => {
  test.each([
    ["GET", "/api/v2/isv", 404],
    ["GET", "/..%2f..%2fetc/passwd", 404],
    ["GET", `/api/v2/isv/${isv}/licenses/${otherIsv}%00`, 401],
    ["GET", "/%", 400],
    ["GET", `/api/v2/isv/${"x".repeat(300)}/denials`, 400],
    ["POST", "/healthz", 405],
    ["DELETE", openPath, 405],
    ["GET", openPath, 405],
    ["OPTIONS", openPath, 405],
    ["TRACE", openPath, 405],
    ["PROPFIND", openPath, 405],
    ["GET", "/sandbox/clock", 404],
  ])("%s %s is %i", async (method, path, status) => {
    const answer = await raw(demo.port, `${method} ${path} HTTP/1.1\r\n${host}\r\n\r\n`);
    expect(statusOf(answer)).toBe(status);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ status, code: expect.any(String) });
    if (status === 405) expect(answer).toMatch(/^allow: /im);
  });

  test.each([
    ["text", "text/plain", "x"],
    ["no JSON", "application/json", "{"],
    ["too much", "application/json", `"${"x".repeat(70_000)}"`],
  ])(
    "one that is not there is 404, and one of other methods 405, also with a body that is %s",
    async (_, type, body) => {
      const headers = { "content-type": type };
      expect((await root(demo, "/api/v3/session/open", { headers, body })).status).toBe(404);
      expect((await root(demo, "/healthz", { headers, body })).status).toBe(405);
      expect((await root(demo, openPath, { method: "PUT", headers, body })).status).toBe(405);
    },
  );

  test("an instant whose zone is none is told as that, and not as a day that is not there", async () => {
    for (const zone of ["+24:00", "-12:60", "+99:99"]) {
      const path = `/denials?from=${encodeURIComponent(`2026-01-01T00:00:00${zone}`)}`;
      const { status, body } = await call(demo, path, { key: null, adminKey: keys.admin });
      expect([status, body.detail]).toEqual([400, expect.stringContaining("must be an instant with a time zone")]);
    }
  });

  test("a client that goes away in the middle disturbs nobody", async () => {
    const socket = connect(demo.port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.write(rawOpen([...lines, "Content-Length: 500"], "{"));
    socket.destroy();
    expect((await open(demo, {})).status).toBe(400);
  });

  test("an upgrade that is not offered is answered as an ordinary request", async () => {
    const upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"];
    expect(statusOf(await raw(demo.port, rawOpen([...lines, ...upgrade, lengthLine("{}")], "{}")))).toBe(400);
  });
});
