import type { Ends } from "../heap.ts";
import type { Millis, Renewal, Session } from "../types.ts";
import { Finder } from "./finder.ts";
import { hashOf } from "./hash.ts";
import { Chain, Records } from "./records.ts";
import type { Fields, Texts } from "./texts.ts";

// The fields of a record: first those with 64 bits, then those with 32.
const validUntil = 0;
const extendedAt = 1;
const openedAt = 2;
const row = 3;
const doubles = 4;
const text = 0;
const flags = 1;
const peakSessions = 2;
const peakHolders = 3;
const place = 4;
const license = 5;
const client = 6;
const holder = 7;
const nextOfClient = 8;
const previousOfClient = 9;
const address = 10;
const integers = 11;

// Bits of `flags`.
const isOveruse = 1;
/** Out for as long as it is valid, as a checkout nearly always is. */
const isOut = 2;
const isRare = 4;
const hasAddress = 8;
const hasRenewal = 16;

/** What few sessions have. */
interface Rare {
  readonly checkoutUntil: Millis | null;
  readonly endedAt: Millis | null;
  /** Members that are left out of most sessions; null: it has none of them. */
  readonly more: Partial<Session> | null;
}

/** Members that every session has. An address has each that was opened over the network, a renewal each of our own clients. */
const membersOfAll = 15;

/**
 * Sessions, packed, of all licences that share a shelf. A slot names one as long as it is kept. Whoever asks for one gets it as a
 * value; how sessions hang together is their licence's affair, and is written beside them.
 */
export class PackedSessions implements Ends<number> {
  readonly #records = new Records(doubles, integers);
  /** The live sessions of a client. */
  readonly ofClient = new Chain(this.#records, nextOfClient, previousOfClient);
  readonly #texts: Texts;
  readonly #finder = new Finder();
  #rare: Map<number, Rare> | null = null;
  /** The one that was read or put last: nearly always the next that somebody asks for. Slot 0: none. */
  #lastSlot = 0;
  #last: Session | null = null;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** Makes room for as many as are to come. */
  reserve(more: number): void {
    this.#finder.reserve(more);
  }

  /** The slot of a licence's session; 0: the licence does not know it. */
  find(licenseNo: number, key: string): number {
    const isIt = (slot: number) => this.#records.integer(slot, license) === licenseNo && this.get(slot).key === key;
    const last = this.#lastSlot;
    if (last !== 0 && this.isThere(last) && isIt(last)) return last;
    return this.#finder.find(hashOf(key, licenseNo), isIt);
  }

  /** Keeps a session that its licence does not know yet. Answers with its slot. */
  add(licenseNo: number, session: Session): number {
    const slot = this.#records.take();
    this.#records.setInteger(slot, license, licenseNo);
    this.#records.setInteger(slot, text, this.#texts.put(textsOf(session)));
    this.#putNumbers(slot, session);
    this.putBack(slot, session.key);
    this.#remember(slot, session);
    return slot;
  }

  /** Keeps another value in the slot, under the same key. */
  set(slot: number, session: Session): void {
    if (!isNamedAlike(this.get(slot), session)) {
      // Put first: where there is no room, the record keeps what it has.
      const fresh = this.#texts.put(textsOf(session));
      this.#texts.giveBack(this.#records.integer(slot, text));
      this.#records.setInteger(slot, text, fresh);
    }
    this.#putNumbers(slot, session);
    this.#remember(slot, session);
  }

  get(slot: number): Session {
    if (slot === this.#lastSlot) return this.#last as Session;
    const session = this.#read(slot);
    this.#remember(slot, session);
    return session;
  }

  /** Whether it is the session of this id, for whoever looks through all of them. */
  isOfId(slot: number, id: string): boolean {
    return this.#texts.isAt(this.#records.integer(slot, text), idOf, id);
  }

  /** Nobody finds it by its key any more. */
  takeOut(slot: number): void {
    this.#finder.remove(hashOf(this.get(slot).key, this.#records.integer(slot, license)), slot);
  }

  /** Found again, after it was taken out. */
  putBack(slot: number, key: string): void {
    this.#finder.add(hashOf(key, this.#records.integer(slot, license)), slot);
  }

  /** Gives the slot of one that was taken out back. */
  forget(slot: number): void {
    this.#remember(0, null);
    this.#rare?.delete(slot);
    this.#texts.giveBack(this.#records.integer(slot, text));
    this.#records.giveBack(slot);
  }

  /** Neither taken out nor forgotten. */
  isThere(slot: number): boolean {
    return this.placeOf(slot) >= 0;
  }

  /** Whether it is a session of that licence, for whoever has noted slots: others may have them by now. */
  isOf(slot: number, licenseNo: number): boolean {
    return this.isThere(slot) && this.#records.integer(slot, license) === licenseNo;
  }

  endOf(slot: number): Millis {
    return this.#records.double(slot, validUntil);
  }

  /** Where it stands in the heap of ends. */
  placeOf(slot: number): number {
    return this.#records.integer(slot, place);
  }

  setPlace(slot: number, value: number): void {
    this.#records.setInteger(slot, place, value);
  }

  /** The slots of its client and of its holder. */
  partiesOf(slot: number): readonly [number, number] {
    return [this.#records.integer(slot, client), this.#records.integer(slot, holder)];
  }

  setParties(slot: number, clientSlot: number, holderSlot: number): void {
    this.#records.setInteger(slot, client, clientSlot);
    this.#records.setInteger(slot, holder, holderSlot);
  }

  /** For the store: its name for the row; 0: it has none yet. */
  rowOf(slot: number): number {
    return this.#records.double(slot, row);
  }

  setRow(slot: number, value: number): void {
    this.#records.setDouble(slot, row, value);
  }

  #remember(slot: number, session: Session | null): void {
    this.#lastSlot = slot;
    this.#last = session;
  }

  #putNumbers(slot: number, session: Session): void {
    const records = this.#records;
    records.setDouble(slot, validUntil, session.validUntil);
    records.setDouble(slot, extendedAt, session.extendedAt);
    records.setDouble(slot, openedAt, session.openedAt);
    records.setInteger(slot, peakSessions, session.peakSessions);
    records.setInteger(slot, peakHolders, session.peakHolders);
    const isAddressed = hasPlainAddress(session);
    records.setInteger(slot, address, isAddressed ? session.address : 0);
    const isPlainlyOut = session.checkoutUntil !== null && session.checkoutUntil === session.validUntil;
    const rare = rareOf(session, isPlainlyOut);
    if (rare !== null) {
      this.#rare ??= new Map();
      this.#rare.set(slot, rare);
    } else {
      this.#rare?.delete(slot);
    }
    records.setInteger(
      slot,
      flags,
      (session.isOveruse ? isOveruse : 0) |
        (isPlainlyOut ? isOut : 0) |
        (rare !== null ? isRare : 0) |
        (isAddressed ? hasAddress : 0) |
        (plainRenewalOf(session) !== null ? hasRenewal : 0),
    );
  }

  #read(slot: number): Session {
    const records = this.#records;
    const bits = records.integer(slot, flags);
    const isRenewed = (bits & hasRenewal) !== 0;
    const names = this.#texts.get(records.integer(slot, text), isRenewed ? namesOfAll + 2 : namesOfAll);
    const [clientId, id, sessionId, userId, clientKey, holderName, key, current, previous] = names as [
      string,
      string,
      string | null,
      string | null,
      string,
      string,
      string | null,
      string,
      string | null,
    ];
    const rare = (bits & isRare) === 0 ? undefined : this.#rare?.get(slot);
    const until = records.double(slot, validUntil);
    const session: Session & { address?: number; renewal?: Renewal } = {
      id,
      key: key ?? plainKey(clientKey, sessionId),
      clientId,
      clientKey,
      sessionId,
      userId,
      holder: holderName,
      openedAt: records.double(slot, openedAt),
      extendedAt: records.double(slot, extendedAt),
      validUntil: until,
      checkoutUntil: (bits & isOut) !== 0 ? until : (rare?.checkoutUntil ?? null),
      endedAt: rare?.endedAt ?? null,
      peakSessions: records.integer(slot, peakSessions),
      peakHolders: records.integer(slot, peakHolders),
      isOveruse: (bits & isOveruse) !== 0,
    };
    if ((bits & hasAddress) !== 0) session.address = records.integer(slot, address);
    if (isRenewed) session.renewal = { current, previous };
    return rare?.more == null ? session : { ...session, ...rare.more };
  }
}

const namesOfAll = 7;

/** Which of the names is the id. */
const idOf = 1;

/** The client's id first: the other names are mostly like it. What its client carries is behind the names, where it carries any. */
function textsOf(session: Session): Fields {
  const { clientId, id, sessionId, userId, clientKey, holder: holderName, key } = session;
  const otherKey = key === plainKey(clientKey, sessionId) ? null : key;
  const names = [clientId, id, sessionId, userId, clientKey, holderName, otherKey];
  const renewal = plainRenewalOf(session);
  return renewal === null ? names : [...names, renewal.current, renewal.previous];
}

/** How nearly every session's key is put together, see `sessionKey`. */
function plainKey(clientKey: string, sessionId: string | null): string {
  return `${clientKey}\0${sessionId ?? ""}`;
}

function isNamedAlike(a: Session, b: Session): boolean {
  return (
    a.id === b.id &&
    a.clientId === b.clientId &&
    a.sessionId === b.sessionId &&
    a.userId === b.userId &&
    a.clientKey === b.clientKey &&
    a.holder === b.holder &&
    a.key === b.key &&
    isRenewedAlike(plainRenewalOf(a), plainRenewalOf(b))
  );
}

function isRenewedAlike(a: Renewal | null, b: Renewal | null): boolean {
  if (a === null || b === null) return a === b;
  return a.current === b.current && a.previous === b.previous;
}

/** A renewal with all that this release knows of it, and nothing else; null: there is none. */
function plainRenewalOf({ renewal }: Session): Renewal | null {
  return renewal != null && Object.keys(renewal).length === 2 ? renewal : null;
}

function rareOf(session: Session, isPlainlyOut: boolean): Rare | null {
  const more = moreOf(session);
  const checkoutUntil = isPlainlyOut ? null : session.checkoutUntil;
  if (more === null && checkoutUntil === null && session.endedAt === null) return null;
  return { checkoutUntil, endedAt: session.endedAt, more };
}

/** The number that stands for an address has 31 bits. */
function hasPlainAddress(session: Session): session is Session & { readonly address: number } {
  return session.address !== undefined && (session.address | 0) === session.address;
}

/** What stands in the value beside what all or most have: what few have, and what another release may have added. */
function moreOf(session: Session): Partial<Session> | null {
  const isAddressed = hasPlainAddress(session);
  const isRenewed = plainRenewalOf(session) !== null;
  if (Object.keys(session).length <= membersOfAll + Number(isAddressed) + Number(isRenewed)) return null;
  const {
    id: _id,
    key: _key,
    clientId: _clientId,
    clientKey: _clientKey,
    sessionId: _sessionId,
    userId: _userId,
    holder: _holder,
    openedAt: _openedAt,
    extendedAt: _extendedAt,
    validUntil: _validUntil,
    checkoutUntil: _checkoutUntil,
    endedAt: _endedAt,
    peakSessions: _peakSessions,
    peakHolders: _peakHolders,
    isOveruse: _isOveruse,
    address: otherAddress,
    renewal: otherRenewal,
    ...more
  } = session;
  return {
    ...more,
    ...(!isAddressed && otherAddress !== undefined && { address: otherAddress }),
    ...(!isRenewed && otherRenewal !== undefined && { renewal: otherRenewal }),
  };
}
