/**
 * What of an outcome, a session, an assignment and a history line must be equal between the model and the core. Keys
 * that the core derives for itself (folded names) and texts for people are not compared; everything else is.
 */
import { assignmentAt, tokensAreOver } from "../../src/core/decide/assignments.ts";
import { checkInsOf } from "../../src/core/decide/checkouts.ts";
import { quotaStatus } from "../../src/core/decide/quotas.ts";
import type { Outcome } from "../../src/core/step.ts";
import type {
  Assignment,
  HistoryRecord,
  LicenseUser,
  LicenseView,
  Millis,
  Project,
  ProjectDenial,
  QuotaStatus,
  Session,
  Terms,
} from "../../src/core/types.ts";
import type { ModelQuota, ModelUser } from "./items.ts";
import type { ModelAssignment, ModelLine, ModelOutcome, ModelSession, ModelSnapshot } from "./model.ts";
import { movesOf } from "./moves.ts";
import type { ModelExecution, ModelProject, ModelRefusal } from "./projects.ts";

/** Only a checkout that is still running means anything. */
function runningCheckout(session: { readonly checkoutUntil: Millis | null }, now: Millis): Millis | null {
  return session.checkoutUntil !== null && now < session.checkoutUntil ? session.checkoutUntil : null;
}

/** Only a voucher that still stands means anything. */
function voucherOf({ voucher }: Session | ModelSession, now: Millis) {
  return voucher == null || now >= voucher.until ? null : { deviceKey: voucher.deviceKey, until: voucher.until };
}

function renewalsOf(session: Session | ModelSession): readonly string[] {
  if ("renewals" in session) return session.renewals;
  const { renewal } = session;
  return renewal === undefined ? [] : [renewal.current, renewal.previous].filter((value) => value !== null);
}

/** Where a session is, since when it is no longer where it was opened, and when history was told of that. */
function placeOf(session: Session | ModelSession) {
  if (!("sightings" in session)) {
    const { to = session.address ?? null, at = null, toldAt = null } = session.moves ?? {};
    return { to, at, toldAt };
  }
  const { sightings, toldAt } = session;
  const last = movesOf(sightings).at(-1);
  return { to: sightings.at(-1)?.address ?? null, at: last?.at ?? null, toldAt: toldAt.at(-1) ?? null };
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
    voucher: voucherOf(session, now),
    renewals: renewalsOf(session),
    place: placeOf(session),
  };
}

export function comparableAssignment(assignment: Assignment | ModelAssignment) {
  return {
    id: assignment.id,
    tokenKey: assignment.tokenKey,
    clientId: assignment.clientId,
    clientName: assignment.clientName,
    clientDescription: assignment.clientDescription,
    userId: assignment.userId,
    softwareVersion: assignment.softwareVersion,
    operatingSystem: assignment.operatingSystem,
    activatedAt: assignment.activatedAt,
    unassignedAt: assignment.unassignedAt,
    suspendedUntil: assignment.suspendedUntil,
    isGoodwill: assignment.isGoodwill,
    lastHeartbeatAt: assignment.lastHeartbeatAt,
  };
}

function comparableExecution(execution: ModelExecution) {
  const { id, secretHash, name, state, unitsDone, unitsTotal, message, startedAt, updatedAt } = execution;
  return { id, secretHash, name, state, unitsDone, unitsTotal, message, startedAt, updatedAt };
}

export function comparableProject(project: Project | ModelProject) {
  const { id, name, createdAt, openedAt, kind, savedAt, executions } = project;
  return { id, name, createdAt, openedAt, kind, savedAt, executions: executions.map(comparableExecution) };
}

function comparableUser({ userId, name, isActive, createdAt, changedAt }: LicenseUser | ModelUser) {
  return { userId, name, isActive, createdAt, changedAt };
}

function comparableQuota(quota: QuotaStatus | ModelQuota) {
  const { transactionId, used, from, until } = quota;
  const limitationId = "limitation" in quota ? quota.limitation.id : quota.limitationId;
  return { transactionId, limitationId, used, from, until };
}

/** What a refused connect tells besides; other denials of project licences may tell it or not. */
function comparableRefusal(refusal: ProjectDenial | ModelRefusal | null) {
  if (refusal === null) return null;
  const { kind, total, left, holders, execution } = refusal;
  const named = holders.map(({ userId, since }) => `${userId} since ${since}`).sort();
  return { kind, total, left, holders: named, execution: execution === null ? null : comparableExecution(execution) };
}

export function comparableOutcome(outcome: Outcome, now: Millis) {
  const { denial, granted } = outcome;
  if (denial !== null) {
    const { code, inUse, limit, nextFreeAt, queuePosition } = denial;
    return { denial: code, inUse, limit, nextFreeAt, queuePosition, refusal: comparableRefusal(denial.project) };
  }
  if (granted === null) throw new Error("an outcome is a denial or a grant");
  return {
    denial: null,
    session: granted.session === null ? null : comparableSession(granted.session, now),
    assignment: granted.assignment === null ? null : comparableAssignment(granted.assignment),
    project: granted.project === null ? null : comparableProject(granted.project),
    user: granted.user === null ? null : comparableUser(granted.user),
    quotas: granted.quotas.map(comparableQuota),
    ended: granted.ended,
  };
}

export function comparableModelOutcome(outcome: ModelOutcome, now: Millis): ReturnType<typeof comparableOutcome> {
  if (outcome.denialCode !== null) {
    const { denialCode, inUse, limit, nextFreeAt, queuePosition, refusal } = outcome;
    return { denial: denialCode, inUse, limit, nextFreeAt, queuePosition, refusal: comparableRefusal(refusal) };
  }
  return {
    denial: null,
    session: outcome.session === null ? null : comparableSession(outcome.session, now),
    assignment: outcome.assignment === null ? null : comparableAssignment(outcome.assignment),
    project: outcome.project === null ? null : comparableProject(outcome.project),
    user: outcome.user === null ? null : comparableUser(outcome.user),
    quotas: outcome.quotas.map(comparableQuota),
    ended: outcome.ended,
  };
}

/**
 * The tokens in use are compared where the texts promise them: in denials, and where a token was taken or changed its pool. Lines of one
 * instant may stand in any order.
 */
export function comparableHistory(lines: readonly (HistoryRecord | ModelLine)[]) {
  const comparable = lines.map((line) => ({
    at: line.at,
    kind: line.kind,
    clientId: line.clientId,
    userId: line.userId?.trim().normalize("NFC").toUpperCase().toLowerCase() ?? null,
    sessionId: line.sessionId,
    // Whether a denial names a project or a licence that is not there is no rule.
    projectId: line.denial === "project_unknown" || line.denial === "license_unknown" ? null : line.projectId,
    denial: line.denial,
    inUse: ["denied", "session.opened", "project.switched"].includes(line.kind) ? line.inUse : null,
    // The line of a project that opens or closes may count by its pool before or after it.
    limit: line.kind.startsWith("project.") && line.kind !== "project.switched" ? null : line.limit,
    isOveruse: line.isOveruse,
    // How long an ended session was is told by stores alone, and held against their own lines.
    lengthMs: line.kind.startsWith("session.") ? null : line.lengthMs,
  }));
  return comparable.map((line) => JSON.stringify(line)).sort();
}

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const byUserId = (a: { readonly userId: string }, b: { readonly userId: string }) => (a.userId < b.userId ? -1 : 1);

/** Who is in which project; elsewhere the holder is a name that each side folds for itself. */
function usersOf(terms: Terms, live: readonly { readonly id: string; readonly holder: string }[]): string[] {
  return terms.clientType === "projects" ? live.map(({ id, holder }) => `${holder} ${id}`).sort() : [];
}

/** A licence as its readers see it; over is over, by these terms, whether or not it was released. */
export function comparableView(view: LicenseView, now: Millis, terms: Terms = view.terms) {
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
    assignments: [...view.assignments()]
      .map((assignment) => comparableAssignment(assignmentAt(terms, assignment, now)))
      .sort(byId),
    assigned: tokensAreOver(terms, now) ? 0 : view.assigned,
    // What is over is not released by looking: counted here, and held against the licence's own count by the caller.
    tokensOut: new Set(live.filter(({ checkoutUntil }) => checkoutUntil !== null).map(({ holder }) => holder)).size,
    checkIns: checkInsOf(view, now),
    projects: [...view.projects()].map(comparableProject).sort(byId),
    attended: { mono: view.attended("mono"), team: view.attended("team") },
    users: usersOf(view.terms, live),
    registered: [...view.users()].map(comparableUser).sort(byUserId),
    activeUsers: view.activeUsers,
    quotas: view.terms.limitations.flatMap(({ id }) => quotaStatus(view, id, now) ?? []).map(comparableQuota),
    queue: [...view.tickets()]
      .filter(({ validUntil }) => now < validUntil)
      .toSorted((a, b) => a.no - b.no)
      .map(({ pool, clientId, userId, validUntil }) => ({ pool: String(pool), clientId, userId, until: validUntil })),
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
    tokensOut: snapshot.tokensOut,
    checkIns: snapshot.checkIns,
    projects: snapshot.projects.map(comparableProject).sort(byId),
    attended: snapshot.attended,
    users: usersOf(snapshot.terms, snapshot.live),
    registered: snapshot.users.map(comparableUser).sort(byUserId),
    activeUsers: snapshot.users.filter(({ isActive }) => isActive).length,
    quotas: snapshot.quotas.map(comparableQuota),
    queue: snapshot.queue.map(({ pool, clientId, userId, until }) => ({ pool, clientId, userId, until })),
  };
}
