/** Whether servers run on a database. Each gives a sign of life every few seconds; whoever stops leaves the last one behind. */
import { setTimeout as wait } from "node:timers/promises";
import { DatabaseInUse } from "../store.ts";
import { Connections } from "./connections.ts";
import { aliveIntervalMs } from "./limits.ts";

/** No server is silent for so long: three signs of life. */
const silenceMs = 3 * aliveIntervalMs;

/** How often it is looked for a sign. */
const lookMs = 500;

const lastSign = `
  SELECT alive_at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM seatkeeper.alive`;

/** Who is told that there is a wait, and for how long at most. */
export type OnWait = (ms: number) => void;

interface Watching {
  readonly leastMs?: number;
  readonly refusal?: string;
  readonly stop?: AbortSignal | undefined;
}

/**
 * Waits until it is certain that no server runs: at most for `silenceMs`, and not at all where the last sign is older.
 * @throws DatabaseInUse as soon as one shows that it is alive.
 */
export async function requireNoServer(url: string, onWait: OnWait): Promise<void> {
  const connections = new Connections(url, 1);
  try {
    const [there] = await connections.query("SELECT to_regclass('seatkeeper.alive') IS NOT NULL AS is_there");
    if (there?.is_there === true) await requireSilence(connections, onWait);
  } finally {
    await connections.close();
  }
}

/**
 * The same of a database that has a schema, also from within a transaction. It is watched for `leastMs` however old the last sign
 * is; `refusal` says why nobody may be alive. Rejects with an AbortError where it is told to `stop`.
 */
export async function requireSilence(
  connections: Pick<Connections, "query">,
  onWait: OnWait,
  { leastMs = 0, refusal = running, stop }: Watching = {},
): Promise<void> {
  const [first] = await connections.query(lastSign);
  // A sign from the future is of a clock that was set back since: then it is watched for the whole time.
  const ageMs = first?.alive_at == null ? silenceMs : Math.max(0, Number(first.now) - Number(first.alive_at));
  if (ageMs < silenceMs) onWait(silenceMs - ageMs);
  const watchedMs = Math.max(leastMs, silenceMs - ageMs);
  for (let waitedMs = 0; waitedMs < watchedMs; waitedMs += lookMs) {
    await wait(lookMs, undefined, { ...(stop && { signal: stop }) });
    const [row] = await connections.query(lastSign);
    if (row?.alive_at !== first?.alive_at) throw new DatabaseInUse(refusal);
  }
}

const running = "A server is running on this database. Stop all of them first: nothing was changed.";
