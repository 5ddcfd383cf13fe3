/** Use or denials by weekday and hour. */
import { useMemo } from "react";
import type { HeatMap as Heat } from "../api/types.ts";
import { Chart } from "./chart.tsx";
import { type Colours, useColours } from "./colours.ts";

export const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
export type HeatOf = "use" | "denials";

export function HeatMap({ heat, of }: { readonly heat: Heat; readonly of: HeatOf }) {
  const colours = useColours();
  const option = useMemo(() => optionOf(heat, of, colours), [heat, of, colours]);
  return <Chart option={option} height={250} label={`${of} by weekday and hour. The table has the figures.`} />;
}

function optionOf({ items }: Heat, of: HeatOf, colours: Colours) {
  const read = (item: Heat["items"][number]) => (of === "use" ? item.mean : item.denials);
  const axis = { axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: colours.text } };
  return {
    animation: false,
    grid: { left: 48, right: 24, top: 8, bottom: 56 },
    tooltip: {
      renderMode: "richText",
      backgroundColor: colours.panel,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontSize: 12, lineHeight: 18 },
      formatter: ({ dataIndex }: { readonly dataIndex: number }) => hoverText(items[dataIndex]),
    },
    xAxis: { type: "category", data: Array.from({ length: 24 }, (_, hour) => `${hour}:00`), ...axis },
    yAxis: { type: "category", data: weekdays, inverse: true, ...axis },
    visualMap: {
      min: 0,
      max: Math.max(1, ...items.map(read)),
      orient: "horizontal",
      left: "center",
      bottom: 0,
      itemHeight: 160,
      itemWidth: 12,
      precision: of === "use" ? 1 : 0,
      text: ["more", "less"],
      textStyle: { color: colours.text },
      inRange: { color: of === "use" ? colours.heat : colours.denialHeat },
    },
    series: [
      {
        type: "heatmap",
        data: items.map((item) => [item.hour, item.weekday - 1, read(item)]),
        itemStyle: { borderColor: colours.panel, borderWidth: 2, borderRadius: 3 },
      },
    ],
  };
}

function hoverText(item: Heat["items"][number] | undefined): string {
  if (item === undefined) return "";
  return [
    `${weekdays[item.weekday - 1]} ${item.hour}:00 – ${item.hour + 1}:00`,
    `Average ${item.mean.toFixed(2)} in use, peak ${item.max}`,
    `Denials: ${item.denials}`,
  ].join("\n");
}
