import type { Consumption, Item, ItemKind, Millis } from "./types.ts";

type Of<K extends ItemKind> = Extract<Item, { readonly kind: K }>;

const none: ReadonlyMap<number, Consumption> = new Map();

/** The small things of a licence: quotas, the consumptions that can be rolled back, registered users, places in the queue. */
export class Items {
  readonly #byKind: { readonly [K in ItemKind]: Map<string, Of<K>> } = {
    quota: new Map(),
    consumption: new Map(),
    user: new Map(),
    ticket: new Map(),
  };
  /** Consumptions of each limitation by their number. */
  readonly #numbered = new Map<string, Map<number, Consumption>>();
  #activeUsers = 0;
  /** When the next place in the queue is lost; null: to be found out. */
  #ticketsEndAt: Millis | null = null;

  /** Registered users that are active. */
  get activeUsers(): number {
    return this.#activeUsers;
  }

  /** Looked at by every command: it is found anew only after the one that it was of has changed. */
  get ticketsEndAt(): Millis {
    if (this.#ticketsEndAt !== null) return this.#ticketsEndAt;
    let end = Number.POSITIVE_INFINITY;
    for (const { validUntil } of this.all("ticket")) end = Math.min(end, validUntil);
    this.#ticketsEndAt = end;
    return end;
  }

  get size(): number {
    return Object.values(this.#byKind).reduce((sum, { size }) => sum + size, 0);
  }

  count(kind: ItemKind): number {
    return this.#byKind[kind].size;
  }

  get<K extends ItemKind>(kind: K, key: string): Of<K> | undefined {
    return this.#of(kind).get(key);
  }

  all<K extends ItemKind>(kind: K): Iterable<Of<K>> {
    return this.#of(kind).values();
  }

  *everything(): Iterable<Item> {
    for (const items of Object.values(this.#byKind)) yield* items.values();
  }

  consumptions(limitationId: string): ReadonlyMap<number, Consumption> {
    return this.#numbered.get(limitationId) ?? none;
  }

  put(item: Item): void {
    this.drop(item.kind, item.key);
    this.#of(item.kind).set(item.key, item);
    if (item.kind === "user" && item.isActive) this.#activeUsers++;
    if (item.kind === "ticket" && this.#ticketsEndAt !== null) {
      this.#ticketsEndAt = Math.min(this.#ticketsEndAt, item.validUntil);
    }
    if (item.kind !== "consumption") return;
    const numbered = this.#numbered.get(item.limitationId);
    if (numbered === undefined) this.#numbered.set(item.limitationId, new Map([[item.no, item]]));
    else numbered.set(item.no, item);
  }

  drop(kind: ItemKind, key: string): void {
    const item: Item | undefined = this.get(kind, key);
    if (item === undefined) return;
    this.#byKind[kind].delete(key);
    if (item.kind === "user" && item.isActive) this.#activeUsers--;
    if (item.kind === "ticket" && item.validUntil === this.#ticketsEndAt) this.#ticketsEndAt = null;
    if (item.kind === "consumption") this.#numbered.get(item.limitationId)?.delete(item.no);
  }

  #of<K extends ItemKind>(kind: K): Map<string, Of<K>> {
    return this.#byKind[kind] as Map<string, Of<K>>;
  }
}
