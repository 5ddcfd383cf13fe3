/** The calls about projects. None of them takes a token. */

import type { ExecutionAnswer, ExecutionBody, ProjectAnswer, ProjectBody, ReportBody } from "./api.ts";
import type { Channel, Sending } from "./channel.ts";
import { numberOf, ProjectUnknown } from "./errors.ts";
import { type ExecutionProgress, formed, formedList, type LicenseKind, ProjectInfo, progressOf } from "./models.ts";
import { type Call, present } from "./wire.ts";

/** A project by what was told of it, by its id, or by its name. */
export type ProjectRef = ProjectInfo | string;

const pageSize = 1_000;
/** Ten million projects, a hundred times what a server keeps of a licence: whoever sends more is not to be read on. */
const pagesMax = 10_000;
const executionOver = 13014;

/** The projects of one licence. */
export class ProjectCalls {
  readonly channel: Channel;
  readonly license: string;

  constructor(channel: Channel, license: string) {
    this.channel = channel;
    this.license = license;
  }

  /** All of them, page by page. */
  async list(): Promise<ProjectInfo[]> {
    const found: ProjectInfo[] = [];
    for (let page = 1; page <= pagesMax; page++) {
      const lines = await this.#search({ page: String(page), page_size: String(pageSize) });
      found.push(...lines);
      if (lines.length < pageSize) break;
    }
    return found;
  }

  /** As it is now. A text that reads as a UUID is an id, any other a name. */
  async find(project: ProjectRef, sending?: Sending): Promise<ProjectInfo> {
    const id = idOf(project);
    if (id !== undefined) return this.#project({ method: "GET", path: `/projects/${id}` }, sending);
    const [found] = await this.#search({ name: String(project) }, sending);
    if (found === undefined)
      throw new ProjectUnknown(`The licence has no project "${project}".`, "project_unknown", 13005);
    return found;
  }

  async create(name: string): Promise<ProjectInfo> {
    const body: ProjectBody = { license_id: this.license, name };
    // Sent twice, it would be refused for the name that it took itself.
    return this.#project({ method: "POST", path: "/projects", body, expects: 201, isOnceOnly: true });
  }

  async delete(project: ProjectRef, force: boolean): Promise<void> {
    const path = `/projects/${await this.identify(project)}`;
    const query = force ? { force: "true" } : {};
    await this.channel.value({ method: "DELETE", path, query, expects: 204, isOnceOnly: true });
  }

  open(project: ProjectRef, kind: LicenseKind | undefined): Promise<ProjectInfo> {
    return this.#act(project, "open", kind === undefined ? {} : { kind });
  }

  save(project: ProjectRef): Promise<ProjectInfo> {
    return this.#act(project, "save", {});
  }

  async close(project: ProjectRef, save: boolean, force: boolean): Promise<ProjectInfo> {
    const id = await this.identify(project);
    if (save) await this.save(id);
    return this.#act(id, "close", force ? { force: true } : {});
  }

  async reopen(project: ProjectRef, kind: LicenseKind | undefined, force: boolean): Promise<ProjectInfo> {
    const { id } = await this.close(project, true, force);
    return this.open(id, kind);
  }

  changeKind(project: ProjectRef, kind: LicenseKind): Promise<ProjectInfo> {
    return this.#act(project, "kind", { kind });
  }

  async progress(project: ProjectRef, sending?: Sending): Promise<ExecutionProgress> {
    const path = `/projects/${await this.identify(project, sending)}/progress`;
    return progressOf(await this.channel.value({ method: "GET", path }, sending));
  }

  /** Says that work began. Answers with the execution's id and its secret. */
  async startExecution(project: string, body: ExecutionBody): Promise<ExecutionAnswer> {
    const path = `/projects/${project}/executions`;
    const call: Call = { method: "POST", path, body, expects: 201, isOnceOnly: true };
    return formed(await this.channel.value(call), { id: "", secret: "" });
  }

  async identify(project: ProjectRef, sending?: Sending): Promise<string> {
    return idOf(project) ?? (await this.find(project, sending)).id;
  }

  async #act(project: ProjectRef, verb: string, body: object): Promise<ProjectInfo> {
    return this.#project({ method: "POST", path: `/projects/${await this.identify(project)}/${verb}`, body });
  }

  async #project(call: Call, sending?: Sending): Promise<ProjectInfo> {
    return new ProjectInfo(await this.channel.value<ProjectAnswer>(call, sending));
  }

  async #search(query: Readonly<Record<string, string>>, sending?: Sending): Promise<ProjectInfo[]> {
    const call: Call = { method: "GET", path: "/projects", query: { license_id: this.license, ...query } };
    const lines = formedList<ProjectAnswer>(await this.channel.value(call, sending), {});
    return lines.map((line) => new ProjectInfo(line));
  }
}

/** What an execution reports on itself. */
export interface Report {
  readonly unitsDone?: number | undefined;
  readonly message?: string | undefined;
  readonly state?: "finished" | "failed" | undefined;
}

/** Sends a report. One that repeats the execution's last word, because an answer was lost, is done. */
export async function report(
  channel: Channel,
  project: string,
  execution: string,
  secret: string,
  { unitsDone, message, state }: Report,
): Promise<ExecutionProgress> {
  const path = `/projects/${encodeURIComponent(project)}`;
  const body = present<ReportBody>({ secret, units_done: unitsDone, message, state });
  try {
    const call: Call = { method: "PATCH", path: `${path}/executions/${encodeURIComponent(execution)}`, body };
    return progressOf(await channel.value(call));
  } catch (error) {
    if (numberOf(error) !== executionOver || state === undefined) throw error;
    const { executions } = new ProjectInfo(await channel.value<ProjectAnswer>({ method: "GET", path }));
    const same = executions.find(({ id, progress }) => id === execution && progress.state === state);
    if (same === undefined) throw error;
    return same.progress;
  }
}

function idOf(project: ProjectRef): string | undefined {
  if (project instanceof ProjectInfo) return project.id;
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(project) ? project : undefined;
}
