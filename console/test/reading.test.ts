/** Reading the console in a real browser: times, charts and the keyboard. */
import { existsSync } from "node:fs";
import type { Locator, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { drawn, executablePath, keys, licenses, patienceMs, useWorld } from "./world.ts";

/** The limit's line, in the light theme. */
const limitColour = "#1f2328";
const denialColour = "#d9480f";

describe.runIf(existsSync(executablePath))("reading", { timeout: patienceMs }, () => {
  const here = useWorld();
  const { visit } = here;

  test("times are in the viewer's zone, and in UTC for whoever points at them", async () => {
    expect((await here.world.open(licenses.crowd, "anna")).status).toBe(200);
    const { page, go } = await visit(keys.viewer, "light", "Asia/Kathmandu");
    await go(`/licenses/${licenses.crowd}`);
    const opened = page.getByRole("row").filter({ hasText: "anna" }).locator("time").first();
    const at = (await opened.getAttribute("datetime")) as string;
    expect(await opened.getAttribute("title")).toBe(`${at.slice(0, 19).replace("T", " ")} UTC`);
    // A quarter of an hour off any other zone: what is shown can be no other's.
    const local = new Date(Date.parse(at) + 345 * 60_000).toISOString().slice(14, 19);
    expect(await opened.textContent()).toContain(local);
  });

  test("a chart tells exact values to whoever points at it, and its table and its file have the same", async () => {
    for (const user of ["anna", "ben", "cem"]) await here.world.open(licenses.pair, user);
    const { page, go } = await visit(keys.viewer);
    await go(`/licenses/${licenses.pair}?tab=use&range=24h`);
    const chart = page.locator(".chart canvas").first();
    await chart.waitFor();
    const picture = () => chart.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    await drawn(page, limitColour);
    const before = await picture();
    const box = (await chart.boundingBox()) as { x: number; y: number; width: number };
    await page.mouse.move(box.x + box.width * 0.5, box.y + 120);
    await expect.poll(picture).not.toBe(before);
    await page.getByText("Table", { exact: true }).first().click();
    const table = page.getByRole("table", { name: "Use over time" });
    await table.getByRole("row").nth(1).getByRole("cell", { name: "2", exact: true }).first().waitFor();
    const href = (await page.getByRole("link", { name: "CSV of use" }).getAttribute("href")) as string;
    const lines = (await (await page.request.get(here.world.url + href)).text()).trim().split(/\r?\n/);
    expect(lines[0]).toContain("start,end,max,mean,limit");
    expect(lines.length).toBe(await table.getByRole("row").count());
    expect(lines.at(-1)?.split(",")[2]).toBe("2");
  });

  test("denials stand beneath the time at which they were, by the axis of the use above them", async () => {
    for (const user of ["anna", "ben", "cem"]) await here.world.open(licenses.pair, user);
    const { page, go } = await visit(keys.viewer);
    const answered = page.waitForResponse((response) => response.url().includes("/analytics/denials?"));
    await go(`/licenses/${licenses.pair}?tab=use&range=7d`);
    const { searchParams } = new URL((await answered).url());
    expect(searchParams.get("bucket")).toBe("day");
    const items: readonly Bucket[] = (await (await answered).json()).items;
    const [from, to] = [Date.parse(items[0]?.start as string), Date.parse(items.at(-1)?.end as string)];
    const chart = page.locator(".chart canvas").first();
    const width = await chart.evaluate((canvas: HTMLCanvasElement) => canvas.clientWidth);
    // Of today, the last day that is shown.
    const middle = (Date.parse(items.at(-1)?.start as string) + to) / 2;
    const place = 48 + ((middle - from) / (to - from)) * (width - 48 - 24);
    const off = async () => Math.abs((await middleOf(chart, denialColour)) - place);
    await expect.poll(off, { timeout: patienceMs }).toBeLessThan(3);
  });

  test("everything is done by keyboard: a session is found, ended and gone", async () => {
    for (const user of ["anna", "zoe"]) await here.world.open(licenses.crowd, user);
    const { page, go } = await visit(keys.owner);
    await go("");
    await tabTo(page, "Crowd");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Crowd" }).waitFor();
    await page.getByRole("row").filter({ hasText: "zoe" }).waitFor();
    await tabTo(page, "Search holders");
    await page.keyboard.type("zoe");
    await page.getByRole("row").filter({ hasText: "anna" }).waitFor({ state: "detached" });
    await tabTo(page, "End the session of zoe");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "End session");
    await page.keyboard.press("Enter");
    await page.getByText("Nobody of that name is in").waitFor();
  });

  test.each([
    ["/keys", "Keys", "olga"],
    ["/audit", "Changes", "Pair"],
    ["/catalogue/licences", "Licences", "Pair"],
  ])("a page beyond the end of a list is its last one: %s", async (place, table, name) => {
    const { page, go } = await visit(keys.owner);
    await go(`${place}?page=9`);
    await page.getByRole("table", { name: table }).getByText(name).first().waitFor();
    expect(new URL(page.url()).search).toBe("");
  });

  test("the last page is that of the list that is asked for, not of the one that was shown before", async () => {
    const items = Array.from({ length: 60 }, (_, n) => ({
      op: "open",
      license_id: licenses.crowd,
      client_id: `crowd-${n}`,
    }));
    expect((await here.world.ask("provisioning/session/batch", { items })).status).toBe(200);
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.crowd}?search=crowd-&page=9`);
    await page.getByText("51–60 of 60").waitFor();
    await expect.poll(() => page.getByRole("row").count()).toBe(11);
    await go(`/licenses/${licenses.crowd}?search=crowd-7`);
    await page.getByRole("row").filter({ hasText: "crowd-7" }).waitFor();
    await page.evaluate(() => history.pushState(null, "", "?search=crowd-&page=2"));
    await page.getByText("51–60 of 60").waitFor();
    await go(`/licenses/${licenses.crowd}?tab=clients&page=9`);
    await page.getByRole("table", { name: "Clients" }).getByText("crowd-7", { exact: true }).waitFor();
  });

  test("a closer look ends with the page's own usual time", async () => {
    const { page, go } = await visit(keys.viewer);
    await go("/denials?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z");
    await page.getByRole("button", { name: "Show the usual time again" }).click();
    await expect.poll(() => page.getByRole("radio", { name: "7 days" }).isChecked()).toBe(true);
  });

  test("a year of a chart is the longest time that people are listed for, and a year again on the chart", async () => {
    const { page, go } = await visit(keys.viewer);
    await go(`/licenses/${licenses.crowd}?tab=use&range=1y`);
    await page.getByRole("tab", { name: "Holders" }).click();
    await page.getByText(/Nobody used the licence|Time in sessions/).waitFor();
    await page.getByRole("radio", { name: "90 days", checked: true }).waitFor({ state: "attached" });
    await page.getByRole("tab", { name: "Use and denials" }).click();
    await page.getByRole("radio", { name: "1 year", checked: true }).waitFor({ state: "attached" });
  });
});

interface Bucket {
  readonly start: string;
  readonly end: string;
}

/** The column between the first and the last of a colour in the lower of a chart's two grids; there may be none yet. */
function middleOf(chart: Locator, colour: string): Promise<number> {
  return chart.evaluate((canvas: HTMLCanvasElement, wanted) => {
    const [top, height] = [282, 66];
    const data = canvas.getContext("2d")?.getImageData(0, top, canvas.width, height).data ?? [];
    const [red, green, blue] = [1, 3, 5].map((start) => Number.parseInt(wanted.slice(start, start + 2), 16));
    const columns: number[] = [];
    for (let n = 0; n < data.length; n += 4) {
      if (data[n] === red && data[n + 1] === green && data[n + 2] === blue) columns.push((n / 4) % canvas.width);
    }
    return (Math.min(...columns) + Math.max(...columns)) / 2;
  }, colour);
}

/** Presses the tabulator until what has the focus is called so. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = () =>
    page.evaluate(() => {
      const { ariaLabel, textContent } = document.activeElement ?? {};
      return ariaLabel ?? textContent?.trim();
    });
  // More stops than any page has.
  for (let stops = 0; stops < 80; stops++) {
    if ((await focused()) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the tabulator does not lead to ${name}`);
}
