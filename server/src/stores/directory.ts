/** The catalogue as a store holds it in memory: entities, what the tenant files last said of them, and terms. */
import { Catalog } from "../catalog/catalog.ts";
import type { EntityOf, Kind, License, StoredEntity } from "../catalog/entities.ts";
import { termsOf } from "../catalog/terms.ts";
import type { Millis, Terms } from "../core/types.ts";

export class Directory {
  readonly catalog = new Catalog();
  readonly #applied = new Map<string, StoredEntity["applied"]>();
  /** When an older state of the store was restored; null: its tokens are not held. */
  heldFrom: Millis | null = null;

  /** Throws unless the entities fit together and with what is there: before anything is saved. */
  check(entities: readonly StoredEntity[]): void {
    const coming = new Set(entities.map(({ isvId, kind, id }) => placeOf(isvId, kind, id)));
    const has = (isvId: string, kind: StoredEntity["kind"], id: string) => coming.has(placeOf(isvId, kind, id));
    for (const { isvId, kind, id, body } of entities) {
      const vendor = this.catalog.vendor(isvId);
      if (vendor === undefined && !has(isvId, "isv", isvId))
        throw new Error(`${kind} ${id}: there is no vendor ${isvId}`);
      if (kind !== "license") continue;
      const edition = (body as License).edition_id;
      if (vendor?.editions.has(edition) !== true && !has(isvId, "edition", edition)) {
        throw new Error(`licence ${id}: there is no edition ${edition}`);
      }
    }
  }

  /** Takes over entities that are saved. Answers with the terms of every licence that they are about. */
  put(entities: readonly StoredEntity[]): Terms[] {
    // A vendor before what belongs to it.
    for (const entity of entities.toSorted((a, b) => Number(b.kind === "isv") - Number(a.kind === "isv"))) {
      this.catalog.put(entity);
      this.#applied.set(placeOf(entity.isvId, entity.kind, entity.id), entity.applied);
    }
    return entities.flatMap(({ isvId, kind, id }) => {
      if (kind === "license") return this.terms(isvId, id) ?? [];
      if (kind === "product") return this.#termsWhere(isvId, ({ product_id }) => product_id === id);
      return kind === "edition" ? this.#termsWhere(isvId, ({ edition_id }) => edition_id === id) : [];
    });
  }

  applied(isvId: string, kind: StoredEntity["kind"], id: string): StoredEntity["applied"] {
    return this.#applied.get(placeOf(isvId, kind, id)) ?? null;
  }

  /** Every entity as it is stored, in the order of `kinds`: what others refer to comes first. */
  entities(): StoredEntity[] {
    const all = [...this.catalog.vendors()].flatMap(({ isv, keys, products, editions, customers, licenses }) => [
      entityOf(isv.id, "isv", isv),
      ...[...keys.values()].map((body) => entityOf(isv.id, "key", body)),
      ...[...products.values()].map((body) => entityOf(isv.id, "product", body)),
      ...[...editions.values()].map((body) => entityOf(isv.id, "edition", body)),
      ...[...customers.values()].map((body) => entityOf(isv.id, "customer", body)),
      ...[...licenses.values()].map((body) => entityOf(isv.id, "license", body)),
    ]);
    return all.map((entity) => ({ ...entity, applied: this.applied(entity.isvId, entity.kind, entity.id) }));
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

  #termsWhere(isvId: string, isMeant: (license: License) => boolean): Terms[] {
    const licenses = [...(this.catalog.vendor(isvId)?.licenses.values() ?? [])];
    return licenses.filter(isMeant).map((license) => this.terms(isvId, license.id) as Terms);
  }
}

function entityOf<K extends Kind>(isvId: string, kind: K, body: EntityOf[K]) {
  return { isvId, kind, id: body.id, body };
}

function placeOf(isvId: string, kind: string, id: string): string {
  return `${isvId}${kind}${id}`;
}
