/** What the command's exit status means: the numbers of sysexits(3), which service managers know. */
export const exitCodes = {
  /** `doctor` has found something wrong; whoever was asked said no. */
  notDone: 1,
  /** The command line is wrong. */
  usage: 64,
  /** A file to import or to restore is truncated, altered or of a newer format. */
  data: 65,
  /** A file that was named is not there or cannot be read. */
  noInput: 66,
  /** No server answers, or none that can decide anything. */
  noServer: 69,
  /** A bug. */
  software: 70,
  /** What was to be written is there already: a file, or a database that is not empty. */
  cannotCreate: 73,
  /** The database's file is lost to the server, which wants to be started again. */
  lost: 74,
  /** What is wanted is taken by somebody else, and may be free later: the address, the database, every token. */
  unavailable: 75,
  /** The server does not take the key, the key does not reach this, or the licence says no for good. */
  noPermission: 77,
  /** The settings or a tenant file are wrong; nothing changes until somebody mends them. */
  config: 78,
} as const;
