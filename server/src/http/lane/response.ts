/** Answers as bytes: what `node:http` would write, in one piece. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type Answer, bytesOf, headersOf, jsonType } from "../answer.ts";
import { answerReadMs, answerTimedBytes, headsKeptMax } from "../limits.ts";

/** Writes the answers of connections that end in one way. */
export class ResponseLines {
  readonly #lastLines: string;
  /** Of this second, by the length of the body: whole heads of good answers in JSON that say nothing more. */
  readonly #heads = new Map<number, string>();
  #second = Number.NaN;
  #date = "";

  /** `lastLines`: what every answer says of its connection, with the empty line. */
  constructor(lastLines: string) {
    this.#lastLines = lastLines;
  }

  write(socket: Socket, answer: Answer, signed: readonly string[] | undefined): void {
    const { body } = answer;
    const bodyBytes = bytesOf(answer);
    const head = this.#headOf(answer, bodyBytes, signed);
    const sent = body.length > answerTimedBytes ? cutOffSlowReader(socket) : undefined;
    if (typeof body !== "string") socket.write(Buffer.concat([Buffer.from(head), body]), sent);
    // Latin-1 is the cheaper way to write what is ASCII alone.
    else socket.write(head + body, bodyBytes === body.length ? "latin1" : "utf8", sent);
  }

  #headOf(answer: Answer, bodyBytes: number, signed: readonly string[] | undefined): string {
    this.#keepTime();
    const { status, contentType, headers } = answer;
    const isPlain = status === 200 && contentType === jsonType && headers.length === 0 && signed === undefined;
    const known = isPlain ? this.#heads.get(bodyBytes) : undefined;
    if (known !== undefined) return known;
    const made = this.#newHead(answer, bodyBytes, signed);
    if (isPlain && this.#heads.size < headsKeptMax) this.#heads.set(bodyBytes, made);
    return made;
  }

  #newHead(answer: Answer, bodyBytes: number, signed: readonly string[] | undefined): string {
    const headers = headersOf(answer, bodyBytes, signed);
    let head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n`;
    for (let n = 0; n < headers.length; n += 2) head += `${headers[n]}: ${headers[n + 1]}\r\n`;
    return `${head}Date: ${this.#date}\r\n${this.#lastLines}`;
  }

  /** The time of day as answers tell it, made once a second. */
  #keepTime(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#date = new Date(now).toUTCString();
    this.#heads.clear();
  }
}

/** As for `node:http` in `answer.ts`. What is returned is to be called when the answer was taken. */
function cutOffSlowReader(socket: Socket): () => void {
  const timer = setTimeout(() => socket.destroy(), answerReadMs).unref();
  return () => clearTimeout(timer);
}
