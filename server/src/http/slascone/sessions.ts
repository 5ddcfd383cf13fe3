/** Sessions: open, which is also extend; close; how many tokens are in use (P4–P6). */
import { Type } from "typebox";
import type { CloseCommand, OpenCommand, Session } from "../../core/types.ts";
import { newId, newIds } from "../../ids.ts";
import { knownLicense, requireLicense } from "../access.ts";
import { type Answer, json, jsonText } from "../answer.ts";
import { givenUpBy } from "../check-ins.ts";
import { asHolder } from "../client-tokens.ts";
import { uuid, uuidOrNull } from "../input.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { signedVoucher, type VoucherWish, voucherWish } from "../vouchers.ts";
import { answerOf } from "./answers.ts";
import { sessionStatusText } from "./dto.ts";
import {
  CloseRequest,
  LicenseParams,
  OpenRequest,
  Refusal,
  Sentence,
  type SessionRequest,
  SessionStatus,
} from "./schemas.ts";

export function openCommand(isvId: string, body: SessionRequest): OpenCommand {
  return {
    type: "open",
    isvId,
    licenseId: uuid(body.license_id),
    clientId: body.client_id,
    sessionId: uuidOrNull(body.session_id),
    userId: body.user_id ?? null,
    projectId: uuidOrNull(body.project_id),
    checkoutPeriod: body.checkout_period ?? null,
    waitMs: (body.wait_seconds ?? 0) * 1_000,
    ids: newIds(),
  };
}

export function closeCommand(isvId: string, body: SessionRequest): CloseCommand {
  return {
    type: "close",
    isvId,
    licenseId: uuid(body.license_id),
    clientId: body.client_id,
    sessionId: uuidOrNull(body.session_id),
    userId: body.user_id ?? null,
  };
}

/** With what the single call has beside a batch's: a voucher, a value that is renewed, and the address of who works. */
function openCommandOf({ isvId, body, address }: KeyedCall<OpenRequest>, wish: VoucherWish | null): OpenCommand {
  const last = body.renewal ?? null;
  return {
    ...openCommand(isvId, body),
    address,
    voucher: wish,
    renewal: last === null ? null : { last, next: newId() },
  };
}

/** The answers to a granted open and a granted close, here and in a batch. */
export const opened = ({ session }: { readonly session: Session | null }): Answer => {
  if (session === null) throw new Error("an open was granted without a session");
  return jsonText(sessionStatusText(session));
};
export const closed = (): Answer => sessionClosed;
const sessionClosed = json("Session closed.");

/** As `opened`, with what the next open carries. */
function renewed({ renewal }: OpenCommand): typeof opened {
  if (renewal == null) return opened;
  return (granted) => withMember(opened(granted), "renewal", granted.session?.renewal?.current ?? "");
}

/** An answer with one member more, whose value needs no escape. */
function withMember({ body }: Answer, name: string, value: string): Answer {
  return jsonText(`${String(body).slice(0, -1)},"${name}":"${value}"}`);
}

/** As `renewed`, with a signed statement of the session in it. A place for the signature is taken first. */
async function openWithVoucher(
  { desk, signer, statementKeys }: Services,
  call: KeyedCall,
  command: OpenCommand,
  wish: VoucherWish,
): Promise<Answer | Error> {
  const key = await statementKeys.signing(call.vendor);
  return signer.withPlace(call.isvId, async () => {
    const outcome = await desk.decide(command);
    const answer = answerOf(outcome, call, renewed(command));
    const session = outcome.granted?.session;
    if (answer instanceof Error || session == null) return answer;
    const voucher = await signer.inTurn(() => signedVoucher(call.vendor, command, session, wish, key));
    return withMember(answer, "voucher", voucher);
  });
}

/** Closes with proof that the session's voucher was given up. Verifying costs about as much as signing, and is bounded alike. */
function closeWithProof(
  { desk, signer }: Services,
  call: KeyedCall,
  command: CloseCommand,
  proof: string,
): Promise<Answer | Error> {
  return signer.withPlace(call.isvId, async () => {
    const givenUp = await signer.inTurn(() => givenUpBy(proof));
    return answerOf(await desk.decide({ ...command, givenUp }), call, closed);
  });
}

export function sessionRoutes(services: Services): Route[] {
  const { desk, store } = services;
  return [
    keyed({
      method: "POST",
      path: "/provisioning/session/open",
      aliases: ["/isv/:isv_id/provisioning/session/open"],
      isHot: true,
      takesClientTokens: true,
      reach: "app",
      tag: "Sessions",
      summary: "Open a session, or extend it",
      description:
        "Takes a floating token for the client and says until when the session is valid. The same call again extends the session; it needs no second token and succeeds when all tokens are in use. Without a further call the session lapses at `session_valid_until`, and the token is free at that instant. With `checkout_period` the session lasts that many minutes instead, for use offline, and the answer has a `voucher`. With `wait_seconds` the caller takes a place in the queue where all tokens are in use.",
      body: OpenRequest,
      answers: { 200: SessionStatus, 409: Refusal },
      handle(call, finish) {
        const wish = voucherWish(call.body);
        const command = asHolder(call, openCommandOf(call, wish));
        requireLicense(call, command.licenseId);
        if (wish !== null) return openWithVoucher(services, call, command, wish).then(finish);
        desk.submit([command], ([outcome]) => finish(answerOf(outcome, call, renewed(command))));
      },
    }),
    keyed({
      method: "POST",
      path: "/provisioning/session/close",
      aliases: ["/isv/:isv_id/provisioning/session/close"],
      isHot: true,
      takesClientTokens: true,
      reach: "app",
      tag: "Sessions",
      summary: "Close a session",
      description:
        "Ends one session; it is also the check-in of a checkout. The token is free once its holder's last session is gone. A session that is not live (closed already, or lapsed) is denied with 12001, which a client may take as done. While a voucher for a device is out, the token comes back only with `check_in`, that device's proof (14009), and not beyond the edition's number of early check-ins (14010).",
      body: CloseRequest,
      answers: { 200: Sentence, 409: Refusal },
      handle(call, finish) {
        const command = asHolder(call, closeCommand(call.isvId, call.body));
        requireLicense(call, command.licenseId);
        const { check_in: proof } = call.body;
        if (proof != null) return closeWithProof(services, call, command, proof).then(finish);
        desk.submit([command], ([outcome]) => finish(answerOf(outcome, call, closed)));
      },
    }),
    keyed({
      method: "GET",
      path: "/provisioning/licenses/:license_id/tokens/floating/active/count",
      reach: "backend",
      tag: "Sessions",
      summary: "Count the floating tokens in use",
      params: LicenseParams,
      answers: { 200: Type.Integer({ examples: [2] }), 404: Type.Object({}) },
      async handle(call, finish) {
        const licenseId = knownLicense(call, call.params.license_id).id;
        // What has lapsed is released first, so that the count is exact at this instant.
        await desk.decide({ type: "sweep", isvId: call.isvId, licenseId });
        finish(json((await store.read(call.isvId, licenseId))?.holders ?? 0));
      },
    }),
  ];
}
