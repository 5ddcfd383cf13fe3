/** One command from beginning to end: release what is over, decide, apply. The whole of the core's outside. */
import {
  activate,
  heartbeat,
  isRefusedRelease,
  release as releaseAssignment,
  sessionOut,
  suspend,
  tokensAreOver,
  unassign,
} from "./decide/assignments.ts";
import { consume, resetQuota, rollBack } from "./decide/consumption.ts";
import { deny, denyUnknownLicense, denyVoucherOut, grant, suspension, unusable } from "./decide/outcome.ts";
import { connect, decideProject } from "./decide/projects.ts";
import { close, end, open } from "./decide/sessions.ts";
import { ticketsLeft } from "./decide/tickets.ts";
import { credit, release, settle } from "./decide/upkeep.ts";
import { deleteUser, gather, putUser } from "./decide/users.ts";
import { clientKey } from "./names.ts";
import type { LicenseState } from "./state.ts";
import type {
  ActivateCommand,
  Change,
  Command,
  CreditCommand,
  Decision,
  Denial,
  Gathered,
  Granted,
  HistoryRecord,
  LicenseView,
  Millis,
  SettleCommand,
  SweepCommand,
} from "./types.ts";

/** The licences that a step may look at and change. */
export interface Licenses {
  license(isvId: string, licenseId: string): LicenseState | undefined;
  /** The other licences of the same product and customer that know the client. */
  siblings(license: LicenseState, clientId: string): readonly LicenseState[];
  /** Applies a change (with `evolve`) and remembers it for saving or undoing. */
  apply(license: LicenseState, change: Change): void;
  /** Keeps a line of history, to be saved together with the changes. */
  record(line: HistoryRecord): void;
  /** Keeps a value that a client told, to be saved together with the changes. */
  gather(value: Gathered): void;
}

/** What a command came to. Exactly one of the two is not null. */
export interface Outcome {
  readonly denial: Denial | null;
  readonly granted: Granted | null;
}

/**
 * Decides one command and applies what it changes. `now` must not be earlier than in the step before.
 * Never throws for bad input; a throw is a bug, and whoever runs the step undoes what it had applied.
 */
export function step(licenses: Licenses, command: Command, now: Millis): Outcome {
  const license = licenses.license(command.isvId, command.licenseId);
  if (license === undefined) {
    const subject = "clientId" in command ? callerOf(command) : {};
    return apply(licenses, null, denyUnknownLicense(command.isvId, command.licenseId, now, subject));
  }
  if (command.type === "credit" || command.type === "settle") {
    for (const _ of makeGood(licenses, command, now));
    return grant([], []);
  }
  const released = releaseDue(licenses, license, now);
  if (command.type === "sweep") return grant([], [], { ended: released });
  const decision =
    command.type === "activate" ? activateHere(licenses, license, command, now) : decide(license, command, now);
  const outcome = apply(licenses, license, decision);
  if (command.type === "activate" && outcome.granted?.assignment != null) {
    moveHere(licenses, license, command.clientId, now);
  }
  return outcome;
}

/**
 * Makes an outage or a wrong clock good for a licence, in rounds: `step` in pieces, for whoever saves each of them before the
 * next one. Before anything is released: what an outage made lapse is not over.
 */
export function* makeGood(
  licenses: Licenses,
  command: CreditCommand | SettleCommand,
  now: Millis,
): Generator<undefined> {
  const license = licenses.license(command.isvId, command.licenseId);
  if (license === undefined) return;
  for (const round of command.type === "credit" ? credit(license, command, now) : settle(license, now)) {
    apply(licenses, license, round);
    yield;
  }
}

/**
 * The licences in which `step` releases what is over before it decides the command. It releases all of it; whoever has others
 * waiting looks how much that is (`overIn`), and calls `releaseRound` first, as often as it takes.
 */
export function overdueFor(licenses: Licenses, command: Command, now: Millis): readonly LicenseState[] {
  if (command.type === "credit" || command.type === "settle") return none;
  const license = licenses.license(command.isvId, command.licenseId);
  if (license === undefined) return none;
  if (command.type !== "activate") return license.nextDueAt() <= now ? [license] : none;
  return [license, ...licenses.siblings(license, command.clientId)].filter((each) => each.nextDueAt() <= now);
}

const none: readonly LicenseState[] = [];

/** How many sessions and tokens are over in a licence, counted up to `limit`. */
export function overIn(license: LicenseState, now: Millis, limit: number): number {
  const tokens = tokensAreOver(license.terms, now) ? license.assigned : 0;
  return tokens >= limit ? limit : Math.min(limit, tokens + license.dueCount(now, limit));
}

/** Releases one round of what is over in a licence, and decides nothing. */
export function releaseRound(licenses: Licenses, license: LicenseState, now: Millis): void {
  apply(licenses, license, release(license, now));
}

/** Looks at a licence and a command, and says what shall happen. Changes nothing. */
function decide(
  license: LicenseView,
  command: Exclude<Command, SweepCommand | ActivateCommand | CreditCommand | SettleCommand>,
  now: Millis,
): Decision {
  switch (command.type) {
    case "open":
      return license.terms.clientType === "projects" ? connect(license, command, now) : open(license, command, now);
    case "close":
      return close(license, command, now);
    case "heartbeat":
      return heartbeat(license, command, now);
    case "unassign":
      return unassign(license, command, now);
    case "end":
      return end(license, command, now);
    case "suspend":
      return suspend(license, command, now);
    case "consume":
      return consume(license, command, now);
    case "consumption.rollback":
      return rollBack(license, command, now);
    case "quota.reset":
      return resetQuota(license, command, now);
    case "gather":
      return gather(license, command, now);
    case "user.put":
      return putUser(license, command, now);
    case "user.delete":
      return deleteUser(license, command, now);
    default:
      return decideProject(license, command, now);
  }
}

/** Answers with the number of sessions that were over. */
function releaseDue(licenses: Licenses, license: LicenseState, now: Millis): number {
  let released = 0;
  while (license.nextDueAt() <= now) {
    const decision = release(license, now);
    // The loop ends because every round takes something away; a state in which none does is broken.
    if (decision.changes.length === 0)
      throw new Error(`licence ${license.terms.licenseId}: what is due cannot be found`);
    released += apply(licenses, license, decision).granted?.ended ?? 0;
  }
  return released;
}

/**
 * A client is active on one licence of a product and customer: its explicit activation on another one moves it there,
 * its sessions on the old one end, and it waits there no longer, not even where its token was taken from it before. A temporary
 * licence stands beside an ordinary one and moves nobody from it.
 */
function moveHere(licenses: Licenses, license: LicenseState, clientId: string, now: Millis): void {
  for (const { old, assignment } of movedFrom(licenses, license, clientId)) {
    apply(licenses, old, releaseAssignment(old, assignment, now));
  }
  for (const old of leftBy(licenses, license, clientId)) {
    apply(licenses, old, grant(ticketsLeft(old, clientKey(old.terms, clientId)), []));
  }
}

/** An activation, as far as the licences that it would move the client from let it go. */
function activateHere(licenses: Licenses, license: LicenseState, command: ActivateCommand, now: Millis): Decision {
  for (const old of licenses.siblings(license, command.clientId)) releaseDue(licenses, old, now);
  const held = heldElsewhere(licenses, license, command, now);
  if (held !== null) return held;
  const left = movedFrom(licenses, license, command.clientId);
  const decision = activate(license, command, now, left.length > 0);
  if (decision.granted === null) return decision;
  for (const { old, assignment } of left) {
    const out = sessionOut(old, assignment, now);
    if (out !== undefined) return denyVoucherOut(license, out, now, command);
  }
  return decision;
}

/** A suspension holds on the licence that an activation would take the client from: moving is no way out of it. */
function heldElsewhere(
  licenses: Licenses,
  license: LicenseState,
  command: ActivateCommand,
  now: Millis,
): Decision | null {
  // What is denied before a suspension is looked at is denied for its own reason.
  if (unusable(license, now) !== null || isRefusedRelease(license.terms, command)) return null;
  for (const { assignment } of movedFrom(licenses, license, command.clientId)) {
    const suspended = suspension(assignment, now);
    if (suspended !== null) return deny(license, now, "client_suspended", command, suspended);
  }
  return null;
}

/** The licences that an activation takes the client from, with the token that it holds there. */
function movedFrom(licenses: Licenses, license: LicenseState, clientId: string) {
  return leftBy(licenses, license, clientId).flatMap((old) => {
    const assignment = old.assignment(clientKey(old.terms, clientId));
    return assignment?.unassignedAt === null ? [{ old, assignment }] : [];
  });
}

/** The licences that know a client, and on which it is no more once it is activated on another one. */
function leftBy(licenses: Licenses, license: LicenseState, clientId: string): readonly LicenseState[] {
  return licenses.siblings(license, clientId).filter((old) => old.terms.isTemporary === license.terms.isTemporary);
}

function apply(licenses: Licenses, license: LicenseState | null, decision: Decision): Outcome {
  if (license !== null) {
    for (const change of decision.changes) licenses.apply(license, change);
  }
  for (const line of decision.records) licenses.record(line);
  for (const value of decision.gathered ?? []) licenses.gather(value);
  return decision;
}

function callerOf(command: Extract<Command, { readonly clientId: string }>) {
  return {
    clientId: command.clientId,
    userId: "userId" in command ? command.userId : null,
    sessionId: "sessionId" in command ? command.sessionId : null,
    projectId: "projectId" in command ? command.projectId : null,
  };
}
