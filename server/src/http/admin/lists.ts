/** Lists of the catalogue: filtered by whoever calls, then sorted and cut into pages here. */
import { type TProperties, Type } from "typebox";
import { type Answer, json } from "../answer.ts";
import { pageMax, pageSizeDefault, pageSizeMax } from "../limits.ts";

/** What a list may be asked for beside its filters. */
export interface PageAsked {
  readonly page?: number | null;
  readonly page_size?: number | null;
  readonly sort?: string | null;
  readonly descending?: boolean | null;
}

/** The query of a list, closed: a filter with a typing mistake must not list everything. */
export function ListQuery<P extends TProperties>(filters: P, sorts: readonly string[]) {
  return Type.Object(
    {
      ...filters,
      sort: Type.Optional(
        Type.Enum([...sorts], { description: `By what the list is sorted; \`${sorts[0]}\` if left out.` }),
      ),
      descending: Type.Optional(Type.Boolean()),
      page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: "Pages count from 1." })),
      page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: pageSizeMax, description: "Lines of a page." })),
    },
    { additionalProperties: false },
  );
}

/** A page as our own calls answer with it. */
export const PageOf = (item: import("typebox").TSchema) =>
  Type.Object({ items: Type.Array(item), page: Type.Integer(), page_size: Type.Integer(), total: Type.Integer() });

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Sorts and cuts; `keys` has the text that each sort goes by. What is equal stands in order of ids. */
function cut<T extends { readonly id: string }>(
  items: readonly T[],
  asked: PageAsked,
  keys: Readonly<Record<string, (item: T) => string>>,
  size: number,
): T[] {
  const key = keys[asked.sort ?? (Object.keys(keys)[0] as string)] as (item: T) => string;
  const sign = asked.descending === true ? -1 : 1;
  const keyed = items.map((item) => ({ item, text: key(item) }));
  keyed.sort((a, b) => sign * (collator.compare(a.text, b.text) || (a.item.id < b.item.id ? -1 : 1)));
  const start = ((asked.page ?? 1) - 1) * size;
  return keyed.slice(start, start + size).map(({ item }) => item);
}

/** SLASCONE's lists are bare arrays; the total of all pages is in a header. */
export function arrayAnswer<T extends { readonly id: string }>(
  items: readonly T[],
  asked: PageAsked,
  keys: Readonly<Record<string, (item: T) => string>>,
  shown: (item: T) => unknown,
): Answer {
  const page = cut(items, asked, keys, asked.page_size ?? pageSizeMax);
  return { ...json(page.map(shown)), headers: ["X-Total-Count", String(items.length)] };
}

/** Our own lists are pages. */
export function pageAnswer<T extends { readonly id: string }>(
  items: readonly T[],
  asked: PageAsked,
  keys: Readonly<Record<string, (item: T) => string>>,
  shown: (item: T) => unknown,
): Answer {
  const size = asked.page_size ?? pageSizeDefault;
  return pageOf(cut(items, asked, keys, size).map(shown), items.length, asked);
}

/** A page that the store has cut. */
export function pageOf(items: readonly unknown[], total: number, { page, page_size }: PageAsked): Answer {
  return json({ items, page: page ?? 1, page_size: page_size ?? pageSizeDefault, total });
}

/** Whether a search finds one of the texts: as a part of it, whatever the case. */
export function finds(search: string | null | undefined, ...texts: readonly (string | null | undefined)[]): boolean {
  if (search == null) return true;
  const wanted = search.trim().toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted) === true);
}
