/** Progress of long work, for whoever waits: on standard error, so that it is never part of what is written. */

/** How often something is said. Short work says nothing. */
const sayEveryMs = 2_000;

export class Progress {
  readonly #what: string;
  readonly #unit: string;
  #count = 0;
  #saidAt = performance.now();

  constructor(what: string, unit: string) {
    this.#what = what;
    this.#unit = unit;
  }

  readonly add = (count: number): void => {
    this.#count += count;
    if (performance.now() - this.#saidAt < sayEveryMs) return;
    this.#saidAt = performance.now();
    console.error(`${this.#what}: ${this.#count.toLocaleString("en")} ${this.#unit} so far`);
  };
}
