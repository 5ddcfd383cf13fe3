/**
 * Projects: a project holds one token of its kind while somebody is connected, and none while it is merely open or
 * computes. Connecting is a session's open that names the project; leaving is its close.
 */
import {
  assignmentsPerLicenseMax,
  executionsPerProjectMax,
  executionsRunningMax,
  holdersNamedMax,
  projectsPerLicenseMax,
  sessionsPerHolderAbsoluteMax,
  sharedMonoSessionsMax,
} from "../limits.ts";
import { clientKey, fold, sessionKey } from "../names.ts";
import type {
  Change,
  CloseProjectCommand,
  Decision,
  DenialCode,
  Execution,
  HistoryRecord,
  LicenseView,
  Millis,
  OpenCommand,
  Project,
  ProjectCommand,
  ProjectDenial,
  ProjectKind,
  ReportExecutionCommand,
  Session,
  StartExecutionCommand,
} from "../types.ts";
import { checkoutsOut, isVoucherOut, refusedByCaps } from "./checkouts.ts";
import {
  deny,
  denyVoucherOut,
  grant,
  instant,
  ofPool,
  record,
  recordEnds,
  subjectOf,
  suspension,
  unusable,
} from "./outcome.ts";
import { extend, isOfOtherUser, longestCheckout, refusedCheckout, refusedNames, take } from "./sessions.ts";
import { denyToken, detailOf, noTokenFor, passedOver, ticketUsed, type Wanted } from "./tickets.ts";

/**
 * Connects to a project, or extends the caller's connection: the atomic test-and-take. Whether a Mono project has its
 * user already is looked at before the pool, so that both reasons are told apart.
 */
export function connect(license: LicenseView, command: OpenCommand, now: Millis): Decision {
  const { terms } = license;
  const refused = unusable(license, now) ?? refusedCheckout(terms, command.checkoutPeriod);
  if (refused !== null) {
    return deny(license, now, refused, command, refused === "checkout_too_long" ? longestCheckout(terms) : undefined);
  }
  if (command.projectId === null) return deny(license, now, "project_id_required", command);
  const project = license.project(command.projectId);
  if (project === undefined) return deny(license, now, "project_unknown", command);
  if (project.kind === null) return deny(license, now, "project_not_open", command);
  const client = clientKey(terms, command.clientId);
  const key = sessionKey(terms, client, command.sessionId, command);
  const known = license.session(key);
  const unnamed = refusedNames(terms, command, known);
  if (unnamed !== null) return deny(license, now, unnamed, command);

  const assignment = license.assignment(client);
  const suspended = suspension(assignment, now);
  if (suspended !== null) return deny(license, now, "client_suspended", command, suspended);
  if (assignment === undefined && license.clients >= assignmentsPerLicenseMax) {
    return deny(license, now, "tokens_all_assigned", command);
  }
  if (known !== undefined) return again(license, command, now, project, known);

  const full = noPlace(license, project, project.kind, command, now);
  if (full !== null) {
    const about = projectDenial(license, project, project.kind, now);
    return full === "tokens_exhausted"
      ? denyToken(license, command, wantedBy(license, project, project.kind), now, about)
      : deny(license, now, full, command, undefined, { project: about });
  }
  const capped = refusedByCaps(license, project.id, command);
  if (capped !== null)
    return passedOver(license, project.id, deny(license, now, capped, command, checkoutsOut(license)));
  const isFirst = license.sessionsOfHolder(project.id) === 0;
  const inUse = license.attended(project.kind) + (isFirst ? 1 : 0);
  return take(license, command, now, {
    key,
    client,
    holder: project.id,
    holders: license.holders + (isFirst ? 1 : 0),
    assignment,
    isOveruse: isFirst && inUse > terms.projectTokens[project.kind],
    inUse,
  });
}

/** The caller's session is known: live, it is extended on its own project and for its own user alone. */
function again(license: LicenseView, command: OpenCommand, now: Millis, project: Project, known: Session): Decision {
  if (known.endedAt !== null) {
    return deny(
      license,
      now,
      "session_ended_by_admin",
      command,
      `The id is free again at ${instant(known.validUntil)}.`,
    );
  }
  if (known.holder !== project.id) return deny(license, now, "session_on_other_project", command);
  if (isOfOtherUser(known, command)) return deny(license, now, "session_of_other_holder", command);
  return extend(license, known, command, now);
}

/** Why a further user has no place on the project; null: there is one. */
function noPlace(
  license: LicenseView,
  project: Project,
  kind: ProjectKind,
  command: OpenCommand,
  now: Millis,
): DenialCode | null {
  const { terms } = license;
  const users = license.sessionsOfHolder(project.id);
  if (users > 0) {
    if (kind === "team") return users >= sessionsPerHolderAbsoluteMax ? "sessions_exhausted" : null;
    return terms.sharesMonoWithSameUser && users < sharedMonoSessionsMax && isSameUser(license, project, command)
      ? null
      : "project_in_use";
  }
  return noTokenFor(license, wantedBy(license, project, kind), now);
}

function wantedBy(license: LicenseView, { id }: Project, kind: ProjectKind): Wanted {
  return { holder: id, pool: kind, inUse: license.attended(kind), limit: license.terms.projectTokens[kind] };
}

/** Whether everybody in the project is the caller, on the caller's own machine. */
function isSameUser(
  license: LicenseView,
  project: Project,
  caller: { readonly clientId: string; readonly userId: string | null },
): boolean {
  const user = fold(caller.userId ?? caller.clientId);
  const client = clientKey(license.terms, caller.clientId);
  return license
    .sessionsOfProject(project.id)
    .every((session) => session.clientKey === client && fold(session.userId ?? session.clientId) === user);
}

/** Who holds what, for whoever was refused. */
function projectDenial(license: LicenseView, project: Project, kind: ProjectKind, now: Millis): ProjectDenial {
  const inProject = license.sessionsOfProject(project.id, holdersNamedMax);
  const total = license.terms.projectTokens[kind];
  const holders = (inProject.length > 0 ? inProject : usersOfKind(license, kind)).slice(0, holdersNamedMax);
  return {
    kind,
    total,
    left: Math.max(0, total - license.attended(kind)),
    holders: holders.map((session) => ({ userId: session.userId ?? session.clientId, since: session.openedAt })),
    execution: project.executions.at(-1) ?? null,
    at: now,
  };
}

/** The users of the kind's attended projects, as many as a denial names. */
function usersOfKind(license: LicenseView, kind: ProjectKind): Session[] {
  const users: Session[] = [];
  for (const id of license.attendedProjects(kind)) {
    if (users.length >= holdersNamedMax) break;
    users.push(...license.sessionsOfProject(id, holdersNamedMax));
  }
  return users;
}

/** A command about a project as such. None of them takes a token, or needs one that is free. */
export function decideProject(license: LicenseView, command: ProjectCommand, now: Millis): Decision {
  if (license.terms.clientType !== "projects") return deny(license, now, "license_without_projects", {});
  // A licence that is not to be used gets no projects and opens none; what is open is saved, closed and reported on.
  const refused = command.type === "project.create" || command.type === "project.open" ? unusable(license, now) : null;
  if (refused !== null) return deny(license, now, refused, "projectId" in command ? command : {});
  if (command.type === "project.create") return create(license, command, now);
  const project = license.project(command.projectId);
  if (project === undefined) return deny(license, now, "project_unknown", {});
  switch (command.type) {
    case "project.open":
      return open(license, project, command.kind ?? license.terms.defaultKind, now);
    case "project.save":
      if (project.kind === null) return deny(license, now, "project_not_open", about(project));
      return changed(license, { ...project, savedAt: now }, "project.saved", now);
    case "project.close":
    case "project.delete":
      return close(license, project, command, now);
    case "project.kind":
      return switchKind(license, project, command.kind, now);
    case "execution.start":
      return startExecution(license, project, command, now);
    case "execution.report":
      return reportExecution(license, project, command, now);
  }
}

function about(project: Project) {
  return { projectId: project.id };
}

function changed(license: LicenseView, project: Project, kind: HistoryRecord["kind"], now: Millis): Decision {
  return grant([{ type: "project", project }], [record(license, now, kind, about(project))], { project });
}

function create(
  license: LicenseView,
  command: Extract<ProjectCommand, { type: "project.create" }>,
  now: Millis,
): Decision {
  if (license.projectNamed(fold(command.name)) !== undefined) return deny(license, now, "project_name_taken", {});
  if (license.projectCount >= projectsPerLicenseMax) return deny(license, now, "projects_exhausted", {});
  const project: Project = {
    id: command.id,
    name: command.name,
    createdAt: now,
    openedAt: null,
    kind: null,
    savedAt: null,
    executions: [],
  };
  return changed(license, project, "project.created", now);
}

/** Opens as a kind; it succeeds when no token is left, because it takes none. */
function open(license: LicenseView, project: Project, kind: ProjectKind | null, now: Millis): Decision {
  if (project.kind !== null) {
    // Without a kind the open says: open, whatever it is; a repeated open is granted as it stands.
    if (kind === null || kind === project.kind) return grant([], [], { project });
    return deny(license, now, "kind_locked", about(project));
  }
  if (kind === null) return deny(license, now, "kind_required", about(project));
  return changed(license, { ...project, kind, openedAt: now }, "project.opened", now);
}

/**
 * Closes or deletes. Forced, it ends every session first, once and for all: their ids stay denied until their old ends,
 * or the next heartbeat would bring its user back; executions that run are stopped. No force reaches a voucher that is out.
 */
function close(license: LicenseView, project: Project, command: CloseProjectCommand, now: Millis): Decision {
  const sessions = license.sessionsOfProject(project.id);
  const running = project.executions.filter(isRunning);
  if (!command.force && sessions.length > 0) return deny(license, now, "project_attended", about(project));
  if (!command.force && running.length > 0) return deny(license, now, "project_executing", about(project));
  const out = sessions.find((session) => isVoucherOut(license.terms, session, now));
  if (out !== undefined) return denyVoucherOut(license, out, now, about(project));
  const isDelete = command.type === "project.delete";
  if (project.kind === null && !isDelete) return grant([], [], { project });
  const closed: Project = {
    ...project,
    kind: null,
    openedAt: null,
    executions: project.executions.map((execution) =>
      isRunning(execution) ? { ...execution, state: "stopped", updatedAt: now } : execution,
    ),
  };
  const end: Change = isDelete ? { type: "project.gone", id: project.id } : { type: "project", project: closed };
  const ended = sessions.map((session): Change => ({ type: "session", session: { ...session, endedAt: now } }));
  return grant(
    [...ended, end, ...ticketUsed(license, project.id)],
    [
      ...recordEnds(license, sessions, "session.ended", () => now),
      ...running.map(() => record(license, now, "execution.ended", about(project))),
      record(license, now, isDelete ? "project.deleted" : "project.closed", about(project)),
    ],
    { project: closed, ended: sessions.length },
  );
}

/**
 * The kind of an open project is fixed, unless the edition lets it be switched: then the token is swapped in one step,
 * to Team if a Team token is free, to Mono if whoever is in could have connected to it as Mono.
 */
function switchKind(license: LicenseView, project: Project, kind: ProjectKind, now: Millis): Decision {
  const { terms } = license;
  if (project.kind === null) return deny(license, now, "project_not_open", about(project));
  if (kind === project.kind) return grant([], [], { project });
  if (!terms.allowsKindSwitch) return deny(license, now, "kind_locked", about(project));
  const users = license.sessionsOfHolder(project.id);
  if (kind === "mono" && !fitsMono(license, project)) return deny(license, now, "project_attended", about(project));
  const wanted = wantedBy(license, project, kind);
  const denied = users > 0 ? noTokenFor(license, wanted, now) : null;
  if (denied !== null) {
    const holders = usersOfKind(license, kind)
      .slice(0, holdersNamedMax)
      .map((session) => ({ userId: session.userId ?? session.clientId, since: session.openedAt }));
    const refused = { ...projectDenial(license, project, kind, now), holders };
    const detail = denied === "tokens_exhausted" ? detailOf(wanted, null) : undefined;
    return deny(license, now, denied, about(project), detail, { project: refused });
  }
  const switched = { ...project, kind };
  const pool = ofPool(license, kind);
  const tokens = users > 0 ? 1 : 0;
  const inUse = pool.inUse + tokens;
  const isOveruse = tokens > 0 && inUse > pool.limit;
  return grant(
    [{ type: "project", project: switched }, ...ticketUsed(license, project.id)],
    [record(license, now, "project.switched", about(project), { ...pool, inUse, isOveruse, tokens })],
    { project: switched },
  );
}

/** Whether a Mono token covers whoever is in: one session, or those that the edition lets one user have. */
function fitsMono(license: LicenseView, project: Project): boolean {
  const sessions = license.sessionsOfHolder(project.id);
  if (sessions <= 1) return true;
  if (!license.terms.sharesMonoWithSameUser || sessions > sharedMonoSessionsMax) return false;
  return isSameUser(license, project, license.sessionsOfProject(project.id, 1)[0] as Session);
}

const isRunning = ({ state }: Execution) => state === "running";

/** Starts background work; whoever starts it is connected. It needs no token of its own, and none to go on. */
function startExecution(license: LicenseView, project: Project, command: StartExecutionCommand, now: Millis): Decision {
  if (project.kind === null) return deny(license, now, "project_not_open", about(project));
  const client = command.client == null ? null : clientKey(license.terms, command.client);
  const isNamed = client !== null || command.sessionId !== null;
  const named = (isNamed ? license.sessionsOfProject(project.id) : [])
    .filter((one) => command.sessionId === null || one.sessionId === command.sessionId)
    .filter((one) => client === null || one.clientKey === client);
  // Several clients may have a session of that id. A store may have them in any order; the one that has been in longest it is.
  const [session] = named.toSorted((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));
  if (session === undefined) return deny(license, now, "session_unknown", about(project));
  if (project.executions.filter(isRunning).length >= executionsRunningMax) {
    return deny(license, now, "executions_exhausted", about(project));
  }
  const execution: Execution = {
    id: command.id,
    secretHash: command.secretHash,
    name: command.name,
    state: "running",
    unitsDone: 0,
    unitsTotal: command.unitsTotal,
    message: null,
    startedAt: now,
    updatedAt: now,
  };
  const started = { ...project, executions: [...remembered(project.executions), execution] };
  return grant(
    [{ type: "project", project: started }],
    [record(license, now, "execution.started", subjectOf(session))],
    { project: started },
  );
}

/** What is kept beside a new execution: everything that runs, and of what is over the newest. */
function remembered(executions: readonly Execution[]): Execution[] {
  let surplus = executions.length + 1 - executionsPerProjectMax;
  return executions.filter((execution) => isRunning(execution) || surplus-- <= 0);
}

/** A report of an execution, from beside the licence: it needs no session and no token. */
function reportExecution(
  license: LicenseView,
  project: Project,
  command: ReportExecutionCommand,
  now: Millis,
): Decision {
  const known = project.executions.find(({ id }) => id === command.executionId);
  if (known === undefined) return deny(license, now, "execution_unknown", about(project));
  // Its last word, said again because the answer was lost, is granted as it stands.
  if (!isRunning(known)) {
    return known.state === command.state
      ? grant([], [], { project })
      : deny(license, now, "execution_over", about(project));
  }
  const reported: Execution = {
    ...known,
    unitsDone: command.unitsDone ?? known.unitsDone,
    message: command.message ?? known.message,
    state: command.state ?? known.state,
    updatedAt: now,
  };
  const after = {
    ...project,
    executions: project.executions.map((execution) => (execution === known ? reported : execution)),
  };
  const records = isRunning(reported) ? [] : [record(license, now, "execution.ended", about(project))];
  return grant([{ type: "project", project: after }], records, { project: after });
}
