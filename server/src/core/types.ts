/**
 * The nouns of a licence server. Everything in `core/` is pure and synchronous: time is passed in, identifiers are
 * passed in, and nothing here reads a clock, a disk or a network.
 */

/** An instant: milliseconds since 1970-01-01T00:00:00Z. Durations end in `Ms` instead. */
export type Millis = number;

export type ProvisioningMode = "named" | "floating";

/** What a licence counts. */
export type ClientType = "devices" | "users" | "projects";

/** What a project's token admits: one user at a time, or any number for the same single token. */
export type ProjectKind = "mono" | "team";

/** When the consumption of a limitation begins anew: never, every so many days, or on the first of a month, quarter or year (UTC). */
export type ConsumptionReset = "lifecycle" | "days" | "month" | "quarter" | "year";

/** Millionths of a unit: what is consumed in fractions is added up without an error. */
export type Micros = number;

/** A quantity that the licence limits. */
export interface Limitation {
  readonly id: string;
  /** In whole units; null: unlimited. */
  readonly limit: number | null;
  /** Null: the limitation is a plain number, and nothing of it is consumed. */
  readonly reset: ConsumptionReset | null;
  /** The length of a period of days. */
  readonly resetDays: number;
  /** Percent of the limit that may be consumed beyond it. */
  readonly goodwillPercent: number;
  /** False: consumption goes on beyond the limit, and is counted. */
  readonly isEnforced: boolean;
}

/** What a licence and its edition allow, merged into the one object that decisions look at. */
export interface Terms {
  readonly isvId: string;
  readonly licenseId: string;
  readonly productId: string;
  readonly customerId: string;
  readonly provisioningMode: ProvisioningMode;
  readonly clientType: ClientType;
  readonly isActive: boolean;
  /** The licence is over at this instant; `null`: never. */
  readonly expiresAt: Millis | null;
  readonly isTemporary: boolean;
  /** Tokens of the floating pool. */
  readonly floatingTokenLimit: number;
  /** True: the pool is a hard limit. False: opens beyond it are granted and marked as overuse. */
  readonly enforceFloatingLimit: boolean;
  /** Tokens that activations of a named licence may assign, and those beyond the limit that goodwill adds. */
  readonly tokenLimit: number;
  readonly goodwillTokenLimit: number;
  /** Live sessions that one holder may have on its one token; at least 1. */
  readonly sessionsPerHolderMax: number;
  readonly sessionPeriodMs: number;
  readonly checkoutPeriodMaxMs: number;
  /** The most tokens of the pool that may be checked out at once; null: any number. */
  readonly checkedOutTokensMax: number | null;
  /** Tokens of the pool that no checkout may take. */
  readonly checkoutReserve: number;
  /** Vouchers that may be given up before their end in a calendar month; null: any number. */
  readonly earlyCheckInsMax: number | null;
  /** Whether an open activates a client that was never activated. */
  readonly activatesOnOpen: boolean;
  readonly requiresSessionId: boolean;
  readonly requiresUserId: boolean;
  readonly oneSessionPerUser: boolean;
  readonly heartbeatsExtendSessions: boolean;
  /** Tokens of a project licence's two pools; zero each on every other licence. */
  readonly projectTokens: Readonly<Record<ProjectKind, number>>;
  /** The kind of a project that is opened without one; null: it must be named. */
  readonly defaultKind: ProjectKind | null;
  /** Whether the kind of an open project may be changed. */
  readonly allowsKindSwitch: boolean;
  /** Whether the user of a Mono project may join it again from the same client. */
  readonly sharesMonoWithSameUser: boolean;
  /** Lower-case mail domains whose users may enter; empty: everybody may. */
  readonly allowedUserDomains: readonly string[];
  /** From when on the licence runs, where that is said: periods of days are counted from there. */
  readonly startsAt: Millis | null;
  /** The newest release that the licence covers, such as "25.2"; null: every one. */
  readonly softwareRelease: string | null;
  /** Whether a client of a release that is not covered may be activated all the same. */
  readonly allowsUncoveredRelease: boolean;
  /** Registered users that may be active; null: any number. */
  readonly userLimit: number | null;
  /** The licence's limitations, in the order of its edition. */
  readonly limitations: readonly Limitation[];
  /**
   * Not of the licence but of its store: when an older state of it was restored, so that tokens given since are not known
   * and all count as taken for one session period (`heldUntil`); null: nothing is held.
   */
  readonly heldFrom: Millis | null;
}

/**
 * A holder's live claim. Live while `endedAt` is null and `now < validUntil`.
 * A session that an administrator ended stays known, without a token, until its old end, so that the next extend
 * does not simply bring it back.
 */
export interface Session {
  /** Ours: names the session in the admin API. */
  readonly id: string;
  /** Identity within the licence, see `sessionKey`. */
  readonly key: string;
  readonly clientId: string;
  readonly clientKey: string;
  /** As the client sent it; null where the client itself is the session. */
  readonly sessionId: string | null;
  /** As first written; null where none was sent. */
  readonly userId: string | null;
  /** Whom the token is counted against, see `holderKey`; the project's id on a project licence. */
  readonly holder: string;
  readonly openedAt: Millis;
  /** The last open or extend. */
  readonly extendedAt: Millis;
  readonly validUntil: Millis;
  /** The end of the checkout that the session is out for; null: no checkout. */
  readonly checkoutUntil: Millis | null;
  /** When an administrator ended it; null: never. */
  readonly endedAt: Millis | null;
  /** The most open sessions and the most tokens in use that this session's own opens and extends saw. */
  readonly peakSessions: number;
  readonly peakHolders: number;
  /** The token was granted beyond the limit. */
  readonly isOveruse: boolean;
  /** Where it was opened from, as a number that stands for the address; left out: nobody knows. */
  readonly address?: number;
  /** Left out: it was never extended from anywhere else. */
  readonly moves?: Moves;
  /** Left out: no voucher was ever made of it. */
  readonly voucher?: OutVoucher;
  /** What the client's next open carries; left out: it never carried anything. */
  readonly renewal?: Renewal;
}

/**
 * A value that every answer renews and the next open of the session carries, so that a copy of the client is told from the
 * client. The one before is good too: an answer may be lost.
 */
export interface Renewal {
  readonly current: string;
  readonly previous: string | null;
}

/** How a session goes from one address to another. */
export interface Moves {
  /** Where it is now, as a number that stands for the address, and since when. */
  readonly to: number;
  readonly at: Millis;
  /** When history was last told that it is extended from several addresses by turns; null: never. */
  readonly toldAt: Millis | null;
}

/** The newest voucher of a session, a signed statement that somebody may show without the server. */
export interface OutVoucher {
  /** The thumbprint of the key of the one device that it is good on; null: it is good everywhere. */
  readonly deviceKey: string | null;
  readonly until: Millis;
}

/** The early check-ins of a licence in one calendar month. */
export interface CheckIns {
  /** By UTC, as `2026-11`. */
  readonly month: string;
  readonly count: number;
}

/** A client known to a licence, with or without its token. One a client and licence, for good. */
export interface Assignment {
  readonly id: string;
  readonly tokenKey: string;
  readonly clientId: string;
  readonly clientKey: string;
  readonly clientName: string | null;
  readonly clientDescription: string | null;
  /** The user last seen with this client, as first written; null on a devices licence. */
  readonly userId: string | null;
  readonly softwareVersion: string | null;
  readonly operatingSystem: string | null;
  readonly activatedAt: Millis;
  /** When the token was taken from the client; null: the client holds it. */
  readonly unassignedAt: Millis | null;
  /** Denied everything until then; null: not suspended. */
  readonly suspendedUntil: Millis | null;
  readonly isGoodwill: boolean;
  readonly lastHeartbeatAt: Millis | null;
}

/**
 * A place of work. It holds one token of its kind while somebody is connected, and none while it merely is open or
 * computes.
 */
export interface Project {
  readonly id: string;
  /** As first written; compared like user names. */
  readonly name: string;
  readonly createdAt: Millis;
  /** When it was opened; null: it is closed, and has no kind. */
  readonly openedAt: Millis | null;
  readonly kind: ProjectKind | null;
  /** When the server was last told that it is saved; null: never. */
  readonly savedAt: Millis | null;
  /** Oldest first; what is over goes when there are too many. */
  readonly executions: readonly Execution[];
}

export type ExecutionState = "running" | "finished" | "failed" | "stopped";

/** Background work of a project. Holds no token, and goes on when everybody has left. */
export interface Execution {
  readonly id: string;
  /** SHA-256 of the secret that its reports carry. */
  readonly secretHash: string;
  readonly name: string;
  readonly state: ExecutionState;
  readonly unitsDone: number;
  readonly unitsTotal: number | null;
  readonly message: string | null;
  readonly startedAt: Millis;
  readonly updatedAt: Millis;
}

/** What was consumed of a limitation in the period that began at `from`. */
export interface Quota {
  readonly kind: "quota";
  /** The limitation's id. */
  readonly key: string;
  readonly from: Millis;
  readonly used: Micros;
  /** How many consumptions were granted, ever: the newest one's number. */
  readonly count: number;
}

/** A granted consumption that can still be rolled back. */
export interface Consumption {
  readonly kind: "consumption";
  /** Its transaction id. */
  readonly key: string;
  readonly limitationId: string;
  /** Its number within the limitation. */
  readonly no: number;
  readonly amount: Micros;
  readonly clientId: string;
  readonly userId: string | null;
  readonly externalId: string | null;
  readonly at: Millis;
}

/** A user who is registered on a licence. */
export interface LicenseUser {
  readonly kind: "user";
  /** The user's id in the form that is compared. */
  readonly key: string;
  /** As first written. */
  readonly userId: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly createdAt: Millis;
  readonly changedAt: Millis;
}

/** A place in a licence's queue, for the next free token. */
export interface Ticket {
  readonly kind: "ticket";
  /** Whom the token will be counted against, see `holderKey`; the project's id on a project licence. */
  readonly key: string;
  /** Rises in the order in which tickets were taken. */
  readonly no: number;
  /** The pool that the token is of. */
  readonly pool: Pool;
  /** Who asked first. */
  readonly clientId: string;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly takenAt: Millis;
  /** When history was last told of the wait. */
  readonly toldAt: Millis;
  /** The place is lost unless it is asked for again by then. */
  readonly validUntil: Millis;
}

/** A small thing that a licence keeps, found by its kind and key. */
export type Item = Quota | Consumption | LicenseUser | Ticket;
export type ItemKind = Item["kind"];

export const gatheredKinds = ["analytical", "usage", "consumption"] as const;
export type GatheredKind = (typeof gatheredKinds)[number];

/** One value of a heartbeat that gathers data. Kept for a while, and looked at by no rule. */
export interface Gathered {
  /** When the server took it. */
  readonly at: Millis;
  readonly kind: GatheredKind;
  readonly isvId: string;
  readonly licenseId: string;
  readonly clientId: string;
  readonly userId: string | null;
  /** The analytical field, the usage feature or the limitation. */
  readonly subjectId: string;
  readonly moduleId: string | null;
  /** What an analytical field was told: texts, one of them unless the field is a list. */
  readonly texts: readonly string[];
  /** How much was used or consumed; null: it is told in texts. */
  readonly amount: Micros | null;
  /** Of a consumption: its transaction, null where the quota did not allow it. Rolling back repeats it with less than nothing. */
  readonly transactionId: string | null;
  readonly externalId: string | null;
  /** When it happened, as the client tells. */
  readonly happenedAt: Millis | null;
}

/** What a decision needs to see of a licence. Nothing here may cost more when the licence has more sessions. */
export interface LicenseView {
  readonly terms: Terms;
  /** Live sessions, those that are over at `now` but not yet released included: `release` comes first. */
  readonly openSessions: number;
  /** Holders with a live session: tokens of the pool in use. */
  readonly holders: number;
  /** Clients that hold one of the licence's assignable tokens, and all clients it has ever known. */
  readonly assigned: number;
  /** At most `limit` of those that have a token: each round of taking it from them goes on where the one before has ended. */
  assignedClients(limit: number): readonly Assignment[];
  /** Those of them on goodwill tokens. */
  readonly onGoodwill: number;
  readonly clients: number;
  session(key: string): Session | undefined;
  sessionsOfHolder(holder: string): number;
  /** Holders with a checkout: tokens of the pool that are out. */
  readonly checkedOut: number;
  isCheckedOut(holder: string): boolean;
  /** Of the month in which the last one was; null: there never was one. */
  readonly checkIns: CheckIns | null;
  sessionsOfClient(clientKey: string): readonly Session[];
  /** The earliest end of a live session; `pool`: of one in a project of that kind. */
  nextFreeAt(pool?: ProjectKind | null): Millis | null;
  /** At most `limit` known sessions with `validUntil <= now`. */
  due(now: Millis, limit: number): readonly Session[];
  /**
   * Every known session, in no particular order; for administrators and start-up, never on the hot path. Whoever pauses on the way
   * goes on with those that are still there.
   */
  sessions(): Iterable<Session>;
  /** One of them by our id, which has no index: for administrators. */
  sessionOfId(id: string): Session | undefined;
  assignment(clientKey: string): Assignment | undefined;
  /** The little of it that every extend looks at. */
  standing(clientKey: string): Standing | undefined;
  assignmentOfToken(tokenKey: string): Assignment | undefined;
  /** By our id, which has no index: for administrators. */
  assignmentOfId(id: string): Assignment | undefined;
  /** Attended projects of a kind: tokens of that pool in use. */
  attended(kind: ProjectKind): number;
  readonly projectCount: number;
  project(id: string): Project | undefined;
  /** By its name in the form that is compared. */
  projectNamed(nameKey: string): Project | undefined;
  projects(): Iterable<Project>;
  /** The ids of projects with a live session. */
  attendedProjects(kind: ProjectKind): Iterable<string>;
  /** The live sessions of a project: its users. */
  sessionsOfProject(id: string, limit?: number): readonly Session[];
  /** Every known client; for administrators, never on the hot path. May be looked through with pauses, as `sessions`. */
  assignments(): Iterable<Assignment>;
  quota(limitationId: string): Quota | undefined;
  consumption(transactionId: string): Consumption | undefined;
  /** A limitation's consumption by its number. */
  consumptionNumbered(limitationId: string, no: number): Consumption | undefined;
  /** Those of a limitation that are kept, which are bounded. */
  consumptions(limitationId: string): Iterable<Consumption>;
  readonly userCount: number;
  /** Registered users that are active. */
  readonly activeUsers: number;
  user(userKey: string): LicenseUser | undefined;
  /** Every registered user, for administrators. */
  users(): Iterable<LicenseUser>;
  /** Places in the queue that are taken. */
  readonly ticketCount: number;
  /** The place that a holder has. */
  ticket(holder: string): Ticket | undefined;
  /** All of them, which are bounded, in no order. */
  tickets(): Iterable<Ticket>;
  /** Everything small that is kept: for whoever stores it. */
  items(): Iterable<Item>;
}

/** What of a client's assignment decides whether it may have a session. */
export type Standing = Pick<Assignment, "unassignedAt" | "suspendedUntil">;

/** Fresh identifiers, drawn outside, because the core has no randomness. */
export interface NewIds {
  readonly session: string;
  readonly assignment: string;
  readonly token: string;
}

interface OnLicense {
  readonly isvId: string;
  readonly licenseId: string;
}

export interface OpenCommand extends OnLicense {
  readonly type: "open";
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
  /** The project to connect to; looked at on project licences alone. */
  readonly projectId: string | null;
  /** In minutes, as sent; null, like 0, asks for an ordinary session. */
  readonly checkoutPeriod: number | null;
  /** The answer will have a voucher, for the device of this key if one is named; null or left out: it will have none. */
  readonly voucher?: { readonly deviceKey: string | null } | null;
  /** The value of the client's last answer (empty: it has none), and a fresh id for the next; null or left out: it carries none. */
  readonly renewal?: { readonly last: string; readonly next: string } | null;
  /** Where the client is, as a number that stands for its address; null or left out: nobody knows. */
  readonly address?: number | null;
  /** The caller waits for a token, and asks again within so many milliseconds; 0, null or left out: it does not. */
  readonly waitMs?: number | null;
  readonly ids: NewIds;
}

export interface CloseCommand extends OnLicense {
  readonly type: "close";
  readonly clientId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
  /** Whose session it must be, as a client token says; left out: whoever has a key closes any. */
  readonly onlyFor?: OnlyFor;
  /** A device has proved that it gave a voucher up; null or left out: none has. */
  readonly givenUp?: GivenUp | null;
}

/** The user, and on a licence that counts projects the project; null: no project. */
export interface OnlyFor {
  readonly userId: string;
  readonly projectId: string | null;
}

/** A voucher by its id, which is that of its session, and the thumbprint of the key that says so. */
export interface GivenUp {
  readonly voucherId: string;
  readonly deviceKey: string;
}

/** An administrator ends one session (by its `id`), or those of the licence (`id` null), `endsPerStepMax` of them at most. */
export interface EndCommand extends OnLicense {
  readonly type: "end";
  readonly id: string | null;
}

export interface ActivateCommand extends OnLicense {
  readonly type: "activate";
  readonly clientId: string;
  readonly clientName: string | null;
  readonly clientDescription: string | null;
  readonly softwareVersion: string | null;
  /** The token key that the client named instead of a licence; null otherwise. */
  readonly tokenKey: string | null;
  readonly ids: NewIds;
}

export interface UnassignCommand extends OnLicense {
  readonly type: "unassign";
  readonly tokenKey: string;
}

export interface HeartbeatCommand extends OnLicense {
  readonly type: "heartbeat";
  readonly clientId: string;
  readonly tokenKey: string | null;
  readonly userId: string | null;
  readonly softwareVersion: string | null;
  readonly operatingSystem: string | null;
}

/** An administrator suspends a client until an instant, or lifts that (null). */
export interface SuspendCommand extends OnLicense {
  readonly type: "suspend";
  readonly assignmentId: string;
  readonly until: Millis | null;
}

interface OfClient extends OnLicense {
  readonly clientId: string;
  readonly tokenKey: string | null;
  readonly userId: string | null;
}

/** One quantity that a client wants to consume. */
export interface Wanted {
  readonly limitationId: string;
  readonly amount: Micros;
  readonly userId: string | null;
  readonly externalId: string | null;
  readonly happenedAt: Millis | null;
  /** The id that the transaction is to have. */
  readonly transactionId: string;
}

/** Consumes of limitations, one after the other: what the quota does not allow is granted without a transaction. */
export interface ConsumeCommand extends OfClient {
  readonly type: "consume";
  readonly wanted: readonly Wanted[];
}

/** Takes a consumption back, while its period lasts. */
export interface RollBackCommand extends OnLicense {
  readonly type: "consumption.rollback";
  readonly limitationId: string;
  readonly transactionId: string;
}

/** An administrator begins a limitation's period anew. */
export interface ResetQuotaCommand extends OnLicense {
  readonly type: "quota.reset";
  readonly limitationId: string;
}

/** What a client tells of its use. Whether its fields and features are the product's was looked at before. */
export interface GatherCommand extends OfClient {
  readonly type: "gather";
  readonly kind: "analytical" | "usage";
  readonly values: readonly Pick<Gathered, "subjectId" | "moduleId" | "texts" | "amount" | "happenedAt">[];
}

/** Registers a user on a licence (`isNew`), or changes one; null: stays as it is. */
export interface PutUserCommand extends OnLicense {
  readonly type: "user.put";
  readonly userId: string;
  readonly name: string | null;
  readonly isActive: boolean | null;
  readonly isNew: boolean;
}

export interface DeleteUserCommand extends OnLicense {
  readonly type: "user.delete";
  readonly userId: string;
}

/** Commands about what a licence keeps beside its sessions, clients and projects. */
export type ItemCommand =
  | ConsumeCommand
  | RollBackCommand
  | ResetQuotaCommand
  | GatherCommand
  | PutUserCommand
  | DeleteUserCommand;

export interface CreateProjectCommand extends OnLicense {
  readonly type: "project.create";
  readonly name: string;
  readonly id: string;
}

interface OnProject extends OnLicense {
  readonly projectId: string;
}

/** Opens a project as a kind; null: as the edition's default. Takes no token. */
export interface OpenProjectCommand extends OnProject {
  readonly type: "project.open";
  readonly kind: ProjectKind | null;
}

export interface SaveProjectCommand extends OnProject {
  readonly type: "project.save";
}

/** Closes or deletes a project; `force` ends its users' sessions and its executions first. */
export interface CloseProjectCommand extends OnProject {
  readonly type: "project.close" | "project.delete";
  readonly force: boolean;
}

export interface SwitchKindCommand extends OnProject {
  readonly type: "project.kind";
  readonly kind: ProjectKind;
}

export interface StartExecutionCommand extends OnProject {
  readonly type: "execution.start";
  /** The session of whoever starts it, as it was named: by its id, its client (null: not so), or both. */
  readonly sessionId: string | null;
  readonly client?: string | null;
  readonly name: string;
  readonly unitsTotal: number | null;
  readonly id: string;
  readonly secretHash: string;
}

export interface ReportExecutionCommand extends OnProject {
  readonly type: "execution.report";
  readonly executionId: string;
  readonly unitsDone: number | null;
  readonly message: string | null;
  readonly state: "running" | "finished" | "failed" | null;
}

export type ProjectCommand =
  | CreateProjectCommand
  | OpenProjectCommand
  | SaveProjectCommand
  | CloseProjectCommand
  | SwitchKindCommand
  | StartExecutionCommand
  | ReportExecutionCommand;

/** Writes the history of what is over. Nobody's token waits for it. */
export interface SweepCommand extends OnLicense {
  readonly type: "sweep";
}

/** The server was away: sessions that were live at `from` get the length of the outage added. */
export interface CreditCommand extends OnLicense {
  readonly type: "credit";
  readonly from: Millis;
  readonly lengthMs: number;
}

/** The clock was set back by more than a minute: what was granted by the old clock is brought back to the new one. */
export interface SettleCommand extends OnLicense {
  readonly type: "settle";
}

export type Command =
  | OpenCommand
  | CloseCommand
  | EndCommand
  | ActivateCommand
  | UnassignCommand
  | HeartbeatCommand
  | SuspendCommand
  | ProjectCommand
  | ItemCommand
  | SweepCommand
  | CreditCommand
  | SettleCommand;

/** What `evolve` applies: whole new values, no rule left to decide. */
export type Change =
  | { readonly type: "session"; readonly session: Session }
  | { readonly type: "session.gone"; readonly key: string }
  | { readonly type: "check-ins"; readonly checkIns: CheckIns }
  | { readonly type: "assignment"; readonly assignment: Assignment }
  | { readonly type: "project"; readonly project: Project }
  | { readonly type: "project.gone"; readonly id: string }
  | { readonly type: "item"; readonly item: Item }
  | { readonly type: "item.gone"; readonly kind: ItemKind; readonly key: string };

export const recordKinds = [
  "session.opened",
  "session.closed",
  "session.expired",
  "session.ended",
  "session.moved",
  "client.activated",
  "client.unassigned",
  "client.suspended",
  "project.created",
  "project.opened",
  "project.saved",
  "project.switched",
  "project.closed",
  "project.deleted",
  "execution.started",
  "execution.ended",
  "quota.reset",
  "user.added",
  "user.changed",
  "user.deleted",
  "outage.credited",
  "clock.settled",
  "denied",
] as const;
export type RecordKind = (typeof recordKinds)[number];

/** Equal tokens of a licence: of a floating licence, of a named one, of a project licence's kinds. */
export type Pool = "floating" | "named" | ProjectKind;

/** History: one line that commits together with what it tells of. An ordinary extend leaves none. */
export interface HistoryRecord {
  readonly at: Millis;
  readonly kind: RecordKind;
  readonly isvId: string;
  readonly licenseId: string;
  readonly clientId: string | null;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly projectId: string | null;
  /** Why a command was denied; null for everything else. */
  readonly denial: DenialCode | null;
  /** Tokens in use when it happened, and the limit they are held against. */
  readonly inUse: number;
  readonly limit: number;
  readonly isOveruse: boolean;
  /** The pool that it is about; null: none, because the project is closed or it concerns the whole licence. */
  readonly pool: Pool | null;
  /**
   * By how much it changed the tokens in use of its pool: 1, 0 or -1. The sum over a licence's history is what is in use.
   * A project that changes its kind takes its token along: what its new pool gains, the other one loses.
   */
  readonly tokens: number;
  /** For an outage or a clock that was set: the milliseconds concerned. For the end of a session: how long it was. */
  readonly lengthMs: number | null;
}

/** A refused command. Not a fault: nothing changes but the record of it. */
export interface Denial {
  readonly code: DenialCode;
  /** What is wrong and what to do, for a person. */
  readonly message: string;
  readonly inUse: number;
  readonly limit: number;
  /** The next instant at which a token may be free, where a token is what is missing. */
  readonly nextFreeAt: Millis | null;
  /** What whoever was refused a project wants to know; null on every other denial. */
  readonly project: ProjectDenial | null;
  /** The voucher that is out, to be given up; null on every other denial. */
  readonly voucherId: string | null;
  /** The caller's place among those who wait for a token, from 1; null: it has none. */
  readonly queuePosition: number | null;
}

/** The pool that a project was refused from, who is in, and how far the project's work is. */
export interface ProjectDenial {
  readonly kind: ProjectKind;
  readonly total: number;
  readonly left: number;
  readonly holders: readonly { readonly userId: string; readonly since: Millis }[];
  /** The project's latest execution at the instant of the denial; null: it never had one. */
  readonly execution: Execution | null;
  readonly at: Millis;
}

/** How a limitation stands, and what a consumption came to. */
export interface QuotaStatus {
  /** Null: nothing was consumed, because the quota did not allow it or nobody asked for it. */
  readonly transactionId: string | null;
  readonly limitation: Limitation;
  readonly used: Micros;
  /** The period that it stands for; `until` null: it does not end. */
  readonly from: Millis;
  readonly until: Millis | null;
}

/** What a granted command answers with, by command. */
export interface Granted {
  readonly session: Session | null;
  readonly assignment: Assignment | null;
  readonly project: Project | null;
  readonly user: LicenseUser | null;
  /** One for each quantity that was asked for, in that order. */
  readonly quotas: readonly QuotaStatus[];
  /** How many sessions the command ended. */
  readonly ended: number;
}

export interface Decision {
  readonly denial: Denial | null;
  readonly granted: Granted | null;
  readonly changes: readonly Change[];
  readonly records: readonly HistoryRecord[];
  /** Left out: nothing. */
  readonly gathered?: readonly Gathered[];
}

export type { DenialCode } from "./denials.ts";

import type { DenialCode } from "./denials.ts";
