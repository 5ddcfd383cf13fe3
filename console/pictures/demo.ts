/** A running demo for pictures: its made-up past, and people who work right now. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
export const licenses = {
  devices: "27180460-29df-4a5a-a0a1-78c85ab6cee0",
  users: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11",
  overuse: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a13",
  projects: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a14",
  world: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a15",
} as const;

export const product = "b18657cc-1f7c-43fa-e3a4-08da6fa41ad3";
const cores = "00cf2984-d71a-4c66-9f49-08da833189e3";
const editions = { floatingUsers: "b2dd1eee-1dc7-8a7f-bde7-49c65c375c2f" } as const;

export interface Demo {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the demo on a free port, with a database of its own that goes with it. */
export async function startDemo(): Promise<Demo> {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-pictures-"));
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL("../../server/bin/seatkeeper.js", import.meta.url)), "serve", "--demo"],
    {
      env: { ...process.env, SEATKEEPER_PORT: "0", SEATKEEPER_DATABASE_URL: `sqlite:${folder}/demo.db` },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const gone = once(server, "exit");
  const url = await Promise.race([addressIn(server.stdout), gone.then(() => null)]);
  if (url === null) throw new Error("the demo does not start");
  return {
    url,
    async stop() {
      server.kill();
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The address that the server tells; what it tells afterwards is read and let go. */
function addressIn(output: Readable): Promise<string> {
  let told = "";
  return new Promise((resolve) => {
    output.on("data", (chunk) => {
      told = (told + chunk).slice(-10_000);
      const [, url] = /running at (http:\S+)/.exec(told) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
}

/** People at work: some licences half full, one full with others in vain, a project that computes. */
export async function fill(url: string): Promise<void> {
  const post = callerOf(url);
  const open = (license_id: string, client_id: string, more: object = {}) =>
    post("provisioning/session/open", { license_id, client_id, ...more });
  for (const name of ["anna", "ben", "carla", "daniel"]) {
    await open(licenses.users, `${name}@factor.com`, { session_id: crypto.randomUUID() });
  }
  await open(licenses.users, "anna@factor.com", { session_id: crypto.randomUUID() });
  for (const name of ["aiko", "bruno", "chen", "dalia", "emil", "farah", "goran", "hana", "ivo", "jana", "kai"]) {
    await open(licenses.world, `${name}@vector.example`);
  }
  for (const name of ["lena", "marek", "nora"]) {
    for (let n = 0; n < 3; n++) await open(licenses.world, `${name}@vector.example`);
  }
  for (const client_id of ["render-1", "render-2"]) {
    await post("provisioning/activations", { product_id: product, license_key: licenses.overuse, client_id });
    await open(licenses.overuse, client_id);
  }
  await consume(post);
  await workOnProjects(post);
  await administrate(callerOf(url, { AdminKey: "demo-admin-key", LastModifiedBy: "Olga" }));
}

/** A machine that has used up most of a month's quota. */
async function consume(post: Post): Promise<void> {
  const client_id = "workstation-12";
  await post("provisioning/activations", { product_id: product, license_key: licenses.devices, client_id });
  const consumption_heartbeat = [{ limitation_id: cores, value: 2 }];
  await post("data_gathering/consumption_heartbeats", { client_id, consumption_heartbeat });
}

/** What an administrator did this morning: lines of the audit log. */
async function administrate(post: Post): Promise<void> {
  const { id } = await post("customers", { company_name: "Delta Works", customer_number: "87015" });
  await post("customers", { id, email: "licences@delta.example" }, "PATCH");
  await post("keys", { name: "support desk", role: "admin", admin_role: "operator" });
  await post("templates", { id: editions.floatingUsers, session_period: 30, max_checkout_period: 1440 }, "PATCH");
  await post("licenses", { id: licenses.users, floating_token_limit: 6 }, "PATCH");
}

async function workOnProjects(post: Post): Promise<void> {
  const create = async (name: string) => (await post("projects", { license_id: licenses.projects, name })).id as string;
  const connect = (project_id: string, client_id: string, session_id: string) =>
    post("provisioning/session/open", { license_id: licenses.projects, project_id, client_id, session_id });
  const [wing, engine, cabin] = [
    await create("Wing flutter"),
    await create("Engine mount"),
    await create("Cabin noise"),
  ];
  await post(`projects/${wing}/open`, { kind: "team" });
  await post(`projects/${engine}/open`, { kind: "mono" });
  const session = crypto.randomUUID();
  await connect(wing, "paula@factor.com", session);
  await connect(wing, "quentin@factor.com", crypto.randomUUID());
  await connect(engine, "rosa@factor.com", crypto.randomUUID());
  const { id, secret } = await post(`projects/${wing}/executions`, {
    session_id: session,
    name: "Flutter at 240 kn",
    units_total: 400,
  });
  await post(`projects/${wing}/executions/${id}`, { secret, units_done: 148, message: "step 148 of 400" }, "PATCH");
  await post(`projects/${cabin}/open`, { kind: "mono" });
  await post(`projects/${cabin}/save`, {});
}

type Post = (path: string, body: object, method?: string) => Promise<Record<string, unknown>>;

const quickstart = { ProvisioningKey: "demo-quickstart-key" };

function callerOf(url: string, key: Readonly<Record<string, string>> = quickstart): Post {
  return async (path, body, method = "POST") => {
    const answer = await fetch(`${url}/api/v2/isv/${isv}/${path}`, {
      method,
      headers: { ...key, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    return text === "" ? {} : JSON.parse(text);
  };
}
