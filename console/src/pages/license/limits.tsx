/** What the licence limits beside tokens, and how much of it is consumed. */
import { Button, Text } from "@mantine/core";
import { useReadEvery } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Balance } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { figure } from "../../parts/figure.ts";
import { Panel } from "../../parts/page.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";
import { resetText } from "../catalogue/words.ts";
import type { LicenseItem } from "./license.tsx";
import { OwnPartsButton, Value } from "./terms.tsx";

/** Consumption is too frequent to be an event; a look every so often is enough for whoever watches. */
const lookMs = 10_000;

interface Row {
  readonly limitation: LicenseItem["license_limitations"][number];
  /** Whether the licence says it in place of its edition. */
  readonly isOwn: boolean;
  /** Undefined: nothing is consumed of it. */
  readonly quota: Balance[number] | undefined;
}

export function Limits({ license }: { readonly license: LicenseItem }) {
  const { may } = useApi();
  const balance = useReadEvery<Balance>(lookMs, `licenses/${license.id}/consumption/balance`);
  const own = license.own_parts.license_limitations;
  const columns: readonly Column<Row>[] = [
    ...shared,
    ...(may("operator")
      ? [{ title: "Action", width: 130, cell: (row: Row) => <BeginAnew license={license} row={row} /> }]
      : []),
  ];
  return (
    <Panel
      title="Limitations"
      lead="What the edition and the licence limit beside tokens. Read anew every ten seconds."
      actions={<OwnPartsButton id={license.id} />}
    >
      <Shown of={balance}>
        {(quotas) =>
          license.license_limitations.length === 0 ? (
            <Empty title="Nothing is limited beside tokens">
              A product has limitations, and its editions set them: both are in the catalogue.
            </Empty>
          ) : (
            <DataTable
              label="Limitations"
              items={license.license_limitations.map((limitation) => ({
                limitation,
                isOwn: own.some(({ limitation_id }) => limitation_id === limitation.limitation_id),
                quota: quotas.find(({ limitation_id }) => limitation_id === limitation.limitation_id),
              }))}
              columns={columns}
              keyOf={({ limitation }) => limitation.limitation_id}
            />
          )
        }
      </Shown>
    </Panel>
  );
}

const nameOf = ({ limitation }: Row) => limitation.limitation_name ?? limitation.limitation_id;

/** Six decimals are what counts; sums of fractions show no more. */
const rounded = (value: number) => Number(value.toFixed(6));

const shared: readonly Column<Row>[] = [
  { title: "Limitation", width: "22%", cell: (row) => <b>{nameOf(row)}</b> },
  { title: "Consumed", width: "22%", cell: (row) => <Consumed row={row} /> },
  {
    title: "Limit",
    isNumber: true,
    cell: ({ limitation: { limit }, isOwn }) => <Value text={limit ?? "none"} isOwn={isOwn} />,
  },
  { title: "Left", isNumber: true, cell: ({ quota }) => (quota?.remaining == null ? "–" : rounded(quota.remaining)) },
  {
    title: "Counts",
    width: "20%",
    cell: ({ limitation }) => resetText(limitation.consumption_reset_mode, limitation.consumption_reset_period_days),
  },
  {
    title: "Next period",
    cell: ({ quota }) => (quota?.next_reset_date_utc == null ? "–" : <When at={quota.next_reset_date_utc} />),
  },
];

function Consumed({ row: { quota } }: { readonly row: Row }) {
  if (quota === undefined) return "–";
  const { limit, remaining } = quota;
  if (limit === null || remaining === null) return "without a limit";
  const used = rounded(limit - remaining);
  const state = used > limit ? "over" : used === limit ? "full" : "free";
  return (
    <>
      <Text size="xs">
        {figure(used)} of {figure(limit)}
        {state === "over" && " · beyond the limit"}
        {state === "full" && " · used up"}
      </Text>
      <div className="meter" data-state={state} aria-hidden="true">
        <span style={{ width: `${limit === 0 ? 100 : Math.min(100, (used / limit) * 100)}%` }} />
      </div>
    </>
  );
}

function BeginAnew({ license, row }: { readonly license: LicenseItem; readonly row: Row }) {
  const ask = useAsk();
  if (row.quota === undefined) return null;
  const name = nameOf(row);
  const act = {
    title: `Begin ${name} anew?`,
    text: `Nothing of ${name} counts as consumed from then on: ${license.customer.company_name} has all of it again. What was consumed before can no longer be taken back.`,
    verb: "Begin anew",
    change: {
      method: "PUT",
      path: `licenses/${license.id}/consumption/limitations/${row.limitation.limitation_id}/reset`,
    },
    done: `${name} begins anew.`,
  } as const;
  return (
    <Button size="compact-xs" variant="default" onClick={() => ask(act)} aria-label={`Begin anew: ${name}`}>
      Begin anew
    </Button>
  );
}
