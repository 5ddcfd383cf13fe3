/** Vouchers: a session as a statement that the server signed, good without the server. Verified; kept by a keeper. */

import { BadSignature, VoucherRefused } from "./errors.ts";
import { newId } from "./ids.ts";
import { bytesOf, type KeySet, PinnedKeys } from "./key-set.ts";

/** How far two machines' clocks may differ. */
const skewMs = 5 * 60_000;

/** For the option `vouchers`; made by `voucherFolder`. Apart, so that pages in browsers do not carry what follows. */
export interface VoucherKeeper {
  bind(isv: string, keySet: KeySet | string): Vouchers;
  /** The server said, signed, that it is this late. */
  saw(at: number): Promise<void>;
}

/** Keeps vouchers and what they are held against. */
export interface VoucherStore {
  /** The thumbprint of this device's key; undefined: vouchers are good everywhere. */
  deviceKey(): Promise<string | undefined>;
  /** The device's word that it gave a voucher up; undefined: it has no key to give it by. */
  proof(voucherId: string): Promise<string | undefined>;
  read(name: string): Promise<string | undefined>;
  write(name: string, voucher: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** This machine's time; Unix milliseconds. */
  now(): number;
  /** The latest time that was ever seen here; undefined where the record is gone or was touched. */
  seen(): Promise<number | undefined>;
  /** Puts on record that it is this late, by a signed answer or by this machine's clock. */
  saw(at: number): Promise<void>;
}

/** Whose session a voucher is of. */
export interface VoucherOf {
  readonly license: string;
  readonly client: string;
  readonly user: string | undefined;
}

interface Part {
  readonly id: string;
  readonly name: string;
}

interface Claims {
  readonly iss: string;
  readonly jti: string;
  readonly nbf: number;
  readonly exp: number;
  readonly license_id: string;
  readonly client_id: string;
  readonly session_id: string | null;
  readonly user_id: string | null;
  readonly holder: string;
  readonly features: readonly Part[];
  readonly limitations: readonly (Part & { readonly value: number | null })[];
  readonly nonce?: string;
  readonly cnf?: { readonly jkt?: string };
}

/** A session that this machine may trust without asking: what was granted, and until when. */
export class Voucher {
  readonly license: string;
  readonly client: string;
  readonly user: string | null;
  readonly sessionId: string | null;
  /** The features that are on. */
  readonly features: readonly Part[];
  readonly limitations: readonly (Part & { readonly value: number | null })[];
  readonly validFrom: Date;
  readonly validUntil: Date;

  constructor(claims: Claims) {
    this.license = claims.license_id;
    this.client = claims.client_id;
    this.user = claims.user_id;
    this.sessionId = claims.session_id;
    this.features = claims.features;
    this.limitations = claims.limitations;
    this.validFrom = new Date(claims.nbf * 1_000);
    this.validUntil = new Date(claims.exp * 1_000);
  }

  /** Whether a feature is on, by its id or its name. */
  has(feature: string): boolean {
    return this.features.some(({ id, name }) => id === feature || name === feature);
  }
}

/** A session whose voucher is given up. */
export interface VoucherOfSession extends VoucherOf {
  readonly sessionId: string;
}

/** A voucher that is kept no longer. */
export interface GivenUp {
  readonly proof: string | undefined;
  /** The server did not close the session: the voucher is good again. */
  takeBack(): Promise<void>;
}

/** What an open asks for. */
export interface VoucherWish {
  readonly nonce: string;
  readonly device_key?: string;
}

export class Vouchers {
  readonly #isv: string;
  readonly #keys: PinnedKeys;
  readonly #store: VoucherStore;

  constructor(isv: string, keySet: KeySet | string, store: VoucherStore) {
    this.#isv = isv.toLowerCase();
    this.#keys = new PinnedKeys(keySet);
    this.#store = store;
  }

  /** For the next open. */
  async wish(): Promise<VoucherWish> {
    const deviceKey = await this.#store.deviceKey();
    return { nonce: newId(), ...(deviceKey !== undefined && { device_key: deviceKey }) };
  }

  /** Keeps what an open was answered with. Throws `BadSignature` where it is not what was asked for. */
  async keep(of: VoucherOf, { nonce, device_key }: VoucherWish, voucher?: string | null): Promise<void> {
    const claims = await this.#verified(voucher ?? "");
    if (claims === undefined || claims.nonce !== nonce || claims.cnf?.jkt !== device_key || !this.#isOf(claims, of))
      throw new BadSignature("The answer's voucher is not one that the server signed for this session.");
    // The time first: a voucher without a record of time is refused.
    await this.#store.saw(claims.nbf * 1_000);
    await this.#store.write(await this.#nameOf(of), voucher as string);
  }

  /** The voucher that is kept, if it is good here and now. Throws `VoucherRefused`. */
  async read(of: VoucherOf): Promise<Voucher> {
    const voucher = await this.#store.read(await this.#nameOf(of));
    if (voucher === undefined) throw new VoucherRefused("No voucher of this session is kept here.", "missing");
    const claims = await this.#verified(voucher);
    if (claims === undefined || !this.#isOf(claims, of))
      throw new VoucherRefused("The voucher is not one that the server signed for this session.", "signature");
    await this.#requireDevice(claims);
    await this.#requireTime(claims);
    return new Voucher(claims);
  }

  /** Whether a voucher of this very session is kept. */
  async keeps(of: VoucherOfSession): Promise<boolean> {
    return (await this.#keptOf(of)) !== undefined;
  }

  /** Gives up the voucher of a session that is to be closed; undefined: none of it is kept. */
  async giveUp(of: VoucherOfSession): Promise<GivenUp | undefined> {
    const kept = await this.#keptOf(of);
    if (kept === undefined) return undefined;
    const { name, voucher, id } = kept;
    const proof = await this.#store.proof(id);
    await this.#store.remove(name);
    return { proof, takeBack: () => this.#store.write(name, voucher) };
  }

  async #keptOf(of: VoucherOfSession) {
    const name = await this.#nameOf(of);
    const voucher = await this.#store.read(name);
    const claims = voucher === undefined ? undefined : await this.#verified(voucher);
    if (voucher === undefined || claims?.session_id !== of.sessionId.toLowerCase()) return undefined;
    return { name, voucher, id: claims.jti };
  }

  /** The device's word that it has not the voucher that is out. */
  async disclaim(voucherId: string): Promise<string | undefined> {
    return this.#store.proof(voucherId);
  }

  async #requireDevice({ cnf }: Claims): Promise<void> {
    const deviceKey = await this.#store.deviceKey();
    // One for no device is good wherever the application says that devices do not matter.
    if (cnf?.jkt !== deviceKey) throw new VoucherRefused("The voucher is for another machine.", "other_device");
  }

  async #requireTime({ nbf, exp }: Claims): Promise<void> {
    const now = this.#store.now();
    const seen = await this.#store.seen();
    if (seen === undefined)
      throw new VoucherRefused("The record of time is gone. It is made again online.", "clock_unknown");
    if (now < seen - skewMs) throw new VoucherRefused("This machine's clock was set back.", "clock_set_back");
    if (now < nbf * 1_000 - skewMs) throw new VoucherRefused("The voucher is not valid yet.", "not_yet");
    // A clock that lags a little behind what was seen buys nothing.
    if (Math.max(now, seen) >= exp * 1_000) throw new VoucherRefused("The voucher is over.", "over");
    await this.#store.saw(now);
  }

  #isOf(claims: Claims, { license, client, user }: VoucherOf): boolean {
    const isHolders = claims.client_id === client && claims.user_id === (user ?? null);
    return claims.iss === this.#isv && claims.license_id === license.toLowerCase() && isHolders;
  }

  async #verified(voucher: string): Promise<Claims | undefined> {
    const [head = "", payload = "", signature = "", ...more] = voucher.split(".");
    const { alg, typ, kid } = partOf(head) as { readonly alg?: string; readonly typ?: string; readonly kid?: string };
    if (alg !== "EdDSA" || typ !== "seatkeeper-voucher+jwt" || kid === undefined || more.length > 0) return undefined;
    if (!(await this.#keys.verify(kid, bytesOf(signature), `${head}.${payload}`))) return undefined;
    return partOf(payload) as Claims;
  }

  /** A file name. A hash: names may hold what file systems refuse. No name has a line break in it. */
  async #nameOf({ license, client, user }: VoucherOf): Promise<string> {
    const text = [this.#isv, license.toLowerCase(), client, user ?? ""].join("\n");
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return [...hash.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

function partOf(part: string): object {
  try {
    return (JSON.parse(new TextDecoder().decode(bytesOf(part))) as object | null) ?? {};
  } catch {
    return {};
  }
}
