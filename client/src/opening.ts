/** Opening, extending and closing a session: what is sent, and what a refusal leads to. */

import type { ActivationBody, CloseBody, SessionAnswer, SessionBody } from "./api.ts";
import { backoff, type Channel } from "./channel.ts";
import { msOf, pause } from "./clock.ts";
import {
  ClientNotActivated,
  LicenseDenied,
  NoTokenLeft,
  NotAuthorized,
  numberOf,
  ProjectError,
  ProjectInUse,
  RequestRefused,
  type SeatkeeperError,
  ServerUnreachable,
} from "./errors.ts";
import { type Grant, grantOf, requireSense } from "./models.ts";
import { type Call, errorOf, parsed, present, type Reply, retryAfterMs, serverTime, textOf } from "./wire.ts";

const alreadyActivated = 2001;
const alreadyClosed = 12001;

/**
 * Between two tries of a waiting open: tokens come back before `nextFreeAt` too, when somebody closes. The server is told so,
 * and keeps a place in its queue for a caller that is back by then.
 */
const waitPauseMaxMs = 10_000;

/** A close must not keep a program from ending: without it, the session lapses by itself. */
const closing = { tries: 2, timeoutMs: 5_000, patienceMs: 5_000 };

/** Which token a session takes, and for whom. */
export interface Seat {
  readonly license: string;
  readonly client: string;
  readonly user: string | undefined;
  readonly sessionId: string;
  readonly project?: string;
  readonly checkoutMinutes?: number | undefined;
  /** Keep a voucher of every open and extend, and not of checkouts alone. */
  readonly wantsVoucher?: boolean | undefined;
  /** For activating the device where the licence asks for it. */
  readonly product?: string | undefined;
}

/** How long to try for a token. */
export interface Waiting {
  /** Seconds to go on trying while every token is in use, from a place in the server's queue. */
  readonly wait?: number;
  /** Gives up, and gives back what may have been taken. */
  readonly signal?: AbortSignal;
}

/** The session's name in every call about it. */
function namesOf(seat: Seat) {
  return present<SessionBody>({
    license_id: seat.license,
    client_id: seat.client,
    session_id: seat.sessionId,
    user_id: seat.user,
    project_id: seat.project,
  });
}

/** Without the checkout: naming it again would set a new end. With the value of the last answer. */
export function extendCall(seat: Seat, renewal: string): Call {
  return { method: "POST", path: "/provisioning/session/open", body: { ...namesOf(seat), renewal } };
}

type OpenMembers = Pick<SessionBody, "checkout_period" | "wait_seconds">;

/** `leftMs`: how much longer is waited; undefined: there is one try alone, which takes no place in the queue. */
function openCall(seat: Seat, leftMs: number | undefined): Call {
  const call = extendCall(seat, "");
  const more = { checkout_period: seat.checkoutMinutes, wait_seconds: againWithinSeconds(leftMs) };
  return { ...call, body: { ...call.body, ...present<OpenMembers>(more) } };
}

function againWithinSeconds(leftMs: number | undefined): number | undefined {
  return leftMs === undefined ? undefined : Math.max(1, Math.ceil(Math.min(leftMs, waitPauseMaxMs) / 1_000));
}

function closeCall(seat: Seat, proof: string | undefined): Call {
  const body = present<CloseBody>({ ...namesOf(seat), check_in: proof });
  return { method: "POST", path: "/provisioning/session/close", body };
}

/**
 * Sends an open or an extend; with its voucher asked for and kept, where there is a keeper. A grant whose voucher cannot
 * be kept is thrown away: whoever goes offline with it would find nothing. Without a keeper no checkout has a voucher, which
 * nobody could give up.
 */
export async function sendOpen(
  { vouchers }: Channel,
  seat: Seat,
  call: Call,
  send: (call: Call) => Promise<Reply>,
): Promise<{ readonly reply: Reply; readonly grant: Grant | undefined }> {
  const isCheckout = (seat.checkoutMinutes ?? 0) > 0;
  const keeper = isCheckout || seat.wantsVoucher ? vouchers : undefined;
  const wish = await keeper?.wish();
  const voucher = wish ?? (isCheckout ? false : undefined);
  const reply = await send(voucher === undefined ? call : { ...call, body: { ...call.body, voucher } });
  if (reply.status !== 200) return { reply, grant: undefined };
  const answer = parsed<SessionAnswer>(reply);
  const grant = grantOf(answer, reply.started);
  if (wish !== undefined) await keeper?.keep(seat, wish, textOf(answer.voucher));
  return { reply, grant };
}

function activateCall(seat: Seat, product: string): Call {
  const body: ActivationBody = { product_id: product, license_key: seat.license, client_id: seat.client };
  return { method: "POST", path: "/provisioning/activations", body };
}

/** Takes the token, or throws why not. What did not end well leaves nothing taken, as far as the server can be told. */
export async function openSession(channel: Channel, seat: Seat, waiting: Waiting): Promise<Grant> {
  const { wait = 0, signal } = waiting;
  const waitMs = msOf(wait, "wait");
  signal?.throwIfAborted();
  try {
    return await takeToken(channel, seat, waitMs, signal);
  } catch (error) {
    if (!isRefusal(error)) await undo(channel, seat).catch(() => {});
    throw error;
  }
}

/**
 * Refused, an open holds nothing. Otherwise (a lost answer, a fault of the server, an abort, a bad signature) nobody
 * knows, and a close settles it; but not of a checkout that was there before, by whose voucher somebody works without a network.
 */
async function undo(channel: Channel, seat: Seat): Promise<void> {
  // Nobody works by a voucher that cannot be read.
  if (!(await channel.vouchers?.keeps(seat).catch(() => false))) await closeSession(channel, seat, 1);
}

function isRefusal(error: unknown): boolean {
  if (error instanceof RequestRefused) return error.status < 500;
  return [LicenseDenied, ProjectError, NotAuthorized].some((kind) => error instanceof kind);
}

async function takeToken(channel: Channel, seat: Seat, waitMs: number, signal?: AbortSignal): Promise<Grant> {
  const { clock } = channel;
  const giveUpAt = clock.now() + waitMs;
  let hasActivated = false;
  for (let denials = 0; ; ) {
    const call = openCall(seat, waitMs > 0 ? giveUpAt - clock.now() : undefined);
    const { reply, grant } = await sendOpen(channel, seat, call, (sent) => channel.ask(sent, { signal }));
    if (grant !== undefined) return grant;
    const error = errorOf(reply);
    if (error instanceof ClientNotActivated && seat.product !== undefined && !hasActivated) {
      await activate(channel, activateCall(seat, seat.product), signal);
      hasActivated = true;
      continue;
    }
    const left = giveUpAt - clock.now();
    const mayWait = (error instanceof NoTokenLeft || error instanceof ProjectInUse) && left > 0;
    if (!mayWait) throw error;
    denials += 1;
    await pause(clock, Math.min(left, pauseMs(error, reply, denials, clock.chance())), signal);
  }
}

/**
 * With a place in the queue, what the server asks for and up to a quarter more. Else polls with growing pauses; when a session
 * ends before the next one would, comes just after its end.
 */
function pauseMs({ nextFreeAt, queuePosition }: LicenseDenied, reply: Reply, denials: number, chance: number): number {
  const askedMs = queuePosition === null ? undefined : retryAfterMs(reply.headers);
  // None, or 0: no server of ours asks for that, and nobody may be called back without a pause.
  if (askedMs) return Math.min(waitPauseMaxMs, askedMs * (1 + chance / 4));
  const usual = Math.min(waitPauseMaxMs, backoff(denials, chance));
  const now = serverTime(reply.headers);
  if (nextFreeAt === null || now === undefined) return usual;
  const untilFree = nextFreeAt.getTime() - now;
  return untilFree >= 0 && untilFree < usual ? untilFree + 250 * chance : usual;
}

async function activate(channel: Channel, call: Call, signal: AbortSignal | undefined): Promise<void> {
  try {
    await channel.value(call, { signal });
  } catch (error) {
    if (numberOf(error) !== alreadyActivated) throw error;
  }
}

/** Gives the token back, and the session's voucher with it. What is closed already is done. */
export async function closeSession(channel: Channel, seat: Seat, tries = closing.tries): Promise<void> {
  let { vouchers } = channel;
  const givenUp = await vouchers?.giveUp(seat).catch(() => {
    vouchers = undefined; // what cannot be read or removed is not given up, and nobody says that it is not there
  });
  let fault: SeatkeeperError | undefined;
  try {
    fault = await sendClose(channel, closeCall(seat, givenUp?.proof), tries);
  } catch (error) {
    // Without a network nothing is given back, and whoever works by the voucher goes on.
    if (error instanceof ServerUnreachable && error.neverArrived) await givenUp?.takeBack();
    throw error;
  }
  if (fault instanceof LicenseDenied && fault.voucherId !== null && givenUp === undefined) {
    // One is out that never arrived here, or is gone: the device can say so.
    const proof = await vouchers?.disclaim(fault.voucherId);
    if (proof !== undefined) fault = await sendClose(channel, closeCall(seat, proof), tries);
  }
  if (fault === undefined) return;
  await givenUp?.takeBack();
  throw fault;
}

async function sendClose(channel: Channel, call: Call, tries: number): Promise<SeatkeeperError | undefined> {
  const reply = await channel.ask(call, { ...closing, tries });
  if (reply.status === 200) {
    requireSense(parsed<unknown>(reply) !== undefined); // whatever it says, it has to be the server that says it
    return undefined;
  }
  const error = errorOf(reply);
  return numberOf(error) === alreadyClosed ? undefined : error;
}

/** Like `closeSession`, and throws nothing, whatever it was; false where the server was not told. */
export function tryClose(channel: Channel, seat: Seat): Promise<boolean> {
  return closeSession(channel, seat).then(
    () => true,
    () => false,
  );
}
