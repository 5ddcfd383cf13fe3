/** Checkouts from the command line: vouchers in files that travel, and those that applications on this machine find. */
import { spawnSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type KeySet } from "@seatkeeper/client";
import { voucherFolder } from "@seatkeeper/client/offline";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { bin, ground } from "../process.ts";
import { Desk, isv, keys, licenses } from "./commands.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await Desk.open();
});
beforeEach(() => desk.reset());
afterAll(() => desk?.close());

const keySet = async () => (await (await fetch(`${desk.url}/.well-known/jwks.json`)).json()) as KeySet;

test("a voucher in a file is the server's word, and checking it in frees the token", async () => {
  const file = join(desk.folder.path, "laptop.jwt");
  const args = ["checkout", "--license", "Users", "--user", "dora", "--client", "laptop", "--days", "3"];
  const told = await desk.json<{ valid_until: string }>(...args, "--out", file);
  expect(told).toMatchObject({ license: licenses.users, user: "dora", client: "laptop", file });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const days = (Date.parse(told.valid_until) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(2.9);
  expect(days).toBeLessThan(3.1);

  const [head = "", content = "", signature = ""] = readFileSync(file, "utf8").trim().split(".");
  const { kid } = JSON.parse(Buffer.from(head, "base64url").toString());
  const jwk = (await keySet()).keys.find((key) => key.kid === kid);
  const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
  expect(verify(null, Buffer.from(`${head}.${content}`), key, Buffer.from(signature, "base64url"))).toBe(true);

  expect(await desk.users()).toEqual(["dora"]);
  expect((await desk.run([...args, "--out", file])).status).toBe(73);
  expect(await desk.users()).toEqual(["dora"]);
  expect((await desk.run(["checkin", file])).output).toBe("The token is given back.\n");
  expect([await desk.users(), existsSync(file)]).toEqual([[], false]);
  expect((await desk.run(["checkin", file])).status).toBe(66);
});

test("a voucher that its server does not know stays in its file, until it is over", async () => {
  const file = join(desk.folder.path, "train.jwt");
  const user = ["--user", "gina", "--client", "train"];
  await desk.json("checkout", "--license", "Users", ...user, "--days", "3", "--out", file);
  const voucher = readFileSync(file, "utf8");
  const elsewhere = await Desk.open();
  onTestFinished(() => elsewhere.close());
  const wrong = await desk.run(["checkin", file], desk.with(keys.admin, elsewhere.url));
  expect(wrong).toMatchObject({
    status: 66,
    errors: expect.stringMatching(`${elsewhere.url} knows no such session.*is kept`),
  });
  expect([await desk.users(), readFileSync(file, "utf8")]).toEqual([["gina"], voucher]);

  const [head, content = "", signature] = voucher.split(".");
  const claims = JSON.parse(Buffer.from(content, "base64url").toString());
  const over = Buffer.from(JSON.stringify({ ...claims, exp: Math.floor(Date.now() / 1_000) })).toString("base64url");
  const old = desk.folder.write("old.jwt", `${head}.${over}.${signature}`);
  expect((await desk.run(["checkin", old], desk.with(keys.admin, elsewhere.url))).status).toBe(0);
  expect(existsSync(old)).toBe(false);

  expect((await desk.run(["checkin", file])).status).toBe(0);
  expect([await desk.users(), existsSync(file)]).toEqual([[], false]);
});

test("a disk that is full leaves no empty voucher, and no token taken", async () => {
  const file = join(desk.folder.path, "full.jwt");
  const args = ["checkout", "--license", "Users", "--user", "hugo", "--days", "1", "--out", file];
  // As a full disk does, this allows a file and nothing in it.
  const script = ["-c", 'ulimit -f 0; exec "$0" "$@"', process.execPath, bin, ...args];
  const { status } = spawnSync("bash", script, { env: { ...ground, ...desk.with(keys.admin) }, encoding: "utf8" });
  expect([status, existsSync(file), await desk.users()]).toEqual([73, false, []]);
});

test("where no file can be, the token is given back and nothing is kept from the next try", async () => {
  const below = join(desk.folder.path, "below");
  writeFileSync(below, "");
  const args = ["checkout", "--license", "Users", "--user", "ida", "--days", "1", "--out", join(below, "x.jwt")];
  const { status, errors } = await desk.run(args, desk.with(keys.admin));
  expect([status, errors]).toEqual([73, expect.stringContaining("cannot be written")]);
  expect(await desk.users()).toEqual([]);
});

test("where the answer is lost, the token is given back: nobody has its voucher", async () => {
  const file = join(desk.folder.path, "lost.jwt");
  const way = await desk.behindProxy(500, ({ url }) => url?.endsWith("/session/open") === true);
  onTestFinished(way.close);
  const args = ["checkout", "--license", "Users", "--user", "jana", "--days", "3", "--out", file];
  const { status } = await desk.run(args, desk.with(keys.admin, way.url));
  expect([status, existsSync(file), await desk.users()]).toEqual([69, false, []]);
});

test("without a file applications on this machine find it, with no network", async () => {
  const here = { ...desk.with(keys.backend), SEATKEEPER_STATE_DIR: desk.folder.path, SEATKEEPER_DEVICE: "laptop" };
  const holder = ["--license", licenses.users, "--user", "emil"];
  expect((await desk.run(["checkout", ...holder, "--days", "0.5"], here)).status).toBe(0);
  const application = connect({
    ...{ url: "http://127.0.0.1:2", isv, apiKey: keys.app, client: "laptop" },
    ...{ keySet: await keySet(), vouchers: voucherFolder({ folder: desk.folder.path }) },
  });
  const seat = { license: licenses.users, user: "emil" };
  expect((await application.voucher(seat)).validUntil.getTime()).toBeGreaterThan(Date.now() + 11 * 3_600_000);

  const back = await desk.run(["checkin", ...holder], here);
  expect([back.status, back.errors]).toEqual([0, ""]);
  expect(await desk.users()).toEqual([]);
  await expect(application.voucher(seat)).rejects.toMatchObject({ reason: "missing" });
  expect((await desk.run(["checkin", ...holder], here)).status).toBe(66);
});

test.each([
  ["for another user and device", ["--user", "O'Neil of A", "--client", "tablet"]],
  ["into a file with a blank in its name", ["--user", "mia", "--out", "my laptop.jwt"]],
])("what a checkout %s says is the command that gives it back", async (_, holder) => {
  const args = holder.map((word) => (word.endsWith(".jwt") ? join(desk.folder.path, word) : word));
  const env = { ...desk.with(keys.backend), SEATKEEPER_STATE_DIR: desk.folder.path };
  const taken = await desk.run(["checkout", "--license", licenses.users, ...args, "--days", "1"], env);
  const [, said = ""] = /to give it back: seatkeeper (.+)\n$/.exec(taken.output) ?? [];
  const words = spawnSync("sh", ["-c", `printf '%s\\n' ${said}`], { encoding: "utf8" })
    .stdout.trim()
    .split("\n");
  const back = await desk.run(words, env);
  expect([back.status, back.errors, back.output]).toEqual([0, "", "The token is given back.\n"]);
  expect(await desk.users()).toEqual([]);
});

test("what the edition or the command line does not allow is refused, and leaves nothing behind", async () => {
  const file = join(desk.folder.path, "long.jwt");
  const args = ["checkout", "--license", licenses.users, "--user", "finn", "--out", file];
  expect((await desk.run([...args, "--days", "400"])).status).toBe(77);
  expect((await desk.run([...args, "--days", "many"])).status).toBe(64);
  expect((await desk.run(args)).status).toBe(64);
  const nowhere = join(desk.folder.path, "no-such-folder", "x.jwt");
  expect((await desk.run([...args.slice(0, -1), nowhere, "--days", "1"])).status).toBe(73);
  expect([await desk.users(), existsSync(file)]).toEqual([[], false]);
});
