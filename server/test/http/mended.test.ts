/** What hostile clients once found, each held here so that it does not come back. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { admits, fold } from "../../src/core/names.ts";
import { nonceToSign, Signer } from "../../src/http/signing.ts";
import { call, type Demo, id, keys, licenses, product, startDemo } from "./demo.ts";
import { host, key, raw, rawOpen, statusOf } from "./raw.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

test("a key bound to one licence does not move a client off another one", async () => {
  const activate = (license: string, by: string) =>
    call(demo, "/provisioning/activations", {
      key: by,
      body: { product_id: product, license_key: license, client_id: "pc-1" },
    });
  expect((await activate(licenses.named, keys.plain)).status).toBe(200);
  expect((await activate(licenses.devices, keys.boundToLicense)).status).toBe(403);
  expect((await activate(licenses.devices, keys.plain)).status).toBe(200);
});

test("garbage behind an open in the pipeline does not take the place of its answer", async () => {
  const body = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
  const lines = [host, key, "Content-Type: application/json", `Content-Length: ${body.length}`];
  const answer = await raw(demo.port, Buffer.concat([rawOpen(lines, body), Buffer.from("GARBAGE\r\n\r\n")]));
  const { body: open } = await call(demo, `/licenses/${licenses.users}/opensessions`, {
    key: null,
    adminKey: keys.admin,
  });
  // The open was decided: it is answered as what it came to, or not at all, and never with the garbage's 400.
  expect(open).toHaveLength(1);
  expect([200, Number.NaN]).toContain(statusOf(answer));
});

test("a Host that is none is refused", async () => {
  const body = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
  const lines = ["Host: a b/@", key, "Content-Type: application/json", `Content-Length: ${body.length}`];
  expect(statusOf(await raw(demo.port, rawOpen(lines, body)))).toBe(400);
});

test("a batch of a hundred thousand zeros is refused without telling what is wrong with each", async () => {
  const items = Array.from({ length: 100_000 }, () => 0);
  const { status, body } = await call(demo, "/provisioning/session/batch", { body: { items } });
  expect(status).toBe(400);
  expect(body.detail).toContain("more than 1000");
});

test.each(["2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "9999-12-31T23:59:59-23:59"])(
  "%s is no instant to ask for",
  async (from) => {
    const { status } = await call(demo, `/denials?from=${encodeURIComponent(from)}`, {
      key: null,
      adminKey: keys.admin,
    });
    expect(status).toBe(400);
  },
);

test("names are folded as Unicode has it: ß, ẞ and ss are one, ı and i are two", () => {
  expect(fold("STRAẞE")).toBe(fold("straße"));
  expect(fold("straße")).toBe(fold("Strasse"));
  expect(fold("sıla")).not.toBe(fold("sila"));
  expect(fold(fold("STRAẞE"))).toBe(fold("STRAẞE"));
  expect(admits({ allowedUserDomains: ["mail.de", "strasse.de"] }, "eve@maıl.de")).toBe(false);
  expect(admits({ allowedUserDomains: ["mail.de", "strasse.de"] }, "eve@straße.de")).toBe(false);
});

test("no nonce is signed that reads as JSON in UTF-16", () => {
  const text = Buffer.from('\ufeff{"i":1}', "utf16le");
  expect(text).toHaveLength(16);
  expect(nonceToSign(text.toString("base64"))).toBeNull();
});

test("one vendor's flood of signed requests leaves half of the places to the others", async () => {
  const pem = (await import("node:crypto")).generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const signer = new Signer(10);
  for (const isv of [id(1), id(2)]) signer.add(isv, pem.export({ type: "pkcs8", format: "pem" }) as string);
  expect(Array.from({ length: 8 }, () => signer.enter(id(1))).filter((taken) => taken)).toHaveLength(5);
  expect(signer.enter(id(2))).toBe(true);
  signer.leave(id(1));
  expect(signer.enter(id(1))).toBe(true);
});

test("the API's script is sent compressed, from one copy for all", async () => {
  const response = await fetch(`${demo.url}/docs/scalar.js`);
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(Number(response.headers.get("content-length"))).toBeLessThan(2_000_000);
  await response.arrayBuffer();
});
