/** What commands print: tables for people, JSON for programs. */
import { styleText } from "node:util";
import widthOf from "fast-string-width";
import { exitCodes } from "../exit-codes.ts";

/** Prints the value for programs, or its text for people. */
export function show(value: unknown, { json = false }: { readonly json?: boolean }, text: () => string): void {
  process.stdout.once("error", unwritten); // console.log passes over it
  console.log(json ? JSON.stringify(value, null, 2) : text());
}

function unwritten({ code, message }: NodeJS.ErrnoException): void {
  if (code === "EPIPE") return; // whoever reads has read enough
  console.error(`Standard output cannot be written: ${message}`);
  process.exitCode = exitCodes.cannotCreate;
}

type Cell = string | number | null;

/** Columns by width, numbers to the right. Nothing but blanks between them, for `awk` and `grep`. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumber = head.map((_, n) => rows.length > 0 && rows.every((row) => typeof row[n] === "number"));
  const cells = rows.map((row) => row.map((cell) => printable(cell === null ? "–" : String(cell))));
  const widths = head.map((title, n) =>
    Math.max(...[title, ...cells.map((row) => row[n] ?? "")].map((s) => widthOf(s))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, n) => {
        const blanks = " ".repeat((widths[n] ?? 0) - widthOf(cell));
        return isNumber[n] ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd();
  return [styled("bold", line(head)), ...cells.map(line)].join("\n");
}

/** Style on a terminal alone, and not where NO_COLOR is set. */
export function styled(style: "bold" | "green" | "yellow" | "red", text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Terminals obey control characters, and turn text around at others, whoever sent them. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "?");
}

/** An instant of the API by the clock on the wall, as `2026-11-22 13:00`. JSON keeps UTC. */
export function local(instant: string | null): string | null {
  // The Swedish way to write a time is everybody's: year first.
  return instant === null
    ? null
    : new Date(instant).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });
}
