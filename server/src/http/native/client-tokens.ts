/** Minting client tokens, for backends whose pages hold sessions. */
import { Type } from "typebox";
import { requireLicense } from "../access.ts";
import { json } from "../answer.ts";
import { Maybe, Name, Uuid, uuid, uuidOrNull } from "../input.ts";
import { clientTokenSecondsDefault, clientTokenSecondsMax, clientTokenSecondsMin } from "../limits.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { denied } from "../slascone/answers.ts";
import { Refusal } from "../slascone/schemas.ts";

const Mint = Type.Object(
  {
    license_id: Uuid("The licence whose tokens the page may take.", "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11"),
    user_id: Name("Who sits before the page, as the backend knows it.", "anna@factor.com"),
    client_id: Maybe(Name("The `client_id` that the page must send; the user's name unless said otherwise.")),
    project_id: Maybe(Uuid("On a licence that counts projects: the one that the page may connect to.")),
    lifetime_seconds: Maybe(
      Type.Integer({
        description: `How long the token is good; ${clientTokenSecondsDefault} unless said otherwise.`,
        minimum: clientTokenSecondsMin,
        maximum: clientTokenSecondsMax,
      }),
    ),
  },
  { additionalProperties: false },
);

const Minted = Type.Object({
  token: Type.String({ description: "For `Authorization: Bearer`." }),
  token_type: Type.Literal("Bearer"),
  expires_at: Type.String({ format: "date-time" }),
});

export function clientTokenRoutes({ clientTokens }: Services): Route[] {
  return [
    keyed({
      method: "POST",
      path: "/provisioning/client-tokens",
      reach: "backend",
      tag: "Sessions",
      summary: "Mint a client token",
      description:
        "What a browser holds in the place of an API key: opens, extends and closes sessions of this one holder, for some minutes. It ends by itself, and with the API key that it was minted with.",
      body: Mint,
      answers: { 200: Minted, 409: Refusal },
      async handle(call, finish) {
        const { body } = call;
        const licenseId = uuid(body.license_id);
        requireLicense(call, licenseId);
        if (!call.vendor.licenses.has(licenseId)) return finish(denied("license_unknown", call));
        const holder = {
          licenseId,
          userId: body.user_id,
          clientId: body.client_id ?? body.user_id,
          projectId: uuidOrNull(body.project_id),
        };
        const seconds = body.lifetime_seconds ?? clientTokenSecondsDefault;
        const { token, expiresAt } = await clientTokens.mint(call, holder, seconds);
        finish(json({ token, token_type: "Bearer", expires_at: new Date(expiresAt).toISOString() }));
      },
    }),
  ];
}
