/** What charts over time have in common: axes, hovering, and choosing a stretch by dragging. */
import { exactText } from "../parts/when.tsx";
import type { Colours } from "./colours.ts";

/** A bucket's place on a bar chart: its middle, so that the bar stands over the time that it counts. */
export const middle = (item: { readonly start: string; readonly end: string }) =>
  (Date.parse(item.start) + Date.parse(item.end)) / 2;

/** Over whole buckets, which bars stand in the middle of: so axes beneath each other are the same, and no bar lies outside. */
export function timeAxis(colours: Colours, buckets: readonly { readonly start: string; readonly end: string }[]) {
  return {
    type: "time",
    min: Date.parse(buckets[0]?.start ?? ""),
    max: Date.parse(buckets.at(-1)?.end ?? ""),
    // An axis with bars would be stretched for them.
    containShape: false,
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.text, hideOverlap: true },
    splitLine: { show: false },
  };
}

export function countAxis(colours: Colours, name: string) {
  return {
    type: "value",
    name,
    nameTextStyle: { color: colours.text, align: "left", padding: [0, 0, 0, -28] },
    minInterval: 1,
    axisLabel: { color: colours.text },
    splitLine: { lineStyle: { color: colours.line } },
  };
}

/** What stands left of axes beneath each other: each would make place for its own figures only, and the times would not meet. */
export function placeForCounts(counts: readonly number[]): number {
  // The axis goes on to the next round figure.
  const longest = Math.round(counts.reduce((a, b) => Math.max(a, b), 0) * 1.2).toLocaleString("en");
  return Math.max(48, 16 + longest.length * 8);
}

export function tooltip(colours: Colours, textOf: (at: number) => string | null) {
  return {
    trigger: "axis",
    // Text, not markup: the policy of the page lets no styles of others in.
    renderMode: "richText",
    backgroundColor: colours.panel,
    borderColor: colours.line,
    textStyle: { color: colours.ink, fontSize: 12, lineHeight: 18 },
    axisPointer: { lineStyle: { color: colours.text } },
    formatter: (points: readonly { readonly axisValue: number }[]) => textOf(Number(points[0]?.axisValue)) ?? "",
  };
}

/** Dragging chooses; the picture of a magnifying glass that goes with it is not needed. */
export const zoomByDrag = (axes: readonly number[]) => ({
  toolbox: {
    show: true,
    showTitle: false,
    itemSize: 0,
    feature: { dataZoom: { xAxisIndex: axes, yAxisIndex: "none", filterMode: "none" } },
  },
});

/** The bucket that an instant lies in. */
export function bucketAt<T extends { readonly start: string; readonly end: string }>(
  items: readonly T[],
  at: number,
): T | undefined {
  return items.find(({ start, end }) => Date.parse(start) <= at && at < Date.parse(end));
}

export const spanText = ({ start, end }: { readonly start: string; readonly end: string }) =>
  `${exactText(start)} – ${exactText(end)}`;
