/** Use with the limit drawn, denials under it, and at what hours of the week. */
import { SegmentedControl, Stack, Table } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Query } from "../../api/call.ts";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { DenialChart, HeatMap as Heat, Usage } from "../../api/types.ts";
import { HeatMap, type HeatOf, weekdays } from "../../charts/heat-map.tsx";
import { ChartPanel } from "../../charts/panel.tsx";
import { UsageChart } from "../../charts/usage-chart.tsx";
import { poolName } from "../../parts/meter.tsx";
import { PagedTable } from "../../parts/paged-table.tsx";
import { RangeControl, type RangeState, timeZone, useRange, ZoomTo } from "../../parts/range.tsx";
import { Shown } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { DenialsLink, type LicenseItem } from "./license.tsx";

export function UseOverTime({ license }: { readonly license: LicenseItem }) {
  const state = useRange();
  const pool = usePool(license);
  return (
    <Stack>
      <UsePanel license={license} state={state} pool={pool} />
      <HeatPanel license={license} state={state} pool={pool} />
    </Stack>
  );
}

/** The pool that is charted; only a licence of projects has two. */
function usePool(license: LicenseItem): string | undefined {
  const url = useUrl();
  return license.project_tokens === null ? undefined : (url.get("pool") ?? "mono");
}

interface PanelProps {
  readonly license: LicenseItem;
  readonly state: RangeState;
  readonly pool: string | undefined;
}

function UsePanel({ license, state, pool }: PanelProps) {
  const api = useApi();
  const { range, zoom } = state;
  const query = { license_id: license.id, ...range.query, time_zone: timeZone, bucket: range.bucket, pool };
  const usage = useRead<Usage>("analytics/usage", { ...query, bucket: range.fineBucket });
  const denials = useRead<DenialChart>("analytics/denials", query);
  return (
    <ChartPanel
      title="Use over time"
      name="use"
      lead="Drag over the chart to look closer."
      actions={
        <>
          <PoolChoice pool={pool} />
          <RangeControl state={state} />
          <DenialsLink id={license.id} state={state} />
        </>
      }
      csv={[
        { label: "CSV of use", href: api.url("analytics/usage", { ...query, format: "csv" }) },
        { label: "CSV of denials", href: api.url("analytics/denials", { ...query, format: "csv" }) },
      ]}
      chart={
        <Shown of={usage}>
          {(use) => <Shown of={denials}>{(denied) => <UsageChart usage={use} denials={denied} onZoom={zoom} />}</Shown>}
        </Shown>
      }
      table={<UseTable query={query} denials={denials} zoom={zoom} />}
    />
  );
}

function PoolChoice({ pool }: { readonly pool: string | undefined }) {
  const url = useUrl();
  if (pool === undefined) return null;
  return (
    <SegmentedControl
      size="xs"
      aria-label="Pool"
      value={pool}
      onChange={(value) => url.set({ pool: value === "mono" ? null : value })}
      data={["mono", "team"].map((value) => ({ value, label: poolName(value) }))}
    />
  );
}

type Row = Usage["items"][number] & { readonly denied: number; readonly without: number };

const figures: readonly Column<Row>[] = [
  { title: "Peak", isNumber: true, cell: ({ max }) => max },
  { title: "Average", isNumber: true, cell: ({ mean }) => mean.toFixed(2) },
  { title: "Limit", isNumber: true, cell: ({ limit }) => limit ?? "–" },
  { title: "Opened", isNumber: true, cell: ({ sessions_opened }) => sessions_opened },
  { title: "Closed", isNumber: true, cell: ({ sessions_closed }) => sessions_closed },
  { title: "Lapsed", isNumber: true, cell: ({ sessions_expired }) => sessions_expired },
  { title: "Denials", isNumber: true, cell: ({ denied }) => denied },
  { title: "Went without", isNumber: true, cell: ({ without }) => without },
];

interface UseTableProps {
  readonly query: Query;
  readonly denials: UseQueryResult<DenialChart>;
  readonly zoom: RangeState["zoom"];
}

/** Use and denials side by side, in buckets that both have. */
function UseTable({ query, denials, zoom }: UseTableProps) {
  const usage = useRead<Usage>("analytics/usage", query);
  return (
    <Shown of={usage}>
      {(use) => (
        <Shown of={denials}>
          {(denied) => (
            <PagedTable
              name="use-page"
              label="Use over time"
              items={rowsOf(use, denied).toReversed()}
              columns={[{ title: "From", cell: (row) => <ZoomTo bucket={row} zoom={zoom} /> }, ...figures]}
              keyOf={({ start }) => start}
            />
          )}
        </Shown>
      )}
    </Shown>
  );
}

function rowsOf(usage: Usage, denials: DenialChart): Row[] {
  const denied = new Map(denials.items.map((item) => [item.start, item]));
  return usage.items.map((item) => {
    const same = denied.get(item.start);
    return { ...item, denied: same?.denials ?? 0, without: same?.true_denials ?? 0 };
  });
}

function HeatPanel({ license, state, pool }: PanelProps) {
  const api = useApi();
  const url = useUrl();
  const of: HeatOf = url.get("heat") === "denials" ? "denials" : "use";
  const query = { license_id: license.id, ...state.range.query, time_zone: timeZone, pool };
  const heat = useRead<Heat>("analytics/heatmap", query);
  return (
    <ChartPanel
      title="Hours of the week"
      name="heatmap"
      lead={of === "use" ? "Tokens in use on average, by your clock." : "Denials, by your clock."}
      actions={
        <SegmentedControl
          size="xs"
          aria-label="What the colours show"
          value={of}
          onChange={(value) => url.set({ heat: value === "use" ? null : value })}
          data={[
            { value: "use", label: "In use" },
            { value: "denials", label: "Denials" },
          ]}
        />
      }
      csv={[{ label: "CSV", href: api.url("analytics/heatmap", { ...query, format: "csv" }) }]}
      chart={<Shown of={heat}>{(data) => <HeatMap heat={data} of={of} />}</Shown>}
      table={<Shown of={heat}>{(data) => <HeatTable heat={data} of={of} />}</Shown>}
    />
  );
}

function HeatTable({ heat, of }: { readonly heat: Heat; readonly of: HeatOf }) {
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const cell = (weekday: number, hour: number) => heat.items[weekday * 24 + hour];
  return (
    <Table.ScrollContainer minWidth={900}>
      <Table aria-label="Hours of the week" verticalSpacing={4} horizontalSpacing={6} fz="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Hour</Table.Th>
            {hours.map((hour) => (
              <Table.Th key={hour} className="number">
                {hour}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {weekdays.map((name, weekday) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{name}</Table.Th>
              {hours.map((hour) => (
                <Table.Td key={hour} className="number">
                  {of === "use" ? cell(weekday, hour)?.mean.toFixed(1) : cell(weekday, hour)?.denials}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
