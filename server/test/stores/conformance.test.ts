/** Every store, held to the contract; and what only a store on a file must keep. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { applicationId, openFile } from "../../src/stores/sqlite/file.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { catalogueConformance } from "./catalogue-conformance.ts";
import { storeConformance } from "./conformance.ts";
import { itemsConformance } from "./items-conformance.ts";
import { codesOf, stepAll } from "./steps.ts";
import { storesUnderTest, threadUnderTest } from "./under-test.ts";

storeConformance(threadUnderTest());
for (const store of storesUnderTest()) {
  storeConformance(store);
  catalogueConformance(store);
  itemsConformance(store);
}

const folder = temporaryFolder();
afterAll(() => folder.remove());
const directory = folder.path;
let files = 0;
const freshPath = () => join(directory, `${++files}.db`);

/** Reads the file named, as a server does that starts, and lets go of it 20 ms later. */
const looking = `
  import Database from "better-sqlite3";
  const db = new Database(process.argv[1]);
  db.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
  const { writeSync } = await import("node:fs");
  writeSync(1, "reading");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  db.close();`;

const migrations = new URL("../../migrations/sqlite/", import.meta.url);

/** A file that has no name any more, or never had one. */
const isTemporary = (path: string) => path.endsWith(" (deleted)");

const temporaryFiles = () =>
  readdirSync("/proc/self/fd")
    .map((fd) => linkOf(`/proc/self/fd/${fd}`))
    .filter(isTemporary);

/** The directory that is listed is closed by then. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

describe("the SQLite store's file", () => {
  test("is readable to its owner alone, and so is everything beside it", async () => {
    const path = freshPath();
    const store = openSqliteStore(path, new HeldClock());
    await store.saveCatalog(entitiesOf(licenseSetting()));
    const mine = readdirSync(directory).filter((name) => join(directory, name).startsWith(path));
    expect(mine.length).toBeGreaterThan(1);
    for (const name of mine) expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600);
    await store.close();
  });

  test("is refused to a second server, with a clear text, and goes on serving the first", async () => {
    const path = freshPath();
    const store = openSqliteStore(path, new HeldClock());
    expect(() => openSqliteStore(path, new HeldClock())).toThrow(/is in use by another process/);
    await store.saveSetting("still", "here");
    await store.close();
    const next = openSqliteStore(path, new HeldClock());
    expect(next.setting("still")).toBe("here");
    await next.close();
  });

  test("is had by one of several that start on it at once: one that only looks at it for a moment keeps nobody out", async () => {
    const path = freshPath();
    await openSqliteStore(path, new HeldClock()).close();
    const other = spawn(process.execPath, ["--input-type=module", "--eval", looking, path], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(other, "exit");
    await once(other.stdout, "data");
    await openSqliteStore(path, new HeldClock()).close();
    expect(await ended).toEqual([0, null]);
  });

  test("that is no database is refused with a clear text", () => {
    const path = freshPath();
    writeFileSync(path, "This is a letter to my mother, and certainly not a database of any kind.".repeat(20));
    expect(() => openSqliteStore(path, new HeldClock())).toThrow(/is not a SQLite database/);
  });

  test("of a newer schema is refused with a clear text", async () => {
    const path = freshPath();
    await openSqliteStore(path, new HeldClock()).close();
    const db = new Database(path);
    db.pragma("user_version = 9999");
    db.close();
    expect(() => openSqliteStore(path, new HeldClock())).toThrow(/written by a newer Seatkeeper/);
  });

  test("is written with synchronous=FULL after a write, where the driver would fall back to less", async () => {
    // The store's own connection is asked: every statement goes through the same class.
    const asked: unknown[] = [];
    const exec = Database.prototype.exec;
    Database.prototype.exec = function (this: Database.Database, sql: string) {
      const result = exec.call(this, sql);
      if (sql === "COMMIT") asked.push(this.pragma("synchronous", { simple: true }));
      return result;
    };
    try {
      const store = openSqliteStore(freshPath(), new HeldClock());
      await store.saveCatalog(entitiesOf(licenseSetting()));
      await store.saveSetting("one", "1");
      await store.saveSetting("two", "2");
      await store.close();
    } finally {
      Database.prototype.exec = exec;
    }
    expect(asked.slice(-3)).toEqual([2, 2, 2]);
  });

  test.runIf(process.platform === "linux")(
    "is the only file that a statement writes, however many pages it changes: one that held them as they were would stay",
    () => {
      const db = openFile(freshPath());
      const before = temporaryFiles();
      db.exec(`BEGIN; WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < 500)
        INSERT INTO settings (name, value) SELECT no, hex(zeroblob(1000)) FROM n;
        UPDATE settings SET value = value || 'x'; COMMIT`);
      expect(temporaryFiles()).toEqual(before);
      db.close();
    },
  );

  test.runIf(process.platform === "linux")(
    "is the only one too after an update, whose migrations had to hold as many: the server goes on for months",
    () => {
      const path = freshPath();
      const old = new Database(path);
      const names = readdirSync(migrations).toSorted().slice(0, 8);
      for (const name of names) old.exec(readFileSync(new URL(name, migrations), "utf8"));
      old.exec(`WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < 20000)
        INSERT INTO history (no, at, isv_no, kind, denial, client_id, in_use, max_tokens, is_overuse, license_id)
        SELECT no, no, 1, 'denied', 'x', hex(randomblob(30)), 1, 1, 0, 'none' FROM n`);
      old.pragma(`application_id = ${applicationId}`);
      old.pragma(`user_version = ${names.length}`);
      old.close();
      const before = temporaryFiles();
      const db = openFile(path);
      expect(db.prepare("SELECT count(*) FROM history").pluck().get()).toBe(20_000);
      expect(temporaryFiles()).toEqual(before);
      db.close();
    },
  );

  test("writes no byte more for an extend whose address is known, as long as it stays where it is", async () => {
    const setting = licenseSetting();
    const written = async (addresses: readonly (number | null)[]) => {
      const path = freshPath();
      const store = openSqliteStore(path, new HeldClock());
      await store.saveCatalog(entitiesOf(setting));
      for (const address of addresses) {
        const ids = { session: freshId(6, 1), assignment: freshId(7, 1), token: freshId(8, 1) };
        const { isvId, licenseId } = setting;
        const who = { clientId: "anna", sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
        await stepAll(store, [{ type: "open", isvId, licenseId, ...who, ids, address }]);
      }
      await store.close();
      const db = new Database(path, { readonly: true });
      const rows = db.prepare("SELECT * FROM extends").all();
      db.close();
      return rows;
    };
    expect(await written([5, 5])).toEqual(await written([null, null]));
    expect(await written([5, 6])).not.toEqual(await written([null, null]));
  });

  test("whose commit fails leaves memory and file as they were, and the next transaction stands alone", async () => {
    const clock = new HeldClock();
    const path = freshPath();
    const setting = licenseSetting({ tokens: 9, sessionsPerHolder: 9 });
    const place = { isvId: setting.isvId, licenseId: setting.licenseId };
    let store = openSqliteStore(path, clock);
    await store.saveCatalog(entitiesOf(setting));
    let n = 0;
    const open = (clientId: string): Command => {
      const ids = { session: freshId(6, ++n), assignment: freshId(7, n), token: freshId(8, n) };
      return {
        type: "open",
        ...place,
        clientId,
        sessionId: null,
        userId: null,
        projectId: null,
        checkoutPeriod: null,
        ids,
      };
    };
    const close = (clientId: string): Command => ({ type: "close", ...place, clientId, sessionId: null, userId: null });
    const act = async (...commands: Command[]) => codesOf(await stepAll(store, commands));
    const seen = async () =>
      [...((await store.read(setting.isvId, setting.licenseId))?.sessions() ?? [])]
        .map(({ clientId, validUntil }) => [clientId, validUntil])
        .sort();

    await act(open("anna"), open("ben"));
    const before = await seen();
    clock.advance(1_000);
    const exec = Database.prototype.exec;
    Database.prototype.exec = function (this: Database.Database, sql: string) {
      if (sql === "COMMIT") throw new Database.SqliteError("disk I/O error", "SQLITE_IOERR_FSYNC");
      return exec.call(this, sql);
    };
    try {
      // An extend, a close, a new client and a session that comes and goes: all kinds of changes are taken back.
      const failing = act(open("anna"), close("ben"), open("carl"), open("dora"), close("dora"));
      // Whether it is in the log nobody knows: this process goes on without it, one that is started after a crash may find it.
      await expect(failing).rejects.toMatchObject({ name: "StoreFault", isUnknown: true });
    } finally {
      Database.prototype.exec = exec;
    }
    expect(await seen()).toEqual(before);
    expect(await store.history(setting.isvId, setting.licenseId, 100)).toHaveLength(4);

    expect(await act(open("anna"), close("ben"), open("carl"))).toEqual([null, null, null]);
    const after = await seen();
    expect(after.map(([clientId]) => clientId)).toEqual(["anna", "carl"]);
    await store.close();
    store = openSqliteStore(path, clock);
    expect(await seen()).toEqual(after);
    await store.close();
  });

  test("that can no longer be written makes transactions reject with a StoreFault, and changes nothing", async () => {
    const store = openSqliteStore(freshPath(), new HeldClock());
    await store.saveCatalog(entitiesOf(licenseSetting()));
    await store.close();
    await expect(store.saveSetting("after", "close")).rejects.toMatchObject({ name: "StoreFault" });
    expect(store.setting("after")).toBeUndefined();
    await expect(store.saveCatalog(entitiesOf(licenseSetting({ tokens: 7 })))).rejects.toMatchObject({
      name: "StoreFault",
    });
    const setting = licenseSetting();
    expect((await store.read(setting.isvId, setting.licenseId))?.terms.floatingTokenLimit).toBe(2);
  });
});
