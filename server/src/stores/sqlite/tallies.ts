/** The rows of analytics. */
import type Database from "better-sqlite3";
import type { Tally } from "../../analytics/tally.ts";
import type { Millis } from "../../core/types.ts";
import { type Renames, renamedTallies } from "../forgetting.ts";
import type { Retained, TallyKey } from "../store.ts";

interface TallyRow {
  isv_id: string;
  series: string;
  start: number;
  part: string;
  body: string;
}

/** A tally of a series that is known, its body as JSON: the cheapest way from one thread to another. */
export type TallyText = readonly [start: Millis, part: string, body: string];

/** As the partial indexes have it (`migrations/sqlite`). */
const kinds = {
  people: "series >= 'people/'",
  minutes: "series < '10'",
  sums: "series >= '10' AND series < 'people/'",
} as const;

export class TallyRows {
  readonly #put;
  readonly #at;
  readonly #before;
  readonly #range;
  readonly #prune;
  readonly #all;
  readonly #ofPeople;
  readonly #delete;

  constructor(db: Database.Database) {
    this.#put = db.prepare(
      `INSERT INTO tallies (isv_id, series, start, part, body) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (isv_id, series, start, part) DO UPDATE SET body = excluded.body`,
    );
    this.#at = db.prepare("SELECT * FROM tallies WHERE isv_id = ? AND series = ? AND start = ? AND part = ?");
    this.#before = db.prepare(
      "SELECT * FROM tallies WHERE isv_id = ? AND series = ? AND start < ? ORDER BY start DESC LIMIT 1",
    );
    // Charts read tens of thousands of rows: as text, and without what they are asked by, they cost half.
    this.#range = db
      .prepare(
        `SELECT start, part, body FROM tallies WHERE isv_id = ? AND series = ? AND start >= ? AND start < ?
         ORDER BY start, part LIMIT ?`,
      )
      .raw();
    this.#all = db.prepare("SELECT * FROM tallies");
    this.#ofPeople = db.prepare(
      `SELECT * FROM tallies WHERE isv_id = @isvId AND series >= 'people/' AND coalesce(body ->> 'holder', part) IN
         (SELECT value FROM json_each(@names))`,
    );
    this.#delete = db.prepare("DELETE FROM tallies WHERE isv_id = ? AND series = ? AND start = ? AND part = ?");
    const tallies = (where: string) =>
      db.prepare(
        `DELETE FROM tallies WHERE (isv_id, series, start, part) IN
           (SELECT isv_id, series, start, part FROM tallies AS t WHERE start < @until AND ${where}
            AND (series NOT LIKE '%/usage/%' OR EXISTS (SELECT 1 FROM tallies AS later WHERE later.isv_id = t.isv_id
              AND later.series = t.series AND later.start > t.start AND later.start < @until)) LIMIT @limit)`,
      );
    this.#prune = {
      history: db.prepare("DELETE FROM history WHERE no IN (SELECT no FROM history WHERE at < @until LIMIT @limit)"),
      people: tallies(kinds.people),
      minutes: tallies(kinds.minutes),
      sums: tallies(kinds.sums),
    };
  }

  put({ isvId, series, start, part, body }: Tally): void {
    this.#put.run(isvId, series, start, part, JSON.stringify(body));
  }

  at({ isvId, series, start, part }: TallyKey): Tally | undefined {
    if (start === null) return this.before(isvId, series, Number.MAX_SAFE_INTEGER);
    const row = this.#at.get(isvId, series, start, part);
    return row === undefined ? undefined : tallyOf(row as TallyRow);
  }

  before(isvId: string, series: string, before: Millis): Tally | undefined {
    const row = this.#before.get(isvId, series, before);
    return row === undefined ? undefined : tallyOf(row as TallyRow);
  }

  range(isvId: string, series: string, from: Millis, to: Millis, limit: number): TallyText[] {
    return this.#range.all(isvId, series, from, to, limit) as TallyText[];
  }

  *all(): Iterable<Tally> {
    for (const row of this.#all.iterate() as Iterable<TallyRow>) yield tallyOf(row);
  }

  /** Puts other names of people in the place of these. */
  rename(isvId: string, names: Renames): void {
    const rows = this.#ofPeople.all({ isvId, names: JSON.stringify([...names].flat()) }) as TallyRow[];
    const { gone, fresh } = renamedTallies(rows.map(tallyOf), names);
    for (const { series, start, part } of gone) this.#delete.run(isvId, series, start, part);
    for (const tally of fresh) this.put(tally);
  }

  /** Answers whether there may be more to forget. */
  prune(until: Retained, limit: number): boolean {
    const counts = (["history", "people", "minutes", "sums"] as const).map(
      (kind) => this.#prune[kind].run({ until: until[kind], limit }).changes,
    );
    return counts.includes(limit);
  }
}

function tallyOf({ isv_id, series, start, part, body }: TallyRow): Tally {
  return { isvId: isv_id, series, start, part, body: JSON.parse(body) };
}
