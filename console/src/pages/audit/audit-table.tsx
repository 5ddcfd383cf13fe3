/** Lines of the audit log, with what was and what became. */
import { Code, Group, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { Fragment, useState } from "react";
import type { AuditPage } from "../../api/types.ts";
import { eventText } from "../../parts/reasons.ts";
import { Empty } from "../../parts/states.tsx";
import { When } from "../../parts/when.tsx";

type Line = AuditPage["items"][number];

export function AuditTable({ items }: { readonly items: readonly Line[] }) {
  if (items.length === 0) return <Empty title="Nothing was changed">Every change has its line here, and stays.</Empty>;
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table aria-label="Changes" verticalSpacing={6} horizontalSpacing="sm" fz="0.8125rem">
        <Table.Thead>
          <Table.Tr>
            {["When", "What", "Which", "By", "Changed"].map((title) => (
              <Table.Th key={title}>{title}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((line, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no id, and two may be of one instant
            <AuditLine key={`${line.at} ${line.id} ${n}`} line={line} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function AuditLine({ line }: { readonly line: Line }) {
  const [isOpen, setOpen] = useState(false);
  const changes = changesOf(line);
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td style={{ whiteSpace: "nowrap" }}>
          <When at={line.at} precision="second" />
        </Table.Td>
        <Table.Td>{eventText(line.act)}</Table.Td>
        <Table.Td className="cell">
          {nameOf(line)}
          <Text size="xs" c="dimmed">
            {eventText(line.kind)}
          </Text>
        </Table.Td>
        <Table.Td className="cell">
          {line.key_name}
          {line.last_modified_by !== null && ` for ${line.last_modified_by}`}
        </Table.Td>
        <Table.Td>
          {changes.length > 0 && (
            <UnstyledButton fz="sm" td="underline" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {changes
                .map(({ field }) => field)
                .slice(0, 3)
                .join(", ")}
              {changes.length > 3 && ` and ${changes.length - 3} more`}
            </UnstyledButton>
          )}
        </Table.Td>
      </Table.Tr>
      {isOpen && (
        <Table.Tr>
          <Table.Td colSpan={5}>
            <Changes of={changes} />
          </Table.Td>
        </Table.Tr>
      )}
    </Fragment>
  );
}

interface FieldChange {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

function Changes({ of }: { readonly of: readonly FieldChange[] }) {
  return (
    <Stack gap={4}>
      {of.map(({ field, before, after }) => (
        <Group key={field} gap="xs" align="flex-start">
          <Text size="xs" fw={600} w={240}>
            {field}
          </Text>
          <Code>{textOf(before)}</Code>
          <Text size="xs">→</Text>
          <Code>{textOf(after)}</Code>
        </Group>
      ))}
    </Stack>
  );
}

const textOf = (value: unknown) => (value === undefined ? "–" : JSON.stringify(value));

/** The fields in which before and after differ. */
function changesOf({ before, after }: Line): FieldChange[] {
  const [old, fresh] = [membersOf(before), membersOf(after)];
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
    .map((field) => ({ field, before: old[field], after: fresh[field] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}

const membersOf = (value: unknown) =>
  (typeof value === "object" && value !== null ? { ...value } : {}) as Record<string, unknown>;

/** The name that it had or has; what has none is shown by its id. */
function nameOf({ before, after, id }: Line): string {
  const { name } = { ...membersOf(before), ...membersOf(after) };
  return typeof name === "string" ? name : id;
}
