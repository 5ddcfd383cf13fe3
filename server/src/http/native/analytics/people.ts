/** Who used a licence, who was refused, and whose program misbehaves. */
import { setImmediate } from "node:timers/promises";
import { Type } from "typebox";
import { deniedParts, type HolderSum, HolderSums, holderPieces } from "../../../analytics/charts.ts";
import { signs, signsOf } from "../../../analytics/signs.ts";
import {
  type Denials,
  day,
  deniedLicenses,
  type Episode,
  episodeSeries,
  type HolderUse,
  type Tally,
  toleranceMs,
} from "../../../analytics/tally.ts";
import type { DenialCode } from "../../../core/denials.ts";
import { knownLicense } from "../../access.ts";
import { Uuid } from "../../input.ts";
import { pageMax, pageSizeDefault, pageSizeMax } from "../../limits.ts";
import type { Names } from "../../names.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../../route.ts";
import { denialColumns, denialFields } from "./charts.ts";
import * as query from "./query.ts";
import { formatField, iso, listOf, maybeTime, seconds, tableOf, time } from "./table.ts";

/** Rows of people that are read at once: far more holders than a licence has in a week, or episodes in a day. */
const peopleRowsMax = 100_000;

const strict = { additionalProperties: false };
const { rangeFields, reasonField, scopeFields } = query;
const licenseField = { license_id: Uuid("The licence.") };
const HolderQuery = Type.Object({ ...licenseField, ...rangeFields, ...formatField }, strict);
const DeniedHolderQuery = Type.Object({ ...licenseField, ...reasonField, ...rangeFields, ...formatField }, strict);
const { product_id, customer_id } = scopeFields;
const DeniedLicenseQuery = Type.Object(
  { product_id, customer_id, ...reasonField, ...rangeFields, ...formatField },
  strict,
);
const page = {
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: "Pages count from 1." })),
  page_size: Type.Optional(
    Type.Integer({ minimum: 1, maximum: pageSizeMax, description: `Lines of a page; ${pageSizeDefault} if left out.` }),
  ),
};
const EpisodeQuery = Type.Object({ ...licenseField, ...reasonField, ...rangeFields, ...page, ...formatField }, strict);

const HolderItem = Type.Object({
  holder: Type.String({ description: "The user in the form that is compared; on a devices licence the client." }),
  session_seconds: Type.Number({ description: "Of sessions that have ended; beside each other they count each." }),
  sessions: Type.Integer(),
  sessions_expired: Type.Integer({ description: "Ended by silence: nobody closed them." }),
  reopened_late: Type.Integer({ description: "Opened within a quarter of an hour after one had lapsed." }),
  activations: Type.Integer(),
  several_addresses: Type.Integer({
    description: "Hours of the clock in which one session was extended from several addresses by turns.",
  }),
  denials: Type.Integer({ description: "Refused requests while the holder wanted in." }),
  true_denials: Type.Integer(),
});
const DeniedHolder = Type.Object({ holder: HolderItem.properties.holder, ...denialFields });
const DeniedLicense = Type.Object({
  license_id: Type.String(),
  license_name: Type.Union([Type.String(), Type.Null()]),
  ...denialFields,
});
const EpisodeItem = Type.Object({
  holder: HolderItem.properties.holder,
  code: Type.String(),
  first_at: time,
  last_at: time,
  attempts: Type.Integer(),
  served_at: maybeTime,
  wait_seconds: Type.Union([Type.Number(), Type.Null()]),
  is_true: Type.Boolean({ description: "The holder was not served within five minutes." }),
});
const SignItem = Type.Object({
  holder: HolderItem.properties.holder,
  sign: Type.String({ description: Object.keys(signs).join(", ") }),
  cases: Type.Integer(),
  out_of: Type.Integer({ description: "Sessions; for `several_addresses` hours, for `wanders` days." }),
  message: Type.String(),
});
const paged = { page: Type.Integer(), page_size: Type.Integer(), total: Type.Integer() };
const byDays = `By whole days (UTC), ${query.peopleDaysMax} at most`;

export function peopleRoutes({ store }: Services): Route[] {
  /** What is kept, piece by piece; between two of them others have their turn, for a day of a busy licence is thousands of rows. */
  async function* talliesOf<B>({ isvId }: KeyedCall, pieces: Iterable<Piece>): AsyncIterable<Tally<B>[]> {
    for (const { series, from, to } of pieces) {
      yield (await store.tallies(isvId, series, from, to, peopleRowsMax)) as Tally<B>[];
      await setImmediate();
    }
  }

  async function holdersOf(call: KeyedCall, licenseId: string, range: query.Range): Promise<HolderSum[]> {
    const sums = new HolderSums();
    const pieces = holderPieces(licenseId, range.from, range.to);
    for await (const rows of talliesOf<HolderUse>(call, pieces)) sums.add(rows);
    return sums.sorted();
  }

  return [
    keyed({
      method: "GET",
      path: "/analytics/holders",
      reach: "admin",
      tag: "Analytics",
      summary: "Who used a licence for how long",
      description: `${byDays}; the longest users first, ${pageSizeMax} of them.`,
      query: HolderQuery,
      answers: listOf(HolderItem),
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const sums = await holdersOf(call, id, query.dayRangeOf(call.query, store.now()));
        finish(
          tableOf(
            HolderItem,
            sums.slice(0, pageSizeMax).map((sum) => holderItem(sum, call.names)),
            call.query.format,
          ),
        );
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/denials/holders",
      reach: "admin",
      tag: "Analytics",
      summary: "Who was refused how often",
      description: `${byDays}; the most refused first, ${pageSizeMax} of them.`,
      query: DeniedHolderQuery,
      answers: listOf(DeniedHolder),
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const { reason, format } = call.query;
        const sums = await holdersOf(call, id, query.dayRangeOf(call.query, store.now()));
        const items = sums.map(({ holder, denials }) => ({
          holder: call.names.of(holder),
          ...denialColumns(denials, reason),
        }));
        finish(tableOf(DeniedHolder, mostDenied(items), format));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/denials/licenses",
      reach: "admin",
      tag: "Analytics",
      summary: "On which licences somebody was refused",
      description: `${byDays}; the most refused first, ${pageSizeMax} of them.`,
      query: DeniedLicenseQuery,
      answers: listOf(DeniedLicense),
      async handle(call, finish) {
        const { scope, id } = query.scopeOf(call);
        const { reason, format } = call.query;
        const { from, to } = query.dayRangeOf(call.query, store.now());
        const rows = await store.tallies(call.isvId, deniedLicenses, from, to, peopleRowsMax);
        const names = new Map(query.licensesOf(call, scope, id).map((license) => [license.id, license.name]));
        const items = deniedParts(rows as Tally<Denials>[])
          .filter(({ part }) => names.has(part))
          .map(({ part, byReason }) => ({
            license_id: part,
            license_name: names.get(part) ?? null,
            ...denialColumns(byReason, reason),
          }));
        finish(tableOf(DeniedLicense, mostDenied(items), format));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/episodes",
      reach: "admin",
      tag: "Analytics",
      summary: "List episodes of denials",
      description: `Each one: who tried for how long and whether they were served. ${byDays}; oldest first.`,
      query: EpisodeQuery,
      answers: listOf(EpisodeItem, paged),
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const { reason, format, page = 1, page_size = pageSizeDefault } = call.query;
        const range = query.dayRangeOf(call.query, store.now());
        const all: Tally<Episode>[] = [];
        for await (const rows of talliesOf<Episode>(call, daysOf(episodeSeries(id), range))) {
          all.push(...rows.filter(({ body }) => reason === undefined || body.code === reason));
        }
        const items = all.slice((page - 1) * page_size, page * page_size).map((each) => episodeItem(each, call.names));
        finish(tableOf(EpisodeItem, items, format, { page, page_size, total: all.length }));
      },
    }),
    keyed({
      method: "GET",
      path: "/analytics/signs",
      reach: "admin",
      tag: "Analytics",
      summary: "Signs of careless programs and shared ids",
      description: `${byDays}; signs, not proof.`,
      query: HolderQuery,
      answers: listOf(SignItem),
      async handle(call, finish) {
        const { id } = knownLicense(call, call.query.license_id);
        const range = query.dayRangeOf(call.query, store.now());
        const found = signsOf(await holdersOf(call, id, range), (range.to - range.from) / day);
        const items = found.slice(0, pageSizeMax).map(({ holder, sign, cases, outOf }) => ({
          holder: call.names.of(holder),
          sign,
          cases,
          out_of: outOf,
          message: signs[sign],
        }));
        finish(tableOf(SignItem, items, call.query.format));
      },
    }),
  ];
}

/** Tallies of a series between two instants. */
interface Piece extends query.Range {
  readonly series: string;
}

function* daysOf(series: string, { from, to }: query.Range): Iterable<Piece> {
  for (let start = from; start < to; start += day) yield { series, from: start, to: start + day };
}

function holderItem(sum: HolderSum, names: Names) {
  const { denials, true_denials } = denialColumns(sum.denials, undefined);
  return {
    holder: names.of(sum.holder),
    session_seconds: seconds(sum.sessionMs),
    sessions: sum.sessions,
    sessions_expired: sum.expired,
    reopened_late: sum.reopened,
    activations: sum.activations,
    several_addresses: sum.byTurns,
    denials,
    true_denials,
  };
}

function mostDenied<T extends { readonly denials: number }>(items: readonly T[]): T[] {
  return items
    .filter(({ denials }) => denials > 0)
    .toSorted((a, b) => b.denials - a.denials)
    .slice(0, pageSizeMax);
}

function episodeItem({ start, body }: Tally<Episode>, names: Names) {
  const { holder, code, lastAt, attempts, servedAt } = body;
  const waitMs = servedAt === null ? null : servedAt - start;
  return {
    holder: names.of(holder),
    code: code satisfies DenialCode,
    first_at: iso(start),
    last_at: iso(lastAt),
    attempts,
    served_at: servedAt === null ? null : iso(servedAt),
    wait_seconds: waitMs === null ? null : seconds(waitMs),
    is_true: waitMs === null || waitMs > toleranceMs,
  };
}
