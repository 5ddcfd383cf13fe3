/** What operators do to a database, and what fails under it: the server says so, and is back by itself when the cause is gone. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Connections } from "../../src/stores/postgres/connections.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import { lockSchema, migrate, readMigrations } from "../../src/stores/postgres/schema.ts";
import { lineage } from "../../src/stores/postgres/statements.ts";
import { DatabaseInUse, DatabaseRefused, type Store } from "../../src/stores/store.ts";
import { call, licenseIds, tenant } from "../faults/vendor.ts";
import { entitiesOf, freshId, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { bin, ground, ProcessEnded, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { stepAll } from "../stores/steps.ts";
import { startProxy } from "./proxy.ts";
import { type PostgresServer, startPostgres } from "./server.ts";

let postgres: PostgresServer;
let url: string;
let folder: ReturnType<typeof temporaryFolder>;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.remove());
beforeEach(async () => {
  folder = temporaryFolder();
  url = await postgres.database();
});
afterEach(() => folder.remove());

const nameOf = (address: string) => new URL(address).pathname.slice(1);
const maintenance = () => url.replace(/[^/]+$/, "postgres");

/** Asks again and again until it is so: servers find out by themselves. */
async function until<T>(ask: () => Promise<T | false>, withinMs = 20_000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false) return answer;
    if (performance.now() > end) throw new Error("it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a running server", () => {
  let server: ServerProcess;

  beforeEach(async () => {
    const env = { SEATKEEPER_DATABASE_URL: url, SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant) };
    server = await startProcess(["serve"], env);
    expect((await openFor("anna")).status).toBe(200);
  });
  afterEach(() => server.stop("SIGKILL"));

  const openFor = (user: string) =>
    call(server.url, "open", {
      license_id: licenseIds[0] as string,
      client_id: `${user}@factor.com`,
      session_id: "3fa85f64-5717-4562-b3fc-000000000001",
    });
  const ready = async () => (await fetch(`${server.url}/readyz`)).status;
  const faults = () =>
    server
      .output()
      .split("\n")
      .filter((line) => line.includes('"level":50'));

  /** Unready and 503 while it lasts, in few words that name the cause; ready and open when it is over. */
  async function expectDrill(cause: RegExp, mend: () => Promise<unknown>): Promise<void> {
    await until(async () => (await ready()) === 503);
    const began = performance.now();
    const toldBefore = faults().length;
    while (performance.now() - began < 2_500) {
      const { status } = await openFor("ben");
      expect(status).toBe(503);
      expect(await ready()).toBe(503);
    }
    const told = faults().slice(toldBefore);
    expect(told.length).toBeLessThanOrEqual(Math.ceil((performance.now() - began) / 1_000) + 1);
    expect(faults().join("\n")).toMatch(cause);
    await mend();
    await until(async () => (await ready()) === 200);
    await until(async () => (await openFor("ben")).status === 200);
    const { status, body } = await openFor("anna");
    expect([status, body.id]).toEqual([200, undefined]);
  }

  const cutAll = () =>
    postgres.query(
      maintenance(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seatkeeper' AND datname = $1",
      [nameOf(url)],
    );

  test("whose database is set read-only says so, and is back when that is lifted", async () => {
    const alter = (what: string) => postgres.query(maintenance(), `ALTER DATABASE ${nameOf(url)} ${what}`);
    await alter("SET default_transaction_read_only = on");
    await cutAll();
    await expectDrill(/read-only/, () => alter("RESET default_transaction_read_only"));
  }, 60_000);

  test("whose PostgreSQL is stopped and started again says so, and is back", async () => {
    await postgres.stop();
    await expectDrill(/cannot be reached|ECONNREFUSED|Connection terminated/, () => postgres.start());
  }, 60_000);

  test("whose database is dropped says so, and goes on with the one that is put in its place", async () => {
    const backup = `${nameOf(url)}_backup`;
    const run = (sql: string) => postgres.query(maintenance(), sql);
    await run(`ALTER DATABASE ${nameOf(url)} ALLOW_CONNECTIONS false`);
    await cutAll();
    await until(() =>
      run(`CREATE DATABASE ${backup} TEMPLATE ${nameOf(url)}`).then(
        () => true,
        () => false,
      ),
    );
    await run(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`);
    await expectDrill(/does not exist|not currently accepting/, () =>
      run(`ALTER DATABASE ${backup} RENAME TO ${nameOf(url)}`),
    );
  }, 60_000);
});

describe("a server that starts", () => {
  async function refused(address: string): Promise<ProcessEnded> {
    const ended = await startProcess(["serve"], { SEATKEEPER_DATABASE_URL: address }).then(
      async (server) => {
        await server.stop("SIGKILL");
        return new Error("it serves");
      },
      (error: Error) => error,
    );
    if (!(ended instanceof ProcessEnded)) throw ended;
    return ended;
  }

  test("with a wrong password is refused with status 75 and PostgreSQL's own words, without the password", async () => {
    await postgres.query(url, "CREATE ROLE licensed LOGIN PASSWORD 'right'");
    const file = join(postgres.data, "pg_hba.conf");
    const trusting = readFileSync(file, "utf8");
    writeFileSync(file, `host all licensed 127.0.0.1/32 scram-sha-256\n${trusting}`);
    await postgres.query(url, "SELECT pg_reload_conf()");
    const address = (password: string) => url.replace("seatkeeper@", `licensed:${password}@`);
    const ended = await until(async () => {
      const { status, output } = await refused(address("hunter2"));
      return output.includes("password") ? { status, output } : false;
    });
    expect(ended.status).toBe(75);
    expect(ended.output).toMatch(/password authentication failed for user "licensed"/);
    expect(ended.output).not.toContain("hunter2");
    writeFileSync(file, trusting);
    await postgres.query(url, "SELECT pg_reload_conf()");
  }, 60_000);

  test("where nobody listens, or the database is read-only or not there, is refused with status 75 and a sentence", async () => {
    const nowhere = await refused("postgres://seatkeeper@127.0.0.1:1/licences");
    expect([nowhere.status, nowhere.output]).toEqual([
      75,
      expect.stringMatching(/PostgreSQL cannot be reached: .*ECONNREFUSED/),
    ]);
    const missing = await refused(url.replace(nameOf(url), "not_there"));
    expect([missing.status, missing.output]).toEqual([
      75,
      expect.stringMatching(/database "not_there" does not exist/),
    ]);
    await (await openPostgresStore(url)).close();
    await postgres.query(url, `ALTER DATABASE ${nameOf(url)} SET default_transaction_read_only = on`);
    const readOnly = await refused(url);
    expect([readOnly.status, readOnly.output]).toEqual([75, expect.stringMatching(/read-only transaction/)]);
  }, 60_000);
});

describe("migrations", () => {
  const known = readMigrations();
  const further = (name: string, sql: string, version: number, runsBeside = version) => ({
    version,
    name,
    sql,
    runsBeside,
  });
  const connections: Connections[] = [];
  const connect = (address = url) => {
    const each = new Connections(address, 2);
    connections.push(each);
    return each;
  };
  afterEach(async () => {
    for (const each of connections.splice(0)) await each.close();
  });
  const schema = () => postgres.query(url, "SELECT version, runs_beside FROM seatkeeper.schema ORDER BY version");

  test("of two servers that start at once are run by one of them", async () => {
    const ran = await Promise.all([migrate(connect()), migrate(connect()), migrate(connect())]);
    expect(ran.flat()).toEqual(known.map(({ name }) => name));
    expect(await schema()).toHaveLength(known.length);
  });

  test("are not waited for in silence: whoever comes while they take long is told what goes on", async () => {
    const other = await connect().begin();
    await lockSchema(other);
    await expect(migrate(connect(), { lockMs: 100 })).rejects.toThrow(DatabaseInUse);
    await expect(migrate(connect(), { lockMs: 100 })).rejects.toThrow(
      /Somebody changes this database's schema, or fills it/,
    );
    await other.rollback();
    expect(await migrate(connect(), { lockMs: 100 })).toHaveLength(known.length);
  });

  test("that are cut off between two of them leave nothing behind, and the next server runs them all", async () => {
    const n = known.length;
    const all = [
      ...known,
      further("first", "CREATE TABLE seatkeeper.first (x int)", n + 1),
      further("slow", "CREATE TABLE seatkeeper.slow (x int); SELECT pg_sleep(1)", n + 2),
      further("last", "CREATE TABLE seatkeeper.last (x int)", n + 3),
    ];
    const proxy = await startProxy(url);
    const cut = migrate(connect(proxy.url), { migrations: all }).catch((error: Error) => error);
    await until(
      async () => (await postgres.query(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0,
    );
    proxy.cut();
    expect(await cut).toBeInstanceOf(Error);
    expect(await migrate(connect(), { migrations: all })).toEqual(all.map(({ name }) => name));
    expect((await schema()).map(({ version }) => version)).toEqual(all.map(({ version }) => version));
    await proxy.close();
  }, 30_000);

  test("are undone by a backup from before them, restored as docs/guide/operating.md says, and may be run again", async ({
    skip,
  }) => {
    if (!existsSync(join(postgres.binaries, "pg_restore"))) skip("this PostgreSQL has no pg_dump and pg_restore");
    const guide = readFileSync(new URL("../../../docs/guide/operating.md", import.meta.url), "utf8");
    const commands = guide.match(/^(pg_dump|psql|pg_restore) .*$/gm) ?? [];
    const env = { SEATKEEPER_DATABASE_URL: url, PATH: `${postgres.binaries}:${process.env.PATH}` };
    const run = (command: string) => execFileSync("sh", ["-c", command], { env, cwd: folder.path, stdio: "pipe" });
    const newer = known.slice(3).map(({ name }) => name);
    await migrate(connect(), { migrations: known.slice(0, 3) });
    expect(commands.map((command) => command.split(" ")[0])).toEqual(["pg_dump", "psql", "pg_restore"]);
    run(commands[0] as string);
    expect(await migrate(connect())).toEqual(newer);
    for (const command of commands.slice(1)) run(command);
    expect(await schema()).toHaveLength(3);
    expect(await migrate(connect())).toEqual(newer);
  });

  test("by a newer program are refused to an older one, unless they say that it may go on beside them", async () => {
    await migrate(connect());
    const n = known.length;
    await migrate(connect(), { migrations: [...known, further("gentle", "SELECT 1", n + 1, n)] });
    expect(await migrate(connect())).toEqual([]);
    await migrate(connect(), {
      migrations: [...known, further("gentle", "SELECT 1", n + 1, n), further("harsh", "SELECT 1", n + 2)],
    });
    await expect(migrate(connect())).rejects.toThrow(DatabaseRefused);
    await expect(openPostgresStore(url)).rejects.toThrow(/newer Seatkeeper \(schema \d+; this one knows \d+\)/);
  });
});

describe("a migration beside which servers of before must not go on", () => {
  const known = readMigrations();
  const version = known.length + 1;
  const migrations = (runsBeside: number) => [...known, { version, name: "harsh", sql: "SELECT 1", runsBeside }];
  const connect = () => new Connections(url, 2);
  const waits = () =>
    postgres.query(
      url,
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'",
    );

  test("is refused while one of them shows that it is alive, and changes nothing", async () => {
    const store = await openPostgresStore(url);
    const connections = connect();
    const alive: Promise<void>[] = [];
    const onWait = () => void alive.push(store.live());
    await expect(migrate(connections, { migrations: migrations(version), onWait })).rejects.toThrow(
      /A server of an older release is running on this database.*Stop all of them first: nothing was changed/,
    );
    expect(await Promise.all(alive)).toHaveLength(1);
    expect(await migrate(connections)).toEqual([]);
    expect(await migrate(connections, { migrations: migrations(version - 1) })).toEqual(["harsh"]);
    await connections.close();
    await store.close();
  });

  test.each([
    ["the last sign of life is old", "alive_at - 15000"],
    ["none was ever given", "NULL"],
  ])(
    "is refused too beside one that was just let in, though %s: it says that it is alive a moment later",
    async (_, aliveAt) => {
      await (await openPostgresStore(url)).close();
      await postgres.query(url, `UPDATE seatkeeper.alive SET alive_at = ${aliveAt}`);
      const [connections, starting] = [connect(), connect()];
      const first = await starting.begin();
      await lockSchema(first);
      const waiting = (count: number) => until(async () => (await waits()).length === count);
      const opened = openPostgresStore(url);
      await waiting(1);
      // Where it was quicker, its sign is seen from the beginning: a server gives another one soon.
      const onWait = () => void opened.then((store) => store.live());
      const migrated = migrate(connections, { migrations: migrations(version), onWait });
      await Promise.all([
        expect(migrated).rejects.toThrow(/A server of an older release is running on this database/),
        waiting(2).then(() => first.rollback()),
      ]);
      await (await opened).close();
      for (const each of [connections, starting]) await each.close();
    },
  );

  test.each(["SIGTERM", "SIGINT"] as const)("is not run by a server that %s stops while it watches", async (signal) => {
    const connections = connect();
    // 0010 is the last one that nothing of before runs beside.
    await migrate(connections, { migrations: known.slice(0, 9) });
    await connections.query(
      "UPDATE seatkeeper.alive SET alive_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    );
    const child = spawn(process.execPath, [bin, "serve"], {
      env: { ...ground, SEATKEEPER_PORT: "0", SEATKEEPER_DATABASE_URL: url },
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    await until(async () => output.includes("watching whether a server of before still runs"));
    const toldAt = performance.now();
    child.kill(signal);
    expect([await ended, output]).toEqual([0, expect.stringContaining("Told to stop before it served")]);
    // Of some fifteen seconds that it would have watched.
    expect(performance.now() - toldAt).toBeLessThan(5_000);
    const schema = await postgres.query(url, "SELECT max(version) AS version FROM seatkeeper.schema");
    expect(schema).toEqual([{ version: 9 }]);
    await connections.close();
  });

  test("is watched for in silence, and no longer than a moment, where the last sign of life is old", async () => {
    const connections = connect();
    await (await openPostgresStore(url)).close();
    await connections.query("UPDATE seatkeeper.alive SET alive_at = alive_at - 15000");
    const onWait = () => expect.unreachable();
    expect(await migrate(connections, { migrations: migrations(version), onWait })).toEqual(["harsh"]);
    await connections.close();
  });
});

describe("a database in whose place an older copy of it was put", () => {
  const setting = licenseSetting({ tokens: 100 });
  const stores: Store[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  const open = async () => {
    const store = await openPostgresStore(url);
    stores.push(store);
    return store;
  };
  let ids = 0;
  const take = (store: Store, clientId: string) => {
    const n = ++ids;
    const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
    const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
    return stepAll(store, [
      { type: "open", isvId: isvIdOf(1), licenseId: licenseIdOf(1), clientId, ...nothing, ids: fresh },
    ]);
  };

  test("is believed, and not what a server remembers of the one before, though both have come to the same version", async () => {
    const store = await open();
    await store.saveCatalog(entitiesOf(setting));
    await take(store, "anna");
    const run = (sql: string) => postgres.query(maintenance(), sql);
    const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seatkeeper'";
    await run(cut);
    await until(() =>
      run(`CREATE DATABASE ${nameOf(url)}_copy TEMPLATE ${nameOf(url)}`).then(
        () => true,
        () => false,
      ),
    );
    await until(() =>
      take(store, "ben").then(
        () => true,
        () => false,
      ),
    );
    await run(cut);
    await run(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`);
    await run(`ALTER DATABASE ${nameOf(url)}_copy RENAME TO ${nameOf(url)}`);
    await take(await open(), "carl");
    const clients = async () => {
      const view = await store.read(isvIdOf(1), licenseIdOf(1));
      return [...(view?.sessions() ?? [])].map(({ clientId }) => clientId).sort();
    };
    expect(await until(() => clients().catch((): false => false))).toEqual(["anna", "carl"]);
    const caller = { clientId: "carl", sessionId: null, userId: null };
    const [closed] = await stepAll(store, [{ type: "close", isvId: isvIdOf(1), licenseId: licenseIdOf(1), ...caller }]);
    expect(closed?.denial).toBeNull();
    expect(await clients()).toEqual(["anna"]);
  });

  /** Takes a copy of the database, lets something happen that the copy lacks, and puts the copy in the database's place. */
  async function putBack(store: Store, meanwhile: () => Promise<void>): Promise<void> {
    const run = (sql: string) => postgres.query(maintenance(), sql);
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${nameOf(url)}'`;
    const isDone = (work: Promise<unknown>) =>
      work.then(
        () => true,
        () => false,
      );
    await run(cut);
    await until(() => isDone(run(`CREATE DATABASE ${nameOf(url)}_copy TEMPLATE ${nameOf(url)}`)));
    await until(() => isDone(store.ping()));
    await meanwhile();
    await run(cut);
    await run(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`);
    await run(`ALTER DATABASE ${nameOf(url)}_copy RENAME TO ${nameOf(url)}`);
    await until(() => isDone(store.refresh()));
  }

  test("is what the catalogue is saved to, though nothing was decided on it yet: what it lacks is made anew, and whole", async () => {
    const store = await open();
    await store.saveCatalog(entitiesOf(setting));
    const lost = licenseSetting({ licenseId: licenseIdOf(2), tokens: 1 });
    await putBack(store, () => store.saveCatalog(entitiesOf(lost)));
    await store.saveCatalog(entitiesOf({ ...lost, tokens: 3 }));
    expect(store.catalog.vendor(isvIdOf(1))?.licenses.has(lost.licenseId)).toBe(true);
    const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
    const fresh = { session: freshId(6, 90), assignment: freshId(7, 90), token: freshId(8, 90) };
    const place = { isvId: isvIdOf(1), licenseId: lost.licenseId };
    const [outcome] = await stepAll(store, [{ type: "open", ...place, clientId: "anna", ...nothing, ids: fresh }]);
    expect(outcome?.denial).toBeNull();
  });

  test("is not what one is taken for whose connections tell the time of different zones, as after an ALTER ROLE", async () => {
    const seenFrom = async (zone: string) => {
      const [row] = await postgres.query(`${url}?options=-c%20timezone=${zone}`, `SELECT ${lineage} AS lineage`);
      return row?.lineage;
    };
    expect(await seenFrom("Asia/Tokyo")).toBe(await seenFrom("UTC"));
  });

  test("is shown as soon as a server gives its next sign of life, though nobody asks for a decision", async () => {
    const store = await open();
    await store.saveCatalog(entitiesOf(setting));
    const lost = licenseSetting({ licenseId: licenseIdOf(2), tokens: 1 });
    await putBack(store, () => store.saveCatalog(entitiesOf(lost)));
    await store.live();
    expect([...(store.catalog.vendor(isvIdOf(1))?.licenses.keys() ?? [])]).toEqual([setting.licenseId]);
  });
});

describe("a disk that is full", () => {
  const mountAt = () => join(postgres.data, "..", "small");
  let isMounted = false;

  beforeAll(() => {
    try {
      mkdirSync(mountAt());
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0700,uid=65534,gid=65534", "tmpfs", mountAt()], {
        stdio: "pipe",
      });
      isMounted = true;
    } catch (error) {
      // biome-ignore lint/suspicious/noConsole: a test that is left out must not go unnoticed.
      console.warn(
        `SKIPPED: no small disk can be mounted here, so a full one was not tried (${(error as Error).message})`,
      );
    }
  });
  afterAll(async () => {
    if (!isMounted) return;
    await postgres.stop();
    execFileSync("umount", [mountAt()]);
  });

  test("is told as such, loses nothing, and is forgotten when there is room again", async ({ skip }) => {
    if (!isMounted) skip();
    await postgres.query(url, `CREATE TABLESPACE small LOCATION '${mountAt()}'`);
    const store = await openPostgresStore(url);
    await store.saveCatalog(entitiesOf(licenseSetting({ tokens: 10_000 })));
    await postgres.query(url, "ALTER TABLE seatkeeper.changes SET TABLESPACE small");
    const filler = join(mountAt(), "filler");
    const take = (n: number) => {
      const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
      const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
      const clientId = `client${n}`;
      return stepAll(store, [
        { type: "open", isvId: isvIdOf(1), licenseId: licenseIdOf(1), clientId, ...nothing, ids: fresh },
      ]);
    };
    await take(0);
    try {
      writeFileSync(filler, Buffer.alloc(3 * 1024 * 1024));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
    let granted = 1;
    let fault: Error | undefined;
    while (fault === undefined && granted < 2_000) {
      fault = await take(granted).then(
        () => {
          granted++;
          return undefined;
        },
        (error: Error) => error,
      );
    }
    expect(fault).toMatchObject({
      name: "StoreFault",
      isUnknown: false,
      message: expect.stringContaining("No space left on device"),
    });
    await expect(store.ping()).rejects.toThrow(/No space left on device/);
    rmSync(filler);
    await take(granted);
    await store.ping();
    const view = await store.read(isvIdOf(1), licenseIdOf(1));
    expect(view?.openSessions).toBe(granted + 1);
    await store.close();
    await postgres.query(maintenance(), `DROP DATABASE ${nameOf(url)} WITH (FORCE)`);
    await postgres.query(maintenance(), "DROP TABLESPACE small");
  }, 60_000);
});
