/** The rules of `rules.ts` for tenant files: checked on entities as they will be, told where the file says it. */
import type { Catalog, Vendor } from "./catalog.ts";
import type { Edition, Kind } from "./entities.ts";
import { referencesOf } from "./references.ts";
import { checkEdition, checkKey, checkLicense, checkParts, nameField, nameKey, type Tell } from "./rules.ts";
import type { Merged } from "./tenant-apply.ts";
import { type Fault, quote } from "./tenant-faults.ts";
import { withWhatLeaves } from "./tenant-leaving.ts";
import { type Entry, placeOf } from "./tenant-read.ts";
import type { Resolved } from "./tenant-resolve.ts";
import { fileField } from "./tenant-schema.ts";

/**
 * References that lead to what an administrator deleted. They were found, since the files have entries of it; but those say
 * what they said before, so what they describe stays deleted.
 */
export function checkReferences(merged: readonly Merged[], resolved: readonly Resolved[]): Fault[] {
  const there = new Set(merged.map((item) => item.resolved));
  const gone = resolved
    .filter((item) => !there.has(item))
    .map(({ entry, id }) => [`${entry.kind}/${id}`, entry] as const);
  const entries = new Map(gone);
  return merged.flatMap((item) =>
    referencesOf(item.kind, item.body).flatMap(({ kind, id, field }) => {
      const entry = entries.get(`${kind}/${id}`);
      // A licence has its product from its edition, where that is told.
      if (entry === undefined || (item.kind === "license" && kind === "product")) return [];
      return item.resolved.entry.fault([fileField(field)], goneText(kind, id, entry));
    }),
  );
}

function goneText(kind: Kind, id: string, entry: Entry): string {
  const name = entry.fields[kind === "customer" ? "number" : "name"];
  const what = `${kind === "license" ? "licence" : kind} ${typeof name === "string" ? quote(name) : id}`;
  return `${what} was deleted by an administrator; to bring it back, change what its entry says, at ${placeOf(entry)}`;
}

/**
 * Checks one vendor's entities, but only those that the files change: what an administrator made of the rest was the
 * administrator's to decide, and must not keep the server from starting.
 */
export function checkVendor(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const faults: Fault[] = [];
  const editions = new Map(vendor?.editions);
  for (const item of merged) if (isOf("edition", item)) editions.set(item.body.id, item.body);
  for (const item of merged) {
    if (item.written.size === 0) continue;
    const tell: Tell = (field, text) => void faults.push(item.resolved.entry.fault([fileField(field)], text));
    if (isOf("edition", item)) checkEdition(item.current, item.body, tell);
    if (isOf("license", item)) checkFiledLicense(item, vendor, editions, tell);
    if (isOf("key", item)) checkKey(item.body, tell);
  }
  return faults.concat(checkNames(vendor, merged));
}

/** Whether what editions and licences say of their products' parts is true; once all references are found. */
export function checkFiledParts(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const faults: Fault[] = [];
  const products = new Map(vendor?.products);
  for (const item of merged) {
    if (isOf("product", item)) products.set(item.body.id, withWhatLeaves(item.current, item.body));
  }
  for (const item of merged) {
    if (item.written.size === 0 || (!isOf("edition", item) && !isOf("license", item))) continue;
    const tell: Tell = (field, text) => void faults.push(item.resolved.entry.fault([fileField(field)], text));
    const product = products.get(item.body.product_id);
    // Without one it was deleted, which is told.
    if (product !== undefined) checkParts(product, item.body, tell);
  }
  return faults;
}

function isOf<K extends Kind>(kind: K, merged: Merged): merged is Merged<K> {
  return merged.kind === kind;
}

function checkFiledLicense(
  { current, body }: Merged<"license">,
  vendor: Vendor | undefined,
  editions: ReadonlyMap<string, Edition>,
  tell: Tell,
): void {
  const edition = editions.get(body.edition_id);
  // It was deleted, which is told.
  if (edition === undefined) return;
  checkLicense(body, edition, current && vendor?.editions.get(current.edition_id), tell);
}

/** Things that are found by name must not share one, whoever gave it. */
function checkNames(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const idsByName = new Map<string, Set<string>>();
  const renewed = new Set(merged.map(({ kind, body }) => `${kind}/${body.id}`));
  const kept = [...(vendor?.entities() ?? [])].filter(([kind, { id }]) => !renewed.has(`${kind}/${id}`));
  for (const [kind, body] of [...kept, ...merged.map(({ kind, body }) => [kind, body] as const)]) {
    const name = nameKey(kind, body);
    if (name !== null) idsByName.set(name, (idsByName.get(name) ?? new Set()).add(body.id));
  }
  return merged.flatMap(({ kind, body, written, resolved }) => {
    const field = nameField(kind);
    const ids = idsByName.get(nameKey(kind, body) ?? "") ?? [];
    const other = [...ids].find((id) => id !== body.id);
    if (other === undefined || !written.has(field)) return [];
    return [
      resolved.entry.fault(
        [field],
        `is that of ${kind === "license" ? "licence" : kind} ${other} already; to mean that one, write its id`,
      ),
    ];
  });
}

/** A secret must say whose it is, over all vendors: of two keys with one secret the second would take over the first. */
export function checkSecrets(catalog: Catalog, merged: readonly Merged[]): Fault[] {
  const keys = merged.filter((item) => isOf("key", item));
  const secrets = new Map<string, string>();
  for (const { isv, keys: stored } of catalog.vendors()) {
    for (const key of stored.values()) secrets.set(`${isv.id}/${key.id}`, key.secret_sha256);
  }
  for (const { isvId, body } of keys) secrets.set(`${isvId}/${body.id}`, body.secret_sha256);
  const uses = new Map<string, number>();
  for (const hash of secrets.values()) uses.set(hash, (uses.get(hash) ?? 0) + 1);
  return keys
    .filter(({ body, written }) => written.has("secret_sha256") && (uses.get(body.secret_sha256) ?? 0) > 1)
    .map(({ resolved }) => resolved.entry.fault([], "has the secret of another key: every key needs its own"));
}
