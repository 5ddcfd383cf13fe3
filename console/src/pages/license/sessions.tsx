/** Who holds the licence's tokens now. */
import { Badge, Button, Group, Select, Text } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { SessionPage } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { inText } from "../../parts/names.ts";
import { Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import type { LicenseItem } from "./license.tsx";

const pageSize = 50;
type Session = SessionPage["items"][number];

const orders = [
  { value: "opened_at", label: "Newest first" },
  { value: "user_id", label: "By holder" },
  { value: "valid_until", label: "Ending next" },
];

export function Sessions({ license }: { readonly license: LicenseItem }) {
  const url = useUrl();
  const sort = url.get("sort") ?? "opened_at";
  const query = {
    search: url.get("search"),
    sort,
    descending: sort === "opened_at",
    page: url.page,
    page_size: pageSize,
  };
  const sessions = useRead<SessionPage>(`licenses/${license.id}/sessions`, query);
  return (
    <Panel
      title="Live sessions"
      lead="A holder has one token while it has at least one of these."
      actions={
        <>
          <Search label="Search holders" />
          <Select
            size="xs"
            w={140}
            aria-label="Order"
            data={orders}
            value={sort}
            allowDeselect={false}
            onChange={(order) => url.set({ sort: order === "opened_at" ? null : order, page: null })}
          />
          <EndAll license={license} count={sessions.data?.total ?? 0} />
        </>
      }
    >
      <Shown of={sessions}>
        {({ items, total }) =>
          total === 0 ? (
            <NobodyIn license={license} isSearch={url.get("search") !== null} />
          ) : (
            <>
              <SessionTable license={license} items={items} />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
    </Panel>
  );
}

function NobodyIn({ license, isSearch }: { readonly license: LicenseItem; readonly isSearch: boolean }) {
  if (isSearch)
    return <Empty title="Nobody of that name is in">The search looks at users, clients and projects.</Empty>;
  return (
    <Empty title="Nobody holds a token now">
      Applications take one by opening a session with the licence id <span className="mono">{license.id}</span>
      {license.legacy_license_key !== null && (
        <>
          {" "}
          or find it by the key <span className="mono">{license.legacy_license_key}</span>
        </>
      )}
      . Whoever does appears here at once. The address <span className="mono">/docs</span> of this server has the call.
    </Empty>
  );
}

function SessionTable({ license, items }: { readonly license: LicenseItem; readonly items: readonly Session[] }) {
  const { may } = useApi();
  const isProjects = items.some(({ project_id }) => project_id !== null);
  const columns: Column<Session>[] = [
    ...(isProjects ? [{ title: "Project", cell: ({ project_name }: Session) => project_name }] : []),
    { title: isProjects ? "User" : "Holder", cell: (session) => <HolderName session={session} /> },
    { title: "Client", cell: ({ client_id }) => client_id },
    { title: "Opened", cell: ({ opened_at }) => <When at={opened_at} precision="second" /> },
    { title: "Last extended", cell: ({ extended_at }) => <When at={extended_at} precision="second" /> },
    { title: "Valid until", cell: ({ valid_until }) => <When at={valid_until} precision="second" /> },
    ...(may("operator")
      ? [{ title: "Action", width: 90, cell: (session: Session) => <EndOne license={license} session={session} /> }]
      : []),
  ];
  return <DataTable label="Live sessions" items={items} columns={columns} keyOf={({ id }) => id} />;
}

const nameOf = ({ user_id, client_id }: Session) => user_id ?? client_id ?? "An unnamed client";

function HolderName({ session }: { readonly session: Session }) {
  return (
    <Group gap="xs">
      <Text size="sm" fw={550}>
        {nameOf(session)}
      </Text>
      {session.sessions_of_holder > 1 && (
        <Badge size="sm" variant="light" color="gray">
          {session.sessions_of_holder} sessions
        </Badge>
      )}
      {session.is_checkout && (
        <Badge size="sm" variant="light">
          checked out
        </Badge>
      )}
      {session.is_overuse && (
        <Badge size="sm" variant="light" color="orange">
          beyond the limit
        </Badge>
      )}
    </Group>
  );
}

function EndOne({ license, session }: { readonly license: LicenseItem; readonly session: Session }) {
  const ask = useAsk();
  const name = inText(nameOf(session));
  const act = {
    title: `End the session of ${name}?`,
    text: `${name} is told at the next extend that an administrator ended it. ${
      session.sessions_of_holder > 1
        ? "The token stays taken by the holder's other sessions."
        : "The token is free at once."
    } The same session is refused until ${new Date(session.valid_until).toLocaleString()}.`,
    verb: "End session",
    change: { method: "DELETE", path: `licenses/${license.id}/opensessions/${session.id}` },
    done: `The session of ${name} has ended.`,
  } as const;
  return (
    <Button size="compact-xs" variant="default" onClick={() => ask(act)} aria-label={`End the session of ${name}`}>
      End
    </Button>
  );
}

function EndAll({ license, count }: { readonly license: LicenseItem; readonly count: number }) {
  const { may } = useApi();
  const ask = useAsk();
  if (!may("operator") || count < 2) return null;
  const name = license.name ?? license.id;
  const act = {
    title: "End all sessions?",
    text: `Everybody who works with ${name} loses their session: all of ${license.customer.company_name}. Their tokens are free at once.`,
    verb: "End all sessions",
    agree: `End all sessions of ${name}`,
    change: { method: "POST", path: `licenses/${license.id}/opensessions/close`, body: { license_id: license.id } },
    done: `All sessions of ${name} have ended.`,
  } as const;
  return (
    <Button size="xs" variant="default" onClick={() => ask(act)}>
      End all
    </Button>
  );
}
