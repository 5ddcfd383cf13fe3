/**
 * Where callers are: numbers that stand for their addresses, by which it is seen that one session is extended from several
 * of them. No address is kept: the number is a keyed digest of it, of 31 bits, and another one for another vendor.
 *
 * A caller's address is that of its connection, unless this comes from a proxy that the operator trusts. Then it is the last
 * one in `X-Forwarded-For` that is no trusted proxy's: what stands before that the caller may have written itself.
 */
import { hash, randomBytes } from "node:crypto";
import { BlockList, isIP, isIPv6, SocketAddress } from "node:net";
import type { Store } from "../stores/store.ts";
import { addressesKnownMax, seenLengthMax } from "./limits.ts";

/** `trustedProxies`: addresses, and networks such as 10.0.0.0/8. */
export async function loadWhereabouts(store: Store, trustedProxies: readonly string[]): Promise<Whereabouts> {
  const secret = await store.keepSetting("address_key", randomBytes(32).toString("base64url"));
  return new Whereabouts(secret, trustedProxies);
}

export class Whereabouts {
  readonly #secret: string;
  readonly #trusted = new BlockList();
  readonly #trustsAny: boolean;
  /** By what was seen of a request: most callers come again and again. What is full becomes the older one, and that goes. */
  #recent = new Map<string, number>();
  #older = new Map<string, number>();

  constructor(secret: string, trustedProxies: readonly string[]) {
    this.#secret = secret;
    this.#trustsAny = trustedProxies.length > 0;
    for (const proxy of trustedProxies) {
      const [address = "", prefix] = proxy.split("/");
      const family = familyOf(address);
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /** The number of a caller whose connection comes from `peer`; null: nobody knows where it is. */
  of(isvId: string, peer: string | undefined, forwardedFor: string | null): number | null {
    if (peer === undefined) return null;
    const isForwarded = this.#trustsAny && forwardedFor !== null;
    const seen = isForwarded ? `${isvId} ${peer} ${forwardedFor}` : `${isvId} ${peer}`;
    const known = this.#recent.get(seen) ?? this.#older.get(seen);
    if (known !== undefined) return known;
    const address = isForwarded ? this.#behind(plain(peer), forwardedFor) : plain(peer);
    if (address === undefined) return null;
    const number = this.#numberOf(isvId, address);
    this.#remember(seen, number);
    return number;
  }

  /** The last one on the way that is no trusted proxy, or else the first one of all; undefined: it is no address. */
  #behind(peer: string, forwardedFor: string): string | undefined {
    let address = peer;
    const hops = forwardedFor.split(",");
    while (hops.length > 0 && this.#trusted.check(address, familyOf(address))) {
      address = plain(withoutPort((hops.pop() as string).trim()));
      if (isIP(address) === 0) return undefined;
    }
    return address;
  }

  /**
   * Of 31 bits: the engine keeps such a number in its place, without a box. A plain hash behind a secret of fixed length is
   * as good as an HMAC where so little of it is told, and costs a thirtieth.
   */
  #numberOf(isvId: string, address: string): number {
    const digest = hash("sha256", `${this.#secret} ${isvId} ${address}`);
    return Number.parseInt(digest.slice(0, 8), 16) >>> 1;
  }

  #remember(seen: string, number: number): void {
    if (seen.length > seenLengthMax) return;
    if (this.#recent.size >= addressesKnownMax / 2) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(seen, number);
  }
}

const familyOf = (address: string) => (address.includes(":") ? "ipv6" : "ipv4");

/**
 * One spelling of an address, of the many that IPv6 has. A server that listens to both families sees IPv4 addresses as
 * `::ffff:192.0.2.1`, which may also be written `::ffff:c000:201`; some addresses have a network card's name behind them.
 */
function plain(written: string): string {
  const address = written.replace(/%.*$/, "");
  const own = isIPv6(address) ? new SocketAddress({ address, family: "ipv6" }).address : address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(own)?.[1] ?? own;
}

/** Some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}
