/**
 * The strict reader of the fast lane. It reads heads of the plainest form alone, those in which no two readers of HTTP
 * could see two things; whatever else is sent, wrong or only unusual, is for `node:http` to read and to answer.
 */

import type { Socket } from "node:net";
import type { Catalog } from "../../catalog/catalog.ts";
import { type Caller, callerOf } from "../access.ts";
import { goesTheLongWay, type Head, readHead } from "../head.ts";
import type { HotAddresses, HotRoute } from "../hot.ts";
import { requireJson } from "../input.ts";
import { bodyBytesMax, headerLinesMax, laneHeadBytesMax } from "../limits.ts";
import { roleOf } from "../route.ts";
import type { Whereabouts } from "../whereabouts.ts";

/** A head that was read, and all that follows from its bytes: the same bytes need not be read again. */
export class PlainHead {
  /** The head up to and including the empty line. A copy: the chunk that it came in is larger. */
  readonly bytes: Buffer;
  readonly head: Head;
  readonly hot: HotRoute;
  /** Bytes of the whole request, body included. */
  readonly requestBytes: number;
  readonly #isvId: string;
  #caller: Caller | null = null;
  #catalogRevision = Number.NaN;
  #address: number | null | undefined = undefined;

  constructor(bytes: Buffer, head: Head, hot: HotRoute, isvId: string) {
    this.bytes = bytes;
    this.head = head;
    this.hot = hot;
    this.requestBytes = bytes.length + Number(head.contentLength);
    this.#isvId = isvId;
  }

  /** Whether a chunk begins with this very head. */
  begins(chunk: Buffer): boolean {
    const { length } = this.bytes;
    return chunk.length > length && chunk.compare(this.bytes, 0, length, 0, length) === 0;
  }

  /** As `callerOf`; looked up again once anything in the catalogue has changed. @throws Problem as that does. */
  callerIn(catalog: Catalog): Caller {
    if (this.#caller === null || this.#catalogRevision !== catalog.revision) {
      this.#caller = callerOf(catalog, this.head, this.#isvId, this.hot.reach, roleOf(this.hot.route));
      this.#catalogRevision = catalog.revision;
    }
    return this.#caller;
  }

  /** As `Whereabouts.of`, once for all: a head is remembered by the one connection that it came on. */
  addressIn(whereabouts: Whereabouts, { vendor }: Caller, socket: Socket): number | null {
    if (this.#address === undefined) {
      this.#address = whereabouts.of(vendor.isv.id, socket.remoteAddress, this.head.forwardedFor);
    }
    return this.#address;
  }

  /** Whether there is such a caller. */
  isOfCaller(catalog: Catalog): boolean {
    try {
      return this.callerIn(catalog) !== null;
    } catch {
      return false;
    }
  }
}

const endOfHead = Buffer.from("\r\n\r\n");
const requestLine = /^POST (\/[!-~]+) HTTP\/1\.1\r\n/;
/** A name of token characters, one blank, and a value of visible ASCII with blanks within it. */
const headerLine = /([\w!#$%&'*+.^`|~-]+): ([!-~](?:[ -~]*[!-~])?)\r\n/y;
const plainId = /^[\w-]+$/;
const plainLength = /^[1-9]\d{0,6}$/;

/** Headers that change how a message is framed, or what becomes of its connection. */
const framing = new Set(["transfer-encoding", "trailer", "te", "expect", "upgrade", "proxy-connection", "connection"]);

/** The head at the beginning of a chunk; null: it is not there, not whole or not plain. */
export function readPlainHead(chunk: Buffer, addresses: HotAddresses): PlainHead | null {
  const end = chunk.subarray(0, laneHeadBytesMax).indexOf(endOfHead);
  if (end < 0) return null;
  const length = end + endOfHead.length;
  const text = chunk.toString("latin1", 0, end + 2);
  const [line, url] = requestLine.exec(text) ?? [];
  const address = url === undefined ? null : addresses(url);
  const rawHeaders = line === undefined ? null : readLines(text, line.length);
  if (address === null || rawHeaders === null || !plainId.test(address.isvId)) return null;
  const head = acceptable(rawHeaders);
  if (head === null || Number(head.contentLength) > bodyBytesMax) return null;
  return new PlainHead(Buffer.from(chunk.subarray(0, length)), head, address.hot, address.isvId);
}

/** Names and values in turn; null: there is a line that is not plain. */
function readLines(text: string, start: number): string[] | null {
  const raw: string[] = [];
  headerLine.lastIndex = start;
  while (headerLine.lastIndex < text.length) {
    const [, name, value] = headerLine.exec(text) ?? [];
    if (name === undefined || value === undefined || raw.length >= 2 * headerLinesMax || !isPlain(name, value)) {
      return null;
    }
    raw.push(name, value);
  }
  return raw;
}

function isPlain(name: string, value: string): boolean {
  const folded = name.toLowerCase();
  if (folded === "content-length") return plainLength.test(value);
  if (folded === "connection") return value.toLowerCase() === "keep-alive";
  return !framing.has(folded);
}

/** What the other shells would refuse for its headers, they shall refuse. */
function acceptable(rawHeaders: readonly string[]): Head | null {
  try {
    const head = readHead({ rawHeaders, httpVersionMinor: 1 });
    requireJson(head.contentType);
    return head.contentLength === null || goesTheLongWay(head) ? null : head;
  } catch {
    return null;
  }
}
