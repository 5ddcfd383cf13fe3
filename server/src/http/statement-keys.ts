/**
 * The Ed25519 key pairs of the vendors: what answers on request, vouchers and client tokens are signed with. A vendor's
 * keys are counted; the vendor's own record says which one signs and from which one on they are published. The next one
 * is published before it signs, so that applications can be built with it: that is the overlap of a rotation.
 *
 * Keys are made when they are first needed and kept in the store's settings, where all servers of a store find the same.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import type { Vendor } from "../catalog/catalog.ts";
import { statementKeysOf } from "../catalog/entities.ts";
import type { Store } from "../stores/store.ts";

export interface StatementKey {
  /** The key's thumbprint (RFC 7638). */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicJwk: PublicJwk;
}

export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

export class StatementKeys {
  readonly #store: Store;
  readonly #known = new Map<string, Promise<StatementKey>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The key that signs now. */
  signing({ isv }: Vendor): Promise<StatementKey> {
    return this.#key(isv.id, statementKeysOf(isv).current);
  }

  /** All that may be met: those that signed, the one that signs, and the next one. */
  published({ isv }: Vendor): Promise<StatementKey[]> {
    const { current, oldest } = statementKeysOf(isv);
    return Promise.all(Array.from({ length: current + 2 - oldest }, (_, n) => this.#key(isv.id, oldest + n)));
  }

  #key(isvId: string, number: number): Promise<StatementKey> {
    const name = `statement-key:${isvId}:${number}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const key = this.#load(name);
    this.#known.set(name, key);
    // A store that is down now may be up at the next call.
    key.catch(() => this.#known.delete(name));
    return key;
  }

  async #load(name: string): Promise<StatementKey> {
    // Another server may have made one meanwhile: there is one key of a number.
    const pem = this.#store.setting(name) ?? (await this.#store.keepSetting(name, newKeyPem()));
    const privateKey = createPrivateKey(pem);
    const publicKey = createPublicKey(privateKey);
    const { x } = publicKey.export({ format: "jwk" }) as { readonly x: string };
    const kid = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
    return { kid, privateKey, publicKey, publicJwk: { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" } };
  }
}

function newKeyPem(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}
