/**
 * Everything that this package throws on purpose:
 *
 *     SeatkeeperError
 *     ├── LicenseDenied            the licence says no; has code, id, limit, inUse, nextFreeAt, queuePosition and more
 *     │   ├── NoTokenLeft          every token (of that kind) is in use                            1007
 *     │   ├── ProjectInUse         a Mono project already has its user                             13001
 *     │   ├── TooManySessions      the holder has as many sessions as its token allows             12002, 12006
 *     │   ├── LicenseUnknown       there is no licence of this id                                  1000
 *     │   ├── LicenseInactive      the vendor switched it off                                      1002
 *     │   ├── LicenseExpired       it is over                                                      1001
 *     │   ├── ClientNotActivated   the device must be activated first                              2006, 2002
 *     │   ├── ClientSuspended      the vendor suspended the device or user                         14001
 *     │   └── CheckoutRefused      the edition allows no such checkout, or no more of them         14002, 12003, 14008
 *     ├── SessionLost              a session that was held is held no longer, and not by our close
 *     ├── Disconnected             use of a session or project after its own close
 *     ├── ProjectError             a project does not allow this; no matter of tokens
 *     │   ├── ProjectUnknown       13005, and 404
 *     │   ├── ProjectNotOpen       13002
 *     │   ├── KindLocked           13004
 *     │   ├── ProjectAttended      13003
 *     │   └── ProjectExecuting     13008
 *     ├── ExecutionTimeout         an execution still runs at the end of the time that its caller would wait
 *     ├── ServerUnreachable        no answer, none of Seatkeeper's, or only "try again later"; says nothing about the licence
 *     │   └── Redirected           the answer leads to another address; has location
 *     ├── NotAuthorized            401, 403: the API key is missing, unknown, or does not reach this
 *     ├── BadSignature             an answer is not signed, or not by the key that was given
 *     ├── VoucherRefused           no voucher that is good here and now; has reason
 *     └── RequestRefused           any other refusal of a request; has status and code
 *
 * Programs look at the class, at `name` or at `code`; texts may change. Names are set by hand: bundlers shorten those of
 * classes.
 */

import type { ExecutionProgress, Holder, LicenseKind } from "./models.ts";

/** The base of all errors of this package. */
export class SeatkeeperError extends Error {
  override name = "SeatkeeperError";
}

/** What the server tells about a refusal; null where it does not. */
export interface Denial {
  readonly id: number;
  readonly code: string;
  readonly limit: number | null;
  readonly inUse: number | null;
  readonly nextFreeAt: Date | null;
  readonly queuePosition: number | null;
  readonly kind: LicenseKind | null;
  readonly total: number | null;
  readonly left: number | null;
  readonly holders: readonly Holder[];
  readonly executionProgress: ExecutionProgress | null;
  readonly voucherId: string | null;
}

/** The licence says no. Never thrown because of a network. */
export class LicenseDenied extends SeatkeeperError {
  override name = "LicenseDenied";
  readonly denial: Denial;

  constructor(message: string, denial: Denial) {
    super(message);
    this.denial = denial;
  }

  /** The denial's number: docs/reference/errors.md. */
  get id(): number {
    return this.denial.id;
  }

  get code(): string {
    return this.denial.code;
  }

  get limit(): number | null {
    return this.denial.limit;
  }

  get inUse(): number | null {
    return this.denial.inUse;
  }

  /** When a token may be free at the earliest, unless somebody extends or closes. A hint. */
  get nextFreeAt(): Date | null {
    return this.denial.nextFreeAt;
  }

  /** The caller's place among those who wait for such a token, 1 being the next; null: it has none. */
  get queuePosition(): number | null {
    return this.denial.queuePosition;
  }

  get kind(): LicenseKind | null {
    return this.denial.kind;
  }

  /** Tokens of the pool: of the kind, or of the floating licence. */
  get total(): number | null {
    return this.denial.total ?? this.denial.limit;
  }

  get left(): number | null {
    const { left, limit, inUse } = this.denial;
    return left !== null || limit === null || inUse === null ? left : Math.max(0, limit - inUse);
  }

  /** Who is in the project, when it is a project. */
  get holders(): readonly Holder[] {
    return this.denial.holders;
  }

  /** How far the project that refused is: reading it took no token. */
  get executionProgress(): ExecutionProgress | null {
    return this.denial.executionProgress;
  }

  /** The voucher that is out and keeps the session from being closed. */
  get voucherId(): string | null {
    return this.denial.voucherId;
  }
}

/** Every token, or every token of the project's kind, is in use. */
export class NoTokenLeft extends LicenseDenied {
  override name = "NoTokenLeft";
}

/** The project is opened as Mono and already has its user. */
export class ProjectInUse extends LicenseDenied {
  override name = "ProjectInUse";
}

/** The holder has as many live sessions as its one token allows. */
export class TooManySessions extends LicenseDenied {
  override name = "TooManySessions";
}

/** There is no licence of this id. */
export class LicenseUnknown extends LicenseDenied {
  override name = "LicenseUnknown";
}

/** The vendor has switched the licence off. */
export class LicenseInactive extends LicenseDenied {
  override name = "LicenseInactive";
}

/** The licence is over. */
export class LicenseExpired extends LicenseDenied {
  override name = "LicenseExpired";
}

/** The device has to be activated first: pass `product`, and the client does it. */
export class ClientNotActivated extends LicenseDenied {
  override name = "ClientNotActivated";
}

/** The vendor has suspended this device or user. */
export class ClientSuspended extends LicenseDenied {
  override name = "ClientSuspended";
}

/** The edition allows no checkout that is so long, or no more tokens out at once. */
export class CheckoutRefused extends LicenseDenied {
  override name = "CheckoutRefused";
}

/** Why a session is lost, in one word for programs. */
export type LostReason = "ended_by_admin" | "project_closed" | "no_answer" | "copied" | "denied";

/** A session that was held is held no longer, and not by our own close. */
export class SessionLost extends SeatkeeperError {
  override name = "SessionLost";
  readonly reason: LostReason;

  constructor(message: string, reason: LostReason, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** The session or project was closed by this program, and is used all the same. */
export class Disconnected extends SeatkeeperError {
  override name = "Disconnected";
}

/** A project does not allow this. No matter of tokens. */
export class ProjectError extends SeatkeeperError {
  override name = "ProjectError";
  readonly code: string;
  readonly id: number;

  constructor(message: string, code: string, id: number) {
    super(message);
    this.code = code;
    this.id = id;
  }
}

/** The licence has no such project. */
export class ProjectUnknown extends ProjectError {
  override name = "ProjectUnknown";
}

/** The project is closed; open it first. */
export class ProjectNotOpen extends ProjectError {
  override name = "ProjectNotOpen";
}

/** The kind of an open project does not change; save, close and reopen it. */
export class KindLocked extends ProjectError {
  override name = "KindLocked";
}

/** Somebody is connected; ask them to leave, or force it. */
export class ProjectAttended extends ProjectError {
  override name = "ProjectAttended";
}

/** An execution of the project is running; wait for its end, or force it. */
export class ProjectExecuting extends ProjectError {
  override name = "ProjectExecuting";
}

/** An execution still runs at the end of the time that its caller would wait. */
export class ExecutionTimeout extends SeatkeeperError {
  override name = "ExecutionTimeout";
}

/** The server gave no answer, or only asked to come again. Says nothing about the licence. */
export class ServerUnreachable extends SeatkeeperError {
  override name = "ServerUnreachable";
  /** What the server asked for last, if it did. */
  readonly retryAfterSeconds: number | null;
  /** No try reached the server: nothing of the request has happened. */
  readonly neverArrived: boolean;

  constructor(message: string, retryAfterSeconds: number | null = null, neverArrived = false) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
    this.neverArrived = neverArrived;
  }
}

/** The server, or a proxy before it, leads to another address: no key goes there unless it is set. */
export class Redirected extends ServerUnreachable {
  override name = "Redirected";
  /** Where to, without query and user; null: it was not said, and browsers show it to nobody. */
  readonly location: string | null;

  constructor(message: string, location: string | null) {
    super(message);
    this.location = location;
  }
}

/** The API key is missing, unknown, or does not reach this. */
export class NotAuthorized extends SeatkeeperError {
  override name = "NotAuthorized";
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** An answer carries no signature of the server's, or one that another key made. */
export class BadSignature extends SeatkeeperError {
  override name = "BadSignature";
}

/** Why a voucher is not good, here and now. */
export type VoucherFault =
  | "missing"
  | "signature"
  | "other_device"
  | "not_yet"
  | "over"
  | "clock_set_back"
  | "clock_unknown";

/** A voucher is not good, here and now. Says nothing about what the server would grant. */
export class VoucherRefused extends SeatkeeperError {
  override name = "VoucherRefused";
  readonly reason: VoucherFault;

  constructor(message: string, reason: VoucherFault) {
    super(message);
    this.reason = reason;
  }
}

/** The server does not take the request as it is. */
export class RequestRefused extends SeatkeeperError {
  override name = "RequestRefused";
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const licenseErrors: Readonly<Record<number, typeof LicenseDenied>> = {
  1000: LicenseUnknown,
  1001: LicenseExpired,
  1002: LicenseInactive,
  1007: NoTokenLeft,
  2002: ClientNotActivated,
  2006: ClientNotActivated,
  12002: TooManySessions,
  12003: CheckoutRefused,
  12006: TooManySessions,
  13001: ProjectInUse,
  14001: ClientSuspended,
  14002: CheckoutRefused,
  14008: CheckoutRefused,
};

const projectErrors: Readonly<Record<number, typeof ProjectError>> = {
  13002: ProjectNotOpen,
  13003: ProjectAttended,
  13004: KindLocked,
  13005: ProjectUnknown,
  13008: ProjectExecuting,
};

/** The error of a denial. Those of projects without a class of their own are `ProjectError` itself. */
export function denialError(message: string, denial: Denial): LicenseDenied | ProjectError {
  const { id, code } = denial;
  const isOfProject = id >= 13002 && id <= 13015;
  if (isOfProject) return new (projectErrors[id] ?? ProjectError)(message, code, id);
  return new (licenseErrors[id] ?? LicenseDenied)(message, denial);
}

/** A denial's number; undefined: it is no denial. */
export function numberOf(error: unknown): number | undefined {
  return error instanceof LicenseDenied || error instanceof ProjectError ? error.id : undefined;
}
