/**
 * The store on one SQLite file. This process is the file's sole owner: the licences in memory decide, and the file has
 * every change before anybody hears of it.
 */
import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { Tally } from "../../analytics/tally.ts";
import { type AuditLine, theServer } from "../../catalog/audit.ts";
import type { EntityChange, Kind } from "../../catalog/entities.ts";
import { type Clock, processClock } from "../../clock.ts";
import { outageNoticedMs } from "../../core/limits.ts";
import type { LicenseState } from "../../core/state.ts";
import type { Licenses } from "../../core/step.ts";
import type { Command, HistoryRecord, Item, Millis } from "../../core/types.ts";
import { Turns } from "../../turns.ts";
import type { Book } from "../book.ts";
import type { Renames } from "../forgetting.ts";
import type { NameSearch } from "../name-search.ts";
import {
  type AuditQuery,
  type Backup,
  type Counted,
  type CountedNow,
  countedOf,
  countedSetting,
  countedText,
  type DenialQuery,
  type Dump,
  type DumpLine,
  type EventPage,
  type EventQuery,
  type GatheredQuery,
  heldFromSetting,
  isSameCount,
  type OpenDump,
  type Position,
  type Retained,
  type Store,
  type StoreFault,
  StoreNotEmpty,
  type TallyKey,
  type Work,
} from "../store.ts";
import { type Access, accessHere, accessInThread } from "./access.ts";
import { markOf, refusal } from "./file.ts";
import type { Numbers } from "./numbers.ts";
import { commitsProbed, Pace } from "./pace.ts";
import { aliveAt, type HistoryValues, historyValues } from "./rows.ts";
import type { ChangedSession, SessionRows } from "./sessions.ts";
import { backupOf, dumpOf, removeSnapshots } from "./snapshot.ts";
import { State } from "./state.ts";
import { type Batch, type Forgotten, type OtherChange, Tables } from "./tables.ts";

/**
 * Opens the file and works on it on this thread, which stands still while the disk works.
 * @throws DatabaseRefused where the file is in use, or cannot be used.
 */
export function openSqliteStore(path: string, clock: Clock = processClock()): Store {
  return openHere(path, clock);
}

function openHere(path: string, clock: Clock): SqliteStore {
  const tables = new Tables(path);
  try {
    removeSnapshots(tables.path);
    return new SqliteStore(new State(tables), accessHere(tables), clock, tables.path);
  } catch (error) {
    tables.close();
    throw refusal(error, tables.path);
  }
}

/**
 * The same with the file in a thread of its own: requests are read and answered while the disk works.
 * @throws DatabaseRefused
 */
export async function openSqliteStoreInThread(path: string, clock: Clock = processClock()): Promise<Store> {
  const store = openHere(path, clock);
  await store.moveToThread();
  return store;
}

/**
 * As servers have it: here as long as the disk is fast, in a thread as soon as it proves slow.
 * @throws DatabaseRefused
 */
export async function openSqliteStoreByPace(path: string, clock: Clock = processClock()): Promise<Store> {
  const store = openHere(path, clock);
  try {
    await store.keepPace();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Undefined: there is no such file. */
function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** Changes that a part of a long transaction waits for: where licences are many and small, a part of each would be as much again. */
const changesPerPart = 1_000;

/** Lines of a dump that one transaction takes in one go: a little work for the other thread. */
const linesLoadedAtATime = 1_000;

class SqliteStore implements Store {
  readonly lost: Promise<Error>;
  #lose: (error: Error) => void = () => {};
  readonly lastInstant: Millis | null;
  /** What is decided stands in memory before it is on disk: one at a time. */
  readonly lanes = 1;
  readonly #book: Book;
  readonly #numbers: Numbers;
  readonly #settings: Map<string, string>;
  readonly #sessions: SessionRows;
  #file: Access;
  readonly #path: string;
  readonly #inode: bigint;
  /** How fast the disk is; null: nobody asks, or it has been answered. */
  #pace: Pace | null = null;
  /** Copies that are being made: each keeps the file where it is. */
  #copies = 0;
  /** For whatever changes licences and file: memory is ahead of the file then, and nobody may look. */
  readonly #turns = new Turns();
  /** Since the start: nobody remembers tallies of before. */
  #forgettings = 0;
  readonly #clock: Clock;
  /** The latest instant told. */
  #latest: Millis;
  #isClosed = false;
  #pingedAt = Number.NEGATIVE_INFINITY;
  #pingFault: StoreFault | null = null;

  constructor({ book, numbers, settings, sessions, latest }: State, file: Access, clock: Clock, path: string) {
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#book = book;
    this.#numbers = numbers;
    this.#settings = settings;
    this.#sessions = sessions;
    this.#file = file;
    this.#path = path;
    this.#inode = inodeOf(path) as bigint;
    this.#clock = clock;
    this.lastInstant = latest === 0 ? null : latest;
    this.#latest = latest - clock.now() > outageNoticedMs ? 0 : latest;
  }

  get catalog() {
    return this.#book.catalog;
  }

  now(): Millis {
    this.#latest = Math.max(this.#latest, this.#clock.now());
    return this.#latest;
  }

  transact<T>(_commands: readonly Command[], work: Work<T>): Promise<T> {
    return this.#turns.take(async () => {
      const book = this.#book;
      try {
        const result = work(book, this.now(), []);
        if ([book.done, book.lines, book.gathered, book.audited].some(({ length }) => length > 0)) {
          await this.#file.ask("save", this.#batch());
          this.#sessions.committed();
        }
        book.keep();
        return result;
      } catch (error) {
        book.undo();
        throw error;
      }
    });
  }

  /**
   * In parts, so that memory need not hold what becomes of a million sessions. Rows are brought up at once: the log of extends,
   * which the start has folded, would become as long as they are.
   */
  makeGood(work: (licenses: Licenses, now: Millis) => Iterable<unknown>): Promise<void> {
    return this.#turns.take(async () => {
      const book = this.#book;
      const keepPart = async () => {
        await this.#file.ask("savePart", this.#batch(true));
        book.keep();
      };
      await this.#file.ask("begin");
      try {
        for (const _ of work(book, this.now())) {
          if (book.done.length + book.lines.length >= changesPerPart) await keepPart();
        }
        await keepPart();
        await this.#file.ask("commit");
      } catch (error) {
        await this.#file.ask("rollBack");
        throw error;
      }
    });
  }

  /** Each session is written once, however often the batch extended it. */
  #batch(isAtOnce = false): Batch {
    const { done, lines, gathered, audited } = this.#book;
    const changed = new Map<number, ChangedSession>();
    const others: [number, OtherChange][] = [];
    for (const { license, change, slot } of done) {
      if (change.type !== "session" && change.type !== "session.gone") {
        others.push([this.#licenseNumber(license), change]);
      } else if (slot !== 0) {
        changed.set(slot, { license, session: change.type === "session" ? change.session : null });
      }
    }
    const sessions = this.#sessions.writesOf(changed, (license) => this.#licenseNumber(license), isAtOnce);
    return {
      sessions,
      others,
      history: this.#historyOf(lines),
      gathered: gathered.map((value) => {
        const { isvNo, licenseNo } = this.#numbers.ofPlace(value);
        return [value, isvNo, licenseNo as number] as const;
      }),
      audited,
    };
  }

  #historyOf(lines: readonly HistoryRecord[]): HistoryValues[] {
    return lines.map((line) => historyValues(line, this.#numbers.ofPlace(line)));
  }

  #licenseNumber({ terms }: LicenseState): number {
    return this.#numbers.of(terms.isvId, "license", terms.licenseId) as number;
  }

  saveCatalog(changes: readonly EntityChange[], author = theServer): Promise<void> {
    return this.#turns.take(async () => {
      this.#book.checkEntities(changes);
      const now = this.now();
      const lines = this.#book.auditLines(changes, author, now);
      const history = this.#historyOf(this.#book.linesOfGone(changes, now));
      const numbered = changes.map((change) => ({ change, adoptsFor: this.#adopts(change) }));
      const numbers = await this.#file.ask("saveEntities", numbered, lines, history);
      changes.forEach(({ isvId, kind, id }, n) => {
        this.#numbers.set(isvId, kind, id, numbers[n] as number);
      });
      this.#book.putEntities(changes);
    });
  }

  /** The vendor's number, where it makes a licence that may have been asked for before it was there. */
  #adopts({ isvId, kind, id }: EntityChange): number | null {
    const isNew = kind === "license" && this.#numbers.of(isvId, kind, id) === undefined;
    return isNew ? (this.#numbers.of(isvId, "isv", isvId) ?? null) : null;
  }

  async tidy(): Promise<void> {
    const round = this.#sessions.newRound();
    const fold = async () => !this.#isClosed && (await this.#sessions.fold(round, this.#file));
    while (await this.#turns.take(fold)) await setImmediate();
  }

  async refresh(): Promise<void> {}

  applied(isvId: string, kind: Kind, id: string) {
    return this.#book.applied(isvId, kind, id);
  }

  async read(isvId: string, licenseId: string) {
    await this.#turns.over();
    return this.#book.license(isvId, licenseId);
  }

  async licenseOfToken(isvId: string, tokenKey: string) {
    await this.#turns.over();
    return this.#book.licenseOfToken(isvId, tokenKey);
  }

  async licenseOfProject(isvId: string, projectId: string) {
    await this.#turns.over();
    return this.#book.licenseOfProject(isvId, projectId);
  }

  async licensesOfItem(isvId: string, kind: Item["kind"], key: string) {
    await this.#turns.over();
    return this.#book.licensesOfItem(isvId, kind, key);
  }

  async assignmentsOfClient(isvId: string, productId: string, clientId: string) {
    await this.#turns.over();
    return this.#book.assignmentsOfClient(isvId, productId, clientId);
  }

  async assignmentsOfUser(isvId: string, productId: string, userId: string) {
    await this.#turns.over();
    return this.#book.assignmentsOfUser(isvId, productId, userId);
  }

  async dueLicenses(now: Millis, limit: number, isvId: string | null) {
    await this.#turns.over();
    return this.#book.dueLicenses(now, limit, isvId);
  }

  async settledUntil(): Promise<Millis> {
    await this.#turns.over();
    return Math.min(this.now(), this.#book.earliestEnd());
  }

  /** An instant's own lines first: asked for both at once, SQLite goes through all of them each time. */
  async linesAfter({ at, no }: Position, before: Millis, limit: number) {
    const own = await this.#file.ask("lines", "at = ? AND no > ? AND at < ?", [at, no, before], "ASC", limit, 0, "no");
    if (own.length === limit) return own;
    const later = this.#file.ask("lines", "at > ? AND at < ?", [at, before], "ASC", limit - own.length, 0, "at, no");
    return [...own, ...(await later)];
  }

  async counted(): Promise<CountedNow> {
    return { ...countedOf(this.#settings.get(countedSetting)), forgettings: this.#forgettings };
  }

  saveTallies(tallies: readonly Tally[], from: CountedNow, to: Counted): Promise<boolean> {
    return this.#turns.take(async () => {
      if (!isSameCount(await this.counted(), from)) return false;
      await this.#file.ask("saveTallies", tallies, to);
      this.#settings.set(countedSetting, countedText(to));
      return true;
    });
  }

  talliesAt(keys: readonly TallyKey[]) {
    return this.#file.ask("talliesAt", keys);
  }

  tallyBefore(isvId: string, series: string, before: Millis) {
    return this.#file.ask("tallyBefore", isvId, series, before);
  }

  async tallies(isvId: string, series: string, from: Millis, to: Millis, limit: number): Promise<Tally[]> {
    const rows = await this.#file.ask("tallies", isvId, series, from, to, limit);
    return rows.map(([start, part, body]) => ({ isvId, series, start, part, body: JSON.parse(body) }));
  }

  prune(until: Retained, limit: number): Promise<boolean> {
    return this.#file.ask("prune", until, limit);
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
      where.push(condition);
      parameters.push(value);
    }
    for (const [condition, value] of [
      ["client_id = ?", query.clientId],
      ["coalesce(user_id, client_id) = ?", query.userId],
      ["denial = ?", query.code],
      ["at >= ?", query.from],
      ["at < ?", query.to],
    ] as const) {
      if (value === null) continue;
      where.push(condition);
      parameters.push(value);
    }
    return this.#file.ask("denials", where.join(" AND "), parameters, query.limit, query.offset);
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
    return this.#file.ask("gathered", asked.map(([where]) => where).join(" AND "), values, query.limit, query.offset);
  }

  async history(isvId: string, licenseId: string, limit: number) {
    const isvNo = this.#numbers.ofVendor(isvId);
    const [condition, value] = this.#ofLicense(isvId, licenseId);
    const lines = await this.#file.ask("lines", `isv_no = ? AND ${condition}`, [isvNo, value], "ASC", limit, 0, "no");
    return lines.map(({ line }) => line);
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
    return this.#file.ask("linesBefore", before, `isv_no = ? AND ${ofLicense}`, [isvNo, value], limit);
  }

  audit(query: AuditQuery) {
    return this.#file.ask("audit", query);
  }

  /** Licences and history a slice at a time, so that nobody waits long; what came meanwhile goes with the clients. */
  async forget(isvId: string, names: Renames, line: AuditLine): Promise<void> {
    await this.#turns.over();
    const search = this.#book.beginSearch(isvId, names);
    try {
      for (const _ of search.through(this.#book.licenses())) await setImmediate();
      await this.#turns.over();
      this.#book.renamings(search);
      await this.#forget(isvId, names, line, search);
    } finally {
      this.#book.endSearch(search);
    }
  }

  async #forget(isvId: string, names: Renames, line: AuditLine, search: NameSearch): Promise<void> {
    const devices = [...this.#book.licenses()].filter(
      ({ terms }) => terms.isvId === isvId && terms.clientType === "devices",
    );
    const machines = new Set(devices.map((each) => this.#licenseNumber(each)));
    const what = { isvNo: this.#numbers.ofVendor(isvId), machines, names };
    let done: Forgotten = { historyTo: 0, toldTo: null };
    for (let next: Forgotten | null = done; next !== null; next = await this.#file.ask("forgetSlice", what, done)) {
      done = next;
      await setImmediate();
    }
    await this.#turns.take(async () => {
      const renamings = this.#book.renamings(search);
      const rows = [...renamings].map(([license, renaming]) => ({
        licenseNo: this.#licenseNumber(license),
        ...renaming,
        dropped: this.#sessions.rowsOf(license, renaming.dropped),
      }));
      this.#forgettings++;
      await this.#file.ask("forget", what, done, isvId, rows, line);
      this.#book.rename(renamings);
    });
  }

  setting(name: string) {
    return this.#settings.get(name);
  }

  async saveSetting(name: string, value: string): Promise<void> {
    await this.#file.ask("saveSetting", name, value);
    this.#settings.set(name, value);
  }

  keepSetting(name: string, value: string): Promise<string> {
    return this.#turns.take(async () => {
      const known = this.#settings.get(name);
      if (known === undefined) await this.saveSetting(name, value);
      return known ?? value;
    });
  }

  async hold(): Promise<void> {
    await this.#turns.take(async () => {
      const from = this.now();
      await this.saveSetting(heldFromSetting, String(from));
      this.#book.hold(from);
    });
  }

  async dump(): Promise<OpenDump> {
    return dumpOf(await this.#copy(), this.#path);
  }

  async #copy(): Promise<string> {
    this.#copies++;
    try {
      return await this.#file.ask("snapshot");
    } finally {
      this.#copies--;
    }
  }

  async load(dump: Dump): Promise<void> {
    if (!this.#numbers.isEmpty) throw new StoreNotEmpty();
    await this.#file.ask("beginLoad");
    try {
      let lines: DumpLine[] = [];
      for await (const line of dump.lines) {
        lines.push(line);
        if (lines.length < linesLoadedAtATime) continue;
        await this.#file.ask("loadLines", lines);
        lines = [];
      }
      await this.#file.ask("loadLines", lines);
      await this.#file.ask("endLoad", dump.aliveAt);
    } catch (error) {
      await this.#file.ask("abortLoad");
      throw error;
    }
  }

  async backup(): Promise<Backup> {
    return backupOf(await this.#copy());
  }

  /**
   * The sign of life is the smallest commit that there is: by it the disk is measured. A file that has been moved, deleted or replaced
   * takes commits as ever, and no start would find them.
   */
  async live(): Promise<void> {
    await this.#turns.over();
    const started = performance.now();
    await this.saveSetting(aliveAt, String(this.now()));
    const commitMs = performance.now() - started;
    if (inodeOf(this.#path) !== this.#inode) {
      this.#lose(new Error(`${this.#path} is not the file any more that this process writes into.`));
    }
    await this.#paced(commitMs);
  }

  /** From now on the file moves to a thread as soon as the disk proves slow: at once, if it is. */
  async keepPace(): Promise<void> {
    this.#pace = new Pace();
    for (let n = 0; n < commitsProbed; n++) {
      const started = performance.now();
      await this.saveSetting("opened", String(n));
      await this.#paced(performance.now() - started);
    }
  }

  async #paced(commitMs: number): Promise<void> {
    const pace = this.#pace;
    pace?.note(commitMs);
    if (pace?.isSlow !== true) return;
    // Asked once: whether it moves or cannot, it stays like that.
    this.#pace = null;
    if (!(await this.moveToThread())) this.#pace = pace;
  }

  /**
   * Lets a thread have the file; whatever is asked meanwhile waits for it. Answers with whether it could: a copy that is being
   * made keeps the file where it is.
   * @throws StoreFault, DatabaseRefused where the thread cannot open the file, which stays here then, unless somebody has changed it.
   */
  moveToThread(): Promise<boolean> {
    return this.#turns.take(async () => {
      if (this.#isClosed || this.#copies > 0) return false;
      // One connection at a time has the file: what memory has of it is what the thread finds.
      const here = this.#file;
      let left = null as Promise<string> | null;
      const thread = accessInThread(this.#path, () => {
        left = here.close().then(() => markOf(this.#path));
        return left;
      });
      this.#file = thread;
      try {
        await thread.opened;
      } catch (error) {
        if (left === null) this.#file = here;
        else await this.#takeBack(left);
        throw error;
      }
      void thread.died.then(this.#lose);
      return true;
    });
  }

  /** Nobody else may have changed the file since it was here, nor while the thread could not have it. */
  async #takeBack(left: Promise<string>): Promise<void> {
    try {
      this.#file = accessHere(new Tables(this.#path, await left));
    } catch (error) {
      this.#lose(error as Error);
    }
  }

  /** A probe costs a commit at most once a second, whoever asks how often. */
  async ping(): Promise<void> {
    if (performance.now() - this.#pingedAt >= 1_000) {
      this.#pingedAt = performance.now();
      this.#pingFault = null;
      try {
        await this.#file.ask("saveSetting", "pinged_at", String(this.now()));
      } catch (error) {
        this.#pingFault = error as StoreFault;
      }
    }
    if (this.#pingFault !== null) throw this.#pingFault;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#turns.over();
    await this.#file.close();
  }
}
