import { sessionsPerHolderAbsoluteMax } from "../core/limits.ts";
import { foldDomain } from "../core/names.ts";
import type { Terms } from "../core/types.ts";
import type { Edition, License, Product } from "./entities.ts";
import { limitationsOf, releaseOf } from "./entitlements.ts";

const msPerMinute = 60_000;

/** Merges a licence and its edition into the terms that decisions look at. */
export function termsOf(
  isvId: string,
  license: License,
  edition: Edition,
  product: Product | undefined,
): Omit<Terms, "heldFrom"> {
  const isFloating = edition.provisioning_mode === "floating";
  return {
    isvId,
    licenseId: license.id,
    productId: license.product_id,
    customerId: license.customer_id,
    provisioningMode: edition.provisioning_mode,
    clientType: edition.client_type,
    isActive: license.is_active,
    expiresAt: license.expiration_date_utc === null ? null : Date.parse(license.expiration_date_utc),
    isTemporary: edition.is_temporary,
    floatingTokenLimit: license.floating_token_limit,
    enforceFloatingLimit: edition.enforce_floating_limit,
    tokenLimit: license.token_limit,
    goodwillTokenLimit: license.goodwill_token_limit,
    // 0 is read as 1: a licence whose holders may have no session would serve nobody.
    sessionsPerHolderMax: Math.min(
      Math.max(edition.max_floating_sessions_with_same_client_id, 1),
      sessionsPerHolderAbsoluteMax,
    ),
    sessionPeriodMs: (edition.session_period ?? 60) * msPerMinute,
    checkoutPeriodMaxMs: edition.max_checkout_period * msPerMinute,
    checkedOutTokensMax: edition.max_checked_out_tokens ?? null,
    checkoutReserve: edition.checkout_reserve ?? 0,
    earlyCheckInsMax: edition.max_early_check_ins_per_month ?? null,
    projectTokens: license.project_tokens ?? { mono: 0, team: 0 },
    defaultKind: edition.default_project_kind,
    allowsKindSwitch: edition.allow_kind_switch,
    sharesMonoWithSameUser: edition.mono_same_user === "allow",
    // A named token is never taken by opening: somebody assigns it.
    activatesOnOpen: isFloating && (edition.activate_on_open ?? edition.client_type !== "devices"),
    requiresSessionId: edition.require_session_id,
    requiresUserId: edition.require_user_id,
    oneSessionPerUser: edition.one_session_per_user,
    heartbeatsExtendSessions: edition.heartbeats_extend_sessions,
    startsAt: license.start_date_utc === null ? null : Date.parse(license.start_date_utc),
    softwareRelease: releaseOf(license, edition, product)?.name ?? null,
    allowsUncoveredRelease: edition.allows_invalid_software_release ?? false,
    userLimit: license.user_limit ?? edition.user_limit ?? null,
    limitations: limitationsOf(license, edition),
    allowedUserDomains: license.allowed_user_domains.map((domain) => foldDomain(domain).replace(/^@/, "")),
  };
}
