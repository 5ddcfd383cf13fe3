/** Following the log of a licence takes several turns of the event loop: what happens to a server in between. */
import { expect, test, vi } from "vitest";
import { LicenseState } from "../../src/core/state.ts";
import type { Connections } from "../../src/stores/postgres/connections.ts";
import { Following } from "../../src/stores/postgres/following.ts";
import { type Known, KnownLicenses } from "../../src/stores/postgres/licenses.ts";
import type { TakingUp } from "../../src/stores/postgres/take-up.ts";
import { licenseSetting, modelTermsOf } from "../model/vendor.ts";

const terms = modelTermsOf(licenseSetting({ tokens: 1 }));
const knownAs = (version: number): Known => ({
  state: new LicenseState(terms),
  version,
  isTaken: false,
  size: 0,
  usedAt: 0,
});

test("the log of a database is not taken for that of another one that has come into its place meanwhile", async () => {
  let lineage = "the primary that is gone";
  const log = [2, 3, 4].map((version) => ({ now_at: 4, lineage, version, changes: "[]" }));
  const licenses = new KnownLicenses(1_000);
  const surroundings = {
    lineage: () => lineage,
    beginAnew: () => expect.unreachable(),
    isInCatalogue: () => true,
    termsOf: () => terms,
  };
  const following = new Following(
    { query: async () => log } as Partial<Connections> as Connections,
    licenses,
    { take: async () => {} } as Partial<TakingUp> as TakingUp,
    surroundings,
    { pageRows: 1, keepingUpAfterMs: 0, versionsPerTurn: 1 },
  );
  licenses.put([knownAs(1)]);
  const promoted = knownAs(2);
  const put = licenses.put.bind(licenses);
  vi.spyOn(licenses, "put").mockImplementationOnce((all) => {
    put(all);
    // A decision has found the standby that was promoted, and read the licence there.
    lineage = "a standby that lacks its last commits";
    licenses.clear();
    put([promoted]);
  });
  expect(await following.follow(terms)).toBeUndefined();
  expect(promoted.version).toBe(2);
});
