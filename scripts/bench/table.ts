/** One line of the report. */
export interface Row {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
  readonly databaseCpuUs: number | null;
  /** To the floor of the same round; null: this is a floor. */
  readonly ratio: number | null;
  /** What the ratio (or, without one, the rate) shall reach. */
  readonly target?: { readonly ratio?: number; readonly perSecond?: number } | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function printTable(rows: readonly Row[]): void {
  const hasDatabase = rows.some(({ databaseCpuUs }) => databaseCpuUs !== null);
  const cells = rows.map(({ name, perSecond, p50Ms, p99Ms, cpuUs, databaseCpuUs, ratio, target }) => [
    name,
    Math.round(perSecond).toLocaleString("en-US"),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuUs.toFixed(1),
    ...(hasDatabase ? [databaseCpuUs?.toFixed(1) ?? ""] : []),
    ratio === null ? "" : ratio.toFixed(2),
    verdict(perSecond, ratio, target),
  ]);
  const head = [
    "case",
    "per second",
    "p50 ms",
    "p99 ms",
    "CPU µs each",
    ...(hasDatabase ? ["database's"] : []),
    "ratio",
    "target",
  ];
  printCells(head, cells);
}

/** A table of text: the first column to the left, figures to the right. */
export function printCells(head: readonly string[], cells: readonly (readonly string[])[]): void {
  const widths = head.map((title, n) => Math.max(title.length, ...cells.map((row) => (row[n] ?? "").length)));
  for (const row of [head, widths.map((width) => "-".repeat(width)), ...cells]) {
    console.log(
      row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join("  "),
    );
  }
}

function verdict(perSecond: number, ratio: number | null, target: Row["target"]): string {
  if (target === undefined) return "";
  const [want, have] = target.ratio !== undefined ? [target.ratio, ratio ?? 0] : [target.perSecond ?? 0, perSecond];
  return `≥ ${want.toLocaleString("en-US")} ${have >= want ? "met" : "missed"}`;
}
