/** What a product is made of: lists of named parts, which editions and licences switch on and set. */
import { Button, Stack, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import { type Api, useApi, type Versioned } from "../../api/session.tsx";
import type { Product as ProductItem } from "../../api/types.ts";
import { Edited, type Version } from "../../parts/edited.tsx";
import { FormWindow, orNull } from "../../parts/form.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { RowActions } from "./row-actions.tsx";

const lists = {
  features: { title: "Features", noun: "feature", text: "Editions and licences switch them on." },
  limitations: {
    title: "Limitations",
    noun: "limitation",
    text: "Numbers that editions and licences set; of some, applications consume.",
  },
  variables: { title: "Variables", noun: "variable", text: "Texts that editions and licences set for applications." },
  constrained_variables: {
    title: "Constrained variables",
    noun: "constrained variable",
    text: "Choices of some values, which editions and licences make for applications.",
  },
  software_release_limitations: {
    title: "Releases",
    noun: "release",
    text: "Versions such as 25.2. An edition or a licence may name the newest one that it covers.",
  },
} as const;

type List = keyof typeof lists;
type Part = ProductItem["features"][number] & { readonly values?: readonly string[] };

export default function Product({ id }: { readonly id: string }) {
  const product = useRead<ProductItem>(`products/${id}`);
  return (
    <Page
      title={product.data?.name ?? "Product"}
      back={{ href: "/catalogue/products", label: "Products" }}
      lead="What editions and licences of this product can say beside the number of tokens."
    >
      <Shown of={product}>
        {(item) => (
          <Stack>
            {(Object.keys(lists) as List[]).map((list) => (
              <Parts key={list} product={item} list={list} />
            ))}
            <PartForms product={item} />
          </Stack>
        )}
      </Shown>
    </Page>
  );
}

interface PartsProps {
  readonly product: ProductItem;
  readonly list: List;
}

function Parts({ product, list }: PartsProps) {
  const url = useUrl();
  const { may } = useApi();
  const { title, noun, text } = lists[list];
  const parts: readonly Part[] = product[list];
  const columns: Column<Part>[] = [
    { title: "Name", width: "30%", cell: ({ name }) => <b>{name}</b> },
    { title: "Told to applications", cell: ({ description }) => description ?? "–" },
    ...(list === "constrained_variables"
      ? [{ title: "Values", cell: ({ values = [] }: Part) => values.join(", ") || "any" }]
      : []),
    ...(may("owner")
      ? [
          {
            title: "Action",
            width: 150,
            cell: (part: Part) => (
              <RowActions
                name={part.name}
                edit={() => url.set({ list, part: part.id })}
                deletion={{
                  path: `products/${product.id}/${list}/${part.id}`,
                  text: `${product.name} no longer has the ${noun}. Refused while an edition or a licence names it.`,
                }}
              />
            ),
          },
        ]
      : []),
  ];
  return (
    <Panel
      title={title}
      lead={text}
      actions={
        may("owner") && (
          <Button size="xs" variant="default" onClick={() => url.set({ list })}>
            Add a {noun}
          </Button>
        )
      }
    >
      {parts.length === 0 ? (
        <Text size="sm" c="dimmed" px="md" pb="md">
          None yet.
        </Text>
      ) : (
        <DataTable label={title} items={parts} columns={columns} keyOf={({ id }) => id} />
      )}
    </Panel>
  );
}

/** The form that the address names: of a part that is there, or of a new one in a list. */
function PartForms({ product }: { readonly product: ProductItem }) {
  const url = useUrl();
  const { may } = useApi();
  const list = url.get("list");
  const partId = url.get("part");
  const close = () => url.set({ list: null, part: null });
  if (list === null || !(list in lists) || !may("owner")) return null;
  const place = { list: list as List, close };
  if (partId === null) return <PartForm product={product} part={null} {...place} />;
  return (
    <Edited<Part>
      path={`products/${product.id}/${list}/${partId}`}
      read={(api) => readPart(api, product.id, place.list, partId)}
      close={close}
    >
      {(part, version) => <PartForm product={product} part={part} version={version} {...place} />}
    </Edited>
  );
}

/** Of the product: a part has no version of its own. */
async function readPart(api: Api, productId: string, list: List, id: string): Promise<Versioned<Part>> {
  const { entity, etag } = await api.versioned<ProductItem>(`products/${productId}`);
  const part = entity[list].find((each) => each.id === id);
  if (part === undefined) throw new Error("The product no longer has it; the audit log tells who took it away.");
  return { entity: part, etag };
}

interface PartFormProps extends PartsProps {
  readonly part: Part | null;
  readonly version?: Version;
  readonly close: () => void;
}

function PartForm({ product, list, part, version, close }: PartFormProps) {
  const { noun } = lists[list];
  const hasValues = list === "constrained_variables";
  const initial = { name: part?.name ?? "", description: part?.description ?? "", values: [...(part?.values ?? [])] };
  return (
    <FormWindow<typeof initial>
      title={part === null ? `Add a ${noun} to ${product.name}` : `Edit ${part.name}`}
      verb={part === null ? "Add" : "Save"}
      initial={initial}
      version={version}
      change={({ name, description, values }) => ({
        method: part === null ? "POST" : "PUT",
        path: `products/${product.id}/${list}`,
        body: {
          name,
          description: orNull(description),
          ...(hasValues && { values }),
          ...(part !== null && { id: part.id }),
        },
      })}
      close={close}
    >
      {(fields) => (
        <>
          <TextInput label="Name" data-autofocus {...fields.text("name")} />
          <Textarea label="Told to applications" description="May be left out." {...fields.text("description")} />
          {hasValues && (
            <TagsInput
              label="Values"
              description="What may be chosen; none: anything. Enter after each."
              value={fields.values.values}
              onChange={(values) => fields.set("values", values)}
              error={fields.wrong("values")}
            />
          )}
        </>
      )}
    </FormWindow>
  );
}
