/** Changing the catalogue in a real browser: two who change the same, forms behind links, a product's parts. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { documents, executablePath, keys, licenses, patienceMs, product, useWorld } from "./world.ts";

describe.runIf(existsSync(executablePath))("changes", { timeout: patienceMs }, () => {
  const here = useWorld();
  const { visit, excuse } = here;

  test("of two who change the same licence the second is told, sees the first one's change, and changes it again", async () => {
    const [first, second] = [await visit(keys.owner), await visit(keys.owner)];
    for (const { go, page } of [first, second]) {
      await go("/catalogue/licences");
      await page.getByRole("button", { name: "Edit Pair" }).click();
      await page.getByRole("dialog").getByLabel("Floating tokens").waitFor();
    }
    await first.page.getByLabel("Floating tokens").fill("3");
    await first.page.getByRole("button", { name: "Save" }).click();
    await first.page.getByRole("dialog").waitFor({ state: "detached" });
    const form = second.page.getByRole("dialog");
    await form.getByLabel("Name", { exact: true }).fill("Pair of Factor");
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByText("Somebody else has changed this meanwhile").waitFor();
    excuse(412);
    await form.getByRole("button", { name: "Load it again" }).click();
    await form.getByText("Somebody else has changed this meanwhile").waitFor({ state: "detached" });
    expect(await form.getByLabel("Floating tokens").inputValue()).toBe("3");
    expect(await form.getByLabel("Name", { exact: true }).inputValue()).toBe("Pair");
    await form.getByLabel("Name", { exact: true }).fill("Pair of Factor");
    await form.getByRole("button", { name: "Save" }).click();
    const row = second.page.getByRole("row").filter({ hasText: "Pair of Factor" });
    await row.getByRole("cell", { name: "3", exact: true }).waitFor();
  });

  test("of what was deleted meanwhile the second is told so", async () => {
    const id = "6e1f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c70";
    const body = { id, company_name: "Short GmbH", customer_number: "70" };
    expect(await here.world.administer("POST", "customers", body)).toBe(201);
    const { page, go } = await visit(keys.owner);
    await go(`/catalogue/customers?edit=${id}`);
    await page.getByRole("dialog").getByLabel("E-mail").fill("info@short.example");
    expect(await here.world.administer("DELETE", `customers/${id}`, {})).toBe(204);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Load it again" }).click();
    await page.getByText("The vendor has no customer of this id.").waitFor();
    excuse(412, 404);
  });

  test("of a part that was taken away meanwhile the second is told so", async () => {
    const id = "6e1f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c71";
    const list = `products/${product}/variables`;
    expect(await here.world.administer("POST", list, { id, name: "Short-lived" })).toBe(201);
    const { page, go } = await visit(keys.owner);
    await go(`/catalogue/products/${product}?list=variables&part=${id}`);
    await page.getByRole("dialog").getByLabel("Told to applications").fill("x");
    expect(await here.world.administer("DELETE", `${list}/${id}`, {})).toBe(204);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Load it again" }).click();
    await page.getByText("The product no longer has it; the audit log tells who took it away.").waitFor();
    excuse(412);
  });

  test("by forms that a link opens: of a customer, of an edition, of the role of a key, of what is new", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/editions");
    await page.getByRole("button", { name: "Edit Projects" }).click();
    await page.getByRole("dialog", { name: "Edit Projects" }).waitFor();
    const address = page.url();
    const other = await visit(keys.owner);
    await other.page.goto(address);
    await other.page.getByRole("dialog", { name: "Edit Projects" }).waitFor();
    const opened = async (place: string, name: string) => {
      await other.go(place);
      await other.page.getByRole("dialog", { name }).waitFor();
    };
    await opened("/catalogue/customers?new=customer", "Create a customer");
    await opened(`/catalogue/products?edit=${product}`, "Edit Tool");
    await opened(`/licenses/${licenses.crowd}?edit=${licenses.crowd}`, "Edit Crowd");
    await opened(`/keys?edit=${keys.viewerId}`, "Role of victor");
    await opened("/keys?new=key", "Create a key");
  });

  test("of a new key's secret: it is shown this once, and signs in", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/keys");
    await page.getByRole("button", { name: "Create a key" }).click();
    const form = page.getByRole("dialog", { name: "Create a key" });
    await form.getByLabel("Name", { exact: true }).fill("support");
    await form.getByRole("radio", { name: "Administration" }).check();
    await form.getByRole("button", { name: "Create" }).click();
    const shown = page.getByRole("dialog", { name: "The key support" });
    const secret = (await shown.locator("pre").textContent()) as string;
    const other = await visit(secret);
    await other.go("");
    await other.page.getByText("Viewer: read only").waitFor();
    await shown.getByRole("button", { name: "I have it" }).click();
    await page.getByRole("row").filter({ hasText: "support" }).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await page.getByText(secret).count()).toBe(0);
  });

  test("that are typed stay when somebody clicks beside the form; the Escape key closes it", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/customers?new=customer");
    const form = page.getByRole("dialog", { name: "Create a customer" });
    await form.getByLabel("Name", { exact: true }).fill("Typed GmbH");
    await page.mouse.click(5, 5);
    expect(await form.getByLabel("Name", { exact: true }).inputValue()).toBe("Typed GmbH");
    await page.keyboard.press("Escape");
    await form.waitFor({ state: "detached" });
  });

  test("in the wizard stand in the address: a link leads to the same step with the same choices, and back leads back", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/editions/new");
    await page.getByRole("radio", { name: "Floating", exact: true }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("radio", { name: "Projects", exact: true }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("A project that is opened without a kind is").waitFor();
    const other = await visit(keys.owner);
    await other.page.goto(page.url());
    await other.page.getByText("A project that is opened without a kind is").waitFor();
    await page.goBack();
    expect(await page.getByRole("radio", { name: "Projects", exact: true }).isChecked()).toBe(true);
    await page.goBack();
    expect(await page.getByRole("radio", { name: "Floating", exact: true }).isChecked()).toBe(true);
    // What is not chosen yet cannot be skipped by an address.
    await other.go("/catalogue/editions/new?step=name&mode=named&counts=projects");
    await other.page.getByText("What has a token? This cannot change later.").waitFor();
  });

  test("of a product's parts and of what an edition sets of them reach its licences", async () => {
    const { page, go } = await visit(keys.owner);
    const dialog = page.getByRole("dialog");
    const add = async (noun: string, name: string) => {
      await page.getByRole("button", { name: `Add a ${noun}`, exact: true }).click();
      await dialog.getByLabel("Name", { exact: true }).fill(name);
      await dialog.getByRole("button", { name: "Add" }).click();
      await page.getByRole("button", { name: `Edit ${name}` }).waitFor();
    };
    await go(`/catalogue/products/${product}`);
    await add("limitation", "Cores");
    await add("variable", "Colour");
    await add("constrained variable", "Tier");
    await add("release", "26.1");
    await page.getByRole("button", { name: "Edit Tier" }).click();
    await dialog.getByLabel("Values").fill("gold");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row").filter({ hasText: "Tier" }).getByText("gold").waitFor();
    await go("/catalogue/editions");
    await page.getByRole("button", { name: "Limits and values of Machines" }).click();
    const cores = dialog.getByRole("group", { name: "Cores" });
    await cores.getByLabel("This edition has it").check();
    await cores.getByLabel("Limit").fill("16");
    await dialog.getByLabel("Colour").fill("blue");
    await dialog.getByLabel("Newest release that is covered").click();
    await page.getByRole("option", { name: "26.1" }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await go(`/licenses/${licenses.named}?tab=limits`);
    await page.getByRole("row").filter({ hasText: "Cores" }).getByRole("cell", { name: "16" }).waitFor();
    await go(`/licenses/${licenses.named}?tab=terms`);
    for (const text of ["blue", "help@example.com", "26.1"]) await page.getByText(text, { exact: true }).waitFor();
    await go(`/catalogue/products/${product}`);
    await page.getByRole("button", { name: "Delete Cores" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog.getByText("template Machines").waitFor();
    excuse(409);
  });

  test("what a licence consumes is shown, and begins anew when an administrator says so", async () => {
    const body = { product_id: product, license_key: licenses.named, client_id: "press-1" };
    const { status } = await here.world.ask("provisioning/activations", body);
    expect(status).toBe(200);
    const consumption_heartbeat = [{ limitation_id: documents, value: 4 }];
    const consumed = { client_id: "press-1", consumption_heartbeat };
    expect((await here.world.ask("data_gathering/consumption_heartbeats", consumed)).status).toBe(200);
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.named}?tab=limits`);
    await page.getByText("4 of 10").waitFor();
    await page.getByRole("button", { name: "Begin anew: Documents" }).click();
    await page.getByText(/Factor GmbH has all of it again/).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin anew" }).click();
    await page.getByText("0 of 10").waitFor();
    // Nothing tells of a consumption: the page looks by itself.
    expect((await here.world.ask("data_gathering/consumption_heartbeats", consumed)).status).toBe(200);
    await page.getByText("4 of 10").waitFor();
  });
});
