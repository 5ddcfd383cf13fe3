/** Changing what is there: from the version that was read, and what is told where somebody else was faster. */
import { Alert, Button, Stack, Text } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import { useEdited } from "../api/queries.ts";
import type { Api, Versioned } from "../api/session.tsx";
import { Failed } from "./states.tsx";
import { Window } from "./window.tsx";

/** The version that a form was filled from. */
export interface Version {
  readonly etag: string | null;
  /** Reads what is there now, and fills the form anew. */
  reload(): void;
}

interface EditedProps<T> {
  readonly path: string;
  /** How it is read, where the path does not answer with it. */
  readonly read?: (api: Api) => Promise<Versioned<T>>;
  close(): void;
  children(entity: T, version: Version): ReactNode;
}

/** A form of an entity that is there: it is read when the form opens, and each version of it makes the form anew. */
export function Edited<T>({ path, read, close, children }: EditedProps<T>) {
  const { data, error, refetch } = useEdited<T>(path, read);
  if (error !== null) {
    return (
      <Window close={close} title="It cannot be changed">
        <Failed error={error} />
      </Window>
    );
  }
  if (data === undefined) return null;
  const { entity, etag } = data;
  return <Fragment key={etag}>{children(entity, { etag, reload: () => void refetch() })}</Fragment>;
}

/** Nothing was saved: somebody else has changed it since the form was filled. */
export function ChangedMeanwhile({ version }: { readonly version: Version }) {
  return (
    <Alert color="orange" role="alert" title="Somebody else has changed this meanwhile">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          It is no longer what you began with, so nothing of yours was saved. Load it again to see what it is now: what
          you have typed here goes, and you can make your change once more. The audit log tells who was faster.
        </Text>
        <Button size="compact-sm" variant="default" onClick={version.reload}>
          Load it again
        </Button>
      </Stack>
    </Alert>
  );
}
