/** The package as it is installed: what is in it, that every kind of program can load it, how large it is in a page. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../server/test/process.ts";
import { installClient } from "./installed.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "client/src");
const sources = readdirSync(source).map((name) => name.replace(/\.ts$/, ""));
const folder = temporaryFolder();

/** The machine's own Node, not the one that npm brought along: users of the package may have Node 20. */
const ownPath = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);

function run(command: string, args: readonly string[], cwd = folder.path, PATH = process.env.PATH): string {
  const env = { ...process.env, PATH };
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

let installed: string;

beforeAll(() => {
  installed = installClient(folder.path);
});

afterAll(() => folder.remove());

test("the package has the two builds with their types, its page, and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
  const built = ["esm", "cjs"].flatMap((kind) =>
    sources.flatMap((name) => [`dist/${kind}/${name}.js`, `dist/${kind}/${name}.d.ts`]),
  );
  const more = ["README.md", "LICENSE", "package.json", "dist/cjs/package.json"];
  expect(files.toSorted()).toEqual([...built, ...more].toSorted());
});

test("it needs no other package, and nothing of Node's or the server's", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect([manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies]).toEqual(
    Array(3).fill(undefined),
  );
  const imports = sources.flatMap((name) => [
    ...readFileSync(join(source, `${name}.ts`), "utf8").matchAll(/(?:from|import\(|require\()\s*"([^"]+)"/g),
  ]);
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter(([, name]) => !/^\.\/[a-z-]+\.ts$/.test(name as string))).toEqual([]);
});

test("modules and CommonJS programs load it in the machine's own Node", () => {
  const programs = [
    folder.write(
      "program.mjs",
      'import { connect, NoTokenLeft } from "@seatkeeper/client"; told(connect, NoTokenLeft);',
    ),
    folder.write(
      "program.cjs",
      'const { connect, NoTokenLeft } = require("@seatkeeper/client"); told(connect, NoTokenLeft);',
    ),
  ];
  const told = folder.write(
    "told.cjs",
    `globalThis.told = (connect, NoTokenLeft) => {
      const client = connect({ url: "http://127.0.0.1", isv: "i", apiKey: "k" });
      const isDisposable = typeof client[Symbol.asyncDispose] === "function";
      console.log(process.versions.node.split(".")[0] >= 20, typeof client.open, NoTokenLeft.name, isDisposable);
    };`,
  );
  for (const program of programs)
    expect(run("node", ["--require", told, program], folder.path, ownPath)).toBe("true function NoTokenLeft true\n");
});

test("its types fit programs of both kinds", () => {
  const code = (declared: string) => `
    import { connect, LicenseDenied, type Session } from "@seatkeeper/client";
    export async function work(): Promise<Date | null> {
      const seats = connect({ url: "http://127.0.0.1", isv: "i", apiKey: "k" });
      try {
        ${declared} session: Session = await seats.open({ license: "l", user: "u", wait: 10 });
        // @ts-expect-error: it is a number
        const wrong: string = session.trustedSeconds;
        return session.validUntil;
      } catch (error) {
        return error instanceof LicenseDenied ? error.nextFreeAt : null;
      }
    }`;
  folder.write("typed.mts", code("await using"));
  folder.write("typed.cts", code("const"));
  const options = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom,esnext.disposable",
    "--types",
    "",
  ];
  const check = (...more: readonly string[]) => run(join(root, "node_modules/.bin/tsc"), [...options, ...more]);
  expect(check("--module", "nodenext", "typed.mts", "typed.cts")).toBe("");
  expect(check("--module", "preserve", "--moduleResolution", "bundler", "typed.mts")).toBe("");
});

/** Bytes of a page's script that has these lines, as it travels. */
async function weigh(code: string): Promise<{ readonly text: string; readonly bytes: number }> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder.path },
    ...{
      bundle: true,
      minify: true,
      write: false,
      logLevel: "silent",
      format: "esm",
      platform: "browser",
      target: "es2022",
    },
  });
  const text = outputFiles[0]?.text ?? "";
  return { text, bytes: gzipSync(text).length };
}

test("it is small, and who wants sessions alone does not pay for projects", async () => {
  const all = await weigh('export * from "@seatkeeper/client";');
  const sessions = await weigh('import { connect } from "@seatkeeper/client"; window.seats = connect({ url: "" });');
  const nothing = await weigh('import "@seatkeeper/client"; import { NoTokenLeft } from "@seatkeeper/client";');
  // Before the first acknowledgement a connection carries ten segments, some 14,600 bytes. It is one flight with the head of
  // its answer and 2,550 bytes of the page's own. What it refuses of settings and answers, that these are bounded, and what it says
  // of redirects took it beyond three quarters.
  expect(all.bytes).toBeLessThan(11_750);
  expect(sessions.bytes).toBeLessThan(all.bytes - 1_000);
  expect(sessions.text).toContain("/provisioning/session/open");
  expect(sessions.text).not.toContain("/executions");
  expect(nothing.text).toBe("");
});
