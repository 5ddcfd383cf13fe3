/** The store for trials, tests and the sandbox: everything is gone with the process. */
import type { Tally } from "../analytics/tally.ts";
import { type AuditLine, theServer } from "../catalog/audit.ts";
import type { Clock } from "../clock.ts";
import type { HistoryRecord } from "../core/types.ts";
import { Book } from "./book.ts";
import { type Renames, renamedLine, renamedTally, together } from "./forgetting.ts";
import type { AuditQuery, DenialQuery, Retained, Store, TallyKey } from "./store.ts";

/** Lines of history, and of the audit log, that a memory store keeps; the oldest go first. A trial's worth, not a year's. */
const linesMax = 200_000;

export function openMemoryStore(clock: Clock): Store {
  const book = new Book();
  const settings = new Map<string, string>();
  const tallies = new MemoryTallies();
  let counted = 0;
  let lines: HistoryRecord[] = [];
  let audited: AuditLine[] = [];
  let latest = 0;
  const now = () => (latest = Math.max(latest, clock.now()));
  const audit = (fresh: readonly AuditLine[]) => {
    audited.push(...fresh);
    if (audited.length > linesMax) audited = audited.slice(-linesMax / 2);
  };

  return {
    catalog: book.catalog,
    lastInstant: null,
    lanes: 1,
    async transact(_commands, work) {
      try {
        const result = work(book, now(), []);
        for (const line of book.lines) lines.push(line);
        if (lines.length > linesMax) lines = lines.slice(-linesMax / 2);
        book.keep();
        return result;
      } catch (error) {
        book.undo();
        throw error;
      }
    },
    async saveCatalog(changes, author = theServer) {
      book.checkEntities(changes);
      audit(book.auditLines(changes, author, now()));
      book.putEntities(changes);
    },
    async refresh() {},
    applied: (isvId, kind, id) => book.applied(isvId, kind, id),
    read: async (isvId, licenseId) => book.license(isvId, licenseId),
    licenseOfToken: async (isvId, tokenKey) => book.licenseOfToken(isvId, tokenKey),
    licenseOfProject: async (isvId, projectId) => book.licenseOfProject(isvId, projectId),
    assignmentsOfClient: async (isvId, productId, clientId) => book.assignmentsOfClient(isvId, productId, clientId),
    assignmentsOfUser: async (isvId, productId, userId) => book.assignmentsOfUser(isvId, productId, userId),
    dueLicenses: async (at, limit, isvId) => book.dueLicenses(at, limit, isvId),
    settledUntil: async () => Math.min(now(), book.earliestDue()),
    async linesBetween(from, to, limit) {
      return lines
        .filter(({ at }) => at >= from && at < to)
        .toSorted((a, b) => a.at - b.at)
        .slice(0, limit);
    },
    countedUntil: async () => counted,
    async saveTallies(saved, from, to) {
      if (counted !== from) return false;
      for (const tally of saved) tallies.put(tally);
      counted = to;
      return true;
    },
    talliesAt: async (keys) => keys.map((key) => tallies.at(key)),
    tallyBefore: async (isvId, series, before) => tallies.range(isvId, series, 0, before, Infinity).at(-1),
    tallies: async (isvId, series, from, to, limit) => tallies.range(isvId, series, from, to, limit),
    async prune(until) {
      lines = lines.filter(({ at }) => at >= until.history);
      tallies.prune(until);
      return false;
    },
    liveLicenses: () => book.liveLicenses(),
    async denials(query) {
      const matching = lines.filter((line) => isMatch(line, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async history(isvId, licenseId, limit) {
      return lines.filter((line) => line.isvId === isvId && line.licenseId === licenseId).slice(0, limit);
    },
    async events({ isvId, licenseId, before, limit }) {
      const numbered = lines.map((line, no) => ({ line, no: no + 1 }));
      const found = numbered.filter(
        ({ line, no }) => no < (before ?? Infinity) && line.isvId === isvId && line.licenseId === licenseId,
      );
      const page = found.toReversed().slice(0, limit);
      return { items: page.map(({ line }) => line), next: found.length > limit ? (page.at(-1)?.no ?? null) : null };
    },
    async saveAudit(line) {
      audit([line]);
    },
    async audit(query) {
      const matching = audited.filter((line) => isAsked(line, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async forget(isvId, names, line) {
      book.rename(book.renamings(isvId, names));
      const isDevices = (each: HistoryRecord) => book.license(isvId, each.licenseId)?.terms.clientType === "devices";
      lines = lines.map((each) => (each.isvId === isvId ? renamedLine(each, names, isDevices(each)) : each));
      tallies.rename(isvId, names);
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

  rename(isvId: string, names: Renames): void {
    const rows = [...this.#series.values()].flat().filter((tally) => tally.isvId === isvId);
    for (const tally of rows) {
      const fresh = renamedTally(tally, names);
      if (fresh === null) continue;
      const key = isvId + tally.series;
      this.#series.set(
        key,
        (this.#series.get(key) ?? []).filter((row) => row !== tally),
      );
      this.put(together(fresh, this.at(fresh)));
    }
  }

  prune(until: Retained): void {
    for (const [key, rows] of this.#series) {
      const isMinutes = rows[0]?.series.startsWith("usage/1/") === true;
      const kept = rows.filter(({ start }) => start >= (isMinutes ? until.minutes : until.tallies));
      this.#series.set(key, kept);
    }
  }
}

function isAfter(row: Tally, other: Tally): boolean {
  return row.start > other.start || (row.start === other.start && row.part > other.part);
}

function isMatch(line: HistoryRecord, query: DenialQuery): boolean {
  return (
    line.denial !== null &&
    line.isvId === query.isvId &&
    (query.licenseId === null || line.licenseId === query.licenseId) &&
    (query.clientId === null || line.clientId === query.clientId) &&
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
