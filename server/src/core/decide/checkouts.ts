/**
 * Tokens that are out: how many of them may be, and how one comes back before its time. A voucher is believed without the
 * server, so its token is somebody else's only once that voucher is over, or proved to be given up.
 */
import type { CheckIns, DenialCode, GivenUp, LicenseView, Millis, OpenCommand, Session, Terms } from "../types.ts";

/** Why a holder may not check its token out; null: it may, has done so already, or does not ask for it. */
export function refusedByCaps(
  license: LicenseView,
  holder: string,
  { checkoutPeriod }: OpenCommand,
): DenialCode | null {
  const isCheckout = checkoutPeriod !== null && checkoutPeriod > 0;
  // What a named licence counts is assigned, and is nobody else's whether it is out or not.
  if (!isCheckout || license.terms.provisioningMode === "named" || license.isCheckedOut(holder)) return null;
  return license.checkedOut >= checkoutsMax(license.terms) ? "checkouts_exhausted" : null;
}

/** What the denial of one more checkout adds. */
export function checkoutsOut({ terms, checkedOut }: LicenseView): string {
  return `${checkedOut} of ${checkoutsMax(terms)} are out.`;
}

/** Tokens that may be out, of both pools together on a project licence; infinite: any number. */
export function checkoutsMax(terms: Terms): number {
  const { checkedOutTokensMax, checkoutReserve, floatingTokenLimit, projectTokens } = terms;
  const tokens = terms.clientType === "projects" ? projectTokens.mono + projectTokens.team : floatingTokenLimit;
  const spared = checkoutReserve === 0 ? Number.POSITIVE_INFINITY : Math.max(0, tokens - checkoutReserve);
  return Math.min(checkedOutTokensMax ?? Number.POSITIVE_INFINITY, spared);
}

/**
 * Whether somebody may work with the session's voucher whatever the server does. One for no device can be copied anyway:
 * where the edition does not count check-ins, whoever closes the session is believed, as SLASCONE's clients expect.
 */
export function isVoucherOut(terms: Terms, { voucher }: Session, now: Millis): boolean {
  if (voucher === undefined || now >= voucher.until) return false;
  return voucher.deviceKey !== null || terms.earlyCheckInsMax !== null;
}

/** Whether an extend would put a second voucher out, for another device. */
export function isOutElsewhere(terms: Terms, own: Session, { voucher }: OpenCommand, now: Millis): boolean {
  return voucher != null && isVoucherOut(terms, own, now) && voucher.deviceKey !== own.voucher?.deviceKey;
}

/** Why a session whose voucher is out may not be closed yet; null: it may. */
export function refusedCheckIn(
  license: LicenseView,
  session: Session,
  givenUp: GivenUp | null | undefined,
  now: Millis,
): DenialCode | null {
  const isProved =
    givenUp != null && givenUp.voucherId === session.id && givenUp.deviceKey === session.voucher?.deviceKey;
  if (!isProved) return "voucher_out";
  const { earlyCheckInsMax } = license.terms;
  return earlyCheckInsMax !== null && checkInsOf(license, now) >= earlyCheckInsMax ? "check_ins_exhausted" : null;
}

/** One more early check-in. */
export function counted(license: LicenseView, now: Millis): CheckIns {
  return { month: monthOf(now), count: checkInsOf(license, now) + 1 };
}

/** Early check-ins of the month that `now` is in. */
export function checkInsOf({ checkIns }: LicenseView, now: Millis): number {
  return checkIns?.month === monthOf(now) ? checkIns.count : 0;
}

function monthOf(at: Millis): string {
  return new Date(at).toISOString().slice(0, 7);
}
