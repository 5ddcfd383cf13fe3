/** The page docs/reference/tenant-files.md says what the schema says, field by field. `-u` writes its tables anew. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TSchema } from "typebox";
import { expect, test } from "vitest";
import { wanted } from "../../src/catalog/tenant-check.ts";
import {
  AnalyticalFieldEntry,
  ChoiceEntry,
  ConstrainedVariableEntry,
  CustomerEntry,
  EditionEntry,
  EditionLimitationEntry,
  IsvEntry,
  KeyEntry,
  LicenseEntry,
  LicenseFeatureEntry,
  LicenseLimitationEntry,
  PartEntry,
  ProductEntry,
  TenantDocument,
  VariableEntry,
} from "../../src/catalog/tenant-schema.ts";

const page = fileURLToPath(new URL("../../../docs/reference/tenant-files.md", import.meta.url));

const tables: Record<string, TSchema> = {
  document: TenantDocument,
  isv: IsvEntry,
  keys: KeyEntry,
  products: ProductEntry,
  parts: PartEntry,
  editions: EditionEntry,
  "constrained variables": ConstrainedVariableEntry,
  "analytical fields": AnalyticalFieldEntry,
  "edition limitations": EditionLimitationEntry,
  variables: VariableEntry,
  choices: ChoiceEntry,
  "license features": LicenseFeatureEntry,
  "license limitations": LicenseLimitationEntry,
  customers: CustomerEntry,
  licenses: LicenseEntry,
};

interface Entry {
  readonly properties: Readonly<Record<string, { description: string; default?: unknown; defaultText?: string }>>;
  readonly required?: readonly string[];
}

function fieldTable(schema: TSchema): string {
  const { properties, required = [] } = schema as unknown as Entry;
  const rows = Object.entries(properties).map(([field, content]) => {
    const whenAbsent = content.defaultText ?? `\`${JSON.stringify(content.default)}\``;
    const type = wanted(content as unknown as TSchema);
    const cells = [`\`${field}\``, type, required.includes(field) ? "**required**" : whenAbsent, content.description];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return ["| field | type | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

const section = /<!-- fields: ([a-z ]+) -->\n[\s\S]*?<!-- end -->/g;

test("every table of the page is the schema's", async () => {
  const current = readFileSync(page, "utf8");
  const fresh = current.replace(section, (_, name: string) => {
    const schema = tables[name];
    if (schema === undefined) throw new Error(`the page has a table "${name}" that no schema fills`);
    return `<!-- fields: ${name} -->\n${fieldTable(schema)}\n<!-- end -->`;
  });
  await expect(fresh).toMatchFileSnapshot(page);
});

test("every schema has its table on the page", () => {
  const named = [...readFileSync(page, "utf8").matchAll(section)].map((match) => match[1]);
  expect(named.toSorted()).toEqual(Object.keys(tables).toSorted());
});

test("every field has a meaning, and every field that may be left out a default", () => {
  for (const [name, schema] of Object.entries(tables)) {
    const { properties, required = [] } = schema as unknown as Entry;
    for (const [field, content] of Object.entries(properties)) {
      expect(content.description, `${name}.${field}`).toMatch(/\.$/);
      const hasDefault = "default" in content || "defaultText" in content;
      expect(hasDefault, `${name}.${field}`).toBe(!required.includes(field));
    }
  }
});
