/** The command line. One file a verb. */
import { Command, CommanderError } from "commander";
import { TenantFileFault } from "../catalog/tenant-faults.ts";
import { ConfigRefused } from "../config.ts";
import { TlsRefused } from "../http/tls.ts";
import { DatabaseRefused, DumpRefused, StoreFault, StoreNotEmpty } from "../stores/store.ts";
import { version } from "../version.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";
import { addRemoteCommands } from "./remote/commands.ts";

/** Runs one command line (without the program's own name). Sets the exit status; a server goes on until it is told to stop. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command("seatkeeper")
    .description("A floating-licence server: tokens for users, devices and projects, over HTTP.")
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
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
  program
    .command("migrate")
    .description("bring the database to this program's schema, as a start of the server does")
    .option("--dry-run", "say what would be run, and change nothing")
    .action(async (options: { dryRun?: boolean }) => (await import("./migrate.ts")).migrate(options));
  program
    .command("backup")
    .description("copy the SQLite database into FILE (- is standard output); a running server makes the copy")
    .argument("<file>")
    .option("--url <url>", "the running server's address, where the settings do not tell")
    .action(async (file: string, options: { url?: string }) => (await import("./backup.ts")).backup(file, options));
  program
    .command("restore")
    .description("put a backup in the place of the SQLite database; no server may run")
    .argument("[file]")
    .option("--hold", "give no token for one session period; without FILE, of a database restored by other means")
    .option("--verify", "look whether the backup is whole and can be served, and change nothing")
    .action(async (file: string | undefined, options: { hold?: boolean; verify?: boolean }) =>
      (await import("./restore.ts")).restore(file, options),
    );
  program
    .command("export")
    .description("write everything into FILE (- is standard output), to move it to another store")
    .argument("<file>")
    .option("--url <url>", "the running server's address, where the settings do not tell")
    .action(async (file: string, options: { url?: string }) => (await import("./export.ts")).exportTo(file, options));
  program
    .command("import")
    .description("fill an empty database from FILE (- is standard input); no server may run")
    .argument("<file>")
    .action(async (file: string) => (await import("./import.ts")).importFrom(file));
  program
    .command("demo-history")
    .description("put months of working days of the demo vendor into a database that has no history yet")
    .option("--days <number>", "how many days, up to now", "90")
    .action(async (options: { days: string }) => (await import("./demo-history.ts")).demoHistory(options));
  addRemoteCommands(program);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    process.exitCode = failed(error);
  }
}

/** Says what went wrong, for a person, and with which status the process ends. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof CommandRefused) return say(error, error.status);
  if (error instanceof DumpRefused) return say(error, exitCodes.data);
  if (error instanceof StoreNotEmpty) return say(error, exitCodes.cannotCreate);
  if ([ConfigRefused, TenantFileFault, TlsRefused].some((kind) => error instanceof kind))
    return say(error as Error, exitCodes.config);
  if (error instanceof DatabaseRefused || error instanceof StoreFault) return say(error, exitCodes.unavailable);
  const refusal = refusalOfSystem(error as SystemError);
  if (refusal !== null) return say(refusal, refusal.status);
  console.error(error);
  return exitCodes.software;
}

/** What the system's calls fail with: of a file its path, of a socket its address. */
interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

/** Null: it is no refusal of the system's, or one that only a bug can lead to. */
function refusalOfSystem({ code = "", syscall, path, message, address, port, hostname }: SystemError) {
  if (syscall === "listen" || syscall === "getaddrinfo") {
    const why = notNow[code];
    const host = hostname ?? address;
    if (why === undefined) {
      return new CommandRefused(
        exitCodes.config,
        `${host} is nothing to listen on (${code}). Look at SEATKEEPER_HOST.`,
      );
    }
    // The system names no port that it was to choose itself.
    const place = port === undefined ? host : `${host}:${port}`;
    const sentence = `${place} ${why}. Set SEATKEEPER_HOST or SEATKEEPER_PORT to another.`;
    return new CommandRefused(exitCodes.unavailable, sentence);
  }
  if (syscall === undefined || path === undefined) return null;
  if (/^(EMFILE|ENFILE|ENOSPC|EDQUOT|EIO)$/.test(code))
    return new CommandRefused(exitCodes.unavailable, `${path}: ${message}`);
  const isLook = /^(open|stat|lstat|scandir|access|read)$/.test(syscall);
  return isLook ? new CommandRefused(exitCodes.noInput, `${path}: ${message}`) : null;
}

/** Why an address cannot be listened on, which may be different later. */
const notNow: Readonly<Record<string, string | undefined>> = {
  EADDRINUSE: "is in use",
  EACCES: "may not be opened by this user",
  EADDRNOTAVAIL: "is not of this machine",
  EAI_AGAIN: "cannot be looked up at the moment",
};

function say(error: Error, status: number): number {
  console.error(error.message);
  return status;
}
