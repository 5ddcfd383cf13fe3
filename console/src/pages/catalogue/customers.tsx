/** Who has licences. */
import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useList } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Customer } from "../../api/types.ts";
import { changesOf, FormWindow, orNull } from "../../parts/form.tsx";
import { Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { RowActions } from "./row-actions.tsx";

const pageSize = 50;

export function Customers() {
  const url = useUrl();
  const { may } = useApi();
  const [edited, setEdited] = useState<Customer | "new" | null>(null);
  const customers = useList<readonly Customer[]>("customers", {
    search: url.get("search"),
    page: url.page,
    page_size: pageSize,
  });
  const create = may("owner") && (
    <Button size="xs" onClick={() => setEdited("new")}>
      Create a customer
    </Button>
  );
  return (
    <Panel
      title="Customers"
      actions={
        <>
          <Search label="Search customers" />
          {create}
        </>
      }
    >
      <Shown of={customers}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title="No customer is found" action={create}>
              A licence belongs to a customer. The number is what your other systems call them.
            </Empty>
          ) : (
            <>
              <DataTable
                label="Customers"
                items={items}
                columns={columnsFor(may("owner"), setEdited)}
                keyOf={({ id }) => id}
              />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
      {edited !== null && <CustomerForm customer={edited === "new" ? null : edited} close={() => setEdited(null)} />}
    </Panel>
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
  readonly close: () => void;
  readonly onDone?: (customer: Customer) => void;
}

export function CustomerForm({ customer, close, onDone }: CustomerFormProps) {
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
