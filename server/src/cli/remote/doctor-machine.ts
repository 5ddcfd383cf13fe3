/** What `doctor` looks at on this machine. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Config, ConfigRefused, readConfig } from "../../config.ts";
import type { Finding } from "./doctor.ts";
import { profilesFile } from "./profiles.ts";

/** Rights of others on a file. A key that others may read is theirs too. */
const othersBits = 0o077;

/** The file that `login` keeps keys in. */
export function profileFile(): Finding {
  const check = "profiles";
  const file = profilesFile();
  if (!existsSync(file)) return folderFinding(check, file);
  if (isReadByOthers(file)) {
    return { check, result: "problem", text: `others may read the keys in ${file}`, remedy: `Run: chmod 600 ${file}` };
  }
  return { check, result: "ok", text: file };
}

/** The settings of a server on this machine: where there are any, or where its usual database is. */
export function localServer(): Finding[] {
  const check = "this machine's server";
  try {
    const { database } = readConfig(process.env);
    const isNamed = Boolean(process.env.SEATKEEPER_DATABASE_URL?.trim());
    const isThere = database.kind === "sqlite" && existsSync(database.path);
    return isNamed || isThere ? [databaseFinding(check, database)] : [];
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error;
    const remedy = "Look at docs/reference/configuration.md.";
    return [{ check, result: "problem", text: error.message, remedy }];
  }
}

function databaseFinding(check: string, database: Config["database"]): Finding {
  if (database.kind === "memory") {
    const text = "its database is in memory";
    return { check, result: "note", text, remedy: "Everything is gone with the process: for trials alone." };
  }
  if (database.kind === "postgres") return { check, result: "ok", text: "its settings name a PostgreSQL database" };
  const file = resolve(database.path);
  if (!existsSync(file)) return folderFinding(check, file);
  if (!isWritable(file) || !isWritable(dirname(file))) {
    const remedy = "Run the server as the user who owns the file, and give that user the folder too.";
    return { check, result: "problem", text: `${file} or its folder cannot be written`, remedy };
  }
  if (isReadByOthers(file)) {
    const text = `others may read ${file}, which holds private keys`;
    return { check, result: "problem", text, remedy: `Run: chmod 600 ${file}` };
  }
  return { check, result: "ok", text: file };
}

/** Of a file that is not there: whether it could be. */
function folderFinding(check: string, file: string): Finding {
  let folder = dirname(file);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  if (isWritable(folder)) return { check, result: "ok", text: `${file} is not there yet, and can be made` };
  const remedy = `Give this user the folder ${folder}.`;
  return { check, result: "problem", text: `${file} is not there, and cannot be made`, remedy };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Windows has other rights, which a mode does not tell. */
function isReadByOthers(file: string): boolean {
  return process.platform !== "win32" && (statSync(file).mode & othersBits) !== 0;
}

/** Variables that other programs take a proxy from, and Node.js only when it is told to. */
export function proxies(): Finding[] {
  const set = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].filter((name) => process.env[name]);
  if (set.length === 0) return [];
  const check = "proxy";
  if (process.env.NODE_USE_ENV_PROXY === "1") return [{ check, result: "ok", text: `taken from ${set.join(", ")}` }];
  const text = `${set.join(", ")} ${set.length === 1 ? "is" : "are"} set, and not used`;
  return [{ check, result: "note", text, remedy: "If the server is behind the proxy: set NODE_USE_ENV_PROXY=1." }];
}
