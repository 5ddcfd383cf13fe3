/** Commands that speak to a server. Declared here; loaded, with the client that they speak through, when one is run. */
import type { Command } from "commander";

export function addRemoteCommands(program: Command): void {
  addAccount(program);
  addLooking(program);
  addActing(program);
  addOffline(program);
}

interface Json {
  readonly json?: boolean;
}

const guarded = async (options: Json, work: () => Promise<void>) => (await import("./guard.ts")).guard(options, work);

/** What every command has that speaks to a server. */
function withServer(command: Command): Command {
  return withJson(command).option("--profile <name>", "log in as this profile, whatever the environment says");
}

const withJson = (command: Command): Command => command.option("--json", "print JSON, for programs");

function addAccount(program: Command): void {
  withJson(program.command("login"))
    .description("keep a server's address, the vendor's id and a key for the commands below")
    .option("--url <url>", "the server's address")
    .option("--isv <id>", "the vendor's id")
    .option("--key <->", "- reads the key from standard input; without it you are asked")
    .option("--profile <name>", "keep it under this name, not as the default")
    .action((options) => guarded(options, async () => (await import("./login.ts")).login(options)));
  withJson(program.command("logout"))
    .description("forget what login has kept")
    .option("--profile <name>", "of this name, not the default")
    .action((options) => guarded(options, async () => (await import("./login.ts")).logout(options)));
}

function addLooking(program: Command): void {
  withServer(program.command("licenses"))
    .description("list the vendor's licences")
    .option("--search <text>", "those with this in their name or key, or their customer's name or number")
    .action((options) => guarded(options, async () => (await import("./licenses.ts")).licenses(options)));
  withServer(program.command("status"))
    .description("tokens of a licence: in use, limit, left")
    .argument("[license]", "its id, or for administrators its name or legacy key; else SEATKEEPER_LICENSE")
    .action((license, options) => guarded(options, async () => (await import("./status.ts")).status(license, options)));
  withServer(program.command("who"))
    .description("who holds a licence's tokens")
    .argument("[license]")
    .action((license, options) => guarded(options, async () => (await import("./who.ts")).who(license, options)));
  withServer(program.command("denials"))
    .description("who was refused what, newest first")
    .argument("[license]", "of this licence alone")
    .option("--user <user>", "of this user alone, as its name was written")
    .option("--since <time>", "so long ago, or an instant", "24h")
    .option("--limit <number>", "lines, up to 1000", "100")
    .action((license, options) =>
      guarded(options, async () => (await import("./denials.ts")).denials(license, options)),
    );
  withServer(program.command("doctor"))
    .description("what is wrong with this set-up, and what to do about it")
    .option("--license <license>", "look at this licence too; else SEATKEEPER_LICENSE")
    .action((options) => guarded(options, async () => (await import("./doctor.ts")).doctor(options)));
}

function addActing(program: Command): void {
  withServer(program.command("run"))
    .description("hold a session while a command runs, and end with its status")
    .argument("<command...>", "after --")
    .option("--license <license>", "its id, or for administrators its name; else SEATKEEPER_LICENSE")
    .option("--user <user>", "for whom; else SEATKEEPER_USER, or the account's name")
    .option("--client <id>", "the client id; else SEATKEEPER_DEVICE, or the host's name")
    .option("--project <project>", "connect to this project, on a licence that counts projects")
    .option("--product <id>", "activate a device that the licence does not know, for this product")
    .option("--wait <time>", "wait so long for a token, such as 90s or 10m")
    .option("--on-lost <what>", "when the session is lost: warn, or kill the command", "warn")
    .passThroughOptions()
    .action((command, options) => guarded(options, async () => (await import("./run.ts")).run(command, options)));
  withServer(program.command("end"))
    .description("end sessions, which frees their tokens; asks before it does")
    .argument("<license>")
    .argument("[session]", "an id that `who` lists, or the client's own")
    .option("--user <user>", "every session of this user")
    .option("--client <id>", "every session of this client")
    .option("--all", "every session of the licence")
    .option("--yes", "do not ask")
    .action((license, session, options) =>
      guarded(options, async () => (await import("./end.ts")).end(license, session, options)),
    );
  withServer(program.command("apply"))
    .description("apply tenant files to a running server: all of them or none")
    .argument("<files...>")
    .option("--dry-run", "say what would be done, and do nothing")
    .action((files, options) => guarded(options, async () => (await import("./apply.ts")).apply(files, options)));
}

function addOffline(program: Command): void {
  withServer(program.command("checkout"))
    .description("take a token for days without a network, as a voucher")
    .option("--license <license>", "its id, or for administrators its name; else SEATKEEPER_LICENSE")
    .requiredOption("--days <number>", "for so long, such as 3 or 0.5")
    .option("--out <file>", "write the voucher to this file; without it, it is kept where applications here look")
    .option("--user <user>", "for whom; else SEATKEEPER_USER, or the account's name")
    .option("--client <id>", "the client id; else SEATKEEPER_DEVICE, or the host's name")
    .action((options) => guarded(options, async () => (await import("./checkout.ts")).checkout(options)));
  withServer(program.command("checkin"))
    .description("give a checkout back before its time")
    .argument("[file]", "the voucher's; without it, the one that is kept for applications here")
    .option("--license <license>", "of this licence; else SEATKEEPER_LICENSE")
    .option("--user <user>", "of this user; else SEATKEEPER_USER, or the account's name")
    .option("--client <id>", "of this client; else SEATKEEPER_DEVICE, or the host's name")
    .action((file, options) => guarded(options, async () => (await import("./checkout.ts")).checkin(file, options)));
}
