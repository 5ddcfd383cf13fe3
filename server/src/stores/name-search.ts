/**
 * A search for a user's names in all that a vendor's licences keep. There may be millions of sessions: so it goes a few at a time,
 * others have their turn in between, and what they change is noted.
 */
import type { LicenseState } from "../core/state.ts";
import type { Assignment, Item, ItemKind, Session } from "../core/types.ts";
import { isNamed, isNamedItem, type Kept, type Renames, type Renaming, renamingOf } from "./forgetting.ts";

/** Sessions, clients and the like that are looked at in one step: some milliseconds. */
const lookedAtOnceMax = 2_000;

export class NameSearch {
  readonly #isvId: string;
  readonly #names: Renames;
  readonly #traces = new Map<LicenseState, Traces>();

  constructor(isvId: string, names: Renames) {
    this.#isvId = isvId;
    this.#names = names;
  }

  /** Looks through the licences, and pauses after each step. Once it is over, whatever bears a name is noted. */
  *through(licenses: Iterable<LicenseState>, atOnce = lookedAtOnceMax): Generator<undefined> {
    let looked = 0;
    const isStepOver = () => ++looked % atOnce === 0;
    for (const license of licenses) {
      if (isStepOver()) yield;
      if (license.terms.isvId !== this.#isvId) continue;
      for (const session of license.sessions()) {
        this.noteSession(license, session);
        if (isStepOver()) yield;
      }
      for (const assignment of license.assignments()) {
        this.noteClient(license, assignment);
        if (isStepOver()) yield;
      }
      for (const item of license.items()) {
        this.noteItem(license, item);
        if (isStepOver()) yield;
      }
    }
  }

  noteSession(license: LicenseState, session: Session | undefined): void {
    if (session === undefined || !isNamed(license.terms, session, this.#names)) return;
    this.#tracesIn(license)?.sessionKeys.add(session.key);
  }

  noteClient(license: LicenseState, assignment: Assignment | undefined): void {
    if (assignment === undefined || !isNamed(license.terms, assignment, this.#names)) return;
    this.#tracesIn(license)?.clientKeys.add(assignment.clientKey);
  }

  noteItem(license: LicenseState, item: Item | undefined): void {
    if (item === undefined || !isNamedItem(license.terms, item, this.#names)) return;
    this.#tracesIn(license)?.itemKeys.set(item.kind + item.key, [item.kind, item.key]);
  }

  /**
   * What the names' end means for each licence that knows them, as it stands now.
   * @throws CatalogConflict where one of them has a live session.
   */
  renamings(isThere: (license: LicenseState) => boolean): Map<LicenseState, Renaming> {
    const found = new Map<LicenseState, Renaming>();
    for (const [license, traces] of this.#traces) {
      const renaming = isThere(license) ? renamingOf(license, this.#names, traces) : null;
      if (renaming !== null) found.set(license, renaming);
    }
    return found;
  }

  #tracesIn(license: LicenseState): Traces | undefined {
    if (license.terms.isvId !== this.#isvId) return undefined;
    const known = this.#traces.get(license);
    if (known !== undefined) return known;
    const made = new Traces(license);
    this.#traces.set(license, made);
    return made;
  }
}

/** What of a licence bears a name, or has borne one since the search began: looked up anew whenever it is asked for. */
class Traces implements Kept {
  readonly sessionKeys = new Set<string>();
  readonly clientKeys = new Set<string>();
  readonly itemKeys = new Map<string, readonly [ItemKind, string]>();
  readonly #license: LicenseState;

  constructor(license: LicenseState) {
    this.#license = license;
  }

  sessions(): Session[] {
    return present([...this.sessionKeys].map((key) => this.#license.session(key)));
  }

  assignments(): Assignment[] {
    return present([...this.clientKeys].map((key) => this.#license.assignment(key)));
  }

  items(): Item[] {
    return present([...this.itemKeys.values()].map(([kind, key]) => this.#license.item(kind, key)));
  }
}

function present<T>(all: readonly (T | undefined)[]): T[] {
  return all.filter((each) => each !== undefined);
}
