/** Unknown things on a GET are 404, in the address and in the query alike; what was deleted is still told of. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { call, customer, type Demo, id, keys, licenses, open, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const get = (path: string) => call(demo, path, { adminKey: keys.admin });
const remove = (licenseId: string) =>
  call(demo, `/licenses/${licenseId}?force=true`, { adminKey: keys.admin, method: "DELETE" });
const nobody = id(0xdead);

test.each([
  ["license_unknown", `/denials?license_id=${nobody}`],
  ["license_unknown", `/events?license_id=${nobody}`],
  ["license_unknown", `/licenses/${nobody}/events`],
  ["license_unknown", `/data_gathering/heartbeats?license_id=${nobody}`],
  ["entity_unknown", `/templates?product_id=${nobody}`],
  ["entity_unknown", `/licenses?product_id=${nobody}`],
  ["entity_unknown", `/licenses?customer_id=${nobody}`],
  ["entity_unknown", `/licenses?template_id=${nobody}`],
  ["entity_unknown", `/analytics/usage?product_id=${nobody}`],
  ["entity_unknown", `/analytics/usage?customer_id=${nobody}`],
  ["entity_unknown", `/licenses/${licenses.devices}/xml?token_key=${nobody}`],
])("%s: GET %s", async (code, path) => {
  const answer = await get(path);
  expect([answer.status, answer.body.code]).toEqual([404, code]);
});

test("things that are there are no 404", async () => {
  for (const path of [
    `/denials?license_id=${licenses.users.toUpperCase()}`,
    `/templates?product_id=${product.toUpperCase()}`,
    `/licenses?customer_id=${customer}`,
    `/analytics/usage?product_id=${product}`,
  ]) {
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  }
});

test("a filter in a body is no GET: it finds nothing", async () => {
  const answer = await call(demo, "/licenses/filtered", { adminKey: keys.admin, body: { product_id: nobody } });
  expect([answer.status, answer.body.total]).toEqual([200, 0]);
});

test("denials of a licence that was deleted stay readable", async () => {
  await open(demo, { license_id: licenses.users, client_id: "anna" });
  await open(demo, { license_id: licenses.users, client_id: "ben" });
  await open(demo, { license_id: licenses.users, client_id: "carl" });
  expect((await remove(licenses.users)).status).toBe(204);
  const { body } = await get(`/denials?license_id=${licenses.users}`);
  expect(body.items).toMatchObject([{ code: "tokens_exhausted", client_id: "carl" }]);
});

test("a deleted licence on which nothing ever happened was there all the same", async () => {
  expect((await remove(licenses.named)).status).toBe(204);
  expect((await get(`/denials?license_id=${licenses.named}`)).body.total).toBe(0);
  expect((await get(`/licenses/${licenses.named}/events`)).body).toEqual({ items: [], next: null });
});
