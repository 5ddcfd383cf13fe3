/** Fields for what is said of a product's parts: by an edition, or by a licence in its place. */
import { Group, MultiSelect, NumberInput, Select, TagsInput } from "@mantine/core";
import type { Product } from "../../api/types.ts";

export interface LimitValue {
  readonly limit: number | string;
  readonly reset: string;
  readonly days: number | string;
}

interface LimitInputsProps {
  readonly value: LimitValue;
  readonly resets: readonly { readonly value: string; readonly label: string }[];
  put(change: Partial<LimitValue>): void;
}

export function LimitInputs({ value, resets, put }: LimitInputsProps) {
  return (
    <Group grow align="flex-end" mt="xs">
      <NumberInput label="Limit" placeholder="none" min={0} value={value.limit} onChange={(limit) => put({ limit })} />
      <Select
        label="What is consumed"
        data={resets}
        allowDeselect={false}
        value={value.reset}
        onChange={(reset) => put({ reset: reset ?? "0" })}
      />
      {value.reset === "2" && (
        <NumberInput label="Days" min={1} value={value.days} onChange={(days) => put({ days })} />
      )}
    </Group>
  );
}

interface ChosenInputProps {
  readonly label: string;
  /** What may be chosen; without any, anything may be said. */
  readonly values: readonly string[];
  readonly chosen: readonly string[];
  onChange(chosen: readonly string[]): void;
}

export function ChosenInput({ label, values, chosen, onChange }: ChosenInputProps) {
  const Input = values.length > 0 ? MultiSelect : TagsInput;
  return (
    <Input
      label={label}
      placeholder={chosen.length > 0 ? "" : "not set"}
      data={values}
      value={[...chosen]}
      onChange={onChange}
    />
  );
}

interface ReleaseChoiceProps {
  readonly product: Product;
  /** What it means that none is chosen. */
  readonly none: string;
  readonly value: string | null;
  readonly error?: string | undefined;
  onChange(id: string | null): void;
}

export function ReleaseChoice({ product, none, ...props }: ReleaseChoiceProps) {
  if (product.software_release_limitations.length === 0) return null;
  return (
    <Select
      label="Newest release that is covered"
      placeholder={none}
      clearable
      clearButtonProps={{ "aria-label": none }}
      data={product.software_release_limitations.map(({ id, name }) => ({ value: id, label: name }))}
      {...props}
    />
  );
}
