/** Instants are written by our own hand, because it is cheaper: they must read as everybody else's. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { instant } from "../../src/http/slascone/dto.ts";

test("an instant is written as toISOString writes it", () => {
  const any = fc.integer({ min: Date.parse("0001-01-01T00:00:00Z"), max: Date.parse("9999-12-31T23:59:59.999Z") });
  const near = fc.integer({ min: Date.parse("2026-02-28T23:00:00Z"), max: Date.parse("2026-03-01T01:00:00Z") });
  fc.assert(
    fc.property(fc.oneof(any, near), (at) => {
      expect(instant(at)).toBe(new Date(at).toISOString());
    }),
    { numRuns: 2_000 },
  );
});
