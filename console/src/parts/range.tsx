/** The stretch of time that charts and lists show. It stands in the address: a preset, or two instants. */
import { Button, Group, SegmentedControl } from "@mantine/core";
import { useMemo } from "react";
import { useUrl } from "./url.ts";
import { dateTimeText, When } from "./when.tsx";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const presets = { "24h": day, "7d": 7 * day, "28d": 28 * day, "90d": 90 * day, "1y": 365 * day } as const;
type Preset = keyof typeof presets;
const labels: Record<Preset, string> = {
  "24h": "24 hours",
  "7d": "7 days",
  "28d": "28 days",
  "90d": "90 days",
  "1y": "1 year",
};

type Bucket = "minute" | "hour" | "day" | "week";

export interface Range {
  readonly from: number;
  readonly to: number;
  /** The same as the API takes it. A preset ends now, which the API assumes by itself. */
  readonly query: { readonly from: string; readonly to?: string };
  readonly bucket: Bucket;
  /** What a line can show beside another: finer than what bars and rows can. */
  readonly fineBucket: Bucket;
}

const named = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A browser that was told no zone calls it by a name that stands for none, and goes by UTC. */
export const timeZone = named === "Etc/Unknown" || named === "Factory" ? "UTC" : named;

/**
 * `initial`: the page's usual time, shown where the address names none. `longest`: presets beyond it are not offered; where the
 * address has one from a page that offers it, this one is shown.
 */
export function useRange(initial: Preset = "28d", longest: Preset = "1y") {
  const url = useUrl();
  const [from, to] = [instantIn(url.get("from")), instantIn(url.get("to"))];
  const named = url.get("range");
  const wanted = named !== null && Object.hasOwn(presets, named) ? (named as Preset) : initial;
  const preset = presets[wanted] > presets[longest] ? longest : wanted;
  const isZoomed = from !== null && to !== null && from < to;
  // A whole minute: what is read under a range is found again while the page is open.
  const now = Math.ceil(Date.now() / 60_000) * 60_000;
  const range = useMemo<Range>(() => {
    if (isZoomed) {
      const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      return { from, to, query, ...bucketsOf(from, to, now) };
    }
    const start = now - presets[preset];
    return { from: start, to: now, query: { from: new Date(start).toISOString() }, ...bucketsOf(start, now, now) };
  }, [isZoomed, from, to, preset, now]);
  return {
    range,
    usual: initial,
    longest,
    preset: isZoomed ? null : preset,
    choose: (next: Preset) => url.set({ range: next === initial ? null : next, from: null, to: null, page: null }),
    zoom: (start: number, end: number) =>
      url.set({ from: new Date(start).toISOString(), to: new Date(end).toISOString(), page: null }, false),
  };
}

export type RangeState = ReturnType<typeof useRange>;

/** Buckets that fit a chart beside each other. Minutes are kept for two weeks. */
function bucketsOf(from: number, to: number, now: number): Pick<Range, "bucket" | "fineBucket"> {
  const span = to - from;
  const hasMinutes = from > now - 13 * day;
  if (span <= 3 * hour && hasMinutes) return { bucket: "minute", fineBucket: "minute" };
  if (span <= 4 * day) return { bucket: "hour", fineBucket: span <= day + hour && hasMinutes ? "minute" : "hour" };
  if (span <= 200 * day) return { bucket: "day", fineBucket: span <= 40 * day ? "hour" : "day" };
  return { bucket: "week", fineBucket: "day" };
}

/** The time since midnight here, as an address has it: what is called today elsewhere. */
export function todayInAddress(): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const now = Math.ceil(Date.now() / minute) * minute;
  return `from=${new Date(midnight).toISOString()}&to=${new Date(now).toISOString()}`;
}

function instantIn(text: string | null): number | null {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? null : at;
}

interface ZoomToProps {
  readonly bucket: { readonly start: string; readonly end: string };
  readonly zoom: RangeState["zoom"];
}

/** The time of a row, which a press looks closer at: the way of whoever cannot drag over the chart. */
export function ZoomTo({ bucket: { start, end }, zoom }: ZoomToProps) {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  if (to - from <= minute) return <When at={start} />;
  return (
    <Button variant="transparent" size="compact-sm" px={0} fw={400} onClick={() => zoom(from, to)}>
      <When at={start} />
    </Button>
  );
}

export function RangeControl({ state }: { readonly state: RangeState }) {
  const { usual, longest, preset, range, choose } = state;
  const offered = (Object.keys(presets) as Preset[]).filter((each) => presets[each] <= presets[longest]);
  return (
    <Group gap="xs">
      {preset === null && (
        <Button variant="light" size="compact-sm" onClick={() => choose(usual)} aria-label="Show the usual time again">
          {dateTimeText(range.from)} – {dateTimeText(range.to)} ×
        </Button>
      )}
      <SegmentedControl
        size="xs"
        aria-label="Time shown"
        value={preset ?? ""}
        onChange={(value) => choose(value as Preset)}
        data={offered.map((each) => ({ value: each, label: labels[each] }))}
      />
    </Group>
  );
}
