/**
 * Sessions that are extended from several addresses. To move once is nothing: laptops are carried home. Two programs that
 * work on one session extend it by turns, each at least once in a session period, and so it moves on and on.
 */
import { addressesByTurnsMs, movesToldEveryMs } from "../limits.ts";
import type { HistoryRecord, LicenseView, Millis, Moves, OpenCommand, Session, Terms } from "../types.ts";
import { record, subjectOf } from "./outcome.ts";

/** How an extend moves the session; null: it stays where it is, or nobody knows where one of the two was. */
export function moved(terms: Terms, own: Session, { address }: OpenCommand, now: Millis): Moves | null {
  const last = own.moves?.to ?? own.address;
  if (address == null || last === undefined || address === last) return null;
  const at = own.moves?.at ?? Number.NEGATIVE_INFINITY;
  const toldAt = own.moves?.toldAt ?? null;
  const isByTurns = now - at <= Math.min(terms.sessionPeriodMs, addressesByTurnsMs);
  const isTold = isByTurns && (toldAt === null || now - toldAt >= movesToldEveryMs);
  return { to: address, at: now, toldAt: isTold ? now : toldAt };
}

/** What history is told of a move. */
export function recordsOfMove(license: LicenseView, own: Session, moves: Moves | null, now: Millis): HistoryRecord[] {
  const isTold = moves !== null && moves.toldAt !== (own.moves?.toldAt ?? null);
  return isTold ? [record(license, now, "session.moved", subjectOf(own))] : [];
}

/** As a clock tells them that was set. */
export function movesShifted({ to, at, toldAt }: Moves, byMs: number): Moves {
  return { to, at: at + byMs, toldAt: toldAt === null ? null : toldAt + byMs };
}
