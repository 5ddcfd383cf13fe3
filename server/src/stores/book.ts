/**
 * All licences in memory, with the catalogue and the indexes that find them: what the memory store is, and what the
 * SQLite store, the sole owner of its file, decides from. Remembers what a transaction changed, to be saved or undone.
 */
import { Catalog } from "../catalog/catalog.ts";
import type { Edition, License, StoredEntity } from "../catalog/entities.ts";
import { termsOf } from "../catalog/terms.ts";
import { evolve } from "../core/evolve.ts";
import type { Entry } from "../core/heap.ts";
import { clientKey, fold } from "../core/names.ts";
import { LicenseState } from "../core/state.ts";
import type { Licenses } from "../core/step.ts";
import type { Assignment, Change, HistoryRecord, Millis, Session } from "../core/types.ts";

/** One applied change, with what is needed to take it back. */
interface Done {
  readonly license: LicenseState;
  readonly change: Change;
  /** The session's entry as the change left it; for a forgotten session, the entry that was. */
  readonly entry: Entry | undefined;
  readonly sessionBefore: Session | undefined;
  readonly assignmentBefore: Assignment | undefined;
}

export class Book implements Licenses {
  readonly catalog = new Catalog();
  readonly #licenses = new Map<string, LicenseState>();
  readonly #applied = new Map<string, StoredEntity["applied"]>();
  /** Licences that know a client, a token or a user, by vendor, product and key. */
  readonly #byClient = new Map<string, LicenseState[]>();
  readonly #byUser = new Map<string, { readonly license: LicenseState; readonly clientKey: string }[]>();
  readonly #byToken = new Map<string, LicenseState>();
  #done: Done[] = [];
  #lines: HistoryRecord[] = [];

  /** What the transaction under way has changed so far. */
  get done(): readonly Done[] {
    return this.#done;
  }

  get lines(): readonly HistoryRecord[] {
    return this.#lines;
  }

  license(isvId: string, licenseId: string): LicenseState | undefined {
    return this.#licenses.get(isvId + licenseId);
  }

  licenses(): Iterable<LicenseState> {
    return this.#licenses.values();
  }

  siblings(license: LicenseState, clientId: string): readonly LicenseState[] {
    const { isvId, productId, customerId } = license.terms;
    return this.licensesOfClient(isvId, productId, clientId).filter(
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
    const entry = evolve(license, change);
    if (change.type === "assignment") this.index(license, change.assignment, assignmentBefore);
    this.#done.push({ license, change, entry, sessionBefore, assignmentBefore });
  }

  record(line: HistoryRecord): void {
    this.#lines.push(line);
  }

  /** The transaction is saved: what it changed stands. */
  keep(): void {
    this.#done = [];
    this.#lines = [];
  }

  /** The transaction failed: everything is as it was before it. */
  undo(): void {
    for (let n = this.#done.length - 1; n >= 0; n--) this.#takeBack(this.#done[n] as Done);
    this.keep();
  }

  #takeBack({ license, change, entry, sessionBefore, assignmentBefore }: Done): void {
    if (change.type === "assignment") {
      if (assignmentBefore === undefined) {
        license.dropAssignment(change.assignment.clientKey);
        this.#unindex(license, change.assignment);
      } else {
        license.putAssignment(assignmentBefore);
        this.index(license, assignmentBefore, change.assignment);
      }
    } else if (sessionBefore === undefined) {
      if (change.type === "session") license.dropSession(change.session.key);
    } else if (change.type === "session.gone") {
      license.restoreSession(entry as Entry);
    } else {
      license.putSession(sessionBefore);
    }
  }

  /** Throws unless the entities fit together and with what is there: before anything is saved. */
  checkEntities(entities: readonly StoredEntity[]): void {
    const coming = new Set(entities.map(({ isvId, kind, id }) => appliedPlace(isvId, kind, id)));
    const has = (isvId: string, kind: StoredEntity["kind"], id: string) => coming.has(appliedPlace(isvId, kind, id));
    for (const { isvId, kind, id, body } of entities) {
      const vendor = this.catalog.vendor(isvId);
      if (vendor === undefined && !has(isvId, "isv", isvId))
        throw new Error(`${kind} ${id}: there is no vendor ${isvId}`);
      if (kind !== "license") continue;
      const edition = (body as License).edition_id;
      if (vendor?.editions.has(edition) !== true && !has(isvId, "edition", edition)) {
        throw new Error(`licence ${id}: there is no edition ${edition}`);
      }
    }
  }

  /** Takes over entities that the store has saved: licences see their new terms at once. */
  putEntities(entities: readonly StoredEntity[]): void {
    // A vendor before what belongs to it.
    for (const entity of entities.toSorted((a, b) => Number(b.kind === "isv") - Number(a.kind === "isv"))) {
      this.catalog.put(entity);
      this.#applied.set(appliedPlace(entity.isvId, entity.kind, entity.id), entity.applied);
    }
    for (const { isvId, kind, id } of entities) {
      if (kind === "license") this.#putTerms(isvId, id);
      if (kind === "edition") this.#putTermsOfEdition(isvId, id);
    }
  }

  applied(isvId: string, kind: StoredEntity["kind"], id: string): StoredEntity["applied"] {
    return this.#applied.get(appliedPlace(isvId, kind, id)) ?? null;
  }

  #putTermsOfEdition(isvId: string, editionId: string): void {
    for (const license of this.catalog.vendor(isvId)?.licenses.values() ?? []) {
      if (license.edition_id === editionId) this.#putTerms(isvId, license.id);
    }
  }

  #putTerms(isvId: string, licenseId: string): void {
    const vendor = this.catalog.vendor(isvId);
    const license = vendor?.licenses.get(licenseId) as License;
    const edition = vendor?.editions.get(license.edition_id) as Edition | undefined;
    if (edition === undefined) throw new Error(`licence ${licenseId}: there is no edition ${license.edition_id}`);
    const terms = termsOf(isvId, license, edition);
    const known = this.license(isvId, licenseId);
    if (known === undefined) this.#licenses.set(isvId + licenseId, new LicenseState(terms));
    else known.terms = terms;
  }

  licensesOfClient(isvId: string, productId: string, clientId: string): LicenseState[] {
    const keys = new Set([clientId, fold(clientId)]);
    const found = [...keys].flatMap((key) => this.#byClient.get(placeOf(isvId, productId, key)) ?? []);
    const holds = (license: LicenseState) =>
      license.assignment(clientKey(license.terms, clientId))?.unassignedAt === null;
    return [...new Set(found)]
      .filter((license) => license.assignment(clientKey(license.terms, clientId)) !== undefined)
      .toSorted((a, b) => Number(holds(b)) - Number(holds(a)));
  }

  licenseOfToken(isvId: string, tokenKey: string): LicenseState | undefined {
    return this.#byToken.get(isvId + tokenKey);
  }

  assignmentsOfUser(isvId: string, productId: string, userId: string) {
    return (this.#byUser.get(placeOf(isvId, productId, fold(userId))) ?? []).map(({ license, clientKey: key }) => ({
      licenseId: license.terms.licenseId,
      assignment: license.assignment(key) as Assignment,
    }));
  }

  dueLicenses(now: Millis, limit: number, isvId: string | null) {
    const due: { isvId: string; licenseId: string }[] = [];
    for (const license of this.#licenses.values()) {
      if (license.nextDueAt() > now || (isvId !== null && license.terms.isvId !== isvId)) continue;
      due.push(license.terms);
      if (due.length >= limit) break;
    }
    return due;
  }

  liveLicenses() {
    return [...this.#licenses.values()].filter((license) => license.openSessions > 0).map(({ terms }) => terms);
  }

  /** Keeps the look-ups true after an assignment was put. */
  index(license: LicenseState, assignment: Assignment, before: Assignment | undefined): void {
    if (before !== undefined && userOf(before) === userOf(assignment)) return;
    if (before !== undefined) this.#unindex(license, before);
    const { isvId, productId } = license.terms;
    this.#byToken.set(isvId + assignment.tokenKey, license);
    const place = placeOf(isvId, productId, assignment.clientKey);
    const licenses = this.#byClient.get(place);
    if (licenses === undefined) this.#byClient.set(place, [license]);
    else if (!licenses.includes(license)) licenses.push(license);
    const user = userOf(assignment);
    if (user === null) return;
    const userPlace = placeOf(isvId, productId, user);
    const item = { license, clientKey: assignment.clientKey };
    const items = this.#byUser.get(userPlace);
    if (items === undefined) this.#byUser.set(userPlace, [item]);
    else items.push(item);
  }

  #unindex(license: LicenseState, assignment: Assignment): void {
    const { isvId, productId } = license.terms;
    this.#byToken.delete(isvId + assignment.tokenKey);
    const place = placeOf(isvId, productId, assignment.clientKey);
    setOrDelete(
      this.#byClient,
      place,
      (this.#byClient.get(place) ?? []).filter((other) => other !== license),
    );
    const user = userOf(assignment);
    if (user === null) return;
    const userPlace = placeOf(isvId, productId, user);
    const others = (this.#byUser.get(userPlace) ?? []).filter(
      (item) => item.license !== license || item.clientKey !== assignment.clientKey,
    );
    setOrDelete(this.#byUser, userPlace, others);
  }
}

function setOrDelete<T>(index: Map<string, T[]>, place: string, items: T[]): void {
  if (items.length === 0) index.delete(place);
  else index.set(place, items);
}

function userOf(assignment: Assignment): string | null {
  return assignment.userId === null ? null : fold(assignment.userId);
}

function placeOf(isvId: string, productId: string, key: string): string {
  return `${isvId}${productId}${key}`;
}

function appliedPlace(isvId: string, kind: string, id: string): string {
  return `${isvId}${kind}${id}`;
}
