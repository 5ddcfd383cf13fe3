/**
 * The port that every store implements, and its contract in prose.
 *
 * A store does three dull things in one transaction: it shows licences, it saves what a step changed, and it tells the
 * time. It knows rows and keys; it knows no rule.
 *
 * - `transact` is told the commands that `work` will decide: their licences, and those that an activation may take its
 *   client from, are all that `work` may look at. It runs `work` synchronously and keeps everything that it changed, or
 *   nothing; where the database has it give way to another transaction, it runs `work` again, as if for the first time.
 *   It resolves only when what was kept survives a crash (on a memory store: the process has it).
 * - At most `lanes` transactions of one caller are under way at a time, and no two of them on one licence.
 * - If `work` throws, or saving fails, the call rejects and the store is as it was before: nothing of it is seen by a
 *   later call. A failure of the store itself rejects with `StoreFault`; one whose outcome is unknown says so.
 * - `now` is read once a transaction, after its licences can no longer be changed by another one. For a licence it never
 *   goes back, not even over a restart, unless what is on record leads the clock by more than a minute: then somebody
 *   set a clock, and waiting for it would freeze the licence.
 * - What other methods read may lag behind a running `transact`, and never shows what did not commit.
 */
import type { Readable } from "node:stream";
import type { Tally } from "../analytics/tally.ts";
import type { AuditLine, Author } from "../catalog/audit.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { EntityChange, Kind, StoredEntity } from "../catalog/entities.ts";
import type { DenialCode } from "../core/denials.ts";
import type { Licenses } from "../core/step.ts";
import type {
  Assignment,
  CheckIns,
  Command,
  Gathered,
  GatheredKind,
  HistoryRecord,
  Item,
  LicenseView,
  Millis,
  Project,
  Session,
} from "../core/types.ts";
import type { Renames } from "./forgetting.ts";

/** A licence, by its vendor and id. */
export interface Place {
  readonly isvId: string;
  readonly licenseId: string;
}

/** A client of a licence. */
export interface KnownClient {
  readonly licenseId: string;
  readonly assignment: Assignment;
}

export interface Store {
  /** The vendors' catalogue as of the last commit. */
  readonly catalog: Catalog;
  /**
   * The latest instant on record when the store was opened: when its last server was alive. Null: nothing is on record,
   * or the store says itself what its licences are owed.
   */
  readonly lastInstant: Millis | null;
  /** How many transactions it takes at a time. */
  readonly lanes: number;

  /** `owed` are commands that these licences are owed before any other: credits of an outage, a clock to settle. */
  transact<T>(commands: readonly Command[], work: Work<T>, patience?: Patience): Promise<T>;

  /**
   * What the time without a server asks for, in one transaction however much it changes: `work` stops wherever what it has
   * changed so far may be written down. Before anybody is served, and by nobody but the server that starts; a store that
   * could not do it is of no more use, and its file is as before. Nothing is done where `lastInstant` is null.
   * @throws StoreFault
   */
  makeGood(work: (licenses: Licenses, now: Millis) => Iterable<unknown>): Promise<void>;

  /**
   * Saves changes of the catalogue and what follows from them, with a line of the audit log for each that changes
   * anything: licences see their new terms at once, and a licence that goes takes its clients and projects along; its
   * history stays, and tells that tokens which were assigned are given back. All or nothing.
   * @throws CatalogConflict where a change was made from something that is no longer there, where it refers to
   * something that is not there, or where something refers to what goes, a live session included.
   */
  saveCatalog(changes: readonly EntityChange[], author?: Author): Promise<void>;
  /** Takes over what other servers have changed of the catalogue. It comes by itself within a second or so; this is for now. */
  refresh(): Promise<void>;
  /** What the tenant file last said of an entity, of one that was deleted too. */
  applied(isvId: string, kind: StoredEntity["kind"], id: string): StoredEntity["applied"];

  /** A licence as of the last commit, to be read before anything else is awaited; undefined: there is none. */
  read(isvId: string, licenseId: string): Promise<LicenseView | undefined>;
  /** The licence that a token key belongs to. */
  licenseOfToken(isvId: string, tokenKey: string): Promise<string | undefined>;
  /** The licence that a project belongs to. */
  licenseOfProject(isvId: string, projectId: string): Promise<string | undefined>;
  /** The licences that keep an item of this kind and key: one for a transaction, as many as have it for a user. */
  licensesOfItem(isvId: string, kind: Item["kind"], key: string): Promise<readonly string[]>;
  /** Where the client of this id is known on the licences of one product. */
  assignmentsOfClient(isvId: string, productId: string, clientId: string): Promise<readonly KnownClient[]>;
  /** Assignments of one product whose user this is. */
  assignmentsOfUser(isvId: string, productId: string, userId: string): Promise<readonly KnownClient[]>;
  /** Licences with something over at `now`, at most `limit`, of one vendor or (null) of all: what the sweeper has to do. A store that servers share names a licence to one of them, for a while. */
  dueLicenses(now: Millis, limit: number, isvId: string | null): Promise<readonly Place[]>;
  /** The licences with live sessions that an outage is credited to; none on a store that says itself what is owed. */
  liveLicenses(): readonly Place[];

  /** The denial log of one vendor, newest first. */
  denials(query: DenialQuery): Promise<{ readonly items: readonly HistoryRecord[]; readonly total: number }>;
  /** What clients told, newest first. */
  gathered(query: GatheredQuery): Promise<{ readonly items: readonly Gathered[]; readonly total: number }>;
  /** All history of one licence, oldest first, at most `limit` lines: for tests and the licence's own page. */
  history(isvId: string, licenseId: string, limit: number): Promise<readonly HistoryRecord[]>;

  /** An instant before which nothing will be recorded any more: whoever counts history up to it misses no line. */
  settledUntil(): Promise<Millis>;
  /** Lines of all vendors behind a place in history and before an instant, in order of time, at most `limit`. */
  linesAfter(position: Position, before: Millis, limit: number): Promise<readonly NumberedLine[]>;
  /** How far history is counted, and of whom. */
  counted(): Promise<CountedNow>;
  /**
   * Saves what was counted from one place to another; false: somebody else has counted on from there meanwhile, or a user was
   * forgotten.
   */
  saveTallies(tallies: readonly Tally[], from: CountedNow, to: Counted): Promise<boolean>;
  /** The tallies of these keys, each in its place. */
  talliesAt(keys: readonly TallyKey[]): Promise<readonly (Tally | undefined)[]>;
  /** The last tally of a series that starts before an instant. */
  tallyBefore(isvId: string, series: string, before: Millis): Promise<Tally | undefined>;
  /** Tallies of a series that start from one instant on and before another, in their order, at most `limit`. */
  tallies(isvId: string, series: string, from: Millis, to: Millis, limit: number): Promise<readonly Tally[]>;

  /** Forgets at most `limit` rows of each kind that are older than they are kept for; true: there may be more of them. */
  prune(until: Retained, limit: number): Promise<boolean>;

  /** History of one licence, newest first, from where a page ended; of a licence that was deleted too. */
  events(query: EventQuery): Promise<EventPage>;

  /** The audit log of one vendor, newest first. */
  audit(query: AuditQuery): Promise<{ readonly items: readonly AuditLine[]; readonly total: number }>;

  /**
   * Puts other names in the place of a user's in all history and what is counted of it, in clients and remembered
   * sessions of a vendor, with its line in the audit log. Whatever can be counted stays as it was. Where it failed midway it can be asked for again.
   * @throws CatalogConflict where the user has a live session.
   */
  forget(isvId: string, names: Renames, line: AuditLine): Promise<void>;

  /** A small named value that must survive: signing keys, when the server was last alive. */
  setting(name: string): string | undefined;
  saveSetting(name: string, value: string): Promise<void>;
  /** Saves a value unless there is one, and answers with the one that stands: for what several servers must agree on. */
  keepSetting(name: string, value: string): Promise<string>;

  /** From now on no licence gives a token for one session period: the store is an older state, restored. */
  hold(): Promise<void>;

  /** Everything that the store keeps, as of one instant, while it goes on serving. To be closed, read or not. */
  dump(): Promise<OpenDump>;
  /**
   * Fills an empty store with what another one dumped: all of it, or nothing where the lines end in an error. Nobody else
   * uses the store meanwhile; to be served from it is opened again.
   * @throws StoreNotEmpty before anything is read.
   */
  load(dump: Dump): Promise<void>;
  /** A copy of the store's file as of one instant, while it goes on serving; null where the store is not a file. */
  backup(): Promise<Backup | null>;

  /** Puts on record that a server is alive, for a later one to know how long there was none. */
  live(): Promise<void>;

  /** A round of the store's own housekeeping, to be asked for every second or so. */
  tidy(): Promise<void>;

  /**
   * Resolves when the store cannot serve any more and never will, though nobody closed it: whoever runs it ends, and is
   * started again. Left out: that cannot happen.
   */
  readonly lost?: Promise<Error>;

  /** The time as the store tells it. */
  now(): Millis;
  /** Rejects with `StoreFault` unless the store could serve a transaction now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** What a store keeps, to be put into another one. */
export interface Dump {
  /** The latest instant on record: the next server counts from here for how long there was none. */
  readonly aliveAt: Millis | null;
  /** In the order of `DumpLine`: what a line refers to comes before it. */
  readonly lines: AsyncIterable<DumpLine>;
}

/** A dump with what it is read from. */
export interface OpenDump extends Dump {
  close(): void;
}

/** One thing that a store keeps. History stands in the order in which it was written. */
export type DumpLine =
  | { readonly type: "setting"; readonly name: string; readonly value: string }
  | ({ readonly type: "entity" } & EntityChange)
  | ({ readonly type: "assignment"; readonly assignment: Assignment } & Place)
  | ({ readonly type: "project"; readonly project: Project } & Place)
  | ({ readonly type: "check-ins"; readonly checkIns: CheckIns } & Place)
  | ({ readonly type: "session"; readonly session: Session } & Place)
  | ({ readonly type: "item"; readonly item: Item } & Place)
  | { readonly type: "gathered"; readonly value: Gathered }
  | { readonly type: "history"; readonly record: HistoryRecord }
  | { readonly type: "tally"; readonly tally: Tally }
  | { readonly type: "audit"; readonly line: AuditLine };

/** A copy of a store's file, gone once it is read. */
export interface Backup {
  readonly bytes: number;
  readonly stream: Readable;
}

/** Settings that are of one store and of no use in another: they are not dumped. */
export const settingsOfStore: ReadonlySet<string> = new Set(["alive_at", "opened", "pinged_at"]);

/** The setting that says how far history is counted. */
export const countedSetting = "counted_until";

/** Its value: the instant, and behind a plus the lines of it that are counted, where there are any. */
export function countedText({ until, lines }: Counted): string {
  return lines === 0 ? String(until) : `${until}+${lines}`;
}

/** How far history is counted by that setting. */
export function countedOf(value = "0"): Counted {
  const [until, lines = 0] = value.split("+").map(Number);
  return { until: until as number, lines };
}

/** The setting that says since when tokens are held. */
export const heldFromSetting = "held_from";

/** Its value as an instant. */
export function heldFromOf(value: string | undefined): Millis | null {
  return value === undefined ? null : Number(value);
}

/**
 * Whether to wait for licences that another server is changing; or else to go on without them, and to refuse with
 * `LicensesBusy` where that cannot be.
 */
export type Patience = "waits" | "refuses";

/** Licences as the work of a transaction has them: what administrators did goes on record together with what it changed. */
export interface AuditedLicenses extends Licenses {
  /** Keeps a line of the audit log, to be saved together with the changes. */
  audit(line: AuditLine): void;
}

/** `busy` are licences of its commands that it must do without: another server is changing them. */
export type Work<T> = (licenses: AuditedLicenses, now: Millis, owed: readonly Command[], busy?: readonly Place[]) => T;

/**
 * How far history is counted: all lines before an instant, and so many of its own, in order of their numbers. Those differ from
 * store to store, so that they could not be told by the last one's number.
 */
export interface Counted {
  readonly until: Millis;
  readonly lines: number;
}

/** And how often a user was forgotten: from one time to the next, what was read of history and tallies before is not what is kept. */
export interface CountedNow extends Counted {
  readonly forgettings: number;
}

export function isSameCount(one: CountedNow, other: CountedNow): boolean {
  return one.until === other.until && one.lines === other.lines && one.forgettings === other.forgettings;
}

/** A place in history: lines are in order of time, and of one instant by a number that stays theirs. */
export interface Position {
  readonly at: Millis;
  readonly no: number;
}

export interface NumberedLine extends Position {
  readonly line: HistoryRecord;
}

/** A tally by its name; `start` null: the last one of its series. */
export interface TallyKey {
  readonly isvId: string;
  readonly series: string;
  readonly start: Millis | null;
  readonly part: string;
}

/**
 * Of each kind, what is older than its instant is not kept: lines of history, tallies that name people, those of minutes
 * and all others, and what clients told. The last tally of use before the instant stays: its level goes on.
 */
export interface Retained {
  readonly history: Millis;
  readonly people: Millis;
  readonly minutes: Millis;
  readonly sums: Millis;
  /** What clients told, which names people too. */
  readonly gathered: Millis;
  /** Of what each vendor's clients told, no more than so many values, the newest ones. */
  readonly gatheredOfVendor: number;
}

export interface GatheredQuery {
  readonly isvId: string;
  readonly licenseId: string | null;
  readonly kind: GatheredKind | null;
  readonly clientId: string | null;
  readonly subjectId: string | null;
  /** From this instant on, and before that one; null: no bound. */
  readonly from: Millis | null;
  readonly to: Millis | null;
  readonly offset: number;
  readonly limit: number;
}

export interface DenialQuery {
  readonly isvId: string;
  readonly licenseId: string | null;
  readonly clientId: string | null;
  /** Whoever told this user, or this client and no user; as it was written. */
  readonly userId: string | null;
  /** Denials for this reason; null: for any. */
  readonly code: DenialCode | null;
  /** From this instant on, and before that one; null: no bound. */
  readonly from: Millis | null;
  readonly to: Millis | null;
  readonly offset: number;
  readonly limit: number;
}

export interface EventQuery {
  readonly isvId: string;
  readonly licenseId: string;
  /** `next` of the page before; null: from the newest line on. */
  readonly before: number | null;
  readonly limit: number;
}

export interface EventPage {
  readonly items: readonly HistoryRecord[];
  /** Where the next page begins; null: there is none. A store that looks through so much at a time alone may answer few lines, or none. */
  readonly next: number | null;
}

export interface AuditQuery {
  readonly isvId: string;
  /** Changes of this kind of thing, and of this one; null: of all. */
  readonly kind: AuditLine["kind"] | null;
  readonly id: string | null;
  /** From this instant on, and before that one; null: no bound. */
  readonly from: Millis | null;
  readonly to: Millis | null;
  readonly offset: number;
  readonly limit: number;
}

/** A change of the catalogue that does not fit what is there: nothing of it happened. Look again, and decide anew. */
export class CatalogConflict extends Error {
  override readonly name = "CatalogConflict";
  readonly kind: Kind;
  readonly id: string;

  constructor(kind: Kind, id: string, reason: string) {
    super(`${kind} ${id} ${reason}`);
    this.kind = kind;
    this.id = id;
  }
}

/** The store could not do its work: disk, network, lock. The request may be repeated. */
export class StoreFault extends Error {
  override readonly name = "StoreFault";
  /** True: whether the transaction was kept cannot be told, so it must not be tried again unasked. Otherwise nothing of it happened. */
  readonly isUnknown: boolean;

  constructor(
    message: string,
    { isUnknown = false, ...options }: ErrorOptions & { readonly isUnknown?: boolean } = {},
  ) {
    super(message, options);
    this.isUnknown = isUnknown;
  }
}

/** The database cannot be used as it is; the text says why and what to do. */
export class DatabaseRefused extends Error {
  override readonly name = "DatabaseRefused";
}

/** Somebody else has the database, who must stop first. */
export class DatabaseInUse extends DatabaseRefused {}

/** What was to fill a store does not make one: truncated, altered, or written by a newer program. */
export class DumpRefused extends Error {
  override readonly name = "DumpRefused";
}

/** The store holds something already, and was to be filled. */
export class StoreNotEmpty extends Error {
  override readonly name = "StoreNotEmpty";

  constructor(what = "The database holds a vendor's catalogue already; an import wants an empty one.") {
    super(`${what} Nothing was changed.`);
  }
}

/** Some of a transaction's licences are in somebody else's hands, after the wait if there was one; nothing of it happened. */
export class LicensesBusy extends StoreFault {
  override readonly name = "LicensesBusy" as "StoreFault";
  readonly places: readonly Place[];

  constructor(places: readonly Place[]) {
    super(`${places.length} licences are being changed by another server, or read by this one`);
    this.places = places;
  }
}
