/** The public keys of message signatures, vouchers and client tokens, and their rotation. */
import { Type } from "typebox";
import type { Vendor } from "../../catalog/catalog.ts";
import { type Isv, statementKeysOf } from "../../catalog/entities.ts";
import { changeEntity, requireEntity } from "../admin/change.ts";
import { type Answer, json } from "../answer.ts";
import { Problem } from "../problem.ts";
import { keyed, open, type Route, type Services } from "../route.ts";

const KeySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.Literal("OKP"),
        crv: Type.Literal("Ed25519"),
        x: Type.String(),
        kid: Type.String(),
        alg: Type.Literal("EdDSA"),
        use: Type.Literal("sig"),
      }),
    ),
  },
  { description: "A JSON Web Key Set (RFC 7517)." },
);

const description =
  "The Ed25519 keys that message signatures (RFC 9421), vouchers and client tokens are made with: those that signed, the one that signs, and the next one. Applications are built with the set and do not ask for it.";

export function statementKeyRoutes(services: Services): Route[] {
  return [vendorsKeys(services), onlyVendorsKeys(services), rotation(services)];
}

function vendorsKeys({ store, statementKeys }: Services): Route {
  return open({
    method: "GET",
    path: "/api/v2/isv/:isv_id/jwks.json",
    tag: "Service",
    summary: "A vendor's public keys",
    description,
    params: Type.Object({ isv_id: Type.String({ description: "The vendor." }) }),
    answers: { 200: KeySet },
    async handle(call, finish) {
      const vendor = store.catalog.vendor(call.params.isv_id.toLowerCase());
      if (vendor === undefined) throw new Problem("isv_unknown", "Check the id in the address.");
      finish(await keySet(statementKeys, vendor));
    },
  });
}

function onlyVendorsKeys({ store, statementKeys }: Services): Route {
  return open({
    method: "GET",
    path: "/.well-known/jwks.json",
    tag: "Service",
    summary: "The public keys of a server's only vendor",
    description: `${description} On a server of several vendors each has an address of its own: one's keys must not pass for another's.`,
    answers: { 200: KeySet },
    async handle(_call, finish) {
      const [vendor, other] = store.catalog.vendors();
      if (vendor === undefined || other !== undefined) {
        throw new Problem("isv_unknown", "Ask at /api/v2/isv/{isv_id}/jwks.json.");
      }
      finish(await keySet(statementKeys, vendor));
    },
  });
}

async function keySet(statementKeys: Services["statementKeys"], vendor: Vendor): Promise<Answer> {
  const keys = await statementKeys.published(vendor);
  return json({ keys: keys.map(({ publicJwk }) => publicJwk) });
}

const Rotate = Type.Object(
  {
    withdraw: Type.Optional(
      Type.Boolean({
        description:
          "The keys so far were stolen: skip the next one, which lay beside them, and publish none of them any more. Applications that were built with them refuse what is signed from now on.",
      }),
    ),
  },
  { additionalProperties: false },
);

function rotation({ store, statementKeys }: Services): Route {
  return keyed({
    method: "POST",
    path: "/administration/statement-keys/rotate",
    reach: "admin",
    tag: "Jobs",
    summary: "Sign with the next key from now on",
    description:
      "The next key has been published all along; the old one stays published, so that vouchers made with it hold to their end. Answers with the key set as it is now.",
    body: Rotate,
    isBodyOptional: true,
    answers: { 200: KeySet },
    async handle(call, finish) {
      const withdraws = (call.body as typeof call.body | undefined)?.withdraw === true;
      await changeEntity(store, call, "isv", call.isvId, (current) =>
        rotated(requireEntity(current, "isv"), withdraws),
      );
      finish(await keySet(statementKeys, call.vendor));
    },
  });
}

function rotated(isv: Isv, withdraws: boolean): Isv {
  const { current, oldest } = statementKeysOf(isv);
  const next = withdraws ? current + 2 : current + 1;
  return { ...isv, statement_keys: { current: next, oldest: withdraws ? next : oldest } };
}
