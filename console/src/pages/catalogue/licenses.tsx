/** All licences, and issuing one. */
import { Badge, Button, Group } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { useRead } from "../../api/queries.ts";
import { useApi } from "../../api/session.tsx";
import type { LicensePage } from "../../api/types.ts";
import type { Column } from "../../parts/table.tsx";
import { useUrl } from "../../parts/url.ts";
import { When } from "../../parts/when.tsx";
import { LicenseForm } from "./license-form.tsx";
import { LicenseForms } from "./license-forms.tsx";
import { CatalogueList, useListQuery } from "./list.tsx";
import { RowActions } from "./row-actions.tsx";

type License = LicensePage["items"][number];

export function Licenses() {
  const url = useUrl();
  const [, go] = useLocation();
  const { may } = useApi();
  const licenses = useRead<LicensePage>("licenses", useListQuery());
  return (
    <CatalogueList
      title="Licences"
      noun="licence"
      of={licenses}
      columns={columnsFor(may("owner"))}
      create={
        may("owner") && (
          <Button size="xs" onClick={() => url.set({ new: "licence" })}>
            Issue a licence
          </Button>
        )
      }
      hint="A licence gives a customer tokens of an edition."
    >
      <LicenseForms />
      {url.get("new") !== null && may("owner") && (
        <LicenseForm
          license={null}
          edition={url.get("edition")}
          close={() => url.set({ new: null, edition: null })}
          onDone={({ id }) => go(`/licenses/${id}`)}
        />
      )}
    </CatalogueList>
  );
}

function limitText({ project_tokens, template, floating_token_limit, token_limit, goodwill_token_limit }: License) {
  if (project_tokens !== null) return `${project_tokens.mono} Mono, ${project_tokens.team} Team`;
  if (template.provisioning_mode === 1) return floating_token_limit;
  return goodwill_token_limit > 0 ? `${token_limit} and ${goodwill_token_limit} by goodwill` : token_limit;
}

function columnsFor(mayChange: boolean): Column<License>[] {
  return [
    {
      title: "Licence",
      width: "24%",
      cell: ({ id, name }) => (
        <Link className="row-link" href={`/licenses/${id}`}>
          {name ?? id}
        </Link>
      ),
    },
    { title: "Customer", cell: ({ customer }) => customer.company_name },
    { title: "Edition", cell: ({ product, template }) => `${product.name} · ${template.name}` },
    { title: "Tokens", isNumber: true, cell: (license) => limitText(license) },
    {
      title: "State",
      cell: ({ is_active, is_expired }) => (
        <Badge variant="light" color={is_active && !is_expired ? "green" : "red"}>
          {is_active ? (is_expired ? "expired" : "valid") : "switched off"}
        </Badge>
      ),
    },
    {
      title: "Expires",
      cell: ({ expiration_date_utc: at }) => (at === null ? "never" : <When at={at} precision="date" />),
    },
    ...(mayChange
      ? [
          {
            title: "Action",
            width: 210,
            cell: (license: License) => <LicenseActions license={license} />,
          },
        ]
      : []),
  ];
}

function LicenseActions({ license: { id, name, customer } }: { readonly license: License }) {
  const url = useUrl();
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => url.set({ parts: id })}
        aria-label={`Limits and values of ${name ?? id}`}
      >
        Limits
      </Button>
      <RowActions
        name={name ?? id}
        edit={() => url.set({ edit: id })}
        deletion={{
          path: `licenses/${id}`,
          text: `${customer.company_name} can no longer use it. Its clients and projects go with it, its history stays. Refused while somebody is in.`,
        }}
      />
    </Group>
  );
}
