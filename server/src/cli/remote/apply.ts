import { readFileSync, statSync } from "node:fs";
import { RequestRefused } from "@seatkeeper/client";
import { type Fault, secretsBeside, TenantFileFault, tryTenantText, utf8Text } from "../../catalog/tenant-file.ts";
import { tenantFileLengthMax } from "../../catalog/tenant-yaml.ts";
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
  const read = paths.map(readHere);
  if (!read.every(({ isWhole }) => isWhole)) {
    const { message } = new TenantFileFault(read.flatMap(({ faults }) => faults));
    throw new CommandRefused(exitCodes.config, message);
  }
  const files = read.map(({ file }) => file);
  const client = await connectedAsAdmin(options);
  const call = { method: "POST", path: "/tenant-files", body: { files, dry_run: options.dryRun === true } } as const;
  try {
    const applied = await client.call<Applied>(call);
    show(applied, options, () => outcomeOf(applied));
  } catch (error) {
    // As at a start: the files are wrong, and stay so until somebody mends them.
    if (!(error instanceof RequestRefused) || error.code !== "input_invalid") throw error;
    throw new CommandRefused(exitCodes.config, error.message);
  }
}

interface ReadHere {
  readonly file: { readonly name: string; readonly text: string; readonly secrets: Readonly<Record<string, string>> };
  /** Whether it can be sent as it is meant. */
  readonly isWhole: boolean;
  readonly faults: readonly Fault[];
}

/**
 * The server reads no path that a request names, so the keys of files of their own are read here. What is wrong with a file it
 * tells itself, by what it knows of them; where one cannot be sent it is not asked, and what can be seen from here is told.
 */
function readHere(name: string): ReadHere {
  const bytes = bytesOf(name);
  const beside = secretsBeside(name);
  const secrets: Record<string, string> = {};
  let isWhole = true;
  try {
    const text = utf8Text(name, bytes);
    const { faults } = tryTenantText(name, text, (path) => {
      const found = beside(path);
      if ("fault" in found) isWhole = false;
      else secrets[path] = found.sha256;
      return found;
    });
    return { file: { name, text, secrets }, isWhole, faults };
  } catch (error) {
    if (!(error instanceof TenantFileFault)) throw error;
    return { file: { name, text: "", secrets }, isWhole: false, faults: error.faults };
  }
}

function bytesOf(name: string): Buffer {
  try {
    // Before it is read: a bound on what was read already would come too late.
    if (statSync(name).size > 4 * tenantFileLengthMax) throw new Error("it is too large");
    return readFileSync(name);
  } catch (error) {
    throw new CommandRefused(exitCodes.noInput, `${name} cannot be read: ${(error as Error).message}`);
  }
}

function outcomeOf({ dry_run, created, changed, unchanged, changes }: Applied): string {
  const counts = `${created} created, ${changed} changed, ${unchanged} as they were.`;
  const rows = changes.map(({ act, kind, name, id, fields }) => [act, kind, name, fields.join(", "), id]);
  return [
    ...(rows.length === 0 ? [] : [table(["", "KIND", "NAME", "FIELDS", "ID"], rows)]),
    dry_run ? `Nothing was done. It would be: ${counts}` : counts,
  ].join("\n");
}
