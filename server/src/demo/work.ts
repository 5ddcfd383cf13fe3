/**
 * How somebody works, as a sequence of commands: each is yielded with its instant, and what it came to decides what comes
 * next. Nothing here knows of the others; shortages come from the rules.
 */
import type { Temporal } from "temporal-polyfill";
import type { Outcome } from "../core/step.ts";
import type { Command, Millis } from "../core/types.ts";
import type { Person } from "./people.ts";
import type { Random } from "./random.ts";

export interface Act {
  readonly at: Millis;
  readonly command: Command;
}

export type Work = Generator<Act, void, Outcome>;

/** A licence, and in it the project that is worked on. */
export interface Workplace {
  readonly isvId: string;
  readonly licenseId: string;
  readonly projectId: string | null;
}

const minute = 60_000;
const hour = 60 * minute;

/** When an application extends: as a share of the time that it was granted. Beyond all of it, it is too late. */
const goodExtendShare = 0.8;
const lateExtendShare = 1.05;

/** A day at the office, in stints with breaks between them. Null: the person is off. */
export function workday(person: Person, date: Temporal.PlainDate, where: Workplace, random: Random): Work | null {
  const isWeekend = date.dayOfWeek > 5;
  if (!random.chance(isWeekend ? 0.03 : isBusy(date) ? 0.95 : 0.78)) return null;
  const midnight = date.toZonedDateTime(person.zone).epochMilliseconds;
  const start = midnight + 8 * hour + random.between(0, 110 * minute);
  const end = midnight + (isWeekend ? 13 : 16) * hour + random.between(0, 150 * minute);
  return stints(person, where, start, end, random);
}

/** The last days of a month, when everything must be finished. */
function isBusy(date: Temporal.PlainDate): boolean {
  return date.daysInMonth - date.day < 4;
}

function* stints(person: Person, where: Workplace, start: Millis, end: Millis, random: Random): Work {
  const session = sessionOf(person.user, where, random, person.isShared ? 2 : 1);
  let tries = 0;
  for (let at = start; at < end; ) {
    const opened = yield { at, command: session.open() };
    if (opened.denial !== null) {
      // Some wait for a token, some come back after another piece of work.
      tries++;
      at += tries % 4 === 0 ? random.between(40 * minute, 100 * minute) : random.between(minute, 7 * minute);
      continue;
    }
    tries = 0;
    const until = Math.min(end, at + random.between(50 * minute, 200 * minute));
    const step = extendStep(opened, at, person.isLate ? lateExtendShare : goodExtendShare);
    for (at += step; at < until; at += step) yield { at, command: session.open() };
    at = until;
    if (!random.chance(person.forgets)) yield { at, command: session.close() };
    at += random.between(10 * minute, 70 * minute);
  }
}

/** A night's computing: several machines at once, each for its own time. */
export function* night(machine: string, midnight: Millis, where: Workplace, random: Random): Work {
  const session = sessionOf(machine, where, random, 1);
  let at = midnight + 19 * hour + random.between(0, 2 * hour);
  const until = at + random.between(3 * hour, 9 * hour);
  while (at < until) {
    const opened = yield { at, command: session.open() };
    at += extendStep(opened, at, goodExtendShare);
  }
  yield { at, command: session.close() };
}

/** A machine that was refused tries again in an hour. */
function extendStep({ granted }: Outcome, at: Millis, share: number): number {
  const until = granted?.session?.validUntil ?? at + hour;
  return Math.ceil((until - at) * share);
}

/** Of so many addresses each extends in its turn. */
function sessionOf(clientId: string, { isvId, licenseId, projectId }: Workplace, random: Random, addresses: number) {
  let opens = 0;
  const sessionId = random.uuid();
  const rest = { isvId, licenseId, clientId, sessionId, userId: null };
  const ids = { session: random.uuid(), assignment: random.uuid(), token: random.uuid() };
  return {
    open: (): Command => {
      return { type: "open", ...rest, projectId, checkoutPeriod: null, address: opens++ % addresses, ids };
    },
    close: (): Command => ({ type: "close", ...rest }),
  };
}
