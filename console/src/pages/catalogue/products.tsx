/** What licences are of, with the features and limits that editions may switch on and set. */
import { Button, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Product } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { FormWindow } from "../../parts/form.tsx";
import { Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { RowActions } from "./row-actions.tsx";

const pageSize = 50;

export function Products() {
  const url = useUrl();
  const { may } = useApi();
  const [edited, setEdited] = useState<Product | "new" | null>(null);
  const products = useList<readonly Product[]>("products", {
    search: url.get("search"),
    page: url.page,
    page_size: pageSize,
  });
  const create = may("owner") && (
    <Button size="xs" onClick={() => setEdited("new")}>
      Create a product
    </Button>
  );
  return (
    <Panel
      title="Products"
      actions={
        <>
          <Search label="Search products" />
          {create}
        </>
      }
    >
      <Shown of={products}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title="No product is found" action={create}>
              Begin here: a product is the software that you license.
            </Empty>
          ) : (
            <>
              <DataTable
                label="Products"
                items={items}
                columns={columnsFor(may("owner"), setEdited)}
                keyOf={({ id }) => id}
              />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
      {edited !== null && <ProductForm product={edited === "new" ? null : edited} close={() => setEdited(null)} />}
    </Panel>
  );
}

function columnsFor(mayChange: boolean, edit: (product: Product) => void): Column<Product>[] {
  return [
    { title: "Name", cell: ({ name }) => <b>{name}</b> },
    { title: "Product id", cell: ({ id }) => <span className="mono">{id}</span> },
    { title: "Features", cell: (product) => <Parts product={product} list="features" mayChange={mayChange} /> },
    { title: "Limitations", cell: (product) => <Parts product={product} list="limitations" mayChange={mayChange} /> },
    ...(mayChange
      ? [
          {
            title: "Action",
            width: 150,
            cell: (product: Product) => (
              <RowActions
                name={product.name}
                edit={() => edit(product)}
                deletion={{
                  path: `products/${product.id}`,
                  text: "A product with editions or licences is not deleted; you are told which they are.",
                }}
              />
            ),
          },
        ]
      : []),
  ];
}

interface PartsProps {
  readonly product: Product;
  readonly list: "features" | "limitations";
  readonly mayChange: boolean;
}

const partWords = { features: "feature", limitations: "limitation" } as const;

function Parts({ product, list, mayChange }: PartsProps) {
  const ask = useAsk();
  const [isAdding, setAdding] = useState(false);
  const word = partWords[list];
  const path = `products/${product.id}/${list}`;
  return (
    <Stack gap={4}>
      {product[list].map(({ id, name }) => (
        <Group key={id} gap={6} wrap="nowrap">
          <Text size="sm">{name}</Text>
          {mayChange && (
            <Button
              size="compact-xs"
              variant="subtle"
              aria-label={`Delete the ${word} ${name}`}
              onClick={() =>
                ask({
                  title: `Delete the ${word} ${name}?`,
                  text: `${product.name} no longer has it. Refused while an edition uses it.`,
                  verb: "Delete",
                  change: { method: "DELETE", path: `${path}/${id}` },
                  done: `The ${word} ${name} is deleted.`,
                })
              }
            >
              ×
            </Button>
          )}
        </Group>
      ))}
      {mayChange && (
        <Button size="compact-xs" variant="subtle" onClick={() => setAdding(true)} w="fit-content" px={0}>
          Add a {word}
        </Button>
      )}
      {isAdding && (
        <FormWindow
          title={`Add a ${word} to ${product.name}`}
          verb="Add"
          initial={{ name: "" }}
          change={(values) => ({ method: "POST", path, body: values })}
          close={() => setAdding(false)}
        >
          {(fields) => <TextInput label="Name" data-autofocus {...fields.text("name")} />}
        </FormWindow>
      )}
    </Stack>
  );
}

interface ProductFormProps {
  readonly product: Product | null;
  readonly close: () => void;
  readonly onDone?: (product: Product) => void;
}

export function ProductForm({ product, close, onDone }: ProductFormProps) {
  const initial = { name: product?.name ?? "", prioritized_key: String(product?.prioritized_key ?? 0) };
  return (
    <FormWindow<typeof initial, Product>
      title={product === null ? "Create a product" : `Edit ${product.name}`}
      verb={product === null ? "Create" : "Save"}
      initial={initial}
      change={({ name, prioritized_key }) => ({
        method: product === null ? "POST" : "PUT",
        path: "products",
        body: { name, prioritized_key: Number(prioritized_key), ...(product !== null && { id: product.id }) },
      })}
      close={close}
      {...(onDone !== undefined && { onDone })}
    >
      {(fields) => (
        <>
          <TextInput label="Name" data-autofocus {...fields.text("name")} />
          <div>
            <Text size="sm" fw={500} mb={4}>
              Applications name a licence by
            </Text>
            <SegmentedControl
              fullWidth
              aria-label="Applications name a licence by"
              value={fields.values.prioritized_key}
              onChange={(value) => fields.set("prioritized_key", value)}
              data={[
                { value: "0", label: "its id" },
                { value: "1", label: "a key of your own" },
              ]}
            />
          </div>
        </>
      )}
    </FormWindow>
  );
}
