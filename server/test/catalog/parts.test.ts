/** What tenant files say of a product's parts, and what becomes of it. */
import { describe, expect, test } from "vitest";
import { termsOf } from "../../src/catalog/terms.ts";
import type { Store } from "../../src/stores/store.ts";
import { administer, apply, faultsOf, isvId, licenseId, openStore, small, smallWith } from "./tenants.ts";

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

describe("what a file takes from a product while it is used is refused the first time, and nothing is changed", () => {
  const productOnly = (features: string) =>
    `isv: { id: ${isvId}, name: Demo Vendor }\nproducts: [{ name: CAD, features: [${features}] }]\n`;

  function productOf(store: Store) {
    const product = [...(store.catalog.vendor(isvId)?.products.values() ?? [])][0];
    if (product === undefined) throw new Error("the file has a product");
    return product;
  }

  async function refusal(fresh: string, text = file) {
    const store = openStore();
    await apply(store, text);
    const before = store.saved.length;
    const faults = await faultsOf(store, fresh);
    expect(store.saved.length).toBe(before);
    expect(await faultsOf(store, fresh)).toEqual(faults);
    return { store, faults };
  }

  test("a feature that goes by another name, where the file's edition has it", async () => {
    const { store, faults } = await refusal(smallWith("{ name: Cloud backup }", "{ name: Cloud storage }"), small);
    const { id } = productOf(store).features[0] as { readonly id: string };
    expect(faults).toEqual([
      `tenant.yaml:13 editions[0].features[0]: there is no feature "Cloud backup" of product "CAD" any more: the list at tenant.yaml:5 is without it; to give it another name there, write its id too, ${id}`,
    ]);
    const renamed = `{ name: Cloud storage, id: ${id} }`;
    expect(await faultsOf(store, smallWith("{ name: Cloud backup }", renamed))).toEqual([
      'tenant.yaml:13 editions[0].features[0]: there is no feature "Cloud backup" of product "CAD" any more: it is "Cloud storage" now',
    ]);
    const whole = smallWith("{ name: Cloud backup }", renamed).replace("[Cloud backup]", "[Cloud storage]");
    expect(await apply(store, whole)).toMatchObject({ changed: 1 });
    expect(await apply(store, whole)).toMatchObject({ changed: 0 });
  });

  test("a feature that editions and licences have of which the file does not speak", async () => {
    const { store, faults } = await refusal(productOnly("{ name: Cloud storage }"));
    const { id } = productOf(store).features[0] as { readonly id: string };
    expect(faults).toEqual([
      `tenant.yaml:2 products[0].features: the feature "Cloud backup" goes, and is used by edition "Floating devices", licence ${licenseId}: keep it (under another name: with its id, ${id}), or take it from them`,
    ]);
    expect(await apply(store, productOnly(`{ name: Cloud storage, id: ${id} }`))).toMatchObject({ changed: 1 });
  });

  for (const [old, fresh, fault] of [
    ["limitations: [{ name: Cores }, ", "limitations: [", /limitations: the limitation "Cores" goes/],
    ["variables: [{ name: Greeting }]", "variables: []", /variables: the variable "Greeting" goes/],
    ["[{ name: Region, values: [eu, us] }, ", "[", /constrained_variables: the constrained variable "Region" goes/],
    ["values: [eu, us]", "values: [us]", /constrained_variables: "eu" of "Region" goes, and is used by edition/],
    ['[{ name: "25.2" }]', "[]", /software_release_limitations: the software release limitation "25.2" goes/],
  ] as const) {
    test(`the same of ${old}`, async () => {
      const text = smallWith(old, fresh, file);
      const { faults } = await refusal(text.slice(0, text.indexOf("editions:")));
      expect(faults).toEqual([expect.stringMatching(fault)]);
    });
  }

  for (const [old, fresh, fault] of [
    ["values: [eu, us]", "values: [us]", /products\[0\]\.constrained_variables: "eu" of "Region" goes, and is used by/],
    ["features: [{ name: Cloud backup }]", "features: []", /products\[0\]\.features: the feature "Cloud backup" goes/],
  ] as const) {
    test(`once, and not once more at an edition that the same file rewrites: ${old}`, async () => {
      // What the file says no more of an edition or licence stays as it is.
      const unsaid = file.replace("    features: [Cloud backup]\n", "").replace(/ {4}features: \[\{ feature.*\n/, "");
      const { faults } = await refusal(smallWith(old, fresh, smallWith("user_limit: 5", "user_limit: 6", unsaid)));
      expect(faults).toEqual([expect.stringMatching(fault)]);
    });
  }

  test("beside what an edition names that never was there, which is told as well", async () => {
    const choice = "{ variable: Region, values: [eu] }";
    const { faults } = await refusal(
      smallWith("values: [eu, us]", "values: [us]", smallWith(choice, choice.replace("[eu]", "[eu, mars]"), file)),
    );
    expect(faults).toEqual([
      expect.stringMatching(/products\[0\]\.constrained_variables: "eu" of "Region" goes/),
      expect.stringMatching(/editions\[0\]\.constrained_variables: "mars" is no value of "Region"/),
    ]);
  });

  test("what an administrator has added to the list, and an edition has", async () => {
    const store = openStore();
    await apply(store, small);
    const product = productOf(store);
    const added = { id: "aaaaaaaa-0000-0000-0000-000000000001", name: "Plotter" };
    await administer(store, "product", { ...product, features: [...product.features, added] });
    // As long as the file says of the list what it said before, its editions may have what was added.
    expect(await apply(store, smallWith("[Cloud backup]", "[Cloud backup, Plotter]"))).toMatchObject({ changed: 1 });
    expect(await faultsOf(store, productOnly("{ name: Cloud backup }, { name: Export }"))).toEqual([
      expect.stringContaining(`the feature "Plotter" goes, and is used by edition "Floating devices"`),
    ]);
  });

  test("but not what the same files take from the editions that had it, nor what nobody has", async () => {
    const store = openStore();
    await apply(store, small);
    const without = smallWith("features: [{ name: Cloud backup }]", "features: []").replace("[Cloud backup]", "[]");
    expect(await apply(store, without)).toMatchObject({ changed: 2 });
    await apply(store, productOnly("{ name: Export }"));
    expect(await apply(store, productOnly(""))).toMatchObject({ changed: 1 });
  });
});
