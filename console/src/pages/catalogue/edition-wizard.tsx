/** A new edition, from what matters most: how tokens are given, what is counted, the rules, and its name. */
import { Button, Group, Select, Stack, Stepper, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { choicesMax, useChange, useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Edition, Product } from "../../api/types.ts";
import { Refusal } from "../../parts/confirm.tsx";
import { type Fields, useFields } from "../../parts/form.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import { Choice } from "./choice.tsx";
import { bodyOfEdition, EditionFields, type EditionValues } from "./edition-fields.tsx";
import { ProductForm } from "./products.tsx";
import { counted, countedText, modes, modeText } from "./words.ts";

interface WizardValues extends EditionValues {
  mode: number | null;
  counted: number | null;
  product_id: string | null;
}

const blank: WizardValues = {
  mode: null,
  counted: null,
  product_id: null,
  name: "",
  session_period: 60,
  max_floating_sessions_with_same_client_id: 1,
  max_checkout_period: 0,
  max_checked_out_tokens: "",
  checkout_reserve: 0,
  max_early_check_ins_per_month: "",
  enforce_floating_limit: true,
  heartbeat_period: 1440,
  free_ride: 0,
  floating_token_limit: 2,
  token_limit: 1,
  default_project_kind: "mono",
  allow_kind_switch: false,
  features: [],
};

const back = { href: "/catalogue/editions", label: "Editions" };

export default function EditionWizard() {
  const { may } = useApi();
  const { mutateAsync, isPending, error } = useChange<Edition>();
  const fields = useFields<WizardValues>(blank, error);
  const [step, setStep] = useState(0);
  const [created, setCreated] = useState<Edition | null>(null);
  if (!may("owner")) {
    return (
      <Page title="Create an edition" back={back}>
        <Empty title="Editions are for owners">Sign in with a key of role owner to create one.</Empty>
      </Page>
    );
  }
  if (created !== null) return <Created edition={created} />;
  const { mode, counted: type } = fields.values;
  const create = async () => {
    const body = bodyOfWizard(fields.values);
    const edition = await mutateAsync({ method: "POST", path: "templates", body }).catch(() => null);
    if (edition !== null) setCreated(edition);
  };
  const isReady = [mode !== null, type !== null, true, fields.values.name !== "" && fields.values.product_id !== null];
  return (
    <Page
      title="Create an edition"
      back={back}
      lead="An edition says what is counted and how; its licences say how many."
    >
      <Panel>
        <Stack p="lg" gap="lg">
          <Stepper active={step} onStepClick={(next) => next < step && setStep(next)} size="sm">
            <Stepper.Step label="Provisioning mode" description={mode === null ? "" : modeText(mode)} />
            <Stepper.Step label="Client type" description={type === null ? "" : countedText(type)} />
            <Stepper.Step label="Rules" />
            <Stepper.Step label="Product and name" />
          </Stepper>
          <StepFields step={step} fields={fields} />
          {error !== null && <Refusal error={error} />}
          <Group justify="flex-end">
            {step > 0 && (
              <Button variant="default" onClick={() => setStep(step - 1)}>
                Back
              </Button>
            )}
            {step < 3 ? (
              <Button disabled={!isReady[step]} onClick={() => setStep(step + 1)}>
                Next
              </Button>
            ) : (
              <Button loading={isPending} disabled={!isReady[step]} onClick={() => void create()}>
                Create the edition
              </Button>
            )}
          </Group>
        </Stack>
      </Panel>
    </Page>
  );
}

function bodyOfWizard(values: WizardValues) {
  const kind = { mode: values.mode ?? 1, counted: values.counted ?? 1 };
  return {
    ...bodyOfEdition(values, kind),
    product_id: values.product_id,
    provisioning_mode: kind.mode,
    client_type: kind.counted,
  };
}

interface StepProps {
  readonly fields: Fields<WizardValues>;
}

function StepFields({ step, fields }: StepProps & { readonly step: number }) {
  const { mode, counted: type } = fields.values;
  if (step === 0) {
    return (
      <Choice
        label="How are tokens given to those who work? This cannot change later."
        options={modes}
        value={mode}
        onChange={(value) => {
          fields.set("mode", value);
          // Only floating tokens are counted for projects.
          if (value === 0 && type === 2) fields.set("counted", null);
        }}
      />
    );
  }
  if (step === 1) {
    return (
      <Choice
        label="What has a token? This cannot change later."
        options={counted.filter(({ value }) => mode === 1 || value !== 2)}
        value={type}
        onChange={(value) => fields.set("counted", value)}
      />
    );
  }
  return step === 2 ? <Rules fields={fields} /> : <Naming fields={fields} />;
}

function Rules({ fields }: StepProps) {
  const kind = { mode: fields.values.mode ?? 1, counted: fields.values.counted ?? 1 };
  return (
    <Stack maw={640}>
      <Text size="sm" c="dimmed">
        These suit most; all of them can be changed later.
      </Text>
      <EditionFields fields={fields as unknown as Fields<EditionValues>} kind={kind} features={[]} />
    </Stack>
  );
}

function Naming({ fields }: StepProps) {
  const [isCreating, setCreating] = useState(false);
  const products = useList<readonly Product[]>("products", { page_size: choicesMax });
  const choices = (products.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  return (
    <Stack maw={640}>
      <Group align="flex-end" gap="xs">
        <Select flex={1} label="Product" searchable data={choices} {...fields.choice("product_id")} />
        <Button variant="default" onClick={() => setCreating(true)}>
          New product
        </Button>
      </Group>
      <TextInput
        label="Name of the edition"
        description="Unique among the product's editions, such as “Floating users”."
        {...fields.text("name")}
      />
      {isCreating && (
        <ProductForm
          product={null}
          close={() => setCreating(false)}
          onDone={({ id }) => fields.set("product_id", id)}
        />
      )}
    </Stack>
  );
}

function Created({ edition }: { readonly edition: Edition }) {
  return (
    <Page title="Create an edition" back={back}>
      <Panel>
        <Empty
          title={`${edition.name} is there`}
          action={
            <Group mt="sm">
              <Button component={Link} href={`/catalogue/licences?new=licence&edition=${edition.id}`}>
                Issue a licence of it
              </Button>
              <Button component={Link} href="/catalogue/editions" variant="default">
                All editions
              </Button>
            </Group>
          }
        >
          Applications need a licence of the edition: it says which customer, and how many tokens.
        </Empty>
      </Panel>
    </Page>
  );
}
