/** Denials over time, a colour for each reason. */
import { useMemo } from "react";
import type { DenialChart as Denials } from "../api/types.ts";
import { reasonText } from "../parts/reasons.ts";
import { Chart } from "./chart.tsx";
import { type Colours, useColours } from "./colours.ts";
import { bucketAt, countAxis, middle, spanText, timeAxis, tooltip, zoomByDrag } from "./time.ts";

interface DenialChartProps {
  readonly denials: Denials;
  readonly onZoom: (from: number, to: number) => void;
}

export function DenialChart({ denials, onZoom }: DenialChartProps) {
  const colours = useColours();
  const option = useMemo(() => optionOf(denials, colours), [denials, colours]);
  return (
    <Chart
      option={option}
      height={260}
      onZoom={onZoom}
      label="Denials over time by reason. The table has the figures."
    />
  );
}

function optionOf({ items }: Denials, colours: Colours) {
  const reasons = reasonsIn(items);
  return {
    animation: false,
    grid: { left: 48, right: 24, top: 36, bottom: 28 },
    legend: {
      icon: "roundRect",
      itemWidth: 14,
      itemHeight: 6,
      left: 40,
      top: 2,
      textStyle: { color: colours.text },
      // What is shown stands in the address; a line that somebody has switched off would not.
      selectedMode: false,
      type: "scroll",
    },
    tooltip: tooltip(colours, (at) => hoverText(items, at)),
    ...zoomByDrag([0]),
    xAxis: timeAxis(colours, items),
    yAxis: countAxis(colours, ""),
    series: reasons.map((reason, n) => ({
      name: reasonText(reason),
      type: "bar",
      stack: "denials",
      barMaxWidth: 28,
      itemStyle: { color: colours.reasons[n % colours.reasons.length] },
      data: items.map((item) => [middle(item), item.by_reason[reason] ?? 0]),
    })),
  };
}

type Item = Denials["items"][number];

/** The reasons that occur, the most frequent first. */
export function reasonsIn(items: readonly Item[]): string[] {
  const counts = new Map<string, number>();
  for (const { by_reason } of items) {
    for (const [reason, count] of Object.entries(by_reason)) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return [...counts].toSorted((a, b) => b[1] - a[1]).map(([reason]) => reason);
}

function hoverText(items: readonly Item[], at: number): string | null {
  const item = bucketAt(items, at);
  if (item === undefined) return null;
  return [
    spanText(item),
    `${item.denials} times somebody was kept out; ${item.true_denials} holders went without, ${item.false_denials} were served soon`,
    ...Object.entries(item.by_reason).map(([reason, count]) => `${reasonText(reason)}: ${count}`),
  ].join("\n");
}
