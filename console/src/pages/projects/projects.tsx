/** Projects of licences that count them: open or closed, who is in, what computes. */
import { Badge, Group, Progress, Stack, Text } from "@mantine/core";
import { useLive } from "../../api/live.ts";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { LicensePage, Project } from "../../api/types.ts";
import { EntityChoice, licenses } from "../../parts/entity-choice.tsx";
import { inText } from "../../parts/names.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Search } from "../../parts/search.tsx";
import { Empty, Shown } from "../../parts/states.tsx";
import { type Column, DataTable } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import { CloseProject } from "./close-project.tsx";
import { NextPage } from "./next-page.tsx";

const pageSize = 50;

/** Licences that count projects. */
const counting = { client_type: 2 };

export default function Projects() {
  const url = useUrl();
  const license = url.get("license");
  const name = url.get("name");
  const live = useLive(["projects"], { license_id: license });
  const projects = useRead<readonly Project[]>("projects", {
    license_id: license,
    name,
    page: url.page,
    page_size: pageSize,
  });
  const any = useRead<LicensePage>("licenses", { ...counting, page_size: 1 });
  const { may } = useApi();
  return (
    <Page
      title="Projects"
      live={live}
      lead="A project holds one token while somebody is connected, and none while it merely is open or computes."
      actions={
        <>
          <EntityChoice
            of={licenses}
            among={counting}
            size="xs"
            w={260}
            aria-label="Licence"
            placeholder="All licences that count projects"
            clearable
            clearButtonProps={{ "aria-label": "All licences" }}
            value={license}
            onChoose={(chosen) => url.set({ license: chosen?.id ?? null, page: null })}
          />
          <Search label="Project's name, in full" name="name" />
        </>
      }
    >
      <Panel>
        <Shown of={projects}>
          {(items) =>
            items.length === 0 && url.page === 1 ? (
              <Empty title={name === null ? "There are no projects" : "No project has this name"}>
                {any.data?.total === 0
                  ? "No licence counts projects. An edition of client type Projects does; create one in the catalogue."
                  : "Applications create projects by the API; each appears here at once."}
              </Empty>
            ) : (
              <>
                <DataTable label="Projects" items={items} columns={columnsFor(may("owner"))} keyOf={({ id }) => id} />
                <NextPage hasMore={items.length === pageSize} />
              </>
            )
          }
        </Shown>
      </Panel>
    </Page>
  );
}

function columnsFor(mayClose: boolean): Column<Project>[] {
  return [
    {
      title: "Project",
      width: "22%",
      cell: ({ name, license_id, license_name }) => (
        <>
          <Text size="sm" fw={600}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {license_name ?? license_id}
          </Text>
        </>
      ),
    },
    { title: "State", cell: (project) => <State project={project} /> },
    { title: "Users", cell: ({ users }) => <Users users={users} /> },
    { title: "Executions", width: "24%", cell: ({ executions }) => <Executions of={executions} /> },
    { title: "Saved", cell: ({ saved_at }) => (saved_at === null ? "never" : <When at={saved_at} />) },
    ...(mayClose
      ? [{ title: "Action", width: 90, cell: (project: Project) => <CloseProject project={project} /> }]
      : []),
  ];
}

function State({ project: { state, kind, users } }: { readonly project: Project }) {
  return (
    <Group gap={6} wrap="nowrap">
      <Badge variant="light" color={users.length > 0 ? "accent" : state === "open" ? "green" : "gray"}>
        {users.length > 0 ? "attended" : state}
      </Badge>
      {kind !== null && (
        <Badge variant="light" color="gray">
          {kind}
        </Badge>
      )}
    </Group>
  );
}

/** Users that a line names: the rest is counted. */
const namedMax = 4;

function Users({ users }: { readonly users: Project["users"] }) {
  if (users.length === 0) return "–";
  const named = users.slice(0, namedMax).map(({ user_id }) => inText(user_id));
  const rest = users.length - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

const stateColours = { idle: "gray", running: "accent", finished: "green", failed: "red", stopped: "gray" } as const;

function Executions({ of }: { readonly of: Project["executions"] }) {
  // What runs, and the latest of what is over.
  const shown = [
    ...of.filter(({ state }) => state === "running"),
    ...of.filter(({ state }) => state !== "running").slice(-1),
  ];
  if (shown.length === 0) return "–";
  return (
    <Stack gap={6}>
      {shown.map(({ id, name, state, stale, fraction, message }) => (
        <div key={id}>
          <Group justify="space-between" gap="xs" wrap="nowrap">
            <Text size="xs" fw={550}>
              {name}
            </Text>
            <Text size="xs" c="dimmed">
              {stale ? "no report for ten minutes" : (message ?? state)}
              {fraction !== null && ` · ${Math.round(fraction * 100)} %`}
            </Text>
          </Group>
          <Progress
            size="sm"
            value={(fraction ?? 0) * 100}
            color={stateColours[state]}
            aria-label={`${name}: ${state}`}
          />
        </div>
      ))}
    </Stack>
  );
}
