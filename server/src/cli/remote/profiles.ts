/** What `login` keeps: address, vendor and key of each profile, in one file that its owner alone may read. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

export type KeyRole = "admin" | "provisioning";

export interface Profile {
  readonly url: string;
  readonly isv: string;
  readonly key: string;
  /** Which header takes the key; `login` has asked the server. */
  readonly role: KeyRole;
}

type Profiles = Readonly<Record<string, Profile>>;

/** Where the system keeps settings of programs. */
export function profilesFile(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (platform === "win32") {
    return join(env.APPDATA || join(homedir(), "AppData", "Roaming"), "Seatkeeper", "profiles.json");
  }
  if (platform === "darwin") return join(homedir(), "Library", "Application Support", "Seatkeeper", "profiles.json");
  // A relative path there is to be ignored, says the XDG specification.
  const { XDG_CONFIG_HOME: named = "" } = env;
  return join(isAbsolute(named) ? named : join(homedir(), ".config"), "seatkeeper", "profiles.json");
}

/** All profiles by name; none where nobody has logged in. @throws CommandRefused where the file is damaged. */
export function readProfiles(file = profilesFile()): Profiles {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new CommandRefused(exitCodes.config, `${file} cannot be read: ${(error as Error).message}`);
  }
  const profiles = parsed(text);
  if (profiles === null) {
    throw new CommandRefused(exitCodes.config, `${file} is damaged: remove it, and log in again.`);
  }
  return profiles;
}

function parsed(text: string): Profiles | null {
  try {
    const { profiles } = JSON.parse(text) as { readonly profiles?: unknown };
    if (typeof profiles !== "object" || profiles === null) return null;
    return Object.values(profiles).every(isProfile) ? (profiles as Profiles) : null;
  } catch {
    return null;
  }
}

function isProfile(value: unknown): boolean {
  const profile = (value ?? {}) as Partial<Record<keyof Profile, unknown>>;
  const isText = (["url", "isv", "key"] as const).every((field) => typeof profile[field] === "string");
  return isText && (profile.role === "admin" || profile.role === "provisioning");
}

/** Keeps a profile, in the place of one of the same name. */
export function saveProfile(name: string, profile: Profile, file = profilesFile()): void {
  write(file, { ...readProfiles(file), [name]: profile });
}

/** False: there was none of this name. */
export function removeProfile(name: string, file = profilesFile()): boolean {
  const { [name]: removed, ...others } = readProfiles(file);
  if (removed === undefined) return false;
  write(file, others);
  return true;
}

/** The file has its name only once it is whole: two logins at once leave one of both, and never half a file. */
function write(file: string, profiles: Profiles): void {
  const part = `${file}.${process.pid}.part`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    rmSync(part, { force: true });
    writeFileSync(part, `${JSON.stringify({ profiles }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(part, file);
  } catch (error) {
    throw new CommandRefused(exitCodes.cannotCreate, `${file} cannot be written: ${(error as Error).message}`);
  }
}
