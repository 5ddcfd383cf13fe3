/** The client in a real browser: a page that holds a session, with signatures, from a server behind the page's own origin. */
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../server/test/process.ts";
import type * as Seatkeeper from "../src/index.ts";
import { connect } from "../src/index.ts";
import { installClient } from "./installed.ts";
import { keys, licenses, Vendor } from "./vendor.ts";
import { isv } from "./world.ts";

declare global {
  interface Window {
    seatkeeper: typeof Seatkeeper;
  }
}

const executablePath = "/usr/bin/chromium";
const isThere = existsSync(executablePath);
if (!isThere)
  console.error(`client/test/browser.test.ts: no ${executablePath}: the client was NOT tested in a browser`);

test("a browser is there, in CI", () => {
  expect(isThere || process.env.CI !== "true").toBe(true);
});

describe.runIf(isThere)("in Chromium", () => {
  let vendor: Vendor;
  let site: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    site = await startSite(() => vendor);
    const origin = originOf(site);
    vendor = await Vendor.start([origin]);
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    await page.goto(origin);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
    await vendor?.stop();
  });

  /** What the page is told, with a key whose answers are signed. */
  const settings = async () => ({
    isv,
    apiKey: keys.signed,
    publicKey: await vendor.publicKey(),
    license: licenses.users,
  });

  test("a page holds a session, with its signatures verified by WebCrypto, and gives it back", async () => {
    const told = await page.evaluate(
      async ({ license, ...options }) => {
        const seats = window.seatkeeper.connect({ url: location.origin, ...options });
        const session = await seats.open({ license, user: "anna" });
        session.require();
        const during = await seats.tokens(license);
        const isClosed = await session.close();
        const after = await seats.tokens(license);
        return [session.client, during.pool("floating").used, isClosed, after.pool("floating").used];
      },
      await settings(),
    );
    expect(told).toEqual(["anna", 1, true, 0]);
  });

  test("a denial and a dead server are told apart", async () => {
    const told = await page.evaluate(
      async ({ license, ...options }) => {
        const nameOf = (error: Error) => error.name;
        const seats = window.seatkeeper.connect({ url: location.origin, ...options });
        const held = [await seats.open({ license, user: "anna" }), await seats.open({ license, user: "ben" })];
        const full = await seats.open({ license, user: "cem" }).then(() => "granted", nameOf);
        await Promise.all(held.map((session) => session.close()));
        const soon = {
          now: () => performance.now(),
          chance: () => 0,
          after: (_: number, call: () => void) => {
            const timer = setTimeout(call, 50);
            return () => clearTimeout(timer);
          },
        };
        const nobody = window.seatkeeper.connect({ ...options, url: "http://127.0.0.1:9", clock: soon });
        return [full, await nobody.open({ license, user: "anna" }).then(() => "granted", nameOf)];
      },
      await settings(),
    );
    expect(told).toEqual(["NoTokenLeft", "ServerUnreachable"]);
  });

  test("a redirect is told, though the browser does not show where to", async () => {
    const told = await page.evaluate(
      async ({ license, ...options }) => {
        const moved = window.seatkeeper.connect({ ...options, url: `${location.origin}/moved` });
        return moved.tokens(license).catch((error) => [error.name, error.location, error.message]);
      },
      await settings(),
    );
    const said = `The server at ${originOf(site)}/moved, or a proxy before it, redirects to a place that is not shown.`;
    expect(told).toEqual(["Redirected", null, said]);
  });

  test("another key's signature is refused", async () => {
    const name = await page.evaluate(
      async ({ license, ...options }) => {
        const pair = await crypto.subtle.generateKey(
          {
            name: "RSASSA-PKCS1-v1_5",
            hash: "SHA-256",
            modulusLength: 2048,
            publicExponent: new Uint8Array([1, 0, 1]),
          },
          true,
          ["sign", "verify"],
        );
        const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
        const publicKey = `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...spki))}\n-----END PUBLIC KEY-----\n`;
        const seats = window.seatkeeper.connect({ url: location.origin, ...options, publicKey });
        return seats.open({ license, user: "anna" }).then(
          () => "granted",
          (error: Error) => error.name,
        );
      },
      await settings(),
    );
    expect(name).toBe("BadSignature");
    expect(await vendor.sessions(licenses.users)).toEqual([]);
  });

  /** What a page is told that calls the server itself, across origins, and holds no key. */
  const across = async () => ({ url: vendor.url, isv, keySet: await vendor.keySet(), license: licenses.users });

  /** Holds a session with a token of the page's own backend; what came of it. */
  const holding = async ({ license, ...options }: Awaited<ReturnType<typeof across>>) => {
    const clientToken = async () => (await fetch("/token")).text();
    const seats = window.seatkeeper.connect({ ...options, clientToken });
    try {
      const session = await seats.open({ license, user: "anna" });
      session.require();
      const stranger = await seats.open({ license, user: "ben" }).catch((error: Error) => error.name);
      return [stranger, await session.close()];
    } catch (error) {
      return [(error as Error).name];
    }
  };

  test("a page without a key holds a session of its user's, across origins, with every answer verified", async () => {
    expect(await page.evaluate(holding, await across())).toEqual(["NotAuthorized", true]);
    expect(await vendor.sessions(licenses.users)).toEqual([]);
  });

  test("a page of an origin that the vendor does not list gets nothing", async () => {
    const elsewhere = await startSite(() => vendor);
    const stranger = await browser.newPage();
    await stranger.goto(originOf(elsewhere));
    const quick = { ...(await across()), timeoutSeconds: 2 };
    expect(await stranger.evaluate(holding, quick)).toEqual(["ServerUnreachable"]);
    await stranger.close();
    elsewhere.close();
  });

  test("a page that has got hold of an API key cannot call across origins with it", async () => {
    const name = await page.evaluate(
      async ({ license, ...options }) => {
        const seats = window.seatkeeper.connect({ ...options, apiKey: "backend-key-1234" });
        return seats.open({ license, user: "anna" }).then(
          () => "granted",
          (error: Error) => error.name,
        );
      },
      await across(),
    );
    expect(name).toBe("ServerUnreachable");
  });
});

const originOf = (site: Server) => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

/** A page with the client's bundle, and its backend: it mints tokens for anna, and hands on everything under /api. */
async function startSite(vendor: () => Vendor): Promise<Server> {
  const folder = temporaryFolder();
  installClient(folder.path);
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "@seatkeeper/client";', resolveDir: folder.path },
    ...{ bundle: true, minify: true, write: false, format: "iife", globalName: "seatkeeper", target: "es2022" },
  });
  folder.remove();
  const page = `<!doctype html><title>A page</title><script>${outputFiles[0]?.text}</script>`;
  const site = createServer((request, response) => {
    if (request.url?.startsWith("/api/")) void forward(vendor().url, request, response);
    else if (request.url?.startsWith("/moved/")) response.writeHead(302, { Location: "/" }).end();
    else if (request.url === "/token") void mint(vendor(), response);
    else response.setHeader("Content-Type", "text/html").end(page);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  return site;
}

async function mint({ options }: Vendor, response: ServerResponse): Promise<void> {
  const { token } = await connect(options).clientToken({ license: licenses.users, user: "anna" });
  response.end(token);
}

async function forward(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host: _, connection: __, "content-length": ___, ...headers } = request.headers as Record<string, string>;
  const body = Buffer.concat(await request.toArray());
  const method = request.method ?? "GET";
  const answer = await fetch(url + request.url, { method, headers, ...(body.length > 0 && { body }) });
  response.writeHead(answer.status, [...answer.headers].filter(([name]) => name !== "connection").flat());
  response.end(Buffer.from(await answer.arrayBuffer()));
}
