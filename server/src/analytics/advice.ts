/** Whether a licence has too many tokens or too few, by one rule. Pure: figures in, a sentence out. */
import type { DenialCode, Millis, Pool } from "../core/types.ts";
import type { DenialPoint, UsagePoint } from "./charts.ts";
import { total } from "./sums.ts";
import { type Denials, day, type Episode, hour, kindOf, startOf, type Tally, toleranceMs } from "./tally.ts";

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
  /** As it is now. It may have been another one while `usage` was counted. */
  readonly limit: number;
  /** Quarters of an hour, from the first one in which the licence was used. */
  readonly usage: readonly UsagePoint[];
  readonly lacking: readonly LackingHour[];
  /** How much of that time nobody could use it, see `unusableMs`: it says nothing of the tokens. */
  readonly unusableMs: number;
}

/** What a licence was from an instant on, as far as it says whether anybody may use it; null: it was not there. */
export interface Standing {
  readonly from: Millis;
  readonly license: { readonly isActive: boolean; readonly expiresAt: Millis | null } | null;
}

/** How long nobody could use a licence between two instants. `standings` are in order of time; before the first of them it could be used. */
export function unusableMs(standings: readonly Standing[], from: Millis, to: Millis): number {
  return standings.reduce((sum, { from: since, license }, n) => {
    const start = Math.max(since, from);
    const end = Math.min(standings[n + 1]?.from ?? to, to);
    const usableTo = license?.isActive !== true ? start : (license.expiresAt ?? end);
    return sum + Math.max(0, end - Math.max(start, usableTo));
  }, 0);
}

/** An hour of the clock (UTC) in which somebody lacked a token and did not get one within the tolerance. */
export interface LackingHour {
  readonly start: Millis;
  readonly end: Millis;
  readonly episodes: number;
  /** How many they were: at most as many as there were episodes. */
  readonly holders: number;
  /** Against which they were refused. */
  readonly limit: number;
}

/** The hours in which a token was lacking, each holder being taken for another one. `denials` are of the quarters of `usage`. */
export function lackingHours(
  usage: readonly UsagePoint[],
  denials: readonly DenialPoint[],
  limit: number,
): LackingHour[] {
  const limits = new Map(usage.map((point) => [point.start, point.limit]));
  const hours = new Map<Millis, LackingHour>();
  for (const { start: at, byReason } of denials) {
    const count = lackingIn(byReason);
    if (count === 0) continue;
    const start = startOf(at, hour);
    const before = hours.get(start);
    const episodes = (before?.episodes ?? 0) + count;
    const limitThen = limits.get(at) ?? limit;
    const lowest = Math.min(before?.limit ?? limitThen, limitThen);
    hours.set(start, { start, end: start + hour, episodes, holders: episodes, limit: lowest });
  }
  return [...hours.values()];
}

/** So many tokens would have served everybody in that hour. */
const neededIn = (hour: LackingHour) => hour.limit + hour.holders;

/**
 * The same hours with as many holders as there were, where that decides anything: somebody who comes again and again is one, and
 * lacks one token. `count` reads how many they were.
 */
export async function withHolders(
  hours: readonly LackingHour[],
  limit: number,
  count: (hour: LackingHour) => Promise<number>,
): Promise<LackingHour[]> {
  const counted: LackingHour[] = [];
  let needed = limit;
  for (const each of hours.toSorted((a, b) => neededIn(b) - neededIn(a))) {
    const mayBeServedNow = each.limit < limit && neededIn(each) > limit;
    const isOpen = each.holders > 1 && (neededIn(each) > needed || mayBeServedNow);
    const known = isOpen ? { ...each, holders: await count(each) } : each;
    needed = Math.max(needed, neededIn(known));
    counted.push(known);
  }
  return counted;
}

/** Whether an episode is of somebody who lacked a token of that pool, and went without. */
export function isLacking({ start, body: { code, servedAt, pool: own } }: Tally<Episode>, pool: Pool): boolean {
  if (!lacking.includes(code) || own !== kindOf(pool)) return false;
  return servedAt === null || servedAt - start > toleranceMs;
}

/** Applies the rule: true denials ask for more, tokens that were never in use for fewer. */
export function adviceOn({ limit, usage, lacking, unusableMs }: Observed): Advice {
  const [first, last] = [usage[0], usage.at(-1)];
  const observedMs = first === undefined ? 0 : (last as UsagePoint).end - first.start;
  const observedDays = Math.max(0, observedMs - unusableMs) / day;
  const weekly = (count: number) => (observedDays === 0 ? 0 : (count * 7) / observedDays);
  const episodesOf = (hours: readonly LackingHour[]) => hours.reduce((sum, { episodes }) => sum + episodes, 0);
  const overuseOf = (points: readonly UsagePoint[]) => points.reduce((sum, { overuse }) => sum + overuse, 0);
  const figures = {
    observedDays: Math.floor(observedDays),
    limit,
    peak: usage.reduce((max, point) => Math.max(max, point.max), 0),
    p95: p95Of(usage),
    trueDenialsPerWeek: weekly(episodesOf(lacking)),
    overusePerWeek: weekly(overuseOf(usage)),
  };
  // A limit that was raised since is an answer to what came before: only what it would not have covered asks for more.
  const open = lacking.filter((each) => neededIn(each) > limit);
  const worst = open.reduce((most, each) => (neededIn(each) > neededIn(most) ? each : most), open[0] ?? noHour);
  const uncovered = {
    denialsPerWeek: weekly(episodesOf(open)),
    overusePerWeek: weekly(overuseOf(usage.filter(({ max }) => max > limit))),
    worst,
  };
  return { ...figures, ...verdictOn(figures, uncovered, observedMs / day) };
}

const noHour: LackingHour = { start: 0, end: 0, episodes: 0, holders: 0, limit: 0 };

type Figures = Omit<Advice, "verdict" | "suggestedLimit" | "sentence">;

/** What the limit would not cover, as it is now. */
interface Uncovered {
  readonly denialsPerWeek: number;
  readonly overusePerWeek: number;
  readonly worst: LackingHour;
}

function verdictOn(
  { limit, peak, observedDays, trueDenialsPerWeek, overusePerWeek }: Figures,
  uncovered: Uncovered,
  countedDays: number,
): Pick<Advice, "verdict" | "suggestedLimit" | "sentence"> {
  if (observedDays < observedMinDays) {
    return {
      verdict: "unknown",
      suggestedLimit: null,
      sentence: countedDays < observedMinDays ? tooEarly(peak) : unused,
    };
  }
  if (uncovered.overusePerWeek >= 1) {
    const sentence = `Sessions went beyond the limit ${perWeek(uncovered.overusePerWeek)}; ${peak} tokens would have covered them all.`;
    return { verdict: "more", suggestedLimit: peak, sentence };
  }
  if (uncovered.denialsPerWeek >= 1) {
    const { worst } = uncovered;
    const suggestedLimit = neededIn(worst);
    const sentence = `Somebody went without a token ${perWeek(uncovered.denialsPerWeek)}, at worst ${worst.holders} in one hour; ${suggestedLimit} tokens would have served them all.`;
    return { verdict: "more", suggestedLimit, sentence };
  }
  const enough = peak + Math.max(1, Math.ceil(peak * spareShare));
  if (trueDenialsPerWeek === 0 && enough < limit) {
    const sentence = `Never more than ${peak} of ${limit} tokens were in use, and nobody went without: ${enough} would do.`;
    return { verdict: "fewer", suggestedLimit: enough, sentence };
  }
  const isRaised = trueDenialsPerWeek + overusePerWeek > 0 && uncovered.denialsPerWeek + uncovered.overusePerWeek === 0;
  return { verdict: "enough", suggestedLimit: null, sentence: isRaised ? raised(limit) : inUse(peak) };
}

const tooEarly = (peak: number) =>
  peak === 0
    ? "None of the tokens has been used yet: there is nothing to judge by."
    : "Less than a week has been counted: too little to judge by.";

const unused = "It could be used for less than a week of this time: too little to judge by.";

const raised = (limit: number) =>
  `There were too few tokens for a time; the ${limit} that there are now would have covered it.`;

const inUse = (peak: number) =>
  `${peak === 0 ? "None of the tokens was" : "The tokens are"} in use, and hardly anybody goes without.`;

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
