/**
 * Licences in this server's memory, each as of a version. Another server may have changed one since: whoever uses it
 * asks the database for what it has missed, and only trusts what it then knows to be whole.
 */
import { evolve } from "../../core/evolve.ts";
import { LicenseState } from "../../core/state.ts";
import type { Assignment, Change, CheckIns, Item, Project, Session, Terms } from "../../core/types.ts";
import type { Place } from "../store.ts";
import { plain } from "./arrays.ts";
import type { Row } from "./connections.ts";
import { type Logged, read } from "./log.ts";

/** A licence in memory. */
export interface Known {
  readonly state: LicenseState;
  /** What the state is as of; not yet committed while `isTaken`. */
  version: number;
  /** A transaction is changing it: nobody else may look. */
  isTaken: boolean;
  size: number;
}

export class KnownLicenses {
  /** Least recently used first. */
  readonly #known = new Map<string, Known>();
  readonly #sizeMax: number;
  #size = 0;

  /** `sizeMax`: sessions, clients, projects and items of all of them together. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** A licence as it is known here; undefined: it is not, or a transaction is changing it. */
  get(place: Place): Known | undefined {
    const known = this.#known.get(keyOf(place));
    return known?.isTaken === true ? undefined : known;
  }

  /** Puts a licence in the place of what was known of it, and forgets others that nobody used for long. */
  put(known: Known): void {
    const key = keyOf(known.state.terms);
    this.#drop(key);
    known.size = sizeOf(known.state);
    this.#known.set(key, known);
    this.#size += known.size;
    for (const [oldest, { isTaken }] of this.#known) {
      if (this.#size <= this.#sizeMax) break;
      if (!isTaken && oldest !== key) this.#drop(oldest);
    }
  }

  /** Forgets a licence of which it is not known what it came to. */
  forget(known: Known): void {
    const key = keyOf(known.state.terms);
    if (this.#known.get(key) === known) this.#drop(key);
  }

  clear(): void {
    this.#known.clear();
    this.#size = 0;
  }

  #drop(key: string): void {
    this.#size -= this.#known.get(key)?.size ?? 0;
    this.#known.delete(key);
  }
}

export function keyOf({ isvId, licenseId }: Place): string {
  return isvId + licenseId;
}

/** A row's licence. */
export function placeOf(row: Row): Place {
  return { isvId: row.isv_id as string, licenseId: row.license_id as string };
}

/** Vendors and licences, as two arrays. */
export function columnsOf(places: readonly Place[]): string[] {
  return [plain(places.map(({ isvId }) => isvId)), plain(places.map(({ licenseId }) => licenseId))];
}

function sizeOf(state: LicenseState): number {
  return 1 + state.openSessions + state.clients + state.projectCount + state.itemCount;
}

/** Brings a licence up to `version` by the log; false: the log does not reach back so far, and the licence is to be read anew. */
export function catchUp(known: Known, version: number, log: readonly Row[]): boolean {
  const missed = log.filter((row) => Number(row.version) > known.version && Number(row.version) <= version);
  if (known.version + missed.length !== version) return false;
  for (const { changes } of missed) {
    for (const logged of read(changes as string)) {
      const change = changeOf(known.state, logged);
      if (change === null) return false;
      evolve(known.state, change);
    }
  }
  known.version = version;
  return true;
}

/** What the log says, as a change of this licence; null: it extends a session that the licence has not. */
function changeOf(state: LicenseState, logged: Logged): Change | null {
  if (logged.type !== "session.extended") return logged;
  const session = state.session(logged.key);
  return session === undefined ? null : { type: "session", session: { ...session, ...logged.extension } };
}

/** A licence from a row of `loadLicenses`: sessions as they were folded, and the log after them. */
export function loaded(terms: Terms, row: Row): Known {
  const sessions = new Map<string, Session>();
  for (const [key, body] of listOf<[string, Omit<Session, "key">]>(row.sessions)) {
    const session = { ...body, key: JSON.parse(key) as string };
    sessions.set(session.key, session);
  }
  for (const changes of listOf<string>(row.changes)) {
    for (const logged of read(changes)) {
      if (logged.type === "session") sessions.set(logged.session.key, logged.session);
      if (logged.type === "session.gone") sessions.delete(logged.key);
      if (logged.type === "session.extended") {
        sessions.set(logged.key, { ...(sessions.get(logged.key) as Session), ...logged.extension });
      }
    }
  }
  const state = new LicenseState(terms);
  for (const assignment of listOf<Assignment>(row.assignments)) state.putAssignment(assignment);
  // Projects before the sessions that attend them: a token is counted by its project's kind.
  for (const project of listOf<Project>(row.projects)) state.putProject(project);
  for (const session of sessions.values()) state.putSession(session);
  for (const item of listOf<Item>(row.items)) state.putItem(item);
  state.checkIns = (row.check_ins ?? null) as CheckIns | null;
  return { state, version: Number(row.version), isTaken: false, size: 0 };
}

function listOf<T>(value: unknown): readonly T[] {
  return (value ?? []) as readonly T[];
}
