/** Where clients are found: by token key among a vendor's, by client and by user on a product. */
import { fold } from "../core/names.ts";
import type { Shelf } from "../core/packed/shelf.ts";
import type { LicenseState } from "../core/state.ts";
import type { Assignment, Terms } from "../core/types.ts";

/** A client of a licence. */
interface Seat {
  readonly license: LicenseState;
  readonly clientKey: string;
}

type Users = Map<string, Seat | Map<string, Seat>>;

export class Clients {
  readonly #shelf: Shelf;
  /**
   * Users by their clients, by vendor and product. One who is their own client is found among the clients. One client stands by
   * itself; a user may have thousands, and then each is found by its licence and key.
   */
  readonly #users = new Map<string, Users>();

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Keeps the look-ups true after an assignment was put in the place of another one, or of none. */
  put(license: LicenseState, assignment: Assignment, before: Assignment | undefined): void {
    if (before !== undefined && userOf(before) === userOf(assignment)) return;
    if (before !== undefined) this.drop(license, before);
    const user = otherUserOf(assignment);
    if (user !== null) putSeat(this.#usersOf(license.terms), user, { license, clientKey: assignment.clientKey });
  }

  drop(license: LicenseState, assignment: Assignment): void {
    const user = otherUserOf(assignment);
    if (user !== null) dropSeat(this.#usersOf(license.terms), user, { license, clientKey: assignment.clientKey });
  }

  licenseOfToken(isvId: string, tokenKey: string): LicenseState | undefined {
    return this.#shelf.licenseOfToken(isvId, tokenKey);
  }

  /** Licences of a product that know this client: by its id as it is, or folded. */
  licensesOfClient(isvId: string, productId: string, clientId: string): Iterable<LicenseState> {
    const found = new Set<LicenseState>();
    for (const key of [clientId, fold(clientId)]) {
      for (const license of this.#shelf.licensesOfClient(isvId, productId, key)) found.add(license);
    }
    return found;
  }

  seatsOfUser(isvId: string, productId: string, userId: string): Seat[] {
    const user = fold(userId);
    const own = [...this.licensesOfClient(isvId, productId, user)]
      .map((license) => ({ license, clientKey: user }))
      .filter(({ license }) => userOf(license.assignment(user)) === user);
    const others = this.#usersOf({ isvId, productId }).get(user);
    if (others === undefined) return own;
    return [...own, ...(others instanceof Map ? others.values() : [others])];
  }

  #usersOf({ isvId, productId }: Pick<Terms, "isvId" | "productId">): Users {
    const known = this.#users.get(isvId + productId);
    if (known !== undefined) return known;
    const made: Users = new Map();
    this.#users.set(isvId + productId, made);
    return made;
  }
}

function userOf(assignment: Assignment | undefined): string | null {
  return assignment?.userId == null ? null : fold(assignment.userId);
}

/** The client's user as names are compared, where that is somebody else by name: one that is not is found as a client. */
export function otherUserOf(assignment: Assignment): string | null {
  const user = userOf(assignment);
  return user === assignment.clientKey ? null : user;
}

function putSeat(users: Users, user: string, seat: Seat): void {
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

function dropSeat(users: Users, user: string, seat: Seat): void {
  const there = users.get(user);
  if (there instanceof Map) {
    if (there.delete(keyOf(seat)) && there.size === 0) users.delete(user);
  } else if (there !== undefined && keyOf(there) === keyOf(seat)) users.delete(user);
}

function keyOf({ license, clientKey }: Seat): string {
  return license.terms.licenseId + clientKey;
}
