/** Who waits for a token, as an administrator sees it. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { executablePath, keys, licenses, patienceMs, useWorld } from "./world.ts";

describe.runIf(existsSync(executablePath))("who waits", { timeout: patienceMs }, () => {
  const here = useWorld();

  /** An open that takes a place in the queue, or keeps it. */
  const wait = (license_id: string, client_id: string, more: object = {}) =>
    here.world.ask("provisioning/session/open", { license_id, client_id, wait_seconds: 30, ...more });

  test("is shown in turn from the moment on, to viewers too, and gone once served", async () => {
    for (const user of ["anna", "ben"]) await here.world.open(licenses.pair, user);
    const { page, go, serious } = await here.visit(keys.viewer);
    await page.clock.install();
    await go(`/licenses/${licenses.pair}`);
    await page.getByText("Live", { exact: true }).waitFor();
    const table = page.getByRole("table", { name: "Waiting" });
    expect(await table.count()).toBe(0);
    const places = async () => {
      const rows = await table.getByRole("row").allTextContents();
      return rows.slice(1).map((row) => row.slice(0, "1carl".length));
    };
    /** An event is shown a second later. */
    const isSoon = (wanted: readonly string[]) => expect.poll(places, { timeout: patienceMs }).toEqual(wanted);

    expect((await wait(licenses.pair, "carl")).status).toBe(409);
    await isSoon(["1carl"]);
    await wait(licenses.pair, "dora");
    await isSoon(["1carl", "2dora"]);
    expect(await serious()).toEqual([]);

    await here.world.close(licenses.pair, "anna");
    expect((await wait(licenses.pair, "carl")).status).toBe(200);
    await isSoon(["1dora"]);

    // A place that is lost is no event: it is looked for as long as somebody waits.
    await page.route("**/queue", (route) => route.fulfill({ json: [] }));
    await page.clock.fastForward(5_000);
    await isSoon([]);
  });

  test("is not asked for where nobody can wait, and only once where nobody does", async () => {
    const { page, go } = await here.visit(keys.viewer);
    const asked: string[] = [];
    page.on("request", (request) => request.url().endsWith("/queue") && asked.push(request.url()));
    await go(`/licenses/${licenses.named}?tab=now`);
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("Nobody holds a token now").waitFor();
    expect(asked).toEqual([expect.stringContaining(licenses.crowd)]);
  });

  test("on a licence that counts projects is a project, for its kind", async () => {
    const create = async (name: string) => {
      const made = await here.world.ask("projects", { license_id: licenses.projects, name });
      await here.world.ask(`projects/${made.body.id}/open`, { kind: "mono" });
      return made.body.id as string;
    };
    const [bridge, tunnel] = [await create("Bridge"), await create("Tunnel")];
    expect((await wait(licenses.projects, "anna", { user_id: "anna", project_id: bridge })).status).toBe(200);
    expect((await wait(licenses.projects, "ben", { user_id: "ben", project_id: tunnel })).status).toBe(409);
    const { page, go, serious } = await here.visit(keys.viewer);
    await go(`/licenses/${licenses.projects}`);
    const row = page.getByRole("table", { name: "Waiting" }).getByRole("row").filter({ hasText: tunnel });
    await row.waitFor();
    expect((await row.getByRole("cell").allTextContents()).slice(0, 4)).toEqual(["Mono", "1", tunnel, "ben"]);
    expect(await serious()).toEqual([]);
  });
});
