/** API keys and their roles, and how names of people are shown. */
import { Badge, Button, Group } from "@mantine/core";
import { useState } from "react";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { CreatedKey, KeyPage } from "../../api/types.ts";
import { Page, Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { KeyActions, RoleForm } from "./key-actions.tsx";
import { NewKeyForm, Secret } from "./new-key.tsx";
import { NamesOfPeople } from "./people.tsx";

const pageSize = 100;
export type Key = KeyPage["items"][number];

export default function Keys() {
  const { may } = useApi();
  if (!may("owner")) {
    return (
      <Page title="Keys and access">
        <Panel>
          <Empty title="Keys are for owners">Sign in with a key of role owner to see and change them.</Empty>
        </Panel>
      </Page>
    );
  }
  return <KeysOfOwner />;
}

function KeysOfOwner() {
  const url = useUrl();
  const edited = url.get("edit");
  // Not in the form: it is gone once the address no longer names it.
  const [created, setCreated] = useState<CreatedKey | null>(null);
  const keys = useRead<KeyPage>("keys", { search: url.get("search"), page: url.page, page_size: pageSize });
  return (
    <Page
      title="Keys and access"
      lead="Applications and backends call with provisioning keys, people and scripts of yours with admin keys."
      actions={
        <>
          <Search label="Search keys" />
          <Button size="xs" onClick={() => url.set({ new: "key" })}>
            Create a key
          </Button>
        </>
      }
    >
      <Panel>
        <Shown of={keys}>
          {({ items, total }) =>
            total === 0 ? (
              <Empty title="No key is found">Search for a part of its name.</Empty>
            ) : (
              <>
                <DataTable label="Keys" items={items} columns={columns} keyOf={({ id }) => id} />
                <Pages total={total} size={pageSize} />
              </>
            )
          }
        </Shown>
      </Panel>
      <NamesOfPeople />
      {edited !== null && <RoleForm id={edited} close={() => url.set({ edit: null })} />}
      {url.get("new") !== null && <NewKeyForm onDone={setCreated} close={() => url.set({ new: null })} />}
      {created !== null && <Secret of={created} close={() => setCreated(null)} />}
    </Page>
  );
}

const columns: readonly Column<Key>[] = [
  {
    title: "Key",
    cell: ({ name, is_active }) => (
      <Group gap="xs">
        <b>{name}</b>
        {!is_active && (
          <Badge size="sm" color="red" variant="light">
            switched off
          </Badge>
        )}
      </Group>
    ),
  },
  { title: "For", cell: (key) => purposeOf(key) },
  { title: "Answers are", cell: ({ response_signature }) => (response_signature === "rsa" ? "signed" : "not signed") },
  { title: "Reaches", cell: (key) => boundsOf(key) },
  { title: "Action", width: 230, cell: (key) => <KeyActions item={key} /> },
];

function purposeOf({ role, scope, admin_role }: Key): string {
  if (role === "admin") return `administration, as ${admin_role}`;
  return scope === "app" ? "software that is handed out" : "a backend of yours";
}

function boundsOf({ product_id, customer_id, license_id }: Key): string {
  const bounds = [
    product_id !== null && "one product",
    customer_id !== null && "one customer",
    license_id !== null && "one licence",
  ].filter((bound) => bound !== false);
  return bounds.length === 0 ? "everything" : bounds.join(", ");
}
