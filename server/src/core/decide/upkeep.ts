/** What happens without a client: sessions that are over, outages of the server, clocks that somebody set. */
import { outageNoticedMs, releasesPerStepMax } from "../limits.ts";
import type { Change, CreditCommand, Decision, LicenseView, Millis, Session } from "../types.ts";
import { assignmentAt, tokensAreOver } from "./assignments.ts";
import { movesShifted } from "./moves.ts";
import { gone, grant, record, recordEnds } from "./outcome.ts";
import { ticketsAhead, ticketsCredited, ticketsOver } from "./tickets.ts";

/**
 * What is over at `now`, at most `releasesPerStepMax` of it: sessions, and when none is left, the tokens of a temporary licence,
 * and then places in the queue. Every command of a licence is preceded by this until nothing is left, so nobody ever sees an
 * expired session as live, and counts are exact.
 */
export function release(license: LicenseView, now: Millis): Decision {
  const due = license.due(now, releasesPerStepMax).toSorted((a, b) => a.validUntil - b.validUntil);
  if (due.length === 0 && tokensAreOver(license.terms, now) && license.assigned > 0) return releaseTokens(license, now);
  if (due.length === 0) return grant(ticketsOver(license, now), []);
  // What an administrator ended is on record since then; here only its id becomes free.
  const live = due.filter(({ endedAt }) => endedAt === null);
  const records = recordEnds(license, live, "session.expired", ({ validUntil }) => validUntil);
  return grant(due.map(gone), records, { ended: records.length });
}

/**
 * Takes the tokens of a temporary licence that is over, so that what its clients have beside it takes over. Sessions that
 * outlast it, because its end was set to an earlier instant, run on as on any licence that is over. The lines tell when it was
 * noticed: what an end in the past would put before them may be counted already.
 */
function releaseTokens(license: LicenseView, now: Millis): Decision {
  const held = license.assignedClients(releasesPerStepMax);
  const tokens = license.terms.provisioningMode === "named" ? -1 : 0;
  return grant(
    held.map((assignment) => ({ type: "assignment", assignment: assignmentAt(license.terms, assignment, now) })),
    held.map((assignment) => record(license, now, "client.unassigned", assignment, { tokens })),
  );
}

/**
 * An outage does not count against the users: what was live when it began gets its length added, at most one session
 * period, and never beyond the licence's end.
 */
export function credit(license: LicenseView, command: CreditCommand, now: Millis): Decision {
  const { terms } = license;
  if (command.lengthMs <= outageNoticedMs) return grant([], []);
  const lengthMs = Math.min(command.lengthMs, terms.sessionPeriodMs);
  const end = terms.expiresAt ?? Number.POSITIVE_INFINITY;
  const changes: Change[] = [];
  for (const session of license.sessions()) {
    if (session.endedAt !== null || session.validUntil <= command.from) continue;
    const validUntil = Math.max(session.validUntil, Math.min(session.validUntil + lengthMs, end));
    changes.push({
      type: "session",
      session: { ...session, validUntil, checkoutUntil: session.checkoutUntil === null ? null : validUntil },
    });
  }
  const tickets = ticketsCredited(license, command.from, command.lengthMs, now);
  if (changes.length === 0) return grant(tickets, []);
  changes.push(...tickets);
  return grant(changes, [record(license, now, "outage.credited", undefined, { lengthMs: command.lengthMs })]);
}

/**
 * Brings sessions that a leading clock granted back to `now`: each keeps its length, counted from now, so that a clock
 * that was wrong for an hour freezes no token for a year.
 */
export function settle(license: LicenseView, now: Millis): Decision {
  const changes: Change[] = ticketsAhead(license, now, outageNoticedMs);
  let furthest = 0;
  for (const session of license.sessions()) {
    const lead = session.extendedAt - now;
    if (lead <= outageNoticedMs) continue;
    furthest = Math.max(furthest, lead);
    changes.push({ type: "session", session: shifted(session, -lead) });
  }
  // On record even where nothing was to be brought back: a next start must not measure by the old clock's lines.
  return grant(changes, [record(license, now, "clock.settled", undefined, { lengthMs: furthest })]);
}

function shifted(session: Session, byMs: number): Session {
  return {
    ...session,
    openedAt: Math.min(session.openedAt, session.extendedAt + byMs),
    extendedAt: session.extendedAt + byMs,
    validUntil: session.validUntil + byMs,
    checkoutUntil: session.checkoutUntil === null ? null : session.checkoutUntil + byMs,
    ...(session.moves !== undefined && { moves: movesShifted(session.moves, byMs) }),
    // Its own end, by the clock that was wrong, cannot be taken back; the pool need not wait for that.
    ...(session.voucher !== undefined && { voucher: { ...session.voucher, until: session.voucher.until + byMs } }),
  };
}
