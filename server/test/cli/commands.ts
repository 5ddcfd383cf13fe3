/** The command line as users run it, against a server of its own: a vendor, its keys, and a home of the user's. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { bin, ground, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

export const isv = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c6d";
const id = (n: string) => `5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c${n}`;
export const product = id("01");
export const licenses = { users: id("11"), devices: id("12"), projects: id("13"), expired: id("14") };
export const keys = {
  admin: "admin-key-123456",
  viewer: "viewer-key-12345",
  backend: "backend-key-1234",
  app: "app-scope-key-12",
};

export const tenant = `
isv: { id: ${isv}, name: Acme }
keys:
  - { name: admin, role: admin, secret: "${keys.admin}" }
  - { name: viewer, role: admin, admin_role: viewer, secret: "${keys.viewer}" }
  - { name: backend, role: provisioning, secret: "${keys.backend}", response_signature: none }
  - { name: app, role: provisioning, scope: app, secret: "${keys.app}", response_signature: none }
products: [{ id: ${product}, name: Modeller }]
editions:
  - { product: Modeller, name: Users, provisioning_mode: floating, client_type: users, session_period: 1 }
  - { product: Modeller, name: Devices, provisioning_mode: floating, client_type: devices, session_period: 10 }
  - { product: Modeller, name: Projects, provisioning_mode: floating, client_type: projects }
customers: [{ number: "1001", name: Example Ltd }]
licenses:
  - { id: ${licenses.users}, name: Users, customer: "1001", edition: Users, floating_token_limit: 2, legacy_license_key: example.com }
  - { id: ${licenses.devices}, name: Devices, customer: "1001", edition: Devices, floating_token_limit: 1 }
  - { id: ${licenses.projects}, name: Projects, customer: "1001", edition: Projects, project_tokens: { mono: 1, team: 1 } }
  - { id: ${licenses.expired}, name: Old, customer: "1001", edition: Users, floating_token_limit: 1, expiration_date_utc: "2020-01-01T00:00:00Z" }
`;

export interface Ended {
  /** Null: by a signal. */
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A way to the server on which some answers are lost. */
export interface BadWay {
  readonly url: string;
  close(): void;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when it has printed this, wherever. Rejects when it ends without. */
  said(text: string): Promise<void>;
}

export class Desk {
  readonly url: string;
  readonly folder: ReturnType<typeof temporaryFolder>;
  readonly #server: ServerProcess;

  private constructor(server: ServerProcess, folder: ReturnType<typeof temporaryFolder>) {
    this.url = server.url;
    this.folder = folder;
    this.#server = server;
  }

  static async open(): Promise<Desk> {
    const folder = temporaryFolder();
    const file = folder.write("tenant.yaml", tenant);
    const settings = { SEATKEEPER_DATABASE_URL: "memory:", SEATKEEPER_TENANT_FILES: file };
    return new Desk(await startProcess(["serve"], settings), folder);
  }

  async close(): Promise<void> {
    await this.#server.stop("SIGTERM");
    this.folder.remove();
  }

  /** Nobody is in or waits, and nobody has logged in. */
  async reset(): Promise<void> {
    rmSync(join(this.folder.path, "seatkeeper"), { recursive: true, force: true });
    // Closed, not ended: what an administrator has ended stays denied for a while.
    for (const user of await this.users()) await this.leave(user);
    // Who has waited in vain keeps its place for a while, and the token of whoever comes next.
    for (const user of await this.waiting()) {
      await this.open(user);
      await this.leave(user);
    }
  }

  /** The environment of somebody who has this key there. */
  with(key: string, url = this.url): Record<string, string> {
    return { SEATKEEPER_URL: url, SEATKEEPER_ISV: isv, SEATKEEPER_KEY: key };
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = this.with(keys.admin), input = ""): Running {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: this.folder.path,
      env: { ...ground, XDG_CONFIG_HOME: this.folder.path, SEATKEEPER_USER: "anna", ...env },
      stdio: "pipe",
    });
    child.stdin.end(input);
    let [output, errors] = ["", ""];
    let look = () => {};
    child.stdout.on("data", (chunk) => {
      output += chunk;
      look();
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
      look();
    });
    const ended = once(child, "close").then(([status]) => ({ status, output, errors }) as Ended);
    const said = (text: string) =>
      new Promise<void>((resolve, reject) => {
        look = () => (output + errors).includes(text) && resolve();
        look();
        void ended.then(() => reject(new Error(`it ended without "${text}":\n${output}${errors}`)));
      });
    return { child, ended, said };
  }

  run(args: readonly string[], env?: Readonly<Record<string, string>>, input?: string): Promise<Ended> {
    return this.start(args, env, input).ended;
  }

  /** What a command answers with `--json`. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { status, output, errors } = await this.run([...args, "--json"]);
    if (status !== 0) throw new Error(`status ${status}: ${errors}`);
    return JSON.parse(output) as T;
  }

  async call(method: string, path: string, body?: object): Promise<Response> {
    const headers = { AdminKey: keys.admin, ...(body && { "Content-Type": "application/json" }) };
    return fetch(`${this.url}/api/v2/isv/${isv}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  /** The server behind a proxy that answers with this status in its place, once it has done what such requests ask for. */
  async behindProxy(status: number, isMeant: (request: IncomingMessage) => boolean): Promise<BadWay> {
    const proxy = createServer(async (request, response) => {
      const { method = "", url = "", headers } = request;
      const isLost = isMeant(request);
      const body = await text(request);
      const { adminkey = "", "content-type": type } = headers as Record<string, string | undefined>;
      const answer = await fetch(this.url + url, {
        method,
        headers: { AdminKey: adminkey, ...(type && { "Content-Type": type }) },
        ...(body && { body }),
      });
      response.writeHead(isLost ? status : answer.status, { "Content-Type": "application/json" });
      response.end(isLost ? "" : await answer.text());
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const close = () => {
      proxy.closeAllConnections();
      proxy.close();
    };
    return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, close };
  }

  async open(user: string, license = licenses.users): Promise<void> {
    const body = { license_id: license, client_id: user, user_id: user };
    const { status } = await this.call("POST", "/provisioning/session/open", body);
    if (status !== 200) throw new Error(`${user} got no token: ${status}`);
  }

  async leave(user: string, license = licenses.users): Promise<void> {
    await this.call("POST", "/provisioning/session/close", { license_id: license, client_id: user, user_id: user });
  }

  /** Who has a session, by name: those who opened theirs in one millisecond stand in any order. */
  async users(license = licenses.users): Promise<string[]> {
    return (await this.#usersAt(`/licenses/${license}/opensessions`)).sort();
  }

  /** Who has a place in the queue, the next one first. */
  waiting(license = licenses.users): Promise<string[]> {
    return this.#usersAt(`/licenses/${license}/queue`);
  }

  async #usersAt(path: string): Promise<string[]> {
    const answer = await this.call("GET", path);
    return ((await answer.json()) as { readonly user_id: string }[]).map(({ user_id }) => user_id);
  }
}
