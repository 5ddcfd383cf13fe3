import type { Millis, Session } from "./types.ts";

/** A session as the state keeps it: the value, and where it stands in the structures that find it. */
export interface Entry {
  session: Session;
  /** Place in the heap of ends; -1: in none. */
  place: number;
  /** The other sessions of the same client, as a doubly linked list. */
  next: Entry | null;
  previous: Entry | null;
  /** For the store: its name for the row (0: none yet), and the first line of its log that the row is behind (0: none). */
  row: number;
  loggedIn: number;
}

/** What has a place in a heap of ends. */
type Placed = Pick<Entry, "session" | "place">;

/** Sessions by their end, earliest first. An extend moves its entry in O(log n); nothing is left behind. */
export class EndHeap<E extends Placed> {
  readonly #entries: E[] = [];

  get size(): number {
    return this.#entries.length;
  }

  first(): E | undefined {
    return this.#entries[0];
  }

  add(entry: E): void {
    this.#entries.push(entry);
    this.#up(entry, this.#entries.length - 1);
  }

  remove(entry: E): void {
    const last = this.#entries.pop() as E;
    const place = entry.place;
    entry.place = -1;
    if (last === entry) return;
    last.place = place;
    this.#entries[place] = last;
    this.moved(last);
  }

  /** To be called after the end of a member changed. */
  moved(entry: E): void {
    this.#up(entry, entry.place);
    this.#down(entry, entry.place);
  }

  /** At most `limit` members that end at or before `now`, in no particular order. Costs O(found), whatever the size. */
  due(now: Millis, limit: number): Session[] {
    const found: Session[] = [];
    const places = [0];
    while (places.length > 0 && found.length < limit) {
      const place = places.pop() as number;
      const entry = this.#entries[place];
      if (entry === undefined || entry.session.validUntil > now) continue;
      found.push(entry.session);
      places.push(2 * place + 1, 2 * place + 2);
    }
    return found;
  }

  #up(entry: E, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#entries[above] as E;
      if (parent.session.validUntil <= entry.session.validUntil) break;
      this.#set(parent, place);
      place = above;
    }
    this.#set(entry, place);
  }

  #down(entry: E, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      let child = this.#entries[below];
      if (child === undefined) break;
      const right = this.#entries[below + 1];
      if (right !== undefined && right.session.validUntil < child.session.validUntil) {
        below++;
        child = right;
      }
      if (child.session.validUntil >= entry.session.validUntil) break;
      this.#set(child, place);
      place = below;
    }
    this.#set(entry, place);
  }

  #set(entry: E, place: number): void {
    entry.place = place;
    this.#entries[place] = entry;
  }
}
