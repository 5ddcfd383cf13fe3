/** A store that is down fails everything alike, and would fill the log: its fault is told once a second, without a stack. */
import type { StoreFault } from "./store.ts";

interface Log {
  error(about: object, text: string): void;
}

const toldMs = 1_000;
const toldAt = new WeakMap<Log, number>();

/** Logs a fault of the store, unless one was logged just now, whoever met it. */
export function tellOfFault(log: Log, fault: StoreFault, about: object = {}): void {
  if (performance.now() - (toldAt.get(log) ?? Number.NEGATIVE_INFINITY) < toldMs) return;
  toldAt.set(log, performance.now());
  log.error({ reason: fault.message, ...about }, "the store cannot serve; requests are answered 503");
}
