/** What an edition sets of its product's parts: limits, texts, choices and the newest release. */
import { Anchor, Fieldset, Group, NumberInput, Stack, Switch, Text, TextInput } from "@mantine/core";
import { Link } from "wouter";
import { useRead } from "../../api/queries.ts";
import type { Edition, Product } from "../../api/types.ts";
import type { Version } from "../../parts/edited.tsx";
import { changesOf, type Fields, FormWindow, numberOrNull } from "../../parts/form.tsx";
import { ChosenInput, LimitInputs, type LimitValue, ReleaseChoice } from "./part-fields.tsx";
import { resets } from "./words.ts";

interface Limit extends LimitValue {
  readonly isSet: boolean;
  readonly goodwill: number | string;
  readonly enforced: boolean;
}

interface Values {
  limits: Readonly<Record<string, Limit>>;
  texts: Readonly<Record<string, string>>;
  choices: Readonly<Record<string, readonly string[]>>;
  release: string | null;
}

export interface EditionFormProps {
  readonly edition: Edition;
  readonly version: Version;
  readonly close: () => void;
}

export function EntitlementsForm({ edition, version, close }: EditionFormProps) {
  const product = useRead<Product>(`products/${edition.product_id}`);
  const initial = valuesOf(edition);
  if (product.data === undefined) return null;
  const parts = product.data;
  return (
    <FormWindow<Values>
      title={`Limits and values of ${edition.name}`}
      verb="Save"
      size="lg"
      initial={initial}
      version={version}
      change={(values) => ({
        method: "PATCH",
        path: "templates",
        body: { id: edition.id, ...changesOf(bodyOf(initial), bodyOf(values)) },
      })}
      close={close}
    >
      {(fields) => (
        <Stack>
          <Text size="sm" c="dimmed">
            {edition.license_count} licences go by a change at once, but where a licence has its own. What can be set
            are{" "}
            <Anchor component={Link} underline="always" href={`/catalogue/products/${parts.id}`}>
              the parts of {parts.name}
            </Anchor>
            .
          </Text>
          {parts.limitations.map(({ id, name }) => (
            <LimitFields key={id} id={id} name={name} fields={fields} />
          ))}
          <ValueFields product={parts} fields={fields} />
        </Stack>
      )}
    </FormWindow>
  );
}

function valuesOf(edition: Edition): Values {
  const limits = edition.limitations.map((each): [string, Limit] => [
    each.limitation_id,
    {
      isSet: true,
      limit: each.limit ?? "",
      reset: String(each.consumption_reset_mode),
      days: each.consumption_reset_period_days ?? "",
      goodwill: each.goodwill,
      enforced: each.enforce_limit,
    },
  ]);
  return {
    limits: Object.fromEntries(limits),
    texts: Object.fromEntries(edition.variables.map(({ variable_id, value }) => [variable_id, value])),
    choices: Object.fromEntries(edition.constrained_variables.map(({ variable_id, values }) => [variable_id, values])),
    release: edition.software_release_limitation_id,
  };
}

/** Each list whole, as the API takes them; what is left empty is not set. */
function bodyOf({ limits, texts, choices, release }: Values) {
  return {
    limitations: Object.entries(limits)
      .filter(([, { isSet }]) => isSet)
      .map(([limitation_id, { limit, reset, days, goodwill, enforced }]) => ({
        limitation_id,
        limit: numberOrNull(limit),
        consumption_reset_mode: Number(reset),
        consumption_reset_period_days: reset === "2" ? numberOrNull(days) : null,
        goodwill: Number(goodwill),
        enforce_limit: enforced,
      })),
    variables: Object.entries(texts)
      .filter(([, value]) => value !== "")
      .map(([variable_id, value]) => ({ variable_id, value })),
    constrained_variables: Object.entries(choices)
      .filter(([, values]) => values.length > 0)
      .map(([variable_id, values]) => ({ variable_id, values })),
    software_release_limitation_id: release,
  };
}

const unset: Limit = { isSet: false, limit: "", reset: "0", days: "", goodwill: 0, enforced: true };

interface LimitFieldsProps {
  readonly id: string;
  readonly name: string;
  readonly fields: Fields<Values>;
}

function LimitFields({ id, name, fields }: LimitFieldsProps) {
  const limit = fields.values.limits[id] ?? unset;
  const put = (change: Partial<Limit>) =>
    fields.set("limits", { ...fields.values.limits, [id]: { ...limit, ...change } });
  return (
    <Fieldset legend={name} p="sm">
      <Switch
        label="This edition has it"
        checked={limit.isSet}
        onChange={(event) => put({ isSet: event.currentTarget.checked })}
      />
      {limit.isSet && (
        <>
          <LimitInputs value={limit} resets={resets} put={put} />
          {limit.reset !== "0" && (
            <Group grow align="flex-end" mt="xs">
              <NumberInput
                label="Goodwill, in percent beyond"
                min={0}
                value={limit.goodwill}
                onChange={(value) => put({ goodwill: value })}
              />
              <Switch
                label="Refuse what is beyond"
                checked={limit.enforced}
                onChange={(event) => put({ enforced: event.currentTarget.checked })}
              />
            </Group>
          )}
        </>
      )}
    </Fieldset>
  );
}

function ValueFields({ product, fields }: { readonly product: Product; readonly fields: Fields<Values> }) {
  const { texts, choices } = fields.values;
  return (
    <>
      {product.variables.map(({ id, name }) => (
        <TextInput
          key={id}
          label={name}
          placeholder="not set"
          value={texts[id] ?? ""}
          onChange={(event) => fields.set("texts", { ...texts, [id]: event.currentTarget.value })}
        />
      ))}
      {product.constrained_variables.map(({ id, name, values }) => (
        <ChosenInput
          key={id}
          label={name}
          values={values}
          chosen={choices[id] ?? []}
          onChange={(chosen) => fields.set("choices", { ...choices, [id]: chosen })}
        />
      ))}
      <ReleaseChoice
        product={product}
        none="every one"
        {...fields.choice("release", "software_release_limitation_id")}
      />
    </>
  );
}
