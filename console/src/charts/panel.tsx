/** A panel with a chart, the table behind it, and the same as CSV. Which of the two is shown stands in the address. */
import { Button, SegmentedControl } from "@mantine/core";
import type { ReactNode } from "react";
import { Panel } from "../parts/page.tsx";
import { useUrl } from "../parts/url.ts";

interface ChartPanelProps {
  readonly title: string;
  readonly lead?: ReactNode;
  /** Its name in the address. */
  readonly name: string;
  readonly csv: readonly { readonly label: string; readonly href: string }[];
  readonly chart: ReactNode;
  readonly table: ReactNode;
  readonly actions?: ReactNode;
}

export function ChartPanel({ title, lead, name, csv, chart, table, actions }: ChartPanelProps) {
  const url = useUrl();
  const parameter = `${name}-as`;
  const isTable = url.get(parameter) === "table";
  const controls = (
    <>
      {actions}
      <SegmentedControl
        size="xs"
        aria-label={`${title}: chart or table`}
        value={isTable ? "table" : "chart"}
        onChange={(value) => url.set({ [parameter]: value === "table" ? value : null })}
        data={[
          { value: "chart", label: "Chart" },
          { value: "table", label: "Table" },
        ]}
      />
      {csv.map(({ label, href }) => (
        <Button key={href} component="a" href={href} download={`${name}.csv`} size="xs" variant="default">
          {label}
        </Button>
      ))}
    </>
  );
  return (
    <Panel title={title} lead={lead} actions={controls}>
      {isTable ? table : chart}
    </Panel>
  );
}
