/** Who used the licence and for how long, who went without, and whose program or id looks careless. */
import { Badge, Button, Stack } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Holders as HolderList, Signs } from "../../api/types.ts";
import { Panel } from "../../parts/page.tsx";
import { PagedTable } from "../../parts/paged-table.tsx";
import { RangeControl, useRange } from "../../parts/range.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { durationText } from "../../parts/when.tsx";
import type { LicenseItem } from "./license.tsx";

type Holder = HolderList["items"][number];
type Sign = Signs["items"][number];

export function Holders({ license }: { readonly license: LicenseItem }) {
  const api = useApi();
  const state = useRange("28d", "90d");
  const query = { license_id: license.id, ...state.range.query };
  const holders = useRead<HolderList>("analytics/holders", query);
  const signs = useRead<Signs>("analytics/signs", query);
  return (
    <Stack>
      <Panel
        title="Signs of cheats and careless clients"
        lead="Signs, not proof: late re-opens, sessions that are never closed, ids that several share, tokens that wander."
        actions={<RangeControl state={state} />}
      >
        <Shown of={signs}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing conspicuous">No holder has five cases of any sign in this time.</Empty>
            ) : (
              <PagedTable
                name="signs-page"
                label="Signs"
                items={items}
                columns={signColumns}
                keyOf={({ holder, sign }) => `${sign} ${holder}`}
              />
            )
          }
        </Shown>
      </Panel>
      <Panel
        title="Holders"
        lead="By whole days in UTC. Time is of sessions that have ended."
        actions={
          <Button
            component="a"
            href={api.url("analytics/holders", { ...query, format: "csv" })}
            download="holders.csv"
            size="xs"
            variant="default"
          >
            CSV
          </Button>
        }
      >
        <Shown of={holders}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nobody used the licence in this time">Choose a longer time above.</Empty>
            ) : (
              <PagedTable
                name="holders-page"
                label="Holders"
                items={items}
                columns={holderColumns}
                keyOf={({ holder }) => holder}
              />
            )
          }
        </Shown>
      </Panel>
    </Stack>
  );
}

const signTexts: Readonly<Record<string, string>> = {
  renews_late: "Re-opens come late",
  never_closes: "Never closes",
  id_shared: "Same id too often",
  several_addresses: "Several addresses",
  wanders: "Wanders",
};

const signColumns: readonly Column<Sign>[] = [
  { title: "Holder", cell: ({ holder }) => <b>{holder}</b> },
  {
    title: "Sign",
    cell: ({ sign }) => (
      <Badge variant="light" color="orange">
        {signTexts[sign] ?? sign}
      </Badge>
    ),
  },
  { title: "Cases", isNumber: true, cell: ({ cases, out_of }) => `${cases} of ${out_of}` },
  { title: "What it may mean", cell: ({ message }) => message },
];

const holderColumns: readonly Column<Holder>[] = [
  { title: "Holder", cell: ({ holder }) => holder },
  { title: "Time in sessions", isNumber: true, cell: ({ session_seconds }) => durationText(session_seconds) },
  { title: "Sessions", isNumber: true, cell: ({ sessions }) => sessions },
  { title: "Lapsed", isNumber: true, cell: ({ sessions_expired }) => sessions_expired },
  { title: "Re-opened late", isNumber: true, cell: ({ reopened_late }) => reopened_late },
  { title: "Activations", isNumber: true, cell: ({ activations }) => activations },
  { title: "Denials", isNumber: true, cell: ({ denials }) => denials },
  { title: "Went without", isNumber: true, cell: ({ true_denials }) => true_denials },
];
