/** Commands that speak to a server: what they print, for people and programs, and how they end. */
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { profilesFile } from "../../src/cli/remote/profiles.ts";
import { bin, ground, startProcess } from "../process.ts";
import { Desk, isv, keys, licenses, tenant } from "./commands.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await Desk.open();
});
beforeEach(() => desk.reset());
afterAll(() => desk?.close());

const loggedOut = {};
const login = (key: string, ...more: readonly string[]) =>
  desk.run(["login", "--url", `${desk.url}/`, "--isv", isv, "--key", "-", ...more], loggedOut, `${key}\n`);
const kept = () => join(desk.folder.path, "seatkeeper/profiles.json");

describe("login", () => {
  test("keeps a key that the server takes, for its owner alone, and says what it is", async () => {
    const { status, output } = await login(keys.admin);
    expect([status, output.split("\n")[0]]).toEqual([
      0,
      `Logged in to Acme at ${desk.url} with the key admin, AdminKey of role owner.`,
    ]);
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
    expect((await desk.run(["licenses"], loggedOut)).status).toBe(0);
  });

  test("keeps several under names", async () => {
    await login(keys.admin);
    const { output } = await login(keys.app, "--profile", "shop", "--json");
    expect(JSON.parse(output)).toMatchObject({
      profile: "shop",
      key: { name: "app", is: "ProvisioningKey of scope app" },
    });
    expect((await desk.run(["licenses", "--profile", "shop"], loggedOut)).status).toBe(77);
    expect((await desk.run(["licenses"], { SEATKEEPER_PROFILE: "shop" })).status).toBe(77);
    expect((await desk.run(["licenses"], loggedOut)).status).toBe(0);
    await desk.run(["logout"], loggedOut);
    expect((await desk.run(["licenses"], loggedOut)).status).toBe(78);
    expect((await desk.run(["status", licenses.users, "--profile", "shop"], loggedOut)).status).toBe(0);
  });

  test("keeps nothing that the server does not take, and nothing where none answers", async () => {
    expect(await login("no-such-key-0000")).toMatchObject({ status: 77, output: "" });
    const nobody = ["login", "--url", "http://127.0.0.1:9", "--isv", isv, "--key", "-"];
    expect(await desk.run(nobody, loggedOut, keys.admin)).toMatchObject({ status: 69, output: "" });
    expect((await desk.run(["licenses"], loggedOut)).status).toBe(78);
  });

  test("takes no key from the command line", async () => {
    const { status, errors } = await desk.run(
      ["login", "--url", desk.url, "--isv", isv, "--key", keys.admin],
      loggedOut,
    );
    expect([status, errors]).toEqual([64, expect.stringContaining("A key is no argument")]);
    expect(errors).not.toContain(keys.admin);
  });

  test("asks nobody where nobody sits", async () => {
    expect(await desk.run(["login"], loggedOut)).toMatchObject({
      status: 64,
      errors: expect.stringContaining("--url"),
    });
  });

  test("the environment goes before profiles, and is never mixed with them", async () => {
    await login(keys.admin);
    expect((await desk.run(["licenses"], desk.with(keys.app))).status).toBe(77);
    expect((await desk.run(["licenses", "--profile", "default"], desk.with(keys.app))).status).toBe(0);
    const elsewhere = { SEATKEEPER_URL: "http://127.0.0.1:9" };
    expect(await desk.run(["licenses"], elsewhere)).toMatchObject({
      status: 78,
      errors: expect.stringContaining("SEATKEEPER_ISV and SEATKEEPER_KEY"),
    });
    const asClients = { ...desk.with(""), SEATKEEPER_API_KEY: keys.admin };
    expect((await desk.run(["licenses"], asClients)).status).toBe(0);
  });

  test("a damaged file is named", async () => {
    await login(keys.admin);
    desk.folder.write("seatkeeper/profiles.json", '{"profiles": {"default": {"url": 1}}}');
    expect(await desk.run(["licenses"], loggedOut)).toMatchObject({
      status: 78,
      errors: expect.stringContaining(kept()),
    });
  });

  test.each([
    ["linux", { XDG_CONFIG_HOME: "/x" }, /^\/x\/seatkeeper\/profiles.json$/],
    ["linux", { XDG_CONFIG_HOME: "x" }, /\/\.config\/seatkeeper\/profiles.json$/],
    ["darwin", {}, /\/Library\/Application Support\/Seatkeeper\/profiles.json$/],
    ["win32", { APPDATA: "/roaming" }, /^\/roaming\/Seatkeeper\/profiles.json$/],
  ] as const)("on %s with %o it is where programs keep such things", (platform, env, place) => {
    expect(profilesFile(env, platform)).toMatch(place);
  });
});

describe("looking", () => {
  test("licenses: a table without colour where no terminal is, and the same as JSON", async () => {
    const { output } = await desk.run(["licenses", "--search", "example.com"]);
    expect(output).toBe(
      `NAME   CUSTOMER     PRODUCT   COUNTS          LIMIT  STATE   EXPIRES  ID
Users  Example Ltd  Modeller  floating users      2  active  never    ${licenses.users}
`,
    );
    const { licenses: all } = await desk.json<{ licenses: object[] }>("licenses");
    expect(all).toHaveLength(4);
    expect(all).toContainEqual({
      id: licenses.expired,
      name: "Old",
      legacy_license_key: null,
      customer: "Example Ltd",
      product: "Modeller",
      edition: "Users",
      counts: "floating users",
      limit: 1,
      state: "expired",
      expires_at: "2020-01-01T00:00:00.000Z",
    });
  });

  test("status: counts, by id, name or legacy key; keys of scope app see the counts alone", async () => {
    await desk.open("anna");
    const pools = [{ kind: "floating", total: 2, used: 1, left: 1 }];
    for (const name of [licenses.users, "Users", "example.com"])
      expect(await desk.json("status", name)).toMatchObject({ license: { name: "Users", state: "active" }, pools });
    const asApp = await desk.run(["status", "--json"], {
      ...desk.with(keys.app),
      SEATKEEPER_LICENSE: `${licenses.users}\n`,
    });
    expect(JSON.parse(asApp.output)).toEqual({ license: { id: licenses.users }, pools });
    const { output } = await desk.run(["status", "Users"]);
    expect(output).toBe(`Users: Modeller, Users, for Example Ltd; active, never expires
POOL      IN USE  LIMIT  LEFT
floating       1      2     1
`);
  });

  test("status: what is not there, or not named, is told", async () => {
    expect(await desk.run(["status", "nobody's"])).toMatchObject({
      status: 66,
      errors: expect.stringContaining("nobody's"),
    });
    expect((await desk.run(["status"])).status).toBe(64);
    expect((await desk.run(["status", "Users"], desk.with(keys.app))).status).toBe(64);
    expect((await desk.run(["status", isv])).status).toBe(64);
  });

  test("who: its holders, by name", async () => {
    expect((await desk.run(["who", "Users"])).output).toBe("Nobody.\n");
    await desk.open("anna");
    const { sessions } = await desk.json<{ sessions: object[] }>("who", "Users");
    expect(sessions).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        session_id: null,
        user: "anna",
        client: "anna",
        since: expect.stringMatching(/Z$/),
        valid_until: expect.stringMatching(/Z$/),
      },
    ]);
    expect((await desk.run(["who", "Users"])).output).toMatch(/^USER .*\nanna /);
  });

  test("denials: who was refused what, since when", async () => {
    await desk.open("anna");
    await desk.open("ben");
    await expect(desk.open("cem")).rejects.toThrow("409");
    const told = await desk.json<{ denials: object[]; total: number }>("denials", "Users", "--since", "1h");
    expect(told).toMatchObject({
      total: 1,
      denials: [{ user_id: "cem", code: "tokens_exhausted", in_use: 2, limit: 2 }],
    });
    expect((await desk.run(["denials"])).output).toMatch(/^AT .*\n20\S+ \S+ +cem +tokens_exhausted +2 of 2 +Users$/m);
    expect(await desk.json("denials", "--user", "cem")).toMatchObject({ total: 1 });
    expect(await desk.json("denials", "--user", "anna")).toEqual({ denials: [], total: 0 });
    expect(await desk.json("denials", "--since", "2999-01-01")).toEqual({ denials: [], total: 0 });
    expect((await desk.run(["denials", "--since", "2999-01-01"])).output).toMatch(/^None since 2999/);
    for (const wrong of [
      ["--since", "soon"],
      ["--since", "2026-13-01"],
      ["--limit", "0"],
      ["--limit", "x"],
    ])
      expect((await desk.run(["denials", ...wrong])).status).toBe(64);
  });

  test("refusals are JSON too, on standard error, and standard output stays empty", async () => {
    const { status, output, errors } = await desk.run(["who", "Users", "--json"], desk.with("no-such-key-0000"));
    expect([status, output]).toEqual([77, ""]);
    expect(JSON.parse(errors)).toEqual({ error: { status: 77, code: "key_unknown", message: expect.any(String) } });
    const nobody = { ...desk.with(keys.admin), SEATKEEPER_URL: "http://127.0.0.1:9" };
    expect((await desk.run(["who", "Users"], nobody)).status).toBe(69);
  });
});

describe("end", () => {
  test("one session, those of a user, or all; and frees their tokens", async () => {
    await desk.open("emil");
    await desk.open("finn");
    const { sessions } = await desk.json<{ sessions: { id: string; user: string }[] }>("who", "Users");
    const emil = sessions.find(({ user }) => user === "emil")?.id ?? "";
    expect(await desk.json("end", "Users", emil, "--yes")).toMatchObject({ ended: [{ id: emil, user: "emil" }] });
    expect(await desk.users()).toEqual(["finn"]);
    expect((await desk.run(["end", "Users", "--user", "emil", "--yes"])).status).toBe(66);
    expect((await desk.run(["end", "Users", "--user", "finn", "--yes"])).output).toBe(
      "Ended: 1. Their tokens are free.\n",
    );
    await desk.open("gina");
    await desk.open("hugo");
    await desk.run(["end", "Users", "--all", "--yes"]);
    expect(await desk.users()).toEqual([]);
  });

  test("a session that is over by then is no reason to leave the others", async () => {
    for (const user of ["lena", "mara"]) await desk.open(user);
    let isFirst = true;
    const way = await desk.behindProxy(502, ({ method }) => {
      const isLost = method === "DELETE" && isFirst;
      isFirst &&= method !== "DELETE";
      return isLost;
    });
    onTestFinished(way.close);
    const args = ["end", "Users", "--all", "--yes"];
    expect(await desk.run(args, desk.with(keys.admin, way.url))).toMatchObject({ status: 0, errors: "" });
    expect(await desk.users()).toEqual([]);
  });

  test("does nothing unasked, unclear, or without the right", async () => {
    await desk.open("anna");
    expect((await desk.run(["end", "Users", "--all"])).status).toBe(64);
    expect((await desk.run(["end", "Users", "--yes"])).status).toBe(64);
    expect((await desk.run(["end", "Users", "--all", "--user", "anna", "--yes"])).status).toBe(64);
    expect((await desk.run(["end", "Users", "--all", "--yes"], desk.with(keys.viewer))).status).toBe(77);
    expect(await desk.users()).toEqual(["anna"]);
  });
});

describe("apply", () => {
  const more = tenant.replace("floating_token_limit: 2", "floating_token_limit: 3");

  test("says what it did, after a dry run that did nothing", async () => {
    const file = desk.folder.write("more.yaml", more);
    const changes = [
      { act: "changed", kind: "license", id: licenses.users, name: "Users", fields: ["floating_token_limit"] },
    ];
    expect(await desk.json("apply", file, "--dry-run")).toMatchObject({ dry_run: true, changed: 1, changes });
    expect(await desk.json("status", "Users")).toMatchObject({ pools: [{ total: 2 }] });
    const { output } = await desk.run(["apply", file]);
    expect(output).toMatch(
      /changed {2}license {2}Users {2}floating_token_limit .*\n0 created, 1 changed, \d+ as they were.\n$/,
    );
    expect(await desk.json("status", "Users")).toMatchObject({ pools: [{ total: 3 }] });
    expect(await desk.json("apply", file)).toMatchObject({ created: 0, changed: 0, changes: [] });
    expect(await desk.json("apply", desk.folder.write("less.yaml", tenant))).toMatchObject({ changed: 1 });
  });

  test("several files go together, and keys of files of their own are read here", async () => {
    desk.folder.write("key", "a-key-of-its-own-file\n");
    const isvLine = `isv: { id: ${isv}, name: Acme }`;
    const one = desk.folder.write("one.yaml", `${isvLine}\nproducts: [{ name: Planner }]`);
    const edition = "{ product: Planner, name: U, provisioning_mode: floating, client_type: users }";
    const two = desk.folder.write(
      "two.yaml",
      `${isvLine}\neditions: [${edition}]\nkeys: [{ name: own, role: admin, secret_file: key }]`,
    );
    expect(await desk.json("apply", two, one)).toMatchObject({ created: 3 });
    expect((await desk.run(["licenses"], desk.with("a-key-of-its-own-file"))).status).toBe(0);
  });

  test("what is wrong is told with its line, and nothing is applied", async () => {
    const file = desk.folder.write("wrong.yaml", more.replace("session_period: 1 }", "session_period: long }"));
    const { status, output, errors } = await desk.run(["apply", file]);
    expect([status, output]).toEqual([78, ""]);
    expect(errors).toMatch(/wrong\.yaml:10 editions\[0\]\.session_period: want/);
    expect(await desk.json("status", "Users")).toMatchObject({ pools: [{ total: 2 }] });
    expect((await desk.run(["apply", "nowhere.yaml"])).status).toBe(66);
    expect((await desk.run(["apply", file], desk.with(keys.viewer))).status).toBe(77);
  });

  test("what can be told before the server is asked is told with its line too, of all files", async () => {
    const isvLine = `isv: { id: ${isv}, name: Acme }\n`;
    const lost = ["one", "two"].map((name) => `  - { name: ${name}, role: admin, secret_file: no-${name} }\n`).join("");
    const first = desk.folder.write("lost.yaml", `${isvLine}keys:\n${lost}colour: red\n`);
    const second = desk.folder.write("latin.yaml", Buffer.from(`${isvLine}products:\n  - name: M\xfcller\n`, "latin1"));
    const third = desk.folder.write("odd.yaml", `${isvLine}product: []\n`);
    const { status, output, errors } = await desk.run(["apply", first, second, third]);
    expect([status, output]).toEqual([78, ""]);
    const told = errors.split("\n").flatMap((line) => /\w+\.yaml:.*/.exec(line)?.[0] ?? []);
    expect(told).toEqual([
      "latin.yaml:3 is not UTF-8: save it as that",
      "lost.yaml:3 keys[0].secret_file: cannot be read: ENOENT",
      "lost.yaml:4 keys[1].secret_file: cannot be read: ENOENT",
      "lost.yaml:5 colour: unknown field",
      'odd.yaml:2 product: unknown field; did you mean "products"?',
    ]);
  });
});

describe("doctor", () => {
  interface Told {
    readonly problems: number;
    readonly findings: readonly { readonly check: string; readonly result: string; readonly text: string }[];
  }
  const ask = async (env: Record<string, string>, ...args: readonly string[]) => {
    const { status, output } = await desk.run(["doctor", "--json", ...args], env);
    const { findings, problems } = JSON.parse(output) as Told;
    return {
      status,
      problems,
      result: Object.fromEntries(findings.map(({ check, result }) => [check, result])),
      findings,
    };
  };

  test("finds nothing wrong where nothing is", async () => {
    const { status, problems, result } = await ask(desk.with(keys.admin), "--license", "Users");
    expect([status, problems]).toEqual([0, 0]);
    expect(result).toEqual({
      ...{ profiles: "ok", login: "ok", server: "ok", clock: "ok", transport: "ok", key: "ok", version: "ok" },
      ...{ licence: "ok", "session period": "ok" },
    });
    const { output } = await desk.run(["doctor"], desk.with(keys.backend));
    expect(output).toMatch(/^ok {7}key: backend of Acme: ProvisioningKey of scope backend$/m);
    expect(output).toMatch(/Nothing is wrong\.\n$/);
  });

  test("tells what is wrong on this machine", async () => {
    await login(keys.admin);
    chmodSync(kept(), 0o644);
    const settings = { SEATKEEPER_DATABASE_URL: "mysql://x", HTTPS_PROXY: "http://127.0.0.1:9" };
    const { status, result } = await ask(settings);
    expect(status).toBe(1);
    expect(result).toMatchObject({ profiles: "problem", "this machine's server": "problem", proxy: "note", key: "ok" });
    expect(readFileSync(kept(), "utf8")).toContain(keys.admin);
    const database = desk.folder.write("shown.db", "");
    chmodSync(database, 0o644);
    expect((await ask({ SEATKEEPER_DATABASE_URL: `sqlite:${database}` })).result).toMatchObject({
      "this machine's server": "problem",
    });
  });

  test("tells how far it came: no login, no server, no key, no licence", async () => {
    const last = ({ findings }: Awaited<ReturnType<typeof ask>>) => [findings.at(-1)?.check, findings.at(-1)?.result];
    expect(last(await ask({}))).toEqual(["login", "problem"]);
    expect(last(await ask(desk.with(keys.admin, "http://127.0.0.1:2")))).toEqual(["server", "problem"]);
    expect(last(await ask(desk.with("no-such-key-0000")))).toEqual(["key", "problem"]);
    expect(last(await ask(desk.with(keys.app), "--license", isv))).toEqual(["licence", "problem"]);
    const expired = await ask(desk.with(keys.admin), "--license", "Old");
    expect(expired.findings.filter(({ result }) => result === "problem")).toEqual([
      expect.objectContaining({ check: "licence", text: "Old is expired" }),
    ]);
  });

  test("takes an address with a slash or a line break at its end, as every command does", async () => {
    for (const end of ["/", "/\n"]) {
      expect((await ask(desk.with(keys.admin, desk.url + end))).problems).toBe(0);
    }
  });

  test("says that an address or a key can be none, among what else it finds, and does not show it", async () => {
    const admin = desk.with(keys.admin);
    const wrong = [
      [desk.with(keys.admin, desk.url.replace("//", "//anna:hunter2@")), "url is not a server's address"],
      [desk.with(keys.admin, "localhost:7070"), "url is not a server's address"],
      [{ ...admin, SEATKEEPER_KEY: "schlüssel" }, "apiKey is not a key"],
    ] as const;
    for (const [env, text] of wrong) {
      const { status, findings } = await ask(env);
      expect([status, findings.at(-1)?.check, findings.at(-1)?.text]).toEqual([
        1,
        "login",
        expect.stringContaining(text),
      ]);
      expect(JSON.stringify(findings)).not.toMatch(/hunter2|schl/);
      expect(findings[0]).toMatchObject({ check: "profiles", result: "ok" });
    }
  });

  test("an empty SEATKEEPER_LICENSE names no licence", async () => {
    const { problems, result } = await ask({ ...desk.with(keys.admin), SEATKEEPER_LICENSE: "" });
    expect([problems, result]).toEqual([0, expect.not.objectContaining({ licence: expect.anything() })]);
  });

  test("tells where a redirect leads and what to set, as every command does, and sends no key before", async () => {
    const keysSent: unknown[] = [];
    const elsewhere = createServer(({ url, headers }, response) => {
      keysSent.push(headers.adminkey);
      response.writeHead(301, { Location: `https://licences.test${url}` }).end();
    }).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    try {
      const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
      const said = `The server at ${url}, or a proxy before it, redirects to https://licences.test/api/v2/isv/${isv}/keys/self. The key is not sent there. If the server is, set its address to https://licences.test`;
      const { findings } = await ask(desk.with(keys.admin, url));
      expect(findings.at(-1)).toEqual({ check: "server", result: "problem", text: said });
      expect(keysSent).not.toContain(keys.admin);
      const refused = { status: 69, output: "", errors: `${said}\n` };
      expect(await desk.run(["licenses"], desk.with(keys.admin, url))).toEqual(refused);
    } finally {
      elsewhere.closeAllConnections();
      elsewhere.close();
    }
  });

  test("tells of certificates: one that nobody vouches for, and one that ends soon", async () => {
    const [cert, key] = ["server.crt", "server.key"].map((name) => join(desk.folder.path, name)) as [string, string];
    const made = [
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "5",
      "-subj",
      "/CN=x",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    ];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...made], { stdio: "ignore" });
    const tls = { SEATKEEPER_TLS_CERT_FILE: cert, SEATKEEPER_TLS_KEY_FILE: key };
    const file = desk.folder.write("tenant-tls.yaml", tenant);
    const server = await startProcess(["serve"], {
      ...{ SEATKEEPER_DATABASE_URL: "memory:", SEATKEEPER_TENANT_FILES: file },
      ...tls,
    });
    try {
      const distrusted = await ask(desk.with(keys.admin, server.url));
      expect(distrusted.result).toMatchObject({ server: "problem" });
      const trusted = await ask({ ...desk.with(keys.admin, server.url), NODE_EXTRA_CA_CERTS: cert });
      expect([trusted.problems, trusted.result]).toEqual([
        0,
        expect.objectContaining({ transport: "note", key: "ok" }),
      ]);
      expect(trusted.findings).toContainEqual(
        expect.objectContaining({ text: expect.stringMatching(/^TLS; the certificate is good for [45] days$/) }),
      );
    } finally {
      await server.stop("SIGTERM");
    }
  });

  test("a full licence is worth a word", async () => {
    await desk.open("anna");
    await desk.open("ben");
    const { problems, findings } = await ask({ ...desk.with(keys.admin), SEATKEEPER_LICENSE: licenses.users });
    expect(problems).toBe(0);
    expect(findings).toContainEqual(expect.objectContaining({ check: "licence", result: "note" }));
  });
});

test("an address or a key that can be none is refused with status 78", async () => {
  const admin = desk.with(keys.admin);
  const refused = { status: 78, output: "" };
  const noAddress = await desk.run(["licenses"], { ...admin, SEATKEEPER_URL: "localhost:7070" });
  expect(noAddress).toEqual({ ...refused, errors: expect.stringMatching(/^url is not a server's address/) });
  const noKey = await desk.run(["licenses", "--json"], { ...admin, SEATKEEPER_KEY: "schlüssel" });
  expect(noKey).toMatchObject(refused);
  expect(JSON.parse(noKey.errors)).toMatchObject({
    error: { status: 78, message: expect.stringContaining("apiKey is not a key") },
  });
});

test("an answer that cannot be written is told, and nobody who reads its first lines alone is", () => {
  const command = `"${process.execPath}" "${bin}" licenses --json`;
  const ended = (script: string) =>
    spawnSync("bash", ["--norc", "-o", "pipefail", "-c", script], {
      env: { ...ground, ...desk.with(keys.admin) },
      encoding: "utf8",
    });
  expect(ended(`${command} > /dev/full`)).toMatchObject({
    status: 73,
    stderr: expect.stringMatching(/^Standard output cannot be written: .*ENOSPC/),
  });
  expect(ended(`${command} | true`)).toMatchObject({ status: 0, stderr: "" });
});

test("help names every command", async () => {
  const { output } = await desk.run(["--help"]);
  for (const command of ["serve", "login", "licenses", "status", "who", "run", "end", "denials", "apply", "doctor"])
    expect(output).toMatch(new RegExp(`^  ${command} `, "m"));
});
