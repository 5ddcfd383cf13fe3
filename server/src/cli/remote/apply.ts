import { readFileSync, statSync } from "node:fs";
import { RequestRefused } from "@seatkeeper/client";
import { secretsBeside, TenantFileFault } from "../../catalog/tenant-file.ts";
import { parseYaml, tenantFileLengthMax } from "../../catalog/tenant-yaml.ts";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";
import { connectedAsAdmin, type RemoteOptions } from "./connection.ts";
import { show, table } from "./output.ts";

interface Options extends RemoteOptions {
  readonly dryRun?: boolean;
}

interface Applied {
  readonly dry_run: boolean;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly changes: readonly {
    readonly act: "created" | "changed";
    readonly kind: string;
    readonly id: string;
    readonly name: string | null;
    readonly fields: readonly string[];
  }[];
}

/** `seatkeeper apply FILE…`: tenant files for a running server, all of them or none, as its start would apply them. */
export async function apply(paths: readonly string[], options: Options): Promise<void> {
  const files = paths.map(fileOf);
  const client = await connectedAsAdmin(options);
  const call = { method: "POST", path: "/tenant-files", body: { files, dry_run: options.dryRun === true } } as const;
  try {
    const applied = await client.call<Applied>(call);
    show(applied, options, () => textOf(applied));
  } catch (error) {
    // As at a start: the files are wrong, and stay so until somebody mends them.
    if (!(error instanceof RequestRefused) || error.code !== "input_invalid") throw error;
    throw new CommandRefused(exitCodes.config, error.message);
  }
}

function fileOf(name: string) {
  const text = textIn(name);
  const secretOf = secretsBeside(name);
  const secrets: Record<string, string> = {};
  for (const path of secretFilesIn(name, text)) {
    const found = secretOf(path);
    if ("fault" in found) throw new CommandRefused(exitCodes.config, `${name}: secret_file ${path}: ${found.fault}`);
    secrets[path] = found.sha256;
  }
  return { name, text, secrets };
}

function textIn(name: string): string {
  try {
    // Before it is read: a bound on what was read already would come too late.
    if (statSync(name).size > 4 * tenantFileLengthMax) throw new Error("it is too large");
    return readFileSync(name, "utf8");
  } catch (error) {
    throw new CommandRefused(exitCodes.noInput, `${name} cannot be read: ${(error as Error).message}`);
  }
}

/** The server reads no path that a request names, so the keys of files of their own are read here. */
function secretFilesIn(name: string, text: string): readonly string[] {
  try {
    const { keys } = (parseYaml(name, text).value ?? {}) as { readonly keys?: unknown };
    const entries = Array.isArray(keys) ? keys : [];
    return entries.map((entry) => entry?.secret_file).filter((path) => typeof path === "string");
  } catch (error) {
    if (error instanceof TenantFileFault) return []; // the server tells what is wrong, of all files together
    throw error;
  }
}

function textOf({ dry_run, created, changed, unchanged, changes }: Applied): string {
  const counts = `${created} created, ${changed} changed, ${unchanged} as they were.`;
  const rows = changes.map(({ act, kind, name, id, fields }) => [act, kind, name, fields.join(", "), id]);
  return [
    ...(rows.length === 0 ? [] : [table(["", "KIND", "NAME", "FIELDS", "ID"], rows)]),
    dry_run ? `Nothing was done. It would be: ${counts}` : counts,
  ].join("\n");
}
