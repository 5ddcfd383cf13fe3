/** The calls of analytics over a real port: what they answer, in JSON and CSV, and what they refuse. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Rollup } from "../../src/analytics/rollup.ts";
import {
  call,
  close,
  customer,
  type Demo,
  isv,
  keys,
  licenses,
  open,
  otherCustomer,
  otherIsv,
  product,
  startDemo,
} from "./demo.ts";

const minute = 60_000;
const hour = 60 * minute;
let demo: Demo;

/** A working day: anna and ben take both tokens, carl waits, dora goes without. */
beforeAll(async () => {
  demo = await startDemo();
  const take = (user: string, session_id?: string) =>
    open(demo, { license_id: licenses.users, client_id: user, ...(session_id && { session_id }) });
  const pass = (ms: number) => demo.clock.advance(ms);
  const statuses: number[] = [];
  const note = async (answer: ReturnType<typeof take>) => statuses.push((await answer).status);
  pass(8 * hour);
  await note(take("Anna@factor.com"));
  pass(2 * minute);
  await note(take("ben@factor.com"));
  await note(take("carl@factor.com"));
  pass(minute);
  await note(take("carl@factor.com"));
  await close(demo, { license_id: licenses.users, client_id: "anna@factor.com" });
  await note(take("carl@factor.com"));
  await note(take("=dora@factor.com"));
  expect(statuses).toEqual([200, 200, 409, 409, 200, 409]);
  // Ben's and Carl's sessions lapse after five minutes; Ben is back at once, again and again.
  for (let n = 0; n < 6; n++) {
    pass(6 * minute);
    await take("ben@factor.com");
  }
  await open(demo, { license_id: "00000000-0000-4000-8000-0000000000ff", client_id: "eve" });
  pass(10 * hour);
  await demo.desk.decide({ type: "sweep", isvId: isv, licenseId: licenses.users });
  pass(10_000);
  const rollup = new Rollup(demo.store);
  while (await rollup.round());
});
afterAll(() => demo.stop());

const ask = (path: string, more: Record<string, string> = {}, adminKey: string = keys.admin) =>
  call(demo, `/analytics/${path}?${new URLSearchParams(more)}`, { adminKey });
const ofUsers = { license_id: licenses.users, from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };

describe("the chart of use", () => {
  test("has hours with their peak, mean, limit and sessions", async () => {
    const { status, body } = await ask("usage", { ...ofUsers, bucket: "hour" });
    expect(status).toBe(200);
    expect(body.items.slice(7, 9)).toEqual([
      expect.objectContaining({ start: "2026-01-01T07:00:00.000Z", max: 0, mean: 0, limit: 2, sessions_opened: 0 }),
      {
        start: "2026-01-01T08:00:00.000Z",
        end: "2026-01-01T09:00:00.000Z",
        max: 2,
        // Anna 3 minutes, Carl 5, Ben seven times 5.
        mean: 0.717,
        limit: 2,
        sessions_opened: 9,
        sessions_closed: 1,
        sessions_expired: 8,
        sessions_ended: 0,
        overuse: 0,
      },
    ]);
    expect(Date.parse(body.counted_until)).toBe(demo.clock.now());
  });

  test("is of a product, a customer or the vendor as well, and by the days of a zone", async () => {
    for (const scope of [{ product_id: product }, { customer_id: customer }, {}]) {
      const { from, to } = ofUsers;
      const { body } = await ask("usage", { from, to, ...scope, pool: "floating", time_zone: "Asia/Kolkata" });
      expect(body.items.map(({ start, max }: { start: string; max: number }) => [start, max])).toEqual([
        ["2025-12-31T18:30:00.000Z", 2],
        ["2026-01-01T18:30:00.000Z", 0],
      ]);
    }
    const other = await ask("usage", { customer_id: otherCustomer, from: ofUsers.from, to: ofUsers.to });
    expect(other.body.items[0]).toMatchObject({ max: 0 });
  });

  test("is of thirty days if nothing is said", async () => {
    expect((await ask("usage", { license_id: licenses.users })).body.items).toHaveLength(31);
  });
});

describe("the overview", () => {
  const of = (items: readonly { license_id: string }[], id: string) => items.find((item) => item.license_id === id);

  test("tells of each licence what is in use, and today's peak and denials", async () => {
    const { status, body } = await ask("overview");
    expect(status).toBe(200);
    expect(of(body.items, licenses.users)).toMatchObject({
      customer_name: expect.any(String),
      product_name: expect.any(String),
      state: "valid",
      pools: [{ pool: "floating", in_use: 0, limit: 2, peak_today: 2 }],
      denials_today: 3,
      true_denials_today: 1,
    });
    expect(of(body.items, licenses.projects)).toMatchObject({ pools: [{ pool: "mono" }, { pool: "team" }] });
    expect(of(body.items, licenses.named)).toMatchObject({ pools: [{ pool: "named" }] });
    expect(
      [licenses.expired, licenses.inactive].map((id) => (of(body.items, id) as { state?: string })?.state),
    ).toEqual(["expired", "inactive"]);
    // The one on a licence that there is not kept nobody out.
    expect([body.today, body.denials_today]).toEqual(["2026-01-01T00:00:00.000Z", 3]);
  });

  test("has the day of the viewer's zone, in which nothing has happened yet", async () => {
    const { body } = await ask("overview", { time_zone: "Asia/Kolkata" });
    expect([body.today, body.denials_today]).toEqual(["2026-01-01T18:30:00.000Z", 0]);
    expect(of(body.items, licenses.users)).toMatchObject({ pools: [{ peak_today: 0 }], denials_today: 0 });
  });

  test("comes by page and name, and is searched by licence and customer", async () => {
    const { total, items } = (await ask("overview")).body;
    const pages = await Promise.all([1, 2].map((page) => ask("overview", { page: String(page), page_size: "4" })));
    expect(pages.flatMap(({ body }) => body.items)).toEqual(items.slice(0, 8));
    expect(total).toBe(items.length);
    const [{ customer_name }] = items;
    const found = (await ask("overview", { search: customer_name.toUpperCase() })).body.items;
    expect(found.length).toBeGreaterThan(0);
    expect((await ask("overview", { search: "nobody's" })).body.total).toBe(0);
  });

  test("is of all licences, so not for a bound key; and takes no zone that is none", async () => {
    expect((await ask("overview", {}, keys.boundAdmin)).status).toBe(403);
    expect((await ask("overview", { time_zone: "Europe/Atlantis" })).status).toBe(400);
  });
});

test("the chart of denials tells those who went without from those who were served soon", async () => {
  const { body } = await ask("denials", { ...ofUsers, bucket: "hour" });
  expect(body.items[8]).toEqual({
    start: "2026-01-01T08:00:00.000Z",
    end: "2026-01-01T09:00:00.000Z",
    denials: 3,
    by_reason: { tokens_exhausted: 3 },
    episodes: 2,
    true_denials: 1,
    false_denials: 1,
    wait_mean_seconds: 60,
    wait_max_seconds: 60,
  });
  const vendors = await ask("denials", { from: ofUsers.from, to: ofUsers.to });
  expect(vendors.body.items[0]).toMatchObject({ denials: 3, by_reason: { tokens_exhausted: 3, license_unknown: 1 } });
  const unknown = await ask("denials", { from: ofUsers.from, to: ofUsers.to, reason: "license_unknown" });
  expect(unknown.body.items[0]).toMatchObject({ denials: 1, by_reason: { license_unknown: 1 }, episodes: 0 });
});

test("what kept nobody out is counted by reason alone: no episode, no true denial, in no headline", async () => {
  const own = await startDemo();
  const users = { license_id: licenses.users, client_id: "anna@factor.com" };
  const read = async (path: string, more: object = {}) =>
    (await call(own, `/analytics/${path}?${new URLSearchParams({ ...more })}`, { adminKey: keys.admin })).body;
  try {
    for (const client_id of ["x@factor.com", "y@factor.com", "z@factor.com"]) await close(own, { ...users, client_id });
    await open(own, { ...users, checkout_period: -1 });
    for (const client_id of ["anna@factor.com", "ben@factor.com", "carl@factor.com"]) {
      await open(own, { ...users, client_id });
    }
    own.clock.advance(10_000);
    const rollup = new Rollup(own.store);
    while (await rollup.round());
    const of = { license_id: licenses.users };
    const overview = await read("overview");
    expect([overview.denials_today, overview.true_denials_today]).toEqual([1, 1]);
    expect((await read("denials", of)).items.at(-1)).toMatchObject({
      denials: 1,
      by_reason: { session_unknown: 3, checkout_negative: 1, tokens_exhausted: 1 },
      episodes: 1,
      true_denials: 1,
    });
    const asked = await read("denials", { ...of, reason: "session_unknown" });
    expect(asked.items.at(-1)).toMatchObject({ denials: 3, by_reason: { session_unknown: 3 }, true_denials: 0 });
    expect((await read("denials/holders", of)).items).toMatchObject([{ holder: "carl@factor.com", denials: 1 }]);
    expect((await read("denials/licenses")).items).toMatchObject([{ denials: 1, true_denials: 1 }]);
    expect((await read("holders", of)).items).toMatchObject([
      { holder: "anna@factor.com", denials: 0 },
      { holder: "ben@factor.com", denials: 0 },
      { holder: "carl@factor.com", denials: 1 },
      { denials: 0, true_denials: 0 },
      { denials: 0, true_denials: 0 },
      { denials: 0, true_denials: 0 },
    ]);
    expect((await read("episodes", of)).total).toBe(1);
    const cells: { denials: number }[] = (await read("heatmap", of)).items;
    expect(cells.reduce((sum, { denials }) => sum + denials, 0)).toBe(1);
  } finally {
    await own.stop();
  }
});

test("the heat map has an item an hour of the week", async () => {
  const { body } = await ask("heatmap", { ...ofUsers, time_zone: "Europe/Berlin" });
  expect(body.items).toHaveLength(168);
  // 1 January 2026 is a Thursday.
  expect(body.items.filter(({ denials }: { denials: number }) => denials > 0)).toEqual([
    { weekday: 4, hour: 9, mean: 0.717, max: 2, denials: 3 },
  ]);
});

test("holders are listed with their time, sessions and denials", async () => {
  const { body } = await ask("holders", ofUsers);
  const dora = { holder: "=dora@factor.com", session_seconds: 0, sessions: 0, denials: 1, true_denials: 1 };
  expect(body.items).toEqual([
    {
      holder: "ben@factor.com",
      session_seconds: 2_100,
      sessions: 7,
      sessions_expired: 7,
      reopened_late: 6,
      activations: 1,
      several_addresses: 0,
      denials: 0,
      true_denials: 0,
    },
    expect.objectContaining({ holder: "carl@factor.com", session_seconds: 300, denials: 2, true_denials: 0 }),
    expect.objectContaining({ holder: "anna@factor.com", session_seconds: 180, sessions_expired: 0 }),
    expect.objectContaining(dora),
  ]);
});

test("denials are listed by holder and by licence, the most refused first", async () => {
  const holders = await ask("denials/holders", ofUsers);
  expect(holders.body.items.map(({ holder, denials }: never) => [holder, denials])).toEqual([
    ["carl@factor.com", 2],
    ["=dora@factor.com", 1],
  ]);
  const { from, to } = ofUsers;
  for (const scope of [{}, { customer_id: customer }]) {
    const { body } = await ask("denials/licenses", { from, to, ...scope });
    expect(body.items).toEqual([expect.objectContaining({ license_id: licenses.users, denials: 3, true_denials: 1 })]);
  }
  const elsewhere = await ask("denials/licenses", { from, to, customer_id: otherCustomer });
  expect(elsewhere.body.items).toEqual([]);
  expect((await ask("denials/licenses", { from, to, reason: "license_expired" })).body.items).toEqual([]);
});

test("episodes are listed page by page", async () => {
  const first = await ask("episodes", { ...ofUsers, page_size: "1" });
  expect(first.body).toEqual({
    items: [
      {
        holder: "carl@factor.com",
        code: "tokens_exhausted",
        first_at: "2026-01-01T08:02:00.000Z",
        last_at: "2026-01-01T08:03:00.000Z",
        attempts: 2,
        served_at: "2026-01-01T08:03:00.000Z",
        wait_seconds: 60,
        is_true: false,
      },
    ],
    page: 1,
    page_size: 1,
    total: 2,
  });
  const second = await ask("episodes", { ...ofUsers, page_size: "1", page: "2" });
  expect(second.body.items).toEqual([
    expect.objectContaining({
      holder: "=dora@factor.com",
      attempts: 1,
      served_at: null,
      wait_seconds: null,
      is_true: true,
    }),
  ]);
  expect((await ask("episodes", { ...ofUsers, page: "9" })).body).toMatchObject({ items: [], total: 2 });
  expect((await ask("episodes", { ...ofUsers, reason: "client_suspended" })).body).toMatchObject({
    items: [],
    total: 0,
  });
});

test("who renews late and never closes is named", async () => {
  const { body } = await ask("signs", ofUsers);
  expect(body.items.map(({ holder, sign, cases, out_of }: never) => [holder, sign, cases, out_of])).toEqual([
    ["ben@factor.com", "never_closes", 7, 7],
    ["ben@factor.com", "renews_late", 6, 7],
  ]);
});

test("advice is given once a week is counted", async () => {
  const { body } = await ask("advice", { license_id: licenses.users });
  expect(body).toMatchObject({
    verdict: "unknown",
    limit: 2,
    peak: 2,
    suggested_limit: null,
    message: expect.any(String),
  });
});

describe("as CSV", () => {
  test("an item is a line, counts have names, and no name is a formula", async () => {
    const denials = await ask("denials", { ...ofUsers, format: "csv" });
    expect(denials.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(denials.text).toBe(
      "start,end,denials,by_reason,episodes,true_denials,false_denials,wait_mean_seconds,wait_max_seconds\r\n" +
        "2026-01-01T00:00:00.000Z,2026-01-02T00:00:00.000Z,3,tokens_exhausted:3,2,1,1,60,60\r\n",
    );
    const holders = await ask("holders", { ...ofUsers, format: "csv" });
    expect(holders.text.split("\r\n").at(-2)).toBe("'=dora@factor.com,0,0,0,0,0,0,1,1");
  });

  test("no part of a name is a formula either, where semicolons part cells", async () => {
    const own = await startDemo();
    try {
      for (const name of ["ann;=1+1@factor.com", 'x";@SUM(A1);"', "＝1", "a-b;c=d"]) {
        await open(own, { license_id: licenses.inactive, client_id: name });
      }
      const { text } = await call(own, "/denials?format=csv", { adminKey: keys.admin });
      const cells = text.split("\r\n").flatMap((line) => line.split(/[;,]/));
      expect(cells.filter((cell) => /^"?[=+\-@＝＋－＠]/.test(cell))).toEqual([]);
      for (const name of ["ann;'=1+1@factor.com", `"x"";'@SUM(A1);"""`, "'＝1", "a-b;c=d"])
        expect(text).toContain(`,${name},`);
    } finally {
      await own.stop();
    }
  });

  test("a table without lines has its columns", async () => {
    const { text } = await ask("signs", { license_id: licenses.devices, format: "csv" });
    expect(text).toBe("holder,sign,cases,out_of,message\r\n");
  });

  test.each(["usage", "heatmap", "episodes", "denials/holders"])("%s has as many lines as items", async (path) => {
    const [table, list] = await Promise.all([ask(path, { ...ofUsers, format: "csv" }), ask(path, ofUsers)]);
    expect(table.text.trimEnd().split("\r\n")).toHaveLength(list.body.items.length + 1);
  });
});

describe("refused is", () => {
  const all = [
    "usage",
    "denials",
    "heatmap",
    "holders",
    "denials/holders",
    "denials/licenses",
    "episodes",
    "signs",
    "advice",
  ];
  const range = { license_id: licenses.users };

  test.each(all)("%s without an AdminKey", async (path) => {
    expect((await call(demo, `/analytics/${path}?license_id=${licenses.users}`)).status).toBe(403);
    expect((await call(demo, `/analytics/${path}`, { key: null })).status).toBe(401);
  });

  test.each([
    ["usage", { ...range, product_id: product }, "want one of them"],
    ["usage", { ...range, time_zone: "Europe/Atlantis" }, "time_zone"],
    ["usage", { ...range, bucket: "year" }, "bucket"],
    ["usage", { ...range, pool: "deep" }, "pool"],
    ["usage", { ...range, format: "xml" }, "format"],
    ["usage", { ...range, scale: "1" }, "scale"],
    ["usage", { ...range, from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" }, "from, to"],
    ["usage", { ...range, from: "yesterday" }, "from"],
    ["usage", { ...range, from: "2020-01-01T00:00:00Z", bucket: "minute" }, "bucket"],
    [
      "usage",
      { ...range, from: "1880-01-01T00:00:00Z", to: "1880-02-01T00:00:00Z", time_zone: "Europe/Berlin" },
      "time_zone",
    ],
    ["heatmap", { ...range, from: "0001-01-01T00:00:00Z" }, "days at most"],
    ["heatmap", { ...range, time_zone: "+05:07" }, "time_zone"],
    ["holders", { ...range, from: "2025-01-01T00:00:00Z" }, "days at most"],
    ["holders", {}, "license_id"],
    ["episodes", { ...range, page: "0" }, "page"],
    ["denials", { ...range, reason: "bad_luck" }, "reason"],
  ])("%s with %o", async (path, query, about) => {
    const { status, body } = await ask(path, query as Record<string, string>);
    expect([status, body.code]).toEqual([400, "input_invalid"]);
    expect(body.detail).toContain(about);
  });

  test.each(all)("%s of a licence that there is not, or that a bound key does not reach", async (path) => {
    if (path === "denials/licenses") return;
    expect((await ask(path, { license_id: "00000000-0000-4000-8000-0000000000ff" })).status).toBe(404);
    expect((await ask(path, { license_id: licenses.users }, keys.boundAdmin)).status).toBe(403);
    expect((await ask(path, { license_id: licenses.devices }, keys.boundAdmin)).status).toBe(200);
  });

  test.each(["usage", "denials", "heatmap", "denials/licenses"])("%s of all licences to a bound key", async (path) => {
    expect((await ask(path, {}, keys.boundAdmin)).status).toBe(403);
  });

  test("another vendor's look: it sees its own", async () => {
    const asked = { adminKey: keys.otherAdmin, isvId: otherIsv };
    expect((await call(demo, `/analytics/usage?license_id=${licenses.users}`, asked)).status).toBe(404);
    const own = await call(demo, "/analytics/denials?from=2026-01-01T00:00:00Z", asked);
    expect(own.body.items[0].denials).toBe(0);
    expect((await ask("denials", {}, keys.otherAdmin)).status).toBe(403);
  });
});
