/**
 * Seatkeeper's client: sessions of floating licences, and projects that take Mono and Team tokens.
 *
 *     const seats = connect();
 *     await using session = await seats.open({ license, user: "anna@factor.com" });
 *     session.require();
 *
 * The guide: docs/guide/typescript.md.
 */

export type { FoundLicenses, LicenseStatus } from "./api.ts";
export {
  type ActivateOptions,
  type BatchItem,
  type BatchResult,
  type Client,
  type ClientToken,
  type ClientTokenOptions,
  connect,
  type HeartbeatOptions,
  type OpenOptions,
} from "./client.ts";
export type { Clock } from "./clock.ts";
export {
  BadSignature,
  CheckoutRefused,
  ClientNotActivated,
  ClientSuspended,
  type Denial,
  Disconnected,
  ExecutionTimeout,
  KindLocked,
  LicenseDenied,
  LicenseExpired,
  LicenseInactive,
  LicenseUnknown,
  type LostReason,
  NoTokenLeft,
  NotAuthorized,
  ProjectAttended,
  ProjectError,
  ProjectExecuting,
  ProjectInUse,
  ProjectNotOpen,
  ProjectUnknown,
  Redirected,
  RequestRefused,
  SeatkeeperError,
  ServerUnreachable,
  SessionLost,
  TooManySessions,
  type VoucherFault,
  VoucherRefused,
} from "./errors.ts";
export type { KeySet } from "./key-set.ts";
export { type ConnectingOptions, type Launcher, type LauncherOptions, launcher } from "./launcher.ts";
export {
  type ExecutionInfo,
  ExecutionProgress,
  type Holder,
  LicenseInfo,
  type LicenseKind,
  ProjectInfo,
  type ProjectUser,
  type Tokens,
} from "./models.ts";
export type { Execution, Project } from "./project.ts";
export type { ProjectRef } from "./project-calls.ts";
export { held, releaseAll, type Session } from "./session.ts";
export { type ConnectOptions, NotConfigured } from "./settings.ts";
export type { Voucher, VoucherKeeper } from "./vouchers.ts";
export type { Call } from "./wire.ts";
