/** A list of the catalogue: searched, by page, with the forms that its address names. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Pages, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";

const pageSize = 50;

/** What a list is asked for, as its address has it. */
export function useListQuery() {
  const url = useUrl();
  return { search: url.get("search"), page: url.page, page_size: pageSize };
}

interface CatalogueListProps<T> {
  readonly title: string;
  /** One of them, in lower case. */
  readonly noun: string;
  readonly of: UseQueryResult<{ readonly items: readonly T[]; readonly total: number }>;
  readonly columns: readonly Column<T>[];
  /** The button that makes one more; false: whoever looks may not. */
  readonly create: ReactNode;
  /** What stands where there is none. */
  readonly hint: string;
  /** Forms that are open. */
  readonly children?: ReactNode;
}

export function CatalogueList<T extends { readonly id: string }>(props: CatalogueListProps<T>) {
  const { title, noun, of, columns, create, hint, children } = props;
  return (
    <Panel
      title={title}
      actions={
        <>
          <Search label={`Search ${title.toLowerCase()}`} />
          {create}
        </>
      }
    >
      <Shown of={of}>
        {({ items, total }) =>
          total === 0 ? (
            <Empty title={`No ${noun} is found`} action={create}>
              {hint}
            </Empty>
          ) : (
            <>
              <DataTable label={title} items={items} columns={columns} keyOf={({ id }) => id} />
              <Pages total={total} size={pageSize} />
            </>
          )
        }
      </Shown>
      {children}
    </Panel>
  );
}
