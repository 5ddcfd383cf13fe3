/** The database's clock as a server reckons it between two looks. */
import { beforeEach, expect, test } from "vitest";
import { CarriedClock } from "../../src/stores/postgres/carried-clock.ts";

const noon = Date.parse("2026-06-01T12:00:00Z");
let elapsed: number;
let clock: CarriedClock;

beforeEach(() => {
  elapsed = 5_000;
  clock = new CarriedClock(noon + 3_600_000, () => elapsed);
});

/** PostgreSQL looks at its clock `ms` after noon, and its answer is here `lateMs` later. */
function look(ms: number, lateMs: number): void {
  elapsed = 5_000 + ms + lateMs;
  clock.note(noon + ms);
}

test("what the machine's own clock said counts no more after the first look", () => {
  look(0, 0);
  expect(clock.now()).toBe(noon);
});

test("goes on between two looks", () => {
  look(0, 0);
  elapsed += 1_234;
  expect(clock.now()).toBe(noon + 1_234);
});

test("is not set back by an answer that was late", () => {
  look(0, 2);
  look(1_000, 800);
  expect(clock.now()).toBe(noon + 1_798);
});

test("becomes truer with an answer that was less late", () => {
  look(0, 20);
  expect(clock.now()).toBe(noon);
  look(100, 1);
  expect(clock.now()).toBe(noon + 100);
});

test("follows a clock that was set back a little within twenty seconds, and never stands before what it shows", () => {
  look(0, 0);
  for (let ms = 1_000; ms <= 20_000; ms += 1_000) {
    look(ms - 500, 500);
    expect(clock.now()).toBeGreaterThanOrEqual(noon + ms - 500);
  }
  expect(clock.now()).toBe(noon + 19_500);
});

test("follows a clock that was set back by more than a minute, or set forward, at once", () => {
  look(0, 0);
  clock.note(noon - 61_000);
  expect(clock.now()).toBe(noon - 61_000);
  clock.note(noon + 7_200_000);
  expect(clock.now()).toBe(noon + 7_200_000);
});

test("forgets looks of long ago", () => {
  look(0, 0);
  look(3_600_000, 40);
  expect(clock.now()).toBe(noon + 3_600_000);
});
