/** The client that a command speaks through, and what its key is. */
import { type Client, type ConnectOptions, connect, NotAuthorized } from "@seatkeeper/client";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { type Account, accountOf, placeOf } from "./account.ts";
import type { KeyRole } from "./profiles.ts";

/** Options that every command has that speaks to a server. */
export interface RemoteOptions {
  readonly profile?: string;
  readonly json?: boolean;
}

/** What a key is, as the server says. */
export interface OwnKey {
  readonly id: string;
  readonly name: string;
  readonly role: KeyRole;
  readonly scope: "app" | "backend" | null;
  readonly admin_role: "viewer" | "operator" | "owner" | null;
  readonly product_id: string | null;
  readonly customer_id: string | null;
  readonly license_id: string | null;
  readonly isv_name: string;
  readonly server_version: string;
}

/** What of an account, and of its key, the client wants to know. */
export function connectOptions({ url, isv, key }: Account, role: KeyRole): ConnectOptions {
  return { url, isv, apiKey: key, admin: role === "admin" };
}

/** The account's client; asks the server what the key is where nobody has asked yet. */
export async function connected({ profile }: RemoteOptions): Promise<{
  readonly client: Client;
  readonly account: Account & { readonly role: KeyRole };
}> {
  const account = accountOf(profile);
  const role = account.role ?? (await identify(account)).role;
  return { client: connect(connectOptions(account, role)), account: { ...account, role } };
}

/** The client of an account whose key is an administrator's. @throws CommandRefused where it is none. */
export async function connectedAsAdmin(options: RemoteOptions): Promise<Client> {
  const { client, account } = await connected(options);
  if (account.role === "admin") return client;
  const sentence = `This takes an AdminKey; the key of ${placeOf(account)} is a ProvisioningKey, for applications.`;
  throw new CommandRefused(exitCodes.noPermission, sentence);
}

/** Asks the server what the key is: a key goes into one header or the other, and only the server knows which. */
export async function identify(account: Account): Promise<OwnKey> {
  try {
    return await ownKey(account, account.role ?? "admin");
  } catch (error) {
    const isUnknown = error instanceof NotAuthorized && error.status === 401;
    if (!isUnknown || account.role !== null) throw error;
    return ownKey(account, "provisioning");
  }
}

function ownKey(account: Account, role: KeyRole): Promise<OwnKey> {
  return connect(connectOptions(account, role)).call<OwnKey>({ method: "GET", path: "/keys/self" });
}
