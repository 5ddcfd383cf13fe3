/** A licence: issued, or changed. Which limits it has depends on what its edition counts. */
import { Button, Group, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { useRead } from "../../api/queries.ts";
import type { Edition, License, LicensePage, NewLicense } from "../../api/types.ts";
import type { Version } from "../../parts/edited.tsx";
import { customers, EntityChoice, editions } from "../../parts/entity-choice.tsx";
import { changesOf, type Fields, FormWindow, numberOrNull, orNull } from "../../parts/form.tsx";
import { CustomerForm } from "./customers.tsx";

type LicenseItem = LicensePage["items"][number];

interface Values {
  name: string;
  customer_id: string | null;
  edition: Edition | null;
  floating_token_limit: number | string;
  token_limit: number | string;
  goodwill_token_limit: number | string;
  mono: number | string;
  team: number | string;
  legacy_license_key: string;
  allowed_user_domains: string[];
  expiration_date_utc: string;
}

interface LicenseFormProps {
  readonly license: LicenseItem | null;
  readonly version?: Version;
  /** The edition of a new one, where it is known already. */
  readonly edition?: string | null;
  readonly close: () => void;
  readonly onDone?: (license: License) => void;
}

export function LicenseForm({ license, version, edition = null, close, onDone }: LicenseFormProps) {
  const editionId = license?.template_id ?? edition;
  const read = useRead<Edition>(`templates/${editionId}`, {}, editionId !== null);
  if (editionId !== null && read.isPending) return null;
  const initial = initialOf(license, read.data ?? null);
  return (
    <FormWindow<Values, License>
      title={license === null ? "Issue a licence" : `Edit ${license.name ?? license.id}`}
      verb={license === null ? "Issue" : "Save"}
      initial={initial}
      version={version}
      change={(values) => ({
        method: license === null ? "POST" : "PATCH",
        path: "licenses",
        body: license === null ? bodyOf(values) : { id: license.id, ...changesOf(bodyOf(initial), bodyOf(values)) },
      })}
      close={close}
      {...(onDone !== undefined && { onDone })}
    >
      {(fields) => <LicenseFields fields={fields} />}
    </FormWindow>
  );
}

function initialOf(license: LicenseItem | null, edition: Edition | null): Values {
  return {
    name: license?.name ?? "",
    customer_id: license?.customer_id ?? null,
    edition,
    floating_token_limit: license?.floating_token_limit ?? "",
    token_limit: license?.token_limit ?? "",
    goodwill_token_limit: license?.goodwill_token_limit ?? "",
    mono: license?.project_tokens?.mono ?? 1,
    team: license?.project_tokens?.team ?? 0,
    legacy_license_key: license?.legacy_license_key ?? "",
    allowed_user_domains: [...(license?.allowed_user_domains ?? [])],
    expiration_date_utc: license?.expiration_date_utc?.slice(0, 10) ?? "",
  };
}

/** Limits that are left out are the edition's. */
function bodyOf({ edition, ...values }: Values): NewLicense {
  const isProjects = edition?.client_type === 2;
  return {
    name: orNull(values.name),
    customer_id: values.customer_id ?? "",
    template_id: edition?.id ?? "",
    legacy_license_key: orNull(values.legacy_license_key),
    allowed_user_domains: values.allowed_user_domains,
    // A date is the end of that day where the vendor reads it: the whole of it is still valid.
    expiration_date_utc: values.expiration_date_utc === "" ? null : `${values.expiration_date_utc}T23:59:59Z`,
    ...(isProjects
      ? { project_tokens: { mono: Number(values.mono), team: Number(values.team) } }
      : edition?.provisioning_mode === 0
        ? {
            token_limit: numberOrNull(values.token_limit),
            goodwill_token_limit: numberOrNull(values.goodwill_token_limit),
          }
        : { floating_token_limit: numberOrNull(values.floating_token_limit) }),
  };
}

interface FieldsProps {
  readonly fields: Fields<Values>;
}

function LicenseFields({ fields }: FieldsProps) {
  const { edition } = fields.values;
  return (
    <>
      <CustomerChoice fields={fields} />
      <EntityChoice
        of={editions}
        label="Edition"
        value={edition?.id ?? null}
        onChoose={(chosen) => fields.set("edition", chosen)}
        error={fields.wrong("template_id")}
      />
      <TextInput label="Name" description="What you and applications call it." {...fields.text("name")} />
      {edition !== null && <Limits fields={fields} edition={edition} />}
      <TextInput
        label="Key of your own"
        description="By which applications may find it: for users, the domain of their mail address."
        {...fields.text("legacy_license_key")}
      />
      {edition?.client_type !== 0 && (
        <TagsInput
          label="Users' mail domains"
          description="Only users of these get in; none: everybody. Enter after each."
          value={fields.values.allowed_user_domains}
          onChange={(domains) => fields.set("allowed_user_domains", domains)}
          error={fields.wrong("allowed_user_domains")}
        />
      )}
      <TextInput
        type="date"
        label="Last day"
        description="Valid to the end of it, in UTC; none: for ever."
        {...fields.text("expiration_date_utc")}
      />
    </>
  );
}

/** Choosing a customer, or making one on the way. */
function CustomerChoice({ fields }: { readonly fields: Fields<Values> }) {
  const [isCreating, setCreating] = useState(false);
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <EntityChoice
        of={customers}
        flex={1}
        label="Customer"
        value={fields.values.customer_id}
        onChoose={(customer) => fields.set("customer_id", customer?.id ?? null)}
        error={fields.wrong("customer_id")}
      />
      <Button variant="default" onClick={() => setCreating(true)}>
        New
      </Button>
      {isCreating && (
        <CustomerForm
          customer={null}
          close={() => setCreating(false)}
          onDone={({ id }) => fields.set("customer_id", id)}
        />
      )}
    </Group>
  );
}

function Limits({ fields, edition }: { readonly fields: Fields<Values>; readonly edition: Edition }) {
  if (edition.client_type === 2) {
    return (
      <Group grow align="flex-start">
        <NumberInput
          label="Mono tokens"
          description="One user at a time each"
          min={0}
          {...fields.number("mono", "project_tokens")}
        />
        <NumberInput
          label="Team tokens"
          description="Any number of users each"
          min={0}
          {...fields.number("team", "project_tokens")}
        />
      </Group>
    );
  }
  if (edition.provisioning_mode === 0) {
    return (
      <Group grow align="flex-start">
        <NumberInput
          label="Named tokens"
          placeholder={String(edition.token_limit)}
          min={0}
          {...fields.number("token_limit")}
        />
        <NumberInput
          label="Goodwill"
          placeholder={String(edition.goodwill_token_limit)}
          min={0}
          {...fields.number("goodwill_token_limit")}
        />
      </Group>
    );
  }
  return (
    <NumberInput
      label="Floating tokens"
      description={`So many ${edition.client_type === 1 ? "users" : "devices"} work at the same time.`}
      placeholder={String(edition.floating_token_limit)}
      min={0}
      {...fields.number("floating_token_limit")}
    />
  );
}
