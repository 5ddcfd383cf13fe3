/** Asks a running server for a copy of its data: it alone may open its file. */
import type { Config } from "../config.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";

export async function askServer(config: Config, url: string | undefined, what: "backup" | "export") {
  const address = url ?? addressOf(config);
  if (config.operatorKey === null) {
    throw new CommandRefused(
      exitCodes.config,
      "A server has the database, and makes the copy itself: set SEATKEEPER_OPERATOR_KEY to the same value as for the server.",
    );
  }
  const response = await ask(`${address.replace(/\/$/, "")}/operator/${what}`, config.operatorKey);
  if (response.ok && response.body !== null) return response.body as AsyncIterable<Uint8Array>;
  const { detail = "", title = "" } = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
  const isRefused = response.status === 401 || response.status === 403;
  throw new CommandRefused(
    isRefused ? exitCodes.noPermission : exitCodes.unavailable,
    `The server at ${address} answers ${response.status}. ${title} ${detail}`.trim(),
  );
}

async function ask(url: string, operatorKey: string): Promise<Response> {
  try {
    return await fetch(url, { headers: { OperatorKey: operatorKey }, redirect: "error" });
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw new CommandRefused(
      exitCodes.unavailable,
      `A server has the database, but nobody answers at ${url}: ${why}. Name its address with --url.`,
    );
  }
}

/** Where the server of these settings listens. */
function addressOf({ host, port }: Config): string {
  if (port === 0)
    throw new CommandRefused(exitCodes.usage, "SEATKEEPER_PORT is 0: name the server's address with --url.");
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
