/** Products and what they are made of: features, limitations, variables, fields and features that clients tell of. */
import { type Static, Type } from "typebox";
import { newBody } from "../../catalog/defaults.ts";
import type { Product } from "../../catalog/entities.ts";
import { type Part, type PartList, partLists, partsOf } from "../../catalog/parts.ts";
import { newId } from "../../ids.ts";
import { changeEntity, entityAnswer, etagOf, given, knownEntity, requireEntity } from "../admin/change.ts";
import { requireFree } from "../admin/fit.ts";
import { arrayAnswer, finds, ListQuery } from "../admin/lists.ts";
import { json, noContent } from "../answer.ts";
import { Description, Label, Maybe, Uuid, uuid } from "../input.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { freshId, GivenId } from "./given-id.ts";

const ProductParams = Type.Object({ product_id: Uuid("The product.") });
const PartParams = Type.Object({ product_id: Uuid("The product."), part_id: Uuid("The id in the list.") });

const name = Label("Unique among the vendor's products.", "CAD");
const PrioritizedKey = Type.Integer({
  minimum: 0,
  maximum: 1,
  description: "What a client's `license_key` is looked up by first: 0 the licence's id, 1 its legacy key.",
});
const NewProduct = Type.Object({ id: GivenId, name, prioritized_key: Maybe(PrioritizedKey) });
const ChangedProduct = Type.Object({
  id: Uuid("The product."),
  name: Maybe(name),
  prioritized_key: Maybe(PrioritizedKey),
});

const partName = Label("Unique in its list.", "Cloud backup");
const partText = Maybe(Description("Shown to applications."));
/** Members that only the parts of some lists have. */
const ofSomeParts = {
  values: Maybe(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      maxItems: 1000,
      description: "Of a constrained variable: what may be chosen; none: anything.",
    }),
  ),
  type: Maybe(
    Type.Enum(["text", "number", "list"], {
      description: "Of an analytical field: what applications send; `text` if left out.",
    }),
  ),
};
const NewPart = Type.Object({ id: GivenId, name: partName, description: partText, ...ofSomeParts });
const ChangedPart = Type.Object({
  id: Uuid("What is changed."),
  name: Maybe(partName),
  description: partText,
  ...ofSomeParts,
});

/** SLASCONE calls a release's name by the release: either does, and both are answered. */
const releases = "software_release_limitations";
const softwareRelease = Maybe(Label("The same as `name`, by SLASCONE's word for it.", "25.2"));
const NewRelease = Type.Object({ ...NewPart.properties, name: Maybe(partName), software_release: softwareRelease });
/** What the API document says; which of the two it lacks, `nameGiven` tells in better words. */
const NewReleaseShown = Type.Object(NewRelease.properties, {
  anyOf: [{ required: ["name"] }, { required: ["software_release"] }],
});
const ChangedRelease = Type.Object({ ...ChangedPart.properties, software_release: softwareRelease });

interface Naming {
  readonly name?: string | null;
  readonly software_release?: string | null;
}

/** The name that was given; undefined: none was. @throws Problem (400) where a release is given two. */
function nameGiven(list: PartList, { name, software_release }: Naming): string | undefined {
  const release = list === releases ? (software_release ?? undefined) : undefined;
  if (name != null && release !== undefined && name !== release) {
    throw new Problem("input_invalid", "software_release: is the name by another word; give one of them");
  }
  return name ?? release;
}

const PartShown = Type.Object({
  id: Type.String(),
  product_id: Type.String(),
  name: Type.String(),
  description: Type.Union([Type.String(), Type.Null()]),
});
const ReleaseShown = Type.Object({ ...PartShown.properties, software_release: Type.String() });
const ChoicePartShown = Type.Object({ ...PartShown.properties, values: Type.Array(Type.String()) });
const ProductShown = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prioritized_key: PrioritizedKey,
  ...Object.fromEntries(partLists.map((list) => [list, Type.Array(PartShown)])),
  constrained_variables: Type.Array(ChoicePartShown),
  software_release_limitations: Type.Array(ReleaseShown),
});
const NotThere = Type.Object({});

export function productRoutes(services: Services): Route[] {
  return [...ownRoutes(services), ...partLists.flatMap((list) => partRoutes(services, list))];
}

function ownRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/products",
      reach: "admin",
      tag: "Products",
      summary: "List products",
      query: ListQuery({ search: Type.Optional(Label("A part of the name.")) }, Object.keys(sorts)),
      answers: { 200: Type.Array(ProductShown) },
      handle(call, finish) {
        const found = [...call.vendor.products.values()].filter((product) => finds(call.query.search, product.name));
        finish(arrayAnswer(found, call.query, sorts, productDto));
      },
    }),
    keyed({
      method: "POST",
      path: "/products",
      catalogue: "makes",
      reach: "admin",
      tag: "Products",
      summary: "Create a product",
      body: NewProduct,
      answers: { 201: ProductShown },
      async handle(call, finish) {
        const id = freshId(call.vendor.products, call.body.id);
        const product = await changeEntity(store, call, "product", id, () => laidOver(null, id, call.body));
        finish(entityAnswer(product as Product, productDto(product as Product), 201));
      },
    }),
    keyed({
      method: "PUT",
      path: "/products",
      catalogue: "revises",
      reach: "admin",
      tag: "Products",
      summary: "Change a product",
      description: "What is left out stays as it is. Its features and the like have calls of their own.",
      body: ChangedProduct,
      answers: { 200: ProductShown, 404: NotThere },
      async handle(call, finish) {
        const id = uuid(call.body.id);
        const product = await changeEntity(store, call, "product", id, (current) =>
          laidOver(requireEntity(current, "product"), id, call.body),
        );
        finish(entityAnswer(product as Product, productDto(product as Product)));
      },
    }),
    keyed({
      method: "GET",
      path: "/products/:product_id",
      reach: "admin",
      tag: "Products",
      summary: "Read a product",
      params: ProductParams,
      answers: { 200: ProductShown, 404: NotThere },
      handle(call, finish) {
        const product = knownEntity(call, "product", call.params.product_id);
        finish(entityAnswer(product, productDto(product)));
      },
    }),
    keyed({
      method: "DELETE",
      path: "/products/:product_id",
      catalogue: "revises",
      reach: "admin",
      tag: "Products",
      summary: "Delete a product",
      description: "Refused (409 `entity_in_use`) while it has editions, licences or keys that are bound to it.",
      params: ProductParams,
      answers: { 204: Type.Null(), 404: NotThere },
      async handle(call, finish) {
        const id = uuid(call.params.product_id);
        await changeEntity(store, call, "product", id, (current) => {
          requireEntity(current, "product");
          requireFree(call.vendor, "product", id);
          return null;
        });
        finish(noContent);
      },
    }),
  ];
}

const sorts = { name: (product: Product) => product.name };

function laidOver(
  current: Product | null,
  id: string,
  body: { readonly name?: string | null; readonly prioritized_key?: number | null },
): Product {
  const said = given({
    name: body.name ?? undefined,
    prioritized_key: body.prioritized_key == null ? undefined : body.prioritized_key === 1 ? "legacy" : "standard",
  });
  return { ...(current ?? newBody("product", id, said)), ...said } as unknown as Product;
}

function productDto(product: Product) {
  return {
    id: product.id,
    name: product.name,
    prioritized_key: product.prioritized_key === "legacy" ? 1 : 0,
    ...Object.fromEntries(
      partLists.map((list) => [list, partsOf(product, list).map((part) => partDto(list, product, part))]),
    ),
  };
}

function partDto(list: PartList, { id: product_id }: Product, { id, name, description, ...more }: Part) {
  const release = list === releases ? { software_release: name } : {};
  return { id, product_id, name, ...release, description: description ?? null, ...more };
}

/** The five calls of one of a product's lists. A part has no version of its own: `If-Match` names the product's. */
function partRoutes({ store }: Services, list: PartList): Route[] {
  const path = `/products/:product_id/${list}`;
  const [newPart, changedPart, shownPart] =
    list === releases ? [NewRelease, ChangedRelease, ReleaseShown] : [NewPart, ChangedPart, PartShown];
  const what = list.slice(0, -1).replaceAll("_", " ");
  const partOf = (product: Product, id: string): Part => {
    const part = partsOf(product, list).find((each) => each.id === id.toLowerCase());
    if (part === undefined) throw new Problem("entity_unknown", `The product has no ${what} of this id.`);
    return part;
  };
  /** Puts another list in the place of the product's, and answers with the product. */
  const relist = async (call: KeyedCall<unknown, Static<typeof ProductParams>>, change: (product: Product) => Part[]) =>
    (await changeEntity(store, call, "product", uuid(call.params.product_id), (current) => {
      const product = requireEntity(current, "product");
      return { ...product, [list]: change(product) };
    })) as Product;
  const shown = (product: Product, id: string, status = 200) => ({
    ...json(partDto(list, product, partOf(product, id))),
    status,
    headers: ["ETag", etagOf(product)],
  });
  return [
    keyed({
      method: "GET",
      path,
      reach: "admin",
      tag: "Products",
      summary: `List a product's ${what}s`,
      params: ProductParams,
      answers: { 200: Type.Array(shownPart), 404: NotThere },
      handle(call, finish) {
        const product = knownEntity(call, "product", call.params.product_id);
        finish(
          entityAnswer(
            product,
            partsOf(product, list).map((part) => partDto(list, product, part)),
          ),
        );
      },
    }),
    keyed({
      method: "POST",
      path,
      catalogue: "revises",
      reach: "admin",
      tag: "Products",
      summary: `Add a ${what} to a product`,
      params: ProductParams,
      body: list === releases ? NewReleaseShown : newPart,
      bodyChecked: newPart,
      answers: { 201: shownPart, 404: NotThere },
      async handle(call, finish) {
        const id = call.body.id == null ? newId() : uuid(call.body.id);
        const name = nameGiven(list, call.body);
        if (name === undefined) throw new Problem("input_invalid", "name: is required");
        const product = await relist(call, (old) => [
          ...partsOf(old, list),
          laidOverPart(list, { id, name }, call.body),
        ]);
        finish(shown(product, id, 201));
      },
    }),
    keyed({
      method: "PUT",
      path,
      catalogue: "revises",
      reach: "admin",
      tag: "Products",
      summary: `Change a ${what} of a product`,
      params: ProductParams,
      body: changedPart,
      answers: { 200: shownPart, 404: NotThere },
      async handle(call, finish) {
        const id = uuid(call.body.id);
        const product = await relist(call, (old) => {
          const part = partOf(old, id);
          const next = laidOverPart(list, { ...part, name: nameGiven(list, call.body) ?? part.name }, call.body);
          return partsOf(old, list).map((each): Part => (each === part ? next : each));
        });
        finish(shown(product, id));
      },
    }),
    keyed({
      method: "GET",
      path: `${path}/:part_id`,
      reach: "admin",
      tag: "Products",
      summary: `Read a ${what} of a product`,
      params: PartParams,
      answers: { 200: shownPart, 404: NotThere },
      handle(call, finish) {
        finish(shown(knownEntity(call, "product", call.params.product_id), call.params.part_id));
      },
    }),
    keyed({
      method: "DELETE",
      path: `${path}/:part_id`,
      catalogue: "revises",
      reach: "admin",
      tag: "Products",
      summary: `Take a ${what} from a product`,
      description: "Refused (409 `entity_in_use`) while an edition names it.",
      params: PartParams,
      answers: { 204: Type.Null(), 404: NotThere },
      async handle(call, finish) {
        await relist(call, (old) => {
          const part = partOf(old, call.params.part_id);
          return partsOf(old, list).filter((each: Part) => each !== part);
        });
        finish(noContent);
      },
    }),
  ];
}

/** Null takes the description away; left out, it stays. What a list's parts do not have is not taken. */
function laidOverPart(list: PartList, part: Part, body: Omit<Static<typeof ChangedPart>, "id" | "name">): Part {
  const { description: old, ...rest } = part;
  const description = body.description === undefined ? old : body.description;
  const own = { ...rest, ...(description != null && { description }) };
  if (list === "constrained_variables") return { ...own, values: body.values ?? ("values" in part ? part.values : []) };
  if (list === "analytical_fields") return { ...own, type: body.type ?? ("type" in part ? part.type : "text") };
  return own;
}
