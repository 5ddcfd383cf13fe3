/** What administrators are refused that SLASCONE numbers: its 409, with the number, in either form. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { call, customer, type Demo, id, keys, product, startDemo } from "./demo.ts";

let demo: Demo;
beforeEach(async () => {
  demo = await startDemo();
});
afterEach(() => demo.stop());

const nobody = id(0xdead);
const template = { product_id: product, name: "New", provisioning_mode: 1, client_type: 0 };

describe.each([
  [4002, "name_taken", "customer_number", "/customers", { company_name: "Again", customer_number: "87012" }],
  [4000, "input_invalid", "customer_id", "/licenses", { customer_id: nobody, template_id: id(0x300) }],
  [
    3000,
    "input_invalid",
    "product_id",
    "/licenses",
    { customer_id: customer, template_id: id(0x300), product_id: nobody },
  ],
  [3000, "input_invalid", "product_id", "/templates", { ...template, product_id: nobody }],
  [
    1004,
    "input_invalid",
    "software_release_limitation_id",
    "/templates",
    { ...template, software_release_limitation_id: nobody },
  ],
])("%i: %s %s at %s", (number, code, field, path, body) => {
  const post = (accept: string) => call(demo, path, { adminKey: keys.admin, body, headers: { accept } });

  test("as problem details, with the code and the number", async () => {
    const answer = await post("application/problem+json");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([409, "application/problem+json"]);
    expect(answer.body).toMatchObject({ id: number, code, status: 409, detail: expect.stringContaining(`${field}: `) });
  });

  test("as SLASCONE's clients know it, and no other member", async () => {
    const answer = await post("application/json");
    expect([answer.status, answer.headers.get("content-type"), answer.headers.get("vary")]).toEqual([
      409,
      "application/json",
      "Accept",
    ]);
    expect(answer.body).toEqual({ id: number, message: expect.stringContaining(`${field}: `) });
  });
});

test("what SLASCONE has no number for stays what it was", async () => {
  const unknown = { customer_id: customer, template_id: nobody };
  const answer = await call(demo, "/licenses", { adminKey: keys.admin, body: unknown });
  expect([answer.status, answer.body.code, answer.body.id]).toEqual([400, "input_invalid", undefined]);
  expect(answer.body.errors).toEqual([{ field: "template_id", detail: "there is no template of this id" }]);
  const product = await call(demo, "/products", { adminKey: keys.admin, body: { name: "CAD" } });
  expect([product.status, product.body.code, product.body.id]).toEqual([409, "name_taken", undefined]);
});
