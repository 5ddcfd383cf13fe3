/** The public keys that an application was built with, as the server publishes them at `/.well-known/jwks.json`. */

/** A JSON Web Key Set. What is no Ed25519 key in it is passed over. */
export interface KeySet {
  readonly keys: readonly {
    readonly kid?: string;
    readonly kty?: string;
    readonly crv?: string;
    readonly x?: string;
  }[];
}

const algorithm = { name: "Ed25519" } as const;

export class PinnedKeys {
  readonly #keys: ReadonlyMap<string, Promise<CryptoKey>>;

  constructor(keySet: KeySet | string) {
    const { keys } = (typeof keySet === "string" ? JSON.parse(keySet) : keySet) as KeySet;
    const usable = keys.filter(({ kid, kty, crv, x }) => kty === "OKP" && crv === "Ed25519" && kid && x);
    if (usable.length === 0) throw new TypeError("keySet has no Ed25519 key with a kid");
    requireWebCrypto("keySet");
    this.#keys = new Map(usable.map(({ kid, x }) => [kid as string, imported(x as string)]));
  }

  /** Whether the key of this name is one of them and made the signature. */
  async verify(kid: string, signature: Uint8Array<ArrayBuffer>, signed: string): Promise<boolean> {
    const key = await this.#keys.get(kid);
    return key !== undefined && crypto.subtle.verify(algorithm, key, signature, utf8(signed));
  }
}

function imported(x: string): Promise<CryptoKey> {
  const key = crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, algorithm, false, ["verify"]);
  // Whoever verifies first is told; until then nobody waits for it, and Node would end the program.
  key.catch(() => {});
  return key;
}

export function requireWebCrypto(option: string): void {
  if (globalThis.crypto?.subtle === undefined)
    throw new TypeError(`${option} needs WebCrypto, which browsers offer to pages from https: or localhost alone`);
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Base64 in either alphabet. What is neither is no signature: zero bytes, which no key verifies. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    const text = atob(base64.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

export function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** SHA-256, as HTTP's digests write it (RFC 9530). */
export async function contentDigest(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha-256=:${base64Of(new Uint8Array(await crypto.subtle.digest("SHA-256", content)))}:`;
}
