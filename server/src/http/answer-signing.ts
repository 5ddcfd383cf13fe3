/** How an answer will be signed: decided by the caller's key and headers before its request is served. */
import { type Answer, isSignable } from "./answer.ts";
import { type Head, hasBody } from "./head.ts";
import { type Asked, requireDigest, signedHeaders, wishOf } from "./message-signature.ts";
import type { KeyedCall, Route, Services } from "./route.ts";
import { nonceToSign } from "./signing.ts";

/** The headers with an answer's signatures, name and value in turn. */
export type SignAnswer = (answer: Answer) => Promise<readonly string[]>;

/**
 * Null: nobody wants a signature. A message signature covers more than SLASCONE's; who asks for it gets it alone.
 * @throws Problem (400) where the digest that a request without a body was sent with is some body's.
 */
export function signingOf(
  { signer, statementKeys, store }: Services,
  route: Route,
  call: KeyedCall,
  head: Head,
  asked: Asked | null,
): SignAnswer | null {
  const wish = asked === null ? null : wishOf(head.acceptSignature, asked);
  if (wish !== null && asked !== null) {
    // Bodies are held against their digest where they are read; that of a GET is not.
    if (route.method === "GET" || !hasBody(head)) requireDigest(head.contentDigest, noContent);
    return async (answer) => {
      const key = await statementKeys.signing(call.vendor);
      return signer.inTurn(() => signedHeaders(answer, asked, wish, key, store.now()));
    };
  }
  if (call.key.response_signature !== "rsa") return null;
  const nonce = nonceToSign(head.nonce);
  return async (answer) => (isSignable(answer.status) ? signer.slasconeHeaders(call.isvId, answer.body, nonce) : []);
}

const noContent = Buffer.alloc(0);
