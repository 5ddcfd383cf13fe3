/** Clients and the tokens assigned to them: activation, heartbeat, suspension, unassignment. */
import { assignmentsPerLicenseMax } from "../limits.ts";
import { admits, asFirstWritten, clientKey } from "../names.ts";
import { coversRelease } from "../releases.ts";
import type {
  ActivateCommand,
  Assignment,
  Change,
  Decision,
  HeartbeatCommand,
  HistoryRecord,
  LicenseView,
  Millis,
  NewIds,
  Session,
  SuspendCommand,
  Terms,
  UnassignCommand,
} from "../types.ts";
import { isVoucherOut } from "./checkouts.ts";
import { deny, denyVoucherOut, gone, grant, record, recordEnds, suspension, unusable } from "./outcome.ts";
import { quotaStatuses } from "./quotas.ts";
import { ticketsLeft } from "./tickets.ts";

/** The assignment of a client that the licence has not seen before. */
export function newAssignment(
  client: { readonly clientId: string; readonly ids: NewIds },
  key: string,
  userId: string | null,
  now: Millis,
  isGoodwill: boolean,
): Assignment {
  return {
    id: client.ids.assignment,
    tokenKey: client.ids.token,
    clientId: client.clientId,
    clientKey: key,
    clientName: null,
    clientDescription: null,
    userId,
    softwareVersion: null,
    operatingSystem: null,
    activatedAt: now,
    unassignedAt: null,
    suspendedUntil: null,
    isGoodwill,
    lastHeartbeatAt: null,
  };
}

/**
 * Assigns a token to a client. A named licence has `token_limit` of them and the goodwill ones behind; a floating
 * licence activates whoever comes, since what it counts is sessions. `isMoving`: the client has a token on another licence too,
 * which it leaves for this one; then it may have been activated here before, by opening.
 */
export function activate(license: LicenseView, command: ActivateCommand, now: Millis, isMoving: boolean): Decision {
  const { terms } = license;
  const unfit = unusable(license, now);
  if (unfit !== null) return deny(license, now, unfit, command);
  if (isRefusedRelease(terms, command)) {
    return deny(license, now, "release_refused", command, `The newest one is ${terms.softwareRelease}.`);
  }
  const key = clientKey(terms, command.clientId);
  const old = license.assignment(key);
  const suspended = suspension(old, now);
  if (suspended !== null) return deny(license, now, "client_suspended", command, suspended);
  const taken = command.tokenKey === null ? old : (license.assignmentOfToken(command.tokenKey) ?? old);
  if (isMoving && old?.unassignedAt === null && taken === old) {
    const assignment = { ...old, ...toldBy(command, old) };
    return grant([{ type: "assignment", assignment }], [], { assignment, quotas: quotaStatuses(license, now) });
  }
  if (old?.unassignedAt === null || taken?.unassignedAt === null) {
    return deny(license, now, "token_already_assigned", command);
  }
  const isNamed = terms.provisioningMode === "named";
  if (isNamed && license.assigned >= terms.tokenLimit + terms.goodwillTokenLimit) {
    return deny(license, now, "tokens_all_assigned", command);
  }
  if (old === undefined && license.clients >= assignmentsPerLicenseMax) {
    return deny(license, now, "tokens_all_assigned", command);
  }
  const isGoodwill = isNamed && license.assigned - license.onGoodwill >= terms.tokenLimit;
  const userId = terms.clientType !== "devices" ? (old?.userId ?? command.clientId) : null;
  const assignment: Assignment = {
    ...(old ?? newAssignment(command, key, userId, now, isGoodwill)),
    ...toldBy(command, old),
    activatedAt: now,
    unassignedAt: null,
    isGoodwill,
  };
  const inUse = isNamed ? license.assigned + 1 : license.holders;
  return grant(
    [{ type: "assignment", assignment }],
    [
      record(
        license,
        now,
        "client.activated",
        { clientId: command.clientId, userId },
        { inUse, tokens: isNamed ? 1 : 0 },
      ),
    ],
    { assignment, quotas: quotaStatuses(license, now) },
  );
}

/** What an activation tells of its client; what it does not tell stays. */
function toldBy(command: ActivateCommand, old: Assignment | undefined) {
  return {
    clientName: command.clientName ?? old?.clientName ?? null,
    clientDescription: command.clientDescription ?? old?.clientDescription ?? null,
    softwareVersion: command.softwareVersion ?? old?.softwareVersion ?? null,
  };
}

/** What of a licence's terms says until when its clients have their tokens. */
export type Tenure = Pick<Terms, "isTemporary" | "expiresAt">;

/** Whether the licence's tokens are over: the end of a temporary licence takes them from all its clients. */
export function tokensAreOver({ isTemporary, expiresAt }: Tenure, now: Millis): boolean {
  return isTemporary && expiresAt !== null && now >= expiresAt;
}

/** An assignment as it stands at `now`: over is over, whether or not anybody has written so since. */
export function assignmentAt(terms: Tenure, assignment: Assignment, now: Millis): Assignment {
  if (assignment.unassignedAt !== null || !tokensAreOver(terms, now)) return assignment;
  // An end may be set to an instant in the past.
  return { ...assignment, unassignedAt: Math.max(terms.expiresAt ?? 0, assignment.activatedAt) };
}

/** Clients that hold a token at `now`. */
export function assignedAt({ terms, assigned }: LicenseView, now: Millis): number {
  return tokensAreOver(terms, now) ? 0 : assigned;
}

/** Whether the client's release is too new for the licence. One that is not told is taken to be covered. */
export function isRefusedRelease(terms: Terms, { softwareVersion }: ActivateCommand): boolean {
  if (softwareVersion === null || terms.allowsUncoveredRelease) return false;
  return !coversRelease(terms.softwareRelease, softwareVersion);
}

/** Takes the token that a key names from its client, whose sessions end with it. */
export function unassign(license: LicenseView, command: UnassignCommand, now: Millis): Decision {
  const assignment = license.assignmentOfToken(command.tokenKey);
  if (assignment === undefined) return deny(license, now, "token_unknown", {});
  if (assignment.unassignedAt !== null) return deny(license, now, "token_already_unassigned", assignment);
  const suspended = suspension(assignment, now);
  if (suspended !== null) return deny(license, now, "client_suspended", assignment, suspended);
  const out = sessionOut(license, assignment, now);
  if (out !== undefined) return denyVoucherOut(license, out, now, assignment);
  return release(license, assignment, now);
}

/** A session of the client's whose voucher is out: with it the client would go on without its token. */
export function sessionOut(license: LicenseView, { clientKey: key }: Assignment, now: Millis): Session | undefined {
  return license.sessionsOfClient(key).find((session) => isVoucherOut(license.terms, session, now));
}

/** Takes a client's token, ends its sessions and gives up its places in the queue, whoever wants it so. */
export function release(license: LicenseView, assignment: Assignment, now: Millis): Decision {
  const released: Assignment = { ...assignment, unassignedAt: now };
  const sessions = license.sessionsOfClient(assignment.clientKey);
  const about = { clientId: assignment.clientId, userId: assignment.userId };
  const tokens = license.terms.provisioningMode === "named" ? -1 : 0;
  return grant(
    [
      { type: "assignment", assignment: released },
      ...sessions.map(gone),
      ...ticketsLeft(license, assignment.clientKey),
    ],
    [
      record(license, now, "client.unassigned", about, { tokens }),
      ...recordEnds(license, sessions, "session.ended", () => now),
    ],
    { assignment: released, ended: sessions.length },
  );
}

/** What history tells of a licence that goes: the tokens that its clients hold are given back. Sessions keep a licence from going. */
export function tokensGone(license: LicenseView, now: Millis): HistoryRecord[] {
  if (license.terms.provisioningMode !== "named") return [];
  const held = license.assignedClients(license.assigned);
  return held.map((assignment) => record(license, now, "client.unassigned", assignment, { tokens: -1 }));
}

/**
 * A client tells that it is there, and learns how its licence stands. An inactive or expired licence does not fail it:
 * the answer says so. Where the edition wants it, the heartbeat keeps the client's sessions alive.
 */
export function heartbeat(license: LicenseView, command: HeartbeatCommand, now: Millis): Decision {
  const refused = refusedClient(license, command, now);
  if (refused !== null) return refused;
  const assignment = license.assignment(clientKey(license.terms, command.clientId)) as Assignment;
  const isUsers = license.terms.clientType !== "devices";
  const seen: Assignment = {
    ...assignment,
    userId: isUsers && command.userId !== null ? asFirstWritten(assignment.userId, command.userId) : assignment.userId,
    softwareVersion: command.softwareVersion ?? assignment.softwareVersion,
    operatingSystem: command.operatingSystem ?? assignment.operatingSystem,
    lastHeartbeatAt: now,
  };
  const told = { assignment: seen, quotas: quotaStatuses(license, now) };
  return grant([{ type: "assignment", assignment: seen }, ...extended(license, seen, now)], [], told);
}

/** Who sends heartbeats of any kind must hold a token, and if it names one, that one. Null: so it is. */
export function refusedClient(
  license: LicenseView,
  command: Pick<HeartbeatCommand, "clientId" | "tokenKey" | "userId">,
  now: Millis,
): Decision | null {
  const assignment = license.assignment(clientKey(license.terms, command.clientId));
  if (command.tokenKey !== null) {
    const token = license.assignmentOfToken(command.tokenKey);
    if (token === undefined) return deny(license, now, "token_unknown", command);
    if (token !== assignment) return deny(license, now, "token_of_other_client", command);
  }
  if (assignment === undefined) return deny(license, now, "client_unknown", command);
  if (assignment.unassignedAt !== null) {
    // Without a token_key the client does not know of any token: to it, it was never activated.
    return deny(license, now, command.tokenKey === null ? "client_unknown" : "client_unassigned", command);
  }
  const suspended = suspension(assignment, now);
  return suspended === null ? null : deny(license, now, "client_suspended", command, suspended);
}

/** The client's sessions, as a plain extend at `now` would leave them; none where an extend would be denied or heartbeats do not count. */
function extended(license: LicenseView, assignment: Assignment, now: Millis): Change[] {
  const { terms } = license;
  if (!terms.heartbeatsExtendSessions || unusable(license, now) !== null) return [];
  const until = Math.min(now + terms.sessionPeriodMs, terms.expiresAt ?? Number.POSITIVE_INFINITY);
  return license
    .sessionsOfClient(assignment.clientKey)
    .filter((session) => session.validUntil < until && isExtendable(terms, session))
    .map((session): { type: "session"; session: Session } => ({
      type: "session",
      session: { ...session, extendedAt: now, validUntil: until, checkoutUntil: null },
    }));
}

/** Whether an extend could name the session as its edition and licence want it, which may have changed since it was opened. */
function isExtendable(terms: Terms, { clientId, userId, sessionId }: Session): boolean {
  return !(terms.requiresSessionId && sessionId === null) && admits(terms, userId ?? clientId);
}

/** Suspends a client until an instant, or lifts a suspension. Its live sessions run on to their end; they are not extended. */
export function suspend(license: LicenseView, command: SuspendCommand, now: Millis): Decision {
  const assignment = license.assignmentOfId(command.assignmentId);
  if (assignment === undefined) return deny(license, now, "client_unknown", {});
  const changed: Assignment = { ...assignment, suspendedUntil: command.until };
  return grant(
    [{ type: "assignment", assignment: changed }],
    [record(license, now, "client.suspended", { clientId: assignment.clientId, userId: assignment.userId })],
    { assignment: changed },
  );
}
