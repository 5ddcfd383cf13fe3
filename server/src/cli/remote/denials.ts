import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { connectedAsAdmin, type RemoteOptions } from "./connection.ts";
import { instantOf } from "./durations.ts";
import { licenseIdOf } from "./licenses.ts";
import { local, show, table } from "./output.ts";

interface Options extends RemoteOptions {
  readonly since: string;
  readonly limit: string;
  readonly user?: string;
}

interface DenialLine {
  readonly at: string;
  readonly license_id: string;
  readonly license_name?: string | null;
  readonly client_id: string | null;
  readonly user_id: string | null;
  readonly error_id: number;
  readonly code: string;
  readonly in_use: number;
  readonly limit: number;
}

/** As many as one page of the API has. */
const limitMax = 1_000;

/** `seatkeeper denials [LICENSE]`: who was refused what, newest first. */
export async function denials(named: string | undefined, options: Options): Promise<void> {
  const from = instantOf(options.since, "--since");
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax) {
    throw new CommandRefused(exitCodes.usage, `--limit ${options.limit}: want a whole number from 1 to ${limitMax}.`);
  }
  const client = await connectedAsAdmin(options);
  const license = named === undefined ? {} : { license_id: await licenseIdOf(client, true, named) };
  const page = await client.call<{ readonly items: readonly DenialLine[]; readonly total: number }>({
    method: "GET",
    path: "/denials",
    query: { from, page_size: String(limit), ...license, ...(options.user !== undefined && { user_id: options.user }) },
  });
  show({ denials: page.items, total: page.total }, options, () => textOf(page.items, page.total, from));
}

function textOf(items: readonly DenialLine[], total: number, from: string): string {
  if (items.length === 0) return `None since ${local(from)}.`;
  const rows = items.map((line) => [
    local(line.at),
    line.user_id ?? line.client_id,
    line.code,
    `${line.in_use} of ${line.limit}`,
    line.license_name ?? line.license_id,
  ]);
  const more = total > items.length ? [`… and ${total - items.length} older ones: --limit`] : [];
  return [table(["AT", "WHO", "WHY", "IN USE", "LICENCE"], rows), ...more].join("\n");
}
