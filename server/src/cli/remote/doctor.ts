/** `seatkeeper doctor`: what is wrong with this set-up, and what to do about it. */
import { exitCodes } from "../exit-codes.ts";
import type { RemoteOptions } from "./connection.ts";
import { localServer, profileFile, proxies } from "./doctor-machine.ts";
import { remoteServer } from "./doctor-server.ts";
import { show, styled } from "./output.ts";

export interface Finding {
  readonly check: string;
  /** `note`: worth knowing, and no fault. */
  readonly result: "ok" | "note" | "problem";
  readonly text: string;
  /** What to do. */
  readonly remedy?: string;
}

/** Looks at this machine and at the server, and ends with status 1 where something is wrong. */
export async function doctor(options: RemoteOptions & { readonly license?: string }): Promise<void> {
  const findings = [profileFile(), ...localServer(), ...proxies(), ...(await remoteServer(options))];
  const problems = findings.filter(({ result }) => result === "problem").length;
  const summary = problems === 0 ? "Nothing is wrong." : `Problems: ${problems}.`;
  show({ findings, problems }, options, () => [...findings.map(textOf), summary].join("\n"));
  if (problems > 0) process.exitCode = exitCodes.notDone;
}

const colours = { ok: "green", note: "yellow", problem: "red" } as const;

function textOf({ check, result, text, remedy }: Finding): string {
  const line = `${styled(colours[result], result.padEnd("problem".length))}  ${check}: ${text}`;
  return remedy === undefined ? line : `${line}\n         ${remedy}`;
}
