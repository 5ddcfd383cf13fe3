import type { Assignment, Millis, Standing } from "../types.ts";
import { Finder } from "./finder.ts";
import { hashOf } from "./hash.ts";
import { Chain, Records } from "./records.ts";
import type { Fields, Texts } from "./texts.ts";

// The fields of a record: first those with 64 bits, then those with 32. An instant that is null is no number.
const activatedAt = 0;
const unassignedAt = 1;
const lastHeartbeatAt = 2;
const doubles = 3;
const text = 0;
const flags = 1;
const license = 2;
const sessions = 3;
const held = 4;
const checkouts = 5;
const next = 6;
const previous = 7;
const product = 8;
const nextNamesake = 9;
const previousNamesake = 10;
const integers = 11;

// Bits of `flags`.
const isClient = 1;
const isGoodwill = 2;
const isRare = 4;

/** What few clients have. */
interface Rare {
  readonly suspendedUntil: Millis | null;
  /** Members that this release does not know; null: there are none. */
  readonly more: Partial<Assignment> | null;
}

const membersOfAll = 14;

/**
 * Whoever licences know by a name, packed: as a client, as a holder of sessions or, mostly, as both. Of all licences that share
 * a shelf; a slot names one as long as it is kept.
 */
export class PackedParties {
  readonly #records = new Records(doubles, integers);
  /** Everybody whom a licence knows, in the order in which they came. */
  readonly ofLicense = new Chain(this.#records, next, previous);
  readonly #namesakes = new Chain(this.#records, nextNamesake, previousNamesake);
  readonly #texts: Texts;
  readonly #byName = new Finder();
  readonly #byToken = new Finder();
  /** Of each product's clients with one name the first: a client is nearly always on one licence. */
  readonly #byProduct = new Finder();
  #rare: Map<number, Rare> | null = null;
  /** The client that was read or put last. Slot 0: none. */
  #lastSlot = 0;
  #last: Assignment | undefined;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** Makes room for as many as are to come. */
  reserve(more: number): void {
    for (const finder of [this.#byName, this.#byToken, this.#byProduct]) finder.reserve(more);
  }

  /** The slot of somebody whom a licence knows by the name; 0: it does not. */
  find(licenseNo: number, name: string): number {
    const last = this.#lastSlot;
    if (last !== 0 && this.licenseOf(last) === licenseNo && this.#last?.clientKey === name) return last;
    return this.#byName.find(
      hashOf(name, licenseNo),
      (slot) => this.licenseOf(slot) === licenseNo && this.#isNamed(slot, name),
    );
  }

  /** The slot of the client with a token, of a licence that is one of those asked for; 0: there is none. */
  findToken(tokenKey: string, isLicense: (licenseNo: number) => boolean): number {
    return this.#byToken.find(
      hashOf(tokenKey, 0),
      (slot) => isLicense(this.licenseOf(slot)) && this.assignment(slot)?.tokenKey === tokenKey,
    );
  }

  /** Keeps somebody whom the licence does not know yet, and who is no client. */
  add(licenseNo: number, name: string): number {
    return this.#add(licenseNo, name, [name]);
  }

  /** Keeps a client whom the licence does not know yet. */
  addClient(licenseNo: number, assignment: Assignment, productNo: number): number {
    const slot = this.#add(licenseNo, assignment.clientKey, textsOf(assignment));
    this.#list(slot, assignment, productNo);
    this.#putNumbers(slot, assignment);
    return slot;
  }

  drop(slot: number): void {
    this.#byName.remove(hashOf(this.#nameOf(slot), this.licenseOf(slot)), slot);
    this.#texts.giveBack(this.#records.integer(slot, text));
    this.#records.giveBack(slot);
  }

  #nameOf(slot: number): string {
    return this.#texts.get(this.#records.integer(slot, text), 1)[0] as string;
  }

  #isNamed(slot: number, name: string): boolean {
    return this.#texts.isAt(this.#records.integer(slot, text), 0, name);
  }

  licenseOf(slot: number): number {
    return this.#records.integer(slot, license);
  }

  isAssigned(slot: number): boolean {
    return this.#has(slot, isClient) && Number.isNaN(this.#records.double(slot, unassignedAt));
  }

  assignment(slot: number): Assignment | undefined {
    if (slot === this.#lastSlot) return this.#last;
    if (!this.#has(slot, isClient)) return undefined;
    this.#last = this.#read(slot);
    this.#lastSlot = slot;
    return this.#last;
  }

  /** Whether it is the client of this assignment, for whoever looks through all of them. */
  isOfId(slot: number, id: string): boolean {
    return this.#has(slot, isClient) && this.#texts.isAt(this.#records.integer(slot, text), idOf, id);
  }

  /** The slots of a product's clients with a name, on whatever licences they are. */
  *clientsOf(productNo: number, name: string): Iterable<number> {
    let slot = this.#firstNamesake(productNo, name);
    for (; slot !== 0; slot = this.#namesakes.after(slot)) yield slot;
  }

  standing(slot: number): Standing | undefined {
    if (!this.#has(slot, isClient)) return undefined;
    return {
      unassignedAt: instantOf(this.#records.double(slot, unassignedAt)),
      suspendedUntil: this.#has(slot, isRare) ? (this.#rare?.get(slot)?.suspendedUntil ?? null) : null,
    };
  }

  /** Keeps the assignment of somebody whom the licence knows, as a client or as a holder. */
  putAssignment(slot: number, assignment: Assignment, productNo: number): void {
    const old = this.assignment(slot);
    if (old === undefined || !isNamedAlike(old, assignment)) {
      // Put first: where there is no room, the record keeps what it has.
      const fresh = this.#texts.put(textsOf(assignment));
      this.#texts.giveBack(this.#records.integer(slot, text));
      this.#records.setInteger(slot, text, fresh);
    }
    if (old?.tokenKey !== assignment.tokenKey) {
      if (old !== undefined) this.#unlist(slot, old);
      this.#list(slot, assignment, productNo);
    }
    this.#putNumbers(slot, assignment);
  }

  /** It is a client no more, but may hold sessions. Its texts stay: only the first of them, its name, is looked at from now on. */
  dropAssignment(slot: number): void {
    const assignment = this.assignment(slot) as Assignment;
    this.#unlist(slot, assignment);
    this.#rare?.delete(slot);
    this.#lastSlot = 0;
    this.#last = undefined;
    this.#records.setInteger(slot, flags, 0);
  }

  /** The first of a client's live sessions; 0: it has none. */
  sessionsOf(slot: number): number {
    return this.#records.integer(slot, sessions);
  }

  setSessions(slot: number, session: number): void {
    this.#records.setInteger(slot, sessions, session);
  }

  /** How many live sessions count against a holder. */
  heldBy(slot: number): number {
    return this.#records.integer(slot, held);
  }

  setHeld(slot: number, count: number): void {
    this.#records.setInteger(slot, held, count);
  }

  /** How many of them are checkouts. */
  checkoutsOf(slot: number): number {
    return this.#records.integer(slot, checkouts);
  }

  setCheckouts(slot: number, count: number): void {
    this.#records.setInteger(slot, checkouts, count);
  }

  /** Nobody needs to know it any more. */
  isNobody(slot: number): boolean {
    return !this.#has(slot, isClient) && this.sessionsOf(slot) === 0 && this.heldBy(slot) === 0;
  }

  #has(slot: number, bit: number): boolean {
    return (this.#records.integer(slot, flags) & bit) !== 0;
  }

  #firstNamesake(productNo: number, name: string): number {
    return this.#byProduct.find(
      hashOf(name, productNo),
      (slot) => this.#records.integer(slot, product) === productNo && this.#isNamed(slot, name),
    );
  }

  #add(licenseNo: number, name: string, fields: Fields): number {
    const slot = this.#records.take();
    this.#records.setInteger(slot, license, licenseNo);
    this.#records.setInteger(slot, text, this.#texts.put(fields));
    this.#byName.add(hashOf(name, licenseNo), slot);
    return slot;
  }

  /** Has a client found by its token and by its product. */
  #list(slot: number, { tokenKey, clientKey }: Assignment, productNo: number): void {
    this.#byToken.add(hashOf(tokenKey, 0), slot);
    const first = this.#firstNamesake(productNo, clientKey);
    this.#records.setInteger(slot, product, productNo);
    this.#namesakes.put(slot, 0, first);
    if (first === 0) this.#byProduct.add(hashOf(clientKey, productNo), slot);
    else this.#byProduct.replace(hashOf(clientKey, productNo), first, slot);
  }

  #unlist(slot: number, { tokenKey, clientKey }: Assignment): void {
    this.#byToken.remove(hashOf(tokenKey, 0), slot);
    const [before, after] = [this.#namesakes.before(slot), this.#namesakes.after(slot)];
    this.#namesakes.takeOut(slot);
    if (before !== 0) return;
    const hash = hashOf(clientKey, this.#records.integer(slot, product));
    if (after === 0) this.#byProduct.remove(hash, slot);
    else this.#byProduct.replace(hash, slot, after);
  }

  #putNumbers(slot: number, assignment: Assignment): void {
    const records = this.#records;
    records.setDouble(slot, activatedAt, assignment.activatedAt);
    records.setDouble(slot, unassignedAt, assignment.unassignedAt ?? Number.NaN);
    records.setDouble(slot, lastHeartbeatAt, assignment.lastHeartbeatAt ?? Number.NaN);
    const rare = rareOf(assignment);
    if (rare !== null) {
      this.#rare ??= new Map();
      this.#rare.set(slot, rare);
    } else {
      this.#rare?.delete(slot);
    }
    records.setInteger(slot, flags, isClient | (assignment.isGoodwill ? isGoodwill : 0) | (rare !== null ? isRare : 0));
    this.#lastSlot = slot;
    this.#last = assignment;
  }

  #read(slot: number): Assignment {
    const records = this.#records;
    const names = this.#texts.get(records.integer(slot, text), namesOfAll);
    const [clientKey, clientId, id, tokenKey] = names as [string, string, string, string];
    const [, , , , userId, clientName, clientDescription, softwareVersion, operatingSystem] = names as (
      | string
      | null
    )[] as [null, null, null, null, string | null, string | null, string | null, string | null, string | null];
    const rare = this.#has(slot, isRare) ? this.#rare?.get(slot) : undefined;
    const assignment: Assignment = {
      id,
      tokenKey,
      clientId,
      clientKey,
      clientName,
      clientDescription,
      userId,
      softwareVersion,
      operatingSystem,
      activatedAt: records.double(slot, activatedAt),
      unassignedAt: instantOf(records.double(slot, unassignedAt)),
      suspendedUntil: rare?.suspendedUntil ?? null,
      isGoodwill: this.#has(slot, isGoodwill),
      lastHeartbeatAt: instantOf(records.double(slot, lastHeartbeatAt)),
    };
    return rare?.more == null ? assignment : { ...assignment, ...rare.more };
  }
}

const namesOfAll = 9;

/** Which of the names is the id. */
const idOf = 2;

/** The name first: a client's id and user are mostly like it. */
function textsOf(assignment: Assignment): Fields {
  const { clientKey, clientId, id, tokenKey, userId } = assignment;
  const { clientName, clientDescription, softwareVersion, operatingSystem } = assignment;
  return [clientKey, clientId, id, tokenKey, userId, clientName, clientDescription, softwareVersion, operatingSystem];
}

function instantOf(value: number): Millis | null {
  return Number.isNaN(value) ? null : value;
}

function isNamedAlike(a: Assignment, b: Assignment): boolean {
  return (
    a.id === b.id &&
    a.tokenKey === b.tokenKey &&
    a.clientId === b.clientId &&
    a.userId === b.userId &&
    a.clientName === b.clientName &&
    a.clientDescription === b.clientDescription &&
    a.softwareVersion === b.softwareVersion &&
    a.operatingSystem === b.operatingSystem
  );
}

function rareOf(assignment: Assignment): Rare | null {
  const more = moreOf(assignment);
  if (more === null && assignment.suspendedUntil === null) return null;
  return { suspendedUntil: assignment.suspendedUntil, more };
}

/** What stands in the value beside what all have. */
function moreOf(assignment: Assignment): Partial<Assignment> | null {
  if (Object.keys(assignment).length <= membersOfAll) return null;
  const {
    id: _id,
    tokenKey: _tokenKey,
    clientId: _clientId,
    clientKey: _clientKey,
    clientName: _clientName,
    clientDescription: _clientDescription,
    userId: _userId,
    softwareVersion: _softwareVersion,
    operatingSystem: _operatingSystem,
    activatedAt: _activatedAt,
    unassignedAt: _unassignedAt,
    suspendedUntil: _suspendedUntil,
    isGoodwill: _isGoodwill,
    lastHeartbeatAt: _lastHeartbeatAt,
    ...more
  } = assignment;
  return more;
}
