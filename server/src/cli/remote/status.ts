import type { Client } from "@seatkeeper/client";
import { NotAuthorized } from "@seatkeeper/client";
import { connected, type RemoteOptions } from "./connection.ts";
import { type LicenseAnswer, licenseIdOf, lineOf } from "./licenses.ts";
import { local, show, table } from "./output.ts";

/** `seatkeeper status LICENSE`: how many tokens are in use, and whether the licence is good. Takes none. */
export async function status(named: string | undefined, options: RemoteOptions): Promise<void> {
  const { client, account } = await connected(options);
  const id = await licenseIdOf(client, account.role === "admin", named);
  const [{ pools }, license] = await Promise.all([client.tokens(id), lookedUp(client, id)]);
  const about = license === null ? null : lineOf(license);
  show({ license: about ?? { id }, pools }, options, () =>
    [
      about === null
        ? id
        : `${about.name ?? about.id}: ${about.product}, ${about.edition}, for ${about.customer}; ${about.state}, ${
            about.expires_at === null ? "never expires" : `expires ${local(about.expires_at)}`
          }`,
      table(
        ["POOL", "IN USE", "LIMIT", "LEFT"],
        pools.map(({ kind, used, total, left }) => [kind, used, total, left]),
      ),
    ].join("\n"),
  );
}

/** The licence itself; null: keys of scope `app` learn only the counts. */
export async function lookedUp(client: Client, id: string): Promise<LicenseAnswer | null> {
  try {
    return await client.call<LicenseAnswer>({ method: "GET", path: `/licenses/${id}` });
  } catch (error) {
    if (error instanceof NotAuthorized && error.status === 403) return null;
    throw error;
  }
}
