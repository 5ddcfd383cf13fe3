/**
 * From lines of history to tallies. Lines come in order of time, each once; what was counted before is asked for by
 * series. Pure: the same lines make the same tallies, whichever server counts them and in however many pieces.
 */
import { fold } from "../core/names.ts";
import type { HistoryRecord, Millis } from "../core/types.ts";
import {
  day,
  type Episode,
  type EpisodeCount,
  episodeCountSeries,
  episodeGapMs,
  episodeMaxMs,
  episodeSeries,
  type HolderDay,
  holderSeries,
  quarter,
  type Resolution,
  resolutions,
  type Scope,
  startOf,
  type Tally,
  toleranceMs,
  type Usage,
  usageSeries,
} from "./tally.ts";

/** Where a licence belongs, for sums over several; undefined: there is no such licence (any more). */
export type Belongs = (isvId: string, licenseId: string) => { productId: string; customerId: string } | undefined;

/** Tallies as they were counted so far: of a series the last one, or the one of an instant and part. */
export interface Counted {
  last(isvId: string, series: string): Tally | undefined;
  at(isvId: string, series: string, start: Millis, part: string): Tally | undefined;
  put(tally: Tally): void;
  /** Episodes of a licence that may go on. */
  openEpisodes(isvId: string, licenseId: string): readonly Tally<Episode>[];
}

const nothing = { opened: 0, closed: 0, expired: 0, ended: 0, overuse: 0, denied: {} };
const noEpisodes: EpisodeCount = { episodes: 0, servedSoon: 0, served: 0, waitMs: 0, waitMaxMs: 0 };
const noTime: HolderDay = { sessionMs: 0, sessions: 0, denials: 0 };

/** Counts one line. */
export function count(line: HistoryRecord, counted: Counted, belongs: Belongs): void {
  const scopes = scopesOf(line, belongs);
  for (const [scope, id] of scopes) {
    for (const resolution of resolutions) countUsage(line, counted, resolution, scope, id);
  }
  const holder = holderOf(line);
  if (holder === null) return;
  if (line.kind === "denied") countDenied(line, counted, scopes, holder);
  if (line.kind === "session.opened") countServed(line, counted, scopes, holder);
  countHolder(line, counted, holder);
}

type ScopeOf = readonly [scope: Scope, id: string];

/** A denial for a licence that there is not counts for the vendor alone. */
export function scopesOf(line: HistoryRecord, belongs: Belongs): ScopeOf[] {
  const place = belongs(line.isvId, line.licenseId);
  const vendor: ScopeOf = ["vendor", line.isvId];
  if (place === undefined) return [vendor];
  return [["license", line.licenseId], ["product", place.productId], ["customer", place.customerId], vendor];
}

/** Whom a line is about, in the form in which users are compared; null: nobody. */
export function holderOf({ userId, clientId }: HistoryRecord): string | null {
  const name = userId ?? clientId;
  return name === null ? null : fold(name);
}

/** The pools that a line changes, and by how much: a switch moves a token from one kind's pool into the other's. */
export function poolsOf({ kind, pool, tokens }: HistoryRecord): readonly (readonly [pool: string, tokens: number])[] {
  const own = [pool ?? "none", tokens] as const;
  if (kind !== "project.switched" || tokens === 0) return [own];
  return [own, [pool === "mono" ? "team" : "mono", -tokens]];
}

function countUsage(line: HistoryRecord, counted: Counted, resolution: Resolution, scope: Scope, id: string): void {
  for (const [pool, tokens] of poolsOf(line)) {
    const series = usageSeries(resolution, scope, id, pool);
    const start = startOf(line.at, resolution);
    const last = counted.last(line.isvId, series) as Tally<Usage> | undefined;
    const before = last?.start === start ? last.body : opening(last?.body, start);
    const at = Math.max(line.at, before.until);
    const level = before.level + tokens;
    const body: Usage = {
      ...before,
      until: at,
      level,
      max: Math.max(before.max, level),
      tokenMs: before.tokenMs + before.level * (at - before.until),
      // Tokens of both pools are what a switch is held against in its own pool alone.
      limit: scope === "license" && line.pool === pool ? line.limit : before.limit,
      ...eventsOf(before, line, line.pool === pool || line.pool === null),
    };
    counted.put({ isvId: line.isvId, series, start, part: "", body });
  }
}

/** A bucket before anything happened in it. */
function opening(before: Usage | undefined, start: Millis): Usage {
  const level = before?.level ?? 0;
  return { ...nothing, until: start, level, max: level, tokenMs: 0, limit: before?.limit ?? null };
}

function eventsOf(before: Usage, { kind, denial, isOveruse }: HistoryRecord, isOwn: boolean) {
  const { opened, closed, expired, ended, overuse, denied } = before;
  if (!isOwn) return { opened, closed, expired, ended, overuse, denied };
  return {
    opened: opened + Number(kind === "session.opened"),
    closed: closed + Number(kind === "session.closed"),
    expired: expired + Number(kind === "session.expired"),
    ended: ended + Number(kind === "session.ended"),
    overuse: overuse + Number(kind === "session.opened" && isOveruse),
    denied: denial === null ? denied : { ...denied, [denial]: (denied[denial] ?? 0) + 1 },
  };
}

/** One more try of an episode that goes on, or the first one of a new episode. */
function countDenied(line: HistoryRecord, counted: Counted, scopes: readonly ScopeOf[], holder: string): void {
  const { isvId, licenseId, at } = line;
  const code = line.denial as Episode["code"];
  const open = counted
    .openEpisodes(isvId, licenseId)
    .find((episode) => episode.body.holder === holder && episode.body.code === code && isOpen(episode, at));
  if (open !== undefined) {
    counted.put({ ...open, body: { ...open.body, lastAt: at, attempts: open.body.attempts + 1 } });
    return;
  }
  const part = `${holder} ${code}`;
  const body: Episode = { holder, code, lastAt: at, attempts: 1, servedAt: null };
  counted.put({ isvId, series: episodeSeries(licenseId), start: at, part, body });
  addEpisodes(isvId, counted, scopes, at, { ...noEpisodes, episodes: 1 });
}

/** Whether a further denial at `at` belongs to the episode. */
function isOpen({ start, body: { servedAt, lastAt } }: Tally<Episode>, at: Millis): boolean {
  return servedAt === null && at - lastAt <= episodeGapMs && at - start < episodeMaxMs;
}

/** The holder got what it had been refused: all its episodes on the licence are over. */
function countServed(line: HistoryRecord, counted: Counted, scopes: readonly ScopeOf[], holder: string): void {
  for (const episode of counted.openEpisodes(line.isvId, line.licenseId)) {
    if (episode.body.holder !== holder || !isOpen(episode, line.at)) continue;
    const wait = line.at - episode.start;
    counted.put({ ...episode, body: { ...episode.body, servedAt: line.at } });
    addEpisodes(line.isvId, counted, scopes, episode.start, {
      episodes: 0,
      servedSoon: Number(wait <= toleranceMs),
      served: 1,
      waitMs: wait,
      waitMaxMs: wait,
    });
  }
}

function addEpisodes(
  isvId: string,
  counted: Counted,
  scopes: readonly ScopeOf[],
  firstAt: Millis,
  more: EpisodeCount,
): void {
  const start = startOf(firstAt, quarter);
  for (const [scope, id] of scopes) {
    const series = episodeCountSeries(scope, id);
    const before = (counted.at(isvId, series, start, "")?.body as EpisodeCount | undefined) ?? noEpisodes;
    const body: EpisodeCount = {
      episodes: before.episodes + more.episodes,
      servedSoon: before.servedSoon + more.servedSoon,
      served: before.served + more.served,
      waitMs: before.waitMs + more.waitMs,
      waitMaxMs: Math.max(before.waitMaxMs, more.waitMaxMs),
    };
    counted.put({ isvId, series, start, part: "", body });
  }
}

/** The time of a session counts on the days on which it was spent. */
function countHolder(line: HistoryRecord, counted: Counted, holder: string): void {
  const isEnd = line.kind === "session.closed" || line.kind === "session.expired" || line.kind === "session.ended";
  if (line.kind === "denied") addHolder(line, counted, holder, line.at, { ...noTime, denials: 1 });
  if (line.kind === "session.opened") addHolder(line, counted, holder, line.at, { ...noTime, sessions: 1 });
  if (!isEnd || line.lengthMs === null) return;
  for (let from = line.at - line.lengthMs; from < line.at; ) {
    const to = Math.min(startOf(from, day) + day, line.at);
    addHolder(line, counted, holder, from, { ...noTime, sessionMs: to - from });
    from = to;
  }
}

function addHolder(line: HistoryRecord, counted: Counted, holder: string, at: Millis, more: HolderDay): void {
  const { isvId, licenseId } = line;
  const series = holderSeries(licenseId);
  const start = startOf(at, day);
  const before = (counted.at(isvId, series, start, holder)?.body as HolderDay | undefined) ?? noTime;
  const body: HolderDay = {
    sessionMs: before.sessionMs + more.sessionMs,
    sessions: before.sessions + more.sessions,
    denials: before.denials + more.denials,
  };
  counted.put({ isvId, series, start, part: holder, body });
}
