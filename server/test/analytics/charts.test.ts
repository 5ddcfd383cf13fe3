/**
 * Charts of random histories, compared with what the raw lines come to in the plainest way, for random ranges, buckets,
 * scopes and zones, on every store. `SEED=…` repeats a run, `WORLDS=…` sets its size.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bucket, boundaries } from "../../src/analytics/calendar.ts";
import {
  denialPoints,
  deniedParts,
  type HolderSum,
  HolderSums,
  heatCells,
  holderPieces,
  usagePoints,
} from "../../src/analytics/charts.ts";
import { Rollup } from "../../src/analytics/rollup.ts";
import {
  type Denials,
  day,
  denialSeries,
  deniedLicenses,
  type Episode,
  episodeSeries,
  type HolderUse,
  minute,
  quarter,
  type Scope,
  type Tally,
  usageSeries,
} from "../../src/analytics/tally.ts";
import type { HistoryRecord, Millis } from "../../src/core/types.ts";
import { usageRows } from "../../src/http/native/analytics/charts.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres.ts";
import type { Counted, Store } from "../../src/stores/store.ts";
import { Random } from "../differential/stream.ts";
import { customerIdOf, isvIdOf, productIdOf } from "../model/vendor.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { type StoreUnderTest, storesUnderTest } from "../stores/under-test.ts";
import {
  denialsBetween,
  episodesOf,
  holdersBetween,
  isOf,
  isTurnedAway,
  limitBefore,
  usageBetween,
  type Whose,
} from "./naive.ts";
import { World } from "./world.ts";

const seed = Number(process.env.SEED ?? 20_261_122);
const worlds = Number(process.env.WORLDS ?? 2);
const everything = 1_000_000;
const buckets: readonly Bucket[] = ["minute", "hour", "day", "week", "month"];

/** Each zone, and a day before its clocks are set. */
const zones = [
  ["Europe/Berlin", "2026-03-28T18:00:00Z"],
  ["Europe/Berlin", "2026-10-24T18:00:00Z"],
  ["America/New_York", "2026-03-08T01:00:00Z"],
  ["America/New_York", "2026-11-01T01:00:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T10:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T10:00:00Z"],
  ["Asia/Kolkata", "2026-01-30T12:00:00Z"],
] as const;

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());

const urls = new WeakMap<object, string>();
const postgres: StoreUnderTest = {
  name: "the PostgreSQL store",
  open: async (clock) => {
    const url = await server.database();
    const store = await openPostgresStore(url, { clock });
    urls.set(store, url);
    return store;
  },
  reopen: async (store, clock) => {
    const url = urls.get(store) as string;
    await store.close();
    const next = await openPostgresStore(url, { clock });
    urls.set(next, url);
    return next;
  },
};

const kinds = [...storesUnderTest(), postgres];
const cases = Array.from({ length: worlds }, (_, n) =>
  kinds.map((kind, m) => [kind.name, n * kinds.length + m, kind] as const),
).flat();

describe.each(cases)("a random history on %s (world %i)", (_name, n, kind) => {
  let world: World;
  let lines: readonly HistoryRecord[];
  let until: Millis;
  const random = new Random(seed + 7919 * n);
  const [zone, start] = zones[n % zones.length] as (typeof zones)[number];

  beforeAll(async () => {
    world = await World.make({ random, kind, start: Date.parse(start), steps: 500, hasBells: true });
    lines = await world.lines();
    ({ until } = await world.store.counted());
    return () => world.store.close();
    // On PostgreSQL and a busy machine, a history takes its time.
  }, 120_000);

  const scopes = (): readonly (readonly [Scope, string, Whose])[] => {
    const isvId = isvIdOf(1);
    const own = world.settings.filter((setting) => setting.isvId === isvId);
    const licensesWhere = (is: (setting: (typeof own)[number]) => boolean): Whose => ({
      isvId,
      licenses: own.filter(is).map(({ licenseId }) => licenseId),
    });
    return [
      ...own.map(({ licenseId }) => ["license", licenseId, { isvId, licenses: [licenseId] }] as const),
      ...[1, 2, 3, 4].map(
        (m) => ["product", productIdOf(m), licensesWhere((s) => s.productId === productIdOf(m))] as const,
      ),
      ...[1, 2].map(
        (m) => ["customer", customerIdOf(m), licensesWhere((s) => s.customerId === customerIdOf(m))] as const,
      ),
      ["vendor", isvId, { isvId, licenses: "all" }],
      ["vendor", isvIdOf(2), { isvId: isvIdOf(2), licenses: "all" }],
    ];
  };

  /** Boundaries of a random range, now and then beyond what is counted; of not too many buckets for the plain way. */
  const randomCuts = (bucket: Bucket): Millis[] => {
    const first = Date.parse(start);
    const length = until - first;
    const width = { minute: 200 * minute, hour: 150 * 60 * minute, day: 60 * day, week: 200 * day, month: 400 * day }[
      bucket
    ];
    const from = Math.floor(first - day + random.next() * (length + day));
    const to = from + 1 + Math.floor(random.next() * Math.min(width, length + 2 * day));
    return boundaries(bucket, from, to, zone) as Millis[];
  };

  test("has denials that kept somebody out, and others", () => {
    const denied = lines.filter(({ kind }) => kind === "denied");
    expect(denied.filter(isTurnedAway).length).toBeGreaterThan(20);
    expect(denied.filter((line) => !isTurnedAway(line)).length).toBeGreaterThan(20);
  });

  test("opens, closes, lapses, denies and switches", () => {
    const reached = new Set(lines.map(({ kind: reached }) => reached));
    for (const kind of ["session.opened", "session.closed", "session.expired", "denied", "client.activated"]) {
      expect(reached).toContain(kind);
    }
    expect(lines.length).toBeGreaterThan(200);
  });

  test.each(buckets)("the use by %s is what the lines come to", async (bucket) => {
    for (const [scope, id, whose] of scopes()) {
      for (const pool of ["floating", "named", "mono", "team"]) {
        const own = lines.filter(isOf(whose));
        if (!own.some((line) => line.pool === pool)) continue;
        const cuts = randomCuts(bucket);
        const resolution = bucket === "minute" ? minute : quarter;
        const rows = await usageRows(
          world.store,
          whose.isvId,
          usageSeries(resolution, scope, id, pool),
          resolution,
          cuts,
        );
        const points = usagePoints(rows, cuts, until);
        expect(points).toHaveLength(cuts.length - 1);
        for (const point of points) {
          const { limit, mean, ...figures } = point;
          const { mean: wanted, ...plain } = usageBetween(own, pool, point.start, point.end, until);
          const about = `${scope} ${id} ${pool} from ${new Date(point.start).toISOString()}, seed ${seed}`;
          expect(figures, about).toEqual(plain);
          expect(mean, about).toBeCloseTo(wanted, 6);
          if (scope === "license" && point.start < until) {
            expect(limit, about).toBe(limitBefore(own, pool, point.end));
          }
        }
      }
    }
  });

  test.each(buckets)("the denials by %s are what the lines come to", async (bucket) => {
    const episodes = episodesOf(lines, world.settings);
    for (const [scope, id, whose] of scopes()) {
      const own = lines.filter(isOf(whose));
      const followed = episodes.filter(
        ({ isvId, licenseId }) =>
          isvId === whose.isvId && (whose.licenses === "all" || whose.licenses.includes(licenseId)),
      );
      const cuts = randomCuts(bucket);
      for (const kind of [undefined, "mono", "team"] as const) {
        const isOfKind = ({ pool }: { readonly pool?: string | null }) => kind === undefined || pool === kind;
        const series = denialSeries(bucket === "minute" ? minute : quarter, scope, id, kind);
        const [first, last] = [cuts[0] as Millis, cuts.at(-1) as Millis];
        const rows = await world.store.tallies(whose.isvId, series, first, last, everything);
        for (const { start: from, end, byReason } of denialPoints(rows as Tally<Denials>[], cuts)) {
          const about = `${scope} ${id} ${kind} from ${new Date(from).toISOString()}, seed ${seed}`;
          const wanted = denialsBetween(own.filter(isOfKind), followed.filter(isOfKind), from, end);
          expect(byReason, about).toEqual(wanted);
        }
      }
    }
  });

  test("the heat map is what the lines come to, quarter by quarter", async () => {
    const [first, last] = [Math.floor((until - 9 * day) / quarter) * quarter, Math.ceil(until / quarter) * quarter];
    const from = first + random.below(8) * quarter;
    const hours = new Intl.DateTimeFormat("en", {
      timeZone: zone,
      weekday: "short",
      hour: "numeric",
      hourCycle: "h23",
    });
    const cellAt = (at: Millis) => {
      const parts = Object.fromEntries(hours.formatToParts(at).map(({ type, value }) => [type, value]));
      return (
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(parts.weekday as string) * 24 + Number(parts.hour)
      );
    };
    for (const [scope, id, whose] of scopes().slice(0, 9)) {
      const own = lines.filter(isOf(whose));
      const pool = own.find((line) => line.pool !== null)?.pool ?? "floating";
      const rows = await usageRows(world.store, whose.isvId, usageSeries(quarter, scope, id, pool), quarter, [
        from,
        last,
      ]);
      const denials = await world.store.tallies(whose.isvId, denialSeries(quarter, scope, id), from, last, everything);
      const cells = heatCells(rows, denials as Tally<Denials>[], from, Math.min(last, until), zone);
      const wanted = Array.from({ length: 168 }, () => ({ tokenMs: 0, ms: 0, max: 0, denials: 0 }));
      for (let at = from; at < until; at += quarter) {
        const cell = wanted[cellAt(at)] as (typeof wanted)[number];
        const ms = Math.min(quarter, until - at);
        const { mean, max } = usageBetween(own, pool, at, at + quarter, until);
        cell.tokenMs += mean * ms;
        cell.ms += ms;
        cell.max = Math.max(cell.max, max);
        cell.denials += own.filter((line) => isTurnedAway(line) && line.at >= at && line.at < at + quarter).length;
      }
      for (const { weekday, hour, mean, ...cell } of cells) {
        const { ms, tokenMs, ...plain } = wanted[weekday * 24 + hour] as (typeof wanted)[number];
        const about = `${scope} ${id} ${pool} weekday ${weekday} hour ${hour}, seed ${seed}`;
        expect(cell, about).toEqual(plain);
        expect(mean, about).toBeCloseTo(ms === 0 ? 0 : tokenMs / ms, 6);
      }
    }
  });

  test("holders, denied licences and episodes are what the lines come to", async () => {
    const from = Math.floor((Date.parse(start) + random.below(5) * day) / day) * day;
    const to = from + (1 + random.below(40)) * day;
    const episodes = episodesOf(lines, world.settings);
    for (const { isvId, licenseId } of world.settings) {
      const own = lines.filter(isOf({ isvId, licenses: [licenseId] }));
      const byName = (a: { readonly holder: string }, b: { readonly holder: string }) => (a.holder < b.holder ? -1 : 1);
      const sums = new HolderSums();
      for (const piece of holderPieces(licenseId, from, to)) {
        sums.add(
          (await world.store.tallies(isvId, piece.series, piece.from, piece.to, everything)) as Tally<HolderUse>[],
        );
      }
      expect(sums.sorted().toSorted(byName).filter(hasFigures), `licence ${licenseId}, seed ${seed}`).toEqual(
        holdersBetween(own, world.settings, from, to).toSorted(byName),
      );
      const kept = await world.store.tallies(isvId, episodeSeries(licenseId), from, to, everything);
      const begun = episodes.filter(
        (e) => e.isvId === isvId && e.licenseId === licenseId && e.firstAt >= from && e.firstAt < to,
      );
      const plain = (kept as Tally<Episode>[]).map(({ start: firstAt, body }) => ({
        isvId,
        licenseId,
        firstAt,
        ...body,
      }));
      expect(sortedEpisodes(plain), `licence ${licenseId}, seed ${seed}`).toEqual(sortedEpisodes(begun));
    }
    const rows = await world.store.tallies(isvIdOf(1), deniedLicenses, from, to, everything);
    for (const { part, byReason } of deniedParts(rows as Tally<Denials>[])) {
      const own = lines.filter(isOf({ isvId: isvIdOf(1), licenses: [part] }));
      const followed = episodes.filter(({ isvId, licenseId }) => isvId === isvIdOf(1) && licenseId === part);
      expect(byReason).toEqual(denialsBetween(own, followed, from, to));
    }
  });

  test("counting all of it at once comes to the same as counting it piece by piece", async () => {
    const again = await countedAgain(world);
    for (const [scope, id, whose] of scopes()) {
      for (const series of [usageSeries(quarter, scope, id, "floating"), denialSeries(quarter, scope, id)]) {
        const pieces = await world.store.tallies(whose.isvId, series, 0, until, everything);
        expect(again.filter((tally) => tally.isvId === whose.isvId && tally.series === series)).toEqual(pieces);
      }
    }
  });
});

const hasFigures = ({ holder: _, denials, ...figures }: HolderSum) =>
  Object.values(figures).some((n) => n > 0) || Object.keys(denials).length > 0;

function sortedEpisodes(all: readonly { readonly firstAt: Millis; readonly holder: string; readonly code: string }[]) {
  const keyOf = (e: (typeof all)[number]) => `${e.firstAt} ${e.holder} ${e.code}`;
  return all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** The tallies that one server makes of the whole history, in order. */
async function countedAgain({ store }: World): Promise<Tally[]> {
  const { until } = await store.counted();
  let counted: Counted = { until: 0, lines: 0 };
  const kept = new Map<string, Tally>();
  const empty: Partial<Store> = {
    catalog: store.catalog,
    now: () => store.now(),
    read: (isvId, licenseId) => store.read(isvId, licenseId),
    counted: async () => ({ ...counted, forgettings: 0 }),
    settledUntil: async () => until,
    linesAfter: (position, before, limit) => store.linesAfter(position, before, limit),
    talliesAt: async (keys) => keys.map(() => undefined),
    tallies: async () => [],
    async saveTallies(tallies, _from, to) {
      for (const tally of tallies) kept.set(`${tally.isvId} ${tally.series} ${tally.start} ${tally.part}`, tally);
      counted = to;
      return true;
    },
  };
  const rollup = new Rollup(empty as Store);
  while (await rollup.round());
  return [...kept.values()].toSorted((a, b) => a.start - b.start);
}
