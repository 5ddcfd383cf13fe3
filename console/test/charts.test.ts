/** What charts beneath each other share. */
import { expect, test } from "vitest";
import { placeForCounts } from "../src/charts/time.ts";

test("charts beneath each other leave one place for their figures, as wide as the widest of both needs", () => {
  expect(placeForCounts([])).toBe(48);
  expect(placeForCounts([11, 3, 60])).toBe(48);
  // "1,000,000" beside "1": of an axis of its own the second would begin 25 pixels before the first.
  expect(placeForCounts([1_000_000, 1])).toBeGreaterThan(80);
  // 900,000 stand under an axis that ends at a million.
  expect(placeForCounts([900_000])).toBe(placeForCounts([1_000_000]));
});
