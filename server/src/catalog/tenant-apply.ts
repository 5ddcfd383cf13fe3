/**
 * Merges tenant files into the catalogue, three ways like `kubectl apply`: what the file says now, what it said the last
 * time, what is there. A field is written only where the file changed its mind, so what an administrator or an API call
 * changed in between stays; nothing is deleted, and what an administrator deleted stays so until the file says something
 * else of it.
 */
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Value } from "typebox/value";
import { CatalogConflict, type Store } from "../stores/store.ts";
import type { Author } from "./audit.ts";
import type { Vendor } from "./catalog.ts";
import { newBody } from "./defaults.ts";
import { type Edition, type EntityChange, type EntityOf, type Kind, kinds } from "./entities.ts";
import { type Fault, TenantFileFault } from "./tenant-faults.ts";
import { isAsBefore, type LastApplied, lastApplied } from "./tenant-last.ts";
import { checkLeaving } from "./tenant-leaving.ts";
import { type ReadFile, type SecretSource, type TenantFile, tryTenantPath, tryTenantText } from "./tenant-read.ts";
import { type Resolved, resolveEntries } from "./tenant-resolve.ts";
import { checkFiledParts, checkReferences, checkSecrets, checkVendor } from "./tenant-rules.ts";
import { entityField } from "./tenant-schema.ts";
import { piecesIn } from "./tenant-yaml.ts";

/** How many entities were written anew, changed, and found as the files want them. */
export interface Applied {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
}

/** What became of one entity. */
export interface AppliedChange {
  readonly act: "created" | "changed";
  readonly kind: Kind;
  readonly id: string;
  readonly name: string | null;
  /** Of one that was there: the fields that are another now. */
  readonly fields: readonly string[];
}

/** How files are applied, where it is not as at a start. */
export interface Applying {
  /** The one vendor that the files may be of. */
  readonly isvId?: string;
  readonly author?: Author;
  /** Says what would be done, and does nothing. */
  readonly isDryRun?: boolean;
  /**
   * Looks at the outcome right before it is saved, and throws where it may not be. Answers with entities that must still be
   * as they are when it is saved.
   */
  readonly check?: (merged: readonly Merged[]) => readonly EntityChange[];
}

/** What files may bring. Pieces are what YAML takes a text apart into: by these, not by characters, goes the time that reading takes. */
export interface Most {
  readonly pieces: number;
  readonly entries: number;
}

export interface TenantText {
  readonly path: string;
  readonly text: string;
  readonly secretOf: SecretSource;
}

/** An entity as it will be. */
export interface Merged<K extends Kind = Kind> {
  readonly isvId: string;
  readonly kind: K;
  readonly resolved: Resolved;
  readonly current: EntityOf[K] | undefined;
  readonly body: EntityOf[K];
  /** Fields of the file that are written over what is there, or that fill a new entity. */
  readonly written: ReadonlySet<string>;
  readonly last: LastApplied | null;
  readonly applied: LastApplied;
}

/** Reads files from disk and applies them; refuses with the faults of all of them together. */
export async function applyTenantPaths(store: Store, paths: readonly string[]): Promise<Applied> {
  return countsOf(await applyRead(store, paths.map(tryTenantPath), {}));
}

/** Applies files whose text came from elsewhere, while others are served. @throws TenantFileFault with the faults of all of them together. */
export async function applyTenantTexts(
  store: Store,
  texts: readonly TenantText[],
  most: Most,
  applying: Applying,
): Promise<Applied & { readonly changes: readonly AppliedChange[] }> {
  const read = await readPausing(texts, most);
  const merged = await applyRead(store, read, applying);
  return { ...countsOf(merged), changes: merged.flatMap((item) => changeIn(item) ?? []) };
}

/** Others wait for their sessions meanwhile: so there is a pause after each file, and an end to what all of them may bring. */
async function readPausing(texts: readonly TenantText[], most: Most): Promise<readonly ReadFile[]> {
  const read: ReadFile[] = [];
  let { pieces, entries } = most;
  for (const { path, text, secretOf } of texts) {
    pieces -= piecesIn(text, pieces);
    if (pieces < 0) throw tooMuch(path, `${most.pieces} words and signs of YAML`);
    const one = tryTenantText(path, text, secretOf);
    entries -= one.file?.entries.length ?? 0;
    if (entries < 0) throw tooMuch(path, `${most.entries} entries`);
    read.push(one);
    await setTimeout(1);
  }
  return read;
}

function tooMuch(file: string, what: string): TenantFileFault {
  const text = `with this file there are more than ${what}: apply them in several calls, or at a start of the server`;
  return new TenantFileFault([{ file, line: 1, path: "", text }]);
}

export async function applyTenantFiles(store: Store, files: readonly TenantFile[]): Promise<Applied> {
  return countsOf(await applyAll(store, files, [], {}));
}

async function applyRead(store: Store, read: readonly ReadFile[], applying: Applying): Promise<readonly Merged[]> {
  const faults = read.flatMap((result) => result.faults);
  const files = read.map((result) => result.file).filter((file) => file !== null);
  // With a file that cannot be read at all, references to what stands in it would look broken too.
  if (files.length < read.length) throw new TenantFileFault(faults);
  if (applying.isvId !== undefined) requireVendor(applying.isvId, files);
  return applyAll(store, files, faults, applying);
}

/** Before anything of another vendor is looked at: what is wrong with its files would tell of it. */
function requireVendor(isvId: string, files: readonly TenantFile[]): void {
  const foreign = files.filter((file) => file.isvId !== isvId);
  const faults = foreign.map(({ path }) => ({ file: path, line: 1, path: "isv.id", text: "is not your vendor's id" }));
  if (faults.length > 0) throw new TenantFileFault(faults);
}

/** Servers of one database that start together apply the same files: whoever comes second looks again. */
const triesMax = 10;

async function applyAll(
  store: Store,
  files: readonly TenantFile[],
  formFaults: readonly Fault[],
  { author = authorOf(files), isDryRun = false, check }: Applying,
): Promise<readonly Merged[]> {
  for (let n = 1; ; n++) {
    const { revision } = store.catalog;
    const { merged, faults } = plan(store, files, formFaults);
    if (faults.length > 0) throw new TenantFileFault(faults);
    const kept = check?.(merged) ?? [];
    try {
      if (!isDryRun) await save(store, merged, kept, author);
      return merged;
    } catch (error) {
      if (!(error instanceof CatalogConflict)) throw error;
      // Nobody was faster: to look again would come to the same.
      if (store.catalog.revision === revision) throw conflictFault(error, merged);
      if (n >= triesMax) throw error;
    }
  }
}

/** Of what is in no file, the conflict itself. */
function conflictFault(conflict: CatalogConflict, merged: readonly Merged[]): Error {
  const item = merged.find(({ kind, body }) => kind === conflict.kind && body.id === conflict.id);
  return item === undefined
    ? conflict
    : new TenantFileFault([item.resolved.entry.fault([], `cannot be saved: ${conflict.message}`)]);
}

function authorOf(files: readonly TenantFile[]): Author {
  return { keyId: null, name: "tenant files", onBehalfOf: files.map(({ path }) => path).join(", ") };
}

interface Plan {
  readonly merged: readonly Merged[];
  readonly faults: readonly Fault[];
}

function plan(store: Store, files: readonly TenantFile[], formFaults: readonly Fault[]): Plan {
  const isvIds = new Set(files.map((file) => file.isvId));
  const plans = [...isvIds].map((isvId) => planVendor(store, isvId, files));
  const merged = plans.flatMap((one) => one.merged);
  const faults = [formFaults, ...plans.map((one) => one.faults), checkSecrets(store.catalog, merged)].flat();
  return { merged, faults };
}

function planVendor(store: Store, isvId: string, files: readonly TenantFile[]): Plan {
  const vendor = store.catalog.vendor(isvId);
  const entries = files.filter((file) => file.isvId === isvId).flatMap((file) => file.entries);
  const found = resolveEntries(isvId, vendor, entries, (id) => lastApplied(store.applied(isvId, "product", id)));
  const merged = mergeAll(store, isvId, vendor, found.resolved);
  const outcome = [checkReferences(merged, found.resolved), checkVendor(vendor, merged)].flat();
  const ofParts = found.faults.length > 0 ? [] : [checkFiledParts(vendor, merged), checkLeaving(vendor, merged)].flat();
  return { merged, faults: [found.faults, outcome, ofParts].flat() };
}

async function save(
  store: Store,
  merged: readonly Merged[],
  kept: readonly EntityChange[],
  author: Author,
): Promise<void> {
  const stale = merged.filter(({ last, applied }) => !isDeepStrictEqual(last, applied));
  // An entity that is kept and changed stands as the files want it: what comes last holds.
  if (stale.length > 0) await store.saveCatalog([...kept, ...stale.map(changeOf)], author);
}

function countsOf(merged: readonly Merged[]): Applied {
  const created = merged.filter(({ current }) => current === undefined).length;
  const unchanged = merged.filter(({ current, body }) => isDeepStrictEqual(current, body)).length;
  return { created, changed: merged.length - created - unchanged, unchanged };
}

/** Null: it is as it was. */
function changeIn({ kind, current, body }: Merged): AppliedChange | null {
  const about = { kind, id: body.id, name: body.name };
  if (current === undefined) return { act: "created", ...about, fields: [] };
  const [before, after] = [current, body] as unknown as Readonly<Record<string, unknown>>[];
  const fields = Object.keys({ ...before, ...after }).filter(
    (field) => !isDeepStrictEqual(before?.[field], after?.[field]),
  );
  return fields.length === 0 ? null : { act: "changed", ...about, fields };
}

function changeOf({ isvId, kind, resolved, current, body, applied }: Merged): EntityChange {
  if (!Value.Check(kinds[kind], body)) {
    throw new Error(`tenant files: ${kind} ${resolved.id} passed the checks and is no ${kind}`);
  }
  return { isvId, kind, id: resolved.id, body, applied: { ...applied }, from: current ?? null };
}

/** In the order of `resolved`, where editions stand before licences: a licence takes its product from its edition. */
function mergeAll(store: Store, isvId: string, vendor: Vendor | undefined, resolved: readonly Resolved[]): Merged[] {
  const editions = new Map<string, Edition>(vendor?.editions);
  return resolved.flatMap((item) => {
    const merged = merge(store, isvId, vendor, item, editions);
    if (merged === null) return [];
    if (merged.kind === "edition") editions.set(item.id, merged.body as Edition);
    return merged;
  });
}

/** Null: an administrator deleted it, and the file has not changed its mind since. */
function merge(
  store: Store,
  isvId: string,
  vendor: Vendor | undefined,
  resolved: Resolved,
  editions: ReadonlyMap<string, Edition>,
): Merged | null {
  const { kind, fields } = resolved.entry;
  const { id: _id, ...said } = fields;
  const current = vendor?.entity(kind, resolved.id);
  const lastTime = lastApplied(store.applied(isvId, kind, resolved.id));
  if (current === undefined && lastTime !== null && isDeepStrictEqual(lastTime.said, said)) return null;
  const last = current === undefined ? null : lastTime;
  const written = new Set<string>();
  const body: Record<string, unknown> = { ...(current ?? newBody(kind, resolved.id, resolved.meant)) };
  for (const [field, value] of Object.entries(resolved.meant)) {
    if (last !== null && isAsBefore(field, said[field], value, last)) continue;
    written.add(field);
    body[entityField(field)] = value;
  }
  if (kind === "license" && written.has("edition")) {
    body.product_id = editions.get(body.edition_id as string)?.product_id;
  }
  const applied = { said, meant: resolved.meant };
  return { isvId, kind, resolved, current, body: body as unknown as EntityOf[Kind], written, last, applied };
}
