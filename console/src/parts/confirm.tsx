/** Before anything is ended or deleted: what will happen, and to whom. */
import { Alert, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { createContext, type ReactNode, useContext, useState } from "react";
import { Refused } from "../api/call.ts";
import { useChange } from "../api/queries.ts";
import type { Change } from "../api/session.tsx";
import { Window } from "./window.tsx";

export interface Act {
  readonly title: string;
  /** What it does, and to whom. */
  readonly text: ReactNode;
  /** What the button says: the verb. */
  readonly verb: string;
  readonly change: Change;
  /** What is told when it is done. */
  readonly done: string;
  /** Something that must be agreed to first. */
  readonly agree?: string;
  readonly onDone?: () => void;
}

const AskContext = createContext<(act: Act) => void>(() => {});

/** Asks before an act, and does it. */
export const useAsk = () => useContext(AskContext);

export function AskProvider({ children }: { readonly children: ReactNode }) {
  const [act, setAct] = useState<Act | null>(null);
  return (
    <AskContext value={setAct}>
      {children}
      {act !== null && <Question key={act.title} act={act} close={() => setAct(null)} />}
    </AskContext>
  );
}

function Question({ act, close }: { readonly act: Act; readonly close: () => void }) {
  const { mutateAsync, isPending, error } = useChange();
  const [isAgreed, setAgreed] = useState(act.agree === undefined);
  const doIt = async () => {
    await mutateAsync(act.change);
    notifications.show({ message: act.done, color: "green" });
    close();
    act.onDone?.();
  };
  return (
    <Window close={close} title={act.title}>
      <Stack>
        <Text size="sm" component="div">
          {act.text}
        </Text>
        {act.agree !== undefined && (
          <Checkbox label={act.agree} checked={isAgreed} onChange={(event) => setAgreed(event.currentTarget.checked)} />
        )}
        {error !== null && <Refusal error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button color="red" loading={isPending} disabled={!isAgreed} onClick={() => void doIt().catch(() => {})}>
            {act.verb}
          </Button>
        </Group>
      </Stack>
    </Window>
  );
}

/** A refusal with those who stand in the way. */
export function Refusal({ error }: { readonly error: Error }) {
  const dependents = error instanceof Refused ? error.dependents : [];
  return (
    <Alert color="red" role="alert">
      <Text size="sm">{error.message}</Text>
      {dependents.map(({ kind, id, name }) => (
        <Text size="sm" key={id}>
          {kind} {name ?? id}
        </Text>
      ))}
    </Alert>
  );
}
