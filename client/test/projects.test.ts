/** What a launcher sends, on a network that a test wrote down. */
import { expect, test } from "vitest";
import type { ProjectAnswer } from "../src/api.ts";
import { type Launcher, launcher, NotConfigured, ProjectInfo } from "../src/index.ts";
import { type Answer, closed, denied, granted, HeldClock, isv, json, license, Script } from "./world.ts";

const body: ProjectAnswer = {
  ...{
    id: isv,
    license_id: license,
    license_name: null,
    name: "P",
    state: "open",
    kind: "mono",
    saved: false,
    saved_at: null,
  },
  ...{ users: [], executing: false, executions: [] },
};

const project: Answer = () => json(200, body);

function scripted(...answers: readonly Answer[]): { readonly script: Script; readonly projects: Launcher } {
  const script = new Script(new HeldClock(), ...answers);
  return { script, projects: launcher({ ...script.options(), license, user: "anna" }) };
}

test("an older server's project lacks members, and reads as if they said nothing", async () => {
  const { id, license_id, name, state } = body;
  const users = [{ client_id: "pc-1" }];
  const { script, projects } = scripted(() => json(200, { id, license_id, name, state, users }));
  const found = await script.clock.until(projects.project(isv));
  expect(String(found)).toBe("P: open, with pc-1");
  expect(found).toMatchObject({ kind: null, saved: false, savedAt: null, executing: false, executions: [] });
  expect(found.users[0]).toMatchObject({ user: null, sessionId: null, since: null });
});

test.each([
  { state: 1 },
  { license_id: undefined },
  { kind: [] },
  { users: {} },
  { users: [null] },
  { users: [{ client_id: "pc-1", user_id: 5 }] },
  { executions: [{ id: "x" }] },
  { executions: [{ id: "x", name: 5, state: "running" }] },
])("a project with members of another form is none: %j", async (wrong) => {
  const { script, projects } = scripted(() => json(200, { ...body, ...wrong }));
  await expect(script.clock.until(projects.project(isv))).rejects.toThrow("not Seatkeeper's");
});

test("projects are listed page by page, to the end", async () => {
  const pages = [Array(1_000).fill(body), Array(1_000).fill(body), [body]];
  const asked: (string | null)[] = [];
  const projects = launcher({
    ...{ url: "http://seatkeeper.test", isv, apiKey: "key", license, user: "anna" },
    fetch: async (url) => {
      asked.push(new URL(String(url)).searchParams.get("page"));
      return json(200, pages.shift());
    },
  });
  expect(await projects.projects()).toHaveLength(2_001);
  expect(asked).toEqual(["1", "2", "3"]);
});

test("a project is named by its name, its id, or what was told of it", async () => {
  const { script, projects } = scripted(() => json(200, [body]), project, project);
  expect((await projects.project("P")).id).toBe(isv);
  await projects.project(isv.toUpperCase());
  await projects.project(new ProjectInfo(body));
  expect(script.sent.map(({ call }) => call)).toEqual([
    "GET /projects",
    `GET /projects/${isv.toUpperCase()}`,
    "GET /projects/{id}",
  ]);
  await expect(scripted(() => json(200, [])).projects.project("Q")).rejects.toThrow('no project "Q"');
});

test("kinds and force are sent where they are asked for, and only there", async () => {
  const { script, projects } = scripted(project, project, project, project, project, () => json(204, null));
  await projects.openProject(isv, "team");
  await projects.openProject(isv);
  await projects.closeProject(isv, { force: true });
  await projects.closeProject(isv);
  await projects.changeKind(isv, "mono");
  await projects.deleteProject(isv, { force: true });
  expect(script.sent.map((sent) => sent.body)).toEqual([
    { kind: "team" },
    {},
    { force: true },
    {},
    { kind: "mono" },
    {},
  ]);
});

test("a closed project is saved first where that is asked for, and reopening saves always", async () => {
  const { script, projects } = scripted(project, project, project, project, project);
  await projects.closeProject(isv, { save: true });
  await projects.reopenProject(isv, "team");
  expect(script.calls).toEqual(["save", "close", "save", "close", "open"]);
});

test("a connection names the project, and is a session of its own", async () => {
  const { script, projects } = scripted(project, granted(), closed);
  const connection = await projects.connect(isv);
  expect(await connection.disconnect()).toBe(true);
  expect(await connection.disconnect()).toBe(true);
  expect(script.calls).toEqual(["{id}", "open", "close"]);
  expect(script.sent[1]?.body).toMatchObject({ project_id: isv, user_id: "anna", client_id: "pc-1" });
  expect(connection.connected).toBe(false);
});

test("tryConnect is null for a refusal alone", async () => {
  expect(await scripted(project, denied(13001)).projects.tryConnect(isv)).toBe(null);
  await expect(scripted(project, denied(13002)).projects.tryConnect(isv)).rejects.toThrow("13002");
});

test("an id in a path is escaped, whatever was passed in", async () => {
  const { script, projects } = scripted(() => json(200, { state: "running" }));
  await projects.execution("a/b", "../c", "secret").report({ unitsDone: 1 });
  expect(script.sent[0]?.call).toBe("PATCH /projects/a%2Fb/executions/..%2Fc");
});

test.each([Number.NaN, -1, "30" as never])("waiting for an execution is not for %s seconds", async (seconds) => {
  const { script, projects } = scripted();
  const message = "is no number of seconds";
  await expect(projects.waitExecution(isv, { timeoutSeconds: seconds })).rejects.toThrow(`timeoutSeconds ${message}`);
  await expect(projects.waitExecution(isv, { pollSeconds: seconds })).rejects.toThrow(`pollSeconds ${message}`);
  expect(script.sent).toEqual([]);
});

test("waiting for an execution looks twice a second at most", async () => {
  const running: Answer = () => json(200, { state: "running" });
  const { script, projects } = scripted(...Array<Answer>(5).fill(running));
  const waiting = projects.waitExecution(isv, { timeoutSeconds: 2, pollSeconds: 0 });
  await expect(script.clock.until(waiting)).rejects.toMatchObject({ name: "ExecutionTimeout" });
  expect(script.sent.map(({ at }) => at)).toEqual([0, 0.5, 1, 1.5, 2]);
});

const nonsense = [1, "x", null, { id: 1 }, { id: isv, name: "P", state: 5 }, [1]];
const asking: Readonly<Record<string, (projects: Launcher) => Promise<unknown>>> = {
  open: (projects) => projects.openProject(isv, "mono"),
  find: (projects) => projects.project("P"),
  list: (projects) => projects.projects(),
  look: (projects) => projects.executionProgress(isv),
  wait: (projects) => projects.waitExecution(isv),
  report: (projects) => projects.execution(isv, isv, "secret").report({ unitsDone: 1 }),
};

test.each(Object.keys(asking))("what makes no sense is no answer: %s", async (name) => {
  for (const answer of nonsense) {
    const { projects } = scripted(() => json(200, answer));
    await expect(asking[name]?.(projects)).rejects.toMatchObject({ name: "ServerUnreachable" });
  }
});

test("a project whose users or executions are no lists is none", async () => {
  for (const more of [{ users: 5 }, { users: [null] }, { executions: {} }, { executions: [{ id: isv }] }]) {
    const { projects } = scripted(() => json(200, { ...body, ...more }));
    await expect(projects.project(isv)).rejects.toMatchObject({ name: "ServerUnreachable" });
  }
});

test("an execution without an id and a secret was not started", async () => {
  const { script, projects } = scripted(project, granted(), () => json(201, {}), closed);
  const connection = await projects.connect(isv);
  await expect(connection.startExecution("x")).rejects.toMatchObject({ name: "ServerUnreachable" });
  await connection.disconnect();
  expect(script.calls).toEqual(["{id}", "open", "executions", "close"]);
});

test("waiting for an execution is over in its time, though nobody answers, or only asks to come again", async () => {
  const running: Answer = () => json(200, { state: "running" });
  const never: Answer = () => new Promise<Response>(() => {});
  const busy: Answer = () => json(503, {}, { "Retry-After": "5" });
  const rounds = [
    { answers: [never, never, never], timeoutSeconds: 3, over: 3 },
    { answers: [running, never], timeoutSeconds: 0.5, over: 1.5 },
    { answers: [busy], timeoutSeconds: 4, over: 0 },
  ];
  for (const { answers, timeoutSeconds, over } of rounds) {
    const { script, projects } = scripted(...answers);
    const waiting = projects.waitExecution(isv, { timeoutSeconds });
    await expect(script.clock.until(waiting)).rejects.toMatchObject({ name: "ServerUnreachable" });
    expect(script.clock.now()).toBe(over * 1_000);
  }
});

test("waiting for an execution can be called off", async () => {
  const { script, projects } = scripted(() => json(200, { state: "running" }));
  const stop = new AbortController();
  const outcome = projects.waitExecution(isv, { signal: stop.signal }).then(String, (error) => error.name);
  await script.clock.pass(0.1);
  stop.abort();
  expect(await outcome).toBe("AbortError");
  expect(script.clock.timers).toBe(0);
});

test("waiting for an execution can be called off while nobody answers", async () => {
  const stop = new AbortController();
  const options = { url: "http://seatkeeper.test", isv, apiKey: "key", license, user: "anna", clock: new HeldClock() };
  const projects = launcher({ ...options, fetch: () => new Promise<never>(() => {}) });
  const outcomes = [isv, "P"].map((ref) =>
    projects.waitExecution(ref, { signal: stop.signal }).then(String, (error) => error.name),
  );
  stop.abort();
  expect(await Promise.all(outcomes)).toEqual(["AbortError", "AbortError"]);
});

test("a launcher needs a licence", () => {
  expect(() => launcher(new Script(new HeldClock()).options())).toThrow(NotConfigured);
});
