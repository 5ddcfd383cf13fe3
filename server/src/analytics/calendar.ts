/** Buckets of time as people cut it: by the clocks and calendars of a time zone, changes of daylight saving included. */
import { Temporal } from "temporal-polyfill";
import type { Millis } from "../core/types.ts";
import { minute } from "./tally.ts";

export const buckets = ["minute", "hour", "day", "week", "month"] as const;
export type Bucket = (typeof buckets)[number];

/** Points of a chart: more than any screen has. */
export const bucketsMax = 10_000;

/** Whether the runtime knows a zone by this name (IANA's, as `Europe/Berlin`, or an offset as `+02:00`). */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The boundaries of the buckets that cover `from` to `to`, both rounded outward, the last end included. Weeks begin on
 * Monday. Answers with null where there would be more than `bucketsMax`.
 */
export function boundaries(bucket: Bucket, from: Millis, to: Millis, timeZone: string): Millis[] | null {
  const first = startIn(bucket, from, timeZone);
  const all = [first.epochMilliseconds];
  for (let n = 1; (all.at(-1) as Millis) < to; n++) {
    if (n > bucketsMax) return null;
    all.push(after(bucket, first, n));
  }
  return all;
}

/** From the first bucket on, not from the last one: a day that lacks its midnight must not shift those behind it. */
function after(bucket: Bucket, first: Temporal.ZonedDateTime, n: number): Millis {
  switch (bucket) {
    case "minute":
      return first.epochMilliseconds + n * minute;
    case "hour":
      return first.epochMilliseconds + n * 60 * minute;
    case "day":
      return first.toPlainDate().add({ days: n }).toZonedDateTime(first.timeZoneId).epochMilliseconds;
    case "week":
      return first.toPlainDate().add({ weeks: n }).toZonedDateTime(first.timeZoneId).epochMilliseconds;
    case "month":
      return first.toPlainDate().add({ months: n }).toZonedDateTime(first.timeZoneId).epochMilliseconds;
  }
}

function startIn(bucket: Bucket, at: Millis, timeZone: string): Temporal.ZonedDateTime {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
  const day = zoned.startOfDay();
  switch (bucket) {
    case "minute":
      return zoned.round({ smallestUnit: "minute", roundingMode: "floor" });
    case "hour":
      return zoned.round({ smallestUnit: "hour", roundingMode: "floor" });
    case "day":
      return day;
    case "week":
      return day
        .toPlainDate()
        .subtract({ days: day.dayOfWeek - 1 })
        .toZonedDateTime(timeZone);
    case "month":
      return day.toPlainDate().with({ day: 1 }).toZonedDateTime(timeZone);
  }
}

/** The weekday (0: Monday) and the hour of instants in a zone, quickly: a zone's offset changes a few times a year. */
export function weekdayAndHour(
  from: Millis,
  to: Millis,
  timeZone: string,
): (at: Millis) => { weekday: number; hour: number } {
  const offsets: { readonly from: Millis; readonly offsetMs: number }[] = [];
  let zoned: Temporal.ZonedDateTime | null = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone);
  while (zoned !== null && zoned.epochMilliseconds < to) {
    offsets.push({ from: zoned.epochMilliseconds, offsetMs: zoned.offsetNanoseconds / 1e6 });
    zoned = zoned.getTimeZoneTransition("next");
  }
  return (at) => {
    const offset = offsets.findLast((each) => each.from <= at)?.offsetMs ?? 0;
    const hours = Math.floor((at + offset) / (60 * minute));
    // 1970 began on a Thursday.
    return { weekday: (((Math.floor(hours / 24) + 3) % 7) + 7) % 7, hour: ((hours % 24) + 24) % 24 };
  };
}
