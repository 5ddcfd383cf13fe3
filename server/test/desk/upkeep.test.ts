/** Work beside the decisions: it leaves most of the time to them, and ends when the server does. */
import { expect, test, vi } from "vitest";
import { restShare } from "../../src/desk/limits.ts";
import { slices } from "../../src/desk/upkeep.ts";

test("after each slice the others have their time, many times as long as the slice took", async () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    const lengths = [20, 5, 1];
    const rests: number[] = [];
    const slice = async () => {
      now += lengths[rests.length] as number;
      return rests.length < 2;
    };
    await slices(slice, new AbortController().signal, async (ms) => void rests.push(ms));
    expect(rests).toEqual([20 * restShare, 5 * restShare]);
  } finally {
    clock.mockRestore();
  }
});

test("a server that stops waits for the slice under way, and not for those behind it", async () => {
  const stop = new AbortController();
  let count = 0;
  const slice = async () => {
    if (++count === 3) stop.abort();
    return true;
  };
  await slices(slice, stop.signal);
  expect(count).toBe(3);
});
