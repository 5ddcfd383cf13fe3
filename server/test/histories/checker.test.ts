/** The judge of histories, judged: histories that can be, and the faults that a store must never show. */
import { expect, test } from "vitest";
import type { Command, Millis } from "../../src/core/types.ts";
import { licenseSetting, modelTermsOf } from "../model/vendor.ts";
import { type Answer, type Operation, unexplained } from "./checker.ts";

const setting = licenseSetting({ tokens: 1, periodMinutes: 1 });
const terms = modelTermsOf(setting);
const { isvId, licenseId } = setting;
const period = 60_000;

/** One client after the other, unless told otherwise: the n-th call is at n seconds and answered half a second later. */
class Tale {
  readonly operations: Operation[] = [];

  add(command: Command, answer: Answer | null, more: Partial<Operation> = {}): this {
    const n = this.operations.length + 1;
    const answered = answer === null ? Number.POSITIVE_INFINITY : n * 2 + 1;
    const times = { called: n * 2, answered, from: n * 1_000, to: answer === null ? answered : n * 1_000 + 500 };
    this.operations.push({ command, answer, instants: null, ...times, ...more });
    return this;
  }

  opened(client: string, at: Millis, openedAt = at, more: Partial<Operation> = {}): this {
    const session = { openedAt, extendedAt: at, validUntil: at + period, peakSessions: 1, peakHolders: 1 };
    return this.add(open(client), { type: "session", session }, { instants: [at], ...more });
  }

  unknown(command: Command, instants: readonly Millis[], more: Partial<Operation> = {}): this {
    return this.add(command, null, { instants, ...more });
  }

  full(client: string, nextFreeAt: Millis, more: Partial<Operation> = {}): this {
    return this.add(
      open(client),
      { type: "denied", code: "tokens_exhausted", inUse: 1, nextFreeAt, queuePosition: null },
      more,
    );
  }

  /** Refused, with a place in the queue; no instant: a token is free, for others who wait. */
  waits(client: string, queuePosition: number, nextFreeAt: Millis | null, more: Partial<Operation> = {}): this {
    const inUse = nextFreeAt === null ? 0 : 1;
    return this.add(
      waiting(client),
      { type: "denied", code: "tokens_exhausted", inUse, nextFreeAt, queuePosition },
      more,
    );
  }

  closed(client: string, more: Partial<Operation> = {}): this {
    return this.add(close(client), { type: "granted" }, more);
  }

  notOpen(client: string, more: Partial<Operation> = {}): this {
    return this.add(
      close(client),
      { type: "denied", code: "session_unknown", inUse: 0, nextFreeAt: null, queuePosition: null },
      more,
    );
  }

  looked(clients: readonly string[], at: Millis, more: Partial<Operation> = {}): this {
    const sessions = clients.map((clientId) => {
      return { clientId, sessionId: null, openedAt: at, extendedAt: at, validUntil: at + period };
    });
    return this.add({ type: "sweep", isvId, licenseId }, { type: "sessions", sessions }, more);
  }
}

function open(clientId: string): Command {
  const ids = { session: `session of ${clientId}`, assignment: clientId, token: clientId };
  const nobody = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", isvId, licenseId, clientId, ...nobody, ids };
}

const waiting = (clientId: string): Command => ({ ...open(clientId), waitMs: 1_000 }) as Command;

function close(clientId: string): Command {
  return { type: "close", isvId, licenseId, clientId, sessionId: null, userId: null };
}

const over = { from: 61_200, to: 62_000 };

test.each<[string, Tale]>([
  [
    "open, refused, closed, open",
    new Tale().opened("anna", 1_100).full("ben", 61_100).closed("anna").opened("ben", 4_100),
  ],
  ["an extend keeps the beginning", new Tale().opened("anna", 1_100).opened("anna", 2_100, 1_100)],
  ["over at the instant, and free", new Tale().opened("anna", 1_200).opened("ben", 61_200, 61_200, over)],
  ["over, and so not open", new Tale().opened("anna", 1_100).notOpen("anna", { from: 61_000, to: 61_200 })],
  [
    "two at once: the close was first though it was called later",
    new Tale()
      .opened("anna", 1_100)
      .opened("ben", 2_400, 2_400, { answered: 10 })
      .closed("anna", { called: 5, from: 2_100, to: 2_300 }),
  ],
  [
    "an unanswered open that happened",
    new Tale().unknown(open("anna"), [1_700]).full("ben", 61_700).opened("anna", 3_100, 1_700),
  ],
  ["an unanswered open that never happened", new Tale().unknown(open("anna"), []).opened("ben", 2_100)],
  [
    "an unanswered close that happened late",
    new Tale().opened("anna", 1_100).unknown(close("anna"), [4_200]).full("ben", 61_100).opened("ben", 4_300),
  ],
  [
    "who came first is first, and whoever cannot wait comes after both",
    new Tale()
      .opened("anna", 1_100)
      .waits("ben", 1, 61_100)
      .waits("carl", 2, 61_100)
      .closed("anna")
      .waits("carl", 2, null)
      .opened("ben", 6_100)
      .waits("carl", 1, 66_100),
  ],
  [
    "an unanswered open that took a place",
    new Tale().opened("anna", 1_100).unknown(waiting("ben"), [2_300]).waits("carl", 2, 61_100),
  ],
  [
    "an unanswered open that took no place",
    new Tale().opened("anna", 1_100).unknown(waiting("ben"), []).waits("carl", 1, 61_100),
  ],
  [
    "an unanswered close that gave a place up",
    new Tale()
      .opened("anna", 1_100)
      .waits("ben", 1, 61_100)
      .waits("carl", 2, 61_100)
      .unknown(close("ben"), [4_200])
      .waits("carl", 1, 61_100),
  ],
  ["what an administrator sees", new Tale().opened("anna", 1_100).looked(["anna"], 1_100).closed("anna").looked([], 0)],
])("can be: %s", (_name, { operations }) => {
  expect(unexplained(terms, operations)).toBeNull();
});

test.each<[string, Tale]>([
  ["the last token granted twice", new Tale().opened("anna", 1_100).opened("ben", 2_100)],
  [
    "the last token granted twice, to two at once",
    new Tale().opened("anna", 1_300, 1_300, { answered: 9 }).opened("ben", 1_200, 1_200, { called: 3, from: 1_000 }),
  ],
  ["a lost close", new Tale().opened("anna", 1_100).closed("anna").full("ben", 61_100)],
  ["a lost open", new Tale().opened("anna", 1_100).opened("ben", 2_100).notOpen("anna")],
  ["a lost open, by what an administrator sees", new Tale().opened("anna", 1_100).looked([], 0)],
  ["an extend that is lost", new Tale().opened("anna", 1_100).opened("anna", 2_100, 1_100).full("ben", 61_100)],
  [
    "an extend after the close that brings the session back",
    new Tale().opened("anna", 1_100).closed("anna").opened("anna", 3_100, 1_100),
  ],
  ["an extend that begins anew", new Tale().opened("anna", 1_100).opened("anna", 2_100)],
  ["a session that is over and still blocks", new Tale().opened("anna", 1_100).full("ben", 61_100, over)],
  [
    "a session that ends too early",
    new Tale().opened("anna", 1_100).opened("ben", 50_000, 50_000, { from: 49_900, to: 50_100 }),
  ],
  ["a close granted twice", new Tale().opened("anna", 1_100).closed("anna").closed("anna")],
  ["a close refused while the session is live", new Tale().opened("anna", 1_100).notOpen("anna")],
  [
    "a token that goes to the second in the queue",
    new Tale()
      .opened("anna", 1_100)
      .waits("ben", 1, 61_100)
      .waits("carl", 2, 61_100)
      .closed("anna")
      .opened("carl", 5_100),
  ],
  ["two who are first", new Tale().opened("anna", 1_100).waits("ben", 1, 61_100).waits("carl", 1, 61_100)],
  [
    "a place that is lost",
    new Tale().opened("anna", 1_100).waits("ben", 1, 61_100).closed("anna").opened("carl", 4_100),
  ],
  [
    "an unanswered open whose place nobody sees",
    new Tale()
      .opened("anna", 1_100)
      .waits("carl", 1, 61_100)
      .unknown(waiting("ben"), [3_300])
      .waits("dora", 3, 61_100)
      .waits("emil", 3, 61_100),
  ],
  ["an instant before the call", new Tale().opened("anna", 900)],
  ["an instant after the answer", new Tale().opened("anna", 1_600)],
  ["time that goes back", new Tale().opened("anna", 1_400).closed("anna", { from: 1_000, to: 1_300 })],
  ["refused as full while nobody is in", new Tale().full("ben", 61_100)],
  [
    "an unanswered open that blocks before it was called",
    new Tale().full("ben", 61_500).unknown(open("anna"), [1_500]),
  ],
  [
    "an unanswered open that is closed twice",
    new Tale()
      .unknown(open("anna"), [1_200])
      .closed("anna")
      .notOpen("anna", { answer: { type: "granted" } }),
  ],
])("cannot be: %s", (_name, { operations }) => {
  expect(unexplained(terms, operations)).toEqual(expect.any(String));
});

test("what cannot be explained is told: the last decisions that fit, and what does not", () => {
  const { operations } = new Tale().opened("anna", 1_100).opened("ben", 2_100);
  expect(unexplained(terms, operations)).toMatch(/after 1 decisions[\s\S]*anna[\s\S]*none of these fits[\s\S]*ben/);
});
