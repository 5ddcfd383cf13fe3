/**
 * What SLASCONE's clients get to read. Members are those of the published clients and no others: the strict generation
 * (V25.2.0) rejects a member that it does not know, so `client_name`, `balance` and `is_expiration_hidden` are left out.
 * The C++ sample reads some members without a look, so those are never null.
 */
import type { Vendor } from "../../catalog/catalog.ts";
import type { Customer, Edition, License, Product } from "../../catalog/entities.ts";
import { assignmentAt, type Tenure } from "../../core/decide/assignments.ts";
import { remaining } from "../../core/decide/quotas.ts";
import { clientKey } from "../../core/names.ts";
import { coversRelease } from "../../core/releases.ts";
import type { Assignment, LicenseView, Millis, QuotaStatus, Session, Terms } from "../../core/types.ts";
import { clientOrNull, type Names, nameOrNull } from "../names.ts";
import {
  constrainedVariablesTold,
  featuresTold,
  licenseLists,
  limitationsTold,
  releaseTold,
  variablesTold,
} from "./parts.ts";

/** What perpetual licences expire at: clients format the date without a look, and know the year. */
const never = "9999-12-31T23:59:59Z";

/** A named device licence has no sessions, yet the C++ sample reads its period. */
const sessionPeriodOfNone = 60;

/** Writes instants, and remembers the last one: all answers of a batch tell the same time. */
function instantWriter(): (at: Millis) => string {
  let lastAt = Number.NaN;
  let lastText = "";
  return (at) => {
    if (at === lastAt) return lastText;
    lastText = isoText(at);
    lastAt = at;
    return lastText;
  };
}

const msPerDay = 86_400_000;
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
let lastDay = Number.NaN;
let lastDate = "";

/** As `toISOString`, which costs a thirtieth of a whole extend: the date of the day is remembered, the rest is counted. */
function isoText(at: Millis): string {
  const day = Math.floor(at / msPerDay);
  if (day !== lastDay) {
    lastDate = new Date(day * msPerDay).toISOString().slice(0, -"00:00:00.000Z".length);
    lastDay = day;
  }
  const ms = Math.trunc(at - day * msPerDay);
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const time = `${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}`;
  return `${lastDate}${time}.${String(1000 + (ms % 1000)).slice(1)}Z`;
}

/** An instant on the wire. */
export const instant = instantWriter();
const untilText = instantWriter();

function instantOrNull(at: Millis | null): string | null {
  return at === null ? null : instant(at);
}

/** As text, because this is the answer of the hottest route: half the cost of `JSON.stringify`. */
export function sessionStatusText(session: Session): string {
  const until = untilText(session.validUntil);
  const modified = instant(session.extendedAt);
  const created = session.openedAt === session.extendedAt ? modified : isoText(session.openedAt);
  return `{"is_session_valid":true,"session_valid_until":"${until}","session_created_date":"${created}","session_modified_date":"${modified}","max_open_session_count":${session.peakSessions},"max_active_client_count":${session.peakHolders}}`;
}

/** A licence with what it refers to. */
export interface Described {
  readonly license: License;
  readonly edition: Edition;
  readonly product: Product;
  readonly customer: Customer;
}

/** @throws Error where the catalogue is not whole, which the store does not let happen. */
export function described(vendor: Vendor, license: License): Described {
  const edition = vendor.editions.get(license.edition_id);
  const product = vendor.products.get(license.product_id);
  const customer = vendor.customers.get(license.customer_id);
  if (edition === undefined || product === undefined || customer === undefined) {
    throw new Error(`licence ${license.id} refers to something that is not in the catalogue`);
  }
  return { license, edition, product, customer };
}

export function isExpired(license: License, now: Millis): boolean {
  return license.expiration_date_utc !== null && now >= Date.parse(license.expiration_date_utc);
}

function utc(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}

export const provisioningModes = { named: 0, floating: 1 } as const;
/** Ours: a licence that counts projects. SLASCONE ends at users. */
const projects = 2;

export const clientTypes = { devices: 0, users: 1, projects } as const;

/**
 * `assignment`: of the client that asks; null where nobody does. `quotas`: how its limitations stand. `users`: those that
 * the caller may know of.
 */
export function licenseInfo(
  about: Described,
  assignment: Assignment | null,
  now: Millis,
  quotas: readonly QuotaStatus[] = [],
  users: readonly ReturnType<typeof licenseUserDto>[] = [],
) {
  const { license, edition, product, customer } = about;
  const release = releaseTold(about);
  const version = assignment?.softwareVersion ?? null;
  const isOver = isExpired(license, now);
  return {
    customer: { customer_id: customer.id, company_name: customer.name, customer_number: customer.number },
    license_name: license.name,
    license_key: license.id,
    token_key: assignment?.tokenKey ?? null,
    legacy_license_key: license.legacy_license_key,
    client_id: assignment?.clientId ?? null,
    client_description: assignment?.clientDescription ?? null,
    product_name: product.name,
    product_id: product.id,
    template_name: edition.name,
    template_id: edition.id,
    provisioning_mode: provisioningModes[edition.provisioning_mode],
    client_type: clientTypes[edition.client_type],
    is_license_active: license.is_active,
    is_license_expired: isOver,
    is_license_valid: license.is_active && !isOver,
    start_date_utc: utc(license.start_date_utc),
    expiration_date_utc: utc(license.expiration_date_utc) ?? never,
    date_validity: 0,
    token_limit: license.token_limit,
    floating_token_limit: license.floating_token_limit,
    is_temporary: edition.is_temporary,
    is_software_version_valid: version === null || coversRelease(release?.software_release ?? null, version),
    software_release_limitation: release,
    is_newer_software_shipment_available: false,
    latest_software_shipment: null,
    session_period: edition.session_period ?? sessionPeriodOfNone,
    heartbeat_period: edition.heartbeat_period,
    freeride: edition.freeride,
    enforce_software_version_upgrade: false,
    features: featuresTold(about, now),
    limitations: limitationsTold(about, quotas),
    variables: variablesTold(about),
    constrained_variables: constrainedVariablesTold(about),
    license_users: users,
    created_date_utc: instant(now),
    license_type: null,
  };
}

/** `users`: those of the licence's users that the caller may know of, by the names that it may see. */
export function licenseDto(about: Described, users: readonly KnownUser[], now: Millis, names: Names) {
  const { license, edition, product, customer } = about;
  const isOver = isExpired(license, now);
  return {
    id: license.id,
    customer_id: license.customer_id,
    product_id: license.product_id,
    template_id: license.edition_id,
    token_limit: license.token_limit,
    goodwill_token_limit: license.goodwill_token_limit,
    floating_token_limit: license.floating_token_limit,
    user_limit: license.user_limit ?? edition.user_limit ?? null,
    legacy_license_key: license.legacy_license_key,
    name: license.name,
    description: null,
    license_type_id: null,
    is_active: license.is_active,
    is_expired: isOver,
    is_valid: license.is_active && !isOver,
    is_software_release_valid: true,
    is_group_valid: true,
    group_count: 0,
    date_of_issue_utc: utc(license.start_date_utc),
    start_date_utc: utc(license.start_date_utc),
    expiration_date_utc: utc(license.expiration_date_utc),
    expiration_mode: license.expiration_date_utc === null ? 1 : 2,
    valid_days_count: null,
    trial_days_count: null,
    date_validity: 0,
    is_temporary: edition.is_temporary,
    client_id: null,
    ...licenseLists(about, now),
    license_users: users.map((user) => licenseUserDto(license.id, user, names)),
    license_users_groups: [],
    customer: { id: customer.id, company_name: customer.name, customer_number: customer.number },
    product: { id: product.id, name: product.name, prioritized_key: product.prioritized_key === "legacy" ? 1 : 0 },
    template: template(edition, license),
    license_type: null,
    software_release_limitation: releaseTold(about),
  };
}

/** A user of a licence: registered on it, or known by a client. */
export interface KnownUser {
  readonly userId: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly createdAt: Millis;
  readonly changedAt: Millis;
}

/** The user of a client, who is not registered. */
export function userOf({ userId, clientId, unassignedAt, activatedAt }: Assignment): KnownUser {
  const user = userId ?? clientId;
  const isActive = unassignedAt === null;
  return { userId: user, name: user, isActive, createdAt: activatedAt, changedAt: unassignedAt ?? activatedAt };
}

export function licenseUserDto(licenseId: string, user: KnownUser, names: Names) {
  return {
    user_id: names.of(user.userId),
    name: names.of(user.name),
    license_id: licenseId,
    is_active: user.isActive,
    created_date_utc: instant(user.createdAt),
    modified_date_utc: instant(user.changedAt),
  };
}

/** How a limitation stands, or what a consumption came to. */
export function consumptionDto(status: QuotaStatus) {
  const { limitation, transactionId, from, until } = status;
  return {
    transaction_id: transactionId,
    limitation_id: limitation.id,
    remaining: remaining(status),
    limit: limitation.limit,
    goodwill: limitation.goodwillPercent,
    last_reset_date_utc: instant(from),
    next_reset_date_utc: instantOrNull(until),
  };
}

/** The edition. Limits are the licence's own here, so the edition is shown with those. */
function template(edition: Edition, license: License) {
  return {
    id: edition.id,
    product_id: edition.product_id,
    name: edition.name,
    token_limit: license.token_limit,
    floating_token_limit: license.floating_token_limit,
    enforce_floating_limit: edition.enforce_floating_limit,
    provisioning_mode: provisioningModes[edition.provisioning_mode],
    client_type: clientTypes[edition.client_type],
    session_period: edition.session_period,
    max_floating_sessions_with_same_client_id: edition.max_floating_sessions_with_same_client_id,
    heartbeat_period: edition.heartbeat_period,
    free_ride: edition.freeride,
    is_temporary: edition.is_temporary,
  };
}

export function sessionDto(license: LicenseView, session: Session, now: Millis, names: Names) {
  const assignment = license.assignment(clientKey(license.terms, session.clientId));
  return {
    id: session.id,
    session_id: session.sessionId,
    session_valid_until: instant(session.validUntil),
    created_date_utc: instant(session.openedAt),
    modified_date_utc: instant(session.extendedAt),
    license_id: license.terms.licenseId,
    assignment_id: assignment?.id ?? null,
    assignment: assignment === undefined ? null : assignmentDto(license.terms, assignment, now, names),
    user_id: nameOrNull(names, session.userId),
    max_open_session_count: session.peakSessions,
    max_active_client_count: session.peakHolders,
    duration: Math.floor((now - session.openedAt) / 60_000),
  };
}

export function assignmentDto(
  terms: Pick<Terms, "licenseId" | "productId" | "clientType"> & Tenure,
  known: Assignment,
  now: Millis,
  names: Names,
) {
  const assignment = assignmentAt(terms, known, now);
  const isDevices = terms.clientType === "devices";
  // What people call a client is a person's name, be it "Anna" or "Anna's laptop".
  const isTold = !names.areHidden;
  return {
    id: assignment.id,
    license_id: terms.licenseId,
    product_id: terms.productId,
    device_name: isTold ? assignment.clientName : null,
    device_description: isTold ? assignment.clientDescription : null,
    // With it a licence file names the client, and whoever has a key of the application unassigns it.
    token_key: isDevices || isTold ? assignment.tokenKey : null,
    client_id: clientOrNull(names, isDevices, assignment.clientId),
    activated: assignment.unassignedAt === null,
    is_goodwill_license: assignment.isGoodwill,
    has_heartbeats: assignment.lastHeartbeatAt !== null,
    activated_date_utc: instant(assignment.activatedAt),
    heartbeat_info: null,
    software_version: assignment.softwareVersion,
    operating_system: assignment.operatingSystem,
    license_activation_type: 0,
    suspended_until_utc: instantOrNull(assignment.suspendedUntil),
  };
}
