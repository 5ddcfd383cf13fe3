/** Changes of a vendor's catalogue on one server, whoever makes them. */
import { expect, test } from "vitest";
import { inTurn } from "../../src/http/admin/change.ts";
import { changesWaitingMax } from "../../src/http/limits.ts";
import type { Store } from "../../src/stores/store.ts";
import { isvIdOf } from "../model/vendor.ts";

const isv = isvIdOf(1);

test("wait for each other, so many and no more, however long the first takes", async () => {
  const store = {} as Store;
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const done: number[] = [];
  const all = Array.from({ length: changesWaitingMax }, (_, n) =>
    inTurn(store, isv, async () => {
      await held;
      done.push(n);
    }),
  );
  const refusal = { code: "overloaded", headers: ["Retry-After", "1"] };
  await expect(inTurn(store, isv, async () => {})).rejects.toMatchObject(refusal);
  await expect(inTurn(store, isvIdOf(2), async () => "another vendor's")).resolves.toBe("another vendor's");
  await expect(inTurn({} as Store, isv, async () => "of another store")).resolves.toBe("of another store");
  release();
  await Promise.all(all);
  expect(done).toEqual(all.map((_, n) => n));
  await expect(inTurn(store, isv, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
  await expect(inTurn(store, isv, async () => "served")).resolves.toBe("served");
});
