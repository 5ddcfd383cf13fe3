/**
 * Goal: after any failed statement, memory, undo and disk agree. Method: a seeded stream of commands on the SQLite store
 * whose statements fail now and then; after a failure memory must be as before it, and a copy of the file, opened as after
 * a crash, must always read as memory does.
 */
import { copyFileSync, existsSync } from "node:fs";
import { expect, test } from "vitest";
import { theServer } from "../../src/catalog/audit.ts";
import { HeldClock } from "../../src/clock.ts";
import type { Command, LicenseView } from "../../src/core/types.ts";
import { AuditRows } from "../../src/stores/sqlite/audit.ts";
import { Rows } from "../../src/stores/sqlite/rows.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import type { Store } from "../../src/stores/store.ts";
import { entitiesOf, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { workOf } from "./steps.ts";

const rounds = Number(process.env.DISK_ROUNDS ?? 600);
const seeds = process.env.SEED === undefined ? [1, 2, 3] : [Number(process.env.SEED)];

const settings = [
  licenseSetting({ licenseId: licenseIdOf(1), tokens: 6, sessionsPerHolder: 3, heartbeatsExtend: true }),
  licenseSetting({ licenseId: licenseIdOf(2), mode: "named", assignable: 5, sessionsPerHolder: 2 }),
];

test.each(seeds)("a statement that fails leaves memory, undo and disk as they were (seed %i)", async (seed) => {
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const folder = temporaryFolder();
  const path = `${folder.path}/a.db`;
  const clock = new HeldClock();
  const disk = failingStatements();
  let store = openSqliteStore(path, clock);
  let failures = 0;
  let acts = 0;
  let copies = 0;
  let audited = 0;
  try {
    await store.saveCatalog(settings.flatMap(entitiesOf));
    for (let round = 0; round < rounds; round++) {
      if (random() < 0.3) clock.advance(Math.floor(random() * 200_000));
      const commands: Command[] = [];
      const length = 1 + Math.floor(random() * 8);
      while (commands.length < length) commands.push(await commandFrom(store, random, pick));
      const before = await shown(store);
      disk.failAfter(random() < 0.35 ? Math.floor(random() * 8) : null);
      try {
        await actAll(store, commands);
        acts++;
      } catch {
        failures++;
        disk.failAfter(null);
        expect(await shown(store), `round ${round}: undo`).toEqual(before);
      }
      disk.failAfter(random() < 0.1 ? Math.floor(random() * 4) : null);
      if (random() < 0.3) await store.tidy().catch(() => {});
      disk.failAfter(null);
      if (random() < 0.1) {
        copies++;
        expect(await readCopy(path, clock), `round ${round}: disk`).toEqual(await shown(store));
      }
      if (random() < 0.03) {
        await store.close();
        store = openSqliteStore(path, clock);
      }
    }
    audited = (await log(store)).total;
  } finally {
    disk.restore();
    await store.close();
    folder.remove();
  }
  expect(failures).toBeGreaterThan(rounds / 20);
  expect(audited, "a line of each that happened").toBe(acts);
  expect(copies).toBeGreaterThan(rounds / 40);
});

/** One transaction of these commands, as an administrator's act with its line. */
function actAll(store: Store, commands: readonly Command[]): Promise<unknown> {
  return store.transact(commands, (licenses, now, owed) => {
    workOf(commands)(licenses, now, owed);
    const about = { act: "session.ended", kind: "session", id: "all", before: null, after: { commands } } as const;
    licenses.audit({ at: now, isvId: isvIdOf(1), author: theServer, ...about });
  });
}

/** The newest lines of the audit log, and how many there are. */
function log(store: Store) {
  const all = { isvId: isvIdOf(1), kind: "session", id: null, from: null, to: null } as const;
  return store.audit({ ...all, offset: 0, limit: 3 });
}

/** Makes the statements of every store fail, one after a given number that go through. */
function failingStatements() {
  const names = [
    "insertSessions",
    "insertExtends",
    "saveAssignment",
    "saveHistory",
    "deleteSessions",
    "endSession",
  ] as const;
  const more = ["updateSpan", "deleteExtendsBefore"] as const;
  let left: number | null = null;
  const ofRows = [...names, ...more].map((name) => [Rows.prototype, name] as const);
  // biome-ignore lint/suspicious/noExplicitAny: every statement alike, whatever it takes
  const undo = [...ofRows, [AuditRows.prototype, "save"] as const].map(([prototype, name]: readonly [any, string]) => {
    const real = prototype[name];
    prototype[name] = function (...args: unknown[]) {
      if (left === 0) {
        left = null;
        throw new Error(`${name} fails`);
      }
      if (left !== null) left--;
      return real.apply(this, args);
    };
    return () => {
      prototype[name] = real;
    };
  });
  return {
    failAfter: (count: number | null) => {
      left = count;
    },
    restore: () => {
      for (const back of undo) back();
    },
  };
}

async function commandFrom(store: Store, random: () => number, pick: <T>(values: readonly T[]) => T): Promise<Command> {
  const { isvId, licenseId } = pick(settings);
  const place = { isvId, licenseId };
  const clientId = pick(["a", "b", "C", "d", "e", "f"]);
  const sessionId = pick([null, "s1", "s2"]);
  const userId = pick([null, null, "u1", "u2"]);
  const license = (await store.read(isvId, licenseId)) as LicenseView;
  const assignment = pick([...license.assignments()]);
  const session = pick([...license.sessions()]);
  const id = () => `${Math.floor(random() * 1e9)}`;
  const ids = { session: id(), assignment: id(), token: id() };
  const dice = random();
  if (dice < 0.12) return { ...place, type: "close", clientId, sessionId, userId };
  if (dice < 0.2) {
    const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
    return { ...place, type: "activate", clientId, ...nothing, ids };
  }
  if (dice < 0.27 && assignment !== undefined) return { ...place, type: "unassign", tokenKey: assignment.tokenKey };
  if (dice < 0.35 && session !== undefined) return { ...place, type: "end", id: random() < 0.2 ? null : session.id };
  if (dice < 0.43) {
    return {
      ...place,
      type: "heartbeat",
      clientId,
      userId,
      tokenKey: null,
      softwareVersion: null,
      operatingSystem: null,
    };
  }
  if (dice < 0.48) return { ...place, type: "sweep" };
  const checkoutPeriod = pick([null, null, null, 7]);
  return { ...place, type: "open", clientId, sessionId, userId, projectId: null, checkoutPeriod, ids };
}

/** Everything that a store can be asked about its licences. */
async function shown(store: Store) {
  const all: unknown[] = [await log(store)];
  for (const { isvId, licenseId, productId } of settings) {
    const license = (await store.read(isvId, licenseId)) as LicenseView;
    const clients = [...license.assignments()].toSorted((a, b) => (a.clientKey < b.clientKey ? -1 : 1));
    all.push({
      sessions: [...license.sessions()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      clients,
      holders: license.holders,
      openSessions: license.openSessions,
      assigned: license.assigned,
      nextFreeAt: license.nextFreeAt(),
      ofClients: clients.map(({ clientKey }) => idsOf(license.sessionsOfClient(clientKey))),
      found: await Promise.all(
        clients.map(async ({ clientId, tokenKey, userId }) => [
          (await store.assignmentsOfClient(isvId, productId, clientId)).map((known) => known.licenseId).toSorted(),
          await store.licenseOfToken(isvId, tokenKey),
          idsOf((await store.assignmentsOfUser(isvId, productId, userId ?? "")).map(({ assignment }) => assignment)),
        ]),
      ),
    });
  }
  return all;
}

function idsOf(things: readonly { readonly id: string }[]): string[] {
  return things.map(({ id }) => id).toSorted();
}

/** What a server would find that starts on a copy of the file, taken without closing it: as after a crash. */
async function readCopy(path: string, clock: HeldClock) {
  const folder = temporaryFolder();
  const copy = `${folder.path}/copy.db`;
  copyFileSync(path, copy);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
  const store = openSqliteStore(copy, clock);
  const result = await shown(store);
  await store.close();
  folder.remove();
  return result;
}

function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
