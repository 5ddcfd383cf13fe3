/** What clients told under a user's names, forgotten a slice of rows at a time. */
import type Database from "better-sqlite3";
import { isToldBy, type Renames } from "../forgetting.ts";

/** Rows that one transaction looks at: some ten milliseconds. */
const rowsPerSlice = 10_000;

interface ToldRow {
  no: number;
  license_no: number;
  client_id: string;
  user_id: string | null;
}

export class GatheredNames {
  readonly #isvNo: number;
  readonly #deviceLicenses: ReadonlySet<number>;
  readonly #names: Renames;
  readonly #bounds;
  readonly #slice;
  readonly #delete;
  #doneTo: number;

  /** `deviceLicenses`: licences whose clients are machines, which are nobody's names. `doneTo`: the row looked at last; null: none was. */
  constructor(
    db: Database.Database,
    isvNo: number,
    deviceLicenses: ReadonlySet<number>,
    names: Renames,
    doneTo: number | null,
  ) {
    this.#isvNo = isvNo;
    this.#deviceLicenses = deviceLicenses;
    this.#names = names;
    this.#bounds = db.prepare("SELECT coalesce(min(no), 1) AS first, coalesce(max(no), 0) AS last FROM gathered");
    this.#slice = db.prepare(
      "SELECT no, license_no, client_id, user_id FROM gathered WHERE no > ? AND no <= ? AND isv_no = ?",
    );
    this.#delete = db.prepare("DELETE FROM gathered WHERE no = ?");
    this.#doneTo = doneTo ?? (this.#bounds.get() as { first: number }).first - 1;
  }

  get doneTo(): number {
    return this.#doneTo;
  }

  /** Whether there are rows that have not been looked at. */
  get isBehind(): boolean {
    return this.#doneTo < this.#last;
  }

  get #last(): number {
    return (this.#bounds.get() as { last: number }).last;
  }

  forgetSlice(): void {
    const end = Math.min(this.#doneTo + rowsPerSlice, this.#last);
    for (const { no, license_no, client_id, user_id } of this.#slice.all(this.#doneTo, end, this.#isvNo) as ToldRow[]) {
      const isDevices = this.#deviceLicenses.has(license_no);
      if (isToldBy({ clientId: client_id, userId: user_id }, isDevices, this.#names)) this.#delete.run(no);
    }
    // The number of a newest row that is gone is given again.
    this.#doneTo = Math.min(end, this.#last);
  }
}
