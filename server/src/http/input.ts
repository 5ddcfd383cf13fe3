/** From bytes to a validated body. What is wrong is told as a path and a sentence, and never by quoting the input. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { type Static, type TSchema, Type } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { descriptionLengthMax, nameLengthMax } from "./limits.ts";
import { Problem } from "./problem.ts";

/** No control characters, no line separators, no lone surrogates: they would make two names of one row, or reach logs. */
const plain = "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]";
const namePattern = `^(?=[\\s\\S]*\\S)${plain}+$`;
/** The same without blanks at its ends: nobody sees them in a name, and references would miss. */
const labelPattern = `^(?!\\s)(?!.*\\s$)${plain}+$`;
const notePattern = `^${plain}*$`;
const uuidPattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
const instantPattern =
  "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

const sentences = new Map([
  [namePattern, "must be text without control characters, and not only white space"],
  [labelPattern, "must be text without control characters and without blanks at its ends"],
  [notePattern, "must be text without control characters"],
  [uuidPattern, "must be a UUID (8-4-4-4-12 hexadecimal digits)"],
  [instantPattern, "must be an instant with a time zone, such as 2026-11-22T12:00:00Z"],
]);

const shown = (examples: string[]) => (examples.length === 0 ? {} : { examples });

/** The name of somebody or something: kept, compared, shown. */
export const Name = (description: string, ...examples: string[]) =>
  Type.String({ description, ...shown(examples), minLength: 1, maxLength: nameLengthMax, pattern: namePattern });

/** The name of a thing of the catalogue. */
export const Label = (description: string, ...examples: string[]) =>
  Type.String({ description, ...shown(examples), minLength: 1, maxLength: nameLengthMax, pattern: labelPattern });

/** Free text that is kept; may be empty. */
export const Note = (description: string, maxLength: number = nameLengthMax) =>
  Type.String({ description, maxLength, pattern: notePattern });

export const Description = (description: string) => Note(description, descriptionLengthMax);

/** Any 8-4-4-4-12 hexadecimal; folded to lower case by `uuid` where it is used. */
export const Uuid = (description: string, ...examples: string[]) =>
  Type.String({ description, ...shown(examples), pattern: uuidPattern });

export const Instant = (description: string) => Type.String({ description, maxLength: 40, pattern: instantPattern });

/** A member that may be absent or null, which mean the same. */
export const Maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

/** A UUID in the one form that is compared and kept. */
export function uuid(text: string): string {
  return text.toLowerCase();
}

/** An instant as the catalogue keeps it: in UTC. */
export function instantText(text: string, path: string): string {
  return new Date(millis(text, path)).toISOString().replace(".000Z", "Z");
}

export function isUuid(text: string): boolean {
  return new RegExp(uuidPattern).test(text);
}

export function uuidOrNull(text: string | null | undefined): string | null {
  return text == null ? null : text.toLowerCase();
}

const yearOne = Date.parse("0001-01-01T00:00:00Z");
const yearLast = Date.parse("9999-12-31T23:59:59.999Z");

/** An instant in milliseconds. The pattern has been checked; a day that its month does not have has not. */
export function millis(text: string, path: string): number {
  const at = Date.parse(text);
  // The parser rolls 30 February over into March: the day that was written must be the day that was meant.
  const day = Number(text.slice(8, 10));
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(at) || day > daysInMonth) throw new Problem("input_invalid", `${path}: there is no such day`);
  if (at < yearOne || at > yearLast) throw new Problem("input_invalid", `${path}: want a year from 1 to 9999, in UTC`);
  return at;
}

/** Validates a value; `convert` reads numbers and booleans out of text first, for queries and paths. */
export type Check<T> = (value: unknown) => T;

/**
 * A schema's check, compiled when it is first asked for: to compile all that there are would be a tenth of a server's start. What
 * the result throws is the 400 that both shells answer with.
 */
export function checkOf<T extends TSchema>(schema: T, place: string, convert = false): Check<Static<T>> {
  let compiled: Validator | undefined;
  return (value) => {
    compiled ??= Compile(schema);
    const validator = compiled;
    const input = convert ? converted(validator, value, place) : value;
    if (validator.Check(input)) return input as Static<T>;
    refuseCrowd(input, place);
    throw new Problem("input_invalid", sentenceOf(validator.Errors(input), place));
  };
}

/** Reads the values out of their texts. @throws Problem (400) where that has cut a number off, to make it whole. */
function converted(validator: Validator, value: unknown, place: string): unknown {
  const texts: Readonly<Record<string, unknown>> = { ...(value as object) };
  const read = validator.Convert(value);
  for (const [name, each] of Object.entries(read as object)) {
    if (typeof each === "number" && Number(texts[name]) !== each)
      throw new Problem("input_invalid", `${place}: ${name}: must be integer`);
  }
  return read;
}

/** Telling what is wrong costs time for every fault: what has thousands of them is refused without looking further. */
const faultsWorthTellingMax = 1_000;

function refuseCrowd(input: unknown, place: string): void {
  if (typeof input !== "object" || input === null) return;
  for (const value of [input, ...Object.values(input).slice(0, faultsWorthTellingMax)]) {
    const size = Array.isArray(value)
      ? value.length
      : typeof value === "object" && value !== null
        ? Object.keys(value).length
        : 0;
    if (size > faultsWorthTellingMax) {
      throw new Problem(
        "input_invalid",
        `${place}: has more than ${faultsWorthTellingMax} items or members in one place`,
      );
    }
  }
}

interface Fault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** The first thing that is wrong, in words. */
function sentenceOf(faults: readonly Fault[], place: string): string {
  const primary = faults.filter(({ keyword, params }) => !isSecondary(keyword, params));
  const told = primary.find((fault) => !isOfAnotherType(fault, primary)) ?? faults[0];
  if (told === undefined) return `${place}: does not have the form that is asked for`;
  const path = told.instancePath === "" ? place : told.instancePath.slice(1, 200);
  if (told.keyword === "additionalProperties" && "additionalProperties" in told.params) {
    const [name] = told.params.additionalProperties as string[];
    return `${path}: has no member ${JSON.stringify(String(name).slice(0, 60))}`;
  }
  if ("allowedValues" in told.params)
    return `${path}: must be one of ${(told.params.allowedValues as string[]).join(", ")}`;
  const sentence = "pattern" in told.params ? sentences.get(String(told.params.pattern)) : undefined;
  return `${path}: ${sentence ?? typesWanted(told, primary) ?? told.message}`;
}

/** Of several types the value has one, and something is wrong further inside: that is what is told. */
function isOfAnotherType({ keyword, instancePath }: Fault, faults: readonly Fault[]): boolean {
  return keyword === "type" && faults.some((other) => other.instancePath.startsWith(`${instancePath}/`));
}

/** All types that would do in a place, of which the value has none; null: there is one at most. */
function typesWanted({ keyword, instancePath }: Fault, faults: readonly Fault[]): string | null {
  if (keyword !== "type") return null;
  const here = faults.filter((fault) => fault.keyword === "type" && fault.instancePath === instancePath);
  const types = new Set(here.flatMap(({ params }) => ("type" in params ? String(params.type) : [])));
  return types.size > 1 ? `must be ${[...types].join(" or ")}` : null;
}

/** What only repeats another fault: a failed alternative of a union, of which `null` is always the last. */
function isSecondary(keyword: string, params: object): boolean {
  return keyword === "anyOf" || keyword === "boolean" || ("type" in params && params.type === "null");
}

/** @throws Problem (415) unless the body is announced as JSON in UTF-8. */
export function requireJson(contentType: string | null): void {
  if (contentType === "application/json") return;
  const [type, ...parameters] = (contentType ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const isReadable = parameters.every((part) => !part.startsWith("charset=") || /^charset="?utf-?8"?$/.test(part));
  if (type === "application/json" && isReadable) return;
  throw new Problem("media_type_refused", "Send Content-Type: application/json, in UTF-8.");
}

/** @throws Problem (400) unless the bytes are JSON. Depth does no harm: parsing is iterative and nothing here recurses. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new Problem("json_malformed", "The body is empty.");
  const text = bytes.toString("utf8");
  // Bytes that are no UTF-8 come out as U+FFFD, which may also have been sent.
  if (text.includes("\ufffd") && !isUtf8(bytes)) throw new Problem("json_malformed", "The body is not UTF-8.");
  try {
    return JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec(String(error))?.[1];
    throw new Problem(
      "json_malformed",
      at === undefined ? "The body cannot be read." : `It breaks off at position ${at}.`,
    );
  }
}

/**
 * Reads a body of at most `bytesMax`. What is longer is refused at once and its rest is let go by unread: the request's
 * own timeout ends whoever sends on. `done` is not called when the client went away.
 */
export function readBody(
  req: IncomingMessage,
  contentLength: number | null,
  bytesMax: number,
  done: (result: Buffer | Problem) => void,
): void {
  const tooLarge = () => new Problem("body_too_large", `The body may have ${bytesMax} bytes.`);
  if (contentLength !== null && contentLength > bytesMax) {
    req.resume();
    done(tooLarge());
    return;
  }
  let first: Buffer | null = null;
  let chunks: Buffer[] | null = null;
  let length = 0;
  let isOver = false;
  req.on("data", (chunk: Buffer) => {
    if (isOver) return;
    length += chunk.length;
    if (length > bytesMax) {
      isOver = true;
      first = chunks = null;
      done(tooLarge());
    } else if (first === null) first = chunk;
    else if (chunks === null) chunks = [first, chunk];
    else chunks.push(chunk);
  });
  req.on("end", () => {
    if (isOver) return;
    done(chunks === null ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks));
  });
  // A connection that breaks: nobody is left to answer, and without a listener it would end the process.
  req.on("error", () => {
    isOver = true;
  });
}
