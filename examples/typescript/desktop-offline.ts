/**
 * A desktop application that goes offline: it checks a token out for days, keeps its session in a file, and after any
 * restart works under the same token, without a network, until it checks in or the days are over.
 *
 *     export SEATKEEPER_URL=http://127.0.0.1:7070
 *     export SEATKEEPER_ISV=2af5fe02-6207-4214-946e-b00ac5309f53
 *     export SEATKEEPER_API_KEY=demo-quickstart-key
 *     license=7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a15
 *     node desktop-offline.ts checkout $license anna@factor.com 3     # before the flight: for three days
 *     node desktop-offline.ts work                                    # in the air, as often as you like
 *     node desktop-offline.ts checkin                                 # back at the office
 *
 * The file is the user's own, and so is its clock: this keeps honest people honest, and shows others the door.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, LicenseDenied, ServerUnreachable } from "@seatkeeper/client";

interface Checkout {
  readonly license: string;
  readonly user: string;
  readonly sessionId: string;
  /** By the server's clock; null: it has not answered yet. */
  readonly until: string | null;
}

const file = process.env.CHECKOUT_FILE ?? "checkout.json";

function kept(): Checkout | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function keep(checkout: Checkout): void {
  writeFileSync(`${file}.part`, JSON.stringify(checkout), { mode: 0o600 });
  renameSync(`${file}.part`, file); // whole or not at all, also when the battery is empty
}

async function checkOut(license: string, user: string, days: number): Promise<string> {
  const old = kept();
  const isSame = old?.license === license && old.user === user;
  const { sessionId, until } = isSame ? old : { sessionId: randomUUID(), until: null };
  // Written down before it is sent: after a crash in between, the same id finds the session that nobody heard of.
  keep({ license, user, sessionId, until });
  const session = await connect().open({ license, user, sessionId, checkoutMinutes: days * 24 * 60 });
  keep({ license, user, sessionId, until: session.validUntil.toISOString() });
  session.detach(); // the program ends, the session does not
  return `yours until ${session.validUntil.toISOString()}, with a network or without`;
}

function work(): string {
  const checkout = kept();
  if (checkout?.until == null) throw new Error("nothing is checked out");
  if (Date.now() >= Date.parse(checkout.until)) throw new Error(`the checkout ended at ${checkout.until}`);
  return `${checkout.user} works until ${checkout.until} at the latest`;
}

async function checkIn(): Promise<string> {
  const checkout = kept();
  if (checkout === undefined) return "nothing is checked out";
  const { license, user, sessionId } = checkout;
  // The same id is the same session: to open it takes no second token, to close it gives the one back.
  const session = await connect().open({ license, user, sessionId });
  if (!(await session.close())) throw new Error("the server was not told: check in again later");
  rmSync(file);
  return "the token is given back";
}

const [command, license = "", user = "", days = "1"] = process.argv.slice(2);
try {
  if (command === "checkout") console.log(await checkOut(license, user, Number(days)));
  else if (command === "checkin") console.log(await checkIn());
  else console.log(work());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // 3: the network, which says nothing about the licence. 2: the licence says no.
  process.exitCode = error instanceof ServerUnreachable ? 3 : error instanceof LicenseDenied ? 2 : 1;
}
