/**
 * Connections to PostgreSQL, to whichever of its servers is the primary; and a transaction on one of them: statements
 * are sent without waiting for each other.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Client, type ClientConfig, Pool, type PoolClient, type PoolConfig, type QueryConfig } from "pg";
import { StoreFault } from "../store.ts";
import { addressesOf, nameless } from "./addresses.ts";
import * as limits from "./limits.ts";
import { findPrimary, type Primary, timelineOf } from "./primary.ts";

export type Row = Readonly<Record<string, unknown>>;

/** What a statement that only some transactions need answers with where it was left out. */
export const noRows: Promise<readonly Row[]> = Promise.resolve([]);

interface Beginning {
  /** Decisions read, after the wait for their locks, what others committed meanwhile: whatever the database's default is. */
  readonly mode?: `ISOLATION LEVEL ${"READ COMMITTED" | "REPEATABLE READ" | "REPEATABLE READ READ ONLY"}`;
  /** How long it waits for a lock. */
  readonly lockMs?: number;
  /** How long it waits for any one answer. */
  readonly answerMs?: number;
}

interface Writing extends Beginning {
  /** How long it waits for the answer to its COMMIT. */
  readonly commitMs?: number;
}

interface PrimaryConfig extends PoolConfig {
  readonly pipeline?: boolean;
  readonly addressNow?: () => string | undefined;
}

/** A connection to the primary, wherever it is when it is made; it can be cut though nobody answers on it. */
class ToPrimary extends Client {
  readonly #socket: Socket;

  constructor({ addressNow, ...config }: PrimaryConfig = {}) {
    const socket = new Socket();
    super({ ...config, connectionString: addressNow?.(), stream: () => socket } as ClientConfig);
    this.#socket = socket;
  }

  cut(): void {
    this.#socket.destroy();
  }
}

export class Connections {
  readonly #urls: readonly string[];
  readonly #config: PrimaryConfig;
  /** Null: nobody has looked yet. */
  #primary: Primary | null = null;
  #pool: Pool | null = null;
  #finding: Promise<Pool> | null = null;
  /** Connections in use, and since when by the process's monotonic clock. */
  readonly #taken = new Map<ToPrimary, number>();
  readonly #watch: NodeJS.Timeout;
  /** null: the address ends in `?prepare=off`, because a pooler in between knows no named statements. */
  readonly #names: StatementNames | null;
  /** What the server warned of since the transaction on a connection began. */
  readonly #warnings = new WeakMap<PoolClient, string>();

  /** `url` may name several servers, with commas between them. */
  constructor(url: string, connectionsMax: number) {
    this.#urls = addressesOf(url).map(nameless);
    this.#names = this.#urls.some((each) => new URL(each).searchParams.get("prepare") === "off")
      ? null
      : new StatementNames();
    this.#config = {
      max: connectionsMax,
      connectionTimeoutMillis: limits.connectMs,
      idleTimeoutMillis: limits.idleMs,
      application_name: "seatkeeper",
      keepAlive: true,
      pipeline: true,
      addressNow: () => this.#primary?.url,
    };
    this.#watch = setInterval(() => this.#lookAfterLateOnes(), limits.watchMs).unref();
  }

  /** @throws StoreFault where no connection can be had in time. */
  async begin({
    mode = "ISOLATION LEVEL READ COMMITTED",
    lockMs = limits.lockMs,
    answerMs = limits.answerMs,
  }: Beginning = {}): Promise<Transaction> {
    const client = await this.#client();
    this.#warnings.delete(client);
    const begin = `BEGIN ${mode}; ${timeouts(lockMs)}; ${byKeys}`;
    return new Transaction(client, this.#names, begin, answerMs, () => this.#warnings.get(client));
  }

  /** One statement that reads; it is given up in time. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const client = await this.#client();
    try {
      const { rows } = await client.query(within(limits.answerMs, text, values));
      client.release();
      return rows;
    } catch (error) {
      client.release(true);
      throw faultOf(error);
    }
  }

  /**
   * One statement that writes, as a transaction of its own. Its connection stays taken until PostgreSQL answers: however often
   * it is tried, not ever more of them wait for a standby.
   */
  async write(text: string, values: readonly unknown[], { commitMs, ...beginning }: Writing = {}) {
    const transaction = await this.begin(beginning);
    try {
      const rows = transaction.query(text, values);
      await transaction.commit(commitMs);
      return await rows;
    } catch (error) {
      transaction.abandon();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#finding?.catch(() => {});
    if (this.#pool?.ending === false) await this.#pool.end();
    clearInterval(this.#watch);
  }

  async #client(): Promise<PoolClient> {
    const pool = this.#pool ?? (await this.#find());
    try {
      return await pool.connect();
    } catch {
      // Gone, or a standby by now: another one may be the primary.
      const found = await this.#find();
      return await found.connect().catch((error: Error) => {
        const { size } = this.#taken;
        const what = size < found.options.max ? "PostgreSQL cannot be reached" : noneIsFree(size);
        throw new StoreFault(`${what}: ${error.message}`, { cause: error });
      });
    }
  }

  /** The connections to the primary, wherever it is now. Whoever asks meanwhile, or soon after nobody was found, shares the answer. */
  #find(): Promise<Pool> {
    this.#finding ??= findPrimary(this.#urls, this.#primary?.timeline ?? "").then(
      (primary) => {
        this.#finding = null;
        return this.#moveTo(primary);
      },
      (error) => {
        setTimeout(() => {
          this.#finding = null;
        }, limits.findAgainMs).unref();
        throw error;
      },
    );
    return this.#finding;
  }

  /** On a new timeline every connection to the old primary is cut: it may hang for good, and must not be believed any more. */
  #moveTo(primary: Primary): Pool {
    const isSame = this.#primary?.timeline === primary.timeline;
    this.#primary = primary;
    if (this.#pool !== null && isSame) return this.#pool;
    void this.#pool?.end().catch(() => {});
    for (const client of this.#taken.keys()) client.cut();
    this.#taken.clear();
    this.#pool = this.#open(primary.timeline);
    return this.#pool;
  }

  #open(timeline: string): Pool {
    const pool = new Pool({
      ...this.#config,
      Client: ToPrimary,
      onConnect: async (client) => {
        if ((await timelineOf(client, timeline)) !== timeline) throw new StoreFault("another primary is in force");
      },
    });
    // A connection that breaks while nobody uses it is thrown away; whoever needs one next gets a new one.
    pool.on("error", () => {});
    pool.on("acquire", (client) => this.#taken.set(client as PoolClient & ToPrimary, performance.now()));
    pool.on("release", (_error, client) => this.#taken.delete(client as PoolClient & ToPrimary));
    pool.on("connect", (client) => {
      client.on("error", () => {});
      client.on("notice", ({ severity, message }) => {
        if (severity === "WARNING") this.#warnings.set(client, message ?? "a warning without a text");
      });
    });
    return pool;
  }

  /** A primary whose machine is gone or stands still does not cut its connections: looking is the only way to know. */
  #lookAfterLateOnes(): void {
    const late = performance.now() - limits.lateMs;
    for (const since of this.#taken.values()) {
      if (since < late) return void this.#find().catch(() => {});
    }
  }
}

/** It can be reached, and whoever has them waits for its answers: to commits that wait for a standby, mostly. */
const noneIsFree = (count: number) => `none of the ${count} connections to PostgreSQL has come free`;

/**
 * For the transaction alone, so that a connection pooler in between does no harm. A server that stops in the middle of a
 * transaction, suspended or cut off, holds its licences no longer than the last of these.
 */
const timeouts = (
  lockMs: number,
) => `SET LOCAL lock_timeout = ${lockMs}; SET LOCAL statement_timeout = ${limits.statementMs};
SET LOCAL idle_in_transaction_session_timeout = ${limits.idleInTransactionMs}`;

/**
 * Every statement in a transaction finds its rows by their keys. PostgreSQL keeps the plans of named statements, and a
 * plan that it made while a table was still empty would otherwise read all of it for ever after. Left to itself it would
 * plan anew for every transaction of a few licences, since it reckons with ten of them: that costs as much as what they do.
 */
const byKeys = `SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan`;

/** Names under which PostgreSQL keeps the plans of a transaction's statements, which are a fixed few. */
class StatementNames {
  readonly #names = new Map<string, string>();

  of(text: string): string {
    const name = this.#names.get(text) ?? `s${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}

/** What is sent in this turn goes out in one piece: every write to a socket wakes PostgreSQL. */
function gather(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

export class Transaction {
  readonly #client: PoolClient;
  readonly #names: StatementNames | null;
  readonly #answerMs: number;
  readonly #warning: () => string | undefined;
  #isOver = false;
  /** What went wrong first; PostgreSQL says of everything after it only that the transaction is over. */
  #failure: StoreFault | undefined;

  constructor(
    client: PoolClient,
    names: StatementNames | null,
    begin: string,
    answerMs: number,
    warning: () => string | undefined,
  ) {
    this.#client = client;
    this.#names = names;
    this.#answerMs = answerMs;
    this.#warning = warning;
    this.query(begin);
  }

  /**
   * Sends a statement behind those before it. Where one of them failed, so does this one: whoever needs no rows need not
   * wait, `commit` tells.
   */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    gather(this.#client);
    const name = values === undefined ? undefined : this.#names?.of(text);
    const sent = this.#client.query({ ...within(this.#answerMs, text, values), ...(name && { name }) }).then(
      (result) => result.rows,
      (error) => {
        this.#failure ??= faultOf(error);
        throw this.#failure;
      },
    );
    sent.catch(() => {});
    return sent;
  }

  /**
   * Resolves when what was sent is kept, as durably as the server is set up to. A COMMIT is never cancelled: whether it
   * took place could then not be told.
   * @throws StoreFault, with `isUnknown` where the transaction may have been kept.
   */
  async commit(commitMs = limits.commitMs): Promise<void> {
    const client = this.#client;
    this.#isOver = true;
    let isLate = false;
    gather(client);
    const committed = client.query("SET LOCAL statement_timeout = 0; COMMIT").then(
      (result) => {
        const last = [result].flat().at(-1);
        const isWhole = last?.command === "COMMIT" && this.#warning() === undefined;
        client.release(isLate || !isWhole);
        if (last?.command !== "COMMIT") throw new StoreFault("PostgreSQL rolled the transaction back");
        // A wait for the standby that somebody cancelled reports success, and this warning.
        if (!isWhole)
          throw new StoreFault(`PostgreSQL committed with a warning: ${this.#warning()}`, { isUnknown: true });
      },
      (error: Error) => {
        client.release(true);
        // Refused in words of its own, nothing of it stands; cut off, it may.
        const isUnknown = !isRefusal(error);
        if (!isUnknown && this.#failure !== undefined) throw this.#failure;
        throw new StoreFault(`PostgreSQL did not commit: ${error.message}`, { cause: error, isUnknown });
      },
    );
    committed.catch(() => {});
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      // The connection stays taken until PostgreSQL answers, so that not ever more of them wait.
      isLate = true;
      reject(new StoreFault("PostgreSQL does not say whether it committed", { isUnknown: true }));
    }, commitMs);
    try {
      await Promise.race([committed, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends a transaction of which nothing is to be kept. */
  async rollback(): Promise<void> {
    this.#isOver = true;
    try {
      await this.#client.query(within(limits.rollbackMs, "ROLLBACK"));
      this.#client.release();
    } catch {
      this.#client.release(true);
    }
  }

  /** Ends a transaction that failed, and its connection with it; one that is over already stays as it is. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.release(true);
  }
}

/**
 * Whether the server said that the transaction is aborted (its own code), rather than that it is going away. A `transaction_timeout`
 * of PostgreSQL 17 (25P04) ends the connection, whatever it is doing then.
 */
function isRefusal(error: Error): boolean {
  const { code } = error as { readonly code?: string };
  return code !== undefined && /^(23|25(?!P04)|40|55|42|53)/.test(code);
}

/**
 * A statement that fails, and its connection with it, unless it is answered in time: PostgreSQL's own limits do not
 * reach over a network that is down.
 */
function within(ms: number, text: string, values?: readonly unknown[]): QueryConfig {
  const config: QueryConfig & { readonly query_timeout: number } = { text, query_timeout: ms };
  return values === undefined ? config : { ...config, values: [...values] };
}

function faultOf(error: unknown): StoreFault {
  return error instanceof StoreFault
    ? error
    : new StoreFault(`PostgreSQL: ${(error as Error).message}`, { cause: error });
}
