/** Who waits for a token of the licence, in the order in which they will have one. Nothing where nobody does. */
import { useReadEvery } from "../../api/queries.ts";
import type { Queue } from "../../api/types.ts";
import { poolName } from "../../parts/meter.tsx";
import { Panel } from "../../parts/page.tsx";
import { PagedTable } from "../../parts/paged-table.tsx";
import type { Column } from "../../parts/table.tsx";
import { When } from "../../parts/when.tsx";

/** Who begins to wait is an event, a denial; that a place was lost is none. */
const lookMs = 5_000;

type Place = Queue[number];

export function Waiting({ id }: { readonly id: string }) {
  const { data = [] } = useReadEvery<Queue>(lookMs, `licenses/${id}/queue`, (places) => places.length > 0);
  if (data.length === 0) return null;
  const isProjects = data.some(({ project_id }) => project_id !== null);
  return (
    <Panel
      title="Waiting"
      lead="The next free token is for whoever is first. A place is lost when its program has gone."
    >
      <PagedTable
        name="waiting-page"
        label="Waiting"
        items={data}
        columns={isProjects ? ofProjects : ofHolders}
        keyOf={({ pool, position }) => `${pool} ${position}`}
      />
    </Panel>
  );
}

const place: Column<Place> = { title: "Place", width: 90, isNumber: true, cell: ({ position }) => position };
const since: Column<Place> = { title: "Since", cell: ({ since: at }) => <When at={at} precision="second" /> };
const nameOf = ({ user_id, client_id }: Place) => user_id ?? client_id ?? "An unnamed client";

const ofHolders: readonly Column<Place>[] = [
  place,
  { title: "Holder", cell: (waiting) => <b>{nameOf(waiting)}</b> },
  { title: "Client", cell: ({ client_id }) => client_id },
  since,
];

const ofProjects: readonly Column<Place>[] = [
  { title: "Waits for", width: 110, cell: ({ pool }) => poolName(pool) },
  place,
  { title: "Project", cell: ({ project_id }) => <span className="mono">{project_id}</span> },
  { title: "User", cell: (waiting) => <b>{nameOf(waiting)}</b> },
  since,
];
