/**
 * Sessions and clients as the JSON of their rows: without what the other columns say, and without what most of them say alike.
 * Half of what a row takes, in its table and in the write-ahead log, were the names of members that are null.
 */
import type { Assignment, Session } from "../../core/types.ts";
import { otherUserOf } from "../clients.ts";
import type { Place } from "../store.ts";
import { plain, texts } from "./arrays.ts";
import type { Row } from "./connections.ts";
import { columnsOf } from "./licenses.ts";

type SessionBody = Omit<Session, "key">;
type AssignmentBody = Omit<Assignment, "clientKey" | "tokenKey">;

/** What a member is where it is left out. Never to be changed: rows tell nothing else. */
const session = { sessionId: null, userId: null, checkoutUntil: null, endedAt: null, isOveruse: false } as const;
const assignment = {
  clientName: null,
  clientDescription: null,
  userId: null,
  softwareVersion: null,
  operatingSystem: null,
  unassignedAt: null,
  suspendedUntil: null,
  isGoodwill: false,
  lastHeartbeatAt: null,
} as const;

/** Without the key, which stands beside it and may hold what `jsonb` refuses. */
export function sessionBody({ key: _, ...body }: Session): string {
  return JSON.stringify(short(body, sessionDefaults(body)));
}

/** A session of its row's `key` and `body`, from whatever release. */
export function sessionOf({ key, body }: Row): Session {
  const written = body as SessionBody;
  return { ...sessionDefaults(written), ...written, key: JSON.parse(key as string) };
}

/** A client is mostly named as it was written, and holds the token itself. */
function sessionDefaults({ clientId, clientKey = clientId }: Pick<Session, "clientId"> & Partial<Session>) {
  return { ...session, clientKey: clientId, holder: clientKey };
}

/** The columns of `putAssignments`. */
export function assignmentColumns(rows: readonly { readonly place: Place; readonly assignment: Assignment }[]) {
  const all = rows.map((row) => row.assignment);
  return [
    ...columnsOf(rows.map(({ place }) => place)),
    texts(all.map(({ clientKey }) => clientKey)),
    plain(all.map(({ tokenKey }) => tokenKey)),
    texts(all.map(otherUserOf)),
    texts(all.map(assignmentBody)),
  ];
}

function assignmentBody({ clientKey: _, tokenKey: __, ...body }: Assignment): string {
  return JSON.stringify(short(body, assignment));
}

/** A client of its row's `client_key`, `token_key` and `body`, from whatever release. */
export function assignmentOf({ client_key, token_key, body }: Row): Assignment {
  const names = { clientKey: client_key as string, tokenKey: token_key as string };
  return { ...assignment, ...(body as AssignmentBody), ...names };
}

function short<T extends object>(value: T, defaults: Partial<Record<keyof T, unknown>>): Partial<T> {
  const left: Partial<T> = {};
  for (const name in value) if (value[name] !== defaults[name]) left[name] = value[name];
  return left;
}
