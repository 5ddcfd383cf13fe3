/** Lists of what there may be hundreds of thousands of: looked through a slice at a time, and others have their turn in between. */
import { setImmediate } from "node:timers/promises";
import type { LicenseView } from "../../core/types.ts";
import type { Store } from "../../stores/store.ts";
import { lookedAtOnceMax } from "../limits.ts";

/** Sessions or clients of a licence, some at a time. Each time the store is asked again: it answers between transactions alone. */
export async function* slicesOf<T>(store: Store, { terms }: LicenseView, all: Iterable<T>): AsyncIterable<T[]> {
  let slice: T[] = [];
  for (const each of all) {
    slice.push(each);
    if (slice.length < lookedAtOnceMax) continue;
    yield slice;
    slice = [];
    await setImmediate();
    await store.read(terms.isvId, terms.licenseId);
  }
  yield slice;
}

/**
 * The first ones of many in some order, and how many there were: what is behind them is forgotten as it comes. In runs that are
 * merged when they are equally long, so that a page far behind takes no longer than to sort all of them.
 */
export class FirstOnes<T> {
  readonly #length: number;
  readonly #compare: (a: T, b: T) => number;
  /** Each in order, of that length at most, and mostly shorter than the one before it. */
  #runs: T[][] = [];
  #total = 0;

  constructor(length: number, compare: (a: T, b: T) => number) {
    this.#length = length;
    this.#compare = compare;
  }

  get total(): number {
    return this.#total;
  }

  add(more: readonly T[]): void {
    this.#total += more.length;
    const last = this.#runs[0]?.[this.#length - 1];
    const before = last === undefined ? [...more] : more.filter((each) => this.#compare(each, last) < 0);
    this.#put(before.sort(this.#compare));
  }

  /** Those from this place on, counted from 0. */
  from(place: number): T[] {
    const all = this.#runs.reduceRight((run, longer) => this.#merged(longer, run), []);
    return all.slice(place);
  }

  #put(run: T[]): void {
    const before = this.#runs.at(-1);
    if (before === undefined || before.length > run.length) this.#runs.push(run);
    else this.#put(this.#merged(this.#runs.pop() as T[], run));
  }

  #merged(a: readonly T[], b: readonly T[]): T[] {
    const all: T[] = [];
    for (let m = 0, n = 0; all.length < this.#length && m + n < a.length + b.length; ) {
      const isOfB = m === a.length || (n < b.length && this.#compare(b[n] as T, a[m] as T) < 0);
      all.push((isOfB ? b[n++] : a[m++]) as T);
    }
    return all;
  }
}

/** Compares by a number or by plain text, and by the id where that is equal: the same on every server, and after a restart. */
export function byKey<T extends { readonly key: number | string; readonly id: string }>(isDescending: boolean) {
  const sign = isDescending ? -1 : 1;
  const compare = <K extends number | string>(a: K, b: K) => (a < b ? -1 : a > b ? 1 : 0);
  return (a: T, b: T) => sign * compare(a.key, b.key) || compare(a.id, b.id);
}
