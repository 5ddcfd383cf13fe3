/** What stands where there is nothing to show: still loading, refused, or empty with what to do next. */
import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext } from "react";

interface ShownProps<T> {
  readonly of: UseQueryResult<T>;
  readonly children: (data: T) => ReactNode;
}

const EarlierContext = createContext(false);

/** Whether what is shown was read for an earlier address, and what this one asks for is still to come. */
export const useIsEarlier = () => useContext(EarlierContext);

/** What was read, once it is there. What is there already stays while it is read anew. */
export function Shown<T>({ of, children }: ShownProps<T>) {
  if (of.data !== undefined) return <EarlierContext value={of.isPlaceholderData}>{children(of.data)}</EarlierContext>;
  if (of.error !== null) return <Failed error={of.error} retry={() => void of.refetch()} />;
  return (
    <Center p="xl">
      <Loader size="sm" aria-label="Loading" />
    </Center>
  );
}

export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  return (
    <Alert color="red" title="This could not be read" role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{error.message}</Text>
        {retry !== undefined && (
          <Button size="compact-sm" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

export function Empty({ title, children, action }: EmptyProps) {
  return (
    <Stack align="center" gap={6} p="xl" ta="center">
      <Title order={3}>{title}</Title>
      <Text size="sm" c="dimmed" maw={520}>
        {children}
      </Text>
      {action}
    </Stack>
  );
}
