/** Signed XML for machines without a network: what xmlsec1 accepts, and what it rejects when one character changes. */
import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../process.ts";
import { activate, call, type Demo, feature, isv, keys, licenses, product, root, startDemo } from "./demo.ts";
import { addMetered, metered } from "./metered.ts";

const isThere = spawnSync("xmlsec1", ["--version"]).error === undefined;
if (!isThere) console.error("server/test/http/files.test.ts: no xmlsec1: the signed files were NOT verified with it");

test("xmlsec1 is there, in CI", () => {
  expect(isThere || process.env.CI !== "true").toBe(true);
});

const folder = temporaryFolder();
let demo: Demo;
let tokenKey: string;
beforeAll(async () => {
  demo = await startDemo();
  await addMetered(demo);
  folder.write("key.pem", (await root(demo, `/api/v2/isv/${isv}/signing-key.pem`)).text);
  tokenKey = (await activate(demo, licenses.named, 'pc <1> & "2"')).body.token_key;
});
afterAll(async () => {
  await demo.stop();
  folder.remove();
});

const licenseXml = (query = "") => call(demo, `/licenses/${licenses.named}/xml${query}`);
const offline = (more: Record<string, string> = {}, asked: Parameters<typeof call>[2] = {}) => {
  const query = new URLSearchParams({ product_id: product, license_key: licenses.named, client_id: "pc-9", ...more });
  return call(demo, `/provisioning/activations/offline?${query}`, asked);
};

/** Whether xmlsec1 accepts a file with the vendor's key. */
function isAccepted(text: string): boolean {
  const file = folder.write("file.xml", text);
  const { status } = spawnSync("xmlsec1", ["--verify", "--pubkey-pem", `${folder.path}/key.pem`, file]);
  return status === 0;
}

/** Of a licence file, in the order of the published ones; lists are elements of one name, one after the other. */
const members =
  "modified_date_utc customer license_name license_key legacy_license_key license_type_id license_type_name product_name product_id template_name template_id provisioning_mode floating_tokens user_limits start_date_utc expiration_date_utc is_temporary software_release_limitation session_period heartbeat_period freeride features limitations constrained_variables variables".split(
    " ",
  );

/** The names of the members that a file has at its first level, each once. A list that is empty has none. */
function membersOf(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [, end = "", name = "", empty = ""] of text.matchAll(/<(\/?)([A-Za-z_]+)[^>]*?(\/?)>/g)) {
    if (end === "/") depth--;
    else if (depth === 1) names.push(name);
    if (end === "" && empty === "") depth++;
  }
  return [...new Set(names)].filter((name) => name !== "Signature");
}

const meteredXml = () => call(demo, `/licenses/${metered.license}/xml`);

describe("a licence file", () => {
  test("has SLASCONE's members in their order, and its kind of signature", async () => {
    const { status, headers, text } = await licenseXml();
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/xml");
    expect(headers.get("content-disposition")).toBe('attachment; filename="license.xml"');
    // It has no variables.
    expect(membersOf(text)).toEqual(members.slice(0, -2));
    expect(text).toContain('<floating_tokens xsi:nil="true"');
    expect(text).toContain(`<features><id>${feature}</id><name>cloud backup</name>`);
    expect(text).toContain("<limitations>");
    expect(text).not.toContain("<client_id>");
    for (const algorithm of [
      '<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"',
      '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"',
      '<Reference URI="">',
      '<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"',
      '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"',
    ]) {
      expect(text).toContain(algorithm);
    }
    expect(text).not.toContain("KeyInfo");
  });

  test("has everything that a licence entitles to, lists as elements one after the other", async () => {
    const { text } = await meteredXml();
    expect(membersOf(text)).toEqual(members);
    expect(text).toContain("<floating_tokens>5</floating_tokens>");
    expect(text).toContain("<software_release>25.2</software_release>");
    expect(text.match(/<limitations>/g)).toHaveLength(2);
    expect(text).toMatch(/<constrained_variables>.*<values>eu<\/values><\/constrained_variables>/);
    expect(text).toMatch(/<variables>.*<value>Hello<\/value><\/variables>/);
    expect((await call(demo, `/licenses/${metered.users}/xml`)).text).toContain("<user_limits>2</user_limits>");
  });

  test("carries the client whose token key is named, with every character of its name", async () => {
    const { text } = await licenseXml(`?token_key=${tokenKey}`);
    expect(text).toContain('<client_id>pc &lt;1&gt; &amp; "2"</client_id>');
    expect((await licenseXml(`?token_key=${isv}`)).body).toMatchObject({ status: 404, code: "entity_unknown" });
    const other = await call(demo, `/licenses/${licenses.devices}/xml?token_key=${tokenKey}`);
    expect(other.body).toMatchObject({ status: 404, code: "entity_unknown" });
  });

  test("is for keys that reach the licence", async () => {
    expect((await call(demo, `/licenses/${licenses.named}/xml`, { key: null })).status).toBe(401);
    expect((await call(demo, `/licenses/${licenses.named}/xml`, { key: keys.boundToLicense })).status).toBe(403);
    expect((await call(demo, `/licenses/${isv}/xml`)).status).toBe(404);
  });
});

describe("an activation file", () => {
  test("activates its client, and is given again to the same one", async () => {
    const first = await offline({ file_name: 'mine"; x.xml' });
    expect(first.status).toBe(200);
    expect(first.headers.get("content-disposition")).toBe('attachment; filename="mine_x.xml"');
    const members = (text: string) => text.slice(0, text.indexOf("<Signature"));
    expect(members(first.text)).toMatch(
      new RegExp(
        `^<slascone_activation_file [^>]+><license_key>${licenses.named}</license_key><token_key>[0-9a-f-]{36}</token_key><client_id>pc-9</client_id><activation_date_utc>2026-01-01T00:00:00.000Z</activation_date_utc>$`,
      ),
    );
    expect(members((await offline()).text)).toBe(members(first.text));
  });

  test("is asked for by GET alone: a HEAD would activate the client, and changes nothing anywhere", async () => {
    const assigned = async () =>
      (await call(demo, `/licenses/${licenses.named}/assignments`, { adminKey: keys.admin })).body.length as number;
    const before = await assigned();
    const head = await offline({ client_id: "pc-head" }, { method: "HEAD" });
    expect([head.status, head.headers.get("allow")]).toEqual([405, "GET"]);
    expect(await assigned()).toBe(before);
    const put = await call(demo, "/provisioning/activations/offline", { method: "PUT", body: {} });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET"]);
    // Every other GET may be asked by HEAD.
    const other = await call(demo, `/licenses/${licenses.named}/xml`, { method: "HEAD" });
    expect(other.status).toBe(200);
  });

  test("is denied like any activation", async () => {
    expect((await offline({ client_id: "pc-10" })).body).toMatchObject({ id: 2000 });
    expect((await offline({ license_key: isv })).body).toMatchObject({ id: 1000 });
    expect((await offline({}, { key: keys.boundToLicense })).status).toBe(403);
    expect((await offline({}, { key: null })).status).toBe(401);
    expect((await call(demo, "/provisioning/activations/offline")).status).toBe(400);
  });
});

describe.runIf(isThere)("xmlsec1", () => {
  test.each<[string, () => Promise<{ readonly text: string }>]>([
    ["a licence file", () => licenseXml()],
    ["a licence file for a client", () => licenseXml(`?token_key=${tokenKey}`)],
    ["a floating licence's file", () => call(demo, `/licenses/${licenses.devices}/xml`)],
    ["a file with every kind of part", () => meteredXml()],
    ["an activation file", () => offline()],
  ])("accepts %s, and rejects it when one character changes", async (_name, make) => {
    const { text } = await make();
    expect(isAccepted(text)).toBe(true);
    const signed = text.indexOf("<Signature");
    // One character of each text in the file, and of the digest and the signature.
    const places = [...text.matchAll(/>([^<>]+)</g)].map(({ index }) => index + 1);
    expect(places.filter((at) => at < signed).length).toBeGreaterThan(3);
    for (const at of places) {
      const other = text[at] === "0" ? "1" : "0";
      expect(isAccepted(text.slice(0, at) + other + text.slice(at + 1)), text.slice(at - 20, at + 20)).toBe(false);
    }
  });

  test("rejects a file that was changed anywhere, in its names and marks too", async () => {
    const { text } = await meteredXml();
    // The signature's last characters hold bits that stand for nothing.
    const end = text.indexOf("</SignatureValue>") - 4;
    const step = Math.floor(end / 80);
    for (let at = 1; at < end; at += step) {
      const other = text[at] === "x" ? "y" : "x";
      expect(isAccepted(text.slice(0, at) + other + text.slice(at + 1)), text.slice(at - 20, at + 20)).toBe(false);
    }
  });

  test("rejects it under another key", async () => {
    const { text } = await licenseXml();
    const own = `${folder.path}/key.pem`;
    const other = execFileSync("openssl", ["genpkey", "-algorithm", "RSA"], { stdio: ["ignore", "pipe", "ignore"] });
    const pem = execFileSync("openssl", ["pkey", "-pubout"], { input: other });
    const file = folder.write("file.xml", text);
    const otherKey = folder.write("other.pem", pem.toString());
    expect(spawnSync("xmlsec1", ["--verify", "--pubkey-pem", own, file]).status).toBe(0);
    expect(spawnSync("xmlsec1", ["--verify", "--pubkey-pem", otherKey, file]).status).not.toBe(0);
  });
});
