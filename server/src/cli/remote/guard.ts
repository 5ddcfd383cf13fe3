/** Turns what a command may meet on its way to a server into a sentence and an exit status. */
import {
  LicenseDenied,
  NoTokenLeft,
  NotAuthorized,
  NotConfigured,
  ProjectError,
  ProjectInUse,
  RequestRefused,
  SeatkeeperError,
  TooManySessions,
  VoucherRefused,
} from "@seatkeeper/client";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

/** Runs a command. With `--json` its refusal too is JSON, on standard error. */
export async function guard({ json = false }: { readonly json?: boolean }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null) throw error;
    if (!json) throw refusal;
    const { message, status } = refusal;
    console.error(JSON.stringify({ error: { status, code: codeOf(error), message } }));
    process.exitCode = status;
  }
}

/** Null: it is a bug, or not of a server's making. */
export function refusalOf(error: unknown): CommandRefused | null {
  if (error instanceof CommandRefused) return error;
  if (error instanceof NotConfigured) return new CommandRefused(exitCodes.config, error.message);
  return error instanceof SeatkeeperError ? new CommandRefused(statusOf(error), error.message) : null;
}

/** 75 says that the same command may succeed later, 77 that it will not before somebody changes something. */
function statusOf(error: SeatkeeperError): number {
  if (error instanceof NoTokenLeft || error instanceof ProjectInUse || error instanceof TooManySessions) {
    return exitCodes.unavailable;
  }
  if (error instanceof LicenseDenied && error.code === "tokens_held") return exitCodes.unavailable;
  const isNever = error instanceof LicenseDenied || error instanceof ProjectError || error instanceof NotAuthorized;
  if (isNever) return exitCodes.noPermission;
  if (error instanceof VoucherRefused) return exitCodes.noInput;
  if (error instanceof RequestRefused && error.status < 500) return exitCodes.usage;
  return exitCodes.noServer;
}

/** The denial's or problem's code, where it has one. */
function codeOf(error: unknown): string | null {
  return error instanceof SeatkeeperError && "code" in error ? String(error.code) : null;
}
