/** Data that moves between stores: everything arrives, and what arrives goes on alike. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { readExport, writeExport } from "../../src/stores/export-format.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { isvIdOf } from "../model/vendor.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { temporaryFolder } from "../process.ts";
import { linesOf, TransferWorld, tablesOf } from "./world.ts";

let server: PostgresServer;
const folder = temporaryFolder();
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.remove();
  folder.remove();
});

/** Through a file's worth of bytes, as the commands move it. */
async function move(from: Store, to: Store): Promise<void> {
  const chunks: Buffer[] = [];
  const dump = await from.dump();
  for await (const text of writeExport(dump, 0)) chunks.push(Buffer.from(text));
  dump.close();
  await to.load(await readExport(Readable.from(chunks)));
}

/** A file's tables without the numbers that its rows have. */
function rowsOf(path: string): Record<string, unknown[]> {
  const db = new Database(path, { readonly: true });
  const named = `(SELECT isv_id || kind || id FROM entities WHERE no = license_no) AS license`;
  const rows = {
    entities: db.prepare("SELECT isv_id, kind, id, body, applied FROM entities ORDER BY isv_id, kind, id").all(),
    sessions: db.prepare(`SELECT *, ${named}, 0 AS no, 0 AS license_no FROM sessions ORDER BY sessions.id`).all(),
    extends: db.prepare("SELECT * FROM extends").all(),
    assignments: db.prepare(`SELECT *, ${named}, 0 AS license_no FROM assignments ORDER BY assignments.id`).all(),
    projects: db.prepare(`SELECT *, ${named}, 0 AS license_no FROM projects ORDER BY projects.id, license`).all(),
    checkIns: db.prepare(`SELECT *, ${named}, 0 AS license_no FROM check_ins ORDER BY license`).all(),
    items: db.prepare(`SELECT *, ${named}, 0 AS license_no FROM items ORDER BY license, kind, key`).all(),
    gathered: db.prepare(`SELECT *, ${named}, 0 AS license_no, 0 AS isv_no FROM gathered ORDER BY gathered.no`).all(),
    tallies: db.prepare("SELECT * FROM tallies").all(),
    history: db.prepare(`SELECT *, ${named}, 0 AS license_no, 0 AS isv_no FROM history ORDER BY history.no`).all(),
    settings: db.prepare("SELECT * FROM settings WHERE name NOT IN ('opened', 'pinged_at') ORDER BY name").all(),
  };
  db.close();
  // Documents are equal whatever the order of their members.
  const read = (row: Record<string, unknown>) => {
    const documents = ["body", "applied", "executions", "voucher", "renewal", "moves"].filter(
      (name) => typeof row[name] === "string",
    );
    return { ...row, ...Object.fromEntries(documents.map((name) => [name, JSON.parse(row[name] as string)])) };
  };
  return Object.fromEntries(
    Object.entries(rows).map(([table, all]) => [table, (all as Record<string, unknown>[]).map(read)]),
  );
}

describe.each([1, 3, 4])("a store filled by random commands (seed %i)", (seed) => {
  test("moves from SQLite to PostgreSQL and back with equal tables, and all three go on alike", {
    timeout: 120_000,
  }, async () => {
    const world = new TransferWorld(seed);
    const [first, third] = [`${folder.path}/first-${seed}.db`, `${folder.path}/third-${seed}.db`];
    const url = await server.database();
    let sqlite = openSqliteStore(first, world.clock);
    await world.describe([sqlite]);
    await world.play(600, [sqlite]);
    await sqlite.saveSetting("signing-key:of-nobody", "-----BEGIN PRIVATE KEY-----\nöß\n");
    const tally = { isvId: isvIdOf(1), start: 900_000, part: "", body: { level: 1, denied: { tokens_held: 2 } } };
    await sqlite.saveTallies(
      [1, 2, 3, 4].map((n) => ({ ...tally, series: `usage/15/license/${n}/floating` })),
      await sqlite.counted(),
      { until: 1_800_000, lines: 3 },
    );
    await sqlite.live();
    const sent = await linesOf(sqlite);

    let postgres = await openPostgresStore(url, { clock: world.clock });
    await move(sqlite, postgres);
    await postgres.close();
    postgres = await openPostgresStore(url, { clock: world.clock });
    expect(tablesOf(await linesOf(postgres))).toEqual(tablesOf(sent));

    let back = openSqliteStore(third, world.clock);
    await move(postgres, back);
    await back.close();
    await sqlite.close();
    // Opening a file folds what is in its log into the rows.
    back = openSqliteStore(third, world.clock);
    sqlite = openSqliteStore(first, world.clock);
    await Promise.all([back.close(), sqlite.close()]);
    const wanted = rowsOf(first);
    expect(rowsOf(third)).toEqual(wanted);
    for (const table of ["sessions", "assignments", "projects", "items", "history", "gathered", "tallies"]) {
      expect(wanted[table]?.length, table).toBeGreaterThan(3);
    }

    const stores = [openSqliteStore(first, world.clock), postgres, openSqliteStore(third, world.clock)];
    const [wantedOutcomes, ...others] = await world.play(200, stores);
    expect(wantedOutcomes?.length).toBeGreaterThan(50);
    for (const outcomes of others) expect(outcomes).toEqual(wantedOutcomes);
    const [ofFirst, ...ofOthers] = await Promise.all(stores.map(linesOf));
    // Several sessions that one command ends are told in whichever order the store knows them.
    const sorted = (lines: typeof ofFirst = []) => ({
      ...tablesOf(lines),
      history: tablesOf(lines).history?.toSorted(),
    });
    for (const lines of ofOthers) expect(sorted(lines)).toEqual(sorted(ofFirst));
    for (const store of stores) await store.close();
  });

  test("moves from SQLite to memory, and the memory's dump is the same", async () => {
    const world = new TransferWorld(seed);
    const sqlite = openSqliteStore(`${folder.path}/memory-${seed}.db`, world.clock);
    await world.describe([sqlite]);
    await world.play(300, [sqlite]);
    const memory = openMemoryStore(world.clock);
    await move(sqlite, memory);
    expect(tablesOf(await linesOf(memory))).toEqual(tablesOf(await linesOf(sqlite)));
    await sqlite.close();
  });
});

let files = 0;
const targets = [
  ["memory", async () => openMemoryStore(new HeldClock())],
  ["SQLite", async () => openSqliteStore(`${folder.path}/refused-${++files}.db`, new HeldClock())],
  ["PostgreSQL", async () => openPostgresStore(await server.database(), { clock: new HeldClock() })],
] as const;

describe("what is no whole export is refused, and leaves the target empty:", () => {
  const alter: Record<string, readonly [(text: string) => string, RegExp]> = {
    "a file cut off in a line": [(text) => text.slice(0, -200), /truncated/],
    "a file cut off behind a line": [(text) => text.replace(/^.*"type":"end".*\n$/m, ""), /truncated/],
    "an altered file": [(text) => text.replace("anna@", "hans@"), /altered/],
    "a file with a line too little": [(text) => text.replace(/^.*"type":"history".*\n/m, ""), /altered/],
    "what an older server has exported beside newer ones": [
      (text) => text.replace("\n", '\n{"type":"setting","name":"counted_until","value":"9007199254740991"}\n'),
      /by an older program .* Export with the newer one/,
    ],
    "a file with something behind its end": [(text) => `${text}{"type":"end"}\n`, /altered/],
    "a line that is no JSON": [
      (text) => text.replace('{"type":"history"', '{"type":history'),
      /line \d+ cannot be read/,
    ],
    "a line of an unknown type": [(text) => text.replace('{"type":"history"', '{"type":"story"'), /no known type/],
    "a newer format": [
      (text) => text.replace('"version":1', '"version":2'),
      /format 2, and this program reads up to 1/,
    ],
    "a file of something else": [() => "name,tokens\nCAD,5\n", /no export of Seatkeeper/],
    "an empty file": [() => "", /truncated/],
  };
  let whole = "";
  beforeAll(async () => {
    const world = new TransferWorld(4);
    const source = openSqliteStore(`${folder.path}/whole.db`, world.clock);
    await world.describe([source]);
    await world.play(100, [source]);
    whole = "";
    const dump = await source.dump();
    for await (const text of writeExport(dump, 0)) whole += text;
    dump.close();
    await source.close();
  });

  const cases = Object.entries(alter).flatMap(([name, [change, text]]) =>
    targets.map(([kind, open]) => ({ name, kind, change, text, open })),
  );
  test.each(cases)("$name, on $kind", async ({ change, text, open }) => {
    const target = await open();
    const take = async (file: string) => target.load(await readExport(Readable.from([Buffer.from(file)])));
    expect(change(whole)).not.toBe(whole);
    await expect(take(change(whole))).rejects.toMatchObject({
      name: "DumpRefused",
      message: expect.stringMatching(text),
    });
    expect(await linesOf(target)).toEqual([]);
    await take(whole);
    expect((await linesOf(target)).length).toBeGreaterThan(100);
    await target.close();
  });
});

test.each(targets)(
  "history that comes uncounted is counted from its beginning, though %s had counted nothing up to now",
  async (_, open) => {
    const world = new TransferWorld(1);
    const source = openMemoryStore(world.clock);
    await world.describe([source]);
    await world.play(100, [source]);
    const target = await open();
    await target.saveTallies([], await target.counted(), { until: world.clock.now() + 1, lines: 0 });
    await move(source, target);
    expect(await linesOf(target)).not.toContainEqual(expect.objectContaining({ name: "counted_until" }));
    await Promise.all([source.close(), target.close()]);
  },
);

test("the page of the export's format has every member of every line", async () => {
  const page = readFileSync(new URL("../../../docs/reference/export-format.md", import.meta.url), "utf8");
  const world = new TransferWorld(1);
  const store = openMemoryStore(world.clock);
  await world.describe([store]);
  await world.play(300, [store]);
  const dump = await store.dump();
  const names = new Set<string>();
  for await (const text of writeExport(dump, 0)) {
    for (const line of text.trimEnd().split("\n")) addNames(JSON.parse(line), names);
  }
  expect(names.size).toBeGreaterThan(50);
  expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

const documents = new Set(["body", "applied", "before", "after"]);

/** The names of all members but those of the catalogue's documents, which have pages of their own. */
function addNames(value: unknown, names: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) names.add(name);
    if (!documents.has(name)) addNames(member, names);
  }
}

test("a move carries since when tokens are held, and when a server was last alive", async () => {
  const clock = new HeldClock();
  const source = openSqliteStore(`${folder.path}/held.db`, clock);
  await source.hold();
  clock.advance(30_000);
  await source.live();
  const url = await server.database();
  const target = await openPostgresStore(url, { clock });
  await move(source, target);
  await Promise.all([source.close(), target.close()]);
  const [row] = await server.query(url, "SELECT alive_at FROM seatkeeper.alive");
  expect(Number(row?.alive_at)).toBe(clock.now());
  const again = await openPostgresStore(url, { clock });
  expect(again.setting("held_from")).toBe(String(clock.now() - 30_000));
  await again.close();
});
