/** A table of a list: columns with their cells, numbers to the right. */
import { ScrollArea, Table } from "@mantine/core";
import type { ReactNode } from "react";
import { figure } from "./figure.ts";

export interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly width?: number | string;
  cell(item: T): ReactNode;
}

export interface DataTableProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
  keyOf(item: T): string;
  readonly maxHeight?: number;
}

export function DataTable<T>({ label, items, columns, keyOf, maxHeight }: DataTableProps<T>) {
  return (
    <ScrollArea.Autosize
      {...(maxHeight !== undefined && { mah: maxHeight })}
      type="auto"
      viewportProps={{ tabIndex: 0, role: "region", "aria-label": label }}
    >
      <Table aria-label={label} highlightOnHover verticalSpacing={6} horizontalSpacing="sm" fz="0.8125rem" stickyHeader>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ title, isNumber, width }) => (
              <Table.Th key={title} className={isNumber ? "number" : ""} {...(width !== undefined && { w: width })}>
                {title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={keyOf(item)}>
              {columns.map(({ title, isNumber, cell }) => (
                <Table.Td key={title} className={isNumber ? "number" : "cell"}>
                  {figuresOf(cell(item))}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea.Autosize>
  );
}

function figuresOf(content: ReactNode): ReactNode {
  return typeof content === "number" ? figure(content) : content;
}
