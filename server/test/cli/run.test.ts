/** `seatkeeper run`: a token for as long as a command runs, on real processes: statuses, signals, waiting, loss. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bin } from "../process.ts";
import { Desk, isv, keys, licenses, product } from "./commands.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await Desk.open();
});
beforeEach(() => desk.reset());
afterAll(() => desk?.close());

const onUsers = ["run", "--license", licenses.users];
const shell = (script: string) => ["--", "sh", "-c", script];
/** A shell that says that it is there, and stays until it is told otherwise. */
const stay = "echo ready; while :; do sleep 0.05; done";

test("holds a token while the command runs, tells it of the session, and ends with its status", async () => {
  const job = desk.start([
    ...onUsers,
    "--user",
    "ci",
    "--client",
    "runner",
    ...shell("env | grep ^SEATKEEPER; read line; exit 7"),
  ]);
  expect(await job.ended).toMatchObject({ status: 7, errors: "" });
  const told = Object.fromEntries(
    (await job.ended).output
      .trim()
      .split("\n")
      .map((line) => line.split("=")),
  );
  expect(told).toMatchObject({
    SEATKEEPER_SESSION_ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
    SEATKEEPER_LICENSE: licenses.users,
    SEATKEEPER_USER: "ci",
    SEATKEEPER_DEVICE: "runner",
  });
  expect(await desk.users()).toEqual([]);
});

describe("with a named profile", () => {
  const login = () =>
    desk.run(["login", "--url", desk.url, "--isv", isv, "--key", "-", "--profile", "b"], {}, keys.app);
  const onProfile = ["run", "--profile", "b", "--license", licenses.users, "--user", "ci"];
  const nested = shell(
    `env | grep -E "^SEATKEEPER_(URL|ISV|KEY|API_KEY)=" | cut -d= -f1; "${process.execPath}" "${bin}" status`,
  );

  test("the token is of its server, and so is what the command asks: the environment's other server hears nothing", async () => {
    await login();
    const heard: string[] = [];
    const other = createServer((request, response) => {
      heard.push(`${request.method} ${request.url}`);
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = other.address() as AddressInfo;
      const environment = desk.with(keys.admin, `http://127.0.0.1:${port}`);
      const job = await desk.run([...onProfile, ...nested], { ...environment, SEATKEEPER_API_KEY: keys.backend });
      expect(job).toMatchObject({ status: 0, errors: "" });
      expect(job.output).toMatch(/floating +1 +2 +1/);
      expect(job.output).not.toMatch(/^SEATKEEPER/);
      expect(heard).toEqual([]);
    } finally {
      other.close();
    }
  });

  test("an environment of the same server and vendor stays as it is: its key may be the application's", async () => {
    await login();
    const job = await desk.run([...onProfile, ...nested], desk.with(keys.backend, `${desk.url}/`));
    expect(job).toMatchObject({ status: 0, errors: "" });
    expect(job.output).toMatch(/^SEATKEEPER_(URL|ISV|KEY)\n/);
  });
});

test("who runs a command holds a token meanwhile, and gives it back", async () => {
  const job = desk.start([...onUsers, ...shell(stay)]);
  await job.said("ready");
  expect(await desk.users()).toEqual(["anna"]);
  job.child.kill("SIGTERM");
  expect((await job.ended).status).toBe(128 + 15);
  expect(await desk.users()).toEqual([]);
});

test("the command's input and output are its own", async () => {
  const job = await desk.run([...onUsers, ...shell("cat; echo wrong >&2")], desk.with(keys.app), "right\n");
  expect(job).toEqual({ status: 0, output: "right\n", errors: "wrong\n" });
});

test("options of the command are left to it, with -- and without", async () => {
  for (const command of [
    ["--", "echo", "--json", "--", "x"],
    ["echo", "--json", "--", "x"],
  ])
    expect((await desk.run([...onUsers, ...command])).output).toBe("--json -- x\n");
});

test.each([
  ["SIGTERM", 3],
  ["SIGINT", 4],
  ["SIGHUP", 5],
] as const)("%s reaches the command, which may have its own way with it", async (signal, status) => {
  const traps = "trap 'exit 3' TERM; trap 'exit 4' INT; trap 'exit 5' HUP;";
  const job = desk.start([...onUsers, ...shell(`${traps} ${stay}`)]);
  await job.said("ready");
  job.child.kill(signal);
  expect((await job.ended).status).toBe(status);
  expect(await desk.users()).toEqual([]);
});

test("a command that a signal ends comes to 128 and its number", async () => {
  expect((await desk.run([...onUsers, ...shell("kill -KILL $$")])).status).toBe(128 + 9);
});

test("a command that cannot be started is told, and the token is back", async () => {
  expect(await desk.run([...onUsers, "--", "no-such-program"])).toMatchObject({
    status: 127,
    errors: "seatkeeper: no-such-program cannot be started: ENOENT\n",
  });
  const file = desk.folder.write("not-executable", "");
  expect((await desk.run([...onUsers, "--", file])).status).toBe(126);
  expect(await desk.users()).toEqual([]);
});

describe("when there is no token", () => {
  beforeEach(async () => {
    await desk.open("ben");
    await desk.open("cem");
  });

  test("ends with 75 at once, and does not run the command", async () => {
    expect(await desk.run([...onUsers, ...shell("echo ran")])).toMatchObject({
      status: 75,
      output: "",
      errors: expect.stringContaining("Every floating token is in use."),
    });
  });

  test("waits as long as it is told, and runs once somebody leaves", async () => {
    const job = desk.start([...onUsers, "--wait", "1m", ...shell("echo ran")]);
    await job.said("Waiting up to 60 s");
    await desk.leave("ben");
    expect(await job.ended).toMatchObject({ status: 0, output: "ran\n" });
    expect(await desk.users()).toEqual(["cem"]);
  });

  test("is told its place in the queue, and is served before whoever asks later", async () => {
    const job = desk.start([...onUsers, "--wait", "1m", ...shell("echo ran")]);
    await job.said("place in the queue is 1.");
    const later = desk.start([...onUsers, "--user", "dora", "--wait", "1m", ...shell("echo ran")]);
    await later.said("place in the queue is 2.");
    await desk.leave("ben");
    expect(await desk.run([...onUsers, "--user", "eva", ...shell("echo ran")])).toMatchObject({ status: 75 });
    expect(await job.ended).toMatchObject({ status: 0, output: "ran\n" });
    expect(await later.ended).toMatchObject({ status: 0, output: "ran\n" });
    expect(await desk.waiting()).toEqual([]);
  });

  test("has waited in vain: 75", async () => {
    expect(await desk.run([...onUsers, "--wait", "1s", ...shell("echo ran")])).toMatchObject({
      status: 75,
      output: "",
    });
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends the wait, and no token is taken", async (signal) => {
    const job = desk.start([...onUsers, "--wait", "1h", ...shell("echo ran")]);
    await job.said("Waiting");
    job.child.kill(signal);
    const number = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[signal];
    expect(await job.ended).toMatchObject({ status: 128 + number, output: "" });
    expect(await desk.users()).toEqual(["ben", "cem"]);
  });
});

test("what will not be granted later either is 77, no server 69, a wrong command line 64", async () => {
  const status = async (args: readonly string[], env = desk.with(keys.backend)) => (await desk.run(args, env)).status;
  const command = ["--", "true"];
  expect(await status(["run", "--license", licenses.expired, "--wait", "1h", ...command])).toBe(77);
  expect(await status(["run", "--license", isv, ...command])).toBe(77);
  expect(await status([...onUsers, ...command], desk.with("no-such-key-0000"))).toBe(77);
  expect(await status([...onUsers, ...command], desk.with(keys.app, "http://127.0.0.1:2"))).toBe(69);
  expect(await status(["run", ...command])).toBe(64);
  expect(await status(onUsers)).toBe(64);
  expect(await status([...onUsers, "--wait", "long", ...command])).toBe(64);
  expect(await status([...onUsers, "--on-lost", "cry", ...command])).toBe(64);
});

test("a device that the licence does not know is activated where --product says for what", async () => {
  const onDevices = ["run", "--license", licenses.devices, "--client", "node-7"];
  expect((await desk.run([...onDevices, "--", "true"], desk.with(keys.app))).status).toBe(77);
  expect((await desk.run([...onDevices, "--product", product, "--", "true"], desk.with(keys.app))).status).toBe(0);
});

test("on a licence that counts projects it connects to one", async () => {
  const created = await desk.call("POST", "/projects", { license_id: licenses.projects, name: "bridge" });
  const { id } = (await created.json()) as { id: string };
  const run = ["run", "--license", licenses.projects, "--project", "bridge"];
  expect((await desk.run([...run, "--", "true"])).status).toBe(77);
  await desk.call("POST", `/projects/${id}/open`, { kind: "mono" });
  const job = desk.start([...run, ...shell(stay)]);
  await job.said("ready");
  expect((await desk.run([...run, "--user", "ben", "--", "true"])).status).toBe(75);
  job.child.kill("SIGTERM");
  await job.ended;
  expect((await desk.run([...run, "--user", "ben", "--", "true"])).status).toBe(0);
});

test("with --json every event is a line on standard error", async () => {
  const { output, errors } = await desk.run([...onUsers, "--json", ...shell("echo out; exit 3")]);
  expect(output).toBe("out\n");
  const events = errors
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events).toMatchObject([
    { event: "held", license: licenses.users, user: "anna", session_id: expect.any(String) },
    { event: "ended", status: 3 },
  ]);
});

/** The real server behind a door that says of every session that it lasts a second, and that a test shuts. */
describe("when the session is lost", () => {
  let door: Server;
  let isShut: boolean;

  beforeEach(async () => {
    isShut = false;
    door = createServer((request, response) => {
      if (isShut) request.socket.destroy();
      else void forward(request, response);
    });
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    door.closeAllConnections();
    door.close();
  });

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { provisioningkey: key = "", accept = "" } = request.headers as Record<string, string>;
    const body = Buffer.concat(await request.toArray());
    const headers = { ProvisioningKey: key, Accept: accept, "Content-Type": "application/json" };
    const method = request.method ?? "GET";
    const answer = await fetch(desk.url + request.url, { method, headers, ...(body.length > 0 && { body }) });
    const text = await answer.text();
    response.writeHead(answer.status, { "Content-Type": answer.headers.get("content-type") ?? "" });
    response.end(text.includes("session_valid_until") ? shortened(text) : text);
  }

  function shortened(text: string): string {
    const session = JSON.parse(text);
    const until = new Date(Date.parse(session.session_modified_date) + 1_000).toISOString();
    return JSON.stringify({ ...session, session_valid_until: until });
  }

  const start = (...args: readonly string[]) => {
    const { port } = door.address() as AddressInfo;
    return desk.start([...onUsers, ...args], desk.with(keys.backend, `http://127.0.0.1:${port}`));
  };
  const ended = async (user: string) => {
    const answer = await desk.call("GET", `/licenses/${licenses.users}/opensessions`);
    const lines = (await answer.json()) as { readonly id: string; readonly user_id: string }[];
    const { id } = lines.find(({ user_id }) => user_id === user) ?? {};
    await desk.call("DELETE", `/licenses/${licenses.users}/opensessions/${id}`);
  };

  test("the command goes on after a warning, and an administrator's word is final", async () => {
    const job = start("--user", "dora", ...shell(`trap 'exit 6' TERM; ${stay}`));
    await job.said("ready");
    await ended("dora");
    await job.said("An administrator ended this session. The command goes on without a token.");
    job.child.kill("SIGTERM");
    expect((await job.ended).status).toBe(6);
  });

  test("--on-lost kill ends the command, and comes to 75", async () => {
    const job = start("--user", "emil", "--on-lost", "kill", ...shell(`trap 'echo cleaned up; exit 0' TERM; ${stay}`));
    await job.said("ready");
    await ended("emil");
    expect(await job.ended).toMatchObject({
      status: 75,
      output: "ready\ncleaned up\n",
      errors: expect.stringContaining("Ending the command."),
    });
  });

  test("a token that was lost to a dead network is taken again, under the same session id", async () => {
    const job = start("--user", "finn", ...shell(`trap 'exit 0' TERM; echo $SEATKEEPER_SESSION_ID; ${stay}`));
    await job.said("ready");
    isShut = true;
    await job.said("takes a token again as soon as there is one");
    isShut = false;
    await job.said("A token is held again.");
    const answer = await desk.call("GET", `/licenses/${licenses.users}/opensessions`);
    const [session] = (await answer.json()) as { readonly session_id: string }[];
    job.child.kill("SIGTERM");
    expect(await job.ended).toMatchObject({ status: 0, output: `${session?.session_id}\nready\n` });
    expect(await desk.users()).toEqual([]);
  });
});
