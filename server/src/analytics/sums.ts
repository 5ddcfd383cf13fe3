/** Sums of what tallies count. */
import { keepsOut } from "../core/denials.ts";
import type { DenialCode } from "../core/types.ts";
import type { DenialCount, Denials, HolderUse } from "./tally.ts";

export const noDenials: DenialCount = { attempts: 0, episodes: 0, served: 0, servedSoon: 0, waitMs: 0, waitMaxMs: 0 };

/** Denials of several times or places as those of one. */
export function joined(all: readonly Denials[]): Denials {
  const sums: Partial<Record<DenialCode, DenialCount>> = {};
  for (const denials of all) {
    // Most days of most holders have none, and nothing is made of those.
    for (const code in denials) {
      const own = code as DenialCode;
      sums[own] = sumOf(sums[own] ?? noDenials, denials[own] ?? noDenials);
    }
  }
  return sums;
}

/** Those that kept somebody out. */
export function keptOut(denials: Denials): Denials {
  return Object.fromEntries(entriesOf(denials).filter(([code]) => keepsOut(code)));
}

/** Denials for whatever reason as those for one. */
export function total(denials: Denials): DenialCount {
  return entriesOf(denials).reduce((sum, [, count]) => sumOf(sum, count), noDenials);
}

function entriesOf(denials: Denials): [DenialCode, DenialCount][] {
  return Object.entries(denials) as [DenialCode, DenialCount][];
}

/** Two counts as one. */
export function sumOf(a: DenialCount, b: DenialCount): DenialCount {
  return {
    attempts: a.attempts + b.attempts,
    episodes: a.episodes + b.episodes,
    served: a.served + b.served,
    servedSoon: a.servedSoon + b.servedSoon,
    waitMs: a.waitMs + b.waitMs,
    waitMaxMs: Math.max(a.waitMaxMs, b.waitMaxMs),
  };
}

/** What holders have is counted in these, and in denials. */
export const holderFigures = ["sessionMs", "sessions", "expired", "reopened", "activations", "byTurns"] as const;

/** What two holders had as one's. */
export function oneUse(a: HolderUse, b: HolderUse): HolderUse {
  const sum: { -readonly [K in keyof HolderUse]: HolderUse[K] } = {};
  for (const name of holderFigures) {
    const both = (a[name] ?? 0) + (b[name] ?? 0);
    if (both > 0) sum[name] = both;
  }
  for (const name of ["expiredAt", "byTurnsAt"] as const) {
    const last = Math.max(a[name] ?? 0, b[name] ?? 0);
    if (last > 0) sum[name] = last;
  }
  const denials = joined([a.denials ?? {}, b.denials ?? {}]);
  if (Object.keys(denials).length > 0) sum.denials = denials;
  return sum;
}
