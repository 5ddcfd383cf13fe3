/** How a decision is put together: what every family of commands shares. */
import { type DenialCode, denials } from "../denials.ts";
import type {
  Assignment,
  Change,
  Decision,
  HistoryRecord,
  LicenseView,
  Millis,
  RecordKind,
  Session,
} from "../types.ts";

/** Who or what a line of history is about. */
interface Subject {
  readonly clientId: string | null;
  readonly userId: string | null;
  readonly sessionId: string | null;
}

const nobody: Subject = { clientId: null, userId: null, sessionId: null };

/** The limit that tokens in use are held against: the pool of a floating licence, the assignable tokens of a named one. */
export function limitOf({ terms }: LicenseView): number {
  return terms.provisioningMode === "floating" ? terms.floatingTokenLimit : terms.tokenLimit + terms.goodwillTokenLimit;
}

/** Tokens in use: holders with a live session on a floating licence, assigned clients on a named one. */
export function inUseOf(license: LicenseView): number {
  return license.terms.provisioningMode === "floating" ? license.holders : license.assigned;
}

/** A line of history of a licence as it stands now. */
export function record(
  license: LicenseView,
  now: Millis,
  kind: RecordKind,
  subject: Subject = nobody,
  more: { isOveruse?: boolean; lengthMs?: number; inUse?: number } = {},
): HistoryRecord {
  return {
    at: now,
    kind,
    isvId: license.terms.isvId,
    licenseId: license.terms.licenseId,
    clientId: subject.clientId,
    userId: subject.userId,
    sessionId: subject.sessionId,
    denial: null,
    inUse: more.inUse ?? inUseOf(license),
    limit: limitOf(license),
    isOveruse: more.isOveruse ?? false,
    lengthMs: more.lengthMs ?? null,
  };
}

/** Refuses a command: nothing changes but the record of the denial. `detail` is put behind the denial's own sentence. */
export function deny(
  license: LicenseView,
  now: Millis,
  code: DenialCode,
  subject: Partial<Subject>,
  detail?: string,
): Decision {
  const lacksToken = code === "tokens_exhausted";
  return {
    denial: {
      code,
      message: detail === undefined ? denials[code].title : `${denials[code].title} ${detail}`,
      inUse: inUseOf(license),
      limit: limitOf(license),
      nextFreeAt: lacksToken ? license.nextFreeAt() : null,
    },
    granted: null,
    changes: [],
    records: [{ ...record(license, now, "denied", { ...nobody, ...subject }), denial: code }],
  };
}

/** Refuses a command that names a licence the vendor does not have. */
export function denyUnknownLicense(isvId: string, licenseId: string, now: Millis, subject: Partial<Subject>): Decision {
  const code = "license_unknown";
  return {
    denial: { code, message: denials[code].title, inUse: 0, limit: 0, nextFreeAt: null },
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
        lengthMs: null,
      },
    ],
  };
}

/** Grants a command. */
export function grant(
  changes: readonly Change[],
  records: readonly HistoryRecord[],
  what: { session?: Session; assignment?: Assignment; ended?: number } = {},
): Decision {
  return {
    denial: null,
    granted: { session: what.session ?? null, assignment: what.assignment ?? null, ended: what.ended ?? 0 },
    changes,
    records,
  };
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
export function suspension(assignment: Assignment | undefined, now: Millis): string | null {
  const until = assignment?.suspendedUntil ?? null;
  return until !== null && now < until ? `Until ${instant(until)}.` : null;
}

/** Takes a session from its holder, with the record of it. */
export function endSession(
  license: LicenseView,
  now: Millis,
  session: Session,
  kind: "session.closed" | "session.expired" | "session.ended",
): { change: Change; record: HistoryRecord } {
  return { change: { type: "session.gone", key: session.key }, record: record(license, now, kind, session) };
}
