/** Buckets by the clock on the wall, compared with what the platform's own calendar says of each quarter of an hour. */
import { describe, expect, test } from "vitest";
import { type Bucket, boundaries, bucketsMax, isTimeZone, weekdayAndHour } from "../../src/analytics/calendar.ts";

const quarter = 15 * 60_000;
const hour = 4 * quarter;
const day = 24 * hour;
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "+05:45",
];

const buckets = ["hour", "day", "week", "month"] as const;

/** What somebody in the zone would call the buckets of an instant; repeated hours are told apart by their offset. */
function namer(zone: string): (at: number) => Record<(typeof buckets)[number], string> {
  const format = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const { year, month, day: date, hour: clock, timeZoneName } = parts;
    const number = Date.UTC(Number(year), Number(month) - 1, Number(date)) / day;
    return {
      hour: `${year}-${month}-${date} ${clock} ${timeZoneName}`,
      day: String(number),
      // 1970 began on a Thursday.
      week: String(Math.floor((number + 3) / 7)),
      month: `${year}-${month}`,
    };
  };
}

const year = Date.parse("2026-01-01T00:00:00Z");

/** Every quarter of an hour of more than two years at which a bucket has another name than before. */
function cutsIn(zone: string): Record<Bucket, number[]> {
  const nameOf = namer(zone);
  const cuts: Record<Bucket, number[]> = { minute: [], hour: [], day: [], week: [], month: [] };
  let before = nameOf(year + 40 * day - quarter);
  for (let at = year + 40 * day; at < year + 800 * day; at += quarter) {
    const names = nameOf(at);
    for (const bucket of buckets) if (names[bucket] !== before[bucket]) cuts[bucket].push(at);
    before = names;
  }
  return { ...cuts, hour: cuts.hour.filter((at) => at < year + 365 * day) };
}

describe.each(zones)("in %s", (zone) => {
  const allCuts = cutsIn(zone);

  test.each(buckets)("a year is cut by %s where its names change", (bucket) => {
    const cuts = allCuts[bucket];
    const [first, last] = [cuts[0] as number, cuts.at(-1) as number];
    expect(boundaries(bucket, first, last, zone)).toEqual(cuts);
    // Within a bucket, both ends are rounded outward.
    expect(boundaries(bucket, first + 1, last - 1, zone)).toEqual(cuts);
  });

  test("each quarter of an hour has its weekday and hour", () => {
    const format = new Intl.DateTimeFormat("en", {
      timeZone: zone,
      weekday: "short",
      hour: "numeric",
      hourCycle: "h23",
    });
    const placeOf = weekdayAndHour(year, zone);
    for (let at = year; at < year + 365 * day; at += 3 * quarter) {
      const { weekday, hour: clock } = placeOf(at);
      const name = `${["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][weekday]}, ${String(clock).padStart(2, "0")}`;
      expect(name).toBe(format.format(at));
    }
  });
});

test("a day of 23 or 25 hours has as many buckets", () => {
  const hoursOf = (date: string) => {
    const [from, to] = boundaries(
      "day",
      Date.parse(`${date}T10:00:00Z`),
      Date.parse(`${date}T10:00:01Z`),
      "Europe/Berlin",
    ) as [number, number];
    return (boundaries("hour", from, to, "Europe/Berlin") as number[]).length - 1;
  };
  expect([hoursOf("2026-03-29"), hoursOf("2026-10-25"), hoursOf("2026-07-01")]).toEqual([23, 25, 24]);
});

test("where the clock is set by half an hour, the hour before or after is a short one", () => {
  const lengths = (from: string, to: string) => {
    const cuts = boundaries("hour", Date.parse(from), Date.parse(to), "Australia/Lord_Howe") as number[];
    return cuts.slice(1).map((cut, n) => (cut - (cuts[n] as number)) / 60_000);
  };
  expect(lengths("2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z")).toEqual([60, 30, 60]);
  expect(lengths("2026-10-03T14:30:00Z", "2026-10-03T17:00:00Z")).toEqual([60, 30, 60]);
});

test("a date that a zone left out is no bucket", () => {
  const cuts = boundaries(
    "day",
    Date.parse("2011-12-29T12:00:00Z"),
    Date.parse("2012-01-01T12:00:00Z"),
    "Pacific/Apia",
  );
  expect(new Set(cuts).size).toBe(cuts?.length);
});

test("more buckets than any screen has are refused", () => {
  expect(boundaries("minute", year, year + (bucketsMax + 1) * 60_000, "UTC")).toBeNull();
  expect(boundaries("minute", year, year + bucketsMax * 60_000, "UTC")).toHaveLength(bucketsMax + 1);
});

test("a zone is known by IANA's name or an offset, and by nothing else", () => {
  expect(["Europe/Berlin", "UTC", "+02:00"].map(isTimeZone)).toEqual([true, true, true]);
  expect(["Europe/Atlantis", "", "2"].map(isTimeZone)).toEqual([false, false, false]);
});
