/** How many tokens of a licence are out, and how many came back early. */
import { Type } from "typebox";
import { checkInsOf, checkoutsMax } from "../../core/decide/checkouts.ts";
import { knownLicense } from "../access.ts";
import { json } from "../answer.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { LicenseParams } from "../slascone/schemas.ts";

const maybeCount = (description: string) => Type.Union([Type.Integer(), Type.Null()], { description });

const Checkouts = Type.Object({
  checked_out: Type.Integer({ description: "Tokens that are out.", examples: [1] }),
  checked_out_max: maybeCount("As many as may be out, by the edition and the pool as they are now; null: any number."),
  early_check_ins: Type.Integer({ description: "Vouchers given up before their end, this month by UTC." }),
  early_check_ins_max: maybeCount("As many as the edition allows in a month; null: any number."),
});

export function checkoutRoutes({ desk, store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/licenses/:license_id/checkouts",
      reach: "app",
      tag: "Licences",
      summary: "Count a licence's checkouts",
      params: LicenseParams,
      answers: { 200: Checkouts, 404: Type.Object({}) },
      async handle(call, finish) {
        const { id } = knownLicense(call, call.params.license_id);
        // What has lapsed is released first, so that the count is exact at this instant.
        await desk.decide({ type: "sweep", isvId: call.isvId, licenseId: id });
        const license = await store.read(call.isvId, id);
        if (license === undefined) throw new Error(`licence ${id} is in the catalogue and not in the store`);
        const most = checkoutsMax(license.terms);
        finish(
          json({
            checked_out: license.checkedOut,
            checked_out_max: Number.isFinite(most) ? most : null,
            early_check_ins: checkInsOf(license, store.now()),
            early_check_ins_max: license.terms.earlyCheckInsMax,
          }),
        );
      },
    }),
  ];
}
