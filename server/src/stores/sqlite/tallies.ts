/** The rows of analytics. */
import type Database from "better-sqlite3";
import type { Tally } from "../../analytics/tally.ts";
import type { Millis } from "../../core/types.ts";
import { type Renames, renamedTally, together } from "../forgetting.ts";
import type { Retained, TallyKey } from "../store.ts";

interface TallyRow {
  isv_id: string;
  series: string;
  start: number;
  part: string;
  body: string;
}

const isMinutes = "series >= 'usage/1/' AND series < 'usage/10'";

export class TallyRows {
  readonly #put;
  readonly #at;
  readonly #before;
  readonly #range;
  readonly #prune;
  readonly #ofHolders;
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
    this.#range = db.prepare(
      `SELECT * FROM tallies WHERE isv_id = ? AND series = ? AND start >= ? AND start < ?
       ORDER BY start, part LIMIT ?`,
    );
    this.#ofHolders = db.prepare(
      `SELECT * FROM tallies WHERE isv_id = ? AND
         ((series >= 'holders/' AND series < 'holders0') OR (series >= 'episodes/' AND series < 'episodes0'))`,
    );
    this.#delete = db.prepare("DELETE FROM tallies WHERE isv_id = ? AND series = ? AND start = ? AND part = ?");
    const tallies = (where: string) =>
      db.prepare(
        `DELETE FROM tallies WHERE (isv_id, series, start, part) IN
           (SELECT isv_id, series, start, part FROM tallies WHERE start < ? AND ${where} LIMIT ?)`,
      );
    this.#prune = {
      history: db.prepare("DELETE FROM history WHERE no IN (SELECT no FROM history WHERE at < ? LIMIT ?)"),
      minutes: tallies(isMinutes),
      tallies: tallies(`NOT (${isMinutes})`),
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

  range(isvId: string, series: string, from: Millis, to: Millis, limit: number): Tally[] {
    return (this.#range.all(isvId, series, from, to, limit) as TallyRow[]).map(tallyOf);
  }

  /** Puts other names of holders in the place of these. */
  rename(isvId: string, names: Renames): void {
    for (const row of this.#ofHolders.all(isvId) as TallyRow[]) {
      const tally = tallyOf(row);
      const fresh = renamedTally(tally, names);
      if (fresh === null) continue;
      this.#delete.run(isvId, tally.series, tally.start, tally.part);
      this.put(together(fresh, this.at(fresh)));
    }
  }

  /** Answers whether there may be more to forget. */
  prune(until: Retained, limit: number): boolean {
    const kinds = ["history", "minutes", "tallies"] as const;
    return kinds.map((kind) => this.#prune[kind].run(until[kind], limit).changes).includes(limit);
  }
}

function tallyOf({ isv_id, series, start, part, body }: TallyRow): Tally {
  return { isvId: isv_id, series, start, part, body: JSON.parse(body) };
}
