/** Fills an empty database with the lines of a dump, in one transaction. */
import { Directory } from "../directory.ts";
import {
  countedOf,
  countedSetting,
  type Dump,
  type DumpLine,
  DumpRefused,
  type Place,
  StoreNotEmpty,
} from "../store.ts";
import { auditValues, insertAudit } from "./audit.ts";
import { assignmentColumns, sessionBody } from "./bodies.ts";
import { type End, insertFolds, insertLicenses, lookAtEnds, putEntities } from "./catalogue.ts";
import { Connections, type Transaction } from "./connections.ts";
import { gatheredRow, historyColumns, namesOf } from "./deciding.ts";
import { putSessions } from "./folding.ts";
import { answerAtLengthMs } from "./limits.ts";
import { lockSchema, migrate } from "./schema.ts";
import * as statements from "./statements.ts";
import { columnsWithBodies, putCounted, putTallies } from "./tallies.ts";

/** Lines of one kind that go into one statement. */
const linesAtATime = 1_000;

/** A table may take its time. While it is filled, servers wait with their start for the schema's lock. */
const patience = `
  SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`;

const saveSettings = `
  INSERT INTO seatkeeper.settings (name, value) SELECT * FROM unnest($1::text[], $2::text[])
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

/** Time goes on from the latest instant on record, and the sweeper looks at what is over first. */
const settleLicenses = `
  UPDATE seatkeeper.licenses AS l SET decided_at = $1,
    look_at = least(
      (SELECT min((s.body ->> 'validUntil')::bigint) FROM seatkeeper.sessions AS s
        WHERE s.isv_id = l.isv_id AND s.license_id = l.license_id),
      (SELECT min((i.body ->> 'validUntil')::bigint) FROM seatkeeper.items AS i
        WHERE i.isv_id = l.isv_id AND i.license_id = l.license_id AND i.kind = 'ticket'))`;

/**
 * Refuses what `loadDatabase` would refuse before its first line: whoever waits for servers to end asks this first.
 * @throws StoreNotEmpty, and whatever `migrate` throws.
 */
export async function requireEmpty(url: string): Promise<void> {
  const connections = new Connections(url, 1);
  try {
    await migrate(connections, { dryRun: true });
    const [there] = await connections.query("SELECT to_regclass('seatkeeper.entities') IS NOT NULL AS is_there");
    if (there?.is_there === true) await refuseFull(connections);
  } finally {
    await connections.close();
  }
}

async function refuseFull(connections: Pick<Connections, "query">): Promise<void> {
  const [found] = await connections.query("SELECT EXISTS (SELECT FROM seatkeeper.entities) AS is_full");
  if (found?.is_full === true) throw new StoreNotEmpty();
}

/** Fills a database without being one of its servers: no sign of life is left behind. */
export async function loadDatabase(url: string, dump: Dump): Promise<void> {
  const connections = new Connections(url, 1);
  try {
    await migrate(connections);
    await loadInto(connections, dump);
  } finally {
    await connections.close();
  }
}

/** @throws StoreNotEmpty, DumpRefused; nothing is kept then. */
export async function loadInto(connections: Connections, dump: Dump): Promise<void> {
  const transaction = await connections.begin({ answerMs: answerAtLengthMs });
  try {
    transaction.query(patience);
    await lockSchema(transaction);
    await refuseFull(transaction);
    const [head] = await transaction.query(
      "UPDATE seatkeeper.catalog_head SET revision = revision + 1 RETURNING revision",
    );
    // How far a server has counted nothing here says nothing of the lines that come.
    transaction.query(putCounted, [0, 0]);
    const loading = new Loading(transaction, Number(head?.revision));
    for await (const line of dump.lines) await loading.put(line);
    await loading.flush();
    transaction.query(settleLicenses, [dump.aliveAt ?? 0]);
    await lookAtEnds(transaction, loading.ends);
    await transaction.query("UPDATE seatkeeper.alive SET alive_at = coalesce($1, alive_at)", [dump.aliveAt]);
    await transaction.commit();
  } catch (error) {
    transaction.abandon();
    throw error;
  }
}

type LineOf<T extends DumpLine["type"]> = Extract<DumpLine, { readonly type: T }>;

class Loading {
  readonly #transaction: Transaction;
  readonly #revision: number;
  readonly #directory = new Directory();
  /** Lines of one kind that are not sent yet. */
  #lines: DumpLine[] = [];

  constructor(transaction: Transaction, revision: number) {
    this.#transaction = transaction;
    this.#revision = revision;
  }

  /** The ends of licences whose clients hold tokens until then. */
  get ends(): End[] {
    const vendors = [...this.#directory.catalog.vendors()];
    const places = vendors.flatMap(({ isv, licenses }) =>
      [...licenses.keys()].map((licenseId) => ({ isvId: isv.id, licenseId })),
    );
    return places.flatMap((place) => {
      const { isTemporary, expiresAt } = this.#directory.knownTerms(place.isvId, place.licenseId);
      return isTemporary && expiresAt !== null ? [{ ...place, lookAt: expiresAt }] : [];
    });
  }

  /** @throws DumpRefused where the line refers to what did not come before it. */
  async put(line: DumpLine): Promise<void> {
    this.#check(line);
    if (this.#lines.length >= linesAtATime || (this.#lines[0] ?? line).type !== line.type) await this.flush();
    this.#lines.push(line);
  }

  /** Sends what is not sent yet. */
  async flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    switch (lines[0]?.type) {
      case "setting":
        return this.#settings(lines as LineOf<"setting">[]);
      case "entity":
        return this.#entities(lines as LineOf<"entity">[]);
      case "assignment":
        return this.#assignments(lines as LineOf<"assignment">[]);
      case "project":
        return this.#projects(lines as LineOf<"project">[]);
      case "check-ins":
        return this.#checkIns(lines as LineOf<"check-ins">[]);
      case "session":
        return this.#sessions(lines as LineOf<"session">[]);
      case "item":
        return this.#items(lines as LineOf<"item">[]);
      case "gathered":
        return this.#gathered(lines as LineOf<"gathered">[]);
      case "history":
        return this.#history(lines as LineOf<"history">[]);
      case "tally":
        return this.#tallies(lines as LineOf<"tally">[]);
      case "audit":
        return this.#audit(lines as LineOf<"audit">[]);
    }
  }

  #check(line: DumpLine): void {
    if (line.type === "setting" || line.type === "tally" || line.type === "audit") return;
    if (line.type === "entity") {
      try {
        this.#directory.check([line]);
      } catch (error) {
        throw new DumpRefused((error as Error).message);
      }
      this.#directory.put([line]);
    } else if (line.type === "history" || line.type === "gathered") {
      // Of a licence, too, that is gone since.
      const { isvId } = line.type === "history" ? line.record : line.value;
      if (this.#directory.catalog.vendor(isvId) === undefined)
        throw new DumpRefused(`${line.type} of a vendor that is not there: ${isvId}`);
    } else if (!this.#hasLicense(line)) throw new DumpRefused(`a licence that is not there: ${line.licenseId}`);
  }

  #hasLicense({ isvId, licenseId }: Place): boolean {
    return this.#directory.catalog.vendor(isvId)?.licenses.has(licenseId) === true;
  }

  async #settings(lines: readonly LineOf<"setting">[]): Promise<void> {
    const counted = lines.find(({ name }) => name === countedSetting);
    if (counted !== undefined) {
      const { until, lines: within } = countedOf(counted.value);
      await this.#transaction.query(putCounted, [until, within]);
    }
    const others = lines.filter((line) => line !== counted);
    await this.#transaction.query(saveSettings, [others.map(({ name }) => name), others.map(({ value }) => value)]);
  }

  async #entities(lines: readonly LineOf<"entity">[]): Promise<void> {
    await this.#transaction.query(putEntities, [
      lines.map(({ isvId }) => isvId),
      lines.map(({ kind }) => kind),
      lines.map(({ id }) => id),
      lines.map(({ body }) => JSON.stringify(body)),
      lines.map(({ applied }) => (applied === null ? null : JSON.stringify(applied))),
      this.#revision,
    ]);
    const licenses = lines.filter(({ kind }) => kind === "license");
    const places = [licenses.map(({ isvId }) => isvId), licenses.map(({ id }) => id)];
    await this.#transaction.query(insertLicenses, places);
    await this.#transaction.query(insertFolds, places);
  }

  async #assignments(lines: readonly LineOf<"assignment">[]): Promise<void> {
    const rows = lines.map(({ assignment, ...place }) => ({ place, assignment }));
    await this.#transaction.query(statements.putAssignments, assignmentColumns(rows));
  }

  async #projects(lines: readonly LineOf<"project">[]): Promise<void> {
    const bodies = lines.map(({ project }) => JSON.stringify(project));
    await this.#transaction.query(statements.putProjects, [
      ...placesOf(lines),
      lines.map(({ project }) => project.id),
      bodies,
    ]);
  }

  async #checkIns(lines: readonly LineOf<"check-ins">[]): Promise<void> {
    await this.#transaction.query(statements.putCheckIns, [
      ...placesOf(lines),
      lines.map(({ checkIns }) => checkIns.month),
      lines.map(({ checkIns }) => checkIns.count),
    ]);
  }

  async #sessions(lines: readonly LineOf<"session">[]): Promise<void> {
    await this.#transaction.query(putSessions, [
      ...placesOf(lines),
      lines.map(({ session }) => JSON.stringify(session.key)),
      lines.map(({ session }) => sessionBody(session)),
    ]);
  }

  async #items(lines: readonly LineOf<"item">[]): Promise<void> {
    const items = lines.map(({ item }) => item);
    const bodies = items.map((item) => JSON.stringify(item));
    await this.#transaction.query(statements.putItems, [...placesOf(lines), ...namesOf(items), bodies]);
  }

  async #gathered(lines: readonly LineOf<"gathered">[]): Promise<void> {
    const rows = lines.map(({ value }) => gatheredRow(value));
    await this.#transaction.query(statements.insertGathered, [JSON.stringify(rows)]);
  }

  async #tallies(lines: readonly LineOf<"tally">[]): Promise<void> {
    await this.#transaction.query(putTallies, columnsWithBodies(lines.map(({ tally }) => tally)));
  }

  async #audit(lines: readonly LineOf<"audit">[]): Promise<void> {
    await this.#transaction.query(insertAudit, auditValues(lines.map(({ line }) => line)));
  }

  async #history(lines: readonly LineOf<"history">[]): Promise<void> {
    const records = lines.map(({ record }) => record);
    await this.#transaction.query(
      statements.insertHistory,
      historyColumns(records, (record) => this.#hasLicense(record)),
    );
  }
}

function placesOf(lines: readonly Place[]): unknown[] {
  return [lines.map(({ isvId }) => isvId), lines.map(({ licenseId }) => licenseId)];
}
