/** The console's files over HTTP: the page, what it may load, and how long a browser keeps what. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Demo, startDemo } from "./demo.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.stop());

const get = (path: string) => fetch(demo.url + path, { redirect: "manual" });

test("the root leads to the console", async () => {
  const answer = await get("/");
  expect([answer.status, answer.headers.get("location")]).toEqual([302, "/console"]);
});

test.each(["/console", "/console/", "/console/licenses/17?tab=use"])(
  "%s is the page, and no cache keeps it",
  async (path) => {
    const answer = await get(path);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.text()).toContain('<div id="root">');
  },
);

test("its policy lets in this server's files, and styles with the nonce of this one answer", async () => {
  const [first, second] = await Promise.all([noncesOf("/console"), noncesOf("/console")]);
  expect(first.policy).toBe(first.page);
  expect(first.page).not.toBe(second.page);
  const policy = (await get("/console")).headers.get("content-security-policy");
  expect(policy).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[^']+'; img-src 'self' data:;/,
  );
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
});

async function noncesOf(path: string) {
  const answer = await get(path);
  const [, policy] = /'nonce-([^']+)'/.exec(answer.headers.get("content-security-policy") ?? "") ?? [];
  const [, page] = /nonce="([^"]+)"/.exec(await answer.text()) ?? [];
  return { policy, page };
}

test("files with a digest in their name are compressed, and kept for good", async () => {
  const html = await (await get("/console")).text();
  const paths = [...html.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
  expect(paths.length).toBeGreaterThan(2);
  for (const path of paths) {
    const answer = await get(path);
    expect([path, answer.status, answer.headers.get("content-encoding")]).toEqual([path, 200, "gzip"]);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect((await answer.text()).length).toBeGreaterThan(0);
  }
});

test.each(["nothing.js", "%2e%2e/index.html", "..%2f..%2fmain.js"])("assets/%s is no file", async (name) => {
  expect((await get(`/console/assets/x/${name}`)).status).toBe(404);
  expect((await get(`/console/assets/${name}`)).headers.get("content-type")).not.toContain("javascript");
});

test("the address takes no POST", async () => {
  expect((await fetch(`${demo.url}/console/x`, { method: "POST" })).status).toBe(405);
});
