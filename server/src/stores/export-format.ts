/**
 * The file that moves between stores: JSON, one thing a line, with a line before them that says what the file is and one
 * behind them that proves that it is whole. `docs/reference/export-format.md` describes it.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Millis } from "../core/types.ts";
import { countedOf, countedSetting, type Dump, type DumpLine, DumpRefused } from "./store.ts";

/** The format that is written, and the newest that is read. */
export const formatVersion = 1;

/** Characters that are written at a time, some milliseconds' work: whoever else is served comes in between. */
const chunkLength = 65_536;

/** Bytes of a line. The longest, an entity with all that its schema allows, stays below; a longer one is no line of ours. */
const lineBytesMax = 67_108_864;

const truncated = "The export is truncated: its end is missing. Export again.";

const notice = "Holds private signing keys and personal data: whoever has this file can sign as the server.";

interface Head {
  readonly type: "export";
  readonly format: "seatkeeper";
  readonly version: number;
  readonly exportedAt: string;
  readonly aliveAt: Millis | null;
  readonly notice: string;
}

interface End {
  readonly type: "end";
  /** How many lines stand before this one. */
  readonly lines: number;
  /** SHA-256 of all bytes before this line, in hexadecimal. */
  readonly sha256: string;
}

/** A dump as text. `now` is the instant that the file says it was made at. */
export async function* writeExport({ aliveAt, lines }: Dump, now: Millis): AsyncGenerator<string> {
  const hash = createHash("sha256");
  const head: Head = {
    type: "export",
    format: "seatkeeper",
    version: formatVersion,
    exportedAt: new Date(now).toISOString(),
    aliveAt,
    notice,
  };
  let text = `${JSON.stringify(head)}\n`;
  let count = 1;
  for await (const line of lines) {
    text += `${JSON.stringify(line)}\n`;
    count++;
    if (text.length < chunkLength) continue;
    hash.update(text);
    yield text;
    text = "";
    await setImmediate();
  }
  hash.update(text);
  const end: End = { type: "end", lines: count, sha256: hash.digest("hex") };
  yield `${text}${JSON.stringify(end)}\n`;
}

/**
 * The dump in a file. Its lines end in `DumpRefused` where the file turns out to be truncated or altered, so whoever keeps
 * them keeps nothing before they have ended well.
 * @throws DumpRefused where the file is no export, or one of a newer format.
 */
export async function readExport(chunks: AsyncIterable<Uint8Array>): Promise<Dump> {
  const lines = linesOf(chunks);
  const first = await lines.next();
  const head = first.done === true ? undefined : headOf(first.value);
  const hash = createHash("sha256");
  if (first.done !== true) hash.update(first.value).update("\n");
  return { aliveAt: head?.aliveAt ?? null, lines: checked(lines, hash) };
}

function headOf(line: Buffer): Head {
  const head = parsed(line, 1) as unknown as Partial<Head>;
  if (head.type !== "export" || head.format !== "seatkeeper") throw new DumpRefused("This is no export of Seatkeeper.");
  if (typeof head.version !== "number" || head.version > formatVersion) {
    throw new DumpRefused(
      `The export is of format ${head.version}, and this program reads up to ${formatVersion}. Use a newer Seatkeeper.`,
    );
  }
  return head as Head;
}

/** The lines up to the last one, which must fit what was read. */
async function* checked(lines: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>): AsyncIterable<DumpLine> {
  let count = 1;
  let end: End | undefined;
  for await (const line of lines) {
    if (end !== undefined) throw new DumpRefused("The export is altered: something stands behind its last line.");
    const value = parsed(line, count + 1);
    if (value.type === "end") {
      end = value;
      continue;
    }
    if (isCountedByOthers(value)) throw new DumpRefused(ofOlder);
    if (!lineTypes.has(value.type)) throw new DumpRefused(`Line ${count + 1} of the export is of no known type.`);
    hash.update(line).update("\n");
    count++;
    yield value;
  }
  if (end === undefined) throw new DumpRefused(truncated);
  if (end.lines !== count || end.sha256 !== hash.digest("hex")) {
    throw new DumpRefused(
      "The export is altered: it does not have the checksum that its last line names. Export again.",
    );
  }
}

/** Beside servers that count otherwise, older ones read that all is counted, of any future (`migrations/postgres/0009`). */
function isCountedByOthers(line: DumpLine): boolean {
  return (
    line.type === "setting" && line.name === countedSetting && countedOf(line.value).until >= Number.MAX_SAFE_INTEGER
  );
}

const ofOlder =
  "The export was made by an older program than the database has, and does not tell how far history is counted. Export with the newer one.";

const lineTypes: ReadonlySet<string> = new Set<DumpLine["type"]>([
  "setting",
  "entity",
  "assignment",
  "project",
  "check-ins",
  "session",
  "history",
  "tally",
  "item",
  "gathered",
  "audit",
]);

function parsed(line: Buffer, number: number): DumpLine | End {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    if (typeof value === "object" && value !== null && "type" in value) return value as DumpLine | End;
  } catch {
    // Said below, with the number of the line.
  }
  throw new DumpRefused(
    number === 1 ? "This is no export of Seatkeeper." : `The export is damaged: line ${number} cannot be read.`,
  );
}

/** Lines without their ends. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const bytes of chunks) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = [];
      length = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > lineBytesMax) throw new DumpRefused("The export has a line that is too long to be one.");
  }
  if (length > 0) throw new DumpRefused(truncated);
}
