/** Cells of the first table that is a finder's own: most licences of a shared database have few sessions. */
const fewest = 4;

/** The table of all finders that have nothing: one cell, with nothing in it. */
const nothing = new Int32Array(2);

/** A table grows by half when more of it is taken; then a look-up that finds nothing reads some ten neighbouring cells. */
const fullest = 0.8;

/** Cells of the old table that each addition empties while a table grows: done long before the new one is full. */
const movedAtATime = 8;

/** Stands in an old table for what is no longer in it: look-ups go on behind it. */
const takenOut = -1;

/**
 * Finds the slots of records by the hash of a name: an open table of pairs, hash and slot, side by side. A slot is never 0.
 * Twelve bytes a record, where a map of JavaScript takes forty and the name as a string of its own. It grows a few cells at a
 * time: a million at once would keep everybody waiting.
 */
export class Finder {
  #cells = nothing;
  #count = 1;
  #size = 0;
  /** The table from before it grew, until all that it has is in the other one; null: there is none. */
  #old: Int32Array | null = null;
  /** What stood before this cell of the old table is in the other one, or was. */
  #moved = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot under the hash that is the one; 0: none is. Of equal hashes each is asked for, which hardly ever are two. */
  find(hash: number, isIt: (slot: number) => boolean): number {
    for (let n = homeOf(hash, this.#count); ; n = after(n, this.#count)) {
      const slot = this.#cells[2 * n + 1] as number;
      if (slot === 0) return this.#old === null ? 0 : this.#findOld(this.#old, hash, isIt);
      if (this.#cells[2 * n] === hash && isIt(slot)) return slot;
    }
  }

  #findOld(old: Int32Array, hash: number, isIt: (slot: number) => boolean): number {
    const count = old.length / 2;
    for (let n = homeOf(hash, count); ; n = after(n, count)) {
      const slot = old[2 * n + 1] as number;
      if (slot === 0) return 0;
      if (slot !== takenOut && old[2 * n] === hash && isIt(slot)) return slot;
    }
  }

  add(hash: number, slot: number): void {
    if (this.#old !== null) this.#move(this.#old, movedAtATime);
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
    const n = cellOf(this.#cells, hash, slot);
    if (n >= 0) this.#cells[2 * n + 1] = other;
    else (this.#old as Int32Array)[2 * this.#oldCellOf(hash, slot) + 1] = other;
  }

  remove(hash: number, slot: number): void {
    const n = cellOf(this.#cells, hash, slot);
    if (n >= 0) this.#close(n);
    else (this.#old as Int32Array)[2 * this.#oldCellOf(hash, slot) + 1] = takenOut;
    this.#size--;
  }

  #oldCellOf(hash: number, slot: number): number {
    const n = this.#old === null ? -1 : cellOf(this.#old, hash, slot);
    if (n < 0) throw new Error(`slot ${slot} is not where its name is looked up`);
    return n;
  }

  /** Closes the gap that a slot leaves: what is behind moves up, so that no look-up ends too early and nothing is left behind. */
  #close(cell: number): void {
    let gap = cell;
    for (let n = after(gap, this.#count); ; n = after(n, this.#count)) {
      const [other, moved] = [this.#cells[2 * n] as number, this.#cells[2 * n + 1] as number];
      if (moved === 0) break;
      const home = homeOf(other, this.#count);
      // One that is at home between the gap and here stays: in front of its home nobody looks for it.
      const stays = gap < n ? home > gap && home <= n : home > gap || home <= n;
      if (stays) continue;
      this.#cells[2 * gap] = other;
      this.#cells[2 * gap + 1] = moved;
      gap = n;
    }
    this.#cells[2 * gap + 1] = 0;
  }

  #put(hash: number, slot: number): void {
    let n = homeOf(hash, this.#count);
    while (this.#cells[2 * n + 1] !== 0) n = after(n, this.#count);
    this.#cells[2 * n] = hash;
    this.#cells[2 * n + 1] = slot;
  }

  #growTo(count: number): void {
    if (this.#old !== null) this.#move(this.#old, Number.POSITIVE_INFINITY);
    this.#old = this.#size === 0 ? null : this.#cells;
    this.#moved = 0;
    this.#count = count;
    this.#cells = new Int32Array(2 * count);
    if (this.#old !== null) this.#move(this.#old, movedAtATime);
  }

  #move(old: Int32Array, cells: number): void {
    const end = Math.min(old.length / 2, this.#moved + cells);
    for (let n = this.#moved; n < end; n++) {
      const slot = old[2 * n + 1] as number;
      if (slot === 0 || slot === takenOut) continue;
      this.#put(old[2 * n] as number, slot);
      // The slot may come back under an equal hash, in the place of another one that still stands here.
      old[2 * n + 1] = takenOut;
    }
    this.#moved = end;
    if (end === old.length / 2) this.#old = null;
  }
}

/** Where a slot stands in a table; -1: nowhere. */
function cellOf(cells: Int32Array, hash: number, slot: number): number {
  const count = cells.length / 2;
  for (let n = homeOf(hash, count); ; n = after(n, count)) {
    const there = cells[2 * n + 1];
    if (there === slot && cells[2 * n] === hash) return n;
    if (there === 0) return -1;
  }
}

/** A part of the table as large as the hash is a part of all hashes: the table may have any size. */
function homeOf(hash: number, count: number): number {
  return Math.floor(((hash >>> 0) / 0x1_0000_0000) * count);
}

function after(n: number, count: number): number {
  return n + 1 === count ? 0 : n + 1;
}
