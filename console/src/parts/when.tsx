/** Instants in the viewer's zone, with UTC on hover; and durations. */
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const dateTimeText = (at: number | string) => dateTime.format(new Date(at));
export const dateText = (at: number | string) => date.format(new Date(at));
export const exactText = (at: number | string) => exact.format(new Date(at));

interface WhenProps {
  readonly at: string;
  readonly precision?: "date" | "minute" | "second";
}

export function When({ at, precision = "minute" }: WhenProps) {
  const format = { date, minute: dateTime, second: exact }[precision];
  return (
    <time dateTime={at} title={`${at.replace("T", " ").replace(/(\.\d+)?Z$/, "")} UTC`}>
      {format.format(new Date(at))}
    </time>
  );
}

/** A duration in its two largest units. */
export function durationText(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first === -1) return "0 s";
  let rest = seconds;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? null : `${count} ${unit}`;
  });
  return parts.filter((part) => part !== null).join(" ");
}

/** Minutes of a setting, as people say them. */
export const minutesText = (minutes: number) => (minutes === 0 ? "none" : durationText(minutes * 60));
