/** What a signal does to a server that has not started yet. */
import { afterEach, expect, test, vi } from "vitest";
import { stopOnSignals } from "../../src/cli/signals.ts";

const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const listeners = new Map(names.map((name) => [name, process.listeners(name)]));

afterEach(() => {
  vi.restoreAllMocks();
  for (const name of names) {
    for (const each of process.listeners(name)) {
      if (listeners.get(name)?.includes(each) === false) process.removeListener(name, each);
    }
  }
});

test("one that is refused after it was told to stop is refused as ever: whoever starts it says why, and with which status", async () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const tell = vi.spyOn(console, "error").mockImplementation(() => {});
  const { promise, reject } = Promise.withResolvers<never>();
  stopOnSignals(promise);
  process.emit("SIGTERM");
  reject(new Error("in use"));
  await expect(promise).rejects.toThrow("in use");
  await new Promise((resolve) => setImmediate(resolve));
  expect([exit.mock.calls, tell.mock.calls]).toEqual([[], []]);
});
