/** Changes of the catalogue on one server, whoever makes them. */
import { expect, test } from "vitest";
import { inTurn } from "../../src/http/admin/change.ts";
import { changesWaitingMax } from "../../src/http/limits.ts";
import type { Store } from "../../src/stores/store.ts";

test("wait for each other, so many and no more, however long the first takes", async () => {
  const store = {} as Store;
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const done: number[] = [];
  const all = Array.from({ length: changesWaitingMax }, (_, n) =>
    inTurn(store, async () => {
      await held;
      done.push(n);
    }),
  );
  const refusal = { code: "overloaded", headers: ["Retry-After", "1"] };
  await expect(inTurn(store, async () => {})).rejects.toMatchObject(refusal);
  await expect(inTurn({} as Store, async () => "of another store")).resolves.toBe("of another store");
  release();
  await Promise.all(all);
  expect(done).toEqual(all.map((_, n) => n));
  await expect(inTurn(store, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
  await expect(inTurn(store, async () => "served")).resolves.toBe("served");
});
