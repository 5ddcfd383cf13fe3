/** A table of a list that is there whole, shown by page: what is drawn does not grow with the list. */
import { Pages } from "./page.tsx";
import { DataTable, type DataTableProps } from "./table.tsx";
import { useUrl } from "./url.ts";

const pageSize = 50;

/** `name`: where the address has the page. */
export function PagedTable<T>({ name, items, ...table }: DataTableProps<T> & { readonly name: string }) {
  const url = useUrl();
  // The list may have become shorter than it was when the page was chosen.
  const last = Math.max(1, Math.ceil(items.length / pageSize));
  const start = (Math.min(url.pageOf(name), last) - 1) * pageSize;
  return (
    <>
      <DataTable {...table} items={items.slice(start, start + pageSize)} />
      <Pages total={items.length} size={pageSize} name={name} />
    </>
  );
}
