/** Ten thousand live sessions in a real browser: what is drawn and what is asked for does not grow with them. */
import { existsSync } from "node:fs";
import type { Page, Request } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { executablePath, keys, licenses, patienceMs, useWorld } from "./world.ts";

const crowd = 10_000;
/** A page of a list and its head. */
const rowsOfPage = 51;
/** Elements of a page with one such table, with room for its frame: fewer than a crowd by far. */
const elementsMax = 2_500;

describe.runIf(existsSync(executablePath))("ten thousand live sessions", { timeout: patienceMs }, () => {
  const here = useWorld({ isInMemory: true });
  const { visit } = here;
  const name = (n: number) => `user-${String(n).padStart(4, "0")}@factor.com`;

  beforeAll(async () => {
    for (let from = 0; from < crowd; from += 1_000) {
      const items = Array.from({ length: 1_000 }, (_, n) => {
        return { op: "open", license_id: licenses.crowd, client_id: name(from + n) };
      });
      expect((await here.world.ask("provisioning/session/batch", { items })).status).toBe(200);
    }
  }, 60_000);

  const elements = (page: Page) => page.evaluate(() => document.querySelectorAll("*").length);

  test("are shown by page; sorted, searched and paged through, no more than a page is ever drawn", async () => {
    const { page, go } = await visit(keys.owner);
    const expectPage = async (rows = rowsOfPage) => {
      expect(await page.getByRole("row").count()).toBe(rows);
      expect(await elements(page)).toBeLessThan(elementsMax);
    };
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("1–50 of 10,000").waitFor();
    await expectPage();
    await page.getByRole("combobox", { name: "Order" }).click();
    await page.getByRole("option", { name: "By holder" }).click();
    await page.getByRole("row").nth(1).getByText(name(0)).first().waitFor();
    await page.getByRole("button", { name: "Page 200", exact: true }).click();
    await page.getByText("9,951–10,000 of 10,000").waitFor();
    await page
      .getByRole("row")
      .nth(50)
      .getByText(name(crowd - 1))
      .first()
      .waitFor();
    await expectPage();
    await page.getByLabel("Search holders").fill("user-4711@");
    await page
      .getByRole("row")
      .filter({ hasText: name(4_711) })
      .waitFor();
    await expectPage(2);
  });

  test.each([
    ["use", "Drag over the chart to look closer."],
    ["use&use-as=table&range=90d", "1–50 of 9"],
    // As many as the server tells of at once.
    ["people", "1–50 of 1,000"],
    ["clients", "1–100 of 10,000"],
    ["history", "Older"],
  ])("leave the other parts of the licence as small: %s", async (tab, text) => {
    const { page, go } = await visit(keys.owner);
    // People are listed once what they did is counted.
    const isThere = async () => {
      await go(`/licenses/${licenses.crowd}?tab=${tab}`);
      const shown = page.getByText(text).first().waitFor({ timeout: 5_000 });
      return shown.then(
        () => true,
        () => false,
      );
    };
    await expect.poll(isThere, { timeout: patienceMs }).toBe(true);
    expect(await elements(page)).toBeLessThan(elementsMax);
  });

  test("and one more: what is read for it is a page and some figures, and no more than a page is drawn", async () => {
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("1–50 of 10,000").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    const asked: Request[] = [];
    page.on("request", (request) => void asked.push(request));
    expect((await here.world.open(licenses.crowd, "zoe@factor.com")).status).toBe(200);
    await page.getByRole("row").filter({ hasText: "zoe@factor.com" }).waitFor();
    await page.getByText("1–50 of 10,001").waitFor();
    // What analytics count comes behind the event, and ends what it makes the page read.
    await page.waitForRequest(/analytics\/advice/);
    const answers = await Promise.all(asked.map((request) => request.response()));
    const read = asked.map((request) => new URL(request.url()).pathname.split(`/`).slice(-1)[0]);
    expect(new Set(read)).toEqual(new Set(["sessions", "tokens", "advice", "queue"]));
    // At once, and once more where the event came in two looks.
    expect(read.length).toBeLessThanOrEqual(10);
    const bytes = await Promise.all(answers.map(async (answer) => (await answer?.body())?.length ?? 0));
    expect(Math.max(...bytes)).toBeLessThan(50_000);
    expect(await page.getByRole("row").count()).toBe(rowsOfPage);
  });
});
