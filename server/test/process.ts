/** The server as users run it: a process of its own, on a port that the system chooses, stopped by its process id. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../bin/seatkeeper.js", import.meta.url));

/** All that a program of the tests has of the environment of whoever runs them. */
export const ground = {
  PATH: process.env.PATH as string,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE as string,
};

export interface ServerProcess {
  readonly url: string;
  /** Sends the signal and waits for the end. Answers with the exit status (null after SIGKILL) and all output. */
  stop(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<{ readonly status: number | null; readonly output: string }>;
  /** Suspends the process, wakes it, or has it read again what may be renewed. */
  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void;
  /** What it has printed so far. */
  output(): string;
  /** From now on nobody reads what it prints. */
  leaveOutput(): void;
}

/** Starts `seatkeeper <args>` and waits until it serves. Rejects with its status and output if it ends instead. */
export async function startProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder?: string,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: { ...ground, SEATKEEPER_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<number | null>((resolve) => child.once("exit", (status) => resolve(status)));
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const match = /"url":"(https?:[^"]+)"/.exec(output);
      if (match?.[1] !== undefined) resolve(match[1]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    void ended.then((status) => reject(new ProcessEnded(status, output)));
  });
  return {
    url,
    async stop(signal) {
      kill(child, signal);
      return { status: await ended, output };
    },
    signal: (signal) => kill(child, signal),
    output: () => output,
    leaveOutput() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

/** The process ended before it served. */
export class ProcessEnded extends Error {
  readonly status: number | null;
  readonly output: string;

  constructor(status: number | null, output: string) {
    super(`seatkeeper ended with status ${status}:\n${output}`);
    this.status = status;
    this.output = output;
  }
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
}

/** Runs a script of the documents as a reader's shell would, in the server's folder, and answers with what it prints. */
export function runScript(script: string): string {
  const stray = /https?:\/\/(?!127\.0\.0\.1:)\S+/.exec(script);
  if (stray !== null) throw new Error(`the script would leave this machine: ${stray[0]}`);
  // A real curl goes first; ours stands in where there is none.
  const PATH = `${process.env.PATH}:${fileURLToPath(new URL("./bin", import.meta.url))}`;
  return execFileSync("bash", ["-euc", script], { encoding: "utf8", cwd: dirname(bin), env: { ...process.env, PATH } });
}

/** A folder for one test, gone afterwards. */
export function temporaryFolder(): {
  readonly path: string;
  write(name: string, content: string | Buffer): string;
  remove(): void;
} {
  const path = mkdtempSync(join(tmpdir(), "seatkeeper-test-"));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(path, { recursive: true }),
  };
}
