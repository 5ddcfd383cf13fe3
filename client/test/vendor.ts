/** A real server for the client's tests: a process of its own, in memory, whose clock a test moves. */
import { type ServerProcess, startProcess, temporaryFolder } from "../../server/test/process.ts";
import { type Clock, SystemClock } from "../src/clock.ts";
import { type ConnectOptions, type KeySet, type Launcher, launcher } from "../src/index.ts";
import { isv } from "./world.ts";

const id = (n: string) => `5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c${n}`;

export const product = id("01");
export const licenses = { users: id("11"), devices: id("12"), projects: id("13") };
export const keys = {
  backend: "backend-key-1234",
  signed: "signed-key-12345",
  app: "app-scope-key-12",
  admin: "admin-key-123456",
};

const tenant = (origins: readonly string[]) => `
isv: { id: ${isv}, name: TypeScript tests, browser_origins: ${JSON.stringify(origins)} }
keys:
  - { name: backend, role: provisioning, secret: "${keys.backend}", response_signature: none }
  - { name: signed, role: provisioning, secret: "${keys.signed}" }
  - { name: app, role: provisioning, scope: app, secret: "${keys.app}", response_signature: none }
  - { name: admin, role: admin, secret: "${keys.admin}" }
products:
  - { id: ${product}, name: Tool, features: [{ name: Export }], limitations: [{ name: Cores }] }
editions:
  - { product: Tool, name: Users, provisioning_mode: floating, client_type: users, session_period: 10, features: [Export], limitations: [{ limitation: Cores, value: 4 }] }
  - { product: Tool, name: Devices, provisioning_mode: floating, client_type: devices, session_period: 10 }
  - { product: Tool, name: Projects, provisioning_mode: floating, client_type: projects }
customers:
  - { number: "1", name: Customer }
licenses:
  - { id: ${licenses.users}, customer: "1", edition: Users, floating_token_limit: 2, legacy_license_key: factor.com }
  - { id: ${licenses.devices}, customer: "1", edition: Devices, floating_token_limit: 2 }
  - { id: ${licenses.projects}, customer: "1", edition: Projects, project_tokens: { mono: 2, team: 1 } }
`;

/** A clock whose pauses take a hundredth: for faults that a real network has to make. */
export function briskClock(): Clock {
  const clock = new SystemClock();
  return { now: () => clock.now(), after: (ms, call) => clock.after(ms / 100, call), chance: () => 0 };
}

export class Vendor {
  readonly url: string;
  readonly #process: ServerProcess;
  readonly #folder: ReturnType<typeof temporaryFolder>;

  private constructor(process: ServerProcess, folder: ReturnType<typeof temporaryFolder>) {
    this.url = process.url;
    this.#process = process;
    this.#folder = folder;
  }

  /** `origins`: whose pages may call with client tokens. */
  static async start(origins: readonly string[] = []): Promise<Vendor> {
    const folder = temporaryFolder();
    const file = folder.write("tenant.yaml", tenant(origins));
    return new Vendor(await startProcess(["sandbox"], { SEATKEEPER_TENANT_FILES: file }), folder);
  }

  async stop(): Promise<void> {
    await this.#process.stop("SIGTERM");
    this.#folder.remove();
  }

  get options(): { url: string; isv: string; apiKey: string } {
    return { url: this.url, isv, apiKey: keys.backend };
  }

  launcher(user: string, more: ConnectOptions = {}): Launcher {
    return launcher({ ...this.options, license: licenses.projects, user, ...more });
  }

  /** What examples and snippets find the server by. */
  get environment(): Record<string, string> {
    return {
      SEATKEEPER_URL: this.url,
      SEATKEEPER_ISV: isv,
      SEATKEEPER_API_KEY: keys.backend,
      SEATKEEPER_LICENSE: licenses.projects,
      SEATKEEPER_USER: "anna",
    };
  }

  async advance(seconds: number): Promise<void> {
    await this.#ask("POST", "/sandbox/clock", { advance_seconds: seconds });
  }

  async now(): Promise<number> {
    const { now } = (await (await this.#ask("GET", "/sandbox/clock")).json()) as { readonly now: string };
    return Date.parse(now);
  }

  async publicKey(): Promise<string> {
    return (await this.#ask("GET", `/api/v2/isv/${isv}/signing-key.pem`)).text();
  }

  async keySet(): Promise<KeySet> {
    return (await (await this.#ask("GET", "/.well-known/jwks.json")).json()) as KeySet;
  }

  async admin<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.#ask(method, `/api/v2/isv/${isv}${path}`, body);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  sessions(
    license: string,
  ): Promise<readonly { readonly id: string; readonly user_id: string | null; readonly session_id: string }[]> {
    return this.admin("GET", `/licenses/${license}/opensessions`);
  }

  async #ask(method: string, path: string, body?: object): Promise<Response> {
    const headers = {
      ...(path.startsWith("/api") && { AdminKey: keys.admin }),
      ...(body && { "Content-Type": "application/json" }),
    };
    // Below the bound of a hook, so that it is told which call was not answered.
    const signal = AbortSignal.timeout(20_000);
    const init = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(this.url + path, init).catch((cause) => {
      throw new Error(`${method} ${path} was not answered`, { cause });
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}
