/**
 * The queue of a licence whose tokens are all in use. A ticket is a place in it: as many free tokens as there are tickets before a
 * caller's are not for that caller. Nobody is called; whoever asks next in turn is granted.
 */
import { ticketKeptMs, ticketsPerPoolMax, ticketToldEveryMs, ticketWaitMaxMs } from "../limits.ts";
import { clientKey, sessionKey } from "../names.ts";
import type {
  Change,
  Decision,
  Denial,
  DenialCode,
  LicenseView,
  Millis,
  OpenCommand,
  Pool,
  Terms,
  Ticket,
} from "../types.ts";
import { deny, noToken } from "./outcome.ts";

/** Tokens of a pool, as a holder that has none of them asks for one. */
export interface Wanted {
  readonly holder: string;
  readonly pool: Pool;
  readonly inUse: number;
  readonly limit: number;
}

/** Who asks, or gives up: one of those whom the holder's place may serve. */
type Caller = Pick<Ticket, "clientId" | "userId" | "sessionId">;

/** Why a holder gets no token of a pool; null: one is free, and nobody who waits for it came before. */
export function noTokenFor(license: LicenseView, wanted: Wanted, now: Millis): DenialCode | null {
  const { inUse, limit } = wanted;
  const denied = noToken(license.terms, inUse, limit, now);
  if (denied !== null || !license.terms.enforceFloatingLimit || license.ticketCount === 0) return denied;
  return inUse + ticketsBefore(license, wanted) >= limit ? "tokens_exhausted" : null;
}

/** The tickets before the holder's own; all, where it has none. */
function ticketsBefore(license: LicenseView, { holder, pool }: Wanted): number {
  const own = ownTicket(license, holder, pool)?.no ?? Number.POSITIVE_INFINITY;
  let before = 0;
  for (const ticket of license.tickets()) if (ticket.pool === pool && ticket.no < own) before++;
  return before;
}

/** A ticket for another pool is worth nothing here: the project has changed its kind since. */
function ownTicket(license: LicenseView, holder: string, pool: Pool): Ticket | undefined {
  const ticket = license.ticket(holder);
  return ticket?.pool === pool ? ticket : undefined;
}

/**
 * Refuses an open for want of a token. A caller that is ready to wait takes a ticket, or keeps the one that its holder has. Whoever
 * asks again from its place in the queue is refused no further time: that is on record once in ten minutes.
 */
export function denyToken(
  license: LicenseView,
  command: OpenCommand,
  wanted: Wanted,
  now: Millis,
  project: Denial["project"] = null,
): Decision {
  const own = ownTicket(license, wanted.holder, wanted.pool);
  const before = ticketsBefore(license, wanted);
  const waits = (command.waitMs ?? 0) > 0;
  const isTaking = waits && own === undefined && before < ticketsPerPoolMax;
  const queuePosition = own === undefined && !isTaking ? null : before + 1;
  const isOwn = own !== undefined && isBy(license.terms, own, command);
  const isStill = waits && isOwn && now - own.toldAt < ticketToldEveryMs;
  const denied = deny(license, now, "tokens_exhausted", command, detailOf(wanted, queuePosition), {
    project,
    queuePosition,
  });
  if (isTaking) return { ...denied, changes: [put(newTicket(license, command, wanted, now))] };
  const changes = waits && own !== undefined ? kept(own, command, isOwn && !isStill ? now : own.toldAt, now) : [];
  return { ...denied, changes, records: isStill ? [] : denied.records };
}

/** What the denial of a token adds: why one that is free is not the caller's, and how long it is to wait. */
export function detailOf({ inUse, limit }: Wanted, queuePosition: number | null): string | undefined {
  const free = inUse < limit ? ["Those that are free are for others who wait."] : [];
  const place = queuePosition === null ? [] : [`The caller's place in the queue is ${queuePosition}.`];
  return [...free, ...place].join(" ") || undefined;
}

/** Whether it is the session that took the place. A holder's others may ask for it too, and history tells of each of them. */
function isBy(terms: Terms, ticket: Ticket, caller: Caller): boolean {
  return keyOf(terms, ticket) === keyOf(terms, caller);
}

function keyOf(terms: Terms, caller: Caller): string {
  return sessionKey(terms, clientKey(terms, caller.clientId), caller.sessionId, caller);
}

function newTicket(license: LicenseView, command: OpenCommand, { holder, pool }: Wanted, now: Millis): Ticket {
  let no = 1;
  for (const ticket of license.tickets()) no = Math.max(no, ticket.no + 1);
  const { clientId, userId, sessionId } = command;
  const times = { takenAt: now, toldAt: now, validUntil: keptUntil(command, now) };
  return { kind: "ticket", key: holder, no, pool, clientId, userId, sessionId, ...times };
}

/** Nothing is written where the place is kept for so long already. */
function kept(own: Ticket, command: OpenCommand, toldAt: Millis, now: Millis): Change[] {
  const validUntil = Math.max(own.validUntil, keptUntil(command, now));
  return validUntil > own.validUntil || toldAt > own.toldAt ? [put({ ...own, toldAt, validUntil })] : [];
}

function keptUntil({ waitMs }: OpenCommand, now: Millis): Millis {
  return now + Math.min(waitMs ?? 0, ticketWaitMaxMs) + ticketKeptMs;
}

/** Whoever has a token waits no longer. */
export function ticketUsed(license: LicenseView, holder: string): Change[] {
  return license.ticket(holder) === undefined ? [] : [dropped(holder)];
}

/** A denial of whoever might have had the token and cannot take it: its place is the next one's, or it would stop them all. */
export function passedOver(license: LicenseView, holder: string, denied: Decision): Decision {
  return { ...denied, changes: ticketUsed(license, holder) };
}

/** The place that a caller took who closes what it never got. */
export function ticketGivenUp(license: LicenseView, caller: Caller, mayGiveUp: (ticket: Ticket) => boolean): Change[] {
  return [...license.tickets()]
    .filter((ticket) => isBy(license.terms, ticket, caller) && mayGiveUp(ticket))
    .map(({ key }) => dropped(key));
}

/** The places that a client took, whichever of its sessions asked: it leaves the licence. */
export function ticketsLeft(license: LicenseView, client: string): Change[] {
  return [...license.tickets()]
    .filter(({ clientId }) => clientKey(license.terms, clientId) === client)
    .map(({ key }) => dropped(key));
}

/** Places that are lost, because nobody has asked for them again. */
export function ticketsOver(license: LicenseView, now: Millis): Change[] {
  return [...license.tickets()].filter(({ validUntil }) => validUntil <= now).map(({ key }) => dropped(key));
}

/** Places that a leading clock gave, or kept: after it was set back by `noticedMs` or more they would be kept for too long. */
export function ticketsAhead(license: LicenseView, now: Millis, noticedMs: number): Change[] {
  const latest = now + ticketWaitMaxMs + ticketKeptMs + noticedMs;
  return [...license.tickets()].filter(({ validUntil }) => validUntil > latest).map(({ key }) => dropped(key));
}

/** Nobody could ask again while the server was away: places that stood when it went stand when it is back. */
export function ticketsCredited(license: LicenseView, from: Millis, lengthMs: Millis, now: Millis): Change[] {
  const latest = now + ticketWaitMaxMs + ticketKeptMs;
  return [...license.tickets()]
    .filter(({ validUntil }) => validUntil > from)
    .map((ticket) => put({ ...ticket, validUntil: Math.min(ticket.validUntil + lengthMs, latest) }));
}

const put = (ticket: Ticket): Change => ({ type: "item", item: ticket });
const dropped = (key: string): Change => ({ type: "item.gone", kind: "ticket", key });
