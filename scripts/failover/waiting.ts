/** Waiting for what happens elsewhere: looked at again and again, and not for ever. */
import { setTimeout as delay } from "node:timers/promises";

const lookMs = 50;

/** @throws Error where it did not come true in time. */
export async function until(what: string, ms: number, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`waited ${ms / 1_000} s in vain until ${what}`);
    await delay(lookMs);
  }
}
