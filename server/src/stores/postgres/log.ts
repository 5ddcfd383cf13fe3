/**
 * What stands in the log of changes. An extend, which is nearly all that happens, changes a few numbers of a session:
 * these alone are written, and whoever reads them has the session already. Sessions and clients are written as values without
 * names, since a log is read by servers that know their order; in an order that never changes, members that come later behind it.
 */
import type { Assignment, Change, Renewal, Session } from "../../core/types.ts";

const sessionMembers = [
  ...(["id", "key", "clientId", "clientKey", "sessionId", "userId", "holder", "openedAt", "extendedAt"] as const),
  ...(["validUntil", "checkoutUntil", "endedAt", "peakSessions", "peakHolders", "isOveruse"] as const),
  ...(["address"] as const),
] satisfies readonly (keyof Session)[];

const assignmentMembers = [
  ...(["id", "tokenKey", "clientId", "clientKey", "clientName", "clientDescription", "userId"] as const),
  ...(["softwareVersion", "operatingSystem", "activatedAt", "unassignedAt", "suspendedUntil"] as const),
  ...(["isGoodwill", "lastHeartbeatAt"] as const),
] satisfies readonly (keyof Assignment)[];

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
  if (change.type === "session.gone") return { rank: 0, text: JSON.stringify({ gone: change.key }) };
  if (change.type === "assignment")
    return { rank: 1, text: textOf("client", change.assignment, assignmentMembers, change) };
  if (change.type !== "session") return { rank: 1, text: JSON.stringify(change) };
  const { session } = change;
  if (before === undefined || !isExtended(before, session)) {
    return { rank: 0, text: textOf("session", session, sessionMembers, change) };
  }
  const { key, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, renewal } = session;
  const numbers = `${extendedAt},${validUntil},${checkoutUntil},${peakSessions},${peakHolders}`;
  const renewed = renewal === undefined ? "" : `,${JSON.stringify(renewal)}`;
  return { rank: 0, text: `[${JSON.stringify(key)},${numbers}${renewed}]` };
}

/** What an extension cannot say is that a session has lost something, or never had one of the numbers. */
function isExtended(before: Session, after: Session): boolean {
  for (const name in after) {
    const field = name as keyof Session;
    if (after[field] !== before[field] && !isOfExtension.has(field)) return false;
  }
  for (const name in before) if (after[name as keyof Session] === undefined) return false;
  for (const name of extensionFields) if (after[name] === undefined) return false;
  return true;
}

/** Members by their values in order, the last one where it is there, and those that few have; all by their names where another lacks. */
function textOf<T extends object>(
  name: "session" | "client",
  value: T,
  members: readonly (keyof T)[],
  change: Change,
): string {
  const values = members.map((member) => value[member]);
  if (values.at(-1) === undefined) values.pop();
  if (values.includes(undefined as T[keyof T])) return JSON.stringify(change);
  if (Object.keys(value).length === values.length) return JSON.stringify({ [name]: values });
  const known: ReadonlySet<unknown> = new Set(members);
  const more = Object.fromEntries(Object.entries(value).filter(([member]) => !known.has(member)));
  return JSON.stringify({ [name]: values, more });
}

function unpacked<T extends object>(members: readonly (keyof T)[], values: readonly unknown[], more: object = {}): T {
  const value: Partial<Record<keyof T, unknown>> = {};
  // What was written before a member came has none of it.
  for (const [n, member] of members.slice(0, values.length).entries()) value[member] = values[n];
  return { ...value, ...more } as T;
}

type Entry =
  | Exclude<Change, { readonly type: "session" | "session.gone" | "assignment" }>
  | { readonly session: readonly unknown[]; readonly more?: object }
  | { readonly client: readonly unknown[]; readonly more?: object }
  | { readonly gone: string }
  | readonly [string, number, number, number | null, number, number, Renewal?];

/** What `written` wrote. */
export function read(text: string): Logged[] {
  return (JSON.parse(text) as Entry[]).map(loggedOf);
}

function loggedOf(entry: Entry): Logged {
  // Also what was written before sessions and clients lost their names.
  if ("type" in entry) return entry;
  if ("session" in entry) {
    return { type: "session", session: unpacked<Session>(sessionMembers, entry.session, entry.more) };
  }
  if ("client" in entry) {
    return { type: "assignment", assignment: unpacked<Assignment>(assignmentMembers, entry.client, entry.more) };
  }
  if ("gone" in entry) return { type: "session.gone", key: entry.gone };
  const [key, extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders, renewal] = entry;
  const extension = { extendedAt, validUntil, checkoutUntil, peakSessions, peakHolders };
  return { type: "session.extended", key, extension: { ...extension, ...(renewal !== undefined && { renewal }) } };
}
