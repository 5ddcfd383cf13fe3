/**
 * Clients that fall silent, in real time: this file alone waits, for sessions of a second and a half (checkouts with a
 * fraction of a minute). Everything else about time runs on a clock that the test holds.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { isv } from "./vendor.ts";

const license = "00000000-0000-4000-8000-000000000001";
const key = "faults-provisioning-key";
const periodMs = 1_500;

const tenant = `isv: { id: ${isv}, name: Silence }
keys:
  - { name: app, role: provisioning, secret: ${key}, response_signature: none }
products:
  - { name: REVEN }
editions:
  - { product: REVEN, name: Projects, provisioning_mode: floating, client_type: projects, max_checkout_period: 1 }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
  - { id: ${license}, customer: "1", edition: Projects, project_tokens: { mono: 1, team: 0 } }
`;

let folder: ReturnType<typeof temporaryFolder>;
let env: Record<string, string>;
let server: ServerProcess;
let projects: string[];

beforeEach(async () => {
  folder = temporaryFolder();
  env = {
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/silence.db`,
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
  };
  server = await startProcess(["serve"], env);
  projects = [];
  for (const name of ["A", "B"]) {
    const { body } = await post("projects", { license_id: license, name });
    await post(`projects/${body.id}/open`, { kind: "mono" });
    projects.push(body.id);
  }
});

afterEach(async () => {
  await server.stop("SIGKILL");
  folder.remove();
});

async function post(path: string, body: object) {
  const response = await fetch(`${server.url}/api/v2/isv/${isv}/${path}`, {
    method: "POST",
    headers: { ProvisioningKey: key, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as { readonly id: string & number } };
}

/** Connects a user to a project, or extends the connection; answers with `granted` or the denial's number. */
async function connect(project: number, user: string, forMs = periodMs): Promise<"granted" | number> {
  const session_id = `3fa85f64-5717-4562-b3fc-${user.charCodeAt(0).toString(16).padStart(12, "0")}`;
  const session = { license_id: license, client_id: `host-${user}`, user_id: user, session_id };
  const checkout_period = forMs / 60_000;
  const { status, body } = await post("provisioning/session/open", {
    ...session,
    project_id: projects[project],
    checkout_period,
  });
  return status === 200 ? "granted" : body.id;
}

const silence = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("silent for less than its session, a client goes on with the same one, and nobody else got the token", async () => {
  expect(await connect(0, "anna")).toBe("granted");
  await silence(periodMs / 5);
  expect(await connect(1, "ben")).toBe(1007);
  expect(await connect(0, "anna")).toBe("granted");
});

test("silent for longer, or killed, it has lost the token at that instant, and comes back as anybody else does", async () => {
  expect(await connect(0, "anna")).toBe("granted");
  await silence(periodMs + 50);
  expect(await connect(1, "ben")).toBe("granted");
  expect(await connect(0, "anna")).toBe(1007);
  await silence(periodMs + 50);
  expect(await connect(0, "anna")).toBe("granted");
});

test("a server that is killed and started again knows the live sessions, and an execution runs on", async () => {
  const lasting = 30_000;
  expect(await connect(0, "anna", lasting)).toBe("granted");
  const session_id = "3fa85f64-5717-4562-b3fc-000000000061";
  const started = await post(`projects/${projects[0]}/executions`, { session_id, name: "run" });
  expect(started.status).toBe(201);
  await server.stop("SIGKILL");
  server = await startProcess(["serve"], env);
  expect(await connect(1, "ben")).toBe(1007);
  expect(await connect(0, "anna", lasting)).toBe("granted");
  const progress = await fetch(`${server.url}/api/v2/isv/${isv}/projects/${projects[0]}/progress`, {
    headers: { ProvisioningKey: key },
  });
  expect(await progress.json()).toMatchObject({ state: "running" });
});

test("what lapsed while the server was down for less than a minute is free when it is back", async () => {
  expect(await connect(0, "anna")).toBe("granted");
  await server.stop("SIGKILL");
  await silence(periodMs);
  server = await startProcess(["serve"], env);
  expect(await connect(1, "ben")).toBe("granted");
  expect(await connect(0, "anna")).toBe(1007);
});
