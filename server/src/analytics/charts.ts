/** From tallies to what a chart shows. Pure: rows in, points out. */
import type { Millis } from "../core/types.ts";
import { weekdayAndHour } from "./calendar.ts";
import { holderFigures, joined, keptOut, total } from "./sums.ts";
import {
  type Denials,
  day,
  type HolderUse,
  holderSeries,
  quarter,
  type Resolution,
  type Tally,
  type Usage,
  week,
} from "./tally.ts";

/** One bucket of a chart of use. */
export interface UsagePoint {
  readonly start: Millis;
  readonly end: Millis;
  readonly max: number;
  /** Weighted by time, over the part of the bucket that has passed. */
  readonly mean: number;
  readonly limit: number | null;
  readonly opened: number;
  readonly closed: number;
  readonly expired: number;
  readonly ended: number;
  readonly overuse: number;
}

export interface UsageRows {
  /** The last row before the first bucket: the level at which the chart begins. */
  readonly before: Tally<Usage> | undefined;
  readonly rows: readonly Tally<Usage>[];
  readonly resolution: Resolution;
}

/** A stretch of time in which a level was held or changed within one row. */
interface Stretch {
  readonly from: Millis;
  readonly to: Millis;
  readonly tokenMs: number;
  readonly max: number;
  readonly row: Tally<Usage> | null;
}

/** Points between boundaries, which lie at whole multiples of the rows' resolution, up to `now`. */
export function usagePoints(source: UsageRows, boundaries: readonly Millis[], now: Millis): UsagePoint[] {
  const points = boundaries.slice(0, -1).map((start, n) => new Point(start, boundaries[n + 1] as Millis));
  let n = 0;
  let limit = source.before?.body.limit ?? null;
  for (const stretch of stretches(source, boundaries[0] ?? now, Math.min(boundaries.at(-1) ?? now, now))) {
    while (n < points.length && (points[n] as Point).end <= stretch.from) n++;
    limit = stretch.row?.body.limit ?? limit;
    for (let m = n; m < points.length && (points[m] as Point).start < stretch.to; m++) points[m]?.add(stretch, limit);
  }
  return points.map((point) => point.finished(now));
}

/** What happened from the first boundary to the last one: rows, and the level that went on between them. */
function* stretches({ before, rows, resolution }: UsageRows, from: Millis, to: Millis): Iterable<Stretch> {
  let at = from;
  let level = before?.body.level ?? 0;
  for (const row of rows) {
    if (row.start >= to) break;
    if (row.start > at) yield { from: at, to: row.start, tokenMs: level * (row.start - at), max: level, row: null };
    const end = Math.min(row.start + resolution, Math.max(to, row.body.until));
    const rest = row.body.level * Math.max(0, end - row.body.until);
    yield {
      from: row.start,
      to: end,
      tokenMs: row.body.tokenMs + rest,
      max: Math.max(row.body.max, row.body.level),
      row,
    };
    at = end;
    level = row.body.level;
  }
  if (at < to) yield { from: at, to, tokenMs: level * (to - at), max: level, row: null };
}

class Point {
  readonly start: Millis;
  readonly end: Millis;
  #tokenMs = 0;
  #max = 0;
  #limit: number | null = null;
  readonly #events = { opened: 0, closed: 0, expired: 0, ended: 0, overuse: 0 };

  constructor(start: Millis, end: Millis) {
    this.start = start;
    this.end = end;
  }

  add({ from, to, tokenMs, max, row }: Stretch, limit: number | null): void {
    const share = Math.min(to, this.end) - Math.max(from, this.start);
    // A stretch over several points is one of a level that did not change.
    this.#tokenMs += to > from ? (tokenMs * share) / (to - from) : 0;
    this.#max = Math.max(this.#max, max);
    this.#limit = limit;
    if (row === null) return;
    for (const name of ["opened", "closed", "expired", "ended", "overuse"] as const) {
      this.#events[name] += row.body[name];
    }
  }

  finished(now: Millis): UsagePoint {
    const passed = Math.min(this.end, now) - this.start;
    const mean = passed > 0 ? this.#tokenMs / passed : 0;
    const { start, end } = this;
    return { start, end, max: this.#max, mean, limit: this.#limit, ...this.#events };
  }
}

/** One bucket of a chart of denials. */
export interface DenialPoint {
  readonly start: Millis;
  readonly end: Millis;
  readonly byReason: Denials;
}

export function denialPoints(rows: readonly Tally<Denials>[], boundaries: readonly Millis[]): DenialPoint[] {
  let n = 0;
  return boundaries.slice(0, -1).map((start, m) => {
    const end = boundaries[m + 1] as Millis;
    const first = n;
    while (n < rows.length && (rows[n] as Tally).start < end) n++;
    return { start, end, byReason: joined(rows.slice(first, n).map(({ body }) => body)) };
  });
}

/** Denials by what their tallies tell apart (`part`), by name. */
export function deniedParts(rows: readonly Tally<Denials>[]): { part: string; byReason: Denials }[] {
  const parts = Map.groupBy(rows, ({ part }) => part);
  return [...parts]
    .map(([part, own]) => ({ part, byReason: joined(own.map(({ body }) => body)) }))
    .toSorted((a, b) => (a.part < b.part ? -1 : 1));
}

/** What one holder had of a licence over some days. */
export interface HolderSum extends Omit<Required<HolderUse>, "expiredAt" | "byTurnsAt"> {
  readonly holder: string;
}

const noFigures = { sessionMs: 0, sessions: 0, expired: 0, reopened: 0, activations: 0, byTurns: 0 };

/** The tallies of a licence's holders that together cover whole days (UTC): whole weeks where they fit in. */
export function* holderPieces(
  licenseId: string,
  from: Millis,
  to: Millis,
): Iterable<{ readonly series: string; readonly from: Millis; readonly to: Millis }> {
  for (let at = from; at < to; ) {
    const span = at % week === 0 && at + week <= to ? week : day;
    yield { series: holderSeries(span, licenseId), from: at, to: at + span };
    at += span;
  }
}

/** What holders had of a licence over some days, added up piece by piece: all at once would be too many rows. */
export class HolderSums {
  readonly #sums = new Map<string, { -readonly [K in keyof HolderSum]: HolderSum[K] }>();

  add(rows: readonly Tally<HolderUse>[]): void {
    for (const { part: holder, body } of rows) {
      const sum = this.#sums.get(holder) ?? { holder, ...noFigures, denials: {} };
      for (const name of holderFigures) sum[name] += body[name] ?? 0;
      if (body.denials !== undefined) sum.denials = joined([sum.denials, body.denials]);
      this.#sums.set(holder, sum);
    }
  }

  /** The longest users first. */
  sorted(): HolderSum[] {
    return [...this.#sums.values()].toSorted((a, b) => b.sessionMs - a.sessionMs || (a.holder < b.holder ? -1 : 1));
  }
}

/** One hour of the week. */
export interface HeatCell {
  /** 0: Monday. */
  readonly weekday: number;
  readonly hour: number;
  readonly mean: number;
  readonly max: number;
  readonly denials: number;
}

/**
 * Use, and denials that kept somebody out, by weekday and hour, from and to whole quarters of an hour, of which every zone's
 * hours have four.
 */
export function heatCells(
  source: UsageRows,
  denials: readonly Tally<Denials>[],
  from: Millis,
  to: Millis,
  timeZone: string,
): HeatCell[] {
  const cells = Array.from({ length: 7 * 24 }, () => ({ tokenMs: 0, ms: 0, max: 0, denials: 0 }));
  const finder = () => {
    const placeOf = weekdayAndHour(from, timeZone);
    return (at: Millis) => {
      const { weekday, hour } = placeOf(at);
      return cells[weekday * 24 + hour] as (typeof cells)[number];
    };
  };
  const cellOfUse = finder();
  for (const stretch of stretches(source, from, to)) {
    for (let at = stretch.from; at < stretch.to; ) {
      const end = Math.min((Math.floor(at / quarter) + 1) * quarter, stretch.to);
      const cell = cellOfUse(at);
      cell.tokenMs += (stretch.tokenMs * (end - at)) / (stretch.to - stretch.from);
      cell.ms += end - at;
      cell.max = Math.max(cell.max, stretch.max);
      at = end;
    }
  }
  const cellOfDenial = finder();
  for (const { start, body } of denials) cellOfDenial(start).denials += total(keptOut(body)).attempts;
  return cells.map(({ tokenMs, ms, max, denials }, n) => ({
    weekday: Math.floor(n / 24),
    hour: n % 24,
    mean: ms === 0 ? 0 : tokenMs / ms,
    max,
    denials,
  }));
}
