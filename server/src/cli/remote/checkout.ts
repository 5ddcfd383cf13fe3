/** `seatkeeper checkout` and `checkin`: a token for days without a network, as a voucher that the server signs. */
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Client, connect, type KeySet, LicenseDenied } from "@seatkeeper/client";
import { voucherFolder } from "@seatkeeper/client/offline";
import { exitCodes } from "../exit-codes.ts";
import { removeIfThere, requireNew } from "../files.ts";
import { CommandRefused } from "../refused.ts";
import { connected, connectOptions, type RemoteOptions } from "./connection.ts";
import { refusalOf } from "./guard.ts";
import { licenseIdOf } from "./licenses.ts";
import { local, show } from "./output.ts";
import { userOf } from "./user.ts";

interface Options extends RemoteOptions {
  readonly license?: string;
  readonly user?: string;
  readonly client?: string;
}

/** What a checkout is told as, and what closes it again. */
interface CheckedOut {
  readonly license: string;
  readonly user: string | null;
  readonly client: string;
  readonly session_id: string;
  readonly valid_until: string;
}

/** The closing of a session that is closed already, or that was never there. */
const notOpen = 12001;

const minutesPerDay = 1_440;

/** Into a file that may be carried anywhere; else for this machine alone, where applications' clients look. */
export async function checkout(options: Options & { readonly days: string; readonly out?: string }): Promise<void> {
  const minutes = Number(options.days) * minutesPerDay;
  if (!(minutes > 0 && Number.isFinite(minutes))) {
    throw new CommandRefused(exitCodes.usage, `--days ${options.days}: want a number, such as 3 or 0.5.`);
  }
  const { out } = options;
  if (out !== undefined) requireNew(out);
  const taken = out === undefined ? await keptHere(options, minutes) : await inFile(options, minutes, out);
  show({ ...taken, file: out ?? null }, options, () => {
    const where = out === undefined ? "Applications on this machine find it" : `The voucher is in ${out}`;
    return `Checked out until ${local(taken.valid_until)}. ${where}; to give it back: ${checkinOf(taken.license, options)}`;
  });
}

/** The command that gives back what this one took: by the file, or by all that this one was told of the holder. */
function checkinOf(license: string, { out, user, client, profile }: Options & { readonly out?: string }): string {
  const holder = out === undefined ? { license, user, client } : {};
  const named = Object.entries({ ...holder, profile }).flatMap(([name, value]) => (value ? [`--${name}`, value] : []));
  return ["seatkeeper", "checkin", ...(out === undefined ? [] : [out]), ...named].map(asTyped).join(" ");
}

/** A word as a shell takes it. */
const asTyped = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

async function keptHere(options: Options, minutes: number): Promise<CheckedOut> {
  const { client, license } = await offlineClient(options);
  const session = await client.open({ license, user: userOf(options), checkoutMinutes: minutes });
  session.detach();
  return {
    license,
    user: session.user ?? null,
    client: session.client,
    session_id: session.sessionId,
    valid_until: session.validUntil.toISOString(),
  };
}

/** A client that keeps vouchers where those of applications do. */
async function offlineClient(options: Options): Promise<{ readonly client: Client; readonly license: string }> {
  const { client, account } = await connected(options);
  const license = await licenseIdOf(client, account.role === "admin", options.license);
  const keySet = await client.call<KeySet>({ method: "GET", path: "/jwks.json" });
  const named = options.client === undefined ? {} : { client: options.client };
  const keeping = { keySet, vouchers: voucherFolder(), ...named };
  return { client: connect({ ...connectOptions(account, account.role), ...keeping }), license };
}

/** For no device: whoever has the file has the voucher. */
async function inFile(options: Options, minutes: number, out: string): Promise<CheckedOut> {
  const { client: seats, account } = await connected(options);
  const license = await licenseIdOf(seats, account.role === "admin", options.license);
  const user = userOf(options);
  const client = options.client || process.env.SEATKEEPER_DEVICE?.trim() || hostname();
  const sessionId = randomUUID();
  const seat = { license_id: license, client_id: client, session_id: sessionId, user_id: user };
  const open = { ...seat, checkout_period: minutes, voucher: true };
  const { voucher, session_valid_until } = await answerTo(seats, open).catch(async (error: unknown) => {
    // Nobody knows whether the token is taken. If it is, it is so for days, by an id that is known here alone.
    if (refusalOf(error)?.status === exitCodes.noServer) await close(seats, seat).catch(() => {});
    throw error;
  });
  try {
    writeFileSync(out, `${voucher}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    await close(seats, seat);
    // On a full disk it is there, and empty.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") removeIfThere(out);
    throw new CommandRefused(exitCodes.cannotCreate, `${out} cannot be written: ${(error as Error).message}`);
  }
  return { license, user, client, session_id: sessionId, valid_until: session_valid_until };
}

interface Answer {
  readonly voucher: string;
  readonly session_valid_until: string;
}

const answerTo = (seats: Client, body: object): Promise<Answer> =>
  seats.call({ method: "POST", path: "/provisioning/session/open", body });

/** Gives a checkout back before its time: that of a file, or the one that is kept for this machine. */
export async function checkin(file: string | undefined, options: Options): Promise<void> {
  const given = file === undefined ? await fromHere(options) : await fromFile(file, options);
  show(given, options, () => "The token is given back.");
}

async function fromHere(options: Options): Promise<object> {
  const { client, license } = await offlineClient(options);
  const user = userOf(options);
  const { sessionId } = await client.voucher({ license, user });
  if (sessionId === null) throw new CommandRefused(exitCodes.noInput, "The voucher that is kept names no session.");
  const session = await client.open({ license, user, sessionId });
  if (await session.close()) return { license, user, session_id: sessionId };
  const sentence = "The server does not take the voucher back: it is good, and its token in use, until its end.";
  throw new CommandRefused(exitCodes.noPermission, sentence);
}

async function fromFile(file: string, options: Options): Promise<object> {
  const { seat, isOver } = voucherIn(file);
  const { client, account } = await connected(options);
  if (!(await close(client, seat)) && !isOver) {
    const sentence = `The server at ${account.url} knows no such session, so nothing was given back and ${file} is kept. Is it the server that the token was taken from? If it was given back before, delete the file.`;
    throw new CommandRefused(exitCodes.noInput, sentence);
  }
  rmSync(file);
  return { license: seat.license_id, user: seat.user_id, session_id: seat.session_id };
}

/** Whose session a voucher is of, and whether it is over. The server looks at what it is told: nothing here has to be believed. */
function voucherIn(file: string) {
  try {
    const [, content = ""] = readFileSync(file, "utf8").split(".");
    const claims = JSON.parse(Buffer.from(content, "base64url").toString());
    const { license_id, client_id, session_id, user_id, exp } = claims;
    return { seat: { license_id, client_id, session_id, user_id }, isOver: exp * 1_000 <= Date.now() };
  } catch {
    throw new CommandRefused(exitCodes.noInput, `${file} is not there, or is no voucher.`);
  }
}

/** Answers whether there was anything to close: otherwise the server has no such session, or none any more. */
async function close(client: Client, seat: object): Promise<boolean> {
  try {
    await client.call({ method: "POST", path: "/provisioning/session/close", body: seat });
    return true;
  } catch (error) {
    if (!(error instanceof LicenseDenied && error.id === notOpen)) throw error;
    return false;
  }
}
