import type { Client } from "@seatkeeper/client";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { connectedAsAdmin, type RemoteOptions } from "./connection.ts";
import { local, show, table } from "./output.ts";

/** A licence, as far as commands show it. */
export interface LicenseAnswer {
  readonly id: string;
  readonly name: string | null;
  readonly legacy_license_key: string | null;
  readonly floating_token_limit: number;
  readonly token_limit: number;
  readonly is_active: boolean;
  readonly is_expired: boolean;
  readonly expiration_date_utc: string | null;
  readonly customer: { readonly company_name: string; readonly customer_number: string };
  readonly product: { readonly name: string };
  readonly template: {
    readonly name: string;
    /** 0: named, 1: floating. */
    readonly provisioning_mode: number;
    /** 0: devices, 1: users, 2: projects. */
    readonly client_type: number;
    readonly session_period: number | null;
  };
}

/** What `--json` tells of a licence, in `licenses` and `status` alike. */
export interface LicenseLine {
  readonly id: string;
  readonly name: string | null;
  readonly legacy_license_key: string | null;
  readonly customer: string;
  readonly product: string;
  readonly edition: string;
  readonly counts: string;
  readonly limit: number | null;
  readonly state: "active" | "inactive" | "expired";
  readonly expires_at: string | null;
}

/** Licences that one page of the API has, and pages that are asked for: beyond them a search is the way. */
const pageSize = 1_000;
const pagesMax = 100;

/** `seatkeeper licenses`: the vendor's licences. */
export async function licenses(options: RemoteOptions & { readonly search?: string }): Promise<void> {
  const client = await connectedAsAdmin(options);
  const found = (await listed(client, options.search)).map(lineOf);
  show({ licenses: found }, options, () =>
    table(
      ["NAME", "CUSTOMER", "PRODUCT", "COUNTS", "LIMIT", "STATE", "EXPIRES", "ID"],
      found.map((line) => [
        line.name,
        line.customer,
        line.product,
        line.counts,
        line.limit,
        line.state,
        local(line.expires_at) ?? "never",
        line.id,
      ]),
    ),
  );
}

export function lineOf(license: LicenseAnswer): LicenseLine {
  const { template } = license;
  const isFloating = template.provisioning_mode === 1;
  const who = ["devices", "users", "projects"][template.client_type] ?? "devices";
  return {
    id: license.id,
    name: license.name,
    legacy_license_key: license.legacy_license_key,
    customer: license.customer.company_name,
    product: license.product.name,
    edition: template.name,
    counts: `${isFloating ? "floating" : "named"} ${who}`,
    // A projects licence has a limit for each kind: `status` tells them.
    limit: who === "projects" ? null : isFloating ? license.floating_token_limit : license.token_limit,
    state: license.is_expired ? "expired" : license.is_active ? "active" : "inactive",
    expires_at: license.expiration_date_utc,
  };
}

async function listed(client: Client, search: string | undefined): Promise<LicenseAnswer[]> {
  const found: LicenseAnswer[] = [];
  for (let page = 1; page <= pagesMax; page++) {
    const query = { page: String(page), page_size: String(pageSize), ...(search !== undefined && { search }) };
    const { items, total } = await client.call<{ readonly items: readonly LicenseAnswer[]; readonly total: number }>({
      method: "GET",
      path: "/licenses",
      query,
    });
    found.push(...items);
    if (items.length === 0 || found.length >= total) break;
  }
  return found;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The id of the licence that somebody names; else SEATKEEPER_LICENSE. An administrator may name it by its name or legacy
 * key, where no other has that.
 */
export async function licenseIdOf(client: Client, isAdmin: boolean, named: string | undefined): Promise<string> {
  const text = (named ?? process.env.SEATKEEPER_LICENSE)?.trim();
  if (!text) throw new CommandRefused(exitCodes.usage, "Which licence? Name it, or set SEATKEEPER_LICENSE.");
  if (uuid.test(text)) return text.toLowerCase();
  if (!isAdmin) {
    throw new CommandRefused(
      exitCodes.usage,
      `${text} is no id of a licence, and only an AdminKey finds one by its name.`,
    );
  }
  const found = (await listed(client, text)).filter(
    ({ name, legacy_license_key }) => name === text || legacy_license_key === text,
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.id;
  const why =
    only === undefined
      ? "No licence has this name or key"
      : `${found.length} licences have it: ${found.map(({ id }) => id).join(", ")}`;
  throw new CommandRefused(exitCodes.noInput, `${text}: ${why}.`);
}
