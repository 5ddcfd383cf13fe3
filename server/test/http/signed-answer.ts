/** The client's side of RFC 9421, written from the RFC and not from the server: asks, and holds what comes against it. */
import { createHash, createPublicKey, type JsonWebKey, randomBytes, verify } from "node:crypto";

export interface KeySet {
  readonly keys: readonly (JsonWebKey & { readonly kid: string })[];
}

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly nonce: string;
}

export interface Signed {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export const components = '"@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req';

export function question(method: string, address: string, body = ""): Question {
  const { pathname, search } = new URL(address);
  return { method, path: pathname, query: search || "?", body, nonce: randomBytes(16).toString("base64url") };
}

const digest = (text: string) => `sha-256=:${createHash("sha256").update(text).digest("base64")}:`;

export const headersOf = ({ body, nonce }: Question): Record<string, string> => ({
  "Accept-Signature": `sig=(${components});created;alg="ed25519";nonce="${nonce}"`,
  "Content-Digest": digest(body),
});

/** Whether the answer is the server's to this question. */
export function isAnswerTo(asked: Question, { status, headers, text }: Signed, { keys }: KeySet): boolean {
  const input = headers.get("signature-input") ?? "";
  const [, parameters = "", keyid = "", nonce = ""] =
    /^sig=(\(.*\);created=\d+;keyid="([^"]*)";alg="ed25519";nonce="([^"]*)")$/.exec(input) ?? [];
  const [, signature = ""] = /^sig=:(.*):$/.exec(headers.get("signature") ?? "") ?? [];
  const jwk = keys.find(({ kid }) => kid === keyid);
  if (jwk === undefined || nonce !== asked.nonce || headers.get("content-digest") !== digest(text)) return false;
  if (!parameters.startsWith(`(${components});`)) return false;
  const base = [
    `"@status": ${status}`,
    `"content-digest": ${digest(text)}`,
    `"@method";req: ${asked.method}`,
    `"@path";req: ${asked.path}`,
    `"@query";req: ${asked.query}`,
    `"content-digest";req: ${digest(asked.body)}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  return verify(null, Buffer.from(base), key, Buffer.from(signature, "base64"));
}
