/**
 * Everything that is done with the file: statements, in transactions. Plain values go in and come out, so that it can be
 * asked for from another thread (`access.ts`). It knows rows and keys; what is live, and what follows, is decided elsewhere.
 */
import Database from "better-sqlite3";
import type { Tally } from "../../analytics/tally.ts";
import type { AuditLine } from "../../catalog/audit.ts";
import type { EntityChange } from "../../catalog/entities.ts";
import type { Assignment, Change, Consumption, Gathered, LicenseUser, Millis, Ticket } from "../../core/types.ts";
import type { Renames } from "../forgetting.ts";
import {
  type AuditQuery,
  type Counted,
  countedSetting,
  countedText,
  type DumpLine,
  type Retained,
  StoreFault,
  type TallyKey,
} from "../store.ts";
import { AuditRows } from "./audit.ts";
import { openFile } from "./file.ts";
import { GatheredNames } from "./gathered-names.ts";
import { HistoryNames } from "./history-names.ts";
import { ItemRows } from "./items.ts";
import { Loading } from "./loading.ts";
import {
  type AssignmentValues,
  aliveAt,
  assignmentValues,
  type HistoryValues,
  Rows,
  type SessionValues,
  type Span,
} from "./rows.ts";
import { takeSnapshot } from "./snapshot.ts";
import { TallyRows, type TallyText } from "./tallies.ts";

/** What a transaction of the desk writes of sessions. */
export interface SessionWrites {
  readonly inserted: readonly SessionValues[];
  readonly deleted: readonly number[];
  readonly ended: readonly (readonly [row: number, at: Millis])[];
  /** One line of the log of extends: its number, and the spans as JSON. */
  readonly extended: { readonly line: number; readonly spans: string } | null;
  /** Spans that go into rows at once. */
  readonly updated: readonly Span[];
}

export type OtherChange = Exclude<Change, { readonly type: "session" | "session.gone" }>;

/** What one transaction of the desk writes. */
export interface Batch {
  readonly sessions: SessionWrites;
  readonly others: readonly (readonly [licenseNo: number, change: OtherChange])[];
  readonly history: readonly HistoryValues[];
  readonly gathered: readonly (readonly [value: Gathered, isvNo: number, licenseNo: number])[];
  readonly audited: readonly AuditLine[];
}

/** A vendor's number, the numbers of its licences whose clients are machines, and the names that shall go. */
export interface Forgetting {
  readonly isvNo: number;
  readonly machines: ReadonlySet<number>;
  readonly names: Renames;
}

/** How far the lines of history, and what clients told, have been looked through. */
export interface Forgotten {
  readonly historyTo: number;
  readonly toldTo: number | null;
}

/** What goes and comes of one licence when names are forgotten. */
export interface ForgottenRows {
  readonly licenseNo: number;
  readonly before: readonly Assignment[];
  readonly after: readonly Assignment[];
  /** Rows of sessions. */
  readonly dropped: readonly number[];
  readonly gone: readonly (LicenseUser | Ticket)[];
  readonly consumptions: readonly Consumption[];
}

export class Tables {
  readonly #db: Database.Database;
  readonly rows: Rows;
  readonly items: ItemRows;
  readonly #tallies: TallyRows;
  readonly #audit: AuditRows;
  #loading: Loading | null = null;

  /**
   * `left`: as for `openFile`.
   * @throws DatabaseRefused where the file is in use, or cannot be used.
   */
  constructor(path: string, left: string | null = null) {
    this.#db = openFile(path, left);
    this.rows = new Rows(this.#db);
    this.#tallies = new TallyRows(this.#db);
    this.#audit = new AuditRows(this.#db);
    this.items = new ItemRows(this.#db);
  }

  /** From now on so many pages of the log are brought into the file at a time. */
  checkpointEvery(pages: number): void {
    this.#db.pragma(`wal_autocheckpoint = ${pages}`);
  }

  /** The file's whole path. */
  get path(): string {
    return this.#db.name;
  }

  /**
   * Runs `write` in a transaction of its own; whatever goes wrong is a `StoreFault`, and the file is as before. Where the disk
   * failed in the COMMIT, all of it may stand in the log, and after a crash before the next commit it would count.
   */
  #commit(write: () => void): void {
    let isCommitting = false;
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      write();
      isCommitting = true;
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.open && this.#db.inTransaction) this.#db.exec("ROLLBACK");
      const isUnknown = isCommitting && error instanceof Database.SqliteError && error.code.startsWith("SQLITE_IOERR");
      throw new StoreFault(`SQLite did not commit: ${(error as Error).message}`, { cause: error, isUnknown });
    }
  }

  save(batch: Batch): void {
    this.#commit(() => this.#write(batch));
  }

  /** Writes a part of what `begin` has begun. */
  savePart(batch: Batch): void {
    orFault(() => this.#write(batch));
  }

  #write({ sessions, others, history, gathered, audited }: Batch): void {
    const assignments: AssignmentValues[] = [];
    for (const [licenseNo, change] of others) {
      if (change.type === "assignment") assignments.push(assignmentValues(licenseNo, change.assignment));
      else this.#saveOther(licenseNo, change);
    }
    this.rows.saveAssignments(assignments);
    this.rows.deleteSessions(sessions.deleted);
    this.rows.insertSessions(sessions.inserted);
    for (const [row, at] of sessions.ended) this.rows.endSession(row, at);
    if (sessions.extended !== null) this.rows.insertExtends(sessions.extended.line, sessions.extended.spans);
    for (const span of sessions.updated) this.rows.updateSpan(span);
    this.rows.saveHistory(history);
    for (const [value, isvNo, licenseNo] of gathered) this.items.gather(value, isvNo, licenseNo);
    for (const line of audited) this.#audit.save(line);
  }

  #saveOther(licenseNo: number, change: Exclude<OtherChange, { readonly type: "assignment" }>): void {
    if (change.type === "project") this.rows.saveProject(licenseNo, change.project);
    if (change.type === "check-ins") this.rows.saveCheckIns(licenseNo, change.checkIns);
    if (change.type === "project.gone") this.rows.deleteProject(licenseNo, change.id);
    if (change.type === "item") this.items.put(licenseNo, change.item);
    if (change.type === "item.gone") this.items.delete(licenseNo, change.kind, change.key);
  }

  /** Brings rows of sessions up to the log, whose lines before `line` nobody needs then. */
  fold(spans: readonly Span[], line: number): void {
    this.#commit(() => {
      for (const span of spans) this.rows.updateSpan(span);
      this.rows.deleteExtendsBefore(line);
    });
  }

  /** With the lines that history gets for licences that go. Answers with the entities' numbers, each in its place. */
  saveEntities(
    changes: readonly NumberedChange[],
    lines: readonly AuditLine[],
    history: readonly HistoryValues[],
  ): number[] {
    const numbers: number[] = [];
    this.#commit(() => {
      for (const { change, adoptsFor } of changes) {
        const no = this.rows.saveEntity(change);
        if (change.kind === "license" && change.body === null) this.rows.emptyLicense(no);
        if (adoptsFor !== null) this.rows.adoptDenials(adoptsFor, no, change.id);
        numbers.push(no);
      }
      this.rows.saveHistory(history);
      for (const line of lines) this.#audit.save(line);
    });
    return numbers;
  }

  saveSetting(name: string, value: string): void {
    this.#commit(() => this.rows.saveSetting(name, value));
  }

  saveTallies(tallies: readonly Tally[], to: Counted): void {
    this.#commit(() => {
      for (const tally of tallies) this.#tallies.put(tally);
      this.rows.saveSetting(countedSetting, countedText(to));
    });
  }

  talliesAt(keys: readonly TallyKey[]): (Tally | undefined)[] {
    return keys.map((key) => this.#tallies.at(key));
  }

  tallyBefore(isvId: string, series: string, before: Millis): Tally | undefined {
    return this.#tallies.before(isvId, series, before);
  }

  tallies(isvId: string, series: string, from: Millis, to: Millis, limit: number): TallyText[] {
    return this.#tallies.range(isvId, series, from, to, limit);
  }

  prune(until: Retained, limit: number): boolean {
    let hasMore = false;
    this.#commit(() => {
      const hasMoreGathered = this.items.prune(until, limit);
      hasMore = this.#tallies.prune(until, limit) || hasMoreGathered;
    });
    return hasMore;
  }

  audit(query: AuditQuery) {
    return this.#audit.page(query);
  }

  /** Answers with how far it has come; null: all that was there has been looked through. */
  forgetSlice(what: Forgetting, from: Forgotten): Forgotten | null {
    const { history, told } = this.#namesOf(what, from);
    if (!history.isBehind && !told.isBehind) return null;
    this.#commit(() => {
      history.renameSlice();
      told.forgetSlice();
    });
    return { historyTo: history.doneTo, toldTo: told.doneTo };
  }

  /** The rest of it, with everything else that bears the names, in one transaction. */
  forget(what: Forgetting, from: Forgotten, isvId: string, licenses: readonly ForgottenRows[], line: AuditLine): void {
    const { history, told } = this.#namesOf(what, from);
    this.#commit(() => {
      while (history.isBehind) history.renameSlice();
      while (told.isBehind) told.forgetSlice();
      for (const license of licenses) this.#forgetIn(license);
      this.#tallies.rename(isvId, what.names);
      this.#audit.save(line);
    });
  }

  #namesOf({ isvNo, machines, names }: Forgetting, { historyTo, toldTo }: Forgotten) {
    return {
      history: new HistoryNames(this.#db, isvNo, machines, names, historyTo),
      told: new GatheredNames(this.#db, isvNo, machines, names, toldTo),
    };
  }

  #forgetIn({ licenseNo, before, after, dropped, gone, consumptions }: ForgottenRows): void {
    for (const { clientKey } of before) this.rows.deleteAssignment(licenseNo, clientKey);
    this.rows.saveAssignments(after.map((assignment) => assignmentValues(licenseNo, assignment)));
    this.rows.deleteSessions(dropped);
    for (const { kind, key } of gone) this.items.delete(licenseNo, kind, key);
    for (const consumption of consumptions) this.items.put(licenseNo, consumption);
  }

  lines(...query: Parameters<Rows["numberedHistory"]>) {
    return this.rows.numberedHistory(...query);
  }

  linesBefore(...query: Parameters<Rows["historyBefore"]>) {
    return this.rows.historyBefore(...query);
  }

  denials(where: string, parameters: readonly (string | number)[], limit: number, offset: number) {
    return this.rows.pageOfHistory(where, parameters, { limit, offset });
  }

  gathered(...query: Parameters<ItemRows["gathered"]>) {
    return this.items.gathered(...query);
  }

  /** Begins a transaction that comes in parts. Until it is over nobody asks for anything else. */
  begin(): void {
    orFault(() => this.#db.exec("BEGIN IMMEDIATE"));
  }

  commit(): void {
    orFault(() => this.#db.exec("COMMIT"));
  }

  rollBack(): void {
    if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
  }

  beginLoad(): void {
    this.begin();
    // How far a server has counted nothing here says nothing of the lines that come.
    this.rows.deleteSetting(countedSetting);
    this.#loading = new Loading(this.rows, this.#tallies, this.#audit, this.items);
  }

  /** @throws DumpRefused, StoreFault */
  loadLines(lines: readonly DumpLine[]): void {
    orFault(() => {
      for (const line of lines) this.#loading?.put(line);
    });
  }

  endLoad(alive: Millis | null): void {
    if (alive !== null) orFault(() => this.rows.saveSetting(aliveAt, String(alive)));
    this.commit();
    this.#loading = null;
  }

  abortLoad(): void {
    this.#loading = null;
    this.rollBack();
  }

  /** Copies the file as of one instant. Answers with the copy's path. */
  snapshot(): Promise<string> {
    return takeSnapshot(this.#db);
  }

  close(): void {
    if (!this.#db.open) return;
    try {
      this.#db.pragma("wal_checkpoint(TRUNCATE)");
    } catch {
      // On a full disk the log stays beside the file, whole; the next start reads it.
    } finally {
      this.#db.close();
    }
  }
}

/** What SQLite cannot do is a `StoreFault`; any other error stays what it is. */
function orFault(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    throw new StoreFault(`SQLite: ${error.message}`, { cause: error });
  }
}

/** A change of the catalogue. `adoptsFor`: the vendor's number, where it makes a licence that may have been asked for already. */
export interface NumberedChange {
  readonly change: EntityChange;
  readonly adoptsFor: number | null;
}
