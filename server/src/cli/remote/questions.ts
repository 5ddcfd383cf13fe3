/** Questions to whoever sits at the terminal: on standard error, for standard output is the answer's. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

/** One line. @throws CommandRefused where nobody sits there, naming the `option` that answers instead. */
export function ask(question: string, option: string): Promise<string> {
  return lineFrom(question, option, process.stderr);
}

/** One line that is not shown while it is typed. */
export async function askSecret(question: string, option: string): Promise<string> {
  // The terminal is put into raw mode, so that it echoes nothing; what would be echoed instead goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  requireTerminal(option);
  process.stderr.write(question);
  try {
    return await lineFrom("", option, nowhere);
  } finally {
    process.stderr.write("\n");
  }
}

/** False unless the answer is yes. */
export async function confirm(question: string, option: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} (y/N) `, option)).trim());
}

async function lineFrom(question: string, option: string, output: NodeJS.WritableStream): Promise<string> {
  requireTerminal(option);
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const over = new AbortController();
  // Ctrl+C and Ctrl+D close it.
  lines.once("close", () => over.abort());
  try {
    return await lines.question(question, { signal: over.signal });
  } catch {
    throw new CommandRefused(exitCodes.notDone, "Nothing was done.");
  } finally {
    lines.close();
  }
}

function requireTerminal(option: string): void {
  if (process.stdin.isTTY) return;
  throw new CommandRefused(exitCodes.usage, `There is no terminal to ask at: pass ${option}.`);
}
