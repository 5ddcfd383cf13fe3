/** Fresh identifiers: the only randomness of the server, drawn outside the core. */
import { hash, randomBytes, randomUUID } from "node:crypto";
import type { NewIds } from "./core/types.ts";

export const newId = (): string => randomUUID();

/**
 * The identifiers that a command may need. Drawn when first read: most opens are extends and need none, and a command
 * that is decided again because its batch failed reads the same ones.
 */
export function newIds(): NewIds {
  return new FreshIds();
}

class FreshIds implements NewIds {
  #session = "";
  #assignment = "";
  #token = "";

  get session(): string {
    if (this.#session === "") this.#session = randomUUID();
    return this.#session;
  }

  get assignment(): string {
    if (this.#assignment === "") this.#assignment = randomUUID();
    return this.#assignment;
  }

  get token(): string {
    if (this.#token === "") this.#token = randomUUID();
    return this.#token;
  }
}

/** A secret that is sent once and kept as its digest: 192 random bits. */
export function newSecret(): string {
  return randomBytes(24).toString("base64url");
}

/** An API key: 256 random bits. */
export function newKeySecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What is kept of a secret. It is random, so a plain SHA-256 is enough. */
export function secretHash(secret: string): string {
  return hash("sha256", secret, "hex");
}
