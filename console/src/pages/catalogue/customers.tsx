/** Who has licences. */
import { Button, TextInput } from "@mantine/core";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Customer } from "../../api/types.ts";
import { Edited, type Version } from "../../parts/edited.tsx";
import { changesOf, FormWindow, orNull } from "../../parts/form.tsx";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { CatalogueList, useListQuery } from "./list.tsx";
import { RowActions } from "./row-actions.tsx";

export function Customers() {
  const url = useUrl();
  const { may } = useApi();
  const customers = useList<readonly Customer[]>("customers", useListQuery());
  const edited = url.get("edit");
  const close = () => url.set({ edit: null, new: null });
  return (
    <CatalogueList
      title="Customers"
      noun="customer"
      of={customers}
      columns={columnsFor(may("owner"), ({ id }) => url.set({ edit: id }))}
      create={
        may("owner") && (
          <Button size="xs" onClick={() => url.set({ new: "customer" })}>
            Create a customer
          </Button>
        )
      }
      hint="A licence belongs to a customer. The number is what your other systems call them."
    >
      {edited !== null && may("owner") && (
        <Edited<Customer> path={`customers/${edited}`} close={close}>
          {(customer, version) => <CustomerForm customer={customer} version={version} close={close} />}
        </Edited>
      )}
      {url.get("new") !== null && may("owner") && <CustomerForm customer={null} close={close} />}
    </CatalogueList>
  );
}

function columnsFor(mayChange: boolean, edit: (customer: Customer) => void): Column<Customer>[] {
  return [
    { title: "Name", cell: ({ company_name }) => <b>{company_name}</b> },
    { title: "Number", cell: ({ customer_number }) => customer_number },
    { title: "E-mail", cell: ({ email }) => email ?? "–" },
    ...(mayChange
      ? [
          {
            title: "Action",
            width: 150,
            cell: (customer: Customer) => (
              <RowActions
                name={customer.company_name}
                edit={() => edit(customer)}
                deletion={{
                  path: `customers/${customer.id}`,
                  text: "A customer with licences is not deleted; you are told which they are.",
                }}
              />
            ),
          },
        ]
      : []),
  ];
}

interface CustomerFormProps {
  readonly customer: Customer | null;
  readonly version?: Version;
  readonly close: () => void;
  readonly onDone?: (customer: Customer) => void;
}

export function CustomerForm({ customer, version, close, onDone }: CustomerFormProps) {
  const bodyOf = (values: typeof initial) => ({ ...values, email: orNull(values.email) });
  const initial = {
    company_name: customer?.company_name ?? "",
    customer_number: customer?.customer_number ?? "",
    email: customer?.email ?? "",
  };
  return (
    <FormWindow<typeof initial, Customer>
      title={customer === null ? "Create a customer" : `Edit ${customer.company_name}`}
      verb={customer === null ? "Create" : "Save"}
      initial={initial}
      version={version}
      change={(values) => ({
        method: customer === null ? "POST" : "PATCH",
        path: "customers",
        body: customer === null ? bodyOf(values) : { id: customer.id, ...changesOf(bodyOf(initial), bodyOf(values)) },
      })}
      close={close}
      {...(onDone !== undefined && { onDone })}
    >
      {(fields) => (
        <>
          <TextInput label="Name" data-autofocus {...fields.text("company_name")} />
          <TextInput
            label="Number"
            description="Unique. Applications may find licences by it."
            {...fields.text("customer_number")}
          />
          <TextInput label="E-mail" description="May be left out." {...fields.text("email")} />
        </>
      )}
    </FormWindow>
  );
}
