/** The command line. One file a verb. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { TenantFileFault } from "../catalog/tenant-file.ts";
import { ConfigRefused } from "../config.ts";
import { DatabaseRefused, StoreFault } from "../stores/store.ts";
import { exitCodes } from "./exit-codes.ts";

/** Runs one command line (without the program's own name). Sets the exit status; a server goes on until it is told to stop. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command("seatkeeper")
    .description("A floating-licence server: tokens for users and devices, over HTTP.")
    .version(version())
    .exitOverride()
    .showHelpAfterError("(seatkeeper --help says what there is)");
  program
    .command("serve")
    .description("run the server; settings come from SEATKEEPER_… variables")
    .option("--demo", "with the demo vendor's tenant file, and commands to try")
    .action(async (options: { demo?: boolean }) => (await import("./serve.ts")).serve(options));
  program
    .command("sandbox")
    .description("run a server in memory whose clock you hold: POST /sandbox/clock")
    .action(async () => (await import("./sandbox.ts")).sandbox());
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    process.exitCode = failed(error);
  }
}

/** Says what went wrong, for a person, and with which status the process ends. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof ConfigRefused || error instanceof TenantFileFault) return say(error, exitCodes.config);
  if (error instanceof DatabaseRefused || error instanceof StoreFault) return say(error, exitCodes.unavailable);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "EADDRINUSE" || code === "EACCES" || code === "EADDRNOTAVAIL") {
    const why = {
      EADDRINUSE: "is in use",
      EACCES: "may not be opened by this user",
      EADDRNOTAVAIL: "is not of this machine",
    }[code];
    return say(
      new Error(`${address}:${port} ${why}. Set SEATKEEPER_HOST or SEATKEEPER_PORT to another.`),
      exitCodes.unavailable,
    );
  }
  console.error(error);
  return exitCodes.software;
}

function say(error: Error, status: number): number {
  console.error(error.message);
  return status;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
    .version;
}
