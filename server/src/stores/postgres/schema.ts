/** Brings a database to the schema that this program knows: one numbered file after the other, one server at a time. */
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseInUse, DatabaseRefused } from "../store.ts";
import { type OnWait, requireSilence } from "./alone.ts";
import { Connections } from "./connections.ts";
import { isLockedOut } from "./faults.ts";
import { answerAtLengthMs, lockSchemaMs } from "./limits.ts";

const folder = new URL("../../../migrations/postgres/", import.meta.url);

/** Names the lock under which schemas change ("seatkeep" in ASCII). */
const lockKey = "8315161591571375472";

/** A migration takes what it takes, and reads whole tables in the best way that PostgreSQL knows. */
const atLength = `SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;
  SET LOCAL enable_mergejoin = on`;

/** Who had the lock just before may be a server that starts: by then it shows that it is alive, its catalogue read first before 0010. */
const firstSignMs = 2_000;

export interface Migration {
  /** Its place in the sequence, from 1. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** The oldest schema whose programs may go on beside this one. */
  readonly runsBeside: number;
}

/** The migrations of this program. A file says `-- runs beside N` where servers of schema N may go on while it is in force. */
export function readMigrations(): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .toSorted()
    .map((name, n) => {
      const sql = readFileSync(new URL(name, folder), "utf8");
      const beside = /^-- runs beside (\d+)$/m.exec(sql)?.[1];
      return { version: n + 1, name, sql, runsBeside: beside === undefined ? n + 1 : Number(beside) };
    });
}

interface Migrating {
  readonly migrations?: readonly Migration[];
  /** Only answers. */
  readonly dryRun?: boolean;
  readonly lockMs?: number;
  /** It is watched for servers of before, beside which what is missing must not run. */
  readonly onWait?: OnWait;
  /** Ends the watch, and nothing was changed. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Runs the migrations that are missing, in one transaction. Answers with the names of those that it ran.
 * @throws DatabaseRefused where the schema is newer than this program and not made to run beside it, DatabaseInUse where
 * somebody else changes it for long, or a server runs that must not go on beside it.
 */
export async function migrate(
  connections: Connections,
  {
    migrations = readMigrations(),
    dryRun = false,
    lockMs = lockSchemaMs,
    onWait = () => undefined,
    stop,
  }: Migrating = {},
): Promise<string[]> {
  const transaction = await connections.begin({ answerMs: answerAtLengthMs });
  try {
    transaction.query(atLength);
    await lockSchema(transaction, lockMs);
    const known = migrations.length;
    const { version, runsBeside } = await schemaOf(transaction);
    if (version > known && runsBeside > known) throw new DatabaseRefused(newer(version, known));
    const missing = migrations.slice(version);
    if (dryRun || missing.length === 0) {
      await transaction.rollback();
      return missing.map(({ name }) => name);
    }
    // Under the lock: whoever starts now waits for it, and finds the new schema then.
    if (isApart(missing, version))
      await requireSilence(transaction, onWait, { leastMs: firstSignMs, refusal: older, stop });
    transaction.query(`CREATE SCHEMA IF NOT EXISTS seatkeeper;
      CREATE TABLE IF NOT EXISTS seatkeeper.schema (version int PRIMARY KEY, runs_beside int NOT NULL, at timestamptz NOT NULL DEFAULT now())`);
    for (const migration of missing) {
      await transaction.query(migration.sql);
      const values = [migration.version, migration.runsBeside];
      await transaction.query("INSERT INTO seatkeeper.schema (version, runs_beside) VALUES ($1, $2)", values);
    }
    await transaction.commit();
    return missing.map(({ name }) => name);
  } catch (error) {
    transaction.abandon();
    throw error;
  }
}

/** Migrates, as a start of a server would, or tells what that would run, and whether servers of before must be gone for it. */
export async function migrateDatabase(url: string, dryRun: boolean, onWait: OnWait) {
  const connections = new Connections(url, 1);
  try {
    const names = await migrate(connections, { dryRun, onWait });
    const known = readMigrations();
    const version = known.length - names.length;
    return { names, isApart: isApart(known.slice(version), version) };
  } finally {
    await connections.close();
  }
}

/** Whether no server of before may go on beside what is missing. An empty database has none. */
const isApart = (missing: readonly Migration[], version: number) =>
  version > 0 && missing.some(({ runsBeside }) => runsBeside > version);

/**
 * Waits until nobody else changes the schema, or fills it; until the transaction ends nobody else will. Tables are then waited for
 * as long as it takes.
 * @throws DatabaseInUse
 */
export async function lockSchema(
  transaction: { query: Connections["query"] },
  lockMs: number = lockSchemaMs,
): Promise<void> {
  transaction.query(`SET LOCAL lock_timeout = ${lockMs}`);
  try {
    await transaction.query(`SELECT pg_advisory_xact_lock(${lockKey})`);
  } catch (error) {
    throw isLockedOut(error) ? new DatabaseInUse(changing, { cause: error }) : error;
  }
  transaction.query("SET LOCAL lock_timeout = 0");
}

const changing =
  "Somebody changes this database's schema, or fills it: another server that starts, `seatkeeper migrate` or `seatkeeper import`. Try again when that is over.";

const older =
  "A server of an older release is running on this database, and could not go on beside this one's schema. Stop all of them first: nothing was changed.";

async function schemaOf(transaction: { query: Connections["query"] }) {
  const [there] = await transaction.query("SELECT to_regclass('seatkeeper.schema') IS NOT NULL AS is_there");
  if (there?.is_there !== true) return { version: 0, runsBeside: 0 };
  const [row] = await transaction.query(
    "SELECT version, runs_beside FROM seatkeeper.schema ORDER BY version DESC LIMIT 1",
  );
  return { version: Number(row?.version ?? 0), runsBeside: Number(row?.runs_beside ?? 0) };
}

function newer(version: number, known: number): string {
  return `The database was written by a newer Seatkeeper (schema ${version}; this one knows ${known}). Run that version or a later one.`;
}
