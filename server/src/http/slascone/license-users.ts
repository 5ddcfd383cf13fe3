/** Users who are registered on a licence. Whether one may work is the application's to ask; how many are active, the licence's. */
import { type Static, Type } from "typebox";
import { fold } from "../../core/names.ts";
import type { LicenseUser, PutUserCommand } from "../../core/types.ts";
import { knownLicense } from "../access.ts";
import { audited } from "../admin/acts.ts";
import { json, noContent } from "../answer.ts";
import { Label, Maybe, Name } from "../input.ts";
import { listedMax } from "../limits.ts";
import { requireNames } from "../names.ts";
import { answerOfDenial, onceDecided, Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { licenseUserDto } from "./dto.ts";
import * as schemas from "./schemas.ts";

const UserId = Name("The user: a name, or an address.", "anna@factor.com");
const UserParams = Type.Object({ license_id: schemas.LicenseParams.properties.license_id, user_id: UserId });
const NewUser = Type.Object({
  user_id: UserId,
  name: Maybe(Label("What people call the user; the id if left out.")),
  is_active: Maybe(Type.Boolean({ description: "Left out: active." })),
});
const ManyUsers = Type.Object({ user_ids: Type.Array(UserId, { maxItems: 1000 }) });
const LicenseUsers = Type.Array(schemas.LicenseUser);

export function licenseUserRoutes(services: Services): Route[] {
  return [listUsers(services), ...putUsers(services), deleteUser(services), deleteUsers(services)];
}

function listUsers({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/users",
    reach: "admin",
    tag: "Licence users",
    summary: "List the users who are registered on a licence",
    params: schemas.LicenseParams,
    answers: { 200: LicenseUsers },
    async handle(call, finish) {
      const { id } = knownLicense(call, call.params.license_id);
      const listed = [];
      for (const user of (await store.read(call.isvId, id))?.users() ?? []) {
        if (listed.length >= listedMax) break;
        listed.push(licenseUserDto(id, user, call.names));
      }
      finish(json(listed));
    },
  });
}

function putUsers(services: Services): Route[] {
  const description = "At most `user_limit` users of a licence are active (1009); others may be registered inactive.";
  return [
    keyed({
      method: "POST",
      path: "/licenses/:license_id/users",
      reach: "admin",
      role: "operator",
      tag: "Licence users",
      summary: "Register a user on a licence",
      description,
      params: schemas.LicenseParams,
      body: NewUser,
      answers: { 201: schemas.LicenseUser, 409: schemas.Refusal },
      handle: (call, finish) => putUser(services, call, true, finish),
    }),
    keyed({
      method: "PATCH",
      path: "/licenses/:license_id/users",
      reach: "admin",
      role: "operator",
      tag: "Licence users",
      summary: "Change a registered user",
      description: `What is left out stays as it is. ${description}`,
      params: schemas.LicenseParams,
      body: NewUser,
      answers: { 200: schemas.LicenseUser, 409: schemas.Refusal },
      handle: (call, finish) => putUser(services, call, false, finish),
    }),
  ];
}

type UserCall = KeyedCall<Static<typeof NewUser>, { readonly license_id: string }>;

async function putUser(
  { desk, pseudonyms }: Services,
  call: UserCall,
  isNew: boolean,
  finish: Parameters<Route["handle"]>[1],
): Promise<void> {
  requireNames(call.names);
  const { id: licenseId } = knownLicense(call, call.params.license_id);
  const { user_id: userId, name, is_active } = call.body;
  const place = { isvId: call.isvId, licenseId };
  const asked = { userId, name: name ?? null, isActive: is_active ?? null, isNew };
  const command: PutUserCommand = { type: "user.put", ...place, ...asked };
  const about = {
    act: isNew ? "user.added" : "user.changed",
    kind: "user",
    id: pseudonyms.of(call.isvId, userId),
  } as const;
  const line = audited(call, licenseId, ({ user }) => ({ ...about, after: { is_active: user?.isActive } }));
  const { denial, granted } = await desk.decide(command, line);
  if (denial !== null) return finish(answerOfDenial(denial, call));
  const user = granted?.user as LicenseUser;
  finish({ ...json(licenseUserDto(licenseId, user, call.names)), status: isNew ? 201 : 200 });
}

function deleteUser(services: Services): Route {
  return keyed({
    method: "DELETE",
    path: "/licenses/:license_id/users/:user_id",
    reach: "admin",
    role: "operator",
    tag: "Licence users",
    summary: "Take a user from a licence's list",
    description: "Whoever is at work stays so.",
    params: UserParams,
    answers: { 204: Type.Null(), 404: Type.Object({}) },
    async handle(call, finish) {
      requireNames(call.names);
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      if (!(await isDeleted(services, call, licenseId, call.params.user_id))) {
        throw new Problem("entity_unknown", "The licence has no user of this id.");
      }
      finish(noContent);
    },
  });
}

function deleteUsers(services: Services): Route {
  return keyed({
    method: "POST",
    path: "/licenses/:license_id/users/bulk-delete",
    reach: "admin",
    role: "operator",
    tag: "Licence users",
    summary: "Take many users from a licence's list",
    description: "Those who are not on it are told, and are no fault.",
    params: schemas.LicenseParams,
    body: ManyUsers,
    answers: { 200: Type.Object({ deleted: Type.Integer(), not_found: Type.Array(Type.String()) }) },
    async handle(call, finish) {
      requireNames(call.names);
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      const userIds = [...new Map(call.body.user_ids.map((userId) => [fold(userId), userId])).values()];
      const notFound: string[] = [];
      let deleted = 0;
      for (const userId of userIds) {
        const hasDeleted = deleted > 0;
        if (await onceDecided(() => isDeleted(services, call, licenseId, userId), hasDeleted)) deleted++;
        else notFound.push(userId);
      }
      finish(json({ deleted, not_found: notFound }));
    },
  });
}

async function isDeleted({ desk, pseudonyms }: Services, call: KeyedCall, licenseId: string, userId: string) {
  const command = { type: "user.delete", isvId: call.isvId, licenseId, userId } as const;
  const about = { act: "user.deleted", kind: "user", id: pseudonyms.of(call.isvId, userId) } as const;
  const { denial } = await desk.decide(
    command,
    audited(call, licenseId, () => about),
  );
  return denial === null;
}
