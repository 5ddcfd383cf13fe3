/**
 * From lines of history to tallies. Lines come in order of time, each once. The same lines make the same tallies,
 * whichever server counts them and in however many pieces.
 */
import { keepsOut } from "../core/denials.ts";
import { fold } from "../core/names.ts";
import type { DenialCode, HistoryRecord, Millis, ProjectKind } from "../core/types.ts";
import type { TallyKey } from "../stores/store.ts";
import { type Account, homeKey, type Ledger } from "./ledger.ts";
import { noDenials, sumOf } from "./sums.ts";
import {
  type DenialCount,
  type Denials,
  day,
  denialSeries,
  deniedLicenses,
  type Episode,
  episodeGapMs,
  episodeMaxMs,
  episodePart,
  episodeSeries,
  type HolderUse,
  holderSeries,
  holderSpans,
  hour,
  kindOf,
  reopenedWithinMs,
  resolutions,
  startOf,
  type Tally,
  toleranceMs,
} from "./tally.ts";

/** Counts one line. What it is added to must be in the ledger: `sumsOf` says what that is. */
export function count(line: HistoryRecord, ledger: Ledger): void {
  const account = ledger.accountOf(line);
  if (line.pool !== null) countMove(line, ledger, account);
  for (const [pool, tokens] of poolsOf(line)) {
    const isOwn = pool === line.pool;
    for (const series of account.usage(pool)) series.add(line, tokens, isOwn);
  }
  const holder = holderOf(line, account);
  if (line.kind === "denied") countDenied(line, ledger, account, holder);
  if (holder === null || !account.isKnown) return;
  if (isServing(line)) countServed(line, ledger, account, holder);
  countHolder(line, ledger, holder);
}

/** What the licence holds goes along to whom it belongs by now: seen at its next line, for history does not tell of it. */
function countMove({ at }: HistoryRecord, ledger: Ledger, account: Account): void {
  for (const { own, from, to } of ledger.movesOf(account)) {
    if (from === to || own.level === 0) continue;
    from.shift(at, -own.level);
    to.shift(at, own.level);
  }
  ledger.settle(account);
}

/** The pools that a line changes, and by how much: a switch moves a token from one kind's pool into the other's. */
export function poolsOf({ kind, pool, tokens }: HistoryRecord): readonly (readonly [pool: string, tokens: number])[] {
  if (pool === null) return [];
  if (kind !== "project.switched" || tokens === 0) return [[pool, tokens]];
  return [
    [pool, tokens],
    [pool === "mono" ? "team" : "mono", -tokens],
  ];
}

/** Whom a line is about, as the licence tells them apart: devices by their ids as written, users folded; null: nobody. */
function holderOf({ userId, clientId }: HistoryRecord, { isDevices }: Account): string | null {
  if (isDevices) return clientId;
  const name = userId ?? clientId;
  return name === null ? null : fold(name);
}

/** Whether its holder got what it may have been refused before. A named licence's devices have no sessions. */
function isServing({ kind, pool }: HistoryRecord): boolean {
  return kind === "session.opened" || (kind === "client.activated" && pool === "named");
}

/** The sums that a line will be added to, episodes of its holder being known. */
export function* sumsOf(line: HistoryRecord, ledger: Ledger): Iterable<TallyKey> {
  const account = ledger.accountOf(line);
  const { isvId, licenseId, at, lengthMs } = line;
  if (line.pool !== null) yield homeKey(isvId, licenseId);
  if (line.kind === "denied") yield* denialPlaces(account, at, kindOf(line.pool));
  const holder = holderOf(line, account);
  if (holder === null || !account.isKnown) return;
  const first = lengthMs !== null && isEnd(line) ? at - lengthMs : at - reopenedWithinMs;
  for (const span of holderSpans) {
    const series = holderSeries(span, licenseId);
    for (let start = startOf(first, span); start <= at; start += span) yield { isvId, series, start, part: holder };
  }
  if (!isServing(line)) return;
  for (const { start, body } of ledger.episodes(account, holder)) {
    if (body.servedAt !== null) continue;
    yield* denialPlaces(account, start, body.pool);
    yield* useOf(account, holder, start);
  }
}

/** Where it is summed what a holder had at an instant. */
function* useOf(
  { isvId, licenseId }: Pick<HistoryRecord, "isvId" | "licenseId">,
  holder: string,
  at: Millis,
): Iterable<TallyKey & { readonly start: Millis }> {
  for (const span of holderSpans) {
    yield { isvId, series: holderSeries(span, licenseId), start: startOf(at, span), part: holder };
  }
}

/** Where denials of an instant are summed, but for their holder's own day. */
function* denialPlaces(
  { isvId, licenseId, isKnown, scopes }: Account,
  at: Millis,
  pool: ProjectKind | undefined,
): Iterable<TallyKey> {
  for (const [scope, id] of scopes) {
    for (const resolution of resolutions) {
      const start = startOf(at, resolution);
      yield { isvId, series: denialSeries(resolution, scope, id), start, part: "" };
      if (pool !== undefined) yield { isvId, series: denialSeries(resolution, scope, id, pool), start, part: "" };
    }
  }
  if (isKnown) yield { isvId, series: deniedLicenses, start: startOf(at, day), part: licenseId };
}

/** One more try of an episode that goes on, or the first one of a new episode. What kept nobody out has no episodes. */
function countDenied(line: HistoryRecord, ledger: Ledger, account: Account, holder: string | null): void {
  const { isvId, licenseId, at } = line;
  const code = line.denial as DenialCode;
  const isFollowed = holder !== null && account.isKnown && keepsOut(code);
  const known = isFollowed ? ledger.episodes(account, holder) : [];
  const open = known.find((episode) => episode.body.code === code && isMore(episode, at));
  const more = { ...noDenials, attempts: 1, episodes: Number(isFollowed && open === undefined) };
  const pool = kindOf(line.pool);
  addDenials(ledger, account, { holder, at, code, pool }, more);
  if (!isFollowed) return;
  if (open !== undefined) {
    ledger.putEpisode(account, { ...open, body: { ...open.body, lastAt: at, attempts: open.body.attempts + 1 } });
    return;
  }
  const body: Episode = { holder, code, lastAt: at, attempts: 1, servedAt: null, ...(pool !== undefined && { pool }) };
  ledger.putEpisode(account, { isvId, series: episodeSeries(licenseId), start: at, part: episodePart(body), body });
}

/** Whether a further denial at `at` belongs to the episode. Within one instant there is but one. */
function isMore({ start, body: { servedAt, lastAt } }: Tally<Episode>, at: Millis): boolean {
  if (start === at) return true;
  return servedAt === null && at - lastAt <= episodeGapMs && at - start < episodeMaxMs;
}

/** The holder got what it had been refused: all its episodes of the last day on the licence are over. */
function countServed(line: HistoryRecord, ledger: Ledger, account: Account, holder: string): void {
  for (const episode of ledger.episodes(account, holder)) {
    const wait = line.at - episode.start;
    if (episode.body.servedAt !== null || wait >= episodeMaxMs) continue;
    ledger.putEpisode(account, { ...episode, body: { ...episode.body, servedAt: line.at } });
    const { code, pool } = episode.body;
    addDenials(
      ledger,
      account,
      { holder, at: episode.start, code, pool },
      {
        ...noDenials,
        served: 1,
        servedSoon: Number(wait <= toleranceMs),
        waitMs: wait,
        waitMaxMs: wait,
      },
    );
  }
}

/** A denial, or where an episode of them began. */
interface Denied {
  readonly holder: string | null;
  readonly at: Millis;
  readonly code: DenialCode;
  readonly pool: ProjectKind | undefined;
}

function addDenials(ledger: Ledger, account: Account, { holder, at, code, pool }: Denied, more: DenialCount): void {
  for (const place of denialPlaces(account, at, pool)) {
    ledger.change<Denials>(place, (before = {}) => withMore(before, code, more));
  }
  if (holder === null || !account.isKnown) return;
  addToUse(ledger, account, holder, at, ({ denials = {} }) => ({ denials: withMore(denials, code, more) }));
}

function withMore(before: Denials, code: DenialCode, more: DenialCount): Denials {
  return { ...before, [code]: sumOf(before[code] ?? noDenials, more) };
}

const isEnd = ({ kind }: HistoryRecord) =>
  kind === "session.closed" || kind === "session.expired" || kind === "session.ended";

function countHolder(line: HistoryRecord, ledger: Ledger, holder: string): void {
  const { at, kind, lengthMs } = line;
  const add = (instant: Millis, more: (before: HolderUse) => HolderUse) =>
    addToUse(ledger, line, holder, instant, more);
  if (kind === "client.activated") add(at, ({ activations = 0 }) => ({ activations: activations + 1 }));
  if (kind === "session.moved") add(at, (before) => byTurnsIn(before, startOf(at, hour)));
  if (kind === "session.opened") {
    const isLate = lapsedLately(line, ledger, holder);
    add(at, ({ sessions = 0, reopened = 0 }) => ({
      sessions: sessions + 1,
      ...(isLate && { reopened: reopened + 1 }),
    }));
  }
  if (kind === "session.expired") add(at, ({ expired = 0 }) => ({ expired: expired + 1, expiredAt: at }));
  if (!isEnd(line) || lengthMs === null) return;
  // The time of a session counts on the days on which it was spent.
  for (let from = at - lengthMs; from < at; ) {
    const to = Math.min(startOf(from, day) + day, at);
    const spent = to - from;
    add(from, ({ sessionMs = 0 }) => ({ sessionMs: sessionMs + spent }));
    from = to;
  }
}

function byTurnsIn({ byTurns = 0, byTurnsAt = -1 }: HolderUse, start: Millis): HolderUse {
  return start <= byTurnsAt ? {} : { byTurns: byTurns + 1, byTurnsAt: start };
}

function lapsedLately({ isvId, licenseId, at }: HistoryRecord, ledger: Ledger, holder: string): boolean {
  const series = holderSeries(day, licenseId);
  return [at, at - reopenedWithinMs].some((instant) => {
    const known = ledger.at<HolderUse>({ isvId, series, start: startOf(instant, day), part: holder });
    return known?.expiredAt !== undefined && at - known.expiredAt <= reopenedWithinMs;
  });
}

function addToUse(
  ledger: Ledger,
  place: Pick<HistoryRecord, "isvId" | "licenseId">,
  holder: string,
  at: Millis,
  more: (before: HolderUse) => HolderUse,
): void {
  for (const key of useOf(place, holder, at)) {
    ledger.change<HolderUse>(key, (before = {}) => ({ ...before, ...more(before) }));
  }
}
