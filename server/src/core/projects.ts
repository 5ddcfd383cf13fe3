import type { Entry } from "./heap.ts";
import { fold } from "./names.ts";
import type { Millis, Project, ProjectKind, Session } from "./types.ts";

/** The projects of a licence, and who is in each: one with somebody in it holds a token of its kind. */
export class Projects {
  readonly #projects = new Map<string, Project>();
  readonly #names = new Map<string, Project>();
  /** The live sessions of every attended project, by the session's key. */
  readonly #attendance = new Map<string, Map<string, Entry>>();
  readonly #attended: Record<ProjectKind, number> = { mono: 0, team: 0 };

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
    return this.#attended[kind];
  }

  attendedIds(): Iterable<string> {
    return this.#attendance.keys();
  }

  sessionsOf(id: string): Session[] {
    return [...(this.#attendance.get(id)?.values() ?? [])].map((entry) => entry.session);
  }

  /** The earliest end of a session in an attended project of the kind; null: there is none. */
  earliestEnd(kind: ProjectKind): Millis | null {
    let earliest: Millis | null = null;
    for (const [id, sessions] of this.#attendance) {
      if (this.#projects.get(id)?.kind !== kind) continue;
      for (const { session } of sessions.values())
        earliest = Math.min(earliest ?? session.validUntil, session.validUntil);
    }
    return earliest;
  }

  put(project: Project): void {
    const old = this.#projects.get(project.id);
    this.#projects.set(project.id, project);
    this.#names.set(fold(project.name), project);
    // A project that changes its kind while somebody is in takes its token along into the other pool.
    if (this.#attendance.has(project.id)) {
      this.#count(old, -1);
      this.#count(project, 1);
    }
  }

  drop(id: string): void {
    const project = this.#projects.get(id);
    if (project === undefined) return;
    this.#projects.delete(id);
    this.#names.delete(fold(project.name));
  }

  attend(entry: Entry): void {
    const { holder, key } = entry.session;
    const sessions = this.#attendance.get(holder);
    if (sessions !== undefined) {
      sessions.set(key, entry);
      return;
    }
    this.#attendance.set(holder, new Map([[key, entry]]));
    this.#count(this.#projects.get(holder), 1);
  }

  leave({ session: { holder, key } }: Entry): void {
    const sessions = this.#attendance.get(holder);
    sessions?.delete(key);
    if (sessions?.size !== 0) return;
    this.#attendance.delete(holder);
    this.#count(this.#projects.get(holder), -1);
  }

  #count(project: Project | undefined, by: number): void {
    if (project?.kind != null) this.#attended[project.kind] += by;
  }
}
