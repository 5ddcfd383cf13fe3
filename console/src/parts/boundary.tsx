/** A page that cannot be shown says so, and leaves the navigation beside it. */
import { Alert, Button, Stack, Text } from "@mantine/core";
import { Component, type ReactNode } from "react";

interface BoundaryProps {
  /** Where the console is: at another place it is tried again. */
  readonly place: string;
  readonly children: ReactNode;
}

interface BoundaryState {
  readonly place: string;
  readonly isBroken: boolean;
}

export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { place: this.props.place, isBroken: false };

  static getDerivedStateFromError(): Partial<BoundaryState> {
    return { isBroken: true };
  }

  static getDerivedStateFromProps({ place }: BoundaryProps, state: BoundaryState): BoundaryState | null {
    return place === state.place ? null : { place, isBroken: false };
  }

  override render(): ReactNode {
    return this.state.isBroken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  return (
    <Alert color="red" title="This page cannot be shown" role="alert" m="md">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">The server may have been updated since the console was loaded, or be out of reach.</Text>
        <Button size="compact-sm" variant="default" onClick={() => window.location.reload()}>
          Load it again
        </Button>
      </Stack>
    </Alert>
  );
}
