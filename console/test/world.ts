/** A server with a vendor for the console, Chromium, and pages that note what a browser complains of. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type ServerProcess, startProcess, temporaryFolder } from "../../server/test/process.ts";

/** A browser on a busy machine; what is waited for is there in a second or two on an idle one. */
export const patienceMs = 240_000;

export const executablePath = "/usr/bin/chromium";

const id = (n: string) => `6e1f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c${n}`;

export const isv = id("00");
export const licenses = { pair: id("11"), crowd: id("12"), projects: id("13"), named: id("14") };
export const product = id("20");
export const documents = id("21");
export const machines = id("22");
export const keys = {
  backend: "backend-key-1234",
  owner: "owner-key-123456",
  viewer: "viewer-key-12345",
  viewerId: id("31"),
  operator: "operator-key-123",
};

const tenant = `
isv: { id: ${isv}, name: Console tests }
keys:
  - { name: backend, role: provisioning, secret: "${keys.backend}", response_signature: none }
  - { name: olga, role: admin, secret: "${keys.owner}" }
  - { id: ${id("31")}, name: victor, role: admin, admin_role: viewer, secret: "${keys.viewer}" }
  - { name: otto, role: admin, admin_role: operator, secret: "${keys.operator}" }
products:
  - name: Tool
    id: ${id("20")}
    features: [{ name: Backup }]
    limitations: [{ name: Documents, id: ${id("21")} }]
    variables: [{ name: Support address }]
    constrained_variables: [{ name: Region, values: [eu, us] }]
    software_release_limitations: [{ name: "25.2" }]
editions:
  - { product: Tool, name: Users, provisioning_mode: floating, client_type: users, session_period: 60 }
  - { product: Tool, name: Projects, provisioning_mode: floating, client_type: projects }
  - { id: ${id("22")}, product: Tool, name: Machines, provisioning_mode: named, client_type: devices, limitations: [{ limitation: Documents, value: 10, consumption_reset_mode: month }], variables: [{ variable: Support address, value: help@example.com }], software_release_limitation: "25.2" }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
  - { id: ${licenses.pair}, name: Pair, customer: "1", edition: Users, floating_token_limit: 2 }
  - { id: ${licenses.crowd}, name: Crowd, customer: "1", edition: Users, floating_token_limit: 20000 }
  - { id: ${licenses.projects}, name: Studio, customer: "1", edition: Projects, project_tokens: { mono: 1, team: 1 } }
  - { id: ${licenses.named}, name: Machines, customer: "1", edition: Machines, token_limit: 2 }
`;

const blankTenant = `
isv: { id: ${isv}, name: A new vendor }
keys:
  - { name: backend, role: provisioning, secret: "${keys.backend}", response_signature: none }
  - { name: olga, role: admin, secret: "${keys.owner}" }
`;

export interface WorldOptions {
  /** A vendor with keys and nothing else. */
  readonly isBlank?: boolean;
  readonly isInMemory?: boolean;
}

/**
 * A world for the tests beside this call. Whoever visits it has nothing to complain of: no error, no violation of the
 * policy, no request to another host.
 */
export function useWorld(options: WorldOptions = {}) {
  let world: World;
  const visits: Visit[] = [];
  beforeAll(async () => {
    world = await World.start(options);
  }, 60_000);
  afterAll(() => world?.stop());
  afterEach(async () => {
    const complaints = visits.flatMap((visit) => visit.complaints);
    await Promise.all(visits.splice(0).map((visit) => visit.close()));
    expect(complaints).toEqual([]);
  });
  return {
    get world(): World {
      return world;
    },
    async visit(...asked: Parameters<World["visit"]>): Promise<Visit> {
      const made = await world.visit(...asked);
      visits.push(made);
      return made;
    },
    /** A browser tells of every refusal as of a failure: these are meant. */
    excuse(...statuses: readonly number[]): void {
      const told = visits.flatMap(({ complaints }) => complaints.splice(0));
      expect(told).toEqual(statuses.map((status) => expect.stringContaining(String(status))));
    },
  };
}

export class World {
  readonly browser: Browser;
  readonly url: string;
  readonly #server: ServerProcess;
  readonly #folder: ReturnType<typeof temporaryFolder>;

  private constructor(browser: Browser, server: ServerProcess, folder: ReturnType<typeof temporaryFolder>) {
    this.browser = browser;
    this.url = server.url;
    this.#server = server;
    this.#folder = folder;
  }

  static async start({ isBlank = false, isInMemory = false }: WorldOptions = {}): Promise<World> {
    const folder = temporaryFolder();
    const file = folder.write("tenant.yaml", isBlank ? blankTenant : tenant);
    const server = await startProcess(["serve"], {
      SEATKEEPER_TENANT_FILES: file,
      SEATKEEPER_DATABASE_URL: isInMemory ? "memory:" : `sqlite:${file}.db`,
    });
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    return new World(browser, server, folder);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.#server.stop("SIGTERM");
    this.#folder.remove();
  }

  /** A browser of its own, signed in unless there is no key; on no page yet: to load one that nobody looks at costs more than most tests. */
  async visit(key: string | null, colorScheme: "light" | "dark" = "light", timezoneId = "UTC"): Promise<Visit> {
    const viewport = { width: 1280, height: 900 };
    const context = await this.browser.newContext({ colorScheme, timezoneId, viewport });
    const visit = new Visit(this.url, context, await context.newPage());
    if (key !== null) await visit.signIn(key);
    return visit;
  }

  /** A call as an application makes it. */
  async ask(path: string, body: object): Promise<{ readonly status: number; readonly body: Record<string, string> }> {
    const answer = await fetch(`${this.url}/api/v2/isv/${isv}/${path}`, {
      method: "POST",
      headers: { ProvisioningKey: keys.backend, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, string> };
  }

  /** A call as a script of an administrator makes it. */
  async administer(method: string, path: string, body: object): Promise<number> {
    const answer = await fetch(`${this.url}/api/v2/isv/${isv}/${path}`, {
      method,
      headers: { AdminKey: keys.owner, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return answer.status;
  }

  open(license_id: string, client_id: string) {
    return this.ask("provisioning/session/open", { license_id, client_id });
  }

  close(license_id: string, client_id: string) {
    return this.ask("provisioning/session/close", { license_id, client_id });
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");

declare global {
  interface Window {
    axe: {
      run(options: { readonly resultTypes: readonly string[] }): Promise<{
        readonly violations: readonly {
          readonly id: string;
          readonly impact: string;
          readonly nodes: readonly { readonly html: string }[];
        }[];
      }>;
    };
  }
}

export class Visit {
  readonly page: Page;
  /** What the browser complained of: errors, violations of the policy, requests to others. */
  readonly complaints: string[] = [];
  readonly #url: string;
  readonly #context: BrowserContext;

  constructor(url: string, context: BrowserContext, page: Page) {
    this.#url = url;
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      // Nobody is signed in at first: the browser tells of that answer as of a failure.
      if (message.location().url.endsWith("/console/session")) return;
      this.complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith("data:")) {
        this.complaints.push(`asks another host: ${request.url()}`);
      }
    });
  }

  /** Without the form, which has tests of its own: the browser gets the cookie. */
  async signIn(key: string): Promise<void> {
    const headers = { "X-Requested-With": "tests" };
    const answer = await this.page.request.post(`${this.#url}/console/session`, { data: { admin_key: key }, headers });
    expect(answer.status()).toBe(200);
  }

  /** Goes to a place in the console and waits until all that it reads is there. */
  readonly go = async (place: string): Promise<void> => {
    await this.page.goto(`${this.#url}/console${place}`);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
    await this.page.locator('[aria-label^="Loading"]').first().waitFor({ state: "detached" });
  };

  /** What axe finds serious on the page as it stands. */
  readonly serious = async (): Promise<string[]> => {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap((violation) => violation.nodes.map(({ html }) => `${violation.id}: ${html.slice(0, 300)}`));
  };

  /** Another tab of the same browser. */
  readonly tab = (): Promise<Page> => this.#context.newPage();

  readonly close = (): Promise<void> => this.#context.close();
}

/** Resolves once the first chart has a pixel of the colour. */
export async function drawn(page: Page, colour: string): Promise<void> {
  await page.waitForFunction((wanted) => {
    const canvas = document.querySelector<HTMLCanvasElement>(".chart canvas");
    const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const [red, green, blue] = [1, 3, 5].map((start) => Number.parseInt(wanted.slice(start, start + 2), 16));
    for (let n = 0; n < pixels.length; n += 4) {
      if (pixels[n] === red && pixels[n + 1] === green && pixels[n + 2] === blue) return true;
    }
    return false;
  }, colour);
}
