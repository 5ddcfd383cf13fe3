/** Vouchers on a real server: kept on disk, good without the server, and on no other machine, time or file. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../server/test/process.ts";
import { type Client, connect, type KeySet, releaseAll, type Voucher, type VoucherRefused } from "../src/index.ts";
import { voucherFolder } from "../src/offline.ts";
import type { VoucherStore } from "../src/vouchers.ts";
import { briskClock, licenses, Vendor } from "./vendor.ts";
import { HeldClock } from "./world.ts";

let vendor: Vendor;
let keySet: KeySet;
let folder: ReturnType<typeof temporaryFolder>;
/** This machine's clock, beside the server's. */
let now: number;

beforeAll(async () => {
  vendor = await Vendor.start();
  keySet = await vendor.keySet();
});
afterAll(() => vendor?.stop());
beforeEach(async () => {
  folder = temporaryFolder();
  now = await vendor.now();
});
afterEach(async () => {
  await releaseAll();
  await endAll();
  folder.remove();
});

async function endAll(): Promise<void> {
  for (const { id } of await vendor.sessions(users)) {
    await vendor.admin("DELETE", `/licenses/${users}/opensessions/${id}`);
  }
}

const minute = 60_000;
const { users } = licenses;
const seat = { license: users, user: "Anna", client: "laptop" };

interface Machine {
  readonly path?: string;
  readonly machineId?: string;
  readonly deviceBound?: boolean;
}

const keeperOf = ({ path = folder.path, machineId = "machine-1", deviceBound = true }: Machine = {}) =>
  voucherFolder({ folder: path, machineId: () => machineId, deviceBound, now: () => now });

/** A program on a machine; without a network unless said otherwise. */
const offline = (machine?: Machine): Client =>
  connect({ ...vendor.options, url: "http://127.0.0.1:9", keySet, vouchers: keeperOf(machine) });
const online = (machine?: Machine, options: object = {}): Client =>
  connect({ ...vendor.options, keySet, vouchers: keeperOf(machine), ...options });

const checkout = async (client = online()) => {
  const session = await client.open({ ...seat, checkoutMinutes: 1_440 });
  session.detach();
  return session;
};
const reasonOf = (promise: Promise<Voucher>) =>
  promise.then(
    () => "good",
    (error: VoucherRefused) => error.reason ?? error,
  );
const reason = (machine?: Machine) => reasonOf(offline(machine).voucher(seat));
const files = () => readdirSync(join(folder.path, "vouchers"));
const file = (ending: string) => join(folder.path, "vouchers", files().find((name) => name.endsWith(ending)) as string);

describe("a checkout", () => {
  test("is good offline, in another program, and says what was granted", async () => {
    const session = await checkout();
    const voucher = await offline().voucher(seat);
    expect(voucher).toMatchObject({ license: users, user: "Anna", client: "laptop", sessionId: session.sessionId });
    expect(voucher.validUntil.getTime() - voucher.validFrom.getTime()).toBe(1_440 * minute);
    expect([voucher.has("Export"), voucher.has("Nothing")]).toEqual([true, false]);
    expect(voucher.limitations).toEqual([{ id: expect.any(String), name: "Cores", value: 4 }]);
  });

  test("is kept in files that their owner alone can read", async () => {
    await checkout();
    expect(
      files()
        .map((name) => name.replace(/^[0-9a-f]{32}/, "…"))
        .toSorted(),
    ).toEqual(["clock", "device.key", "….jwt"]);
    for (const name of files()) expect(statSync(join(folder.path, "vouchers", name)).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder.path, "vouchers")).mode & 0o777).toBe(0o700);
  });

  test("is kept by a key of the folder's own, also where somebody was killed while making it", async () => {
    const keyIn = async (name: string) => {
      const path = join(folder.path, name, "vouchers");
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, "device.key"), "");
      await voucherFolder({ folder: join(folder.path, name), machineId: () => "machine-1" }).saw(now);
      expect(readdirSync(path).toSorted()).toEqual(["clock", "device.key"]);
      return readFileSync(join(path, "device.key"), "utf8");
    };
    const keys = [await keyIn("one"), await keyIn("other")];
    expect(keys.every((key) => key.length >= 43)).toBe(true);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test("asks the system once which machine this is", async () => {
    let asked = 0;
    const machineId = () => `machine ${++asked}`;
    const vouchers = voucherFolder({ folder: join(folder.path, "other"), machineId });
    for (let n = 0; n < 5; n++) await vouchers.saw(now + n * 120_000);
    expect(asked).toBe(1);
  });

  test("that is closed is over, also for the machine that has it", async () => {
    const session = await online().open({ ...seat, checkoutMinutes: 1_440 });
    expect(await reason()).toBe("good");
    await session.close();
    expect(await reason()).toBe("missing");
  });

  test("is checked in early with the device's word: the token is free, and the voucher is gone", async () => {
    const session = await online().open({ ...seat, checkoutMinutes: 1_440 });
    expect(await session.close()).toBe(true);
    expect(await vendor.sessions(users)).toEqual([]);
    expect(await reason()).toBe("missing");
  });

  test("by another program is checked in by its id, where its voucher is kept", async () => {
    const { sessionId } = await checkout();
    const session = await online().open({ ...seat, sessionId });
    expect(await session.close()).toBe(true);
    expect(await vendor.sessions(users)).toEqual([]);
  });

  test("is given up by nobody who has no network", async () => {
    const { sessionId } = await checkout();
    const nowhere = connect({
      ...{ ...vendor.options, url: "http://127.0.0.1:2", clock: briskClock() },
      ...{ keySet, vouchers: keeperOf() },
    });
    await expect(nowhere.open({ ...seat, sessionId })).rejects.toMatchObject({ neverArrived: true });
    expect(await reason()).toBe("good");
  });

  test("is given up by nobody whose network loses every answer", async () => {
    const { sessionId } = await checkout();
    const lost: typeof globalThis.fetch = async () => {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("lost"), { code: "ECONNRESET" }) });
    };
    const reopened = online({}, { fetch: lost, clock: briskClock() }).open({ ...seat, sessionId });
    await expect(reopened).rejects.toMatchObject({ name: "ServerUnreachable", neverArrived: false });
    expect(await reason()).toBe("good");
  });

  test("from another machine is not, and stays until its end", async () => {
    const { sessionId } = await checkout();
    const there = temporaryFolder();
    const session = await online({ path: there.path, machineId: "machine-2" }).open({ ...seat, sessionId });
    expect(await session.close()).toBe(false);
    expect(await vendor.sessions(users)).toHaveLength(1);
    expect(await reason()).toBe("good");
    there.remove();
  });

  test("whose answer was lost is given up all the same: the device says that it has no voucher", async () => {
    const fetch: typeof globalThis.fetch = async (...request) => {
      const answer = await globalThis.fetch(...request);
      if (!String(request[0]).endsWith("/open")) return answer;
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("lost"), { code: "ECONNRESET" }) });
    };
    const client = online({}, { fetch, clock: briskClock(), timeoutSeconds: 1_000 });
    const opening = client.open({ ...seat, checkoutMinutes: 1_440 });
    await expect(opening).rejects.toMatchObject({ name: "ServerUnreachable" });
    // By the brisk clock a close on a busy machine may be given up on; the server hears of it all the same.
    await expect.poll(() => vendor.sessions(users)).toEqual([]);
  });

  test("ends a session also where the folder cannot be read", async () => {
    const path = join(folder.path, "file");
    writeFileSync(path, "");
    const client = online({ path: join(path, "folder") });
    const session = await client.open(seat);
    expect(await session.close()).toBe(true);
    await expect(client.open({ ...seat, checkoutMinutes: 60 })).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(await vendor.sessions(users)).toEqual([]);
  });

  test("does not say of a voucher that cannot be removed that it is given up", async () => {
    const { sessionId } = await checkout();
    const keeper = keeperOf();
    const removal = vi.spyOn(keeper as unknown as VoucherStore, "remove").mockRejectedValue(new Error("read-only"));
    const client = connect({ ...vendor.options, keySet, vouchers: keeper });
    expect(await (await client.open({ ...seat, sessionId })).close()).toBe(false);
    expect(removal).toHaveBeenCalledOnce();
    expect(await reason()).toBe("good");
    expect(await vendor.sessions(users)).toHaveLength(1);
  });

  test("beyond the edition's early check-ins keeps its voucher", async () => {
    const [edition] = await vendor.admin<readonly { readonly id: string }[]>("GET", "/templates?name=Users");
    const allow = (most: number | null) =>
      vendor.admin("PATCH", "/templates", { id: edition?.id, max_early_check_ins_per_month: most });
    await allow(0);
    const session = await online().open({ ...seat, checkoutMinutes: 1_440 });
    expect(await session.close()).toBe(false);
    expect(await reason()).toBe("good");
    await allow(null);
  });

  test("is this holder's alone", async () => {
    await checkout();
    expect(await reasonOf(offline().voucher({ ...seat, user: "ben" }))).toBe("missing");
    expect(await reasonOf(offline().voucher({ ...seat, client: "desktop" }))).toBe("missing");
  });

  test("without a keeper leaves nothing, and a keeper without keys is refused", async () => {
    const plain = connect({ ...vendor.options, keySet });
    await using _ = await plain.open({ ...seat, checkoutMinutes: 10 });
    await expect(plain.voucher(seat)).rejects.toThrow("vouchers is missing");
    expect(() => connect({ ...vendor.options, vouchers: keeperOf() })).toThrow("needs keySet");
  });

  test("that cannot be kept is not made", async () => {
    writeFileSync(join(folder.path, "taken"), "a file where the folder should be");
    const client = online({ path: join(folder.path, "taken") });
    await expect(checkout(client)).rejects.toThrow();
    expect(await vendor.sessions(users)).toEqual([]);
  });
});

describe("an ordinary session", () => {
  test("has a voucher where one is asked for, anew with every extend", async () => {
    const clock = new HeldClock();
    const session = await online({}, { clock }).open({ ...seat, voucher: true });
    const first = await offline().voucher(seat);
    await vendor.advance(239);
    now += 239_000;
    await clock.pass(239);
    await expect.poll(async () => (await offline().voucher(seat)).validUntil > first.validUntil).toBe(true);
    await session.close();
  });

  test("has none otherwise", async () => {
    await using _ = await online().open(seat);
    expect(await reason()).toBe("missing");
  });
});

describe("is refused", () => {
  beforeEach(() => checkout());

  test("on another machine, also with everything copied", async () => {
    const copy = temporaryFolder();
    cpSync(folder.path, copy.path, { recursive: true });
    expect(await reason({ path: copy.path })).toBe("good");
    expect(await reason({ path: copy.path, machineId: "machine-2" })).toBe("other_device");
    rmSync(join(copy.path, "vouchers", "device.key"));
    expect(await reason({ path: copy.path })).toBe("other_device");
    copy.remove();
  });

  test("after its end, and not before it", async () => {
    const { validUntil } = await offline().voucher(seat);
    now = validUntil.getTime() - 1;
    expect(await reason()).toBe("good");
    now += 1;
    expect(await reason()).toBe("over");
  });

  test("before its start, with five minutes of skew", async () => {
    const start = (await offline().voucher(seat)).validFrom.getTime();
    rmSync(file("clock"));
    await keeperOf().saw(start - 30 * minute);
    now = start - 5 * minute;
    expect(await reason()).toBe("good");
    now -= 1;
    expect(await reason()).toBe("not_yet");
  });

  test("when the clock was set back behind what was seen, by whatever saw it", async () => {
    now += 60 * minute;
    expect(await reason()).toBe("good");
    now -= 6 * minute;
    expect(await reason()).toBe("clock_set_back");
    now += 2 * minute;
    expect(await reason()).toBe("good");
  });

  test("when the server's signed answers say that it is later", async () => {
    await vendor.advance(30 * 60);
    expect(await reason()).toBe("good");
    await online().tokens(users);
    expect(await reason()).toBe("clock_set_back");
    now += 30 * minute;
    expect(await reason()).toBe("good");
  });

  test("once it is over, also for a clock that lags a little behind what was seen", async () => {
    await keeperOf().saw(now + 1_441 * minute);
    now += 1_439 * minute;
    expect(await reason()).toBe("over");
  });

  test.each<[string, () => void]>([
    ["is gone", () => rmSync(file("clock"))],
    [
      "was set back in its file",
      () => writeFileSync(file("clock"), readFileSync(file("clock"), "utf8").replace(/^\d/, "0")),
    ],
    ["is nonsense", () => writeFileSync(file("clock"), "x")],
  ])("when the record of time %s; a signed answer makes it again", async (_name, touch) => {
    touch();
    expect(await reason()).toBe("clock_unknown");
    await online().tokens(users);
    expect(await reason()).toBe("good");
  });

  test("when any character of it changes", async () => {
    const kept = readFileSync(file(".jwt"), "utf8");
    for (let at = 0; at < kept.length; at += 7) {
      const other = kept[at] === "A" ? "Q" : "A";
      writeFileSync(file(".jwt"), kept.slice(0, at) + other + kept.slice(at + 1));
      expect(await reason(), `character ${at}`).toBe("signature");
    }
    writeFileSync(file(".jwt"), kept);
    expect(await reason()).toBe("good");
  });

  test("when another vendor's keys were built in", async () => {
    const other = {
      keys: [{ kty: "OKP", crv: "Ed25519", kid: "x", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
    };
    const client = connect({ ...vendor.options, keySet: other, vouchers: keeperOf() });
    expect(await reasonOf(client.voucher(seat))).toBe("signature");
  });

  test("unless devices do not matter: one for none is good on all, one for a device is not", async () => {
    expect(await reason({ deviceBound: false })).toBe("other_device");
    await endAll();
    await checkout(online({ deviceBound: false }));
    expect(await reason({ deviceBound: false, machineId: "machine-2" })).toBe("good");
    expect(await reason()).toBe("other_device");
  });
});

test("an account without a home names its folder, and is told so", async () => {
  vi.stubEnv("XDG_STATE_HOME", undefined);
  vi.stubEnv("SEATKEEPER_STATE_DIR", undefined);
  const homedir = vi.spyOn(os, "homedir").mockImplementation(() => {
    throw new Error("uv_os_homedir returned ENOENT");
  });
  expect(() => voucherFolder()).toThrow("folder is missing, and the account has no home");
  const named = join(folder.path, "named");
  vi.stubEnv("SEATKEEPER_STATE_DIR", `${named}\n`);
  await voucherFolder().saw(Date.now());
  expect(readdirSync(join(named, "vouchers")).toSorted()).toEqual(["clock", "device.key"]);
  vi.unstubAllEnvs();
  homedir.mockRestore();
});

test("keys that rotate with overlap: the built-in set knows the next one", async () => {
  await vendor.admin("POST", "/administration/statement-keys/rotate");
  await checkout();
  expect(await reason()).toBe("good");
});

test("an older voucher in the place of the one that was asked for is noticed by its nonce", async () => {
  const vouchers = keeperOf().bind(vendor.options.isv, keySet);
  const ask = async (wish: object): Promise<string> => {
    const body = { license_id: users, client_id: "laptop", user_id: "Anna", checkout_period: 10, voucher: wish };
    const answer = await fetch(`${vendor.url}/api/v2/isv/${vendor.options.isv}/provisioning/session/open`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ProvisioningKey: vendor.options.apiKey },
      body: JSON.stringify(body),
    });
    return ((await answer.json()) as { readonly voucher: string }).voucher;
  };
  const [wish, next] = [await vouchers.wish(), await vouchers.wish()];
  const first = await ask(wish);
  await vouchers.keep(seat, wish, first);
  for (const wrong of [first, undefined, "x", await ask({ nonce: next.nonce })]) {
    await expect(vouchers.keep(seat, next, wrong)).rejects.toMatchObject({ name: "BadSignature" });
  }
  await vouchers.keep(seat, next, await ask(next));
});

test("the entry for Node works in the machine's own Node, as module and as CommonJS", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const PATH = (process.env.PATH ?? "")
    .split(":")
    .filter((part) => !part.includes("node_modules"))
    .join(":");
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, PATH } } as const;
  const [asModule, asCommonJs] = [
    ["--input-type=module", 'import { voucherFolder } from "@seatkeeper/client/offline"'],
    ["--input-type=commonjs", 'const { voucherFolder } = require("@seatkeeper/client/offline")'],
  ].map(([kind = "", load = ""]) => {
    const program = `${load}; voucherFolder({ folder: process.argv[1] }).deviceKey().then(console.log);`;
    return execFileSync("node", [kind, "-e", program, folder.path], options).trim();
  });
  expect(asModule).toMatch(/^[\w-]{43}$/);
  expect(asCommonJs).toBe(asModule);
});
