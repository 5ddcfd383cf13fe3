/**
 * Writes docs/reference/errors.md from the tables that the server answers from: `core/denials.ts` and
 * `http/problem.ts`. With `--check` it writes nothing, and ends with status 1 when the page is stale.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { denials } from "../server/src/core/denials.ts";
import { problems } from "../server/src/http/problem.ts";

const page = fileURLToPath(new URL("../docs/reference/errors.md", import.meta.url));

const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const fresh = errorsPage();
if (!options.check) writeFileSync(page, fresh);
else if (!existsSync(page) || readFileSync(page, "utf8") !== fresh) {
  console.error("docs/reference/errors.md is stale: run `npm run docs`");
  process.exit(1);
}

function errorsPage(): string {
  return `# Errors

<!-- Made by scripts/errors-page.ts from server/src/core/denials.ts and server/src/http/problem.ts. Edit those. -->

What the server answers when it does not do what it was asked. A **denial** is the licence saying no; it goes on record.
A **problem** lies in the request, the key or the server. [The API in outline](http.md#errors) shows both on the wire.

## Denials

In order of precedence: where several apply, the first of the table is the answer. The number is the \`id\` that
SLASCONE's clients know; those from 14000 on are Seatkeeper's own. The code is the \`code\` of problem details and of the
denial log. Numbers and codes do not change; titles may.

${table(
  ["number", "code", "status", "what it says", "what to do"],
  Object.entries(denials).map(([code, { id, status, title, remedy }]) => [
    String(id),
    `\`${code}\``,
    String(status),
    title,
    remedy,
  ]),
)}

## Problems

RFC 9457 problem details. Nothing of the request happened, unless the status is 500, or the code \`outcome_unknown\`. What
SLASCONE numbers is a 409 with that number as its \`id\`, whatever the status here ([which](http.md#errors)).

${table(
  ["code", "status", "what it says"],
  Object.entries(problems).map(([code, { status, title }]) => [`\`${code}\``, String(status), title]),
)}
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
