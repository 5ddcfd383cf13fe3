/** Files that a command reads and writes. `-` is standard input or output. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { syncFolder } from "../stores/sqlite/at-rest.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";

/** @throws CommandRefused where nobody can tell, as in somebody else's folder. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new CommandRefused(exitCodes.noInput, `${path} cannot be read: ${(error as Error).message}`);
  }
}

/** @throws CommandRefused where the file cannot be read. */
export function readFrom(file: string): Readable {
  if (file === "-") return process.stdin;
  try {
    const fd = openSync(file, "r");
    if (!fstatSync(fd).isDirectory()) return createReadStream(file, { fd });
    closeSync(fd);
  } catch (error) {
    throw new CommandRefused(exitCodes.noInput, `${file} cannot be read: ${(error as Error).message}`);
  }
  throw new CommandRefused(exitCodes.noInput, `${file} is a folder: name a file.`);
}

/** @throws CommandRefused where something of this name is there: a backup never takes another one's place. */
export function requireNew(file: string): void {
  if (file === "-" || !existsSync(file)) return;
  throw new CommandRefused(exitCodes.cannotCreate, `${file} is there already. Name another file, or move it away.`);
}

/**
 * Writes a file that its owner alone may read. It has its name only once it is whole and on disk, so a file of this name is a
 * good one. `source` is asked once there is something to write into; `onBytes` is told of progress; `check` is told where the
 * file is, and how it is called.
 */
export async function writeNew(
  file: string,
  source: () => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>,
  onBytes: (count: number) => void,
  check: (path: string, name: string) => void | Promise<void>,
): Promise<void> {
  const chunks = counted(source, onBytes);
  // Of this run's own: another one on the same name must not write into it, nor take it away.
  const part = `${file}.${randomBytes(4).toString("hex")}.part`;
  try {
    if (file === "-") return await pipeline(Readable.from(chunks), process.stdout, { end: false });
    await writeWhole(part, chunks);
    await check(part, file);
    requireNew(file);
    renameSync(part, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (file !== "-") removeIfThere(part);
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined || syscall === "read") throw error;
    const name = file === "-" ? "Standard output" : file;
    throw new CommandRefused(exitCodes.cannotCreate, `${name} cannot be written: ${message}`);
  }
}

/** What went wrong before is told, and not that there is nothing to remove. */
export function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A name that no file can have.
  }
}

async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const fd = openSync(path, "wx", 0o600);
  try {
    chmodSync(path, 0o600);
    for await (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

async function* counted(source: Parameters<typeof writeNew>[1], onBytes: (count: number) => void) {
  for await (const chunk of await source()) {
    onBytes(chunk.length);
    yield chunk;
  }
}
