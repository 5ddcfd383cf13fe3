/** The short numbers by which rows name vendors and licences. */
import type { Kind } from "../../catalog/entities.ts";
import type { Place } from "../store.ts";

/** A vendor's own number, and those of what it has. */
interface OfVendor {
  /** 0, which no row has, as long as only what it has is known. */
  no: number;
  readonly licenses: Map<string, number>;
  readonly others: Map<Kind, Map<string, number>>;
}

/** Found by the ids as they are: a name put together of them would be a new string, to be hashed, for each row of a commit. */
export class Numbers {
  readonly #byVendor = new Map<string, OfVendor>();

  get isEmpty(): boolean {
    return this.#byVendor.size === 0;
  }

  of(isvId: string, kind: Kind, id: string): number | undefined {
    const vendor = this.#byVendor.get(isvId);
    return kind === "license" ? vendor?.licenses.get(id) : vendor?.others.get(kind)?.get(id);
  }

  /** The vendor's; 0, which no row has, where there is no such vendor. */
  ofVendor(isvId: string): number {
    return this.#byVendor.get(isvId)?.no ?? 0;
  }

  /** Both that a line of history bears; undefined: there is no such licence. */
  ofPlace({ isvId, licenseId }: Place): { readonly isvNo: number; readonly licenseNo: number | undefined } {
    const vendor = this.#byVendor.get(isvId);
    return { isvNo: vendor?.no ?? 0, licenseNo: vendor?.licenses.get(licenseId) };
  }

  set(isvId: string, kind: Kind, id: string, no: number): void {
    const vendor = this.#byVendor.get(isvId) ?? { no: 0, licenses: new Map(), others: new Map() };
    this.#byVendor.set(isvId, vendor);
    if (kind === "isv") vendor.no = no;
    if (kind === "license") {
      vendor.licenses.set(id, no);
      return;
    }
    const ids = vendor.others.get(kind) ?? new Map<string, number>();
    vendor.others.set(kind, ids);
    ids.set(id, no);
  }
}
