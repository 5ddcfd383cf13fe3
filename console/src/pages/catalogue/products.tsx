/** What licences are of. */
import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { Link } from "wouter";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Product } from "../../api/types.ts";
import { Edited, type Version } from "../../parts/edited.tsx";
import { FormWindow } from "../../parts/form.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { CatalogueList, useListQuery } from "./list.tsx";
import { RowActions } from "./row-actions.tsx";

export function Products() {
  const url = useUrl();
  const { may } = useApi();
  const products = useList<readonly Product[]>("products", useListQuery());
  const edited = url.get("edit");
  const close = () => url.set({ edit: null, new: null });
  return (
    <CatalogueList
      title="Products"
      noun="product"
      of={products}
      columns={columnsFor(may("owner"), ({ id }) => url.set({ edit: id }))}
      create={
        may("owner") && (
          <Button size="xs" onClick={() => url.set({ new: "product" })}>
            Create a product
          </Button>
        )
      }
      hint="Begin here: a product is the software that you license."
    >
      {edited !== null && may("owner") && (
        <Edited<Product> path={`products/${edited}`} close={close}>
          {(product, version) => <ProductForm product={product} version={version} close={close} />}
        </Edited>
      )}
      {url.get("new") !== null && may("owner") && <ProductForm product={null} close={close} />}
    </CatalogueList>
  );
}

const names = (parts: readonly { readonly name: string }[]) => parts.map(({ name }) => name).join(", ") || "–";

function columnsFor(mayChange: boolean, edit: (product: Product) => void): Column<Product>[] {
  return [
    {
      title: "Name",
      cell: ({ id, name }) => (
        <Link className="row-link" href={`/catalogue/products/${id}`}>
          {name}
        </Link>
      ),
    },
    { title: "Product id", cell: ({ id }) => <span className="mono">{id}</span> },
    { title: "Features", cell: ({ features }) => names(features) },
    { title: "Limitations", cell: ({ limitations }) => names(limitations) },
    ...(mayChange
      ? [
          {
            title: "Action",
            width: 210,
            cell: (product: Product) => (
              <Group gap={6} wrap="nowrap" justify="flex-end">
                <Button
                  component={Link}
                  href={`/catalogue/products/${product.id}`}
                  size="compact-xs"
                  variant="default"
                  aria-label={`Parts of ${product.name}`}
                >
                  Parts
                </Button>
                <RowActions
                  name={product.name}
                  edit={() => edit(product)}
                  deletion={{
                    path: `products/${product.id}`,
                    text: "A product with editions or licences is not deleted; you are told which they are.",
                  }}
                />
              </Group>
            ),
          },
        ]
      : []),
  ];
}

interface ProductFormProps {
  readonly product: Product | null;
  readonly version?: Version;
  readonly close: () => void;
  readonly onDone?: (product: Product) => void;
}

export function ProductForm({ product, version, close, onDone }: ProductFormProps) {
  const initial = { name: product?.name ?? "", prioritized_key: String(product?.prioritized_key ?? 0) };
  return (
    <FormWindow<typeof initial, Product>
      title={product === null ? "Create a product" : `Edit ${product.name}`}
      verb={product === null ? "Create" : "Save"}
      initial={initial}
      version={version}
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
