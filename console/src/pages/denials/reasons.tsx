/** Denials by reason, and by those who went without. */
import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { DenialChart, DeniedHolders, DeniedLicenses } from "../../api/types.ts";
import { reasonsIn } from "../../charts/denial-chart.tsx";
import { figure } from "../../parts/figure.ts";
import { Panel } from "../../parts/page.tsx";
import { PagedTable } from "../../parts/paged-table.tsx";
import { type RangeState, timeZone } from "../../parts/range.tsx";
import { reasonText } from "../../parts/reasons.ts";
import { Empty, Shown } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { durationText } from "../../parts/when.tsx";
import { useDenialScope } from "./denials.tsx";

interface RangedProps {
  readonly state: RangeState;
}

export function Reasons({ state: { range } }: RangedProps) {
  const query = { ...useDenialScope(), ...range.query, time_zone: timeZone, bucket: range.bucket };
  const denials = useRead<DenialChart>("analytics/denials", query);
  return (
    <Panel title="Reasons">
      <Shown of={denials}>{({ items }) => <ReasonBars items={items} />}</Shown>
    </Panel>
  );
}

function ReasonBars({ items }: { readonly items: DenialChart["items"] }) {
  const url = useUrl();
  const rows = reasonsIn(items).map((reason) => ({
    reason,
    count: items.reduce((sum, { by_reason }) => sum + (by_reason[reason] ?? 0), 0),
  }));
  const most = rows[0]?.count ?? 1;
  if (rows.length === 0) return <Empty title="None in this time" />;
  return (
    <Stack gap="sm" p="md" pt={0}>
      {rows.map(({ reason, count }) => (
        <div key={reason}>
          <Group justify="space-between">
            <Button variant="transparent" size="compact-sm" px={0} onClick={() => url.set({ reason, page: null })}>
              {reasonText(reason)}
            </Button>
            <Text size="sm">{figure(count)}</Text>
          </Group>
          <Progress
            value={(count / most) * 100}
            color="orange"
            size="sm"
            aria-label={`${reasonText(reason)}: ${figure(count)}`}
          />
        </div>
      ))}
    </Stack>
  );
}

/** Of one licence the holders, by how long they waited; otherwise the licences. */
export function WhoWaits({ state }: RangedProps) {
  const { license_id: license } = useDenialScope();
  return license === null ? <WhereDenied state={state} /> : <WaitingHolders state={state} license={license} />;
}

type Holder = DeniedHolders["items"][number];

const waitText = (seconds: number | null) => (seconds === null ? "–" : durationText(seconds));

const waits: readonly Column<Pick<Holder, "wait_mean_seconds" | "wait_max_seconds" | "denials" | "true_denials">>[] = [
  { title: "Denials", isNumber: true, cell: ({ denials }) => denials },
  { title: "Went without", isNumber: true, cell: ({ true_denials }) => true_denials },
  { title: "Mean wait", isNumber: true, cell: ({ wait_mean_seconds }) => waitText(wait_mean_seconds) },
  { title: "Longest wait", isNumber: true, cell: ({ wait_max_seconds }) => waitText(wait_max_seconds) },
];

function WaitingHolders({ state, license }: RangedProps & { readonly license: string }) {
  const api = useApi();
  const query = { license_id: license, reason: useDenialScope().reason, ...state.range.query };
  const holders = useRead<DeniedHolders>("analytics/denials/holders", query);
  const longestFirst = (a: Holder, b: Holder) => (b.wait_max_seconds ?? 0) - (a.wait_max_seconds ?? 0);
  return (
    <Panel
      title="Who waits longest"
      lead="By whole days in UTC. A wait ends with the next session on the licence, within a day."
      actions={<CsvLink href={api.url("analytics/denials/holders", { ...query, format: "csv" })} name="waits" />}
    >
      <Shown of={holders}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nobody waited" />
          ) : (
            <PagedTable<Holder>
              name="waits-page"
              label="Who waits longest"
              items={items.toSorted(longestFirst)}
              columns={[{ title: "Holder", cell: ({ holder }: Holder) => holder }, ...waits]}
              keyOf={({ holder }) => holder}
              maxHeight={300}
            />
          )
        }
      </Shown>
    </Panel>
  );
}

function WhereDenied({ state }: RangedProps) {
  const api = useApi();
  const url = useUrl();
  const query = { reason: useDenialScope().reason, ...state.range.query };
  const denied = useRead<DeniedLicenses>("analytics/denials/licenses", query);
  type Item = DeniedLicenses["items"][number];
  const first: Column<Item> = {
    title: "Licence",
    cell: ({ license_id, license_name }) => (
      <Button
        variant="transparent"
        size="compact-sm"
        px={0}
        onClick={() => url.set({ license: license_id, page: null })}
      >
        {license_name ?? license_id}
      </Button>
    ),
  };
  return (
    <Panel
      title="On which licences"
      lead="By whole days in UTC. Choose one to see who waits longest."
      actions={<CsvLink href={api.url("analytics/denials/licenses", { ...query, format: "csv" })} name="licences" />}
    >
      <Shown of={denied}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="None in this time" />
          ) : (
            <PagedTable<Item>
              name="licences-page"
              label="On which licences"
              items={items}
              columns={[first, ...waits]}
              keyOf={({ license_id }) => license_id}
              maxHeight={300}
            />
          )
        }
      </Shown>
    </Panel>
  );
}

export function CsvLink({ href, name }: { readonly href: string; readonly name: string }) {
  return (
    <Button component="a" href={href} download={`${name}.csv`} size="xs" variant="default">
      CSV
    </Button>
  );
}
