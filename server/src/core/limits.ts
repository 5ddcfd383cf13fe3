/** Every bound of the rules, with its reason. Bounds of the wire stand in `http/limits.ts`, those of the desk in `desk/limits.ts`. */

/** Minutes of a checkout where the edition names no cap: 30 days, a long stay on a building site. */
export const checkoutPeriodDefaultMax = 43_200;

/**
 * Clients that one licence may know. Activation of a floating licence is unlimited by contract, but every client is a
 * row in memory and on disk: a key that leaks must not fill the server.
 */
export const assignmentsPerLicenseMax = 1_000_000;

/**
 * Sessions that one round of releasing takes: some milliseconds. What is over is released before a command is decided,
 * because counts must be exact; where that takes several rounds, the desk lets everybody else go in between.
 */
export const releasesPerStepMax = 500;

/**
 * Sessions that an administrator who ends all ends at a time, for the same reason: whoever asks for it asks again until none is
 * left.
 */
export const endsPerStepMax = 500;

/** Sessions that one round of making an outage or a wrong clock good takes: all of a licence's at once would be all of them twice in memory. */
export const madeGoodPerRoundMax = 1_000;

/** Live sessions that one holder may have, whatever the edition says: a holder's sessions are walked when it is unassigned. */
export const sessionsPerHolderAbsoluteMax = 10_000;

/** A shorter outage is a hiccup that ordinary clients ride out by themselves. */
export const outageNoticedMs = 60_000;

/**
 * A session that moves twice within its period is extended from several addresses by turns; where periods are longer, within
 * an hour: nobody commutes there and back in less.
 */
export const addressesByTurnsMs = 3_600_000;

/** History is told of that once an hour and session: each extend may be such a move, and extends must not fill the disk. */
export const movesToldEveryMs = 3_600_000;

/** Projects that one licence may have: unlimited by contract, and each is a row in memory and on disk. */
export const projectsPerLicenseMax = 100_000;

/** Executions that a project remembers, and how many of them may run: its row is written whole with every report. */
export const executionsPerProjectMax = 50;
export const executionsRunningMax = 25;

/** Sessions that the user of a Mono project may have where the edition shares it with the same user. */
export const sharedMonoSessionsMax = 4;

/** Holders that a denial names: enough to know whom to ask. */
export const holdersNamedMax = 50;

/** An execution that has not reported for so long is shown as stale. */
export const executionStaleMs = 600_000;

/**
 * Granted consumptions of a limitation that can be rolled back: each is a row in memory and on disk. Whoever rolls back does
 * so right after its work failed.
 */
export const consumptionsKept = 1_000;

/** Millionths in a unit: what is consumed and used counts to six decimals. */
export const microsPerUnit = 1_000_000;

/** What a quota counts up to, in units: the sum in millionths stays a whole number that is exact. */
export const quotaUnitsMax = 9_000_000_000;

/** Places in the queue of a pool: whoever comes later than a thousand others does not live to see a token. Each open walks them. */
export const ticketsPerPoolMax = 1_000;

/** Within how long a caller that waits must be ready to ask again: for so long a free token may stand by for it in vain. */
export const ticketWaitMaxMs = 30_000;

/** How much longer its place is kept: an answer and a new request on a bad line. */
export const ticketKeptMs = 15_000;

/** History is told again of who still waits: as often as it takes for analytics to see one wait and not two. */
export const ticketToldEveryMs = 600_000;

/** Users that may be registered on one licence: each is a row in memory and on disk. */
export const usersPerLicenseMax = 100_000;
