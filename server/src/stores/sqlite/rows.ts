/** Rows to values and back. Knows columns and no rule. */
import { setImmediate } from "node:timers/promises";
import type Database from "better-sqlite3";
import type { EntityChange, Kind } from "../../catalog/entities.ts";
import { clientKey, holderKey, sessionKey } from "../../core/names.ts";
import type { Assignment, CheckIns, HistoryRecord, Project, ProjectKind, Session, Terms } from "../../core/types.ts";
import type { NumberedLine } from "../store.ts";
import { Deletes, Inserts, type Values } from "./many-rows.ts";

/** The setting that tells a later server until when the last one was alive, in milliseconds. */
export const aliveAt = "alive_at";

export interface SessionRow {
  no: number;
  license_no: number;
  id: string;
  client_id: string;
  session_id: string | null;
  user_id: string | null;
  opened_at: number;
  extended_at: number;
  valid_until: number;
  checkout_until: number | null;
  ended_at: number | null;
  peak_sessions: number;
  peak_holders: number;
  is_overuse: number;
  project_id: string | null;
  voucher: string | null;
  renewal: string | null;
  address: number | null;
  moves: string | null;
}

interface ProjectRow {
  license_no: number;
  id: string;
  name: string;
  created_at: number;
  opened_at: number | null;
  kind: ProjectKind | null;
  saved_at: number | null;
  executions: string;
}

/** Row, openedAt, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders. */
type SpanNumbers = [number, number, number, number, number | null, number, number];

/** What not every session has; what stands last is left out where there is none of it. */
type SpanMore = [] | [Session["voucher"] | null, Session["renewal"] | null, Session["moves"]?];

/** What may change of a live session. */
export type Span = readonly [...SpanNumbers, ...SpanMore];

export function spanOf(no: number, s: Session): Span {
  const numbers: SpanNumbers = [
    no,
    s.openedAt,
    s.extendedAt,
    s.validUntil,
    s.checkoutUntil,
    s.peakSessions,
    s.peakHolders,
  ];
  const { voucher, renewal, moves } = s;
  if (moves !== undefined) return [...numbers, voucher ?? null, renewal ?? null, moves];
  return voucher === undefined && renewal === undefined ? numbers : [...numbers, voucher ?? null, renewal ?? null];
}

interface AssignmentRow {
  license_no: number;
  client_key: string;
  id: string;
  token_key: string;
  client_id: string;
  client_name: string | null;
  description: string | null;
  user_id: string | null;
  software: string | null;
  system: string | null;
  activated_at: number;
  unassigned_at: number | null;
  suspended_until: number | null;
  is_goodwill: number;
  heartbeat_at: number | null;
}

interface HistoryRow {
  no: number;
  at: number;
  isv_id: string;
  license_id: string;
  kind: HistoryRecord["kind"];
  denial: HistoryRecord["denial"];
  client_id: string | null;
  user_id: string | null;
  session_id: string | null;
  project_id: string | null;
  in_use: number;
  max_tokens: number;
  is_overuse: number;
  length_ms: number | null;
  tokens: number;
  pool: HistoryRecord["pool"];
}

interface EntityRow {
  no: number;
  isv_id: string;
  kind: Kind;
  id: string;
  /** JSON; `null` of an entity that was deleted, whose number history still names. */
  body: string;
  applied: string | null;
}

/** Lines of history that one look goes through: some ten milliseconds. */
const linesPerLook = 100_000;

/** Values of a row. */
export type HistoryValues = Values;
export type SessionValues = Values;
export type AssignmentValues = Values;

/** `licenseNo`: undefined where there is no such licence. */
export function historyValues(
  line: HistoryRecord,
  { isvNo, licenseNo }: { readonly isvNo: number; readonly licenseNo: number | undefined },
): HistoryValues {
  return [
    line.at,
    isvNo,
    licenseNo ?? null,
    line.kind,
    line.denial,
    line.clientId,
    line.userId,
    line.sessionId,
    line.inUse,
    line.limit,
    line.isOveruse ? 1 : 0,
    line.lengthMs,
    licenseNo === undefined ? line.licenseId : null,
    line.projectId,
    line.tokens,
    line.pool,
  ];
}

export function sessionValues(no: number, licenseNo: number, terms: Terms, s: Session): SessionValues {
  return [
    no,
    licenseNo,
    s.id,
    s.clientId,
    s.sessionId,
    s.userId,
    s.openedAt,
    s.extendedAt,
    s.validUntil,
    s.checkoutUntil,
    s.endedAt,
    s.peakSessions,
    s.peakHolders,
    s.isOveruse ? 1 : 0,
    terms.clientType === "projects" ? s.holder : null,
    textOf(s.voucher),
    textOf(s.renewal),
    s.address ?? null,
    textOf(s.moves),
  ];
}

export function assignmentValues(licenseNo: number, a: Assignment): AssignmentValues {
  return [
    licenseNo,
    a.clientKey,
    a.id,
    a.tokenKey,
    a.clientId,
    a.clientName,
    a.clientDescription,
    a.userId,
    a.softwareVersion,
    a.operatingSystem,
    a.activatedAt,
    a.unassignedAt,
    a.suspendedUntil,
    a.isGoodwill ? 1 : 0,
    a.lastHeartbeatAt,
  ];
}

/** Every statement of the store, prepared once. */
export class Rows {
  readonly #db: Database.Database;
  readonly #insertSessions;
  readonly #updateSpan;
  readonly #endSession;
  readonly #deleteSessions;
  readonly #insertExtends;
  readonly #deleteExtends;
  readonly #putAssignments;
  readonly #insertHistory;
  readonly #putProject;
  readonly #deleteProject;
  readonly #putCheckIns;
  readonly #adoptDenials;
  readonly #putEntity;
  readonly #putSetting;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#insertSessions = new Inserts(
      db,
      "INSERT INTO sessions",
      `no, license_no, id, client_id, session_id, user_id, opened_at, extended_at, valid_until, checkout_until, ended_at,
       peak_sessions, peak_holders, is_overuse, project_id, voucher, renewal, address, moves`,
    );
    this.#updateSpan = db.prepare(
      `UPDATE sessions SET opened_at = ?, extended_at = ?, valid_until = ?, checkout_until = ?, peak_sessions = ?, peak_holders = ?,
         voucher = ?, renewal = ?, moves = ?
       WHERE no = ?`,
    );
    this.#endSession = db.prepare("UPDATE sessions SET ended_at = ? WHERE no = ?");
    this.#insertExtends = db.prepare("INSERT INTO extends (no, spans) VALUES (?, ?)");
    this.#deleteExtends = db.prepare("DELETE FROM extends WHERE no < ?");
    this.#deleteSessions = new Deletes(db, "sessions");
    this.#putAssignments = new Inserts(
      db,
      "INSERT OR REPLACE INTO assignments",
      `license_no, client_key, id, token_key, client_id, client_name, description, user_id, software, system, activated_at,
       unassigned_at, suspended_until, is_goodwill, heartbeat_at`,
    );
    this.#insertHistory = new Inserts(
      db,
      "INSERT INTO history",
      `at, isv_no, license_no, kind, denial, client_id, user_id, session_id, in_use, max_tokens, is_overuse, length_ms,
       license_id, project_id, tokens, pool`,
    );
    this.#putProject = db.prepare(
      `INSERT OR REPLACE INTO projects (license_no, id, name, created_at, opened_at, kind, saved_at, executions)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#deleteProject = db.prepare("DELETE FROM projects WHERE license_no = ? AND id = ?");
    this.#putCheckIns = db.prepare("INSERT OR REPLACE INTO check_ins (license_no, month, count) VALUES (?, ?, ?)");
    this.#adoptDenials = db.prepare(
      `UPDATE history SET license_no = ?, license_id = NULL
       WHERE denial IS NOT NULL AND isv_no = ? AND license_no IS NULL AND license_id = ?`,
    );
    this.#putEntity = db.prepare(
      `INSERT INTO entities (isv_id, kind, id, body, applied) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (isv_id, kind, id) DO UPDATE SET body = excluded.body, applied = excluded.applied RETURNING no`,
    );
    this.#putSetting = db.prepare("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)");
  }

  insertSessions(rows: readonly SessionValues[]): void {
    this.#insertSessions.run(rows);
  }

  endSession(no: number, endedAt: number): void {
    this.#endSession.run(endedAt, no);
  }

  deleteSessions(numbers: readonly number[]): void {
    this.#deleteSessions.run(numbers);
  }

  updateSpan(span: Span): void {
    const [no, openedAt, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, ...more] = span;
    const [voucher, renewal, moves] = more;
    this.#updateSpan.run(
      openedAt,
      extendedAt,
      validUntil,
      checkoutUntil,
      peakSessions,
      peakHolders,
      textOf(voucher),
      textOf(renewal),
      textOf(moves),
      no,
    );
  }

  /** `spans`: as JSON. */
  insertExtends(line: number, spans: string): void {
    this.#insertExtends.run(line, spans);
  }

  deleteExtendsBefore(line: number): void {
    this.#deleteExtends.run(line);
  }

  *extends(): Iterable<{ readonly no: number; readonly spans: readonly Span[] }> {
    const rows = this.#db.prepare("SELECT no, spans FROM extends ORDER BY no").iterate();
    for (const { no, spans } of rows as Iterable<{ no: number; spans: string }>) yield { no, spans: JSON.parse(spans) };
  }

  /** In their order: of several values of one client the last one stays. */
  saveAssignments(rows: readonly AssignmentValues[]): void {
    this.#putAssignments.run(rows);
  }

  saveHistory(lines: readonly HistoryValues[]): void {
    this.#insertHistory.run(lines);
  }

  saveProject(licenseNo: number, p: Project): void {
    this.#putProject.run(
      licenseNo,
      p.id,
      p.name,
      p.createdAt,
      p.openedAt,
      p.kind,
      p.savedAt,
      JSON.stringify(p.executions),
    );
  }

  saveCheckIns(licenseNo: number, { month, count }: CheckIns): void {
    this.#putCheckIns.run(licenseNo, month, count);
  }

  /** Every licence's early check-ins, with its number. */
  checkIns(): { readonly licenseNo: number; readonly checkIns: CheckIns }[] {
    const rows = this.#db.prepare("SELECT license_no, month, count FROM check_ins").all();
    return (rows as { license_no: number; month: string; count: number }[]).map(
      ({ license_no: licenseNo, ...checkIns }) => ({ licenseNo, checkIns }),
    );
  }

  deleteProject(licenseNo: number, id: string): void {
    this.#deleteProject.run(licenseNo, id);
  }

  /** Every project and the number of its licence. */
  *projects(): Iterable<{ readonly licenseNo: number; readonly project: Project }> {
    for (const row of this.#db.prepare("SELECT * FROM projects").iterate() as Iterable<ProjectRow>) {
      yield { licenseNo: row.license_no, project: projectOf(row) };
    }
  }

  /** Gives a new licence the denials of those who asked for it before it was there. */
  adoptDenials(isvNo: number, licenseNo: number, licenseId: string): void {
    this.#adoptDenials.run(licenseNo, isvNo, licenseId);
  }

  deleteAssignment(licenseNo: number, clientKey: string): void {
    this.#db.prepare("DELETE FROM assignments WHERE license_no = ? AND client_key = ?").run(licenseNo, clientKey);
  }

  /** What a licence that goes takes along. Its history stays. */
  emptyLicense(licenseNo: number): void {
    for (const table of ["sessions", "assignments", "projects", "check_ins", "items"]) {
      this.#db.prepare(`DELETE FROM ${table} WHERE license_no = ?`).run(licenseNo);
    }
  }

  /** Answers with the entity's number. */
  saveEntity(entity: EntityChange): number {
    const applied = entity.applied === null ? null : JSON.stringify(entity.applied);
    const row = this.#putEntity.get(entity.isvId, entity.kind, entity.id, JSON.stringify(entity.body), applied);
    return (row as { no: number }).no;
  }

  saveSetting(name: string, value: string): void {
    this.#putSetting.run(name, value);
  }

  deleteSetting(name: string): void {
    this.#db.prepare("DELETE FROM settings WHERE name = ?").run(name);
  }

  entities(): { readonly no: number; readonly entity: EntityChange }[] {
    const rows = this.#db.prepare("SELECT * FROM entities ORDER BY no").all() as EntityRow[];
    return rows.map((row) => ({
      no: row.no,
      entity: {
        isvId: row.isv_id,
        kind: row.kind,
        id: row.id,
        body: JSON.parse(row.body),
        applied: row.applied === null ? null : JSON.parse(row.applied),
      },
    }));
  }

  settings(): { readonly name: string; readonly value: string }[] {
    return this.#db.prepare("SELECT name, value FROM settings").all() as { name: string; value: string }[];
  }

  /** Every assignment and the number of its licence. */
  *assignments(): Iterable<{ readonly licenseNo: number; readonly assignment: Assignment }> {
    const slice = this.#db.prepare(
      `SELECT * FROM assignments WHERE (license_no, client_key) > (?, ?) ORDER BY license_no, client_key LIMIT ${atATime}`,
    );
    const after = ({ license_no, client_key }: AssignmentRow) => [license_no, client_key];
    for (const row of inSlices(slice, [0, ""], after)) {
      yield { licenseNo: row.license_no, assignment: assignmentOf(row) };
    }
  }

  /** Every session's row, as the extend log found it; `sessionOf` makes a session of it. */
  sessions(): Iterable<SessionRow> {
    const slice = this.#db.prepare(`SELECT * FROM sessions WHERE no > ? ORDER BY no LIMIT ${atATime}`);
    return inSlices(slice, [0], ({ no }: SessionRow) => [no]);
  }

  /** How many rows the two tables have that grow with use. */
  counts(): { readonly sessions: number; readonly assignments: number } {
    const count = (table: string) => this.#db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    return { sessions: count("sessions"), assignments: count("assignments") };
  }

  /**
   * The latest instant in history: of the last lines and not only the last one, since what expired stands there with
   * its own end; and of those after the last correction of the clock, since the ones before it tell another clock's time.
   */
  latestLine(): number {
    const last = this.#db
      .prepare(
        `SELECT max(at) AS at FROM (SELECT no, at FROM history ORDER BY no DESC LIMIT 1000)
         WHERE no >= coalesce((SELECT max(no) FROM history WHERE kind = 'clock.settled'
           AND no > (SELECT max(no) FROM history) - 1000), 0)`,
      )
      .get() as { at: number | null };
    return last.at ?? 0;
  }

  history(
    where: string,
    parameters: readonly (string | number)[],
    order: string,
    limit: number,
    offset = 0,
    by = "no",
  ): HistoryRecord[] {
    return this.numberedHistory(where, parameters, order, limit, offset, by).map(({ line }) => line);
  }

  numberedHistory(
    where: string,
    parameters: readonly (string | number)[],
    order: string,
    limit: number,
    offset: number,
    by: string,
  ): NumberedLine[] {
    const rows = this.#db
      .prepare(
        `SELECT h.*, isv.id AS isv_id, coalesce(license.id, h.license_id) AS license_id
         FROM (SELECT * FROM history WHERE ${where} ORDER BY ${by} ${order} LIMIT ? OFFSET ?) AS h
         JOIN entities AS isv ON isv.no = h.isv_no LEFT JOIN entities AS license ON license.no = h.license_no
         ORDER BY ${by} ${order}`,
      )
      .all(...parameters, limit, offset) as HistoryRow[];
    return rows.map((row) => ({ at: row.at, no: row.no, line: historyOf(row) }));
  }

  /** All history, in the order in which it was written. */
  *allHistory(): Iterable<HistoryRecord> {
    const rows = this.#db
      .prepare(
        `SELECT h.*, isv.id AS isv_id, coalesce(license.id, h.license_id) AS license_id
         FROM history AS h JOIN entities AS isv ON isv.no = h.isv_no
         LEFT JOIN entities AS license ON license.no = h.license_no ORDER BY h.no`,
      )
      .iterate();
    for (const row of rows as Iterable<HistoryRow>) yield historyOf(row);
  }

  /** Newest first. Lines have no index by licence, which every open would pay for: so many are looked through at a time. */
  historyBefore(before: number | null, where: string, parameters: readonly (string | number)[], limit: number) {
    const { first, last } = this.#ends();
    const end = before ?? last + 1;
    const start = Math.max(first, end - linesPerLook);
    const condition = `no >= ? AND no < ? AND ${where}`;
    const numbers = this.#db
      .prepare(`SELECT no FROM history WHERE ${condition} ORDER BY no DESC LIMIT ?`)
      .all(start, end, ...parameters, limit) as { no: number }[];
    const items = this.history(condition, [start, end, ...parameters], "DESC", limit);
    const seenTo = numbers.length === limit ? (numbers.at(-1) as { no: number }).no : start;
    return { items, next: seenTo > first ? seenTo : null };
  }

  /** The numbers of the oldest line and of the newest: asked for both at once, SQLite would read all lines. */
  #ends(): { readonly first: number; readonly last: number } {
    const [first, last] = ["min", "max"].map((end) => `(SELECT ${end}(no) FROM history)`);
    const ends = this.#db.prepare(`SELECT coalesce(${first}, 1) AS first, coalesce(${last}, 0) AS last`).get();
    return ends as { first: number; last: number };
  }

  /**
   * A page of history, newest first, and how many lines there are that match: looked for slice by slice, and between them
   * others have their turn. What is written meanwhile is not in it.
   */
  async pageOfHistory(
    where: string,
    parameters: readonly (string | number)[],
    { limit, offset }: { readonly limit: number; readonly offset: number },
    linesAtATime = linesPerLook,
  ): Promise<{ readonly items: readonly HistoryRecord[]; readonly total: number }> {
    const condition = `no >= ? AND no < ? AND ${where}`;
    const count = this.#db.prepare(`SELECT count(*) AS n FROM history WHERE ${condition}`);
    const { first, last } = this.#ends();
    const items: HistoryRecord[] = [];
    let total = 0;
    for (let end = last + 1; end > first; end -= linesAtATime) {
      const slice = [end - linesAtATime, end, ...parameters];
      const { n } = count.get(...slice) as { n: number };
      const skipped = Math.max(0, offset - total);
      if (skipped < n && items.length < limit) {
        items.push(...this.history(condition, slice, "DESC", limit - items.length, skipped));
      }
      total += n;
      await setImmediate();
    }
    return { items, total };
  }
}

/** Rows that one call brings: a call for each costs half as much again. */
const atATime = 100;

/** What a statement finds behind a key, slice after slice. Not one snapshot: for whoever has the file to itself. */
function* inSlices<R>(slice: Database.Statement, first: unknown[], keyOf: (row: R) => unknown[]): Iterable<R> {
  let key = first;
  for (;;) {
    const rows = slice.all(...key) as R[];
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < atATime) return;
    key = keyOf(last);
  }
}

/** Keys and holder are not on disk: they follow from the ids and the licence's immutable kind. */
export function sessionOf(row: SessionRow, terms: Terms): Session {
  const client = clientKey(terms, row.client_id);
  const session: Session = {
    id: row.id,
    key: sessionKey(terms, client, row.session_id, { clientId: row.client_id, userId: row.user_id }),
    clientId: row.client_id,
    clientKey: client,
    sessionId: row.session_id,
    userId: row.user_id,
    holder: holderKey(terms, row.client_id, row.user_id, row.project_id),
    openedAt: row.opened_at,
    extendedAt: row.extended_at,
    validUntil: row.valid_until,
    checkoutUntil: row.checkout_until,
    endedAt: row.ended_at,
    peakSessions: row.peak_sessions,
    peakHolders: row.peak_holders,
    isOveruse: row.is_overuse === 1,
  };
  const { voucher, renewal, address, moves } = row;
  if (voucher === null && renewal === null && address === null && moves === null) return session;
  return {
    ...session,
    ...(voucher !== null && { voucher: JSON.parse(voucher) }),
    ...(renewal !== null && { renewal: JSON.parse(renewal) }),
    ...(address !== null && { address }),
    ...(moves !== null && { moves: JSON.parse(moves) }),
  };
}

function textOf(value: object | null | undefined): string | null {
  return value == null ? null : JSON.stringify(value);
}

function assignmentOf(row: AssignmentRow): Assignment {
  return {
    id: row.id,
    tokenKey: row.token_key,
    clientId: row.client_id,
    clientKey: row.client_key === row.client_id ? row.client_id : row.client_key,
    clientName: row.client_name,
    clientDescription: row.description,
    userId: row.user_id === row.client_id ? row.client_id : row.user_id,
    softwareVersion: row.software,
    operatingSystem: row.system,
    activatedAt: row.activated_at,
    unassignedAt: row.unassigned_at,
    suspendedUntil: row.suspended_until,
    isGoodwill: row.is_goodwill === 1,
    lastHeartbeatAt: row.heartbeat_at,
  };
}

function projectOf(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    openedAt: row.opened_at,
    kind: row.kind,
    savedAt: row.saved_at,
    executions: JSON.parse(row.executions),
  };
}

function historyOf(row: HistoryRow): HistoryRecord {
  return {
    at: row.at,
    kind: row.kind,
    isvId: row.isv_id,
    licenseId: row.license_id,
    clientId: row.client_id,
    userId: row.user_id,
    sessionId: row.session_id,
    projectId: row.project_id,
    denial: row.denial,
    inUse: row.in_use,
    limit: row.max_tokens,
    isOveruse: row.is_overuse === 1,
    pool: row.pool,
    tokens: row.tokens,
    lengthMs: row.length_ms,
  };
}
