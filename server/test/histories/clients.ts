/** The clients of one licence: they open, extend, close and forget sessions, and open, switch and close projects, all at once. */
import type { Command, Millis, Terms } from "../../src/core/types.ts";
import type { Random } from "../differential/stream.ts";
import { freshId, isvIdOf, licenseIdOf, licenseSetting, modelTermsOf } from "../model/vendor.ts";
import { Recorder, type Request } from "./recorder.ts";

const isvId = isvIdOf(1);
const app = ["ProvisioningKey", "histories-provisioning-key"] as const;
const admin = ["AdminKey", "histories-admin-key"] as const;
const root = `/api/v2/isv/${isvId}`;

/** How long most sessions last, and a client that falls silent stays so a little longer. */
export const sessionMs = 1_200;
const clientsPerLicense = 5;
/** Who waits for a token asks again by then; a place in the queue is kept for far longer than a history takes. */
export const waitSeconds = 1;
/** What is prepared is waited for, however busy the machine is: nothing fails yet. */
const preparingMs = 30_000;
const msPerMinute = 60_000;

/** Every third licence counts projects. */
const isOfProjects = (n: number) => n % 3 === 0;

const usersSetting = licenseSetting({ tokens: 2, sessionsPerHolder: 2, periodMinutes: 1, checkoutMaxMinutes: 1 });
const projectsSetting = { ...usersSetting, type: "projects", mono: 1, team: 1, allowsSwitch: true } as const;

/** What licence `n` of the tenant file allows, as the model sees it. */
export function termsOf(n: number): Terms {
  return modelTermsOf({ ...(isOfProjects(n) ? projectsSetting : usersSetting), licenseId: licenseIdOf(n) });
}

/** A vendor with licences 1 to `count`. */
export function tenantOf(count: number): string {
  const licenses = Array.from({ length: count }, (_, n) => {
    const more = isOfProjects(n + 1)
      ? "edition: Projects, project_tokens: { mono: 1, team: 1 }"
      : "edition: Users, floating_token_limit: 2";
    return `  - { id: ${licenseIdOf(n + 1)}, customer: "1", ${more} }`;
  });
  return `isv: { id: ${isvId}, name: Histories }
keys:
  - { name: app, role: provisioning, secret: ${app[1]}, response_signature: none }
  - { name: admin, role: admin, secret: ${admin[1]} }
products:
  - { name: CAD }
editions:
  - { product: CAD, name: Users, provisioning_mode: floating, client_type: users, session_period: 1,
      max_checkout_period: 1, max_floating_sessions_with_same_client_id: 2 }
  - { product: CAD, name: Projects, provisioning_mode: floating, client_type: projects, session_period: 1,
      max_checkout_period: 1, max_floating_sessions_with_same_client_id: 2, allow_kind_switch: true }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
${licenses.join("\n")}
`;
}

interface Call {
  readonly request: Request;
  readonly command: Command;
}

/** Where the servers are: a random one, or one after the other. They come and go. */
export interface Servers {
  readonly urls: () => readonly string[];
}

export class LicenseWorld {
  readonly n: number;
  readonly #servers: Servers;
  readonly #randomOf: (client: number) => Random;
  readonly #recorder = new Recorder();
  readonly #projects: string[] = [];

  constructor(n: number, servers: Servers, randomOf: (client: number) => Random) {
    this.n = n;
    this.#servers = servers;
    this.#randomOf = randomOf;
  }

  get operations() {
    return this.#recorder.operations;
  }

  get #place() {
    return { isvId, licenseId: licenseIdOf(this.n) };
  }

  /** Makes the projects that the clients will use: before anything is disturbed. */
  async prepare(): Promise<void> {
    if (!isOfProjects(this.n)) return;
    for (const name of ["A", "B", "C"]) {
      const request = post("projects", { license_id: this.#place.licenseId, name });
      const idOf = (made: unknown) => (made as { readonly id: string }).id;
      const commandOf = (made: object): Command => ({ type: "project.create", ...this.#place, name, id: idOf(made) });
      const url = this.#servers.urls()[0] as string;
      this.#projects.push(idOf(await this.#recorder.call(url, request, commandOf, preparingMs)));
    }
  }

  async play(until: Millis): Promise<void> {
    await Promise.all(Array.from({ length: clientsPerLicense }, (_, n) => this.#client(n, until)));
  }

  /** What every server says is open, when nothing is disturbed any more. */
  async look(): Promise<void> {
    const path = `${root}/licenses/${this.#place.licenseId}/opensessions`;
    const request: Request = { method: "GET", path, key: admin, body: null };
    for (const url of this.#servers.urls()) {
      const look = () => this.#recorder.call(url, request, () => ({ type: "sweep", ...this.#place }));
      // A server that was cut off just now may need some tries.
      for (let n = 0; (await look()) === null; n++) {
        if (n === 40) throw new Error(`${url} has not come back`);
        await pause(250);
      }
    }
  }

  async #client(n: number, until: Millis): Promise<void> {
    const random = this.#randomOf(n);
    let isIn = false;
    while (Date.now() < until) {
      const isAboutProject = isOfProjects(this.n) && random.chance(0.3);
      const { request, command } = isAboutProject ? this.#aboutProject(random) : this.#aboutSession(random, n, isIn);
      const came = await this.#recorder.call(random.pick(this.#servers.urls()), request, () => command);
      if (came !== null && command.type === "open") isIn = typeof came === "object";
      if (came !== null && command.type === "close") isIn = false;
      await pause(random.chance(0.05) ? sessionMs + random.below(50) : 15 + random.below(110));
    }
  }

  #aboutSession(random: Random, n: number, isIn: boolean): Call {
    const clientId = `client${n}@factor.com`;
    const sessionId = freshId(9, n * 10 + (random.chance(0.8) ? 1 : 2));
    const named = { license_id: this.#place.licenseId, client_id: clientId, session_id: sessionId };
    const caller = { ...this.#place, clientId, sessionId, userId: null };
    // One who has no session may have a place in the queue, and gives it up so.
    if (random.chance(isIn ? 0.45 : 0.1)) {
      return { request: post("provisioning/session/close", named), command: { type: "close", ...caller } };
    }
    const projectId = isOfProjects(this.n) ? random.pick(this.#projects) : null;
    // Ordinary sessions last a minute and outlast the history.
    const checkoutPeriod = random.chance(0.85) ? sessionMs / msPerMinute : null;
    const isWaiting = random.chance(0.4);
    const waiting = isWaiting ? { wait_seconds: waitSeconds } : {};
    const body = { ...named, checkout_period: checkoutPeriod, project_id: projectId, ...waiting };
    const ids = { session: `${clientId} ${sessionId}`, assignment: clientId, token: clientId };
    return {
      request: post("provisioning/session/open", body),
      command: { type: "open", ...caller, projectId, checkoutPeriod, waitMs: isWaiting ? waitSeconds * 1_000 : 0, ids },
    };
  }

  #aboutProject(random: Random): Call {
    const projectId = random.pick(this.#projects);
    const kind = random.pick(["mono", "team"] as const);
    const force = random.chance(0.3);
    const place = { ...this.#place, projectId };
    const on = (verb: string, body: object) => post(`projects/${projectId}/${verb}`, body, admin);
    return random.weighted<() => Call>([
      [() => ({ request: on("open", { kind }), command: { type: "project.open", ...place, kind } }), 5],
      [() => ({ request: on("save", {}), command: { type: "project.save", ...place } }), 1],
      [() => ({ request: on("close", { force }), command: { type: "project.close", ...place, force } }), 1],
      [() => ({ request: on("kind", { kind }), command: { type: "project.kind", ...place, kind } }), 2],
    ])();
  }
}

function post(path: string, body: object, key: Request["key"] = app): Request {
  return { method: "POST", path: `${root}/${path}`, key, body };
}

/** Real time has to pass: the sessions end by PostgreSQL's clock. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
