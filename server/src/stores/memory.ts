/** The store for trials, tests and the sandbox: everything is gone with the process. */
import type { Clock } from "../clock.ts";
import type { HistoryRecord } from "../core/types.ts";
import { Book } from "./book.ts";
import type { DenialQuery, Store } from "./store.ts";

/** Lines of history that a memory store keeps; the oldest go first. A trial's worth, not a year's. */
const linesMax = 200_000;

export function openMemoryStore(clock: Clock): Store {
  const book = new Book();
  const settings = new Map<string, string>();
  let lines: HistoryRecord[] = [];
  let latest = 0;
  const now = () => (latest = Math.max(latest, clock.now()));

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
    async saveCatalog(entities) {
      book.checkEntities(entities);
      book.putEntities(entities);
    },
    applied: (isvId, kind, id) => book.applied(isvId, kind, id),
    read: async (isvId, licenseId) => book.license(isvId, licenseId),
    licenseOfToken: async (isvId, tokenKey) => book.licenseOfToken(isvId, tokenKey),
    licenseOfProject: async (isvId, projectId) => book.licenseOfProject(isvId, projectId),
    assignmentsOfClient: async (isvId, productId, clientId) => book.assignmentsOfClient(isvId, productId, clientId),
    assignmentsOfUser: async (isvId, productId, userId) => book.assignmentsOfUser(isvId, productId, userId),
    dueLicenses: async (at, limit, isvId) => book.dueLicenses(at, limit, isvId),
    liveLicenses: () => book.liveLicenses(),
    async denials(query) {
      const matching = lines.filter((line) => isMatch(line, query)).toReversed();
      return { items: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
    },
    async history(isvId, licenseId, limit) {
      return lines.filter((line) => line.isvId === isvId && line.licenseId === licenseId).slice(0, limit);
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
