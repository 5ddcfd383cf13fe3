/** What names and ids may refer to. */
import { createHash } from "node:crypto";
import type { Kind } from "./entities.ts";

/** Something that a name or an id may refer to. `parentId`: an edition's product, a licence's customer. */
export interface Thing {
  readonly id: string;
  readonly name: string | null;
  readonly parentId: string | null;
}

export type Referable = Exclude<Kind, "isv">;

/** Things by kind and id, and by kind and name. */
export class Index {
  readonly #byId = new Map<string, Thing>();
  readonly #byName = new Map<string, Thing[]>();
  readonly #all = new Map<Referable, Thing[]>();

  add(kind: Referable, thing: Thing): void {
    this.#byId.set(`${kind}/${thing.id}`, thing);
    if (thing.name !== null) append(this.#byName, `${kind}/${thing.name}`, thing);
    append(this.#all, kind, thing);
  }

  byId(kind: Referable, id: string): Thing | undefined {
    return this.#byId.get(`${kind}/${id}`);
  }

  byName(kind: Referable, name: string): readonly Thing[] {
    return this.#byName.get(`${kind}/${name}`) ?? [];
  }

  all(kind: Referable): readonly Thing[] {
    return this.#all.get(kind) ?? [];
  }
}

function append<K>(map: Map<K, Thing[]>, key: K, thing: Thing): void {
  const things = map.get(key);
  if (things === undefined) map.set(key, [thing]);
  else things.push(thing);
}

/** An id that follows from names alone: a UUID of version 8 (own making) over SHA-256. */
export function derivedId(isvId: string, ...names: readonly string[]): string {
  const hex = createHash("sha256")
    .update(JSON.stringify([isvId, ...names]))
    .digest("hex");
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
