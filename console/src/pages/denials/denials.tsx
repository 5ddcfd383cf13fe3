/** Who was denied, why, how often and for how long: the log, the chart, and what lies behind them. */
import { Grid } from "@mantine/core";
import { useLive } from "../../api/live.ts";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { DenialChart as Chart } from "../../api/types.ts";
import { DenialChart, reasonsIn } from "../../charts/denial-chart.tsx";
import { ChartPanel } from "../../charts/panel.tsx";
import { Page } from "../../parts/page.tsx";
import { PagedTable } from "../../parts/paged-table.tsx";
import { RangeControl, type RangeState, timeZone, useRange, ZoomTo } from "../../parts/range.tsx";
import { reasonText } from "../../parts/reasons.ts";
import { Empty, Shown } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { DenialFilters } from "./filters.tsx";
import { DenialLog } from "./log.tsx";
import { Reasons, WhoWaits } from "./reasons.tsx";

export default function Denials() {
  const url = useUrl();
  const live = useLive(["denials", "analytics/denials"], { license_id: url.get("license"), kind: "denied" });
  const state = useRange("7d", "90d");
  return (
    <Page
      title="Denials"
      live={live}
      lead="Whoever was refused is here, with the reason. A holder went without if no token came within five minutes."
      actions={<RangeControl state={state} />}
    >
      <DenialFilters />
      <OverTime state={state} />
      <Grid gap="md" align="stretch">
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Reasons state={state} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <WhoWaits state={state} />
        </Grid.Col>
      </Grid>
      <DenialLog state={state} />
    </Page>
  );
}

/** What the page asks for everywhere: the licence and the reason that were chosen. */
export function useDenialScope() {
  const url = useUrl();
  return { license_id: url.get("license"), reason: url.get("reason") };
}

function OverTime({ state }: { readonly state: RangeState }) {
  const api = useApi();
  const { range, zoom } = state;
  const query = { ...useDenialScope(), ...range.query, time_zone: timeZone, bucket: range.bucket };
  const denials = useRead<Chart>("analytics/denials", query);
  return (
    <ChartPanel
      title="Denials over time"
      name="denials"
      lead="Drag over the chart to look closer; the log below follows."
      csv={[{ label: "CSV", href: api.url("analytics/denials", { ...query, format: "csv" }) }]}
      chart={
        <Shown of={denials}>
          {(data) =>
            reasonsIn(data.items).length > 0 ? (
              <DenialChart denials={data} onZoom={zoom} />
            ) : (
              <Empty title="Nobody was denied in this time">
                If that stays so for weeks, look at a licence: its advice says whether fewer tokens would do.
              </Empty>
            )
          }
        </Shown>
      }
      table={<Shown of={denials}>{(data) => <ChartTable denials={data} zoom={zoom} />}</Shown>}
    />
  );
}

type Item = Chart["items"][number];

interface ChartTableProps {
  readonly denials: Chart;
  readonly zoom: RangeState["zoom"];
}

function ChartTable({ denials: { items }, zoom }: ChartTableProps) {
  const columns: Column<Item>[] = [
    { title: "From", cell: (item) => <ZoomTo bucket={item} zoom={zoom} /> },
    { title: "Denials", isNumber: true, cell: ({ denials }) => denials },
    ...reasonsIn(items).map((reason) => ({
      title: reasonText(reason),
      isNumber: true,
      cell: ({ by_reason }: Item) => by_reason[reason] ?? 0,
    })),
    { title: "Went without", isNumber: true, cell: ({ true_denials }) => true_denials },
    { title: "Served soon", isNumber: true, cell: ({ false_denials }) => false_denials },
  ];
  return (
    <PagedTable
      name="denials-page"
      label="Denials over time"
      items={items.toReversed()}
      columns={columns}
      keyOf={({ start }) => start}
    />
  );
}
