/** The client: where the server is, who we are, sessions of floating licences, and what backends call. */

import type {
  ActivationBody,
  BatchAnswer,
  BatchBody,
  ClientTokenAnswer,
  ClientTokenBody,
  FoundLicenses,
  HeartbeatBody,
  LicenseStatus,
  LookUpBody,
  SessionAnswer,
  TokensAnswer,
} from "./api.ts";
import { Channel } from "./channel.ts";
import type { SeatkeeperError } from "./errors.ts";
import { newId } from "./ids.ts";
import { formed, formedList, instant, LicenseInfo, requireSense } from "./models.ts";
import { openSession, type Waiting } from "./opening.ts";
import { asyncDispose, closeAll, held, Session } from "./session.ts";
import { type ConnectOptions, NotConfigured, thisDevice } from "./settings.ts";
import type { Voucher } from "./vouchers.ts";
import { type Call, present, problemError } from "./wire.ts";

/** As many as the server takes in one call. */
const batchItemsMax = 1_000;

export interface OpenOptions extends Waiting {
  /** The licence's id. */
  readonly license: string;
  /** The holder on a users licence. */
  readonly user?: string;
  /** The `client_id`: the holder on a devices licence. */
  readonly client?: string;
  /** One that an earlier program left; else a new one. A session that is live is resumed without a second token. */
  readonly sessionId?: string;
  /** Takes the token for so long without extending it. */
  readonly checkoutMinutes?: number;
  /** Lets the client activate a device that the licence does not know yet. */
  readonly product?: string;
  /** Keeps a voucher of this session too, anew with every extend. Of a checkout one is kept anyway. */
  readonly voucher?: boolean;
}

export interface ActivateOptions {
  /** The licence's id, a token key, or a legacy key where the product puts those first. */
  readonly license: string;
  readonly product?: string;
  readonly client?: string;
  readonly name?: string;
  readonly description?: string;
  readonly softwareVersion?: string;
}

export interface HeartbeatOptions {
  readonly product?: string;
  readonly client?: string;
  readonly user?: string;
  readonly tokenKey?: string;
  readonly softwareVersion: string;
  readonly operatingSystem: string;
}

export interface ClientTokenOptions {
  readonly license: string;
  readonly user: string;
  /** The `client` that the page must name; the user's name unless said otherwise. */
  readonly client?: string;
  /** On a project licence: the project that the page may connect to. */
  readonly project?: string;
  /** From 60 to 3,600; 600 unless said otherwise. */
  readonly lifetimeSeconds?: number;
}

export interface ClientToken {
  /** For the page's `clientToken` option. */
  readonly token: string;
  readonly expiresAt: Date;
}

export interface BatchItem {
  readonly op: "open" | "close";
  readonly license: string;
  readonly user?: string;
  readonly client?: string;
  readonly sessionId?: string;
  readonly project?: string;
  readonly checkoutMinutes?: number;
}

/** What became of an item: an open has its end, a close has none, and what was refused its error. */
export type BatchResult =
  | { readonly granted: true; readonly validUntil: Date | null }
  | { readonly granted: false; readonly error: SeatkeeperError };

/** Speaks to one vendor's licences on a Seatkeeper server. Made by `connect`. */
export class Client {
  readonly #channel: Channel;
  readonly #client: string | undefined;
  readonly #product: string | undefined;
  readonly #opened = new WeakSet<Session>();

  constructor(options: ConnectOptions) {
    this.#channel = new Channel(options);
    this.#client = options.client ?? thisDevice();
    this.#product = options.product;
  }

  /** Takes a token now and holds it: for `await using`, or until `close()`. Throws why not. */
  async open(options: OpenOptions): Promise<Session> {
    const { license, user, checkoutMinutes, product = this.#product, voucher: wantsVoucher } = options;
    if (user === undefined && options.client === undefined)
      throw new TypeError("a session needs a holder: pass user or client");
    const sessionId = options.sessionId ?? newId();
    const seat = { license, user, client: this.#clientOf(options), sessionId, checkoutMinutes, wantsVoucher, product };
    const session = new Session(this.#channel, seat, await openSession(this.#channel, seat, options));
    this.#opened.add(session);
    return session;
  }

  /**
   * The voucher that is kept of this holder's session, if it is good here and now: for when the server cannot be asked.
   * Sends nothing. Throws `VoucherRefused`.
   */
  async voucher(options: {
    readonly license: string;
    readonly user?: string;
    readonly client?: string;
  }): Promise<Voucher> {
    const { vouchers } = this.#channel;
    if (vouchers === undefined) throw new NotConfigured("vouchers is missing: pass it to connect");
    return vouchers.read({ license: options.license, client: this.#clientOf(options), user: options.user });
  }

  /** How many tokens of a licence are in use and left. Takes none. */
  async tokens(license: string): Promise<LicenseInfo> {
    const path = `/licenses/${encodeURIComponent(license)}/tokens`;
    return new LicenseInfo(await this.#channel.value<TokensAnswer>({ method: "GET", path }));
  }

  /**
   * Makes a client known to a licence. Moves it here from another licence of the same product and customer. One that is
   * active already is denied (2001), also by the repetition of a call whose answer was lost: it may be taken as done.
   */
  async activate(options: ActivateOptions): Promise<LicenseStatus> {
    const body = present<ActivationBody>({
      product_id: this.#productOf(options),
      license_key: options.license,
      client_id: this.#clientOf(options),
      client_name: options.name,
      client_description: options.description,
      software_version: options.softwareVersion,
    });
    return this.#status("/provisioning/activations", body);
  }

  /** Tells that the client is there, and answers with how its licence stands. */
  async heartbeat(options: HeartbeatOptions): Promise<LicenseStatus> {
    const body = present<HeartbeatBody>({
      product_id: this.#productOf(options),
      client_id: this.#clientOf(options),
      user_id: options.user,
      token_key: options.tokenKey,
      software_version: options.softwareVersion,
      operating_system: options.operatingSystem,
    });
    return this.#status("/provisioning/heartbeats", body);
  }

  /** For backends: the licences of a legacy key, which may be a mail domain. None of them is a denial. */
  async licensesByKey(key: string, product?: string): Promise<FoundLicenses> {
    const body: LookUpBody = { product_id: this.#productOf({ product }), license_key: key };
    const call = { method: "POST", path: "/provisioning/licenses/by_license", body } as const;
    return formedList(await this.#channel.value(call), { id: "" });
  }

  /**
   * For backends: up to 1,000 opens and closes in one call, decided in their order and kept in one commit. A refusal is
   * a result and throws nothing. These sessions are the caller's: nobody extends them.
   */
  async batch(items: readonly BatchItem[]): Promise<readonly BatchResult[]> {
    if (items.length > batchItemsMax) throw new RangeError(`a batch has up to ${batchItemsMax} items`);
    const body: BatchBody = { items: items.map((item) => this.#batchItem(item)) };
    const call = { method: "POST", path: "/provisioning/session/batch", body } as const;
    const answer = await this.#channel.value<BatchAnswer | null>(call);
    const results = formedList<BatchAnswer["results"][number]>(answer?.results, { status: 0 });
    requireSense(results.length === items.length);
    return results.map((result, index) => batchResult(result, items[index]?.op === "open"));
  }

  /** For backends: a token with which a page may hold sessions of this one user, for some minutes. */
  async clientToken(options: ClientTokenOptions): Promise<ClientToken> {
    const body = present<ClientTokenBody>({
      license_id: options.license,
      user_id: options.user,
      client_id: options.client,
      project_id: options.project,
      lifetime_seconds: options.lifetimeSeconds,
    });
    const call = { method: "POST", path: "/provisioning/client-tokens", body } as const;
    const { token, expires_at } = formed<ClientTokenAnswer>(await this.#channel.value(call), { token: "" });
    const expiresAt = instant(expires_at);
    requireSense(expiresAt !== null);
    return { token, expiresAt };
  }

  /**
   * Any other call of the API. `path` is relative to the vendor's address, `/denials`. It is repeated while no answer
   * comes, unless `isOnceOnly` says that it may not be; throws what an answer says instead of a value.
   */
  call<T>(call: Call): Promise<T> {
    return this.#channel.value(call);
  }

  /** Closes what this client opened and still holds. */
  async close(): Promise<void> {
    await closeAll(held().filter((session) => this.#opened.has(session)));
  }

  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  async #status(path: string, body: ActivationBody | HeartbeatBody): Promise<LicenseStatus> {
    return formed(await this.#channel.value({ method: "POST", path, body }), { license_key: "" });
  }

  #batchItem(item: BatchItem): BatchBody["items"][number] {
    return present<BatchBody["items"][number]>({
      op: item.op,
      license_id: item.license,
      client_id: this.#clientOf(item),
      user_id: item.user,
      session_id: item.sessionId,
      project_id: item.project,
      checkout_period: item.checkoutMinutes,
    });
  }

  #clientOf({ client, user }: { readonly client?: string; readonly user?: string }): string {
    const found = client ?? this.#client ?? user;
    if (found === undefined) throw new TypeError("a call needs a client: pass client or user");
    return found;
  }

  #productOf({ product }: { readonly product?: string | undefined }): string {
    const found = product ?? this.#product;
    if (found === undefined) throw new NotConfigured("product is missing: pass it, here or to connect");
    return found;
  }
}

function batchResult({ status, body }: BatchAnswer["results"][number], isOpen: boolean): BatchResult {
  if (status !== 200) return { granted: false, error: problemError(status, body) };
  const validUntil = instant((body as Partial<SessionAnswer> | null)?.session_valid_until);
  requireSense(validUntil !== null || !isOpen);
  return { granted: true, validUntil };
}

/** A client of one vendor's licences; what is not passed comes from the environment. Sends nothing yet. */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(options);
}
