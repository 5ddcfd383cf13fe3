/** Many rows by few statements. */
import type Database from "better-sqlite3";

/** Values of a row, in the order of its columns. */
export type Values = readonly (string | number | null)[];

/** Rows that one statement takes: the most of these that there are. A statement for sixteen costs a third less than as many. */
const rowsPerStatement = [16, 4, 1] as const;

/** Calls `put` with slices of the rows, each for one statement. */
function eachSlice<R>(rows: readonly R[], put: (slice: readonly R[]) => void): void {
  let n = 0;
  for (const count of rowsPerStatement) {
    for (; n + count <= rows.length; n += count) put(rows.slice(n, n + count));
  }
}

/**
 * An insert of any number of rows. What none of a statement's rows has stands in its text: to bind a NULL costs more than to bind a
 * number, and most rows have half of their columns empty. A statement for each set of such columns, then: a few dozen, and no more
 * than the columns that may be empty allow (some 1,500 for history, 24 KB each).
 */
export class Inserts {
  readonly #db: Database.Database;
  readonly #verb: string;
  readonly #columns: readonly string[];
  /** By the columns that are bound, as bits, and the number of rows. */
  readonly #statements = new Map<number, Database.Statement>();

  /** `verb`: what stands before the columns, as in `INSERT INTO sessions`. `columns`: with commas between them; at most 24. */
  constructor(db: Database.Database, verb: string, columns: string) {
    this.#db = db;
    this.#verb = verb;
    this.#columns = columns.split(",");
  }

  /** In their order. */
  run(rows: readonly Values[]): void {
    eachSlice(rows, (slice) => this.#insert(slice));
  }

  #insert(rows: readonly Values[]): void {
    const width = this.#columns.length;
    let bound = 0;
    for (const row of rows) for (let n = 0; n < width; n++) if (row[n] !== null) bound |= 1 << n;
    const values: (string | number | null)[] = [];
    for (const row of rows) for (let n = 0; n < width; n++) if (bound & (1 << n)) values.push(row[n] ?? null);
    // As arguments: out of an array, the driver takes each by a call of its own.
    this.#statementFor(bound, rows.length).run(...values);
  }

  #statementFor(bound: number, count: number): Database.Statement {
    const key = bound * 32 + count;
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    const row = this.#columns.map((_, n) => (bound & (1 << n) ? "?" : "NULL"));
    const made = this.#db.prepare(`${this.#verb} (${this.#columns}) VALUES ${listOf(`(${row})`, count)}`);
    this.#statements.set(key, made);
    return made;
  }
}

/** A delete of any number of rows by their numbers. */
export class Deletes {
  readonly #statements: ReadonlyMap<number, Database.Statement>;

  constructor(db: Database.Database, table: string) {
    this.#statements = new Map(
      rowsPerStatement.map((count) => [count, db.prepare(`DELETE FROM ${table} WHERE no IN (${listOf("?", count)})`)]),
    );
  }

  run(numbers: readonly number[]): void {
    eachSlice(numbers, (slice) => this.#statements.get(slice.length)?.run(...slice));
  }
}

function listOf(each: string, count: number): string {
  return Array(count).fill(each).join(", ");
}
