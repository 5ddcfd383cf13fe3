import { PackedParties } from "./parties.ts";
import { PackedSessions } from "./sessions.ts";
import { Texts } from "./texts.ts";

/**
 * What licences have most of, sessions and whoever they know by a name, packed together: a value of JavaScript takes several
 * times as much memory, and the garbage collector would look at each of them again and again.
 */
export class Shelf {
  readonly #texts = new Texts();
  readonly sessions = new PackedSessions(this.#texts);
  readonly parties = new PackedParties(this.#texts);
  #licenses = 0;

  /** A number for a licence that puts its things here. */
  nextLicense(): number {
    return ++this.#licenses;
  }
}
