import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HistoryRecord } from "../../src/core/types.ts";
import { openFile } from "../../src/stores/sqlite/file.ts";
import { historyValues, Rows } from "../../src/stores/sqlite/rows.ts";

const isvId = "2af5fe02-6207-4214-946e-b00ac5309f53";
const linesAtATime = 3;

let folder: string;
let db: ReturnType<typeof openFile>;
let rows: Rows;
let isvNo: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seatkeeper-pages-"));
  db = openFile(join(folder, "pages.db"));
  rows = new Rows(db);
  isvNo = rows.saveEntity({ isvId, kind: "isv", id: isvId, body: null, applied: null });
});

afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

function denial(at: number): HistoryRecord {
  const who = { clientId: "anna", userId: null, sessionId: null, projectId: null };
  const counts = { inUse: 1, limit: 1, isOveruse: false, pool: "floating", tokens: 0, lengthMs: null } as const;
  return { at, kind: "denied", isvId, licenseId: "none", ...who, denial: "tokens_exhausted", ...counts };
}

const valuesOf = (line: HistoryRecord) => historyValues(line, { isvNo, licenseNo: undefined });

const pageOf = (where: string, limit: number, offset: number) =>
  rows.pageOfHistory(`isv_no = ? AND denial IS NOT NULL AND ${where}`, [isvNo], { limit, offset }, linesAtATime);

test("a page over several slices is what it is of the whole, wherever it begins and ends", async () => {
  const all = Array.from({ length: 10 }, (_, n) => denial(n));
  rows.saveHistory(all.map(valuesOf));
  // The oldest lines are forgotten first.
  db.exec("DELETE FROM history WHERE no <= 2");
  for (const [where, matches] of [
    ["at >= 0", [9, 8, 7, 6, 5, 4, 3, 2]],
    ["at % 4 = 1", [9, 5]],
    ["at > 99", []],
  ] as const) {
    for (let offset = 0; offset <= matches.length + 1; offset++) {
      for (let limit = 1; limit <= matches.length + 1; limit++) {
        const { items, total } = await pageOf(where, limit, offset);
        expect(items.map(({ at }) => at)).toEqual(matches.slice(offset, offset + limit));
        expect(total).toBe(matches.length);
      }
    }
  }
});

test("what is written while the page is looked for is not in it, and makes nothing appear twice", async () => {
  rows.saveHistory(Array.from({ length: 9 }, (_, n) => valuesOf(denial(n))));
  const page = pageOf("at >= 0", 9, 0);
  rows.saveHistory([valuesOf(denial(100))]);
  const { items, total } = await page;
  expect(items.map(({ at }) => at)).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(total).toBe(9);
});

test("no history is an empty page", async () => {
  expect(await pageOf("at >= 0", 10, 0)).toEqual({ items: [], total: 0 });
});

test("pages of a licence's lines end with the oldest line that is kept, and not with the first that there ever was", () => {
  rows.saveHistory([denial(1), denial(2)].map(valuesOf));
  db.exec("UPDATE history SET no = no + 500000000");
  const all = rows.historyBefore(null, "isv_no = ?", [isvNo], 10);
  expect(all.items.map(({ at }) => at)).toEqual([2, 1]);
  expect(all.next).toBeNull();
  const { items, next } = rows.historyBefore(null, "isv_no = ?", [isvNo], 1);
  expect(items.map(({ at }) => at)).toEqual([2]);
  expect(rows.historyBefore(next, "isv_no = ?", [isvNo], 1)).toMatchObject({ items: [{ at: 1 }], next: null });
});
