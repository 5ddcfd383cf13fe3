/** Users that are registered on a licence, and what clients tell of their use. */
import { usersPerLicenseMax } from "../limits.ts";
import { fold } from "../names.ts";
import type {
  Decision,
  DeleteUserCommand,
  GatherCommand,
  LicenseUser,
  LicenseView,
  Millis,
  PutUserCommand,
} from "../types.ts";
import { refusedClient } from "./assignments.ts";
import { deny, grant, record } from "./outcome.ts";

/** Registers a user, or changes one. Any number may be registered, and `user_limit` of them be active. */
export function putUser(license: LicenseView, command: PutUserCommand, now: Millis): Decision {
  const key = fold(command.userId);
  const known = license.user(key);
  const about = { userId: command.userId };
  if (command.isNew && known !== undefined) return deny(license, now, "user_known", about);
  if (!command.isNew && known === undefined) return deny(license, now, "user_unknown", about);
  const isActive = command.isActive ?? known?.isActive ?? true;
  const isOneMore = isActive && known?.isActive !== true;
  const isFull = license.activeUsers >= (license.terms.userLimit ?? usersPerLicenseMax);
  const isBeyond = known === undefined && license.userCount >= usersPerLicenseMax;
  if (isBeyond || (isOneMore && isFull)) return deny(license, now, "users_exhausted", about);
  const user: LicenseUser = {
    kind: "user",
    key,
    userId: known?.userId ?? command.userId,
    name: command.name ?? known?.name ?? command.userId,
    isActive,
    createdAt: known?.createdAt ?? now,
    changedAt: now,
  };
  const kind = known === undefined ? "user.added" : "user.changed";
  return grant([{ type: "item", item: user }], [record(license, now, kind, about)], { user });
}

/** Takes a user from the licence's list. Whoever is in stays in. */
export function deleteUser(license: LicenseView, { userId }: DeleteUserCommand, now: Millis): Decision {
  const user = license.user(fold(userId));
  if (user === undefined) return deny(license, now, "user_unknown", { userId });
  const gone = { type: "item.gone", kind: "user", key: user.key } as const;
  return grant([gone], [record(license, now, "user.deleted", { userId: user.userId })], { user });
}

/** Takes what a client tells. Like a heartbeat, it does not fail for an inactive or expired licence. */
export function gather(license: LicenseView, command: GatherCommand, now: Millis): Decision {
  const refused = refusedClient(license, command, now);
  if (refused !== null) return refused;
  const { isvId, licenseId } = license.terms;
  const { kind, clientId, userId } = command;
  const gathered = command.values.map((value) => {
    return { at: now, kind, isvId, licenseId, clientId, userId, ...value, transactionId: null, externalId: null };
  });
  return { ...grant([], []), gathered };
}
