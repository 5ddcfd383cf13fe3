/** Floating licences and projects on a real server. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connect, Disconnected, held, LicenseDenied, NoTokenLeft, releaseAll, type SessionLost } from "../src/index.ts";
import { briskClock, keys, licenses, product, Vendor } from "./vendor.ts";
import { HeldClock, isv } from "./world.ts";

let vendor: Vendor;

beforeAll(async () => {
  vendor = await Vendor.start();
});

afterAll(() => vendor?.stop());

afterEach(async () => {
  await releaseAll();
});

/** Just behind 40 percent of 10 minutes less 5 seconds; and of a project's 2 minutes less 2 percent. */
const dueSeconds = 239;
const projectDueSeconds = 48;

const nameOf = (error: Error) => error.name;
const refusal = (promise: Promise<unknown>) => promise.then(() => "granted", nameOf);

/** A port that was free a moment ago. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return `http://127.0.0.1:${port}`;
}

describe("floating licences", () => {
  const seats = () => connect(vendor.options);
  const { users, devices } = licenses;

  test("two users for two tokens, and the third is refused", async () => {
    await using anna = await seats().open({ license: users, user: "anna" });
    await using ben = await seats().open({ license: users, user: "ben" });
    const error = await seats()
      .open({ license: users, user: "cem" })
      .catch((caught) => caught);
    expect(error).toBeInstanceOf(NoTokenLeft);
    expect(error).toMatchObject({ code: "tokens_exhausted", id: 1007, limit: 2, inUse: 2, left: 0 });
    expect(error.nextFreeAt.getTime()).toBeLessThanOrEqual(ben.validUntil.getTime());
    expect(new Set((await vendor.sessions(users)).map((line) => line.user_id))).toEqual(new Set(["anna", "ben"]));
    expect((await seats().tokens(users)).pool("floating").left).toBe(0);
    expect(held()).toEqual([anna, ben]);
  });

  test("the end of the block gives the token back", async () => {
    {
      await using _ = await seats().open({ license: users, user: "anna" });
      expect(await vendor.sessions(users)).toHaveLength(1);
    }
    expect(await vendor.sessions(users)).toEqual([]);
  });

  test("an id that a program left is resumed without a second token", async () => {
    const left = await seats().open({ license: users, user: "anna" });
    left.detach();
    await using _ = await seats().open({ license: users, user: "ben" });
    await using resumed = await seats().open({ license: users, user: "anna", sessionId: left.sessionId });
    resumed.require();
    expect(await vendor.sessions(users)).toHaveLength(2);
  });

  test("waiting is rewarded when somebody leaves", async () => {
    const anna = await seats().open({ license: users, user: "anna" });
    await using _ = await seats().open({ license: users, user: "ben" });
    const waiting = connect({ ...vendor.options, clock: briskClock() }).open({ license: users, user: "cem", wait: 10 });
    await anna.close();
    await using cem = await waiting;
    cem.require();
  });

  test("a session is extended in the background for as long as the program likes", async () => {
    const clock = new HeldClock();
    const session = await connect({ ...vendor.options, clock }).open({ license: users, user: "anna" });
    for (let round = 0; round < 8; round++) {
      const before = session.validUntil;
      await vendor.advance(dueSeconds);
      await clock.pass(dueSeconds);
      await expect.poll(() => session.validUntil > before).toBe(true);
      session.require();
    }
    expect(await vendor.sessions(users)).toHaveLength(1);
    await session.close();
  });

  test("a device is activated on the way, when the product is known", async () => {
    expect(await refusal(seats().open({ license: devices, client: "pc-1" }))).toBe("ClientNotActivated");
    const session = await seats().open({ license: devices, client: "pc-1", product });
    expect(session.client).toBe("pc-1");
    await session.close();
    await using again = await seats().open({ license: devices, client: "pc-1" });
    again.require();
  });

  test("an administrator ends a session, and the next one gets in at once", async () => {
    const clock = new HeldClock();
    const session = await connect({ ...vendor.options, clock }).open({ license: users, user: "anna" });
    await vendor.admin("POST", `/licenses/${users}/opensessions/close`);
    await clock.pass(dueSeconds);
    await expect.poll(() => (session.lost.reason as SessionLost)?.reason).toBe("ended_by_admin");
    expect(() => session.require()).toThrow("administrator");
    await using next = await seats().open({ license: users, user: "anna" });
    next.require();
  });

  test("of a program and its copy the first one to be late loses the session, and the token stays with the other", async () => {
    const clock = new HeldClock();
    const session = await connect({ ...vendor.options, clock }).open({ license: users, user: "anna" });
    await using copy = await seats().open({ license: users, user: "anna", sessionId: session.sessionId });
    await clock.pass(dueSeconds);
    await expect.poll(() => (session.lost.reason as SessionLost)?.reason).toBe("copied");
    await session.close();
    copy.require();
    expect(await vendor.sessions(users)).toHaveLength(1);
  });

  test("a checkout outlasts the session period, and has its bound", async () => {
    await using session = await seats().open({ license: users, user: "anna", checkoutMinutes: 2 * 24 * 60 });
    await vendor.advance(3_600);
    expect(await vendor.sessions(users)).toHaveLength(1);
    expect(session.trustedSeconds).toBeGreaterThan(100_000);
    const long = seats().open({ license: users, user: "ben", checkoutMinutes: 100 * 24 * 60 });
    expect(await refusal(long)).toBe("CheckoutRefused");
  });

  test("refusals and faults", async () => {
    const wrong = connect({ ...vendor.options, apiKey: "no-such-key-12" });
    expect(await refusal(wrong.open({ license: users, user: "anna" }))).toBe("NotAuthorized");
    expect(await refusal(seats().open({ license: product, user: "anna" }))).toBe("LicenseUnknown");
    expect(await refusal(seats().open({ license: "no-uuid", user: "anna" }))).toBe("RequestRefused");
    await using _ = await connect({ ...vendor.options, apiKey: keys.admin, admin: true }).open({
      license: users,
      user: "anna",
    });
    const nobody = connect({ ...vendor.options, url: await deadAddress(), clock: briskClock() });
    const dead = await nobody.open({ license: users, user: "anna" }).catch((error) => error);
    expect(dead).toMatchObject({ name: "ServerUnreachable", message: expect.stringContaining("ECONNREFUSED") });
  });

  test("activation, heartbeat, look-up and batch, for backends", async () => {
    const client = connect({ ...vendor.options, product, client: "pc-2" });
    const activated = await client.activate({ license: devices, name: "PC two" });
    expect(activated).toMatchObject({ license_key: devices, client_id: "pc-2", is_license_valid: true });
    const beat = { softwareVersion: "1.0", operatingSystem: "Linux" };
    const alive = await client.heartbeat({ ...beat, tokenKey: activated.token_key as string });
    expect(alive.token_key).toBe(activated.token_key);
    expect(await refusal(client.activate({ license: devices }))).toBe("LicenseDenied");

    expect((await client.licensesByKey("factor.com")).map(({ id }) => id)).toEqual([users]);
    expect(await refusal(client.licensesByKey("nobody.test"))).toBe("LicenseDenied");

    const [one, two, three, closed] = await client.batch([
      { op: "open", license: users, user: "anna", client: "anna" },
      { op: "open", license: users, user: "ben", client: "ben" },
      { op: "open", license: users, user: "cem", client: "cem" },
      { op: "close", license: users, user: "anna", client: "anna" },
    ]);
    expect([one, two, closed].map((result) => result?.granted)).toEqual([true, true, true]);
    expect(three).toMatchObject({ granted: false, error: { name: "NoTokenLeft" } });
    expect(await client.batch([{ op: "close", license: users, user: "ben", client: "ben" }])).toEqual([
      { granted: true, validUntil: null },
    ]);
  });

  test("signatures are verified, also of denials", async () => {
    const publicKey = await vendor.publicKey();
    const signed = connect({ ...vendor.options, apiKey: keys.signed, publicKey });
    await using session = await signed.open({ license: users, user: "anna" });
    session.require();
    expect(await refusal(signed.open({ license: product, user: "anna" }))).toBe("LicenseUnknown");
    const unsigned = connect({ ...vendor.options, publicKey });
    await expect(unsigned.open({ license: users, user: "ben" })).rejects.toThrow("not signed");
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" });
    const elsewhere = connect({ ...vendor.options, apiKey: keys.signed, publicKey: other as string });
    await expect(elsewhere.open({ license: users, user: "cem" })).rejects.toThrow("not with the server's key");
    expect(await vendor.sessions(users)).toHaveLength(1);
  });
});

describe("projects", () => {
  afterEach(async () => {
    await releaseAll();
    const launcher = vendor.launcher("operator");
    for (const project of await launcher.projects()) await launcher.deleteProject(project, { force: true });
  });

  async function opened(name: string, kind: "mono" | "team") {
    const launcher = vendor.launcher("anna");
    await launcher.createProject(name);
    await launcher.openProject(name, kind);
    return launcher;
  }

  test("a Team token is one for all users, and comes back with the last", async () => {
    const anna = await opened("P", "team");
    await opened("Q", "team");
    {
      await using one = await anna.connect("P");
      await using two = await vendor.launcher("ben").connect("P");
      expect((await anna.licenses()).teamLeft).toBe(0);
      expect((await anna.project("P")).users.map(({ user }) => user)).toEqual(["anna", "ben"]);
      expect(await vendor.launcher("cem").tryConnect("Q")).toBe(null);
      expect([one.name, one.kind, two.user, one.connected]).toEqual(["P", "team", "ben", true]);
    }
    expect((await anna.licenses()).teamLeft).toBe(1);
  });

  test("a Mono project has one user, and says who", async () => {
    const anna = await opened("P", "mono");
    await using _ = await anna.connect("P");
    const error = await vendor
      .launcher("ben")
      .connect("P")
      .catch((caught) => caught);
    expect(error).toBeInstanceOf(LicenseDenied);
    expect(error).toMatchObject({ name: "ProjectInUse", code: "project_in_use", kind: "mono", total: 2, left: 1 });
    expect(error.holders.map(({ user }: { user: string }) => user)).toEqual(["anna"]);
    expect(error.message).toContain("anna");
  });

  test("a refusal that is no licence matter is thrown by tryConnect too", async () => {
    const anna = vendor.launcher("anna");
    await anna.createProject("closed");
    expect(await refusal(anna.tryConnect("closed"))).toBe("ProjectNotOpen");
    expect(await refusal(anna.tryConnect("nowhere"))).toBe("ProjectUnknown");
    expect(await refusal(anna.project(isv))).toBe("ProjectUnknown");
    expect(await refusal(anna.createProject("closed"))).toBe("ProjectError");
  });

  test("executions go on without their user, and report without a token", async () => {
    const anna = await opened("P", "mono");
    const project = await anna.connect("P");
    const execution = await project.startExecution("trace", 10);
    expect((await project.executionStatus()).state).toBe("running");
    expect((await project.save()).saved).toBe(true);
    await project.disconnect();
    expect((await anna.licenses()).monoLeft).toBe(2);
    expect(() => project.require()).toThrow(Disconnected);
    await expect(project.startExecution()).rejects.toThrow(Disconnected);

    await execution.report({ unitsDone: 5, message: "half" });
    expect(String(await anna.executionProgress("P"))).toBe("running 50% (5 of 10): half");
    expect(await refusal(anna.closeProject("P"))).toBe("ProjectExecuting");
    expect(await refusal(anna.waitExecution("P", { timeoutSeconds: 0 }))).toBe("ExecutionTimeout");
    const worker = anna.execution(project.id, execution.id, execution.secret);
    await worker.fail("out of memory");
    expect((await anna.waitExecution("P")).state).toBe("failed");
    expect((await worker.fail("again")).message).toBe("out of memory");
    expect(await refusal(worker.finish())).toBe("ProjectError");
    expect(await refusal(anna.execution(project.id, execution.id, "wrong").finish())).toBe("NotAuthorized");
  });

  test("attended projects close by force alone, and their users learn why", async () => {
    const anna = await opened("P", "mono");
    const clock = new HeldClock();
    const project = await vendor.launcher("ben", { clock }).connect("P");
    expect(await refusal(anna.closeProject("P"))).toBe("ProjectAttended");
    expect(await refusal(vendor.launcher("app", { apiKey: keys.app }).closeProject("P", { force: true }))).toBe(
      "NotAuthorized",
    );
    await anna.closeProject("P", { save: true, force: true });
    await clock.pass(projectDueSeconds);
    await expect.poll(() => (project.lost.reason as SessionLost)?.reason).toBe("project_closed");
  });

  test("the kind of an open project is locked; reopening changes it", async () => {
    const anna = await opened("P", "mono");
    expect(await refusal(anna.changeKind("P", "team"))).toBe("KindLocked");
    const reopened = await anna.reopenProject("P", "team");
    expect(String(reopened)).toBe("P: open as team");
    await anna.saveProject(reopened);
    expect((await anna.closeProject(reopened.id)).isOpen).toBe(false);
    await anna.deleteProject("P");
    expect(await anna.projects()).toEqual([]);
  });
});
