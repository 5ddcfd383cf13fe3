/** A token that this program holds: extended in the background, closed once. */

import type { Channel } from "./channel.ts";
import {
  ClientSuspended,
  Disconnected,
  LicenseExpired,
  LicenseInactive,
  type LostReason,
  numberOf,
  ProjectError,
  type SeatkeeperError,
  SessionLost,
} from "./errors.ts";
import type { Grant } from "./models.ts";
import { extendCall, type Seat, sendOpen, tryClose } from "./opening.ts";
import { TrustWindow } from "./trust.ts";
import { type Call, errorOf, retriedStatuses, retryAfterMs } from "./wire.ts";

const endedByAdmin = 14004;
const forked = 14005;

/** Losses after which nothing of the session is this program's to close. */
const nothingLeft: readonly LostReason[] = ["ended_by_admin", "project_closed", "copied"];

/** Refusals of an extend that leave the session live until the end it was promised; they may be lifted before. */
const promiseStands = [LicenseExpired, LicenseInactive, ClientSuspended];

/** No timer runs longer: timers do not count the time that a machine sleeps, and the session does. */
const lookMs = 15_000;

/** Some engines have no such symbol yet; compilers of `await using` look for this one there. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);

const live = new Set<Session>();

/** Every session and project that this program holds now. */
export function held(): readonly Session[] {
  return [...live].filter((session) => session.isHeld);
}

/** Closes every session of this program and says how many the server confirmed. */
export function releaseAll(): Promise<number> {
  return closeAll([...live]);
}

/** Thousands at once would wait for each other's connections until the answers to most of them came too late. */
const closesAtOnce = 100;

/** Closes them and says how many the server confirmed. */
export async function closeAll(sessions: readonly Session[]): Promise<number> {
  const left = sessions.values();
  let confirmed = 0;
  const closeWhatIsLeft = async () => {
    for (const session of left) if (await session.close()) confirmed++;
  };
  await Promise.all(sessions.slice(0, closesAtOnce).map(closeWhatIsLeft));
  return confirmed;
}

/** A session that is held: extended in the background until `close()`, or the end of an `await using` block. */
export class Session {
  readonly #channel: Channel;
  readonly #seat: Seat;
  readonly #lost = new AbortController();
  #validUntil: Date;
  #window: TrustWindow;
  #renewal: string;
  #nextAt: number;
  #failures = 0;
  #fault: unknown;
  #callOff: () => void = () => {};
  #extending: Promise<void> | undefined;
  #isDetached = false;
  #closing: Promise<boolean> | undefined;

  /** Made by `Client.open` and `Launcher.connect`. */
  constructor(channel: Channel, seat: Seat, grant: Grant) {
    this.#channel = channel;
    this.#seat = seat;
    this.#validUntil = grant.validUntil;
    this.#window = new TrustWindow(grant);
    this.#renewal = grant.renewal;
    this.#nextAt = this.#firstExtendAt();
    live.add(this);
    this.#watch();
  }

  get license(): string {
    return this.#seat.license;
  }

  get sessionId(): string {
    return this.#seat.sessionId;
  }

  get user(): string | undefined {
    return this.#seat.user;
  }

  get client(): string {
    return this.#seat.client;
  }

  /** The end that the server promised last, by its clock. */
  get validUntil(): Date {
    return this.#validUntil;
  }

  /** Aborted with a `SessionLost` as its reason when the session is held no longer. Not by our own close. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return !this.#isOver && this.#window.left(this.#channel.clock.now()) > 0;
  }

  /** How much longer this machine may trust the session if no further answer comes; 0: it is not held. */
  get trustedSeconds(): number {
    return this.#isOver ? 0 : this.#window.left(this.#channel.clock.now()) / 1_000;
  }

  /** Throws `SessionLost` unless the session is held now, by all that this machine knows. Cheap: it sends nothing. */
  require(): void {
    if (this.#isClosing) throw new Disconnected("This program has closed the session.");
    if (!this.isHeld) this.#loseUnanswered();
    this.lost.throwIfAborted();
  }

  /**
   * Gives the token back; again: nothing. False: the server did not hear of it, or does not take a voucher back early any
   * more, and the session lapses by itself.
   */
  close(): Promise<boolean> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** Leaves the session to run to its end: a checkout. Whoever has its `sessionId` can open it again, or close it. */
  detach(): void {
    this.#isDetached = true;
    this.#stop();
  }

  /** `await using` calls it at the end of the block. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isClosing(): boolean {
    return this.#isDetached || this.#closing !== undefined;
  }

  get #isOver(): boolean {
    return this.#isClosing || this.lost.aborted;
  }

  // Extending

  #firstExtendAt(): number {
    // Whoever checks a session out means to be without a network; it ends when it ends, or is closed before.
    const isCheckout = (this.#seat.checkoutMinutes ?? 0) > 0;
    return isCheckout ? Number.POSITIVE_INFINITY : this.#window.firstExtendAt(this.#channel.clock.chance());
  }

  #watch(): void {
    if (this.#isOver) return;
    const { clock } = this.#channel;
    const due = Math.min(this.#nextAt, this.#window.until) - clock.now();
    this.#callOff = clock.after(Math.min(lookMs, Math.max(0, due)), () => void this.#look(), true);
  }

  async #look(): Promise<void> {
    const now = this.#channel.clock.now();
    if (this.#window.left(now) === 0) this.#loseUnanswered();
    else if (now >= this.#nextAt) {
      this.#extending = this.#extend();
      await this.#extending;
    }
    this.#watch();
  }

  /** One try. The timer decides when the next one is, so that a close has never to wait for a pause. */
  async #extend(): Promise<void> {
    const { clock } = this.#channel;
    let waitMs: number | undefined;
    try {
      const leftMs = this.#window.left(clock.now());
      const send = (call: Call) => this.#channel.send(call, leftMs);
      const { reply, grant } = await sendOpen(this.#channel, this.#seat, extendCall(this.#seat, this.#renewal), send);
      if (grant !== undefined) return this.#trust(grant);
      const fault = errorOf(reply);
      this.#fault = fault;
      if (isFinal(fault)) return this.#lose(lostBy(fault));
      if (!retriedStatuses.has(reply.status)) {
        this.#nextAt = this.#window.laterTryAt(clock.now(), clock.chance());
        return;
      }
      waitMs = retryAfterMs(reply.headers);
    } catch (error) {
      this.#fault = error; // whatever it is, there is time left to try again
    }
    this.#failures += 1;
    this.#nextAt = this.#window.nextTryAt(clock.now(), this.#failures, waitMs, clock.chance());
  }

  #trust(grant: Grant): void {
    this.#validUntil = grant.validUntil;
    this.#window = new TrustWindow(grant);
    this.#renewal = grant.renewal;
    this.#nextAt = this.#firstExtendAt();
    this.#failures = 0;
    this.#fault = undefined;
  }

  #loseUnanswered(): void {
    const fault = this.#fault;
    const until = `${this.validUntil.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    const why = fault === undefined ? "" : ` Last: ${fault instanceof Error ? fault.message : fault}`;
    const text = `The session ended at ${until}, as far as this machine may trust it.${why}`;
    this.#lose(new SessionLost(text, isDenial(fault) ? "denied" : "no_answer", fault));
  }

  #lose(lost: SessionLost): void {
    if (this.#isOver) return;
    this.#stop();
    this.#lost.abort(lost);
  }

  // Ending

  #stop(): void {
    this.#callOff();
    live.delete(this);
  }

  async #end(): Promise<boolean> {
    if (this.#isDetached) return false;
    this.#stop();
    await this.#extending; // an extend that arrived after the close would open the session again
    const lost = this.lost.reason as SessionLost | undefined;
    if (lost !== undefined && nothingLeft.includes(lost.reason)) return true;
    return tryClose(this.#channel, this.#seat);
  }
}

/** The licence's word. A fault of the server, a key that is over or a bad signature says nothing about the licence. */
const isDenial = (fault: unknown) => numberOf(fault) !== undefined;

function isFinal(fault: SeatkeeperError): boolean {
  return isDenial(fault) && !promiseStands.some((kind) => fault instanceof kind);
}

function lostBy(fault: SeatkeeperError): SessionLost {
  if (numberOf(fault) === endedByAdmin)
    return new SessionLost("An administrator ended this session.", "ended_by_admin", fault);
  if (numberOf(fault) === forked) return new SessionLost(fault.message, "copied", fault);
  if (fault instanceof ProjectError)
    return new SessionLost(
      `The project was closed, and this session with it: ${fault.message}`,
      "project_closed",
      fault,
    );
  return new SessionLost(`The session is not extended: ${fault.message}`, "denied", fault);
}
