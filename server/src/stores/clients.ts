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
  /**
   * Users by their clients. One who is their own client is found among the clients. One client stands by itself; a user may
   * have thousands, and then each is found by its licence and key.
   */
  readonly users: Map<string, Seat | Map<string, Seat>>;
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
    const user = otherUserOf(assignment);
    if (user !== null) putSeat(users, user, { license, clientKey: assignment.clientKey });
  }

  drop(license: LicenseState, assignment: Assignment): void {
    const vendor = this.#vendorOf(license);
    vendor.tokens.delete(assignment.tokenKey);
    const { clients, users } = productIn(vendor, license.terms.productId);
    const there = clients.get(assignment.clientKey);
    if (there === license || (there instanceof Set && there.delete(license) && there.size === 0)) {
      clients.delete(assignment.clientKey);
    }
    const user = otherUserOf(assignment);
    if (user !== null) dropSeat(users, user, { license, clientKey: assignment.clientKey });
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

  seatsOfUser(isvId: string, productId: string, userId: string): Seat[] {
    const user = fold(userId);
    const own = [...this.licensesOfClient(isvId, productId, user)]
      .map((license) => ({ license, clientKey: user }))
      .filter(({ license }) => userOf(license.assignment(user)) === user);
    const others = this.#vendors.get(isvId)?.products.get(productId)?.users.get(user);
    if (others === undefined) return own;
    return [...own, ...(others instanceof Map ? others.values() : [others])];
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

function userOf(assignment: Assignment | undefined): string | null {
  return assignment?.userId == null ? null : fold(assignment.userId);
}

/** The client's user, where that is somebody else by name. */
function otherUserOf(assignment: Assignment): string | null {
  const user = userOf(assignment);
  return user === assignment.clientKey ? null : user;
}

function putSeat(users: OfProduct["users"], user: string, seat: Seat): void {
  const there = users.get(user);
  if (there === undefined) users.set(user, seat);
  else if (there instanceof Map) there.set(keyOf(seat), seat);
  else if (keyOf(there) !== keyOf(seat)) {
    users.set(
      user,
      new Map([
        [keyOf(there), there],
        [keyOf(seat), seat],
      ]),
    );
  }
}

function dropSeat(users: OfProduct["users"], user: string, seat: Seat): void {
  const there = users.get(user);
  if (there instanceof Map) {
    if (there.delete(keyOf(seat)) && there.size === 0) users.delete(user);
  } else if (there !== undefined && keyOf(there) === keyOf(seat)) users.delete(user);
}

function keyOf({ license, clientKey }: Seat): string {
  return license.terms.licenseId + clientKey;
}
