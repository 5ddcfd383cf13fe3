import type { Millis } from "./types.ts";

/** How a heap learns when its members end, and where it notes their places; -1: in none. */
export interface Ends<E> {
  endOf(member: E): Millis;
  placeOf(member: E): number;
  setPlace(member: E, place: number): void;
}

/** Members by their end, earliest first. An extend moves one in O(log n); nothing is left behind. */
export class EndHeap<E> {
  readonly #ends: Ends<E>;
  readonly #members: E[] = [];

  constructor(ends: Ends<E>) {
    this.#ends = ends;
  }

  get size(): number {
    return this.#members.length;
  }

  /** All of them, in no particular order. */
  members(): E[] {
    return [...this.#members];
  }

  first(): E | undefined {
    return this.#members[0];
  }

  add(member: E): void {
    this.#members.push(member);
    this.#up(member, this.#members.length - 1);
  }

  remove(member: E): void {
    const place = this.#ends.placeOf(member);
    this.#ends.setPlace(member, -1);
    const last = this.#members.pop() as E;
    if (last === member) return;
    this.#set(last, place);
    this.moved(last);
  }

  /** To be called after the end of a member changed. */
  moved(member: E): void {
    this.#up(member, this.#ends.placeOf(member));
    this.#down(member, this.#ends.placeOf(member));
  }

  /** At most `limit` members that end at or before `now`, in no particular order. Costs O(found), whatever the size. */
  due(now: Millis, limit: number): E[] {
    const found: E[] = [];
    const places = [0];
    while (places.length > 0 && found.length < limit) {
      const place = places.pop() as number;
      const member = this.#members[place];
      if (member === undefined || this.#ends.endOf(member) > now) continue;
      found.push(member);
      places.push(2 * place + 1, 2 * place + 2);
    }
    return found;
  }

  #up(member: E, from: number): void {
    const end = this.#ends.endOf(member);
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#members[above] as E;
      if (this.#ends.endOf(parent) <= end) break;
      this.#set(parent, place);
      place = above;
    }
    this.#set(member, place);
  }

  #down(member: E, from: number): void {
    const end = this.#ends.endOf(member);
    const count = this.#members.length;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= count) break;
      let child = this.#members[below] as E;
      if (below + 1 < count) {
        const right = this.#members[below + 1] as E;
        if (this.#ends.endOf(right) < this.#ends.endOf(child)) {
          below++;
          child = right;
        }
      }
      if (this.#ends.endOf(child) >= end) break;
      this.#set(child, place);
      place = below;
    }
    this.#set(member, place);
  }

  #set(member: E, place: number): void {
    this.#ends.setPlace(member, place);
    this.#members[place] = member;
  }
}
