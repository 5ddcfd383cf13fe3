/** Transactions as the desk makes them, and time as a server lives through it. */
import type { HeldClock } from "../../src/clock.ts";
import { type Outcome, step } from "../../src/core/step.ts";
import type { Command, HistoryRecord, Millis, OpenCommand } from "../../src/core/types.ts";
import type { DenialQuery, Place, Store, Work } from "../../src/stores/store.ts";
import { freshId } from "../model/vendor.ts";

/** One transaction of these commands, in their order. */
export function stepAll(store: Store, commands: readonly Command[]): Promise<Outcome[]> {
  return store.transact(commands, workOf(commands));
}

/** What a transaction of these commands has to do: what its licences are owed comes first. */
export function workOf(commands: readonly Command[]): Work<Outcome[]> {
  return (licenses, now, owed) => {
    for (const command of owed) step(licenses, command, now);
    return commands.map((command) => step(licenses, command, now));
  };
}

/** Why each was denied, or null. */
export function codesOf(outcomes: readonly Outcome[]): (string | null)[] {
  return outcomes.map(({ denial }) => denial?.code ?? null);
}

/** Lets time pass over a server that lives: it is never silent for so long that this would be an outage. */
export async function elapse(clock: HeldClock, ms: number, signOfLife: () => Promise<unknown>): Promise<void> {
  for (let left = ms; left > 0; left -= 30_000) {
    clock.advance(Math.min(left, 30_000));
    await signOfLife();
  }
}

/** The open of a client that is its own session; `n` makes what it brings to life another's. */
export function openOf({ isvId, licenseId }: Place, clientId: string, n: number): OpenCommand {
  const ids = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", isvId, licenseId, clientId, ...nothing, ids };
}

/** Lines of all vendors from one instant on and before another, in order of time. */
export async function linesBetween(store: Store, from: Millis, to: Millis, limit: number): Promise<HistoryRecord[]> {
  return (await store.linesAfter({ at: from, no: -1 }, to, limit)).map(({ line }) => line);
}

/** A vendor's denials, all of them unless it is told which. */
export function denialsOf(isvId: string, which: Partial<DenialQuery> = {}): DenialQuery {
  const any = { licenseId: null, clientId: null, userId: null, code: null, from: null, to: null };
  return { isvId, ...any, offset: 0, limit: 100, ...which };
}
