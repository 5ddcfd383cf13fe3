/** Writes the pictures of docs/images/: the console's pages on the demo, in Chromium. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { fill, licenses, product, startDemo } from "./demo.ts";

const folder = fileURLToPath(new URL("../../docs/images/", import.meta.url));

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly height?: number;
  /** What is done before the picture is taken. */
  readonly before?: (page: Page) => Promise<void>;
  readonly themes?: readonly ("light" | "dark")[];
}

const wizard = async (page: Page) => {
  await page.getByRole("radio", { name: "Floating", exact: true }).click();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("radio", { name: "Users", exact: true }).click();
};

const limitsOfEdition = async (page: Page) => {
  await page.getByRole("button", { name: "Limits and values of Floating devices", exact: true }).click();
  await page.getByRole("dialog").getByLabel("Region").waitFor();
  await page.waitForTimeout(500);
};

/** The lines of the tenant file name a folder of the machine that the pictures are made on. */
const withoutTenantFile = async (page: Page) => {
  await page.goto(`${page.url()}?from=${startedAt}&to=${new Date(Date.now() + 60_000).toISOString()}`);
  await settled(page);
  await page.getByRole("button", { name: /session_period/ }).click();
};

const shots: readonly Shot[] = [
  { name: "overview", path: "", themes: ["light", "dark"] },
  { name: "licence-now", path: `/licenses/${licenses.world}` },
  { name: "licence-use", path: `/licenses/${licenses.world}?tab=use`, height: 960, themes: ["light", "dark"] },
  { name: "licence-holders", path: `/licenses/${licenses.world}?tab=people`, height: 1000 },
  { name: "licence-clients", path: `/licenses/${licenses.overuse}?tab=clients` },
  { name: "licence-limits", path: `/licenses/${licenses.devices}?tab=limits` },
  { name: "licence-terms", path: `/licenses/${licenses.users}?tab=terms` },
  { name: "licence-history", path: `/licenses/${licenses.users}?tab=history`, height: 700 },
  { name: "denials", path: `/denials?license=${licenses.world}&range=28d`, height: 960, themes: ["light", "dark"] },
  { name: "projects", path: "/projects" },
  { name: "licences", path: "/catalogue/licences" },
  { name: "editions", path: "/catalogue/editions" },
  { name: "edition-limits", path: "/catalogue/editions", height: 1000, before: limitsOfEdition },
  { name: "customers", path: "/catalogue/customers" },
  { name: "products", path: "/catalogue/products" },
  { name: "product", path: `/catalogue/products/${product}`, height: 1100 },
  { name: "edition-wizard", path: "/catalogue/editions/new", before: wizard },
  { name: "keys", path: "/keys" },
  { name: "audit", path: "/audit", before: withoutTenantFile },
];

const demo = await startDemo();
const startedAt = new Date().toISOString();
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  mkdirSync(folder, { recursive: true });
  await fill(demo.url);
  const asked = process.argv.slice(2);
  for (const theme of ["light", "dark"] as const) await take(browser, theme, asked);
} finally {
  await browser.close();
  await demo.stop();
}

async function take(browser: Browser, theme: "light" | "dark", asked: readonly string[]): Promise<void> {
  const context = await browser.newContext({ colorScheme: theme, locale: "en-GB", timezoneId: "Europe/Berlin" });
  const page = await context.newPage();
  await page.setViewportSize({ width: 1200, height: 800 });
  await page.goto(`${demo.url}/console`);
  if (asked.length === 0 && theme === "light") await page.screenshot({ path: `${folder}sign-in.png` });
  await page.getByLabel("Admin key", { exact: true }).fill("demo-admin-key");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  for (const { name, path, height = 800, before, themes = ["light"] } of shots) {
    if (!themes.includes(theme) || (asked.length > 0 && !asked.includes(name))) continue;
    await page.setViewportSize({ width: 1200, height });
    await page.goto(`${demo.url}/console${path}`);
    await settled(page);
    await before?.(page);
    await page.screenshot({ path: `${folder}${name}${theme === "dark" ? "-dark" : ""}.png` });
  }
  await context.close();
}

/** Nothing is being read or drawn any more. Live pages never go silent, so what is looked for is what they show. */
async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-label^="Loading"]').length === 0);
  await page.waitForFunction(() => {
    const charts = [...document.querySelectorAll(".chart")];
    return charts.every((chart) => chart.querySelector("canvas") !== null);
  });
  await page.waitForTimeout(700);
}
