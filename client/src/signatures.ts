/** Whether an answer is the server's to this request: with the keys that the application was built with. */

import { BadSignature } from "./errors.ts";
import { newId } from "./ids.ts";
import { bytesOf, contentDigest, type KeySet, PinnedKeys, requireWebCrypto, utf8 } from "./key-set.ts";
import { isElsewhere, type Reply } from "./wire.ts";

/** A request, as far as its answer is held against it. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body: string | undefined;
}

/** What one request sends along, and how its answer is held against that. */
export interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  /** Throws `BadSignature`. */
  check(reply: Reply): Promise<void>;
}

export interface Verifier {
  prove(sent: Sent): Promise<Proof>;
}

/** What an answer's signature covers: all of the answer that matters, and all of the request. */
const components = '("@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req)';

/** Refusals that may come from before the server knew who asks, or from a proxy. They grant and end nothing. */
const unsigned: ReadonlySet<number> = new Set([400, 401, 403, 405, 408, 413, 415, 417, 429, 431]);

/** HTTP Message Signatures (RFC 9421), Ed25519: one signature over an answer and its request, and a nonce for each. */
export class MessageVerifier implements Verifier {
  readonly #keys: PinnedKeys;
  readonly #saw: (at: number) => Promise<void>;

  /** `saw` is told the server's time, in milliseconds, of every answer that was verified. */
  constructor(keySet: KeySet | string, saw: (at: number) => Promise<void> = async () => {}) {
    this.#keys = new PinnedKeys(keySet);
    this.#saw = saw;
  }

  async prove(sent: Sent): Promise<Proof> {
    const nonce = newId();
    const digest = await contentDigest(utf8(sent.body ?? ""));
    return {
      headers: {
        "Content-Digest": digest,
        "Accept-Signature": `sig=${components};created;alg="ed25519";nonce="${nonce}"`,
      },
      check: (reply) => this.#check(reply, sent, digest, nonce),
    };
  }

  async #check(reply: Reply, { method, url }: Sent, digest: string, nonce: string): Promise<void> {
    const { status, headers, body } = reply;
    if (status >= 500 || isElsewhere(status) || unsigned.has(status)) return;
    const input = headers.get("signature-input");
    if (input === null) throw new BadSignature("The answer is not signed.");
    // Word for word what was asked for: anything else would be a signature of something else.
    const [, parameters = "", created = "", kid = "", told] = inputPattern.exec(input) ?? [];
    const [, signature = ""] = /^sig=:([A-Za-z0-9+/=]+):$/.exec(headers.get("signature") ?? "") ?? [];
    const { pathname, search } = new URL(url);
    const base = [
      `"@status": ${status}`,
      `"content-digest": ${await contentDigest(body)}`,
      `"@method";req: ${method}`,
      `"@path";req: ${pathname}`,
      `"@query";req: ${search || "?"}`,
      `"content-digest";req: ${digest}`,
      `"@signature-params": ${parameters}`,
    ].join("\n");
    if (told !== nonce || !(await this.#keys.verify(kid, bytesOf(signature), base)))
      throw new BadSignature("The answer is signed, but not by the server for this request.");
    await this.#saw(Number(created) * 1_000);
  }
}

const inputPattern = new RegExp(
  `^sig=(${components.replace(/[()]/g, "\\$&")};created=(\\d{1,12});keyid="([\\w-]+)";alg="ed25519";nonce="([^"]+)")$`,
);

const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

/** RSA, PKCS#1 v1.5, SHA-256: over the body's exact bytes, and over a nonce that is drawn for every request. */
export class RsaVerifier implements Verifier {
  readonly #key: Promise<CryptoKey>;

  constructor(publicKey: string) {
    const spki = /-----BEGIN PUBLIC KEY-----([\sA-Za-z0-9+/=]+)-----END PUBLIC KEY-----/.exec(publicKey)?.[1];
    if (spki === undefined) throw new TypeError("publicKey is not a public key in PEM");
    requireWebCrypto("publicKey");
    this.#key = crypto.subtle.importKey("spki", bytesOf(spki.replace(/\s/g, "")), algorithm, false, ["verify"]);
    // Whoever sends first is told; until then nobody waits for it, and Node would end the program.
    this.#key.catch(() => {});
  }

  async prove(): Promise<Proof> {
    // A GUID: the server refuses some random bytes, because a nonce that reads as a body would be one, signed.
    const nonce = btoa(newId());
    return { headers: { "X-Nonce": nonce }, check: (reply) => this.#checkBoth(reply, nonce) };
  }

  /** The server signs 200 and 409. Nothing else passes for a grant: `Call.expects`. */
  async #checkBoth(reply: Reply, nonce: string): Promise<void> {
    if (reply.status !== 200 && reply.status !== 409) return;
    await this.#check(reply.body, reply.headers.get("x-slascone-signature"), "The answer");
    await this.#check(bytesOf(nonce), reply.headers.get("x-nonce-signature"), "The answer's nonce");
  }

  async #check(signed: Uint8Array<ArrayBuffer>, header: string | null, what: string): Promise<void> {
    if (header === null)
      throw new BadSignature(`${what} is not signed. The API key needs \`response_signature: rsa\`.`);
    const key = await this.#key.catch(() => {
      throw new TypeError("publicKey is not an RSA public key in PEM");
    });
    if (!(await crypto.subtle.verify(algorithm, key, bytesOf(header), signed)))
      throw new BadSignature(`${what} is signed, but not with the server's key.`);
  }
}
