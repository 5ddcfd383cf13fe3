import { EndHeap, type Ends } from "./heap.ts";
import { fold } from "./names.ts";
import type { Millis, Project, ProjectKind, Session } from "./types.ts";

/** A session in a project, with its place among the ends of its pool. */
interface Seat {
  session: Session;
  place: number;
}

const seats: Ends<Seat> = {
  endOf: ({ session }) => session.validUntil,
  placeOf: ({ place }) => place,
  setPlace(seat, place) {
    seat.place = place;
  },
};

/** What holds the tokens of a kind: the attended projects, and their sessions by their ends. */
class Pool {
  readonly attended = new Set<string>();
  readonly ends = new EndHeap(seats);
}

/** The projects of a licence, and who is in each: one with somebody in it holds a token of its kind. */
export class Projects {
  readonly #projects = new Map<string, Project>();
  readonly #names = new Map<string, Project>();
  /** The live sessions of every attended project, by the session's key. */
  readonly #attendance = new Map<string, Map<string, Seat>>();
  readonly #pools: Readonly<Record<ProjectKind, Pool>> = { mono: new Pool(), team: new Pool() };

  get size(): number {
    return this.#projects.size;
  }

  get(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  named(nameKey: string): Project | undefined {
    return this.#names.get(nameKey);
  }

  all(): Iterable<Project> {
    return this.#projects.values();
  }

  attended(kind: ProjectKind): number {
    return this.#pools[kind].attended.size;
  }

  attendedIds(kind: ProjectKind): Iterable<string> {
    return this.#pools[kind].attended;
  }

  /** The earliest end of a session in an attended project of the kind; null: there is none. */
  earliestEnd(kind: ProjectKind): Millis | null {
    return this.#pools[kind].ends.first()?.session.validUntil ?? null;
  }

  /** At most `limit` of the sessions that are in a project. */
  sessionsOf(id: string, limit: number): Session[] {
    const found: Session[] = [];
    for (const { session } of this.#attendance.get(id)?.values() ?? []) {
      if (found.length >= limit) break;
      found.push(session);
    }
    return found;
  }

  put(project: Project): void {
    const old = this.#projects.get(project.id);
    this.#projects.set(project.id, project);
    this.#names.set(fold(project.name), project);
    // A project that changes its kind while somebody is in takes its token along into the other pool.
    if (old?.kind !== project.kind) this.#move(project.id, this.#poolOf(old), this.#poolOf(project));
  }

  drop(id: string): void {
    const project = this.#projects.get(id);
    if (project === undefined) return;
    this.#move(id, this.#poolOf(project), undefined);
    this.#projects.delete(id);
    this.#names.delete(fold(project.name));
  }

  attend(session: Session): void {
    const { holder, key } = session;
    const seat: Seat = { session, place: -1 };
    const seats = this.#attendance.get(holder);
    if (seats === undefined) this.#attendance.set(holder, new Map([[key, seat]]));
    else seats.set(key, seat);
    const pool = this.#poolOf(this.#projects.get(holder));
    pool?.attended.add(holder);
    pool?.ends.add(seat);
  }

  /** A session that stays in its project has another end. */
  extended(session: Session): void {
    const seat = this.#attendance.get(session.holder)?.get(session.key);
    if (seat === undefined) return;
    seat.session = session;
    if (seat.place >= 0) this.#poolOf(this.#projects.get(session.holder))?.ends.moved(seat);
  }

  leave({ holder, key }: Session): void {
    const seats = this.#attendance.get(holder);
    const seat = seats?.get(key);
    if (seats === undefined || seat === undefined) return;
    const pool = this.#poolOf(this.#projects.get(holder));
    if (seat.place >= 0) pool?.ends.remove(seat);
    seats.delete(key);
    if (seats.size > 0) return;
    this.#attendance.delete(holder);
    pool?.attended.delete(holder);
  }

  #move(id: string, from: Pool | undefined, to: Pool | undefined): void {
    const seats = this.#attendance.get(id);
    if (seats === undefined) return;
    for (const seat of seats.values()) {
      if (seat.place >= 0) from?.ends.remove(seat);
      to?.ends.add(seat);
    }
    from?.attended.delete(id);
    to?.attended.add(id);
  }

  #poolOf(project: Project | undefined): Pool | undefined {
    return project?.kind == null ? undefined : this.#pools[project.kind];
  }
}
