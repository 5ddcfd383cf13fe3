/** Where clients are found: by token key among a vendor's, by client and by user on a product. */
import { fold } from "../core/names.ts";
import type { LicenseState } from "../core/state.ts";
import type { Assignment } from "../core/types.ts";

/** A client of a licence. */
interface Seat {
  readonly license: LicenseState;
  readonly clientKey: string;
}

interface OfProduct {
  /** A client is nearly always on one licence, which then stands here by itself. */
  readonly clients: Map<string, LicenseState | Set<LicenseState>>;
  /** A user may have thousands of clients: each is found by its licence and key. */
  readonly users: Map<string, Map<string, Seat>>;
}

interface OfVendor {
  readonly tokens: Map<string, LicenseState>;
  readonly products: Map<string, OfProduct>;
}

/** Maps within maps, by the ids as they are: a key put together of them would cost more memory than what it leads to. */
export class Clients {
  readonly #vendors = new Map<string, OfVendor>();

  /** Keeps the look-ups true after an assignment was put in the place of another one, or of none. */
  put(license: LicenseState, assignment: Assignment, before: Assignment | undefined): void {
    if (before !== undefined && userOf(before) === userOf(assignment)) return;
    if (before !== undefined) this.drop(license, before);
    const vendor = this.#vendorOf(license);
    vendor.tokens.set(assignment.tokenKey, license);
    const { clients, users } = productIn(vendor, license.terms.productId);
    const there = clients.get(assignment.clientKey);
    if (there === undefined) clients.set(assignment.clientKey, license);
    else if (there instanceof Set) there.add(license);
    else if (there !== license) clients.set(assignment.clientKey, new Set([there, license]));
    const user = userOf(assignment);
    if (user === null) return;
    const seats = users.get(user) ?? new Map<string, Seat>();
    seats.set(seatOf(license, assignment), { license, clientKey: assignment.clientKey });
    users.set(user, seats);
  }

  drop(license: LicenseState, assignment: Assignment): void {
    const vendor = this.#vendorOf(license);
    vendor.tokens.delete(assignment.tokenKey);
    const { clients, users } = productIn(vendor, license.terms.productId);
    const there = clients.get(assignment.clientKey);
    if (there === license || (there instanceof Set && there.delete(license) && there.size === 0)) {
      clients.delete(assignment.clientKey);
    }
    const user = userOf(assignment);
    if (user === null) return;
    const seats = users.get(user);
    seats?.delete(seatOf(license, assignment));
    if (seats?.size === 0) users.delete(user);
  }

  licenseOfToken(isvId: string, tokenKey: string): LicenseState | undefined {
    return this.#vendors.get(isvId)?.tokens.get(tokenKey);
  }

  /** Licences of a product that may know this client: by its id as it is, or folded. */
  licensesOfClient(isvId: string, productId: string, clientId: string): Iterable<LicenseState> {
    const clients = this.#vendors.get(isvId)?.products.get(productId)?.clients;
    const found = new Set<LicenseState>();
    for (const key of [clientId, fold(clientId)]) {
      const there = clients?.get(key);
      if (there instanceof Set) for (const license of there) found.add(license);
      else if (there !== undefined) found.add(there);
    }
    return found;
  }

  seatsOfUser(isvId: string, productId: string, userId: string): Iterable<Seat> {
    return this.#vendors.get(isvId)?.products.get(productId)?.users.get(fold(userId))?.values() ?? [];
  }

  #vendorOf({ terms: { isvId } }: LicenseState): OfVendor {
    const known = this.#vendors.get(isvId);
    if (known !== undefined) return known;
    const made: OfVendor = { tokens: new Map(), products: new Map() };
    this.#vendors.set(isvId, made);
    return made;
  }
}

function productIn({ products }: OfVendor, productId: string): OfProduct {
  const known = products.get(productId);
  if (known !== undefined) return known;
  const made: OfProduct = { clients: new Map(), users: new Map() };
  products.set(productId, made);
  return made;
}

function userOf({ userId }: Assignment): string | null {
  return userId === null ? null : fold(userId);
}

function seatOf({ terms }: LicenseState, { clientKey }: Assignment): string {
  return terms.licenseId + clientKey;
}
