/** GET licenses/{id}/sessions: who holds a licence's tokens, by page. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { endsPerStepMax } from "../../src/core/limits.ts";
import { step } from "../../src/core/step.ts";
import type { Command } from "../../src/core/types.ts";
import { newIds } from "../../src/ids.ts";
import { call, type Demo, isv, keys, licenses, open, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const list = (query: Record<string, string> = {}, adminKey: string = keys.admin, license: string = licenses.users) =>
  call(demo, `/licenses/${license}/sessions?${new URLSearchParams(query)}`, { adminKey });
const names = async (query: Record<string, string> = {}) =>
  (await list(query)).body.items.map(({ client_id }: { client_id: string }) => client_id);

test("live sessions have their holder and their times", async () => {
  await open(demo, { license_id: licenses.users, client_id: "anna@factor.com" });
  demo.clock.advance(60_000);
  const { status, body } = await list();
  expect([status, body.total]).toEqual([200, 1]);
  expect(body.items[0]).toEqual({
    id: expect.any(String),
    client_id: "anna@factor.com",
    user_id: null,
    session_id: null,
    project_id: null,
    project_name: null,
    opened_at: "2026-01-01T00:00:00.000Z",
    extended_at: "2026-01-01T00:00:00.000Z",
    valid_until: "2026-01-01T00:05:00.000Z",
    is_checkout: false,
    checked_out_until: null,
    voucher_until: null,
    is_overuse: false,
    sessions_of_holder: 1,
  });
});

test("a voucher is out until its end, and not for as long as its session is extended without one", async () => {
  const anna = { license_id: licenses.users, client_id: "anna@factor.com" };
  const voucherUntil = async () => (await list()).body.items[0].voucher_until;
  await open(demo, { ...anna, voucher: true });
  demo.clock.advance(60_000);
  await open(demo, anna);
  expect(await voucherUntil()).toBe("2026-01-01T00:05:00.000Z");
  demo.clock.advance(4 * 60_000);
  expect(await voucherUntil()).toBeNull();
});

test("they come by page, in the order that is asked for, and are searched by name", async () => {
  for (const client_id of ["ben@factor.com", "anna@factor.com"]) {
    await open(demo, { license_id: licenses.users, client_id });
    demo.clock.advance(1_000);
  }
  expect(await names()).toEqual(["ben@factor.com", "anna@factor.com"]);
  expect(await names({ descending: "true" })).toEqual(["anna@factor.com", "ben@factor.com"]);
  expect(await names({ sort: "client_id" })).toEqual(["anna@factor.com", "ben@factor.com"]);
  expect(await names({ page: "2", page_size: "1" })).toEqual(["anna@factor.com"]);
  expect(await names({ search: "BEN" })).toEqual(["ben@factor.com"]);
  expect((await list({ sort: "shoe size" })).status).toBe(400);
});

test("what has lapsed, or was ended, is not live", async () => {
  await open(demo, { license_id: licenses.users, client_id: "anna@factor.com" });
  await open(demo, { license_id: licenses.users, client_id: "ben@factor.com" });
  const [{ id }] = (await list({ search: "anna" })).body.items;
  await call(demo, `/licenses/${licenses.users}/opensessions/${id}`, { adminKey: keys.admin, method: "DELETE" });
  expect(await names()).toEqual(["ben@factor.com"]);
  demo.clock.advance(5 * 60_000);
  expect(await names()).toEqual([]);
});

test("all are ended some at a time, so that others have their turn, with a line of each time in the audit log", async () => {
  const count = 2 * endsPerStepMax + 7;
  await call(demo, "/licenses", {
    adminKey: keys.admin,
    method: "PATCH",
    body: { id: licenses.users, floating_token_limit: count },
  });
  const item = (n: number) => ({ op: "open", license_id: licenses.users, client_id: `user${n}@factor.com` });
  for (let n = 0; n < count; n += 500) {
    const items = Array.from({ length: Math.min(500, count - n) }, (_, more) => item(n + more));
    await call(demo, "/provisioning/session/batch", { body: { items } });
  }
  expect((await list()).body.total).toBe(count);
  const ended: unknown[] = [];
  const { transact } = demo.store;
  demo.store.transact = async (commands, ...others) => {
    const outcomes = await transact.call(demo.store, commands, ...others);
    if (commands.some(({ type }) => type === "end")) {
      ended.push((await demo.store.read(isv, licenses.users))?.openSessions);
    }
    return outcomes as never;
  };
  const { status } = await call(demo, `/licenses/${licenses.users}/opensessions/close`, {
    adminKey: keys.admin,
    method: "POST",
  });
  expect([status, ended]).toEqual([204, [count - endsPerStepMax, 7, 0]]);
  const { body } = await call(demo, "/audit?kind=session", { adminKey: keys.admin });
  expect(body.items.map(({ after }: { after: object }) => after)).toEqual([
    { license_id: licenses.users, ended: 7 },
    { license_id: licenses.users, ended: endsPerStepMax },
    { license_id: licenses.users, ended: endsPerStepMax },
  ]);
});

test("SLASCONE's list of them goes by their beginning, whenever they end", async () => {
  const periods = [600, 0];
  for (const [n, checkout_period] of periods.entries()) {
    const client_id = `user${n}@factor.com`;
    expect((await open(demo, { license_id: licenses.users, client_id, checkout_period })).status).toBe(200);
    demo.clock.advance(1_000);
  }
  const { body } = await call(demo, `/licenses/${licenses.users}/opensessions`, { adminKey: keys.admin });
  const begun = body.map(({ created_date_utc }: { created_date_utc: string }) => created_date_utc);
  expect(begun).toEqual(["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"]);
});

test("whoever opens as fast as sessions end does not keep the call that ends them going", async () => {
  await call(demo, "/licenses", {
    adminKey: keys.admin,
    method: "PATCH",
    body: { id: licenses.users, floating_token_limit: endsPerStepMax },
  });
  const { transact } = demo.store;
  let opened = 0;
  const openMany = () => {
    const commands = Array.from({ length: endsPerStepMax }, (): Command => {
      const nobody = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
      const clientId = `user${opened++}@factor.com`;
      return { type: "open", isvId: isv, licenseId: licenses.users, clientId, ...nobody, ids: newIds() };
    });
    return transact.call(demo.store, commands, (view, now) => {
      for (const command of commands) step(view, command, now);
    });
  };
  await openMany();
  let rounds = 0;
  demo.store.transact = async (commands, ...others) => {
    const outcomes = await transact.call(demo.store, commands, ...others);
    if (commands.some(({ type }) => type === "end")) {
      rounds++;
      if (rounds < 10) await openMany();
    }
    return outcomes as never;
  };
  const { status } = await call(demo, `/licenses/${licenses.users}/opensessions/close`, {
    adminKey: keys.admin,
    method: "POST",
  });
  expect([status, rounds]).toEqual([204, 3]);
});

test("users of a project are shown with it", async () => {
  const { body: project } = await call(demo, "/projects", { body: { license_id: licenses.projects, name: "Wing" } });
  await call(demo, `/projects/${project.id}/open`, { body: { kind: "team" } });
  await open(demo, { license_id: licenses.projects, project_id: project.id, client_id: "anna" });
  const { body } = await list({ search: "wing" }, keys.admin, licenses.projects);
  expect(body.items).toMatchObject([{ client_id: "anna", project_id: project.id, project_name: "Wing" }]);
});

test("whoever may not see names is shown pseudonyms, and finds nobody by name", async () => {
  await open(demo, { license_id: licenses.users, client_id: "anna@factor.com" });
  await call(demo, "/vendor", { adminKey: keys.admin, method: "PATCH", body: { shows_pseudonyms: true } });
  const created = { name: "viewer", role: "admin", admin_role: "viewer" };
  const viewer = (await call(demo, "/keys", { adminKey: keys.admin, body: created })).body.secret;
  expect((await list({}, viewer)).body.items[0].client_id).toMatch(/^user-[0-9a-f]{24}$/);
  expect((await list({ search: "anna" }, viewer)).body.total).toBe(0);
});

test("a key that does not reach the licence is refused, and a licence that there is not is 404", async () => {
  expect((await list({}, keys.boundAdmin)).status).toBe(403);
  expect((await list({}, keys.admin, "00000000-0000-4000-8000-0000000000ff")).status).toBe(404);
  expect((await call(demo, `/licenses/${licenses.users}/sessions`)).status).toBe(403);
});
