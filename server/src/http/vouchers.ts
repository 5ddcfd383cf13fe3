/**
 * Vouchers: a session as a signed statement that needs no server to be believed. A JSON Web Token of the vendor's key;
 * it says no more than the session does, and ends with it.
 */
import { SignJWT } from "jose";
import type { Vendor } from "../catalog/catalog.ts";
import { featuresOf, limitationsOf } from "../catalog/entitlements.ts";
import type { Millis, OpenCommand, Session } from "../core/types.ts";
import type { StatementKey } from "./statement-keys.ts";

/** How a client wants its voucher. */
export interface VoucherWish {
  readonly nonce: string | null;
  /** The thumbprint of the device's key; null: the voucher is good everywhere. */
  readonly deviceKey: string | null;
}

/** Told apart from all else that the same key signs. */
const voucherType = "seatkeeper-voucher+jwt";

interface Asking {
  readonly voucher?: boolean | { readonly nonce?: string | null; readonly device_key?: string | null } | null;
  readonly checkout_period?: number | null;
}

/** Null: the open is to be answered without one. */
export function voucherWish({ voucher = null, checkout_period }: Asking): VoucherWish | null {
  const isCheckout = (checkout_period ?? 0) > 0;
  if (voucher === false || (voucher === null && !isCheckout)) return null;
  const { nonce = null, device_key: deviceKey = null } = typeof voucher === "object" ? (voucher ?? {}) : {};
  return { nonce, deviceKey };
}

/** The voucher of a session that was just granted. */
export function signedVoucher(
  vendor: Vendor,
  { licenseId, clientId, userId }: OpenCommand,
  session: Session,
  { nonce, deviceKey }: VoucherWish,
  { kid, privateKey }: StatementKey,
): Promise<string> {
  return (
    new SignJWT({
      license_id: licenseId,
      ...granted(vendor, licenseId, session.extendedAt),
      // As the client wrote them, who will look for itself in it; the session may keep another spelling.
      client_id: clientId,
      user_id: userId,
      session_id: session.sessionId,
      holder: session.holder,
      ...(nonce !== null && { nonce }),
      ...(deviceKey !== null && { cnf: { jkt: deviceKey } }),
    })
      .setProtectedHeader({ alg: "EdDSA", typ: voucherType, kid })
      .setIssuer(vendor.isv.id)
      .setSubject(userId ?? clientId)
      .setJti(session.id)
      .setIssuedAt(seconds(session.extendedAt))
      .setNotBefore(seconds(session.extendedAt))
      // Whole seconds, and never one that the session does not have.
      .setExpirationTime(seconds(session.validUntil))
      .sign(privateKey)
  );
}

const seconds = (at: number) => Math.floor(at / 1_000);

/** What the licence allows: its features that are on, and its limitations. */
function granted(vendor: Vendor, licenseId: string, now: Millis) {
  const license = vendor.licenses.get(licenseId);
  const product = license && vendor.products.get(license.product_id);
  const edition = license && vendor.editions.get(license.edition_id);
  if (license === undefined || product === undefined || edition === undefined)
    throw new Error(`licence ${licenseId} is not in the catalogue`);
  const features = featuresOf(product, license, edition, now).filter(({ isActive }) => isActive);
  const names = new Map(product.limitations.map(({ id, name }) => [id, name]));
  return {
    product_id: product.id,
    features: features.map(({ id, name }) => ({ id, name })),
    limitations: limitationsOf(license, edition).map(({ id, limit }) => ({
      id,
      name: names.get(id) ?? "",
      value: limit,
    })),
  };
}
