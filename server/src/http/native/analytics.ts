/** Analytics: how many tokens were in use, who was refused and for how long, when, and by whom the time was used. */
import { type Static, Type } from "typebox";
import { type Bucket, boundaries, buckets, bucketsMax, isTimeZone } from "../../analytics/calendar.ts";
import { denialPoints, heatCells, type UsageRows, usagePoints } from "../../analytics/charts.ts";
import {
  day,
  type EpisodeCount,
  episodeCountSeries,
  type HolderDay,
  holderSeries,
  minute,
  quarter,
  type Scope,
  type Tally,
  usageSeries,
} from "../../analytics/tally.ts";
import type { Pool } from "../../core/types.ts";
import { isBound, knownLicense } from "../access.ts";
import { type Answer, json } from "../answer.ts";
import { Instant, millis, Uuid, uuid, uuidOrNull } from "../input.ts";
import { pageSizeMax } from "../limits.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";

/** Rows of one series that a chart reads: three years of quarters of an hour, in each of which something happened. */
const rowsMax = 120_000;

/** Days of holders that are summed at once: so many rows fit an answer of a fifth of a second. */
const holderDaysMax = 93;
const holderRowsMax = 200_000;

const pools = ["floating", "named", "mono", "team"] as const;

const scopeFields = {
  license_id: Type.Optional(Uuid("Of one licence.")),
  product_id: Type.Optional(Uuid("Of all licences of a product.")),
  customer_id: Type.Optional(Uuid("Of all licences of a customer. Without any of the three: of all the vendor's.")),
  pool: Type.Optional(
    Type.Enum([...pools], { description: "The pool; a licence's own one if left out, `mono` where it has two." }),
  ),
};
const rangeFields = {
  from: Type.Optional(Instant("From this instant on; 30 days ago if left out.")),
  to: Type.Optional(Instant("Before this instant; now if left out.")),
  time_zone: Type.Optional(
    Type.String({ maxLength: 64, description: "Whose days and hours: an IANA name. UTC if left out." }),
  ),
};
const bucketField = { bucket: Type.Optional(Type.Enum([...buckets], { description: "`day` if left out." })) };
const formatField = { format: Type.Optional(Type.Enum(["json", "csv"])) };
const strict = { additionalProperties: false };

const ChartQuery = Type.Object({ ...scopeFields, ...rangeFields, ...bucketField, ...formatField }, strict);
const HeatQuery = Type.Object({ ...scopeFields, ...rangeFields, ...formatField }, strict);
const { from, to } = rangeFields;
const HolderQuery = Type.Object({ license_id: Uuid("The licence."), from, to, ...formatField }, strict);

const counts = Type.Record(Type.String(), Type.Integer(), { description: "By the denial's code." });
const maybeNumber = Type.Union([Type.Number(), Type.Null()]);
const time = Type.String({ format: "date-time" });

const UsageItem = Type.Object({
  start: time,
  end: time,
  max: Type.Integer({ description: "The most tokens in use at once." }),
  mean: Type.Number({ description: "Tokens in use, weighted by time." }),
  limit: Type.Union([Type.Integer(), Type.Null()]),
  sessions_opened: Type.Integer(),
  sessions_closed: Type.Integer(),
  sessions_expired: Type.Integer({ description: "Ended by silence: nobody closed them." }),
  sessions_ended: Type.Integer({ description: "By an administrator, or because their token was taken away." }),
  overuse: Type.Integer({ description: "Sessions that were granted beyond the limit." }),
  denied: counts,
});
const DenialItem = Type.Object({
  start: time,
  end: time,
  denials: Type.Integer(),
  by_reason: counts,
  episodes: Type.Integer({ description: "Repeated attempts of one holder are one episode." }),
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
  denials: Type.Integer(),
});
const HolderItem = Type.Object({
  holder: Type.String(),
  session_seconds: Type.Integer({ description: "Of sessions that have ended; beside each other they count each." }),
  sessions: Type.Integer(),
  denials: Type.Integer(),
});
const listOf = <T extends import("typebox").TSchema>(item: T) => ({ 200: Type.Object({ items: Type.Array(item) }) });

export function analyticsRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/analytics/usage",
      reach: "admin",
      tag: "Analytics",
      summary: "Chart the tokens in use",
      description: "A bucket in which nothing happened carries the level on. `minute` reaches back two weeks.",
      query: ChartQuery,
      answers: listOf(UsageItem),
      async handle(call, finish) {
        const chart = await readChart(store, call);
        const items = usagePoints(chart.usage, chart.boundaries, chart.now).map((point) => ({
          start: iso(point.start),
          end: iso(point.end),
          max: point.max,
          mean: rounded(point.mean),
          limit: point.limit ?? chart.limit,
          sessions_opened: point.opened,
          sessions_closed: point.closed,
          sessions_expired: point.expired,
          sessions_ended: point.ended,
          overuse: point.overuse,
          denied: point.denied,
        }));
        finish(answerOf(items, call.query.format));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/denials",
      reach: "admin",
      tag: "Analytics",
      summary: "Chart the denials",
      description: "Attempts, and the episodes that they make up: who was refused, and whether it mattered.",
      query: ChartQuery,
      answers: listOf(DenialItem),
      async handle(call, finish) {
        const chart = await readChart(store, call);
        const usage = usagePoints(chart.usage, chart.boundaries, chart.now);
        const items = denialPoints(usage, chart.episodes).map((point) => ({
          start: iso(point.start),
          end: iso(point.end),
          denials: point.denials,
          by_reason: point.byReason,
          episodes: point.episodes,
          true_denials: point.episodes - point.servedSoon,
          false_denials: point.servedSoon,
          wait_mean_seconds: seconds(point.waitMeanMs),
          wait_max_seconds: seconds(point.waitMaxMs),
        }));
        finish(answerOf(items, call.query.format));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/heatmap",
      reach: "admin",
      tag: "Analytics",
      summary: "Tokens in use and denials by weekday and hour",
      query: HeatQuery,
      answers: listOf(HeatItem),
      async handle(call, finish) {
        const chart = await readChart(store, { ...call, query: { ...call.query, bucket: "hour" } }, false);
        const [first, last] = [chart.from, Math.min(chart.to, chart.now)];
        const items = heatCells(chart.usage, first, Math.max(first, last), chart.timeZone).map((cell) => ({
          weekday: cell.weekday + 1,
          hour: cell.hour,
          mean: rounded(cell.mean),
          max: cell.max,
          denials: cell.denials,
        }));
        finish(answerOf(items, call.query.format));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/holders",
      reach: "admin",
      tag: "Analytics",
      summary: "Who used a licence for how long, and who was refused how often",
      description: `By whole days (UTC), ${holderDaysMax} at most; the longest users first, ${pageSizeMax} of them.`,
      query: HolderQuery,
      answers: listOf(HolderItem),
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const range = rangeOf(call.query, store.now());
        if (range.to - range.from > holderDaysMax * day) {
          throw new Problem("input_invalid", `from, to: want ${holderDaysMax} days at most`);
        }
        const first = Math.floor(range.from / day) * day;
        const rows = await store.tallies(call.isvId, holderSeries(id), first, range.to, holderRowsMax);
        const items = holdersOf(rows as Tally<HolderDay>[]).map((item) => ({
          ...item,
          holder: call.names.of(item.holder),
        }));
        finish(answerOf(items, call.query.format));
      },
    }),
  ];
}

interface ChartCall extends KeyedCall {
  readonly query: Static<typeof ChartQuery>;
}

/** What a chart is drawn from. `withBuckets` false: its range as it is, whatever the buckets. */
async function readChart(store: Services["store"], call: ChartCall, withBuckets = true) {
  const now = store.now();
  const range = rangeOf(call.query, now);
  const { bucket = "day", time_zone: timeZone = "UTC" } = call.query;
  if (!isTimeZone(timeZone)) throw new Problem("input_invalid", `time_zone: there is no zone ${timeZone}`);
  const cuts = withBuckets ? cutsOf(bucket, range, timeZone) : [range.from, range.to];
  const { scope, id } = scopeOf(call);
  const { pool, limit } = poolOf(call, scope, id);
  const resolution = bucket === "minute" ? minute : quarter;
  const series = usageSeries(resolution, scope, id, pool);
  const [from, to] = [cuts[0] as number, cuts.at(-1) as number];
  const [before, rows, episodes] = await Promise.all([
    store.tallyBefore(call.isvId, series, from),
    store.tallies(call.isvId, series, from, to, rowsMax),
    store.tallies(call.isvId, episodeCountSeries(scope, id), from, to, rowsMax),
  ]);
  const usage = { before, rows, resolution } as UsageRows;
  return { usage, episodes: episodes as Tally<EpisodeCount>[], boundaries: cuts, from, to, now, timeZone, limit };
}

function cutsOf(bucket: Bucket, range: { readonly from: number; readonly to: number }, timeZone: string): number[] {
  const cuts = boundaries(bucket, range.from, range.to, timeZone);
  if (cuts === null) {
    throw new Problem("input_invalid", `bucket: ${bucketsMax} at most; take longer ones or a shorter time`);
  }
  if (bucket !== "minute" && cuts.some((cut) => cut % quarter !== 0)) {
    throw new Problem("input_invalid", "time_zone: want one whose hours begin at a quarter of an hour of UTC");
  }
  return cuts;
}

function rangeOf(query: { readonly from?: string; readonly to?: string }, now: number) {
  const to = query.to === undefined ? now : millis(query.to, "to");
  const from = query.from === undefined ? to - 30 * day : millis(query.from, "from");
  if (from >= to) throw new Problem("input_invalid", "from, to: want an end after the beginning");
  return { from, to };
}

/** @throws Problem where several scopes are named, or the key does not reach the one that is. */
function scopeOf(call: ChartCall): { scope: Scope; id: string } {
  const { license_id, product_id, customer_id } = call.query;
  const named = [license_id, product_id, customer_id].filter((id) => id !== undefined);
  if (named.length > 1) throw new Problem("input_invalid", "license_id, product_id, customer_id: want one of them");
  const licenseId = uuidOrNull(license_id);
  if (licenseId !== null) return { scope: "license", id: knownLicense(call, licenseId).id };
  if (isBound(call.key)) {
    throw new Problem("key_insufficient", "The key is bound to some licences: name one in license_id.");
  }
  if (product_id !== undefined) return { scope: "product", id: uuid(product_id) };
  if (customer_id !== undefined) return { scope: "customer", id: uuid(customer_id) };
  return { scope: "vendor", id: call.isvId };
}

/** The pool that is charted, and the limit that it has now. */
function poolOf(call: ChartCall, scope: Scope, id: string): { pool: Pool; limit: number | null } {
  const { vendor, query } = call;
  const licenses = [...vendor.licenses.values()].filter(
    (license) =>
      scope === "vendor" ||
      id === { license: license.id, product: license.product_id, customer: license.customer_id }[scope],
  );
  const editionOf = (editionId: string) => vendor.editions.get(editionId);
  const only = licenses.length === 1 ? editionOf(licenses[0]?.edition_id ?? "") : undefined;
  const own = only?.provisioning_mode === "named" ? "named" : only?.client_type === "projects" ? "mono" : "floating";
  const pool = query.pool ?? own;
  const limits = licenses.map((license) => {
    const edition = editionOf(license.edition_id);
    if (edition?.provisioning_mode === "named") {
      return pool === "named" ? license.token_limit + license.goodwill_token_limit : 0;
    }
    if (license.project_tokens !== null) return pool === "mono" || pool === "team" ? license.project_tokens[pool] : 0;
    return pool === "floating" ? license.floating_token_limit : 0;
  });
  return { pool, limit: licenses.length === 0 ? null : limits.reduce((all, limit) => all + limit, 0) };
}

function holdersOf(rows: readonly Tally<HolderDay>[]): Static<typeof HolderItem>[] {
  const sums = new Map<string, Static<typeof HolderItem>>();
  for (const { part, body } of rows) {
    const sum = sums.get(part) ?? { holder: part, session_seconds: 0, sessions: 0, denials: 0 };
    sum.session_seconds += body.sessionMs / 1_000;
    sum.sessions += body.sessions;
    sum.denials += body.denials;
    sums.set(part, sum);
  }
  return [...sums.values()]
    .toSorted((a, b) => b.session_seconds - a.session_seconds || b.denials - a.denials)
    .slice(0, pageSizeMax)
    .map((sum) => ({ ...sum, session_seconds: Math.round(sum.session_seconds) }));
}

/** JSON, or CSV as RFC 4180 has it: nested counts as `code:count` with spaces between them. */
function answerOf(items: readonly Readonly<Record<string, unknown>>[], format: "json" | "csv" | undefined): Answer {
  if (format !== "csv") return json({ items });
  const names = Object.keys(items[0] ?? {});
  const lines = [names.join(","), ...items.map((item) => names.map((name) => csvField(item[name])).join(","))];
  return { status: 200, contentType: "text/csv; charset=utf-8", body: `${lines.join("\r\n")}\r\n`, headers: [] };
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text =
    typeof value === "object"
      ? Object.entries(value)
          .map(([name, count]) => `${name}:${count}`)
          .join(" ")
      : String(value);
  // A spreadsheet would take these for the beginning of a formula.
  const safe = typeof value === "string" && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const iso = (at: number) => new Date(at).toISOString();
const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
const seconds = (ms: number | null) => (ms === null ? null : Math.round(ms / 100) / 10);
