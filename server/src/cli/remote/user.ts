import { userInfo } from "node:os";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

/** For whom a command takes a token: the account's name unless another one is given. In some containers it has none. */
export function userOf({ user }: { readonly user?: string }): string {
  const named = user || process.env.SEATKEEPER_USER?.trim();
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    throw new CommandRefused(exitCodes.usage, "This account has no name: pass --user, or set SEATKEEPER_USER.");
  }
}
