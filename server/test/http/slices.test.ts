/** Long lists: cut into pages a slice at a time, and whoever comes in between is served. */
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LicenseView } from "../../src/core/types.ts";
import { byKey, FirstOnes, slicesOf } from "../../src/http/admin/slices.ts";
import { lookedAtOnceMax } from "../../src/http/limits.ts";
import type { Store } from "../../src/stores/store.ts";

test("a page has what it has where all lines are sorted at once", () => {
  const line = fc.record({ key: fc.integer({ min: 0, max: 20 }), id: fc.uuid() });
  const slices = fc.array(fc.array(line, { maxLength: 12 }), { maxLength: 12 });
  const page = fc.record({ number: fc.integer({ min: 1, max: 8 }), size: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(slices, page, fc.boolean(), (all, { number, size }, isDescending) => {
      const first = new FirstOnes<(typeof all)[number][number]>(number * size, byKey(isDescending));
      for (const slice of all) first.add(slice);
      const sorted = all.flat().toSorted(byKey(isDescending));
      expect(first.from((number - 1) * size)).toEqual(sorted.slice((number - 1) * size, number * size));
      expect(first.total).toBe(sorted.length);
    }),
  );
});

test("others have their turn between two slices, and the store says when to go on", async () => {
  const order: string[] = [];
  const store = { read: async () => void order.push("store") } as unknown as Store;
  const license = { terms: {} } as LicenseView;
  const others = setImmediate().then(() => order.push("others"));
  const numbers = Array.from({ length: lookedAtOnceMax + 1 }, (_, n) => n);
  for await (const slice of slicesOf(store, license, numbers)) order.push(`${slice.length}`);
  await others;
  expect(order).toEqual([`${lookedAtOnceMax}`, "others", "store", "1"]);
});
