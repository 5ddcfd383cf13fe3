/** Cells of the first table that is a finder's own: most licences of a shared database have few sessions. */
const fewest = 4;

/** The table of all finders that have nothing: one cell, with nothing in it. */
const nothing = new Int32Array(2);

/** A table grows by half when more of it is taken; then a look-up that finds nothing reads some ten neighbouring cells. */
const fullest = 0.8;

/**
 * Finds the slots of records by the hash of a name: an open table of pairs, hash and slot, side by side. A slot is never 0.
 * Twelve bytes a record, where a map of JavaScript takes forty and the name as a string of its own.
 */
export class Finder {
  #cells = nothing;
  #count = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot under the hash that is the one; 0: none is. Of equal hashes each is asked for, which hardly ever are two. */
  find(hash: number, isIt: (slot: number) => boolean): number {
    for (let n = this.#homeOf(hash); ; n = this.#after(n)) {
      const slot = this.#cells[2 * n + 1] as number;
      if (slot === 0 || (this.#cells[2 * n] === hash && isIt(slot))) return slot;
    }
  }

  add(hash: number, slot: number): void {
    if (this.#size + 1 > this.#count * fullest) this.#growTo(Math.max(fewest, Math.ceil(this.#count * 1.5)));
    this.#size++;
    this.#put(hash, slot);
  }

  /** Makes room for as many as are to come, so that it need not grow under them. */
  reserve(more: number): void {
    const count = Math.ceil((this.#size + more + 1) / fullest);
    if (count > this.#count) this.#growTo(count);
  }

  /** Another slot in the place of one that is there. */
  replace(hash: number, slot: number, other: number): void {
    this.#cells[2 * this.#cellOf(hash, slot) + 1] = other;
  }

  /** What is behind moves up, so that no look-up ends too early and nothing is left behind. */
  remove(hash: number, slot: number): void {
    let gap = this.#cellOf(hash, slot);
    this.#size--;
    for (let n = this.#after(gap); ; n = this.#after(n)) {
      const [other, moved] = [this.#cells[2 * n] as number, this.#cells[2 * n + 1] as number];
      if (moved === 0) break;
      const home = this.#homeOf(other);
      // One that is at home between the gap and here stays: in front of its home nobody looks for it.
      const stays = gap < n ? home > gap && home <= n : home > gap || home <= n;
      if (stays) continue;
      this.#cells[2 * gap] = other;
      this.#cells[2 * gap + 1] = moved;
      gap = n;
    }
    this.#cells[2 * gap + 1] = 0;
  }

  #cellOf(hash: number, slot: number): number {
    for (let n = this.#homeOf(hash); ; n = this.#after(n)) {
      const there = this.#cells[2 * n + 1];
      if (there === slot && this.#cells[2 * n] === hash) return n;
      if (there === 0) throw new Error(`slot ${slot} is not where its name is looked up`);
    }
  }

  #put(hash: number, slot: number): void {
    let n = this.#homeOf(hash);
    while (this.#cells[2 * n + 1] !== 0) n = this.#after(n);
    this.#cells[2 * n] = hash;
    this.#cells[2 * n + 1] = slot;
  }

  #growTo(count: number): void {
    const old = this.#cells;
    this.#count = count;
    this.#cells = new Int32Array(2 * count);
    for (let n = 0; n < old.length; n += 2) {
      if (old[n + 1] !== 0) this.#put(old[n] as number, old[n + 1] as number);
    }
  }

  /** A part of the table as large as the hash is a part of all hashes: the table may have any size. */
  #homeOf(hash: number): number {
    return Math.floor(((hash >>> 0) / 0x1_0000_0000) * this.#count);
  }

  #after(n: number): number {
    return n + 1 === this.#count ? 0 : n + 1;
  }
}
