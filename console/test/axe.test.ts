/** Every page of the console in both themes, looked over by axe. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, keys, licenses, machines, patienceMs, product, World } from "./world.ts";

const isThere = existsSync(executablePath);
let world: World;

beforeAll(async () => {
  if (!isThere) return;
  world = await World.start();
  for (const user of ["anna", "ben", "cem"]) await world.open(licenses.pair, user);
}, 60_000);
afterAll(() => world?.stop());

describe.runIf(isThere).each(["light", "dark"] as const)("in the %s theme", { timeout: patienceMs }, (theme) => {
  const places = [
    "",
    ...["", "?tab=use", "?tab=use&use-as=table", "?tab=people", "?tab=clients", "?tab=terms", "?tab=history"].map(
      (tab) => `/licenses/${licenses.pair}${tab}`,
    ),
    `/licenses/${licenses.projects}`,
    `/licenses/${licenses.named}`,
    `/licenses/${licenses.named}?tab=limits`,
    `/licenses/${licenses.named}?tab=terms`,
    "/denials",
    `/denials?license=${licenses.pair}`,
    "/projects",
    "/catalogue/licences",
    "/catalogue/licences?new=licence",
    "/catalogue/editions",
    `/catalogue/editions?parts=${machines}`,
    `/catalogue/licences?parts=${licenses.named}`,
    "/catalogue/editions/new",
    "/catalogue/editions/new?mode=floating&counts=users&step=rules",
    "/catalogue/customers",
    "/catalogue/products",
    `/catalogue/products/${product}`,
    `/catalogue/products/${product}?list=constrained_variables`,
    "/keys",
    "/audit",
  ];

  test("axe finds nothing serious on any page", async () => {
    const { page, go, serious, complaints, close } = await world.visit(keys.owner, theme);
    for (const place of places) {
      await go(place);
      if (/[?&](new|parts|list)=/.test(place)) await page.getByRole("dialog").waitFor();
      expect(await serious(), place).toEqual([]);
    }
    expect(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme)).toBe(theme);
    expect(complaints).toEqual([]);
    await close();
  });

  test("axe finds nothing serious where one signs in", async () => {
    const { page, go, serious, close } = await world.visit(null, theme);
    await go("");
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect(await serious()).toEqual([]);
    await close();
  });
});
