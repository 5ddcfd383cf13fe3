/** Every case goes through the fast lane, the hot routes and Fastify's: statuses, headers and bytes must be the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  activate,
  type Demo,
  heartbeatType,
  isv,
  keys,
  licenses,
  otherIsv,
  pageOrigin,
  product,
  startDemo,
} from "./demo.ts";
import { host, jsonLine, key, lengthLine, openPath, raw } from "./raw.ts";

const shells = ["lane", "hot", "fastify"] as const;
let demos: Demo[];

beforeAll(async () => {
  demos = await Promise.all(shells.map((shell) => startDemo({ shell })));
  for (const demo of demos) await activate(demo, licenses.devices, "pc-1");
});
afterAll(() => Promise.all(demos.map((demo) => demo.stop())));

const closePath = openPath.replace("open", "close");
const batchPath = openPath.replace("open", "batch");
const heartbeatPath = `/api/v2/isv/${isv}/provisioning/heartbeats`;
const user = { license_id: licenses.users, client_id: "anna@factor.com" };
const device = { license_id: licenses.devices, client_id: "pc-1" };
const heartbeat = { product_id: product, client_id: "pc-1", software_version: "1", operating_system: "Linux" };

interface Case {
  readonly path?: string;
  readonly lines?: readonly string[];
  readonly body?: unknown;
  readonly method?: string;
}

const cases: Readonly<Record<string, Case>> = {
  "an open": { body: user },
  "an extend": { body: user },
  "an open by the short address": { path: openPath.slice("/api/v2".length), body: user },
  "an open at an address in upper case": { path: openPath.replace("00000000a", "00000000A"), body: user },
  "a denied open": { body: { ...device, client_id: "pc-2" } },
  "a denied open, told as problem details": {
    lines: [key, "Accept: application/problem+json"],
    body: { ...device, client_id: "pc-2" },
  },
  "an open of an unknown licence": { body: { ...user, license_id: product } },
  "a signed open": { lines: [`ProvisioningKey: ${keys.rsa}`, "X-Nonce: AAAAAAAAAAAAAAAAAAAAAA=="], body: user },
  "a signed denial": { lines: [`ProvisioningKey: ${keys.rsa}`], body: { ...device, client_id: "pc-2" } },
  "a signed refusal": { lines: [`ProvisioningKey: ${keys.rsa}`], body: {} },
  "a close": { path: closePath, body: user },
  "a close of nothing": { path: closePath, body: user },
  "a heartbeat": { path: heartbeatPath, body: heartbeat },
  "a heartbeat of an unknown type": { path: heartbeatPath, body: { ...heartbeat, heartbeat_type_id: product } },
  "a heartbeat of a known type": { path: heartbeatPath, body: { ...heartbeat, heartbeat_type_id: heartbeatType } },
  "a batch": { path: batchPath, body: { items: [{ op: "open", ...user }, { op: "close", ...user }, { op: "no" }, 5] } },
  "an empty batch": { path: batchPath, body: { items: [] } },
  "a batch with an unknown member": { path: batchPath, body: { items: [], more: 1 } },
  "a batch with a key of an application": {
    path: batchPath,
    lines: [`ProvisioningKey: ${keys.app}`],
    body: { items: [] },
  },
  "a batch of 1,001": { path: batchPath, body: { items: Array.from({ length: 1001 }, () => 0) } },
  "no key": { lines: [], body: user },
  "a page of a listed origin without a token": { lines: [`Origin: ${pageOrigin}`], body: user },
  "a page of a listed origin with a key": { lines: [key, `Origin: ${pageOrigin}`], body: user },
  "an unknown key": { lines: ["ProvisioningKey: nobody"], body: user },
  "an empty key": { lines: ["ProvisioningKey:"], body: user },
  "an inactive key": { lines: [`ProvisioningKey: ${keys.inactive}`], body: user },
  "a provisioning key as AdminKey": { lines: [`AdminKey: ${keys.plain}`], body: user },
  "an AdminKey": { lines: [`AdminKey: ${keys.admin}`], body: user },
  "two kinds of key": { lines: [key, `AdminKey: ${keys.admin}`], body: user },
  "a key twice": { lines: [key, key], body: user },
  "a nonce twice": { lines: [key, "X-Nonce: a", "x-nonce: a"], body: user },
  "two hosts": { lines: [key, "host: elsewhere"], body: user },
  "a key of another vendor": { lines: [`ProvisioningKey: ${keys.otherVendor}`], body: user },
  "another vendor's address": { path: openPath.replace(isv, otherIsv), body: user },
  "an address without a vendor": { path: openPath.replace(isv, "x".repeat(36)), body: user },
  "an address with an escape": { path: openPath.replace(isv, `%30${isv.slice(1)}`), body: user },
  "an address with a broken escape": { path: openPath.replace(isv, `%zz${isv.slice(3)}`), body: user },
  "an address with a query": { path: `${openPath}?x=1`, body: user },
  "an address with a slash too many": { path: `${openPath}/`, body: user },
  "another method": { method: "PUT", body: user },
  "an unknown method": { method: "PROPFIND", body: user },
  "a bound key beyond its bounds": { lines: [`ProvisioningKey: ${keys.boundToLicense}`], body: user },
  "a bound key within its bounds": { lines: [`ProvisioningKey: ${keys.boundToLicense}`], body: device },
  "no JSON": { body: "{" },
  "an empty body": { body: "" },
  "a body that is a list": { body: [] },
  "a body that is null": { body: "null" },
  "a missing member": { body: { license_id: licenses.users } },
  "a wrong type": { body: { ...user, client_id: 5 } },
  "a number that is none": { body: '{"license_id":"x","client_id":"a","checkout_period":1e309}' },
  "a bad UUID": { body: { ...user, license_id: "x" } },
  "a name too long": { body: { ...user, client_id: "x".repeat(257) } },
  "a control character": { body: { ...user, client_id: "a\u0000b" } },
  "a lone surrogate": { body: `{"license_id":"${licenses.users}","client_id":"\\ud800"}` },
  "an upgrade to h2c, as Java asks": {
    lines: [key, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"],
    body: user,
  },
  "a body that is too large": { body: { ...user, note: "x".repeat(70_000) } },
};

/** What every shell answers, without what differs from one answer to the next for good reason: token keys are random. */
async function answersTo(bytes: string): Promise<string[]> {
  const answers = await Promise.all(demos.map(({ port }) => raw(port, bytes)));
  return answers.map((answer) =>
    answer
      .replace(/^Date: .*\r$/m, "Date: …")
      .replace(/^X-Request-Id: [0-9a-f-]{36}\r$/m, "X-Request-Id: …")
      .replace(/"token_key":"[^"]+"/, '"token_key":"…"'),
  );
}

function bytesOf({ path = openPath, lines = [key], body, method = "POST" }: Case): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return [`${method} ${path} HTTP/1.1`, host, ...lines, jsonLine, lengthLine(text), "", text].join("\r\n");
}

describe("all shells answer alike", () => {
  test.each(Object.entries(cases))("%s", async (_name, request) => {
    const [fromLane, fromHot, fromFastify] = await answersTo(bytesOf(request));
    expect(fromLane).toBe(fromHot);
    expect(fromHot).toBe(fromFastify);
    expect(fromLane).toMatch(/^HTTP\/1\.1 [234]/);
  });

  test.each([
    ["no content type", [key]],
    ["text", [key, "Content-Type: text/plain"]],
    ["another character set", [key, "Content-Type: application/json; charset=latin1"]],
    ["a character set that is UTF-8", [key, "Content-Type: application/json; charset=UTF-8"]],
    ["two content types", [key, jsonLine, jsonLine]],
    ["a transfer encoding that is not chunked", [key, jsonLine, "Transfer-Encoding: gzip, chunked"]],
  ])("a body announced as: %s", async (_name, lines) => {
    const text = JSON.stringify(user);
    const request = [`POST ${openPath} HTTP/1.1`, host, ...lines];
    if (!lines.some((line) => line.startsWith("Transfer"))) request.push(lengthLine(text));
    const [fromLane, fromHot, fromFastify] = await answersTo([...request, "", text].join("\r\n"));
    expect(fromLane).toBe(fromHot);
    expect(fromHot).toBe(fromFastify);
    expect(fromLane).toMatch(/^HTTP\/1\.1 [24]/);
  });

  test("a request without any body", async () => {
    const bytes = [`POST ${openPath} HTTP/1.1`, host, key, "", ""].join("\r\n");
    const [fromLane, fromHot, fromFastify] = await answersTo(bytes);
    expect(fromLane).toBe(fromHot);
    expect(fromHot).toBe(fromFastify);
    expect(fromLane).toMatch(/^HTTP\/1\.1 400/);
  });
});
