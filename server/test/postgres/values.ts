/** Values as they are written into the database. */
import type { Session } from "../../src/core/types.ts";

/** A session as most are. */
export const opened: Session = {
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
