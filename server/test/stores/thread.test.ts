/** The SQLite store while its disk works: what is decided meanwhile, what is seen, and what happens when it fails late. */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { type AuditLine, theServer } from "../../src/catalog/audit.ts";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import type { Command } from "../../src/core/types.ts";
import { ready } from "../../src/stores/sqlite/access.ts";
import { Pace } from "../../src/stores/sqlite/pace.ts";
import { openSqliteStore, openSqliteStoreByPace, openSqliteStoreInThread } from "../../src/stores/sqlite/sqlite.ts";
import { Tables } from "../../src/stores/sqlite/tables.ts";
import { type Store, StoreFault } from "../../src/stores/store.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { codesOf } from "./steps.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
afterEach(() => vi.restoreAllMocks());
let files = 0;
const freshPath = () => `${folder.path}/${++files}.db`;

const setting = licenseSetting({ tokens: 2 });
const place = { isvId: setting.isvId, licenseId: setting.licenseId };
let ids = 0;

function open(clientId: string): Command {
  const n = ++ids;
  const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nobody = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", ...place, clientId, ...nobody, ids: fresh };
}

const decide = (store: Store, command: Command) =>
  store.transact([command], (licenses, now) => step(licenses, command, now));
const clients = async (store: Store) =>
  [...((await store.read(place.isvId, place.licenseId))?.sessions() ?? [])].map(({ clientId }) => clientId);

/** A store whose next commit waits to be told whether it fails. */
async function withHeldDisk() {
  const store = openSqliteStore(freshPath(), new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  const save = Tables.prototype.save;
  const disk = Promise.withResolvers<void>();
  const spy = vi.spyOn(Tables.prototype, "save").mockImplementationOnce(async function (this: Tables, batch) {
    await disk.promise;
    save.call(this, batch);
  } as typeof save);
  return { store, disk, saved: () => spy.mock.calls.length };
}

test("what is not on disk yet is not seen, and is seen once it is", async () => {
  const { store, disk } = await withHeldDisk();
  const deciding = decide(store, open("anna"));
  const looking = clients(store);
  disk.resolve();
  expect(await looking).toEqual(["anna"]);
  await deciding;
  await store.close();
});

test("what the disk refuses late has never been seen", async () => {
  const { store, disk } = await withHeldDisk();
  const deciding = decide(store, open("anna"));
  const looking = clients(store);
  disk.reject(new StoreFault("the disk is full"));
  await expect(deciding).rejects.toMatchObject({ name: "StoreFault", isUnknown: false });
  expect(await looking).toEqual([]);
  await store.close();
});

test("an act and its line in the audit log go to the thread together: a line that does not go in undoes the act", async () => {
  const path = freshPath();
  const store = await openSqliteStoreInThread(path, new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  await decide(store, open("anna"));
  const endAll: Command = { type: "end", ...place, id: null };
  const end = (kind: AuditLine["kind"]) =>
    store.transact([endAll], (licenses, now) => {
      step(licenses, endAll, now);
      const about = { act: "session.ended", kind, id: "all", before: null, after: null } as const;
      licenses.audit({ at: now, isvId: place.isvId, author: theServer, ...about });
    });
  const all = { isvId: place.isvId, kind: null, id: "all", from: null, to: null, offset: 0, limit: 10 };
  const live = async (from: Store) => (await from.read(place.isvId, place.licenseId))?.openSessions;
  await expect(end(null as never)).rejects.toMatchObject({ name: "StoreFault", isUnknown: false });
  expect([await live(store), (await store.audit(all)).total]).toEqual([1, 0]);
  await end("session");
  await store.close();
  const next = openSqliteStore(path, new HeldClock());
  expect([await live(next), (await next.audit(all)).total]).toEqual([0, 1]);
  await next.close();
});

test("whoever comes while the disk works is decided after it,, on what was kept", async () => {
  const { store, disk, saved } = await withHeldDisk();
  const first = decide(store, open("anna"));
  const others = ["ben", "carl"].map((name) => decide(store, open(name)));
  // A change of the catalogue waits its turn too.
  const renewed = store.saveCatalog(entitiesOf({ ...setting, tokens: 3 }));
  await Promise.resolve();
  expect(saved()).toBe(1);
  disk.resolve();
  expect(codesOf(await Promise.all([first, ...others]))).toEqual([null, null, "tokens_exhausted"]);
  await renewed;
  expect(codesOf([await decide(store, open("carl"))])).toEqual([null]);
  await store.close();
});

test("a file in a thread is refused to a second server, with a clear text, and goes on serving the first", async () => {
  const path = freshPath();
  const store = await openSqliteStoreInThread(path, new HeldClock());
  await expect(openSqliteStoreInThread(path, new HeldClock())).rejects.toThrow(/is in use by another process/);
  await store.saveCatalog(entitiesOf(setting));
  await decide(store, open("anna"));
  expect(await clients(store)).toEqual(["anna"]);
  await store.close();
  const next = await openSqliteStoreInThread(path, new HeldClock());
  expect(await clients(next)).toEqual(["anna"]);
  await next.close();
});

test("when the thread ends, whoever runs the store is told, nobody knows what came of what was under way, and nothing is taken any more", async () => {
  const posted = vi.spyOn(Worker.prototype, "postMessage");
  const store = await openSqliteStoreInThread(freshPath(), new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  const worker = posted.mock.contexts.at(-1) as Worker;
  const deciding = decide(store, open("anna"));
  await worker.terminate();
  await expect(deciding).rejects.toMatchObject({ name: "StoreFault", isUnknown: true });
  await expect(decide(store, open("ben"))).rejects.toMatchObject({ name: "StoreFault", isUnknown: false });
  expect(await store.lost).toBeInstanceOf(Error);
  await expect(store.ping()).rejects.toMatchObject({ name: "StoreFault" });
  await store.close();
});

test("a disk is slow by the median of its last commits, and not by a single one", () => {
  const pace = new Pace();
  const judged = [9, 0.2, 0.2, 0.2, 9, 9, 9].map((ms) => {
    pace.note(ms);
    return pace.isSlow;
  });
  expect(judged).toEqual([false, false, false, false, false, false, true]);
});

/** The clock that commits are timed by: each look at it finds so many milliseconds gone. */
function timed(ms: number): { each: number } {
  const gone = { each: ms };
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += gone.each;
    return now;
  });
  return gone;
}

test("a file stays where it is on a fast disk, and moves to a thread as soon as that proves slow, with all that is in it", async () => {
  const posted = vi.spyOn(Worker.prototype, "postMessage");
  const commits = timed(0.2);
  const path = freshPath();
  const store = await openSqliteStoreByPace(path, new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  await decide(store, open("anna"));
  await store.live();
  expect(posted).not.toHaveBeenCalled();

  commits.each = 20;
  for (let n = 0; n < 2; n++) await store.live();
  const moving = store.live();
  const meanwhile = [decide(store, open("ben")), clients(store)] as const;
  await moving;
  await Promise.all(meanwhile);
  expect(await clients(store)).toEqual(["anna", "ben"]);
  expect((await store.history(place.isvId, place.licenseId, 10)).length).toBe(4);
  expect(posted).toHaveBeenCalled();
  expect(() => openSqliteStore(path, new HeldClock())).toThrow(/is in use by another process/);
  await store.close();
  const next = openSqliteStore(path, new HeldClock());
  expect(await clients(next)).toEqual(["anna", "ben"]);
  await next.close();
});

test("on a disk that is slow from the start, the file is in a thread from the start", async () => {
  const posted = vi.spyOn(Worker.prototype, "postMessage");
  timed(20);
  const store = await openSqliteStoreByPace(freshPath(), new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  expect(posted).toHaveBeenCalled();
  await store.close();
});

/** A store whose disk has just proved slow, and whose file a thread cannot open; `atTheLatest` runs before anybody hears of that. */
async function withHiddenFile(atTheLatest: (back: () => void, store: Store) => void) {
  const path = freshPath();
  const commits = timed(0.2);
  const store = await openSqliteStoreByPace(path, new HeldClock());
  await store.saveCatalog(entitiesOf(setting));
  await decide(store, open("anna"));
  const post = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, "postMessage").mockImplementationOnce(function (this: Worker, ...told) {
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    post.apply(this, told);
  });
  const back = () => {
    rmSync(path, { recursive: true });
    renameSync(`${path}.away`, path);
  };
  const emit = Worker.prototype.emit;
  vi.spyOn(Worker.prototype, "emit").mockImplementation(function (this: Worker, ...args: unknown[]) {
    if (args[0] === "message" && args[1] !== ready) atTheLatest(back, store);
    return emit.apply(this, args as never);
  } as never);
  commits.each = 20;
  for (let n = 0; n < 2; n++) await store.live();
  return { store, path };
}

test("a file that no thread can open stays here, and everything goes on", async () => {
  const { store } = await withHiddenFile((back) => back());
  const meanwhile = store.live();
  const deciding = decide(store, open("ben"));
  await expect(meanwhile).rejects.toThrow(/cannot be opened/);
  expect(codesOf([await deciding])).toEqual([null]);
  await store.live();
  expect(await clients(store)).toEqual(["anna", "ben"]);
  await store.close();
});

test("a file that is gone is told to whoever runs the store, and nothing is said to be kept that cannot be", async () => {
  const asked: Promise<unknown>[] = [];
  const { store } = await withHiddenFile((_, moving) => {
    asked.push(moving.saveSetting("asked", "meanwhile").catch((error: Error) => error));
  });
  await expect(store.live()).rejects.toThrow(/cannot be opened/);
  expect(await asked[0]).toMatchObject({ name: "StoreFault", isUnknown: false });
  expect(await store.lost).toBeInstanceOf(Error);
});

test.each([
  ["deleted", (path: string) => rmSync(path)],
  ["moved", (path: string) => renameSync(path, `${path}.old`)],
  [
    "replaced",
    (path: string) => {
      copyFileSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
  ],
])("a file that is %s while it is open is lost by the next sign of life, here and in a thread", async (_how, take) => {
  for (const openStore of [openSqliteStore, openSqliteStoreInThread]) {
    const path = freshPath();
    const store = await openStore(path, new HeldClock());
    let lost: Error | null = null;
    void store.lost?.then((error) => (lost = error));
    await store.live();
    expect(lost).toBeNull();
    take(path);
    await store.live();
    expect(lost).toMatchObject({ message: `${path} is not the file any more that this process writes into.` });
    await store.close();
  }
});

test("a copy that began before the file moved and one that began after it are both whole", async () => {
  const store = openSqliteStore(freshPath(), new HeldClock()) as Awaited<ReturnType<typeof openSqliteStoreByPace>> & {
    moveToThread(): Promise<boolean>;
  };
  await store.saveCatalog(entitiesOf(setting));
  const before = await store.backup();
  expect(await store.moveToThread()).toBe(true);
  const after = store.backup();
  if (before !== null) for await (const _ of before.stream);
  const copy = await after;
  let bytes = 0;
  if (copy !== null) for await (const chunk of copy.stream) bytes += chunk.length;
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBe(copy?.bytes);
  await store.close();
});

test("a copy that is being made keeps the file where it is, and a store that closes waits for it", async () => {
  const store = openSqliteStore(freshPath(), new HeldClock()) as Awaited<ReturnType<typeof openSqliteStoreByPace>> & {
    moveToThread(): Promise<boolean>;
  };
  await store.saveCatalog(entitiesOf(setting));
  const copying = store.backup();
  expect(await store.moveToThread()).toBe(false);
  (await copying)?.stream.destroy();
  expect(await store.moveToThread()).toBe(true);
  const last = store.backup();
  await store.close();
  (await last)?.stream.destroy();
});

type Movable = Store & { moveToThread(): Promise<boolean> };

/** A store whose file is its own, and nobody's at the instant at which `meanwhile` is called: until it calls `goOn`. */
async function withOpenDoor(meanwhile: (path: string, goOn: () => void) => void) {
  const path = freshPath();
  const store = openSqliteStore(path, new HeldClock()) as Movable;
  await store.saveCatalog(entitiesOf(setting));
  await decide(store, open("anna"));
  const post = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, "postMessage").mockImplementationOnce(function (this: Worker, ...told) {
    meanwhile(path, () => post.apply(this, told));
  });
  return { path, store };
}

async function expectLost(store: Movable, text: string) {
  expect(String(await store.lost)).toContain(text);
  await expect(decide(store, open("ben"))).rejects.toMatchObject({ name: "StoreFault" });
  await store.close();
}

test("a file that another process changes while a thread takes it over is lost to this one: memory knows the old one", async () => {
  const { path, store } = await withOpenDoor((file, goOn) => {
    const other = openSqliteStore(file, new HeldClock());
    void other.saveSetting("mine", "the other's");
    void other.close().then(goOn);
  });
  const moving = store.moveToThread();
  const asked = store.saveSetting("mine", "the first one's");
  await expect(asked).rejects.toMatchObject({ name: "StoreFault", isUnknown: false });
  await expect(moving).rejects.toThrow("changed by another process");
  await expectLost(store, "changed by another process");
  const next = openSqliteStore(path, new HeldClock());
  expect(next.setting("mine")).toBe("the other's");
  await next.close();
});

test("so is one that another process changes while it keeps the thread from it, and has given up since", async () => {
  let other: Tables | undefined;
  const { path, store } = await withOpenDoor((file, goOn) => {
    other = new Tables(file);
    goOn();
  });
  const emit = Worker.prototype.emit;
  vi.spyOn(Worker.prototype, "emit").mockImplementation(function (this: Worker, ...args: unknown[]) {
    if (args[0] === "message" && args[1] !== ready) {
      other?.saveSetting("mine", "the other's");
      other?.close();
    }
    return emit.apply(this, args as never);
  } as never);
  await expect(store.moveToThread()).rejects.toThrow("in use by another process");
  await expectLost(store, "changed by another process");
  const next = openSqliteStore(path, new HeldClock());
  expect(next.setting("mine")).toBe("the other's");
  await next.close();
});

test("so is one whose log another process has left beside it that was killed", async () => {
  const { store } = await withOpenDoor((file, goOn) => {
    // A close would bring the log into the file.
    copyFileSync(file, `${file}.copy`);
    const other = new Tables(`${file}.copy`);
    copyFileSync(`${file}.copy-wal`, `${file}-wal`);
    other.close();
    goOn();
  });
  await expect(store.moveToThread()).rejects.toThrow("changed by another process");
  // At once: the thread may not have ended yet.
  await store.close();
  expect(String(await store.lost)).toContain("changed by another process");
});

test("a file that is gone when it is given up is lost, and no other one is made in its place", async () => {
  const { path, store } = await withOpenDoor(() => {});
  const close = Tables.prototype.close;
  vi.spyOn(Tables.prototype, "close").mockImplementationOnce(function (this: Tables) {
    close.call(this);
    renameSync(path, `${path}.away`);
  });
  const ended = vi.spyOn(Worker.prototype, "terminate");
  await expect(store.moveToThread()).rejects.toThrow("ENOENT");
  await expectLost(store, "ENOENT");
  expect(existsSync(path)).toBe(false);
  expect(ended).toHaveBeenCalled();
});

test("a thread that ends before the file is given up changes nothing", async () => {
  const { path, store } = await withOpenDoor((_, goOn) => goOn());
  const emit = Worker.prototype.emit;
  vi.spyOn(Worker.prototype, "emit").mockImplementation(function (this: Worker, ...args: unknown[]) {
    if (args[1] !== ready) return emit.apply(this, args as never);
    return emit.call(this, "error", new Error("out of memory"));
  } as never);
  const closed = vi.spyOn(Tables.prototype, "close");
  await expect(store.moveToThread()).rejects.toThrow("out of memory");
  expect(closed).not.toHaveBeenCalled();
  expect(codesOf([await decide(store, open("ben"))])).toEqual([null]);
  await store.close();
  const next = openSqliteStore(path, new HeldClock());
  expect(await clients(next)).toEqual(["anna", "ben"]);
  await next.close();
});

test("a thread brings the log into the file less often, since the disk is waited for each time", async () => {
  const logOf = async (openStore: (path: string) => Store | Promise<Store>) => {
    const path = freshPath();
    const store = await openStore(path);
    // Some forty pages a commit: more than are brought over at a time here, fewer than in a thread.
    for (let n = 0; n < 20; n++) await store.saveSetting("one", String(n).repeat(80_000));
    const { size } = statSync(`${path}-wal`);
    await store.close();
    return size;
  };
  const [here, inThread] = [
    await logOf((path) => openSqliteStore(path, new HeldClock())),
    await logOf((path) => openSqliteStoreInThread(path, new HeldClock())),
  ];
  expect(inThread).toBeGreaterThan(2 * here);
});
