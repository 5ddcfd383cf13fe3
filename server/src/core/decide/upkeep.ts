/** What happens without a client: sessions that are over, outages of the server, clocks that somebody set. */
import { endsPerStepMax, madeGoodPerRoundMax, outageNoticedMs, releasesPerStepMax } from "../limits.ts";
import type { Assignment, Change, CreditCommand, Decision, LicenseView, Millis, Session } from "../types.ts";
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
  const over = held.map((assignment) => assignmentAt(license.terms, assignment, now));
  // Sessions are what a release counts.
  return taken(license, now, over, 0);
}

/**
 * Takes tokens for which nobody needs a session, whoever their clients are: the licence is about to go, and they would stay in use in
 * history for ever.
 */
export function retire(license: LicenseView, now: Millis): Decision {
  const held = license.terms.provisioningMode === "named" ? license.assignedClients(endsPerStepMax) : [];
  const over = held.map((assignment) => ({ ...assignment, unassignedAt: now }));
  return taken(license, now, over, over.length);
}

function taken(license: LicenseView, now: Millis, over: readonly Assignment[], ended: number): Decision {
  const tokens = license.terms.provisioningMode === "named" ? -1 : 0;
  return grant(
    over.map((assignment) => ({ type: "assignment", assignment })),
    over.map((assignment) => record(license, now, "client.unassigned", assignment, { tokens })),
    { ended },
  );
}

/**
 * An outage does not count against the users: what was live when it began gets its length added, at most one session
 * period, and never beyond the licence's end. In rounds, each of which is to be applied before the next one is asked for.
 */
export function* credit(license: LicenseView, command: CreditCommand, now: Millis): Iterable<Decision> {
  const { terms } = license;
  if (command.lengthMs <= outageNoticedMs) return;
  const lengthMs = Math.min(command.lengthMs, terms.sessionPeriodMs);
  const end = terms.expiresAt ?? Number.POSITIVE_INFINITY;
  let isAnyLive = false;
  const rounds = inRounds(license, (session) => {
    if (session.endedAt !== null || session.validUntil <= command.from) return null;
    const validUntil = Math.max(session.validUntil, Math.min(session.validUntil + lengthMs, end));
    return { ...session, validUntil, checkoutUntil: session.checkoutUntil === null ? null : validUntil };
  });
  for (const round of rounds) {
    isAnyLive = true;
    yield round;
  }
  const line = record(license, now, "outage.credited", undefined, { lengthMs: command.lengthMs });
  yield grant(ticketsCredited(license, command.from, command.lengthMs, now), isAnyLive ? [line] : []);
}

/**
 * Brings sessions that a leading clock granted back to `now`: each keeps its length, counted from now, so that a clock
 * that was wrong for an hour freezes no token for a year. In rounds, as with `credit`.
 */
export function* settle(license: LicenseView, now: Millis): Iterable<Decision> {
  let furthest = 0;
  yield* inRounds(license, (session) => {
    const lead = session.extendedAt - now;
    if (lead <= outageNoticedMs) return null;
    furthest = Math.max(furthest, lead);
    return shifted(session, -lead);
  });
  // On record even where nothing was to be brought back: a next start must not measure by the old clock's lines.
  const line = record(license, now, "clock.settled", undefined, { lengthMs: furthest });
  yield grant(ticketsAhead(license, now, outageNoticedMs), [line]);
}

/** What becomes of a licence's sessions; null: one stays as it is. */
function* inRounds(license: LicenseView, changed: (session: Session) => Session | null): Iterable<Decision> {
  let changes: Change[] = [];
  for (const each of license.sessions()) {
    const session = changed(each);
    if (session !== null) changes.push({ type: "session", session });
    if (changes.length < madeGoodPerRoundMax) continue;
    yield grant(changes, []);
    changes = [];
  }
  if (changes.length > 0) yield grant(changes, []);
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
