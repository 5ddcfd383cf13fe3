/** Names in the lines of history, replaced a slice of lines at a time. */
import type Database from "better-sqlite3";
import { otherName, type Renames } from "../forgetting.ts";

/** Lines that one transaction looks at: some ten milliseconds. */
const linesPerSlice = 10_000;

interface NamesRow {
  no: number;
  license_no: number | null;
  client_id: string | null;
  user_id: string | null;
}

export class HistoryNames {
  readonly #isvNo: number;
  readonly #deviceLicenses: ReadonlySet<number>;
  readonly #names: Renames;
  readonly #last;
  readonly #slice;
  readonly #update;
  #doneTo: number;

  /** `deviceLicenses`: licences whose clients are machines, which keep their names. `doneTo`: the line looked at last. */
  constructor(
    db: Database.Database,
    isvNo: number,
    deviceLicenses: ReadonlySet<number>,
    names: Renames,
    doneTo: number,
  ) {
    this.#isvNo = isvNo;
    this.#deviceLicenses = deviceLicenses;
    this.#names = names;
    this.#doneTo = doneTo;
    this.#last = db.prepare("SELECT max(no) AS no FROM history");
    this.#slice = db.prepare(
      "SELECT no, license_no, client_id, user_id FROM history WHERE no > ? AND no <= ? AND isv_no = ?",
    );
    this.#update = db.prepare("UPDATE history SET client_id = ?, user_id = ? WHERE no = ?");
  }

  get doneTo(): number {
    return this.#doneTo;
  }

  /** Whether there are lines that have not been looked at. */
  get isBehind(): boolean {
    return this.#doneTo < ((this.#last.get() as { no: number | null }).no ?? 0);
  }

  renameSlice(): void {
    const end = this.#doneTo + linesPerSlice;
    for (const row of this.#slice.all(this.#doneTo, end, this.#isvNo) as NamesRow[]) {
      const isMachine = row.license_no !== null && this.#deviceLicenses.has(row.license_no);
      const clientId = isMachine ? row.client_id : otherName(row.client_id, this.#names);
      const userId = otherName(row.user_id, this.#names);
      if (clientId !== row.client_id || userId !== row.user_id) this.#update.run(clientId, userId, row.no);
    }
    this.#doneTo = Math.min(end, (this.#last.get() as { no: number | null }).no ?? 0);
  }
}
