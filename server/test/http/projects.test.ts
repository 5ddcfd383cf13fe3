/** The worked example W01–W24 of the project model over HTTP, and what the wire adds to the rules. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answered, call, type Demo, id, keys, licenses, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const problem = { Accept: "application/problem+json" };
const license = licenses.projects;

async function project(name: string, kind?: "mono" | "team"): Promise<string> {
  const { status, body } = await call(demo, "/projects", { body: { license_id: license, name } });
  expect(status).toBe(201);
  if (kind !== undefined) expect((await act(body.id, "open", { kind })).status).toBe(200);
  return body.id;
}

const act = (projectId: string, verb: string, body: object = {}, more: object = {}) =>
  call(demo, `/projects/${projectId}/${verb}`, { body, ...more });

const sessionOf = (user: string) => id(0x5000 + Number(user.replace(/\D/g, "")));

function connect(projectId: string, user: string, more: object = {}): Promise<Answered> {
  const body = { license_id: license, client_id: `host-${user}`, session_id: sessionOf(user), user_id: user };
  return call(demo, "/provisioning/session/open", {
    body: { ...body, project_id: projectId, ...more },
    headers: problem,
  });
}

function leave(user: string): Promise<Answered> {
  const body = { license_id: license, client_id: `host-${user}`, session_id: sessionOf(user) };
  return call(demo, "/provisioning/session/close", { body, headers: problem });
}

async function left(): Promise<[number, number]> {
  const { body } = await call(demo, `/licenses/${license}/tokens`);
  const of = (kind: string) => body.find((pool: { kind: string }) => pool.kind === kind).left;
  return [of("mono"), of("team")];
}

const code = (answer: Answered) => (answer.status === 200 ? "granted" : answer.body.code);

describe("the worked example", () => {
  /** Projects of the example. X1 and X2 execute, unattended. */
  let p: Record<"X1" | "X2" | "A" | "B" | "C" | "D" | "D2" | "E" | "F1" | "F2" | "F3", string>;

  beforeEach(async () => {
    p = {
      X1: await project("X1", "mono"),
      X2: await project("X2", "mono"),
      A: await project("A", "team"),
      B: await project("B", "mono"),
      C: await project("C", "mono"),
      D: await project("D", "mono"),
      D2: await project("D'", "team"),
      E: await project("E", "mono"),
      F1: await project("F1"),
      F2: await project("F2"),
      F3: await project("F3"),
    };
    for (const name of ["X1", "X2"] as const) await execute(p[name], "u99");
  });

  /** Starts an execution and leaves it alone. Answers with how to report on it. */
  async function execute(projectId: string, user: string) {
    expect(code(await connect(projectId, user))).toBe("granted");
    const { status, body } = await act(projectId, "executions", {
      session_id: sessionOf(user),
      name: "run",
      units_total: 10,
    });
    expect(status).toBe(201);
    expect((await leave(user)).status).toBe(200);
    return (report: object, secret = body.secret) =>
      call(demo, `/projects/${projectId}/executions/${body.id}`, { method: "PATCH", body: { secret, ...report } });
  }

  /** W05: four users in A, one in B, one in C. */
  async function w05(): Promise<void> {
    for (const [projectId, user] of [
      [p.A, "u1"],
      [p.A, "u2"],
      [p.A, "u3"],
      [p.A, "u4"],
      [p.B, "u5"],
      [p.C, "u6"],
    ] as const) {
      expect(code(await connect(projectId, user)), user).toBe("granted");
    }
    expect(await left()).toEqual([0, 0]);
  }

  test("W01 nobody connected: all tokens are free in spite of executing and open projects", async () => {
    expect(await left()).toEqual([2, 1]);
  });

  test("W02–W05 the first user of each project takes a token of its kind, further users of a Team project none", async () => {
    expect(code(await connect(p.A, "u1"))).toBe("granted");
    expect(await left()).toEqual([2, 0]);
    for (const user of ["u2", "u3", "u4"]) expect(code(await connect(p.A, user))).toBe("granted");
    expect(await left()).toEqual([2, 0]);
    expect(code(await connect(p.B, "u5"))).toBe("granted");
    expect(await left()).toEqual([1, 0]);
    expect(code(await connect(p.C, "u6"))).toBe("granted");
    expect(await left()).toEqual([0, 0]);
  });

  test("W06–W11 a new user is let into A, refused by B and C as in use, by D, D' and X1 for want of a token", async () => {
    await w05();
    expect(code(await connect(p.A, "u7"))).toBe("granted");
    for (const occupied of [p.B, p.C]) {
      const refused = await connect(occupied, "u8");
      expect(refused.body).toMatchObject({ id: 13001, code: "project_in_use", kind: "mono", total: 2, left: 0 });
    }
    expect((await connect(p.B, "u8")).body.holders).toEqual([{ user_id: "u5", since: expect.any(String) }]);
    for (const [name, kind] of [
      ["D", "mono"],
      ["D2", "team"],
      ["X1", "mono"],
    ] as const) {
      const refused = await connect(p[name], "u8");
      expect(refused.body, name).toMatchObject({
        id: 1007,
        code: "tokens_exhausted",
        kind,
        left: 0,
        next_free_at: expect.any(String),
      });
    }
    const { body } = await connect(p.X1, "u8");
    expect(body.execution_progress).toMatchObject({ state: "running", units_total: 10, fraction: 0 });
    expect(await left()).toEqual([0, 0]);
  });

  test("W12–W14 projects are created and opened when no token is left; a closed one cannot be connected to", async () => {
    await w05();
    for (let n = 0; n < 20; n++) await project(`more ${n}`);
    expect((await act(p.F1, "open", { kind: "mono" })).body).toMatchObject({ state: "open", kind: "mono", users: [] });
    expect((await act(p.F2, "open", { kind: "team" })).status).toBe(200);
    expect((await connect(p.F3, "u8")).body).toMatchObject({ id: 13002, code: "project_not_open" });
    expect(await left()).toEqual([0, 0]);
  });

  test("W15 executions run to their end unattended, and the counters never move", async () => {
    const report = await execute(p.E, "u98");
    await w05();
    expect((await report({ units_done: 5 })).body).toMatchObject({ state: "running", fraction: 0.5 });
    expect((await report({ units_done: 10, state: "finished" })).body).toMatchObject({
      state: "finished",
      fraction: 1,
    });
    expect((await call(demo, `/projects/${p.E}/progress`)).body).toMatchObject({ state: "finished", units_done: 10 });
    expect(await left()).toEqual([0, 0]);
  });

  test("W16–W19 the Team token comes back with the last user, and is of no use to a Mono project", async () => {
    await w05();
    for (const user of ["u2", "u3", "u4"]) expect((await leave(user)).status).toBe(200);
    expect(await left()).toEqual([0, 0]);
    expect((await leave("u1")).status).toBe(200);
    expect(await left()).toEqual([0, 1]);
    expect((await call(demo, `/projects/${p.A}`)).body.state).toBe("open");
    expect(code(await connect(p.D, "u8"))).toBe("tokens_exhausted");
    expect(code(await connect(p.D2, "u8"))).toBe("granted");
    expect(await left()).toEqual([0, 0]);
  });

  test("W20 a freed Mono token goes to whichever Mono project asks first", async () => {
    await w05();
    await leave("u5");
    expect(code(await connect(p.D, "u8"))).toBe("granted");
    expect(await left()).toEqual([0, 0]);
  });

  test("W21 a project goes on executing without a token when its user leaves", async () => {
    await w05();
    await act(p.B, "executions", { session_id: sessionOf("u5"), name: "run" });
    await leave("u5");
    expect(await left()).toEqual([1, 0]);
    expect((await call(demo, `/projects/${p.B}`)).body).toMatchObject({ executing: true, users: [] });
  });

  test("W22 the kind of an open project is locked", async () => {
    await w05();
    expect((await act(p.B, "kind", { kind: "team" })).body).toMatchObject({ id: 13004 });
    expect(await left()).toEqual([0, 0]);
  });

  test("W23–W24 saved, left, closed and opened as Team, a project waits for the Team token and then admits any number", async () => {
    await w05();
    expect((await act(p.B, "save")).body).toMatchObject({ saved: true });
    await leave("u5");
    expect((await act(p.B, "close")).body).toMatchObject({ state: "closed", kind: null });
    expect((await act(p.B, "open", { kind: "team" })).status).toBe(200);
    expect(code(await connect(p.B, "u5"))).toBe("tokens_exhausted");
    expect(await left()).toEqual([1, 0]);
    for (const user of ["u1", "u2", "u3", "u4"]) await leave(user);
    for (const user of ["u5", "u7", "u8"]) expect(code(await connect(p.B, user))).toBe("granted");
    expect(await left()).toEqual([1, 0]);
  });
});

describe("the wire of projects", () => {
  test("names are unique on a licence, compared like user names", async () => {
    await project("Bridge");
    const again = await call(demo, "/projects", { body: { license_id: license, name: " bridge" }, headers: problem });
    expect(again.body).toMatchObject({ id: 13010, code: "project_name_taken" });
  });

  test("a project is shown with its users, found by name, and gone once deleted", async () => {
    const bridge = await project("Bridge", "team");
    await connect(bridge, "u1");
    const shown = (await call(demo, `/projects/${bridge}`)).body;
    expect(shown).toMatchObject({
      id: bridge,
      license_id: license,
      name: "Bridge",
      state: "open",
      kind: "team",
      saved: false,
      users: [{ user_id: "u1", client_id: "host-u1", session_id: sessionOf("u1") }],
      executing: false,
      executions: [],
    });
    expect((await call(demo, `/projects?license_id=${license}&name=BRIDGE`)).body).toEqual([shown]);
    expect((await call(demo, `/projects/${bridge}`, { method: "DELETE" })).body).toMatchObject({ id: 13003 });
    expect((await call(demo, `/projects/${bridge}?force=true`, { method: "DELETE" })).status).toBe(204);
    expect((await call(demo, `/projects/${bridge}`)).status).toBe(404);
    expect(await left()).toEqual([2, 1]);
  });

  test("projects are listed in the order in which they were created, page by page, with their total", async () => {
    for (const [name, license_id] of [
      ["A", licenses.projects],
      ["B", licenses.otherProjects],
      ["C", licenses.projects],
    ]) {
      expect((await call(demo, "/projects", { body: { license_id, name } })).status).toBe(201);
      demo.clock.advance(1_000);
    }
    const listed = async (query: string) => {
      const { body, headers } = await call(demo, `/projects?${query}`);
      return [body.map(({ name }: { name: string }) => name).join(" "), headers.get("x-total-count")];
    };
    expect(await listed("")).toEqual(["A B C", "3"]);
    expect(await listed("page=2&page_size=2")).toEqual(["C", "3"]);
    expect(await listed(`license_id=${licenses.projects}&page_size=1`)).toEqual(["A", "2"]);
    expect(await listed("name=b")).toEqual(["B", "1"]);
    expect(await listed("page=9")).toEqual(["", "3"]);
  });

  test("a list of projects has those that are left where some are deleted meanwhile", async () => {
    const ids = [await project("A"), await project("B"), await project("C")];
    const [list] = await Promise.all([
      call(demo, "/projects"),
      ...ids.slice(1).map((id) => call(demo, `/projects/${id}`, { method: "DELETE" })),
    ]);
    expect([list.status, list.body[0]?.name]).toEqual([200, "A"]);
  });

  test("a project of another vendor is 404", async () => {
    const bridge = await project("Bridge");
    const { isv: _, ...theirs } = { isv: 0, key: keys.otherVendor, isvId: id(0xb) };
    expect((await call(demo, `/projects/${bridge}`, theirs)).status).toBe(404);
  });

  test("a project licence needs a project_id, of its own licence, and one project a session", async () => {
    const one = await project("One", "team");
    const two = await project("Two", "team");
    expect((await connect(one, "u1", { project_id: undefined })).body.id).toBe(13006);
    expect((await connect(id(0x999), "u1")).body.id).toBe(13005);
    await connect(one, "u1");
    expect((await connect(two, "u1")).body.id).toBe(13007);
  });

  test("checkouts are off, and a session lapses after two minutes", async () => {
    const one = await project("One", "mono");
    expect((await connect(one, "u1", { checkout_period: 60 })).body.id).toBe(14002);
    await connect(one, "u1");
    demo.clock.advance(119_999);
    expect(await left()).toEqual([1, 1]);
    demo.clock.advance(1);
    expect(await left()).toEqual([2, 1]);
    expect((await call(demo, `/projects/${one}`)).body).toMatchObject({ state: "open", users: [] });
  });

  test("open again with the same kind is granted, with the other denied; without a kind the edition must have a default", async () => {
    const one = await project("One");
    expect((await act(one, "open")).body.id).toBe(13009);
    expect((await act(one, "open", { kind: "mono" })).status).toBe(200);
    expect((await act(one, "open", { kind: "mono" })).status).toBe(200);
    expect((await act(one, "open", { kind: "team" })).body.id).toBe(13004);
  });

  test("closing by force ends every session, returns the token once, and stops what runs", async () => {
    const one = await project("One", "team");
    for (const user of ["u1", "u2"]) await connect(one, user);
    await act(one, "executions", { session_id: sessionOf("u1"), name: "run" });
    expect((await act(one, "close")).body.id).toBe(13003);
    for (const user of ["u1", "u2"]) await leave(user);
    expect((await act(one, "close")).body.id).toBe(13008);
    await connect(one, "u1");
    const closed = await act(one, "close", { force: true });
    expect(closed.body).toMatchObject({
      state: "closed",
      users: [],
      executing: false,
      executions: [{ state: "stopped" }],
    });
    expect(await left()).toEqual([2, 1]);
    await act(one, "open", { kind: "team" });
    expect((await connect(one, "u1")).body.id).toBe(14004);
  });

  test("forcing, deleting and changing the kind are not for keys of scope app", async () => {
    const one = await project("One", "mono");
    const app = { key: keys.app };
    expect((await act(one, "close", { force: true }, app)).status).toBe(403);
    expect((await act(one, "kind", { kind: "team" }, app)).status).toBe(403);
    expect((await call(demo, `/projects/${one}`, { method: "DELETE", ...app })).status).toBe(403);
    expect((await act(one, "close", {}, app)).status).toBe(200);
  });

  test("an execution reports with its secret alone, goes stale after ten minutes, and is over once it said so", async () => {
    const one = await project("One", "mono");
    await connect(one, "u1");
    expect((await act(one, "executions", { session_id: id(0x777), name: "run" })).body.id).toBe(12001);
    const { body } = await act(one, "executions", { session_id: sessionOf("u1"), name: "run" });
    const report = (more: object) =>
      call(demo, `/projects/${one}/executions/${body.id}`, { method: "PATCH", body: { secret: body.secret, ...more } });
    expect((await report({ secret: "guess" })).status).toBe(403);
    expect((await report({ units_done: 3, message: "working" })).body).toMatchObject({
      units_done: 3,
      stale: false,
      fraction: null,
    });
    demo.clock.advance(600_000);
    expect((await call(demo, `/projects/${one}/progress`)).body).toMatchObject({ state: "running", stale: true });
    expect((await report({ state: "failed" })).body).toMatchObject({ state: "failed", stale: false });
    expect((await report({ state: "failed" })).status).toBe(200);
    expect((await report({ units_done: 4 })).body.id).toBe(13014);
    expect(
      (await call(demo, `/projects/${one}/executions/${id(0x1)}`, { method: "PATCH", body: { secret: "x" } })).status,
    ).toBe(404);
  });

  test("whoever is in without a session_id starts an execution as its client", async () => {
    const here = await project("here", "team");
    const start = (more: object) => call(demo, `/projects/${here}/executions`, { body: { name: "run", ...more } });
    expect((await connect(here, "u1", { session_id: null })).status).toBe(200);
    expect((await connect(here, "u2")).status).toBe(200);
    expect((await start({ client_id: "host-u1" })).status).toBe(201);
    expect((await start({ client_id: "HOST-U2", session_id: sessionOf("u2") })).status).toBe(201);
    expect((await start({ client_id: "host-u1", session_id: sessionOf("u2") })).body.id).toBe(12001);
    expect((await start({ client_id: "host-u2" })).status).toBe(201);
    expect((await start({ client_id: "host-u3" })).body.id).toBe(12001);
    expect((await start({})).body.code).toBe("input_invalid");
  });

  test("projects stand on project licences alone", async () => {
    const wrong = await call(demo, "/projects", { body: { license_id: licenses.users, name: "One" } });
    expect(wrong.body.id).toBe(13015);
    expect((await call(demo, `/licenses/${licenses.users}/tokens`)).body).toEqual([
      { kind: "floating", total: 2, used: 0, left: 2 },
    ]);
  });
});
