/**
 * What browsers ask before a page may call from another origin. Only the routes that take client tokens answer them,
 * and only for the origins that the vendor lists; a page never gets to use an API key.
 */
import type { ServerResponse } from "node:http";
import type { Catalog } from "../catalog/catalog.ts";
import type { Answer } from "./answer.ts";
import type { Head } from "./head.ts";
import { preflightSeconds } from "./limits.ts";

/** What a page may send: a token, JSON, and what the clients ask signatures with. */
const sentHeaders = "authorization, content-type, accept-signature, content-digest";

/** What a page may read beside the body: when to come again, and the signature. */
const readHeaders = "retry-after, date, x-request-id, content-digest, signature, signature-input";

/** The origin of a request, where the vendor lists it. */
export function listedOrigin(catalog: Catalog, { origin }: Head, isvId: string): string | null {
  const origins = catalog.vendor(isvId.toLowerCase())?.isv.browser_origins ?? [];
  return origin !== null && origins.includes(origin) ? origin : null;
}

/** Lets the page read the answer, whatever that will be. Not where it came with an API key. */
export function allowReading(head: Head, origin: string | null, res: ServerResponse): void {
  if (origin === null || head.provisioningKey !== null || head.adminKey !== null) return;
  res.setHeader("Access-Control-Allow-Origin", origin);
  res.setHeader("Access-Control-Expose-Headers", readHeaders);
}

/** The answer to a preflight. */
export function preflightAnswer(origin: string): Answer {
  return {
    status: 204,
    contentType: null,
    body: "",
    headers: [
      ...["Access-Control-Allow-Origin", origin],
      ...["Access-Control-Allow-Methods", "POST"],
      ...["Access-Control-Allow-Headers", sentHeaders],
      ...["Access-Control-Max-Age", String(preflightSeconds)],
      ...["Vary", "Origin"],
    ],
  };
}
