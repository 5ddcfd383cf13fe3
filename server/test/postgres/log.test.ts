/** What an extend writes into PostgreSQL's log of changes, which is nearly all that is ever written. */
import { expect, test } from "vitest";
import type { Session } from "../../src/core/types.ts";
import { type Changed, read, written } from "../../src/stores/postgres/log.ts";

const opened: Session = {
  id: "one",
  key: "anna\0",
  clientId: "anna",
  clientKey: "anna",
  sessionId: null,
  userId: null,
  holder: "anna",
  openedAt: 1,
  extendedAt: 1,
  validUntil: 2,
  checkoutUntil: null,
  endedAt: null,
  peakSessions: 1,
  peakHolders: 1,
  isOveruse: false,
};

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
