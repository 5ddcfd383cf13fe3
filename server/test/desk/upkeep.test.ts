/** Work beside the decisions: it leaves most of the time to them, and ends when the server does. */
import { expect, test, vi } from "vitest";
import { restShare } from "../../src/desk/limits.ts";
import { slices } from "../../src/desk/upkeep.ts";

test("after each slice the others have their time, many times as long as the slice took", async () => {
  vi.useFakeTimers();
  try {
    const began: number[] = [];
    const slice = async () => {
      began.push(performance.now());
      vi.advanceTimersByTime(20);
      return began.length < 3;
    };
    const done = slices(slice, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(1_000);
    await done;
    expect(began.map((at) => at - (began[0] as number))).toEqual([0, 20 * (1 + restShare), 40 * (1 + restShare)]);
  } finally {
    vi.useRealTimers();
  }
});

test("a server that stops waits for the slice under way, and not for those behind it", async () => {
  const stop = new AbortController();
  let count = 0;
  await slices(async () => {
    if (++count === 3) stop.abort();
    return true;
  }, stop.signal);
  expect(count).toBe(3);
});
