/** What a request is allowed by: an API key, or a client token that is asked for when it is needed. */

import { type ConnectOptions, setting } from "./settings.ts";

export interface Credentials {
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The server did not take them. True: others may be had. */
  refused(): boolean;
}

export function credentialsOf({ clientToken, apiKey, admin }: ConnectOptions): Credentials {
  if (clientToken !== undefined) return new TokenCredentials(clientToken);
  const headers = { [admin ? "AdminKey" : "ProvisioningKey"]: setting(apiKey, "SEATKEEPER_API_KEY", "apiKey") };
  return { headers: async () => headers, refused: () => false };
}

/** One token for all calls, until the server refuses it: it is over then, and the page's clock need not be right. */
class TokenCredentials implements Credentials {
  readonly #ask: () => Promise<string>;
  #token: Promise<string> | undefined;

  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    this.#token ??= this.#ask();
    const asked = this.#token;
    try {
      return { Authorization: `Bearer ${await asked}` };
    } catch (error) {
      if (this.#token === asked) this.#token = undefined;
      throw error;
    }
  }

  refused(): boolean {
    this.#token = undefined;
    return true;
  }
}
