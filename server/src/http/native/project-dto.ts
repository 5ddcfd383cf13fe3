/** Projects as the API shows them. */
import { Type } from "typebox";
import type { Vendor } from "../../catalog/catalog.ts";
import type { Store } from "../../stores/store.ts";
import type { Names } from "../names.ts";
import { Problem } from "../problem.ts";
import { progressOf } from "./progress.ts";

const instant = Type.String({ format: "date-time" });
const maybeInstant = Type.Union([instant, Type.Null()]);
const maybeNumber = Type.Union([Type.Number(), Type.Null()]);
const maybeText = Type.Union([Type.String(), Type.Null()]);

export const Progress = Type.Object({
  state: Type.Enum(["idle", "running", "finished", "failed", "stopped"]),
  stale: Type.Boolean({ description: "It runs and has not reported for 10 minutes." }),
  fraction: maybeNumber,
  units_done: maybeNumber,
  units_total: maybeNumber,
  message: maybeText,
  started_at: maybeInstant,
  updated_at: maybeInstant,
});

const Execution = Type.Intersect([Type.Object({ id: Type.String(), name: Type.String() }), Progress]);
export const StartedExecution = Type.Intersect([Execution, Type.Object({ secret: Type.String() })]);

export const Project = Type.Object({
  id: Type.String(),
  license_id: Type.String(),
  license_name: maybeText,
  name: Type.String(),
  state: Type.Enum(["closed", "open"]),
  kind: Type.Union([Type.Enum(["mono", "team"]), Type.Null()]),
  saved: Type.Boolean({
    description: "The server was told so since the project was opened, or it was closed after that.",
  }),
  saved_at: maybeInstant,
  users: Type.Array(
    Type.Object({
      user_id: Type.String(),
      client_id: Type.String(),
      session_id: maybeText,
      since: instant,
      valid_until: instant,
    }),
  ),
  executing: Type.Boolean(),
  executions: Type.Array(Execution),
});

export const Token = Type.Object({
  kind: Type.String({ examples: ["mono"] }),
  total: Type.Integer(),
  used: Type.Integer(),
  left: Type.Integer(),
});

/** Whoever is shown a project. */
interface Asking {
  readonly isvId: string;
  readonly names: Names;
  readonly vendor: Vendor;
}

/** @throws Problem (404) where the project has gone meanwhile. */
export async function projectOf(store: Store, caller: Asking, licenseId: string, projectId: string) {
  const project = await projectIfThere(store, caller, licenseId, projectId);
  if (project === null) throw new Problem("project_unknown", "The vendor has no project of this id.");
  return project;
}

/** As `projectOf`; null where the project has gone meanwhile. */
export async function projectIfThere(
  store: Store,
  { isvId, names, vendor }: Asking,
  licenseId: string,
  projectId: string,
) {
  const license = await store.read(isvId, licenseId);
  const project = license?.project(projectId);
  if (license === undefined || project === undefined) return null;
  return {
    id: project.id,
    license_id: licenseId,
    license_name: vendor.licenses.get(licenseId)?.name ?? null,
    name: project.name,
    state: project.kind === null ? "closed" : "open",
    kind: project.kind,
    saved: project.savedAt !== null && project.savedAt >= (project.openedAt ?? 0),
    saved_at: textOrNull(project.savedAt),
    users: license.sessionsOfProject(projectId).map((session) => ({
      user_id: names.of(session.userId ?? session.clientId),
      client_id: names.of(session.clientId),
      session_id: session.sessionId,
      since: text(session.openedAt),
      valid_until: text(session.validUntil),
    })),
    executing: project.executions.some(({ state }) => state === "running"),
    executions: project.executions.map((execution) => ({
      id: execution.id,
      name: execution.name,
      ...progressOf(execution, store.now()),
    })),
  };
}

const text = (at: number) => new Date(at).toISOString();
const textOrNull = (at: number | null) => (at === null ? null : text(at));
