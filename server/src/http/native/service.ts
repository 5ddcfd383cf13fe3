/** What anybody may ask: whether the server runs, how its answers are signed, and in the sandbox what time it is. */
import { Type } from "typebox";
import type { HeldClock } from "../../clock.ts";
import { StoreFault } from "../../stores/store.ts";
import { tellOfFault } from "../../stores/trouble.ts";
import { json } from "../answer.ts";
import { sandboxAdvanceMax } from "../limits.ts";
import { Problem } from "../problem.ts";
import { open, type Route, type Services } from "../route.ts";

const Status = Type.Object({ status: Type.String() });

export function serviceRoutes({ store, signer, log, sandboxClock }: Services, isDraining: () => boolean): Route[] {
  return [
    open({
      method: "GET",
      path: "/healthz",
      tag: "Service",
      summary: "Is the process up?",
      answers: { 200: Status },
      handle(_call, finish) {
        finish(json({ status: "ok" }));
      },
    }),
    open({
      method: "GET",
      path: "/readyz",
      tag: "Service",
      summary: "Does the store answer, and is the server there to stay?",
      answers: { 200: Status },
      async handle(_call, finish) {
        if (isDraining()) throw new Problem("stopping", "Ask another server.", ["Retry-After", "1"]);
        try {
          await store.ping();
        } catch (error) {
          if (error instanceof StoreFault) tellOfFault(log, error);
          else log.error({ err: error }, "the store does not answer");
          throw new Problem("store_unavailable", "The server runs, but cannot decide anything now.", [
            "Retry-After",
            "5",
          ]);
        }
        finish(json({ status: "ready" }));
      },
    }),
    open({
      method: "GET",
      path: "/api/v2/isv/:isv_id/signing-key.pem",
      tag: "Service",
      summary: "The public key that answers are signed with",
      description:
        "RSA-2048, as SubjectPublicKeyInfo in PEM. `x-slascone-signature` is the Base64 of an RSASSA-PKCS1-v1_5 signature with SHA-256 over the exact bytes of the body.",
      answerType: "application/x-pem-file",
      params: Type.Object({ isv_id: Type.String({ description: "The vendor." }) }),
      answers: { 200: Type.String() },
      handle(call, finish) {
        const pem = signer.publicKeyPem(call.params.isv_id.toLowerCase());
        if (pem === undefined) throw new Problem("isv_unknown", "Check the id in the address.");
        finish({ status: 200, contentType: "application/x-pem-file", body: pem, headers: [] });
      },
    }),
    ...(sandboxClock === undefined ? [] : sandboxRoutes(sandboxClock)),
  ];
}

const Clock = Type.Object({ now: Type.String({ format: "date-time" }) });

/** A clock that the tester holds: an hour passes in one call. Only the sandbox has it. */
function sandboxRoutes(clock: HeldClock): Route[] {
  const now = () => json({ now: new Date(clock.now()).toISOString() });
  return [
    open({
      method: "GET",
      path: "/sandbox/clock",
      tag: "Sandbox",
      summary: "What time is it here?",
      answers: { 200: Clock },
      handle(_call, finish) {
        finish(now());
      },
    }),
    open({
      method: "POST",
      path: "/sandbox/clock",
      tag: "Sandbox",
      summary: "Let time pass",
      body: Type.Object(
        { advance_seconds: Type.Number({ minimum: 0, maximum: sandboxAdvanceMax, examples: [300] }) },
        { additionalProperties: false },
      ),
      answers: { 200: Clock },
      handle(call, finish) {
        const ms = Math.round(call.body.advance_seconds * 1_000);
        if (clock.now() + ms > lastInstant)
          throw new Problem("input_invalid", "advance_seconds: goes beyond the year 9999");
        clock.advance(ms);
        finish(now());
      },
    }),
  ];
}

/** The last instant that RFC 3339 can write, less the longest session. */
const lastInstant = Date.parse("9899-12-31T23:59:59Z");
