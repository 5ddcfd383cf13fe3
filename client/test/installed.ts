/** The package as npm packs it, installed in a clean folder: what users get, and not what lies in this repository. */
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const client = fileURLToPath(new URL("../", import.meta.url));

/** Packs what was built into `folder/node_modules`, and answers with its place there. */
export function installClient(folder: string): string {
  const run = (command: string, args: readonly string[], cwd: string) =>
    execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const tarball = run("npm", ["pack", "--silent", "--pack-destination", folder], client).trim();
  run("tar", ["-xzf", tarball], folder);
  const installed = join(folder, "node_modules/@seatkeeper/client");
  mkdirSync(dirname(installed), { recursive: true });
  renameSync(join(folder, "package"), installed);
  return installed;
}
