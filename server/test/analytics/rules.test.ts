/** What analytics concludes from its figures: whether tokens are missing, and which programs are careless. */
import { describe, expect, test } from "vitest";
import {
  adviceOn,
  type LackingHour,
  lackingHours,
  type Standing,
  unusableMs,
  withHolders,
} from "../../src/analytics/advice.ts";
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

/** Hour by hour what was denied in it, all in its first quarter. */
function advised(limit: number, usage: readonly UsagePoint[], ...denials: readonly DenialPoint["byReason"][]) {
  return advisedWithout(0, limit, usage, ...denials);
}

/** Some of whose time nobody could use it. */
function advisedWithout(
  unusable: number,
  limit: number,
  usage: readonly UsagePoint[],
  ...denials: readonly DenialPoint["byReason"][]
) {
  const points = denials.map((byReason, n) => ({ start: n * hour, end: n * hour + quarter, byReason }));
  return adviceOn({ limit, usage, lacking: lackingHours(usage, points, limit), unusableMs: unusable });
}

const denied = (episodes: number, servedSoon: number, code: DenialCode = "tokens_exhausted") => ({
  [code]: { attempts: 9 * episodes, episodes, served: servedSoon, servedSoon, waitMs: 0, waitMaxMs: 0 },
});

describe("advice", () => {
  test("says nothing before a week is counted", () => {
    expect(advised(5, usageOf(6, [5]), denied(100, 0))).toMatchObject({
      verdict: "unknown",
      suggestedLimit: null,
    });
    expect(advised(5, [])).toMatchObject({
      verdict: "unknown",
      observedDays: 0,
      peak: 0,
      sentence: "None of the tokens has been used yet: there is nothing to judge by.",
    });
  });

  test("judges by the time in which the licence could be used", () => {
    const usage = usageOf(28, [5]);
    expect(advisedWithout(28 * day, 50, usage)).toMatchObject({ verdict: "unknown", observedDays: 0 });
    expect(advisedWithout(22 * day, 50, usage)).toMatchObject({ verdict: "unknown", observedDays: 6 });
    expect(advisedWithout(14 * day, 50, usage)).toMatchObject({ verdict: "fewer", observedDays: 14 });
    expect(advisedWithout(14 * day, 5, usage, denied(4, 0))).toMatchObject({ verdict: "more", trueDenialsPerWeek: 2 });
    expect(advisedWithout(0, 50, usageOf(3, [5])).sentence).toBe(
      "Less than a week has been counted: too little to judge by.",
    );
  });

  test("knows of a licence that was switched off, expired, or not there", () => {
    const on = { isActive: true, expiresAt: null };
    const off = { isActive: false, expiresAt: null };
    const until = (expiresAt: number) => ({ isActive: true, expiresAt });
    const at = (from: number, license: Standing["license"] = null): Standing => ({ from, license });
    expect(unusableMs([at(0, on)], 10, 20)).toBe(0);
    expect(unusableMs([at(0, off)], 10, 20)).toBe(10);
    expect(unusableMs([], 10, 20)).toBe(0);
    expect(unusableMs([at(0, until(5))], 10, 20)).toBe(10);
    expect(unusableMs([at(0, until(15))], 10, 20)).toBe(5);
    expect(unusableMs([at(0, until(25))], 10, 20)).toBe(0);
    // Off, on again, deleted, made anew with an end, and given more time.
    const history = [at(0, off), at(11, on), at(12), at(14, until(16)), at(17, until(30)), at(25, off)];
    expect(unusableMs(history, 10, 20)).toBe(1 + 2 + 1);
  });

  test("wants more where somebody goes without every week, by the worst hour", () => {
    expect(advised(5, usageOf(28, [5]), denied(6, 2), denied(3, 0), denied(5, 5))).toMatchObject({
      verdict: "more",
      trueDenialsPerWeek: 7 / 4,
      suggestedLimit: 9,
      sentence:
        "Somebody went without a token 2 times a week, at worst 4 in one hour; 9 tokens would have served them all.",
    });
  });

  test("does not count who was served soon, nor reasons that no token helps with", () => {
    expect(advised(5, usageOf(28, [5]), denied(50, 50), denied(50, 0, "session_unknown"))).toMatchObject({
      verdict: "enough",
      trueDenialsPerWeek: 0,
    });
  });

  test("wants fewer where some were never in use, and leaves a tenth to spare", () => {
    const advice = advised(50, usageOf(28, [20, 3, 0]));
    expect(advice).toMatchObject({ verdict: "fewer", peak: 20, suggestedLimit: 22 });
    expect(advised(22, usageOf(28, [20])).verdict).toBe("enough");
    // Somebody went without once in four weeks: not often enough for more, too often for fewer.
    expect(advised(50, usageOf(28, [20]), denied(1, 0)).verdict).toBe("enough");
  });

  test("does not call a token used that nobody has had", () => {
    expect(advised(1, usageOf(28, [0]))).toMatchObject({
      verdict: "enough",
      sentence: "None of the tokens was in use, and hardly anybody goes without.",
    });
    expect(advised(1, usageOf(28, [1])).sentence).toBe("The tokens are in use, and hardly anybody goes without.");
  });

  test("counts what was beyond a soft limit as missing", () => {
    const usage = usageOf(28, [9], { overuse: 8 });
    expect(advised(5, usage)).toMatchObject({
      verdict: "more",
      overusePerWeek: 2,
      suggestedLimit: 9,
    });
  });

  test("holds what came before against the limit of its time, and asks for what the limit of now would not cover", () => {
    const before = usageOf(14, [5]).map((point) => ({ ...point, limit: 5 }));
    const since = usageOf(14, [6]).map((point) => ({
      ...point,
      start: point.start + 14 * day,
      end: point.end + 14 * day,
      limit: 12,
    }));
    const usage = [...before, ...since];
    const rush = [denied(4, 0), denied(3, 0)];
    expect(advised(12, usage, ...rush)).toMatchObject({
      verdict: "enough",
      trueDenialsPerWeek: 7 / 4,
      suggestedLimit: null,
      sentence: "There were too few tokens for a time; the 12 that there are now would have covered it.",
    });
    // The one raise was not enough, the other one was taken back.
    expect(advised(8, usage, ...rush)).toMatchObject({ verdict: "more", suggestedLimit: 9 });
    expect(advised(2, usage, ...rush)).toMatchObject({ verdict: "more", suggestedLimit: 9 });
    const overuse = usage.map((point, n) => ({ ...point, ...(n < 8 && { max: 9, overuse: 1 }) }));
    expect(advised(9, overuse)).toMatchObject({ verdict: "enough", overusePerWeek: 2, suggestedLimit: null });
    expect(advised(12, overuse)).toMatchObject({ verdict: "fewer", suggestedLimit: 10 });
    expect(advised(8, overuse)).toMatchObject({ verdict: "more", suggestedLimit: 9 });
  });

  test("asks who they were only in hours that decide something", async () => {
    const asked: number[] = [];
    const at = (n: number, episodes: number, limit: number): LackingHour => {
      return { start: n, end: n + 1, episodes, holders: episodes, limit };
    };
    const hours = [at(1, 9, 5), at(2, 7, 5), at(3, 3, 5), at(4, 4, 5), at(5, 1, 5), at(6, 4, 3), at(7, 2, 3)];
    const counted = await withHolders(hours, 5, async ({ start }) => {
      asked.push(start);
      return start === 1 ? 2 : 3;
    });
    // The fourth could still be the worst, and the sixth be covered by now; the third, the fifth and the seventh could neither.
    expect(asked).toEqual([1, 2, 4, 6]);
    expect(counted.map(({ start, holders }) => [start, holders]).toSorted(([a = 0], [b = 0]) => a - b)).toEqual([
      [1, 2],
      [2, 3],
      [3, 3],
      [4, 3],
      [5, 1],
      [6, 3],
      [7, 2],
    ]);
  });

  test("tells how many sufficed nearly always, of the time in which any was in use", () => {
    const levels = [...Array.from({ length: 95 }, () => 3), 8, 8, 8, 8, 8, ...Array.from({ length: 100 }, () => 0)];
    expect(advised(9, usageOf(200 / 4 / 24, levels)).p95).toBe(3);
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
