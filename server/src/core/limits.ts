/** Every bound of the rules, with its reason. Bounds of the wire stand in `http/limits.ts`, those of the desk in `desk/limits.ts`. */

/** Minutes of a checkout where the edition names no cap: 30 days, a long stay on a building site. */
export const checkoutPeriodDefaultMax = 43_200;

/**
 * Clients that one licence may know. Activation of a floating licence is unlimited by contract, but every client is a
 * row in memory and on disk: a key that leaks must not fill the server.
 */
export const assignmentsPerLicenseMax = 1_000_000;

/** Sessions that one look for what is over takes at a time: small enough to stay below a millisecond. */
export const releasesPerStepMax = 1_000;

/** Live sessions that one holder may have, whatever the edition says: a holder's sessions are walked when it is unassigned. */
export const sessionsPerHolderAbsoluteMax = 10_000;

/** A shorter outage is a hiccup that ordinary clients ride out by themselves. */
export const outageNoticedMs = 60_000;
