/** Charts: how many tokens were in use, how often somebody was refused and for how long, and at what hours. */
import { Type } from "typebox";
import { type DenialPoint, denialPoints, heatCells, type UsageRows, usagePoints } from "../../../analytics/charts.ts";
import { keptOut, total } from "../../../analytics/sums.ts";
import {
  type Denials,
  denialSeries,
  kindOf,
  quarter,
  type Resolution,
  type Tally,
  usageSeries,
} from "../../../analytics/tally.ts";
import type { DenialCode } from "../../../core/denials.ts";
import { keyed, type Route, type Services } from "../../route.ts";
import * as query from "./query.ts";
import { formatField, iso, listOf, rounded, seconds, tableOf, time } from "./table.ts";

/** Rows of one series that a chart reads: three years of quarters of an hour, in each of which something happened. */
const rowsMax = 120_000;

const strict = { additionalProperties: false };
const { scopeFields, poolField, kindField, rangeFields, zoneField, bucketField, reasonField } = query;
const UsageQuery = Type.Object(
  { ...scopeFields, ...poolField, ...rangeFields, ...zoneField, ...bucketField, ...formatField },
  strict,
);
const DenialQuery = Type.Object(
  { ...scopeFields, ...kindField, ...reasonField, ...rangeFields, ...zoneField, ...bucketField, ...formatField },
  strict,
);
const HeatQuery = Type.Object({ ...scopeFields, ...poolField, ...rangeFields, ...zoneField, ...formatField }, strict);

const UsageItem = Type.Object({
  start: time,
  end: time,
  max: Type.Integer({ description: "The most tokens in use at once." }),
  mean: Type.Number({ description: "Tokens in use, weighted by time." }),
  limit: Type.Union([Type.Integer(), Type.Null()], {
    description: "As of the bucket's last event; of several licences, as of now.",
  }),
  sessions_opened: Type.Integer(),
  sessions_closed: Type.Integer(),
  sessions_expired: Type.Integer({ description: "Ended by silence: nobody closed them." }),
  sessions_ended: Type.Integer({ description: "By an administrator, or because their token was taken away." }),
  overuse: Type.Integer({ description: "Sessions that were granted beyond the limit." }),
});
const counts = Type.Record(Type.String(), Type.Integer(), {
  description: "All refused requests by their denial's code.",
});
const maybeNumber = Type.Union([Type.Number(), Type.Null()]);
const DenialItem = Type.Object({
  start: time,
  end: time,
  denials: Type.Integer({ description: "Refused requests of somebody who wanted in; of `reason`, if it is given." }),
  by_reason: counts,
  episodes: Type.Integer({ description: "Repeated attempts of one holder are one episode, counted where it began." }),
  true_denials: Type.Integer({ description: "Episodes whose holder was not served within five minutes." }),
  false_denials: Type.Integer({ description: "Episodes whose holder was." }),
  wait_mean_seconds: maybeNumber,
  wait_max_seconds: maybeNumber,
});
const HeatItem = Type.Object({
  weekday: Type.Integer({ description: "1: Monday … 7: Sunday." }),
  hour: Type.Integer(),
  mean: Type.Number(),
  max: Type.Integer(),
  denials: Type.Integer({
    description: "Refused requests of somebody who wanted in; of `mono` and `team`, who wanted such a token.",
  }),
});
const counted = {
  counted_until: Type.String({ format: "date-time", description: "What is later is not counted yet." }),
};

export function chartRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/analytics/usage",
      reach: "admin",
      tag: "Analytics",
      summary: "Chart the tokens in use",
      description: "A bucket in which nothing happened carries the level on. `minute` reaches back two weeks.",
      query: UsageQuery,
      answers: listOf(UsageItem, counted),
      async handle(call, finish) {
        const { bucket = "day", format } = call.query;
        const { scope, id } = query.scopeOf(call);
        const { pool, limit } = query.poolOf(call, scope, id);
        const cuts = query.cutsOf(bucket, query.rangeOf(call.query, store.now()), query.zoneOf(call.query));
        const resolution = query.resolutionOf(bucket);
        const rows = await usageRows(store, call.isvId, usageSeries(resolution, scope, id, pool), resolution, cuts);
        const until = await countedUntil(store);
        const items = usagePoints(rows, cuts, until).map((point) => ({
          start: iso(point.start),
          end: iso(point.end),
          max: point.max,
          mean: rounded(point.mean),
          limit: point.limit ?? limit,
          sessions_opened: point.opened,
          sessions_closed: point.closed,
          sessions_expired: point.expired,
          sessions_ended: point.ended,
          overuse: point.overuse,
        }));
        finish(tableOf(UsageItem, items, format, { counted_until: iso(until) }));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/denials",
      reach: "admin",
      tag: "Analytics",
      summary: "Chart the denials",
      description: "Attempts, and the episodes that they make up: who was refused, and whether it mattered.",
      query: DenialQuery,
      answers: listOf(DenialItem, counted),
      async handle(call, finish) {
        const { bucket = "day", format, reason, pool } = call.query;
        const { scope, id } = query.scopeOf(call);
        const cuts = query.cutsOf(bucket, query.rangeOf(call.query, store.now()), query.zoneOf(call.query));
        const series = denialSeries(query.resolutionOf(bucket), scope, id, pool);
        const rows = await store.tallies(call.isvId, series, cuts[0] as number, cuts.at(-1) as number, rowsMax);
        const items = denialPoints(rows as Tally<Denials>[], cuts).map((point) => denialItem(point, reason));
        finish(tableOf(DenialItem, items, format, { counted_until: iso(await countedUntil(store)) }));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/heatmap",
      reach: "admin",
      tag: "Analytics",
      summary: "Tokens in use and denials by weekday and hour",
      description: "Of whole quarters of an hour, over three years at most.",
      query: HeatQuery,
      answers: listOf(HeatItem, counted),
      async handle(call, finish) {
        const { scope, id } = query.scopeOf(call);
        const { pool } = query.poolOf(call, scope, id);
        const { from, to } = query.quarterRangeOf(call.query, store.now());
        const zone = query.zoneOf(call.query);
        // A zone whose hours begin elsewhere has its quarters in two of them.
        query.cutsOf("hour", { from, to: from + quarter }, zone);
        const series = usageSeries(quarter, scope, id, pool);
        const [rows, denials] = await Promise.all([
          usageRows(store, call.isvId, series, quarter, [from, to]),
          store.tallies(call.isvId, denialSeries(quarter, scope, id, kindOf(pool)), from, to, rowsMax),
        ]);
        const until = await countedUntil(store);
        const last = Math.max(from, Math.min(to, until));
        const items = heatCells(rows, denials as Tally<Denials>[], from, last, zone).map((cell) => ({
          ...cell,
          weekday: cell.weekday + 1,
          mean: rounded(cell.mean),
        }));
        finish(tableOf(HeatItem, items, call.query.format, { counted_until: iso(until) }));
      },
    }),
  ];
}

/** The use between the first and the last of some instants. */
export async function usageRows(
  store: Services["store"],
  isvId: string,
  series: string,
  resolution: Resolution,
  cuts: readonly number[],
): Promise<UsageRows> {
  const [from, to] = [cuts[0] as number, cuts.at(-1) as number];
  const [before, rows] = await Promise.all([
    store.tallyBefore(isvId, series, from),
    store.tallies(isvId, series, from, to, rowsMax),
  ]);
  return { before, rows, resolution } as UsageRows;
}

/** Where a chart ends. Read after its rows: none of them is later. */
export async function countedUntil(store: Services["store"]): Promise<number> {
  return Math.min((await store.counted()).until, store.now());
}

/**
 * Denials of one time, licence or holder as an answer shows them: those that kept somebody out and their sum, unless a reason
 * is asked for. By reason all are told.
 */
export function denialColumns(all: Denials, reason: DenialCode | undefined) {
  const own = reason === undefined ? all : reason in all ? ({ [reason]: all[reason] } as Denials) : {};
  const summed = total(reason === undefined ? keptOut(own) : own);
  const { attempts, episodes, served, servedSoon, waitMs, waitMaxMs } = summed;
  return {
    denials: attempts,
    by_reason: Object.fromEntries(Object.entries(own).map(([code, count]) => [code, count.attempts])),
    episodes,
    true_denials: episodes - servedSoon,
    false_denials: servedSoon,
    wait_mean_seconds: served === 0 ? null : seconds(waitMs / served),
    wait_max_seconds: served === 0 ? null : seconds(waitMaxMs),
  };
}

export const denialFields = {
  denials: DenialItem.properties.denials,
  by_reason: counts,
  episodes: DenialItem.properties.episodes,
  true_denials: DenialItem.properties.true_denials,
  false_denials: DenialItem.properties.false_denials,
  wait_mean_seconds: maybeNumber,
  wait_max_seconds: maybeNumber,
};

function denialItem({ start, end, byReason }: DenialPoint, reason: DenialCode | undefined) {
  return { start: iso(start), end: iso(end), ...denialColumns(byReason, reason) };
}
