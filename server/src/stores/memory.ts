/** The store for trials, tests and the sandbox: everything is gone with the process. */
import { setImmediate } from "node:timers/promises";
import type { Tally } from "../analytics/tally.ts";
import { type AuditLine, theServer } from "../catalog/audit.ts";
import type { Clock } from "../clock.ts";
import type { Gathered, HistoryRecord } from "../core/types.ts";
import { Book, type BookLine } from "./book.ts";
import { isToldBy, type Renames, renamedLine, renamedTallies } from "./forgetting.ts";
import {
  type AuditQuery,
  countedOf,
  countedSetting,
  countedText,
  type DenialQuery,
  type DumpLine,
  type GatheredQuery,
  heldFromOf,
  heldFromSetting,
  isSameCount,
  type Retained,
  type Store,
  StoreNotEmpty,
  type TallyKey,
} from "./store.ts";

/** Lines of history, and of the audit log, that a memory store keeps; the oldest go first. A trial's worth, not a year's. */
const linesMax = 200_000;

/** Values that clients told, likewise. */
const gatheredKept = 200_000;

export function openMemoryStore(clock: Clock): Store {
  const book = new Book();
  const settings = new Map<string, string>();
  const tallies = new MemoryTallies();
  let counted = countedOf();
  let forgettings = 0;
  let lines: HistoryRecord[] = [];
  let gathered: Gathered[] = [];
  /** By which lines of one instant are told apart. */
  const numbers = new WeakMap<HistoryRecord, number>();
  const numberOf = (line: HistoryRecord) => numbers.get(line) as number;
  let count = 0;
  const record = (line: HistoryRecord) => {
    lines.push(line);
    numbers.set(line, ++count);
  };
  const recordAll = (fresh: readonly HistoryRecord[]) => {
    for (const line of fresh) record(line);
    if (lines.length > linesMax) lines = lines.slice(-linesMax / 2);
  };
  let audited: AuditLine[] = [];
  let latest = 0;
  const now = () => (latest = Math.max(latest, clock.now()));
  const audit = (fresh: readonly AuditLine[]) => {
    for (const line of fresh) audited.push(line);
    if (audited.length > linesMax) audited = audited.slice(-linesMax / 2);
  };

  return {
    catalog: book.catalog,
    lastInstant: null,
    lanes: 1,
    async transact(_commands, work) {
      try {
        const result = work(book, now(), []);
        recordAll(book.lines);
        gathered.push(...book.gathered);
        if (gathered.length > gatheredKept) gathered = gathered.slice(-gatheredKept / 2);
        audit(book.audited);
        book.keep();
        return result;
      } catch (error) {
        book.undo();
        throw error;
      }
    },
    async makeGood() {},
    async saveCatalog(changes, author = theServer) {
      book.checkEntities(changes);
      audit(book.auditLines(changes, author, now()));
      recordAll(book.linesOfGone(changes, now()));
      book.putEntities(changes);
    },
    async refresh() {},
    applied: (isvId, kind, id) => book.applied(isvId, kind, id),
    read: async (isvId, licenseId) => book.license(isvId, licenseId),
    licenseOfToken: async (isvId, tokenKey) => book.licenseOfToken(isvId, tokenKey),
    licenseOfProject: async (isvId, projectId) => book.licenseOfProject(isvId, projectId),
    licensesOfItem: async (isvId, kind, key) => book.licensesOfItem(isvId, kind, key),
    assignmentsOfClient: async (isvId, productId, clientId) => book.assignmentsOfClient(isvId, productId, clientId),
    assignmentsOfUser: async (isvId, productId, userId) => book.assignmentsOfUser(isvId, productId, userId),
    dueLicenses: async (at, limit, isvId) => book.dueLicenses(at, limit, isvId),
    settledUntil: async () => Math.min(now(), book.earliestEnd()),
    async linesAfter({ at, no }, before, limit) {
      return lines
        .filter((line) => line.at < before && (line.at > at || (line.at === at && numberOf(line) > no)))
        .map((line) => ({ at: line.at, no: numberOf(line), line }))
        .toSorted((a, b) => a.at - b.at || a.no - b.no)
        .slice(0, limit);
    },
    counted: async () => ({ ...counted, forgettings }),
    async saveTallies(saved, from, to) {
      if (!isSameCount({ ...counted, forgettings }, from)) return false;
      for (const tally of saved) tallies.put(tally);
      counted = to;
      return true;
    },
    talliesAt: async (keys) => keys.map((key) => tallies.at(key)),
    tallyBefore: async (isvId, series, before) => tallies.range(isvId, series, 0, before, Infinity).at(-1),
    tallies: async (isvId, series, from, to, limit) => tallies.range(isvId, series, from, to, limit),
    async prune(until) {
      lines = lines.filter(({ at }) => at >= until.history);
      gathered = newestOfEach(gathered, until.gatheredOfVendor).filter(({ at }) => at >= until.gathered);
      tallies.prune(until);
      return false;
    },
    liveLicenses: () => book.liveLicenses(),
    async denials(query) {
      const matching = lines.filter((line) => isMatch(line, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async gathered(query) {
      const matching = gathered.filter((value) => isAskedFor(value, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async history(isvId, licenseId, limit) {
      return lines.filter((line) => line.isvId === isvId && line.licenseId === licenseId).slice(0, limit);
    },
    async events({ isvId, licenseId, before, limit }) {
      const found = lines.filter(
        (line) => numberOf(line) < (before ?? Infinity) && line.isvId === isvId && line.licenseId === licenseId,
      );
      const page = found.toReversed().slice(0, limit);
      return { items: page, next: found.length > limit ? numberOf(page.at(-1) as HistoryRecord) : null };
    },
    async audit(query) {
      const matching = audited.filter((line) => isAsked(line, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async forget(isvId, names, line) {
      const search = book.beginSearch(isvId, names);
      try {
        for (const _ of search.through(book.licenses())) await setImmediate();
        book.rename(book.renamings(search));
      } finally {
        book.endSearch(search);
      }
      const isDevices = (each: HistoryRecord | Gathered) =>
        book.license(isvId, each.licenseId)?.terms.clientType === "devices";
      lines = lines.map((each) => {
        if (each.isvId !== isvId) return each;
        const fresh = renamedLine(each, names, isDevices(each));
        numbers.set(fresh, numberOf(each));
        return fresh;
      });
      gathered = gathered.filter((each) => each.isvId !== isvId || !isToldBy(each, isDevices(each), names));
      tallies.rename(isvId, names);
      forgettings++;
      audit([line]);
    },
    setting: (name) => settings.get(name),
    async saveSetting(name, value) {
      settings.set(name, value);
    },
    async keepSetting(name, value) {
      if (!settings.has(name)) settings.set(name, value);
      return settings.get(name) as string;
    },
    async hold() {
      settings.set(heldFromSetting, String(now()));
      book.hold(now());
    },
    async dump() {
      // All of it at one instant: as values, whatever becomes of the licences while they are written.
      const named =
        counted.until === 0 ? [...settings] : [...settings, [countedSetting, countedText(counted)] as const];
      const all = [
        ...book.dumpLines(named),
        ...lines.map((record): DumpLine => ({ type: "history", record })),
        ...gathered.map((value): DumpLine => ({ type: "gathered", value })),
        ...tallies.all().map((tally): DumpLine => ({ type: "tally", tally })),
        ...audited.map((line): DumpLine => ({ type: "audit", line })),
      ];
      return { aliveAt: now(), lines: toAsync(all), close() {} };
    },
    async load(dump) {
      if (book.catalog.vendors()[Symbol.iterator]().next().done !== true) throw new StoreNotEmpty();
      const all: DumpLine[] = [];
      const trial = new Book();
      for await (const line of dump.lines) {
        if (isOfBook(line)) trial.load(line);
        all.push(line);
      }
      counted = countedOf();
      for (const line of all) {
        if (isOfBook(line)) book.load(line);
        else if (line.type === "history") record(line.record);
        else if (line.type === "tally") tallies.put(line.tally);
        else if (line.type === "gathered") gathered.push(line.value);
        else if (line.type === "audit") audited.push(line.line);
        else if (line.name === countedSetting) counted = countedOf(line.value);
        else settings.set(line.name, line.value);
      }
      book.hold(heldFromOf(settings.get(heldFromSetting)));
    },
    async backup() {
      return null;
    },
    async live() {},
    async tidy() {},
    now,
    async ping() {},
    async close() {},
  };
}

/** Tallies of each series in order of their starts, which is nearly always the order in which they come. */
class MemoryTallies {
  readonly #series = new Map<string, Tally[]>();

  put(tally: Tally): void {
    const rows = this.#series.get(tally.isvId + tally.series) ?? [];
    this.#series.set(tally.isvId + tally.series, rows);
    let n = rows.length;
    while (n > 0 && isAfter(rows[n - 1] as Tally, tally)) n--;
    const isSame = n > 0 && rows[n - 1]?.start === tally.start && rows[n - 1]?.part === tally.part;
    rows.splice(isSame ? n - 1 : n, isSame ? 1 : 0, tally);
  }

  at({ isvId, series, start, part }: TallyKey): Tally | undefined {
    const rows = this.#series.get(isvId + series) ?? [];
    return start === null ? rows.at(-1) : rows.find((row) => row.start === start && row.part === part);
  }

  range(isvId: string, series: string, from: number, to: number, limit: number): Tally[] {
    const rows = this.#series.get(isvId + series) ?? [];
    return rows.filter(({ start }) => start >= from && start < to).slice(0, limit);
  }

  all(): Tally[] {
    return [...this.#series.values()].flat();
  }

  rename(isvId: string, names: Renames): void {
    const { gone, fresh } = renamedTallies(
      this.all().filter((tally) => tally.isvId === isvId && tally.series.startsWith("people/")),
      names,
    );
    const isGone = new Set(gone);
    for (const [key, rows] of this.#series) {
      this.#series.set(
        key,
        rows.filter((row) => !isGone.has(row)),
      );
    }
    for (const tally of fresh) this.put(tally);
  }

  prune(until: Retained): void {
    for (const [key, rows] of this.#series) {
      const series = rows[0]?.series ?? "";
      const cut = series.startsWith("people/") ? until.people : series.startsWith("1/") ? until.minutes : until.sums;
      const last = series.includes("/usage/") ? rows.findLast(({ start }) => start < cut) : undefined;
      this.#series.set(
        key,
        rows.filter((row) => row.start >= cut || row === last),
      );
    }
  }
}

function isAfter(row: Tally, other: Tally): boolean {
  return row.start > other.start || (row.start === other.start && row.part > other.part);
}

/** The newest values of each vendor, in their order. */
function newestOfEach(gathered: readonly Gathered[], kept: number): Gathered[] {
  const left = new Map<string, number>();
  return gathered
    .toReversed()
    .filter(({ isvId }) => {
      left.set(isvId, (left.get(isvId) ?? kept) - 1);
      return (left.get(isvId) as number) >= 0;
    })
    .toReversed();
}

function isOfBook(line: DumpLine): line is BookLine {
  return !["setting", "history", "tally", "audit", "gathered"].includes(line.type);
}

async function* toAsync<T>(items: Iterable<T>): AsyncIterable<T> {
  yield* items;
}

function isAskedFor(value: Gathered, query: GatheredQuery): boolean {
  return (
    value.isvId === query.isvId &&
    (["licenseId", "kind", "clientId", "subjectId"] as const).every(
      (field) => query[field] === null || value[field] === query[field],
    ) &&
    (query.from === null || value.at >= query.from) &&
    (query.to === null || value.at < query.to)
  );
}

function isMatch(line: HistoryRecord, query: DenialQuery): boolean {
  return (
    line.denial !== null &&
    line.isvId === query.isvId &&
    (query.licenseId === null || line.licenseId === query.licenseId) &&
    (query.clientId === null || line.clientId === query.clientId) &&
    (query.userId === null || (line.userId ?? line.clientId) === query.userId) &&
    (query.code === null || line.denial === query.code) &&
    (query.from === null || line.at >= query.from) &&
    (query.to === null || line.at < query.to)
  );
}

function isAsked(line: AuditLine, query: AuditQuery): boolean {
  return (
    line.isvId === query.isvId &&
    (query.kind === null || line.kind === query.kind) &&
    (query.id === null || line.id === query.id) &&
    (query.from === null || line.at >= query.from) &&
    (query.to === null || line.at < query.to)
  );
}
