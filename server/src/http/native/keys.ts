/** API keys: created, listed, changed and switched off by owners. A key's secret is in the answer to its creation alone. */
import { Type } from "typebox";
import { newBody } from "../../catalog/defaults.ts";
import { adminRoleOf, type Key } from "../../catalog/entities.ts";
import { newId, newKeySecret, secretHash } from "../../ids.ts";
import { version } from "../../version.ts";
import { adminRoles } from "../access.ts";
import { changeEntity, entityAnswer, entityChange, given, knownEntity, requireEntity } from "../admin/change.ts";
import { finds, ListQuery, PageOf, pageAnswer } from "../admin/lists.ts";
import { json } from "../answer.ts";
import { Label, Maybe, Uuid, uuid, uuidOrNull } from "../input.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";

const strict = { additionalProperties: false };
const KeyParams = Type.Object({ key_id: Uuid("The key.") });
const Role = Type.Enum(["provisioning", "admin"]);
const AdminRole = Type.Enum([...adminRoles], {
  description:
    "Of admin keys. `viewer` reads; `operator` ends sessions, suspends and unassigns too; `owner` may do everything.",
});
const Scope = Type.Enum(["app", "backend"], { description: "Of provisioning keys. `app`: ships inside software." });
const name = Label("Unique among the vendor's keys.", "CAD 2026");

const NewKey = Type.Object(
  {
    name,
    role: Role,
    scope: Maybe(Scope),
    admin_role: Maybe(AdminRole),
    response_signature: Maybe(Type.Enum(["rsa", "none"])),
    product_id: Maybe(Uuid("A provisioning key reaches only licences of this product.")),
    customer_id: Maybe(Uuid("A provisioning key reaches only licences of this customer.")),
    license_id: Maybe(Uuid("A provisioning key reaches only this licence.")),
  },
  strict,
);
const ChangedKey = Type.Object(
  {
    name: Maybe(name),
    is_active: Maybe(Type.Boolean({ description: "An inactive key is refused with 401." })),
    admin_role: Maybe(AdminRole),
  },
  strict,
);
const keyMembers = {
  id: Type.String(),
  name: Type.String(),
  role: Role,
  scope: Type.Union([Scope, Type.Null()]),
  admin_role: Type.Union([AdminRole, Type.Null()]),
  response_signature: Type.Enum(["rsa", "none"]),
  is_active: Type.Boolean(),
  product_id: Type.Union([Type.String(), Type.Null()]),
  customer_id: Type.Union([Type.String(), Type.Null()]),
  license_id: Type.Union([Type.String(), Type.Null()]),
};
const KeyShown = Type.Object(keyMembers);
const CreatedKey = Type.Object({
  ...keyMembers,
  secret: Type.String({ description: "What goes into the header. It is kept by nobody and never shown again." }),
});
const NotThere = Type.Object({});
const OwnKey = Type.Object({
  ...keyMembers,
  isv_name: Type.String({ description: "The vendor's name." }),
  server_version: Type.String(),
});

const sorts = { name: (key: Key) => key.name, role: (key: Key) => key.role };

export function keyRoutes({ store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/keys",
      reach: "admin",
      role: "owner",
      tag: "Keys",
      summary: "List API keys",
      query: ListQuery(
        { search: Type.Optional(Label("A part of the name.")), is_active: Type.Optional(Type.Boolean()) },
        Object.keys(sorts),
      ),
      answers: { 200: PageOf(KeyShown) },
      handle(call, finish) {
        const { query, vendor } = call;
        const found = [...vendor.keys.values()].filter(
          (key) =>
            (query.is_active === undefined || key.is_active === query.is_active) && finds(query.search, key.name),
        );
        finish(pageAnswer(found, query, sorts, keyDto));
      },
    }),
    keyed({
      method: "POST",
      path: "/keys",
      catalogue: "makes",
      reach: "admin",
      tag: "Keys",
      summary: "Create an API key",
      description: "The answer has the key itself, `secret`, this once: only its SHA-256 is kept.",
      body: NewKey,
      answers: { 201: CreatedKey },
      async handle(call, finish) {
        const { body } = call;
        const secret = newKeySecret();
        const id = newId();
        const said = given({
          name: body.name,
          role: body.role,
          scope: body.scope ?? undefined,
          admin_role: body.role === "admin" ? (body.admin_role ?? "owner") : (body.admin_role ?? undefined),
          response_signature: body.response_signature ?? undefined,
          product_id: uuidOrNull(body.product_id) ?? undefined,
          customer_id: uuidOrNull(body.customer_id) ?? undefined,
          license_id: uuidOrNull(body.license_id) ?? undefined,
          secret_sha256: secretHash(secret),
        });
        const fresh = { ...newBody("key", id, said), ...said } as unknown as Key;
        const key = (await changeEntity(store, call, "key", id, () => fresh)) as Key;
        finish(entityAnswer(key, { ...keyDto(key), secret }, 201));
      },
    }),
    keyed({
      method: "GET",
      path: "/keys/self",
      reach: "app",
      tag: "Keys",
      summary: "What is this key?",
      description: "The key that the request carries, and the server that it reached.",
      answers: { 200: OwnKey },
      handle({ key, vendor }, finish) {
        finish(json({ ...keyDto(key), isv_name: vendor.isv.name, server_version: version }));
      },
    }),
    keyed({
      method: "GET",
      path: "/keys/:key_id",
      reach: "admin",
      role: "owner",
      tag: "Keys",
      summary: "Read an API key",
      params: KeyParams,
      answers: { 200: KeyShown, 404: NotThere },
      handle(call, finish) {
        const key = knownEntity(call, "key", call.params.key_id);
        finish(entityAnswer(key, keyDto(key)));
      },
    }),
    keyed({
      method: "PATCH",
      path: "/keys/:key_id",
      catalogue: "revises",
      reach: "admin",
      tag: "Keys",
      summary: "Rename an API key, switch it off or on, or change its role",
      description:
        "A key that is switched off is refused from now on, on other servers of the same database within a second or so. The last active owner stays (409 `last_owner`).",
      params: KeyParams,
      body: ChangedKey,
      answers: { 200: KeyShown, 404: NotThere },
      async handle(call, finish) {
        const { body } = call;
        const id = uuid(call.params.key_id);
        const make = (current: Key | null): Key => ({
          ...requireEntity(current, "key"),
          ...given({
            name: body.name ?? undefined,
            is_active: body.is_active ?? undefined,
            admin_role: body.admin_role ?? undefined,
          }),
        });
        const key = (await changeEntity(store, call, "key", id, make, (current) => {
          const witness = current !== null && isOwner(current) && !isOwner(make(current)) ? otherOwner(call, id) : null;
          return witness === null ? [] : [entityChange(store, call.isvId, "key", witness.id, witness, witness)];
        })) as Key;
        finish(entityAnswer(key, keyDto(key)));
      },
    }),
  ];
}

function isOwner(key: Key): boolean {
  return key.is_active && adminRoleOf(key) === "owner";
}

/**
 * An owner that stays. It is saved along, as it is: if somebody else takes it away meanwhile, one of the two is refused.
 * @throws Problem (409) where there is none.
 */
function otherOwner({ vendor }: KeyedCall, id: string): Key {
  for (const key of vendor.keys.values()) if (key.id !== id && isOwner(key)) return key;
  throw new Problem("last_owner", "It is the only active key of role owner: create another one first.");
}

function keyDto(key: Key) {
  const { id, name, role, response_signature, is_active, product_id, customer_id, license_id } = key;
  const scope = role === "provisioning" ? key.scope : null;
  const bounds = { product_id, customer_id, license_id };
  return { id, name, role, scope, admin_role: adminRoleOf(key), response_signature, is_active, ...bounds };
}
