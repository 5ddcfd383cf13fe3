/** A store that is down fails everything alike, and would fill the log: its fault is told once a second, without a stack. */
import type { StoreFault } from "./store.ts";

const toldMs = 1_000;
let toldAt = Number.NEGATIVE_INFINITY;

/** Logs a fault of the store, unless one was logged just now, whoever met it. */
export function tellOfFault(
  log: { error(about: object, text: string): void },
  fault: StoreFault,
  about: object = {},
): void {
  if (performance.now() - toldAt < toldMs) return;
  toldAt = performance.now();
  log.error({ reason: fault.message, ...about }, "the store cannot serve; requests are answered 503");
}
