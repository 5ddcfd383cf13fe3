/** The examples run as their readers run them: as programs, against a real server. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { bin, temporaryFolder } from "../../server/test/process.ts";
import { connect } from "../src/index.ts";
import { licenses, product, Vendor } from "./vendor.ts";

const folder = fileURLToPath(new URL("../../examples/typescript/", import.meta.url));
let vendor: Vendor;

beforeAll(async () => {
  vendor = await Vendor.start();
});

afterAll(() => vendor?.stop());

interface Ended {
  readonly status: number;
  readonly lines: readonly string[];
  readonly errors: string;
}

const settings = () => ({ cwd: folder, env: { PATH: process.env.PATH, ...vendor.environment } });

function run(...args: readonly string[]): Promise<Ended> {
  return runWith({}, process.execPath, ...args);
}

function runWith(env: Readonly<Record<string, string>>, program: string, ...args: readonly string[]): Promise<Ended> {
  const { cwd, env: usual } = settings();
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env: { ...usual, ...env } }, (error, output, errors) => {
      resolve({ status: (error?.code as number | undefined) ?? 0, lines: output.trimEnd().split("\n"), errors });
    });
  });
}

test("floating-user: holds, works, gives back; and says why not", async () => {
  const { status, lines, errors } = await run("floating-user.ts", licenses.users, "anna");
  expect([status, errors]).toEqual([0, ""]);
  expect(lines[0]).toMatch(/^anna holds a token until 2\d{3}-/);
  expect(lines.slice(1)).toEqual(["step 1 is done", "step 2 is done", "step 3 is done", "the token is given back"]);
  expect(await vendor.sessions(licenses.users)).toEqual([]);
  const refused = await run("floating-user.ts", product, "anna");
  expect([refused.status, refused.errors]).toEqual([1, expect.stringMatching(/^the licence says no: There is no/)]);
});

test("unattended-execution: three executions on one token at a time, and again with the projects there", async () => {
  for (let time = 0; time < 2; time++) {
    const { status, lines, errors } = await run("unattended-execution.ts");
    expect([status, errors]).toEqual([0, ""]);
    expect(lines.map((line) => line.split(":")[0])).toEqual(
      [...Array(2)].flatMap(() => ["firmware", "driver", "loader"]),
    );
    for (const line of lines.slice(0, 3)) expect(line).toMatch(/; 2 Mono left$/);
    for (const line of lines.slice(3)) expect(line).toMatch(/: finished 100% \(4 of 4\): done$/);
  }
});

test("team-project: one token for three, and a Mono project for one", async () => {
  const { status, lines, errors } = await run("team-project.ts");
  expect([status, errors]).toEqual([0, ""]);
  expect(lines).toEqual([
    "site: open as team, with anna, ben, cem; mono: 2 of 2 left, team: 0 of 1 left",
    "emil is told: dora is in it",
    "everybody has left; mono: 2 of 2 left, team: 1 of 1 left",
  ]);
});

test("desktop-offline: works in the air for as long as it has checked out, and gives the token back", async () => {
  const place = temporaryFolder();
  const keySet = place.write("jwks.json", JSON.stringify(await vendor.keySet()));
  const ground = { KEY_SET: keySet, SEATKEEPER_STATE_DIR: place.path };
  const air = { ...ground, SEATKEEPER_URL: "http://127.0.0.1:2" };
  const desktop = (env: Readonly<Record<string, string>>, verb: string, user: string, ...more: readonly string[]) =>
    runWith(env, process.execPath, "desktop-offline.ts", verb, licenses.users, user, ...more);
  try {
    expect(await desktop(ground, "work", "anna")).toMatchObject({
      status: 1,
      errors: expect.stringContaining("(missing)"),
    });
    expect((await desktop(ground, "checkout", "anna", "3")).lines[0]).toMatch(/^yours until 2\d{3}-/);
    expect((await desktop(air, "work", "anna")).lines[0]).toMatch(/^anna works until 2\d{3}-/);
    expect((await desktop(air, "work", "ben")).status).toBe(1);
    expect(await vendor.sessions(licenses.users)).toMatchObject([{ user_id: "anna" }]);

    expect((await desktop(air, "checkin", "anna")).status).toBe(3);
    expect((await desktop(air, "work", "anna")).status).toBe(0);
    expect((await desktop(ground, "checkin", "anna")).lines).toEqual(["the token is given back"]);
    expect(await vendor.sessions(licenses.users)).toEqual([]);
    expect((await desktop(air, "work", "anna")).status).toBe(1);
    expect((await desktop(ground, "checkout", "anna", "400")).errors).toMatch(/^the licence says no/);
  } finally {
    place.remove();
  }
}, 60_000);

test("ci/render.sh: waits for a token, holds it while it works, and tells a full licence from a failure", async () => {
  const script = join(folder, "../ci/render.sh");
  const place = temporaryFolder();
  const ci = (more: Readonly<Record<string, string>>) =>
    runWith(
      {
        SEATKEEPER_LICENSE: licenses.users,
        SEATKEEPER_KEY: vendor.options.apiKey,
        SEATKEEPER: `${process.execPath} ${bin}`,
        ...more,
      },
      "sh",
      "-c",
      `cd '${place.path}' && '${script}'`,
    );
  try {
    const rendered = await ci({ CI_JOB_ID: "4711" });
    expect([rendered.status, rendered.errors]).toEqual([0, ""]);
    expect(rendered.lines).toEqual([expect.stringMatching(/^rendering with session [0-9a-f-]{36}$/), "rendered"]);
    expect(await vendor.sessions(licenses.users)).toEqual([]);

    const seats = connect(vendor.options);
    await Promise.all(["ben", "cem"].map((user) => seats.open({ license: licenses.users, user })));
    const full = await ci({ CI_JOB_ID: "4712", WAIT: "1s" });
    expect([full.status, full.lines.at(-1)]).toEqual([75, "no token in time: try again later"]);
    await seats.close();
    // By then the job that waited in vain has lost its place in the queue.
    await vendor.advance(60);
    expect((await ci({ SEATKEEPER_KEY: "no-such-key-0000" })).lines).toEqual(["failed with status 77"]);
  } finally {
    place.remove();
  }
}, 60_000);

test.each(["github", "gitlab"])("ci/%s.yaml is YAML, and its command has options that there are", (name) => {
  const text = readFileSync(join(folder, `../ci/${name}.yaml`), "utf8");
  expect(parse(text)).toHaveProperty(name === "github" ? "jobs.render" : "render");
  const [line = ""] = /seatkeeper run .*/.exec(text) ?? [];
  const commands = readFileSync(new URL("../../server/src/cli/remote/commands.ts", import.meta.url), "utf8");
  const options = [...line.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  expect(options.length).toBeGreaterThan(2);
  for (const option of options) expect(commands).toContain(`"${option}`);
  expect(text, "a stranger's package would be given the key").toContain(`npx --no -- ${line}`);
});

test("saas-backend: logs users of a customer's domain in, and others not", async () => {
  const backend = spawn(process.execPath, ["saas-backend.ts", product, "0"], { ...settings(), stdio: "pipe" });
  try {
    const url = await addressOf(backend);
    const ask = async (path: string, init: RequestInit) => {
      const answer = await fetch(url + path, init);
      return [answer.status, await answer.text()] as const;
    };
    const login = (body: string) => ask("/login", { method: "POST", body });
    const [status, ticket] = await login("anna@factor.com");
    expect(status).toBe(200);
    expect(await ask("/work", { headers: { Ticket: ticket } })).toEqual([200, "anna@factor.com may work"]);
    expect((await login("ben@factor.com"))[0]).toBe(200);
    expect(await login("cem@factor.com")).toEqual([402, expect.stringContaining("token is in use")]);
    expect(await login("eve@nobody.test")).toEqual([402, expect.stringContaining("legacy key")]);
    expect(await ask("/work", { headers: { Ticket: "no ticket" } })).toEqual([503, "log in first"]);
    expect(await ask("/logout", { method: "POST", headers: { Ticket: ticket } })).toEqual([200, "logged out"]);
    expect((await vendor.sessions(licenses.users)).map((line) => line.user_id)).toEqual(["ben@factor.com"]);
  } finally {
    backend.kill("SIGTERM");
    await once(backend, "exit");
  }
  expect(await vendor.sessions(licenses.users)).toEqual([]);
});

async function addressOf(program: ChildProcess): Promise<string> {
  let output = "";
  for await (const chunk of program.stdout ?? []) {
    output += chunk;
    const [url] = /http:\S+/.exec(output) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the example ended:\n${output}`);
}
