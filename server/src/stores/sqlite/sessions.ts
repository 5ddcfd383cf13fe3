/**
 * Sessions on disk. An open is a row of its own and a close deletes it; extends, which are nearly all that happens, go
 * into a log, one line a commit, and are folded into the rows a little later, in order of rows. So the cost of an extend
 * does not depend on how many sessions there are, nor on how far apart their rows lie.
 */
import type { PackedSessions } from "../../core/packed/sessions.ts";
import type { LicenseState } from "../../core/state.ts";
import type { Millis, Session, Terms } from "../../core/types.ts";
import type { Access } from "./access.ts";
import { type Rows, type SessionRow, type SessionValues, type Span, sessionOf, sessionValues, spanOf } from "./rows.ts";
import type { SessionWrites, Tables } from "./tables.ts";

/** Rows that one transaction folds: a few milliseconds, so that nobody waits long behind it. */
const foldedAtATimeMax = 1_000;

/** A sixteenth of what is behind is folded a round, so that the log stays as short as some twenty rounds of extends. */
const foldedShare = 16;

/** What a transaction leaves of a session. */
export interface ChangedSession {
  readonly license: LicenseState;
  /** Null: it is gone. */
  readonly session: Session | null;
}

export class SessionRows {
  /** The next free number of a row, and of a line of the log. Never used twice while the log may name it. */
  #nextRow = 1;
  #nextLine = 1;
  readonly #sessions: PackedSessions;
  /** Slots of sessions whose row is behind the log, in the order in which they fell behind, with the line that they are behind since. */
  readonly #behind = new Map<number, number>();
  /** What the transaction under way has logged: settled once it has committed. */
  #logged: number[] = [];

  constructor(sessions: PackedSessions) {
    this.#sessions = sessions;
  }

  /** Reads rows and log into the licences, and folds the whole log. Answers with the latest instant seen. */
  load(tables: Tables, licenseOf: (no: number) => LicenseState): Millis {
    const { spans, lastLine } = loggedSpans(tables.rows);
    this.#nextLine = lastLine + 1;
    let latest = 0;
    for (const { row, session } of storedSessions(tables.rows, spans, (no) => licenseOf(no).terms)) {
      this.#sessions.setRow(licenseOf(row.license_no).putSession(session), row.no);
      latest = Math.max(latest, session.extendedAt);
      this.#nextRow = Math.max(this.#nextRow, row.no + 1);
    }
    for (const no of spans.keys()) this.#nextRow = Math.max(this.#nextRow, no + 1);
    if (spans.size > 0) tables.fold([...spans.values()], this.#nextLine);
    return latest;
  }

  /**
   * What is to be written so that sessions are on file as they now stand. `isAtOnce`: into their rows, while none of them is
   * behind the log.
   */
  writesOf(
    changed: ReadonlyMap<number, ChangedSession>,
    numberOf: (license: LicenseState) => number,
    isAtOnce = false,
  ): SessionWrites {
    const inserted: SessionValues[] = [];
    const deleted: number[] = [];
    const ended: [number, Millis][] = [];
    const spans: Span[] = [];
    this.#logged = [];
    for (const [slot, { license, session }] of changed) {
      const row = this.#sessions.rowOf(slot);
      if (session === null) {
        if (row !== 0) deleted.push(row);
      } else if (row === 0) {
        this.#sessions.setRow(slot, this.#nextRow);
        inserted.push(sessionValues(this.#nextRow++, numberOf(license), license.terms, session));
      } else {
        if (session.endedAt !== null) ended.push([row, session.endedAt]);
        spans.push(spanOf(row, session));
        if (!isAtOnce) this.#logged.push(slot);
      }
    }
    const isLogged = spans.length > 0 && !isAtOnce;
    const extended = isLogged ? { line: this.#nextLine, spans: JSON.stringify(spans) } : null;
    return { inserted, deleted, ended, extended, updated: isAtOnce ? spans : [] };
  }

  /** The rows of these sessions of a licence, which are all on file. */
  rowsOf(license: LicenseState, sessions: readonly Session[]): number[] {
    return sessions.map(({ key }) => this.#sessions.rowOf(license.slotOf(key)));
  }

  /** What `writesOf` told has been written. */
  committed(): void {
    if (this.#logged.length === 0) return;
    for (const slot of this.#logged) {
      if (!this.#behind.has(slot)) this.#behind.set(slot, this.#nextLine);
    }
    this.#nextLine++;
    this.#logged = [];
  }

  /** Folds one slice of what is behind. Answers whether the round has more to do. Nothing else changes sessions meanwhile. */
  async fold(round: FoldRound, file: Access): Promise<boolean> {
    const slice: number[] = [];
    for (const slot of this.#behind.keys()) {
      if (slice.length >= Math.min(foldedAtATimeMax, round.left)) break;
      slice.push(slot);
    }
    if (slice.length === 0) return false;
    const before = this.#oldestLineAfter(slice);
    const live = slice
      .filter((slot) => this.#sessions.isThere(slot))
      .toSorted((a, b) => this.#sessions.rowOf(a) - this.#sessions.rowOf(b));
    const spans = live.map((slot) => spanOf(this.#sessions.rowOf(slot), this.#sessions.get(slot)));
    await file.ask("fold", spans, before);
    for (const slot of slice) this.#behind.delete(slot);
    round.left -= slice.length;
    return round.left > 0;
  }

  newRound(): FoldRound {
    return { left: Math.max(foldedAtATimeMax, Math.ceil(this.#behind.size / foldedShare)) };
  }

  /** The first line of the log that is still needed once the slice, the head of what is behind, is folded. */
  #oldestLineAfter(slice: readonly number[]): number {
    let skipped = 0;
    for (const line of this.#behind.values()) if (skipped++ === slice.length) return line;
    return this.#nextLine;
  }
}

/** The log's last word on every session that it names, by the number of the session's row. */
export function loggedSpans(rows: Rows): { readonly spans: ReadonlyMap<number, Span>; readonly lastLine: number } {
  const spans = new Map<number, Span>();
  let lastLine = 0;
  for (const line of rows.extends()) {
    for (const span of line.spans) spans.set(span[0], span);
    lastLine = line.no;
  }
  return { spans, lastLine };
}

/** Every session as its row and the log tell it. */
export function* storedSessions(
  rows: Rows,
  spans: ReadonlyMap<number, Span>,
  termsOf: (licenseNo: number) => Terms,
): Iterable<{ readonly row: SessionRow; readonly session: Session }> {
  for (const row of rows.sessions()) {
    yield { row, session: withSpan(sessionOf(row, termsOf(row.license_no)), spans.get(row.no)) };
  }
}

function withSpan(session: Session, span: Span | undefined): Session {
  if (span === undefined) return session;
  const [, openedAt, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, ...more] = span;
  const [voucher, renewal, moves] = more;
  return {
    ...session,
    openedAt,
    extendedAt,
    validUntil,
    checkoutUntil,
    peakSessions,
    peakHolders,
    ...(voucher != null && { voucher }),
    ...(renewal != null && { renewal }),
    ...(moves !== undefined && { moves }),
  };
}

/** How much of its share a round of folding has left to do. */
export interface FoldRound {
  left: number;
}
