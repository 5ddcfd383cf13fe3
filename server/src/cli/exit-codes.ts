/** What the command's exit status means: the numbers of sysexits(3), which service managers know. */
export const exitCodes = {
  /** The command line is wrong. */
  usage: 64,
  /** A bug. */
  software: 70,
  /** The address or the database file is taken by somebody else; it may be free later. */
  unavailable: 75,
  /** The settings or a tenant file are wrong; nothing changes until somebody mends them. */
  config: 78,
} as const;
