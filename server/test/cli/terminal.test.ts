/** Commands that somebody sits before: questions, a key that is not shown, Ctrl+C. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bin, ground } from "../process.ts";
import { Desk, isv, keys, licenses } from "./commands.ts";

const helper = fileURLToPath(new URL("./at-terminal.py", import.meta.url));
const isThere = hasPython();
if (!isThere) console.error("server/test/cli/terminal.test.ts: no python3: commands were NOT tested at a terminal");

function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import pty"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("a Python is there, in CI", () => {
  expect(isThere || process.env.CI !== "true").toBe(true);
});

describe.runIf(isThere)("at a terminal", () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await Desk.open();
  });
  beforeEach(() => desk.reset());
  afterAll(() => desk?.close());

  interface Seen {
    readonly status: number;
    readonly shown: string;
  }

  /** Types each text once the one before it is shown. */
  function sit(args: string, steps: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Seen> {
    const command = `'${process.execPath}' '${bin}' ${args}`;
    const home = { ...ground, XDG_CONFIG_HOME: desk.folder.path, SEATKEEPER_USER: "anna", TERM: "xterm" };
    return new Promise((resolve) => {
      execFile("python3", [helper, command, ...steps], { env: { ...home, ...env } }, (error, shown) => {
        resolve({ status: (error?.code as number | undefined) ?? 0, shown: shown.replaceAll("\r", "") });
      });
    });
  }

  test("login asks for what it needs, and does not show the key", async () => {
    const answers = ["address:", `${desk.url}\r`, "id:", `${isv}\r`, "not shown:", `${keys.admin}\r`];
    const { status, shown } = await sit("login", answers);
    expect([status, shown]).toEqual([0, expect.stringContaining("Logged in to Acme")]);
    expect(shown).not.toContain(keys.admin);
    expect(readFileSync(join(desk.folder.path, "seatkeeper/profiles.json"), "utf8")).toContain(keys.admin);
  });

  test.each([
    ["Ctrl+C", "\x03"],
    ["Ctrl+D", "\x04"],
  ])("%s in the place of an answer keeps nothing", async (_, typed) => {
    const { status, shown } = await sit(`login --url ${desk.url} --isv ${isv}`, ["not shown:", typed]);
    expect([status, shown]).toEqual([1, expect.stringContaining("Nothing was done.")]);
  });

  test("end shows whom it means, and asks", async () => {
    await desk.open("anna");
    const end = (answer: string) => sit("end Users --all", ["(y/N)", answer], desk.with(keys.admin));
    expect(await end("\r")).toMatchObject({
      status: 1,
      shown: expect.stringMatching(/anna .*\n[\s\S]*End this session\?/),
    });
    expect(await desk.users()).toEqual(["anna"]);
    expect(await end("y\r")).toMatchObject({ status: 0, shown: expect.stringContaining("Ended: 1.") });
    expect(await desk.users()).toEqual([]);
  });

  test("Ctrl+C reaches the command of run once, and run waits for its end", async () => {
    const script =
      "trap 'n=$((n+1))' INT; echo ready; while [ -z \"$n\" ]; do sleep 0.05; done; sleep 0.3; echo n=$n; exit 5";
    const run = `run --license ${licenses.users} --user ben -- sh -c '${script.replaceAll("'", "'\\''")}'`;
    const { status, shown } = await sit(run, ["ready", "\x03"], desk.with(keys.backend));
    expect([status, shown]).toEqual([5, expect.stringContaining("n=1\n")]);
    expect(await desk.users()).toEqual([]);
  });

  test("tables have bold heads there, and not with NO_COLOR", async () => {
    expect((await sit("licenses", [], desk.with(keys.admin))).shown).toContain("\x1b[1mNAME");
    expect((await sit("licenses", [], { ...desk.with(keys.admin), NO_COLOR: "1" })).shown).toMatch(/^NAME/);
  });
});
