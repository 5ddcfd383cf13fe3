/**
 * A floating user session: takes a token of a users licence while it works, and gives it back.
 *
 *     export SEATKEEPER_URL=http://127.0.0.1:7070
 *     export SEATKEEPER_ISV=2af5fe02-6207-4214-946e-b00ac5309f53
 *     export SEATKEEPER_API_KEY=demo-quickstart-key
 *     node floating-user.ts 7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11 anna@factor.com
 */
import { connect, LicenseDenied, NoTokenLeft, ServerUnreachable, SessionLost } from "@seatkeeper/client";

async function work(step: number): Promise<void> {
  console.log(`step ${step} is done`);
}

async function main(license: string, user: string): Promise<void> {
  // Waits up to ten seconds for a token. In the background the session is extended until the function ends.
  await using session = await connect().open({ license, user, wait: 10 });
  console.log(`${user} holds a token until ${session.validUntil.toISOString()}, unless extended`);
  for (let step = 1; step <= 3; step++) {
    session.require(); // costs nothing, and stops the work before somebody else has the token
    await work(step);
  }
}

/** What a refusal means, and the exit status that says so. */
function explain(error: unknown): number {
  if (error instanceof NoTokenLeft)
    console.error(`all ${error.total} tokens are in use; the next may be free at ${error.nextFreeAt?.toISOString()}`);
  else if (error instanceof LicenseDenied) console.error(`the licence says no: ${error.message}`);
  else if (error instanceof SessionLost) console.error(`the work stops: ${error.message}`);
  else if (error instanceof ServerUnreachable) {
    console.error(`that says nothing about the licence: ${error.message}`);
    return 3;
  } else throw error;
  return 1;
}

const [license = "", user = ""] = process.argv.slice(2);
try {
  await main(license, user);
  console.log("the token is given back");
} catch (error) {
  process.exitCode = explain(error);
}
