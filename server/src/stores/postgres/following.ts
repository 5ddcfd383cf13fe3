/**
 * Brings what this server knows of licences up to what stands in the database, without their locks: for those who look,
 * for large licences that others decide on, and where a decision would have too much to catch up with.
 */
import { setImmediate } from "node:timers/promises";
import { type Place, StoreFault } from "../store.ts";
import type { Connections, Row } from "./connections.ts";
import { catchUp, type Known, type KnownLicenses } from "./licenses.ts";
import * as limits from "./limits.ts";
import { lineage } from "./statements.ts";
import type { Surroundings, TakingUp } from "./take-up.ts";

/** $1 a vendor, $2 a licence, $3 the version that is known. One row of the log a row, or one row without any of it. */
const versionAndLog = `
  SELECT l.version AS now_at, ${lineage} AS lineage, c.version, c.changes FROM seatkeeper.licenses AS l
  LEFT JOIN seatkeeper.changes AS c ON c.isv_id = l.isv_id AND c.license_id = l.license_id AND c.version > $3
  WHERE l.isv_id = $1 AND l.license_id = $2 ORDER BY c.version`;

interface Bounds {
  readonly pageRows: number;
  readonly keepingUpAfterMs: number;
  readonly versionsPerTurn: number;
}

/** What was read of a licence's log, and of which database. */
interface Log {
  readonly lineage: unknown;
  readonly rows: readonly Row[];
}

export class Following {
  readonly #connections: Connections;
  readonly #licenses: KnownLicenses;
  readonly #takingUp: TakingUp;
  readonly #surroundings: Surroundings;
  readonly #bounds: Bounds;

  constructor(
    connections: Connections,
    licenses: KnownLicenses,
    takingUp: TakingUp,
    surroundings: Surroundings,
    bounds: Bounds,
  ) {
    this.#connections = connections;
    this.#licenses = licenses;
    this.#takingUp = takingUp;
    this.#surroundings = surroundings;
    this.#bounds = bounds;
  }

  /**
   * A licence as it stood in the database when this began, or later. Nobody may wait before looking at it: a transaction
   * of this server could take it, and change it under the reader's eyes.
   */
  async current(place: Place): Promise<Known> {
    const release = this.#licenses.need([place]);
    try {
      for (let n = 0; n < limits.looksMax; n++) {
        const known = await this.follow(place);
        if (known !== undefined) return known;
      }
    } finally {
      release();
    }
    throw new StoreFault("other servers change it faster than it can be read");
  }

  /** Large licences that others decide on meanwhile: it would take long to read them whole, and little to follow them. */
  async keepUp(): Promise<void> {
    const from = performance.now();
    const { pageRows, keepingUpAfterMs } = this.#bounds;
    for (const place of this.#licenses.large(pageRows, from - limits.keptUpMs, from - keepingUpAfterMs)) {
      if (performance.now() - from >= limits.foldingMs) break;
      if (this.#surroundings.isInCatalogue(place)) await this.follow(place);
    }
  }

  /** What is known of a licence then; undefined: it could not be followed, and is to be read whole the next time. */
  async follow(place: Place): Promise<Known | undefined> {
    await this.#takingUp.take([place], "waits");
    const asked = this.#licenses.seen(place);
    if (asked === undefined) return undefined;
    const values = [place.isvId, place.licenseId, asked.version];
    const [row, ...more] = await this.#connections.query(versionAndLog, values);
    if (row === undefined) throw new StoreFault("a licence of the catalogue has no row");
    if (row.lineage !== this.#surroundings.lineage()) {
      await this.#surroundings.beginAnew(row.lineage);
      return undefined;
    }
    const log = { lineage: row.lineage, rows: row.changes === null ? [] : [row, ...more] };
    const known = await this.#catchUp(place, Number(row.now_at), log);
    if (known === undefined && this.#licenses.get(place) === asked) this.#licenses.forget(asked);
    return known;
  }

  /** Some versions in one turn of the event loop, however many there are. */
  async #catchUp(place: Place, version: number, { lineage, rows }: Log): Promise<Known | undefined> {
    const { versionsPerTurn } = this.#bounds;
    let done = 0;
    for (; rows.length - done > versionsPerTurn; done += versionsPerTurn) {
      const some = rows.slice(done, done + versionsPerTurn);
      await this.#catchUpTo(Number(some.at(-1)?.version), place, { lineage, rows: some });
      await setImmediate();
    }
    return this.#catchUpTo(version, place, { lineage, rows: rows.slice(done) });
  }

  /** Undefined: it is not known, or the log does not reach back to what is known of it, or is another database's. */
  async #catchUpTo(version: number, place: Place, { lineage, rows }: Log): Promise<Known | undefined> {
    await this.#licenses.free(place);
    if (lineage !== this.#surroundings.lineage()) return undefined;
    const known = this.#licenses.get(place);
    const isThere = known !== undefined && (known.version >= version || catchUp(known, version, rows));
    if (!isThere) return undefined;
    // Counted anew: it may have grown by a lot without being decided on here.
    this.#licenses.put([known]);
    return known;
  }
}
