/** One licence: who holds its tokens, whether they suffice, what it allows, and what happened. */
import { Badge, Button, Grid, Group, Stack, Tabs } from "@mantine/core";
import { Link } from "wouter";
import { withQuery } from "../../api/call.ts";
import { useLive } from "../../api/live.ts";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { LicensePage, Pools } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Page } from "../../parts/page.tsx";
import type { RangeState } from "../../parts/range.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { useUrl } from "../../parts/url.ts";
import { LicenseForms } from "../catalogue/license-forms.tsx";
import { AdviceNotes } from "./advice.tsx";
import { Clients } from "./clients.tsx";
import { History } from "./history.tsx";
import { Holders } from "./holders.tsx";
import { Limits } from "./limits.tsx";
import { Sessions } from "./sessions.tsx";
import { Terms } from "./terms.tsx";
import { UseOverTime } from "./use-over-time.tsx";
import { Waiting } from "./waiting.tsx";

export type LicenseItem = LicensePage["items"][number];

export default function License({ id }: { readonly id: string }) {
  const licenses = useRead<LicensePage>("licenses", { search: id });
  return (
    <Shown of={licenses}>
      {({ items: [license] }) =>
        license === undefined ? (
          <Page title="Licence" back={{ href: "/", label: "Overview" }}>
            <Empty title="There is no such licence">It may have been deleted; the audit log tells by whom.</Empty>
          </Page>
        ) : (
          <LicenseView license={license} />
        )
      }
    </Shown>
  );
}

function LicenseView({ license }: { readonly license: LicenseItem }) {
  const { id } = license;
  const live = useLive([`licenses/${id}`, "analytics/", "denials"], { license_id: id });
  return (
    <Page
      title={license.name ?? id}
      live={live}
      back={{ href: "/", label: "Overview" }}
      lead={<Lead license={license} />}
      actions={<Actions license={license} />}
    >
      <Grid gap="md" align="stretch">
        <Grid.Col span={{ base: 12, md: 4 }}>
          <PoolsNow id={id} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <AdviceNotes license={license} />
        </Grid.Col>
      </Grid>
      <Parts license={license} />
    </Page>
  );
}

function Lead({ license }: { readonly license: LicenseItem }) {
  return (
    <Group gap="xs">
      {license.customer.company_name} · {license.product.name} · {license.template.name}
      {!license.is_active && (
        <Badge color="red" variant="light">
          switched off
        </Badge>
      )}
      {license.is_expired && (
        <Badge color="red" variant="light">
          expired
        </Badge>
      )}
    </Group>
  );
}

function Actions({ license }: { readonly license: LicenseItem }) {
  const { may } = useApi();
  const ask = useAsk();
  const url = useUrl();
  if (!may("owner")) return null;
  const name = license.name ?? license.id;
  const switching = {
    title: license.is_active ? `Switch ${name} off?` : `Switch ${name} on?`,
    text: license.is_active
      ? `Nobody at ${license.customer.company_name} can open a session or extend one from then on. Sessions that are live end with their period.`
      : `${license.customer.company_name} can open sessions again.`,
    verb: license.is_active ? "Switch off" : "Switch on",
    change: {
      method: "PATCH",
      path: `licenses/${license.id}/toggle`,
      body: { is_active: !license.is_active },
    },
    done: license.is_active ? `${name} is switched off.` : `${name} is switched on.`,
  } as const;
  return (
    <>
      <Button variant="default" size="xs" onClick={() => url.set({ edit: license.id })}>
        Edit
      </Button>
      <Button variant="default" size="xs" onClick={() => ask(switching)}>
        {license.is_active ? "Switch off" : "Switch on"}
      </Button>
      <LicenseForms />
    </>
  );
}

function PoolsNow({ id }: { readonly id: string }) {
  const pools = useRead<Pools>(`licenses/${id}/tokens`);
  return (
    <Shown of={pools}>
      {(items) => (
        <Stack className="panel" px="md" py="sm" gap="sm" h="100%" justify="center">
          {items.map(({ kind, used, total }) => (
            <Meter key={kind} pool={kind} inUse={used} limit={total} isLarge />
          ))}
        </Stack>
      )}
    </Shown>
  );
}

/** What the address says of one tab alone; time and pool stay with whoever goes on to another one. */
const ofOneTab = {
  page: null,
  search: null,
  sort: null,
  before: null,
  "waiting-page": null,
  "use-page": null,
  "holders-page": null,
  "signs-page": null,
};

function Parts({ license }: { readonly license: LicenseItem }) {
  const url = useUrl();
  const hasSessions = license.template.session_period !== null;
  const first = hasSessions ? "now" : "clients";
  const tabs = [
    ...(hasSessions ? [["now", "Now"] as const] : []),
    ["use", "Use and denials"],
    ["people", "Holders"],
    ["clients", "Clients"],
    ["limits", "Limits"],
    ["terms", "Terms"],
    ["history", "History"],
  ] as const;
  const asked = url.get("tab");
  const shown = tabs.find(([name]) => name === asked)?.[0] ?? first;
  return (
    <Tabs
      value={shown}
      onChange={(tab) => url.set({ ...ofOneTab, tab: tab === first ? null : tab }, false)}
      keepMounted={false}
    >
      <Tabs.List mb="md">
        {tabs.map(([name, label]) => (
          <Tabs.Tab key={name} value={name}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={shown}>
        {shown === "now" && <Now license={license} />}
        {shown === "use" && <UseOverTime license={license} />}
        {shown === "people" && <Holders license={license} />}
        {shown === "clients" && <Clients license={license} />}
        {shown === "limits" && <Limits license={license} />}
        {shown === "terms" && <Terms license={license} />}
        {shown === "history" && <History license={license} />}
      </Tabs.Panel>
    </Tabs>
  );
}

function Now({ license }: { readonly license: LicenseItem }) {
  const isFloating = license.template.provisioning_mode === 1;
  return (
    <Stack>
      {isFloating && <Waiting id={license.id} />}
      <Sessions license={license} />
    </Stack>
  );
}

/** Where the denials of a licence are, of the time that is shown here. */
export function DenialsLink({ id, state }: { readonly id: string; readonly state: RangeState }) {
  const { preset, range } = state;
  const { from, to } = range.query;
  const time = preset === null ? { from, to } : { range: preset };
  return (
    <Button component={Link} href={withQuery("/denials", { license: id, ...time })} variant="subtle" size="xs">
      Log of denials
    </Button>
  );
}
