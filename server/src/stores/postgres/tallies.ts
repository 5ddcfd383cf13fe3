/** The rows of analytics. */
import type { Tally } from "../../analytics/tally.ts";
import type { Millis } from "../../core/types.ts";
import type { Counted, CountedNow, Retained, TallyKey } from "../store.ts";
import type { Connections, Row } from "./connections.ts";

/**
 * The clock, unless something over is not released yet, or a transaction is under way: it may have read the clock at any
 * time since it began. A server that hangs in one holds counting up for as long as PostgreSQL lets it.
 */
const settled = `
  SELECT least((extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    (SELECT min(look_at) FROM seatkeeper.licenses WHERE look_at IS NOT NULL),
    (SELECT floor(extract(epoch FROM min(xact_start)) * 1000)::bigint - 1 FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'seatkeeper' AND pid <> pg_backend_pid())) AS until,
    (SELECT min(look_at) FROM seatkeeper.licenses WHERE look_at IS NOT NULL) AS look_at`;

/** `held`: the time of a clock that a test holds, to which no transaction is ahead. */
export async function settledUntil(connections: Connections, held: Millis | null): Promise<Millis> {
  const [row] = await connections.query(settled);
  if (held === null) return Number(row?.until);
  return Math.min(held, row?.look_at == null ? held : Number(row.look_at));
}

/** Of the lines of `up_to` itself, so many are counted: what is told of another instant is of one that is past. */
const linesWithin = "CASE WHEN within = up_to THEN lines ELSE 0 END";

export const readCounted = `SELECT up_to, ${linesWithin} AS lines, forgettings FROM seatkeeper.counted`;

export async function counted(connections: Connections): Promise<CountedNow> {
  return countedFrom(await connections.query(readCounted));
}

/** From what `readCounted` finds. */
export function countedFrom([row]: readonly Row[]): CountedNow {
  return { until: Number(row?.up_to), lines: Number(row?.lines), forgettings: Number(row?.forgettings) };
}

/** $1 the instant, $2 how many of its own lines. */
export const putCounted = "UPDATE seatkeeper.counted SET up_to = $1, within = $1, lines = $2";

export const putTallies = `
  INSERT INTO seatkeeper.tallies (isv_id, series, start, part, body)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::jsonb[])
  ON CONFLICT (isv_id, series, start, part) DO UPDATE SET body = excluded.body`;

export async function saveTallies(
  connections: Connections,
  tallies: readonly Tally[],
  from: CountedNow,
  to: Counted,
): Promise<boolean> {
  const transaction = await connections.begin();
  try {
    const advance = `${putCounted} WHERE up_to = $3 AND ${linesWithin} = $4 AND forgettings = $5 RETURNING up_to`;
    const values = [to.until, to.lines, from.until, from.lines, from.forgettings];
    if ((await transaction.query(advance, values)).length === 0) {
      await transaction.rollback();
      return false;
    }
    if (tallies.length > 0) {
      transaction.query(putTallies, columnsWithBodies(tallies));
    }
    await transaction.commit();
    return true;
  } catch (error) {
    transaction.abandon();
    throw error;
  }
}

const at = `
  SELECT k.n, t.isv_id, t.series, t.start, t.part, t.body
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS k (isv_id, series, start, part, n)
  CROSS JOIN LATERAL (SELECT * FROM seatkeeper.tallies AS t
    WHERE t.isv_id = k.isv_id AND t.series = k.series AND t.start = k.start AND t.part = k.part) AS t
  WHERE k.start IS NOT NULL
  UNION ALL
  SELECT k.n, t.isv_id, t.series, t.start, t.part, t.body
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS k (isv_id, series, start, part, n)
  CROSS JOIN LATERAL (SELECT * FROM seatkeeper.tallies AS t
    WHERE t.isv_id = k.isv_id AND t.series = k.series ORDER BY t.start DESC LIMIT 1) AS t
  WHERE k.start IS NULL`;

export async function talliesAt(connections: Connections, keys: readonly TallyKey[]) {
  const found: (Tally | undefined)[] = keys.map(() => undefined);
  if (keys.length === 0) return found;
  for (const row of await connections.query(at, columnsOf(keys))) found[Number(row.n) - 1] = tallyOf(row);
  return found;
}

export async function tallyBefore(connections: Connections, isvId: string, series: string, before: Millis) {
  const [row] = await connections.query(
    `SELECT isv_id, series, start, part, body FROM seatkeeper.tallies
     WHERE isv_id = $1 AND series = $2 AND start < $3 ORDER BY start DESC LIMIT 1`,
    [isvId, series, before],
  );
  return row === undefined ? undefined : tallyOf(row);
}

interface Range {
  readonly isvId: string;
  readonly series: string;
  readonly from: Millis;
  readonly to: Millis;
  readonly limit: number;
}

export async function talliesOf(connections: Connections, { isvId, series, from, to, limit }: Range) {
  const rows = await connections.query(
    `SELECT isv_id, series, start, part, body FROM seatkeeper.tallies
     WHERE isv_id = $1 AND series = $2 AND start >= $3 AND start < $4 ORDER BY start, part LIMIT $5`,
    [isvId, series, from, to, limit],
  );
  return rows.map(tallyOf);
}

export async function prune(connections: Connections, until: Retained, limit: number): Promise<boolean> {
  const tallies = (kind: string) => `start < $1 AND ${kind} AND ${isOver}`;
  const pruned = await Promise.all([
    remove(connections, "history", "at < $1", until.history, limit),
    remove(connections, "tallies", tallies("series >= 'people/'"), until.people, limit),
    remove(connections, "tallies", tallies("series < '10'"), until.minutes, limit),
    remove(connections, "tallies", tallies("series >= '10' AND series < 'people/'"), until.sums, limit),
    remove(connections, "gathered", "at < $1", until.gathered, limit),
    connections.write(cutGathered, [until.gatheredOfVendor, limit]).then(({ length }) => length),
  ]);
  return pruned.some((count) => count === limit);
}

/** $1 values kept of each vendor, $2 rows. */
const cutGathered = `
  DELETE FROM seatkeeper.gathered WHERE ctid = ANY (ARRAY(
    SELECT g.ctid FROM (SELECT isv_id, (SELECT max(place) FROM seatkeeper.gathered AS last WHERE last.isv_id = e.isv_id) - $1 AS up_to
      FROM seatkeeper.entities AS e WHERE kind = 'isv') AS v
    JOIN seatkeeper.gathered AS g ON g.isv_id = v.isv_id AND g.place <= v.up_to LIMIT $2))
  RETURNING 1`;

/** The last tally of use stays: its level goes on. */
const isOver = `(series NOT LIKE '%/usage/%' OR EXISTS (SELECT 1 FROM seatkeeper.tallies AS later
  WHERE later.isv_id = t.isv_id AND later.series = t.series AND later.start > t.start AND later.start < $1))`;

async function remove(connections: Connections, table: string, where: string, bound: number, limit: number) {
  const rows = await connections.write(
    `DELETE FROM seatkeeper.${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM seatkeeper.${table} AS t WHERE ${where} LIMIT $2))
     RETURNING 1`,
    [bound, limit],
  );
  return rows.length;
}

/** The values of `putTallies`. */
export function columnsWithBodies(tallies: readonly Tally[]): unknown[] {
  return [...columnsOf(tallies), tallies.map(({ body }) => JSON.stringify(body))];
}

export function columnsOf(keys: readonly TallyKey[]): unknown[] {
  return [
    keys.map(({ isvId }) => isvId),
    keys.map(({ series }) => series),
    keys.map(({ start }) => start),
    keys.map(({ part }) => part),
  ];
}

/** A tally from its row. */
export function tallyOf(row: Row): Tally {
  const { isv_id, series, start, part, body } = row;
  return { isvId: isv_id as string, series: series as string, start: Number(start), part: part as string, body };
}
