/** What every store must do with changes of the catalogue: conflicts, deletion, and the audit log. Part of the conformance suite. */
import { beforeEach, describe, expect, test } from "vitest";
import { episodeSeries, holderSeries } from "../../src/analytics/tally.ts";
import type { AuditLine, Author } from "../../src/catalog/audit.ts";
import type { EntityChange, EntityOf, Kind } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { type AuditQuery, CatalogConflict, type Store } from "../../src/stores/store.ts";
import {
  customerIdOf,
  entitiesOf,
  freshId,
  isvIdOf,
  licenseIdOf,
  licenseSetting,
  modelTermsOf,
  productIdOf,
} from "../model/vendor.ts";
import { codesOf, denialsOf, stepAll, workOf } from "./steps.ts";
import type { StoreUnderTest } from "./under-test.ts";

const isvId = isvIdOf(1);
const setting = licenseSetting({ licenseId: licenseIdOf(1), tokens: 2 });
const editionId = licenseIdOf(1).replace(/^\d{8}/, "00000004");
const anna: Author = { keyId: freshId(11, 1), name: "anna's key", onBehalfOf: "Anna" };

export function catalogueConformance({ name, open, reopen }: StoreUnderTest): void {
  describe(`${name} keeps the catalogue`, () => {
    let clock: HeldClock;
    let store: Store;
    let ids = 0;

    beforeEach(async () => {
      clock = new HeldClock();
      store = await open(clock);
      await store.saveCatalog(entitiesOf(setting));
      return () => store.close();
    });

    const restart = async () => {
      if (reopen !== undefined) store = await reopen(store, clock);
    };
    const entity = <K extends Kind>(kind: K, id: string) => store.catalog.vendor(isvId)?.entity(kind, id);
    const license = () => entity("license", setting.licenseId) as EntityOf["license"];
    const change = <K extends Kind>(kind: K, id: string, body: EntityOf[K] | null, more = {}): EntityChange =>
      ({ isvId, kind, id, body, applied: null, ...more }) as EntityChange;
    const named = (licenseName: string): EntityOf["license"] => ({ ...license(), name: licenseName });
    const save = (...changes: EntityChange[]) => store.saveCatalog(changes, anna);
    const remove = (kind: Kind, id: string) => save(change(kind, id, null));
    const log = (more: Partial<AuditQuery> = {}) =>
      store.audit({ isvId, kind: null, id: null, from: null, to: null, offset: 0, limit: 100, ...more });
    const act = async (...commands: Command[]) => codesOf(await stepAll(store, commands));
    const openCommand = (clientId: string): Command => {
      const n = ++ids;
      const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
      const nothing = { sessionId: null, userId: null, projectId: null, checkoutPeriod: null };
      return { type: "open", isvId, licenseId: setting.licenseId, clientId, ...nothing, ids: fresh };
    };
    const activateCommand = (licenseId: string, clientId: string): Command => {
      const n = ++ids;
      const fresh = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
      const nothing = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
      return { type: "activate", isvId, licenseId, clientId, ...nothing, ids: fresh };
    };
    const endAll = (): Command => ({ type: "end", isvId, licenseId: setting.licenseId, id: null });

    describe("a change that was made from", () => {
      test("what is there is saved", async () => {
        await save(change("license", setting.licenseId, named("first"), { from: license() }));
        await restart();
        expect(license().name).toBe("first");
      });

      test("what somebody else has changed since is refused, with all that came along", async () => {
        const seen = license();
        await save(change("license", setting.licenseId, named("first"), { from: seen }));
        const late = [
          change("customer", customerIdOf(1), { id: customerIdOf(1), number: "new", name: "new" }),
          change("license", setting.licenseId, named("second"), { from: seen }),
        ];
        await expect(save(...late)).rejects.toThrow(CatalogConflict);
        await restart();
        expect(license().name).toBe("first");
        expect(entity("customer", customerIdOf(1))?.number).not.toBe("new");
      });

      test("nothing is refused where there is something by now", async () => {
        await expect(save(change("license", setting.licenseId, named("x"), { from: null }))).rejects.toThrow(
          CatalogConflict,
        );
        const fresh = { ...license(), id: licenseIdOf(7) };
        await save(change("license", fresh.id, fresh, { from: null }));
        expect(entity("license", fresh.id)).toEqual(fresh);
      });

      test("what is gone is refused", async () => {
        const seen = license();
        await remove("license", setting.licenseId);
        await expect(save(change("license", setting.licenseId, seen, { from: seen }))).rejects.toThrow(CatalogConflict);
      });
    });

    describe("a legacy key", () => {
      const keyed = (id: string, key: string | null) => ({ ...license(), id, legacy_license_key: key });
      const second = licenseIdOf(7);
      const give = (id: string, key: string | null) =>
        change("license", id, keyed(id, key), { from: entity("license", id) ?? null });

      test("of two that are given at once goes to one; the other change is refused", async () => {
        const both = ["Factor.com", "factor.COM"].map((key, n) => save(give(licenseIdOf(8 + n), key)));
        const results = await Promise.allSettled(both);
        // On a database of several servers either may come first.
        const refused = results.findIndex(({ status }) => status === "rejected");
        expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
        expect((results[refused] as PromiseRejectedResult).reason).toBeInstanceOf(CatalogConflict);
        await restart();
        expect(entity("license", licenseIdOf(8 + refused))).toBeUndefined();
      });

      test("changes hands in one change", async () => {
        await save(give(setting.licenseId, "factor.com"), give(second, null));
        await save(give(setting.licenseId, null), give(second, "factor.com"));
        expect(entity("license", second)?.legacy_license_key).toBe("factor.com");
      });

      test("that two have already is taken as it is, and either is changed in other things", async () => {
        for (const id of [setting.licenseId, second]) await save(change("license", id, keyed(id, "factor.com")));
        const from = entity("license", second);
        await save(change("license", second, { ...keyed(second, "factor.com"), name: "new" }, { from }));
        expect(entity("license", second)?.name).toBe("new");
      });
    });

    describe("what is deleted", () => {
      test("is gone, and stays so", async () => {
        await remove("license", setting.licenseId);
        for (const _ of ["at once", "later"]) {
          expect(entity("license", setting.licenseId)).toBeUndefined();
          expect(await store.read(isvId, setting.licenseId)).toBeUndefined();
          expect(await act(openCommand("anna"))).toEqual(["license_unknown"]);
          await restart();
        }
      });

      test("is what nothing refers to", async () => {
        for (const [kind, id] of [
          ["product", productIdOf(1)],
          ["customer", customerIdOf(1)],
          ["edition", editionId],
        ] as const) {
          await expect(remove(kind, id), kind).rejects.toThrow(CatalogConflict);
        }
        await expect(remove("isv", isvId)).rejects.toThrow(CatalogConflict);
        await restart();
        expect((await store.read(isvId, setting.licenseId))?.terms).toEqual(modelTermsOf(setting));
      });

      test("may go together with what refers to it", async () => {
        await save(
          change("product", productIdOf(1), null),
          change("edition", editionId, null),
          change("license", setting.licenseId, null),
        );
        await restart();
        expect([entity("product", productIdOf(1)), entity("edition", editionId)]).toEqual([undefined, undefined]);
      });

      test("can no longer be referred to", async () => {
        const seen = license();
        await remove("license", setting.licenseId);
        await remove("edition", editionId);
        await expect(save(change("license", setting.licenseId, seen))).rejects.toThrow(CatalogConflict);
      });

      test("is a licence only without live sessions, and takes its clients along", async () => {
        await act(openCommand("anna"), openCommand("ben"));
        const token = [...((await store.read(isvId, setting.licenseId))?.assignments() ?? [])][0]?.tokenKey as string;
        await expect(remove("license", setting.licenseId)).rejects.toThrow("has live sessions");
        expect((await store.read(isvId, setting.licenseId))?.openSessions).toBe(2);
        await act(endAll());
        await remove("license", setting.licenseId);
        for (const _ of ["at once", "later"]) {
          expect(await store.licenseOfToken(isvId, token)).toBeUndefined();
          expect(await store.assignmentsOfClient(isvId, productIdOf(1), "anna")).toEqual([]);
          expect(await store.dueLicenses(clock.now() + 3_600_000, 10, null)).toEqual([]);
          await restart();
        }
      });

      test("keeps its history, denials after its end included", async () => {
        await act(openCommand("anna"), endAll());
        await remove("license", setting.licenseId);
        await act(openCommand("ben"));
        await restart();
        const kinds = (await store.history(isvId, setting.licenseId, 10)).map(({ kind }) => kind);
        expect(kinds).toEqual(["client.activated", "session.opened", "session.ended", "denied"]);
        expect((await store.denials(denialsOf(isvId, { licenseId: setting.licenseId }))).total).toBe(1);
      });

      test("gives back the tokens that its clients held, and history tells of each", async () => {
        const licenseId = licenseIdOf(2);
        await store.saveCatalog(entitiesOf(licenseSetting({ licenseId, mode: "named", assignable: 3 })));
        await act(...["anna", "ben", "cem"].map((clientId) => activateCommand(licenseId, clientId)));
        const tokenKey = [...((await store.read(isvId, licenseId))?.assignments() ?? [])].find(
          ({ clientId }) => clientId === "ben",
        )?.tokenKey as string;
        await act({ type: "unassign", isvId, licenseId, tokenKey });
        // Activated, and yet without a token that anybody counts: one of the floating licence.
        await act(openCommand("anna"), endAll());
        clock.advance(5_000);
        await remove("license", licenseId);
        await remove("license", setting.licenseId);
        await restart();
        const lines = await store.history(isvId, licenseId, 10);
        const unassigned = lines.filter(({ at }) => at === clock.now());
        expect(unassigned.map(({ clientId }) => clientId).toSorted()).toEqual(["anna", "cem"]);
        for (const line of unassigned) {
          expect(line).toMatchObject({ kind: "client.unassigned", isvId, licenseId, pool: "named", tokens: -1 });
        }
        expect(lines.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(0);
        const others = await store.history(isvId, setting.licenseId, 10);
        expect(others.map(({ kind }) => kind)).toEqual(["client.activated", "session.opened", "session.ended"]);
      });

      test("can be created again, and begins anew", async () => {
        await act(openCommand("anna"), openCommand("ben"), endAll());
        const seen = license();
        await remove("license", setting.licenseId);
        await save(change("license", setting.licenseId, seen, { from: null }));
        expect((await store.read(isvId, setting.licenseId))?.clients).toBe(0);
        expect(await act(openCommand("anna"))).toEqual([null]);
        await restart();
        const again = await store.read(isvId, setting.licenseId);
        expect([again?.clients, again?.openSessions]).toEqual([1, 1]);
      });

      test("keeps what the tenant file said of it", async () => {
        await save(change("license", setting.licenseId, license(), { applied: { said: 1 } }));
        await save(change("license", setting.licenseId, null, { applied: { said: 1 } }));
        await restart();
        expect(store.applied(isvId, "license", setting.licenseId)).toEqual({ said: 1 });
      });
    });

    describe("the audit log", () => {
      test("has a line for each change: who, when, what it was and what it is", async () => {
        const before = license();
        clock.advance(5_000);
        await save(change("license", setting.licenseId, named("first")));
        await remove("license", setting.licenseId);
        await restart();
        const { items, total } = await log({ kind: "license", id: setting.licenseId });
        const about = { isvId, author: anna, at: clock.now(), kind: "license", id: setting.licenseId };
        const first = { ...before, name: "first" };
        expect(items.slice(0, 2)).toEqual([
          { ...about, act: "deleted", before: first, after: null },
          { ...about, act: "changed", before, after: first },
        ]);
        expect(items[2]).toMatchObject({ act: "created", before: null, after: before });
        expect([items.length, total]).toEqual([3, 3]);
      });

      test("has none for what stays as it is, nor for what was refused", async () => {
        const { total } = await log();
        await save(change("license", setting.licenseId, { ...license() }));
        await expect(remove("edition", editionId)).rejects.toThrow();
        await restart();
        expect((await log()).total).toBe(total);
      });

      test("pages newest first, by kind, thing and time, and by vendor", async () => {
        const start = clock.now();
        for (const each of ["a", "b", "c", "d"]) {
          clock.advance(1_000);
          await save(change("license", setting.licenseId, named(each)));
        }
        const names = async (more: Partial<AuditQuery>) =>
          (await log({ kind: "license", ...more })).items.map(({ after }) => (after as EntityOf["license"]).name);
        expect(await names({ limit: 2 })).toEqual(["d", "c"]);
        expect(await names({ limit: 2, offset: 2 })).toEqual(["b", "a"]);
        expect(await names({ from: start + 2_000, to: start + 4_000 })).toEqual(["c", "b"]);
        expect((await log({ kind: "customer" })).total).toBe(1);
        expect((await log({ isvId: isvIdOf(2) })).total).toBe(0);
      });

      test("shows no secret's digest, and yet that it changed", async () => {
        const key = (secret: string): EntityOf["key"] => ({
          id: freshId(11, 2),
          name: "app",
          role: "provisioning",
          scope: "app",
          secret_sha256: secret.repeat(64),
          response_signature: "none",
          is_active: true,
          product_id: null,
          customer_id: null,
          license_id: null,
        });
        await save(change("key", freshId(11, 2), key("a")));
        await save(change("key", freshId(11, 2), key("b")));
        const text = JSON.stringify((await log({ kind: "key" })).items);
        expect(text).toContain("aaaaaaaa…");
        expect(text).toContain("bbbbbbbb…");
        expect(text).not.toMatch(/a{9}|b{9}/);
      });

      const ended = (): AuditLine => ({
        at: clock.now(),
        isvId,
        author: { ...anna, keyId: null },
        act: "session.ended",
        kind: "session",
        id: "all",
        before: null,
        after: { ended: 1 },
      });
      /** Ends all sessions and puts the line on record in the same transaction; `then` is run behind it. */
      const end = (line: () => AuditLine, then = () => {}) =>
        store.transact([endAll()], (licenses, now, owed) => {
          const outcomes = workOf([endAll()])(licenses, now, owed);
          licenses.audit(line());
          then();
          return outcomes;
        });
      const live = async () => (await store.read(isvId, setting.licenseId))?.openSessions;

      test("takes what was done to sessions, though nothing else changed", async () => {
        await end(ended);
        await restart();
        expect((await log({ kind: "session" })).items).toEqual([ended()]);
      });

      test("has the line of an act whose transaction was kept, and none where it failed", async () => {
        await act(openCommand("anna"));
        const fails = () => {
          throw new Error("a bug");
        };
        await expect(end(ended, fails)).rejects.toThrow("a bug");
        expect([await live(), (await log({ kind: "session" })).total]).toEqual([1, 0]);
        await end(ended);
        await restart();
        expect([await live(), (await log({ kind: "session" })).total]).toEqual([0, 1]);
      });

      // What is in memory alone takes any line.
      test.skipIf(reopen === undefined)("whose line does not go in keeps the act from happening", async () => {
        await act(openCommand("anna"));
        const broken = () => ({ ...ended(), kind: null }) as unknown as AuditLine;
        await expect(end(broken)).rejects.toMatchObject({ name: "StoreFault", isUnknown: false });
        expect([await live(), (await log()).items.some(({ act: was }) => was === "session.ended")]).toEqual([1, false]);
        await restart();
        expect([await live(), (await store.history(isvId, setting.licenseId, 9)).map(({ kind }) => kind)]).toEqual([
          1,
          expect.not.arrayContaining(["session.ended"]),
        ]);
      });
    });

    test("what happened on a licence is told newest first, page by page, also once it is deleted", async () => {
      for (const client of ["anna", "ben"]) await act(openCommand(client));
      await stepAll(store, [{ ...openCommand("carl"), licenseId: licenseIdOf(99) }, endAll()]);
      const expected = (await store.history(isvId, setting.licenseId, 100)).toReversed();
      const told = async () => {
        const lines = [];
        let before: number | null = null;
        do {
          const page = await store.events({ isvId, licenseId: setting.licenseId, before, limit: 2 });
          expect(page.items.length).toBeLessThanOrEqual(2);
          lines.push(...page.items);
          before = page.next;
        } while (before !== null);
        return lines;
      };
      expect(expected).toHaveLength(6);
      expect(await told()).toEqual(expected);
      await remove("license", setting.licenseId);
      await restart();
      expect(await told()).toEqual(expected);
    });

    describe("a user that is forgotten", () => {
      const name = "Anna@Factor.com";
      const names = new Map([["anna@factor.com", "user-0123456789abcdef"]]);
      const forget = () =>
        store.forget(isvId, names, {
          at: clock.now(),
          isvId,
          author: anna,
          act: "user.forgotten",
          kind: "user",
          id: "user-0123456789abcdef",
          before: null,
          after: null,
        });
      const everything = async () => {
        const license = await store.read(isvId, setting.licenseId);
        return {
          history: await store.history(isvId, setting.licenseId, 100),
          denials: await store.denials(denialsOf(isvId)),
          assignments: [...(license?.assignments() ?? [])],
          sessions: [...(license?.sessions() ?? [])],
          counts: [license?.clients, license?.assigned, license?.holders, license?.openSessions],
          audit: await log(),
        };
      };

      beforeEach(async () => {
        await act(openCommand(name), openCommand("ben"), openCommand(" ANNA@factor.com"), openCommand("carl"));
        await act(
          { ...openCommand("dora"), licenseId: licenseIdOf(99) },
          { ...openCommand(name), licenseId: licenseIdOf(99) },
        );
      });
      const closeHers = (): Command => {
        const nothing = { sessionId: null, userId: null };
        return { type: "close", isvId, licenseId: setting.licenseId, clientId: name, ...nothing };
      };

      test("has no place in the queue any more", async () => {
        const waiting = async () => {
          const license = await store.read(isvId, setting.licenseId);
          return [...(license?.tickets() ?? [])].map(({ clientId }) => clientId);
        };
        await act(closeHers(), openCommand("erik"), { ...openCommand(name), waitMs: 30_000 } as Command);
        await act({ ...openCommand("fay"), waitMs: 30_000 } as Command);
        expect(await waiting()).toEqual([name, "fay"]);
        await forget();
        expect(await waiting()).toEqual(["fay"]);
        await restart();
        expect(await waiting()).toEqual(["fay"]);
      });

      test("is nowhere any more, nor after a restart, and all counts are as they were", async () => {
        await act(closeHers());
        const before = await everything();
        await forget();
        for (const _ of ["at once", "later"]) {
          const after = await everything();
          expect(JSON.stringify(after).toLowerCase()).not.toContain("anna@");
          expect(JSON.stringify(after).match(/user-0123456789abcdef/g)?.length).toBeGreaterThan(4);
          expect(after.counts).toEqual(before.counts);
          expect(after.history.map(({ kind, denial, at }) => [kind, denial, at])).toEqual(
            before.history.map(({ kind, denial, at }) => [kind, denial, at]),
          );
          expect(new Set(after.history.map(({ clientId }) => clientId)).size).toBe(3);
          expect(after.denials.total).toBe(before.denials.total);
          expect(after.sessions.map(({ clientId }) => clientId)).toEqual(["ben"]);
          expect(await store.assignmentsOfClient(isvId, productIdOf(1), name)).toEqual([]);
          expect(await store.assignmentsOfUser(isvId, productIdOf(1), name)).toEqual([]);
          expect(await store.assignmentsOfUser(isvId, productIdOf(1), "user-0123456789abcdef")).toHaveLength(1);
          await restart();
        }
      });

      test("is another holder to the analytics, with all that was counted, and one if it is two", async () => {
        await act(closeHers());
        const day = { isvId, series: holderSeries(24 * 60 * 60_000, setting.licenseId), start: 0 };
        const episode = {
          holder: "anna@factor.com",
          code: "tokens_exhausted",
          lastAt: 5,
          attempts: 2,
          servedAt: null,
        } as const;
        const pseudonym = "user-0123456789abcdef";
        const count = { attempts: 2, episodes: 1, served: 1, servedSoon: 0, waitMs: 5, waitMaxMs: 5 };
        const two = { tokens_exhausted: count };
        const four = {
          tokens_exhausted: { attempts: 4, episodes: 2, served: 2, servedSoon: 0, waitMs: 10, waitMaxMs: 5 },
        };
        const counted = [
          {
            ...day,
            part: "anna@factor.com",
            body: { sessionMs: 5, sessions: 2, expired: 1, expiredAt: 3, denials: two },
          },
          { ...day, part: "ben", body: { sessionMs: 7, sessions: 1 } },
          { ...day, part: pseudonym, body: { sessionMs: 1, sessions: 1, expired: 1, expiredAt: 2, denials: two } },
          { ...day, series: episodeSeries(setting.licenseId), part: "anna@factor.com tokens_exhausted", body: episode },
        ];
        await store.saveTallies(counted, await store.counted(), { until: clock.now(), lines: 0 });
        const before = await store.counted();
        await forget();
        // Whoever has counted meanwhile has read the name.
        expect(await store.saveTallies(counted, before, { until: before.until + 1, lines: 0 })).toBe(false);
        await restart();
        expect(await store.tallies(isvId, day.series, 0, 1, 10)).toEqual([
          counted[1],
          { ...day, part: pseudonym, body: { sessionMs: 6, sessions: 3, expired: 2, expiredAt: 3, denials: four } },
        ]);
        expect(await store.tallies(isvId, episodeSeries(setting.licenseId), 0, 1, 10)).toEqual([
          { ...counted[3], part: `${pseudonym} tokens_exhausted`, body: { ...episode, holder: pseudonym } },
        ]);
      });

      test("keeps the token key, by which the client is found as before", async () => {
        await act(closeHers());
        const known = await store.assignmentsOfClient(isvId, productIdOf(1), name);
        await forget();
        await restart();
        const token = known[0]?.assignment.tokenKey as string;
        expect(await store.licenseOfToken(isvId, token)).toBe(setting.licenseId);
      });

      test("has no live session, or nothing happens", async () => {
        const before = structuredClone(await everything());
        await expect(forget()).rejects.toThrow(CatalogConflict);
        expect(await everything()).toEqual(before);
        await restart();
        expect(await everything()).toEqual(before);
      });

      test("whose sessions an administrator ended leaves their ids behind", async () => {
        await act(endAll());
        await forget();
        await restart();
        expect((await everything()).sessions.map(({ clientId }) => clientId)).toEqual(["ben"]);
        expect(await act(openCommand(name))).toEqual([null]);
      });

      test("is somebody new when coming back, and can be forgotten again without meeting the old one", async () => {
        await act(closeHers());
        await forget();
        expect(await act(openCommand(name))).toEqual([null]);
        await act(closeHers());
        const { counts } = await everything();
        await forget();
        await restart();
        const after = await everything();
        expect(after.counts).toEqual(counts);
        expect(after.assignments.map(({ clientId }) => clientId).toSorted()).toEqual([
          "ben",
          "user-0123456789abcdef",
          "user-0123456789abcdef-2",
        ]);
      });

      test("of another vendor is somebody else", async () => {
        const other = { ...setting, isvId: isvIdOf(2) };
        await store.saveCatalog(entitiesOf(other));
        await stepAll(store, [{ ...openCommand(name), isvId: isvIdOf(2) }]);
        await act(closeHers());
        await forget();
        expect((await store.history(isvIdOf(2), setting.licenseId, 10)).map(({ clientId }) => clientId)).toEqual([
          name,
          name,
        ]);
        expect((await store.read(isvIdOf(2), setting.licenseId))?.openSessions).toBe(1);
      });
    });
  });
}
