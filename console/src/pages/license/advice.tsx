/** What the last weeks say about the number of tokens, in the server's words. */
import { Alert, Group, Text } from "@mantine/core";
import { useRead } from "../../api/queries.ts";
import type { Advice } from "../../api/types.ts";

const verdicts: Readonly<Record<string, { readonly title: string; readonly color: string }>> = {
  more: { title: "More tokens are needed", color: "orange" },
  fewer: { title: "Fewer tokens would do", color: "accent" },
  enough: { title: "The number of tokens is right", color: "green" },
  unknown: { title: "Too early to tell", color: "gray" },
};

export function AdviceNote({ id }: { readonly id: string }) {
  const { data } = useRead<Advice>("analytics/advice", { license_id: id });
  if (data === undefined) return null;
  const { title, color } = verdicts[data.verdict] ?? { title: data.verdict, color: "gray" };
  return (
    <Alert color={color} variant="light" title={title} role="note">
      <Text size="sm">{data.message}</Text>
      <Group gap="lg" mt={6}>
        <Figure label="Limit" value={data.limit} />
        <Figure label="Peak" value={data.peak} />
        <Figure label="Enough for 95 % of the time" value={data.p95} />
        <Figure label="Went without, a week" value={data.true_denials_per_week} />
        {data.suggested_limit !== null && <Figure label="Suggested limit" value={data.suggested_limit} />}
        <Figure label="Days observed" value={data.observed_days} />
      </Group>
    </Alert>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: number }) {
  return (
    <Text size="sm">
      {label} <b>{Number.isInteger(value) ? value : value.toFixed(1)}</b>
    </Text>
  );
}
