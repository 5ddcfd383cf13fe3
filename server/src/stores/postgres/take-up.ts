/**
 * Takes licences up into a server's memory, from their rows: sessions as they were folded, and over them what the log
 * says since. Page by page, because a licence may have a million sessions: the event loop goes on meanwhile, and
 * PostgreSQL never waits long for this server.
 */
import { LicenseState } from "../../core/state.ts";
import type { CheckIns, Item, Project, Session, Terms } from "../../core/types.ts";
import { LicensesBusy, type Patience, type Place } from "../store.ts";
import { assignmentOf, sessionOf } from "./bodies.ts";
import type { Connections, Row, Transaction } from "./connections.ts";
import { isConflict, isLockedOut, isLost } from "./faults.ts";
import { isGone, LastWords } from "./folding.ts";
import { columnsOf, type Known, type KnownLicenses, keyOf, placeOf } from "./licenses.ts";
import * as limits from "./limits.ts";
import { lineage } from "./statements.ts";

/** What stands around the licences that a server knows. */
export interface Surroundings {
  /** What is known is of this database. */
  lineage(): unknown;
  /** The database is another one. */
  beginAnew(lineage: unknown): Promise<void>;
  isInCatalogue(place: Place): boolean;
  /** @throws StoreFault where the licence has left the catalogue. */
  termsOf(place: Place): Terms;
}

interface Bounds {
  readonly pageRows: number;
  readonly takeUpMs: number;
}

export class TakingUp {
  readonly #connections: Connections;
  readonly #licenses: KnownLicenses;
  readonly #surroundings: Surroundings;
  readonly #bounds: Bounds;
  /** Licences that are being read, each by one. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Large ones are read one after the other: several at a time would take the memory and the connections of all others. */
  #lastLarge: Promise<unknown> = Promise.resolve();

  constructor(connections: Connections, licenses: KnownLicenses, surroundings: Surroundings, bounds: Bounds) {
    this.#connections = connections;
    this.#licenses = licenses;
    this.#surroundings = surroundings;
    this.#bounds = bounds;
  }

  /**
   * Makes licences known that are not, as of some version; what happens to them from then on is in the log.
   * @throws LicensesBusy for those that take long: at once where others need not wait for them (`patience`), otherwise
   * after a while. They are read to their end all the same.
   */
  async take(places: readonly Place[], patience: Patience): Promise<void> {
    if (this.#unknown(places).length === 0) return;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new LicensesBusy(this.#unknown(places))), this.#bounds.takeUpMs);
    try {
      await Promise.race([this.#takeAll(places, patience), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #takeAll(places: readonly Place[], patience: Patience): Promise<void> {
    for (let unknown = this.#unknown(places); unknown.length > 0; unknown = this.#unknown(places)) {
      const underWay = unknown.filter((place) => this.#underWay.has(keyOf(place)));
      if (underWay.length === 0) return this.#claim(unknown, patience);
      if (patience !== "waits") throw new LicensesBusy(underWay);
      await Promise.all(underWay.map((place) => this.#underWay.get(keyOf(place))));
    }
  }

  /** Reads licences that nobody else reads. */
  async #claim(places: readonly Place[], patience: Patience): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const place of places) this.#underWay.set(keyOf(place), promise);
    try {
      const large = await this.#read(places, false);
      if (large.length > 0 && patience !== "waits") throw new LicensesBusy(large);
      if (large.length > 0) await this.#readInTurn(large);
    } finally {
      for (const place of places) this.#underWay.delete(keyOf(place));
      resolve();
    }
  }

  async #readInTurn(places: readonly Place[]): Promise<void> {
    const reading = this.#lastLarge.then(() => this.#read(places, true));
    this.#lastLarge = reading.catch(() => {});
    await reading;
  }

  #unknown(places: readonly Place[]): Place[] {
    const isUnknown = (place: Place) =>
      this.#licenses.seen(place) === undefined && this.#surroundings.isInCatalogue(place);
    return [...new Map(places.filter(isUnknown).map((place) => [keyOf(place), place])).values()];
  }

  /** Answers with the licences that were left out, because they are large. */
  async #read(places: readonly Place[], withLarge: boolean): Promise<Place[]> {
    const { pageRows } = this.#bounds;
    const transaction = await this.#connections.begin({ mode: "ISOLATION LEVEL REPEATABLE READ" });
    try {
      // The log is kept for longer than it takes to read the others.
      const found = await outlines(transaction, places, { pageRows, isKept: withLarge });
      const chosen = withLarge ? found : found.filter(({ isLarge }) => !isLarge);
      const all = await takeUp(transaction, chosen, (place) => this.#surroundings.termsOf(place), pageRows);
      // Nothing was written, and nothing waits for a standby.
      await transaction.rollback();
      if (found.every((each) => each.lineage === this.#surroundings.lineage())) this.#licenses.put(all);
      return found.filter((each) => !chosen.includes(each)).map(({ place }) => place);
    } catch (error) {
      transaction.abandon();
      // Whoever needs them finds that they are not known yet, and begins again.
      if (isConflict(error) || isLost(error)) return [];
      throw isLockedOut(error) ? new LicensesBusy(places) : error;
    }
  }
}

/** A licence of which it is known what there is to read. */
interface Outline {
  readonly place: Place;
  readonly version: number;
  readonly checkIns: CheckIns | null;
  /** It has more sessions or clients than a page has rows. */
  readonly isLarge: boolean;
  readonly lineage: unknown;
}

/**
 * What there is to read of licences, of those that are there. `isKept`: folding leaves them alone until the transaction
 * is over, so that what happens to them meanwhile stays in the log, however long it takes to read them.
 */
async function outlines(
  transaction: Transaction,
  places: readonly Place[],
  { pageRows, isKept }: { readonly pageRows: number; readonly isKept: boolean },
): Promise<Outline[]> {
  const rows = await transaction.query(outlinesOf(pageRows, isKept), columnsOf(places));
  return rows.map((row) => ({
    place: placeOf(row),
    version: Number(row.version),
    checkIns: row.month === null ? null : { month: row.month as string, count: Number(row.count) },
    isLarge: row.is_large as boolean,
    lineage: row.lineage,
  }));
}

/** Licences that the transaction has locked, and their folds: nobody changes them while they are read. */
export async function takeUpLocked(
  transaction: Transaction,
  places: readonly Place[],
  termsOf: (place: Place) => Terms,
): Promise<Known[]> {
  const found = await outlines(transaction, places, { pageRows: limits.pageRows, isKept: false });
  return takeUp(transaction, found, termsOf, limits.pageRows);
}

/** Licences as they are at the transaction's instant. */
async function takeUp(
  transaction: Transaction,
  found: readonly Outline[],
  termsOf: (place: Place) => Terms,
  rowsAtATime: number,
): Promise<Known[]> {
  if (found.length === 0) return [];
  const states = new Map(found.map(({ place }) => [keyOf(place), new LicenseState(termsOf(place))]));
  const stateOf = (place: Place) => states.get(keyOf(place)) as LicenseState;
  const columns = columnsOf(found.map(({ place }) => place));
  // All the first pages are asked for at once: most licences have no second one.
  const pages = (cursor: string, select: string) => new Pages(transaction, cursor, select, columns, rowsAtATime);
  const all = {
    projects: pages("projects", projects),
    assignments: pages("assignments", assignments),
    changes: pages("changes", changes),
    sessions: pages("sessions", sessions),
    items: pages("items", items),
  };
  // Projects before the sessions that attend them: a token is counted by its project's kind.
  await all.projects.each((row) => stateOf(placeOf(row)).putProject(row.body as Project));
  await all.assignments.each((row) => stateOf(placeOf(row)).putAssignment(assignmentOf(row)));
  const words = new LastWords();
  await all.changes.each((row) => words.add([row]));
  await all.sessions.each((row) => {
    const session = currentOf(row, words);
    if (session !== null) stateOf(placeOf(row)).putSession(session);
  });
  // Those that are not folded yet.
  for (const { place, session, extension } of words) {
    if (session !== null) stateOf(place).putSession({ ...session, ...extension });
  }
  await all.items.each((row) => stateOf(placeOf(row)).putItem(row.body as Item));
  return found.map(({ place, version, checkIns }) => {
    const state = stateOf(place);
    state.checkIns = checkIns;
    return { state, version, isTaken: false, size: 0, usedAt: performance.now() };
  });
}

/** A session as it was folded, or what the log has made of it since; null: it is gone. */
function currentOf(row: Row, words: LastWords): Session | null {
  const folded = sessionOf(row);
  const word = words.take(placeOf(row), folded.key);
  if (word === undefined) return folded;
  return isGone(word) ? null : { ...(word.session ?? folded), ...word.extension };
}

/** The rows of a statement, some at a time; the next ones are on their way while these are worked on. */
class Pages {
  readonly #transaction: Transaction;
  readonly #cursor: string;
  readonly #rows: number;
  #next: Promise<readonly Row[]>;

  constructor(transaction: Transaction, cursor: string, select: string, values: readonly unknown[], rows: number) {
    this.#transaction = transaction;
    this.#cursor = cursor;
    this.#rows = rows;
    transaction.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${select}`, values);
    this.#next = this.#fetch();
  }

  async each(take: (row: Row) => void): Promise<void> {
    while (true) {
      const rows = await this.#next;
      const isLast = rows.length < this.#rows;
      if (isLast) this.#transaction.query(`CLOSE ${this.#cursor}`);
      else this.#next = this.#fetch();
      for (const row of rows) take(row);
      if (isLast) return;
    }
  }

  #fetch(): Promise<readonly Row[]> {
    return this.#transaction.query(`FETCH ${this.#rows} FROM ${this.#cursor}`);
  }
}

const these = "unnest($1::uuid[], $2::uuid[]) AS k (isv_id, license_id)";
const ofThese = (alias: string) => `${alias}.isv_id = k.isv_id AND ${alias}.license_id = k.license_id`;

const outlinesOf = (pageRows: number, isKept: boolean) => `
  SELECT k.isv_id, k.license_id, l.version, n.month, n.count, ${lineage} AS lineage,
    EXISTS (SELECT FROM seatkeeper.sessions AS s WHERE ${ofThese("s")} OFFSET ${pageRows})
      OR EXISTS (SELECT FROM seatkeeper.assignments AS a WHERE ${ofThese("a")} OFFSET ${pageRows}) AS is_large
  FROM ${these} JOIN seatkeeper.licenses AS l ON ${ofThese("l")} JOIN seatkeeper.folds AS f ON ${ofThese("f")}
  LEFT JOIN seatkeeper.check_ins AS n ON ${ofThese("n")}
  ORDER BY k.isv_id, k.license_id ${isKept ? "FOR SHARE OF f" : ""}`;

const projects = `
  SELECT p.isv_id, p.license_id, p.body FROM ${these} JOIN seatkeeper.projects AS p ON ${ofThese("p")}`;
const assignments = `
  SELECT a.isv_id, a.license_id, a.client_key, a.token_key, a.body FROM ${these} JOIN seatkeeper.assignments AS a ON ${ofThese("a")}`;
const changes = `
  SELECT c.isv_id, c.license_id, c.changes FROM ${these} JOIN seatkeeper.folds AS f ON ${ofThese("f")}
  CROSS JOIN LATERAL (SELECT * FROM seatkeeper.changes AS c WHERE ${ofThese("c")} AND c.version > f.folded_to
    ORDER BY c.version) AS c`;
const sessions = `
  SELECT s.isv_id, s.license_id, s.key, s.body FROM ${these} JOIN seatkeeper.sessions AS s ON ${ofThese("s")}`;
const items = `
  SELECT i.isv_id, i.license_id, i.body FROM ${these} JOIN seatkeeper.items AS i ON ${ofThese("i")}`;
