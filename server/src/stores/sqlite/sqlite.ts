/**
 * The store on one SQLite file. This process is the file's sole owner: the licences in memory decide, and the file has
 * every change before anybody hears of it.
 */

import { setImmediate } from "node:timers/promises";
import { SqliteError } from "better-sqlite3";
import type { Tally } from "../../analytics/tally.ts";
import { type AuditLine, theServer } from "../../catalog/audit.ts";
import type { EntityChange, Kind } from "../../catalog/entities.ts";
import { type Clock, processClock } from "../../clock.ts";
import type { Entry } from "../../core/heap.ts";
import { outageNoticedMs } from "../../core/limits.ts";
import type { LicenseState } from "../../core/state.ts";
import type { Change, Command, Item, Millis } from "../../core/types.ts";
import { Book } from "../book.ts";
import type { Renames } from "../forgetting.ts";
import {
  type AuditQuery,
  type Backup,
  countedUntilSetting,
  type DenialQuery,
  type Dump,
  type EventPage,
  type EventQuery,
  type GatheredQuery,
  heldFromOf,
  heldFromSetting,
  type OpenDump,
  type Position,
  type Retained,
  type Store,
  StoreFault,
  StoreNotEmpty,
  type TallyKey,
  type Work,
} from "../store.ts";
import { AuditRows } from "./audit.ts";
import { openFile } from "./file.ts";
import { GatheredNames } from "./gathered-names.ts";
import { HistoryNames } from "./history-names.ts";
import { ItemRows } from "./items.ts";
import { Loading } from "./loading.ts";
import { Numbers } from "./numbers.ts";
import { aliveAt, Rows } from "./rows.ts";
import { SessionRows } from "./sessions.ts";
import { backupOf, dumpOf, removeSnapshots } from "./snapshot.ts";
import { TallyRows } from "./tallies.ts";

export function openSqliteStore(path: string, clock: Clock = processClock()): Store {
  return new SqliteStore(path, clock);
}

class SqliteStore implements Store {
  readonly lastInstant: Millis | null;
  /** What is decided stands in memory before it is on disk: one at a time. */
  readonly lanes = 1;
  readonly #db;
  readonly #rows: Rows;
  readonly #sessions: SessionRows;
  readonly #tallies: TallyRows;
  readonly #items: ItemRows;
  readonly #audit: AuditRows;
  readonly #book = new Book();
  readonly #numbers = new Numbers();
  readonly #settings = new Map<string, string>();
  readonly #clock: Clock;
  /** The latest instant told. */
  #latest: Millis;
  #pingedAt = Number.NEGATIVE_INFINITY;
  #pingFault: StoreFault | null = null;

  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    this.#db = openFile(path);
    removeSnapshots(this.#db.name);
    this.#rows = new Rows(this.#db);
    this.#sessions = new SessionRows(this.#rows);
    this.#tallies = new TallyRows(this.#db);
    this.#audit = new AuditRows(this.#db);
    this.#items = new ItemRows(this.#db);
    const latest = this.#load();
    this.lastInstant = latest === 0 ? null : latest;
    this.#latest = latest - clock.now() > outageNoticedMs ? 0 : latest;
  }

  get catalog() {
    return this.#book.catalog;
  }

  #load(): Millis {
    const stored = this.#rows.entities();
    this.#book.putEntities(stored.map(({ entity }) => entity));
    const licenses = new Map<number, LicenseState>();
    for (const { no, entity } of stored) {
      this.#numbers.set(entity.isvId, entity.kind, entity.id, no);
      const license = entity.kind === "license" ? this.#book.license(entity.isvId, entity.id) : undefined;
      if (license !== undefined) licenses.set(no, license);
    }
    for (const { name, value } of this.#rows.settings()) this.#settings.set(name, value);
    this.#book.hold(heldFromOf(this.#settings.get(heldFromSetting)));
    const licenseOf = (no: number) => licenses.get(no) as LicenseState;
    for (const { licenseNo, assignment } of this.#rows.assignments()) {
      const license = licenseOf(licenseNo);
      license.putAssignment(assignment);
      this.#book.index(license, assignment, undefined);
    }
    // Projects before the sessions that attend them: a token is counted by its project's kind.
    for (const { licenseNo, project } of this.#rows.projects()) {
      licenseOf(licenseNo).putProject(project);
      this.#book.indexProject(licenseOf(licenseNo), project.id);
    }
    for (const { licenseNo, item } of this.#items.all()) this.#book.putItem(licenseOf(licenseNo), item);
    for (const { licenseNo, checkIns } of this.#rows.checkIns()) licenseOf(licenseNo).checkIns = checkIns;
    const latest = this.#sessions.load(licenseOf, (write) => this.#commit(write));
    return Math.max(latest, this.#rows.latestLine(), Number(this.#settings.get(aliveAt) ?? 0));
  }

  now(): Millis {
    this.#latest = Math.max(this.#latest, this.#clock.now());
    return this.#latest;
  }

  async transact<T>(_commands: readonly Command[], work: Work<T>): Promise<T> {
    const book = this.#book;
    try {
      const result = work(book, this.now(), []);
      if (book.done.length > 0 || book.lines.length > 0 || book.gathered.length > 0) {
        this.#commit(() => this.#save());
        this.#sessions.committed();
      }
      book.keep();
      return result;
    } catch (error) {
      book.undo();
      throw error;
    }
  }

  /** Each session is written once, however often the batch extended it. */
  #save(): void {
    const { done, lines, gathered } = this.#book;
    const licenses = new Map<Entry, LicenseState>();
    for (const { license, change, entry } of done) {
      if (entry === undefined) this.#saveOther(this.#licenseNumber(license), change);
      else licenses.set(entry, license);
    }
    this.#sessions.save(licenses.keys(), (entry) => {
      const license = licenses.get(entry) as LicenseState;
      return { no: this.#licenseNumber(license), terms: license.terms };
    });
    const numbered = lines.map((line) => ({
      line,
      isvNo: this.#numbers.ofVendor(line.isvId),
      licenseNo: this.#numbers.of(line.isvId, "license", line.licenseId),
    }));
    this.#rows.saveHistory(numbered);
    this.#saveGathered(gathered);
  }

  #saveGathered(gathered: Book["gathered"]): void {
    for (const value of gathered) {
      const isvNo = this.#numbers.ofVendor(value.isvId);
      const licenseNo = this.#numbers.of(value.isvId, "license", value.licenseId) as number;
      this.#items.gather(value, isvNo, licenseNo);
    }
  }

  #saveOther(licenseNo: number, change: Change): void {
    if (change.type === "assignment") this.#rows.saveAssignment(licenseNo, change.assignment);
    if (change.type === "project") this.#rows.saveProject(licenseNo, change.project);
    if (change.type === "check-ins") this.#rows.saveCheckIns(licenseNo, change.checkIns);
    if (change.type === "project.gone") this.#rows.deleteProject(licenseNo, change.id);
    if (change.type === "item") this.#items.put(licenseNo, change.item);
    if (change.type === "item.gone") this.#items.delete(licenseNo, change.kind, change.key);
  }

  #licenseNumber({ terms }: LicenseState): number {
    return this.#numbers.of(terms.isvId, "license", terms.licenseId) as number;
  }

  /** Runs `write` in a transaction of its own; whatever goes wrong is a `StoreFault`, and the file is as before. */
  #commit(write: () => void): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      write();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.open && this.#db.inTransaction) this.#db.exec("ROLLBACK");
      throw new StoreFault(`SQLite did not commit: ${(error as Error).message}`, { cause: error });
    }
  }

  async saveCatalog(changes: readonly EntityChange[], author = theServer): Promise<void> {
    this.#book.checkEntities(changes);
    const lines = this.#book.auditLines(changes, author, this.now());
    const numbers: number[] = [];
    this.#commit(() => {
      for (const change of changes) numbers.push(this.#saveEntity(change));
      for (const line of lines) this.#audit.save(line);
    });
    changes.forEach(({ isvId, kind, id }, n) => {
      this.#numbers.set(isvId, kind, id, numbers[n] as number);
    });
    this.#book.putEntities(changes);
  }

  async tidy(): Promise<void> {
    const round = this.#sessions.newRound();
    while (this.#db.open && this.#sessions.fold(round, (write) => this.#commit(write))) await setImmediate();
  }

  #saveEntity(change: EntityChange): number {
    const { isvId, kind, id, body } = change;
    const no = this.#rows.saveEntity(change);
    if (kind === "license" && body === null) this.#rows.emptyLicense(no);
    const isvNo = this.#numbers.of(isvId, "isv", isvId);
    const isNewLicense = kind === "license" && this.#numbers.of(isvId, kind, id) === undefined;
    if (isNewLicense && isvNo !== undefined) this.#rows.adoptDenials(isvNo, no, id);
    return no;
  }

  async refresh(): Promise<void> {}

  applied(isvId: string, kind: Kind, id: string) {
    return this.#book.applied(isvId, kind, id);
  }

  async read(isvId: string, licenseId: string) {
    return this.#book.license(isvId, licenseId);
  }

  async licenseOfToken(isvId: string, tokenKey: string) {
    return this.#book.licenseOfToken(isvId, tokenKey);
  }

  async licenseOfProject(isvId: string, projectId: string) {
    return this.#book.licenseOfProject(isvId, projectId);
  }

  async licensesOfItem(isvId: string, kind: Item["kind"], key: string) {
    return this.#book.licensesOfItem(isvId, kind, key);
  }

  async assignmentsOfClient(isvId: string, productId: string, clientId: string) {
    return this.#book.assignmentsOfClient(isvId, productId, clientId);
  }

  async assignmentsOfUser(isvId: string, productId: string, userId: string) {
    return this.#book.assignmentsOfUser(isvId, productId, userId);
  }

  async dueLicenses(now: Millis, limit: number, isvId: string | null) {
    return this.#book.dueLicenses(now, limit, isvId);
  }

  async settledUntil(): Promise<Millis> {
    return Math.min(this.now(), this.#book.earliestDue());
  }

  async linesBetween(from: Millis, to: Millis, limit: number) {
    return this.#rows.history("at >= ? AND at < ?", [from, to], "ASC", limit, 0, "at, no");
  }

  async linesAfter({ at, no }: Position, before: Millis, limit: number) {
    const where = "(at, no) > (?, ?) AND at < ?";
    return this.#rows.numberedHistory(where, [at, no, before], "ASC", limit, 0, "at, no");
  }

  async countedUntil(): Promise<Millis> {
    return Number(this.#settings.get(countedUntilSetting) ?? 0);
  }

  async saveTallies(tallies: readonly Tally[], from: Millis, to: Millis): Promise<boolean> {
    if ((await this.countedUntil()) !== from) return false;
    this.#commit(() => {
      for (const tally of tallies) this.#tallies.put(tally);
      this.#rows.saveSetting(countedUntilSetting, String(to));
    });
    this.#settings.set(countedUntilSetting, String(to));
    return true;
  }

  async talliesAt(keys: readonly TallyKey[]) {
    return keys.map((key) => this.#tallies.at(key));
  }

  async tallyBefore(isvId: string, series: string, before: Millis) {
    return this.#tallies.before(isvId, series, before);
  }

  async tallies(isvId: string, series: string, from: Millis, to: Millis, limit: number) {
    return this.#tallies.range(isvId, series, from, to, limit);
  }

  async prune(until: Retained, limit: number): Promise<boolean> {
    let hasMore = false;
    this.#commit(() => {
      const hasMoreGathered = this.#items.prune(until.gathered, limit);
      hasMore = this.#tallies.prune(until, limit) || hasMoreGathered;
    });
    return hasMore;
  }

  liveLicenses() {
    return this.#book.liveLicenses();
  }

  async denials(query: DenialQuery) {
    const isvNo = this.#numbers.ofVendor(query.isvId);
    const where = ["denial IS NOT NULL", "isv_no = ?"];
    const parameters: (string | number)[] = [isvNo];
    if (query.licenseId !== null) {
      const [condition, value] = this.#ofLicense(query.isvId, query.licenseId);
      // A client's denials are few: they are found by the client, and not by its licence (which the plus is for).
      where.push(query.clientId === null ? condition : condition.replaceAll("license_", "+license_"));
      parameters.push(value);
    }
    for (const [condition, value] of [
      ["client_id = ?", query.clientId],
      ["denial = ?", query.code],
      ["at >= ?", query.from],
      ["at < ?", query.to],
    ] as const) {
      if (value === null) continue;
      where.push(condition);
      parameters.push(value);
    }
    return this.#rows.pageOfHistory(where.join(" AND "), parameters, query);
  }

  async gathered(query: GatheredQuery) {
    const no = (kind: "isv" | "license", id: string) => this.#numbers.of(query.isvId, kind, id) ?? 0;
    const conditions = [
      ["g.isv_no = ?", no("isv", query.isvId)],
      ["g.license_no = ?", query.licenseId === null ? null : no("license", query.licenseId)],
      ["g.kind = ?", query.kind],
      ["g.client_id = ?", query.clientId],
      ["g.subject_id = ?", query.subjectId],
      ["g.at >= ?", query.from],
      ["g.at < ?", query.to],
    ] as const;
    const asked = conditions.filter(([, value]) => value !== null);
    const values = asked.map(([, value]) => value as string | number);
    return this.#items.gathered(asked.map(([where]) => where).join(" AND "), values, query.limit, query.offset);
  }

  async history(isvId: string, licenseId: string, limit: number) {
    const isvNo = this.#numbers.ofVendor(isvId);
    const [condition, value] = this.#ofLicense(isvId, licenseId);
    return this.#rows.history(`isv_no = ? AND ${condition}`, [isvNo, value], "ASC", limit);
  }

  /** A licence's lines of history: by its number, or by the id that somebody asked for where there is no such licence. */
  #ofLicense(isvId: string, licenseId: string): [string, number | string] {
    const no = this.#numbers.of(isvId, "license", licenseId);
    return no === undefined
      ? ["license_no IS NULL AND license_id = ?", licenseId]
      : ["license_no = ? AND license_id IS NULL", no];
  }

  async events({ isvId, licenseId, before, limit }: EventQuery): Promise<EventPage> {
    const isvNo = this.#numbers.ofVendor(isvId);
    const [ofLicense, value] = this.#ofLicense(isvId, licenseId);
    return this.#rows.historyBefore(before, `isv_no = ? AND ${ofLicense}`, [isvNo, value], limit);
  }

  async saveAudit(line: AuditLine): Promise<void> {
    this.#commit(() => this.#audit.save(line));
  }

  async audit(query: AuditQuery) {
    return this.#audit.page(query);
  }

  /** History first, a slice at a time so that nobody waits long; what came meanwhile goes with the clients. */
  async forget(isvId: string, names: Renames, line: AuditLine): Promise<void> {
    this.#book.renamings(isvId, names);
    const isvNo = this.#numbers.ofVendor(isvId);
    const devices = [...this.#book.licenses()].filter(
      ({ terms }) => terms.isvId === isvId && terms.clientType === "devices",
    );
    const machines = new Set(devices.map((each) => this.#licenseNumber(each)));
    const history = new HistoryNames(this.#db, isvNo, machines, names);
    const told = new GatheredNames(this.#db, isvNo, machines, names);
    while (history.isBehind || told.isBehind) {
      this.#commit(() => {
        history.renameSlice();
        told.forgetSlice();
      });
      await setImmediate();
    }
    const renamings = this.#book.renamings(isvId, names);
    this.#commit(() => {
      while (history.isBehind) history.renameSlice();
      while (told.isBehind) told.forgetSlice();
      for (const [license, { before, after, dropped, users, consumptions }] of renamings) {
        const no = this.#licenseNumber(license);
        for (const { clientKey } of before) this.#rows.deleteAssignment(no, clientKey);
        for (const assignment of after) this.#rows.saveAssignment(no, assignment);
        for (const { id } of dropped) this.#rows.deleteSessionOf(no, id);
        for (const { kind, key } of users) this.#items.delete(no, kind, key);
        for (const consumption of consumptions) this.#items.put(no, consumption);
      }
      this.#tallies.rename(isvId, names);
      this.#audit.save(line);
    });
    this.#book.rename(renamings);
  }

  setting(name: string) {
    return this.#settings.get(name);
  }

  async saveSetting(name: string, value: string): Promise<void> {
    this.#commit(() => this.#rows.saveSetting(name, value));
    this.#settings.set(name, value);
  }

  async keepSetting(name: string, value: string): Promise<string> {
    const known = this.#settings.get(name);
    if (known === undefined) await this.saveSetting(name, value);
    return known ?? value;
  }

  async hold(): Promise<void> {
    const from = this.now();
    await this.saveSetting(heldFromSetting, String(from));
    this.#book.hold(from);
  }

  dump(): Promise<OpenDump> {
    return dumpOf(this.#db);
  }

  async load(dump: Dump): Promise<void> {
    if (!this.#numbers.isEmpty) throw new StoreNotEmpty();
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const loading = new Loading(this.#rows, this.#tallies, this.#audit, this.#items);
      for await (const line of dump.lines) loading.put(line);
      if (dump.aliveAt !== null) this.#rows.saveSetting(aliveAt, String(dump.aliveAt));
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
      if (!(error instanceof SqliteError)) throw error;
      throw new StoreFault(`SQLite: ${error.message}`, { cause: error });
    }
  }

  backup(): Promise<Backup> {
    return backupOf(this.#db);
  }

  live(): Promise<void> {
    return this.saveSetting(aliveAt, String(this.now()));
  }

  /** A probe costs a commit at most once a second, whoever asks how often. */
  async ping(): Promise<void> {
    if (performance.now() - this.#pingedAt >= 1_000) {
      this.#pingedAt = performance.now();
      this.#pingFault = null;
      try {
        this.#commit(() => this.#rows.saveSetting("pinged_at", String(this.now())));
      } catch (error) {
        this.#pingFault = error as StoreFault;
      }
    }
    if (this.#pingFault !== null) throw this.#pingFault;
  }

  async close(): Promise<void> {
    if (!this.#db.open) return;
    try {
      this.#db.pragma("wal_checkpoint(TRUNCATE)");
    } catch {
      // On a full disk the log stays beside the file, whole; the next start reads it.
    } finally {
      this.#db.close();
    }
  }
}
