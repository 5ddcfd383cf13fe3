/**
 * The rule of sessions that are extended from several addresses a second time, written from the sentences of the guide. A
 * session keeps all that was ever seen of it.
 */
import type { Command, Millis, Terms } from "../../src/core/types.ts";
import type { ModelSession } from "./model.ts";

/** What a session was opened or extended from; none at all: it was opened from nobody knows where, and is not looked after. */
export interface Sighting {
  readonly address: number;
  readonly at: Millis;
}

const hour = 3_600_000;

/** The sightings that were somewhere else than the one before. */
export const movesOf = (sightings: readonly Sighting[]): readonly Sighting[] =>
  sightings.filter(({ address }, n) => n > 0 && sightings[n - 1]?.address !== address);

/** Notes where an extend came from. Answers whether history is to be told. */
export function sight(
  terms: Terms,
  session: ModelSession,
  { address = null }: Extract<Command, { type: "open" }>,
  now: Millis,
): boolean {
  if (address === null || session.sightings.length === 0) return false;
  const [before, after] = [movesOf(session.sightings), movesOf([...session.sightings, { address, at: now }])];
  session.sightings = [...session.sightings, { address, at: now }];
  const last = before.at(-1);
  if (last === undefined || after.length === before.length) return false;
  if (now - last.at > terms.sessionPeriodMs || now - last.at > hour) return false;
  if (session.toldAt.some((at) => now - at < hour)) return false;
  session.toldAt = [...session.toldAt, now];
  return true;
}
