/**
 * A desktop application that goes offline: it checks a token out for days, and after any restart works without a network
 * by the voucher that the server signed, until it checks in or the days are over.
 *
 *     export SEATKEEPER_URL=http://127.0.0.1:7070
 *     export SEATKEEPER_ISV=2af5fe02-6207-4214-946e-b00ac5309f53
 *     export SEATKEEPER_API_KEY=demo-quickstart-key
 *     curl -so jwks.json $SEATKEEPER_URL/.well-known/jwks.json    # in earnest it is built into the application
 *     seat="7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a15 anna@factor.com"
 *     node desktop-offline.ts checkout $seat 3     # before the flight: for three days
 *     node desktop-offline.ts work $seat           # in the air, as often as you like
 *     node desktop-offline.ts checkin $seat        # back at the office
 */
import { readFileSync } from "node:fs";
import { connect, LicenseDenied, ServerUnreachable, VoucherRefused } from "@seatkeeper/client";
import { voucherFolder } from "@seatkeeper/client/offline";

const [command, license = "", user = "", days = "1"] = process.argv.slice(2);
const keySet = readFileSync(process.env.KEY_SET ?? "jwks.json", "utf8");
const seats = connect({ keySet, vouchers: voucherFolder() });

async function checkOut(): Promise<string> {
  const session = await seats.open({ license, user, checkoutMinutes: Number(days) * 24 * 60 });
  session.detach(); // the program ends, the session does not
  return `yours until ${session.validUntil.toISOString()}, with a network or without`;
}

/** Sends nothing: signature, machine and time are looked at here. */
async function work(): Promise<string> {
  const voucher = await seats.voucher({ license, user });
  return `${voucher.user} works until ${voucher.validUntil.toISOString()} at the latest`;
}

async function checkIn(): Promise<string> {
  const { sessionId } = await seats.voucher({ license, user });
  // The same id is the same session: to open it takes no second token, to close it gives the one back.
  const session = await seats.open({ license, user, sessionId: sessionId ?? "" });
  return (await session.close()) ? "the token is given back" : "the server did not take it back: it is good to its end";
}

/** What a refusal means, and the exit status that says so. */
function explain(error: unknown): number {
  if (error instanceof VoucherRefused) console.error(`no work without a network (${error.reason}): ${error.message}`);
  else if (error instanceof LicenseDenied) console.error(`the licence says no: ${error.message}`);
  else if (error instanceof ServerUnreachable) {
    console.error(`that says nothing about the licence: ${error.message}`);
    return 3;
  } else throw error;
  return 1;
}

try {
  console.log(await (command === "checkout" ? checkOut() : command === "checkin" ? checkIn() : work()));
} catch (error) {
  process.exitCode = explain(error);
}
