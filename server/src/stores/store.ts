/**
 * The port that every store implements, and its contract in prose.
 *
 * A store does three dull things in one transaction: it shows licences, it saves what a step changed, and it tells the
 * time. It knows rows and keys; it knows no rule.
 *
 * - `transact` runs `work` once, synchronously, and keeps everything that it changed, or nothing. It resolves only
 *   when what was kept survives a crash (on a memory store: the process has it). Calls do not overlap: a caller waits
 *   for one before it makes the next.
 * - If `work` throws, or saving fails, the call rejects and the store is as it was before: nothing of it is seen by a
 *   later call. A failure of the store itself rejects with `StoreFault`.
 * - `now` is read once a transaction. It never goes back, not even over a restart, unless what is on record leads the
 *   clock by more than a minute: then somebody set a clock, and waiting for it would freeze every licence.
 * - What other methods read may lag behind a running `transact`, and never shows what did not commit.
 */
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredEntity } from "../catalog/entities.ts";
import type { Licenses } from "../core/step.ts";
import type { Assignment, HistoryRecord, LicenseView, Millis } from "../core/types.ts";

export interface Store {
  /** The vendors' catalogue as of the last commit. */
  readonly catalog: Catalog;
  /** The latest instant on record when the store was opened: when its last server was alive. Null: nothing is on record. */
  readonly lastInstant: Millis | null;

  transact<T>(work: (licenses: Licenses, now: Millis) => T): Promise<T>;

  /** Saves entities and what follows from them: licences see their new terms at once. All or nothing. */
  saveCatalog(entities: readonly StoredEntity[]): Promise<void>;
  /** What the tenant file last said of an entity. */
  applied(isvId: string, kind: StoredEntity["kind"], id: string): StoredEntity["applied"];

  /** A licence as of the last commit, for reading; undefined: there is none. */
  read(isvId: string, licenseId: string): LicenseView | undefined;
  /** Licences of one product on which the client of this id is known, the ones that hold a token for it first. */
  licensesOfClient(isvId: string, productId: string, clientId: string): readonly LicenseView[];
  /** The licence that a token key belongs to. */
  licenseOfToken(isvId: string, tokenKey: string): LicenseView | undefined;
  /** The licence that a project belongs to. */
  licenseOfProject(isvId: string, projectId: string): LicenseView | undefined;
  /** Assignments of one product whose user this is. */
  assignmentsOfUser(
    isvId: string,
    productId: string,
    userId: string,
  ): readonly { readonly licenseId: string; readonly assignment: Assignment }[];
  /** Licences with something over at `now`, at most `limit`, of one vendor or (null) of all: what the sweeper has to do. */
  dueLicenses(
    now: Millis,
    limit: number,
    isvId: string | null,
  ): readonly { readonly isvId: string; readonly licenseId: string }[];
  /** Every licence with at least one live session. */
  liveLicenses(): readonly { readonly isvId: string; readonly licenseId: string }[];

  /** The denial log of one vendor, newest first. */
  denials(query: DenialQuery): Promise<{ readonly items: readonly HistoryRecord[]; readonly total: number }>;
  /** All history of one licence, oldest first, at most `limit` lines: for tests and the licence's own page. */
  history(isvId: string, licenseId: string, limit: number): Promise<readonly HistoryRecord[]>;

  /** A small named value that must survive: signing keys, when the server was last alive. */
  setting(name: string): string | undefined;
  saveSetting(name: string, value: string): Promise<void>;

  /** A round of the store's own housekeeping, to be asked for every second or so. */
  tidy(): Promise<void>;

  /** The time as the store tells it. */
  now(): Millis;
  /** Rejects with `StoreFault` unless the store could serve a transaction now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface DenialQuery {
  readonly isvId: string;
  readonly licenseId: string | null;
  readonly clientId: string | null;
  /** From this instant on, and before that one; null: no bound. */
  readonly from: Millis | null;
  readonly to: Millis | null;
  readonly offset: number;
  readonly limit: number;
}

/** The setting that tells a later server until when this one was alive, in milliseconds. */
export const aliveAt = "alive_at";

/** The store could not do its work: disk, network, lock. The request may be repeated; nothing of it happened. */
export class StoreFault extends Error {
  override readonly name = "StoreFault";
}
