/** The catalogue as a store holds it in memory: entities, what the tenant files last said of them, and terms. */
import { isDeepStrictEqual } from "node:util";
import { type AuditLine, type Author, lineOf } from "../catalog/audit.ts";
import { Catalog } from "../catalog/catalog.ts";
import type { EntityChange, EntityOf, Kind, License, StoredEntity } from "../catalog/entities.ts";
import { dependentsOf, referencesOf } from "../catalog/references.ts";
import { nameKey } from "../catalog/rules.ts";
import { termsOf } from "../catalog/terms.ts";
import type { Millis, Terms } from "../core/types.ts";
import { CatalogConflict, type Place } from "./store.ts";

/** What changes of the catalogue mean for licences: those with new terms, and those that are gone. */
export interface Consequences {
  readonly terms: readonly Terms[];
  readonly gone: readonly Place[];
}

export class Directory {
  readonly catalog = new Catalog();
  readonly #applied = new Map<string, StoredEntity["applied"]>();
  /** When an older state of the store was restored; null: its tokens are not held. */
  heldFrom: Millis | null = null;
  /** Entities that were deleted. */
  readonly #gone = new Map<string, Pick<EntityChange, "isvId" | "kind" | "id">>();

  /** @throws CatalogConflict unless the changes fit together and with what is there: before anything is saved. */
  check(changes: readonly EntityChange[]): void {
    const coming = new Map(changes.map(({ isvId, kind, id, body }) => [placeOf(isvId, kind, id), body]));
    const isThere = (isvId: string, kind: Kind, id: string) => {
      const next = coming.get(placeOf(isvId, kind, id));
      return next === undefined ? this.#entity(isvId, kind, id) !== null : next !== null;
    };
    for (const { isvId, kind, id, body, from } of changes) {
      if (!isThere(isvId, "isv", isvId)) throw new CatalogConflict(kind, id, `is of a vendor that is not there`);
      if (from !== undefined && !isDeepStrictEqual(this.#entity(isvId, kind, id), from)) {
        throw new CatalogConflict(kind, id, "was changed by somebody else meanwhile");
      }
      if (body === null) this.#checkEnd(isvId, kind, id, coming);
      else {
        const lost = referencesOf(kind, body).find((reference) => !isThere(isvId, reference.kind, reference.id));
        if (lost !== undefined)
          throw new CatalogConflict(kind, id, `refers to ${lost.kind} ${lost.id}, which is not there`);
        if (kind === "license" && from !== undefined) this.#checkLegacyKey(isvId, body as License, from, coming);
      }
    }
  }

  /**
   * Of two changes at once that give licences of a product one legacy key, both looked before either was saved. A state that
   * is put back is taken as it is: licences may have had one key before that was refused.
   */
  #checkLegacyKey(
    isvId: string,
    license: License,
    from: EntityOf[Kind] | null,
    coming: ReadonlyMap<string, EntityOf[Kind] | null>,
  ): void {
    const key = nameKey("license", license);
    if (key === null || (from !== null && nameKey("license", from) === key)) return;
    for (const known of this.catalog.vendor(isvId)?.licensesByLegacyKey(license.legacy_license_key ?? "") ?? []) {
      const next = coming.get(placeOf(isvId, "license", known.id));
      const other = next === undefined ? known : next;
      if (known.id === license.id || other === null || nameKey("license", other) !== key) continue;
      throw new CatalogConflict("license", license.id, `has the legacy key of licence ${known.id}`);
    }
  }

  /** What goes must have nothing that refers to it but what goes, or refers elsewhere, with the same changes. */
  #checkEnd(isvId: string, kind: Kind, id: string, coming: ReadonlyMap<string, EntityOf[Kind] | null>): void {
    if (kind === "isv") throw new CatalogConflict(kind, id, "cannot be deleted: vendors stay");
    const vendor = this.catalog.vendor(isvId);
    const dependents = vendor === undefined ? [] : dependentsOf(vendor, kind, id);
    const left = dependents.find((dependent) => !coming.has(placeOf(isvId, dependent.kind, dependent.id)));
    if (left !== undefined) throw new CatalogConflict(kind, id, `is what ${left.kind} ${left.id} refers to`);
  }

  /** The lines that the changes leave in the audit log: to be asked for before they are taken over. */
  auditLines(changes: readonly EntityChange[], author: Author, at: Millis): AuditLine[] {
    return changes.flatMap((change) => {
      const line = lineOf(change, this.#entity(change.isvId, change.kind, change.id), author, at);
      return line === null ? [] : [line];
    });
  }

  /** Takes over changes that are saved. Answers with what they mean for licences. */
  put(changes: readonly EntityChange[]): Consequences {
    // A vendor before what belongs to it.
    for (const change of changes.toSorted((a, b) => Number(b.kind === "isv") - Number(a.kind === "isv"))) {
      const { isvId, kind, id, body, applied } = change;
      const place = placeOf(isvId, kind, id);
      this.#applied.set(place, applied);
      if (body !== null) {
        this.catalog.put({ isvId, kind, id, body, applied });
        this.#gone.delete(place);
      } else if (kind !== "isv") {
        this.catalog.remove(isvId, kind, id);
        this.#gone.set(place, { isvId, kind, id });
      }
    }
    const licenses = changes.filter(({ kind }) => kind === "license");
    return {
      terms: this.#termsBy(changes),
      gone: licenses.filter(({ body }) => body === null).map(({ isvId, id }) => ({ isvId, licenseId: id })),
    };
  }

  /** The terms that changes make anew: of a licence once, though its edition and its product come with it. */
  #termsBy(changes: readonly EntityChange[]): Terms[] {
    const places = new Map<string, Set<string>>();
    for (const { isvId, kind, id, body } of changes) {
      const ids = places.get(isvId) ?? new Set();
      places.set(isvId, ids);
      if (kind === "license") ids.add(id);
      if (body === null || (kind !== "edition" && kind !== "product")) continue;
      const reference = kind === "edition" ? "edition_id" : "product_id";
      for (const license of this.catalog.vendor(isvId)?.licenses.values() ?? []) {
        if (license[reference] === id) ids.add(license.id);
      }
    }
    return [...places].flatMap(([isvId, ids]) => [...ids].flatMap((id) => this.terms(isvId, id) ?? []));
  }

  applied(isvId: string, kind: Kind, id: string): StoredEntity["applied"] {
    return this.#applied.get(placeOf(isvId, kind, id)) ?? null;
  }

  /** Every entity as it is stored: what others refer to comes first, and last what was deleted. */
  entities(): EntityChange[] {
    const all = [...this.catalog.vendors()].flatMap(({ isv, keys, products, editions, customers, licenses }) => [
      entityOf(isv.id, "isv", isv),
      ...[...products.values()].map((body) => entityOf(isv.id, "product", body)),
      ...[...editions.values()].map((body) => entityOf(isv.id, "edition", body)),
      ...[...customers.values()].map((body) => entityOf(isv.id, "customer", body)),
      ...[...licenses.values()].map((body) => entityOf(isv.id, "license", body)),
      ...[...keys.values()].map((body) => entityOf(isv.id, "key", body)),
    ]);
    const gone = [...this.#gone.values()].map((entity) => ({ ...entity, body: null }));
    return [...all, ...gone].map((entity) => ({
      ...entity,
      applied: this.applied(entity.isvId, entity.kind, entity.id),
    }));
  }

  /** Whether there was such an entity, and is none any more. */
  isGone(isvId: string, kind: Kind, id: string): boolean {
    return this.#gone.has(placeOf(isvId, kind, id));
  }

  /** What a licence and its edition allow; undefined: there is no such licence. */
  terms(isvId: string, licenseId: string): Terms | undefined {
    const vendor = this.catalog.vendor(isvId);
    const license = vendor?.licenses.get(licenseId);
    if (vendor === undefined || license === undefined) return undefined;
    const edition = vendor.editions.get(license.edition_id);
    if (edition === undefined) throw new Error(`licence ${licenseId}: there is no edition ${license.edition_id}`);
    const product = vendor.products.get(license.product_id);
    return { ...termsOf(isvId, license, edition, product), heldFrom: this.heldFrom };
  }

  /** The terms of a licence that is there. */
  knownTerms(isvId: string, licenseId: string): Terms {
    const terms = this.terms(isvId, licenseId);
    if (terms === undefined) throw new Error(`there is no licence ${licenseId}`);
    return terms;
  }

  #entity(isvId: string, kind: Kind, id: string): EntityOf[Kind] | null {
    return this.catalog.vendor(isvId)?.entity(kind, id) ?? null;
  }
}

function entityOf<K extends Kind>(isvId: string, kind: K, body: EntityOf[K]) {
  return { isvId, kind, id: body.id, body };
}

function placeOf(isvId: string, kind: string, id: string): string {
  return `${isvId}${kind}${id}`;
}
