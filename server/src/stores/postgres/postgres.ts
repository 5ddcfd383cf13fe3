/**
 * The store on PostgreSQL, which any number of equal servers share. Whoever decides on a licence locks its row, reads the
 * database's clock and what other servers have changed meanwhile, and commits what it decided before anybody hears of it.
 */
import { hash } from "node:crypto";
import type { Tally } from "../../analytics/tally.ts";
import { type AuditLine, theServer } from "../../catalog/audit.ts";
import type { EntityChange, Kind } from "../../catalog/entities.ts";
import type { Clock } from "../../clock.ts";
import { fold } from "../../core/names.ts";
import type { ActivateCommand, Command, Item, LicenseView, Millis } from "../../core/types.ts";
import type { Renames } from "../forgetting.ts";
import {
  type AuditedLicenses,
  type AuditQuery,
  type Counted,
  type CountedNow,
  type DenialQuery,
  type Dump,
  type EventPage,
  type EventQuery,
  type GatheredQuery,
  heldFromOf,
  heldFromSetting,
  type KnownClient,
  LicensesBusy,
  type OpenDump,
  type Patience,
  type Place,
  type Position,
  type Retained,
  type Store,
  StoreFault,
  type TallyKey,
  type Work,
} from "../store.ts";
import type { OnWait } from "./alone.ts";
import { plain } from "./arrays.ts";
import { auditOf } from "./audit.ts";
import { assignmentOf } from "./bodies.ts";
import { CarriedClock } from "./carried-clock.ts";
import { Catalogue } from "./catalogue.ts";
import { Connections, noRows, type Row, type Transaction } from "./connections.ts";
import { Deciding } from "./deciding.ts";
import { dumpOf } from "./dump.ts";
import { isConflict, isLack, isLockedOut, isLost } from "./faults.ts";
import { Folding } from "./folding.ts";
import { Following } from "./following.ts";
import { forget } from "./forgetting.ts";
import { denialsOf, eventsOf, historyOf, linesAfter, type Standing } from "./history.ts";
import { gatheredOf, licensesOfItem } from "./items.ts";
import { catchUp, columnsOf, type Known, KnownLicenses, keyOf, placeOf } from "./licenses.ts";
import { Life } from "./life.ts";
import * as limits from "./limits.ts";
import { loadInto } from "./loading.ts";
import { migrate } from "./schema.ts";
import * as statements from "./statements.ts";
import { type Surroundings, TakingUp } from "./take-up.ts";
import { counted, prune, saveTallies, settledUntil, talliesAt, talliesOf, tallyBefore } from "./tallies.ts";

export interface PostgresOptions {
  /** Tells the time in the database's place: a clock that a test holds. */
  readonly clock?: Clock;
  /** Other bounds than the usual ones: a test reaches them sooner. */
  readonly bounds?: Partial<Bounds>;
  /** It is watched for servers of before, beside which this one must not run. */
  readonly onWait?: OnWait;
  /** Ends that watch: the opening rejects with an AbortError. */
  readonly stop?: AbortSignal | undefined;
}

interface Bounds {
  readonly cachedMax: number;
  readonly foldedFrom: number;
  readonly keptMs: number;
  readonly keepingUpAfterMs: number;
  readonly pageRows: number;
  readonly takeUpMs: number;
  readonly caughtUpAtOnceMax: number;
  readonly versionsPerTurn: number;
}

/**
 * @throws StoreFault where the database cannot be reached, DatabaseRefused where it is a newer program's, DatabaseInUse where it
 * is an older one's that runs and must not go on beside this one.
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<Store> {
  const connections = new Connections(url, limits.lanes + limits.otherConnections);
  const records = new Connections(url, limits.recordConnections);
  const store = new PostgresStore(connections, records, options.clock ?? null, { ...limits, ...options.bounds });
  try {
    await store.open(options);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Keeps licences that are known, until the transaction is over. */
type Need = (places: readonly Place[]) => void;

/** What came of one try: nothing, because something was news to this server, or it had to begin again. */
const news = Symbol("news");

/** What a transaction was begun by. */
interface Basis {
  readonly revision: number;
  readonly lineage: unknown;
}

class PostgresStore implements Store {
  /** Outages are credited licence by licence, by whoever looks first: no server needs to know when it came back. */
  readonly lastInstant = null;
  readonly lanes = limits.lanes;
  readonly #connections: Connections;
  /** For what may take long: history, and what is counted of it. */
  readonly #records: Connections;
  readonly #held: Clock | null;
  readonly #catalogue: Catalogue;
  readonly #life: Life;
  readonly #folding: Folding;
  readonly #licenses: KnownLicenses;
  readonly #takingUp: TakingUp;
  readonly #following: Following;
  readonly #bounds: Bounds;
  readonly #settings = new Map<string, string>();
  readonly #time = new CarriedClock();
  /** What is known here is of this database; of another one, or of a copy that was brought back, it is worth nothing. */
  #lineage: unknown;
  #livedAt = Number.NEGATIVE_INFINITY;
  /** The last transaction failed for want of something that the probe does not need. */
  #lack: { readonly at: number; readonly fault: StoreFault } | null = null;
  #pinged: { readonly at: number; readonly result: Promise<void> } | null = null;

  constructor(connections: Connections, records: Connections, held: Clock | null, bounds: Bounds) {
    this.#connections = connections;
    this.#records = records;
    this.#bounds = bounds;
    this.#held = held;
    this.#catalogue = new Catalogue(connections, (head) => this.#clock(head));
    this.#life = new Life(connections, (head) => this.#clock(head));
    this.#folding = new Folding(connections, bounds);
    this.#licenses = new KnownLicenses(bounds.cachedMax);
    const surroundings: Surroundings = {
      lineage: () => this.#lineage,
      beginAnew: (lineage) => this.#beginAnew(lineage),
      isInCatalogue: ({ isvId, licenseId }) => this.#licenseOf(isvId, licenseId) !== undefined,
      termsOf: (place) => this.#termsOf(place),
    };
    this.#takingUp = new TakingUp(connections, this.#licenses, surroundings, bounds);
    this.#following = new Following(connections, this.#licenses, this.#takingUp, surroundings, bounds);
  }

  async open({ onWait, stop }: Pick<PostgresOptions, "onWait" | "stop">): Promise<void> {
    await migrate(this.#connections, { stop, ...(onWait && { onWait }) });
    // At once, however large the catalogue is: whoever has the schema's lock next looks for the sign.
    await this.live();
  }

  /** Answers with the instant from which on tokens are held. */
  async #readSettings(): Promise<Millis | null> {
    const rows = await this.#connections.query("SELECT name, value FROM seatkeeper.settings");
    this.#settings.clear();
    for (const { name, value } of rows) this.#settings.set(name as string, value as string);
    return heldFromOf(this.#settings.get(heldFromSetting));
  }

  get catalog() {
    return this.#catalogue.directory.catalog;
  }

  now(): Millis {
    return this.#held?.now() ?? this.#time.now();
  }

  async transact<T>(commands: readonly Command[], work: Work<T>, patience: Patience = "waits"): Promise<T> {
    if (commands.length === 0) return work(noLicenses, this.now(), [], []);
    const releases: (() => void)[] = [];
    const need: Need = (places) => void releases.push(this.#licenses.need(places));
    need(commands);
    try {
      for (let n = 0; n < limits.triesMax; n++) {
        await this.#takingUp.take(commands, patience);
        const result = await this.#try(commands, work, patience, need);
        if (result !== news) return result as T;
      }
    } finally {
      for (const release of releases) release();
    }
    throw new StoreFault("other servers change it faster than it can be read");
  }

  async #try<T>(commands: readonly Command[], work: Work<T>, patience: Patience, need: Need): Promise<T | typeof news> {
    const lockMs = patience === "waits" ? limits.lockMs : limits.lockBrieflyMs;
    // By this catalogue the places are chosen, and a refresh meanwhile would hide that it was an old one.
    const basis = { revision: this.#catalogue.revision, lineage: this.#lineage };
    const transaction = await this.#connections.begin({ lockMs });
    let deciding: Deciding | undefined;
    try {
      const places = await this.#placesOf(transaction, commands);
      const { head, rows, log, asked } = await this.#lock(transaction, places, patience);
      const clock = this.#clock(head);
      if (await this.#isNews(transaction, head, clock, basis)) return news;
      const busy = missing(places, rows);
      // An activation looks at more licences than it names: without one of them it would be decided wrongly.
      const mayGoOn = patience === "refuses" && rows.length > 0 && !commands.some(({ type }) => type === "activate");
      if (busy.length > 0 && !mayGoOn) {
        await transaction.rollback();
        const isSkipped = patience === "refuses" && places.length > 1;
        throw isSkipped ? new LicensesBusy(busy) : new StoreFault("a licence of the catalogue has no row");
      }
      const current = this.#bringUp(rows, log, asked);
      if (current.length < rows.length) {
        await transaction.rollback();
        need(places);
        await this.#takingUp.take(places, patience);
        for (const place of places) if (log.get(keyOf(place)) === "much") await this.#following.follow(place);
        return news;
      }
      deciding = new Deciding(current);
      // Carried on since the clock was read: some have joined meanwhile, and none is decided before it asked.
      const now = deciding.instant(Math.max(clock, this.now()));
      const result = work(deciding, now, deciding.owed(clock, this.#life.outages), busy);
      const swept = new Set(commands.filter(({ type }) => type === "sweep").map(keyOf));
      deciding.save(transaction, now, { lastOutage: this.#life.lastOutage, revision: basis.revision, swept });
      await transaction.commit();
      this.#lack = null;
      this.#settle(deciding, rows, head.lineage);
      return result;
    } catch (error) {
      for (const known of deciding?.known ?? []) this.#licenses.forget(known);
      transaction.abandon();
      if (isConflict(error)) return news;
      // A connection that had broken while nobody used it, found out before anything was decided on it.
      if (deciding === undefined && isLost(error)) return news;
      if (isLack(error)) this.#lack = { at: performance.now(), fault: error as StoreFault };
      if (isLockedOut(error)) throw new LicensesBusy(named(commands));
      throw error;
    }
  }

  /** The licences that a transaction needs: those of its commands, and those that its activations take their clients from. */
  async #placesOf(transaction: Transaction, commands: readonly Command[]): Promise<Place[]> {
    const places = new Map<string, Place>();
    const add = ({ isvId, licenseId }: Place) => {
      if (this.#licenseOf(isvId, licenseId) !== undefined) places.set(isvId + licenseId, { isvId, licenseId });
    };
    for (const command of commands) add(command);
    const activations = commands.filter((command) => command.type === "activate");
    if (activations.length > 0) {
      transaction.query(statements.lockClients, [[...new Set(activations.map(lockOf))]]);
      for (const row of await transaction.query(statements.licensesOfClients, clientColumns(activations))) {
        const place = placeOf(row);
        const isSibling = activations.some((command) => this.#areSiblings(command, place));
        if (isSibling) add(place);
      }
    }
    return [...places.values()];
  }

  #licenseOf(isvId: string, licenseId: string) {
    return this.catalog.vendor(isvId)?.licenses.get(licenseId);
  }

  #areSiblings(command: Place, place: Place): boolean {
    const license = this.#licenseOf(command.isvId, command.licenseId);
    const other = this.#licenseOf(place.isvId, place.licenseId);
    return (
      command.isvId === place.isvId &&
      license !== undefined &&
      license.product_id === other?.product_id &&
      license.customer_id === other.customer_id
    );
  }

  /** Locks, and then reads the clock and what was missed: sent in one go, answered in this order. */
  async #lock(transaction: Transaction, places: readonly Place[], patience: Patience) {
    const isSkipping = patience === "refuses" && places.length > 1;
    const known = places.map((place) => this.#licenses.get(place)).filter((each) => each !== undefined);
    const locking =
      places.length === 0 ? noRows : transaction.query(statements.lockLicenses(isSkipping), columnsOf(places));
    const reading = transaction.query(statements.readHeadAndLog, [
      ...columnsOf(known.map(({ state }) => state.terms)),
      plain(known.map(({ version }) => version)),
    ]);
    const rows = await locking;
    const [head, ...more] = await reading;
    const log = missedBy(head?.version === null ? [] : [head as Row, ...more], this.#bounds.caughtUpAtOnceMax);
    return { rows, log, asked: new Set(known), head: head as Row };
  }

  /** What this server does not know yet, and must before it decides: then the transaction is over, and tried again. */
  async #isNews(transaction: Transaction, head: Row, clock: Millis, basis: Basis): Promise<boolean> {
    const isElsewhere = head.lineage !== basis.lineage || basis.lineage !== this.#lineage;
    const isCatalogueNew = Number(head.revision) > basis.revision || basis.revision !== this.#catalogue.revision;
    const isOutageNew = this.#held === null && this.#life.isNews(head, clock);
    if (!isElsewhere && !isCatalogueNew && !isOutageNew) return false;
    await transaction.rollback();
    if (head.lineage !== this.#lineage) await this.#beginAnew(head.lineage);
    if (isCatalogueNew) await this.#catalogue.refresh();
    if (isOutageNew) await this.#life.sign();
    return true;
  }

  /** The database is another one than before, or an older copy of it: nothing that is known here can be trusted. */
  async #beginAnew(lineage: unknown): Promise<void> {
    await this.#catalogue.reload(await this.#readSettings());
    await this.#life.reload();
    this.#licenses.clear();
    this.#folding.clear();
    this.#lineage = lineage;
  }

  /**
   * The locked licences as they are now: what was known of them, and the log of what was missed. Without those that are
   * to be read first: the log does not reach back to what is known of them, or tells so much that nobody should wait for
   * it under their locks, or another lane had them when it was asked for.
   */
  #bringUp(rows: readonly Row[], log: ReadonlyMap<string, Missed>, asked: ReadonlySet<Known>) {
    const all: { readonly known: Known; readonly row: Row }[] = [];
    for (const row of rows) {
      const known = this.#licenses.get(placeOf(row));
      const missed = log.get(keyOf(placeOf(row))) ?? [];
      if (known === undefined || missed === "much") continue;
      if (catchUp(known, Number(row.version), missed)) all.push({ known, row });
      else if (asked.has(known)) this.#licenses.forget(known);
    }
    for (const { known } of all) {
      known.state.terms = this.#termsOf(known.state.terms);
      known.usedAt = performance.now();
    }
    this.#licenses.put(all.map(({ known }) => known));
    return all;
  }

  #termsOf({ isvId, licenseId }: Place) {
    const terms = this.#catalogue.directory.terms(isvId, licenseId);
    if (terms === undefined) throw new StoreFault(`licence ${licenseId} has left the catalogue`);
    return terms;
  }

  /** The transaction stands: what it came to is what is known from now on, unless the database has become another one. */
  #settle(deciding: Deciding, rows: readonly Row[], lineage: unknown): void {
    const before = new Map(rows.map((row) => [keyOf(placeOf(row)), Number(row.version)]));
    for (const known of deciding.known) {
      known.isTaken = false;
      if (lineage === this.#lineage) this.#licenses.put([known]);
      else this.#licenses.forget(known);
      if (known.version > (before.get(keyOf(known.state.terms)) ?? 0)) this.#folding.note(known.state.terms);
    }
  }

  /** The instant of a row of `readHead`. */
  #clock(head: Row): Millis {
    const now = Number(head.now);
    this.#time.note(now);
    return this.#held?.now() ?? now;
  }

  async makeGood(): Promise<void> {}

  async saveCatalog(changes: readonly EntityChange[], author = theServer): Promise<void> {
    for (let n = 0; n < limits.triesMax; n++) {
      const known = this.#lineage;
      const lineage = await this.#catalogue.save(changes, author, this.now(), known);
      if (lineage === known) return;
      if (lineage !== this.#lineage) await this.#beginAnew(lineage);
    }
    throw new StoreFault("the database is replaced faster than it can be read");
  }

  refresh(): Promise<void> {
    return this.#catalogue.refresh();
  }

  applied(isvId: string, kind: Kind, id: string) {
    return this.#catalogue.directory.applied(isvId, kind, id);
  }

  async read(isvId: string, licenseId: string): Promise<LicenseView | undefined> {
    const place = { isvId, licenseId };
    if (this.#licenseOf(isvId, licenseId) === undefined) await this.#catalogue.refresh();
    if (this.#licenseOf(isvId, licenseId) === undefined) return undefined;
    const { state } = await this.#following.current(place);
    state.terms = this.#termsOf(place);
    return state;
  }

  async licenseOfToken(isvId: string, tokenKey: string): Promise<string | undefined> {
    const rows = await this.#connections.query(licenseOfToken, [isvId, tokenKey]);
    return rows[0]?.license_id as string | undefined;
  }

  async licenseOfProject(isvId: string, projectId: string): Promise<string | undefined> {
    const rows = await this.#connections.query(licenseOfProject, [isvId, projectId]);
    return rows[0]?.license_id as string | undefined;
  }

  async licensesOfItem(isvId: string, kind: Item["kind"], key: string): Promise<string[]> {
    return licensesOfItem(this.#connections, isvId, kind, key);
  }

  async assignmentsOfClient(isvId: string, productId: string, clientId: string): Promise<KnownClient[]> {
    const rows = await this.#connections.query(assignmentsOfClient, [isvId, [clientId, fold(clientId)]]);
    return this.#clientsOf(isvId, productId, rows).filter(({ licenseId, assignment }) => {
      // A devices licence tells clients apart by their exact ids, every other one by the folded ones.
      const isExact = this.#catalogue.directory.terms(isvId, licenseId)?.clientType === "devices";
      return assignment.clientKey === (isExact ? clientId : fold(clientId));
    });
  }

  async assignmentsOfUser(isvId: string, productId: string, userId: string): Promise<KnownClient[]> {
    return this.#clientsOf(isvId, productId, await this.#connections.query(assignmentsOfUser, [isvId, fold(userId)]));
  }

  #clientsOf(isvId: string, productId: string, rows: readonly Row[]): KnownClient[] {
    return rows
      .map((row) => ({ licenseId: row.license_id as string, assignment: assignmentOf(row) }))
      .filter(({ licenseId }) => this.#licenseOf(isvId, licenseId)?.product_id === productId);
  }

  /** Takes the licences it answers with, so that of several servers one sweeps each. */
  async dueLicenses(now: Millis, limit: number, isvId: string | null): Promise<Place[]> {
    const rows = await this.#connections.write(claimDue, [now, limit, isvId, now + limits.sweepClaimMs]);
    return rows.map(placeOf).filter((place) => this.#licenseOf(place.isvId, place.licenseId) !== undefined);
  }

  liveLicenses(): Place[] {
    return [];
  }

  settledUntil(): Promise<Millis> {
    return settledUntil(this.#records, this.#held?.now() ?? null);
  }

  linesAfter(position: Position, before: Millis, limit: number) {
    return linesAfter(this.#records, position, before, limit);
  }

  counted(): Promise<CountedNow> {
    return counted(this.#records);
  }

  saveTallies(tallies: readonly Tally[], from: CountedNow, to: Counted): Promise<boolean> {
    return saveTallies(this.#records, tallies, from, to);
  }

  talliesAt(keys: readonly TallyKey[]) {
    return talliesAt(this.#records, keys);
  }

  tallyBefore(isvId: string, series: string, before: Millis) {
    return tallyBefore(this.#records, isvId, series, before);
  }

  tallies(isvId: string, series: string, from: Millis, to: Millis, limit: number) {
    return talliesOf(this.#records, { isvId, series, from, to, limit });
  }

  prune(until: Retained, limit: number): Promise<boolean> {
    return prune(this.#records, until, limit);
  }

  denials(query: DenialQuery) {
    return denialsOf(this.#records, query, this.#standingOf(query.isvId, query.licenseId ?? ""));
  }

  gathered(query: GatheredQuery) {
    return gatheredOf(this.#records, query);
  }

  history(isvId: string, licenseId: string, limit: number) {
    return historyOf(this.#records, { isvId, licenseId }, limit, this.#standingOf(isvId, licenseId));
  }

  #standingOf(isvId: string, licenseId: string): Standing {
    if (this.#licenseOf(isvId, licenseId) !== undefined) return "there";
    return this.#catalogue.directory.isGone(isvId, "license", licenseId) ? "gone" : "unknown";
  }

  events(query: EventQuery): Promise<EventPage> {
    return eventsOf(this.#records, query, this.#standingOf(query.isvId, query.licenseId));
  }

  audit(query: AuditQuery) {
    return auditOf(this.#records, query);
  }

  forget(isvId: string, names: Renames, line: AuditLine): Promise<void> {
    const { directory } = this.#catalogue;
    const licenses = [...(this.catalog.vendor(isvId)?.licenses.keys() ?? [])];
    const vendor = {
      isvId,
      deviceLicenses: licenses.filter((id) => directory.terms(isvId, id)?.clientType === "devices"),
      termsOf: (place: Place) => directory.terms(place.isvId, place.licenseId),
    };
    return forget(this.#records, vendor, names, line);
  }

  setting(name: string) {
    return this.#settings.get(name);
  }

  async saveSetting(name: string, value: string): Promise<void> {
    await this.#connections.write(saveSetting, [name, value]);
    this.#settings.set(name, value);
  }

  async keepSetting(name: string, value: string): Promise<string> {
    await this.#connections.write(keepSetting, [name, value]);
    const [row] = await this.#connections.query("SELECT value FROM seatkeeper.settings WHERE name = $1", [name]);
    const kept = row?.value as string;
    this.#settings.set(name, kept);
    return kept;
  }

  async hold(): Promise<void> {
    const from = this.now();
    await this.saveSetting(heldFromSetting, String(from));
    this.#catalogue.directory.heldFrom = from;
  }

  dump(): Promise<OpenDump> {
    return dumpOf(this.#records);
  }

  load(dump: Dump): Promise<void> {
    return loadInto(this.#connections, dump);
  }

  /** Backups are the database's own: pg_dump's, or those of whoever archives its log. */
  async backup(): Promise<null> {
    return null;
  }

  async live(): Promise<void> {
    const lineage = await this.#life.sign();
    this.#livedAt = performance.now();
    // Where nobody asks for a decision, nothing else tells that the catalogue is of another database.
    if (lineage !== this.#lineage) await this.#beginAnew(lineage);
  }

  async tidy(): Promise<void> {
    if (performance.now() - this.#livedAt >= limits.aliveIntervalMs) await this.live();
    await this.#catalogue.refresh();
    await this.#folding.rounds();
    await this.#following.keepUp();
  }

  /**
   * A probe costs a commit at most once a second, whoever asks how often. A database that cannot be written cannot
   * serve; nor can one in which the probe finds room and the last decision did not, until one does or has not been tried.
   */
  ping(): Promise<void> {
    if (this.#lack !== null && performance.now() - this.#lack.at < limits.lackMs)
      return Promise.reject(this.#lack.fault);
    if (this.#pinged === null || performance.now() - this.#pinged.at >= 1_000) {
      const values = ["pinged_at", String(this.now())];
      const result = this.#connections.write(saveSetting, values, probing).then(() => {});
      result.catch(() => {});
      this.#pinged = { at: performance.now(), result };
    }
    return this.#pinged.result;
  }

  async close(): Promise<void> {
    // What is not folded is in the log, whole: a database that is gone must not keep the server from stopping.
    await this.#folding.all().catch(() => {});
    await Promise.all([this.#connections.close(), this.#records.close()]);
  }
}

/** PostgreSQL ends the wait for another probe's row by itself, before the probe is given up. */
const probing = { lockMs: limits.pingLockMs, answerMs: limits.pingMs, commitMs: limits.pingMs };

/** For a look at the time alone. */
const noLicenses: AuditedLicenses = {
  license: () => undefined,
  siblings: () => [],
  apply() {},
  record() {},
  gather() {},
  audit() {},
};

const licenseOfToken = "SELECT license_id FROM seatkeeper.assignments WHERE isv_id = $1 AND token_key = $2 LIMIT 1";
const licenseOfProject = "SELECT license_id FROM seatkeeper.projects WHERE isv_id = $1 AND id = $2 LIMIT 1";
const assignments = "SELECT license_id, client_key, token_key, body FROM seatkeeper.assignments";
const assignmentsOfClient = `${assignments} WHERE isv_id = $1 AND client_key = ANY ($2::text[])`;
/** A user who is also the client's name stands in no column of their own: one index less for nearly every new client. */
const assignmentsOfUser = `
  ${assignments} WHERE isv_id = $1 AND (user_key = $2 OR (client_key = $2 AND user_key IS NULL AND body ->> 'userId' IS NOT NULL))`;
const claimDue = `
  UPDATE seatkeeper.licenses AS l SET swept_to = $4
  FROM (SELECT isv_id, license_id FROM seatkeeper.licenses
    WHERE look_at <= $1 AND coalesce(swept_to, 0) <= $1 AND ($3::uuid IS NULL OR isv_id = $3)
    ORDER BY look_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) AS d
  WHERE l.isv_id = d.isv_id AND l.license_id = d.license_id
  RETURNING l.isv_id, l.license_id`;
const saveSetting = `
  INSERT INTO seatkeeper.settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const keepSetting = "INSERT INTO seatkeeper.settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/** What a licence has missed; much: more than is worked on in one turn of the event loop. */
type Missed = readonly Row[] | "much";

function missedBy(rows: readonly Row[], atOnceMax: number): Map<string, Missed> {
  const log = Map.groupBy(rows, (row) => keyOf(placeOf(row)));
  const lengthOf = (some: readonly Row[]) => some.reduce((sum, { changes }) => sum + (changes as string).length, 0);
  return new Map([...log].map(([key, some]) => [key, lengthOf(some) > atOnceMax ? "much" : some] as const));
}

function named(commands: readonly Command[]): Place[] {
  return commands.map(({ isvId, licenseId }) => ({ isvId, licenseId }));
}

/** The places of which the rows have none. */
function missing(places: readonly Place[], rows: readonly Row[]): Place[] {
  if (rows.length === places.length) return [];
  const found = new Set(rows.map((row) => keyOf(placeOf(row))));
  return places.filter((place) => !found.has(keyOf(place)));
}

/** The number of the lock under which a client is activated: on all licences of a vendor, as its siblings may be any. */
function lockOf({ isvId, clientId }: ActivateCommand): bigint {
  return BigInt.asIntN(64, BigInt(`0x${hash("sha256", isvId + fold(clientId), "hex").slice(0, 16)}`));
}

function clientColumns(activations: readonly ActivateCommand[]): unknown[] {
  const keys = activations.flatMap(({ isvId, clientId }) => [
    [isvId, clientId],
    [isvId, fold(clientId)],
  ]);
  return [keys.map(([isvId]) => isvId), keys.map(([, key]) => key)];
}
