/** Products, editions, customers and licences. */
import { Tabs } from "@mantine/core";
import { useLocation } from "wouter";
import { Page } from "../../parts/page.tsx";
import { Customers } from "./customers.tsx";
import { Editions } from "./editions.tsx";
import { Licenses } from "./licenses.tsx";
import { Products } from "./products.tsx";

const lists = { licences: "Licences", editions: "Editions", customers: "Customers", products: "Products" } as const;

export default function Catalogue({ list }: { readonly list: string }) {
  const [, go] = useLocation();
  const shown = Object.hasOwn(lists, list) ? list : "licences";
  return (
    <Page
      title="Catalogue"
      lead="A product has editions: what is counted, and how. A licence gives a customer tokens of an edition."
    >
      <Tabs value={shown} onChange={(next) => go(`/catalogue/${next}`)} keepMounted={false}>
        <Tabs.List mb="md">
          {Object.entries(lists).map(([name, label]) => (
            <Tabs.Tab key={name} value={name}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown}>
          {shown === "licences" && <Licenses />}
          {shown === "editions" && <Editions />}
          {shown === "customers" && <Customers />}
          {shown === "products" && <Products />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
