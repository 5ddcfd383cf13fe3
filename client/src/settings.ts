/** Where the server is and who we are: from options, or from the environment where there is one. */

import type { Clock } from "./clock.ts";
import type { KeySet } from "./key-set.ts";
import type { VoucherKeeper } from "./vouchers.ts";

/** A setting is neither passed nor in the environment, or cannot be what it says. */
export class NotConfigured extends Error {
  override name = "NotConfigured";
}

/** What `connect` and `launcher` both take. */
export interface ConnectOptions {
  /** The server, `http://127.0.0.1:7070`; else SEATKEEPER_URL. */
  readonly url?: string;
  /** The vendor's id; else SEATKEEPER_ISV. */
  readonly isv?: string;
  /** A ProvisioningKey; else SEATKEEPER_API_KEY. */
  readonly apiKey?: string;
  /**
   * In browsers, which never hold an API key: gets a client token from the application's own backend. Called for the
   * first request, and again when the server says that the token is over.
   */
  readonly clientToken?: () => Promise<string>;
  /** The key is an AdminKey. */
  readonly admin?: boolean;
  /** The vendor's key set. With it every answer is refused that the server did not sign for its very request. */
  readonly keySet?: KeySet | string;
  /** Keeps vouchers of checkouts, for use offline: `voucherFolder()` of `@seatkeeper/client/offline`. Needs `keySet`. */
  readonly vouchers?: VoucherKeeper;
  /** The RSA key of SLASCONE's signatures (PEM text), which prove less: with it those are verified instead. */
  readonly publicKey?: string;
  /** The `client_id` of whoever names none; else SEATKEEPER_DEVICE, the machine's name, or in browsers the user's. */
  readonly client?: string;
  /** The software's product id, with which devices that a licence does not know yet are activated. */
  readonly product?: string;
  /** Bounds each single request; 10 unless said otherwise. */
  readonly timeoutSeconds?: number;
  /** Instead of the platform's: for a proxy, for tests. */
  readonly fetch?: typeof globalThis.fetch;
  /** For tests alone. */
  readonly clock?: Clock;
}

interface NodeProcess {
  readonly env?: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: "node:os"): { hostname(): string; userInfo(): { readonly username: string } };
}

/** Node's, and nothing in browsers. Asked for at run time, so that bundlers look for no module of Node's. */
const program = () => (globalThis as { readonly process?: NodeProcess }).process;

/** A variable of the environment, without the white space around it. */
const fromEnvironment = (variable: string) => program()?.env?.[variable]?.trim();

/**
 * An option, else the variable of the environment, without the white space around it: the line break at a file's end is
 * no part of a key. Throws `NotConfigured` where neither is.
 */
export function setting(value: string | undefined, variable: string, option: string): string {
  const found = value?.trim() ?? fromEnvironment(variable);
  if (!found) throw new NotConfigured(`${option} is missing: pass it, or set ${variable}`);
  return found;
}

/** The server's address, without slashes at its end. What is refused is not shown: it may hold a password. */
export function serverUrl(value: string | undefined): string {
  const url = setting(value, "SEATKEEPER_URL", "url").replace(/\/+$/, "");
  if (!/^https?:\/\/[^@?#\s]+$/i.test(url) || !URL.canParse(url))
    throw new NotConfigured(
      "url is not a server's address: http:// or https://, a host, and neither user nor password",
    );
  return url;
}

/** As the server knows keys and tokens. Others do not fit into a header, and the platform would tell of them in full. */
export const isSecret = (text = ""): boolean => /^[!-~]+$/.test(text);

/** The API key. */
export function keyOf({ apiKey }: ConnectOptions): string {
  const key = setting(apiKey, "SEATKEEPER_API_KEY", "apiKey");
  if (!isSecret(key)) throw new NotConfigured("apiKey is not a key: it has other characters than printable ASCII");
  return key;
}

/** The machine's name, where nobody gives a better one; browsers know none. */
export function thisDevice(): string | undefined {
  return fromEnvironment("SEATKEEPER_DEVICE") || program()?.getBuiltinModule?.("node:os").hostname();
}

/** The name of the account, for launchers that are told no user; in some containers the account has none. */
export function thisUser(): string | undefined {
  try {
    return fromEnvironment("SEATKEEPER_USER") || program()?.getBuiltinModule?.("node:os").userInfo().username;
  } catch {
    return undefined;
  }
}
