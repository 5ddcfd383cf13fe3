/** Whether a licence has too many tokens or too few, by one rule. Pure: figures in, a sentence out. */
import type { DenialCode, Millis } from "../core/types.ts";
import type { DenialPoint, UsagePoint } from "./charts.ts";
import { total } from "./sums.ts";
import { type Denials, day } from "./tally.ts";

/** What is looked back at: four whole weeks have every weekday four times. */
export const adviceDays = 28;

/** With less than a week no weekend has been seen. */
const observedMinDays = 7;

/** Free tokens that are no waste: a tenth of the peak, and one at least. */
const spareShare = 0.1;

/** Reasons that more tokens would have helped with. */
const lacking: readonly DenialCode[] = ["tokens_exhausted", "tokens_all_assigned"];

export type Verdict = "more" | "fewer" | "enough" | "unknown";

export interface Advice {
  readonly verdict: Verdict;
  readonly observedDays: number;
  readonly limit: number;
  readonly peak: number;
  /** So many tokens sufficed for 95 % of the time in which any was in use. */
  readonly p95: number;
  /** Holders who lacked a token and did not get one within the tolerance. */
  readonly trueDenialsPerWeek: number;
  readonly overusePerWeek: number;
  /** Null: as it is. */
  readonly suggestedLimit: number | null;
  readonly sentence: string;
}

export interface Observed {
  readonly limit: number;
  /** Quarters of an hour, from the first one in which the licence was used. */
  readonly usage: readonly UsagePoint[];
  /** Hours of the same time. */
  readonly denials: readonly DenialPoint[];
}

/** Applies the rule: true denials ask for more, tokens that were never in use for fewer. */
export function adviceOn({ limit, usage, denials }: Observed): Advice {
  const [first, last] = [usage[0], usage.at(-1)];
  const observedDays = first === undefined ? 0 : ((last as UsagePoint).end - first.start) / day;
  const weeks = Math.max(observedDays / 7, Number.EPSILON);
  const peak = usage.reduce((max, point) => Math.max(max, point.max), 0);
  const missing = denials.map(({ byReason }) => lackingIn(byReason));
  const trueDenials = missing.reduce((sum, count) => sum + count, 0);
  const overuse = usage.reduce((sum, point) => sum + point.overuse, 0);
  const figures = {
    observedDays: Math.floor(observedDays),
    limit,
    peak,
    p95: p95Of(usage),
    trueDenialsPerWeek: observedDays === 0 ? 0 : trueDenials / weeks,
    overusePerWeek: observedDays === 0 ? 0 : overuse / weeks,
  };
  const worstHour = Math.max(0, ...missing);
  return { ...figures, ...verdictOn(figures, worstHour) };
}

type Figures = Omit<Advice, "verdict" | "suggestedLimit" | "sentence">;

function verdictOn(figures: Figures, worstHour: number): Pick<Advice, "verdict" | "suggestedLimit" | "sentence"> {
  const { limit, peak, observedDays, trueDenialsPerWeek, overusePerWeek } = figures;
  if (observedDays < observedMinDays) {
    return {
      verdict: "unknown",
      suggestedLimit: null,
      sentence: "Less than a week has been counted: too little to judge by.",
    };
  }
  if (overusePerWeek >= 1) {
    const sentence = `Sessions went beyond the limit ${perWeek(overusePerWeek)}; ${peak} tokens would have covered them all.`;
    return { verdict: "more", suggestedLimit: peak, sentence };
  }
  if (trueDenialsPerWeek >= 1) {
    const suggestedLimit = limit + worstHour;
    const sentence = `Somebody went without a token ${perWeek(trueDenialsPerWeek)}, at worst ${worstHour} in one hour; ${suggestedLimit} tokens would have served them all.`;
    return { verdict: "more", suggestedLimit, sentence };
  }
  const enough = peak + Math.max(1, Math.ceil(peak * spareShare));
  if (trueDenialsPerWeek === 0 && enough < limit) {
    const sentence = `Never more than ${peak} of ${limit} tokens were in use, and nobody went without: ${enough} would do.`;
    return { verdict: "fewer", suggestedLimit: enough, sentence };
  }
  return {
    verdict: "enough",
    suggestedLimit: null,
    sentence: "The tokens are in use, and hardly anybody goes without.",
  };
}

const perWeek = (count: number) => (count < 1.5 ? "once a week" : `${Math.round(count)} times a week`);

function lackingIn(denials: Denials): number {
  const own = Object.fromEntries(lacking.flatMap((code) => (denials[code] ? [[code, denials[code]]] : []))) as Denials;
  const { episodes, servedSoon } = total(own);
  return episodes - servedSoon;
}

/** By the most in use in each quarter of an hour: never less than the time itself says. */
function p95Of(usage: readonly UsagePoint[]): number {
  const used = usage.filter(({ max }) => max > 0).toSorted((a, b) => a.max - b.max);
  return used[Math.ceil(used.length * 0.95) - 1]?.max ?? 0;
}

/** Where a time begins that is not longer than what is looked back at. */
export const adviceFrom = (until: Millis): Millis => until - adviceDays * day;
