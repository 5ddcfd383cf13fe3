/** What sessions and clients are packed into, against plain maps that do the same. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Finder } from "../../src/core/packed/finder.ts";
import { hashOf } from "../../src/core/packed/hash.ts";
import { Chain, Records } from "../../src/core/packed/records.ts";
import { Shelf } from "../../src/core/packed/shelf.ts";
import { type Fields, Texts } from "../../src/core/packed/texts.ts";
import { LicenseState } from "../../src/core/state.ts";
import type { Assignment, Session, Terms } from "../../src/core/types.ts";

const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

/** Whatever may be a name: short and long, of one byte a character and of two, UUIDs and what nearly is one. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ maxLength: 1_500, minLength: 900 }),
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.uuid().map((id) => id.replace("-", "+")),
  fc.constantFrom("", "anna@factor.com", "straße@factor.com", "名前", "\ud800", "a\0b", `${uuid}0`),
);
const fields = fc
  .tuple(text, fc.array(fc.option(text), { maxLength: 8 }), fc.array(fc.boolean()))
  // Often like the first, as names mostly are.
  .map(([first, others, alike]) => [first, ...others.map((one, n) => (alike[n] === true ? first : one))]);

describe("texts", () => {
  test("come back as they were put, whatever else comes and goes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fields, fc.nat(5)), { maxLength: 200 }), (steps) => {
        const texts = new Texts();
        const kept = new Map<number, Fields>();
        for (const [list, action] of steps) {
          const [oldest] = kept.keys();
          if (action === 0 && oldest !== undefined) {
            texts.giveBack(oldest);
            kept.delete(oldest);
            continue;
          }
          const place = texts.put(list);
          expect(kept.has(place)).toBe(false);
          kept.set(place, list);
        }
        for (const [place, list] of kept) {
          expect(texts.get(place, list.length)).toEqual(list);
          expect(texts.beginsWith(place, list[0] as string)).toBe(true);
          expect(texts.beginsWith(place, `${list[0]}x`)).toBe(false);
        }
      }),
    );
  });

  test("that are given back make room for others", () => {
    const texts = new Texts();
    const list = (n: number) => [`anna.${n}@factor.com`, uuid, null];
    const places = new Set<number>();
    for (let n = 0; n < 10_000; n++) {
      const place = texts.put(list(n % 10));
      places.add(place);
      texts.giveBack(place);
    }
    expect(places.size).toBe(1);
  });
});

test("a finder finds what a map finds, also where hashes are equal", () => {
  const step = fc.tuple(fc.constantFrom("add", "remove", "replace"), fc.nat(60));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.constantFrom(1, 7, 1_000), (steps, hashes) => {
      const finder = new Finder();
      const map = new Map<number, number>();
      // All over the table, its end included, where it goes on at its beginning.
      const hash = (name: number) => (-1 - (name % hashes) * 71_582_788) | 0;
      const names: number[] = [0];
      for (const [action, name] of steps) {
        const slot = map.get(name);
        if (action === "add" && slot === undefined) {
          names.push(name);
          finder.add(hash(name), names.length - 1);
          map.set(name, names.length - 1);
        } else if (action === "remove" && slot !== undefined) {
          finder.remove(hash(name), slot);
          map.delete(name);
        } else if (action === "replace" && slot !== undefined) {
          names.push(name);
          finder.replace(hash(name), slot, names.length - 1);
          map.set(name, names.length - 1);
        }
        expect(finder.size).toBe(map.size);
      }
      for (let name = 0; name <= 60; name++) {
        expect(finder.find(hash(name), (slot) => names[slot] === name)).toBe(map.get(name) ?? 0);
      }
    }),
  );
});

test("a slot that is given back is taken again, with nothing in it", () => {
  const records = new Records(2, 3);
  const slots = Array.from({ length: 10_000 }, () => records.take());
  expect(new Set(slots).size).toBe(10_000);
  expect(slots).not.toContain(0);
  for (const slot of slots) {
    records.setDouble(slot, 1, slot + 0.5);
    records.setInteger(slot, 2, -slot);
  }
  for (const slot of slots) expect([records.double(slot, 1), records.integer(slot, 2)]).toEqual([slot + 0.5, -slot]);
  records.giveBack(slots[5_000] as number);
  records.giveBack(slots[17] as number);
  const again = [records.take(), records.take()];
  expect(again).toEqual([slots[17], slots[5_000]]);
  for (const slot of again) expect([records.double(slot, 1), records.integer(slot, 2)]).toEqual([0, 0]);
  expect(records.take()).toBe(10_001);
});

test("a chain goes both ways, and closes where one is taken out", () => {
  const records = new Records(0, 2);
  const chain = new Chain(records, 0, 1);
  const [a, b, c] = [records.take(), records.take(), records.take()];
  chain.put(a, 0, 0);
  chain.put(c, a, 0);
  chain.put(b, a, c);
  expect([a, b, c].map((slot) => [chain.before(slot), chain.after(slot)])).toEqual([
    [0, b],
    [a, c],
    [b, 0],
  ]);
  chain.takeOut(b);
  expect([chain.after(a), chain.before(c), chain.before(b), chain.after(b)]).toEqual([c, a, 0, 0]);
});

test("a name's hash is the same however it was put together, and another one in another place", () => {
  const name = "anna@factor.com";
  expect(hashOf(["anna", "factor.com"].join("@"), 1)).toBe(hashOf(name, 1));
  expect(hashOf(name, 2)).not.toBe(hashOf(name, 1));
  // The same bits, as characters of one byte and of two; and texts that only their length tells apart.
  const alike = ["\u0001\u0001\0\0", "\u0101", "\u0101\0", "", "\0", "\0\0", "\0\0\0\0", "\0\0\0\0\0"];
  expect(new Set(alike.map((text) => hashOf(text, 1))).size).toBe(alike.length);
});

test("as many names as there may be fall evenly: hardly two of a million have one hash", () => {
  const hashes = new Set<number>();
  for (let n = 0; n < 100_000; n++) hashes.add(hashOf(`anna.${n}@factor.com`, 1));
  expect(hashes.size).toBeGreaterThan(99_980);
});

describe("a licence on a shelf", () => {
  const terms = { isvId: "vendor", productId: "product", clientType: "users", isTemporary: false } as unknown as Terms;
  const session = (n: number, more: Partial<Session> = {}): Session => ({
    id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
    key: `anna.${n}\0s`,
    clientId: `Anna.${n}`,
    clientKey: `anna.${n}`,
    sessionId: "s",
    userId: null,
    holder: `anna.${n}`,
    openedAt: 1_700_000_000_000 + n,
    extendedAt: 1_700_000_000_001 + n,
    validUntil: 1_700_000_060_000 + n,
    checkoutUntil: null,
    endedAt: null,
    peakSessions: 1,
    peakHolders: 1,
    isOveruse: false,
    ...more,
  });
  const assignment = (n: number, more: Partial<Assignment> = {}): Assignment => ({
    id: `a${n}`,
    tokenKey: `t${n}`,
    clientId: `Anna.${n}`,
    clientKey: `anna.${n}`,
    clientName: null,
    clientDescription: null,
    userId: null,
    softwareVersion: null,
    operatingSystem: null,
    activatedAt: 5,
    unassignedAt: null,
    suspendedUntil: null,
    isGoodwill: false,
    lastHeartbeatAt: null,
    ...more,
  });

  test("tells sessions and clients as they were put, with all that few of them have", () => {
    const shelf = new Shelf();
    const license = new LicenseState(terms, shelf);
    const sessions = [
      session(1),
      session(2, { checkoutUntil: 1_700_000_060_002, isOveruse: true, userId: "Ben", holder: "ben" }),
      session(3, { checkoutUntil: 7, address: 4, moves: { to: 2, at: 3, toldAt: null } }),
      session(4, { endedAt: 9, voucher: { deviceKey: null, until: 8 }, renewal: { current: "c", previous: null } }),
      session(5, { key: "anna.5\0\0anna.5", sessionId: null, peakSessions: 1_000_000 }),
      // What a newer release beside this one has added.
      { ...session(6), colour: "red" } as Session,
    ];
    const clients = [
      assignment(1, { clientName: "Büro", clientDescription: "", userId: "Anna.1", lastHeartbeatAt: 12.5 }),
      assignment(2, { unassignedAt: 0, isGoodwill: true, suspendedUntil: Number.POSITIVE_INFINITY }),
      { ...assignment(3, { softwareVersion: "1", operatingSystem: "名" }), colour: "red" } as Assignment,
    ];
    for (const each of sessions) license.putSession(each);
    for (const each of clients) license.putAssignment(each);
    // Something else is read between, so that nothing is told from what was put last.
    const others = new LicenseState(terms, shelf);
    others.putSession(session(1, { id: "another" }));
    others.putAssignment(assignment(1, { id: "another", tokenKey: "another" }));
    expect([...license.sessions()]).toEqual(sessions);
    expect([...license.assignments()]).toEqual(clients);
    for (const each of sessions) {
      others.session("anna.1\0s");
      expect(license.session(each.key)).toEqual(each);
    }
    expect(license.standing("anna.2")).toEqual({ unassignedAt: 0, suspendedUntil: Number.POSITIVE_INFINITY });
    expect(license.standing("ben")).toBeUndefined();
    expect(license.assignmentOfToken("t2")?.clientKey).toBe("anna.2");
    expect(license.assignmentOfToken("another")).toBeUndefined();
    expect([...shelf.licensesOfClient("vendor", "product", "anna.1")]).toEqual([others, license]);
    expect(shelf.licenseOfToken("vendor", "another")).toBe(others);
    expect(shelf.licenseOfToken("other vendor", "another")).toBeUndefined();
  });

  test("that is no more leaves nothing behind, and takes nothing of another one along", () => {
    const shelf = new Shelf();
    const stays = new LicenseState(terms, shelf);
    stays.putAssignment(assignment(1, { id: "other", tokenKey: "other" }));
    stays.putSession(session(1));
    const slots: number[] = [];
    for (let round = 0; round < 3; round++) {
      const license = new LicenseState(terms, shelf);
      license.putAssignment(assignment(1));
      license.putAssignment(assignment(2));
      slots.push(license.putSession(session(1)), license.putSession(session(2, { endedAt: 3 })));
      license.clear();
      expect([...license.sessions(), ...license.assignments()]).toEqual([]);
      expect([license.clients, license.holders, license.openSessions]).toEqual([0, 0, 0]);
      expect(shelf.licenseOfToken("vendor", "t1")).toBeUndefined();
    }
    expect(new Set(slots).size).toBe(2);
    expect([...shelf.licensesOfClient("vendor", "product", "anna.1")]).toEqual([stays]);
    expect(stays.session("anna.1\0s")).toEqual(session(1));
  });

  test("puts a session that was taken out back under its slot, and finds it by nothing meanwhile", () => {
    const license = new LicenseState(terms);
    license.putAssignment(assignment(1));
    const slot = license.putSession(session(1, { checkoutUntil: 1_700_000_060_001 }));
    expect(license.takeOutSession("anna.1\0s")).toBe(slot);
    expect(license.session("anna.1\0s")).toBeUndefined();
    expect([license.openSessions, license.holders, license.checkedOut]).toEqual([0, 0, 0]);
    const other = license.putSession(session(2));
    expect(other).not.toBe(slot);
    license.putBackSession(slot);
    expect(license.session("anna.1\0s")?.id).toBe(session(1).id);
    expect([license.openSessions, license.holders, license.checkedOut]).toEqual([2, 2, 1]);
    expect(license.takeOutSession("nobody")).toBe(0);
  });
});
