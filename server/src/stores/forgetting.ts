/** Putting other names in the place of a user's: what it means for a licence and for a line of history. For all stores. */
import { oneUse } from "../analytics/sums.ts";
import { type Episode, episodePart, episodeSeries, type HolderUse, type Tally } from "../analytics/tally.ts";
import { clientKey, fold } from "../core/names.ts";
import type { LicenseState } from "../core/state.ts";
import type {
  Assignment,
  Consumption,
  Gathered,
  HistoryRecord,
  Item,
  LicenseUser,
  LicenseView,
  Session,
  Terms,
  Ticket,
} from "../core/types.ts";
import { CatalogConflict } from "./store.ts";

/** What shall stand in the place of a user's names, by the names in the form in which they are compared. */
export type Renames = ReadonlyMap<string, string>;

/** What becomes of a licence's clients and of what it remembers of ended sessions. */
export interface Renaming {
  readonly before: readonly Assignment[];
  /** In the same order. */
  readonly after: readonly Assignment[];
  /** Sessions that an administrator ended: their ids become free. */
  readonly dropped: readonly Session[];
  /** Registered users and places in the queue, which go. */
  readonly gone: readonly (LicenseUser | Ticket)[];
  /** Consumptions under the other names. */
  readonly consumptions: readonly Consumption[];
}

/** What a licence keeps that may bear a name. */
export type Kept = Pick<LicenseView, "sessions" | "assignments" | "items">;

/**
 * What the names' end means for a licence; null: it knows none of them. `kept`: all of it that bears one of them, and maybe more.
 * @throws CatalogConflict where one of them has a live session.
 */
export function renamingOf(license: LicenseView, names: Renames, kept: Kept = license): Renaming | null {
  const { terms } = license;
  const dropped = those(kept.sessions(), (session) => isNamed(terms, session, names));
  if (dropped.some(({ endedAt }) => endedAt === null)) {
    throw new CatalogConflict("license", terms.licenseId, "has a live session of this user");
  }
  const before = those(kept.assignments(), (assignment) => isNamed(terms, assignment, names));
  // Of limitations that the edition has no more, too.
  const items = those(kept.items(), (item) => isNamedItem(terms, item, names));
  const gone = items.filter((item) => item.kind === "user" || item.kind === "ticket");
  const consumptions = items
    .filter((item) => item.kind === "consumption")
    .map((consumption) => renamedConsumption(terms, consumption, names));
  if ([before, dropped, gone, consumptions].every(({ length }) => length === 0)) return null;
  const given = new Set<string>();
  const isTaken = (key: string) => given.has(key) || license.assignment(key) !== undefined;
  const after = before.map((assignment) => {
    const other = renamed(terms, assignment, names, isTaken);
    given.add(other.clientKey);
    return other;
  });
  return { before, after, dropped, gone, consumptions };
}

/**
 * On a devices licence the client is a machine, which keeps its name; who uses it is a user there too. A client's key is its
 * name as it is compared: a million of them are looked at between two decisions, so none is folded again.
 */
export function isNamed(terms: Terms, named: Named, names: Renames): boolean {
  const { clientId, userId } = named;
  if (terms.clientType === "devices") return userId !== null && names.has(fold(userId));
  if (names.has(named.clientKey ?? fold(clientId))) return true;
  return userId !== null && userId !== clientId && names.has(fold(userId));
}

export function isNamedItem(terms: Terms, item: Item, names: Renames): boolean {
  if (item.kind === "quota") return false;
  return item.kind === "user" ? names.has(item.key) : isNamed(terms, item, names);
}

function those<T>(all: Iterable<T>, isOne: (each: T) => boolean): T[] {
  const found: T[] = [];
  for (const each of all) if (isOne(each)) found.push(each);
  return found;
}

type Named = Pick<Session, "clientId" | "userId"> & Partial<Pick<Session, "clientKey">>;

function renamed(terms: Terms, assignment: Assignment, names: Renames, isTaken: (key: string) => boolean): Assignment {
  const userId = otherName(assignment.userId, names);
  if (terms.clientType === "devices") return { ...assignment, userId };
  const fresh = names.get(fold(assignment.clientId));
  // Somebody who was forgotten, came back and is forgotten again is two clients, and stays so.
  const clientId = fresh === undefined ? assignment.clientId : freeName(fresh, isTaken);
  return {
    ...assignment,
    clientId,
    clientKey: clientKey(terms, clientId),
    userId,
    clientName: null,
    clientDescription: null,
  };
}

function renamedConsumption({ clientType }: Terms, consumption: Consumption, names: Renames): Consumption {
  const { clientId, userId } = consumption;
  const isMachine = clientType === "devices";
  return {
    ...consumption,
    clientId: isMachine ? clientId : (otherName(clientId, names) as string),
    userId: otherName(userId, names),
  };
}

function freeName(name: string, isTaken: (key: string) => boolean): string {
  if (!isTaken(name)) return name;
  let n = 2;
  while (isTaken(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

/** A name as it stands from now on. */
export function otherName(name: string | null, names: Renames): string | null {
  return name === null ? null : (names.get(fold(name)) ?? name);
}

/** A line of history with the other names; `isDevices`: of a licence that counts them. */
export function renamedLine(line: HistoryRecord, names: Renames, isDevices: boolean): HistoryRecord {
  const clientId = isDevices ? line.clientId : otherName(line.clientId, names);
  return { ...line, clientId, userId: otherName(line.userId, names) };
}

/** Makes it so in memory. */
export function rename(license: LicenseState, { before, after, dropped, gone, consumptions }: Renaming): void {
  for (const { key } of dropped) license.dropSession(key);
  for (const assignment of before) license.dropAssignment(assignment.clientKey);
  for (const assignment of after) license.putAssignment(assignment);
  for (const { kind, key } of gone) license.dropItem(kind, key);
  for (const consumption of consumptions) license.putItem(consumption);
}

/** Whether a value was told by one of the names, or of it: such values are forgotten. */
export function isToldBy(
  { clientId, userId }: Pick<Gathered, "clientId" | "userId">,
  isDevices: boolean,
  names: Renames,
): boolean {
  return (userId !== null && names.has(fold(userId))) || (!isDevices && names.has(fold(clientId)));
}

/** Tallies that are of no use any more, and those that stand in their place. */
export interface RenamedTallies {
  readonly gone: readonly Tally[];
  readonly fresh: readonly Tally[];
}

/**
 * What analytics count of people, under the other names. `tallies` are those of the old names and of the new ones: what
 * was two people's becomes one's.
 */
export function renamedTallies(tallies: readonly Tally[], names: Renames): RenamedTallies {
  const standing = new Map(tallies.map((tally) => [placeOf(tally), tally]));
  const gone = tallies.filter((tally) => names.has(holderOf(tally)));
  for (const tally of gone) standing.delete(placeOf(tally));
  const fresh = new Map<string, Tally>();
  for (const tally of gone) {
    const renamed = under(names.get(holderOf(tally)) as string, tally);
    const place = placeOf(renamed);
    fresh.set(place, together(renamed, fresh.get(place) ?? standing.get(place)));
  }
  return { gone, fresh: [...fresh.values()] };
}

const isEpisode = ({ series }: Tally): boolean => series.startsWith(episodeSeries(""));
const holderOf = (tally: Tally): string => (isEpisode(tally) ? (tally.body as Episode).holder : tally.part);
const placeOf = ({ series, start, part }: Tally): string => JSON.stringify([series, start, part]);

function under(holder: string, tally: Tally): Tally {
  if (!isEpisode(tally)) return { ...tally, part: holder };
  const body = { ...(tally.body as Episode), holder };
  return { ...tally, part: episodePart(body), body };
}

function together(one: Tally, other: Tally | undefined): Tally {
  if (other === undefined) return one;
  if (!isEpisode(one)) return { ...one, body: oneUse(one.body as HolderUse, other.body as HolderUse) };
  const [a, b] = [one.body as Episode, other.body as Episode];
  return { ...one, body: { ...a, attempts: a.attempts + b.attempts, lastAt: Math.max(a.lastAt, b.lastAt) } };
}
