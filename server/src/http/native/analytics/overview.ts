/** Licences at a glance: how full each one is now, and how full it was today. */
import { Type } from "typebox";
import { usagePoints } from "../../../analytics/charts.ts";
import { joined } from "../../../analytics/sums.ts";
import { type Denials, denialSeries, quarter, type Scope, type Tally, usageSeries } from "../../../analytics/tally.ts";
import type { License } from "../../../catalog/entities.ts";
import type { LicenseView, Pool } from "../../../core/types.ts";
import { json } from "../../answer.ts";
import { Label } from "../../input.ts";
import { pageMax } from "../../limits.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../../route.ts";
import { countedUntil, denialColumns, usageRows } from "./charts.ts";
import * as query from "./query.ts";
import { iso } from "./table.ts";

/** Licences of one answer: each costs a look at its sessions and at its day. */
const overviewPageMax = 100;

/** Quarters of an hour of a day, also of one in which clocks are set back. */
const rowsMax = 200;

/** From midnight to midnight. */
type Day = readonly [number, number];

const Query = Type.Object(
  {
    search: Type.Optional(Label("A part of the licence's name or of its customer's.")),
    ...query.zoneField,
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: "Pages count from 1." })),
    page_size: Type.Optional(
      Type.Integer({ minimum: 1, maximum: overviewPageMax, description: `${overviewPageMax} if left out.` }),
    ),
  },
  { additionalProperties: false },
);
const PoolNow = Type.Object({
  pool: Type.String({ description: "`floating`, `named`, `mono` or `team`." }),
  in_use: Type.Integer(),
  limit: Type.Integer(),
  peak_today: Type.Integer({ description: "The most at once since the day began." }),
});
const Item = Type.Object({
  license_id: Type.String(),
  license_name: Type.Union([Type.String(), Type.Null()]),
  customer_name: Type.String(),
  product_name: Type.String(),
  edition_name: Type.String(),
  state: Type.Enum(["valid", "expired", "inactive"]),
  pools: Type.Array(PoolNow),
  denials_today: Type.Integer({ description: "Refused requests of somebody who wanted in." }),
  true_denials_today: Type.Integer({ description: "Holders who were refused and not served within five minutes." }),
});
const Overview = Type.Object({
  items: Type.Array(Item),
  page: Type.Integer(),
  page_size: Type.Integer(),
  total: Type.Integer(),
  today: Type.String({ format: "date-time", description: "When the day began." }),
  denials_today: Type.Integer({ description: "The same of all licences." }),
  true_denials_today: Item.properties.true_denials_today,
});

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function overviewRoutes({ store, desk }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/analytics/overview",
      reach: "admin",
      tag: "Analytics",
      summary: "Licences at a glance",
      description: "Tokens in use now, and the peak and the denials of today by the clocks of `time_zone`; by name.",
      query: Query,
      answers: { 200: Overview },
      async handle(call, finish) {
        query.requireUnbound(call);
        const { page = 1, page_size: size = overviewPageMax, search } = call.query;
        const found = licensesFound(call, search);
        const now = store.now();
        const zone = query.zoneOf(call.query);
        const day = query.cutsOf("day", { from: now - 1, to: now }, zone) as [number, number];
        const items = await Promise.all(
          found.slice((page - 1) * size, page * size).map((license) => glance(call, license, day)),
        );
        const denied = await denialsOf(call.isvId, day, "vendor", call.isvId);
        finish(json({ items, page, page_size: size, total: found.length, today: iso(day[0]), ...denied }));
      },
    }),
  ];

  async function glance(call: KeyedCall, license: License, day: Day) {
    const { isvId, vendor } = call;
    // What has lapsed is released first, so that tokens are told as of now.
    await desk.decide({ type: "sweep", isvId, licenseId: license.id });
    const view = await store.read(isvId, license.id);
    const pools = Object.entries(query.limitsOf(call, license)) as [Pool, number][];
    return {
      license_id: license.id,
      license_name: license.name,
      customer_name: vendor.customers.get(license.customer_id)?.name,
      product_name: vendor.products.get(license.product_id)?.name,
      edition_name: vendor.editions.get(license.edition_id)?.name,
      state: stateOf(license, store.now()),
      pools: await Promise.all(
        pools.map(async ([pool, limit]) => {
          const inUse = view === undefined ? 0 : tokensIn(view, pool);
          const peak = await peakOf(isvId, license.id, pool, day);
          return { pool, in_use: inUse, limit, peak_today: Math.max(peak, inUse) };
        }),
      ),
      ...(await denialsOf(isvId, day, "license", license.id)),
    };
  }

  async function denialsOf(isvId: string, day: Day, scope: Scope, id: string) {
    const rows = await store.tallies(isvId, denialSeries(quarter, scope, id), ...day, rowsMax);
    const all = joined((rows as Tally<Denials>[]).map(({ body }) => body));
    const { denials, true_denials } = denialColumns(all, undefined);
    return { denials_today: denials, true_denials_today: true_denials };
  }

  async function peakOf(isvId: string, licenseId: string, pool: Pool, day: Day): Promise<number> {
    const rows = await usageRows(store, isvId, usageSeries(quarter, "license", licenseId, pool), quarter, day);
    return usagePoints(rows, day, await countedUntil(store))[0]?.max ?? 0;
  }
}

/** By name. */
function licensesFound({ vendor }: KeyedCall, search: string | undefined): License[] {
  const wanted = search?.toLowerCase() ?? "";
  const nameOf = (license: License) =>
    `${license.name ?? license.id} ${vendor.customers.get(license.customer_id)?.name}`;
  return [...vendor.licenses.values()]
    .map((license) => ({ license, name: nameOf(license) }))
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .toSorted((a, b) => collator.compare(a.name, b.name) || (a.license.id < b.license.id ? -1 : 1))
    .map(({ license }) => license);
}

function tokensIn(view: LicenseView, pool: Pool): number {
  if (pool === "named") return view.assigned;
  return pool === "floating" ? view.holders : view.attended(pool);
}

function stateOf({ is_active, expiration_date_utc }: License, now: number): "valid" | "expired" | "inactive" {
  if (!is_active) return "inactive";
  return expiration_date_utc !== null && now >= Date.parse(expiration_date_utc) ? "expired" : "valid";
}
