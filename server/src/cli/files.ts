/** Files that a command reads and writes. `-` is standard input or output. */
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";

/** @throws CommandRefused where the file cannot be read. */
export function readFrom(file: string): Readable {
  if (file === "-") return process.stdin;
  try {
    return createReadStream(file, { fd: openSync(file, "r") });
  } catch (error) {
    throw new CommandRefused(exitCodes.noInput, `${file} cannot be read: ${(error as Error).message}`);
  }
}

/** @throws CommandRefused where something of this name is there: a backup never takes another one's place. */
export function requireNew(file: string): void {
  if (file === "-" || !existsSync(file)) return;
  throw new CommandRefused(exitCodes.cannotCreate, `${file} is there already. Name another file, or move it away.`);
}

/**
 * Writes a file that its owner alone may read. It has its name only once it is whole and on disk, so a file of this name is a
 * good one. `onBytes` is told of progress.
 */
export async function writeNew(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
  check: (path: string) => void | Promise<void>,
): Promise<void> {
  if (file === "-") return pipeline(Readable.from(counted(chunks, onBytes)), process.stdout, { end: false });
  const part = `${file}.part`;
  try {
    await writeWhole(part, counted(chunks, onBytes));
    await check(part);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !["ENOENT", "EACCES", "ENOSPC", "EROFS", "EISDIR"].includes(code)) throw error;
    throw new CommandRefused(exitCodes.cannotCreate, `${file} cannot be written: ${(error as Error).message}`);
  }
}

async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const fd = openSync(path, "w", 0o600);
  try {
    chmodSync(path, 0o600);
    for await (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (count: number) => void) {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}
