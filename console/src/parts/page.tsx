/** The frame of a page: its title, what it is live with, what can be done, and its panels. */
import { Anchor, Group, Pagination, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import type { LiveState } from "../api/live.ts";
import { figure } from "./figure.ts";
import { useIsEarlier } from "./states.tsx";
import { useUrl } from "./url.ts";

interface PageProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly back?: { readonly href: string; readonly label: string };
  readonly live?: LiveState;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, lead, back, live, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} – Seatkeeper`;
  }, [title]);
  return (
    <Stack gap="md" p={{ base: "sm", md: "lg" }} maw={1440} mx="auto">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={2}>
          {back !== undefined && (
            <Anchor component={Link} href={back.href} size="sm">
              ‹ {back.label}
            </Anchor>
          )}
          <Group gap="sm">
            <Title order={1}>{title}</Title>
            {live !== undefined && <LiveDot state={live} />}
          </Group>
          {lead !== undefined && (
            <Text size="sm" c="dimmed" component="div" className="lead">
              {lead}
            </Text>
          )}
        </Stack>
        <Group gap="xs">{actions}</Group>
      </Group>
      {children}
    </Stack>
  );
}

const liveTexts: Record<LiveState, string> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost; trying again",
};

function LiveDot({ state }: { readonly state: LiveState }) {
  return (
    <Group gap={6} role="status">
      <span className="live-dot" data-state={state} />
      <Text size="xs" c="dimmed">
        {liveTexts[state]}
      </Text>
    </Group>
  );
}

interface PanelProps {
  readonly title?: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Panel({ title, lead, actions, children }: PanelProps) {
  return (
    <section className="panel" aria-label={title}>
      {title !== undefined && (
        <Group justify="space-between" align="flex-start" p="md" pb="xs" gap="xs">
          <div style={{ flex: "1 1 200px" }}>
            <Title order={2}>{title}</Title>
            {lead !== undefined && (
              <Text size="sm" c="dimmed">
                {lead}
              </Text>
            )}
          </div>
          <Group gap="xs">{actions}</Group>
        </Group>
      )}
      {children}
    </section>
  );
}

interface PagesProps {
  readonly total: number;
  readonly size: number;
  /** Where the address has the page, if it has several lists. */
  readonly name?: string;
}

/** The pages of a long list; nothing where one page has it all. */
export function Pages({ total, size, name = "page" }: PagesProps) {
  const url = useUrl();
  const isEarlier = useIsEarlier();
  const count = Math.ceil(total / size);
  const shown = Math.min(url.pageOf(name), Math.max(1, count));
  useEffect(() => {
    // An old link, or a list that has become shorter. Of a list that is still to come the last page is not known.
    if (!isEarlier && url.pageOf(name) > shown) url.set({ [name]: shown === 1 ? null : shown });
  });
  if (count <= 1) return null;
  return (
    <Group justify="space-between" p="sm">
      <Text size="sm" c="dimmed">
        {figure((shown - 1) * size + 1)}–{figure(Math.min(total, shown * size))} of {figure(total)}
      </Text>
      <Pagination
        size="sm"
        total={count}
        value={shown}
        onChange={(page) => url.set({ [name]: page === 1 ? null : page }, false)}
        getControlProps={(control) => ({ "aria-label": `${control} page` })}
        getItemProps={(page) => ({ "aria-label": `Page ${page}` })}
      />
    </Group>
  );
}
