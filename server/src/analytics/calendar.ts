/** Buckets of time as people cut it: by the clocks and calendars of a time zone, changes of daylight saving included. */
import { Temporal } from "temporal-polyfill";
import type { Millis } from "../core/types.ts";
import { hour, minute } from "./tally.ts";

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
  const all: Millis[] = [];
  for (const cut of cuts(bucket, from, timeZone)) {
    // A day that the zone left out (it crossed the date line) begins where the next one does.
    if (cut === all.at(-1)) continue;
    all.push(cut);
    if (cut >= to) return all;
    if (all.length > bucketsMax) return null;
  }
  return all;
}

function cuts(bucket: Bucket, from: Millis, timeZone: string): Iterable<Millis> {
  if (bucket === "minute") return clockCuts(minute, from, timeZone);
  return bucket === "hour" ? clockCuts(hour, from, timeZone) : dateCuts(bucket, from, timeZone);
}

/** Times at which one offset holds. */
interface Stretch {
  readonly from: Millis;
  readonly to: Millis;
  readonly offsetMs: number;
}

/** A zone's offsets from the one at an instant on; they change a few times a year. */
function* offsets(from: Millis, timeZone: string): Iterable<Stretch> {
  const before = Temporal.Instant.fromEpochMilliseconds(from + 1).toZonedDateTimeISO(timeZone);
  let start = before.getTimeZoneTransition("previous")?.epochMilliseconds ?? Number.NEGATIVE_INFINITY;
  let zoned: Temporal.ZonedDateTime | null = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone);
  while (zoned !== null) {
    const next: Temporal.ZonedDateTime | null = zoned.getTimeZoneTransition("next");
    yield {
      from: start,
      to: next?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
      offsetMs: zoned.offsetNanoseconds / 1e6,
    };
    zoned = next;
    start = next?.epochMilliseconds ?? start;
  }
}

/** Full hours or minutes of the clock on the wall. Where the clock is set by half an hour, one of them is shorter. */
function* clockCuts(step: number, from: Millis, timeZone: string): Iterable<Millis> {
  let at = from;
  for (const stretch of offsets(from, timeZone)) {
    const full = (n: number) => (Math.floor((at + stretch.offsetMs) / step) + n) * step - stretch.offsetMs;
    for (at = Math.max(full(0), stretch.from); at < stretch.to; at = full(1)) yield at;
    at = stretch.to;
  }
}

/** From the first date on, not from the last one: a day that lacks its midnight must not shift those behind it. */
function* dateCuts(bucket: "day" | "week" | "month", from: Millis, timeZone: string): Iterable<Millis> {
  const today = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone).toPlainDate();
  const first =
    bucket === "day"
      ? today
      : bucket === "week"
        ? today.subtract({ days: today.dayOfWeek - 1 })
        : today.with({ day: 1 });
  for (let n = 0; ; n++) yield first.add({ [`${bucket}s`]: n }).toZonedDateTime(timeZone).epochMilliseconds;
}

/** The weekday (0: Monday) and the hour of instants in a zone, quickly. Asked for in rising order. */
export function weekdayAndHour(from: Millis, timeZone: string): (at: Millis) => { weekday: number; hour: number } {
  const coming = offsets(from, timeZone)[Symbol.iterator]();
  let now = coming.next().value as Stretch;
  return (at) => {
    while (at >= now.to) now = coming.next().value as Stretch;
    const hours = Math.floor((at + now.offsetMs) / hour);
    // 1970 began on a Thursday.
    return { weekday: (((Math.floor(hours / 24) + 3) % 7) + 7) % 7, hour: ((hours % 24) + 24) % 24 };
  };
}
