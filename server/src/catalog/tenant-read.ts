/** Reads one tenant file: its form, its spellings, its secrets. What its names mean is found in `tenant-resolve.ts`. */
import { isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Value } from "typebox/value";
import { secretHash } from "./catalog.ts";
import type { Kind } from "./entities.ts";
import { check, isRecord, type Tell, wanted } from "./tenant-check.ts";
import { type Fault, faultsToldMax, type Path, pathText, TenantFileFault } from "./tenant-faults.ts";
import { Instant, isId, lists, Secret, TenantDocument } from "./tenant-schema.ts";
import { parseYaml, tenantFileLengthMax } from "./tenant-yaml.ts";

/** What a file says of one thing. */
export interface Entry {
  readonly kind: Kind;
  readonly file: string;
  readonly path: Path;
  /** The fields as written, but ids in lower case, instants in UTC, and in place of a secret its SHA-256. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether the entry is of the right form; if not, its faults are told and it is only good for its name. */
  readonly isSound: boolean;
  fault(path: Path, text: string): Fault;
}

/** File and line of an entry, for faults of others that have to do with it. */
export function placeOf(entry: Entry): string {
  const { file, line } = entry.fault([], "");
  return `${file}:${line}`;
}

export interface TenantFile {
  readonly path: string;
  readonly isvId: string;
  readonly entries: readonly Entry[];
}

/** A file with what is wrong with its form; without `file` nobody can tell whose it is. */
export interface ReadFile {
  readonly file: TenantFile | null;
  readonly faults: readonly Fault[];
}

/** Finds the key that a `secret_file` names, and answers with its SHA-256. `path` is as the file has it. */
export type SecretSource = (path: string) => { readonly sha256: string } | { readonly fault: string };

export function readTenantFile(path: string, text: string): TenantFile {
  const { file, faults } = tryTenantFile(path, text, secretsBeside(path));
  if (file === null || faults.length > 0) throw new TenantFileFault(faults);
  return file;
}

/** Reads a file from disk. What is wrong with it is in the result, so that the faults of all files can be told together. */
export function tryTenantPath(path: string): ReadFile {
  try {
    // Before it is read: a bound on what was read already would come too late.
    if (statSync(path).size > 4 * tenantFileLengthMax) return unreadable(path, "too large");
    return tryTenantText(path, utf8Text(path, readFileSync(path)), secretsBeside(path));
  } catch (error) {
    return error instanceof TenantFileFault ? { file: null, faults: error.faults } : unreadable(path, codeOf(error));
  }
}

/** What a file's bytes say. @throws TenantFileFault unless it is UTF-8: names would lose letters, and ids follow from names. */
export function utf8Text(path: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new TenantFileFault([
    { file: path, line: lineNotUtf8(bytes), path: "", text: "is not UTF-8: save it as that" },
  ]);
}

/** The first line that is not UTF-8. No byte of a longer character is a line break. */
function lineNotUtf8(bytes: Buffer): number {
  for (let line = 1, from = 0; ; line++) {
    const end = bytes.indexOf("\n", from);
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}

/** Reads a file's text. What is wrong with it is in the result. */
export function tryTenantText(path: string, text: string, secretOf: SecretSource): ReadFile {
  try {
    return tryTenantFile(path, text, secretOf);
  } catch (error) {
    if (error instanceof TenantFileFault) return { file: null, faults: error.faults };
    throw error;
  }
}

function unreadable(path: string, reason: string): ReadFile {
  return { file: null, faults: [{ file: path, line: 1, path: "", text: `cannot be read: ${reason}` }] };
}

/** The code of a fault of the file system; anything else is a bug of ours and passes. */
function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  throw error;
}

function tryTenantFile(path: string, text: string, secretOf: SecretSource): ReadFile {
  const { value, lineOf } = parseYaml(path, text);
  const faults: Fault[] = [];
  const faultAt = (at: Path, reason: string): Fault => ({
    file: path,
    line: lineOf(at),
    path: pathText(at),
    text: reason,
  });
  const tell: Tell = (at, reason) => {
    faults.push(faultAt(at, reason));
    // To find the lines of thousands takes minutes.
    if (faults.length >= faultsToldMax) throw new TenantFileFault(faults);
  };
  check(TenantDocument, value, [], tell);
  const entries = entriesOf(value).map(({ kind, at, content }): Entry => {
    const outer = pathText(at);
    const isSound = !faults.some((fault) => isWithin(fault.path, outer));
    const faultsBefore = faults.length;
    const fields = normalised(kind, content, secretOf, (rest, reason) => tell([...at, ...rest], reason));
    return {
      kind,
      file: path,
      path: at,
      fields,
      isSound: isSound && faults.length === faultsBefore,
      fault: (rest, reason) => faultAt([...at, ...rest], reason),
    };
  });
  const isv = entries[0];
  const isvId = isv?.fields.id;
  if (isv?.kind !== "isv" || typeof isvId !== "string" || !isId(isvId)) return { file: null, faults };
  return { file: { path, isvId, entries }, faults };
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}

interface Found {
  readonly kind: Kind;
  readonly at: Path;
  readonly content: Record<string, unknown>;
}

/** The entries of a document that may be of the wrong form: whatever looks like one. */
function entriesOf(document: unknown): readonly Found[] {
  if (!isRecord(document)) return [];
  const found: Found[] = [];
  if (isRecord(document.isv)) found.push({ kind: "isv", at: ["isv"], content: document.isv });
  for (const [kind, list] of Object.entries(lists)) {
    const items = document[list];
    if (!Array.isArray(items)) continue;
    items.forEach((content: unknown, n) => {
      if (isRecord(content)) found.push({ kind: kind as Kind, at: [list, n], content });
    });
  }
  return found;
}

/** One form for what can be written in several, so that another spelling is no change. */
function normalised(kind: Kind, content: Record<string, unknown>, secretOf: SecretSource, tell: Tell): Entry["fields"] {
  const fields = foldIds(content) as Record<string, unknown>;
  if (kind === "key") return withoutSecret(fields, secretOf, tell);
  if (kind !== "license") return fields;
  for (const field of ["start_date_utc", "expiration_date_utc"]) {
    const instant = fields[field];
    if (typeof instant === "string") fields[field] = inUtc(instant, (text) => tell([field], text));
  }
  return fields;
}

/** What is no instant at all is told by the schema; it lets through a leap second, and years that end beyond 9999 in UTC. */
function inUtc(instant: string, tell: (text: string) => void): string {
  const at = Date.parse(instant);
  if (at <= Date.parse("9999-12-31T23:59:59Z")) return new Date(at).toISOString().replace(".000Z", "Z");
  if (Value.Check(Instant, instant)) {
    tell("want an instant that exists, up to 9999-12-31T23:59:59Z");
  }
  return instant;
}

function foldIds(value: unknown): unknown {
  if (typeof value === "string") return isId(value) ? value.toLowerCase() : value;
  if (Array.isArray(value)) return value.map(foldIds);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([field, content]) => [field, foldIds(content)]));
}

const secretFields = ["secret", "secret_sha256", "secret_file"] as const;

/** From here on nobody has the secret, so nobody can print it. */
function withoutSecret(fields: Record<string, unknown>, secretOf: SecretSource, tell: Tell): Entry["fields"] {
  const { secret, secret_sha256: sha256, secret_file: secretFile, ...rest } = fields;
  const given = secretFields.filter((field) => Object.hasOwn(fields, field));
  if (given.length !== 1) {
    tell(
      [],
      `want one of secret, secret_sha256 and secret_file; got ${given.length === 0 ? "none" : given.join(" and ")}`,
    );
    return rest;
  }
  if (typeof sha256 === "string") return { ...rest, secret_sha256: sha256.toLowerCase() };
  if (typeof secret === "string") return { ...rest, secret_sha256: secretHash(secret) };
  if (typeof secretFile !== "string") return rest;
  const found = secretOf(secretFile);
  if ("fault" in found) {
    tell(["secret_file"], found.fault);
    return rest;
  }
  return { ...rest, secret_sha256: found.sha256 };
}

/** A file of more bytes holds no secret. */
const secretFileBytesMax = 4096;

/** Secrets in files on this disk, relative to a tenant file. */
export function secretsBeside(tenantFile: string): SecretSource {
  return (path) => readSecret(resolve(dirname(tenantFile), path));
}

function readSecret(path: string): ReturnType<SecretSource> {
  try {
    const { size } = statSync(path);
    if (size > secretFileBytesMax) return { fault: `the file has more than ${secretFileBytesMax} bytes` };
    const secret = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    return Value.Check(Secret, secret)
      ? { sha256: secretHash(secret) }
      : { fault: `want a file with ${wanted(Secret)}` };
  } catch (error) {
    return { fault: `cannot be read: ${codeOf(error)}` };
  }
}
