/** Whether an answer is the server's: both signatures, with the key that the application was built with. */

import { BadSignature } from "./errors.ts";
import { newId } from "./ids.ts";
import type { Reply } from "./wire.ts";

const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

/** RSA, PKCS#1 v1.5, SHA-256: over the body's exact bytes, and over a nonce that is drawn for every request. */
export class Verifier {
  readonly #key: Promise<CryptoKey>;

  constructor(publicKey: string) {
    const spki = /-----BEGIN PUBLIC KEY-----([\sA-Za-z0-9+/=]+)-----END PUBLIC KEY-----/.exec(publicKey)?.[1];
    if (spki === undefined) throw new TypeError("publicKey is not a public key in PEM");
    if (globalThis.crypto?.subtle === undefined)
      throw new TypeError("publicKey needs WebCrypto, which browsers offer to pages from https: or localhost alone");
    this.#key = crypto.subtle.importKey("spki", bytesOf(spki.replace(/\s/g, "")), algorithm, false, ["verify"]);
    // Whoever sends first is told; until then nobody waits for it, and Node would end the program.
    this.#key.catch(() => {});
  }

  /** A GUID: the server refuses some random bytes, because a nonce that reads as a body would be one, signed. */
  nonce(): string {
    return btoa(newId());
  }

  /** The server signs 200 and 409. Nothing else passes for a grant: `Call.expects`. */
  async check(reply: Reply, nonce: string): Promise<void> {
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
    if (!(await crypto.subtle.verify(algorithm, key, signature(header), signed)))
      throw new BadSignature(`${what} is signed, but not with the server's key.`);
  }
}

/** What is no Base64 is no signature: zero bytes, which no key verifies. */
function signature(header: string): Uint8Array<ArrayBuffer> {
  try {
    return bytesOf(header);
  } catch {
    return new Uint8Array();
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
