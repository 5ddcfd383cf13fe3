/** How a decision is put together: what every family of commands shares. */
import { type DenialCode, denials } from "../denials.ts";
import { outageNoticedMs } from "../limits.ts";
import type {
  Change,
  Decision,
  Denial,
  Granted,
  HistoryRecord,
  LicenseView,
  Millis,
  Pool,
  ProjectKind,
  RecordKind,
  Session,
  Standing,
  Terms,
} from "../types.ts";

/** Who or what a line of history is about. */
interface Subject {
  readonly clientId: string | null;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly projectId: string | null;
}

const nobody: Subject = { clientId: null, userId: null, sessionId: null, projectId: null };

/** The pool that a project takes its token from; null: none, because the licence counts no projects or this one is closed. */
function poolOf(license: LicenseView, projectId: string | null): ProjectKind | null {
  return projectId === null ? null : (license.project(projectId)?.kind ?? null);
}

/**
 * The limit that tokens in use are held against: the pool of a floating licence, the assignable tokens of a named one,
 * the pool of the project's kind or else both pools of a project licence.
 */
export function limitOf(license: LicenseView, projectId: string | null): number {
  const { terms } = license;
  if (terms.provisioningMode === "named") return terms.tokenLimit + terms.goodwillTokenLimit;
  if (terms.clientType !== "projects") return terms.floatingTokenLimit;
  const pool = poolOf(license, projectId);
  return pool === null ? terms.projectTokens.mono + terms.projectTokens.team : terms.projectTokens[pool];
}

/** Tokens in use: holders with a live session, on a project licence those of the project's kind; on a named one assigned clients. */
export function inUseOf(license: LicenseView, projectId: string | null): number {
  if (license.terms.provisioningMode === "named") return license.assigned;
  const pool = license.terms.clientType === "projects" ? poolOf(license, projectId) : null;
  return pool === null ? license.holders : license.attended(pool);
}

/** A kind's pool on a project licence, for a line of history that is about it whatever the project's kind. */
export function ofPool(license: LicenseView, pool: ProjectKind) {
  return { pool, inUse: license.attended(pool), limit: license.terms.projectTokens[pool] };
}

/** A line of history of a licence as it stands now. */
export function record(
  license: LicenseView,
  now: Millis,
  kind: RecordKind,
  about: Partial<Subject> = nobody,
  more: { isOveruse?: boolean; lengthMs?: number; inUse?: number; limit?: number; pool?: Pool; tokens?: number } = {},
): HistoryRecord {
  const projectId = license.terms.clientType === "projects" ? (about.projectId ?? null) : null;
  return {
    at: now,
    kind,
    isvId: license.terms.isvId,
    licenseId: license.terms.licenseId,
    clientId: about.clientId ?? null,
    userId: about.userId ?? null,
    sessionId: about.sessionId ?? null,
    projectId,
    denial: null,
    inUse: more.inUse ?? inUseOf(license, projectId),
    limit: more.limit ?? limitOf(license, projectId),
    isOveruse: more.isOveruse ?? false,
    pool: more.pool ?? poolOfRecord(license, projectId),
    tokens: more.tokens ?? 0,
    lengthMs: more.lengthMs ?? null,
  };
}

function poolOfRecord(license: LicenseView, projectId: string | null): Pool | null {
  const { terms } = license;
  if (terms.provisioningMode === "named") return "named";
  return terms.clientType === "projects" ? poolOf(license, projectId) : "floating";
}

/** Refuses a command: nothing changes but the record of the denial. `detail` is put behind the denial's own sentence. */
export function deny(
  license: LicenseView,
  now: Millis,
  code: DenialCode,
  subject: Partial<Subject>,
  detail?: string,
  {
    project = null,
    voucherId = null,
    queuePosition = null,
  }: Partial<Pick<Denial, "project" | "voucherId" | "queuePosition">> = {},
): Decision {
  // What a project is refused from is the pool of the kind that it wants, which a switch has not given it yet.
  const wanted = project === null ? {} : ofPool(license, project.kind);
  const line = { ...record(license, now, "denied", subject, wanted), denial: code };
  return {
    denial: {
      code,
      message: detail === undefined ? denials[code].title : `${denials[code].title} ${detail}`,
      inUse: line.inUse,
      limit: line.limit,
      nextFreeAt: nextFreeAt(license, code, project?.kind ?? null),
      project,
      voucherId,
      queuePosition,
    },
    granted: null,
    changes: [],
    records: [line],
  };
}

/** `pool`: of a project, whose token comes from the pool of its kind. */
function nextFreeAt(license: LicenseView, code: DenialCode, pool: ProjectKind | null): Millis | null {
  if (code === "tokens_held") return heldUntil(license.terms);
  return code === "tokens_exhausted" ? license.nextFreeAt(pool) : null;
}

/** Refuses what would give a token away whose voucher is out; says which one, for whoever can give it up. */
export function denyVoucherOut(
  license: LicenseView,
  session: Session,
  now: Millis,
  subject: Partial<Subject>,
): Decision {
  const until = `It ends at ${instant(session.voucher?.until ?? now)}.`;
  return deny(license, now, "voucher_out", subject, until, { voucherId: session.id });
}

/** Refuses a command that names a licence the vendor does not have. */
export function denyUnknownLicense(isvId: string, licenseId: string, now: Millis, subject: Partial<Subject>): Decision {
  const code = "license_unknown";
  return {
    denial: {
      code,
      message: denials[code].title,
      inUse: 0,
      limit: 0,
      nextFreeAt: null,
      project: null,
      voucherId: null,
      queuePosition: null,
    },
    granted: null,
    changes: [],
    records: [
      {
        at: now,
        kind: "denied",
        isvId,
        licenseId,
        ...nobody,
        ...subject,
        denial: code,
        inUse: 0,
        limit: 0,
        isOveruse: false,
        pool: null,
        tokens: 0,
        lengthMs: null,
      },
    ],
  };
}

/** Grants a command. */
export function grant(
  changes: readonly Change[],
  records: readonly HistoryRecord[],
  what: Partial<Granted> = {},
): Decision {
  return {
    denial: null,
    granted: {
      session: what.session ?? null,
      assignment: what.assignment ?? null,
      project: what.project ?? null,
      user: what.user ?? null,
      quotas: what.quotas ?? [],
      ended: what.ended ?? 0,
    },
    changes,
    records,
  };
}

/** Until when tokens that a restored backup does not know of are held: whoever had one has extended or lost it by then. */
function heldUntil({ heldFrom, sessionPeriodMs }: Terms): Millis | null {
  return heldFrom === null ? null : heldFrom + sessionPeriodMs;
}

/**
 * Why a holder without a token gets none of this pool; null: one is free, or the limit is not enforced. A hold that lies in the
 * future is of a clock that somebody has set back since, and holds nothing.
 */
export function noToken(terms: Terms, inUse: number, limit: number, now: Millis): DenialCode | null {
  if (!terms.enforceFloatingLimit) return null;
  const isHeld = now < (heldUntil(terms) ?? now) && now - (terms.heldFrom ?? now) >= -outageNoticedMs;
  if (isHeld) return "tokens_held";
  return inUse >= limit ? "tokens_exhausted" : null;
}

/** The licence is there but not to be used: inactive or expired. Null: it is to be used. */
export function unusable({ terms }: LicenseView, now: Millis): DenialCode | null {
  if (!terms.isActive) return "license_inactive";
  if (terms.expiresAt !== null && now >= terms.expiresAt) return "license_expired";
  return null;
}

/** The instant a denial names, as people read it. */
export function instant(at: Millis): string {
  return new Date(at).toISOString();
}

/** Until when a client is suspended, as a denial says it; null: it is not. */
export function suspension(client: Standing | undefined, now: Millis): string | null {
  const until = client?.suspendedUntil ?? null;
  return until !== null && now < until ? `Until ${instant(until)}.` : null;
}

/** Whom a session's line of history is about. */
export function subjectOf(session: Session): Subject {
  return {
    clientId: session.clientId,
    userId: session.userId,
    sessionId: session.sessionId,
    // Shown on project licences alone, where the holder is the project.
    projectId: session.holder,
  };
}

/** The records of live sessions that end together, in their order: a holder's last one gives its token back. */
export function recordEnds(
  license: LicenseView,
  sessions: readonly Session[],
  kind: "session.closed" | "session.expired" | "session.ended",
  endOf: (session: Session) => Millis,
  isOveruse: (session: Session) => boolean = () => false,
): HistoryRecord[] {
  const left = new Map<string, number>();
  const isFloating = license.terms.provisioningMode === "floating";
  return sessions.map((session) => {
    const others = (left.get(session.holder) ?? license.sessionsOfHolder(session.holder)) - 1;
    left.set(session.holder, others);
    const end = endOf(session);
    const tokens = isFloating && others === 0 ? -1 : 0;
    const more = { tokens, lengthMs: end - session.openedAt, isOveruse: isOveruse(session) };
    return record(license, end, kind, subjectOf(session), more);
  });
}

/** Forgets a session. */
export function gone(session: Session): Change {
  return { type: "session.gone", key: session.key };
}
