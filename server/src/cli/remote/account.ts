/** Which server, vendor and key a command is about: of a profile, or of the environment. */
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { type KeyRole, readProfiles } from "./profiles.ts";

export interface Account {
  readonly url: string;
  readonly isv: string;
  readonly key: string;
  /** Null: known once the server has been asked. */
  readonly role: KeyRole | null;
  /** The profile where it stands; null: the environment. */
  readonly profile: string | null;
}

export const profileUsual = "default";

/**
 * The profile that was named; else the environment, if it has a server or a key; else the profile of
 * SEATKEEPER_PROFILE, or `default`. Never some of one and some of another: a key must not reach a server that it was not
 * given for.
 */
export function accountOf(named: string | undefined, env: NodeJS.ProcessEnv = process.env): Account {
  return (named === undefined ? fromEnvironment(env) : null) ?? fromProfile(named ?? env.SEATKEEPER_PROFILE);
}

function fromEnvironment(env: NodeJS.ProcessEnv): Account | null {
  // The second name is the one that applications' clients read.
  const key = env.SEATKEEPER_KEY || env.SEATKEEPER_API_KEY;
  const { SEATKEEPER_URL: url, SEATKEEPER_ISV: isv } = env;
  if (!url && !key) return null;
  const missing = Object.entries({ SEATKEEPER_URL: url, SEATKEEPER_ISV: isv, SEATKEEPER_KEY: key })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  if (missing.length > 0) {
    const sentence = `The environment names a server only in part: set ${missing.join(" and ")} too, or name a --profile.`;
    throw new CommandRefused(exitCodes.config, sentence);
  }
  return { url: plainAddress(url as string), isv: isv as string, key: key as string, role: null, profile: null };
}

/** As the client reads it, for those who ask the server without one. */
const plainAddress = (url: string): string => url.trim().replace(/\/+$/, "");

/**
 * What a command that runs under a profile is told, and what is taken from it: variables of another server or vendor go
 * before a profile, and would send what it asks to a server that knows nothing of its session.
 */
export function profileEnvironment(
  { url, isv, profile }: Account,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string | undefined>> {
  if (profile === null) return {};
  const { SEATKEEPER_URL: otherUrl = "", SEATKEEPER_ISV: otherIsv = "" } = env;
  const isOther =
    (otherUrl !== "" && hrefOf(otherUrl) !== hrefOf(url)) ||
    (otherIsv !== "" && otherIsv.trim().toLowerCase() !== isv.toLowerCase());
  return {
    SEATKEEPER_PROFILE: profile,
    ...(isOther && {
      SEATKEEPER_URL: undefined,
      SEATKEEPER_ISV: undefined,
      SEATKEEPER_KEY: undefined,
      SEATKEEPER_API_KEY: undefined,
    }),
  };
}

/** In one spelling: a host in capitals or a usual port is no other server. */
const hrefOf = (url: string): string => plainAddress(URL.parse(url.trim())?.href ?? url);

function fromProfile(named: string | undefined): Account {
  const name = named || profileUsual;
  const profile = readProfiles()[name];
  if (profile === undefined) {
    const how = name === profileUsual ? "seatkeeper login" : `seatkeeper login --profile ${name}`;
    const sentence = `Nobody has logged in as ${name}: run ${how}, or set SEATKEEPER_URL, SEATKEEPER_ISV and SEATKEEPER_KEY.`;
    throw new CommandRefused(exitCodes.config, sentence);
  }
  return { ...profile, profile: name };
}

/** Where an account stands, for people. */
export function placeOf({ profile }: Account): string {
  return profile === null ? "the environment" : `profile ${profile}`;
}
