/** The short numbers by which rows name vendors and licences. */
import type { Kind } from "../../catalog/entities.ts";

/** Found by the ids as they are: a name put together of them would be a new string, to be hashed, for each row of a commit. */
export class Numbers {
  readonly #byVendor = new Map<string, Map<Kind, Map<string, number>>>();

  get isEmpty(): boolean {
    return this.#byVendor.size === 0;
  }

  of(isvId: string, kind: Kind, id: string): number | undefined {
    return this.#byVendor.get(isvId)?.get(kind)?.get(id);
  }

  /** The vendor's; 0, which no row has, where there is no such vendor. */
  ofVendor(isvId: string): number {
    return this.of(isvId, "isv", isvId) ?? 0;
  }

  set(isvId: string, kind: Kind, id: string, no: number): void {
    const kinds = this.#byVendor.get(isvId) ?? new Map<Kind, Map<string, number>>();
    this.#byVendor.set(isvId, kinds);
    const ids = kinds.get(kind) ?? new Map<string, number>();
    kinds.set(kind, ids);
    ids.set(id, no);
  }
}
