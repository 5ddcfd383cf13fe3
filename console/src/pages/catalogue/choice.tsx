/** A choice between a few things that each need a sentence. */
import { Group, Radio, SimpleGrid, Text } from "@mantine/core";

interface Option {
  readonly value: number;
  readonly name: string;
  readonly text: string;
  readonly fits: string;
}

interface ChoiceProps {
  readonly label: string;
  readonly options: readonly Option[];
  readonly value: number | null;
  readonly onChange: (value: number) => void;
}

export function Choice({ label, options, value, onChange }: ChoiceProps) {
  return (
    <Radio.Group
      label={label}
      value={value === null ? null : String(value)}
      onChange={(next) => onChange(Number(next))}
    >
      <SimpleGrid cols={{ base: 1, sm: options.length }} mt="xs">
        {options.map((option) => (
          <Radio.Card key={option.value} value={String(option.value)} className="choice" aria-label={option.name}>
            <Group wrap="nowrap" align="flex-start">
              <Radio.Indicator />
              <div>
                <Text fw={650}>{option.name}</Text>
                <Text size="sm" mt={4}>
                  {option.text}
                </Text>
                <Text size="sm" c="dimmed" mt={4}>
                  {option.fits}
                </Text>
              </div>
            </Group>
          </Radio.Card>
        ))}
      </SimpleGrid>
    </Radio.Group>
  );
}
