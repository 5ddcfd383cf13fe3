/** What the licence and its edition allow, in words. */
import { Anchor, Button, SimpleGrid, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useApi } from "../../api/session.tsx";
import { Panel } from "../../parts/page.tsx";
import { useUrl } from "../../parts/url.ts";
import { dateTimeText, minutesText } from "../../parts/when.tsx";
import { countedText, modeText } from "../catalogue/words.ts";
import type { LicenseItem } from "./license.tsx";

export function Terms({ license }: { readonly license: LicenseItem }) {
  const { may } = useApi();
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Panel title="Licence" actions={<OwnPartsButton id={license.id} />}>
        <Facts of={licenseFacts(license)} />
      </Panel>
      <Panel
        title="Edition"
        actions={
          may("owner") && (
            <Anchor component={Link} href={`/catalogue/editions?edit=${license.template_id}`} size="sm">
              Change the edition
            </Anchor>
          )
        }
      >
        <Facts of={editionFacts(license)} />
      </Panel>
    </SimpleGrid>
  );
}

/** Opens the form of what the licence sets of its product's parts. */
export function OwnPartsButton({ id }: { readonly id: string }) {
  const { may } = useApi();
  const url = useUrl();
  if (!may("owner")) return null;
  return (
    <Button size="compact-sm" variant="default" onClick={() => url.set({ parts: id })}>
      Limits and values
    </Button>
  );
}

type Fact = readonly [name: string, value: ReactNode];

function licenseFacts(license: LicenseItem): Fact[] {
  const { project_tokens: pools, template } = license;
  const limits: Fact[] =
    pools !== null
      ? [
          ["Mono tokens", pools.mono],
          ["Team tokens", pools.team],
        ]
      : template.provisioning_mode === 1
        ? [["Floating tokens", license.floating_token_limit]]
        : [
            ["Named tokens", license.token_limit],
            ["Tokens beyond, out of goodwill", license.goodwill_token_limit],
          ];
  return [
    ...limits,
    ["Customer", `${license.customer.company_name} (${license.customer.customer_number})`],
    [
      "Licence id",
      <span key="id" className="mono">
        {license.id}
      </span>,
    ],
    ["Key of the vendor's own", license.legacy_license_key ?? "–"],
    ["Users' mail domains", license.allowed_user_domains.join(", ") || "any"],
    ...valueFacts(license),
    ["Valid from", license.start_date_utc === null ? "–" : dateTimeText(license.start_date_utc)],
    ["Expires", license.expiration_date_utc === null ? "never" : dateTimeText(license.expiration_date_utc)],
  ];
}

/** Features that are on, variables that are set, choices that are made, and the release that is covered. */
function valueFacts({ own_parts: own, software_release_limitation: release, ...license }: LicenseItem): Fact[] {
  const isOwn = (list: readonly { readonly variable_id: string }[], id: string) =>
    list.some(({ variable_id }) => variable_id === id);
  return [
    ...featureFacts(license.license_features),
    ...license.license_variables.map(
      ({ variable_id: id, variable_name, value }): Fact => [
        variable_name ?? "",
        <Value key={id} text={value} isOwn={isOwn(own.license_variables, id)} />,
      ],
    ),
    ...license.license_constrained_variables.map(
      ({ variable_id: id, variable_name, values }): Fact => [
        variable_name ?? "",
        <Value key={id} text={values.join(", ") || "–"} isOwn={isOwn(own.license_constrained_variables, id)} />,
      ],
    ),
    ...(release === null
      ? []
      : [
          [
            "Newest release that is covered",
            <Value key="release" text={release.software_release} isOwn={own.software_release_limitation_id !== null} />,
          ] as Fact,
        ]),
  ];
}

function featureFacts(features: LicenseItem["license_features"]): Fact[] {
  if (features.length === 0) return [];
  const on = features.filter(({ is_active }) => is_active).map(({ feature_name }) => feature_name);
  return [["Features that are on", on.join(", ") || "none"]];
}

/** A value, and whether the licence has it of its own. */
export function Value({ text, isOwn }: { readonly text: ReactNode; readonly isOwn: boolean }) {
  return (
    <>
      <span>{text}</span>
      {isOwn && (
        <Text component="span" size="xs" c="dimmed">
          {" · the licence's own"}
        </Text>
      )}
    </>
  );
}

function editionFacts({ template, product }: LicenseItem): Fact[] {
  const sessions: Fact[] =
    template.session_period === null
      ? []
      : [
          ["A session lapses without a word after", minutesText(template.session_period)],
          ["Sessions of one holder on one token", Math.max(1, template.max_floating_sessions_with_same_client_id)],
        ];
  return [
    ["Product", product.name],
    ["Edition", template.name],
    ["Provisioning mode", modeText(template.provisioning_mode)],
    ["A token is counted for", countedText(template.client_type)],
    ...sessions,
    ["Beyond the limit", template.enforce_floating_limit ? "denied" : "granted, and on record as overuse"],
    ["A heartbeat is due every", minutesText(template.heartbeat_period)],
    ["May go on without the server for", `${template.free_ride} days`],
  ];
}

function Facts({ of }: { readonly of: readonly Fact[] }) {
  return (
    <Stack gap={8} p="md" pt={4} component="dl" m={0}>
      {of.map(([name, value]) => (
        <SimpleGrid key={name} cols={2} spacing="sm">
          <Text size="sm" c="dimmed" component="dt">
            {name}
          </Text>
          <Text size="sm" component="dd" m={0} style={{ overflowWrap: "anywhere" }}>
            {value}
          </Text>
        </SimpleGrid>
      ))}
    </Stack>
  );
}
