/** Whether a licence has the tokens that it needs, in figures and in a sentence. */
import { Type } from "typebox";
import {
  adviceDays,
  adviceFrom,
  adviceOn,
  isLacking,
  lackingHours,
  type Standing,
  unusableMs,
  withHolders,
} from "../../../analytics/advice.ts";
import { denialPoints, usagePoints } from "../../../analytics/charts.ts";
import {
  type Denials,
  denialSeries,
  type Episode,
  episodeSeries,
  hour,
  kindOf,
  quarter,
  type Tally,
  usageSeries,
} from "../../../analytics/tally.ts";
import type { License } from "../../../catalog/entities.ts";
import type { Millis } from "../../../core/types.ts";
import type { Store } from "../../../stores/store.ts";
import { knownLicense } from "../../access.ts";
import { json } from "../../answer.ts";
import { Uuid } from "../../input.ts";
import { keyed, type Route, type Services } from "../../route.ts";
import { countedUntil, usageRows } from "./charts.ts";
import * as query from "./query.ts";
import { rounded } from "./table.ts";

const Query = Type.Object({ license_id: Uuid("The licence."), ...query.poolField }, { additionalProperties: false });
const Advice = Type.Object({
  verdict: Type.String({ description: "`more`, `fewer`, `enough`, or `unknown` before a week is counted." }),
  observed_days: Type.Integer(),
  limit: Type.Integer(),
  peak: Type.Integer(),
  p95: Type.Integer({ description: "So many sufficed for 95 % of the time in which any was in use." }),
  true_denials_per_week: Type.Number({
    description: "Holders who lacked a token and did not get one within five minutes.",
  }),
  overuse_per_week: Type.Number(),
  suggested_limit: Type.Union([Type.Integer(), Type.Null()]),
  message: Type.String(),
});

export function adviceRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/analytics/advice",
      reach: "admin",
      tag: "Analytics",
      summary: "Does a licence need more tokens, or fewer?",
      description: `By its last ${adviceDays} days.`,
      query: Query,
      answers: { 200: Advice },
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const { pool, limit } = query.poolOf(call, "license", id);
        const until = await countedUntil(store);
        const last = Math.ceil(until / hour) * hour;
        const series = usageSeries(quarter, "license", id, pool);
        const all = await usageRows(store, call.isvId, series, quarter, [adviceFrom(last), last]);
        const firstUsed = all.before === undefined ? (all.rows[0]?.start ?? last) : adviceFrom(last);
        const from = Math.floor(firstUsed / hour) * hour;
        const cuts = cutsBetween(from, last, quarter);
        const usage = usagePoints(all, cuts, until);
        const denied = denialSeries(quarter, "license", id, kindOf(pool));
        const denials = (await store.tallies(call.isvId, denied, from, last, rowsMax)) as Tally<Denials>[];
        const now = limit ?? 0;
        const lacking = await withHolders(
          lackingHours(usage, denialPoints(denials, cuts), now),
          now,
          async ({ start, end, holders }) => {
            const rows = await store.tallies(call.isvId, episodeSeries(id), start, end, episodesMax);
            // Of so many hardly any are the same.
            if (rows.length === episodesMax) return holders;
            const own = (rows as Tally<Episode>[]).filter((row) => isLacking(row, pool));
            return new Set(own.map(({ body }) => body.holder)).size;
          },
        );
        const unusable = unusableMs(await standingsOf(store, call.isvId, id, from), from, last);
        const advice = adviceOn({ limit: now, usage, lacking, unusableMs: unusable });
        finish(
          json({
            verdict: advice.verdict,
            observed_days: advice.observedDays,
            limit: advice.limit,
            peak: advice.peak,
            p95: advice.p95,
            true_denials_per_week: rounded(advice.trueDenialsPerWeek),
            overuse_per_week: rounded(advice.overusePerWeek),
            suggested_limit: advice.suggestedLimit,
            message: advice.sentence,
          }),
        );
      },
    }),
  ];
}

/** What the licence was from one instant on, by the audit log. History that is older than the licence, as an import's may be, stands. */
async function standingsOf(store: Store, isvId: string, licenseId: string, from: Millis): Promise<Standing[]> {
  const since = { from, to: null, offset: 0, limit: changesMax };
  const { items } = await store.audit({ isvId, kind: "license", id: licenseId, ...since });
  const lines = items.toReversed();
  const current = store.catalog.vendor(isvId)?.licenses.get(licenseId) ?? null;
  const first = lines[0] === undefined ? current : (lines[0].before as License | null);
  return [
    ...(first === null ? [] : [{ from, license: standingOf(first) }]),
    ...lines.map(({ at, after }) => ({ from: at, license: standingOf(after as License | null) })),
  ];
}

function standingOf(license: License | null): Standing["license"] {
  if (license === null) return null;
  const { is_active: isActive, expiration_date_utc: end } = license;
  return { isActive, expiresAt: end === null ? null : Date.parse(end) };
}

/** Changes of the licence that are looked at, the newest ones: more of them in four weeks are a program's, and hardly of this. */
const changesMax = 1_000;

/** Quarters of an hour of the days that are looked back at, and some. */
const rowsMax = 3_000;

/** Episodes of one hour that are read to tell who they are of. */
const episodesMax = 1_000;

function cutsBetween(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, n) => from + n * step);
}
