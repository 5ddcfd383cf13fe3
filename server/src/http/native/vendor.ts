/** The vendor itself. */
import { Type } from "typebox";
import type { Isv } from "../../catalog/entities.ts";
import { changeEntity, entityAnswer, given, requireEntity } from "../admin/change.ts";
import { Label, Maybe } from "../input.ts";
import { keyed, type Route, type Services } from "../route.ts";

const Vendor = Type.Object({
  id: Type.String(),
  name: Type.String(),
  shows_pseudonyms: Type.Boolean({
    description: "Whether names of users are shown to owners alone, and as pseudonyms to everybody else.",
  }),
});
const ChangedVendor = Type.Object(
  { name: Maybe(Label("The vendor's name.")), shows_pseudonyms: Maybe(Type.Boolean()) },
  { additionalProperties: false },
);

export function vendorRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/vendor",
      reach: "admin",
      tag: "Vendor",
      summary: "Read the vendor's settings",
      answers: { 200: Vendor },
      handle({ vendor }, finish) {
        finish(entityAnswer(vendor.isv, vendorDto(vendor.isv)));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/vendor",
      catalogue: "revises",
      reach: "admin",
      tag: "Vendor",
      summary: "Change the vendor's settings",
      body: ChangedVendor,
      answers: { 200: Vendor },
      async handle(call, finish) {
        const { name, shows_pseudonyms } = call.body;
        const said = given({ name: name ?? undefined, shows_pseudonyms: shows_pseudonyms ?? undefined });
        const isv = (await changeEntity(store, call, "isv", call.isvId, (current) => ({
          ...requireEntity(current, "isv"),
          ...said,
        }))) as Isv;
        finish(entityAnswer(isv, vendorDto(isv)));
      },
    }),
  ];
}

function vendorDto({ id, name, shows_pseudonyms }: Isv) {
  return { id, name, shows_pseudonyms: shows_pseudonyms ?? false };
}
