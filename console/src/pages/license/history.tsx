/** What happened on the licence, and who changed it. */
import { Button, Group, Stack, Text } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import type { AuditPage, LicenseEvents } from "../../api/types.ts";
import { figure } from "../../parts/figure.ts";
import { Panel } from "../../parts/page.tsx";
import { eventText, reasonText } from "../../parts/reasons.ts";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import { AuditTable } from "../audit/audit-table.tsx";
import type { LicenseItem } from "./license.tsx";

const pageSize = 100;
type Event = LicenseEvents["items"][number];

export function History({ license }: { readonly license: LicenseItem }) {
  const url = useUrl();
  const before = url.get("before");
  const events = useRead<LicenseEvents>(`licenses/${license.id}/events`, { limit: pageSize, before });
  const changes = useRead<AuditPage>("audit", { kind: "license", id: license.id, page_size: 20 });
  return (
    <Stack>
      <Panel title="What happened" lead="Newest first. An extend leaves no line.">
        <Shown of={events}>
          {({ items, next }) =>
            items.length === 0 && before === null ? (
              <Empty title="Nothing has happened yet">The first session will stand here.</Empty>
            ) : (
              <>
                <DataTable<Event & { readonly n: number }>
                  label="What happened"
                  items={items.map((item, n) => ({ ...item, n }))}
                  columns={columns}
                  keyOf={({ n, at }) => `${at} ${n}`}
                  maxHeight={520}
                />
                <Group justify="flex-end" p="sm">
                  {before !== null && (
                    <Button size="xs" variant="default" onClick={() => url.set({ before: null })}>
                      Newest
                    </Button>
                  )}
                  {next !== null && (
                    <Button size="xs" variant="default" onClick={() => url.set({ before: next }, false)}>
                      Older
                    </Button>
                  )}
                </Group>
              </>
            )
          }
        </Shown>
      </Panel>
      <Panel title="Who changed it">
        <Shown of={changes}>{({ items }) => <AuditTable items={items} />}</Shown>
      </Panel>
    </Stack>
  );
}

const columns: readonly Column<Event>[] = [
  { title: "When", cell: ({ at }) => <When at={at} precision="second" /> },
  {
    title: "What",
    cell: ({ kind, code, is_overuse }) => (
      <>
        {code === null ? eventText(kind) : reasonText(code)}
        {is_overuse && (
          <Text span size="xs" c="dimmed">
            {" "}
            beyond the limit
          </Text>
        )}
      </>
    ),
  },
  { title: "User", cell: ({ user_id }) => user_id ?? "–" },
  { title: "Client", cell: ({ client_id }) => client_id ?? "–" },
  { title: "In use then", isNumber: true, cell: ({ in_use, limit }) => `${figure(in_use)} / ${figure(limit)}` },
];
