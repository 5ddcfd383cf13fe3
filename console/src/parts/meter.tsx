/** Tokens in use against their limit, as numbers and as a bar. */
import { Group, Text } from "@mantine/core";
import { figure } from "./figure.ts";

const poolNames: Readonly<Record<string, string>> = {
  floating: "Floating",
  named: "Named",
  mono: "Mono",
  team: "Team",
};

export const poolName = (pool: string) => poolNames[pool] ?? pool;

interface MeterProps {
  readonly pool: string;
  readonly inUse: number;
  readonly limit: number;
  readonly isLarge?: boolean;
}

export function Meter({ pool, inUse, limit, isLarge = false }: MeterProps) {
  const state = inUse > limit ? "over" : inUse === limit && limit > 0 ? "full" : "free";
  const share = limit === 0 ? (inUse > 0 ? 100 : 0) : Math.min(100, (inUse / limit) * 100);
  return (
    <div>
      <Group justify="space-between" gap="0 xs" mb={3}>
        <Text size={isLarge ? "sm" : "xs"} c="dimmed">
          {poolName(pool)}
          {state === "full" && " · full"}
          {state === "over" && " · beyond the limit"}
        </Text>
        <Text size={isLarge ? "lg" : "sm"} fw={600} className="figures">
          {figure(inUse)} / {figure(limit)}
        </Text>
      </Group>
      <div className="meter" data-state={state} aria-hidden="true">
        <span style={{ width: `${share}%` }} />
      </div>
    </div>
  );
}
