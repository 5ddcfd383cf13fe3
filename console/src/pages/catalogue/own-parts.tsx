/** What one licence sets of its product's parts in place of its edition: each part is the licence's own or the edition's. */
import { Anchor, Box, Fieldset, Group, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useRead } from "../../api/queries.ts";
import type { ChangedLicense, Edition, LicensePage, Product } from "../../api/types.ts";
import type { Version } from "../../parts/edited.tsx";
import { changesOf, type Fields, FormWindow, numberOrNull } from "../../parts/form.tsx";
import { ChosenInput, LimitInputs, type LimitValue, ReleaseChoice } from "./part-fields.tsx";
import { resets, resetText } from "./words.ts";

type LicenseItem = LicensePage["items"][number];

interface Feature {
  readonly isOn: boolean;
  /** An instant; empty: for ever. */
  readonly until: string;
}

/** By the part's id what the licence has of its own; null: the part goes by the edition. */
type Own<T> = Readonly<Record<string, T | null>>;

interface Values {
  features: Own<Feature>;
  limits: Own<LimitValue>;
  texts: Own<string>;
  choices: Own<readonly string[]>;
  release: string | null;
}

interface OwnPartsFormProps {
  readonly license: LicenseItem;
  readonly version: Version;
  readonly close: () => void;
}

export function OwnPartsForm({ license, version, close }: OwnPartsFormProps) {
  const product = useRead<Product>(`products/${license.product_id}`);
  const edition = useRead<Edition>(`templates/${license.template_id}`);
  if (product.data === undefined || edition.data === undefined) return null;
  const parts = { product: product.data, edition: edition.data };
  const initial = valuesOf(license, edition.data);
  return (
    <FormWindow<Values>
      title={`Limits and values of ${license.name ?? license.id}`}
      verb="Save"
      size="lg"
      initial={initial}
      version={version}
      change={(values) => ({
        method: "PATCH",
        path: "licenses",
        body: { id: license.id, ...changesOf(bodyOf(initial), bodyOf(values)) },
      })}
      close={close}
    >
      {(fields) => (
        <Stack>
          <Text size="sm" c="dimmed">
            What is not this licence's own goes by{" "}
            <Anchor component={Link} underline="always" href={`/catalogue/editions?parts=${edition.data.id}`}>
              its edition, {edition.data.name}
            </Anchor>
            , also when that changes. Applications are told with their next heartbeat.
          </Text>
          <Features {...parts} fields={fields} />
          <Limitations {...parts} fields={fields} />
          <Variables {...parts} fields={fields} />
          <Release {...parts} fields={fields} />
        </Stack>
      )}
    </FormWindow>
  );
}

function valuesOf({ own_parts: own }: LicenseItem, edition: Edition): Values {
  const features = own.license_features.map(({ feature_id, is_active, expiration_date_utc }): [string, Feature] => [
    feature_id,
    { isOn: is_active, until: expiration_date_utc ?? "" },
  ]);
  const limits = own.license_limitations.map((each): [string, LimitValue] => [
    each.limitation_id,
    {
      limit: each.limit ?? "",
      reset: String(each.consumption_reset_mode ?? modeBehind(each, edition)),
      days: each.consumption_reset_period_days ?? "",
    },
  ]);
  return {
    features: Object.fromEntries(features),
    limits: Object.fromEntries(limits),
    texts: Object.fromEntries(own.license_variables.map(({ variable_id, value }) => [variable_id, value])),
    choices: Object.fromEntries(
      own.license_constrained_variables.map(({ variable_id, values }) => [variable_id, values]),
    ),
    release: own.software_release_limitation_id,
  };
}

/** Days of its own under an edition that counts days are a period of its own, by whatever means they came there. */
function modeBehind(
  { limitation_id: id, consumption_reset_period_days: days }: LicenseItem["own_parts"]["license_limitations"][number],
  edition: Edition,
): number {
  const countsDays = edition.limitations.some((each) => each.limitation_id === id && each.consumption_reset_mode === 2);
  return days !== null && countsDays ? 2 : 0;
}

/** Each list whole, as the API takes them: what a list leaves out is the edition's again. */
function bodyOf({ features, limits, texts, choices, release }: Values) {
  return {
    license_features: ownOf(features).map(([feature_id, { isOn, until }]) => ({
      feature_id,
      is_active: isOn,
      expiration_date_utc: until === "" ? null : until,
    })),
    license_limitations: ownOf(limits).map(([limitation_id, { limit, reset, days }]) => ({
      limitation_id,
      limit: numberOrNull(limit),
      consumption_reset_mode: reset === "0" ? null : Number(reset),
      consumption_reset_period_days: reset === "2" ? numberOrNull(days) : null,
    })),
    license_variables: ownOf(texts).map(([variable_id, value]) => ({ variable_id, value })),
    license_constrained_variables: ownOf(choices).map(([variable_id, values]) => ({ variable_id, values })),
    software_release_limitation_id: release,
  } satisfies Partial<ChangedLicense>;
}

function ownOf<T>(parts: Own<T>): readonly [id: string, own: T][] {
  return Object.entries(parts).flatMap(([id, own]): [string, T][] => (own === null ? [] : [[id, own]]));
}

interface PartsProps {
  readonly product: Product;
  readonly edition: Edition;
  readonly fields: Fields<Values>;
}

function Features({ product, edition, fields }: PartsProps) {
  const { features } = fields.values;
  return (
    <Parts title="Features" of={product.features}>
      {({ id, name }) => {
        const isOn = edition.features.some((each) => each.feature_id === id && each.is_active);
        const put = (own: Feature | null) => fields.set("features", { ...features, [id]: own });
        return (
          <Part<Feature>
            name={name}
            ofEdition={isOn ? "on" : "off"}
            own={features[id]}
            first={{ isOn, until: "" }}
            put={put}
          >
            {(own) => <FeatureInputs own={own} put={put} />}
          </Part>
        );
      }}
    </Parts>
  );
}

function FeatureInputs({ own, put }: { readonly own: Feature; readonly put: (own: Feature) => void }) {
  return (
    <Group grow align="flex-end">
      <Switch
        label="It is on"
        checked={own.isOn}
        onChange={(event) => put({ ...own, isOn: event.currentTarget.checked })}
      />
      <TextInput
        type="date"
        label="Last day"
        description="On to the end of it, in UTC; none: for ever."
        value={own.until.slice(0, 10)}
        onChange={({ currentTarget: { value } }) => put({ ...own, until: value === "" ? "" : `${value}T23:59:59Z` })}
      />
    </Group>
  );
}

function Limitations({ product, edition, fields }: PartsProps) {
  const { limits } = fields.values;
  return (
    <Parts title="Limitations" of={product.limitations}>
      {({ id, name }) => {
        const given = edition.limitations.find(({ limitation_id }) => limitation_id === id);
        const put = (own: LimitValue | null) => fields.set("limits", { ...limits, [id]: own });
        return (
          <Part<LimitValue>
            name={name}
            ofEdition={limitText(given)}
            own={limits[id]}
            first={{ limit: given?.limit ?? "", reset: "0", days: "" }}
            put={put}
          >
            {(own) => (
              <LimitInputs value={own} resets={resetsUnder(given)} put={(change) => put({ ...own, ...change })} />
            )}
          </Part>
        );
      }}
    </Parts>
  );
}

type Given = Edition["limitations"][number] | undefined;

function limitText(given: Given): string {
  if (given === undefined) return "not set";
  const { limit, consumption_reset_mode: mode, consumption_reset_period_days: days } = given;
  return mode === 0 ? String(limit ?? "no limit") : `${limit ?? "no limit"} · ${resetText(mode, days)}`;
}

/** A licence cannot say that nothing is consumed: it says nothing, and then the edition does. */
function resetsUnder(given: Given): typeof resets {
  const isConsumed = given !== undefined && given.consumption_reset_mode !== 0;
  return isConsumed ? [{ value: "0", label: "As the edition" }, ...resets.slice(1)] : resets;
}

function Variables({ product, edition, fields }: PartsProps) {
  const { texts, choices } = fields.values;
  return (
    <>
      <Parts title="Variables" of={product.variables}>
        {({ id, name }) => {
          const given = edition.variables.find(({ variable_id }) => variable_id === id)?.value;
          const put = (own: string | null) => fields.set("texts", { ...texts, [id]: own });
          return (
            <Part<string> name={name} ofEdition={given ?? "not set"} own={texts[id]} first={given ?? ""} put={put}>
              {(own) => <TextInput label="Text" value={own} onChange={(event) => put(event.currentTarget.value)} />}
            </Part>
          );
        }}
      </Parts>
      <Parts title="Constrained variables" of={product.constrained_variables}>
        {({ id, name, values }) => {
          const given = edition.constrained_variables.find(({ variable_id }) => variable_id === id)?.values ?? [];
          const put = (own: readonly string[] | null) => fields.set("choices", { ...choices, [id]: own });
          const ofEdition = given.join(", ") || "not set";
          return (
            <Part<readonly string[]> name={name} ofEdition={ofEdition} own={choices[id]} first={given} put={put}>
              {(own) => <ChosenInput label="Values" values={values} chosen={own} onChange={put} />}
            </Part>
          );
        }}
      </Parts>
    </>
  );
}

function Release({ product, edition, fields }: PartsProps) {
  const id = edition.software_release_limitation_id;
  const given = product.software_release_limitations.find((release) => release.id === id)?.name ?? "every one";
  return (
    <ReleaseChoice
      product={product}
      none={`As the edition: ${given}`}
      {...fields.choice("release", "software_release_limitation_id")}
    />
  );
}

interface PartListProps<T> {
  readonly title: string;
  readonly of: readonly T[];
  children(part: T): ReactNode;
}

/** One of the product's lists; nothing where it is empty. */
function Parts<T extends { readonly id: string }>({ title, of, children }: PartListProps<T>) {
  if (of.length === 0) return null;
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {title}
      </Title>
      {of.map((part) => (
        <Box key={part.id}>{children(part)}</Box>
      ))}
    </Stack>
  );
}

interface PartProps<T> {
  readonly name: string;
  /** What the edition says of it. */
  readonly ofEdition: string;
  readonly own: T | null | undefined;
  /** What the licence's own begins with. */
  readonly first: T;
  put(own: T | null): void;
  children(own: T): ReactNode;
}

function Part<T>({ name, ofEdition, own = null, first, put, children }: PartProps<T>) {
  return (
    <Fieldset legend={name} p="sm">
      <Group justify="space-between">
        <Switch
          label="This licence has its own"
          checked={own !== null}
          onChange={(event) => put(event.currentTarget.checked ? first : null)}
        />
        <Text size="sm" c="dimmed">
          {own === null ? "As the edition" : "The edition"}: {ofEdition}
        </Text>
      </Group>
      {own !== null && <Box mt="xs">{children(own)}</Box>}
    </Fieldset>
  );
}
