/** What sessions and clients are packed into, against plain maps that do the same. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Finder } from "../../src/core/packed/finder.ts";
import { hashOf } from "../../src/core/packed/hash.ts";
import { Chain, Records } from "../../src/core/packed/records.ts";
import { Shelf } from "../../src/core/packed/shelf.ts";
import { type Fields, Texts } from "../../src/core/packed/texts.ts";
import { LicenseState } from "../../src/core/state.ts";
import type { Assignment, Renewal, Session, Terms } from "../../src/core/types.ts";
import { KnownLicenses } from "../../src/stores/postgres/licenses.ts";

/** Bytes of JavaScript's heap that something keeps. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Licences tell their sessions in no particular order. */
const byKey = (a: Session, b: Session) => (a.key < b.key ? -1 : 1);

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
      fc.property(fc.array(fc.tuple(fields, fc.nat(5)), { maxLength: 200, size: "max" }), (steps) => {
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
          for (const [n, one] of list.entries()) {
            for (const other of [...list, "", `${one}x`, uuid]) {
              if (other !== null) expect(texts.isAt(place, n, other)).toBe(one === other);
            }
          }
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

test("a finder finds what a map finds, also where hashes are equal and slots come back", () => {
  type Step = [action: "add" | "remove" | "replace" | "reserve", name: number];
  const step = fc.tuple(fc.constantFrom<Step[0][]>("add", "add", "remove", "replace", "reserve"), fc.nat(120));
  // A slot that has gone to the new table, and is put under an equal hash where the old one still has another.
  const comesBackInTheOldTable: Step[] = [
    ...Array.from({ length: 10 }, (_, name): Step => ["add", name]),
    ...([
      ["reserve", 110],
      ["remove", 2],
      ["replace", 9],
      ["remove", 9],
    ] as Step[]),
  ];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: "max" }), fc.constantFrom(1, 7, 1_000), (steps, hashes) => {
      const finder = new Finder();
      const map = new Map<number, number>();
      // All over the table, its end included, where it goes on at its beginning.
      const hash = (name: number) => (-1 - (name % hashes) * 71_582_788) | 0;
      const names: (number | null)[] = [null];
      const free: number[] = [];
      const take = (name: number) => {
        const slot = free.pop() ?? names.length;
        names[slot] = name;
        return slot;
      };
      const giveBack = (slot: number) => {
        names[slot] = null;
        free.push(slot);
      };
      const isNamed = (name: number) => (slot: number) => {
        if ((names[slot] ?? null) === null) throw new Error(`${slot} is no slot`);
        return names[slot] === name;
      };
      const missed: number[] = [];
      const look = (name: number) => {
        if (finder.find(hash(name), isNamed(name)) !== (map.get(name) ?? 0)) missed.push(name);
      };
      for (const [action, name] of steps) {
        const slot = map.get(name);
        if (action === "add" && slot === undefined) {
          map.set(name, take(name));
          finder.add(hash(name), map.get(name) as number);
        } else if (action === "remove" && slot !== undefined) {
          finder.remove(hash(name), slot);
          map.delete(name);
          giveBack(slot);
        } else if (action === "replace" && slot !== undefined) {
          map.set(name, take(name));
          finder.replace(hash(name), slot, map.get(name) as number);
          giveBack(slot);
        } else if (action === "reserve" && name % 10 === 0) finder.reserve(name);
        for (const asked of [name, name ^ 1, name ^ 2]) look(asked);
      }
      for (let name = 0; name <= 120; name++) look(name);
      expect([missed, finder.size]).toEqual([[], map.size]);
    }),
    { examples: [[comesBackInTheOldTable, 1]] },
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
      session(3, { checkoutUntil: 7, address: 0, moves: { to: 2, at: 3, toldAt: null } }),
      session(4, { endedAt: 9, voucher: { deviceKey: null, until: 8 }, renewal: { current: "c", previous: null } }),
      session(7, { address: 2 ** 31 - 1, renewal: { current: "x".repeat(600), previous: "1-名" } }),
      session(5, { key: "anna.5\0\0anna.5", sessionId: null, peakSessions: 1_000_000 }),
      // What a newer release beside this one has added.
      { ...session(6, { address: 2 ** 31 }), colour: "red" } as Session,
      session(8, { renewal: { current: "c", previous: null, colour: "red" } as Renewal }),
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
    expect([...license.sessions()].sort(byKey)).toEqual(sessions.toSorted(byKey));
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

  test("may be looked through with pauses: what has gone meanwhile is passed over, and nobody else's is told", () => {
    const shelf = new Shelf();
    const [license, other] = [new LicenseState(terms, shelf), new LicenseState(terms, shelf)];
    for (const n of [1, 2, 3, 4]) {
      license.putAssignment(assignment(n));
      license.putSession(session(n));
    }
    const [sessions, clients] = [license.sessions(), license.assignments()].map((all) => all[Symbol.iterator]());
    expect([sessions?.next().value, clients?.next().value]).toEqual([session(1), assignment(1)]);
    for (const n of [3, 2, 1]) {
      license.dropSession(session(n).key);
      license.dropAssignment(assignment(n).clientKey);
    }
    // They take the places that have become free, but for one that nobody has now.
    for (const n of [5, 6]) {
      other.putAssignment(assignment(n));
      other.putSession(session(n));
    }
    expect([[...(sessions as Iterator<Session> & Iterable<Session>)], [...(clients as never)]]).toEqual([
      [session(4)],
      [assignment(4)],
    ]);
  });

  test("tells what is over, whoever opens, extends, ends and closes, in whatever order their ends come", () => {
    const steps = fc.record({
      n: fc.nat(40),
      until: fc.nat(100),
      does: fc.constantFrom("open", "open", "end", "close"),
    });
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 200, size: "max" }), (all) => {
        const license = new LicenseState(terms);
        const known = new Map<string, Session>();
        const missed: object[] = [];
        for (const { n, until, does } of all) {
          const value = session(n, { validUntil: until, endedAt: does === "end" ? 0 : null });
          if (does === "close") {
            license.dropSession(value.key);
            known.delete(value.key);
          } else {
            license.putSession(value);
            known.set(value.key, value);
          }
          const ends = [...known.values()].map(({ validUntil }) => validUntil);
          const over = ends.filter((end) => end <= until).length;
          const told = [
            license.due(until, 1_000).filter(({ key, validUntil }) => known.get(key)?.validUntil === validUntil).length,
            license.due(until, 3).length,
            license.dueCount(until, 3),
            license.sessionsEndAt(),
          ];
          const wanted = [over, Math.min(3, over), Math.min(3, over), Math.min(...ends)];
          if (told.join() !== wanted.join()) missed.push({ told, wanted });
        }
        expect(missed).toEqual([]);
      }),
    );
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

  test("keeps what nearly every session has, its address and what its client carries, without a value of JavaScript", () => {
    const license = new LicenseState(terms);
    const count = 20_000;
    const before = heapUsed();
    for (let n = 0; n < count; n++) {
      license.putSession(session(n, { address: n, renewal: { current: `2-${n}`, previous: `1-${n}` } }));
    }
    expect((heapUsed() - before) / count).toBeLessThan(50);
    expect(license.session("anna.7\0s")).toMatchObject({ address: 7, renewal: { current: "2-7", previous: "1-7" } });
  });

  test("with few sessions takes no more of the heap than a node's cache reckons: a kilobyte for each that it counts for", () => {
    for (const clients of [0, 1, 5]) {
      const cache = new KnownLicenses(Number.POSITIVE_INFINITY);
      const before = heapUsed();
      const all = Array.from({ length: 1_000 }, (_, of) => {
        const state = new LicenseState({ ...terms, licenseId: String(of) });
        for (let n = 0; n < clients; n++) {
          state.putAssignment(assignment(n));
          state.putSession(session(n));
        }
        return { state, version: 1, isTaken: false, size: 0, usedAt: 0 };
      });
      cache.put(all);
      const counted = all.reduce((sum, { size }) => sum + size, 0);
      expect((heapUsed() - before) / counted).toBeLessThan(1_024);
    }
  });

  test("keeps apart what is its own from what others on the shelf have, whatever comes and goes", () => {
    const names = ["anna.1", "anna.2", "anna.3", "anna.4"];
    const steps = fc.record({
      of: fc.nat(2),
      does: fc.constantFrom(
        "open",
        "open",
        "activate",
        "activate",
        "drop",
        "take out",
        "put back",
        "forget",
        "deactivate",
        "clear",
      ),
      n: fc.integer({ min: 1, max: 4 }),
      holder: fc.constantFrom(...names),
      until: fc.nat(20),
      more: fc.constantFrom<Partial<Session>>(
        {},
        { checkoutUntil: 7 },
        { endedAt: 9 },
        { address: 4 },
        { userId: "x".repeat(1_100) },
      ),
    });
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 150, size: "max" }), (all) => {
        const shelf = new Shelf();
        const made = () => ({
          license: new LicenseState(terms, shelf),
          sessions: new Map<string, Session>(),
          clients: new Map<string, Assignment>(),
          out: [] as { slot: number; value: Session }[],
        });
        const licenses = [made(), made(), made()];
        let tokens = 0;
        for (const { of, does, n, holder, until, more } of all) {
          const { license, sessions, clients, out } = licenses[of] as ReturnType<typeof made>;
          const key = `anna.${n}\0s`;
          if (does === "open") {
            const value = session(n, { id: `${of} ${n}`, holder, validUntil: until, ...more });
            license.putSession(value);
            sessions.set(key, value);
          } else if (does === "activate") {
            const value = assignment(n, { id: `${of} ${n}`, tokenKey: `t${++tokens}`, userId: holder });
            license.putAssignment(value);
            clients.set(value.clientKey, value);
          } else if (does === "take out" || does === "drop") {
            const slot = does === "drop" ? 0 : license.takeOutSession(key);
            if (does === "drop") license.dropSession(key);
            if (slot !== 0) out.push({ slot, value: sessions.get(key) as Session });
            sessions.delete(key);
          } else if (does === "put back" || does === "forget") {
            const last = out.pop();
            const comesBack = does === "put back" && last !== undefined && !sessions.has(last.value.key);
            if (comesBack) {
              license.putBackSession(last.slot);
              sessions.set(last.value.key, last.value);
            } else if (last !== undefined) license.forgetSession(last.slot);
          } else if (does === "deactivate") {
            license.dropAssignment(`anna.${n}`);
            clients.delete(`anna.${n}`);
          } else {
            for (const { slot } of out) license.forgetSession(slot);
            license.clear();
            licenses[of] = made();
          }
          for (const each of licenses) expect(told(each.license)).toEqual(expected(each.sessions, each.clients));
          for (const name of names) {
            const known = licenses.filter((each) => each.clients.has(name)).map((each) => each.license);
            expect(new Set(shelf.licensesOfClient("vendor", "product", name))).toEqual(new Set(known));
          }
        }
      }),
      { numRuns: 60 },
    );

    /** What a licence tells, each in another way. */
    function told(license: LicenseState) {
      const clients = [...license.assignments()];
      const sessions = [...license.sessions()].sort(byKey);
      return {
        sessions,
        byKey: sessions.map(({ key }) => license.session(key)),
        ofIds: sessions.map(({ id }) => license.sessionOfId(id)),
        ofClients: names.map((name) => license.sessionsOfClient(name).length),
        ofHolders: names.map((name) => license.sessionsOfHolder(name)),
        out: names.map((name) => license.isCheckedOut(name)),
        counts: [license.openSessions, license.holders, license.checkedOut, license.clients, license.assigned],
        endAt: license.sessionsEndAt(),
        clients: new Set(clients),
        byName: names.map((name) => license.assignment(name)),
        areFound: clients.every(
          (client) =>
            license.assignmentOfToken(client.tokenKey)?.id === client.id &&
            license.assignmentOfId(client.id)?.tokenKey === client.tokenKey,
        ),
      };
    }

    /** The same, told by plain maps. */
    function expected(bySessionKey: ReadonlyMap<string, Session>, byName: ReadonlyMap<string, Assignment>) {
      const [sessions, clients] = [[...bySessionKey.values()].sort(byKey), [...byName.values()]];
      const live = sessions.filter(({ endedAt }) => endedAt === null);
      const held = (name: string) => live.filter(({ holder }) => holder === name);
      const isOut = (name: string) => held(name).some(({ checkoutUntil }) => checkoutUntil !== null);
      return {
        sessions,
        byKey: sessions,
        ofIds: sessions,
        ofClients: names.map((name) => live.filter(({ clientKey }) => clientKey === name).length),
        ofHolders: names.map((name) => held(name).length),
        out: names.map(isOut),
        counts: [
          live.length,
          names.filter((name) => held(name).length > 0).length,
          names.filter(isOut).length,
          clients.length,
          clients.length,
        ],
        endAt: Math.min(...sessions.map(({ validUntil }) => validUntil)),
        clients: new Set(clients),
        byName: names.map((name) => byName.get(name)),
        areFound: true,
      };
    }
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
