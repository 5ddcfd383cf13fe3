/** What a request is allowed by: an API key, or a client token that is asked for when it is needed. */

import { type ConnectOptions, isSecret, keyOf } from "./settings.ts";

export type CredentialHeaders = Readonly<Record<string, string>>;

export interface Credentials {
  /** `signal`: the call that asks waits no longer. */
  headers(signal: AbortSignal): Promise<CredentialHeaders>;
  /** The server did not take these. True: others may be had. */
  refused(used: CredentialHeaders | undefined): boolean;
}

export function credentialsOf(options: ConnectOptions): Credentials {
  const { clientToken, admin } = options;
  if (clientToken !== undefined) return new TokenCredentials(clientToken);
  const headers = { [admin ? "AdminKey" : "ProvisioningKey"]: keyOf(options) };
  return { headers: async () => headers, refused: () => false };
}

/** One token for all calls, until the server refuses it: it is over then, and the page's clock need not be right. */
class TokenCredentials implements Credentials {
  readonly #ask: () => Promise<string>;
  #asked: Promise<CredentialHeaders> | undefined;
  #given: CredentialHeaders | undefined;

  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
  }

  async headers(signal: AbortSignal): Promise<CredentialHeaders> {
    this.#asked ??= this.#fresh();
    const asked = this.#asked;
    // A backend that fails, or does not answer one call, is asked again for the next.
    const forget = () => {
      if (this.#asked === asked) this.#asked = undefined;
    };
    signal.addEventListener("abort", forget);
    asked.catch(forget);
    const given = await asked;
    signal.removeEventListener("abort", forget);
    if (this.#asked === asked) this.#given = given;
    return given;
  }

  async #fresh(): Promise<CredentialHeaders> {
    const token = ((await this.#ask()) as string | undefined)?.trim();
    // A page to sign in at, perhaps. Its text is nobody's to read in an error.
    if (!isSecret(token)) throw new Error("clientToken gave no token");
    return { Authorization: `Bearer ${token}` };
  }

  /** Of many calls that were under way with a token that is over, the first asks for another, which is all theirs. */
  refused(used: CredentialHeaders | undefined): boolean {
    if (used === this.#given) this.#asked = this.#given = undefined;
    return true;
  }
}
