/** Work beside the decisions: it leaves most of the time to them, and ends when the server does. */
import { setTimeout } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { busyRestShare, lateMs, restShare } from "../../src/desk/limits.ts";
import { Slices } from "../../src/desk/upkeep.ts";

/** Runs `work` on a clock that stands still unless somebody moves it. */
async function onHeldClock(work: (advance: (ms: number) => void) => Promise<void>): Promise<void> {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    await work((ms) => {
      now += ms;
    });
  } finally {
    clock.mockRestore();
  }
}

const stop = () => new AbortController().signal;

test("after each slice the others have their time, many times as long as the slice took", async () => {
  await onHeldClock(async (advance) => {
    const lengths = [20, 5, 1];
    const rests: number[] = [];
    const slice = async () => {
      advance(lengths[rests.length] as number);
      return rests.length < 2;
    };
    const idle = () => false;
    await new Slices(slice, idle, async (ms) => void rests.push(ms)).run(stop());
    expect(rests).toEqual([20 * restShare, 5 * restShare]);
  });
});

test("a server that has its hands full is left nearly all of its time, until the work is late; and again once it is done", async () => {
  await onHeldClock(async (advance) => {
    const rests: number[] = [];
    let left = 4;
    const slice = async () => {
      advance(1);
      return left-- > 0;
    };
    const busy = () => true;
    const slices = new Slices(slice, busy, async (ms) => {
      rests.push(ms);
      advance(lateMs / 2 - 1);
    });
    await slices.run(stop());
    expect(rests).toEqual([busyRestShare, busyRestShare, restShare, restShare]);
    [rests.length, left] = [0, 1];
    await slices.run(stop());
    expect(rests).toEqual([busyRestShare]);
  });
});

test("however long a slice took, work that stands back is begun again when it is late", async () => {
  await onHeldClock(async (advance) => {
    const rests: number[] = [];
    const slice = async () => {
      advance(lateMs / 100);
      return rests.length < 2;
    };
    const busy = () => true;
    await new Slices(slice, busy, async (ms) => {
      rests.push(ms);
      advance(ms);
    }).run(stop());
    expect(rests).toEqual([lateMs - lateMs / 100, (lateMs / 100) * restShare]);
  });
});

/** Keeps the event loop busy for so long by a clock that nobody holds. */
function work(ms: number): Promise<void> {
  const end = process.hrtime.bigint() + BigInt(ms) * 1_000_000n;
  return new Promise((resolve) => {
    const turn = () => (process.hrtime.bigint() < end ? setImmediate(turn) : resolve());
    turn();
  });
}

test("an event loop that never waits tells of full hands, one that does not, and each time anew", async () => {
  await onHeldClock(async (advance) => {
    const rests: number[] = [];
    const slice = async () => {
      advance(1);
      return true;
    };
    const stopping = new AbortController();
    const meanwhile = [() => setTimeout(300), () => work(50), () => setTimeout(200)];
    const slices = new Slices(slice, undefined, async (ms) => {
      rests.push(ms);
      await meanwhile.shift()?.();
      if (rests.length === 4) stopping.abort();
    });
    await work(50);
    await slices.run(stopping.signal);
    expect(rests).toEqual([busyRestShare, restShare, busyRestShare, restShare]);
  });
});

test("a server that stops waits for the slice under way, and not for those behind it", async () => {
  const stopping = new AbortController();
  let count = 0;
  const slice = async () => {
    if (++count === 3) stopping.abort();
    return true;
  };
  await new Slices(slice).run(stopping.signal);
  expect(count).toBe(3);
});
