/**
 * A licence in a few words, as the tests write it, and what follows from it on both sides: the entities that a store
 * saves, and the terms that the model looks at. The second is worked out here on purpose and not with `termsOf`, so
 * that the merging of licence and edition is under test too.
 */
import type { EntityOf, Kind, StoredEntity } from "../../src/catalog/entities.ts";
import type {
  ClientType,
  ConsumptionReset,
  Millis,
  ProjectKind,
  ProvisioningMode,
  Terms,
} from "../../src/core/types.ts";

export interface LicenseSetting {
  readonly isvId: string;
  readonly licenseId: string;
  readonly productId: string;
  readonly customerId: string;
  readonly mode: ProvisioningMode;
  readonly type: ClientType;
  readonly tokens: number;
  readonly assignable: number;
  readonly goodwill: number;
  readonly isHard: boolean;
  readonly sessionsPerHolder: number;
  /** Whole minutes; null: as many as the default, 60. */
  readonly periodMinutes: number | null;
  readonly checkoutMaxMinutes: number;
  /** Null: any number. */
  readonly checkedOutMax: number | null;
  readonly checkoutReserve: number;
  readonly checkInsMax: number | null;
  readonly isActive: boolean;
  readonly expiresAt: Millis | null;
  readonly isTemporary: boolean;
  /** null: what the client type brings. */
  readonly activatesOnOpen: boolean | null;
  readonly requiresSessionId: boolean;
  readonly requiresUserId: boolean;
  readonly oneSessionPerUser: boolean;
  readonly heartbeatsExtend: boolean;
  /** A project licence's pools. */
  readonly mono: number;
  readonly team: number;
  readonly defaultKind: ProjectKind | null;
  readonly allowsSwitch: boolean;
  readonly sharesMono: boolean;
  readonly domains: readonly string[];
  readonly startsAt: Millis | null;
  /** The newest release that is covered; null: every one. */
  readonly release: string | null;
  readonly allowsUncovered: boolean;
  readonly userLimit: number | null;
  readonly limits: readonly LimitSetting[];
}

export interface LimitSetting {
  readonly name: string;
  readonly value: number | null;
  readonly reset: ConsumptionReset | null;
  readonly days: number;
  readonly goodwill: number;
  readonly isHard: boolean;
}

/** Names of limitations differ in their first letter. */
export const limitationIdOf = (name: string): string => digits(12, name.charCodeAt(0));
/** What licences of one product may cover: each licence is saved with the whole product. */
const releases = ["24.1", "25", "25.2", "25.2.0"];
const releaseIdOf = (name: string): string => digits(13, releases.indexOf(name) + 1);

const digits = (kind: number, n: number) =>
  `${String(kind).padStart(8, "0")}-0000-4000-8000-${String(n).padStart(12, "0")}`;

export const isvIdOf = (n: number): string => digits(1, n);
export const productIdOf = (n: number): string => digits(2, n);
export const customerIdOf = (n: number): string => digits(3, n);
export const licenseIdOf = (n: number): string => digits(5, n);
/** Fresh identifiers of sessions (6), assignments (7), tokens (8), session ids of clients (9), projects (10), executions (11), limitations (12) and transactions (14). */
export const freshId = digits;

export function licenseSetting(changes: Partial<LicenseSetting> = {}): LicenseSetting {
  return {
    isvId: isvIdOf(1),
    licenseId: licenseIdOf(1),
    productId: productIdOf(1),
    customerId: customerIdOf(1),
    mode: "floating",
    type: "users",
    tokens: 2,
    assignable: 0,
    goodwill: 0,
    isHard: true,
    sessionsPerHolder: 1,
    periodMinutes: 5,
    checkoutMaxMinutes: 43_200,
    checkedOutMax: null,
    checkoutReserve: 0,
    checkInsMax: null,
    isActive: true,
    expiresAt: null,
    isTemporary: false,
    activatesOnOpen: null,
    requiresSessionId: false,
    requiresUserId: false,
    oneSessionPerUser: false,
    heartbeatsExtend: false,
    mono: 0,
    team: 0,
    defaultKind: null,
    allowsSwitch: false,
    sharesMono: false,
    domains: [],
    startsAt: null,
    release: null,
    allowsUncovered: false,
    userLimit: null,
    limits: [],
    ...changes,
  };
}

/** Everything that a store must know for the licence to stand: vendor, product, customer, edition, licence. */
export function entitiesOf(setting: LicenseSetting): StoredEntity[] {
  const { isvId, licenseId, productId, customerId } = setting;
  const editionId = licenseId.replace(/^\d{8}/, "00000004");
  const entity = <K extends Kind>(kind: K, body: EntityOf[K]): StoredEntity => ({
    isvId,
    kind,
    id: body.id,
    body,
    applied: null,
  });
  return [
    entity("isv", { id: isvId, name: `Vendor ${isvId.slice(-1)}` }),
    entity("product", {
      id: productId,
      name: "CAD",
      prioritized_key: "standard",
      features: [],
      limitations: setting.limits.map(({ name }) => ({ id: limitationIdOf(name), name })),
      variables: [],
      heartbeat_types: [],
      software_release_limitations: releases.map((name) => ({ id: releaseIdOf(name), name })),
    }),
    entity("customer", { id: customerId, number: customerId.slice(-4), name: "Factor GmbH" }),
    entity("edition", {
      id: editionId,
      product_id: productId,
      name: `Edition of ${licenseId.slice(-4)}`,
      provisioning_mode: setting.mode,
      client_type: setting.type,
      enforce_floating_limit: setting.isHard,
      max_floating_sessions_with_same_client_id: setting.sessionsPerHolder,
      session_period: setting.periodMinutes,
      max_checkout_period: setting.checkoutMaxMinutes,
      max_checked_out_tokens: setting.checkedOutMax,
      checkout_reserve: setting.checkoutReserve,
      max_early_check_ins_per_month: setting.checkInsMax,
      heartbeat_period: 60,
      heartbeats_extend_sessions: setting.heartbeatsExtend,
      freeride: 0,
      is_temporary: setting.isTemporary,
      activate_on_open: setting.activatesOnOpen,
      activation_upon_license_creation: null,
      require_session_id: setting.requiresSessionId,
      require_user_id: setting.requiresUserId,
      one_session_per_user: setting.oneSessionPerUser,
      default_project_kind: setting.defaultKind,
      allow_kind_switch: setting.allowsSwitch,
      mono_same_user: setting.sharesMono ? "allow" : "refuse",
      features: [],
      limitations: setting.limits.map(({ name, value, reset, days, goodwill, isHard }) => ({
        id: limitationIdOf(name),
        value,
        ...(reset !== null && { consumption_reset_mode: reset }),
        consumption_reset_period_days: days,
        goodwill,
        enforce_limit: isHard,
      })),
      software_release_limitation_id: setting.release === null ? null : releaseIdOf(setting.release),
      allows_invalid_software_release: setting.allowsUncovered,
      user_limit: setting.userLimit,
    }),
    entity("license", {
      id: licenseId,
      name: null,
      product_id: productId,
      customer_id: customerId,
      edition_id: editionId,
      floating_token_limit: setting.tokens,
      token_limit: setting.assignable,
      goodwill_token_limit: setting.goodwill,
      project_tokens: setting.type === "projects" ? { mono: setting.mono, team: setting.team } : null,
      legacy_license_key: null,
      allowed_user_domains: [...setting.domains],
      is_active: setting.isActive,
      start_date_utc: setting.startsAt === null ? null : new Date(setting.startsAt).toISOString(),
      expiration_date_utc: setting.expiresAt === null ? null : new Date(setting.expiresAt).toISOString(),
    }),
  ];
}

export function modelTermsOf(setting: LicenseSetting): Terms {
  return {
    isvId: setting.isvId,
    licenseId: setting.licenseId,
    productId: setting.productId,
    customerId: setting.customerId,
    provisioningMode: setting.mode,
    clientType: setting.type,
    isActive: setting.isActive,
    expiresAt: setting.expiresAt,
    isTemporary: setting.isTemporary,
    floatingTokenLimit: setting.tokens,
    enforceFloatingLimit: setting.isHard,
    tokenLimit: setting.assignable,
    goodwillTokenLimit: setting.goodwill,
    sessionsPerHolderMax: setting.sessionsPerHolder === 0 ? 1 : setting.sessionsPerHolder,
    sessionPeriodMs: (setting.periodMinutes ?? 60) * 60_000,
    checkoutPeriodMaxMs: setting.checkoutMaxMinutes * 60_000,
    checkedOutTokensMax: setting.checkedOutMax,
    checkoutReserve: setting.checkoutReserve,
    earlyCheckInsMax: setting.checkInsMax,
    activatesOnOpen: setting.mode === "floating" && (setting.activatesOnOpen ?? setting.type !== "devices"),
    requiresSessionId: setting.requiresSessionId,
    requiresUserId: setting.requiresUserId,
    oneSessionPerUser: setting.oneSessionPerUser,
    heartbeatsExtendSessions: setting.heartbeatsExtend,
    projectTokens: setting.type === "projects" ? { mono: setting.mono, team: setting.team } : { mono: 0, team: 0 },
    defaultKind: setting.defaultKind,
    allowsKindSwitch: setting.allowsSwitch,
    sharesMonoWithSameUser: setting.sharesMono,
    allowedUserDomains: setting.domains.map((domain) => domain.trim().toLowerCase()),
    startsAt: setting.startsAt,
    softwareRelease: setting.release,
    allowsUncoveredRelease: setting.allowsUncovered,
    userLimit: setting.userLimit,
    limitations: setting.limits.map(({ name, value, reset, days, goodwill, isHard }) => ({
      id: limitationIdOf(name),
      limit: value,
      reset,
      resetDays: days,
      goodwillPercent: goodwill,
      isEnforced: isHard,
    })),
    heldFrom: null,
  };
}
