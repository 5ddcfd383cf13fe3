/**
 * HTTP Message Signatures (RFC 9421) of answers, for whoever asks with `Accept-Signature`: Ed25519 over the status, the
 * digest of the answer's content, and what was asked, so that an answer is good for one request alone. The client's
 * nonce makes it good once.
 */
import { hash, sign } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import type { Answer } from "./answer.ts";
import { acceptSignatureLengthMax } from "./limits.ts";
import { Problem } from "./problem.ts";
import type { StatementKey } from "./statement-keys.ts";

/** What an answer's signature shall cover. */
export interface Wish {
  readonly label: string;
  /** The components as they were written, in their order. */
  readonly components: readonly string[];
  readonly nonce: string;
  readonly tag: string | null;
}

/** What of a request stands in the signature of its answer. */
export interface Asked {
  readonly method: string;
  /** The address as it was sent. */
  readonly url: string;
  /** The header as it was sent; it has been checked against the body. */
  readonly contentDigest: string | null;
}

const digestOfAnswer = '"content-digest"';
const digestOfRequest = '"content-digest";req';

/** The components that can be covered, with their values. */
const values: Readonly<Record<string, (answer: Answer, asked: Asked) => string>> = {
  '"@status"': ({ status }) => String(status),
  [digestOfAnswer]: ({ body }) => contentDigest(body),
  '"@method";req': (_answer, { method }) => method,
  '"@path";req': (_answer, { url }) => url.split("?", 1)[0] as string,
  // The question mark belongs to it, also where nothing stands behind it (section 2.2.7).
  '"@query";req': (_answer, { url }) => (url.includes("?") ? url.slice(url.indexOf("?")) : "?"),
  [digestOfRequest]: (_answer, { contentDigest: digest }) => digest as string,
};

/** One signature, of a list of components in quotes and parameters of printable ASCII that need no escapes (RFC 9651). */
const wishPattern =
  /^(?<label>[a-z*][a-z0-9_.*-]{0,31})=\((?<components>"[^)]*)\)(?<parameters>(?:;[a-z]+(?:="[ !#-[\]-~]*")?)*)$/;

/**
 * What an `Accept-Signature` asks for; null: it cannot be met, and the answer goes without. Less than the status and
 * both contents is not signed: nobody shall mistake it for more than it is.
 */
export function wishOf(header: string | null, asked: Asked): Wish | null {
  if (header === null || header.length > acceptSignatureLengthMax) return null;
  const { label = "", components = "", parameters = "" } = wishPattern.exec(header)?.groups ?? {};
  const covered = components.split(" ");
  const isWhole = ['"@status"', digestOfAnswer, digestOfRequest].every((name) => covered.includes(name));
  const isKnown = covered.every((name) => Object.hasOwn(values, name)) && new Set(covered).size === covered.length;
  if (!isWhole || !isKnown || asked.contentDigest === null) return null;
  const wanted = parametersOf(parameters);
  const nonce = wanted?.get("nonce");
  if (wanted === null || nonce === undefined || nonce === "") return null;
  return { label, components: covered, nonce, tag: wanted.get("tag") ?? null };
}

/** Null: one of them is unknown, repeated, or asks for another algorithm. */
function parametersOf(text: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(/;([a-z]+)(?:="([^"]*)")?/g)) {
    const isFit = name === "alg" ? value === "ed25519" : name === "created" ? value === "" : true;
    if (!["alg", "created", "nonce", "tag"].includes(name) || !isFit || found.has(name)) return null;
    found.set(name, value);
  }
  return found;
}

const signBytes = promisify(sign) as (
  algorithm: null,
  bytes: Buffer,
  key: StatementKey["privateKey"],
) => Promise<Buffer>;

/** The three headers of a signed answer, name and value in turn. Made off the main thread. */
export async function signedHeaders(
  answer: Answer,
  asked: Asked,
  wish: Wish,
  { kid, privateKey }: StatementKey,
  now: number,
): Promise<readonly string[]> {
  const { label, components, nonce, tag } = wish;
  const parameters = `(${components.join(" ")});created=${Math.floor(now / 1_000)};keyid="${kid}";alg="ed25519";nonce="${nonce}"${tag === null ? "" : `;tag="${tag}"`}`;
  const lines = components.map((name) => `${name}: ${values[name]?.(answer, asked)}`);
  const base = [...lines, `"@signature-params": ${parameters}`].join("\n");
  const signature = await signBytes(null, Buffer.from(base), privateKey);
  return [
    ...["Content-Digest", contentDigest(answer.body)],
    ...["Signature-Input", `${label}=${parameters}`],
    ...["Signature", `${label}=:${signature.toString("base64")}:`],
  ];
}

/** The digest of some content (RFC 9530). */
export function contentDigest(content: string | Buffer): string {
  return `sha-256=:${hash("sha256", content, "base64")}:`;
}

/** @throws Problem (400) unless the digest that a request was sent with is its body's: its answer will say that it is. */
export function requireDigest(digest: string | null, content: Buffer): void {
  if (digest === null || digest === contentDigest(content)) return;
  throw new Problem("digest_wrong", "Send the body's SHA-256, and no other digest beside it: sha-256=:…:");
}

/** What the answer to a request says that was asked. */
export function askedOf(req: IncomingMessage, digest: string | null): Asked {
  return { method: req.method as string, url: req.url as string, contentDigest: digest };
}
