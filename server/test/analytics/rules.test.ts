/** What analytics concludes from its figures: whether tokens are missing, and which programs are careless. */
import { describe, expect, test } from "vitest";
import { adviceOn } from "../../src/analytics/advice.ts";
import type { DenialPoint, HolderSum, UsagePoint } from "../../src/analytics/charts.ts";
import { signsOf } from "../../src/analytics/signs.ts";
import { day, hour, quarter } from "../../src/analytics/tally.ts";
import type { DenialCode } from "../../src/core/types.ts";

const quiet = { mean: 0, limit: null, opened: 0, closed: 0, expired: 0, ended: 0, overuse: 0 };

/** Days whose quarters of an hour have `levels` in turn. */
function usageOf(days: number, levels: readonly number[], more: Partial<UsagePoint> = {}): UsagePoint[] {
  return Array.from({ length: (days * day) / quarter }, (_, n) => ({
    ...quiet,
    start: n * quarter,
    end: (n + 1) * quarter,
    max: levels[n % levels.length] as number,
    ...(n === 0 && more),
  }));
}

const denied = (episodes: number, servedSoon: number, code: DenialCode = "tokens_exhausted"): DenialPoint => ({
  start: 0,
  end: hour,
  byReason: { [code]: { attempts: 9 * episodes, episodes, served: servedSoon, servedSoon, waitMs: 0, waitMaxMs: 0 } },
});

describe("advice", () => {
  test("says nothing before a week is counted", () => {
    expect(adviceOn({ limit: 5, usage: usageOf(6, [5]), denials: [denied(100, 0)] })).toMatchObject({
      verdict: "unknown",
      suggestedLimit: null,
    });
    expect(adviceOn({ limit: 5, usage: [], denials: [] })).toMatchObject({
      verdict: "unknown",
      observedDays: 0,
      peak: 0,
    });
  });

  test("wants more where somebody goes without every week, by the worst hour", () => {
    const denials = [denied(6, 2), denied(3, 0), denied(5, 5)];
    expect(adviceOn({ limit: 5, usage: usageOf(28, [5]), denials })).toMatchObject({
      verdict: "more",
      trueDenialsPerWeek: 7 / 4,
      suggestedLimit: 9,
      sentence:
        "Somebody went without a token 2 times a week, at worst 4 in one hour; 9 tokens would have served them all.",
    });
  });

  test("does not count who was served soon, nor reasons that no token helps with", () => {
    const denials = [denied(50, 50), denied(50, 0, "session_unknown")];
    expect(adviceOn({ limit: 5, usage: usageOf(28, [5]), denials })).toMatchObject({
      verdict: "enough",
      trueDenialsPerWeek: 0,
    });
  });

  test("wants fewer where some were never in use, and leaves a tenth to spare", () => {
    const advice = adviceOn({ limit: 50, usage: usageOf(28, [20, 3, 0]), denials: [] });
    expect(advice).toMatchObject({ verdict: "fewer", peak: 20, suggestedLimit: 22 });
    expect(adviceOn({ limit: 22, usage: usageOf(28, [20]), denials: [] }).verdict).toBe("enough");
    // Somebody went without once in four weeks: not often enough for more, too often for fewer.
    expect(adviceOn({ limit: 50, usage: usageOf(28, [20]), denials: [denied(1, 0)] }).verdict).toBe("enough");
  });

  test("counts what was beyond a soft limit as missing", () => {
    const usage = usageOf(28, [9], { overuse: 8 });
    expect(adviceOn({ limit: 5, usage, denials: [] })).toMatchObject({
      verdict: "more",
      overusePerWeek: 2,
      suggestedLimit: 9,
    });
  });

  test("tells how many sufficed nearly always, of the time in which any was in use", () => {
    const levels = [...Array.from({ length: 95 }, () => 3), 8, 8, 8, 8, 8, ...Array.from({ length: 100 }, () => 0)];
    expect(adviceOn({ limit: 9, usage: usageOf(200 / 4 / 24, levels), denials: [] }).p95).toBe(3);
  });
});

describe("signs", () => {
  const holder = (name: string, more: Partial<HolderSum>): HolderSum => ({
    holder: name,
    sessionMs: 0,
    sessions: 20,
    expired: 0,
    reopened: 0,
    activations: 0,
    byTurns: 0,
    denials: {},
    ...more,
  });
  const attempts = (n: number) => ({ attempts: n, episodes: n, served: 0, servedSoon: 0, waitMs: 0, waitMaxMs: 0 });

  test("are seen from five cases on, where they are a fair share of what the holder does", () => {
    const found = signsOf(
      [
        holder("late", { reopened: 5 }),
        holder("silent", { expired: 16 }),
        holder("shared", { denials: { sessions_exhausted: attempts(4), user_already_active: attempts(3) } }),
        holder("wandering", { activations: 15 }),
        holder("at two places", { byTurns: 17 }),
        holder("good", {
          reopened: 4,
          expired: 15,
          activations: 14,
          byTurns: 14,
          denials: { tokens_exhausted: attempts(99) },
        }),
        holder("busy", { sessions: 1_000, reopened: 5, denials: { sessions_exhausted: attempts(99) } }),
      ],
      30,
    );
    expect(found).toEqual([
      { holder: "at two places", sign: "several_addresses", cases: 17, outOf: 720 },
      { holder: "silent", sign: "never_closes", cases: 16, outOf: 20 },
      { holder: "wandering", sign: "wanders", cases: 15, outOf: 30 },
      { holder: "shared", sign: "id_shared", cases: 7, outOf: 20 },
      { holder: "late", sign: "renews_late", cases: 5, outOf: 20 },
    ]);
  });
});
