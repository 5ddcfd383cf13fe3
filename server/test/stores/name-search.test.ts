/** A user's names are searched for in millions of sessions, while licences go on. */
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { theServer } from "../../src/catalog/audit.ts";
import { HeldClock } from "../../src/clock.ts";
import { step } from "../../src/core/step.ts";
import type { Command, OpenCommand } from "../../src/core/types.ts";
import { Book } from "../../src/stores/book.ts";
import { type Renaming, renamingOf } from "../../src/stores/forgetting.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import { entitiesOf, freshId, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { stepAll } from "./steps.ts";

const isvId = isvIdOf(1);
const names = new Map([["anna", "user-0123456789abcdef"]]);

function openCommand(clientId: string, n: number, more: Partial<OpenCommand> = {}): OpenCommand {
  const ids = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
  return { type: "open", isvId, licenseId: licenseIdOf(1), clientId, ...nothing, ids, ...more };
}

/** Licences, and what each has of the names, in no particular order. */
function sorted(renamings: Iterable<Renaming>): unknown {
  // Whichever way a value was come by, its members may stand in another order.
  const inOrder = (_: string, value: unknown) =>
    value instanceof Object && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).toSorted()) : value;
  const of = (each: readonly unknown[]) => each.map((one) => JSON.stringify(one, inOrder)).toSorted();
  return of(
    [...renamings].map(({ before, dropped, gone, consumptions }) => [before, dropped, gone, consumptions].map(of)),
  );
}

function orRefused(look: () => unknown): unknown {
  try {
    return look();
  } catch (error) {
    return (error as Error).name;
  }
}

test("whatever changes while names are searched for, what bears one in the end is found", () => {
  const licenses = [
    licenseSetting({ tokens: 2, sessionsPerHolder: 2 }),
    licenseSetting({ licenseId: licenseIdOf(2), type: "devices", tokens: 2 }),
  ];
  const act = fc.record({
    type: fc.constantFrom("open", "open", "open", "close", "end", "activate", "user", "delete", "look", "look"),
    license: fc.constantFrom(1, 2).map(licenseIdOf),
    clientId: fc.constantFrom("anna", " Anna", "ben", "carl", "pc1"),
    userId: fc.constantFrom(null, null, "ANNA", "ben"),
    waitMs: fc.constantFrom(0, 30_000),
    /** Taken back after so many steps of the search; null: kept. */
    undoneAfter: fc.option(fc.nat({ max: 20 }), { freq: 2 }),
  });
  const acts = fc.array(act, { minLength: 10, maxLength: 40, size: "max" });
  fc.assert(
    fc.property(acts, acts, (before, meanwhile) => {
      const book = new Book();
      for (const setting of licenses) book.putEntities(entitiesOf(setting));
      let n = 0;
      let look = () => {};
      const run = ({ type, license: licenseId, clientId, userId, waitMs, undoneAfter }: (typeof before)[number]) => {
        if (type === "look") return look();
        const command = { ...openCommand(clientId, ++n, { userId, waitMs }), licenseId };
        const { ids } = command;
        const [live] = book.license(isvId, licenseId)?.sessionsOfClient(clientId) ?? [];
        const told = { tokenKey: null, clientName: null, clientDescription: null, softwareVersion: null };
        const meant: Command =
          type === "close"
            ? { type, isvId, licenseId, clientId, sessionId: null, userId }
            : type === "end"
              ? { type, isvId, licenseId, id: live?.id ?? freshId(6, 0) }
              : type === "activate"
                ? { type, isvId, licenseId, clientId, ids, ...told }
                : type === "user"
                  ? { type: "user.put", isvId, licenseId, userId: clientId, name: null, isActive: true, isNew: true }
                  : type === "delete"
                    ? { type: "user.delete", isvId, licenseId, userId: clientId }
                    : command;
        step(book, meant, n);
        for (let looks = 0; looks < (undoneAfter ?? 0); looks++) look();
        if (undoneAfter === null) book.keep();
        else book.undo();
      };
      for (const each of before) run(each);
      const search = book.beginSearch(isvId, names);
      const steps = search.through(book.licenses(), 1);
      look = () => void steps.next();
      for (const each of meanwhile) run(each);
      for (const _ of steps);
      const all = () =>
        [...book.licenses()].map((license) => renamingOf(license, names)).filter((each) => each !== null);
      expect(orRefused(() => sorted(book.renamings(search).values()))).toEqual(orRefused(() => sorted(all())));
    }),
    { numRuns: 300 },
  );
});

test("a client that has another user while it is looked at, and then its own again, is found", () => {
  const book = new Book();
  book.putEntities(entitiesOf(licenseSetting()));
  const pc = (userId: string, n: number) => openCommand("pc1", n, { userId });
  step(book, pc("anna", 1), 1);
  step(book, { ...pc("anna", 1), type: "close" }, 2);
  book.keep();
  const search = book.beginSearch(isvId, names);
  step(book, pc("ben", 2), 3);
  for (const _ of search.through(book.licenses()));
  book.undo();
  const found = [...book.renamings(search).values()].flatMap(({ before }) => before.map(({ userId }) => userId));
  expect(found).toEqual(["anna"]);
});

const folder = temporaryFolder();
afterAll(() => folder.remove());

test.each([
  ["memory", () => openMemoryStore(new HeldClock())],
  ["SQLite", () => openSqliteStore(`${folder.path}/names.db`, new HeldClock())],
])("others have their turn while a user is forgotten, however many sessions there are (%s)", async (_, openStore) => {
  const store = openStore();
  try {
    await store.saveCatalog(entitiesOf(licenseSetting({ tokens: 20_000 })));
    const clients = Array.from({ length: 9_999 }, (_, n) => openCommand(`client${n}`, n + 1));
    await stepAll(store, [...clients, openCommand("anna", 10_000)]);
    await stepAll(store, [{ ...openCommand("anna", 0), type: "close" }]);
    let turns = 0;
    let isOver = false;
    const about = { act: "user.forgotten", kind: "user", id: "anna", before: null, after: null } as const;
    const forgetting = store
      .forget(isvId, names, { at: store.now(), isvId, author: theServer, ...about })
      .then(() => (isOver = true));
    for (; !isOver; turns++) await setImmediate();
    await forgetting;
    // Ten thousand clients and as many sessions, some thousand at a time.
    expect(turns).toBeGreaterThanOrEqual(9);
    expect(JSON.stringify([...((await store.read(isvId, licenseIdOf(1)))?.assignments() ?? [])])).not.toContain("anna");
  } finally {
    await store.close();
  }
});
