/**
 * Changing the catalogue: from what is there, under a check that it still is when the change is saved, and with a line
 * in the audit log. What the change comes to is the caller's; everything else stands here once.
 */
import { createHash } from "node:crypto";
import { Value } from "typebox/value";
import { type EntityChange, type EntityOf, type Kind, kinds } from "../../catalog/entities.ts";
import { CatalogConflict, type Store } from "../../stores/store.ts";
import { Turns } from "../../turns.ts";
import { type Answer, json } from "../answer.ts";
import { changesWaitingMax } from "../limits.ts";
import { Problem } from "../problem.ts";
import type { KeyedCall } from "../route.ts";
import { authorOf } from "./author.ts";
import { requireFit, wordOf } from "./fit.ts";

/** Tries at a change that other servers get in the way of: each begins with what they made of it. */
const triesMax = 5;

/** The changes of vendors' catalogues that are under way or wait, and how many of each: conflicts are between those of one vendor. */
const changes = new WeakMap<Store, Map<string, { readonly turns: Turns; count: number }>>();

/**
 * Changes a vendor's catalogue when everybody on this server is done who came before: each change begins with what the one before it
 * made. No vendor waits for another's.
 * @throws Problem where more wait than a database that does not answer should make anybody wait for.
 */
export async function inTurn<T>(store: Store, isvId: string, work: () => Promise<T>): Promise<T> {
  const all = changes.get(store) ?? new Map<string, { readonly turns: Turns; count: number }>();
  changes.set(store, all);
  const own = all.get(isvId) ?? { turns: new Turns(), count: 0 };
  all.set(isvId, own);
  if (own.count >= changesWaitingMax) {
    throw new Problem(
      "overloaded",
      "Too many others are changing the catalogue. Nothing of the request happened. Try again in a moment.",
      ["Retry-After", "1"],
    );
  }
  own.count++;
  try {
    return await own.turns.take(work);
  } finally {
    own.count--;
    if (own.count === 0) all.delete(isvId);
  }
}

/** What a change makes of an entity (null: nothing yet): another one, or null to delete it. */
export type Make<K extends Kind> = (current: EntityOf[K] | null) => EntityOf[K] | null;

/** What changes with it. */
type Along<K extends Kind> = (current: EntityOf[K] | null) => readonly EntityChange[];

/**
 * Makes a change of one entity and answers with what it is now. Without `If-Match` a change that others get in the way
 * of is made anew, from what they left.
 * @throws Problem: 412 where the entity is not, or no more, the one that `If-Match` names.
 */
export function changeEntity<K extends Kind>(
  store: Store,
  call: KeyedCall,
  kind: K,
  id: string,
  make: Make<K>,
  along: Along<K> = () => [],
): Promise<EntityOf[K] | null> {
  return inTurn(store, call.isvId, () => changed(store, call, kind, id, make, along));
}

async function changed<K extends Kind>(
  store: Store,
  call: KeyedCall,
  kind: K,
  id: string,
  make: Make<K>,
  along: Along<K>,
): Promise<EntityOf[K] | null> {
  await store.refresh();
  for (let n = 1; ; n++) {
    const current = call.vendor.entity(kind, id) ?? null;
    requireMatch(call, current);
    const body = make(current);
    if (body !== null) {
      requireFit(call.vendor, kind, current, body);
      if (!Value.Check(kinds[kind], body)) throw new Error(`${kind} ${id} passed the checks and is no ${kind}`);
    }
    const change = entityChange(store, call.isvId, kind, id, body, current);
    try {
      await store.saveCatalog([change, ...along(current)], authorOf(call));
      return body;
    } catch (error) {
      if (!(error instanceof CatalogConflict)) throw error;
      if (call.head.ifMatch !== null) throw isAnother();
      if (n >= triesMax) throw new Problem("entity_in_use", `Somebody else is changing it: the ${error.message}.`);
    }
  }
}

/** What the tenant file last said stays as it was: applied again, it does not undo this. */
export function entityChange<K extends Kind>(
  store: Store,
  isvId: string,
  kind: K,
  id: string,
  body: EntityOf[K] | null,
  from: EntityOf[K] | null,
): EntityChange {
  return { isvId, kind, id, body, applied: store.applied(isvId, kind, id), from } as EntityChange;
}

/** @throws Problem (412) unless the entity is the one that `If-Match` names, if it names one. */
export function requireMatch({ head }: KeyedCall, current: EntityOf[Kind] | null): void {
  const wanted = head.ifMatch;
  if (wanted === null || (wanted.trim() === "*" && current !== null)) return;
  const tags = wanted.split(",").map((tag) => tag.trim());
  if (current === null || !tags.includes(etagOf(current))) throw isAnother();
}

function isAnother(): Problem {
  return new Problem("entity_changed", "Read it again: what If-Match names is no longer what is there.");
}

/** The same on every server and after every restart: the digest of what the entity is, in order of its members. */
export function etagOf(body: EntityOf[Kind]): string {
  return `"${createHash("sha256")
    .update(JSON.stringify(sorted(body)))
    .digest("base64url")
    .slice(0, 22)}"`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, content]) => content !== undefined);
  return Object.fromEntries(
    members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, content]) => [name, sorted(content)]),
  );
}

/** An entity as the wire shows it, with the version that `If-Match` may name. */
export function entityAnswer(body: EntityOf[Kind], shown: unknown, status = 200): Answer {
  return { ...json(shown), status, headers: ["ETag", etagOf(body)] };
}

/** The entity in an address. @throws Problem (404) where the vendor has none of this id. */
export function knownEntity<K extends Kind>({ vendor }: KeyedCall, kind: K, id: string): EntityOf[K] {
  return requireEntity(vendor.entity(kind, id.toLowerCase()), kind);
}

export function requireEntity<T>(entity: T | null | undefined, kind: Kind): T {
  if (entity == null) throw new Problem("entity_unknown", `The vendor has no ${wordOf(kind)} of this id.`);
  return entity;
}

/** Members that were given, for laying over what is there. */
export function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
