/** What a list takes is a multiple of this, so that 31 bits name a place up to 8 GB. */
const unit = 4;
const perPage = 65_536;
const unitsPerPage = perPage / unit;

/** Bytes that the first page has at the beginning: most licences of a shared database have few sessions. */
const fewest = 256;

/** Longer ones stay what they were: they are rare, and would leave holes in pages. The first byte tells how many units one takes. */
const longest = 255 * unit;

/** The numbers by which places can be named, as integers of 32 bits. */
const highest = 0x7fff_ffff;
const lowest = -0x8000_0000;

/** What a field begins with. */
const tags = { none: 0, likeFirst: 1, uuid: 2, latin: 3, other: 4 } as const;

export type Fields = readonly (string | null)[];

/**
 * Short lists of texts, packed into pages of bytes: a UUID in 17 of them, another text in three and one a character, what is
 * as the list's first in one. Places are named by numbers, never 0, and taken again once they are given back.
 */
export class Texts {
  readonly #pages: Buffer[] = [];
  /** By their size in units, the first place that has been given back; it has the next one written in it. */
  readonly #free: number[] = [];
  /** The first unit that has never been used. */
  #end = 1;
  #long: Map<number, Fields> | null = null;
  #lastLong = 0;

  put(fields: Fields): number {
    const size = packed(fields);
    if (size > longest) return this.#putLong(fields);
    const units = Math.ceil(size / unit);
    const place = this.#take(units);
    const offset = (place % unitsPerPage) * unit;
    scratch[0] = units;
    scratch.copy(this.#pages[Math.floor(place / unitsPerPage)] as Buffer, offset, 0, size);
    return place;
  }

  /** The first `count` fields. */
  get(place: number, count: number): (string | null)[] {
    if (place < 0) return this.#longAt(place).slice(0, count);
    const page = this.#pages[Math.floor(place / unitsPerPage)] as Buffer;
    return unpacked(page, (place % unitsPerPage) * unit + 1, count);
  }

  /** Whether field `n`, counted from 0, is this text: found out without making a text of it, mostly. */
  isAt(place: number, n: number, text: string): boolean {
    if (place < 0) return this.#longAt(place)[n] === text;
    const page = this.#pages[Math.floor(place / unitsPerPage)] as Buffer;
    const first = (place % unitsPerPage) * unit + 1;
    let at = first;
    for (let skipped = 0; skipped < n; skipped++) at = afterField(page, at);
    return isText(page, page[at] === tags.likeFirst ? first : at, text);
  }

  giveBack(place: number): void {
    if (place < 0) {
      this.#long?.delete(place);
      return;
    }
    const page = this.#pages[Math.floor(place / unitsPerPage)] as Buffer;
    const offset = (place % unitsPerPage) * unit;
    const units = page[offset] as number;
    page.writeInt32LE(this.#free[units] ?? 0, offset);
    this.#free[units] = place;
  }

  #putLong(fields: Fields): number {
    this.#long ??= new Map();
    // Numbers of 32 bits come round in a month of a busy server: those that are still in use are passed over.
    do this.#lastLong = this.#lastLong === lowest ? -1 : this.#lastLong - 1;
    while (this.#long.has(this.#lastLong));
    this.#long.set(this.#lastLong, fields);
    return this.#lastLong;
  }

  #longAt(place: number): Fields {
    return this.#long?.get(place) as Fields;
  }

  #take(units: number): number {
    const free = this.#free[units] ?? 0;
    if (free !== 0) {
      const page = this.#pages[Math.floor(free / unitsPerPage)] as Buffer;
      this.#free[units] = page.readInt32LE((free % unitsPerPage) * unit);
      return free;
    }
    // What would not fit into its page begins the next one.
    if ((this.#end % unitsPerPage) + units > unitsPerPage)
      this.#end = Math.ceil(this.#end / unitsPerPage) * unitsPerPage;
    const place = this.#end;
    if (place + units > highest) throw new RangeError("names of sessions and clients take more than 8 GB");
    this.#end += units;
    this.#makeRoom(Math.floor(place / unitsPerPage), ((place % unitsPerPage) + units) * unit);
    return place;
  }

  #makeRoom(page: number, bytes: number): void {
    const old = this.#pages[page];
    let length = old?.length ?? (page === 0 ? fewest : perPage);
    while (length < bytes) length *= 2;
    if (length === old?.length) return;
    const larger = Buffer.alloc(length);
    if (old !== undefined) larger.set(old);
    this.#pages[page] = larger;
  }
}

/** Where fields are packed before their size is known. */
const scratch = Buffer.alloc(longest + 1);

/** Packs fields into `scratch`, behind its first byte. Answers with the bytes used; more than `longest`: they have no room. */
function packed(fields: Fields): number {
  let at = 1;
  for (let n = 0; n < fields.length; n++) {
    if (at >= longest) return longest + 1;
    const field = fields[n] ?? null;
    if (field === null) scratch[at++] = tags.none;
    else if (n > 0 && field === fields[0]) scratch[at++] = tags.likeFirst;
    else at = packedText(field, at);
  }
  return at;
}

function packedText(text: string, at: number): number {
  if (text.length === 36 && packedUuid(text, at + 1)) {
    scratch[at] = tags.uuid;
    return at + 17;
  }
  const { length } = text;
  if (at + 3 + 2 * length > longest) return longest + 1;
  scratch[at + 1] = length & 255;
  scratch[at + 2] = length >> 8;
  for (let n = 0; n < length; n++) {
    const code = text.charCodeAt(n);
    if (code > 255) {
      scratch[at] = tags.other;
      return at + 3 + scratch.write(text, at + 3, "utf16le");
    }
    scratch[at + 3 + n] = code;
  }
  scratch[at] = tags.latin;
  return at + 3 + length;
}

/** Whether the text was a UUID as one is written, with small letters; its 16 bytes are packed then. */
function packedUuid(text: string, at: number): boolean {
  let to = at;
  for (let n = 0; n < 36; n++) {
    if (n === 8 || n === 13 || n === 18 || n === 23) {
      if (text.charCodeAt(n) !== dash) return false;
      continue;
    }
    const [high, low] = [digitOf(text.charCodeAt(n)), digitOf(text.charCodeAt(n + 1))];
    if (high < 0 || low < 0) return false;
    scratch[to++] = (high << 4) | low;
    n++;
  }
  return true;
}

const dash = 45;

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

function lengthAt(page: Buffer, at: number): number {
  return (page[at + 1] as number) | ((page[at + 2] as number) << 8);
}

/** Where the field behind this one begins. */
function afterField(page: Buffer, at: number): number {
  const tag = page[at];
  if (tag === tags.none || tag === tags.likeFirst) return at + 1;
  if (tag === tags.uuid) return at + 17;
  return at + 3 + (tag === tags.latin ? 1 : 2) * lengthAt(page, at);
}

/** Whether a field that is not like the first is this text. */
function isText(page: Buffer, at: number, text: string): boolean {
  const tag = page[at];
  if (tag === tags.none) return false;
  if (tag === tags.uuid) return text.length === 36 && isUuid(page, at + 1, text);
  if (lengthAt(page, at) !== text.length) return false;
  if (tag === tags.other) return page.toString("utf16le", at + 3, at + 3 + 2 * text.length) === text;
  for (let n = 0; n < text.length; n++) if (page[at + 3 + n] !== text.charCodeAt(n)) return false;
  return true;
}

function isUuid(page: Buffer, from: number, text: string): boolean {
  let n = 0;
  for (let at = from; at < from + 16; at++) {
    if ((n === 8 || n === 13 || n === 18 || n === 23) && text.charCodeAt(n++) !== dash) return false;
    const byte = page[at] as number;
    if (text.charCodeAt(n++) !== digits[byte >> 4] || text.charCodeAt(n++) !== digits[byte & 15]) return false;
  }
  return true;
}

/**
 * Unpacks fields by way of one text of all of them, whose parts cost next to nothing: each text by itself would be a call out of
 * JavaScript.
 */
function unpacked(page: Buffer, from: number, count: number): (string | null)[] {
  const fields: (string | null)[] = [];
  let at = from;
  let written = 0;
  for (let n = 0; n < count; n++) {
    const tag = page[at++];
    if (tag === tags.none || tag === tags.likeFirst) {
      ends[n] = tag === tags.none ? noText : likeFirst;
    } else if (tag === tags.uuid) {
      written = writeUuid(page, at, written);
      ends[n] = written;
      at += 16;
    } else {
      const length = lengthAt(page, at - 1);
      at += 2;
      if (tag === tags.other) {
        ends[n] = wide;
        fields[n] = page.toString("utf16le", at, at + 2 * length);
        at += 2 * length;
      } else {
        for (let m = 0; m < length; m++) unpackedText[written++] = page[at++] as number;
        ends[n] = written;
      }
    }
  }
  const all = unpackedText.toString("latin1", 0, written);
  let begin = 0;
  for (let n = 0; n < count; n++) {
    const end = ends[n] as number;
    if (end >= 0) {
      fields[n] = all.substring(begin, end);
      begin = end;
    } else if (end !== wide) fields[n] = end === noText ? null : (fields[0] as string);
  }
  return fields;
}

/** Where each field of a list ends in the text of all, or why it does not stand there. */
const ends: number[] = [];
const noText = -1;
const likeFirst = -2;
const wide = -3;

/** The text of all fields; UUIDs are more than twice as long as they were packed. */
const unpackedText = Buffer.alloc(3 * longest);

const digits = Buffer.from("0123456789abcdef");

function writeUuid(page: Buffer, from: number, to: number): number {
  let at = to;
  for (let n = 0; n < 16; n++) {
    if (n === 4 || n === 6 || n === 8 || n === 10) unpackedText[at++] = dash;
    const byte = page[from + n] as number;
    unpackedText[at++] = digits[byte >> 4] as number;
    unpackedText[at++] = digits[byte & 15] as number;
  }
  return at;
}
