import { text as readAll } from "node:stream/consumers";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { type Account, profileUsual } from "./account.ts";
import { identify, type OwnKey } from "./connection.ts";
import { show } from "./output.ts";
import { profilesFile, removeProfile, saveProfile } from "./profiles.ts";
import { ask, askSecret } from "./questions.ts";

interface Options {
  readonly url?: string;
  readonly isv?: string;
  readonly key?: string;
  readonly profile?: string;
  readonly json?: boolean;
}

/** `seatkeeper login`: keeps a server's address, the vendor's id and a key, once the server has taken the key. */
export async function login(options: Options): Promise<void> {
  const profile = nameOf(options);
  if (options.key !== undefined && options.key !== "-") {
    const why = "command lines are seen by others. Leave --key out to be asked, or pipe the key into --key -";
    throw new CommandRefused(exitCodes.usage, `A key is no argument: ${why}.`);
  }
  const url = addressOf(options.url ?? (await ask("The server's address: ", "--url")));
  const isv = (options.isv ?? (await ask("The vendor's id: ", "--isv"))).trim();
  const key = (
    options.key === "-" ? await readAll(process.stdin) : await askSecret("The key, which is not shown: ", "--key -")
  ).trim();
  if (key === "") throw new CommandRefused(exitCodes.usage, "There is no key.");
  const account: Account = { url, isv, key, role: null, profile };
  const found = await identify(account);
  saveProfile(profile, { url, isv, key, role: found.role });
  const { id, name, isv_name } = found;
  const told = { profile, file: profilesFile(), url, isv, isv_name, key: { id, name, is: kindOf(found) } };
  show(
    told,
    options,
    () =>
      `Logged in to ${isv_name} at ${url} with the key ${name}, ${kindOf(found)}.\nKept as profile ${profile} in ${told.file}.`,
  );
}

/** `seatkeeper logout`: forgets a profile. The key itself stays valid. */
export async function logout(options: Pick<Options, "profile" | "json">): Promise<void> {
  const profile = nameOf(options);
  const isForgotten = removeProfile(profile);
  show({ profile, is_forgotten: isForgotten }, options, () =>
    isForgotten ? `Profile ${profile} is forgotten. Its key is as good as before.` : `There is no profile ${profile}.`,
  );
}

/** A key in words, as `ProvisioningKey of scope app`. */
export function kindOf({ role, scope, admin_role }: OwnKey): string {
  return role === "admin" ? `AdminKey of role ${admin_role}` : `ProvisioningKey of scope ${scope}`;
}

function nameOf({ profile }: Pick<Options, "profile">): string {
  return profile || process.env.SEATKEEPER_PROFILE || profileUsual;
}

function addressOf(text: string): string {
  const address = URL.parse(text.trim());
  if (address !== null && /^https?:$/.test(address.protocol)) return address.href.replace(/\/+$/, "");
  throw new CommandRefused(exitCodes.usage, `${text} is no address: want one such as https://licences.example.com.`);
}
