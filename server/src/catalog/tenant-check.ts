/** Holds a document against its schema and tells every fault, in words. TypeBox judges the single values. */
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { closest, didYouMean, type Path, quote } from "./tenant-faults.ts";

export type Tell = (path: Path, text: string) => void;

/** What the schema says, as far as it is looked at here. */
interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly items?: TSchema;
  readonly maxItems?: number;
  readonly anyOf?: readonly TSchema[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly want?: string;
}

export function check(schema: TSchema, value: unknown, path: Path, tell: Tell): void {
  const shape = schema as Shape;
  if (shape.properties !== undefined) checkFields(shape, value, path, tell);
  else if (shape.items !== undefined) checkItems(shape, value, path, tell);
  else checkValue(schema, value, path, tell);
}

function checkFields(shape: Shape, value: unknown, path: Path, tell: Tell): void {
  const schemas = shape.properties ?? {};
  if (!isRecord(value)) {
    tell(path, `want fields (${Object.keys(schemas).join(", ")})`);
    return;
  }
  for (const [field, content] of Object.entries(value)) {
    if (Object.hasOwn(schemas, field)) check(schemas[field] as TSchema, content, [...path, field], tell);
    else tellUnknown(field, Object.keys(schemas), path, tell);
  }
  for (const field of shape.required ?? []) {
    if (!Object.hasOwn(value, field)) tell([...path, field], "is required");
  }
}

/** Below `keys` a field that nobody knows may be the second half of a secret with a comma in it. */
function tellUnknown(field: string, known: readonly string[], path: Path, tell: Tell): void {
  const near = closest(field, known);
  if (!mayHoldSecrets(path)) tell([...path, field], `unknown field${didYouMean(field, known)}`);
  else if (near === undefined) tell(path, "has an unknown field; a secret with a comma or colon needs quotes");
  else tell(path, `has an unknown field that looks like ${near}`);
}

function checkItems(shape: Shape, value: unknown, path: Path, tell: Tell): void {
  if (!Array.isArray(value)) {
    tell(path, "want a list");
    return;
  }
  if (value.length > (shape.maxItems ?? Infinity)) tell(path, `want at most ${shape.maxItems} of them`);
  for (const [n, item] of value.entries()) check(shape.items as TSchema, item, [...path, n], tell);
}

function checkValue(schema: TSchema, value: unknown, path: Path, tell: Tell): void {
  const isProse = path.at(-1) === "description";
  if (typeof value === "string" && hasOddCharacters(isProse ? value.replace(/[\n\t]/g, " ") : value)) {
    tell(path, "has control characters or half of a surrogate pair in it");
  } else if (!Value.Check(schema, value)) {
    const hint = typeof value === "number" && takesText(schema) ? "; put it in quotes" : "";
    tell(path, `want ${wanted(schema)}${hint || got(value, path)}`);
  }
}

function got(value: unknown, path: Path): string {
  return mayHoldSecrets(path) ? "" : `; got ${quote(value)}`;
}

function mayHoldSecrets(path: Path): boolean {
  return path[0] === "keys";
}

/** NUL and half a surrogate pair: two names in memory may be one in a database. Line breaks stand in descriptions alone. */
function hasOddCharacters(text: string): boolean {
  return /[\p{Cc}\p{Cs}]/u.test(text);
}

function takesText(schema: TSchema): boolean {
  const { type, anyOf } = schema as Shape;
  return type === "string" || (anyOf ?? []).some(takesText);
}

/** The schema of one value in words: `a whole number from 0 to 5`. */
export function wanted(schema: TSchema): string {
  const shape = schema as Shape;
  if (shape.want !== undefined) return shape.want;
  if (shape.anyOf !== undefined) return wantedOfAny(shape.anyOf as readonly Shape[]);
  if (shape.items !== undefined) return "a list";
  if (shape.properties !== undefined) return "fields";
  switch (shape.type) {
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "integer":
      if (shape.minimum === undefined) return "a whole number";
      return `a whole number from ${shape.minimum} to ${shape.maximum}`;
    case "number":
      return `a number from ${shape.minimum} to ${shape.maximum}`;
    default:
      return `text of ${shape.minLength ?? 0} to ${shape.maxLength} characters`;
  }
}

function wantedOfAny(choices: readonly Shape[]): string {
  const words = choices.map((choice) =>
    choice.const === undefined ? wanted(choice as TSchema) : String(choice.const),
  );
  return words.length > 2 ? `one of ${words.join(", ")}` : words.join(" or ");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
