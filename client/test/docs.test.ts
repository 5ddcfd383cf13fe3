/** What the pages say of the client is so: their snippets run and have sound types, and errors are drawn as they are. */
import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startProcess, temporaryFolder } from "../../server/test/process.ts";
import * as seatkeeper from "../src/index.ts";
import { licenses, product, Vendor } from "./vendor.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (page: string) => readFileSync(join(root, page), "utf8");
const given = `const license = "${licenses.users}", product = "${product}";\n`;

const snippets = ["client/README.md", "docs/guide/typescript.md"].flatMap((page) =>
  [...read(page).matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)].map(([, language, code = ""], index) => ({
    file: `${page.replaceAll(/\W/g, "-")}-${index + 1}.${language === "ts" ? "mts" : "cjs"}`,
    code,
  })),
);

describe("snippets", () => {
  const folder = temporaryFolder();
  let vendor: Vendor;

  beforeAll(async () => {
    vendor = await Vendor.start();
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"));
    for (const { file, code } of snippets) folder.write(file, given + code);
  });

  afterAll(async () => {
    await vendor?.stop();
    folder.remove();
  });

  test.each(snippets)("$file runs, prints what it says, and leaves nothing open", async ({ file, code }) => {
    const env = { PATH: process.env.PATH, ...vendor.environment };
    const output = execFileSync(process.execPath, [file], { cwd: folder.path, env, encoding: "utf8" });
    for (const [, said] of code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)) expect(output).toContain(said);
    expect(await vendor.sessions(licenses.users)).toEqual([]);
  });

  test("have sound types", () => {
    const files = snippets.map(({ file }) => file).filter((file) => file.endsWith("mts"));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
    const check = () =>
      execFileSync(
        join(root, "node_modules/.bin/tsc"),
        [...options, "--lib", "es2023,dom,esnext.disposable", ...files],
        {
          ...{ cwd: folder.path, encoding: "utf8", stdio: "pipe" },
        },
      );
    expect(files.length).toBeGreaterThan(7);
    expect(check()).toBe("");
  });
});

describe("other pages", () => {
  test("the guide's open that waits is granted by the demo", async () => {
    const [, body = ""] = /^```json\n(.*"wait_seconds".*)\n```$/m.exec(read("docs/guide/floating-licences.md")) ?? [];
    const demo = await startProcess(["sandbox"], {});
    const client = seatkeeper.connect({
      ...{ url: demo.url, isv: "2af5fe02-6207-4214-946e-b00ac5309f53", apiKey: "demo-quickstart-key" },
    });
    const open = { method: "POST", path: "/provisioning/session/open", body: JSON.parse(body) as object } as const;
    const answer = await client.call(open).finally(() => demo.stop("SIGTERM"));
    expect(answer).toMatchObject({ is_session_valid: true });
  });

  test("the guide's Python imports what it uses of the standard library", () => {
    const [, code = ""] = /^```py\n([\s\S]*?)^```$/m.exec(read("docs/guide/offline.md")) ?? [];
    for (const name of ["timedelta", "Path"]) {
      expect(code).toContain(`${name}(`);
      expect(code).toMatch(new RegExp(`^from \\w+ import ${name}$`, "m"));
    }
  });
});

describe("errors", () => {
  const kinds = Object.values(seatkeeper).filter((value) => isErrorClass(value));

  test.each([
    ["the guide", read("docs/guide/typescript.md").split("## Errors")[1]?.split("```")[1] ?? ""],
    ["errors.ts", read("client/src/errors.ts").split("*/")[0] ?? ""],
  ])("are drawn in %s as they are", (_, drawing) => {
    const tree = kinds.map((kind) => `${depthOf(kind)} ${kind.name}`);
    const drawn = [...drawing.matchAll(/^[ *]*((?:│ {3})?)([├└]── )?([A-Z]\w+)(?: {2}.*)?$/gm)].map(
      ([, bar, branch, name]) => `${branch === undefined ? 0 : bar === "" ? 1 : 2} ${name}`,
    );
    expect(drawn.toSorted()).toEqual(tree.toSorted());
  });

  test("have their class's name, for bundlers that shorten classes", () => {
    for (const kind of kinds) {
      const error = new (kind as new (...args: unknown[]) => Error)("text", {});
      expect([error.name, error.message]).toEqual([kind.name, "text"]);
    }
    expect(kinds.length).toBeGreaterThan(20);
  });
});

type ErrorClass = typeof seatkeeper.SeatkeeperError;

function isErrorClass(value: unknown): value is ErrorClass {
  return value === seatkeeper.SeatkeeperError || (value as ErrorClass)?.prototype instanceof seatkeeper.SeatkeeperError;
}

function depthOf(kind: ErrorClass): number {
  return kind === seatkeeper.SeatkeeperError ? 0 : 1 + depthOf(Object.getPrototypeOf(kind));
}
