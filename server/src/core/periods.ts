/** When the period begins and ends in which a consumption counts. */
import type { Limitation, Millis } from "./types.ts";

const msPerDay = 86_400_000;

export interface Period {
  readonly from: Millis;
  /** Null: it does not end. */
  readonly until: Millis | null;
}

/**
 * The period that `now` lies in. `anchor` is where periods of days are counted from, and where one begins that never ends:
 * the licence's beginning, or the first consumption.
 */
export function periodAt({ reset, resetDays }: Limitation, anchor: Millis, now: Millis): Period {
  if (reset === "month" || reset === "quarter" || reset === "year") return calendarPeriod(monthsOf[reset], now);
  if (reset !== "days") return { from: anchor, until: null };
  const lengthMs = resetDays * msPerDay;
  const from = anchor + Math.floor((now - anchor) / lengthMs) * lengthMs;
  return { from, until: from + lengthMs };
}

const monthsOf = { month: 1, quarter: 3, year: 12 } as const;

/** So many months of the calendar in UTC, from the year's first on. */
function calendarPeriod(months: number, now: Millis): Period {
  const date = new Date(now);
  const month = Math.floor(date.getUTCMonth() / months) * months;
  return {
    from: Date.UTC(date.getUTCFullYear(), month, 1),
    until: Date.UTC(date.getUTCFullYear(), month + months, 1),
  };
}
