/**
 * What stands in the log of changes. An extend, which is nearly all that happens, changes a few numbers of a session:
 * these alone are written, and whoever reads them has the session already.
 */
import type { Change, Renewal, Session } from "../../core/types.ts";

const extensionFields = ["extendedAt", "validUntil", "checkoutUntil", "peakSessions", "peakHolders"] as const;
const isOfExtension = new Set<string>([...extensionFields, "renewal"]);

/** What an extend changes of a session; the renewal of those that have one. */
export type Extension = Pick<Session, (typeof extensionFields)[number] | "renewal">;

/** An entry of the log, as it is read. */
export type Logged =
  | Change
  | { readonly type: "session.extended"; readonly key: string; readonly extension: Extension };

/** A change, and the session as it was before the transaction. */
export interface Changed {
  readonly change: Change;
  readonly before: Session | undefined;
}

/** Sessions before projects: a project that goes has lost its users, and one that changes its kind takes them along. */
export function written(changes: Iterable<Changed>): string {
  const entries = Array.from(changes, entryOf).toSorted((a, b) => a.rank - b.rank);
  return `[${entries.map(({ text }) => text).join(",")}]`;
}

function entryOf({ change, before }: Changed): { readonly rank: number; readonly text: string } {
  if (change.type === "session.gone") return { rank: 0, text: JSON.stringify(change) };
  if (change.type !== "session") return { rank: 1, text: JSON.stringify(change) };
  const { session } = change;
  if (before === undefined || !isExtended(before, session)) return { rank: 0, text: JSON.stringify(change) };
  const { key, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, renewal } = session;
  const numbers = `${extendedAt},${validUntil},${checkoutUntil},${peakSessions},${peakHolders}`;
  const renewed = renewal === undefined ? "" : `,${JSON.stringify(renewal)}`;
  return { rank: 0, text: `[${JSON.stringify(key)},${numbers}${renewed}]` };
}

function isExtended(before: Session, after: Session): boolean {
  for (const name in after) {
    const field = name as keyof Session;
    if (after[field] !== before[field] && !isOfExtension.has(field)) return false;
  }
  return true;
}

type Entry = Change | readonly [string, number, number, number | null, number, number, Renewal?];

/** What `written` wrote. */
export function read(text: string): Logged[] {
  return (JSON.parse(text) as Entry[]).map((entry) => {
    if ("type" in entry) return entry;
    const [key, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, renewal] = entry;
    const extension = { extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders };
    return { type: "session.extended", key, extension: { ...extension, ...(renewal !== undefined && { renewal }) } };
  });
}
