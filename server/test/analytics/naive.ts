/** Every figure of analytics once more, from the raw lines and in the plainest way: what the kept sums must come to. */
import type { HistoryRecord, Millis } from "../../src/core/types.ts";
import type { LicenseSetting } from "../model/vendor.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

/** Whose lines: of these licences, or of a whole vendor. */
export interface Whose {
  readonly isvId: string;
  readonly licenses: readonly string[] | "all";
}

export const isOf =
  ({ isvId, licenses }: Whose) =>
  (line: HistoryRecord) =>
    line.isvId === isvId && (licenses === "all" || licenses.includes(line.licenseId));

/** The changes of one pool, a switch of a project's kind being one of both pools. */
function changesOf(lines: readonly HistoryRecord[], pool: string) {
  return lines.flatMap((line) => {
    if (line.pool === pool) return [{ line, by: line.tokens }];
    const isOther = line.kind === "project.switched" && line.pool !== null && line.tokens !== 0;
    const isPair = ["mono", "team"].includes(pool);
    return isOther && isPair ? [{ line, by: -line.tokens }] : [];
  });
}

export function usageBetween(lines: readonly HistoryRecord[], pool: string, start: Millis, end: Millis, now: Millis) {
  const changes = changesOf(lines, pool);
  let level = changes.filter(({ line }) => line.at < start).reduce((sum, { by }) => sum + by, 0);
  const inside = changes.filter(({ line }) => line.at >= start && line.at < end);
  let at = start;
  let tokenMs = 0;
  // Those that lasted, and those that somebody who took a token brought about.
  const levels = [0];
  for (const { line, by } of inside) {
    if (line.at > at) levels.push(level);
    tokenMs += level * (line.at - at);
    at = line.at;
    level += by;
    if (by > 0) levels.push(level);
  }
  if (start < now) levels.push(level);
  const last = Math.min(end, now);
  tokenMs += level * Math.max(0, last - at);
  const own = inside.map(({ line }) => line).filter((line) => line.pool === pool);
  const opened = own.filter(({ kind }) => kind === "session.opened");
  const countOf = (kind: string) => own.filter((line) => line.kind === kind).length;
  return {
    start,
    end,
    max: Math.max(...levels),
    mean: last > start ? tokenMs / (last - start) : 0,
    opened: opened.length,
    closed: countOf("session.closed"),
    expired: countOf("session.expired"),
    ended: countOf("session.ended"),
    overuse: opened.filter(({ isOveruse }) => isOveruse).length,
  };
}

/** The limit of the pool's last line before an instant. */
export function limitBefore(lines: readonly HistoryRecord[], pool: string, before: Millis): number | null {
  return lines.findLast((line) => line.pool === pool && line.at < before)?.limit ?? null;
}

/** Who was turned away at the door. Whatever else is denied is a slip of a program, or takes no token. */
const turnedAway = [
  "license_inactive license_expired release_refused client_suspended client_unassigned user_domain_refused",
  "customer_without_token tokens_all_assigned tokens_exhausted tokens_held checkouts_exhausted",
  "sessions_exhausted user_already_active project_in_use",
  "session_of_other_holder session_on_other_project session_ended_by_admin session_forked",
].flatMap((line) => line.split(" "));

export const isTurnedAway = ({ denial }: HistoryRecord) => denial !== null && turnedAway.includes(denial);

interface NaiveEpisode {
  readonly licenseId: string;
  readonly isvId: string;
  readonly holder: string;
  readonly code: string;
  readonly firstAt: Millis;
  lastAt: Millis;
  attempts: number;
  servedAt: Millis | null;
  /** Of a licence of projects, the kind of token that was wanted first. */
  readonly pool?: string;
}

/** Devices are told apart as written, everybody else without regard to case, blanks and composition. */
export function holderIn(settings: readonly LicenseSetting[], line: HistoryRecord): string | null {
  const setting = settings.find(({ isvId, licenseId }) => isvId === line.isvId && licenseId === line.licenseId);
  if (setting === undefined) return null;
  if (setting.type === "devices") return line.clientId;
  const name = line.userId ?? line.clientId;
  return name === null ? null : name.trim().normalize("NFC").toLowerCase().replaceAll("ß", "ss");
}

const serves = ({ kind, pool }: HistoryRecord) =>
  kind === "session.opened" || (kind === "client.activated" && pool === "named");

export function episodesOf(lines: readonly HistoryRecord[], settings: readonly LicenseSetting[]): NaiveEpisode[] {
  const all: NaiveEpisode[] = [];
  for (const line of lines) {
    const { isvId, licenseId, at } = line;
    const holder = holderIn(settings, line);
    if (holder === null) continue;
    const own = all.filter((e) => e.isvId === isvId && e.licenseId === licenseId && e.holder === holder);
    if (serves(line)) {
      for (const episode of own) if (episode.servedAt === null && at - episode.firstAt < day) episode.servedAt = at;
    }
    if (line.denial === null || !isTurnedAway(line)) continue;
    const last = own.findLast(({ code }) => code === line.denial);
    const isMore = (e: NaiveEpisode) =>
      e.firstAt === at || (e.servedAt === null && at - e.lastAt <= 15 * minute && at - e.firstAt < day);
    if (last !== undefined && isMore(last)) {
      last.lastAt = at;
      last.attempts++;
    } else {
      const fresh = { isvId, licenseId, holder, code: line.denial, firstAt: at, lastAt: at };
      const kind = line.pool === "mono" || line.pool === "team" ? { pool: line.pool } : {};
      all.push({ ...fresh, attempts: 1, servedAt: null, ...kind });
    }
  }
  return all;
}

/** By reason, in the form of the kept sums. */
export function denialsBetween(
  lines: readonly HistoryRecord[],
  episodes: readonly NaiveEpisode[],
  start: Millis,
  end: Millis,
): Record<string, object> {
  const denied = lines.filter(({ at, denial }) => denial !== null && at >= start && at < end);
  const begun = episodes.filter(({ firstAt }) => firstAt >= start && firstAt < end);
  const codes = [...new Set(denied.map(({ denial }) => denial as string))];
  return Object.fromEntries(
    codes.map((code) => {
      const own = begun.filter((episode) => episode.code === code);
      const waits = own.flatMap(({ servedAt, firstAt }) => (servedAt === null ? [] : [servedAt - firstAt]));
      return [
        code,
        {
          attempts: denied.filter(({ denial }) => denial === code).length,
          episodes: own.length,
          served: waits.length,
          servedSoon: waits.filter((wait) => wait <= 5 * minute).length,
          waitMs: waits.reduce((sum, wait) => sum + wait, 0),
          waitMaxMs: Math.max(0, ...waits),
        },
      ];
    }),
  );
}

/** What each holder of a licence had between two midnights (UTC). */
export function holdersBetween(
  lines: readonly HistoryRecord[],
  settings: readonly LicenseSetting[],
  start: Millis,
  end: Millis,
) {
  const episodes = episodesOf(lines, settings);
  const isIn = ({ at }: HistoryRecord) => at >= start && at < end;
  const names = new Set(lines.map((line) => holderIn(settings, line)).filter((name) => name !== null));
  return [...names]
    .map((holder) => {
      const own = lines.filter((line) => holderIn(settings, line) === holder);
      const countOf = (kind: string) => own.filter((line) => line.kind === kind && isIn(line)).length;
      const spent = own
        .filter(({ kind }) => ["session.closed", "session.expired", "session.ended"].includes(kind))
        .map(({ at, lengthMs }) => Math.max(0, Math.min(at, end) - Math.max(at - (lengthMs ?? 0), start)));
      const reopened = own.filter((line, n) => line.kind === "session.opened" && isIn(line) && isLate(own, n));
      return {
        holder,
        sessionMs: spent.reduce((sum, ms) => sum + ms, 0),
        sessions: countOf("session.opened"),
        expired: countOf("session.expired"),
        reopened: reopened.length,
        activations: countOf("client.activated"),
        byTurns: new Set(
          own
            .filter((line) => line.kind === "session.moved" && isIn(line))
            .map(({ at }) => Math.floor(at / (60 * minute))),
        ).size,
        denials: denialsBetween(
          own,
          episodes.filter((episode) => episode.holder === holder),
          start,
          end,
        ),
      };
    })
    .filter(
      ({ holder: _, denials, ...figures }) =>
        Object.values(figures).some((n) => n > 0) || Object.keys(denials).length > 0,
    );
}

function isLate(own: readonly HistoryRecord[], n: number): boolean {
  const at = own[n]?.at as Millis;
  return own.slice(0, n).some((line) => line.kind === "session.expired" && at - line.at <= 15 * minute);
}
