/** Who changed what, and when. */
import { Select } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import type { AuditPage } from "../../api/types.ts";
import { Page, Pages, Panel } from "../../parts/page.tsx";
import { RangeControl, useRange } from "../../parts/range.tsx";
import { Search } from "../../parts/search.tsx";
import { Shown } from "../../parts/states.tsx";
import { useUrl } from "../../parts/url.ts";
import { AuditTable } from "./audit-table.tsx";

const pageSize = 50;

const kinds = [
  { value: "license", label: "Licences" },
  { value: "edition", label: "Editions" },
  { value: "product", label: "Products" },
  { value: "customer", label: "Customers" },
  { value: "key", label: "Keys" },
  { value: "session", label: "Sessions" },
  { value: "assignment", label: "Clients" },
  { value: "user", label: "Users" },
  { value: "isv", label: "The vendor" },
];

export default function Audit() {
  const url = useUrl();
  const state = useRange("90d");
  const query = { kind: url.get("kind"), id: url.get("id"), ...state.range.query };
  const audit = useRead<AuditPage>("audit", { ...query, page: url.page, page_size: pageSize });
  return (
    <Page
      title="Audit"
      lead="Every change by an administrator or a tenant file: who, when, what it was and what it became."
      actions={
        <>
          <Select
            size="xs"
            w={190}
            aria-label="Changes of"
            placeholder="Changes of anything"
            clearable
            clearButtonProps={{ "aria-label": "Changes of anything" }}
            data={kinds}
            value={url.get("kind")}
            onChange={(kind) => url.set({ kind, page: null })}
          />
          <Search label="Id, in full" name="id" />
          <RangeControl state={state} />
        </>
      }
    >
      <Panel>
        <Shown of={audit}>
          {({ items, total }) => (
            <>
              <AuditTable items={items} />
              <Pages total={total} size={pageSize} />
            </>
          )}
        </Shown>
      </Panel>
    </Page>
  );
}
