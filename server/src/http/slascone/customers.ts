/** Customers. */
import { Type } from "typebox";
import { newBody } from "../../catalog/defaults.ts";
import type { Customer } from "../../catalog/entities.ts";
import { changeEntity, entityAnswer, given, knownEntity, requireEntity } from "../admin/change.ts";
import { requireFree } from "../admin/fit.ts";
import { arrayAnswer, finds, ListQuery, PageOf, pageAnswer } from "../admin/lists.ts";
import { noContent } from "../answer.ts";
import { Label, Maybe, Uuid, uuid } from "../input.ts";
import { Problem } from "../problem.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { freshId, GivenId } from "./given-id.ts";
import * as schemas from "./schemas.ts";

const CustomerParams = Type.Object({ customer_id: Uuid("The customer.") });

const companyName = Label("The company's name.", "Ring Retail Ltd");
const number = Label("The vendor's own number of the customer; unique.", "87012");
const email = Maybe(Label("Where the customer is written to."));
const NewCustomer = Type.Object({ id: GivenId, company_name: companyName, customer_number: number, email });
const ChangedCustomer = Type.Object({
  id: Uuid("The customer."),
  company_name: Maybe(companyName),
  customer_number: Maybe(number),
  email,
});
const CustomerShown = Type.Object({
  id: Type.String(),
  company_name: Type.String(),
  customer_number: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
});
const NotThere = Type.Object({});

const sorts = {
  company_name: (customer: Customer) => customer.name,
  customer_number: (customer: Customer) => customer.number,
};
const Filter = ListQuery({ search: Type.Optional(Label("A part of name, number or address.")) }, Object.keys(sorts));

export function customerRoutes({ store }: Services): Route[] {
  const found = (customers: Iterable<Customer>, search: string | undefined) =>
    [...customers].filter(({ name, number, email }) => finds(search, name, number, email));
  return [
    keyed({
      method: "GET",
      path: "/customers",
      reach: "admin",
      tag: "Customers",
      summary: "List customers",
      query: Filter,
      answers: { 200: Type.Array(CustomerShown) },
      handle(call, finish) {
        const { query, vendor } = call;
        finish(arrayAnswer(found(vendor.customers.values(), query.search), query, sorts, customerDto));
      },
    }),
    keyed({
      method: "POST",
      path: "/customers/filtered",
      reach: "admin",
      role: "viewer",
      tag: "Customers",
      summary: "List customers by page",
      body: Filter,
      answers: { 200: PageOf(CustomerShown) },
      handle(call, finish) {
        const { body, vendor } = call;
        finish(pageAnswer(found(vendor.customers.values(), body.search), body, sorts, customerDto));
      },
    }),
    keyed({
      method: "GET",
      path: "/customers/by_number",
      reach: "admin",
      tag: "Customers",
      summary: "Read the customer of a number",
      query: Type.Object({ customer_number: number }, { additionalProperties: false }),
      answers: { 200: CustomerShown, 404: NotThere },
      handle(call, finish) {
        const customer = call.vendor.customerByNumber(call.query.customer_number);
        if (customer === undefined) throw new Problem("entity_unknown", "The vendor has no customer of this number.");
        finish(entityAnswer(customer, customerDto(customer)));
      },
    }),
    keyed({
      method: "POST",
      path: "/customers",
      catalogue: "makes",
      reach: "admin",
      tag: "Customers",
      summary: "Create a customer",
      body: NewCustomer,
      answers: { 201: CustomerShown, 409: schemas.Refusal },
      async handle(call, finish) {
        const id = freshId(call.vendor.customers, call.body.id);
        const customer = await changeEntity(store, call, "customer", id, () => laidOver(null, id, call.body));
        finish(entityAnswer(customer as Customer, customerDto(customer as Customer), 201));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/customers",
      catalogue: "revises",
      reach: "admin",
      tag: "Customers",
      summary: "Change a customer",
      description: "What is left out stays as it is.",
      body: ChangedCustomer,
      answers: { 200: CustomerShown, 404: NotThere, 409: schemas.Refusal },
      async handle(call, finish) {
        const id = uuid(call.body.id);
        const customer = await changeEntity(store, call, "customer", id, (current) =>
          laidOver(requireEntity(current, "customer"), id, call.body),
        );
        finish(entityAnswer(customer as Customer, customerDto(customer as Customer)));
      },
    }),
    keyed({
      method: "GET",
      path: "/customers/:customer_id",
      reach: "admin",
      tag: "Customers",
      summary: "Read a customer",
      params: CustomerParams,
      answers: { 200: CustomerShown, 404: NotThere },
      handle(call, finish) {
        const customer = knownEntity(call, "customer", call.params.customer_id);
        finish(entityAnswer(customer, customerDto(customer)));
      },
    }),
    keyed({
      method: "DELETE",
      path: "/customers/:customer_id",
      catalogue: "revises",
      reach: "admin",
      tag: "Customers",
      summary: "Delete a customer",
      description: "Refused (409 `entity_in_use`) while it has licences or keys that are bound to it.",
      params: CustomerParams,
      answers: { 204: Type.Null(), 404: NotThere },
      async handle(call, finish) {
        const id = uuid(call.params.customer_id);
        await changeEntity(store, call, "customer", id, (current) => {
          requireEntity(current, "customer");
          requireFree(call.vendor, "customer", id);
          return null;
        });
        finish(noContent);
      },
    }),
  ];
}

interface CustomerInput {
  readonly company_name?: string | null;
  readonly customer_number?: string | null;
  readonly email?: string | null;
}

function laidOver(current: Customer | null, id: string, body: CustomerInput): Customer {
  const said = given({
    name: body.company_name ?? undefined,
    number: body.customer_number ?? undefined,
    email: body.email,
  });
  return { ...(current ?? newBody("customer", id, said)), ...said } as unknown as Customer;
}

function customerDto({ id, name, number, email }: Customer) {
  return { id, company_name: name, customer_number: number, email: email ?? null };
}
