/** Items as JSON or as CSV, whichever was asked for. */
import type { TObject } from "typebox";
import { Type } from "typebox";
import { type Answer, json } from "../../answer.ts";

export const formatField = {
  format: Type.Optional(Type.Enum(["json", "csv"], { description: "`json` if left out." })),
};
export type Format = "json" | "csv" | undefined;

type Item = Readonly<Record<string, unknown>>;

/** The answers of a listing in the API document; `more` stands beside the items, in JSON alone. */
export const listOf = (item: TObject, more: Record<string, import("typebox").TSchema> = {}) => ({
  200: Type.Object({ items: Type.Array(item), ...more }),
});

/** `schema` names the columns, also of a table without rows. */
export function tableOf(schema: TObject, items: readonly Item[], format: Format, more: Item = {}): Answer {
  if (format !== "csv") return json({ items, ...more });
  const names = Object.keys(schema.properties);
  const lines = [names.join(","), ...items.map((item) => names.map((name) => csvField(item[name])).join(","))];
  return { status: 200, contentType: "text/csv; charset=utf-8", body: `${lines.join("\r\n")}\r\n`, headers: [] };
}

/**
 * Where a spreadsheet would take what follows for a formula: at the beginning, and behind a semicolon, for where people write
 * numbers with commas it is the semicolon that parts cells, and quotes that begin later in a line count for nothing.
 */
const formulas = /(?<=^|;)(?=[=+\-@\t＝＋－＠])/g;

/** As RFC 4180 has it; counts by name as `name:count` with spaces between them. */
function csvField(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text =
    typeof value === "object"
      ? Object.entries(value)
          .map(([name, count]) => `${name}:${count}`)
          .join(" ")
      : String(value);
  const safe = typeof value === "string" ? text.replace(formulas, "'") : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const time = Type.String({ format: "date-time" });
export const maybeTime = Type.Union([time, Type.Null()]);
export const iso = (at: number) => new Date(at).toISOString();
export const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
export const seconds = (ms: number) => Math.round(ms / 100) / 10;
