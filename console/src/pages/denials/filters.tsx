/** What the page of denials is narrowed to. */
import { Button, Group, Select } from "@mantine/core";
import { choicesMax, choicesShown, useRead } from "../../api/queries.ts";
import type { LicensePage } from "../../api/types.ts";
import { reasonText } from "../../parts/reasons.ts";
import { Search } from "../../parts/search.tsx";
import { useUrl } from "../../parts/url.ts";

/** The reasons that licences give; programs that call wrongly have their own, and are found without this filter. */
const reasons = [
  "tokens_exhausted",
  "tokens_all_assigned",
  "sessions_exhausted",
  "user_already_active",
  "project_in_use",
  "license_expired",
  "license_inactive",
  "license_unknown",
  "user_domain_refused",
  "client_suspended",
  "client_unknown",
  "session_ended_by_admin",
  "session_forked",
  "checkouts_exhausted",
];

export function DenialFilters() {
  const url = useUrl();
  const licenses = useRead<LicensePage>("licenses", { page_size: choicesMax });
  const isNarrowed = ["license", "reason", "client"].some((name) => url.get(name) !== null);
  return (
    <Group gap="xs" role="search" aria-label="Filters">
      <Select
        size="xs"
        w={260}
        aria-label="Licence"
        placeholder="All licences"
        searchable
        limit={choicesShown}
        clearable
        clearButtonProps={{ "aria-label": "All licences" }}
        data={(licenses.data?.items ?? []).map(({ id, name, customer }) => ({
          value: id,
          label: `${name ?? id} · ${customer.company_name}`,
        }))}
        value={url.get("license")}
        onChange={(license) => url.set({ license, page: null })}
      />
      <Select
        size="xs"
        w={240}
        aria-label="Reason"
        placeholder="All reasons"
        searchable
        clearable
        clearButtonProps={{ "aria-label": "All reasons" }}
        data={reasons.map((reason) => ({ value: reason, label: reasonText(reason) }))}
        value={url.get("reason")}
        onChange={(reason) => url.set({ reason, page: null })}
      />
      <Search label="Client id, in full (log)" name="client" />
      {isNarrowed && (
        <Button
          size="xs"
          variant="subtle"
          onClick={() => url.set({ license: null, reason: null, client: null, page: null })}
        >
          Show all
        </Button>
      )}
    </Group>
  );
}
