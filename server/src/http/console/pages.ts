/**
 * The console's files, as its build leaves them beside the server's own code. Files with a digest in their name are kept
 * by browsers for good; the page itself never is: each answer has a nonce of its own, which lets in the styles that the
 * console writes while it runs, and no others.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Type } from "typebox";
import type { Answer } from "../answer.ts";
import { Problem } from "../problem.ts";
import { open, type Route } from "../route.ts";
import { browserHeaders } from "../security.ts";

/** From the sources as from what is built of them. */
const folder = fileURLToPath(new URL("../../../dist/console/", import.meta.url));

const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const policyWith = (nonce: string) => [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' 'nonce-${nonce}'`,
  "img-src 'self' data:",
  "connect-src 'self'",
];

interface Pages {
  readonly html: string;
  /** By their place below `/console/`. */
  readonly assets: ReadonlyMap<string, Answer>;
}

export function consolePageRoutes(): Route[] {
  let pages: Promise<Pages> | undefined;
  // Half a megabyte: read when somebody looks, not at every start.
  const load = () => (pages ??= loadPages());
  return [
    open({
      method: "GET",
      path: "/",
      tag: "Console",
      summary: "To the console",
      answers: { 302: Type.Null() },
      handle: (_call, finish) =>
        finish({ status: 302, contentType: null, body: "", headers: ["Location", "/console", "Content-Length", "0"] }),
    }),
    open({
      method: "GET",
      path: "/console",
      // Every address below is a place in the console, and the console itself finds it.
      aliases: ["/console/*"],
      tag: "Console",
      summary: "The console, as a page",
      answerType: "text/html",
      answers: { 200: Type.String() },
      async handle({ params }, finish) {
        const place = (params as { readonly "*"?: string } | null)?.["*"] ?? "";
        if (!existsSync(folder)) throw new Problem("route_unknown", "The console is not built: npm run build.");
        const { html, assets } = await load();
        const asset = assets.get(place);
        if (asset === undefined && place.startsWith("assets/")) throw new Problem("route_unknown", "No such file.");
        finish(asset ?? pageWith(html, randomBytes(16).toString("base64")));
      },
    }),
  ];
}

function pageWith(html: string, nonce: string): Answer {
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    body: html.replaceAll("{{nonce}}", nonce),
    headers: ["Cache-Control", "no-store", ...browserHeaders(policyWith(nonce))],
  };
}

async function loadPages(): Promise<Pages> {
  const names = await readdir(`${folder}assets`);
  const assets = await Promise.all(names.map(async (name) => [`assets/${name}`, await assetOf(name)] as const));
  return { html: await readFile(`${folder}index.html`, "utf8"), assets: new Map(assets) };
}

/** Compressed once, and one copy for all. */
async function assetOf(name: string): Promise<Answer> {
  const contentType = types[extname(name)];
  if (contentType === undefined) throw new Error(`the console has a file of no known type: ${name}`);
  const headers = ["Content-Encoding", "gzip", "Cache-Control", "public, max-age=31536000, immutable"];
  return {
    status: 200,
    contentType,
    body: gzipSync(await readFile(`${folder}assets/${name}`), { level: 9 }),
    headers: [...headers, ...browserHeaders(["default-src 'none'"])],
  };
}
