/**
 * The rules of checkouts and vouchers a second time, written from the sentences of the guide: how many tokens may be out,
 * and when one comes back that somebody may still use without the server.
 */
import type { Command, Millis } from "../../src/core/types.ts";
import type { ModelLicense, ModelSession } from "./model.ts";

type Of<T extends Command["type"]> = Extract<Command, { type: T }>;

export interface ModelVoucher {
  readonly deviceKey: string | null;
  until: Millis;
}

const live = (license: ModelLicense) => license.sessions.filter(({ endedAt }) => endedAt === null);
const monthOf = (at: Millis) => `${new Date(at).getUTCFullYear()} ${new Date(at).getUTCMonth()}`;

/** Whoever has a token out of the pool. */
export function tokensOut(license: ModelLicense): Set<string> {
  const checkouts = live(license).filter(({ checkoutUntil }) => checkoutUntil !== null);
  return new Set(checkouts.map(({ holder }) => holder));
}

/** Whether one more token of a pool would be out than may be. */
export function isOneTooMany(license: ModelLicense, holder: string, command: Of<"open">): boolean {
  const { terms } = license;
  const asksForCheckout = command.checkoutPeriod !== null && command.checkoutPeriod > 0;
  if (!asksForCheckout || terms.provisioningMode !== "floating") return false;
  const out = tokensOut(license).add(holder).size;
  if (out === tokensOut(license).size) return false;
  const { mono, team } = terms.projectTokens;
  const pool = terms.clientType === "projects" ? mono + team : terms.floatingTokenLimit;
  if (terms.checkedOutTokensMax !== null && out > terms.checkedOutTokensMax) return true;
  return terms.checkoutReserve > 0 && pool - out < terms.checkoutReserve;
}

/** A voucher that still stands: for a device, or where the edition counts them for anybody. */
export function isOut(license: ModelLicense, { voucher }: ModelSession, now: Millis): boolean {
  if (voucher === null || voucher.until <= now) return false;
  return voucher.deviceKey !== null || license.terms.earlyCheckInsMax !== null;
}

/** A client may have one device's voucher out and no second one. */
export function wantsSecond(license: ModelLicense, session: ModelSession, command: Of<"open">, now: Millis): boolean {
  if (command.voucher == null || !isOut(license, session, now)) return false;
  return session.voucher?.deviceKey !== command.voucher.deviceKey;
}

/** Early check-ins of the month, which are all that count. */
export function checkInsThisMonth(license: ModelLicense, now: Millis): number {
  return license.checkIns.filter((at) => monthOf(at) === monthOf(now)).length;
}

/** What keeps a session from being closed early; null: nothing does. */
export function hindrance(license: ModelLicense, session: ModelSession, command: Of<"close">, now: Millis) {
  const { givenUp } = command;
  const isGivenUp = givenUp?.voucherId === session.id && givenUp.deviceKey === session.voucher?.deviceKey;
  if (!isGivenUp) return "voucher_out";
  const max = license.terms.earlyCheckInsMax;
  return max !== null && checkInsThisMonth(license, now) + 1 > max ? "check_ins_exhausted" : null;
}

const numberOf = (value: string) => Number.parseInt(value, 10) || 0;

/**
 * Two go on with what only one of them can have heard last. What has a higher number than anything that was given is of a
 * later state of the server, which was restored since.
 */
export function isCopy({ renewals }: ModelSession, { renewal }: Of<"open">): boolean {
  if (renewal == null || renewal.last === "" || renewals.length === 0) return false;
  return !renewals.includes(renewal.last) && renewals.some((given) => numberOf(given) >= numberOf(renewal.last));
}

/** The values that are good next: the fresh one, and the one that was carried, should the answer be lost. */
export function renewalsAfter({ renewal }: Of<"open">, before: readonly string[]): readonly string[] {
  if (renewal == null) return before;
  const next = `${Math.max(0, ...[...before, renewal.last].map(numberOf)) + 1}-${renewal.next}`;
  return renewal.last === "" ? [next] : [next, renewal.last];
}
