/**
 * The licence rules a second time: naive and slow, written from the specification and never from `src/core`.
 *
 * Nothing is counted ahead: each question is answered by filtering plain arrays. Where a rule of the core and a line
 * here differ, one of the two is wrong, and the text decides which. The only things taken from the source are the nouns.
 */
import type { Command, DenialCode, Millis, ProjectKind, RecordKind, Terms } from "../../src/core/types.ts";
import {
  type ItemStep,
  isItemStep,
  type ModelItems,
  type ModelQuota,
  type ModelUser,
  noItems,
  quotaOf,
  stepItems,
} from "./items.ts";
import { type Sighting, sight } from "./moves.ts";
import {
  attended,
  earliestEnd,
  entry,
  holds,
  isProjectStep,
  type ModelProject,
  type ModelRefusal,
  type ProjectStep,
  projectOf,
  projectUsage,
  refusal,
  stepProject,
  usageOf,
} from "./projects.ts";
import { giveUp, isTheirTurn, keepInQueue, leave, type ModelTicket, placeMaxMs, queueUp } from "./queue.ts";
import { coversRelease } from "./releases.ts";
import {
  checkInsThisMonth,
  hindrance,
  isCopy,
  isOneTooMany,
  isOut,
  type ModelVoucher,
  renewalsAfter,
  tokensOut,
  wantsSecond,
} from "./vouchers.ts";

export interface ModelSession {
  readonly id: string;
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly holder: string;
  openedAt: Millis;
  extendedAt: Millis;
  validUntil: Millis;
  checkoutUntil: Millis | null;
  endedAt: Millis | null;
  peakSessions: number;
  peakHolders: number;
  isOveruse: boolean;
  voucher: ModelVoucher | null;
  /** The values that the next open may carry; none: it never carried any. */
  renewals: readonly string[];
  sightings: readonly Sighting[];
  /** When history was told that they take turns. */
  toldAt: readonly Millis[];
}

export interface ModelAssignment {
  readonly id: string;
  readonly tokenKey: string;
  readonly clientId: string;
  clientName: string | null;
  clientDescription: string | null;
  userId: string | null;
  softwareVersion: string | null;
  operatingSystem: string | null;
  activatedAt: Millis;
  unassignedAt: Millis | null;
  suspendedUntil: Millis | null;
  isGoodwill: boolean;
  lastHeartbeatAt: Millis | null;
}

export interface ModelLine {
  readonly at: Millis;
  readonly kind: RecordKind;
  readonly clientId: string | null;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly projectId: string | null;
  readonly denial: DenialCode | null;
  readonly inUse: number;
  readonly limit: number;
  readonly isOveruse: boolean;
  readonly lengthMs: number | null;
}

export interface ModelOutcome {
  readonly denialCode: DenialCode | null;
  readonly inUse: number;
  readonly limit: number;
  /** For a denial for want of a token: the earliest end of a live session. */
  readonly nextFreeAt: Millis | null;
  readonly session: ModelSession | null;
  readonly assignment: ModelAssignment | null;
  readonly project: ModelProject | null;
  /** What a refused connect tells besides. */
  readonly refusal: ModelRefusal | null;
  readonly user: ModelUser | null;
  readonly quotas: readonly ModelQuota[];
  readonly ended: number;
  readonly queuePosition: number | null;
}

export interface ModelLicense {
  terms: Terms;
  /** Those that an administrator ended stay here until their old end. */
  sessions: ModelSession[];
  readonly assignments: ModelAssignment[];
  projects: ModelProject[];
  readonly items: ModelItems;
  /** When a voucher was given up before its end. */
  readonly checkIns: Millis[];
  readonly queue: ModelTicket[];
}

export interface ModelSnapshot {
  readonly terms: Terms;
  readonly live: readonly ModelSession[];
  readonly ended: readonly ModelSession[];
  readonly tokensInUse: number;
  readonly assignments: readonly ModelAssignment[];
  readonly assigned: number;
  readonly projects: readonly ModelProject[];
  readonly tokensOut: number;
  readonly checkIns: number;
  readonly attended: Readonly<Record<ProjectKind, number>>;
  readonly users: readonly ModelUser[];
  /** How each limitation stands of which something is consumed. */
  readonly quotas: readonly ModelQuota[];
  /** Transactions that were granted and not rolled back, newest last. */
  readonly queue: readonly ModelTicket[];
  readonly transactions: readonly { readonly limitationId: string; readonly transactionId: string }[];
}

type Of<T extends Command["type"]> = Extract<Command, { type: T }>;

const nothing = {
  ...{ session: null, assignment: null, project: null, refusal: null, user: null },
  ...{ quotas: [], ended: 0, queuePosition: null },
};

/** A shorter outage, or lead of the clock, is not noticed. */
const noticedMs = 60_000;

/** Upper case first: only so do spellings meet that grow in one direction alone, like the German sharp s. */
const folded = (name: string): string =>
  [...name.trim().normalize("NFC").toLowerCase()].map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase())).join("");

/** Never shorter than asked for: a fraction of a millisecond counts as one. */
const minutes = (period: number): number => Math.ceil(period * 60_000);

export class Model {
  readonly #licenses = new Map<string, ModelLicense>();
  readonly #history: { readonly place: string; readonly line: ModelLine }[] = [];

  #heldFrom: Millis | null = null;

  /** An older state was restored at this instant, and its tokens are to be held. */
  hold(at: Millis): void {
    this.#heldFrom = at;
    for (const license of this.#licenses.values()) license.terms = { ...license.terms, heldFrom: at };
  }

  setTerms(isvId: string, licenseId: string, given: Terms): void {
    const terms = { ...given, heldFrom: this.#heldFrom };
    const known = this.#licenses.get(`${isvId}/${licenseId}`);
    const fresh = { sessions: [], assignments: [], projects: [], items: noItems(), checkIns: [], queue: [] };
    if (known !== undefined) known.terms = terms;
    else this.#licenses.set(`${isvId}/${licenseId}`, { terms, ...fresh });
  }

  step(command: Command, now: Millis): ModelOutcome {
    const license = this.#licenses.get(`${command.isvId}/${command.licenseId}`);
    if (license === undefined) return this.#denyUnknown(command, now);
    const released = command.type === "credit" || command.type === "settle" ? 0 : this.#release(license, now);
    if (isProjectStep(command)) return this.#project(license, command, now);
    if (isItemStep(command)) return this.#items(license, command, now);
    switch (command.type) {
      case "open":
        return license.terms.clientType === "projects"
          ? this.#connect(license, command, now)
          : this.#open(license, command, now);
      case "close":
        return this.#close(license, command, now);
      case "end":
        return this.#end(license, command, now);
      case "activate":
        return this.#activate(license, command, now);
      case "unassign":
        return this.#unassign(license, command, now);
      case "heartbeat":
        return this.#heartbeat(license, command, now);
      case "suspend":
        return this.#suspend(license, command, now);
      case "sweep":
        return granted(license, { ended: released });
      case "credit":
        return this.#credit(license, command, now);
      case "settle":
        return this.#settle(license, now);
    }
  }

  /** What is known at `now`. Looking changes nothing: what is over is left out here, and written down by the next step. */
  snapshot(isvId: string, licenseId: string, now: Millis): ModelSnapshot {
    const place = `${isvId}/${licenseId}`;
    const license = this.#licenses.get(place);
    if (license === undefined) throw new Error(`model: there is no licence ${place}`);
    const live = liveSessions(license).filter((session) => now < session.validUntil);
    const assignments = license.assignments.map((assignment) => guestAt(license.terms, assignment, now));
    const alive = { ...license, sessions: live, assignments };
    return structuredClone({
      terms: license.terms,
      live,
      ended: license.sessions.filter((session) => session.endedAt !== null && now < session.validUntil),
      tokensInUse: new Set(live.map((session) => session.holder)).size,
      assignments,
      assigned: assignedClients(alive).length,
      projects: license.projects,
      tokensOut: tokensOut(alive).size,
      checkIns: checkInsThisMonth(license, now),
      attended: { mono: attended(alive, "mono"), team: attended(alive, "team") },
      users: license.items.users,
      quotas: quotasOf(license, now),
      queue: license.queue.filter(({ until }) => now < until),
      transactions: license.items.consumptions.filter(({ isBack }) => !isBack),
    });
  }

  /** The licence as it stands, what is over and not yet released included: for the invariants. */
  license(isvId: string, licenseId: string): ModelLicense | undefined {
    return this.#licenses.get(`${isvId}/${licenseId}`);
  }

  history(isvId: string, licenseId: string): readonly ModelLine[] {
    return this.#history.filter(({ place }) => place === `${isvId}/${licenseId}`).map(({ line }) => line);
  }

  /** All lines of all licences, from the `from`th on: what a step wrote. */
  linesSince(from: number): readonly ModelLine[] {
    return this.#history.slice(from).map(({ line }) => line);
  }

  get lineCount(): number {
    return this.#history.length;
  }

  // ---- sessions

  #open(license: ModelLicense, command: Of<"open">, now: Millis): ModelOutcome {
    const { terms } = license;
    const deny = (code: DenialCode) => this.#deny(license, command, code, now);
    const known = license.sessions.find((session) => isNamedBy(terms, session, command));
    const extended = known?.endedAt === null ? known : undefined;
    const checkoutMs = command.checkoutPeriod === null ? 0 : minutes(command.checkoutPeriod);
    const userId = command.userId ?? known?.userId ?? null;
    const assignment = assignmentOf(license, command.clientId);

    if (!terms.isActive) return deny("license_inactive");
    if (isExpired(terms, now)) return deny("license_expired");
    if (terms.provisioningMode === "named" && terms.clientType === "devices") return deny("license_named");
    if (command.checkoutPeriod !== null && command.checkoutPeriod < 0) return deny("checkout_negative");
    if ((command.checkoutPeriod ?? 0) * 60_000 > terms.checkoutPeriodMaxMs) return deny("checkout_too_long");
    if (terms.requiresSessionId && command.sessionId === null) return deny("session_id_required");
    if (terms.requiresUserId && userId === null) return deny("user_id_required");
    if (!isAdmitted(terms, userId ?? command.clientId)) return deny("user_domain_refused");
    if (assignment === undefined && !terms.activatesOnOpen) return deny("client_unknown");
    if (assignment !== undefined && assignment.unassignedAt !== null && !terms.activatesOnOpen) {
      return deny("client_unassigned");
    }
    if (isSuspended(assignment, now)) return deny("client_suspended");
    if (known !== undefined && known.endedAt !== null) return deny("session_ended_by_admin");

    if (extended !== undefined) {
      const { clientId, userId: owner } = extended;
      const isOther = command.userId !== null && folded(command.userId) !== folded(owner ?? clientId);
      if (isOther && terms.clientType !== "devices") return deny("session_of_other_holder");
      const refused = refusedExtend(license, extended, command, now);
      if (refused !== null) return deny(refused);
      const period = checkoutMs > 0 ? checkoutMs : null;
      extend(license, extended, period, now);
      vouch(extended, command);
      this.#sight(license, extended, command, now);
      see(license, extended);
      return granted(license, { session: extended });
    }

    const holder = holderOf(terms, command);
    const ofHolder = liveSessions(license).filter((session) => session.holder === holder);
    if (terms.oneSessionPerUser && ofHolder.length > 0) return deny("user_already_active");
    if (ofHolder.length >= terms.sessionsPerHolderMax) return deny("sessions_exhausted");
    const isPooled = terms.provisioningMode === "floating";
    const needsToken = isPooled && ofHolder.length === 0;
    if (needsToken && holds(terms, now)) return deny("tokens_held");
    const free = terms.floatingTokenLimit - holders(license).length;
    const isBeyond = needsToken && free <= 0;
    if (needsToken && terms.enforceFloatingLimit && !isTheirTurn(license.queue, holder, "floating", free)) {
      return this.#queueUp(license, command, holder, "floating", now);
    }
    if (isOneTooMany(license, holder, command)) {
      leave(license.queue, holder);
      return deny("checkouts_exhausted");
    }

    if (assignment === undefined || assignment.unassignedAt !== null) this.#assign(license, command, false, now);
    noteUser(license, command);
    const session = openSession(license, command, holder, checkoutMs, isBeyond, now);
    this.#note(license, "session.opened", session, now);
    return granted(license, { session, assignment: assignmentOf(license, command.clientId) ?? null });
  }

  /** Opens or extends a session on a project: T3 to T7 of the project licences. */
  #connect(license: ModelLicense, command: Of<"open">, now: Millis): ModelOutcome {
    const { terms } = license;
    const deny = (code: DenialCode) => this.#deny(license, command, code, now);
    const known = license.sessions.find((session) => isNamedBy(terms, session, command));
    const checkoutMs = command.checkoutPeriod === null ? 0 : minutes(command.checkoutPeriod);
    const userId = command.userId ?? known?.userId ?? null;
    const assignment = assignmentOf(license, command.clientId);
    const project = projectOf(license, command.projectId);

    if (!terms.isActive) return deny("license_inactive");
    if (isExpired(terms, now)) return deny("license_expired");
    if (command.checkoutPeriod !== null && command.checkoutPeriod < 0) return deny("checkout_negative");
    if ((command.checkoutPeriod ?? 0) * 60_000 > terms.checkoutPeriodMaxMs) return deny("checkout_too_long");
    if (command.projectId === null) return deny("project_id_required");
    if (project === undefined) return deny("project_unknown");
    if (project.kind === null) return deny("project_not_open");
    if (terms.requiresSessionId && command.sessionId === null) return deny("session_id_required");
    if (terms.requiresUserId && userId === null) return deny("user_id_required");
    if (!isAdmitted(terms, userId ?? command.clientId)) return deny("user_domain_refused");
    if (isSuspended(assignment, now)) return deny("client_suspended");
    if (known !== undefined && known.endedAt !== null) return deny("session_ended_by_admin");

    if (known !== undefined) {
      if (known.holder !== project.id) return deny("session_on_other_project");
      const isOther = command.userId !== null && folded(command.userId) !== folded(known.userId ?? known.clientId);
      if (isOther) return deny("session_of_other_holder");
      const refused = refusedExtend(license, known, command, now);
      if (refused !== null) return deny(refused);
      extend(license, known, checkoutMs > 0 ? checkoutMs : null, now);
      vouch(known, command);
      this.#sight(license, known, command, now);
      see(license, known);
      return granted(license, { session: known });
    }

    const entered = entry(license, project, command, now);
    if (typeof entered === "string") {
      const isWait = entered === "tokens_exhausted";
      const denied = isWait ? this.#queueUp(license, command, project.id, project.kind, now) : deny(entered);
      const nextFreeAt = isWait ? earliestEnd(license, project.kind) : denied.nextFreeAt;
      return { ...denied, nextFreeAt, refusal: structuredClone(refusal(license, project, project.kind)) };
    }
    if (isOneTooMany(license, project.id, command)) {
      leave(license.queue, project.id);
      return deny("checkouts_exhausted");
    }
    if (assignment === undefined || assignment.unassignedAt !== null) this.#assign(license, command, false, now);
    noteUser(license, command);
    const session = openSession(license, command, project.id, checkoutMs, entered.isBeyond, now);
    this.#note(license, "session.opened", session, now);
    return granted(license, { session, assignment: assignmentOf(license, command.clientId) ?? null });
  }

  #project(license: ModelLicense, command: ProjectStep, now: Millis): ModelOutcome {
    return stepProject(license, command, now, {
      deny: (code, wanted) => this.#deny(license, command, code, now, { use: wanted && usageOf(license, wanted) }),
      grant: (project, ended = 0) => granted(license, { project, ended }),
      note: (kind, projectId, session, isOveruse = false) => {
        const { clientId = null, userId = null, sessionId = null } = session ?? {};
        const rest = { denial: null, ...usage(license, projectId), isOveruse, lengthMs: null };
        this.#write(license.terms, { at: now, kind, clientId, userId, sessionId, projectId, ...rest });
      },
    });
  }

  #items(license: ModelLicense, command: ItemStep, now: Millis): ModelOutcome {
    const { terms } = license;
    return stepItems(license.items, command, now, {
      ...terms,
      unusable: !terms.isActive ? "license_inactive" : isExpired(terms, now) ? "license_expired" : null,
      isSameClient: (one, other) => sameClient(terms, one, other),
      refusedClient: () => ("clientId" in command ? refusedClient(license, command, now) : null),
      deny: (code) => this.#deny(license, command, code, now),
      grant: (what) => granted(license, what),
      note: (kind, userId) => {
        const about = { clientId: null, userId, sessionId: null, projectId: null, denial: null };
        this.#write(license.terms, { at: now, kind, ...about, ...usage(license), isOveruse: false, lengthMs: null });
      },
    });
  }

  #close(license: ModelLicense, command: Of<"close">, now: Millis): ModelOutcome {
    const session = liveSessions(license).find((one) => isNamedBy(license.terms, one, command));
    if (session === undefined) {
      giveUp(license.queue, (place) => isNamedBy(license.terms, place, command));
      return this.#deny(license, command, "session_unknown", now);
    }
    if (isOut(license, session, now)) {
      const refused = hindrance(license, session, command, now);
      if (refused !== null) return this.#deny(license, command, refused, now);
      license.checkIns.push(now);
    }
    this.#drop(license, session, "session.closed", now);
    return granted(license, { session, ended: 1 });
  }

  #end(license: ModelLicense, command: Of<"end">, now: Millis): ModelOutcome {
    const targets = liveSessions(license).filter((session) => command.id === null || session.id === command.id);
    if (command.id !== null && targets.length === 0) return this.#deny(license, command, "session_unknown", now);
    for (const session of targets) {
      session.endedAt = now;
      // A named token stays its client's: nobody gets a second one.
      const isOverride = license.terms.provisioningMode === "floating" && isOut(license, session, now);
      this.#note(license, "session.ended", session, now, isOverride);
    }
    return granted(license, { ended: targets.length });
  }

  #sight(license: ModelLicense, session: ModelSession, command: Of<"open">, now: Millis): void {
    if (sight(license.terms, session, command, now)) this.#note(license, "session.moved", session, now);
  }

  /** Frees what is over at `now`, in the order in which it ended. Answers how many sessions that were. */
  #release(license: ModelLicense, now: Millis): number {
    const over = license.sessions.filter((session) => session.validUntil <= now);
    over.sort((a, b) => a.validUntil - b.validUntil);
    for (const session of over) {
      // What an administrator ended has its line in the history already.
      if (session.endedAt === null) this.#drop(license, session, "session.expired", session.validUntil);
      else license.sessions = license.sessions.filter((one) => one !== session);
    }
    this.#releaseGuests(license, now);
    keepInQueue(license.queue, ({ until }) => now < until);
    return over.filter((session) => session.endedAt === null).length;
  }

  /** The end of a temporary licence takes its clients' tokens; whatever they have beside it is theirs from then on. */
  #releaseGuests(license: ModelLicense, now: Millis): void {
    for (const assignment of assignedClients(license)) {
      const asOfNow = guestAt(license.terms, assignment, now);
      if (asOfNow.unassignedAt === null) continue;
      this.#noteClient(license, "client.unassigned", assignment, now);
      assignment.unassignedAt = asOfNow.unassignedAt;
    }
  }

  #drop(license: ModelLicense, session: ModelSession, kind: RecordKind, at: Millis): void {
    license.sessions = license.sessions.filter((one) => one !== session);
    this.#note(license, kind, session, at);
  }

  // ---- clients and their tokens

  #activate(license: ModelLicense, command: Of<"activate">, now: Millis): ModelOutcome {
    const { terms } = license;
    const deny = (code: DenialCode) => this.#deny(license, command, code, now);
    for (const sibling of this.#siblings(license)) {
      if (assignmentOf(sibling, command.clientId) !== undefined) this.#release(sibling, now);
    }
    const assignment = assignmentOf(license, command.clientId);
    const assigned = assignedClients(license).length;
    if (!terms.isActive) return deny("license_inactive");
    if (isExpired(terms, now)) return deny("license_expired");
    const isCovered = coversRelease(terms.softwareRelease, command.softwareVersion);
    if (!isCovered && !terms.allowsUncoveredRelease) return deny("release_refused");
    const held = this.#movedFrom(license, command.clientId).some((one) => isSuspended(one.assignment, now));
    if (held || isSuspended(assignment, now)) return deny("client_suspended");
    const named = license.assignments.find(({ tokenKey }) => tokenKey === command.tokenKey);
    // Neither a client that has its token, nor somebody else's token.
    const isMoving = this.#movedFrom(license, command.clientId).length > 0;
    // Activated here before, by opening, while it held a token elsewhere: it moves, and keeps what it has here.
    const isHere = isMoving && assignment?.unassignedAt === null && (named === undefined || named === assignment);
    if (!isHere && [assignment, named].some((one) => one?.unassignedAt === null)) return deny("token_already_assigned");
    const isNamed = terms.provisioningMode === "named";
    const isFull = isNamed && assigned >= terms.tokenLimit + terms.goodwillTokenLimit;
    if (isFull && !isHere) return deny("tokens_all_assigned");
    const isLeftBehind = this.#movedFrom(license, command.clientId).some(({ sibling }) =>
      hasVoucherOut(sibling, command.clientId, now),
    );
    if (isLeftBehind) return deny("voucher_out");

    const ordinary = assignedClients(license).filter(({ isGoodwill }) => !isGoodwill).length;
    const isGoodwill = isNamed && ordinary >= terms.tokenLimit;
    const activated = isHere ? assignment : this.#assign(license, command, isGoodwill, now);
    if (command.clientName !== null) activated.clientName = command.clientName;
    if (command.clientDescription !== null) activated.clientDescription = command.clientDescription;
    if (command.softwareVersion !== null) activated.softwareVersion = command.softwareVersion;
    this.#moveFromSiblings(license, command.clientId, now);
    return granted(license, { assignment: activated, quotas: quotasOf(license, now) });
  }

  #siblings({ terms }: ModelLicense): ModelLicense[] {
    return [...this.#licenses.values()].filter(
      (other) =>
        other.terms.licenseId !== terms.licenseId &&
        other.terms.isvId === terms.isvId &&
        other.terms.productId === terms.productId &&
        other.terms.customerId === terms.customerId,
    );
  }

  /**
   * Where the client holds a token that an activation on this licence would take away: it works on one licence of a product
   * and customer, or on one lasting and one temporary licence.
   */
  #movedFrom(license: ModelLicense, clientId: string) {
    const found: { sibling: ModelLicense; assignment: ModelAssignment }[] = [];
    for (const sibling of this.#siblings(license)) {
      if (sibling.terms.isTemporary !== license.terms.isTemporary) continue;
      const assignment = assignmentOf(sibling, clientId);
      if (assignment !== undefined && assignment.unassignedAt === null) found.push({ sibling, assignment });
    }
    return found;
  }

  #moveFromSiblings(license: ModelLicense, clientId: string, now: Millis): void {
    for (const { sibling, assignment } of this.#movedFrom(license, clientId)) {
      this.#takeToken(sibling, assignment, now);
    }
    for (const sibling of this.#siblings(license)) {
      const isOne = sibling.terms.isTemporary === license.terms.isTemporary;
      if (isOne && assignmentOf(sibling, clientId) !== undefined) leaveQueue(sibling, clientId);
    }
  }

  #unassign(license: ModelLicense, command: Of<"unassign">, now: Millis): ModelOutcome {
    const assignment = license.assignments.find(({ tokenKey }) => tokenKey === command.tokenKey);
    if (assignment === undefined) return this.#deny(license, command, "token_unknown", now);
    const denied = { ...command, clientId: assignment.clientId, userId: assignment.userId };
    if (assignment.unassignedAt !== null) return this.#deny(license, denied, "token_already_unassigned", now);
    if (isSuspended(assignment, now)) return this.#deny(license, denied, "client_suspended", now);
    if (hasVoucherOut(license, assignment.clientId, now)) return this.#deny(license, denied, "voucher_out", now);
    const ended = this.#takeToken(license, assignment, now);
    return granted(license, { assignment, ended });
  }

  /** Takes the client's token; its sessions and its wait end with it. */
  #takeToken(license: ModelLicense, assignment: ModelAssignment, now: Millis): number {
    const sessions = liveSessions(license).filter((one) =>
      sameClient(license.terms, one.clientId, assignment.clientId),
    );
    assignment.unassignedAt = now;
    this.#noteClient(license, "client.unassigned", assignment, now);
    for (const session of sessions) this.#drop(license, session, "session.ended", now);
    leaveQueue(license, assignment.clientId);
    return sessions.length;
  }

  #heartbeat(license: ModelLicense, command: Of<"heartbeat">, now: Millis): ModelOutcome {
    const { terms } = license;
    const deny = (code: DenialCode) => this.#deny(license, command, code, now);
    const refused = refusedClient(license, command, now);
    if (refused !== null) return deny(refused);
    const assignment = assignmentOf(license, command.clientId) as ModelAssignment;
    assignment.lastHeartbeatAt = now;
    if (command.softwareVersion !== null) assignment.softwareVersion = command.softwareVersion;
    if (command.operatingSystem !== null) assignment.operatingSystem = command.operatingSystem;
    if (command.userId !== null) noteUser(license, command);
    if (terms.heartbeatsExtendSessions && terms.isActive && !isExpired(terms, now)) {
      // It keeps alive and never shortens, and it keeps nobody alive whom an extend would refuse.
      const until = capped(terms, now + terms.sessionPeriodMs);
      const kept = liveSessions(license).filter(
        (one) =>
          sameClient(terms, one.clientId, command.clientId) &&
          isAdmitted(terms, one.userId ?? one.clientId) &&
          (one.sessionId !== null || !terms.requiresSessionId) &&
          one.validUntil < until,
      );
      for (const session of kept) extend(license, session, null, now);
    }
    return granted(license, { assignment, quotas: quotasOf(license, now) });
  }

  #suspend(license: ModelLicense, command: Of<"suspend">, now: Millis): ModelOutcome {
    const assignment = license.assignments.find(({ id }) => id === command.assignmentId);
    if (assignment === undefined) return this.#deny(license, command, "client_unknown", now);
    assignment.suspendedUntil = command.until;
    this.#noteClient(license, "client.suspended", assignment, now);
    return granted(license, { assignment });
  }

  #assign(license: ModelLicense, command: Of<"open" | "activate">, isGoodwill: boolean, now: Millis): ModelAssignment {
    let assignment = assignmentOf(license, command.clientId);
    if (assignment === undefined) {
      assignment = {
        id: command.ids.assignment,
        tokenKey: command.ids.token,
        clientId: command.clientId,
        clientName: null,
        clientDescription: null,
        // Except on a devices licence, a client that names no user is its own user.
        userId: license.terms.clientType === "devices" ? null : (userOf(command) ?? command.clientId),
        softwareVersion: null,
        operatingSystem: null,
        activatedAt: now,
        unassignedAt: null,
        suspendedUntil: null,
        isGoodwill,
        lastHeartbeatAt: null,
      };
      license.assignments.push(assignment);
    } else {
      assignment.activatedAt = now;
      assignment.unassignedAt = null;
      assignment.isGoodwill = isGoodwill;
    }
    // The line tells of the caller as it wrote itself this time.
    const { userId, sessionId, projectId } = subjectOf(command);
    const opened = command.type === "open" ? { userId, sessionId, projectId } : {};
    this.#noteClient(license, "client.activated", { ...assignment, clientId: command.clientId, ...opened }, now);
    return assignment;
  }

  // ---- outages and clocks

  #credit(license: ModelLicense, command: Of<"credit">, now: Millis): ModelOutcome {
    const { terms } = license;
    if (command.lengthMs <= noticedMs) return granted(license, {});
    const added = Math.min(command.lengthMs, terms.sessionPeriodMs);
    const credited = liveSessions(license).filter((session) => session.validUntil > command.from);
    for (const session of credited) {
      const longer = (end: Millis) => Math.max(end, capped(terms, end + added));
      session.validUntil = longer(session.validUntil);
      if (session.checkoutUntil !== null) session.checkoutUntil = longer(session.checkoutUntil);
    }
    for (const ticket of license.queue.filter(({ until }) => until > command.from)) {
      ticket.until = Math.min(ticket.until + command.lengthMs, now + placeMaxMs);
    }
    if (credited.length > 0) this.#noteLicense(license, "outage.credited", command.lengthMs, now);
    return granted(license, {});
  }

  #settle(license: ModelLicense, now: Millis): ModelOutcome {
    let longest = 0;
    for (const session of license.sessions) {
      const lead = session.extendedAt - now;
      if (lead <= noticedMs) continue;
      longest = Math.max(longest, lead);
      session.extendedAt -= lead;
      session.validUntil -= lead;
      session.openedAt = Math.min(session.openedAt, now);
      session.sightings = session.sightings.map((sighting) => ({ ...sighting, at: sighting.at - lead }));
      session.toldAt = session.toldAt.map((at) => at - lead);
      if (session.checkoutUntil !== null) session.checkoutUntil -= lead;
      if (session.voucher !== null) session.voucher = { ...session.voucher, until: session.voucher.until - lead };
    }
    keepInQueue(license.queue, ({ until }) => until - now <= placeMaxMs + noticedMs);
    // On record also where nothing led: what is on record from now on is by the new clock.
    this.#noteLicense(license, "clock.settled", longest, now);
    return granted(license, {});
  }

  // ---- answers and history

  /** Refused for want of a token, on record unless the caller stands in the queue and just asks again. */
  #queueUp(license: ModelLicense, command: Of<"open">, holder: string, pool: string, now: Millis): ModelOutcome {
    const { clientId, userId, sessionId, waitMs } = command;
    const asking = { holder, pool, clientId, userId, sessionId, waitMs: waitMs ?? 0 };
    const isTheirs = (place: ModelTicket) => isNamedBy(license.terms, place, command);
    const { position, waitsOn } = queueUp(license.queue, asking, isTheirs, now);
    return {
      ...this.#deny(license, command, "tokens_exhausted", now, { isOnRecord: !waitsOn }),
      queuePosition: position,
    };
  }

  #deny(
    license: ModelLicense,
    command: Command,
    denial: DenialCode,
    now: Millis,
    { isOnRecord = true, use }: { isOnRecord?: boolean; use?: Usage | undefined } = {},
  ): ModelOutcome {
    const { projectId: asked, ...caller } = subjectOf(command);
    // A licence that counts no projects looks at none.
    const projectId = license.terms.clientType === "projects" ? asked : null;
    const subject = { ...caller, projectId };
    const { inUse, limit } = use ?? usage(license, projectId);
    const line = {
      at: now,
      kind: "denied",
      ...subject,
      denial,
      inUse,
      limit,
      isOveruse: false,
      lengthMs: null,
    } as const;
    if (isOnRecord) this.#write(license.terms, line);
    const ends = liveSessions(license).map((session) => session.validUntil);
    const { heldFrom, sessionPeriodMs } = license.terms;
    const freeAt = denial === "tokens_exhausted" && ends.length > 0 ? Math.min(...ends) : null;
    const nextFreeAt = denial === "tokens_held" ? (heldFrom as Millis) + sessionPeriodMs : freeAt;
    return { denialCode: denial, inUse, limit, nextFreeAt, ...nothing };
  }

  #denyUnknown(command: Command, now: Millis): ModelOutcome {
    const denial = "license_unknown";
    const none = { inUse: 0, limit: 0 };
    this.#write(command, {
      at: now,
      kind: "denied",
      ...subjectOf(command),
      denial,
      ...none,
      isOveruse: false,
      lengthMs: null,
    });
    return { denialCode: denial, ...none, nextFreeAt: null, ...nothing };
  }

  #note(license: ModelLicense, kind: RecordKind, session: ModelSession, at: Millis, isOverride = false): void {
    const { clientId, userId, sessionId } = session;
    // Overuse is on record where the token was granted, or where one was taken whose voucher stayed out.
    const isOveruse = isOverride || (kind === "session.opened" && session.isOveruse);
    const projectId = license.terms.clientType === "projects" ? session.holder : null;
    this.#write(license.terms, {
      at,
      kind,
      clientId,
      userId,
      sessionId,
      projectId,
      denial: null,
      ...usage(license, projectId),
      isOveruse,
      lengthMs: null,
    });
  }

  #noteClient(
    license: ModelLicense,
    kind: RecordKind,
    { clientId, userId, sessionId = null, projectId = null }: ModelAssignment & Partial<Caller>,
    at: Millis,
  ): void {
    const project = license.terms.clientType === "projects" ? projectId : null;
    const rest = { sessionId, projectId: project, denial: null, isOveruse: false, lengthMs: null };
    this.#write(license.terms, { at, kind, clientId, userId, ...usage(license, project), ...rest });
  }

  #noteLicense(license: ModelLicense, kind: RecordKind, lengthMs: number, at: Millis): void {
    const rest = { clientId: null, userId: null, sessionId: null, projectId: null, denial: null, isOveruse: false };
    this.#write(license.terms, { at, kind, ...usage(license), ...rest, lengthMs });
  }

  #write(where: { readonly isvId: string; readonly licenseId: string }, line: ModelLine): void {
    this.#history.push({ place: `${where.isvId}/${where.licenseId}`, line });
  }
}

/** How each limitation stands of which something is consumed. */
function quotasOf({ terms, items }: ModelLicense, now: Millis): ModelQuota[] {
  const counted = terms.limitations.filter(({ reset }) => reset !== null);
  return counted.map((limitation) => quotaOf(items, limitation, null, now, terms));
}

function openSession(
  license: ModelLicense,
  command: Of<"open">,
  holder: string,
  checkoutMs: number,
  isOveruse: boolean,
  now: Millis,
): ModelSession {
  const { terms } = license;
  const validUntil = capped(terms, now + (checkoutMs > 0 ? checkoutMs : terms.sessionPeriodMs));
  const session: ModelSession = {
    id: command.ids.session,
    ...spelling(license, command),
    sessionId: command.sessionId,
    holder,
    openedAt: now,
    extendedAt: now,
    validUntil,
    checkoutUntil: checkoutMs > 0 ? validUntil : null,
    endedAt: null,
    peakSessions: 0,
    peakHolders: 0,
    isOveruse,
    voucher: null,
    renewals: [],
    sightings: command.address == null ? [] : [{ address: command.address, at: now }],
    toldAt: [],
  };
  vouch(session, command);
  license.sessions.push(session);
  leave(license.queue, holder);
  see(license, session);
  return session;
}

/** How a new session's names are shown: as they were first written with this client, whose assignment is up to date. */
function spelling(license: ModelLicense, { clientId, userId }: Of<"open">) {
  const assignment = assignmentOf(license, clientId);
  if (assignment === undefined || license.terms.clientType === "devices") return { clientId, userId };
  return { clientId: assignment.clientId, userId: userId === null ? null : assignment.userId };
}

/** What of an extend is refused though the session is the caller's. */
function refusedExtend(license: ModelLicense, session: ModelSession, command: Of<"open">, now: Millis) {
  if (isCopy(session, command)) return "session_forked";
  if (isOneTooMany(license, session.holder, command)) return "checkouts_exhausted";
  return wantsSecond(license, session, command, now) ? "voucher_out" : null;
}

/** What goes out with the answer. */
function vouch(session: ModelSession, command: Of<"open">): void {
  if (command.voucher != null) session.voucher = { ...command.voucher, until: session.validUntil };
  session.renewals = renewalsAfter(command, session.renewals);
}

function hasVoucherOut(license: ModelLicense, clientId: string, now: Millis): boolean {
  return liveSessions(license).some(
    (session) => sameClient(license.terms, session.clientId, clientId) && isOut(license, session, now),
  );
}

function liveSessions(license: ModelLicense): ModelSession[] {
  return license.sessions.filter((session) => session.endedAt === null);
}

/** Whoever holds a token of the pool. */
function holders(license: ModelLicense): string[] {
  return [...new Set(liveSessions(license).map((session) => session.holder))];
}

function assignedClients(license: ModelLicense): ModelAssignment[] {
  return license.assignments.filter((assignment) => assignment.unassignedAt === null);
}

/** Tokens in use, and how many there are. */
interface Usage {
  readonly inUse: number;
  readonly limit: number;
}

function usage(license: ModelLicense, projectId: string | null = null): Usage {
  const { terms } = license;
  if (terms.clientType === "projects") return projectUsage(license, projectId);
  return terms.provisioningMode === "floating"
    ? { inUse: holders(license).length, limit: terms.floatingTokenLimit }
    : { inUse: assignedClients(license).length, limit: terms.tokenLimit + terms.goodwillTokenLimit };
}

function sameClient(terms: Terms, one: string, other: string): boolean {
  return terms.clientType === "devices" ? one === other : folded(one) === folded(other);
}

function assignmentOf(license: ModelLicense, clientId: string): ModelAssignment | undefined {
  return license.assignments.find((assignment) => sameClient(license.terms, assignment.clientId, clientId));
}

interface Caller {
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly projectId?: string | null;
}

function holderOf(terms: Terms, caller: Caller): string {
  if (terms.clientType === "devices") return caller.clientId;
  if (terms.provisioningMode === "named") return folded(caller.clientId);
  return folded(caller.userId ?? caller.clientId);
}

/** Whether this is the session that the caller means: by its id, else the client is the session, of users client and user. */
function isNamedBy(terms: Terms, session: Caller, caller: Caller): boolean {
  if (!sameClient(terms, session.clientId, caller.clientId)) return false;
  if (session.sessionId !== null || caller.sessionId !== null) return session.sessionId === caller.sessionId;
  if (terms.clientType !== "users") return true;
  return folded(session.userId ?? session.clientId) === folded(caller.userId ?? caller.clientId);
}

/** Whatever the client waits for on a licence, it waits no longer. */
function leaveQueue({ queue, terms }: ModelLicense, clientId: string): void {
  giveUp(queue, (ticket) => sameClient(terms, ticket.clientId, clientId));
}

/** An assignment as of an instant: a temporary licence's are over with it. */
function guestAt(terms: Terms, assignment: ModelAssignment, now: Millis): ModelAssignment {
  if (assignment.unassignedAt !== null || !terms.isTemporary || !isExpired(terms, now)) return assignment;
  return { ...assignment, unassignedAt: Math.max(terms.expiresAt as Millis, assignment.activatedAt) };
}

function isExpired(terms: Terms, now: Millis): boolean {
  return terms.expiresAt !== null && now >= terms.expiresAt;
}

/** Why a client may send no heartbeat of any kind; null: it may. */
function refusedClient(
  license: ModelLicense,
  { clientId, tokenKey }: { readonly clientId: string; readonly tokenKey: string | null },
  now: Millis,
): DenialCode | null {
  if (tokenKey !== null) {
    const named = license.assignments.find((one) => one.tokenKey === tokenKey);
    if (named === undefined) return "token_unknown";
    if (!sameClient(license.terms, named.clientId, clientId)) return "token_of_other_client";
  }
  const assignment = assignmentOf(license, clientId);
  if (assignment === undefined) return "client_unknown";
  if (assignment.unassignedAt !== null) return tokenKey === null ? "client_unknown" : "client_unassigned";
  return isSuspended(assignment, now) ? "client_suspended" : null;
}

function isSuspended(assignment: ModelAssignment | undefined, now: Millis): boolean {
  return assignment !== undefined && assignment.suspendedUntil !== null && now < assignment.suspendedUntil;
}

function isAdmitted(terms: Terms, user: string): boolean {
  if (terms.allowedUserDomains.length === 0) return true;
  const [, host = ""] = /^.+@([^@]*)$/.exec(folded(user)) ?? [];
  return terms.allowedUserDomains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}

function userOf(command: Of<"open" | "activate">): string | null {
  return command.type === "open" ? command.userId : null;
}

/** Keeps the user last seen with a client, except on a devices licence, as first written; one that names no user is its own. */
function noteUser(license: ModelLicense, command: Of<"open" | "heartbeat">): void {
  if (license.terms.clientType === "devices") return;
  const assignment = assignmentOf(license, command.clientId);
  const userId = command.userId ?? command.clientId;
  if (assignment !== undefined && folded(assignment.userId ?? "") !== folded(userId)) assignment.userId = userId;
}

/** No session outlasts its licence. */
function capped(terms: Terms, end: Millis): Millis {
  return terms.expiresAt === null ? end : Math.min(end, terms.expiresAt);
}

/**
 * A checkout that is asked for replaces whatever there was. A plain extend keeps at least the running checkout; where
 * it reaches beyond, the session is an ordinary one from then on.
 */
function extend(license: ModelLicense, session: ModelSession, checkoutMs: number | null, now: Millis): void {
  const { terms } = license;
  session.extendedAt = now;
  // No session is over before a voucher of it is.
  const stands = isOut(license, session, now) ? (session.voucher as ModelVoucher).until : now;
  if (checkoutMs !== null) {
    session.validUntil = Math.max(stands, capped(terms, now + checkoutMs));
    session.checkoutUntil = session.validUntil;
    return;
  }
  const plain = Math.max(stands, capped(terms, now + terms.sessionPeriodMs));
  if (session.checkoutUntil !== null && session.checkoutUntil > plain) {
    session.validUntil = session.checkoutUntil;
  } else {
    session.validUntil = plain;
    session.checkoutUntil = null;
  }
}

/** Remembers the most that this session's own opens and extends saw. */
function see(license: ModelLicense, session: ModelSession): void {
  session.peakSessions = Math.max(session.peakSessions, liveSessions(license).length);
  session.peakHolders = Math.max(session.peakHolders, holders(license).length);
}

function subjectOf(command: Command) {
  const named: Partial<Caller> = command as Partial<Caller>;
  const projectId = named.projectId ?? null;
  // A command about a project is told of the project alone, whoever's session it names.
  if (isProjectStep(command)) return { clientId: null, userId: null, sessionId: null, projectId };
  return {
    clientId: named.clientId ?? null,
    userId: named.userId ?? null,
    sessionId: named.sessionId ?? null,
    projectId,
  };
}

function granted(
  license: ModelLicense,
  what: {
    readonly session?: ModelSession;
    readonly assignment?: ModelAssignment | null;
    readonly project?: ModelProject | null;
    readonly user?: ModelUser;
    readonly quotas?: readonly ModelQuota[];
    readonly ended?: number;
  },
): ModelOutcome {
  return {
    denialCode: null,
    ...usage(license),
    nextFreeAt: null,
    session: what.session === undefined ? null : { ...what.session },
    assignment: what.assignment == null ? null : { ...what.assignment },
    project: what.project == null ? null : structuredClone(what.project),
    refusal: null,
    queuePosition: null,
    user: what.user === undefined ? null : { ...what.user },
    quotas: what.quotas ?? [],
    ended: what.ended ?? 0,
  };
}
