/** Opening, extending, closing and ending sessions of users and devices. */
import { assignmentsPerLicenseMax, endsPerStepMax, sessionsPerHolderAbsoluteMax } from "../limits.ts";
import { admits, asFirstWritten, clientKey, fold, holderKey, sessionKey } from "../names.ts";
import type {
  Assignment,
  Change,
  CloseCommand,
  Decision,
  DenialCode,
  EndCommand,
  HistoryRecord,
  LicenseView,
  Millis,
  OpenCommand,
  Session,
  Terms,
  Ticket,
} from "../types.ts";
import { newAssignment } from "./assignments.ts";
import { checkoutsOut, counted, isOutElsewhere, isVoucherOut, refusedByCaps, refusedCheckIn } from "./checkouts.ts";
import { moved, recordsOfMove } from "./moves.ts";
import {
  deny,
  denyVoucherOut,
  gone,
  grant,
  instant,
  record,
  recordEnds,
  subjectOf,
  suspension,
  unusable,
} from "./outcome.ts";
import { isForked, renewed } from "./renewals.ts";
import { denyToken, noTokenFor, passedOver, ticketGivenUp, ticketUsed, type Wanted } from "./tickets.ts";

const msPerMinute = 60_000;

/**
 * Opens a session, or extends the caller's live one. The checks stand in the order of `denials.ts`; an extend needs no
 * second token and no free place, so it leaves before the limits are looked at.
 */
export function open(license: LicenseView, command: OpenCommand, now: Millis): Decision {
  const { terms } = license;
  const client = clientKey(terms, command.clientId);
  const key = sessionKey(terms, client, command.sessionId, command);
  const known = license.session(key);
  const own = known !== undefined && known.endedAt === null ? known : undefined;

  const denial = unusable(license, now) ?? refusedTerms(terms, command, known);
  if (denial !== null) {
    return deny(license, now, denial, command, denial === "checkout_too_long" ? longestCheckout(terms) : undefined);
  }

  const standing = license.standing(client);
  if (standing === undefined && !terms.activatesOnOpen) return deny(license, now, "client_unknown", command);
  if (standing !== undefined && standing.unassignedAt !== null && !terms.activatesOnOpen) {
    return deny(license, now, "client_unassigned", command);
  }
  const suspended = suspension(standing, now);
  if (suspended !== null) return deny(license, now, "client_suspended", command, suspended);
  if (standing === undefined && license.clients >= assignmentsPerLicenseMax) {
    return deny(license, now, "tokens_all_assigned", command);
  }
  if (known !== undefined && known.endedAt !== null) {
    return deny(
      license,
      now,
      "session_ended_by_admin",
      command,
      `The id is free again at ${instant(known.validUntil)}.`,
    );
  }

  if (own !== undefined) {
    const isOthers = terms.clientType !== "devices" && isOfOtherUser(own, command);
    return isOthers ? deny(license, now, "session_of_other_holder", command) : extend(license, own, command, now);
  }

  const holder = holderKey(terms, command.clientId, command.userId, null);
  const wanted = { holder, pool: "floating", inUse: license.holders, limit: terms.floatingTokenLimit } as const;
  const denied = noRoom(license, wanted, now);
  if (denied === "tokens_exhausted") return denyToken(license, command, wanted, now);
  if (denied !== null) return deny(license, now, denied, command);
  const capped = refusedByCaps(license, holder, command);
  if (capped !== null) return passedOver(license, holder, deny(license, now, capped, command, checkoutsOut(license)));
  const isNew = license.sessionsOfHolder(holder) === 0;
  const holders = license.holders + (isNew ? 1 : 0);
  const isFloating = terms.provisioningMode === "floating";
  return take(license, command, now, {
    key,
    client,
    holder,
    holders,
    assignment: license.assignment(client),
    isOveruse: isFloating && isNew && holders > terms.floatingTokenLimit,
    inUse: isFloating ? holders : license.assigned,
  });
}

/** Whether an extend names another user than the session's. Without one it stays whose it is. */
export function isOfOtherUser(
  own: Pick<Session, "clientId" | "userId">,
  { userId }: Pick<OpenCommand, "userId">,
): boolean {
  return userId !== null && fold(userId) !== fold(own.userId ?? own.clientId);
}

/** What the edition demands of an open, whoever asks. */
function refusedTerms(terms: Terms, command: OpenCommand, known: Session | undefined) {
  if (terms.provisioningMode === "named" && terms.clientType === "devices") return "license_named";
  const checkout = refusedCheckout(terms, command.checkoutPeriod);
  if (checkout !== null) return checkout;
  return refusedNames(terms, command, known);
}

/** What the edition and the licence demand of the names in an open; null: nothing is wrong with them. */
export function refusedNames(terms: Terms, command: OpenCommand, known: Session | undefined): DenialCode | null {
  if (terms.requiresSessionId && command.sessionId === null) return "session_id_required";
  // An extend that names no user is the extend of the session's own user.
  const userId = command.userId ?? known?.userId ?? null;
  if (terms.requiresUserId && userId === null) return "user_id_required";
  return admits(terms, userId ?? command.clientId) ? null : "user_domain_refused";
}

/** Whether a checkout period is out of bounds; null: it is not. */
export function refusedCheckout(terms: Terms, period: number | null): "checkout_negative" | "checkout_too_long" | null {
  const minutes = period ?? 0;
  if (minutes < 0) return "checkout_negative";
  return minutes * msPerMinute > terms.checkoutPeriodMaxMs ? "checkout_too_long" : null;
}

/** What the denial of a longer checkout adds. */
export function longestCheckout(terms: Terms): string {
  return `The longest is ${terms.checkoutPeriodMaxMs / msPerMinute} minutes.`;
}

/** Why a new session of a holder has no room; null: it has. */
function noRoom(license: LicenseView, wanted: Wanted, now: Millis): DenialCode | null {
  const { terms } = license;
  const sessions = license.sessionsOfHolder(wanted.holder);
  if (sessions > 0) {
    if (terms.oneSessionPerUser) return "user_already_active";
    return sessions >= terms.sessionsPerHolderMax || sessions >= sessionsPerHolderAbsoluteMax
      ? "sessions_exhausted"
      : null;
  }
  if (terms.provisioningMode === "named") return null;
  return noTokenFor(license, wanted, now);
}

/** The caller's live session, with a new end. It needs no second token and succeeds when the pool is full. */
export function extend(license: LicenseView, own: Session, command: OpenCommand, now: Millis): Decision {
  const { terms } = license;
  if (isForked(own, command)) return deny(license, now, "session_forked", command);
  const capped = refusedByCaps(license, own.holder, command);
  if (capped !== null) return deny(license, now, capped, command, checkoutsOut(license));
  if (isOutElsewhere(terms, own, command, now)) return denyVoucherOut(license, own, now, command);
  const span = validity(terms, command.checkoutPeriod, now, own);
  const moves = moved(terms, own, command, now);
  const session: Session = {
    ...own,
    extendedAt: now,
    ...span,
    ...voucherOf(command, span.validUntil),
    ...renewed(own, command),
    ...(moves !== null && { moves }),
    peakSessions: Math.max(own.peakSessions, license.openSessions),
    peakHolders: Math.max(own.peakHolders, license.holders),
  };
  return grant([{ type: "session", session }], recordsOfMove(license, own, moves, now), { session });
}

/** Where a new session belongs, and what its licence counts once it is open. */
interface Place {
  readonly key: string;
  readonly client: string;
  readonly holder: string;
  readonly holders: number;
  readonly assignment: Assignment | undefined;
  readonly isOveruse: boolean;
  readonly inUse: number;
}

/** Takes a token, or a further place on the holder's token. */
export function take(license: LicenseView, command: OpenCommand, now: Millis, place: Place): Decision {
  const { isOveruse, inUse } = place;
  const isNamed = license.terms.provisioningMode === "named";
  const span = validity(license.terms, command.checkoutPeriod, now, null);
  const { clientId, userId } = asKnown(license.terms, command, place.assignment);
  // In the order in which a packed session is read, and what few have behind it: such values are quicker to make and to read.
  const session: Session = {
    id: command.ids.session,
    key: place.key,
    clientId,
    clientKey: place.client,
    sessionId: command.sessionId,
    userId,
    holder: place.holder,
    openedAt: now,
    extendedAt: now,
    validUntil: span.validUntil,
    checkoutUntil: span.checkoutUntil,
    endedAt: null,
    peakSessions: license.openSessions + 1,
    peakHolders: place.holders,
    isOveruse,
    ...(command.address != null && { address: command.address }),
    ...voucherOf(command, span.validUntil),
    ...renewed(null, command),
  };
  const changes: Change[] = [{ type: "session", session }, ...ticketUsed(license, place.holder)];
  const tokens = isNamed || license.sessionsOfHolder(place.holder) > 0 ? 0 : 1;
  const records: HistoryRecord[] = [
    record(license, now, "session.opened", subjectOf(session), { isOveruse, inUse, tokens }),
  ];
  const assignment = assignmentForOpen(license.terms, command, now, place);
  if (assignment !== place.assignment) {
    changes.unshift({ type: "assignment", assignment });
    if (place.assignment === undefined || place.assignment.unassignedAt !== null) {
      records.unshift(record(license, now, "client.activated", command, { tokens: isNamed ? 1 : 0 }));
    }
  }
  return grant(changes, records, { session, assignment });
}

/** The caller's names as they were first written, where the client's assignment has them; devices are told apart as written. */
function asKnown(
  terms: Terms,
  { clientId, userId }: OpenCommand,
  assignment: Assignment | undefined,
): Pick<Session, "clientId" | "userId"> {
  if (terms.clientType === "devices" || assignment === undefined) return { clientId, userId };
  return { clientId: assignment.clientId, userId: userId === null ? null : asFirstWritten(assignment.userId, userId) };
}

/** The client's assignment once the session is open: made, given back or told its user, and otherwise the same object. */
function assignmentForOpen(
  terms: Terms,
  command: OpenCommand,
  now: Millis,
  place: { client: string; assignment: Assignment | undefined },
): Assignment {
  const user = terms.clientType !== "devices" ? (command.userId ?? command.clientId) : null;
  const old = place.assignment;
  if (old === undefined) return newAssignment(command, place.client, user, now, false);
  const userId = user === null ? null : asFirstWritten(old.userId, user);
  if (old.unassignedAt !== null) return { ...old, userId, activatedAt: now, unassignedAt: null, isGoodwill: false };
  return userId === old.userId ? old : { ...old, userId };
}

/**
 * Until when an open or extend at `now` is valid. A checkout replaces the session period; a plain extend inside a
 * checkout never shortens it; nothing outlasts the licence, but what was promised stands, above all what is promised by a
 * voucher that is out.
 */
function validity(
  terms: Terms,
  checkoutPeriod: number | null,
  now: Millis,
  own: Session | null,
): Pick<Session, "validUntil" | "checkoutUntil"> {
  const end = terms.expiresAt ?? Number.POSITIVE_INFINITY;
  const vouched = own !== null && isVoucherOut(terms, own, now) ? (own.voucher?.until ?? now) : now;
  if (checkoutPeriod !== null && checkoutPeriod > 0) {
    const until = Math.max(Math.min(now + Math.ceil(checkoutPeriod * msPerMinute), end), vouched);
    return { validUntil: until, checkoutUntil: until };
  }
  const plain = Math.max(Math.min(now + terms.sessionPeriodMs, end), vouched);
  const out = own?.checkoutUntil ?? null;
  return out !== null && out > plain
    ? { validUntil: out, checkoutUntil: out }
    : { validUntil: plain, checkoutUntil: null };
}

/** The voucher that the answer to an open will have; without one, an older one stays the newest. */
function voucherOf({ voucher }: OpenCommand, until: Millis): Pick<Session, "voucher"> {
  return voucher == null ? {} : { voucher: { deviceKey: voucher.deviceKey, until } };
}

/**
 * Closes one session: the token is free once the holder's last session is gone. It is the check-in of a checkout; before the end
 * of a voucher that is out it needs proof that this was given up, and is counted. A session that has no token yet, and waits for
 * one, gives its place up.
 */
export function close(license: LicenseView, command: CloseCommand, now: Millis): Decision {
  const client = clientKey(license.terms, command.clientId);
  const key = sessionKey(license.terms, client, command.sessionId, command);
  const session = license.session(key);
  if (session === undefined || session.endedAt !== null) {
    const isTheirs = (place: Ticket) => ofOther(license.terms, { ...place, holder: place.key }, command) === null;
    return { ...deny(license, now, "session_unknown", command), changes: ticketGivenUp(license, command, isTheirs) };
  }
  const others = ofOther(license.terms, session, command);
  if (others !== null) return deny(license, now, others, command);
  const isEarly = isVoucherOut(license.terms, session, now);
  const refused = isEarly ? refusedCheckIn(license, session, command.givenUp, now) : null;
  if (refused === "voucher_out") return denyVoucherOut(license, session, now, command);
  if (refused !== null) return deny(license, now, refused, command);
  const checkIn: Change[] = isEarly ? [{ type: "check-ins", checkIns: counted(license, now) }] : [];
  return grant(
    [gone(session), ...checkIn],
    recordEnds(license, [session], "session.closed", () => now),
    { session, ended: 1 },
  );
}

/**
 * Why the caller of a close may not close this; null: it is theirs, or they may close any. As with an extend, the users of a
 * device do not count.
 */
function ofOther(
  { clientType }: Terms,
  own: Pick<Session, "clientId" | "userId" | "holder">,
  { onlyFor }: CloseCommand,
): DenialCode | null {
  if (onlyFor === undefined || clientType === "devices") return null;
  if (clientType === "projects" && own.holder !== onlyFor.projectId) return "session_on_other_project";
  return isOfOtherUser(own, onlyFor) ? "session_of_other_holder" : null;
}

function sessionsMeant(license: LicenseView, { id }: EndCommand): readonly Session[] {
  // Whatever their ends: live ones come first, and are put in one order for all stores.
  if (id === null) return license.due(Number.POSITIVE_INFINITY, endsPerStepMax).toSorted(byBeginning);
  const session = license.sessionOfId(id);
  return session === undefined ? [] : [session];
}

const byBeginning = (a: Session, b: Session) => a.openedAt - b.openedAt || (a.key < b.key ? -1 : 1);

/**
 * An administrator ends one session or all: the token is free at once, and the session's id stays denied until its old end.
 * Where a voucher is out, two may work on one token of the pool from then on: that is overuse.
 */
export function end(license: LicenseView, command: EndCommand, now: Millis): Decision {
  const ended = sessionsMeant(license, command).filter(({ endedAt }) => endedAt === null);
  if (ended.length === 0 && command.id !== null) return deny(license, now, "session_unknown", {});
  const isFloating = license.terms.provisioningMode === "floating";
  return grant(
    ended.map((session) => ({ type: "session", session: { ...session, endedAt: now } })),
    recordEnds(
      license,
      ended,
      "session.ended",
      () => now,
      (session) => isFloating && isVoucherOut(license.terms, session, now),
    ),
    { ended: ended.length },
  );
}
