/** Choosing one of however many: the server is asked for what is typed, and for the name of what is chosen. */
import { Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import type { Query } from "../api/call.ts";
import { useRead } from "../api/queries.ts";
import type { Customer, Edition, License, Product } from "../api/types.ts";
import { typingPauseMs } from "./search.tsx";

/** So many are offered at once, more than anybody reads; typing finds the others. */
const offeredMax = 100;

interface Kind<T> {
  /** Where they are listed and, by id, read. */
  readonly path: string;
  nameOf(entity: T): string;
}

export const customers: Kind<Customer> = {
  path: "customers",
  nameOf: ({ company_name, customer_number }) => `${company_name} (${customer_number})`,
};
export const editions: Kind<Edition> = {
  path: "templates",
  nameOf: ({ name, product_name }) => `${product_name} · ${name}`,
};
export const products: Kind<Product> = { path: "products", nameOf: ({ name }) => name };
export const licenses: Kind<License> = {
  path: "licenses",
  nameOf: ({ id, name, customer }) => `${name ?? id} · ${customer.company_name}`,
};

type Passed =
  | "label"
  | "description"
  | "placeholder"
  | "error"
  | "clearable"
  | "clearButtonProps"
  | "size"
  | "w"
  | "flex";

interface EntityChoiceProps<T> extends Pick<SelectProps, Passed | "aria-label"> {
  readonly of: Kind<T>;
  /** Filters of the list: others are not offered. */
  readonly among?: Query;
  /** What the list has no filter for. */
  readonly isOffered?: (entity: T) => boolean;
  /** The id of the one that is chosen. */
  readonly value: string | null;
  onChoose(entity: T | null): void;
}

export function EntityChoice<T extends { readonly id: string }>(props: EntityChoiceProps<T>) {
  const { of, among = {}, isOffered = () => true, value, onChoose, ...shown } = props;
  const [isOpened, setOpened] = useState(false);
  const [typed, setTyped] = useState("");
  const read = useRead<T>(`${of.path}/${value}`, {}, value !== null);
  const chosen = read.data?.id === value ? read.data : undefined;
  // The name of what is chosen stands in the field until something else is typed.
  const asked = chosen !== undefined && typed === of.nameOf(chosen) ? "" : typed.trim();
  const [search] = useDebouncedValue(asked, typingPauseMs);
  const found = useRead<List<T>>(of.path, { ...among, search, page_size: offeredMax }, isOpened);
  const offered = itemsOf(found.data).filter(isOffered);
  const isMissing = asked === "" && chosen !== undefined && !offered.some(({ id }) => id === chosen.id);
  const all = isMissing ? [chosen, ...offered] : offered;
  return (
    <Select
      {...shown}
      searchable
      searchValue={typed}
      onSearchChange={setTyped}
      onDropdownOpen={() => setOpened(true)}
      data={all.map((entity) => ({ value: entity.id, label: of.nameOf(entity) }))}
      filter={({ options }) => options}
      nothingFoundMessage={nothingText(found)}
      value={value}
      onChange={(id) => onChoose(all.find((entity) => entity.id === id) ?? null)}
    />
  );
}

/** Our own lists are pages, those at SLASCONE's addresses are bare. */
type List<T> = readonly T[] | { readonly items: readonly T[] };

function itemsOf<T>(list: List<T> = []): readonly T[] {
  return "items" in list ? list.items : list;
}

function nothingText({ isFetching, error }: { readonly isFetching: boolean; readonly error: Error | null }) {
  if (isFetching) return "Searching …";
  return error === null ? "Nothing is found" : "This could not be read";
}
