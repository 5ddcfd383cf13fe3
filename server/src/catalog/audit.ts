/** Who changed what of a vendor's catalogue, and when: lines that commit together with the change that they tell of. */
import { isDeepStrictEqual } from "node:util";
import type { Millis } from "../core/types.ts";
import type { EntityChange, EntityOf, Key, Kind } from "./entities.ts";

/** Who made a change. */
export interface Author {
  /** The API key's id; null: it was not made with a key. */
  readonly keyId: string | null;
  /** The key's name, or what stands in the place of a key. */
  readonly name: string;
  /** Whom the caller said that it acts for; null: nobody. */
  readonly onBehalfOf: string | null;
}

/** Changes that nobody asked for by the API: at the start, and in tests. */
export const theServer: Author = { keyId: null, name: "server", onBehalfOf: null };

export type EntityAct = "created" | "changed" | "deleted";
/** What administrators do to what the catalogue does not hold. */
export type OtherAct =
  | "session.ended"
  | "client.suspended"
  | "client.unassigned"
  | "client.activated"
  | "user.forgotten"
  | "user.added"
  | "user.changed"
  | "user.deleted"
  | "quota.reset";

export interface AuditLine {
  readonly at: Millis;
  readonly isvId: string;
  readonly author: Author;
  readonly act: EntityAct | OtherAct;
  readonly kind: Kind | "session" | "assignment" | "user" | "limitation";
  readonly id: string;
  /** What it was, and what it is; null: nothing. Never with a secret in it. */
  readonly before: object | null;
  readonly after: object | null;
}

/** The line of one entity's change; null: nothing of it changed. `before` null: it was not there. */
export function lineOf<K extends Kind>(
  { isvId, kind, id, body }: EntityChange<K>,
  before: EntityOf[K] | null,
  author: Author,
  at: Millis,
): AuditLine | null {
  if (isDeepStrictEqual(before, body)) return null;
  const act = before === null ? "created" : body === null ? "deleted" : "changed";
  const [was, is] = kind === "product" && act === "changed" ? apart(before ?? {}, body ?? {}) : [before, body];
  return { at, isvId, author, act, kind, id, before: shown(kind, was), after: shown(kind, is) };
}

/**
 * A product as it was and as it is, of its lists only the parts that differ: each part is added by itself, and a line with all
 * the others would make the log grow with their square.
 */
function apart(before: object, after: object): readonly [object, object] {
  return [without(before, after), without(after, before)];
}

function without(body: object, other: object): object {
  const others = other as Readonly<Record<string, unknown>>;
  const members = Object.entries(body).flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [[name, value]];
    const same = new Map(partsIn(others[name]).map((part) => [part.id, part]));
    const left = value.filter((part) => !isDeepStrictEqual(part, same.get(part.id)));
    return left.length === 0 ? [] : [[name, left]];
  });
  return Object.fromEntries(members);
}

function partsIn(list: unknown): readonly { readonly id: string }[] {
  return Array.isArray(list) ? list : [];
}

/** Of a key's secret only so much that two can be told apart: short ones could be guessed by their whole SHA-256. */
function shown(kind: Kind, body: object | null): object | null {
  if (kind !== "key" || body === null) return body;
  const key = body as Key;
  return { ...key, secret_sha256: `${key.secret_sha256.slice(0, 8)}…` };
}
