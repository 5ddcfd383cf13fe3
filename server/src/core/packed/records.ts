const perPage = 4_096;

/** Records that the first page has room for at the beginning: most licences of a shared database have few sessions. */
const fewest = 4;

/**
 * Records of numbers, by their slot: `doubles` of them with 64 bits, `integers` with 32. In pages that are never copied, so
 * that growing keeps nobody waiting; the first one grows. A slot is never 0, so that 0 can stand for none. A record that is
 * given back is taken again, with zeros in it.
 */
export class Records {
  readonly #doubles: Float64Array[] = [];
  readonly #integers: Int32Array[] = [];
  readonly #doublesEach: number;
  readonly #integersEach: number;
  /** Slots that have been given back: the first one, which has the next one as its first integer. */
  #free = 0;
  /** The slot after the last one that was ever taken. */
  #end = 1;

  constructor(doubles: number, integers: number) {
    this.#doublesEach = doubles;
    this.#integersEach = integers;
  }

  take(): number {
    if (this.#free === 0) return this.#takeNew();
    const slot = this.#free;
    this.#free = this.integer(slot, 0);
    const [page, n] = [Math.floor(slot / perPage), slot % perPage];
    this.#doubles[page]?.fill(0, n * this.#doublesEach, (n + 1) * this.#doublesEach);
    this.#integers[page]?.fill(0, n * this.#integersEach, (n + 1) * this.#integersEach);
    return slot;
  }

  giveBack(slot: number): void {
    this.setInteger(slot, 0, this.#free);
    this.#free = slot;
  }

  double(slot: number, field: number): number {
    return (this.#doubles[slot >>> 12] as Float64Array)[(slot & 4_095) * this.#doublesEach + field] as number;
  }

  setDouble(slot: number, field: number, value: number): void {
    (this.#doubles[slot >>> 12] as Float64Array)[(slot & 4_095) * this.#doublesEach + field] = value;
  }

  integer(slot: number, field: number): number {
    return (this.#integers[slot >>> 12] as Int32Array)[(slot & 4_095) * this.#integersEach + field] as number;
  }

  setInteger(slot: number, field: number, value: number): void {
    (this.#integers[slot >>> 12] as Int32Array)[(slot & 4_095) * this.#integersEach + field] = value;
  }

  #takeNew(): number {
    const slot = this.#end++;
    const page = slot >>> 12;
    const room = (this.#integers[page]?.length ?? 0) / this.#integersEach;
    if ((slot & 4_095) < room) return slot;
    const larger = page > 0 ? perPage : Math.min(perPage, Math.max(fewest, 2 * room));
    this.#doubles[page] = copied(new Float64Array(larger * this.#doublesEach), this.#doubles[page]);
    this.#integers[page] = copied(new Int32Array(larger * this.#integersEach), this.#integers[page]);
    return slot;
  }
}

function copied<A extends Float64Array | Int32Array>(larger: A, old: A | undefined): A {
  if (old !== undefined) larger.set(old);
  return larger;
}

/** Lists that go through records both ways, by two of their integers. Who begins and ends one is known to whoever keeps it. */
export class Chain {
  readonly #records: Records;
  readonly #next: number;
  readonly #previous: number;

  constructor(records: Records, next: number, previous: number) {
    this.#records = records;
    this.#next = next;
    this.#previous = previous;
  }

  /** 0: it is the last one. */
  after(slot: number): number {
    return this.#records.integer(slot, this.#next);
  }

  /** 0: it is the first one. */
  before(slot: number): number {
    return this.#records.integer(slot, this.#previous);
  }

  /** Puts a record between two; 0: there is none on that side. */
  put(slot: number, before: number, after: number): void {
    this.#records.setInteger(slot, this.#previous, before);
    this.#records.setInteger(slot, this.#next, after);
    if (before !== 0) this.#records.setInteger(before, this.#next, slot);
    if (after !== 0) this.#records.setInteger(after, this.#previous, slot);
  }

  /** Takes a record out: its neighbours are neighbours then. */
  takeOut(slot: number): void {
    const [before, after] = [this.before(slot), this.after(slot)];
    if (before !== 0) this.#records.setInteger(before, this.#next, after);
    if (after !== 0) this.#records.setInteger(after, this.#previous, before);
    this.#records.setInteger(slot, this.#previous, 0);
    this.#records.setInteger(slot, this.#next, 0);
  }
}
