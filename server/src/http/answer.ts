/** An answer, and how it becomes a response: exact length, no compression, signed when the API key says so. */
import type { ServerResponse } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { answerReadMs, answerTimedBytes, downloadIdleMs } from "./limits.ts";
import { dataHeaders } from "./security.ts";

export const jsonType = "application/json";
export const problemType = "application/problem+json";

export interface Answer {
  readonly status: number;
  /** Null: the answer has no body. */
  readonly contentType: string | null;
  /** Bytes where they are the same for everybody, and large: they are shared, not written anew for each reader. */
  readonly body: string | Buffer;
  /** Further headers, name and value in turn. */
  readonly headers: readonly string[];
}

/** Where the one answer of a request goes: a response of `node:http`, or a connection of the fast lane. */
export interface AnswerWriter {
  /** Does nothing where nobody is left to read it. `signed`: the headers of its signatures, name and value in turn. */
  write(answer: Answer, signed?: readonly string[]): void;
}

/** A good answer of which there is more than fits into memory. Cut off where its stream ends in an error. */
export interface Download {
  readonly contentType: string;
  /** Null: it is not known beforehand. */
  readonly bytes: number | null;
  readonly stream: Readable;
}

/** A good answer that goes on for as long as somebody listens. */
export interface Listening {
  readonly contentType: string;
  readonly listen: (res: ServerResponse) => void;
}

const noHeaders: readonly string[] = [];

export function json(value: unknown): Answer {
  return jsonText(JSON.stringify(value));
}

/** A 200 of JSON that is text already. */
export function jsonText(body: string): Answer {
  return { status: 200, contentType: jsonType, body, headers: noHeaders };
}

export const noContent: Answer = { status: 204, contentType: null, body: "", headers: noHeaders };

/** SLASCONE's clients check 200 and 409; nothing else carries its signature. */
export function isSignable(status: number): boolean {
  return status === 200 || status === 409;
}

/** Bytes of an answer's body. */
export const bytesOf = ({ body }: Answer) => (typeof body === "string" ? Buffer.byteLength(body) : body.length);

/** The headers of an answer, name and value in turn; those about the connection are its writer's. */
export function headersOf(answer: Answer, bodyBytes: number, signed: readonly string[] = noHeaders): string[] {
  const headers: string[] = [];
  if (answer.contentType !== null) {
    headers.push("Content-Type", answer.contentType, "Content-Length", String(bodyBytes));
  }
  for (const part of answer.headers) headers.push(part);
  for (const part of signed) headers.push(part);
  return headers;
}

/** Writes to a response of `node:http`. */
export class ResponseWriter implements AnswerWriter {
  readonly #res: ServerResponse;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  write(answer: Answer, signed?: readonly string[]): void {
    const res = this.#res;
    if (res.headersSent || res.destroyed) return;
    res.writeHead(answer.status, headersOf(answer, bytesOf(answer), signed));
    if (answer.body.length > answerTimedBytes) cutOffSlowReader(res);
    res.end(answer.body);
  }

  /** Opens an answer that others go on writing. Proxies must pass on what there is. */
  listening({ contentType, listen }: Listening, requestId: string): void {
    const res = this.#res;
    if (res.headersSent || res.destroyed) return;
    const rest = [...dataHeaders, "X-Accel-Buffering", "no", "X-Request-Id", requestId];
    res.writeHead(200, ["Content-Type", contentType, ...rest]);
    if (res.req.method === "HEAD") res.end();
    else listen(res);
  }

  /** Writes a download as fast as it is taken. It is for nobody's cache. */
  download({ contentType, bytes, stream }: Download, requestId: string): void {
    const res = this.#res;
    if (res.headersSent || res.destroyed) {
      stream.destroy();
      return;
    }
    const length = bytes === null ? [] : ["Content-Length", String(bytes)];
    const rest = [...dataHeaders, "Connection", "close", "X-Request-Id", requestId];
    res.writeHead(200, ["Content-Type", contentType, ...length, ...rest]);
    res.setTimeout(downloadIdleMs, () => res.destroy());
    // An error on either side ends both: whoever reads sees that the end is missing.
    pipeline(stream, res, () => {});
  }
}

/** Whoever does not take a long answer in time loses the connection, and we the memory that it held. */
function cutOffSlowReader(res: ServerResponse): void {
  const timer = setTimeout(() => res.destroy(), answerReadMs).unref();
  res.once("close", () => clearTimeout(timer));
}
