import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src/", import.meta.url));

/** What each part may import besides itself. One way only: `core` knows nobody, `main` and `cli` know everybody. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  "clock.ts": ["core"],
  "ids.ts": ["core"],
  "turns.ts": [],
  "version.ts": [],
  "config.ts": ["stores/postgres/addresses.ts"],
  catalog: ["core", "stores/store.ts"],
  analytics: ["core", "stores/store.ts"],
  stores: ["core", "catalog", "clock.ts", "turns.ts", "analytics/sums.ts", "analytics/tally.ts"],
  desk: ["core", "catalog/audit.ts", "stores", "analytics"],
  http: ["core", "catalog", "stores", "desk", "analytics", "clock.ts", "ids.ts", "turns.ts", "version.ts"],
  "main.ts": ["core", "catalog", "stores", "desk", "http", "clock.ts", "config.ts"],
  demo: ["core", "stores/store.ts", "analytics"],
  cli: ["catalog", "stores", "desk", "demo", "http/tls.ts", "clock.ts", "config.ts", "main.ts", "version.ts"],
};

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const partOf = (file: string) => file.split("/")[0] as string;

test("imports run one way: core, then catalog and stores, desk, http, main, cli", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith("."))
      .map((name) => relative(source, resolve(source, dirname(file), name)))
      .filter((target) => partOf(target) !== partOf(file))
      .filter(
        (target) =>
          !(mayImport[partOf(file)] ?? []).some((allowed) => target === allowed || partOf(target) === allowed),
      )
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

/** Draws the key of the hashes by which names are found, and no decision depends on it. */
const drawsKey = "core/packed/hash.ts: getRandomValues";

test("the core imports no package, no clock, no randomness but that key, no I/O, and waits for nothing", () => {
  const wrong = files
    .filter((file) => partOf(file) === "core")
    .flatMap((file) => {
      const packages = importsOf(file).filter((name) => !name.startsWith("."));
      const code = codeOf(file).match(
        /\b(Date\.now|new Date\(\)|performance|Math\.random|randomUUID|getRandomValues|process\.|await|async|Promise|setTimeout)\b/g,
      );
      return [...packages, ...(code ?? [])].map((found) => `${file}: ${found}`);
    });
  expect(wrong).toEqual([drawsKey]);
});

test("commands that speak to servers, and the client with them, are loaded when one is run", () => {
  const isRemote = (file: string) => file.startsWith("cli/remote/");
  const loaded = (file: string) =>
    [...readFileSync(join(source, file), "utf8").matchAll(/^import (?!type\b).*?from "([^"]+)";$/gms)].map(
      ([, name]) => name as string,
    );
  const early = files
    .filter((file) => !isRemote(file))
    .flatMap((file) => loaded(file).filter((name) => /remote\/|client$/.test(name)));
  expect(early).toEqual(["./remote/commands.ts"]);
  expect(loaded("cli/remote/commands.ts")).toEqual([]);
});

test("every part of the source has its line in the table", () => {
  expect([...new Set(files.map(partOf))].filter((part) => !(part in mayImport))).toEqual([]);
});

function importsOf(file: string): string[] {
  return [...readFileSync(join(source, file), "utf8").matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(
    (match) => match[1] as string,
  );
}

/** Without comments, where the words may stand. */
function codeOf(file: string): string {
  return readFileSync(join(source, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "");
}
