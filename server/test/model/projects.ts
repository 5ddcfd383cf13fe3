/**
 * The rules of project licences a second time, from `project-tokens-reven.md` and issue 3 alone: T and D below are its
 * transitions and decisions. As naive as `model.ts`: who is in is looked up among the sessions each time.
 */
import type {
  Command,
  DenialCode,
  ExecutionState,
  Millis,
  ProjectKind,
  RecordKind,
  Terms,
} from "../../src/core/types.ts";
import type { ModelLicense, ModelOutcome, ModelSession } from "./model.ts";
import { isTheirTurn, leave } from "./queue.ts";
import { isOut } from "./vouchers.ts";

export interface ModelExecution {
  readonly id: string;
  readonly secretHash: string;
  readonly name: string;
  state: ExecutionState;
  unitsDone: number;
  readonly unitsTotal: number | null;
  message: string | null;
  readonly startedAt: Millis;
  updatedAt: Millis;
}

export interface ModelProject {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Millis;
  openedAt: Millis | null;
  kind: ProjectKind | null;
  savedAt: Millis | null;
  executions: ModelExecution[];
}

/** What a denial tells whoever was refused a project. */
export interface ModelRefusal {
  readonly kind: ProjectKind;
  readonly total: number;
  readonly left: number;
  readonly holders: readonly { readonly userId: string; readonly since: Millis }[];
  readonly execution: ModelExecution | null;
}

type Of<T extends Command["type"]> = Extract<Command, { type: T }>;
export type ProjectStep = Of<
  | "project.create"
  | "project.open"
  | "project.save"
  | "project.close"
  | "project.delete"
  | "project.kind"
  | "execution.start"
  | "execution.report"
>;

export function isProjectStep(command: Command): command is ProjectStep {
  return command.type.startsWith("project.") || command.type.startsWith("execution.");
}

/** How a step answers and writes history. */
export interface Pen {
  /** `wanted`: the kind of token that is missing; left out: the project's own. */
  deny(code: DenialCode, wanted?: ProjectKind): ModelOutcome;
  note(kind: RecordKind, projectId: string, session?: ModelSession, isOveruse?: boolean): void;
  grant(project: ModelProject | null, ended?: number): ModelOutcome;
}

const projectsMax = 100_000;
const runningMax = 25;
const rememberedMax = 50;
const namedMax = 50;
const sharedMonoMax = 4;

const folded = (name: string): string =>
  [...name.trim().normalize("NFC").toLowerCase()].map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase())).join("");
const userOf = (one: { readonly userId: string | null; readonly clientId: string }): string =>
  folded(one.userId ?? one.clientId);

export function projectOf(license: ModelLicense, id: string | null): ModelProject | undefined {
  return license.projects.find((project) => project.id === id);
}

/** The users of a project: its live sessions. */
export function usersOf(license: ModelLicense, projectId: string): ModelSession[] {
  return license.sessions.filter((session) => session.endedAt === null && session.holder === projectId);
}

/** INV1: a token of a kind is in use by each attended project that was opened with it. */
export function attended(license: ModelLicense, kind: ProjectKind): number {
  return license.projects.filter((one) => one.kind === kind && usersOf(license, one.id).length > 0).length;
}

/** When a token of a kind may come free: the earliest end of a session in a project that holds one. */
export function earliestEnd(license: ModelLicense, kind: ProjectKind): Millis | null {
  const holding = license.projects.filter((one) => one.kind === kind);
  const ends = holding.flatMap((one) => usersOf(license, one.id)).map(({ validUntil }) => validUntil);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** INV2; after a pool was shrunk below its use, nothing is left. */
export function left(license: ModelLicense, kind: ProjectKind): number {
  return Math.max(0, license.terms.projectTokens[kind] - attended(license, kind));
}

/** Tokens in use and their limit: of the project's kind while it is open, else of both pools together. */
export function projectUsage(license: ModelLicense, projectId: string | null) {
  return usageOf(license, projectOf(license, projectId)?.kind ?? null);
}

/** Of a kind's pool; null: of both. */
export function usageOf(license: ModelLicense, kind: ProjectKind | null) {
  const kinds: readonly ProjectKind[] = kind === null ? ["mono", "team"] : [kind];
  const sum = (of: (kind: ProjectKind) => number) => kinds.reduce((all, one) => all + of(one), 0);
  return { inUse: sum((one) => attended(license, one)), limit: sum((one) => license.terms.projectTokens[one]) };
}

/** Whom to ask, and how far the work is: whoever is in with that kind, else those who hold the pool's tokens. */
export function refusal(license: ModelLicense, project: ModelProject, kind: ProjectKind): ModelRefusal {
  const inside = project.kind === kind ? usersOf(license, project.id) : [];
  const ofPool = license.projects.filter((one) => one.kind === kind).flatMap((one) => usersOf(license, one.id));
  return {
    kind,
    total: license.terms.projectTokens[kind],
    left: left(license, kind),
    holders: (inside.length > 0 ? inside : ofPool)
      .map((one) => ({ userId: one.userId ?? one.clientId, since: one.openedAt }))
      .slice(0, namedMax),
    execution: project.executions.at(-1) ?? null,
  };
}

/** After a restore: nobody is given a token of an enforced pool until one session period has passed since. */
export function holds(terms: Terms, now: Millis): boolean {
  if (terms.heldFrom === null || !terms.enforceFloatingLimit) return false;
  const passed = now - terms.heldFrom;
  return passed >= -60_000 && passed < terms.sessionPeriodMs;
}

/** T3–T6: whether a caller without a live session may enter an open project, and whether that is beyond the pool. */
export function entry(
  license: ModelLicense,
  project: ModelProject,
  caller: { readonly clientId: string; readonly userId: string | null },
  now: Millis,
): "project_in_use" | "tokens_held" | "tokens_exhausted" | { readonly isBeyond: boolean } {
  const { terms } = license;
  const inside = usersOf(license, project.id);
  if (project.kind === "mono" && inside.length > 0) {
    const isSame = inside.every(
      (one) => folded(one.clientId) === folded(caller.clientId) && userOf(one) === userOf(caller),
    );
    if (!terms.sharesMonoWithSameUser || !isSame || inside.length >= sharedMonoMax) return "project_in_use";
  }
  if (inside.length > 0) return { isBeyond: false };
  if (holds(terms, now)) return "tokens_held";
  const kind = project.kind as ProjectKind;
  const isTurn = isTheirTurn(license.queue, project.id, kind, left(license, kind));
  return terms.enforceFloatingLimit && !isTurn ? "tokens_exhausted" : { isBeyond: left(license, kind) === 0 };
}

export function stepProject(license: ModelLicense, command: ProjectStep, now: Millis, pen: Pen): ModelOutcome {
  const { terms } = license;
  if (terms.clientType !== "projects") return pen.deny("license_without_projects");
  if (command.type === "project.create" || command.type === "project.open") {
    if (!terms.isActive) return pen.deny("license_inactive");
    if (terms.expiresAt !== null && now >= terms.expiresAt) return pen.deny("license_expired");
  }
  if (command.type === "project.create") return create(license, command, now, pen);
  const project = projectOf(license, command.projectId);
  if (project === undefined) return pen.deny("project_unknown");
  switch (command.type) {
    case "project.open":
      return open(license, project, command, now, pen);
    case "project.save":
      if (project.kind === null) return pen.deny("project_not_open");
      project.savedAt = now;
      pen.note("project.saved", project.id);
      return pen.grant(project);
    case "project.close":
    case "project.delete":
      return close(license, project, command, now, pen);
    case "project.kind":
      return switchKind(license, project, command, now, pen);
    case "execution.start":
      return start(license, project, command, now, pen);
    case "execution.report":
      return report(project, command, now, pen);
  }
}

/** T1. */
function create(license: ModelLicense, command: Of<"project.create">, now: Millis, pen: Pen): ModelOutcome {
  if (license.projects.some(({ name }) => folded(name) === folded(command.name))) return pen.deny("project_name_taken");
  if (license.projects.length >= projectsMax) return pen.deny("projects_exhausted");
  const closed = { openedAt: null, kind: null, savedAt: null, executions: [] };
  const project: ModelProject = { id: command.id, name: command.name, createdAt: now, ...closed };
  license.projects.push(project);
  pen.note("project.created", project.id);
  return pen.grant(project);
}

/** T2: takes no token, and needs none that is free. */
function open(license: ModelLicense, project: ModelProject, command: Of<"project.open">, now: Millis, pen: Pen) {
  const kind = command.kind ?? license.terms.defaultKind;
  if (project.kind !== null) {
    return kind === null || kind === project.kind ? pen.grant(project) : pen.deny("kind_locked");
  }
  if (kind === null) return pen.deny("kind_required");
  project.openedAt = now;
  project.kind = kind;
  pen.note("project.opened", project.id);
  return pen.grant(project);
}

/** T13, D1; D2 for deletion. */
function close(
  license: ModelLicense,
  project: ModelProject,
  command: Of<"project.close" | "project.delete">,
  now: Millis,
  pen: Pen,
): ModelOutcome {
  const isDeleted = command.type === "project.delete";
  const users = usersOf(license, project.id);
  const running = project.executions.filter(({ state }) => state === "running");
  if (project.kind === null && !isDeleted) return pen.grant(project);
  if (users.length > 0 && !command.force) return pen.deny("project_attended");
  if (running.length > 0 && !command.force) return pen.deny("project_executing");
  if (users.some((session) => isOut(license, session, now))) return pen.deny("voucher_out");
  for (const session of users) {
    session.endedAt = now;
    pen.note("session.ended", project.id, session);
  }
  for (const execution of running) {
    execution.state = "stopped";
    execution.updatedAt = now;
    pen.note("execution.ended", project.id);
  }
  pen.note(isDeleted ? "project.deleted" : "project.closed", project.id);
  leave(license.queue, project.id);
  project.openedAt = null;
  project.kind = null;
  if (isDeleted) license.projects = license.projects.filter((one) => one !== project);
  return pen.grant(project, users.length);
}

/** T14, and where the edition lifts it an atomic swap of the token. */
function switchKind(
  license: ModelLicense,
  project: ModelProject,
  command: Of<"project.kind">,
  now: Millis,
  pen: Pen,
): ModelOutcome {
  const { terms } = license;
  const users = usersOf(license, project.id);
  if (project.kind === null) return pen.deny("project_not_open");
  if (project.kind === command.kind) return pen.grant(project);
  if (!terms.allowsKindSwitch) return pen.deny("kind_locked");
  if (command.kind === "mono" && users.length > 1) {
    const people = new Set(users.map((one) => JSON.stringify([folded(one.clientId), userOf(one)])));
    if (people.size > 1 || !terms.sharesMonoWithSameUser || users.length > sharedMonoMax) {
      return pen.deny("project_attended");
    }
  }
  const needsToken = users.length > 0 && terms.enforceFloatingLimit;
  const isHeld = holds(terms, now);
  const isTurn = isTheirTurn(license.queue, project.id, command.kind, left(license, command.kind));
  if (needsToken && (isHeld || !isTurn)) {
    return {
      ...pen.deny(isHeld ? "tokens_held" : "tokens_exhausted", command.kind),
      ...(!isHeld && { nextFreeAt: earliestEnd(license, command.kind) }),
      refusal: structuredClone(refusal(license, project, command.kind)),
    };
  }
  leave(license.queue, project.id);
  project.kind = command.kind;
  const isBeyond = attended(license, command.kind) > terms.projectTokens[command.kind];
  pen.note("project.switched", project.id, undefined, users.length > 0 && isBeyond);
  return pen.grant(project);
}

/** T10. */
function start(
  license: ModelLicense,
  project: ModelProject,
  command: Of<"execution.start">,
  now: Millis,
  pen: Pen,
): ModelOutcome {
  if (project.kind === null) return pen.deny("project_not_open");
  const longestFirst = (a: ModelSession, b: ModelSession) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1);
  const named = usersOf(license, project.id).filter(
    (one) =>
      (command.sessionId !== null || command.client != null) &&
      (command.sessionId === null || one.sessionId === command.sessionId) &&
      (command.client == null || folded(one.clientId) === folded(command.client)),
  );
  const session = named.sort(longestFirst)[0];
  if (session === undefined) return pen.deny("session_unknown");
  if (project.executions.filter(({ state }) => state === "running").length >= runningMax) {
    return pen.deny("executions_exhausted");
  }
  project.executions.push({
    id: command.id,
    secretHash: command.secretHash,
    name: command.name,
    state: "running",
    unitsDone: 0,
    unitsTotal: command.unitsTotal,
    message: null,
    startedAt: now,
    updatedAt: now,
  });
  // What is over is forgotten first where there are too many, the oldest before the others.
  while (project.executions.length > rememberedMax) {
    const oldest = project.executions.find(({ state }) => state !== "running");
    project.executions = project.executions.filter((one) => one !== oldest);
  }
  pen.note("execution.started", project.id, session);
  return pen.grant(project);
}

/** T11: needs no session. */
function report(project: ModelProject, command: Of<"execution.report">, now: Millis, pen: Pen): ModelOutcome {
  const execution = project.executions.find(({ id }) => id === command.executionId);
  if (execution === undefined) return pen.deny("execution_unknown");
  if (execution.state !== "running") {
    return command.state === execution.state ? pen.grant(project) : pen.deny("execution_over");
  }
  execution.unitsDone = command.unitsDone ?? execution.unitsDone;
  execution.message = command.message ?? execution.message;
  execution.state = command.state ?? execution.state;
  execution.updatedAt = now;
  if (execution.state !== "running") pen.note("execution.ended", project.id);
  return pen.grant(project);
}
