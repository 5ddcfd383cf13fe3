/** In a real browser: choosing one of more than a page of a list has. */
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { executablePath, isv, keys, licenses, patienceMs, useWorld } from "./world.ts";

/** More than the longest page that the server gives. */
const many = 1_200;

describe.runIf(existsSync(executablePath))("more customers than a page of their list", { timeout: patienceMs }, () => {
  const here = useWorld({ isInMemory: true });
  const { visit } = here;

  beforeAll(async () => {
    const numbered = Array.from({ length: many }, (_, n) => `  - { number: "m${n}", name: Many ${n} }`);
    const text = [`isv: { id: ${isv}, name: Console tests }`, "customers:", ...numbered].join("\n");
    const files = [{ name: "many.yaml", text }];
    expect(await here.world.administer("POST", "tenant-files", { files })).toBe(200);
  }, 60_000);

  test("the last is found by typing, chosen by keyboard, and shown by name where the licence is changed", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/licences?new=licence");
    const dialog = page.getByRole("dialog");
    const customer = dialog.getByRole("combobox", { name: "Customer" });
    await customer.fill(`many ${many - 1}`);
    const option = page.getByRole("option");
    await option.filter({ hasText: `Many ${many - 1} (m${many - 1})` }).waitFor();
    expect(await option.count()).toBe(1);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await customer.inputValue()).toBe(`Many ${many - 1} (m${many - 1})`);
    const edition = dialog.getByRole("combobox", { name: "Edition" });
    // By the product's name, as the choice shows it.
    await edition.fill("tool");
    await page.getByRole("option", { name: "Tool · Users" }).click();
    await dialog.getByLabel("Floating tokens").fill("4");
    await dialog.getByLabel("Name", { exact: true }).fill("Last");
    await dialog.getByRole("button", { name: "Issue" }).click();
    await page.getByRole("heading", { level: 1, name: "Last" }).waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await expect.poll(() => customer.inputValue()).toBe(`Many ${many - 1} (m${many - 1})`);
    expect(await edition.inputValue()).toBe("Tool · Users");
    // Opened again it offers others too, and what is not chosen leaves no trace.
    await customer.click();
    await page.getByRole("option", { name: "Factor GmbH (1)" }).waitFor();
    await customer.fill("nobody of this name");
    await page.getByText("Nothing is found").waitFor();
    await edition.click();
    expect(await customer.inputValue()).toBe(`Many ${many - 1} (m${many - 1})`);
  });

  test("an edition's licences go to another one that counts alike: no other is offered", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/editions");
    await page.getByRole("button", { name: "Clone Machines" }).click();
    await page.getByRole("dialog").getByLabel("Name of the clone").fill("Devices");
    await page.getByRole("dialog").getByRole("button", { name: "Clone" }).click();
    await page.getByRole("button", { name: "Clone Devices" }).waitFor();
    await page.getByRole("button", { name: "Delete Machines" }).click();
    await page.getByRole("combobox", { name: "Edition that takes its licences" }).click();
    await page.getByRole("option", { name: "Tool · Devices" }).waitFor();
    expect(await page.getByRole("option").count()).toBe(1);
    await page.getByRole("option").click();
    await page.getByText("What is of it (1 licence) changes to Devices in the same step").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("Machines is deleted.").waitFor();
    await go("/catalogue/licences");
    await page.getByRole("row").filter({ hasText: "Tool · Devices" }).getByText("Machines").waitFor();
  });

  test("a filter of the address shows the name of its licence, and is cleared", async () => {
    const { page, go } = await visit(keys.viewer);
    await go(`/denials?license=${licenses.pair}`);
    const filter = page.getByRole("combobox", { name: "Licence" });
    await expect.poll(() => filter.inputValue()).toBe("Pair · Factor GmbH");
    await page.getByLabel("All licences").click();
    expect(await filter.inputValue()).toBe("");
    expect(page.url()).not.toContain("license=");
    await go("/projects");
    await filter.click();
    // Only licences that count projects.
    await page.getByRole("option", { name: "Studio · Factor GmbH" }).waitFor();
    expect(await page.getByRole("option").count()).toBe(1);
  });
});
