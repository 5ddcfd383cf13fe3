/** Calls and members of SLASCONE's administration that are a constant here, or another word for what is there. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { call, type Demo, id, keys, licenses, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const admin = (path: string, method: string, body?: object) =>
  call(demo, path, { adminKey: keys.admin, method, ...(body && { body }) });

test("licenses/filtered/detailed answers as licenses/filtered, with mode and client type of each licence", async () => {
  const filter = { client_type: 1 };
  const detailed = await admin("/licenses/filtered/detailed", "POST", filter);
  expect(detailed.body).toEqual((await admin("/licenses/filtered", "POST", filter)).body);
  const shown = detailed.body.items.map((license: Record<string, unknown>) => [
    license.id,
    license.provisioning_mode,
    license.client_type,
  ]);
  expect(shown.toSorted()).toEqual([
    [licenses.users, 1, 1],
    [licenses.namedUsers, 0, 1],
  ]);
});

test("a template has SLASCONE's members that are constants here", async () => {
  expect((await admin(`/templates/${id(0x300)}`, "GET")).body).toMatchObject({
    heartbeat_mode: 2,
    has_strict_heartbeats: false,
    heartbeat_sampling_rate: null,
    token_ui_mode: 0,
    expiration_mode: 1,
  });
});

describe("a release of a product", () => {
  const path = `/products/${product}/software_release_limitations`;

  test("goes by name or software_release, and is answered with both", async () => {
    const created = await admin(path, "POST", { software_release: "25.2" });
    expect([created.status, created.body.name, created.body.software_release]).toEqual([201, "25.2", "25.2"]);
    const named = await admin(path, "PUT", { id: created.body.id, name: "25.3" });
    expect([named.body.name, named.body.software_release]).toEqual(["25.3", "25.3"]);
    const released = await admin(path, "PUT", { id: created.body.id, software_release: "25.4" });
    expect(released.body.name).toBe("25.4");
    const inProduct = (await admin(`/products/${product}`, "GET")).body.software_release_limitations;
    expect(inProduct).toMatchObject([{ name: "25.4", software_release: "25.4" }]);
  });

  test("needs one of the two, and not two different ones", async () => {
    expect((await admin(path, "POST", {})).body.detail).toBe("name: is required");
    const two = await admin(path, "POST", { name: "25.2", software_release: "25.3" });
    expect([two.status, two.body.code]).toEqual([400, "input_invalid"]);
  });

  test("alone has that other word", async () => {
    const features = `/products/${product}/features`;
    expect((await admin(features, "POST", { software_release: "x" })).status).toBe(400);
    expect((await admin(features, "POST", { name: "x" })).body).not.toHaveProperty("software_release");
  });
});

test("the health check tells in plain text, to keys of the vendor", async () => {
  const answer = await admin("/administration/healthcheck", "GET");
  expect([answer.status, answer.headers.get("content-type"), answer.text]).toEqual([
    200,
    "text/plain; charset=utf-8",
    "Healthy",
  ]);
  expect((await call(demo, "/administration/healthcheck")).status).toBe(403);
});

test("the job that looks for licences that are over has nothing to do, and says so", async () => {
  const answer = await admin("/administration/validatelicensesexpirationdate", "PUT");
  expect([answer.status, typeof answer.body]).toEqual([200, "string"]);
});
