/**
 * Values that every answer renews and the next open carries: by them a copy of a client is told from the client. They are
 * counted, so that a server that was restored to an older state knows a value that it has not given yet by its number.
 */
import type { OpenCommand, Session } from "../types.ts";

/**
 * Whether an extend carries a value that is older than the session's last two answers: then two take themselves for its
 * client. One that carries none takes the session over, as a program does that was started anew; the other one will know.
 */
export function isForked({ renewal: known }: Session, { renewal }: OpenCommand): boolean {
  if (known === undefined || renewal == null || renewal.last === "") return false;
  const { last } = renewal;
  return last !== known.current && last !== known.previous && numberOf(last) <= numberOf(known.current);
}

/** After the one before was carried again, its answer having been lost, the lost one is nobody's any more. */
export function renewed(own: Session | null, { renewal }: OpenCommand): Pick<Session, "renewal"> {
  if (renewal == null) return {};
  const number = 1 + Math.max(numberOf(renewal.last), numberOf(own?.renewal?.current ?? ""));
  return { renewal: { current: `${number}-${renewal.next}`, previous: renewal.last || null } };
}

function numberOf(value: string): number {
  return Number(/^(\d{1,9})-/.exec(value)?.[1] ?? 0);
}
