/**
 * History as it happens, for everybody who listens: one look at the store a second, however many they are. Lines come in
 * order of time, up to an instant before which nothing more will be recorded; so each has a place in one order, on
 * whichever server it is asked for, and a listener who was away goes on from the last line it has.
 */
import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { HistoryRecord, Millis, RecordKind } from "../../core/types.ts";
import type { Log } from "../../desk/upkeep.ts";
import type { NumberedLine, Position, Store } from "../../stores/store.ts";
import {
  feedDrainMs,
  feedHeartbeatMs,
  feedIntervalMs,
  feedPageSize,
  listenersMax,
  listenersOfKeyMax,
  listenersOfVendorMax,
} from "../limits.ts";

/** What a listener wants to hear of. */
export interface Wanted {
  readonly isvId: string;
  readonly keyId: string;
  /** When the console session began whose cookie asks; null: it is the key itself. */
  readonly signedInAt: Millis | null;
  readonly licenseId: string | null;
  readonly kinds: ReadonlySet<RecordKind> | null;
  /** A line as it is shown to whoever listens. */
  shown(line: HistoryRecord): HistoryRecord;
  /** Whether its key still reaches that, and its session lasts. */
  isAllowed(): boolean;
}

interface Listener {
  readonly wanted: Wanted;
  readonly res: ServerResponse;
  /** The last line it was shown, wanted or not. */
  position: Position;
  /** Still reading what it missed, by itself. */
  isBehind: boolean;
  /** Since when it has not taken what was written; null: it has. */
  waitsSince: Millis | null;
  toldAt: Millis;
}

export class Feed {
  readonly #store: Store;
  readonly #log: Log;
  readonly #isClockHeld: boolean;
  readonly #listeners = new Set<Listener>();
  /** Up to where the store has been looked at; null: nobody listens. */
  #position: Position | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;
  /** Resolves when the next one who is behind may read a page. */
  #turn: Promise<void> = Promise.resolve();

  /** `isClockHeld`: time stands still, on a store in memory, until somebody moves it. */
  constructor(store: Store, log: Log, isClockHeld: boolean) {
    this.#store = store;
    this.#log = log;
    this.#isClockHeld = isClockHeld;
  }

  /** Whether there is room for one more who listens with this key. */
  hasRoom({ isvId, keyId }: Pick<Wanted, "isvId" | "keyId">): boolean {
    const ofVendor = [...this.#listeners].filter(({ wanted }) => wanted.isvId === isvId);
    const ofKey = ofVendor.filter(({ wanted }) => wanted.keyId === keyId);
    return (
      this.#listeners.size < listenersMax && ofVendor.length < listenersOfVendorMax && ofKey.length < listenersOfKeyMax
    );
  }

  /** Where history is now: whoever listens from here on hears of what comes. */
  async now(): Promise<Position> {
    if (this.#position !== null) return this.#position;
    const until = await this.#until();
    return this.#isClockHeld ? this.#lastOf(until - 1) : { at: until - 1, no: Number.MAX_SAFE_INTEGER };
  }

  /** The last line of an instant that goes on. */
  async #lastOf(at: Millis): Promise<Position> {
    let last: Position = { at: at - 1, no: Number.MAX_SAFE_INTEGER };
    for (;;) {
      const lines = await this.#store.linesAfter(last, at + 1, feedPageSize);
      last = lines.at(-1) ?? last;
      if (lines.length < feedPageSize) return last;
    }
  }

  /**
   * Before which instant lines are told. Of one that goes on another server may still record a line that comes before one
   * that was told; a store in memory numbers the lines of an instant as they come, so there it may be told of.
   */
  async #until(): Promise<Millis> {
    const until = await this.#store.settledUntil();
    return this.#isClockHeld ? until + 1 : until;
  }

  /** Writes to the answer, whose head is sent, until the listener leaves. */
  join(wanted: Wanted, res: ServerResponse, from: Position, now: Position): void {
    this.#position ??= now;
    this.#timer ??= setInterval(() => void this.#look(), feedIntervalMs).unref();
    const listener = { wanted, res, position: from, isBehind: false, waitsSince: null, toldAt: this.#store.now() };
    this.#listeners.add(listener);
    res.once("close", () => this.#leave(listener));
    res.write(": listening\n\n");
    this.#fallBehind(listener);
  }

  /** Ends what a console session listens to: whoever it was has signed out. */
  endOf(keyId: string, signedInAt: Millis): void {
    for (const listener of this.#listeners) {
      const { wanted } = listener;
      if (wanted.keyId === keyId && wanted.signedInAt === signedInAt) this.#end(listener);
    }
  }

  /** Ends all answers: the server stops. */
  stop(): void {
    for (const { res } of this.#listeners) res.end();
  }

  /** Nothing is written to it any more. Whoever does not even take what was written is cut off. */
  #end(listener: Listener): void {
    this.#leave(listener);
    if (listener.res.writableNeedDrain) listener.res.destroy();
    else listener.res.end();
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#position = null;
  }

  /** It reads by itself what the others have heard, at its own pace: nothing is kept for it here. */
  #fallBehind(listener: Listener): void {
    listener.isBehind = true;
    this.#catchUp(listener).catch((error: Error) => {
      this.#log.warn({ reason: error.message }, "a listener is cut off; it may come back and go on");
      listener.res.destroy();
    });
  }

  /** Page by page as it takes them, up to where the others are. */
  async #catchUp(listener: Listener): Promise<void> {
    for (;;) {
      await this.#drained(listener);
      if (!this.#listeners.has(listener)) return;
      await this.#nextTurn();
      if (!this.#listeners.has(listener)) return;
      const goal = this.#position as Position;
      const lines = await this.#store.linesAfter(listener.position, goal.at + 1, feedPageSize);
      const missed = lines.filter((line) => !isAfter(line, goal));
      this.#show(listener, missed);
      // Unless the others have gone on meanwhile, it goes with them from here.
      if (missed.length < feedPageSize && goal === this.#position) break;
    }
    listener.isBehind = false;
  }

  /**
   * One page at a time, however many are behind, and between two of them everybody else has a turn: a store that reads from
   * memory or a file answers at once, and a whole history would be read in one go.
   */
  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => setImmediate());
    return this.#turn;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const until = await this.#until();
      for (let isMore = true; isMore && this.#position !== null; ) {
        const lines = await this.#store.linesAfter(this.#position, until, feedPageSize);
        this.#position = lines.at(-1) ?? this.#position;
        for (const listener of this.#listeners) this.#tell(listener, lines);
        isMore = lines.length === feedPageSize;
        // In a flood a second has many pages.
        if (isMore) await setImmediate();
      }
      for (const listener of this.#listeners) this.#keepAlive(listener);
    } catch (error) {
      this.#log.error({ err: error }, "the store cannot be listened to; it is tried again");
    } finally {
      this.#isLooking = false;
    }
  }

  #tell(listener: Listener, lines: readonly NumberedLine[]): void {
    if (listener.isBehind) return;
    if (listener.res.writableNeedDrain) this.#fallBehind(listener);
    else this.#show(listener, lines);
  }

  #show(listener: Listener, lines: readonly NumberedLine[]): void {
    if (!this.#listeners.has(listener)) return;
    const { wanted, res } = listener;
    const own = lines.filter((numbered) => isAfter(numbered, listener.position) && isWanted(numbered.line, wanted));
    listener.position = later(listener.position, lines.at(-1));
    if (own.length === 0) return;
    res.write(own.map((numbered) => textOf(numbered, wanted.shown(numbered.line))).join(""));
    listener.toldAt = this.#store.now();
  }

  #keepAlive(listener: Listener): void {
    const now = this.#store.now();
    const { res, wanted, waitsSince, toldAt } = listener;
    if (!wanted.isAllowed()) this.#end(listener);
    else if (waitsSince !== null) {
      // It comes back with the last line that it has.
      if (now - waitsSince >= feedDrainMs) res.destroy();
    } else if (now - toldAt >= feedHeartbeatMs) {
      res.write(": alive\n\n");
      listener.toldAt = now;
    }
  }

  /** Resolves when the listener has taken what was written, or is gone. */
  #drained(listener: Listener): Promise<void> {
    const { res } = listener;
    if (!res.writableNeedDrain || res.destroyed) return Promise.resolve();
    listener.waitsSince = this.#store.now();
    return new Promise((resolve) => {
      const done = () => {
        listener.waitsSince = null;
        res.off("drain", done).off("close", done);
        resolve();
      };
      res.once("drain", done).once("close", done);
    });
  }
}

function isAfter(a: Position, b: Position): boolean {
  return a.at > b.at || (a.at === b.at && a.no > b.no);
}

function later(position: Position, line: NumberedLine | undefined): Position {
  return line !== undefined && isAfter(line, position) ? { at: line.at, no: line.no } : position;
}

function isWanted(line: HistoryRecord, { isvId, licenseId, kinds }: Wanted): boolean {
  return (
    line.isvId === isvId &&
    (licenseId === null || line.licenseId === licenseId) &&
    (kinds === null || kinds.has(line.kind))
  );
}

/** As server-sent events have it. JSON has no line breaks of its own. */
function textOf({ at, no }: NumberedLine, line: HistoryRecord): string {
  return `id: ${at}-${no}\nevent: ${line.kind}\ndata: ${JSON.stringify(eventOf(line))}\n\n`;
}

function eventOf(line: HistoryRecord) {
  return {
    at: new Date(line.at).toISOString(),
    kind: line.kind,
    license_id: line.licenseId,
    client_id: line.clientId,
    user_id: line.userId,
    session_id: line.sessionId,
    project_id: line.projectId,
    code: line.denial,
    pool: line.pool,
    in_use: line.inUse,
    limit: line.limit,
    is_overuse: line.isOveruse,
    length_seconds: line.lengthMs === null ? null : line.lengthMs / 1_000,
  };
}
