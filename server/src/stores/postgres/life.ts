/** When servers were alive, and the outages: times of more than a minute in which none was. */
import { outageNoticedMs } from "../../core/limits.ts";
import type { Millis } from "../../core/types.ts";
import type { Connections, Row } from "./connections.ts";
import type { Outage } from "./deciding.ts";
import { readHead } from "./statements.ts";

export class Life {
  readonly #connections: Connections;
  readonly #clock: (head: Row) => Millis;
  #outages: Outage[] = [];

  /** `clock` tells the time from a row of `readHead`. */
  constructor(connections: Connections, clock: (head: Row) => Millis) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** Outages that are known here, oldest first. */
  get outages(): readonly Outage[] {
    return this.#outages;
  }

  get lastOutage(): number {
    return this.#outages.at(-1)?.no ?? 0;
  }

  /** Whether the row tells of a silence that is an outage, or of one that is not known here. */
  isNews(head: Row, now: Millis): boolean {
    return isSilence(head, now) || Number(head.outage) > this.lastOutage;
  }

  /** Reads the outages of another database. */
  async reload(): Promise<void> {
    this.#outages = [];
    await this.sign();
  }

  /**
   * Puts on record that a server is alive; if none was for more than a minute, the outage too. Reads what others have found.
   * Answers with the database's lineage.
   */
  async sign(): Promise<unknown> {
    const transaction = await this.#connections.begin();
    try {
      await transaction.query("SELECT 1 FROM seatkeeper.alive FOR UPDATE");
      const [head] = await transaction.query(readHead);
      if (head === undefined) throw new Error("seatkeeper.alive has lost its row");
      const now = this.#clock(head);
      if (isSilence(head, now)) {
        const from = Number(head.alive_at);
        const values = [Number(head.outage) + 1, from, now - from];
        transaction.query("INSERT INTO seatkeeper.outages (no, from_at, length_ms) VALUES ($1, $2, $3)", values);
        transaction.query("UPDATE seatkeeper.alive SET outage = outage + 1");
      }
      transaction.query("UPDATE seatkeeper.alive SET alive_at = $1", [later(head, now)]);
      const rows = await transaction.query(lastOutages);
      await transaction.commit();
      const outages = rows.map(outageOf).reverse();
      // Two rounds may end in either order, and an outage that is forgotten would be credited twice.
      if ((outages.at(-1)?.no ?? 0) >= this.lastOutage) this.#outages = outages;
      return head.lineage;
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }
}

/** No session outlives a thousand outages. */
const lastOutages = "SELECT no, from_at, length_ms FROM seatkeeper.outages ORDER BY no DESC LIMIT 1000";

/** An instant on record that leads the clock by more than a minute is of a clock that somebody has set back. */
function later({ alive_at }: Row, now: Millis): Millis {
  const lead = Number(alive_at ?? now) - now;
  return lead > 0 && lead <= outageNoticedMs ? now + lead : now;
}

function isSilence({ alive_at }: Row, now: Millis): boolean {
  return alive_at !== null && now - Number(alive_at) > outageNoticedMs;
}

function outageOf({ no, from_at, length_ms }: Row): Outage {
  return { no: Number(no), from: Number(from_at), lengthMs: Number(length_ms) };
}
