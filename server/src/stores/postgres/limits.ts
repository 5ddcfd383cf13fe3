/** Bounds of the PostgreSQL store, each with its reason. */

import { getHeapStatistics } from "node:v8";

/**
 * Transactions under way at once: while one commits the next is decided, and one may wait. With more of them batches become smaller, and a
 * transaction costs the more the fewer it serves.
 */
export const lanes = 3;

/** Connections beyond the lanes: look-ups by a key, taking up licences, the sweeper and the housekeeping, one each. */
export const otherConnections = 4;

/**
 * Connections for history and what is counted of it, charts and copies. Each may take seconds: with connections of their own,
 * a page with a dozen charts keeps no decision waiting.
 */
export const recordConnections = 4;

/** Making a connection, in milliseconds. A primary that does not answer by then is taken for gone. */
export const connectMs = 3_000;

/** How long it stands that no server is the primary: requests that arrive meanwhile ask no server again. */
export const findAgainMs = 100;

/** A connection that somebody has used for so long may lead to a primary that is gone; how often that is looked at. */
export const lateMs = 2_000;
export const watchMs = 1_000;

/** Connections that nobody used for so long are closed. */
export const idleMs = 60_000;

/** Waiting for a licence that another server is deciding on: longer than `idleInTransactionMs`, after which it is free. */
export const lockMs = 5_000;

/**
 * Whoever wants to change the schema waits so long for somebody else who does. Most changes take less; who starts is told of
 * longer ones, and of an import, instead of waiting for hours without a word.
 */
export const lockSchemaMs = 30_000;

/**
 * Waiting for one that others need not wait behind: another server's decision takes a few milliseconds. Whoever is not
 * served by then waits apart, so that licences that a server has died with do not take all lanes.
 */
export const lockBrieflyMs = 100;

/** Any one statement. The largest, loading a licence of a million sessions, stays below. */
export const statementMs = 20_000;

/** Any answer to a statement: longer than PostgreSQL's own limits, for one that is cut off and cannot say so. */
export const answerMs = 25_000;

/** An answer to what reads or writes whole tables, in a migration or an import: a day, which is for networks that are down. */
export const answerAtLengthMs = 86_400_000;

/** The answer to a ROLLBACK, which waits for no lock and no disk: the connection is given up then, and its locks soon are. */
export const rollbackMs = 1_000;

/** The answer to a probe, which asks whether others would be served now. */
export const pingMs = 3_000;

/** Waiting for a probe of another server, or for one that waits for a standby itself. */
export const pingLockMs = 2_000;

/** How long a server calls itself unready after a decision found the disk full, unless one succeeds earlier. */
export const lackMs = 5_000;

/** How long a server that was suspended or cut off in the middle of a transaction keeps its licences from the others. */
export const idleInTransactionMs = 3_000;

/** Waiting for a commit, a standby's word included. Whoever asked is then told 503, and asks again. */
export const commitMs = 10_000;

/** Tries at one transaction when the catalogue changes under it: each try knows more, and nobody changes it that fast. */
export const triesMax = 10;

/** Tries at one look: each decision that fails meanwhile makes this server forget what it knows of the licence. */
export const looksMax = 100;

/**
 * Sessions, clients, projects and items of all cached licences together, and each licence as six. A kilobyte each at most, in
 * half of what Node gives the heap (of which `NODE_OPTIONS=--max-old-space-size=…`, in megabytes, gives more); sessions and
 * clients stand packed beside the heap, and take a fifth of that.
 */
export const cachedMax = Math.floor(getHeapStatistics().heap_size_limit / 2 / 1024);

/** Rows of a licence that are read at a time: a hundredth of a second's work for the event loop. */
export const pageRows = 1_000;

/** Versions that make a licence worth folding, and how long it waits when it has fewer. */
export const foldedFrom = 256;
export const foldedAfterMs = 10_000;

/**
 * How long a request waits until its licence has been read: as long as for one that another server has. A licence of some
 * hundred thousand sessions takes longer; meanwhile its callers are told to come again, and do not fill the queue.
 */
export const takeUpMs = 5_000;

/**
 * How long the log of a licence is kept at least, folded or not. A server that is behind by less finds there what it has
 * missed, and need not read the licence whole; behind a load balancer it is so far behind on quiet licences alone.
 */
export const keptMs = 10_000;

/**
 * How long a licence of more than a page is kept up with the log after it was last decided on here: whoever is sent to this
 * server again by then need not wait until it has been read whole.
 */
export const keptUpMs = 60_000;

/** A licence that was decided on so lately is not looked after: it has been brought up to date. */
export const keepingUpAfterMs = 2_000;

/** Characters of the log that a decision catches up with under its lock: some 20,000 extends, and as many microseconds. */
export const caughtUpAtOnceMax = 2_000_000;

/** Versions of the log that are worked on in one turn of the event loop: some milliseconds. */
export const versionsPerTurn = 50;

/** Folding in one round of the housekeeping, in milliseconds: the rest of it waits behind. */
export const foldingMs = 500;

/** Waiting for those who fold or read a licence, before it is deleted or written anew: meanwhile nobody changes the catalogue. */
export const lockFoldsMs = 1_000;

/** Licences, and versions of each, that one fold takes: what it reads and writes is worked on in one turn of the event loop. */
export const licensesPerFold = 50;
export const versionsPerFold = 1_000;

/** How long the sweeper that took a licence has for it before another server takes it up. */
export const sweepClaimMs = 30_000;

/** How often a server notes that it is alive. */
export const aliveIntervalMs = 5_000;
