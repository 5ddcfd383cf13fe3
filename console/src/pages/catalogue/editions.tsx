/** Editions: what is counted, and how. */
import { Badge, Button, Group, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Edition } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { Edited } from "../../parts/edited.tsx";
import { EntityChoice, editions } from "../../parts/entity-choice.tsx";
import { changesOf, FormWindow } from "../../parts/form.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { minutesText } from "../../parts/when.tsx";
import { bodyOfEdition, EditionFields, type EditionValues } from "./edition-fields.tsx";
import { type EditionFormProps, EntitlementsForm } from "./entitlements.tsx";
import { CatalogueList, useListQuery } from "./list.tsx";
import { RowActions } from "./row-actions.tsx";
import { countedText, modeText } from "./words.ts";

export function Editions() {
  const url = useUrl();
  const { may } = useApi();
  const list = useList<readonly Edition[]>("templates", useListQuery());
  return (
    <CatalogueList
      title="Editions"
      noun="edition"
      of={list}
      columns={columnsFor(may("owner"))}
      create={
        may("owner") && (
          <Button size="xs" component={Link} href="/catalogue/editions/new">
            Create an edition
          </Button>
        )
      }
      hint="An edition says whether tokens float or are named, and whether users, devices or projects are counted."
    >
      {may("owner") && <EditionForms edited={url.get("edit")} entitled={url.get("parts")} />}
    </CatalogueList>
  );
}

interface EditionFormsProps {
  /** The edition whose settings are changed, and the one whose product's parts are set. */
  readonly edited: string | null;
  readonly entitled: string | null;
}

function EditionForms({ edited, entitled }: EditionFormsProps) {
  const url = useUrl();
  const id = edited ?? entitled;
  if (id === null) return null;
  const close = () => url.set({ edit: null, parts: null });
  const Form = edited === null ? EntitlementsForm : EditionForm;
  return (
    <Edited<Edition> path={`templates/${id}`} close={close}>
      {(edition, version) => <Form edition={edition} version={version} close={close} />}
    </Edited>
  );
}

function columnsFor(mayChange: boolean): Column<Edition>[] {
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
            width: 270,
            cell: (edition: Edition) => <EditionActions edition={edition} />,
          },
        ]
      : []),
  ];
}

interface EditionActionsProps {
  readonly edition: Edition;
}

function EditionActions({ edition }: EditionActionsProps) {
  const url = useUrl();
  const [isCloning, setCloning] = useState(false);
  const { id, name, license_count } = edition;
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => url.set({ parts: id })}
        aria-label={`Limits and values of ${name}`}
      >
        Limits
      </Button>
      <Button size="compact-xs" variant="default" onClick={() => setCloning(true)} aria-label={`Clone ${name}`}>
        Clone
      </Button>
      {license_count === 0 ? (
        <RowActions
          name={name}
          edit={() => url.set({ edit: id })}
          deletion={{ path: `templates/${id}`, text: "It has no licences; nobody is affected." }}
        />
      ) : (
        <ReplaceOrEdit edition={edition} />
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
function ReplaceOrEdit({ edition }: EditionActionsProps) {
  const url = useUrl();
  const ask = useAsk();
  const [isReplacing, setReplacing] = useState(false);
  const [heir, setHeir] = useState<string | null>(null);
  const { id, name, license_count } = edition;
  const isAlike = (other: Edition) =>
    other.id !== id &&
    other.client_type === edition.client_type &&
    other.provisioning_mode === edition.provisioning_mode;
  const replace = (other: Edition) =>
    ask({
      title: `Delete ${name}?`,
      text: `What is of it (${license_count === 1 ? "1 licence" : `${license_count} licences`}) changes to ${other.name} in the same step, and goes by its settings from then on.`,
      verb: "Delete",
      change: { method: "DELETE", path: `templates/${id}?new_template_id=${other.id}` },
      done: `${name} is deleted.`,
    });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={() => url.set({ edit: id })} aria-label={`Edit ${name}`}>
        Edit
      </Button>
      {isReplacing ? (
        <EntityChoice
          of={editions}
          among={{ product_id: edition.product_id }}
          isOffered={isAlike}
          size="xs"
          w={150}
          aria-label="Edition that takes its licences"
          placeholder="Licences go to"
          value={heir}
          onChoose={(other) => {
            setHeir(other?.id ?? null);
            if (other !== null) replace(other);
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

function EditionForm({ edition, version, close }: EditionFormProps) {
  const kind = { mode: edition.provisioning_mode, counted: edition.client_type };
  const features = edition.features.map(({ feature_id, feature_name }) => ({ id: feature_id, name: feature_name }));
  return (
    <FormWindow<EditionValues>
      title={`Edit ${edition.name}`}
      verb="Save"
      size="lg"
      initial={valuesOf(edition)}
      version={version}
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
