/** What an extend writes into PostgreSQL's log of changes, which is nearly all that is ever written. */
import { expect, test } from "vitest";
import type { Assignment, Change, Session } from "../../src/core/types.ts";
import { type Changed, read, written } from "../../src/stores/postgres/log.ts";
import { opened } from "./values.ts";

const extend = (before: Session, more: Partial<Session> = {}): Changed => {
  return { change: { type: "session", session: { ...before, extendedAt: 5, validUntil: 6, ...more } }, before };
};

test("an extend whose address is known writes no byte more, as long as the session stays where it is", () => {
  const plain = written([extend(opened)]);
  expect(written([extend({ ...opened, address: 7 })])).toBe(plain);
  expect(written([extend({ ...opened, address: 7, moves: { to: 8, at: 4, toldAt: null } })])).toBe(plain);
});

test("a move writes the session whole", () => {
  const moved = extend({ ...opened, address: 7 }, { moves: { to: 8, at: 5, toldAt: null } });
  expect(read(written([moved]))).toEqual([moved.change]);
});

const client: Assignment = {
  id: "one",
  tokenKey: "two",
  clientId: "Anna",
  clientKey: "anna",
  clientName: null,
  clientDescription: '"{}\\,NULL',
  userId: "Änna",
  softwareVersion: null,
  operatingSystem: null,
  activatedAt: 1,
  unassignedAt: null,
  suspendedUntil: 3,
  isGoodwill: true,
  lastHeartbeatAt: null,
};

const changes: readonly Change[] = [
  { type: "session", session: opened },
  { type: "session", session: { ...opened, endedAt: 4, isOveruse: true } },
  {
    type: "session",
    session: {
      ...opened,
      address: 7,
      moves: { to: 8, at: 5, toldAt: null },
      voucher: { deviceKey: null, until: 9 },
      renewal: { current: "1-a", previous: null },
    },
  },
  { type: "session.gone", key: "anna\0" },
  { type: "assignment", assignment: client },
  { type: "assignment", assignment: { ...client, later: "a member of a later program" } as Assignment },
  { type: "check-ins", checkIns: { month: "2026-11", count: 2 } },
  { type: "project.gone", id: "p" },
];

test("whatever is written is read as it was, a member that comes later included", () => {
  for (const change of changes) expect(read(written([{ change, before: undefined }]))).toEqual([change]);
});

test("what lacks a member is read without it, whatever else it has", () => {
  const { isOveruse: _, ...without } = opened;
  const { isGoodwill: __, ...fewer } = client;
  const lacking: Change[] = [
    { type: "session", session: without as Session },
    { type: "session", session: { ...without, address: 7 } as Session },
    { type: "assignment", assignment: { ...fewer, later: 1 } as unknown as Assignment },
  ];
  for (const change of lacking) expect(read(written([{ change, before: undefined }]))).toEqual([change]);
});

test("an extend of a session that lacks one of the numbers is read without it", () => {
  const { peakHolders: _, ...without } = opened;
  const { change, before } = extend(without as Session);
  expect(read(written([{ change, before }]))).toEqual([change]);
});

test("what an extend takes from a session is written: it is whole then", () => {
  for (const lost of [{ moves: { to: 8, at: 4, toldAt: null } }, { renewal: { current: "1-a", previous: null } }]) {
    const { change } = extend(opened);
    expect(read(written([{ change, before: { ...opened, ...lost } }]))).toEqual([change]);
  }
});

test("what an older program wrote, with the names of all members, is read too", () => {
  for (const change of changes) expect(read(JSON.stringify([change]))).toEqual([change]);
});

test("a session of the network stands in the log by its values alone, as one of nowhere does", () => {
  for (const session of [opened, { ...opened, address: 7 }]) {
    const text = written([{ change: { type: "session", session }, before: undefined }]);
    expect(text).toBe(JSON.stringify([{ session: Object.values(session) }]));
  }
});

test("an address is read where an older program wrote it, beside the values", () => {
  const { address, ...values } = { ...opened, address: 7 };
  const text = JSON.stringify([{ session: Object.values(values), more: { address } }]);
  expect(read(text)).toEqual([{ type: "session", session: { ...opened, address: 7 } }]);
});
