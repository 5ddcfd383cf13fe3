/** What can be done to a key: another role, off and on. */
import { Button, Group, Select } from "@mantine/core";
import { useApi } from "../../api/session.tsx";
import { useAsk } from "../../parts/confirm.tsx";
import { Edited } from "../../parts/edited.tsx";
import { FormWindow } from "../../parts/form.tsx";
import { useUrl } from "../../parts/url.ts";
import type { Key } from "./keys.tsx";
import { roleChoices } from "./new-key.tsx";

export function KeyActions({ item }: { readonly item: Key }) {
  const { session } = useApi();
  const ask = useAsk();
  const url = useUrl();
  const { id, name, is_active } = item;
  const isOwn = id === session.key_id;
  const switching = {
    title: is_active ? `Switch the key ${name} off?` : `Switch the key ${name} on?`,
    text: is_active
      ? `Whoever calls with it is refused from now on.${isOwn ? " It is the key that you are signed in with: you will be signed out." : ""} It can be switched on again.`
      : "Whoever has it is let in again.",
    verb: is_active ? "Switch off" : "Switch on",
    change: { method: "PATCH", path: `keys/${id}`, body: { is_active: !is_active } },
    done: `${name} is switched ${is_active ? "off" : "on"}.`,
  } as const;
  return (
    <Group gap={6} wrap="nowrap">
      {item.role === "admin" && (
        <Button size="compact-xs" variant="default" onClick={() => url.set({ edit: id })}>
          Change role
        </Button>
      )}
      <Button size="compact-xs" variant="default" onClick={() => ask(switching)}>
        {is_active ? "Switch off" : "Switch on"}
      </Button>
    </Group>
  );
}

/** Another role for a key. */
export function RoleForm({ id, close }: { readonly id: string; readonly close: () => void }) {
  return (
    <Edited<Key> path={`keys/${id}`} close={close}>
      {({ name, admin_role }, version) => (
        <FormWindow
          title={`Role of ${name}`}
          verb="Save"
          initial={{ admin_role: admin_role as string }}
          version={version}
          change={(values) => ({ method: "PATCH", path: `keys/${id}`, body: values })}
          close={close}
        >
          {(fields) => (
            <Select label="Role" data={roleChoices} allowDeselect={false} {...fields.choice("admin_role")} />
          )}
        </FormWindow>
      )}
    </Edited>
  );
}
