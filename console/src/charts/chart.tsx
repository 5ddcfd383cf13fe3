/** One chart. The library comes when the first one is shown; dragging over it chooses a stretch of time. */
import { Center, Loader, Text } from "@mantine/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { useEffect, useRef, useState } from "react";

interface ChartProps {
  readonly option: EChartsCoreOption;
  readonly height: number;
  /** What a reader who does not see it is told. The table beside it has the figures. */
  readonly label: string;
  readonly onZoom?: (from: number, to: number) => void;
}

export function Chart({ option, height, label, onZoom }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<ECharts | null>(null);
  const [isMissing, setMissing] = useState(false);

  useEffect(() => {
    let made: ECharts | undefined;
    let isGone = false;
    const draw = async () => {
      const { init } = await import("./echarts.ts");
      if (isGone || place.current === null) return;
      made = init(place.current, null, { renderer: "canvas" });
      setChart(made);
    };
    // A server that was updated has other files than those that this page knows.
    draw().catch(() => setMissing(true));
    const resized = new ResizeObserver(() => made?.resize());
    if (place.current !== null) resized.observe(place.current);
    return () => {
      isGone = true;
      resized.disconnect();
      made?.dispose();
    };
  }, []);

  useEffect(() => {
    chart?.setOption(option, { notMerge: true });
    if (onZoom === undefined || chart === null) return;
    const select = { type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true };
    chart.dispatchAction(select);
    const zoomed = (event: unknown) => {
      const [part] = (event as { batch?: readonly { startValue?: number; endValue?: number }[] }).batch ?? [];
      if (part?.startValue !== undefined && part.endValue !== undefined) onZoom(part.startValue, part.endValue);
    };
    chart.on("datazoom", zoomed);
    return () => void chart.off("datazoom", zoomed);
  }, [chart, option, onZoom]);

  return (
    <div style={{ position: "relative", height }}>
      {chart === null && (
        <Center h={height}>
          {isMissing ? (
            <Text size="sm" c="dimmed" role="alert">
              The chart cannot be drawn: load the page again. The table has the figures.
            </Text>
          ) : (
            <Loader size="sm" aria-label="Loading the chart" />
          )}
        </Center>
      )}
      <div
        ref={place}
        role="img"
        aria-label={label}
        className="chart"
        style={{ height, position: "absolute", inset: 0 }}
      />
    </div>
  );
}
