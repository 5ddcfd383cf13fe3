/**
 * Proof that a voucher was given up: a JSON Web Signature by the key of the device that the voucher is bound to, which
 * comes with it and is known by its thumbprint. Whose voucher it is, and whether this key may, is decided elsewhere.
 */
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK } from "jose";
import type { GivenUp } from "../core/types.ts";
import { Problem } from "./problem.ts";

/** Told apart from all else that a device's key may sign. */
const checkInType = "seatkeeper-check-in+jwt";

/** @throws Problem (400) where the text is not signed by the key in it, or says something else. */
export async function givenUpBy(proof: string): Promise<GivenUp> {
  const { protectedHeader, payload } = await verified(proof);
  const { typ, jwk } = protectedHeader;
  const voucherId = voucherIdIn(payload);
  if (typ !== checkInType || jwk === undefined || voucherId === null) throw noProof();
  return { voucherId, deviceKey: await calculateJwkThumbprint(jwk) };
}

async function verified(proof: string) {
  try {
    return await compactVerify(proof, EmbeddedJWK, { algorithms: ["EdDSA"] });
  } catch {
    throw noProof();
  }
}

function voucherIdIn(payload: Uint8Array): string | null {
  try {
    const said = JSON.parse(Buffer.from(payload).toString()) as { readonly voucher_id?: unknown } | null;
    return typeof said?.voucher_id === "string" ? said.voucher_id : null;
  } catch {
    return null;
  }
}

function noProof(): Problem {
  return new Problem("input_invalid", "check_in: is no proof of a device's key that a voucher was given up");
}
