/** What people call themselves is no reason for a page to fall apart. */
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { executablePath, keys, licenses, patienceMs, useWorld } from "./world.ts";

const long = "a".repeat(256);
/** Says of what follows that it runs from right to left. */
const turned = "\u202Emoc.rotcaf@anna";

describe.runIf(existsSync(executablePath))("names", { timeout: patienceMs }, () => {
  const here = useWorld({ isInMemory: true });

  beforeAll(async () => {
    for (const name of [long, turned, "ben@factor.com"]) {
      expect((await here.world.open(licenses.crowd, name)).status).toBe(200);
    }
    const named = { id: licenses.crowd, name: long };
    expect(await here.world.administer("PATCH", "licenses", named)).toBe(200);
  });

  test.each([
    ["a desk", 1280],
    ["a phone", 360],
  ])("of 256 letters push nothing away, at %s", async (_where, width) => {
    const { page, go } = await here.visit(keys.owner);
    await page.setViewportSize({ width, height: 740 });
    for (const place of ["/", `/licenses/${licenses.crowd}`, `/licenses/${licenses.crowd}?tab=clients`, "/audit"]) {
      await go(place);
      const cells = await page.locator("td").evaluateAll((all) => all.map(({ clientWidth }) => clientWidth));
      expect([place, Math.max(...cells) <= 460]).toEqual([place, true]);
      expect([place, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([place, width]);
    }
  });

  test("stand in columns that hold more than a word, and figures beside their limit, at a phone", async () => {
    const { page, go } = await here.visit(keys.owner);
    await page.setViewportSize({ width: 375, height: 740 });
    await go("/");
    const cells = await page.locator("td.cell").evaluateAll((all) => all.map((cell) => cell.clientWidth));
    expect(Math.min(...cells)).toBeGreaterThanOrEqual(112);
    const figures = await page.locator(".figures").evaluateAll((all) => all.map((each) => each.clientHeight));
    expect(new Set(figures).size).toBe(1);
  });

  test("that run from right to left leave the sentence around them as it is", async () => {
    const { page, go } = await here.visit(keys.operator);
    await go(`/licenses/${licenses.crowd}`);
    await page.getByRole("button", { name: turned }).click();
    const text = await page.getByRole("dialog").innerText();
    // What stands between the two signs has its own direction.
    expect(text).toContain(`End the session of \u2068${turned}\u2069?`);
    expect(text).toContain(`\u2068${turned}\u2069 is told`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "End the session of ben@factor.com" }).click();
    await page.getByText("ben@factor.com is told").waitFor();
  });
});
