/** Taking turns: what changes memory and file alike is done by one at a time. */
export class Turns {
  /** The last turn, once it is over. Null: nobody has one. */
  #last: Promise<void> | null = null;

  /** Does `work` when everybody who came before is done: at once, where nobody is there. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last === null ? work() : this.#last.then(work);
    const over = turn.then(nothing, nothing).then(() => {
      if (this.#last === over) this.#last = null;
    });
    this.#last = over;
    return turn;
  }

  /** Resolves when nobody has a turn: what is read then, before anything else is awaited, is as it was kept. */
  async over(): Promise<void> {
    while (this.#last !== null) await this.#last;
  }
}

function nothing(): void {}
