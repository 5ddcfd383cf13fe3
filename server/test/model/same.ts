/**
 * What of an outcome, a session, an assignment and a history line must be equal between the model and the core. Keys
 * that the core derives for itself (folded names) and texts for people are not compared; everything else is.
 */
import type { Outcome } from "../../src/core/step.ts";
import type { Assignment, HistoryRecord, LicenseView, Millis, Session } from "../../src/core/types.ts";
import type { ModelAssignment, ModelLine, ModelOutcome, ModelSession, ModelSnapshot } from "./model.ts";

/** Only a checkout that is still running means anything. */
function runningCheckout(session: { readonly checkoutUntil: Millis | null }, now: Millis): Millis | null {
  return session.checkoutUntil !== null && now < session.checkoutUntil ? session.checkoutUntil : null;
}

export function comparableSession(session: Session | ModelSession, now: Millis) {
  return {
    id: session.id,
    clientId: session.clientId,
    sessionId: session.sessionId,
    userId: session.userId,
    openedAt: session.openedAt,
    extendedAt: session.extendedAt,
    validUntil: session.validUntil,
    checkoutUntil: runningCheckout(session, now),
    endedAt: session.endedAt,
    peakSessions: session.peakSessions,
    peakHolders: session.peakHolders,
    isOveruse: session.isOveruse,
  };
}

export function comparableAssignment(assignment: Assignment | ModelAssignment) {
  return {
    id: assignment.id,
    tokenKey: assignment.tokenKey,
    clientId: assignment.clientId,
    clientName: assignment.clientName,
    clientDescription: assignment.clientDescription,
    // Which of a user's spellings is shown is no rule.
    userId: assignment.userId?.trim().normalize("NFC").toUpperCase().toLowerCase() ?? null,
    softwareVersion: assignment.softwareVersion,
    operatingSystem: assignment.operatingSystem,
    activatedAt: assignment.activatedAt,
    unassignedAt: assignment.unassignedAt,
    suspendedUntil: assignment.suspendedUntil,
    isGoodwill: assignment.isGoodwill,
    lastHeartbeatAt: assignment.lastHeartbeatAt,
  };
}

export function comparableOutcome(outcome: Outcome, now: Millis) {
  const { denial, granted } = outcome;
  if (denial !== null) {
    return { denial: denial.code, inUse: denial.inUse, limit: denial.limit, nextFreeAt: denial.nextFreeAt };
  }
  if (granted === null) throw new Error("an outcome is a denial or a grant");
  return {
    denial: null,
    session: granted.session === null ? null : comparableSession(granted.session, now),
    assignment: granted.assignment === null ? null : comparableAssignment(granted.assignment),
    ended: granted.ended,
  };
}

export function comparableModelOutcome(outcome: ModelOutcome, now: Millis): ReturnType<typeof comparableOutcome> {
  if (outcome.denialCode !== null) {
    return { denial: outcome.denialCode, inUse: outcome.inUse, limit: outcome.limit, nextFreeAt: outcome.nextFreeAt };
  }
  return {
    denial: null,
    session: outcome.session === null ? null : comparableSession(outcome.session, now),
    assignment: outcome.assignment === null ? null : comparableAssignment(outcome.assignment),
    ended: outcome.ended,
  };
}

/**
 * The tokens in use are compared where the texts promise them: in denials, and where a token was taken. Lines of one
 * instant may stand in any order.
 */
export function comparableHistory(lines: readonly (HistoryRecord | ModelLine)[]) {
  const comparable = lines.map((line) => ({
    at: line.at,
    kind: line.kind,
    clientId: line.clientId,
    userId: line.userId?.trim().normalize("NFC").toUpperCase().toLowerCase() ?? null,
    sessionId: line.sessionId,
    denial: line.denial,
    inUse: line.kind === "denied" || line.kind === "session.opened" ? line.inUse : null,
    limit: line.limit,
    isOveruse: line.isOveruse,
    lengthMs: line.lengthMs,
  }));
  return comparable.map((line) => JSON.stringify(line)).sort();
}

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** A licence as its readers see it; over is over, whether or not it was released. */
export function comparableView(view: LicenseView, now: Millis) {
  const known = [...view.sessions()].filter((session) => now < session.validUntil);
  const live = known.filter((session) => session.endedAt === null);
  return {
    terms: view.terms,
    live: live.map((session) => comparableSession(session, now)).sort(byId),
    ended: known
      .filter((session) => session.endedAt !== null)
      .map((session) => comparableSession(session, now))
      .sort(byId),
    tokensInUse: new Set(live.map((session) => session.holder)).size,
    assignments: [...view.assignments()].map(comparableAssignment).sort(byId),
    assigned: view.assigned,
  };
}

export function comparableSnapshot(snapshot: ModelSnapshot, now: Millis): ReturnType<typeof comparableView> {
  return {
    terms: snapshot.terms,
    live: snapshot.live.map((session) => comparableSession(session, now)).sort(byId),
    ended: snapshot.ended.map((session) => comparableSession(session, now)).sort(byId),
    tokensInUse: snapshot.tokensInUse,
    assignments: snapshot.assignments.map(comparableAssignment).sort(byId),
    assigned: snapshot.assigned,
  };
}
