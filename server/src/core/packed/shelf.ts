import type { LicenseState } from "../state.ts";
import type { Terms } from "../types.ts";
import { PackedParties } from "./parties.ts";
import { PackedSessions } from "./sessions.ts";
import { Texts } from "./texts.ts";

/**
 * What licences have most of, sessions and whoever they know by a name, packed together: a value of JavaScript takes several
 * times as much memory, and the garbage collector would look at each of them again and again.
 */
export class Shelf {
  readonly #texts = new Texts();
  readonly sessions = new PackedSessions(this.#texts);
  readonly parties = new PackedParties(this.#texts);
  /** By their numbers. There is no number 0. */
  readonly #licenses: (LicenseState | undefined)[] = [undefined];
  /** By vendor and id: a key put together of them would be made for every client. */
  readonly #products = new Map<string, Map<string, number>>();
  #productsCount = 0;

  /** A number for a licence that puts its things here. */
  add(license: LicenseState): number {
    return this.#licenses.push(license) - 1;
  }

  /** The licence is no more. */
  drop(licenseNo: number): void {
    this.#licenses[licenseNo] = undefined;
  }

  /** A number for a licence's product, by which its clients are found. */
  productNo({ isvId, productId }: Pick<Terms, "isvId" | "productId">): number {
    const ofVendor = this.#products.get(isvId) ?? new Map<string, number>();
    const known = ofVendor.get(productId);
    if (known !== undefined) return known;
    this.#products.set(isvId, ofVendor.set(productId, ++this.#productsCount));
    return this.#productsCount;
  }

  licenseOfToken(isvId: string, tokenKey: string): LicenseState | undefined {
    const isOfVendor = (no: number) => this.#licenses[no]?.terms.isvId === isvId;
    const slot = this.parties.findToken(tokenKey, isOfVendor);
    return slot === 0 ? undefined : this.#licenses[this.parties.licenseOf(slot)];
  }

  /** The licences of a product that know a client by its key. */
  *licensesOfClient(isvId: string, productId: string, clientKey: string): Iterable<LicenseState> {
    const productNo = this.#products.get(isvId)?.get(productId);
    if (productNo === undefined) return;
    for (const slot of this.parties.clientsOf(productNo, clientKey)) {
      const license = this.#licenses[this.parties.licenseOf(slot)];
      if (license !== undefined) yield license;
    }
  }
}
