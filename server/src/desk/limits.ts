/** Bounds of the desk, each with its reason. */

/** Commands that may wait. At 20,000 decisions a second and more this is below a second's work; beyond it, waiting helps nobody. */
export const commandsWaitingMax = 16_384;

/** Commands decided in one transaction: the batch call's 1,000 fit whole, and one commit stays within a few dozen milliseconds. */
export const commandsPerTransactionMax = 2_048;

/** How often what is over is written into history. Nobody's token waits for it. */
export const sweepIntervalMs = 1_000;

/** Licences that one sweep looks after before it lets others go first. */
export const licensesPerSweepMax = 64;

/** How often the server notes that it is alive: the resolution with which the length of an outage is known. */
export const aliveIntervalMs = 5_000;

/** Jobs of a failed batch that fail one after the other before the rest is refused: it is then the store, not the job. */
export const faultsInARowMax = 3;

/** How often what is older than it is kept for is looked for. */
export const pruneIntervalMs = 60_000;

/**
 * How long counting and forgetting rest after each slice, in its own lengths: they take a fifteenth of the server's time at
 * most, whatever there is to count. In a flood they fall behind, and catch up after it.
 */
export const restShare = 14;

/**
 * The same while the server has its hands full: what a slice changes lies in many places of the file, and costs the others more than
 * the time that it takes itself (docs/decisions/0033-counting-stands-back.md).
 */
export const busyRestShare = 140;

/** A server has its hands full when its event loop waits for less than the rest of this share of the time. */
export const busyFrom = 0.75;

/** How long work may be late for the sake of others; beyond it, it takes its fifteenth whatever goes on. */
export const lateMs = 300_000;

/** Slices of one round of counting or forgetting: what is left waits for the next one. */
export const slicesMax = 1_000;

/** Turns of the event loop in which commands gather: enough for all callers of a batch to be back, and a fraction of a commit. */
export const turnsGatheredMax = 8;
