/** Use over time with the limit as a line, and the denials beneath on the same axis. */
import { useMemo } from "react";
import type { DenialChart, Usage } from "../api/types.ts";
import { dateText } from "../parts/when.tsx";
import { Chart } from "./chart.tsx";
import { type Colours, useColours } from "./colours.ts";
import { bucketAt, countAxis, middle, placeForCounts, spanText, timeAxis, tooltip, zoomByDrag } from "./time.ts";

interface UsageChartProps {
  readonly usage: Usage;
  readonly denials: DenialChart;
  readonly onZoom: (from: number, to: number) => void;
}

export function UsageChart({ usage, denials, onZoom }: UsageChartProps) {
  const colours = useColours();
  const option = useMemo(() => optionOf(usage, denials, colours), [usage, denials, colours]);
  return (
    <Chart
      option={option}
      height={380}
      onZoom={onZoom}
      label="Tokens in use over time with the limit, and denials beneath. The table has the figures."
    />
  );
}

function optionOf(usage: Usage, denials: DenialChart, colours: Colours) {
  const until = Date.parse(usage.counted_until);
  const counted = usage.items.filter(({ start }) => Date.parse(start) <= until);
  const left = placeForCounts([
    ...usage.items.flatMap(({ max, limit }) => [max, limit ?? 0]),
    ...denials.items.map((item) => item.denials),
  ]);
  const axis = (gridIndex: number) => ({ ...timeAxis(colours, denials.items), gridIndex });
  return {
    animation: false,
    grid: [
      { left, right: 24, top: 40, height: 190 },
      { left, right: 24, top: 282, height: 66 },
    ],
    legend: {
      icon: "roundRect",
      itemWidth: 14,
      itemHeight: 6,
      left: 40,
      top: 4,
      textStyle: { color: colours.text },
      // What is shown stands in the address; a line that somebody has switched off would not.
      selectedMode: false,
      data: ["Peak", "Average", "Limit", "Denials"],
    },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip(colours, (at) => hoverText(usage, denials, at)),
    ...zoomByDrag([0, 1]),
    xAxis: [{ ...axis(0), axisLabel: { show: false } }, axis(1)],
    yAxis: [countAxis(colours, ""), { ...countAxis(colours, ""), gridIndex: 1, splitNumber: 2 }],
    series: [
      {
        ...stepLine(
          "Peak",
          held(counted, until, ({ max }) => max),
        ),
        lineStyle: { color: colours.use, width: 1.5 },
        itemStyle: { color: colours.use },
        areaStyle: { color: colours.useArea },
      },
      {
        ...stepLine(
          "Average",
          held(counted, until, ({ mean }) => mean),
        ),
        lineStyle: { color: colours.mean, width: 1 },
        itemStyle: { color: colours.mean },
      },
      {
        ...stepLine(
          "Limit",
          held(counted, until, ({ limit }) => limit),
        ),
        lineStyle: { color: colours.limit, width: 1.5, type: [6, 4] },
        itemStyle: { color: colours.limit },
      },
      {
        name: "Denials",
        type: "bar",
        xAxisIndex: 1,
        yAxisIndex: 1,
        barMaxWidth: 24,
        itemStyle: { color: colours.reasons[0] },
        data: denials.items.map((item) => [middle(item), item.denials]),
      },
    ],
  };
}

const stepLine = (name: string, data: readonly (readonly [number, number | null])[]) => ({
  name,
  type: "line",
  step: "end",
  showSymbol: false,
  data,
});

type UsageItem = Usage["items"][number];

/** The value of each bucket from its beginning on, and of the last one up to what is counted. */
function held(items: readonly UsageItem[], until: number, read: (item: UsageItem) => number | null) {
  const points = items.map((item) => [Date.parse(item.start), read(item)] as const);
  const last = items.at(-1);
  return last === undefined ? points : [...points, [Math.min(Date.parse(last.end), until), read(last)] as const];
}

function hoverText(usage: Usage, denials: DenialChart, at: number): string | null {
  const use = bucketAt(usage.items, at);
  const denied = bucketAt(denials.items, at);
  if (use === undefined) return null;
  return [
    spanText(use),
    `Peak ${use.max} of ${use.limit ?? "–"}, average ${use.mean.toFixed(2)}`,
    `Sessions: ${use.sessions_opened} opened, ${use.sessions_expired} lapsed`,
    ...(use.overuse > 0 ? [`Beyond the limit: ${use.overuse}`] : []),
    ...(denied === undefined
      ? []
      : [`${placeOf(denied, use)}${denied.denials} denials; ${denied.true_denials} holders went without`]),
  ].join("\n");
}

/** Denials may be of a whole day where use is of an hour. */
function placeOf(denied: DenialChart["items"][number], use: UsageItem): string {
  return denied.end === use.end ? "" : `${dateText(denied.start)}: `;
}
