/** In a real browser: what one licence sets of its product's parts, in place of its edition. */
import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { executablePath, keys, licenses, patienceMs, useWorld } from "./world.ts";

describe.runIf(existsSync(executablePath))("a licence's own parts", { timeout: patienceMs }, () => {
  const { visit, excuse } = useWorld();
  const form = `/licenses/${licenses.named}?parts=${licenses.named}`;
  const part = (page: Page, name: string) => page.getByRole("dialog").getByRole("group", { name, exact: true });
  const own = (page: Page, name: string) => part(page, name).getByLabel("This licence has its own");
  const save = async (page: Page) => {
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  };
  const row = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });

  test("are set beside what the edition says, shown on its page, and put back", async () => {
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.named}?tab=limits`);
    await page.getByRole("button", { name: "Limits and values" }).click();
    await part(page, "Documents").getByText("As the edition: 10 · Counts anew each month").waitFor();
    await part(page, "Support address").getByText("As the edition: help@example.com").waitFor();
    await own(page, "Documents").check();
    expect(await part(page, "Documents").getByLabel("Limit").inputValue()).toBe("10");
    await part(page, "Documents").getByLabel("Limit").fill("25");
    await own(page, "Support address").check();
    await part(page, "Support address").getByLabel("Text").fill("factor@example.com");
    await own(page, "Region").check();
    await part(page, "Region").getByLabel("Values").click();
    await page.getByRole("option", { name: "us" }).click();
    await page.keyboard.press("Escape");
    await own(page, "Backup").check();
    await part(page, "Backup").getByLabel("It is on").check();
    await save(page);
    await row(page, "Documents").getByText("25 · the licence's own").waitFor();
    // What the licence does not say is the edition's still.
    await row(page, "Documents").getByText("Counts anew each month").waitFor();
    await page.getByRole("tab", { name: "Terms" }).click();
    for (const text of ["factor@example.com · the licence's own", "us · the licence's own", "Backup", "25.2"]) {
      await page.getByRole("definition").filter({ hasText: text }).waitFor();
    }

    await page.getByRole("button", { name: "Limits and values" }).click();
    await part(page, "Documents").getByText("The edition: 10").waitFor();
    for (const name of ["Documents", "Support address", "Region", "Backup"]) {
      expect(await own(page, name).isChecked()).toBe(true);
      await own(page, name).uncheck();
    }
    await save(page);
    await page.getByRole("definition").filter({ hasText: "help@example.com" }).waitFor();
    expect(await page.getByText("the licence's own").count()).toBe(0);
    await page.getByRole("tab", { name: "Limits" }).click();
    await expect.poll(() => row(page, "Documents").getByRole("cell", { name: "10", exact: true }).count()).toBe(2);
  });

  test("of two who change them the second is told, sees the first one's change, and changes it again", async () => {
    const [first, second] = [await visit(keys.owner), await visit(keys.owner)];
    for (const { go, page } of [first, second]) {
      await go(form);
      await own(page, "Documents").check();
    }
    await part(first.page, "Documents").getByLabel("Limit").fill("30");
    await save(first.page);
    await part(second.page, "Documents").getByLabel("Limit").fill("40");
    const dialog = second.page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Somebody else has changed this meanwhile").waitFor();
    excuse(412);
    await dialog.getByRole("button", { name: "Load it again" }).click();
    await dialog.getByText("Somebody else has changed this meanwhile").waitFor({ state: "detached" });
    expect(await part(second.page, "Documents").getByLabel("Limit").inputValue()).toBe("30");
    await part(second.page, "Documents").getByLabel("Limit").fill("40");
    await save(second.page);
    await second.go(`/licenses/${licenses.named}?tab=limits`);
    await row(second.page, "Documents").getByText("40 · the licence's own").waitFor();
  });

  test("are for owners: others see them, and no way to change them", async () => {
    const { page, go } = await visit(keys.operator);
    await go(`/licenses/${licenses.named}?tab=terms&parts=${licenses.named}`);
    await page.getByText("help@example.com").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await page.getByRole("button", { name: "Limits and values" }).count()).toBe(0);
  });
});
