/** Editions: what is counted, and how. */
import { Badge, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Edition } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { changesOf, FormWindow } from "../../parts/form.tsx";
import { Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { minutesText } from "../../parts/when.tsx";
import { bodyOfEdition, EditionFields, type EditionValues } from "./edition-fields.tsx";
import { RowActions } from "./row-actions.tsx";
import { countedText, modeText } from "./words.ts";

const pageSize = 50;

export function Editions() {
  const url = useUrl();
  const { may } = useApi();
  const editions = useList<readonly Edition[]>("templates", {
    search: url.get("search"),
    page: url.page,
    page_size: pageSize,
  });
  const edited = editions.data?.items.find(({ id }) => id === url.get("edit"));
  const create = may("owner") && (
    <Button size="xs" component={Link} href="/catalogue/editions/new">
      Create an edition
    </Button>
  );
  return (
    <Panel
      title="Editions"
      actions={
        <>
          <Search label="Search editions" />
          {create}
        </>
      }
    >
      <Shown of={editions}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title="No edition is found" action={create}>
              An edition says whether tokens float or are named, and whether users, devices or projects are counted.
            </Empty>
          ) : (
            <>
              <DataTable
                label="Editions"
                items={items}
                columns={columnsFor(may("owner"), items, ({ id }) => url.set({ edit: id }))}
                keyOf={({ id }) => id}
              />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
      {edited !== undefined && <EditionForm edition={edited} close={() => url.set({ edit: null })} />}
    </Panel>
  );
}

function columnsFor(mayChange: boolean, all: readonly Edition[], edit: (edition: Edition) => void): Column<Edition>[] {
  return [
    {
      title: "Edition",
      cell: ({ name, product_name }) => (
        <>
          <Text size="sm" fw={600}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {product_name}
          </Text>
        </>
      ),
    },
    {
      title: "Counts",
      cell: ({ provisioning_mode, client_type }) => `${modeText(provisioning_mode)} · ${countedText(client_type)}`,
    },
    {
      title: "Beyond the limit",
      cell: ({ provisioning_mode, enforce_floating_limit }) => (
        <Badge variant="light" color={provisioning_mode === 1 && !enforce_floating_limit ? "orange" : "gray"}>
          {provisioning_mode === 1 && !enforce_floating_limit ? "granted as overuse" : "denied"}
        </Badge>
      ),
    },
    {
      title: "Session period",
      isNumber: true,
      cell: ({ session_period }) => (session_period === null ? "–" : minutesText(session_period)),
    },
    { title: "Licences", isNumber: true, cell: ({ license_count }) => license_count },
    ...(mayChange
      ? [
          {
            title: "Action",
            width: 210,
            cell: (edition: Edition) => <EditionActions edition={edition} all={all} edit={edit} />,
          },
        ]
      : []),
  ];
}

interface EditionActionsProps {
  readonly edition: Edition;
  readonly all: readonly Edition[];
  readonly edit: (edition: Edition) => void;
}

function EditionActions({ edition, all, edit }: EditionActionsProps) {
  const [isCloning, setCloning] = useState(false);
  const { id, name, license_count } = edition;
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button size="compact-xs" variant="default" onClick={() => setCloning(true)} aria-label={`Clone ${name}`}>
        Clone
      </Button>
      {license_count === 0 ? (
        <RowActions
          name={name}
          edit={() => edit(edition)}
          deletion={{ path: `templates/${id}`, text: "It has no licences; nobody is affected." }}
        />
      ) : (
        <ReplaceOrEdit edition={edition} all={all} edit={edit} />
      )}
      {isCloning && (
        <FormWindow
          title={`Clone ${name}`}
          verb="Clone"
          initial={{ name: `${name} (copy)` }}
          change={(values) => ({ method: "POST", path: `templates/${id}/clone`, body: values })}
          close={() => setCloning(false)}
        >
          {(fields) => <TextInput label="Name of the clone" data-autofocus {...fields.text("name")} />}
        </FormWindow>
      )}
    </Group>
  );
}

/** An edition with licences goes only if another one takes them. */
function ReplaceOrEdit({ edition, all, edit }: EditionActionsProps) {
  const ask = useAsk();
  const [isReplacing, setReplacing] = useState(false);
  const [heir, setHeir] = useState<string | null>(null);
  const { id, name, license_count } = edition;
  const alike = all.filter(
    (other) =>
      other.id !== id &&
      other.product_id === edition.product_id &&
      other.client_type === edition.client_type &&
      other.provisioning_mode === edition.provisioning_mode,
  );
  const replace = (heirId: string) =>
    ask({
      title: `Delete ${name}?`,
      text: `Its ${license_count} licences change to ${alike.find((other) => other.id === heirId)?.name} in the same step, and go by its settings from then on.`,
      verb: "Delete",
      change: { method: "DELETE", path: `templates/${id}?new_template_id=${heirId}` },
      done: `${name} is deleted.`,
    });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={() => edit(edition)} aria-label={`Edit ${name}`}>
        Edit
      </Button>
      {isReplacing ? (
        <Select
          size="xs"
          w={150}
          aria-label="Edition that takes its licences"
          placeholder="Licences go to"
          data={alike.map((other) => ({ value: other.id, label: other.name }))}
          nothingFoundMessage="None counts alike"
          value={heir}
          onChange={(value) => {
            setHeir(value);
            if (value !== null) replace(value);
          }}
        />
      ) : (
        <Button size="compact-xs" variant="default" onClick={() => setReplacing(true)} aria-label={`Delete ${name}`}>
          Delete
        </Button>
      )}
    </>
  );
}

function EditionForm({ edition, close }: { readonly edition: Edition; readonly close: () => void }) {
  const kind = { mode: edition.provisioning_mode, counted: edition.client_type };
  const features = edition.features.map(({ feature_id, feature_name }) => ({ id: feature_id, name: feature_name }));
  return (
    <FormWindow<EditionValues>
      title={`Edit ${edition.name}`}
      verb="Save"
      size="lg"
      initial={valuesOf(edition)}
      change={(values) => ({
        method: "PATCH",
        path: "templates",
        body: { id: edition.id, ...changesOf(bodyOfEdition(valuesOf(edition), kind), bodyOfEdition(values, kind)) },
      })}
      close={close}
    >
      {(fields) => (
        <>
          <Text size="sm" c="dimmed">
            {modeText(kind.mode)} · {countedText(kind.counted)}. {edition.license_count} licences go by a change at
            once; live sessions keep the end that they have.
          </Text>
          <TextInput label="Name" data-autofocus {...fields.text("name")} />
          <EditionFields fields={fields} kind={kind} features={features} />
        </>
      )}
    </FormWindow>
  );
}

function valuesOf(edition: Edition): EditionValues {
  return {
    name: edition.name,
    session_period: edition.session_period ?? "",
    max_floating_sessions_with_same_client_id: edition.max_floating_sessions_with_same_client_id,
    max_checkout_period: edition.max_checkout_period,
    max_checked_out_tokens: edition.max_checked_out_tokens ?? "",
    checkout_reserve: edition.checkout_reserve,
    max_early_check_ins_per_month: edition.max_early_check_ins_per_month ?? "",
    enforce_floating_limit: edition.enforce_floating_limit,
    heartbeat_period: edition.heartbeat_period,
    free_ride: edition.free_ride,
    floating_token_limit: edition.floating_token_limit,
    token_limit: edition.token_limit,
    default_project_kind: edition.default_project_kind,
    allow_kind_switch: edition.allow_kind_switch,
    features: edition.features.filter(({ is_active }) => is_active).map(({ feature_id }) => feature_id),
  };
}
