/** What the page of denials is narrowed to. */
import { Button, Group, Select } from "@mantine/core";
import { EntityChoice, licenses } from "../../parts/entity-choice.tsx";
import { reasonText } from "../../parts/reasons.ts";
import { useUrl } from "../../parts/url.ts";

/** The reasons that licences give. Programs that call wrongly have their own: those are chosen where they are counted. */
const reasons = [
  "tokens_exhausted",
  "tokens_held",
  "tokens_all_assigned",
  "sessions_exhausted",
  "user_already_active",
  "project_in_use",
  "license_expired",
  "license_inactive",
  "license_unknown",
  "release_refused",
  "user_domain_refused",
  "client_suspended",
  "client_unassigned",
  "client_unknown",
  "session_ended_by_admin",
  "session_of_other_holder",
  "session_on_other_project",
  "session_forked",
  "checkouts_exhausted",
];

export function DenialFilters() {
  const url = useUrl();
  const chosen = url.get("reason");
  const offered = chosen === null || reasons.includes(chosen) ? reasons : [...reasons, chosen];
  const isNarrowed = ["license", "reason", "user", "client"].some((name) => url.get(name) !== null);
  return (
    <Group gap="xs" role="search" aria-label="Filters">
      <EntityChoice
        of={licenses}
        size="xs"
        w={260}
        aria-label="Licence"
        placeholder="All licences"
        clearable
        clearButtonProps={{ "aria-label": "All licences" }}
        value={url.get("license")}
        onChoose={(license) => url.set({ license: license?.id ?? null, page: null })}
      />
      <Select
        size="xs"
        w={240}
        aria-label="Reason"
        placeholder="All reasons"
        searchable
        clearable
        clearButtonProps={{ "aria-label": "All reasons" }}
        data={offered.map((reason) => ({ value: reason, label: reasonText(reason) }))}
        value={chosen}
        onChange={(reason) => url.set({ reason, page: null })}
      />
      {isNarrowed && (
        <Button
          size="xs"
          variant="subtle"
          onClick={() => url.set({ license: null, reason: null, user: null, client: null, page: null })}
        >
          Show all
        </Button>
      )}
    </Group>
  );
}
