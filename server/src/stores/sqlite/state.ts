/** What a server has of the file in memory, and decides from. */
import type { LicenseState } from "../../core/state.ts";
import type { Millis } from "../../core/types.ts";
import { Book } from "../book.ts";
import { heldFromOf, heldFromSetting } from "../store.ts";
import { Numbers } from "./numbers.ts";
import { aliveAt } from "./rows.ts";
import { SessionRows } from "./sessions.ts";
import type { Tables } from "./tables.ts";

export class State {
  readonly book = new Book();
  readonly numbers = new Numbers();
  readonly settings = new Map<string, string>();
  readonly sessions = new SessionRows(this.book.shelf.sessions);
  /** The latest instant on record; 0: there is none. */
  readonly latest: Millis;

  /** Reads all of it. */
  constructor(tables: Tables) {
    const { rows, items } = tables;
    const stored = rows.entities();
    this.book.putEntities(stored.map(({ entity }) => entity));
    const licenses = new Map<number, LicenseState>();
    for (const { no, entity } of stored) {
      this.numbers.set(entity.isvId, entity.kind, entity.id, no);
      const license = entity.kind === "license" ? this.book.license(entity.isvId, entity.id) : undefined;
      if (license !== undefined) licenses.set(no, license);
    }
    for (const { name, value } of rows.settings()) this.settings.set(name, value);
    this.book.hold(heldFromOf(this.settings.get(heldFromSetting)));
    const licenseOf = (no: number) => licenses.get(no) as LicenseState;
    const counts = rows.counts();
    this.book.shelf.parties.reserve(counts.assignments);
    this.book.shelf.sessions.reserve(counts.sessions);
    for (const { licenseNo, assignment } of rows.assignments()) {
      const license = licenseOf(licenseNo);
      license.putAssignment(assignment);
      this.book.index(license, assignment, undefined);
    }
    // Projects before the sessions that attend them: a token is counted by its project's kind.
    for (const { licenseNo, project } of rows.projects()) {
      licenseOf(licenseNo).putProject(project);
      this.book.indexProject(licenseOf(licenseNo), project.id);
    }
    for (const { licenseNo, item } of items.all()) this.book.putItem(licenseOf(licenseNo), item);
    for (const { licenseNo, checkIns } of rows.checkIns()) licenseOf(licenseNo).checkIns = checkIns;
    const latest = this.sessions.load(tables, licenseOf);
    this.latest = Math.max(latest, rows.latestLine(), Number(this.settings.get(aliveAt) ?? 0));
  }
}
