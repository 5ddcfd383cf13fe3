/** Who waits for a token, in the model: a list in the order in which they came. */
import type { Millis } from "../../src/core/types.ts";

export interface ModelTicket {
  readonly holder: string;
  readonly pool: string;
  readonly clientId: string;
  readonly userId: string | null;
  readonly sessionId: string | null;
  /** When the denial log last told of it. */
  toldAt: Millis;
  until: Millis;
}

const ticketsMax = 1_000;
const longestWaitMs = 30_000;
const keptMs = 15_000;
const toldEveryMs = 600_000;
/** Nobody's place lasts for longer than this. */
export const placeMaxMs = longestWaitMs + keptMs;

/** Which of a pool's queue the holder is, from 0; behind all of them, where it is in none. */
function indexOf(queue: readonly ModelTicket[], holder: string, pool: string): number {
  const ofPool = queue.filter((ticket) => ticket.pool === pool);
  const index = ofPool.findIndex((ticket) => ticket.holder === holder);
  return index === -1 ? ofPool.length : index;
}

/** Whether a token is left for the holder when everybody before it has one. */
export function isTheirTurn(queue: readonly ModelTicket[], holder: string, pool: string, free: number): boolean {
  return free > indexOf(queue, holder, pool);
}

/** Whether the session that took a place is the caller's. */
type IsTheirs = (ticket: ModelTicket) => boolean;

interface Asking {
  readonly holder: string;
  readonly pool: string;
  readonly clientId: string;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly waitMs: number;
}

/** Whoever cannot be served asks for a place. Answers with it, from 1, and whether that is no further denial: the caller just waits on. */
export function queueUp(queue: ModelTicket[], asking: Asking, isTheirs: IsTheirs, now: Millis) {
  const { waitMs, ...who } = asking;
  const until = now + Math.min(waitMs, longestWaitMs) + keptMs;
  const own = queue.find(({ holder, pool }) => holder === who.holder && pool === who.pool);
  const waits = waitMs > 0;
  const isOwn = own !== undefined && isTheirs(own);
  if (own !== undefined && waits) own.until = Math.max(own.until, until);
  const isTaken = own === undefined && waits && queue.filter(({ pool }) => pool === who.pool).length < ticketsMax;
  if (isTaken) {
    leave(queue, who.holder);
    queue.push({ ...who, toldAt: now, until });
  }
  const waitsOn = waits && isOwn && now - own.toldAt < toldEveryMs;
  if (waits && isOwn && !waitsOn) own.toldAt = now;
  const hasPlace = own !== undefined || isTaken;
  const position = hasPlace ? indexOf(queue, who.holder, who.pool) + 1 : null;
  return { position, waitsOn };
}

export function leave(queue: ModelTicket[], holder: string): void {
  const index = queue.findIndex((ticket) => ticket.holder === holder);
  if (index !== -1) queue.splice(index, 1);
}

/** Whoever closes what it waits for has no place any more; its other sessions keep theirs. */
export function giveUp(queue: ModelTicket[], isTheirs: IsTheirs): void {
  keepInQueue(queue, (ticket) => !isTheirs(ticket));
}

/** Those who did not come back, and after a clock was set back those of its future, have lost their places. */
export function keepInQueue(queue: ModelTicket[], isKept: (ticket: ModelTicket) => boolean): void {
  queue.splice(0, queue.length, ...queue.filter(isKept));
}
