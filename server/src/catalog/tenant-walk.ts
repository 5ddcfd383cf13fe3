/**
 * One walk through a YAML document, for what the library would find by a walk for each alias, and for each field by a look
 * at all fields before it: a small file could make it work for minutes.
 */
import { type Alias, type Document, isAlias, isMap, isScalar, type Node, visit, type YAMLMap } from "yaml";

/** Uses of anchors, nested ones multiplied: enough for real files, too few for a "billion laughs". */
export const aliasUsesMax = 100;

/** Characters that aliases may stand for, all together: what is written out takes time that the file's own length does not show. */
const aliasLengthMax = 1024 * 1024;

/** Something that is wrong, and where in the text. */
export interface Misplaced {
  readonly at: number;
  readonly code: "BAD_ALIAS" | "ALIAS_IN_ITSELF" | "ALIASES_EXCESSIVE" | "DUPLICATE_KEY";
}

/** An alias with what it comes to: uses of anchors and characters, as if all were written out. */
interface Followed {
  readonly at: number;
  readonly uses: number;
  readonly length: number;
}

export class Walk {
  readonly wrong: Misplaced[] = [];
  /** What each alias stands for. */
  readonly targets = new Map<Alias, Node>();
  readonly #anchors = new Map<string, Node>();
  readonly #followed: Followed[] = [];

  constructor(document: Document) {
    visit(document, {
      Node: (_, node, path) => {
        if (isAlias(node)) return this.#follow(node, path);
        if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
        if (isMap(node)) this.#tellDoubles(node);
        return undefined;
      },
    });
  }

  /** Ends the walk where there are too many: what they come to is added up from all before it. */
  #follow(alias: Alias, path: readonly unknown[]): symbol | undefined {
    const [at] = rangeOf(alias);
    const target = this.#anchors.get(alias.source);
    if (target === undefined || path.includes(target)) {
      this.wrong.push({ at, code: target === undefined ? "BAD_ALIAS" : "ALIAS_IN_ITSELF" });
      return undefined;
    }
    const [from, until] = rangeOf(target);
    const inside = sumOf(this.#followed.filter((other) => from <= other.at && other.at < until));
    this.#followed.push({ at, uses: inside.uses + 1, length: inside.length + until - from });
    this.targets.set(alias, target);
    const all = sumOf(this.#followed);
    if (all.uses <= aliasUsesMax && all.length <= aliasLengthMax) return undefined;
    this.wrong.push({ at, code: "ALIASES_EXCESSIVE" });
    return visit.BREAK;
  }

  #tellDoubles({ items }: YAMLMap): void {
    const seen = new Set<unknown>();
    for (const { key } of items) {
      if (!isScalar(key)) continue;
      if (seen.has(key.value)) this.wrong.push({ at: rangeOf(key)[0], code: "DUPLICATE_KEY" });
      seen.add(key.value);
    }
  }
}

function rangeOf({ range }: Node): readonly [number, number] {
  return range == null ? [0, 0] : [range[0], range[1]];
}

function sumOf(all: readonly Followed[]): { readonly uses: number; readonly length: number } {
  return all.reduce((sum, { uses, length }) => ({ uses: sum.uses + uses, length: sum.length + length }), {
    uses: 0,
    length: 0,
  });
}
