/** The clients that the licence knows: activated, suspended, unassigned. */
import { Badge, Button, Group, Text } from "@mantine/core";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Clients as ClientList } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { inText } from "../../parts/names.ts";
import { Pages, Panel } from "../../parts/page.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import type { LicenseItem } from "./license.tsx";

const pageSize = 100;
type Client = ClientList[number];

/** How long a suspension from here lasts, unless it is lifted: long enough to find out, too short to be forgotten. */
const suspensionMs = 7 * 86_400_000;

export function Clients({ license }: { readonly license: LicenseItem }) {
  const url = useUrl();
  const { may } = useApi();
  const clients = useList<ClientList>(`licenses/${license.id}/assignments`, { page: url.page, page_size: pageSize });
  const columns: readonly Column<Client>[] = [
    ...shared,
    ...(may("operator")
      ? [{ title: "Action", width: 200, cell: (client: Client) => <ClientActions license={license} client={client} /> }]
      : []),
  ];
  return (
    <Panel title="Clients" lead="Who was ever activated on this licence.">
      <Shown of={clients}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title="No client yet">
              Clients appear when an application activates, or at their first session where the edition activates on
              open.
            </Empty>
          ) : (
            <>
              <DataTable label="Clients" items={items} columns={columns} keyOf={({ id }) => id} />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
    </Panel>
  );
}

const shared: readonly Column<Client>[] = [
  {
    title: "Client",
    cell: ({ client_id, device_name }) => (
      <>
        <Text size="sm" fw={550}>
          {client_id}
        </Text>
        {device_name !== null && (
          <Text size="xs" c="dimmed">
            {device_name}
          </Text>
        )}
      </>
    ),
  },
  { title: "State", cell: (client) => <ClientState client={client} /> },
  { title: "Activated", cell: ({ activated_date_utc }) => <When at={activated_date_utc} /> },
  { title: "Software", cell: ({ software_version }) => software_version ?? "–" },
  { title: "System", cell: ({ operating_system }) => operating_system ?? "–" },
];

const isSuspended = ({ suspended_until_utc }: Client) =>
  suspended_until_utc !== null && Date.parse(suspended_until_utc) > Date.now();

function ClientState({ client }: { readonly client: Client }) {
  if (client.suspended_until_utc !== null && isSuspended(client)) {
    return (
      <Badge color="orange" variant="light">
        suspended until <When at={client.suspended_until_utc} />
      </Badge>
    );
  }
  return client.activated ? (
    <Badge color="green" variant="light">
      {client.is_goodwill_license ? "active by goodwill" : "active"}
    </Badge>
  ) : (
    <Badge color="gray" variant="light">
      unassigned
    </Badge>
  );
}

function ClientActions({ license, client }: { readonly license: LicenseItem; readonly client: Client }) {
  const ask = useAsk();
  const name = inText(client.client_id);
  const path = `licenses/${license.id}/assignments`;
  const suspended = isSuspended(client);
  const until = suspended ? null : new Date(Date.now() + suspensionMs).toISOString();
  const suspend = {
    title: suspended ? `Lift the suspension of ${name}?` : `Suspend ${name} for a week?`,
    text: suspended
      ? "The client may open sessions again."
      : `Everything is denied to ${name} for seven days. Its live sessions run to their end.`,
    verb: suspended ? "Lift" : "Suspend",
    change: { method: "PUT", path, body: { id: client.id, suspended_until_utc: until } },
    done: suspended ? "The suspension is lifted." : `${name} is suspended.`,
  } as const;
  const unassign = {
    title: `Unassign ${name}?`,
    text: "Its token is free for another client, and its sessions end. The client stays known and may be activated again.",
    verb: "Unassign",
    change: { method: "DELETE", path: `${path}/${client.id}` },
    done: `${name} is unassigned.`,
  } as const;
  return (
    <Group gap={6} wrap="nowrap">
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => ask(suspend)}
        aria-label={suspended ? `Lift the suspension of ${name}` : `Suspend ${name}`}
      >
        {suspended ? "Lift" : "Suspend"}
      </Button>
      {client.activated && (
        <Button size="compact-xs" variant="default" onClick={() => ask(unassign)} aria-label={`Unassign ${name}`}>
          Unassign
        </Button>
      )}
    </Group>
  );
}
