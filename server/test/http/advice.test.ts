/** Advice on the number of tokens, from what people do to the sentence, over a real port and some weeks. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Rollup } from "../../src/analytics/rollup.ts";
import { activate, call, type Demo, isv, keys, licenses, open, startDemo } from "./demo.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const pass = (ms: number) => demo.clock.advance(ms);
const take = async (license_id: string, client_id: string, more: object = {}) =>
  (await open(demo, { license_id, client_id, ...more })).status;

const limitTo = (id: string, tokens: number) => changed(id, { floating_token_limit: tokens });

async function changed(id: string, what: object): Promise<void> {
  const change = { method: "PATCH", adminKey: keys.admin, body: { id, ...what } };
  expect((await call(demo, "/licenses", change)).status).toBe(200);
}

async function advised(license_id: string, more: Record<string, string> = {}) {
  await demo.desk.decide({ type: "sweep", isvId: isv, licenseId: license_id });
  pass(10_000);
  const rollup = new Rollup(demo.store);
  while (await rollup.round());
  return (
    await call(demo, `/analytics/advice?${new URLSearchParams({ license_id, ...more })}`, { adminKey: keys.admin })
  ).body;
}

/** Anna and Ben have both tokens at nine, for a while, and everybody else comes in vain. */
async function rushFor(days: number, others: readonly string[]): Promise<void> {
  for (let n = 0; n < days; n++) {
    pass(9 * hour);
    for (const name of ["anna@factor.com", "ben@factor.com"]) {
      expect(await take(licenses.users, name, { checkout_period: 600 })).toBe(200);
    }
    for (const name of others) expect(await take(licenses.users, name)).toBe(409);
    pass(15 * hour);
  }
}

test("whoever comes again and again within an hour lacks one token, not one for each time", async () => {
  for (let n = 0; n < 10; n++) {
    pass(9 * hour);
    for (const name of ["anna@factor.com", "ben@factor.com"]) {
      expect(await take(licenses.users, name, { checkout_period: 600 })).toBe(200);
    }
    for (let tries = 0; tries < 20; tries++) {
      expect(await take(licenses.users, "impatient@factor.com")).toBe(409);
      pass(16 * minute);
    }
    pass(15 * hour - 20 * 16 * minute);
  }
  expect(await advised(licenses.users)).toMatchObject({ verdict: "more", suggested_limit: 3 });
});

test("who went without under a limit that was raised since needs no more", async () => {
  await rushFor(10, ["carl@factor.com", "dora@factor.com", "emil@factor.com"]);
  expect(await advised(licenses.users)).toMatchObject({ verdict: "more", suggested_limit: 5 });
  await limitTo(licenses.users, 5);
  expect(await advised(licenses.users)).toMatchObject({ verdict: "enough", limit: 5, suggested_limit: null });
  await limitTo(licenses.users, 50);
});

test("what went beyond a soft limit that was raised since needs no more", async () => {
  for (const name of ["a", "b", "c", "d"]) expect((await activate(demo, licenses.overuse, name)).status).toBe(200);
  for (let n = 0; n < 10; n++) {
    for (const name of ["a", "b", "c", "d"]) expect(await take(licenses.overuse, name)).toBe(200);
    pass(day);
  }
  expect(await advised(licenses.overuse)).toMatchObject({ verdict: "more", limit: 2, suggested_limit: 4 });
  await limitTo(licenses.overuse, 4);
  expect(await advised(licenses.overuse)).toMatchObject({ verdict: "enough", limit: 4, suggested_limit: null });
});

test("of a licence of projects, who lacks a Team token needs no Mono token; charts tell the denials of both apart", async () => {
  const ask = (path: string, body: object) => call(demo, path, { body });
  const project = async (name: string, kind: string) => {
    const { body } = await ask("/projects", { license_id: licenses.projects, name });
    expect((await ask(`/projects/${body.id}/open`, { kind })).status).toBe(200);
    return body.id as string;
  };
  const [full, refused, free] = [await project("A", "team"), await project("B", "team"), await project("C", "mono")];
  const connect = async (project_id: string, user_id: string) =>
    (await open(demo, { license_id: licenses.projects, client_id: user_id, user_id, project_id })).status;
  for (let n = 0; n < 10; n++) {
    expect(await connect(full, "anna")).toBe(200);
    expect(await connect(refused, "ben")).toBe(409);
    expect(await connect(free, "carl")).toBe(200);
    pass(day);
  }
  expect(await advised(licenses.projects, { pool: "team" })).toMatchObject({ verdict: "more", suggested_limit: 2 });
  expect(await advised(licenses.projects, { pool: "mono" })).toMatchObject({
    verdict: "enough",
    limit: 2,
    peak: 1,
    true_denials_per_week: 0,
  });
  for (const scope of [{ license_id: licenses.projects }, {}]) {
    const denied = async (more: object) => {
      const asked = new URLSearchParams({ ...scope, ...more });
      const { body } = await call(demo, `/analytics/denials?${asked}`, { adminKey: keys.admin });
      return body.items.reduce((sum: number, { true_denials }: { true_denials: number }) => sum + true_denials, 0);
    };
    expect([await denied({}), await denied({ pool: "team" }), await denied({ pool: "mono" })]).toEqual([10, 10, 0]);
  }
});

test("a time in which nobody could use the licence says nothing of its tokens", async () => {
  const unknown = { verdict: "unknown", suggested_limit: null, observed_days: 0 };
  await limitTo(licenses.users, 50);
  expect(await take(licenses.users, "anna@factor.com")).toBe(200);
  pass(2 * hour);
  await changed(licenses.users, { is_active: false });
  pass(14 * day);
  expect(await advised(licenses.users)).toMatchObject({
    ...unknown,
    message: "It could be used for less than a week of this time: too little to judge by.",
  });
  const now = demo.clock.now();
  await changed(licenses.users, { is_active: true, expiration_date_utc: new Date(now + day).toISOString() });
  pass(14 * day);
  expect(await advised(licenses.users)).toMatchObject({ ...unknown, observed_days: 1 });
  // Given more time, it is judged by the time in which it is used again.
  await changed(licenses.users, { expiration_date_utc: null });
  pass(3 * day);
  expect(await advised(licenses.users)).toMatchObject({ ...unknown, observed_days: 4 });
  pass(3 * day);
  expect(await advised(licenses.users)).toMatchObject({ verdict: "fewer", observed_days: 7, suggested_limit: 1 });
});
