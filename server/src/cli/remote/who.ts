import type { Client } from "@seatkeeper/client";
import { connectedAsAdmin, type RemoteOptions } from "./connection.ts";
import { licenseIdOf } from "./licenses.ts";
import { local, show, table } from "./output.ts";

/** A live session, as commands show it. */
export interface SessionLine {
  /** The server's own id of it, which ends it. */
  readonly id: string;
  /** The client's id of it. */
  readonly session_id: string | null;
  readonly user: string | null;
  readonly client: string | null;
  readonly since: string;
  readonly valid_until: string;
}

interface SessionAnswer {
  readonly id: string;
  readonly session_id: string | null;
  readonly user_id: string | null;
  readonly created_date_utc: string;
  readonly session_valid_until: string;
  readonly assignment: { readonly client_id: string | null } | null;
}

/** `seatkeeper who LICENSE`: who holds its tokens. */
export async function who(named: string | undefined, options: RemoteOptions): Promise<void> {
  const client = await connectedAsAdmin(options);
  const sessions = await liveSessions(client, await licenseIdOf(client, true, named));
  show({ sessions }, options, () => (sessions.length === 0 ? "Nobody." : sessionTable(sessions)));
}

export async function liveSessions(client: Client, licenseId: string): Promise<readonly SessionLine[]> {
  const path = `/licenses/${licenseId}/opensessions`;
  const answers = await client.call<readonly SessionAnswer[]>({ method: "GET", path });
  return answers.map((answer) => ({
    id: answer.id,
    session_id: answer.session_id,
    user: answer.user_id,
    client: answer.assignment?.client_id ?? null,
    since: answer.created_date_utc,
    valid_until: answer.session_valid_until,
  }));
}

export function sessionTable(sessions: readonly SessionLine[]): string {
  return table(
    ["USER", "CLIENT", "SINCE", "UNTIL, UNLESS EXTENDED", "ID"],
    sessions.map(({ user, client, since, valid_until, id }) => [user, client, local(since), local(valid_until), id]),
  );
}
