/** TLS by the server itself, and a certificate that is renewed while it runs. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";
import { freePort } from "../postgres/server.ts";
import { bin, ground, ProcessEnded, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

const folder = temporaryFolder();
const path = (name: string) => join(folder.path, name);
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.stop("SIGTERM");
  server = undefined;
});
afterAll(() => folder.remove());

/** A certificate of its own making, and its key. */
function make(name: string): void {
  const made = ["-keyout", path(`${name}.key`), "-out", path(`${name}.crt`), "-days", "2", "-subj", `/CN=${name}`];
  const kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", [...kind, ...made, "-addext", "subjectAltName=IP:127.0.0.1"], { stdio: "ignore" });
}

/** One that another certificate signs, for a name that is not ours. */
function issue(name: string, issuer: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path(`${name}.key`)];
  const asked = ["req", ...key, "-subj", `/CN=${name}`, "-out", path(`${name}.csr`)];
  execFileSync("openssl", asked, { stdio: "ignore" });
  const by = ["-CA", path(`${issuer}.crt`), "-CAkey", path(`${issuer}.key`), "-CAcreateserial"];
  const signed = ["x509", "-req", "-in", path(`${name}.csr`), ...by, "-out", path(`${name}.crt`), "-days", "2"];
  execFileSync("openssl", signed, { stdio: "ignore" });
}

function serve(name: string): void {
  copyFileSync(path(`${name}.crt`), path("live.crt"));
  copyFileSync(path(`${name}.key`), path("live.key"));
}

const settings = {
  SEATKEEPER_DATABASE_URL: "memory:",
  SEATKEEPER_TLS_CERT_FILE: path("live.crt"),
  SEATKEEPER_TLS_KEY_FILE: path("live.key"),
};

/** Whose certificate a new connection is shown. */
function served(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("a certificate and its key make it HTTPS; SIGHUP takes the renewed ones, and bad ones change nothing", async () => {
  for (const name of ["first", "second"]) make(name);
  serve("first");
  server = await startProcess(["serve"], settings);
  const { url, output } = server;
  expect(url).toMatch(/^https:/);
  expect(await served(url)).toBe("first");
  const told = (text: string) => expect.poll(() => output().includes(text)).toBe(true);

  serve("second");
  server.signal("SIGHUP");
  await told("the certificate was read again");
  expect(await served(url)).toBe("second");

  copyFileSync(path("first.key"), path("live.key"));
  server.signal("SIGHUP");
  await told("the old one is served on");
  expect(await served(url)).toBe("second");
});

test("hot routes and the others are served alike, to whoever trusts the certificate alone", async () => {
  make("trusted");
  serve("trusted");
  server = await startProcess(["serve", "--demo"], settings);
  const ca = readFileSync(path("trusted.crt"));
  const ask = (method: string, at: string, body?: object, trusted = true): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { ProvisioningKey: "demo-quickstart-key", "Content-Type": "application/json" };
      const sent = request(new URL(at, server?.url), { method, headers, ...(trusted && { ca }) }, (response) => {
        response.resume();
        resolve(response.statusCode as number);
      });
      sent.on("error", reject).end(body && JSON.stringify(body));
    });
  const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
  const anna = { license_id: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11", client_id: "anna@factor.com" };
  expect(await ask("POST", `/api/v2/isv/${isv}/provisioning/session/open`, anna)).toBe(200);
  expect(await ask("GET", "/readyz")).toBe(200);
  await expect(ask("GET", "/readyz", undefined, false)).rejects.toThrow("self-signed");
  await expect(fetch(`${server.url.replace("https", "http")}/readyz`)).rejects.toThrow();
});

test("backup and export reach the server by its own certificate, whoever issued it for whichever name, and by no other", async () => {
  make("issuer");
  issue("licences.example.com", "issuer");
  serve("licences.example.com");
  const env = {
    ...settings,
    SEATKEEPER_DATABASE_URL: `sqlite:${path("tls.db")}`,
    SEATKEEPER_OPERATOR_KEY: "a-key-for-the-tests-of-tls",
    SEATKEEPER_PORT: String(await freePort()),
  };
  server = await startProcess(["serve"], env);
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [bin, ...args], { env: { ...ground, ...env }, encoding: "utf8" });
  expect(run("backup", path("copy.db"))).toMatchObject({ status: 0, stderr: "" });
  expect(run("export", path("copy.jsonl"))).toMatchObject({ status: 0, stderr: "" });
  make("other");
  serve("other");
  const other = run("backup", path("other.db"));
  expect(other).toMatchObject({
    status: 75,
    stderr: expect.stringMatching(/127\.0\.0\.1.* shows another certificate .*SIGHUP/),
  });
});

test.each(["TLS", "plain HTTP"])("the image's health check asks the server of its settings, by %s", async (kind) => {
  make("image");
  serve("image");
  const env = { ...(kind === "TLS" ? settings : { SEATKEEPER_DATABASE_URL: "memory:" }) };
  const dockerfile = readFileSync(new URL("../../../deploy/Dockerfile", import.meta.url), "utf8");
  const [, check = ""] = /^HEALTHCHECK .*\\\n {2}CMD (\[.*\])$/m.exec(dockerfile) ?? [];
  const [, ...args] = JSON.parse(check) as string[];
  server = await startProcess(["serve"], env);
  const asked = (SEATKEEPER_PORT: string) =>
    spawnSync(process.execPath, args, { env: { ...ground, ...env, SEATKEEPER_PORT } }).status;
  expect([asked(new URL(server.url).port), asked(String(await freePort()))]).toEqual([0, 1]);
});

test("SIGHUP without TLS ends nothing", async () => {
  server = await startProcess(["serve"], { SEATKEEPER_DATABASE_URL: "memory:" });
  server.signal("SIGHUP");
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});

test.each<[string, Record<string, string>, string, ...string[]]>([
  ["a key alone", { SEATKEEPER_TLS_CERT_FILE: "" }, "want both"],
  ["a file that is not there", { SEATKEEPER_TLS_KEY_FILE: path("nowhere.key") }, "ENOENT"],
  ["a file that is none", { SEATKEEPER_TLS_CERT_FILE: path("text") }, "cannot be used"],
  ["a file that is none, for the demo", { SEATKEEPER_TLS_CERT_FILE: path("text") }, "cannot be used", "--demo"],
])("it does not start with %s: status 78, and makes no database", async (_name, wrong, text, ...args) => {
  make("lonely");
  serve("lonely");
  writeFileSync(path("text"), "no certificate");
  const ended = await startProcess(["serve", ...args], {
    ...settings,
    SEATKEEPER_DATABASE_URL: `sqlite:${path("lonely.db")}`,
    ...wrong,
  }).catch((error) => error);
  expect(ended).toBeInstanceOf(ProcessEnded);
  expect([ended.status, ended.output.includes(text)]).toEqual([78, true]);
  expect(existsSync(path("lonely.db"))).toBe(false);
});

test("the console's cookie is for HTTPS alone where the server speaks it", async () => {
  make("console");
  serve("console");
  const tenant = fileURLToPath(new URL("../../demo/tenant.yaml", import.meta.url));
  server = await startProcess(["serve"], { ...settings, SEATKEEPER_TENANT_FILES: tenant });
  const headers = { "Content-Type": "application/json", "X-Requested-With": "console" };
  const options = { method: "POST", headers, rejectUnauthorized: false };
  const { url } = server;
  const cookies = await new Promise<string[] | undefined>((resolve, reject) => {
    const asked = request(`${url}/console/session`, options, (answer) => {
      answer.resume();
      resolve(answer.headers["set-cookie"]);
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ admin_key: "demo-admin-key" }));
  });
  expect(cookies?.[0]).toMatch(/^__Host-seatkeeper-console=.*; Secure; /);
});
