/** The settings of an edition, in the words of whoever sells it; those that its kind has no use for are left out. */
import { Checkbox, Group, NumberInput, Radio, Select, Stack, Switch } from "@mantine/core";
import { type Fields, numberOrNull } from "../../parts/form.tsx";

export interface EditionValues {
  name: string;
  session_period: number | string;
  max_floating_sessions_with_same_client_id: number | string;
  max_checkout_period: number | string;
  max_checked_out_tokens: number | string;
  checkout_reserve: number | string;
  max_early_check_ins_per_month: number | string;
  enforce_floating_limit: boolean;
  heartbeat_period: number | string;
  free_ride: number | string;
  floating_token_limit: number | string;
  token_limit: number | string;
  default_project_kind: string | null;
  allow_kind_switch: boolean;
  features: string[];
}

/** What an edition counts. It cannot change. */
export interface EditionKind {
  readonly mode: number;
  readonly counted: number;
}

/** Named devices hold their token without sessions. */
const hasSessions = ({ mode, counted }: EditionKind) => mode === 1 || counted !== 0;

/** Settings as the API takes them: those that the kind has. */
export function bodyOfEdition(values: EditionValues, kind: EditionKind) {
  const sessions = {
    session_period: numberOrNull(values.session_period),
    max_floating_sessions_with_same_client_id: numberOrNull(values.max_floating_sessions_with_same_client_id),
    max_checkout_period: numberOrNull(values.max_checkout_period),
    max_checked_out_tokens: numberOrNull(values.max_checked_out_tokens),
    checkout_reserve: numberOrNull(values.checkout_reserve),
    max_early_check_ins_per_month: numberOrNull(values.max_early_check_ins_per_month),
  };
  const projects = { default_project_kind: values.default_project_kind, allow_kind_switch: values.allow_kind_switch };
  return {
    name: values.name.trim(),
    heartbeat_period: numberOrNull(values.heartbeat_period),
    free_ride: numberOrNull(values.free_ride),
    features: values.features.map((feature_id) => ({ feature_id })),
    ...(hasSessions(kind) && sessions),
    ...(kind.counted === 2 && projects),
    ...(kind.mode === 0 && { token_limit: numberOrNull(values.token_limit) }),
    ...(kind.mode === 1 && { enforce_floating_limit: values.enforce_floating_limit }),
    ...(kind.mode === 1 && kind.counted !== 2 && { floating_token_limit: numberOrNull(values.floating_token_limit) }),
  };
}

interface EditionFieldsProps {
  readonly fields: Fields<EditionValues>;
  readonly kind: EditionKind;
  readonly features: readonly { readonly id: string; readonly name: string }[];
}

export function EditionFields({ fields, kind, features }: EditionFieldsProps) {
  return (
    <Stack>
      {hasSessions(kind) && <SessionFields fields={fields} />}
      {kind.mode === 1 && <LimitFields fields={fields} kind={kind} />}
      {kind.counted === 2 && <ProjectFields fields={fields} />}
      {kind.mode === 0 && (
        <NumberInput
          label="Tokens of a new licence"
          description="Unless the licence says otherwise."
          min={0}
          {...fields.number("token_limit")}
        />
      )}
      <OfflineFields fields={fields} />
      {features.length > 0 && (
        <Checkbox.Group
          label="Features that are on"
          value={fields.values.features}
          onChange={(ids) => fields.set("features", ids)}
        >
          <Group mt={6}>
            {features.map(({ id, name }) => (
              <Checkbox key={id} value={id} label={name} />
            ))}
          </Group>
        </Checkbox.Group>
      )}
    </Stack>
  );
}

interface PartProps {
  readonly fields: Fields<EditionValues>;
}

function SessionFields({ fields }: PartProps) {
  return (
    <>
      <NumberInput
        label="Session period, in minutes"
        description="A client that says nothing for so long loses its session, and its token is free for somebody else. Short frees tokens of crashed programs sooner; long needs fewer requests."
        min={1}
        {...fields.number("session_period")}
      />
      <NumberInput
        label="Sessions of one holder on one token"
        description="So often may the same holder have the software open at once."
        min={0}
        {...fields.number("max_floating_sessions_with_same_client_id")}
      />
      <NumberInput
        label="Longest checkout, in minutes"
        description="For work without a connection: a session of up to so long is granted at once. 0: no checkouts. 1440 is a day."
        min={0}
        {...fields.number("max_checkout_period")}
      />
      {Number(fields.values.max_checkout_period) > 0 && <CheckoutFields fields={fields} />}
    </>
  );
}

function CheckoutFields({ fields }: PartProps) {
  return (
    <Group grow align="flex-start">
      <NumberInput
        label="Tokens checked out at once"
        placeholder="any number"
        min={0}
        {...fields.number("max_checked_out_tokens")}
      />
      <NumberInput label="Tokens that always stay" min={0} {...fields.number("checkout_reserve")} />
      <NumberInput
        label="Early check-ins a month"
        placeholder="any number"
        min={0}
        {...fields.number("max_early_check_ins_per_month")}
      />
    </Group>
  );
}

function LimitFields({ fields, kind }: PartProps & { readonly kind: EditionKind }) {
  return (
    <>
      <Radio.Group
        label="When all tokens are in use"
        value={fields.values.enforce_floating_limit ? "deny" : "grant"}
        onChange={(value) => fields.set("enforce_floating_limit", value === "deny")}
      >
        <Stack gap={6} mt={6}>
          <Radio value="deny" label="Deny the next one" description="It is in the log of denials." />
          <Radio value="grant" label="Grant it, and put it on record as overuse" description="For pay per use." />
        </Stack>
      </Radio.Group>
      {kind.counted !== 2 && (
        <NumberInput
          label="Tokens of a new licence"
          description="Unless the licence says otherwise."
          min={0}
          {...fields.number("floating_token_limit")}
        />
      )}
    </>
  );
}

function ProjectFields({ fields }: PartProps) {
  return (
    <>
      <Select
        label="A project that is opened without a kind is"
        placeholder="refused: the kind must be named"
        clearable
        clearButtonProps={{ "aria-label": "The kind must be named" }}
        data={[
          { value: "mono", label: "Mono: one user at a time" },
          { value: "team", label: "Team: any number of users for one token" },
        ]}
        {...fields.choice("default_project_kind")}
      />
      <Switch label="The kind of an open project may change" {...fields.check("allow_kind_switch")} />
    </>
  );
}

function OfflineFields({ fields }: PartProps) {
  return (
    <Group grow align="flex-start">
      <NumberInput
        label="Heartbeat period, in minutes"
        description="How often an application reports."
        min={1}
        {...fields.number("heartbeat_period")}
      />
      <NumberInput
        label="Free ride, in days"
        description="How long it may go on without the server."
        min={0}
        {...fields.number("free_ride")}
      />
    </Group>
  );
}
