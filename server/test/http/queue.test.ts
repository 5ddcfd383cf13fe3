/** Waiting for a token: `wait_seconds`, the place in the queue, and who sees it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { call, close, type Demo, keys, licenses, open, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const problem = { headers: { Accept: "application/problem+json" } };
const user = (name: string) => ({ license_id: licenses.users, client_id: `${name}@factor.com` });
const ask = (name: string, wait_seconds = 10) => open(demo, { ...user(name), wait_seconds }, problem);
const queue = async (adminKey: string = keys.admin) =>
  (await call(demo, `/licenses/${licenses.users}/queue`, { adminKey })).body;

/** The licence has two tokens. */
const fill = async () => {
  for (const name of ["anna", "ben"]) expect((await open(demo, user(name))).status).toBe(200);
};

test("whoever waits is refused with a place in the queue, and told when to ask again", async () => {
  await fill();
  const first = await ask("carl");
  expect([first.status, first.body.id, first.body.queue_position]).toEqual([409, 1007, 1]);
  expect(first.headers.get("retry-after")).toBe("1");
  expect(first.body.detail).toContain("The caller's place in the queue is 1.");
  const second = await ask("dora");
  expect([second.body.queue_position, second.headers.get("retry-after")]).toEqual([2, "2"]);
  const plain = await open(demo, { ...user("dora"), wait_seconds: 10 });
  expect(plain.body).toEqual({ id: 1007, message: expect.stringContaining("place in the queue is 2") });
});

test("whoever does not wait has no place, and is told nothing of one", async () => {
  await fill();
  const refused = await open(demo, user("carl"), problem);
  expect(refused.body).not.toHaveProperty("queue_position");
  expect(refused.headers.get("retry-after")).toBeNull();
  expect(await queue()).toEqual([]);
});

test("a token that comes free is for the first in the queue, whoever else asks", async () => {
  await fill();
  for (const name of ["carl", "dora"]) await ask(name);
  expect((await close(demo, user("anna"))).status).toBe(200);
  const late = await open(demo, user("erik"), problem);
  expect([late.body.id, late.body.in_use, late.body.limit]).toEqual([1007, 1, 2]);
  expect(late.body.detail).toContain("Those that are free are for others who wait.");
  expect((await ask("dora")).body.queue_position).toBe(2);
  expect((await ask("carl")).status).toBe(200);
  expect((await ask("dora")).body.queue_position).toBe(1);
});

test("a change of kind that has to let those before it pass is told so, with the use of the pool that it wants", async () => {
  const license_id = licenses.otherProjects;
  const opened = async (name: string, kind: string) => {
    const { id } = (await call(demo, "/projects", { body: { license_id, name } })).body;
    await call(demo, `/projects/${id}/open`, { body: { kind } });
    return id;
  };
  const [team, next, mono] = [await opened("A", "team"), await opened("B", "team"), await opened("C", "mono")];
  for (const [client_id, project_id] of [["anna", team] as const, ["carl", mono] as const]) {
    expect((await open(demo, { license_id, client_id, project_id })).status).toBe(200);
  }
  await open(demo, { license_id, client_id: "ben", project_id: next, wait_seconds: 10 });
  expect((await close(demo, { license_id, client_id: "anna" })).status).toBe(200);
  const { body } = await call(demo, `/projects/${mono}/kind`, { ...problem, body: { kind: "team" } });
  expect([body.id, body.in_use, body.limit]).toEqual([1007, 0, 1]);
  expect(body.detail).toContain("Those that are free are for others who wait.");
});

test("waiting is one line in the denial log, and the wait until served is counted from there", async () => {
  await fill();
  for (let n = 0; n < 5; n++) await ask("carl");
  const log = await call(demo, `/denials?license_id=${licenses.users}`, { adminKey: keys.admin });
  expect(log.body.total).toBe(1);
});

test("administrators see who waits, in order, until their places are lost", async () => {
  await fill();
  await ask("carl", 30);
  demo.clock.advance(1_000);
  await ask("dora", 5);
  expect(await queue()).toEqual([
    {
      position: 1,
      pool: "floating",
      client_id: "carl@factor.com",
      user_id: null,
      project_id: null,
      since: "2026-01-01T00:00:00.000Z",
      kept_until: "2026-01-01T00:00:45.000Z",
    },
    expect.objectContaining({ position: 2, client_id: "dora@factor.com", kept_until: "2026-01-01T00:00:21.000Z" }),
  ]);
  demo.clock.advance(20_000);
  expect((await queue()).map(({ client_id }: { client_id: string }) => client_id)).toEqual(["carl@factor.com"]);
  demo.clock.advance(24_000);
  expect(await queue()).toEqual([]);
});

test("on a licence that counts projects, projects wait, each for its own pool", async () => {
  const make = async (name: string) => {
    const { body } = await call(demo, "/projects", { body: { license_id: licenses.projects, name } });
    await call(demo, `/projects/${body.id}/open`, { body: { kind: "mono" } });
    return body.id as string;
  };
  const connect = (project_id: string, client_id: string) =>
    open(demo, { license_id: licenses.projects, project_id, client_id, wait_seconds: 10 }, problem);
  const pools = (await call(demo, `/licenses/${licenses.projects}/queue`, { adminKey: keys.admin })).body;
  expect(pools).toEqual([]);
  const projects: string[] = [];
  for (let n = 0; n < 9; n++) {
    const id = await make(`P${n}`);
    projects.push(id);
    const { status, body } = await connect(id, `user${n}`);
    if (status === 200) continue;
    expect([body.id, body.queue_position, body.left]).toEqual([1007, 1, 0]);
    const { body: waiting } = await call(demo, `/licenses/${licenses.projects}/queue`, { adminKey: keys.admin });
    expect(waiting).toMatchObject([{ position: 1, pool: "mono", project_id: id, client_id: `user${n}` }]);
    return;
  }
  throw new Error("every project had a token");
});

test("whoever may not see names sees pseudonyms of those who wait", async () => {
  await fill();
  await ask("carl");
  await call(demo, "/vendor", { adminKey: keys.admin, method: "PATCH", body: { shows_pseudonyms: true } });
  const created = { name: "viewer", role: "admin", admin_role: "viewer" };
  const viewer = (await call(demo, "/keys", { adminKey: keys.admin, body: created })).body.secret;
  expect((await queue(viewer))[0].client_id).toMatch(/^user-[0-9a-f]{24}$/);
  expect((await call(demo, `/licenses/${licenses.users}/queue`)).status).toBe(403);
});

test("the batch call waits for each item by itself", async () => {
  await fill();
  const items = ["carl", "dora"].map((name) => ({ op: "open", ...user(name), wait_seconds: 10 }));
  const { body } = await call(demo, "/provisioning/session/batch", { body: { items }, ...problem });
  expect(body.results.map((one: { status: number }) => one.status)).toEqual([409, 409]);
  expect((await queue()).map(({ position }: { position: number }) => position)).toEqual([1, 2]);
});

describe("a wait that cannot be is refused", () => {
  test.each([-1, 31, 1.5, "10"])("%j seconds", async (wait_seconds) => {
    expect((await open(demo, { ...user("carl"), wait_seconds })).status).toBe(400);
  });
});

test("forty who wait at once for one token have it one after the other, in the order of their places", async () => {
  await fill();
  const names = Array.from({ length: 40 }, (_, n) => `w${n}`);
  const places = new Map<number, string>();
  const answers = await Promise.all(names.map((name) => ask(name)));
  for (const [n, { body }] of answers.entries()) places.set(body.queue_position, names[n] as string);
  expect([...places.keys()].sort((a, b) => a - b)).toEqual(names.map((_, n) => n + 1));
  let holder = "anna";
  for (let place = 1; place <= names.length; place++) {
    expect((await close(demo, user(holder))).status).toBe(200);
    const left = names.filter((name) => ![...places].some(([at, one]) => at < place && one === name));
    const asked = await Promise.all(left.map(async (name) => ({ name, status: (await ask(name)).status })));
    const served = asked.filter(({ status }) => status === 200).map(({ name }) => name);
    expect(served).toEqual([places.get(place)]);
    holder = served[0] as string;
  }
});
