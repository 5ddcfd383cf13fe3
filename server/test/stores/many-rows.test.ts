import Database from "better-sqlite3";
import { describe, expect, test, vi } from "vitest";
import { Deletes, Inserts, type Values } from "../../src/stores/sqlite/many-rows.ts";

function tableOf(rows: readonly Values[], verb = "INSERT INTO t") {
  const db = new Database(":memory:");
  db.exec("CREATE TABLE t (no INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT) STRICT");
  new Inserts(db, verb, "no, a, b, c").run(rows);
  return db;
}

function rowsIn(db: Database.Database): Values[] {
  return db.prepare("SELECT no, a, b, c FROM t ORDER BY no").raw().all() as Values[];
}

describe("many rows by few statements", () => {
  test("what is inserted stands in the table, whatever is empty in which of the rows, and however many they are", () => {
    for (let count = 0; count <= 45; count++) {
      const rows = Array.from({ length: count }, (_, n): Values => {
        const no = n + 1;
        // In runs of all lengths, so that a column is empty in all rows of a statement, in some, and in none.
        return [no, no % 3 === 0 ? null : `a${no}`, n < count / 2 ? null : no, n % 17 === 0 ? `c${no}` : null];
      });
      const db = tableOf(rows);
      expect(rowsIn(db)).toEqual(rows);
      db.close();
    }
  });

  test("0 and an empty text are not nothing", () => {
    const db = tableOf([[1, "", 0, null]]);
    expect(rowsIn(db)).toEqual([[1, "", 0, null]]);
    db.close();
  });

  test("of several rows with one key the last one stays, as in single statements", () => {
    const rows = Array.from({ length: 21 }, (_, n): Values => [n % 2, `a${n}`, null, n === 20 ? "last" : null]);
    const db = tableOf(rows, "INSERT OR REPLACE INTO t");
    expect(rowsIn(db)).toEqual([
      [0, "a20", null, "last"],
      [1, "a19", null, null],
    ]);
    db.close();
  });

  test("a statement takes as many rows as are left, sixteen, four or one, and is made once", () => {
    const db = tableOf([]);
    const prepared = vi.spyOn(db, "prepare");
    const inserts = new Inserts(db, "INSERT INTO t", "no, a, b, c");
    for (const from of [0, 100])
      inserts.run(Array.from({ length: 2 * 16 + 2 * 4 + 3 }, (_, n) => [from + n, "a", 1, null]));
    expect(prepared.mock.calls.map(([text]) => text.split("(?,?,?,NULL)").length - 1)).toEqual([16, 4, 1]);
    db.close();
  });

  test("what is deleted by its number is gone, and nothing else", () => {
    const rows = Array.from({ length: 60 }, (_, n): Values => [n + 1, null, null, null]);
    for (const count of [0, 1, 3, 4, 5, 15, 16, 17, 39]) {
      const db = tableOf(rows);
      new Deletes(db, "t").run(Array.from({ length: count }, (_, n) => 60 - n));
      expect(rowsIn(db)).toEqual(rows.slice(0, 60 - count));
      db.close();
    }
  });
});
