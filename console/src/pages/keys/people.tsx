/** Who sees names of users, and forgetting one. */
import { Alert, Button, Checkbox, Group, Switch, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useChange, useRead } from "../../api/queries.ts";
import type { Vendor } from "../../api/types.ts";
import { FormWindow } from "../../parts/form.tsx";
import { Panel } from "../../parts/page.tsx";
import { Shown } from "../../parts/states.tsx";

export function NamesOfPeople() {
  const vendor = useRead<Vendor>("vendor");
  const { mutate, isPending } = useChange();
  const [isForgetting, setForgetting] = useState(false);
  return (
    <Panel title="Names of people">
      <Shown of={vendor}>
        {({ shows_pseudonyms }) => (
          <Group justify="space-between" p="md" pt={0}>
            <Switch
              label="Only owners see names of users"
              description="Operators and viewers see pseudonyms, the same one for a name everywhere."
              checked={shows_pseudonyms}
              disabled={isPending}
              onChange={(event) =>
                mutate({ method: "PATCH", path: "vendor", body: { shows_pseudonyms: event.currentTarget.checked } })
              }
            />
            <Button size="xs" variant="default" onClick={() => setForgetting(true)}>
              Forget a user
            </Button>
          </Group>
        )}
      </Shown>
      {isForgetting && <Forget close={() => setForgetting(false)} />}
    </Panel>
  );
}

interface Forgotten {
  readonly pseudonym: string;
  readonly sessions_ended: number;
}

function Forget({ close }: { readonly close: () => void }) {
  return (
    <FormWindow<{ user_id: string; force: boolean }, Forgotten>
      title="Forget a user"
      verb="Forget"
      initial={{ user_id: "", force: false }}
      change={(values) => ({ method: "POST", path: "users/forget", body: values })}
      onDone={({ pseudonym, sessions_ended }) =>
        notifications.show({ message: `Known as ${pseudonym} from now on. ${sessions_ended} sessions were ended.` })
      }
      close={close}
    >
      {(fields) => (
        <>
          <Alert color="red" variant="light">
            <Text size="sm">
              The user's name is replaced by a pseudonym in all history, clients and sessions, for good. What is counted
              stays as it is.
            </Text>
          </Alert>
          <TextInput label="User" description="In full, as in sessions." data-autofocus {...fields.text("user_id")} />
          <Checkbox label="End the user's live sessions first" {...fields.check("force")} />
        </>
      )}
    </FormWindow>
  );
}
