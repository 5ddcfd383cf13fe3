/** What one transaction decides on and what it changes: the licences that are locked for it, and no others. */
import type { AuditLine } from "../../catalog/audit.ts";
import { evolve } from "../../core/evolve.ts";
import { outageNoticedMs } from "../../core/limits.ts";
import { clientKey } from "../../core/names.ts";
import type { LicenseState } from "../../core/state.ts";
import type { Change, Command, Gathered, HistoryRecord, Millis } from "../../core/types.ts";
import { gatheredBody } from "../gathered.ts";
import type { AuditedLicenses, Place } from "../store.ts";
import { plain, texts } from "./arrays.ts";
import { auditValues, insertAudit } from "./audit.ts";
import { assignmentColumns } from "./bodies.ts";
import type { Row, Transaction } from "./connections.ts";
import { columnsOf, type Known, keyOf } from "./licenses.ts";
import { type Changed, written } from "./log.ts";
import * as statements from "./statements.ts";

/** The licence column of history for a licence that does not exist. */
export const nobody = "00000000-0000-0000-0000-000000000000";

/** A licence that the transaction has locked. */
interface Locked {
  readonly known: Known;
  readonly row: Row;
  /** What it came to, by session, assignment, project or item: whoever reads it needs the last word only. */
  readonly changes: Map<string, Changed>;
}

/** A time in which no server was alive. */
export interface Outage {
  readonly no: number;
  readonly from: Millis;
  readonly lengthMs: number;
}

/** What was decided by, beside the licences. */
interface Basis {
  readonly lastOutage: number;
  /** The catalogue's. */
  readonly revision: number;
  readonly swept: ReadonlySet<string>;
}

export class Deciding implements AuditedLicenses {
  readonly #locked = new Map<string, Locked>();
  readonly #lines: HistoryRecord[] = [];
  readonly #gathered: Gathered[] = [];
  readonly #audited: AuditLine[] = [];

  constructor(licenses: readonly { readonly known: Known; readonly row: Row }[]) {
    for (const { known, row } of licenses) {
      known.isTaken = true;
      this.#locked.set(keyOf(known.state.terms), { known, row, changes: new Map() });
    }
  }

  /** The licences, to be put back or forgotten. */
  get known(): Known[] {
    return [...this.#locked.values()].map(({ known }) => known);
  }

  license(isvId: string, licenseId: string): LicenseState | undefined {
    return this.#locked.get(isvId + licenseId)?.known.state;
  }

  siblings({ terms }: LicenseState, clientId: string): readonly LicenseState[] {
    return [...this.#locked.values()]
      .map(({ known }) => known.state)
      .filter(
        (other) =>
          other.terms.isvId === terms.isvId &&
          other.terms.licenseId !== terms.licenseId &&
          other.terms.productId === terms.productId &&
          other.terms.customerId === terms.customerId &&
          other.assignment(clientKey(other.terms, clientId)) !== undefined,
      );
  }

  apply(license: LicenseState, change: Change): void {
    const changes = this.#locked.get(keyOf(license.terms))?.changes;
    const subject = subjectOf(change);
    const first = changes?.get(subject);
    const before =
      first === undefined && change.type === "session" ? license.session(change.session.key) : first?.before;
    changes?.set(subject, { change, before });
    evolve(license, change);
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

  /** The instant to decide at, see `instantOf`. */
  instant(clock: Millis): Millis {
    const rows = [...this.#locked.values()].map(({ row }) => row);
    return instantOf(rows, clock);
  }

  /** What the licences are owed: a clock that was set back is settled, outages that they have missed are credited. */
  owed(clock: Millis, outages: readonly Outage[]): Command[] {
    return [...this.#locked.values()].flatMap(({ row, known }): Command[] => {
      const { isvId, licenseId } = known.state.terms;
      if (Number(row.decided_at) - clock > outageNoticedMs) return [{ type: "settle", isvId, licenseId }];
      return outages
        .filter(({ no }) => no > Number(row.outage))
        .map(({ from, lengthMs }) => ({ type: "credit", isvId, licenseId, from, lengthMs }));
    });
  }

  /**
   * Sends everything that is to be kept; `swept` are licences whose every end was looked at. Every licence gets a row of its own,
   * so that its answer waits for standbys too.
   */
  save(transaction: Transaction, now: Millis, { lastOutage, revision, swept }: Basis): void {
    const locked = [...this.#locked.values()];
    const changed = locked.filter(({ changes }) => changes.size > 0);
    for (const { known } of changed) known.version++;
    if (locked.length > 0) {
      transaction.query(statements.saveLicenses, [
        ...columnsOf(locked.map(placeOf)),
        plain(locked.map(({ known }) => known.version)),
        plain(locked.map((each) => lookAt(each, now, swept.has(keyOf(each.known.state.terms))))),
        texts(locked.map(({ changes }) => (changes.size === 0 ? null : written(changes.values())))),
        now,
        lastOutage,
        revision,
      ]);
    }
    this.#saveRows(transaction, changed);
    if (this.#lines.length > 0) {
      const values = historyColumns(this.#lines, (line) => this.#locked.has(keyOf(line)));
      transaction.query(statements.insertHistory, values);
    }
    if (this.#gathered.length > 0) {
      transaction.query(statements.insertGathered, [JSON.stringify(this.#gathered.map(gatheredRow))]);
    }
    if (this.#audited.length > 0) transaction.query(insertAudit, auditValues(this.#audited));
  }

  /** Assignments, projects and check-ins are current: look-ups find them, or nobody folds them. */
  #saveRows(transaction: Transaction, changed: readonly Locked[]): void {
    const all = changed.flatMap(({ known, changes }) => [...changes.values()].map(({ change }) => ({ known, change })));
    const assignments = all.flatMap(({ known, change }) =>
      change.type === "assignment" ? { place: known.state.terms, assignment: change.assignment } : [],
    );
    const projects = all.flatMap(({ known, change }) =>
      change.type === "project" ? { known, value: change.project } : [],
    );
    const checkIns = all.flatMap(({ known, change }) =>
      change.type === "check-ins" ? { known, value: change.checkIns } : [],
    );
    const gone = all.flatMap(({ known, change }) =>
      change.type === "project.gone" ? { known, value: change.id } : [],
    );
    if (assignments.length > 0) transaction.query(statements.putAssignments, assignmentColumns(assignments));
    if (projects.length > 0) {
      transaction.query(statements.putProjects, [
        ...columnsOf(projects.map(placeOf)),
        plain(projects.map(({ value }) => value.id)),
        texts(projects.map(({ value }) => JSON.stringify(value))),
      ]);
    }
    if (checkIns.length > 0) {
      transaction.query(statements.putCheckIns, [
        ...columnsOf(checkIns.map(placeOf)),
        texts(checkIns.map(({ value }) => value.month)),
        plain(checkIns.map(({ value }) => value.count)),
      ]);
    }
    if (gone.length > 0) {
      transaction.query(statements.deleteProjects, [
        ...columnsOf(gone.map(placeOf)),
        plain(gone.map(({ value }) => value)),
      ]);
    }
    this.#saveItems(transaction, all);
  }

  #saveItems(transaction: Transaction, all: readonly { readonly known: Known; readonly change: Change }[]): void {
    const items = all.flatMap(({ known, change }) => (change.type === "item" ? { known, value: change.item } : []));
    const gone = all.flatMap(({ known, change }) => (change.type === "item.gone" ? { known, value: change } : []));
    if (items.length > 0) {
      transaction.query(statements.putItems, [
        ...columnsOf(items.map(placeOf)),
        ...namesOf(items.map(({ value }) => value)),
        texts(items.map(({ value }) => JSON.stringify(value))),
      ]);
    }
    if (gone.length > 0) {
      transaction.query(statements.deleteItems, [
        ...columnsOf(gone.map(placeOf)),
        ...namesOf(gone.map(({ value }) => value)),
      ]);
    }
  }
}

/** The instant to decide on locked licences at: the clock's, unless one of them has seen a later one, and no clock was set. */
export function instantOf(rows: readonly Row[], clock: Millis): Millis {
  const seen = rows.map(({ decided_at }) => Number(decided_at));
  return Math.max(clock, ...seen.filter((at) => at - clock <= outageNoticedMs));
}

/**
 * Where the sweeper looks next: never later than what is due. Extends leave it as it is, though they make that later, so
 * that they need not touch its index; a sweep, which had taken the licence for itself, puts it right.
 */
function lookAt({ known, row }: Locked, now: Millis, isSwept: boolean): Millis | null {
  const written = row.look_at === null ? null : Number(row.look_at);
  // Tokens that are over are taken now, whenever they ended: nothing that counts what happened has to wait for that.
  const due = Math.min(known.state.sessionsEndAt(), Math.max(known.state.nextDueAt(), now));
  if (due === Number.POSITIVE_INFINITY) return null;
  return !isSwept && written !== null && written > now && written <= due ? written : due;
}

function placeOf({ known }: { readonly known: Known }): Place {
  return known.state.terms;
}

/** Kinds and keys of items, as two arrays. */
export function namesOf(items: readonly { readonly kind: string; readonly key: string }[]): Buffer[] {
  return [texts(items.map(({ kind }) => kind)), texts(items.map(({ key }) => key))];
}

function subjectOf(change: Change): string {
  switch (change.type) {
    case "session":
      return `s${change.session.key}`;
    case "session.gone":
      return `s${change.key}`;
    case "check-ins":
      return "c";
    case "assignment":
      return `a${change.assignment.clientKey}`;
    case "project":
      return `p${change.project.id}`;
    case "project.gone":
      return `p${change.id}`;
    case "item":
      return `i${change.item.kind}${change.item.key}`;
    case "item.gone":
      return `i${change.kind}${change.key}`;
  }
}

/** A value that a client told, as its row. */
export function gatheredRow(value: Gathered) {
  const { isvId: isv_id, licenseId: license_id, at, kind, subjectId: subject_id } = value;
  const who = { client_id: value.clientId, user_id: value.userId };
  return { isv_id, license_id, at, kind, ...who, subject_id, body: gatheredBody(value) };
}

/** Lines of history as the columns of `insertHistory`; `isKnown`: whether there is a licence of a line's id. */
export function historyColumns(lines: readonly HistoryRecord[], isKnown: (line: HistoryRecord) => boolean): unknown[] {
  const known = lines.map(isKnown);
  // What is ours needs no quotes: kinds, codes and pools are words.
  return [
    plain(lines.map(({ isvId }) => isvId)),
    plain(lines.map(({ licenseId }, n) => (known[n] ? licenseId : nobody))),
    plain(lines.map(({ at }) => at)),
    plain(lines.map(({ kind }) => kind)),
    plain(lines.map(({ denial }) => denial)),
    texts(lines.map(({ clientId }) => clientId)),
    texts(lines.map(({ userId }) => userId)),
    texts(lines.map(({ sessionId }) => sessionId)),
    plain(lines.map(({ projectId }) => projectId)),
    plain(lines.map(({ inUse }) => inUse)),
    plain(lines.map(({ limit }) => limit)),
    plain(lines.map(({ isOveruse }) => (isOveruse ? "t" : "f"))),
    plain(lines.map(({ lengthMs }) => lengthMs)),
    plain(lines.map(({ tokens }) => tokens)),
    plain(lines.map(({ pool }) => pool)),
    texts(lines.map(({ licenseId }, n) => (known[n] ? null : licenseId))),
  ];
}
