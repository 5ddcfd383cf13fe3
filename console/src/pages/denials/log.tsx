/** The log of denials: each refused request, newest first. */
import { Group } from "@mantine/core";
import { Link } from "wouter";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { DenialLog as Log } from "../../api/types.ts";
import { figure } from "../../parts/figure.ts";
import { Pages, Panel } from "../../parts/page.tsx";
import type { RangeState } from "../../parts/range.tsx";
import { reasonText } from "../../parts/reasons.ts";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import { useDenialScope } from "./denials.tsx";
import { CsvLink } from "./reasons.tsx";

const pageSize = 50;
/** Lines of a file: as many as the API gives at once. */
const csvMax = 10_000;
type Line = Log["items"][number] & { readonly n: number };

export function DenialLog({ state }: { readonly state: RangeState }) {
  const api = useApi();
  const url = useUrl();
  const query = { ...useDenialScope(), user_id: url.get("user"), client_id: url.get("client"), ...state.range.query };
  const log = useRead<Log>("denials", { ...query, page: url.page, page_size: pageSize });
  return (
    <Panel
      title="Log"
      lead="Newest first."
      actions={
        <Group gap="xs" role="search" aria-label="Whose denials">
          <Search label="User id, in full" name="user" />
          <Search label="Client id, in full" name="client" />
          <CsvLink href={api.url("denials", { ...query, page_size: csvMax, format: "csv" })} name="denials" />
        </Group>
      }
    >
      <Shown of={log}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title="No denial fits">
              Choose a longer time, or fewer filters; ids are looked for as they were written. New denials appear here
              at once.
            </Empty>
          ) : (
            <>
              <DataTable
                label="Log of denials"
                items={items.map((item, n) => ({ ...item, n }))}
                columns={columns}
                keyOf={({ at, n }) => `${at} ${n}`}
              />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
    </Panel>
  );
}

const columns: readonly Column<Line>[] = [
  { title: "When", cell: ({ at }) => <When at={at} precision="second" /> },
  {
    title: "Licence",
    cell: ({ license_id, license_name, code }) =>
      code === "license_unknown" ? (
        <span className="mono">{license_id}</span>
      ) : (
        <Link className="row-link" href={`/licenses/${license_id}?tab=use`}>
          {license_name ?? license_id}
        </Link>
      ),
  },
  { title: "User", cell: ({ user_id }) => user_id ?? "–" },
  { title: "Client", cell: ({ client_id }) => client_id ?? "–" },
  { title: "Reason", cell: ({ code, error_id }) => `${reasonText(code)} (${error_id})` },
  { title: "In use then", isNumber: true, cell: ({ in_use, limit }) => `${figure(in_use)} / ${figure(limit)}` },
];
