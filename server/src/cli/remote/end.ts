import { type Client, LicenseDenied } from "@seatkeeper/client";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { connectedAsAdmin, type RemoteOptions } from "./connection.ts";
import { licenseIdOf } from "./licenses.ts";
import { show } from "./output.ts";
import { confirm } from "./questions.ts";
import { liveSessions, type SessionLine, sessionTable } from "./who.ts";

interface Options extends RemoteOptions {
  readonly user?: string;
  readonly client?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** `seatkeeper end LICENSE`: ends sessions, which frees their tokens. Asks before it does. */
export async function end(named: string, session: string | undefined, options: Options): Promise<void> {
  requireChoice(session, options);
  const client = await connectedAsAdmin(options);
  const licenseId = await licenseIdOf(client, true, named);
  const chosen = (await liveSessions(client, licenseId)).filter((line) => isMeant(line, session, options));
  if (chosen.length === 0) throw new CommandRefused(exitCodes.noInput, "No live session is that one.");
  if (!(await mayEnd(chosen, options))) throw new CommandRefused(exitCodes.notDone, "Nothing was ended.");
  for (const { id } of chosen) await endOne(client, `/licenses/${licenseId}/opensessions/${id}`);
  show({ ended: chosen }, options, () => `Ended: ${chosen.length}. Their tokens are free.`);
}

/** There is no such live session. */
const notLive = 12001;

/** One that is over by then, by itself or because the answer to a first try was lost, is what was asked for. */
async function endOne(client: Client, path: string): Promise<void> {
  try {
    await client.call({ method: "DELETE", path, expects: 204 });
  } catch (error) {
    if (!(error instanceof LicenseDenied && error.id === notLive)) throw error;
  }
}

function requireChoice(session: string | undefined, { user, client, all = false }: Options): void {
  const choices = [session, user, client, all ? "all" : undefined].filter((choice) => choice !== undefined);
  if (choices.length === 1) return;
  throw new CommandRefused(exitCodes.usage, "Say which: a SESSION's id, --user, --client or --all, and one of them.");
}

function isMeant(line: SessionLine, session: string | undefined, { user, client, all = false }: Options): boolean {
  if (session !== undefined) return line.id === session.toLowerCase() || line.session_id === session;
  return all || (user !== undefined && line.user === user) || (client !== undefined && line.client === client);
}

async function mayEnd(chosen: readonly SessionLine[], { yes = false }: Options): Promise<boolean> {
  if (yes) return true;
  if (process.stdin.isTTY) console.error(sessionTable(chosen));
  return confirm(`End ${chosen.length === 1 ? "this session" : `these ${chosen.length} sessions`}?`, "--yes");
}
