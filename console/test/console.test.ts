/** The console in a real browser, against a real server: what an administrator does, and what is seen of it. */
import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawn, executablePath, isv, keys, licenses, patienceMs, product, useWorld, World } from "./world.ts";

const isThere = existsSync(executablePath);
if (!isThere) console.error(`console/test: no ${executablePath}: the console was NOT tested`);

test("a browser is there, in CI", () => {
  expect(isThere || process.env.CI !== "true").toBe(true);
});

describe.runIf(isThere)("the console", { timeout: patienceMs }, () => {
  const here = useWorld();
  const { visit, excuse } = here;

  describe("signing in", () => {
    test("takes an admin key, and refuses any other in the server's words", async () => {
      const { page, go } = await visit(null);
      await go("");
      await page.getByLabel("Admin key", { exact: true }).fill(keys.backend);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("It is no active admin key.").waitFor();
      await page.getByLabel("Admin key", { exact: true }).fill(keys.owner);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      expect(await page.getByText("olga").count()).toBe(1);
    });

    test("takes what is typed, without a click first", async () => {
      const { page, go } = await visit(null);
      await go("");
      await page.keyboard.type(keys.viewer);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    });

    test("out tells of it when it fails, and can be done again", async () => {
      const { page, go } = await visit(keys.viewer);
      await go("");
      const refuse = { status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" };
      await page.route("**/console/session", (route) => route.fulfill(refuse));
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You are still signed in").waitFor();
      await page.getByText("The server answered with 502.").waitFor();
      await page.unroute("**/console/session");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
    });

    test("leads to the place that the link named", async () => {
      const { page } = await visit(null);
      await page.goto(`${here.world.url}/console/denials?license=${licenses.pair}`);
      await page.getByLabel("Admin key", { exact: true }).fill(keys.owner);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Denials" }).waitFor();
      await page.getByText("Who waits longest").waitFor();
    });

    test("ends with signing out, also for the way back", async () => {
      const { page, go } = await visit(keys.owner);
      await go("");
      await page.getByText("Live", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await page.goBack();
      await page.goForward();
      expect(await page.getByRole("heading", { name: "Overview" }).count()).toBe(0);
    });

    test("out in one tab does so in the others, and what they listen to ends", async () => {
      const { page, go, tab } = await visit(keys.owner);
      await go("");
      const other = await tab();
      await other.goto(`${here.world.url}/console/licenses/${licenses.pair}`);
      await other.getByText("Live", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await other.getByRole("button", { name: "Sign in" }).waitFor();
    });

    test("in with another key in one tab does so in the others", async () => {
      const { page, go, tab } = await visit(keys.owner);
      await go("");
      const other = await tab();
      await other.goto(`${here.world.url}/console/licenses/${licenses.pair}`);
      await other.getByRole("button", { name: "Switch off" }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Admin key", { exact: true }).fill(keys.viewer);
      await page.keyboard.press("Enter");
      await other.getByText("Viewer: read only").waitFor();
      expect(await other.getByRole("button", { name: "Switch off" }).count()).toBe(0);
    });

    test("lasts no longer than the key: a page that only listens goes back to the sign-in by itself", async () => {
      const { page, go } = await visit(keys.viewer);
      await go("");
      await page.getByText("Live", { exact: true }).waitFor();
      const switchTo = (is_active: boolean) => here.world.administer("PATCH", `keys/${keys.viewerId}`, { is_active });
      expect(await switchTo(false)).toBe(200);
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      expect(await switchTo(true)).toBe(200);
      excuse(401);
    });
  });

  test("a third client that is denied on two tokens appears in log, chart and overview by itself", async () => {
    const { page, go } = await visit(keys.owner);
    await go(`/denials?license=${licenses.pair}&range=24h`);
    await page.getByText("Nobody was denied in this time").waitFor();
    expect((await here.world.open(licenses.pair, "anna")).status).toBe(200);
    expect((await here.world.open(licenses.pair, "ben")).status).toBe(200);
    expect((await here.world.open(licenses.pair, "cem")).status).toBe(409);
    await page.getByRole("table", { name: "Log of denials" }).getByText("cem").waitFor();
    await page.getByRole("table", { name: "Log of denials" }).getByText("All tokens in use (1007)").waitFor();
    await page.getByRole("table", { name: "Log of denials" }).getByRole("link", { name: "Pair" }).waitFor();
    await page.locator(".chart canvas").waitFor();
    // The bar is drawn: its colour is in the picture.
    await drawn(page, "#d9480f");
    await page.getByText("Table", { exact: true }).click();
    await page.getByRole("table", { name: "Denials over time" }).getByRole("cell", { name: "1" }).first().waitFor();
    await go("");
    const row = page.getByRole("row").filter({ hasText: "Pair" });
    await row.getByText("Floating · full").waitFor();
    // Today's, and not those of 24 hours.
    await row.getByRole("link", { name: "1" }).click();
    await page.getByRole("table", { name: "Log of denials" }).getByText("cem").waitFor();
    const from = await page.evaluate(() => new URLSearchParams(location.search).get("from"));
    expect(from).toBe(await page.evaluate(() => new Date(new Date().setHours(0, 0, 0, 0)).toISOString()));
    await go("/denials");
    await page.getByRole("table", { name: "On which licences" }).getByRole("button", { name: "Pair" }).waitFor();
  });

  test("what happened while nobody listened is there once the page is live again", async () => {
    const { page, go } = await visit(keys.viewer);
    let looks = 0;
    let listenAgain = () => {};
    const happened = new Promise<void>((resolve) => {
      listenAgain = resolve;
    });
    await page.route("**/events?*", async (route) => {
      // The first stream ends at once, the next one begins when it is let.
      if (looks++ === 0) return route.fulfill({ contentType: "text/event-stream", body: "retry: 10\n\n" });
      await happened;
      return route.continue();
    });
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("Connection lost; trying again").waitFor();
    await page.getByText("Nobody holds a token now").waitFor();
    expect((await here.world.open(licenses.crowd, "hugo")).status).toBe(200);
    listenAgain();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("row").filter({ hasText: "hugo" }).waitFor();
    expect((await here.world.close(licenses.crowd, "hugo")).status).toBe(200);
    await page.getByText("Nobody holds a token now").waitFor();
  });

  test("where answers take longer than the next event, each is waited for and shown, and none is asked for beside it", async () => {
    const { page, go } = await visit(keys.viewer);
    let [asked, askedMax] = [0, 0];
    await page.route("**/sessions?*", async (route) => {
      askedMax = Math.max(askedMax, ++asked);
      const answer = await route.fetch();
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      asked--;
      await route.fulfill({ response: answer });
    });
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("Live", { exact: true }).waitFor();
    const names = Array.from({ length: 12 }, (_, n) => `kim-${n}`);
    let isOver = false;
    const busy = (async () => {
      for (const name of names) {
        expect((await here.world.open(licenses.crowd, name)).status).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      isOver = true;
    })();
    await page.getByRole("row").filter({ hasText: "kim-0" }).waitFor();
    expect(isOver).toBe(false);
    await busy;
    await page.getByRole("row").filter({ hasText: "kim-11" }).waitFor();
    expect(askedMax).toBe(1);
    await page.unroute("**/sessions?*");
    for (const name of names) expect((await here.world.close(licenses.crowd, name)).status).toBe(200);
  });

  test("what happened until a slow page was live for the first time is there as well", async () => {
    const { page, go } = await visit(keys.viewer);
    let listen = () => {};
    const happened = new Promise<void>((resolve) => {
      listen = resolve;
    });
    await page.route("**/events?*", async (route) => {
      await happened;
      return route.continue();
    });
    await go(`/licenses/${licenses.crowd}`);
    await page.getByText("Nobody holds a token now").waitFor();
    expect((await here.world.open(licenses.crowd, "jan")).status).toBe(200);
    // By then it is history, and the stream begins behind it.
    await page.waitForTimeout(3_000);
    listen();
    await page.getByRole("row").filter({ hasText: "jan" }).waitFor();
    expect((await here.world.close(licenses.crowd, "jan")).status).toBe(200);
  });

  test("more tabs than a browser has connections for are live where somebody looks, and catch up when somebody looks again", async () => {
    const { page, tab } = await visit(keys.viewer);
    const turn = (one: Page, visibilityState: "visible" | "hidden") =>
      one.evaluate((value) => {
        Object.defineProperty(document, "visibilityState", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, visibilityState);
    await page.goto(`${here.world.url}/console/licenses/${licenses.crowd}`);
    await page.getByText("Nobody holds a token now").waitFor();
    let last = page;
    for (let n = 1; n < 8; n++) {
      await last.getByText("Live", { exact: true }).waitFor();
      await turn(last, "hidden");
      last = await tab();
      await last.goto(`${here.world.url}/console/licenses/${licenses.pair}`);
    }
    await last.getByText("Live", { exact: true }).waitFor();
    expect((await here.world.open(licenses.crowd, "ida")).status).toBe(200);
    await turn(last, "hidden");
    await turn(page, "visible");
    await page.getByRole("row").filter({ hasText: "ida" }).waitFor();
    expect((await here.world.close(licenses.crowd, "ida")).status).toBe(200);
    await page.getByText("Nobody holds a token now").waitFor();
  });

  test("a proxy that does not reach the server is told with its status, and asked again", async () => {
    const { page, go } = await visit(keys.owner);
    const refuse = { status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" };
    await page.route("**/keys?*", (route) => route.fulfill(refuse));
    await go("/keys");
    await page.getByText("The server answered with 502.").waitFor();
    await page.unroute("**/keys?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("table", { name: "Keys" }).waitFor();
    excuse(502, 502, 502);
  });

  test("a session that a copy has extended is told apart in the log, and can be asked for alone", async () => {
    const open = (renewal: string) =>
      here.world.ask("provisioning/session/open", { license_id: licenses.pair, client_id: "anna", renewal });
    const first = (await open("")).body.renewal as string;
    const second = (await open(first)).body.renewal as string;
    expect((await open(first)).status).toBe(200);
    expect((await open(second)).body.id).toBe(14005);
    const { page, go } = await visit(keys.owner);
    await go(`/denials?license=${licenses.pair}&range=24h`);
    const log = page.getByRole("table", { name: "Log of denials" });
    await log.getByText("Session extended by a copy (14005)").waitFor();
    await go(`/denials?license=${licenses.pair}&range=24h&reason=license_expired`);
    await page.getByText("Nobody was denied in this time").waitFor();
    await go(`/denials?license=${licenses.pair}&range=24h&reason=session_forked`);
    await log.getByRole("row").filter({ hasText: "anna" }).waitFor();
  });

  test("the log of denials is narrowed to a user, and the address says so", async () => {
    for (const user of ["anna", "ben", "cem", "dora"]) await here.world.open(licenses.pair, user);
    const { page, go } = await visit(keys.viewer);
    await go(`/denials?license=${licenses.pair}&range=24h`);
    const rows = page.getByRole("table", { name: "Log of denials" }).getByRole("row");
    await rows.filter({ hasText: "cem" }).first().waitFor();
    await page.getByRole("searchbox", { name: "User id" }).fill("dora");
    await expect.poll(() => rows.filter({ hasText: "cem" }).count()).toBe(0);
    await rows.filter({ hasText: "dora" }).first().waitFor();
    expect(page.url()).toContain("user=dora");
    await page.getByRole("button", { name: "Show all" }).click();
    await rows.filter({ hasText: "cem" }).first().waitFor();
  });

  test("a session that is ended frees its token at once, and the console says so before and after", async () => {
    for (const user of ["anna", "ben"]) expect((await here.world.open(licenses.pair, user)).status).toBe(200);
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.pair}`);
    await page.getByText("2 / 2").waitFor();
    await page.getByRole("button", { name: "End the session of ben" }).click();
    await page.getByText(/The token is free at once/).waitFor();
    await page.getByRole("button", { name: "End session" }).click();
    await page.getByText("1 / 2").waitFor();
    expect((await here.world.open(licenses.pair, "cem")).status).toBe(200);
    await page.getByRole("row").filter({ hasText: "cem" }).waitFor();
    await page.getByText("2 / 2").waitFor();
    await go("/audit");
    await page.getByRole("row").filter({ hasText: "Session ended" }).filter({ hasText: "olga" }).waitFor();
  });

  test("a window that is closed leaves the focus where it was opened", async () => {
    await here.world.open(licenses.crowd, "focused");
    const { page, go } = await visit(keys.owner);
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    const isFocused = (name: string) => button(name).evaluate((each) => each === document.activeElement);
    for (const [place, name] of [
      [`/licenses/${licenses.crowd}`, "End the session of focused"],
      [`/licenses/${licenses.crowd}`, "Edit"],
      ["/keys", "Create a key"],
    ] as const) {
      await go(place);
      await button(name).press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await expect.poll(() => isFocused(name)).toBe(true);
    }
    // The form of a key is followed by the window with its secret.
    await button("Create a key").press("Enter");
    await page.getByRole("textbox", { name: "Name" }).fill("of the keyboard");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "The key of the keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => isFocused("Create a key")).toBe(true);
    await here.world.close(licenses.crowd, "focused");
  });

  test("a change takes effect, and changes nothing but what was changed", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/licences");
    await page.getByRole("button", { name: "Edit Studio" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Team tokens").fill("3");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row").filter({ hasText: "1 Mono, 3 Team" }).waitFor();
    await go("/audit");
    await page.getByRole("row").filter({ hasText: "Studio" }).first().getByRole("button").click();
    await page.getByText('{"mono":1,"team":1}').waitFor();
    expect(await page.getByText("→").count()).toBe(1);
  });

  test("what others depend on is not deleted, and they are named", async () => {
    const { page, go } = await visit(keys.owner);
    await go("/catalogue/customers");
    await page.getByRole("button", { name: "Delete Factor GmbH" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("In use by 4 licences.").waitFor();
    await page.getByRole("dialog").getByText("licence Pair").waitFor();
    excuse(409);
  });

  test("a project that is forced to close says whom it throws out, and frees its token", async () => {
    const { body: project } = await here.world.ask("projects", { license_id: licenses.projects, name: "Wing flutter" });
    await here.world.ask(`projects/${project.id}/open`, { kind: "mono" });
    const { page, go } = await visit(keys.owner);
    await go("/projects");
    const row = page.getByRole("row").filter({ hasText: "Wing flutter" });
    await row.getByText("Studio").waitFor();
    await row.getByText("open").waitFor();
    const session = { license_id: licenses.projects, project_id: project.id, client_id: "paula" };
    expect((await here.world.ask("provisioning/session/open", session)).status).toBe(200);
    await row.getByText("attended").waitFor();
    await page.getByRole("button", { name: "Close Wing flutter" }).click();
    await page.getByText("Their sessions end: paula.").waitFor();
    await page.getByLabel("What is not saved may be lost").check();
    await page.getByRole("button", { name: "Force to close" }).click();
    await row.getByText("closed").waitFor();
    await go(`/licenses/${licenses.projects}`);
    // Mono stands first.
    await page.getByText("0 / 1").first().waitFor();
  });

  test("a link shows the same view", async () => {
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.pair}?tab=use`);
    await page.getByText("7 days").click();
    await page.getByText("Table", { exact: true }).first().click();
    await page.getByRole("table", { name: "Use over time" }).waitFor();
    const address = page.url();
    const other = await visit(keys.viewer);
    await other.page.goto(address);
    await other.page.getByRole("table", { name: "Use over time" }).waitFor();
    expect(await other.page.getByRole("radio", { name: "7 days" }).isChecked()).toBe(true);
  });

  test("dragging over a chart looks closer, and the address keeps it", async () => {
    const { page, go } = await visit(keys.owner);
    await go(`/licenses/${licenses.pair}?tab=use`);
    const chart = page.locator(".chart canvas").first();
    await chart.waitFor();
    const box = (await chart.boundingBox()) as { x: number; y: number; width: number };
    await page.mouse.move(box.x + box.width * 0.5, box.y + 120);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 120, { steps: 8 });
    await page.mouse.up();
    await page.waitForURL(/from=.*to=/);
    const { searchParams } = new URL(page.url());
    const days = (Date.parse(searchParams.get("to") ?? "") - Date.parse(searchParams.get("from") ?? "")) / 86_400_000;
    expect(days).toBeGreaterThan(3);
    expect(days).toBeLessThan(8);
  });

  test("a page that cannot be shown says so, as behind an update of the server, and the others can", async () => {
    const visited = await visit(keys.viewer);
    const { page, go } = visited;
    await go("");
    await page.route(/assets\/(denials|echarts)-/, (route) => route.fulfill({ status: 404 }));
    await page.getByRole("link", { name: "Denials", exact: true }).click();
    await page.getByText("This page cannot be shown").waitFor();
    await page.getByRole("link", { name: "Projects" }).click();
    await page.getByRole("heading", { level: 1, name: "Projects" }).waitFor();
    await go(`/licenses/${licenses.pair}?tab=use`);
    await page.getByText("The chart cannot be drawn").first().waitFor();
    await page.unroute(/assets\/(denials|echarts)-/);
    await page.getByRole("link", { name: "Denials", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Denials" }).waitFor();
    expect(visited.complaints.splice(0).length).toBeGreaterThan(0);
  });

  test("no word of an address is taken for more than it says", async () => {
    const { page, go } = await visit(keys.viewer);
    for (const name of ["toString", "__proto__"]) {
      await go(`/denials?range=${name}`);
      await page.getByRole("heading", { level: 1, name: "Denials" }).waitFor();
      await go(`/catalogue/${name}`);
      await page.getByRole("table", { name: "Licences" }).waitFor();
    }
  });

  test("an address that leads nowhere says so, and one that names no tab of a licence shows the first", async () => {
    const { page, go } = await visit(keys.viewer);
    await go("/nowhere");
    await page.getByRole("heading", { level: 1, name: "There is no such page" }).waitFor();
    expect(await page.title()).toContain("There is no such page");
    await go(`/licenses/${licenses.crowd}?tab=nothing`);
    await page.getByRole("tab", { name: "Now", selected: true }).waitFor();
    await page.getByRole("heading", { name: "Live sessions" }).waitFor();
    // A licence without sessions begins with another one.
    await go(`/licenses/${licenses.named}?tab=now`);
    await page.getByRole("tab", { name: "Clients", selected: true }).waitFor();
  });

  test("the log of denials that a licence leads to is of the time that was looked at", async () => {
    const { page, go } = await visit(keys.viewer);
    const log = page.getByRole("link", { name: "Log of denials" });
    await go(`/licenses/${licenses.pair}?tab=use`);
    await log.click();
    await page.getByRole("radio", { name: "28 days", checked: true }).waitFor({ state: "attached" });
    const day = "from=2026-06-01T00%3A00%3A00.000Z&to=2026-06-02T00%3A00%3A00.000Z";
    await go(`/licenses/${licenses.pair}?tab=use&${day}`);
    await log.click();
    await page.getByRole("heading", { level: 1, name: "Denials" }).waitFor();
    expect(page.url()).toContain(day);
  });

  test("a server that cannot be reached is told in words, where something is read and where something is done", async () => {
    await here.world.open(licenses.crowd, "out of reach");
    const visited = await visit(keys.operator);
    const { page, go } = visited;
    await go(`/licenses/${licenses.crowd}`);
    await page.getByRole("button", { name: "End the session of out of reach" }).click();
    await page.route("**/api/**", (route) => route.abort("connectionrefused"));
    await page.getByRole("dialog").getByRole("button", { name: "End session" }).click();
    await page.getByRole("dialog").getByText("The server cannot be reached.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Limits" }).click();
    await page.getByRole("alert").getByText("The server cannot be reached.").first().waitFor();
    await page.unroute("**/api/**");
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.getByRole("alert").first().waitFor({ state: "detached" });
    expect(visited.complaints.splice(0).every((each) => each.includes("ERR_CONNECTION_REFUSED"))).toBe(true);
    await here.world.close(licenses.crowd, "out of reach");
  });

  test("whoever cannot drag looks closer from the table, by keyboard", async () => {
    const { page, go } = await visit(keys.viewer);
    for (const place of [`/licenses/${licenses.pair}?tab=use&use-as=table`, "/denials?denials-as=table"]) {
      await go(place);
      const table = page.getByRole("table", { name: "over time" });
      await table.getByRole("button").nth(2).focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/from=.*to=/);
      const { searchParams } = new URL(page.url());
      expect(Date.parse(searchParams.get("to") ?? "") - Date.parse(searchParams.get("from") ?? "")).toBe(86_400_000);
      // A day has hours.
      await table.getByRole("button").nth(23).waitFor();
    }
  });

  test("a reason that is no choice of its own is shown as chosen all the same", async () => {
    const { page, go } = await visit(keys.viewer);
    await go("/denials?reason=session_unknown");
    expect(await page.getByRole("combobox", { name: "Reason" }).inputValue()).toBe("Session unknown");
  });

  test("a browser that knows no zone of its own goes by UTC", async () => {
    const { page, go } = await visit(keys.viewer, "light", "Etc/Unknown");
    await go("");
    await page.getByRole("link", { name: "Crowd" }).waitFor();
  });

  test("an operator ends sessions, and is offered nothing that changes the catalogue", async () => {
    expect((await here.world.open(licenses.crowd, "gina")).status).toBe(200);
    const { page, go } = await visit(keys.operator);
    await go(`/licenses/${licenses.crowd}`);
    await page.getByRole("button", { name: "End the session of gina" }).click();
    await page.getByRole("button", { name: "End session" }).click();
    await page.getByText("Nobody holds a token now").waitFor();
    for (const place of [
      `/licenses/${licenses.crowd}`,
      "/catalogue/licences",
      `/catalogue/products/${product}`,
      "/keys",
    ]) {
      await go(place);
      const labels = await page.getByRole("button").allInnerTexts();
      expect(labels.filter((label) => /^(Edit|Delete|Create|Issue|Add|Limits|Switch)/.test(label))).toEqual([]);
    }
  });

  describe("a viewer", () => {
    const places = ["", `/licenses/${licenses.pair}`, `/licenses/${licenses.named}`, "/projects", "/keys"];
    const catalogue = ["licences", "editions", "customers", "products", `products/${product}`].map(
      (list) => `/catalogue/${list}`,
    );

    test("sees everything, and nothing that changes anything", async () => {
      const { page, go } = await visit(keys.viewer);
      for (const place of [...places, ...catalogue, `/licenses/${licenses.named}?tab=limits`]) {
        await go(place);
        const labels = await page.getByRole("button").allInnerTexts();
        expect(
          labels.filter((label) =>
            /^(End|Edit|Delete|Create|Issue|Add|Limits|Begin|Switch|Suspend|Unassign|Close|Force)/.test(label),
          ),
        ).toEqual([]);
      }
    });

    test("is refused by the server, whatever the page shows", async () => {
      const { page } = await visit(keys.viewer);
      const path = `/api/v2/isv/${isv}/licenses/${licenses.pair}/opensessions/close`;
      // Asked from outside of the page, so that the browser has nothing to complain of.
      const answer = await page.request.post(here.world.url + path, {
        headers: { "X-Requested-With": "test" },
        data: {},
      });
      expect(answer.status()).toBe(403);
    });
  });

  test("the theme can be chosen, and stays chosen", async () => {
    const { page, go } = await visit(keys.owner);
    await go("");
    await page.getByRole("button", { name: "Dark theme" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Light theme" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme)).toBe("dark");
  });

  test("the first load is below 300 KB compressed, and has no charts; they come with the first chart", async () => {
    const made = await visit(keys.owner);
    const sizes = new Map<string, number>();
    made.page.on("response", (response) => {
      const length = Number(response.headers()["content-length"] ?? 0);
      if (response.url().includes("/console")) sizes.set(response.url(), length);
    });
    await made.go("");
    const bytes = [...sizes.values()].reduce((sum, length) => sum + length, 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(300_000);
    const hasCharts = () => [...sizes.keys()].some((url) => url.includes("echarts"));
    expect(hasCharts()).toBe(false);
    await made.go(`/licenses/${licenses.pair}?tab=use`);
    await made.page.locator(".chart canvas").first().waitFor();
    expect(hasCharts()).toBe(true);
  });
});

describe.runIf(isThere)("a vendor with nothing but a key", { timeout: patienceMs }, () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start({ isBlank: true });
  }, 60_000);
  afterAll(() => world?.stop());

  test("is led from the empty overview to a licence that works", async () => {
    const { page, go, complaints } = await world.visit(keys.owner);
    await go("");
    const next = () => page.getByRole("button", { name: "Next" }).click();
    await page.getByText("There are no licences yet").waitFor();
    await page.getByRole("link", { name: "Create an edition" }).click();
    await page.getByRole("radio", { name: "Floating", exact: true }).click();
    await next();
    await page.getByRole("radio", { name: "Users", exact: true }).click();
    await next();
    await page.getByLabel("Session period, in minutes").fill("10");
    await next();
    await page.getByRole("button", { name: "New product" }).click();
    await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("CAD");
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await page.getByLabel("Name of the edition").fill("Floating users");
    await page.getByRole("button", { name: "Create the edition" }).click();
    await page.getByRole("link", { name: "Issue a licence of it" }).click();
    const issuing = page.getByRole("dialog", { name: "Issue a licence" });
    await issuing.getByRole("button", { name: "New" }).click();
    const customer = page.getByRole("dialog", { name: "Create a customer" });
    await customer.getByLabel("Name", { exact: true }).fill("Factor GmbH");
    await customer.getByRole("button", { name: "Create" }).click();
    // A field that is wrong is told beside the field, in the server's words.
    await customer
      .getByText(/characters|blank|text/i)
      .first()
      .waitFor();
    await customer.getByLabel("Number").fill("87013");
    await customer.getByRole("button", { name: "Create" }).click();
    await customer.waitFor({ state: "detached" });
    await issuing.getByLabel("Name", { exact: true }).fill("CAD for Factor");
    await issuing.getByLabel("Floating tokens").fill("2");
    await issuing.getByRole("button", { name: "Issue" }).click();
    await page.getByRole("heading", { level: 1, name: "CAD for Factor" }).waitFor();
    await page.getByText("Nobody holds a token now").waitFor();
    const license = new URL(page.url()).pathname.split("/").at(-1) as string;
    expect((await world.open(license, "anna@factor.com")).status).toBe(200);
    await page.getByRole("row").filter({ hasText: "anna@factor.com" }).waitFor();
    await page.getByText("1 / 2").waitFor();
    expect(complaints.filter((text) => !text.includes("400"))).toEqual([]);
  });
});
