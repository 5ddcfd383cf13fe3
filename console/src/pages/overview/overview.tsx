/** Licences at a glance: how full each one is now, and how it did today. */
import { Badge, Button, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { Link } from "wouter";
import { useLive } from "../../api/live.ts";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { Overview as Licenses } from "../../api/types.ts";
import { figure } from "../../parts/figure.ts";
import { Meter } from "../../parts/meter.tsx";
import { Page, Pages, Panel } from "../../parts/page.tsx";
import { timeZone, todayInAddress } from "../../parts/range.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";

const pageSize = 50;

type License = Licenses["items"][number];

export default function Overview() {
  const url = useUrl();
  const live = useLive(["analytics/overview"]);
  const search = url.get("search");
  const query = { time_zone: timeZone, search, page: url.page, page_size: pageSize };
  const overview = useRead<Licenses>("analytics/overview", query);
  return (
    <Page
      title="Overview"
      live={live}
      lead="Tokens in use now; peak and denials since midnight, your time."
      actions={<Search label="Search licences" />}
    >
      <Shown of={overview}>
        {({ items, total, denials_today, true_denials_today }) => (
          <>
            <SimpleGrid cols={3}>
              <Tile label="Licences" value={total} />
              <Tile label="Denials today" value={denials_today} href={`/denials?${todayInAddress()}`} />
              <Tile label="Went without today" value={true_denials_today} href={`/denials?${todayInAddress()}`} />
            </SimpleGrid>
            <Panel>
              {total > 0 ? (
                <DataTable label="Licences" items={items} columns={columns} keyOf={({ license_id }) => license_id} />
              ) : search === null ? (
                <FirstSteps />
              ) : (
                <Empty title="No licence is found">Search for a part of a licence's or a customer's name.</Empty>
              )}
              <Pages total={total} size={pageSize} />
            </Panel>
          </>
        )}
      </Shown>
    </Page>
  );
}

interface TileProps {
  readonly label: string;
  readonly value: number;
  readonly href?: string;
}

function Tile({ label, value, href }: TileProps) {
  return (
    <Stack className="panel" px="md" py="sm" gap={0}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz="1.5rem" fw={650} lh={1.2}>
        {href === undefined || value === 0 ? (
          figure(value)
        ) : (
          <Link className="row-link" href={href} aria-label={`${label}: ${figure(value)}`}>
            {figure(value)}
          </Link>
        )}
      </Text>
    </Stack>
  );
}

function FirstSteps() {
  const { may } = useApi();
  return (
    <Empty
      title="There are no licences yet"
      action={
        may("owner") && (
          <Group mt="sm">
            <Button component={Link} href="/catalogue/editions/new">
              Create an edition
            </Button>
            <Button component={Link} href="/catalogue/licences?new=licence" variant="default">
              Issue a licence
            </Button>
          </Group>
        )
      }
    >
      An edition says what is counted and how; a licence gives a customer a number of tokens of it.
    </Empty>
  );
}

const columns: readonly Column<License>[] = [
  {
    title: "Licence",
    cell: ({ license_id, license_name, customer_name, edition_name, state }) => (
      <Stack gap={0}>
        <Group gap="xs">
          <Link className="row-link" href={`/licenses/${license_id}`}>
            {license_name ?? license_id}
          </Link>
          {state !== "valid" && (
            <Badge size="sm" variant="light" color="red">
              {state}
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {customer_name} · {edition_name}
        </Text>
      </Stack>
    ),
  },
  {
    title: "In use",
    width: "32%",
    cell: ({ pools }) => (
      <Group gap="md" grow wrap="nowrap">
        {pools.map(({ pool, in_use, limit }) => (
          <Meter key={pool} pool={pool} inUse={in_use} limit={limit} />
        ))}
      </Group>
    ),
  },
  {
    title: "Peak today",
    isNumber: true,
    cell: ({ pools }) => pools.map(({ peak_today, limit }) => `${figure(peak_today)} / ${figure(limit)}`).join(", "),
  },
  {
    title: "Denials today",
    isNumber: true,
    cell: ({ license_id, denials_today }) =>
      denials_today === 0 ? (
        0
      ) : (
        <Link className="row-link" href={`/denials?license=${license_id}&${todayInAddress()}`}>
          {denials_today}
        </Link>
      ),
  },
  {
    title: "Went without",
    isNumber: true,
    cell: ({ true_denials_today }) => true_denials_today,
  },
];
