/**
 * The documents say what the code says: pages that are made from it are current, links resolve, settings are complete,
 * the table of keys is the API's, and what a reader may paste runs.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DenialCode, denials, keepsOut } from "../../src/core/denials.ts";
import { bin, runScript, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (page: string) => readFileSync(join(root, page), "utf8");
const pages = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((page) => page !== "" && existsSync(join(root, page)));

test.each(["errors-page", "openapi-document", "client-types"])("what scripts/%s.ts makes is current", (script) => {
  const check = () =>
    execFileSync(process.execPath, [`scripts/${script}.ts`, "--check"], { cwd: root, encoding: "utf8", stdio: "pipe" });
  expect(check).not.toThrow();
});

test("the page of errors has every denial", () => {
  for (const code of Object.keys(denials)) expect(read("docs/reference/errors.md")).toContain(`\`${code}\``);
});

test("the guide to analytics names every denial that keeps somebody out, and no other", () => {
  const paragraph = read("docs/guide/analytics.md").match(/^\*\*Denials\*\*.*?\n\n/ms)?.[0] ?? "";
  const named = [...paragraph.matchAll(/`(\w+)`/g)].map(([, code]) => code as string).filter((code) => code in denials);
  const meant = (Object.keys(denials) as DenialCode[]).filter(keepsOut);
  expect(named.toSorted()).toEqual(meant.toSorted());
});

test.each(pages)("every relative link of %s resolves, headings included", (page) => {
  const broken = linksOf(page).filter((link) => {
    const [path = "", heading] = link.split("#");
    const target = path === "" ? join(root, page) : resolve(root, dirname(page), path);
    if (relative(root, target).startsWith("..") || !existsSync(target)) return true;
    return heading !== undefined && !headingsOf(readFileSync(target, "utf8")).includes(heading);
  });
  expect(broken).toEqual([]);
});

test.each(pages)("%s calls decisions by their own numbers", (page) => {
  const called = [...read(page).matchAll(/(\d{4})\]\([^)\s]*?(\d{4})-[^)\s]*\)/g)];
  expect(called.filter(([, number, of]) => number !== of).map(([text]) => text)).toEqual([]);
});

test.each(pages)("%s names no place outside the repository", (page) => {
  expect(read(page)).not.toMatch(
    /(?:^|[\s`"'(])(?:\/work|\/home|\/root|\/Users|\/tmp)\/|~\/(?!\.local\/state|Library\/)|\bshared\//m,
  );
});

test("every decision stands in the list of decisions", () => {
  const records = pages.filter((page) => /^docs\/decisions\/\d{4}-/.test(page)).map((page) => page.split("/")[2]);
  expect(linksOf("docs/decisions/README.md").toSorted()).toEqual(records.toSorted());
});

test.each(["README.md", "docs/reference/configuration.md"])(
  "%s has every setting, with its default, and no other",
  (page) => {
    const config = readFileSync(join(root, "server/src/config.ts"), "utf8");
    const settings = new Map(
      [...config.matchAll(/read\("(SEATKEEPER_\w+)", "([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    const rows = new Map(
      [...read(page).matchAll(/^\| `(SEATKEEPER_\w+)` \| ([^|]*) \|/gm)].map(([, name, value]) => [name, value]),
    );
    expect([...rows.keys()]).toEqual([...settings.keys()]);
    for (const [name, value] of settings) expect(rows.get(name), name).toBe(value === "" ? "none" : `\`${value}\``);
    // Commands that speak to a server have three of their own.
    const account = new Set(read("server/src/cli/remote/account.ts").match(/SEATKEEPER_[A-Z_]+/g));
    const named = new Set(read(page).match(/SEATKEEPER_[A-Z_]+/g));
    expect([...named].filter((name) => !settings.has(name) && !account.has(name))).toEqual([]);
  },
);

test("the page of the command line has every command and option, and no other", () => {
  const code = ["main.ts", "remote/commands.ts"].map((file) => read(`server/src/cli/${file}`)).join("");
  const found = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, word]) => word));
  const page = read("docs/reference/cli.md");
  const commands = found(code, /\.command\("([a-z-]+)"\)/g);
  expect(found(page, /^\| `([a-z][a-z-]*)[^`]*` \|/gm)).toEqual(commands);
  expect(found(page.replaceAll(/`--help`|npx --no/g, ""), /--([a-z][a-z-]*)/g)).toEqual(found(code, /"--([a-z-]+)/g));
});

test("every exit status of the code is explained", () => {
  const statuses = [...readFileSync(join(root, "server/src/cli/exit-codes.ts"), "utf8").matchAll(/: (\d+),/g)].map(
    ([, n]) => n,
  );
  const pages = ["configuration.md", "cli.md"].map((page) => read(`docs/reference/${page}`)).join("");
  const explained = [...pages.matchAll(/^\| (\d+) \|/gm)].map(([, n]) => n);
  expect(statuses.filter((status) => !explained.includes(status))).toEqual([]);
});

test("every bound that the threat model names is where it says", () => {
  const rows = [...read("THREAT_MODEL.md").matchAll(/^\|.*\| (`\w+`(?:, `\w+`)*) in `([\w/]+\.ts)` \|$/gm)];
  expect(rows.length).toBeGreaterThan(10);
  for (const [, names = "", file = ""] of rows) {
    const code = readFileSync(join(root, "server/src", file), "utf8");
    for (const [, name] of names.matchAll(/`(\w+)`/g))
      expect(code, `${name} in ${file}`).toMatch(new RegExp(`const ${name}\\b`));
  }
});

describe("on a running demo", () => {
  const folder = temporaryFolder();
  let demo: ServerProcess;
  let sandbox: ServerProcess;

  beforeAll(async () => {
    const database = { SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/docs.db` };
    [demo, sandbox] = await Promise.all([startProcess(["serve", "--demo"], database), startProcess(["sandbox"], {})]);
  });

  afterAll(async () => {
    await Promise.all([demo, sandbox].map((server) => server?.stop("SIGTERM")));
    folder.remove();
  });

  test("the README's session runs as pasted, and answers what it shows", () => {
    const [first, extended, closed, crowd, log, pem] = paste(demo.url, blocksOf("README.md", "sh").filter(isSession));
    const [shownSession, shownDenial] = blocksOf("README.md", "json").map((text) => JSON.parse(text));
    const session = JSON.parse(first ?? "");
    expect(Object.keys(session)).toEqual(Object.keys(shownSession));
    expect(session).toMatchObject({ is_session_valid: true, max_open_session_count: 1, max_active_client_count: 1 });
    const minutes = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
    expect(minutes(session.session_created_date, session.session_valid_until)).toBe(
      minutes(shownSession.session_created_date, shownSession.session_valid_until),
    );
    expect(JSON.parse(extended ?? "").session_created_date).toBe(session.session_created_date);
    expect(JSON.parse(closed ?? "")).toEqual(expect.any(String));

    const answers = (crowd ?? "")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toHaveLength(6);
    for (const answer of answers.slice(0, 5)) expect(answer.is_session_valid).toBe(true);
    expect(answers[5]).toEqual({ ...shownDenial, next_free_at: answers[0].session_valid_until });
    expect(Object.keys(answers[5])).toEqual(Object.keys(shownDenial));

    expect(JSON.parse(log ?? "")).toMatchObject({
      items: [{ code: "tokens_exhausted", client_id: "gina@factor.com" }],
      total: expect.any(Number),
    });
    expect(pem).toContain("BEGIN PUBLIC KEY");
  });

  test("the README's commands run as pasted, and take and give back a token", () => {
    const [block = ""] = blocksOf("README.md", "sh").filter((text) => text.includes("SEATKEEPER_KEY"));
    const [output = ""] = paste(demo.url, [block.replaceAll("npx seatkeeper", `'${process.execPath}' '${bin}'`)]);
    expect(output).toMatch(/^NAME .*\nCAD around the world /);
    expect(output).toMatch(/\nthere is a token\n$/);
  });

  test.each([
    ["analytics", ['"verdict":', "start,end,max,mean"]],
    ["administration", ['"admin_role":"operator"', '"shows_pseudonyms":true']],
  ])("the calls of the guide to %s run as pasted, and answer what it is about", (guide, said) => {
    const blocks = blocksOf(`docs/guide/${guide}.md`, "sh");
    const output = paste(demo.url, blocks).join("");
    for (const words of said) expect(output).toContain(words);
    expect(output).not.toContain("urn:seatkeeper:problem");
  });

  test("the offline guide's file and its key are downloaded as pasted", () => {
    const [download = ""] = blocksOf("docs/guide/offline.md", "sh");
    paste(demo.url, [`cd '${folder.path}'\n${download.replace(/^xmlsec1 .*$/m, "")}`]);
    const downloaded = (name: string) => readFileSync(join(folder.path, name), "utf8");
    expect(downloaded("license.xml")).toMatch(/^<slascone_license_file [\s\S]*<SignatureValue>/);
    expect(downloaded("signing-key.pem")).toContain("BEGIN PUBLIC KEY");
  });

  test.each([
    ["consumption", ["isv", "customers"]],
    ["projects", ["isv", "customers", "products"]],
    ["browsers", []],
  ])(
    "the guide to %s shows a part of a tenant file that is accepted, where %j stand beside it",
    async (guide, parts) => {
      const beside: Readonly<Record<string, string>> = {
        isv: "isv: { id: 5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c6d, name: Acme Software }",
        customers: 'customers: [{ number: "87012", name: Ring Retail }, { number: "87013", name: Factor }]',
        products: "products: [{ name: CAD }]",
      };
      const [shown = ""] = blocksOf(`docs/guide/${guide}.md`, "yaml");
      const file = folder.write(`${guide}.yaml`, [...parts.map((part) => beside[part]), shown].join("\n"));
      const server = await startProcess(["serve"], {
        SEATKEEPER_DATABASE_URL: "memory:",
        SEATKEEPER_TENANT_FILES: file,
      });
      expect((await server.stop("SIGTERM")).output).toContain("tenant files applied");
    },
  );

  test("the README's sandbox clock moves as pasted", () => {
    const [answer] = paste(
      sandbox.url,
      blocksOf("README.md", "sh").filter((text) => text.includes("/sandbox/")),
    );
    expect(JSON.parse(answer ?? "")).toEqual({ now: expect.any(String) });
  });

  test("the README's tenant file is one, its commands make the keys and serve it, and the admin's key logs in", async () => {
    const [text = ""] = blocksOf("README.md", "yaml");
    folder.write("acme.yaml", text);
    const at = (script: string) => `cd '${folder.path}'\nexport XDG_CONFIG_HOME='${folder.path}'\n${script}`;
    const commands = blocksOf("README.md", "sh");
    const [makeKeys = "", command = ""] =
      commands.find((block) => block.includes("SEATKEEPER_TENANT_FILES=acme.yaml"))?.split("\n") ?? [];
    runScript(at(makeKeys));
    const [, settings = "", verb = ""] = /^(.*) npx seatkeeper (\w+)$/.exec(command) ?? [];
    const env = Object.fromEntries(settings.split(" ").map((setting) => setting.split("=", 2)));
    const server = await startProcess([verb], env, folder.path);
    const [login = ""] = commands.filter((block) => block.includes("acme-admin.key") && block.includes(" login "));
    const [said] = paste(server.url, [at(login.replaceAll("npx seatkeeper", `'${process.execPath}' '${bin}'`))]);
    expect(said).toMatch(/^Logged in to Acme Software .* with the key admin, AdminKey of role owner\./);
    await server.stop("SIGTERM");
    expect(existsSync(`${folder.path}/acme/seatkeeper.db`)).toBe(true);
  });

  test("the example that checks signatures runs as pasted", () => {
    const [code = ""] = blocksOf("docs/reference/http.md", "js");
    const file = folder.write("signatures.mjs", code.replaceAll("http://127.0.0.1:7070", demo.url));
    expect(execFileSync(process.execPath, [file], { encoding: "utf8" })).toBe("true true\n");
  });

  test("the batch call of the reference is answered as it says", async () => {
    const body = blocksOf("docs/reference/http.md", "json").find((text) => text.includes('"items"')) ?? "";
    const response = await fetch(
      `${demo.url}/api/v2/isv/2af5fe02-6207-4214-946e-b00ac5309f53/provisioning/session/batch`,
      {
        method: "POST",
        headers: { ProvisioningKey: "demo-quickstart-key", "Content-Type": "application/json" },
        body,
      },
    );
    const { results } = (await response.json()) as { results: { status: number; body: unknown }[] };
    expect(results).toHaveLength(JSON.parse(body).items.length);
  });

  test("the threat model's table of keys is the API's, call by call", async () => {
    const document = (await (await fetch(`${demo.url}/openapi.json`)).json()) as ApiDocument;
    expect(callsOf(read("THREAT_MODEL.md"))).toEqual(callsOfDocument(document));
  });
});

/** Blocks that go together: the variables of the first are used in the others. */
function isSession(block: string): boolean {
  return /^api=|\$api/m.test(block);
}

/** Runs blocks in one shell, as a reader would, and gives the output of each. Nothing leaves this machine. */
function paste(url: string, blocks: readonly string[]): string[] {
  const script = blocks.join("\necho cut here\n").replaceAll("http://127.0.0.1:7070", url);
  return runScript(script).split("cut here\n");
}

function blocksOf(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, "gm");
  return [...read(page).matchAll(fence)].map((match) => match[1] as string);
}

/** Links to places in the repository, code left out. */
function linksOf(page: string): string[] {
  const prose = read(page)
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] as string)
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors of a page's headings, as repository hosts make them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

interface ApiDocument {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly security?: readonly object[]; readonly description?: string; readonly "x-admin-role"?: string }
        >
      >
    >
  >;
}

/** The least of each kind of key that a call takes: of provisioning keys, of admin keys, or the operator's. */
function callsOf(page: string): Record<string, string> {
  const [, table = ""] = /<!-- calls: begin -->([\s\S]*?)<!-- calls: end -->/.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| ([A-Z]+ \S+) \| (.+) \|$/gm)];
  return sorted(
    rows.map(([, call = "", cells = ""]) => {
      const may = cells.split(" | ").map((cell) => cell === "yes");
      const least = (kinds: readonly string[], from: number) => kinds.find((_, n) => may[from + n]) ?? "none";
      if (may[0]) return [call, "public"];
      if (may[6]) return [call, "operator's"];
      return [call, `${least(["app", "backend"], 1)}, ${least(["viewer", "operator", "owner"], 3)}`];
    }),
  );
}

function callsOfDocument({ paths }: ApiDocument): Record<string, string> {
  const prefix = "/api/v2/isv/{isv_id}";
  return sorted(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string] => {
        const { security = [], description = "", "x-admin-role": role } = operation;
        const call = `${method.toUpperCase()} ${path.startsWith(prefix) ? path.slice(prefix.length) : `/${path}`}`;
        if (security.length === 0) return [call, "public"];
        if (security.some((scheme) => "OperatorKey" in scheme)) return [call, "operator's"];
        if (!security.some((scheme) => "ProvisioningKey" in scheme)) return [call, `none, ${role}`];
        const least = description.includes("ProvisioningKey of scope `backend`") ? "backend" : "app";
        return [call, `${least}, ${role}`];
      }),
    ),
  );
}

function sorted(calls: [string, string][]): Record<string, string> {
  return Object.fromEntries(calls.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
