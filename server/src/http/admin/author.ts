/** Who acts, as the audit log says it. */
import { isUtf8 } from "node:buffer";
import type { Author } from "../../catalog/audit.ts";
import { nameLengthMax } from "../limits.ts";
import { Problem } from "../problem.ts";
import type { KeyedCall } from "../route.ts";

/**
 * The key, and whom `LastModifiedBy` names.
 * @throws Problem (400) where the name is too long to be kept. An administrator hears of it before anything happens
 * (`serve`), so that no act goes without its line for it.
 */
export function authorOf({ key, head }: KeyedCall): Author {
  const name = nameIn(head.lastModifiedBy ?? "").trim();
  if (name.length > nameLengthMax) throw new Problem("input_invalid", "LastModifiedBy: has too many characters");
  return { keyId: key.id, name: key.name, onBehalfOf: name === "" ? null : name };
}

/** A header is read as Latin-1, as browsers write it; others write UTF-8, which a name in Latin-1 hardly ever looks like. */
function nameIn(header: string): string {
  const bytes = Buffer.from(header, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : header;
}
