/** Editing and deleting a line of the catalogue. */
import { Button, Group } from "@mantine/core";
import { type Act, useAsk } from "../../parts/confirm.tsx";

interface RowActionsProps {
  readonly name: string;
  readonly edit: () => void;
  readonly deletion: Pick<Act, "text"> & { readonly path: string; readonly agree?: string };
}

export function RowActions({ name, edit, deletion }: RowActionsProps) {
  const ask = useAsk();
  const { path, ...rest } = deletion;
  const act: Act = {
    ...rest,
    title: `Delete ${name}?`,
    verb: "Delete",
    change: { method: "DELETE", path },
    done: `${name} is deleted.`,
  };
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button size="compact-xs" variant="default" onClick={edit} aria-label={`Edit ${name}`}>
        Edit
      </Button>
      <Button size="compact-xs" variant="default" onClick={() => ask(act)} aria-label={`Delete ${name}`}>
        Delete
      </Button>
    </Group>
  );
}
