/** Projects of licences that count them: open, save, close, executions and their progress. Connecting is `session/open`. */
import { type Static, Type } from "typebox";
import { assignedAt } from "../../core/decide/assignments.ts";
import { fold } from "../../core/names.ts";
import type { CloseProjectCommand, Millis, ProjectCommand } from "../../core/types.ts";
import { newId, newSecret, secretHash } from "../../ids.ts";
import { isBound, knownLicense, reachesLicense, requireLicense } from "../access.ts";
import { byKey, FirstOnes } from "../admin/slices.ts";
import { type Answer, json, jsonType, noContent } from "../answer.ts";
import { Maybe, Name, Note, Uuid, uuid, uuidOrNull } from "../input.ts";
import { nameLengthMax, pageMax, pageSizeMax } from "../limits.ts";
import { answerOfDenial, onceDecided, Problem } from "../problem.ts";
import { type Finish, type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { LicenseParams, Refusal } from "../slascone/schemas.ts";
import { progressOf } from "./progress.ts";
import { Progress, Project, projectIfThere, projectOf, StartedExecution, Token } from "./project-dto.ts";

const strict = { additionalProperties: false };
const Kind = Type.Enum(["mono", "team"], {
  description: "`mono`: one user at a time. `team`: any number, for one token.",
});
const ProjectParams = Type.Object({ project_id: Uuid("The project.") });
const ExecutionParams = Type.Object({ project_id: Uuid("The project."), execution_id: Uuid("The execution.") });
const Force = Type.Object(
  { force: Maybe(Type.Boolean({ description: "End its users' sessions and its executions first." })) },
  strict,
);
const Units = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const NewProject = Type.Object(
  { license_id: Uuid("A licence that counts projects."), name: Name("Unique on its licence.") },
  strict,
);
const OpenProject = Type.Object({ kind: Maybe(Kind) }, strict);
const SwitchKind = Type.Object({ kind: Kind }, strict);
const NewExecution = Type.Object(
  {
    session_id: Maybe(Uuid("The caller's live session on the project.")),
    client_id: Maybe(Name("The client whose session it is; of several, the one that has been in longest.")),
    name: Name("What the work is called."),
    units_total: Maybe(Units),
  },
  strict,
);
const Report = Type.Object(
  {
    secret: Type.String({ minLength: 1, maxLength: nameLengthMax, description: "What starting it answered with." }),
    units_done: Maybe(Units),
    message: Maybe(Note("Anything worth telling.")),
    state: Maybe(Type.Enum(["running", "finished", "failed"])),
  },
  strict,
);
const ListQuery = Type.Object(
  {
    license_id: Type.Optional(Uuid("Projects of this licence.")),
    name: Type.Optional(Name("The project of this name.")),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax })),
    page_size: Type.Optional(
      Type.Integer({ minimum: 1, maximum: pageSizeMax, description: `${pageSizeMax} if left out.` }),
    ),
  },
  strict,
);
const DeleteQuery = Type.Object({ force: Type.Optional(Type.Boolean()) }, strict);

export function projectRoutes(services: Services): Route[] {
  return [...lifeRoutes(services), ...readRoutes(services), ...executionRoutes(services)];
}

/** Creating, opening, saving, closing, deleting, and changing the kind. */
function lifeRoutes(services: Services): Route[] {
  const { desk } = services;
  return [
    keyed({
      method: "POST",
      path: "/projects",
      reach: "app",
      tag: "Projects",
      summary: "Create a project",
      description: "Projects are unlimited and cost nothing. A new one is closed.",
      body: NewProject,
      answers: { 201: Project, 409: Refusal },
      async handle(call, finish) {
        const licenseId = uuid(call.body.license_id);
        requireLicense(call, licenseId);
        const command = {
          type: "project.create",
          isvId: call.isvId,
          licenseId,
          name: call.body.name,
          id: newId(),
        } as const;
        const { denial } = await desk.decide(command);
        if (denial !== null) return finish(answerOfDenial(denial, call));
        const project = await onceDecided(() => projectOf(services.store, call, licenseId, command.id));
        finish({ ...json(project), status: 201 });
      },
    }),
    projectRoute(services, "open", OpenProject, "Open a project", openingText, (body) => ({
      type: "project.open",
      kind: body?.kind ?? null,
    })),
    projectRoute(services, "save", Force, "Say that a project is saved", savingText, () => ({ type: "project.save" })),
    projectRoute(services, "close", Force, "Close a project", closingText, (body, call) => ({
      type: "project.close",
      force: forced(body?.force, call),
    })),
    projectRoute(services, "kind", SwitchKind, "Change the kind of an open project", switchingText, (body) => ({
      type: "project.kind",
      kind: body.kind,
    })),
    keyed({
      method: "DELETE",
      path: "/projects/:project_id",
      reach: "backend",
      tag: "Projects",
      summary: "Delete a project",
      description: "Follows the rule of closing: attended or executing, it needs `?force=true`. Its history stays.",
      params: ProjectParams,
      query: DeleteQuery,
      answers: { 204: Type.Null(), 404: Type.Object({}), 409: Refusal },
      async handle(call, finish) {
        const force = call.query?.force === true;
        await submit(services, call, { type: "project.delete", force }, finish, () => noContent);
      },
    }),
  ];
}

const openingText =
  "As `mono` or `team`; without a kind, as the edition's default. It takes no token and needs none that is free: only somebody who connects does. Open again with the same kind is granted as it stands.";
const savingText = "A stamp: the server is told, it cannot know.";
const closingText =
  "Denied while somebody is connected (13003) or an execution runs (13008). `force`, for an AdminKey or a key of scope backend, ends both first.";
const switchingText =
  "Denied with 13004, unless the edition has `allow_kind_switch`: then the token is swapped in one step, to Team if a Team token is free, to Mono if at most one user is in.";

/** One of the calls that change a project and answer with it. */
function projectRoute<B extends import("typebox").TSchema>(
  services: Services,
  verb: "open" | "save" | "close" | "kind",
  body: B,
  summary: string,
  description: string,
  commandOf: (body: Static<B>, call: KeyedCall) => ProjectAct,
): Route {
  return keyed({
    method: "POST",
    path: `/projects/:project_id/${verb}`,
    reach: verb === "kind" ? "backend" : "app",
    tag: "Projects",
    summary,
    description,
    params: ProjectParams,
    body,
    isBodyOptional: verb !== "kind",
    answers: { 200: Project, 404: Type.Object({}), 409: Refusal },
    async handle(call, finish) {
      await submit(services, call, commandOf(call.body, call), finish, async (licenseId, projectId) =>
        json(await projectOf(services.store, call, licenseId, projectId)),
      );
    },
  });
}

/** A command about a project, without the names that the address gives. */
type ProjectAct = ProjectCommand extends infer C
  ? C extends CloseProjectCommand
    ? Omit<C, "isvId" | "licenseId" | "projectId">
    : C extends ProjectCommand
      ? Omit<C, "isvId" | "licenseId" | "projectId">
      : never
  : never;

/** Decides a command about the project in the address; a project of nobody, or of another vendor, is 404. */
async function submit(
  { store, desk }: Services,
  call: KeyedCall<unknown, Static<typeof ProjectParams>>,
  act: ProjectAct,
  finish: Finish,
  granted: (licenseId: string, projectId: string) => Answer | Promise<Answer>,
): Promise<void> {
  const { licenseId, projectId } = await projectIn(store, call);
  const command = { ...act, isvId: call.isvId, licenseId, projectId } as ProjectCommand;
  const { denial } = await desk.decide(command);
  finish(denial !== null ? answerOfDenial(denial, call) : await onceDecided(() => granted(licenseId, projectId)));
}

/** @throws Problem (404) where the vendor has no such project, 403 where the key does not reach its licence. */
async function projectIn(store: Services["store"], call: KeyedCall<unknown, Static<typeof ProjectParams>>) {
  const projectId = uuid(call.params.project_id);
  const licenseId = await store.licenseOfProject(call.isvId, projectId);
  if (licenseId === undefined) throw new Problem("project_unknown", "The vendor has no project of this id.");
  requireLicense(call, licenseId);
  return { licenseId, projectId };
}

/** Forcing throws people out: not for keys that ship inside software. */
function forced(force: boolean | null | undefined, { key }: KeyedCall): boolean {
  if (force !== true) return false;
  if (key.role === "admin" || key.scope === "backend") return true;
  throw new Problem("key_insufficient", "Keys of scope app may not force.");
}

/** Looking, which never takes a token. */
function readRoutes({ store, desk }: Services): Route[] {
  /** What has lapsed is released first, so that users and tokens are told as of now. */
  const refresh = (call: KeyedCall, licenseId: string) => desk.decide({ type: "sweep", isvId: call.isvId, licenseId });
  return [
    keyed({
      method: "GET",
      path: "/projects",
      reach: "app",
      tag: "Projects",
      summary: "List projects",
      description: "In the order in which they were created. `X-Total-Count` has the total of all pages.",
      query: ListQuery,
      answers: { 200: Type.Array(Project) },
      async handle(call, finish) {
        const { license_id, name, page = 1, page_size: size = pageSizeMax } = call.query;
        const licenseIds = licensesOf(call, uuidOrNull(license_id));
        const first = new FirstOnes<Listed>(page * size, byKey(false));
        for (const licenseId of licenseIds) {
          await refresh(call, licenseId);
          const license = await store.read(call.isvId, licenseId);
          const named = name === undefined ? undefined : license?.projectNamed(fold(name));
          const projects = name === undefined ? (license?.projects() ?? []) : named === undefined ? [] : [named];
          first.add([...projects].map(({ id, createdAt }) => ({ licenseId, id, key: createdAt })));
        }
        const projects = [];
        for (const { licenseId, id } of first.from((page - 1) * size)) {
          const project = await projectIfThere(store, call, licenseId, id);
          if (project !== null) projects.push(project);
        }
        finish({ ...json(projects), headers: ["X-Total-Count", String(first.total)] });
      },
    }),
    keyed({
      method: "GET",
      path: "/projects/:project_id",
      reach: "app",
      tag: "Projects",
      summary: "Read a project",
      params: ProjectParams,
      answers: { 200: Project, 404: Type.Object({}) },
      async handle(call, finish) {
        const { licenseId, projectId } = await projectIn(store, call);
        await refresh(call, licenseId);
        finish(json(await projectOf(store, call, licenseId, projectId)));
      },
    }),
    keyed({
      method: "GET",
      path: "/projects/:project_id/progress",
      reach: "app",
      tag: "Projects",
      summary: "Read the progress of a project's latest execution",
      description: "Takes no token and needs none: for whoever could not connect, and whoever need not.",
      params: ProjectParams,
      answers: { 200: Progress, 404: Type.Object({}) },
      async handle(call, finish) {
        const { licenseId, projectId } = await projectIn(store, call);
        const project = (await store.read(call.isvId, licenseId))?.project(projectId);
        finish(json(progressOf(project?.executions.at(-1) ?? null, store.now())));
      },
    }),
    keyed({
      method: "GET",
      path: "/licenses/:license_id/tokens",
      reach: "app",
      tag: "Licences",
      summary: "Count the tokens of a licence's pools",
      params: LicenseParams,
      answers: { 200: Type.Array(Token), 404: Type.Object({}) },
      async handle(call, finish) {
        const { id } = knownLicense(call, call.params.license_id);
        await refresh(call, id);
        finish(json(await tokensOf(store, call.isvId, id)));
      },
    }),
  ];
}

interface Listed {
  readonly licenseId: string;
  readonly id: string;
  readonly key: Millis;
}

/** The licences that a listing covers: the one that is named, or all that the key reaches. */
function licensesOf(call: KeyedCall, licenseId: string | null): string[] {
  if (licenseId !== null) return [knownLicense(call, licenseId).id];
  return [...call.vendor.licenses.values()]
    .filter((license) => license.project_tokens !== null && (!isBound(call.key) || reachesLicense(call.key, license)))
    .map(({ id }) => id);
}

async function tokensOf(store: Services["store"], isvId: string, licenseId: string) {
  const license = await store.read(isvId, licenseId);
  if (license === undefined) throw new Error(`licence ${licenseId} is in the catalogue and not in the store`);
  const { terms } = license;
  const pool = (kind: string, total: number, used: number) => ({ kind, total, used, left: Math.max(0, total - used) });
  if (terms.clientType === "projects") {
    return (["mono", "team"] as const).map((kind) => pool(kind, terms.projectTokens[kind], license.attended(kind)));
  }
  return terms.provisioningMode === "floating"
    ? [pool("floating", terms.floatingTokenLimit, license.holders)]
    : [pool("named", terms.tokenLimit + terms.goodwillTokenLimit, assignedAt(license, store.now()))];
}

function executionRoutes(services: Services): Route[] {
  const { store } = services;
  return [
    keyed({
      method: "POST",
      path: "/projects/:project_id/executions",
      reach: "app",
      tag: "Projects",
      summary: "Start an execution",
      description:
        "Needs a live session of the project. The execution holds no token and goes on when everybody has left; its reports carry the `secret` of this answer.",
      params: ProjectParams,
      body: NewExecution,
      answers: { 201: StartedExecution, 404: Type.Object({}), 409: Refusal },
      async handle(call, finish) {
        const id = newId();
        const secret = newSecret();
        const { body } = call;
        if (body.session_id == null && body.client_id == null) {
          throw new Problem("input_invalid", "body: name the caller's session: its session_id, its client_id or both");
        }
        const act = {
          type: "execution.start",
          sessionId: uuidOrNull(body.session_id),
          client: body.client_id ?? null,
          name: body.name,
          unitsTotal: body.units_total ?? null,
          id,
          secretHash: secretHash(secret),
        } as const;
        await submit(services, call, act, finish, async (licenseId, projectId) => {
          const project = await projectOf(store, call, licenseId, projectId);
          const started = project.executions.find((execution) => execution.id === id);
          return { status: 201, contentType: jsonType, body: JSON.stringify({ ...started, secret }), headers: [] };
        });
      },
    }),
    keyed({
      method: "PATCH",
      path: "/projects/:project_id/executions/:execution_id",
      reach: "app",
      tag: "Projects",
      summary: "Report on an execution",
      description: "Needs neither a session nor a token, only the secret of the execution.",
      params: ExecutionParams,
      body: Report,
      answers: { 200: Progress, 404: Type.Object({}), 409: Refusal },
      async handle(call, finish) {
        const executionId = uuid(call.params.execution_id);
        const { licenseId, projectId } = await projectIn(store, call);
        const execution = await executionIn(store, call.isvId, licenseId, projectId, executionId);
        if (execution === undefined) throw new Problem("execution_unknown", "The project has no execution of this id.");
        // Digests are compared, so how long it takes tells nothing of the secret.
        if (execution.secretHash !== secretHash(call.body.secret)) {
          throw new Problem("secret_wrong", "The secret is not that of this execution.");
        }
        const { units_done, message, state } = call.body;
        const act = {
          type: "execution.report",
          executionId,
          unitsDone: units_done ?? null,
          message: message ?? null,
          state: state ?? null,
        } as const;
        await submit(services, call, act, finish, async () => {
          const reported = await executionIn(store, call.isvId, licenseId, projectId, executionId);
          return json(progressOf(reported ?? null, store.now()));
        });
      },
    }),
  ];
}

async function executionIn(
  store: Services["store"],
  isvId: string,
  licenseId: string,
  projectId: string,
  executionId: string,
) {
  const license = await store.read(isvId, licenseId);
  return license?.project(projectId)?.executions.find(({ id }) => id === executionId);
}
