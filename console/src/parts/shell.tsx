/** What stands around every page: where to go, who is signed in, light or dark. */
import {
  ActionIcon,
  AppShell,
  Burger,
  Group,
  NavLink,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { type Role, useApi, useSigning } from "../api/session.tsx";
import icon from "../icon.svg";
import { Icon } from "./icons.tsx";

const places = [
  { href: "/", label: "Overview", icon: "overview", below: ["/licenses"] },
  { href: "/denials", label: "Denials", icon: "denials", below: [] },
  { href: "/projects", label: "Projects", icon: "projects", below: [] },
  { href: "/catalogue", label: "Catalogue", icon: "catalogue", below: [] },
  { href: "/keys", label: "Keys and access", icon: "keys", below: [] },
  { href: "/audit", label: "Audit", icon: "audit", below: [] },
] as const;

export function Shell({ children }: { readonly children: ReactNode }) {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  return (
    <AppShell
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      header={{ height: { base: 48, sm: 0 } }}
      padding={0}
    >
      <AppShell.Header hiddenFrom="sm" bg="var(--panel)">
        <Group h="100%" px="sm">
          <Burger opened={isOpen} onClick={toggle} size="sm" aria-label="Navigation" />
          <Text fw={650}>Seatkeeper</Text>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" bg="var(--panel)">
        <Brand />
        <Stack gap={2} flex={1} mt="md">
          <Places onGo={close} />
        </Stack>
        <Who />
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  );
}

function Brand() {
  const { session } = useApi();
  return (
    <Group gap="sm" px={4} wrap="nowrap" visibleFrom="sm">
      <img src={icon} alt="" width={28} height={28} />
      <div>
        <Text fw={650} lh={1.2}>
          Seatkeeper
        </Text>
        <Text size="xs" c="dimmed" lh={1.2}>
          {session.isv_name}
        </Text>
      </div>
    </Group>
  );
}

function Places({ onGo }: { readonly onGo: () => void }) {
  const [location] = useLocation();
  const isAt = (href: string, below: readonly string[]) =>
    href === "/" ? location === "/" || below.some((path) => location.startsWith(path)) : location.startsWith(href);
  return places.map(({ href, label, icon: shape, below }) => (
    <NavLink
      key={href}
      component={Link}
      href={href}
      label={label}
      leftSection={<Icon of={shape} />}
      active={isAt(href, below)}
      aria-current={isAt(href, below) ? "page" : undefined}
      onClick={onGo}
    />
  ));
}

const roleTexts: Record<Role, string> = {
  owner: "Owner",
  operator: "Operator",
  viewer: "Viewer: read only",
};

function Who() {
  const { session } = useApi();
  const { signOut } = useSigning();
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const leave = () =>
    signOut().catch((error: Error) =>
      notifications.show({ title: "You are still signed in", message: error.message, color: "red" }),
    );
  return (
    <Group justify="space-between" wrap="nowrap" px={4} gap={4}>
      <div>
        <Text size="sm" fw={550} lh={1.3}>
          {session.key_name}
        </Text>
        <Text size="xs" c="dimmed" lh={1.3}>
          {roleTexts[session.role]}
        </Text>
      </div>
      <Group gap={2} wrap="nowrap">
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={() => setColorScheme(isDark ? "light" : "dark")}
          aria-label={isDark ? "Light theme" : "Dark theme"}
        >
          <Icon of={isDark ? "sun" : "moon"} />
        </ActionIcon>
        <ActionIcon variant="subtle" color="gray" onClick={() => void leave()} aria-label="Sign out">
          <Icon of="out" />
        </ActionIcon>
      </Group>
    </Group>
  );
}
