/**
 * Which of several servers is the primary. A promotion begins a new timeline; so a primary of an older one than is known
 * here has been replaced, even if it does not know that yet, and is not used again.
 */
import { Client, type ClientBase, type QueryConfig } from "pg";
import { StoreFault } from "../store.ts";
import * as limits from "./limits.ts";

export interface Primary {
  readonly url: string;
  /** Eight hexadecimal digits, so that timelines compare as texts. */
  readonly timeline: string;
}

/**
 * Asks all servers at once; the first primary that answers is it.
 * @throws StoreFault with what each of them said.
 */
export async function findPrimary(urls: readonly string[], timeline: string): Promise<Primary> {
  try {
    return await Promise.any(urls.map((url) => ask(url, timeline)));
  } catch (error) {
    const reasons = (error as AggregateError).errors.map(({ message }: Error, n) =>
      urls.length === 1 ? message : `${new URL(urls[n] as string).host}: ${message}`,
    );
    throw new StoreFault(`PostgreSQL cannot be reached: ${reasons.join("; ")}`);
  }
}

async function ask(url: string, timeline: string): Promise<Primary> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: limits.connectMs,
    application_name: "seatkeeper",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return { url, timeline: await timelineOf(client, timeline) };
  } finally {
    // Not waited for: a server that hangs does not say goodbye.
    client.end().catch(() => {});
  }
}

/**
 * The timeline of the primary that this connection leads to.
 * @throws StoreFault where it leads to a standby, or to a primary of an older timeline than `known`.
 */
export async function timelineOf(client: ClientBase, known: string): Promise<string> {
  const { rows } = await client.query(whoIsIt);
  const timeline = rows[0]?.timeline as string | null | undefined;
  if (typeof timeline !== "string") throw new StoreFault("the server is a standby");
  if (timeline < known) throw new StoreFault(`the server is of timeline ${timeline}, and ${known} has begun`);
  return timeline;
}

/** Null: a standby, which writes no WAL of its own. */
const whoIsIt = {
  text: "SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline",
  query_timeout: limits.connectMs,
} as QueryConfig;
