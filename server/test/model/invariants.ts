/**
 * The invariants of project licences, INV1 to INV8 of `project-tokens-reven.md`, on what a licence looks like before
 * and after one step. Whoever looks like a licence can be checked: the model, and what a store shows.
 */
import { isDeepStrictEqual } from "node:util";
import type { Command, DenialCode, LicenseView, Project, ProjectKind, Session, Terms } from "../../src/core/types.ts";
import type { ModelLicense, ModelSession } from "./model.ts";
import { attended, type ModelProject } from "./projects.ts";

export interface Sight {
  readonly terms: Terms;
  readonly projects: readonly (Project | ModelProject)[];
  /** Live sessions, with the project as their holder. */
  readonly live: readonly (Session | ModelSession)[];
  /** Tokens in use, as the licence itself counts them. */
  readonly used: Readonly<Record<ProjectKind, number>>;
  /** The attended projects and their users, as the licence itself lists them. */
  readonly attendance: ReadonlyMap<string, readonly string[]>;
}

const kinds: readonly ProjectKind[] = ["mono", "team"];
const sharedMonoMax = 4;
const folded = (name: string): string =>
  [...name.trim().normalize("NFC").toLowerCase()].map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase())).join("");

/** A deep copy: what is seen now must not change with the next step. */
export function sightOfView(view: LicenseView): Sight {
  const attendance = [...view.attendedProjects("mono"), ...view.attendedProjects("team")].map((id) => {
    const ids = view.sessionsOfProject(id).map((session) => session.id);
    return [id, ids.sort()] as const;
  });
  return structuredClone({
    terms: view.terms,
    projects: [...view.projects()],
    live: [...view.sessions()].filter(({ endedAt }) => endedAt === null),
    used: { mono: view.attended("mono"), team: view.attended("team") },
    attendance: new Map(attendance),
  });
}

export function sightOfModel(license: ModelLicense): Sight {
  const live = license.sessions.filter(({ endedAt }) => endedAt === null);
  const byProject = Map.groupBy(live, ({ holder }) => holder);
  const attendance = [...byProject].map(([id, users]) => [id, users.map((one) => one.id).sort()] as const);
  return structuredClone({
    terms: license.terms,
    projects: license.projects,
    live,
    used: { mono: attended(license, "mono"), team: attended(license, "team") },
    attendance: new Map(attendance),
  });
}

/** What is broken after a step, in a sentence each. `before` has what was over at the step's instant taken away. */
export function broken(before: Sight, after: Sight, command: Command, denial: DenialCode | null): string[] {
  const found: string[] = [];
  const must = (name: string, holds: boolean) => {
    if (!holds) found.push(`${name} after ${command.type}${denial === null ? "" : `: ${denial}`}`);
  };
  const { terms, projects, live, used, attendance } = after;
  const usersOf = (sight: Sight, id: string) => sight.live.filter(({ holder }) => holder === id);
  const isAttended = (id: string) => usersOf(after, id).length > 0;

  for (const kind of kinds) {
    const count = projects.filter((one) => one.kind === kind && isAttended(one.id)).length;
    must(`INV1: ${kind} tokens in use ${used[kind]}, attended projects ${count}`, used[kind] === count);
    // Whoever was in when a pool was shrunk stays; a soft limit is none.
    const bound = Math.max(terms.projectTokens[kind], before.used[kind]);
    must(`INV1: ${kind} tokens in use ${used[kind]} of ${bound}`, !terms.enforceFloatingLimit || used[kind] <= bound);
  }
  const attendedCount = new Set(live.map(({ holder }) => holder)).size;
  must("INV3: a project holds a token more than once, or none", used.mono + used.team === attendedCount);
  const listed = [...attendance].map(([id, ids]) => `${id} ${ids.join()}`).sort();
  const wanted = [...Map.groupBy(live, ({ holder }) => holder)].map(([id, users]) => {
    const ids = users.map((one) => one.id).sort();
    return `${id} ${ids.join()}`;
  });
  must("INV3: the attended projects are listed wrongly", listed.join("\n") === wanted.sort().join("\n"));
  for (const { id, kind } of projects.filter((one) => one.kind === "mono")) {
    const users = usersOf(after, id);
    const people = new Set(users.map((one) => `${folded(one.clientId)} ${folded(one.userId ?? one.clientId)}`));
    must(`INV4: ${people.size} users in a ${kind} project`, people.size <= 1);
    const bound = Math.max(terms.sharesMonoWithSameUser ? sharedMonoMax : 1, usersOf(before, id).length);
    must(`INV4: ${users.length} sessions in a ${kind} project`, users.length <= bound);
  }
  must("INV5: tokens held with nobody in", live.length > 0 || used.mono + used.team === 0);
  if (denial !== null) {
    const state = ({ projects: all, live: users, used: tokens }: Sight) => [byId(all), byId(users), tokens];
    must("INV6: a refused command changed something", isDeepStrictEqual(state(before), state(after)));
  }
  const bound =
    Math.max(terms.projectTokens.mono, before.used.mono) + Math.max(terms.projectTokens.team, before.used.team);
  must("INV7: more attended projects than tokens", !terms.enforceFloatingLimit || attendedCount <= bound);
  for (const project of projects) {
    const was = before.projects.find(({ id }) => id === project.id);
    if (was === undefined || was.kind === null || project.kind === null || was.kind === project.kind) continue;
    const isSwitched = command.type === "project.kind" && terms.allowsKindSwitch;
    must("INV8: the kind of an open project changed", isSwitched);
  }
  for (const { id, kind, openedAt, executions } of projects) {
    must("a project has a kind exactly while it is open", (kind === null) === (openedAt === null));
    must("nobody is in a closed project", kind !== null || !isAttended(id));
    must("nothing runs in a closed project", kind !== null || executions.every(({ state }) => state !== "running"));
  }
  const known = new Set(projects.map(({ id }) => id));
  must(
    "nobody is in a project that is gone",
    live.every(({ holder }) => known.has(holder)),
  );
  return found;
}

function byId<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What a step at `now` begins with: what is over by then was over before it. */
export function withoutOver(sight: Sight, now: number): Sight {
  const live = sight.live.filter(({ validUntil }) => now < validUntil);
  const inside = new Set(live.map(({ holder }) => holder));
  const count = (kind: ProjectKind) => sight.projects.filter((one) => one.kind === kind && inside.has(one.id)).length;
  return { ...sight, live, used: { mono: count("mono"), team: count("team") } };
}
