/** What is published of the server: what it needs to run, and nothing that was only needed to make it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../", import.meta.url));

test("the package has its program, migrations, the demo vendor, its licence, and nothing of sources, tests and maps", () => {
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(packed) as [{ readonly files: readonly { readonly path: string }[] }];
  const paths = files.map(({ path }) => path);
  const tops = new Set(paths.map((path) => path.split("/")[0]));
  expect([...tops].toSorted()).toEqual(["LICENSE", "README.md", "bin", "demo", "dist", "migrations", "package.json"]);
  const sources = readdirSync(`${folder}src`, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  for (const name of sources) {
    const program = `dist/${name.replace(/\.ts$/, ".js")}`;
    expect(paths).toContain(program);
    expect(readFileSync(`${folder}${program}`, "utf8")).not.toContain("//# sourceMappingURL");
  }
  for (const name of readdirSync(`${folder}migrations`, { recursive: true, encoding: "utf8" }))
    if (name.endsWith(".sql")) expect(paths).toContain(`migrations/${name}`);
});
