/** A new edition, from what matters most: how tokens are given, what is counted, the rules, and its name. */
import { Button, Group, Stack, Stepper, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { useChange } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Edition } from "../../api/types.ts";
import { Refusal } from "../../parts/confirm.tsx";
import { EntityChoice, products } from "../../parts/entity-choice.tsx";
import { type Fields, useFields } from "../../parts/form.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import { useUrl } from "../../parts/url.ts";
import { Choice } from "./choice.tsx";
import { bodyOfEdition, EditionFields, type EditionKind, type EditionValues } from "./edition-fields.tsx";
import { ProductForm } from "./products.tsx";
import { counted, countedText, modes, modeText } from "./words.ts";

interface WizardValues extends EditionValues {
  product_id: string | null;
}

const blank: WizardValues = {
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

const steps = ["mode", "counts", "rules", "name"];

type Choices = readonly { readonly value: number; readonly name: string }[];

/** A choice as the address writes it. */
const wordOf = (choices: Choices, value: number) =>
  choices.find((choice) => choice.value === value)?.name.toLowerCase();
const chosen = (choices: Choices, word: string | null) =>
  choices.find(({ value }) => wordOf(choices, value) === word)?.value ?? null;

/** The two choices and the step stand in the address; what is typed does not. */
function useWizard() {
  const url = useUrl();
  const [mode, type] = [chosen(modes, url.get("mode")), chosen(counted, url.get("counts"))];
  // Only floating tokens are counted for projects.
  const kind = { mode, counted: mode === 0 && type === 2 ? null : type };
  const known = kind.mode === null ? 0 : kind.counted === null ? 1 : steps.length - 1;
  return {
    kind,
    // No further than what is chosen; an address without a step begins at the first.
    step: Math.min(Math.max(0, steps.indexOf(url.get("step") ?? "")), known),
    go: (step: number) => url.set({ step: steps[step] }, false),
    setMode: (value: number) => url.set({ mode: wordOf(modes, value) }),
    setCounted: (value: number) => url.set({ counts: wordOf(counted, value) }),
  };
}

type Wizard = ReturnType<typeof useWizard>;

export default function EditionWizard() {
  const { may } = useApi();
  const { mutateAsync, isPending, error } = useChange<Edition>();
  const fields = useFields<WizardValues>(blank, error);
  const wizard = useWizard();
  const [created, setCreated] = useState<Edition | null>(null);
  if (!may("owner")) {
    return (
      <Page title="Create an edition" back={back}>
        <Empty title="Editions are for owners">Sign in with a key of role owner to create one.</Empty>
      </Page>
    );
  }
  if (created !== null) return <Created edition={created} />;
  const { step, go } = wizard;
  const { mode, counted: type } = wizard.kind;
  const create = async () => {
    const body = bodyOfWizard(fields.values, kindOf(wizard));
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
          <Stepper active={step} onStepClick={(next) => next < step && go(next)} size="sm">
            <Stepper.Step label="Provisioning mode" description={mode === null ? "" : modeText(mode)} />
            <Stepper.Step label="Client type" description={type === null ? "" : countedText(type)} />
            <Stepper.Step label="Rules" />
            <Stepper.Step label="Product and name" />
          </Stepper>
          <StepFields wizard={wizard} fields={fields} />
          {error !== null && <Refusal error={error} />}
          <Group justify="flex-end">
            {step > 0 && (
              <Button variant="default" onClick={() => go(step - 1)}>
                Back
              </Button>
            )}
            {step < 3 ? (
              <Button disabled={!isReady[step]} onClick={() => go(step + 1)}>
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

/** The kind of the last two steps, which are not reached before it is chosen. */
const kindOf = ({ kind: { mode, counted } }: Wizard): EditionKind => ({ mode: mode ?? 1, counted: counted ?? 1 });

function bodyOfWizard(values: WizardValues, kind: EditionKind) {
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

function StepFields({ wizard, fields }: StepProps & { readonly wizard: Wizard }) {
  const { step, setMode, setCounted } = wizard;
  const { mode, counted: type } = wizard.kind;
  if (step === 0) {
    return (
      <Choice
        label="How are tokens given to those who work? This cannot change later."
        options={modes}
        value={mode}
        onChange={setMode}
      />
    );
  }
  if (step === 1) {
    return (
      <Choice
        label="What has a token? This cannot change later."
        options={counted.filter(({ value }) => mode === 1 || value !== 2)}
        value={type}
        onChange={setCounted}
      />
    );
  }
  return step === 2 ? <Rules fields={fields} kind={kindOf(wizard)} /> : <Naming fields={fields} />;
}

function Rules({ fields, kind }: StepProps & { readonly kind: EditionKind }) {
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
  return (
    <Stack maw={640}>
      <Group align="flex-end" gap="xs">
        <EntityChoice
          of={products}
          flex={1}
          label="Product"
          value={fields.values.product_id}
          onChoose={(product) => fields.set("product_id", product?.id ?? null)}
          error={fields.wrong("product_id")}
        />
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
