/** What the rows of sessions and clients leave out, and how they are read from whatever release. */
import { expect, test } from "vitest";
import type { Assignment, Session } from "../../src/core/types.ts";
import { assignmentColumns, assignmentOf, sessionBody, sessionOf } from "../../src/stores/postgres/bodies.ts";
import { opened } from "./values.ts";

const activated: Assignment = {
  id: "one",
  tokenKey: "two",
  clientId: "anna",
  clientKey: "anna",
  clientName: null,
  clientDescription: null,
  userId: null,
  softwareVersion: null,
  operatingSystem: null,
  activatedAt: 1,
  unassignedAt: null,
  suspendedUntil: null,
  isGoodwill: false,
  lastHeartbeatAt: null,
};

/** A session as a row has it. */
const rowOf = (session: Session) => ({ key: JSON.stringify(session.key), body: JSON.parse(sessionBody(session)) });

/** A client as a row has it. */
function rowOfClient(assignment: Assignment) {
  const place = { isvId: "vendor", licenseId: "licence" };
  const body = (assignmentColumns([{ place, assignment }]).at(-1) as Buffer).subarray(24).toString();
  return { client_key: assignment.clientKey, token_key: assignment.tokenKey, body: JSON.parse(body) };
}

test.each([
  ["as most are", opened],
  ["with all that it may have", { ...opened, sessionId: "s", userId: "Anna", checkoutUntil: 3, endedAt: 4 }],
  ["whose client is written otherwise", { ...opened, clientId: "Anna" }],
  ["that is held by somebody else", { ...opened, clientId: "Anna", holder: "anna@factor.com" }],
  ["that is overuse", { ...opened, isOveruse: true, address: 7, moves: { to: 8, at: 4, toldAt: null } }],
  ["with a member of a later release", { ...opened, later: null }],
] as const)("a session %s is read as it was written", (_, session) => {
  expect(sessionOf(rowOf(session))).toEqual(session);
});

test("of a session as most are, a row says nothing that is not its own", () => {
  const { id, clientId, openedAt, extendedAt, validUntil, peakSessions, peakHolders } = opened;
  expect(rowOf(opened).body).toEqual({ id, clientId, openedAt, extendedAt, validUntil, peakSessions, peakHolders });
});

test.each([
  ["as most are", activated],
  ["that has lost its token", { ...activated, unassignedAt: 3, lastHeartbeatAt: 2, isGoodwill: true }],
  ["with all names", { ...activated, clientId: "Anna", clientName: "", userId: "anna", operatingSystem: "Linux" }],
  ["that is suspended", { ...activated, suspendedUntil: 9, clientDescription: "d", softwareVersion: "1" }],
  ["with a member of a later release", { ...activated, later: null }],
] as const)("a client %s is read as it was written", (_, assignment) => {
  expect(assignmentOf(rowOfClient(assignment))).toEqual(assignment);
});

test("rows that say everything, as those of before do, are read as they are", () => {
  const { key, ...session } = { ...opened, clientKey: "other", holder: "another", sessionId: "s" };
  expect(sessionOf({ key: JSON.stringify(key), body: session })).toEqual({ ...session, key });
  const { clientKey: client_key, tokenKey: token_key } = activated;
  expect(assignmentOf({ client_key, token_key, body: activated })).toEqual(activated);
});
