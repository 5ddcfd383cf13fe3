/**
 * What a careless program or a shared id looks like, by the figures of its holder. Signs, not proof: each has an innocent
 * explanation.
 */
import type { DenialCode } from "../core/types.ts";
import type { HolderSum } from "./charts.ts";

export const signs = {
  renews_late: "Sessions lapse and are opened again minutes later: the application extends too late, or not at all.",
  never_closes: "Sessions nearly always end by silence: the application does not give its token back.",
  id_shared: "The same id wants in more often than it may: several people or machines may share it.",
  several_addresses:
    "One session is extended from several addresses by turns: two programs may work on one token, or its network has several ways out.",
  wanders: "The client is activated again and again: one token is passed around.",
} as const;
export type Sign = keyof typeof signs;

/** Below so many cases in the time looked at, nothing is said: anybody's program crashes. */
const casesMin = 5;

/** Denials that an id meets which is in use already. */
const inUseAlready: readonly DenialCode[] = ["sessions_exhausted", "user_already_active", "session_of_other_holder"];

export interface Signed {
  readonly holder: string;
  readonly sign: Sign;
  readonly cases: number;
  /** What they are counted among: sessions, hours or days. */
  readonly outOf: number;
}

/** The signs of some holders over a number of days, the most cases first. */
export function signsOf(holders: readonly HolderSum[], days: number): Signed[] {
  return holders
    .flatMap((sum) => {
      const shared = inUseAlready.reduce((all, code) => all + (sum.denials[code]?.attempts ?? 0), 0);
      const found: readonly (readonly [Sign, number, number, number])[] = [
        ["renews_late", sum.reopened, sum.sessions, 0.2],
        ["never_closes", sum.expired, sum.sessions, 0.8],
        ["id_shared", shared, sum.sessions, 0.1],
        ["several_addresses", sum.byTurns, 24 * days, 0.02],
        ["wanders", sum.activations, days, 0.5],
      ];
      return found
        .filter(([, cases, outOf, share]) => cases >= casesMin && cases >= outOf * share)
        .map(([sign, cases, outOf]): Signed => ({ holder: sum.holder, sign, cases, outOf }));
    })
    .toSorted((a, b) => b.cases - a.cases || (a.holder < b.holder ? -1 : 1));
}
