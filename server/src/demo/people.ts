/** Who works with the demo's licences, where, and how: offices of four time zones, and some bad habits. */

export interface Person {
  readonly user: string;
  readonly zone: string;
  /** Extends only after the session has lapsed. */
  readonly isLate: boolean;
  /** How often the application just goes away in place of giving its token back. */
  readonly forgets: number;
  /** Somebody at another address works on the same session. */
  readonly isShared: boolean;
}

const offices: readonly (readonly [zone: string, names: string])[] = [
  ["Europe/Berlin", "anke bernd carla dirk elif frank greta heiko ines jonas katja lars maren nils"],
  ["America/New_York", "abby brad chloe dylan emma felix grace henry ivy jack"],
  ["Asia/Kolkata", "aarav bhavya chetan divya eshan farah gaurav harini"],
  ["Australia/Sydney", "amelia beau charlie daisy ethan"],
];

const lateUsers = ["dirk", "henry"];
const sharedUsers = ["emma"];
const forgetful = ["lars", "farah", "beau"];

export const people: readonly Person[] = offices.flatMap(([zone, names]) =>
  names.split(" ").map((name) => ({
    user: `${name}@vector.example`,
    zone,
    isLate: lateUsers.includes(name),
    forgets: forgetful.includes(name) ? 0.9 : 0.04,
    isShared: sharedUsers.includes(name),
  })),
);

/** Machines that compute at night, beyond the limit when much is to be done. */
export const machines: readonly string[] = Array.from({ length: 9 }, (_, n) => `render-${n + 1}`);

export const monoProjects = ["Gearbox", "Housing", "Crankshaft", "Turbine"];
export const teamProjects = ["Assembly line", "Test bench", "Factory model"];
