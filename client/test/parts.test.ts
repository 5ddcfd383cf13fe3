/** The parts without a network: clock, ids, settings, signatures, values. */
import { generateKeyPairSync, sign } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SystemClock } from "../src/clock.ts";
import { newId } from "../src/ids.ts";
import { connect, ExecutionProgress, LicenseInfo, launcher, NotConfigured, ProjectInfo } from "../src/index.ts";
import { type Answer, closed, denied, granted, HeldClock, isv, json, license, Script } from "./world.ts";

function errorIn(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("the clock", () => {
  test("jumps forward with the wall clock when the machine slept, and never goes back", () => {
    let [monotonic, wall] = [1_000, 5_000_000];
    const clock = new SystemClock(
      () => monotonic,
      () => wall,
    );
    const start = clock.now();
    [monotonic, wall] = [monotonic + 10, wall + 10];
    expect(clock.now() - start).toBe(10);
    wall += 3_600_000; // the lid was shut for an hour
    expect(clock.now() - start).toBe(3_600_010);
    wall -= 7_200_000; // somebody sets the clock back
    expect(clock.now() - start).toBe(3_600_010);
    monotonic += 5;
    wall += 5;
    expect(clock.now() - start).toBe(3_600_015);
  });

  test("is not moved by a wall clock that is set right in small steps", () => {
    let wall = 0;
    const clock = new SystemClock(
      () => 7,
      () => wall,
    );
    for (let step = 0; step < 100; step++) {
      wall += 1_900;
      expect(clock.now()).toBe(7);
    }
  });

  test("a timer that is set for ever does not go off at once", () => {
    vi.useFakeTimers();
    let isOver = false;
    const callOff = new SystemClock().after(Number.POSITIVE_INFINITY, () => {
      isOver = true;
    });
    vi.advanceTimersByTime(86_400_000);
    expect(isOver).toBe(false);
    callOff();
    vi.useRealTimers();
  });

  test("a timer in the background keeps no program from ending", () => {
    const clock = new SystemClock();
    const timeouts = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timeouts();
    const callOff = [clock.after(60_000, () => {}, true), clock.after(60_000, () => {})];
    expect(timeouts()).toBe(before + 1);
    for (const off of callOff) off();
    expect(timeouts()).toBe(before);
  });
});

test("ids are UUIDs of version 4, and differ", () => {
  const ids = Array.from({ length: 1_000 }, newId);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(ids.length);
});

describe("settings", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
  });

  test("come from the environment when they are not passed", async () => {
    expect(() => connect()).toThrow(NotConfigured);
    expect(() => connect({ url: "http://seatkeeper.test", isv })).toThrow(
      "apiKey is missing: pass it, or set SEATKEEPER_API_KEY",
    );
    vi.stubEnv("SEATKEEPER_URL", "http://seatkeeper.test/");
    vi.stubEnv("SEATKEEPER_ISV", isv);
    vi.stubEnv("SEATKEEPER_API_KEY", "key");
    const script = new Script(new HeldClock(), granted(), closed);
    const { fetch, clock } = script;
    const session = await connect({ fetch, clock }).open({ license, user: "anna" });
    expect(session.client).toBe(hostname());
    await session.close();
    expect(script.calls).toEqual(["open", "close"]);
    expect(() => launcher()).toThrow("SEATKEEPER_LICENSE");
  });

  test.each([
    ["apiKey", { apiKey: "SECRET\nkey" }],
    ["apiKey", { apiKey: "SECRET\0key" }],
    ["apiKey", { apiKey: "SECRÉT" }],
    ["apiKey", { apiKey: "SECRET key" }],
    ["url", { url: "http://anna:SECRET@seatkeeper.test" }],
    ["url", { url: "http://seatkeeper.test/?SECRET" }],
    ["url", { url: "http://SECRET:99999" }],
    ["url", { url: "ftp://SECRET" }],
    ["url", { url: "SECRET:7070" }],
    ["url", { url: "https://" }],
  ])("%s that cannot be one is refused, and not shown: %j", (option, wrong) => {
    const error = errorIn(() => connect({ url: "http://seatkeeper.test", isv, apiKey: "key", ...wrong }));
    expect(error).toBeInstanceOf(NotConfigured);
    expect(error.message).toMatch(new RegExp(`^${option} is not `));
    expect(String(error.stack)).not.toContain("SECR");
  });

  test("white space around a key is no part of it", async () => {
    const script = new Script(new HeldClock(), () => json(200, []));
    await script.client({ apiKey: " key\r\n", url: "http://seatkeeper.test\n" }).tokens(license);
    expect(script.sent[0]?.headers.get("ProvisioningKey")).toBe("key");
    expect(() => script.client({ apiKey: "\n" })).toThrow("apiKey is missing");
  });

  test("nor around who somebody is, which a device's id is compared with to the letter", async () => {
    vi.stubEnv("SEATKEEPER_DEVICE", "pc-7\r\n");
    vi.stubEnv("SEATKEEPER_USER", " anna\n");
    const script = new Script(new HeldClock(), granted(), closed);
    const { client: _, ...options } = script.options();
    const session = await connect(options).open({ license, user: "anna" });
    await session.close();
    expect(session.client).toBe("pc-7");
    expect(launcher({ ...options, license }).user).toBe("anna");
    vi.stubEnv("SEATKEEPER_USER", " ");
    expect(launcher({ ...options, license }).user).toBe(userInfo().username);
  });

  test.each([["<html>\nSECRET"], [undefined], [""]])("a client token that is none is not shown: %j", async (given) => {
    const script = new Script(new HeldClock());
    const client = script.client({ clientToken: async () => given as string });
    const error: Error = await script.clock.until(client.tokens(license)).catch((caught) => caught);
    expect(error).toMatchObject({ name: "ServerUnreachable", message: expect.stringContaining("clientToken gave no") });
    expect(error.message).not.toContain("SECRET");
    expect(script.sent).toEqual([]);
  });

  test("a client token may end with a line break", async () => {
    const script = new Script(new HeldClock(), () => json(200, []));
    await script.client({ clientToken: async () => "token\n" }).tokens(license);
    expect(script.sent[0]?.headers.get("Authorization")).toBe("Bearer token");
  });

  test("an account without a name has to be told", () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue({
      hostname: () => "pc",
      userInfo: () => {
        throw new Error("no such user");
      },
    } as never);
    const options = { url: "http://seatkeeper.test", isv, apiKey: "key", license };
    expect(() => launcher(options)).toThrow("user is missing");
    expect(launcher({ ...options, user: "anna" }).user).toBe("anna");
    vi.restoreAllMocks();
  });

  test("in browsers there is no environment: the user is the client", async () => {
    vi.stubGlobal("process", undefined);
    expect(() => connect()).toThrow(NotConfigured);
    const script = new Script(new HeldClock(), granted(), closed);
    const { client: _, ...options } = script.options();
    const session = await connect(options).open({ license, user: "anna" });
    await session.close();
    expect(session.client).toBe("anna");
    expect(() => launcher({ ...options, license })).toThrow("SEATKEEPER_USER");
  });
});

describe("signatures", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = (key: typeof publicKey) => key.export({ type: "spki", format: "pem" }) as string;
  const signed = (bytes: Buffer, key = privateKey) => sign("sha256", bytes, key).toString("base64");
  let nonces: string[] = [];

  /** The server's answers, signed; `spoil` changes the headers of each. */
  function server(answers: readonly Answer[], spoil: (headers: Headers) => void = () => {}): Script {
    nonces = [];
    const script = new Script(new HeldClock(), ...answers);
    const { fetch: plain } = script;
    const fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
      const response = await plain(url, init);
      const body = Buffer.from(await response.arrayBuffer());
      const nonce = new Headers(init.headers).get("X-Nonce") ?? "";
      nonces.push(nonce);
      response.headers.set("x-slascone-signature", signed(body));
      response.headers.set("X-Nonce-Signature", signed(Buffer.from(nonce, "base64")));
      spoil(response.headers);
      return new Response(body, { status: response.status, headers: response.headers });
    };
    return Object.assign(script, { fetch });
  }

  const open = (script: Script, key = pem(publicKey)) =>
    script.clock.until(script.client({ publicKey: key }).open({ license, user: "anna" }));

  test("of body and nonce are verified, with a fresh nonce for every request", async () => {
    const session = await open(server([granted(), closed]));
    expect(await session.close()).toBe(true);
    expect(new Set(nonces).size).toBe(2);
    for (const nonce of nonces) expect(Buffer.from(nonce, "base64").toString()).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ["no signature", (headers: Headers) => headers.delete("x-slascone-signature"), "not signed"],
    ["no signature of the nonce", (headers: Headers) => headers.delete("x-nonce-signature"), "nonce is not signed"],
    [
      "what is no Base64",
      (headers: Headers) => headers.set("x-slascone-signature", "%%%"),
      "not with the server's key",
    ],
    [
      "another nonce's",
      (headers: Headers) => headers.set("x-nonce-signature", signed(Buffer.from("old"))),
      "nonce is signed, but not",
    ],
  ])("an answer with %s grants nothing, and is followed by a close", async (_, spoil, text) => {
    const script = server([granted(), closed], spoil);
    await expect(open(script)).rejects.toMatchObject({ name: "BadSignature", message: expect.stringContaining(text) });
    expect(script.calls).toEqual(["open", "close"]);
  });

  test("of another key are no signatures", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    await expect(open(server([granted(), closed]), pem(other))).rejects.toThrow("not with the server's key");
  });

  test("are not asked of other answers than 200 and 409, and none of those grants", async () => {
    const none = (headers: Headers) => headers.delete("x-slascone-signature");
    const script = server([() => new Response("{}", { status: 401 })], none);
    await expect(open(script)).rejects.toMatchObject({ name: "NotAuthorized" });
    const created = server([() => new Response("{}", { status: 201 }), closed], none);
    await expect(open(created)).rejects.toMatchObject({ name: "RequestRefused", status: 201 });
  });

  test("are asked of denials too", async () => {
    const script = server([denied(1007), closed], (headers) => headers.delete("x-slascone-signature"));
    await expect(open(script)).rejects.toMatchObject({ name: "BadSignature" });
    await expect(open(server([denied(1007)]))).rejects.toMatchObject({ name: "NoTokenLeft" });
  });

  test("an extend with a bad signature does not extend", async () => {
    let isSpoilt = false;
    const script = server([granted(10), ...Array<Answer>(12).fill(granted(10))], (headers) => {
      if (isSpoilt) headers.delete("x-slascone-signature");
    });
    const session = await open(script);
    isSpoilt = true;
    await script.clock.until(new Promise((resolve) => session.lost.addEventListener("abort", resolve)));
    expect(session.lost.reason).toMatchObject({ reason: "no_answer", cause: { name: "BadSignature" } });
    await script.clock.until(session.close());
  });

  test("a public key must be one", async () => {
    const script = new Script(new HeldClock(), granted());
    expect(() => script.client({ publicKey: "no key" })).toThrow("not a public key in PEM");
    const ed25519 = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }) as string;
    await expect(open(server([granted(), closed]), ed25519)).rejects.toThrow("not an RSA public key");
    vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
    expect(() => script.client({ publicKey: pem(publicKey) })).toThrow("https: or localhost");
    vi.unstubAllGlobals();
  });
});

describe("values", () => {
  test("counts", () => {
    const info = new LicenseInfo([{ kind: "mono", total: 2, used: 1, left: 1 }]);
    expect([info.monoLeft, info.teamLeft, info.pool("team").total]).toEqual([1, 0, 0]);
    expect(String(info)).toBe("mono: 1 of 2 left");
  });

  test("progress", () => {
    expect(new ExecutionProgress({})).toMatchObject({ state: "idle", isRunning: false, unitsDone: 0 });
    const answer = {
      state: "running",
      fraction: 0.4,
      units_done: 40,
      units_total: 100,
      message: "second pass",
    } as const;
    expect(String(new ExecutionProgress(answer))).toBe("running 40% (40 of 100): second pass");
    expect(String(new ExecutionProgress({ state: "running", stale: true }))).toBe("running, stale");
  });

  test("projects", () => {
    const user = {
      user_id: "anna",
      client_id: "pc",
      session_id: null,
      since: "2026-11-22T12:00:00Z",
      valid_until: "2026-11-22T12:02:00Z",
    };
    const project = new ProjectInfo({
      ...{
        id: isv,
        license_id: license,
        license_name: null,
        name: "P",
        state: "open",
        kind: "mono",
        saved: false,
        saved_at: null,
      },
      ...{ users: [user], executing: true, executions: [] },
    });
    expect(project).toMatchObject({ isOpen: true, isAttended: true, savedAt: null });
    expect(project.users[0]?.since).toEqual(new Date("2026-11-22T12:00:00Z"));
    expect(String(project)).toBe("P: open as mono, with anna, executing");
  });
});
