/** Questions to whoever sits at the terminal: on standard error, for standard output is the answer's. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

/** One line. @throws CommandRefused where nobody sits there, naming the `option` that answers instead. */
export function ask(question: string, option: string): Promise<string> {
  return answerTo(question, option, process.stderr);
}

/** One line that is not shown while it is typed. */
export async function askSecret(question: string, option: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await answerTo(question, option, nowhere);
  process.stderr.write("\n");
  return answer;
}

/** False unless the answer is yes. */
export async function confirm(question: string, option: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} (y/N) `, option)).trim());
}

/** `echo` is where readline shows what is typed: the terminal itself shows nothing from here on. */
async function answerTo(question: string, option: string, echo: NodeJS.WritableStream): Promise<string> {
  requireTerminal(option);
  const lines = createInterface({ input: process.stdin, output: echo, terminal: true });
  const over = new AbortController();
  // Ctrl+C and Ctrl+D close it.
  lines.once("close", () => over.abort());
  try {
    // Not before: what is typed ahead must not be shown either.
    if (echo !== process.stderr) process.stderr.write(question);
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
