/**
 * All licences in memory, with the catalogue and the indexes that find them: what the memory store is, and what the
 * SQLite store, the sole owner of its file, decides from. Remembers what a transaction changed, to be saved or undone.
 */
import type { AuditLine, Author } from "../catalog/audit.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { EntityChange, Kind, StoredEntity } from "../catalog/entities.ts";
import { tokensGone } from "../core/decide/assignments.ts";
import { evolve } from "../core/evolve.ts";
import { clientKey } from "../core/names.ts";
import { Shelf } from "../core/packed/shelf.ts";
import { LicenseState } from "../core/state.ts";
import type {
  Assignment,
  Change,
  CheckIns,
  Gathered,
  HistoryRecord,
  Item,
  Millis,
  Project,
  Session,
} from "../core/types.ts";
import { Clients } from "./clients.ts";
import { Directory } from "./directory.ts";
import { type Renames, type Renaming, rename } from "./forgetting.ts";
import { NameSearch } from "./name-search.ts";
import {
  type AuditedLicenses,
  CatalogConflict,
  type DumpLine,
  DumpRefused,
  type KnownClient,
  type Place,
} from "./store.ts";

/** One applied change, with what is needed to take it back. */
interface Done {
  readonly license: LicenseState;
  readonly change: Change;
  /** The slot of the session that was put, or taken out; 0: of none. */
  readonly slot: number;
  readonly sessionBefore: Session | undefined;
  readonly assignmentBefore: Assignment | undefined;
  readonly projectBefore: Project | undefined;
  readonly itemBefore: Item | undefined;
  readonly checkInsBefore: CheckIns | null;
}

/** A line of a dump that a book takes over. */
export type BookLine = Exclude<DumpLine, { readonly type: "setting" | "history" | "tally" | "audit" | "gathered" }>;

export class Book implements AuditedLicenses {
  readonly #directory = new Directory();
  /** Where all licences have their sessions and clients. */
  readonly shelf = new Shelf();
  /** By vendor and id: a key put together of them would be made for every command. */
  readonly #licenses = new Map<string, Map<string, LicenseState>>();
  readonly #clients = new Clients(this.shelf);
  readonly #byProject = new Map<string, LicenseState>();
  /** How many licences the looks for what is due have answered with. */
  #looked = 0;
  #done: Done[] = [];
  #lines: HistoryRecord[] = [];
  #gathered: Gathered[] = [];
  #audited: AuditLine[] = [];
  /** Licences that keep an item, by vendor, kind and key. */
  readonly #byItem = new Map<string, Set<LicenseState>>();
  readonly #searches = new Set<NameSearch>();

  get catalog(): Catalog {
    return this.#directory.catalog;
  }

  /** What the transaction under way has changed so far. */
  get done(): readonly Done[] {
    return this.#done;
  }

  get lines(): readonly HistoryRecord[] {
    return this.#lines;
  }

  get gathered(): readonly Gathered[] {
    return this.#gathered;
  }

  get audited(): readonly AuditLine[] {
    return this.#audited;
  }

  license(isvId: string, licenseId: string): LicenseState | undefined {
    return this.#licenses.get(isvId)?.get(licenseId);
  }

  *licenses(): Iterable<LicenseState> {
    for (const ofVendor of this.#licenses.values()) yield* ofVendor.values();
  }

  siblings(license: LicenseState, clientId: string): readonly LicenseState[] {
    const { isvId, productId, customerId } = license.terms;
    return this.#licensesOfClient(isvId, productId, clientId).filter(
      (other) => other !== license && other.terms.customerId === customerId,
    );
  }

  apply(license: LicenseState, change: Change): void {
    const sessionBefore =
      change.type === "session"
        ? license.session(change.session.key)
        : change.type === "session.gone"
          ? license.session(change.key)
          : undefined;
    const assignmentBefore = change.type === "assignment" ? license.assignment(change.assignment.clientKey) : undefined;
    const projectBefore = projectOf(license, change);
    const itemBefore = itemOf(license, change);
    const checkInsBefore = license.checkIns;
    // What goes is only taken out: it comes back if the transaction fails.
    const slot = change.type === "session.gone" ? license.takeOutSession(change.key) : evolve(license, change);
    if (change.type === "assignment") this.index(license, change.assignment, assignmentBefore);
    if (change.type === "project") this.indexProject(license, change.project.id);
    if (change.type === "project.gone") this.#byProject.delete(license.terms.isvId + change.id);
    this.#indexItem(license, change);
    const done = { license, change, slot, sessionBefore, assignmentBefore, projectBefore, itemBefore, checkInsBefore };
    this.#done.push(done);
    for (const search of this.#searches) noteChange(search, done);
  }

  record(line: HistoryRecord): void {
    this.#lines.push(line);
  }

  gather(value: Gathered): void {
    this.#gathered.push(value);
  }

  audit(line: AuditLine): void {
    this.#audited.push(line);
  }

  /** The transaction is saved: what it changed stands. */
  keep(): void {
    for (const { license, change, slot } of this.#done) {
      if (change.type === "session.gone" && slot !== 0) license.forgetSession(slot);
    }
    this.#clear();
  }

  #clear(): void {
    this.#done = [];
    this.#lines = [];
    this.#gathered = [];
    this.#audited = [];
  }

  /** The transaction failed: everything is as it was before it. */
  undo(): void {
    for (let n = this.#done.length - 1; n >= 0; n--) this.#takeBack(this.#done[n] as Done);
    this.#clear();
  }

  #takeBack(done: Done): void {
    const { license, change, slot, sessionBefore, assignmentBefore, projectBefore, itemBefore } = done;
    if (change.type === "item" || change.type === "item.gone") {
      const back = itemBefore === undefined ? goneOf(change) : ({ type: "item", item: itemBefore } as const);
      evolve(license, back);
      this.#indexItem(license, back);
    } else if (change.type === "check-ins") {
      license.checkIns = done.checkInsBefore;
    } else if (change.type === "project" || change.type === "project.gone") {
      this.#takeBackProject(license, change, projectBefore);
    } else if (change.type === "assignment") {
      if (assignmentBefore === undefined) {
        license.dropAssignment(change.assignment.clientKey);
        this.#clients.drop(license, change.assignment);
      } else {
        license.putAssignment(assignmentBefore);
        this.index(license, assignmentBefore, change.assignment);
      }
    } else if (sessionBefore === undefined) {
      if (change.type === "session") license.dropSession(change.session.key);
    } else if (change.type === "session.gone") {
      license.putBackSession(slot);
    } else {
      license.putSession(sessionBefore);
    }
  }

  #takeBackProject(license: LicenseState, change: Change, before: Project | undefined): void {
    if (before !== undefined) {
      license.putProject(before);
      this.indexProject(license, before.id);
    } else if (change.type === "project") {
      license.dropProject(change.project.id);
      this.#byProject.delete(license.terms.isvId + change.project.id);
    }
  }

  #indexItem(license: LicenseState, change: Change): void {
    if (change.type !== "item" && change.type !== "item.gone") return;
    const { kind, key } = change.type === "item" ? change.item : change;
    const place = `${license.terms.isvId}${kind}${key}`;
    const licenses = this.#byItem.get(place) ?? new Set();
    if (change.type === "item") this.#byItem.set(place, licenses.add(license));
    else if (licenses.delete(license) && licenses.size === 0) this.#byItem.delete(place);
  }

  licensesOfItem(isvId: string, kind: Item["kind"], key: string): string[] {
    return [...(this.#byItem.get(`${isvId}${kind}${key}`) ?? [])].map(({ terms }) => terms.licenseId);
  }

  /** Takes over an item that is saved. */
  putItem(license: LicenseState, item: Item): void {
    license.putItem(item);
    this.#indexItem(license, { type: "item", item });
  }

  indexProject(license: LicenseState, projectId: string): void {
    this.#byProject.set(license.terms.isvId + projectId, license);
  }

  licenseOfProject(isvId: string, projectId: string): string | undefined {
    return this.#byProject.get(isvId + projectId)?.terms.licenseId;
  }

  /** @throws CatalogConflict unless the changes fit what is there. */
  checkEntities(changes: readonly EntityChange[]): void {
    this.#directory.check(changes);
    for (const { isvId, kind, id, body } of changes) {
      const isLive = kind === "license" && body === null && (this.license(isvId, id)?.openSessions ?? 0) > 0;
      if (isLive) throw new CatalogConflict(kind, id, "has live sessions");
    }
  }

  auditLines(changes: readonly EntityChange[], author: Author, at: Millis): AuditLine[] {
    return this.#directory.auditLines(changes, author, at);
  }

  /** The lines that history gets for licences that go with the changes: to be asked for before they are taken over. */
  linesOfGone(changes: readonly EntityChange[], now: Millis): HistoryRecord[] {
    return changes.flatMap(({ isvId, kind, id, body }) => {
      const license = kind === "license" && body === null ? this.license(isvId, id) : undefined;
      return license === undefined ? [] : tokensGone(license, now);
    });
  }

  /** Takes over changes that the store has saved: licences see their new terms at once. */
  putEntities(changes: readonly EntityChange[]): void {
    const { terms, gone } = this.#directory.put(changes);
    for (const each of terms) {
      const ofVendor = this.#licenses.get(each.isvId) ?? new Map<string, LicenseState>();
      this.#licenses.set(each.isvId, ofVendor);
      const known = ofVendor.get(each.licenseId);
      if (known === undefined) ofVendor.set(each.licenseId, new LicenseState(each, this.shelf));
      else known.terms = each;
    }
    for (const place of gone) this.#forget(place);
  }

  #forget({ isvId, licenseId }: Place): void {
    const license = this.license(isvId, licenseId);
    if (license === undefined) return;
    for (const assignment of license.assignments()) this.#clients.drop(license, assignment);
    for (const { id } of license.projects()) this.#byProject.delete(isvId + id);
    for (const { kind, key } of license.items()) this.#indexItem(license, { type: "item.gone", kind, key });
    license.clear();
    this.#licenses.get(isvId)?.delete(licenseId);
  }

  /** Begins a search for names: between transactions, and it hears of what they change until `endSearch`. */
  beginSearch(isvId: string, names: Renames): NameSearch {
    const search = new NameSearch(isvId, names);
    this.#searches.add(search);
    return search;
  }

  endSearch(search: NameSearch): void {
    this.#searches.delete(search);
  }

  /** What the end of a user's names means for the vendor's licences. @throws CatalogConflict where it has a live session. */
  renamings(search: NameSearch): Map<LicenseState, Renaming> {
    return search.renamings((license) => this.license(license.terms.isvId, license.terms.licenseId) === license);
  }

  rename(renamings: ReadonlyMap<LicenseState, Renaming>): void {
    for (const [license, renaming] of renamings) {
      // Of two users that are forgotten at once, one may have a client that has the other's name.
      for (const search of this.#searches) {
        for (const assignment of renaming.after) search.noteClient(license, assignment);
      }
      for (const assignment of renaming.before) this.#clients.drop(license, assignment);
      rename(license, renaming);
      for (const assignment of renaming.after) this.index(license, assignment, undefined);
      for (const { kind, key } of renaming.gone) this.#indexItem(license, { type: "item.gone", kind, key });
    }
  }

  /** Tokens count as taken from this instant on, for one session period. */
  hold(heldFrom: Millis | null): void {
    if (this.#directory.heldFrom === heldFrom) return;
    this.#directory.heldFrom = heldFrom;
    for (const license of this.licenses()) license.terms = { ...license.terms, heldFrom };
  }

  /** Everything but history, as lines of a dump: all of it at once, as values that stay what they are. */
  dumpLines(settings: readonly (readonly [string, string])[]): DumpLine[] {
    const of = (license: LicenseState) => ({ isvId: license.terms.isvId, licenseId: license.terms.licenseId });
    const licenses = [...this.licenses()];
    return [
      ...settings.map(([name, value]): DumpLine => ({ type: "setting", name, value })),
      ...this.#directory.entities().map((entity): DumpLine => ({ type: "entity", ...entity })),
      ...licenses.flatMap((license) =>
        [...license.assignments()].map((assignment): DumpLine => ({ type: "assignment", ...of(license), assignment })),
      ),
      ...licenses.flatMap((license) =>
        [...license.projects()].map((project): DumpLine => ({ type: "project", ...of(license), project })),
      ),
      ...licenses.flatMap(({ terms: { isvId, licenseId }, checkIns }): DumpLine[] =>
        checkIns === null ? [] : [{ type: "check-ins", isvId, licenseId, checkIns }],
      ),
      ...licenses.flatMap((license) =>
        [...license.sessions()].map((session): DumpLine => ({ type: "session", ...of(license), session })),
      ),
      ...licenses.flatMap((license) =>
        [...license.items()].map((item): DumpLine => ({ type: "item", ...of(license), item })),
      ),
    ];
  }

  /** Takes over one line of a dump. */
  load(line: BookLine): void {
    if (line.type === "entity") {
      this.checkEntities([line]);
      this.putEntities([line]);
      return;
    }
    const license = this.license(line.isvId, line.licenseId);
    if (license === undefined)
      throw new DumpRefused(`a ${line.type} of a licence that is not there: ${line.licenseId}`);
    if (line.type === "session") license.putSession(line.session);
    else if (line.type === "item") this.putItem(license, line.item);
    else if (line.type === "check-ins") license.checkIns = line.checkIns;
    else if (line.type === "project") {
      license.putProject(line.project);
      this.indexProject(license, line.project.id);
    } else {
      license.putAssignment(line.assignment);
      this.index(license, line.assignment, undefined);
    }
  }

  applied(isvId: string, kind: Kind, id: string): StoredEntity["applied"] {
    return this.#directory.applied(isvId, kind, id);
  }

  #licensesOfClient(isvId: string, productId: string, clientId: string): LicenseState[] {
    return [...this.#clients.licensesOfClient(isvId, productId, clientId)].filter(
      (license) => license.assignment(clientKey(license.terms, clientId)) !== undefined,
    );
  }

  assignmentsOfClient(isvId: string, productId: string, clientId: string): KnownClient[] {
    return this.#licensesOfClient(isvId, productId, clientId).map((license) => ({
      licenseId: license.terms.licenseId,
      assignment: license.assignment(clientKey(license.terms, clientId)) as Assignment,
    }));
  }

  licenseOfToken(isvId: string, tokenKey: string): string | undefined {
    return this.#clients.licenseOfToken(isvId, tokenKey)?.terms.licenseId;
  }

  assignmentsOfUser(isvId: string, productId: string, userId: string): KnownClient[] {
    return [...this.#clients.seatsOfUser(isvId, productId, userId)].map(({ license, clientKey: key }) => ({
      licenseId: license.terms.licenseId,
      assignment: license.assignment(key) as Assignment,
    }));
  }

  /** Each look begins behind where the last one ended, so that busy licences do not keep quiet ones waiting. */
  dueLicenses(now: Millis, limit: number, isvId: string | null): Place[] {
    const due: Place[] = [];
    for (const license of this.licenses()) {
      if (license.nextDueAt() <= now && (isvId === null || license.terms.isvId === isvId)) due.push(license.terms);
    }
    if (due.length <= limit) return due;
    const start = this.#looked % due.length;
    this.#looked += limit;
    return [...due.slice(start), ...due.slice(0, start)].slice(0, limit);
  }

  /** No session ends before this instant. */
  earliestEnd(): Millis {
    let earliest = Number.POSITIVE_INFINITY;
    for (const license of this.licenses()) earliest = Math.min(earliest, license.sessionsEndAt());
    return earliest;
  }

  liveLicenses(): Place[] {
    // What an administrator ended is known until its old end.
    const isLive = (license: LicenseState) =>
      license.sessionsEndAt() < Number.POSITIVE_INFINITY || license.ticketCount > 0;
    return [...this.licenses()].filter(isLive).map(({ terms }) => terms);
  }

  /** Keeps the look-ups true after an assignment was put. */
  index(license: LicenseState, assignment: Assignment, before: Assignment | undefined): void {
    this.#clients.put(license, assignment, before);
  }
}

/** What was as well as what is: a change may be taken back. */
function noteChange(search: NameSearch, done: Done): void {
  const { license, change } = done;
  search.noteSession(license, done.sessionBefore);
  search.noteClient(license, done.assignmentBefore);
  search.noteItem(license, done.itemBefore);
  if (change.type === "session") search.noteSession(license, change.session);
  if (change.type === "assignment") search.noteClient(license, change.assignment);
  if (change.type === "item") search.noteItem(license, change.item);
}

/** The project that a change is about, as it stands. */
function projectOf(license: LicenseState, change: Change): Project | undefined {
  if (change.type === "project") return license.project(change.project.id);
  return change.type === "project.gone" ? license.project(change.id) : undefined;
}

/** The item that a change is about, as it stands. */
function itemOf(license: LicenseState, change: Change): Item | undefined {
  if (change.type === "item") return license.item(change.item.kind, change.item.key);
  return change.type === "item.gone" ? license.item(change.kind, change.key) : undefined;
}

function goneOf(change: Extract<Change, { readonly type: "item" | "item.gone" }>): Change {
  return change.type === "item.gone" ? change : { type: "item.gone", kind: change.item.kind, key: change.item.key };
}
