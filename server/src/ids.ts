/** Fresh identifiers: the only randomness of the server, drawn outside the core. */
import { randomUUID } from "node:crypto";
import type { NewIds } from "./core/types.ts";

export const newId = (): string => randomUUID();

/**
 * The identifiers that a command may need. Drawn when first read: most opens are extends and need none, and a command
 * that is decided twice (its batch was split) reads the same ones again.
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
