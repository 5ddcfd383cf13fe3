/** The list of a licence's clients: its filters, its order, and that a mistyped one does not list everything. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { activate, call, type Demo, keys, licenses, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
  for (const [client, system, version] of [
    ["pc-2", "Windows", "1.0"],
    ["pc-3", "Linux", "2.0"],
    ["pc-1", "macOS", "1.0"],
  ]) {
    await activate(demo, licenses.devices, client as string);
    demo.clock.advance(1_000);
    await call(demo, "/provisioning/heartbeats", {
      body: { product_id: product, client_id: client, software_version: version, operating_system: system },
    });
  }
});
afterAll(() => demo.stop());

const list = (query: string) =>
  call(demo, `/licenses/${licenses.devices}/assignments${query}`, { adminKey: keys.admin });

test.each([
  ["", "pc-2 pc-3 pc-1", "3"],
  ["?descending=true", "pc-1 pc-3 pc-2", "3"],
  ["?operating_systems=Linux", "pc-3", "1"],
  ["?operating_systems=Linux&operating_systems=macOS", "pc-3 pc-1", "2"],
  ["?version_number=1.0", "pc-2 pc-1", "2"],
  ["?version_number=1.0&operating_systems=macOS", "pc-1", "1"],
  ["?version_number=3.0", "", "0"],
  ["?sort_option=client_id", "pc-1 pc-2 pc-3", "3"],
  ["?sort_option=client_id&descending=true&page_size=2", "pc-3 pc-2", "3"],
  ["?sort_option=activated_date_utc&page=2&page_size=2", "pc-1", "3"],
  ["?sort_option=operating_system", "pc-3 pc-2 pc-1", "3"],
  ["?include_analytical_heartbeats=false", "pc-2 pc-3 pc-1", "3"],
])("%s lists %s", async (query, clients, total) => {
  const answer = await list(query);
  const shown = answer.body.map(({ client_id }: { client_id: string }) => client_id).join(" ");
  expect([answer.status, shown, answer.headers.get("x-total-count")]).toEqual([200, clients, total]);
});

test("clients of one instant stand in the order of their ids, on every server and after each restart", async () => {
  const other = await startDemo();
  for (const client of ["pc-1", "pc-2", "pc-3", "pc-4", "pc-5", "pc-6"])
    await activate(other, licenses.devices, client);
  for (const query of ["", "?sort_option=device_name&descending=true"]) {
    const { body } = await call(other, `/licenses/${licenses.devices}/assignments${query}`, { adminKey: keys.admin });
    const ids = body.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(ids.toSorted());
  }
  await other.stop();
});

test.each(["?operating_system=Linux", "?sort_option=colour", "?search=pc-1", "?page=0"])(
  "%s is refused",
  async (query) => {
    const { status, body } = await list(query);
    expect([status, body.code]).toEqual([400, "input_invalid"]);
  },
);
