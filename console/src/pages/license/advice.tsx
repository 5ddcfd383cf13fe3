/** What the last weeks say about the number of tokens, in the server's words. */
import { Group, Stack, Text, Title } from "@mantine/core";
import type { CSSProperties } from "react";
import { useRead } from "../../api/queries.ts";
import type { Advice } from "../../api/types.ts";
import { poolName } from "../../parts/meter.tsx";
import type { LicenseItem } from "./license.tsx";

const verdicts: Readonly<Record<string, { readonly title: string; readonly color: string }>> = {
  more: { title: "More tokens are needed", color: "orange-6" },
  fewer: { title: "Fewer tokens would do", color: "accent-5" },
  enough: { title: "The number of tokens is right", color: "green-6" },
  unknown: { title: "Too early to tell whether the tokens suffice", color: "gray-5" },
};

/** One for each kind of token: whoever lacks a Team token is not helped by a Mono one. */
export function AdviceNotes({ license }: { readonly license: LicenseItem }) {
  if (license.project_tokens === null) return <AdviceNote id={license.id} />;
  return (
    <Stack>
      <AdviceNote id={license.id} pool="mono" />
      <AdviceNote id={license.id} pool="team" />
    </Stack>
  );
}

function AdviceNote({ id, pool }: { readonly id: string; readonly pool?: string }) {
  const { data } = useRead<Advice>("analytics/advice", { license_id: id, pool });
  if (data === undefined) return null;
  const { title, color } = verdicts[data.verdict] ?? { title: data.verdict, color: "gray-5" };
  return (
    <section
      className="panel verdict"
      aria-label={pool === undefined ? "Advice" : `Advice on ${poolName(pool)} tokens`}
      style={{ "--verdict": `var(--mantine-color-${color})`, padding: "12px 16px" } as CSSProperties}
    >
      <Title order={2}>{pool === undefined ? title : `${poolName(pool)}: ${title}`}</Title>
      <Text size="sm">{data.message}</Text>
      <Group gap="2px 20px" mt={4}>
        <Figure label="Limit" value={data.limit} />
        <Figure label="Peak" value={data.peak} />
        <Figure label="Enough for 95 % of the time" value={data.p95} />
        {data.verdict !== "unknown" && <Figure label="Went without, a week" value={data.true_denials_per_week} />}
        {data.suggested_limit !== null && <Figure label="Suggested limit" value={data.suggested_limit} />}
        <Figure label="Days observed" value={data.observed_days} />
      </Group>
    </section>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: number }) {
  return (
    <Text size="sm" c="dimmed">
      {label}{" "}
      <Text span fw={650} c="var(--mantine-color-text)">
        {Number.isInteger(value) ? value : value.toFixed(1)}
      </Text>
    </Text>
  );
}
