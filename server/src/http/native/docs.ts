/** The API document, and its page: Scalar's, served from our own files; it asks no other host. */
import { gzipSync } from "node:zlib";
import { Type } from "typebox";
import type { Answer } from "../answer.ts";
import { jsonText } from "../answer.ts";
import { open, type Route } from "../route.ts";
import { browserHeaders } from "../security.ts";

/** Nothing may be loaded from, or sent, elsewhere. The page's own script starts itself inline. */
const contentPolicy = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
];

/** `document`: the API document, once all routes are known. */
export function docsRoutes(document: () => object): Route[] {
  let text: string | undefined;
  let pages: Promise<Pages> | undefined;
  // Megabytes of script: loaded when somebody looks, not at every start.
  const load = () => (pages ??= loadPages());
  return [
    open({
      method: "GET",
      path: "/openapi.json",
      tag: "Service",
      summary: "This document",
      answers: { 200: Type.Object({}) },
      handle(_call, finish) {
        text ??= JSON.stringify(document());
        finish(jsonText(text));
      },
    }),
    open({
      method: "GET",
      path: "/docs",
      aliases: ["/docs/"],
      tag: "Service",
      summary: "This document as a page",
      answerType: "text/html",
      answers: { 200: Type.String() },
      async handle(_call, finish) {
        finish((await load()).page);
      },
    }),
    open({
      method: "GET",
      path: "/docs/scalar.js",
      tag: "Service",
      summary: "The script of the page",
      answerType: "text/javascript",
      answers: { 200: Type.String() },
      async handle(_call, finish) {
        finish((await load()).script);
      },
    }),
  ];
}

interface Pages {
  readonly page: Answer;
  readonly script: Answer;
}

/** Scalar hands out its files only as a Fastify plugin: a small application is asked once, and not kept. */
async function loadPages(): Promise<Pages> {
  const [{ fastify }, { default: scalar }] = await Promise.all([
    import("fastify"),
    import("@scalar/fastify-api-reference"),
  ]);
  const app = fastify({ logger: false });
  await app.register(scalar, {
    routePrefix: "/docs",
    configuration: {
      url: "/openapi.json",
      cdn: "/docs/scalar.js",
      pageTitle: "Seatkeeper API",
      withDefaultFonts: false,
      telemetry: false,
      proxyUrl: "",
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: "never",
    },
  });
  const page = await app.inject({ url: "/docs/" });
  const script = await app.inject({ url: "/docs/js/scalar.js" });
  await app.close();
  return {
    page: {
      status: 200,
      contentType: "text/html; charset=utf-8",
      body: page.body,
      headers: browserHeaders(contentPolicy),
    },
    script: {
      status: 200,
      contentType: "text/javascript; charset=utf-8",
      // Four megabytes that every reader gets alike: compressed once, and one copy for all.
      body: gzipSync(script.rawPayload),
      headers: [
        "Content-Encoding",
        "gzip",
        "Cache-Control",
        "public, max-age=3600",
        "X-Content-Type-Options",
        "nosniff",
      ],
    },
  };
}
