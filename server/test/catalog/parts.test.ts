/** What tenant files say of a product's parts, and what becomes of it. */
import { describe, expect, test } from "vitest";
import { termsOf } from "../../src/catalog/terms.ts";
import { apply, faultsOf, isvId, licenseId, openStore, small, smallWith } from "./tenants.ts";

const lists = `    limitations: [{ name: Cores }, { name: Documents }]
    variables: [{ name: Greeting }]
    constrained_variables: [{ name: Region, values: [eu, us] }, { name: Anything }]
    analytical_fields: [{ name: Screen }, { name: Size, type: number }]
    usage_features: [{ name: Opens }]
    usage_modules: [{ name: Editor }]
    software_release_limitations: [{ name: "25.2" }]
`;
const ofEdition = `    limitations:
      - { limitation: Cores, value: 3 }
      - { limitation: Documents, value: 10, consumption_reset_mode: days, consumption_reset_period_days: 7, goodwill: 20 }
    variables: [{ variable: Greeting, value: Hello }]
    constrained_variables: [{ variable: Region, values: [eu] }]
    software_release_limitation: "25.2"
    user_limit: 5
`;
const ofLicense = `    floating_token_limit: 2
    features: [{ feature: Cloud backup, is_active: false }]
    limitations: [{ limitation: Cores, value: null }]
    variables: [{ variable: Greeting, value: Welcome }]
`;
const file = [
  ["    limitations: [{ name: Cores }]\n", lists],
  ["    limitations: [{ limitation: Cores, value: 3 }]\n", ofEdition],
  ["    floating_token_limit: 2\n", ofLicense],
].reduce((text, [old, fresh]) => smallWith(old as string, fresh as string, text), small);

test("all of it is applied, and applied again changes nothing", async () => {
  const store = openStore();
  await apply(store, file);
  expect(await apply(store, file)).toMatchObject({ created: 0, changed: 0 });
  const vendor = store.catalog.vendor(isvId);
  const license = vendor?.licenses.get(licenseId);
  const edition = vendor?.editions.get(license?.edition_id ?? "");
  const product = vendor?.products.get(license?.product_id ?? "");
  if (license === undefined || edition === undefined || product === undefined) throw new Error("not all is there");
  const [cores, documents] = product.limitations.map(({ id }) => id);
  expect(product.analytical_fields?.map(({ type }) => type)).toEqual(["text", "number"]);
  expect(product.constrained_variables?.map(({ values }) => values)).toEqual([["eu", "us"], []]);
  expect(license.features).toEqual([{ id: product.features[0]?.id, is_active: false }]);
  expect(termsOf(isvId, license, edition, product)).toMatchObject({
    softwareRelease: "25.2",
    allowsUncoveredRelease: false,
    userLimit: 5,
    limitations: [
      { id: cores, limit: null, reset: null, goodwillPercent: 0, isEnforced: true },
      { id: documents, limit: 10, reset: "days", resetDays: 7, goodwillPercent: 20, isEnforced: true },
    ],
  });
});

test("a product that is renamed gives its licences the release by its new name", async () => {
  const store = openStore();
  await apply(store, file);
  const product = [...(store.catalog.vendor(isvId)?.products.values() ?? [])][0];
  const release = product?.software_release_limitations?.[0];
  if (product === undefined || release === undefined) throw new Error("the file has a product with a release");
  const body = { ...product, software_release_limitations: [{ ...release, name: "26" }] };
  await store.saveCatalog([{ isvId, kind: "product", id: product.id, body, applied: null }]);
  expect((await store.read(isvId, licenseId))?.terms.softwareRelease).toBe("26");
});

describe("a fault is told where it stands", () => {
  for (const [old, fresh, fault] of [
    ["limitation: Documents", "limitation: Document", /editions\[0\]\.limitations\[1\]\.limitation: there is no limi/],
    [
      "variable: Greeting, value: Hello",
      "variable: Greet, value: x",
      /editions\[0\]\.variables\[0\]\.variable: .*no var/,
    ],
    ["variable: Region", "variable: Regions", /constrained_variables\[0\]\.variable: there is no constrained variable/],
    ["values: [eu] }", "values: [moon] }", /editions\[0\]\.constrained_variables: "moon" is no value of "Region"/],
    [
      'limitation: "25.2"',
      'limitation: "25.3"',
      /software_release_limitation: there is no software release limitation/,
    ],
    [", consumption_reset_period_days: 7", "", /editions\[0\]\.limitations: periods of days need consumption_reset/],
    [
      "mode: days",
      "mode: week",
      /consumption_reset_mode: want one of lifecycle, days, month, quarter, year; got "week"/,
    ],
    ["goodwill: 20", "goodwill: -1", /goodwill: want a number from 0 to 1000; got -1/],
    [
      "feature: Cloud backup, is",
      "feature: Cloud, is",
      /licenses\[0\]\.features\[0\]\.feature: there is no feature "Cloud"/,
    ],
    [
      "Cores, value: null }]",
      "Cores, value: 1 }, { limitation: Cores, value: 2 }]",
      /licenses\[0\]\.limitations: names one/,
    ],
    ["type: number", "type: numbers", /analytical_fields\[1\]\.type: want one of text, number, list; got "numbers"/],
    ["{ name: Editor }", "{ name: Editor }, { name: Editor }", /usage_modules\[1\]: the name "Editor" stands twice/],
  ] as const) {
    test(`${fresh === "" ? `without ${old}` : fresh}`, async () => {
      const faults = await faultsOf(openStore(), smallWith(old, fresh, file));
      expect(faults).toEqual([expect.stringMatching(fault)]);
    });
  }
});
